"""
How sure history itself is: an error for each series that it stands on, drawn with the parameters.

All figures of one series and segment err together: their sources round, count and leave out alike. Nine of
ten errors lie within what `statuses.csv` says of the figure's status. Of a figure that was restated they may
be as large as it was moved, unless the scenario says at which vintage it is known.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from voltrail.outlook import history
from voltrail.outlook.book import Book, Row
from voltrail.outlook.classes import GROUP_OF, GROUPS, HISTORY, LAST, SEGMENTS
from voltrail.outlook.loop import Course, Past
from voltrail.outlook.markets import past as whole_past
from voltrail.outlook.parameters import Parameter

FloatArray = npt.NDArray[np.float64]

WEAK: frozenset[str] = frozenset({"recalled_unverified", "estimate", "compiled", "company claim"})
"""Figures of these are named wherever something stands on them."""


class Doubt(NamedTuple):
    """
    The error of one series and segment, and what history would be with the error at its high end.

    `parameter` is in units of that end: 0 is the figure itself, nine of ten draws lie from -1 to 1.
    vehicles (H, S)     logarithm of what they are multiplied by
    energy_kwh (H, S)   the same
    mix (H, S, C)       what is added
    """

    parameter: Parameter
    vehicles: FloatArray
    energy_kwh: FloatArray
    mix: FloatArray


class Ground(NamedTuple):
    """
    What an outlook stands on: the past as the figures have it, and how sure each of them is.

    `rows` are the figures that history was made of, as they were known then.
    """

    past: Past
    doubts: tuple[Doubt, ...]
    rows: tuple[Row, ...]


@cache
def percents() -> dict[str, float]:
    """Return how far a figure may be off by its status, in percent, nine of ten times."""
    text = (files("voltrail.outlook") / "statuses.csv").read_text(encoding="utf-8")
    return {row["status"]: float(row["percent"]) for row in csv.DictReader(text.splitlines())}


@lru_cache(maxsize=4)
def ground(figures: Book, known_at: str = "") -> Ground:
    """
    Return the past as it was known at a vintage, empty for the latest, and the doubts about it.

    Raises UsageError (`outlook.known_at`) where too little was known then.
    """
    asked = _Asked(figures)
    past = _counted(asked, known_at or "9999")
    doubts = (_doubt(figures, past, rows, known_at) for rows in asked.rows_by_series())
    kept = tuple(one for one in doubts if one is not None)
    whole = whole_past(asked, known_at or "9999")
    return Ground(whole, kept, asked.told())


def blurred(course: Course, doubts: Sequence[Doubt], drawn: Mapping[str, FloatArray]) -> Course:
    """
    Return a course with the errors of its figures.

    Vehicles and energy of later years err as those of the last year of history do, from which they go on;
    output has in it what is fitted at home.
    """
    if not doubts:
        return course
    errors = np.stack([drawn[one.parameter.id] for one in doubts], axis=1)
    draws = len(errors)

    def told(name: str) -> FloatArray:
        effects = np.stack([getattr(one, name) for one in doubts])
        shaped: FloatArray = (errors @ effects.reshape(len(doubts), -1)).reshape(draws, *effects.shape[1:])
        return shaped

    def on(values: FloatArray, factor: FloatArray) -> FloatArray:
        moved = values * factor[:, -1:]
        moved[:, :HISTORY] = values[:, :HISTORY] * factor
        return moved

    mix = course.mix.copy()
    history_mix = np.maximum(mix[:, :HISTORY] + told("mix"), 0)
    mix[:, :HISTORY] = history_mix / np.maximum(history_mix.sum(axis=3, keepdims=True), 1e-300)
    vehicles = on(course.vehicles, np.exp(told("vehicles")))
    group = np.array([[GROUP_OF[segment] == name for name in GROUPS] for segment in SEGMENTS], dtype=float)
    before, after = course.vehicles[:, :HISTORY] @ group, vehicles[:, :HISTORY] @ group
    share = course.share.copy()
    share[:, :HISTORY] *= np.divide(after, before, out=np.ones_like(after), where=before > 0)
    energy = on(course.energy_kwh, np.exp(told("energy_kwh")))
    more_gwh = (vehicles * energy - course.vehicles * course.energy_kwh).sum(axis=2) / 1e6
    return course._replace(
        vehicles=vehicles,
        energy_kwh=energy,
        output_gwh=course.output_gwh + more_gwh,
        mix=mix,
        share=np.minimum(share, 1),
    )


class _Asked(Book):
    """A book that remembers which of its rows were asked for."""

    def __init__(self, figures: Book) -> None:
        super().__init__(figures.rows)
        self._asked: set[tuple[str, str]] = set()
        self._told: dict[Row, None] = {}

    def of(self, series: str, segment: str | None = None, *, known_at: str = "9999") -> list[Row]:
        rows = super().of(series, segment, known_at=known_at)
        self._asked |= {(row.series, row.segment) for row in rows}
        self._told |= dict.fromkeys(rows)
        return rows

    def told(self) -> tuple[Row, ...]:
        """Return the rows that were told."""
        return tuple(self._told)

    def rows_by_series(self) -> list[list[Row]]:
        """Return all rows of each series and segment that was asked for, in the order of the book."""
        of: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            if (row.series, row.segment) in self._asked:
                of.setdefault((row.series, row.segment), []).append(row)
        return list(of.values())


class _Counted(NamedTuple):
    """The part of the past of which doubts are told: as in `Past`."""

    vehicles: FloatArray
    energy_kwh: FloatArray
    mix: FloatArray


def _counted(figures: Book, known_at: str) -> _Counted:
    return _Counted(
        history.vehicles(figures, known_at),
        history.energy_kwh(figures, known_at),
        history.mix(figures, known_at),
    )


def _doubt(figures: Book, past: _Counted, rows: list[Row], known_at: str) -> Doubt | None:
    """Return what history is with these rows at the high end of their spread; None where it is the same."""
    series, segment = rows[0].series, rows[0].segment
    spread = {
        row.period: spread_of(row.period, rows, known_at) for row in rows if row.period[:4] <= str(LAST)
    }
    if not spread:
        return None
    shifted = Book(
        msgspec.structs.replace(row, value=row.value * (1 + spread.get(row.period, 0)))
        if row.value is not None and (row.series, row.segment) == (series, segment)
        else row
        for row in figures.rows
    )
    other = _counted(shifted, known_at or "9999")
    doubt = Doubt(
        _parameter([row for row in rows if row.period in spread], max(spread.values())),
        _log_ratio(other.vehicles, past.vehicles),
        _log_ratio(other.energy_kwh, past.energy_kwh),
        other.mix - past.mix,
    )
    return doubt if any(np.abs(effect).max() > 1e-12 for effect in doubt[1:]) else None


def spread_of(period: str, rows: Sequence[Row], known_at: str) -> float:
    """Return how far the figure of a period may be off, nine of ten times, as a share of it."""
    of = sorted((row for row in rows if row.period == period and row.value), key=lambda row: row.known)
    if not of:
        return 0.0
    latest = of[max(sum(row.known <= (known_at or "9999") for row in of) - 1, 0)]
    status = percents()[latest.status] / 100
    if known_at:
        return status
    moved = max(abs((row.value or 0) / (latest.value or 1) - 1) for row in of)
    return float(np.hypot(status, moved))


def _parameter(rows: list[Row], spread: float) -> Parameter:
    worst = max((row.status for row in rows), key=lambda status: percents()[status])
    series, segment = rows[0].series, rows[0].segment
    return Parameter(
        id=f"figures/{series}/{segment}",
        value=0,
        low=-1,
        high=1,
        spread="normal",
        least=-3,
        most=3,
        step=0.1,
        unit=f"times {100 * spread:.2g} %",
        source=rows[-1].source,
        status=worst,
        word=f"Figures: {series}, {segment}",
    )


def _log_ratio(new: FloatArray, old: FloatArray) -> FloatArray:
    there = (new > 0) & (old > 0)
    return np.log(np.where(there, new, 1) / np.where(there, old, 1))
