"""
Who makes the cells: makers' shares of the batteries of the world, how concentrated they are, where they go.

SNE counts the energy of batteries in vehicles registered in the world, by maker, and restates the year before
each year. A share is taken within one vintage: a maker's figure over the total that was published with it.
What is not published is missing here, and bounds say what that leaves open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from voltrail.outlook.backtest import Forecast, Model, Point, Score, forecast, odds_of, score_of, share_of
from voltrail.outlook.book import Book, Row
from voltrail.outlook.checks import quantity, share
from voltrail.outlook.headlines import CHINESE, six_makers

FloatArray = npt.NDArray[np.float64]

SERIES: Final = "sne_usage"
TOTAL: Final = "TOTAL"
TOP: Final = 10
LEAST: Final = 2  # figures before a cut: two years make a trend, and not a good one


class Maker(msgspec.Struct, frozen=True, kw_only=True):
    """
    A maker over the years: GWh, growth on the year before within one vintage, share of the world from 0 to 1.

    `missing` are the years in which it is told of without a figure.
    """

    name: str
    chinese: bool
    usage_gwh: dict[int, float]
    growth: dict[int, float]
    share: dict[int, float]
    missing: tuple[int, ...]
    statuses: dict[int, str]


class Concentration(msgspec.Struct, frozen=True, kw_only=True):
    """
    How few share a year: `hhi` is the sum of squared shares, 0 to 1, between what the figures leave open.

    The rest that no figure tells of may be many small makers, or as few as fit: none larger than the smallest
    of ten that are told of, else than the third, since the three largest are always told of. `top` are the
    shares of the largest three, five and ten, the least that they can be where not all ten have a figure
    (`complete`); None where fewer have one. `entered` and `left` are against the last year before of which
    all ten are named. `six_chinese` is the share of Chinese makers among the ten, computed, without the
    `six_missing`; `six_published` what SNE says of it.
    """

    year: int
    told: int
    hhi_low: float
    hhi_high: float
    top: dict[int, float | None]
    complete: bool
    entered: tuple[str, ...]
    left: tuple[str, ...]
    six_chinese: float | None
    six_missing: tuple[str, ...]
    six_published: float | None


class Look(NamedTuple):
    """Everything: makers from the largest on, years, and a forecast of each maker that has enough figures."""

    makers: tuple[Maker, ...]
    years: tuple[Concentration, ...]
    ahead: dict[str, Forecast]
    rows: tuple[Row, ...]

    @property
    def top(self) -> tuple[Maker, ...]:
        """The makers that are named in the last year, the largest first, those without a figure last."""
        last = self.years[-1].year
        named = [one for one in self.makers if last in one.share or last in one.missing]
        return tuple(sorted(named, key=lambda one: -one.share.get(last, 0.0)))

    @property
    def score(self) -> Score | None:
        """How all forecasts that came due did, of all makers together."""
        return score_of([trial for one in self.ahead.values() for trial in one.backtest.trials])


def look(book: Book, known_at: str = "9999") -> Look:
    """Return who makes the cells, from the figures as they were known at a vintage."""
    rows = tuple(row for row in book.of(SERIES, known_at=known_at) if row.period.isdigit())
    named = sorted({row.segment for row in rows} - {TOTAL})
    makers = [_maker(book, [row for row in rows if row.segment == name]) for name in named]
    makers = [one for one in makers if one.share or one.missing]
    makers.sort(key=lambda one: max(one.share.items(), default=(0, 0.0))[::-1], reverse=True)
    listed = {
        year: [one.name for one in makers if year in one.share or year in one.missing]
        for year in sorted({year for one in makers for year in one.share})
    }
    last = max(listed, default=0)
    ahead = {one.name: made for one in makers if (made := _ahead(one, last)) is not None}
    years = tuple(_concentration(book, year, makers, listed, known_at) for year in listed)
    return Look(tuple(makers), years, ahead, rows)


def hhi_bounds(shares: Sequence[float], most: float) -> tuple[float, float]:
    """
    Return between which the sum of squared shares lies, given some of them; no other is larger than `most`.

    >>> hhi_bounds([0.5, 0.2], 0.2)
    (0.29, 0.34)
    """
    known = sum(one * one for one in shares)
    rest = max(1 - sum(shares), 0.0)
    whole = int(rest / most + 1e-9) if most > 0 else 0
    more = whole * most**2 + max(rest - whole * most, 0) ** 2
    return round(known, 6), round(known + more, 6)


def _maker(book: Book, rows: Sequence[Row]) -> Maker:
    usage: dict[int, float] = {}
    shares: dict[int, float] = {}
    growth: dict[int, float] = {}
    for row in rows:
        if row.value is None:
            continue
        year = int(row.period)
        usage[year] = row.value
        if (total := _total(book, row)) is not None:
            shares[year] = share(quantity(row), quantity(total)).value / 100
        before = [
            one
            for one in book.vintages(SERIES, str(year - 1), row.segment)
            if one.vintage == row.vintage and one.value
        ]
        if before and before[-1].value:
            growth[year] = row.value / before[-1].value - 1
    return Maker(
        name=rows[0].segment,
        chinese=rows[0].segment in CHINESE,
        usage_gwh=usage,
        growth=growth,
        share=shares,
        missing=tuple(int(row.period) for row in rows if row.value is None),
        statuses={int(row.period): row.status for row in rows},
    )


def _total(book: Book, row: Row) -> Row | None:
    """Return the total that was published with a maker's figure, if any is that it can be a part of."""
    totals = book.vintages(SERIES, row.period, TOTAL)
    own = [one for one in totals if one.vintage == row.vintage and one.value]
    return own[-1] if own and 0 <= (row.value or 0) <= (own[-1].value or 0) else None


def _concentration(
    book: Book, year: int, makers: Sequence[Maker], listed: Mapping[int, Sequence[str]], known_at: str
) -> Concentration:
    shares = sorted((one.share[year] for one in makers if year in one.share), reverse=True)
    complete = len(shares) >= TOP
    low, high = hhi_bounds(shares, shares[TOP - 1 if complete else min(2, len(shares) - 1)])
    full = [past for past, names in listed.items() if past < year and len(names) >= TOP]
    was = set(listed[full[-1]]) if full and len(listed[year]) >= TOP else None
    now = set(listed[year])
    computed, missing = six_makers(book, year, known_at)
    said = book.yearly("sne_share_six_chinese", known_at=known_at).get(year)
    return Concentration(
        year=year,
        told=len(shares),
        hhi_low=low,
        hhi_high=high,
        top={most: sum(shares[:most]) if len(shares) >= most else None for most in (3, 5, TOP)},
        complete=complete,
        entered=tuple(sorted(now - was)) if was is not None else (),
        left=tuple(sorted(was - now)) if was is not None else (),
        six_chinese=computed.value / 100 if computed is not None else None,
        six_missing=tuple(missing),
        six_published=said / 100 if said is not None else None,
    )


def _ahead(maker: Maker, last: int) -> Forecast | None:
    """Return the forecast of a maker's share after the last year; None of too few figures."""
    points = [Point(year, one) for year, one in sorted(maker.share.items())]
    if len(points) < LEAST + 2 or last not in maker.share:
        return None
    return forecast(points, MODELS, min(maker.share), steps=3, least=LEAST)


def _going_on(part: float) -> Model:
    """Return the model by which log odds go on as between the last two figures, each year `part` as far."""

    def ahead(at: FloatArray, known: FloatArray, until: FloatArray) -> FloatArray:
        shares = np.empty(until.shape)
        for row, seen in enumerate(known):
            there = np.flatnonzero(np.isfinite(seen))
            (first, last), odds = at[there[-2:]], odds_of(seen[there[-2:]])
            slope = (odds[1] - odds[0]) / (last - first)
            years = until[row] - last
            gone = years if part == 1 else (1 - part**years) / (1 - part) * part
            shares[row] = share_of(odds[1] + slope * gone)
        return shares

    return Model("trend" if part == 1 else "damped", ahead)


MODELS: Final = (_going_on(1.0), _going_on(0.5))
"""Beside no-change: as between the last two years; the same fading by half each year."""


def told(found: Look) -> dict[str, Any]:
    """Return all of it for programs: no forecast without its score, shares from 0 to 1."""
    return {
        "series": SERIES,
        "makers": found.makers,
        "years": found.years,
        "forecasts": {
            name: {"now": one.now, "score": score._asdict() if (score := one.backtest.score()) else None}
            for name, one in found.ahead.items()
        },
        "score": score._asdict() if (score := found.score) else None,
        "trials": [
            {"maker": name} | msgspec.structs.asdict(trial)
            for name, one in found.ahead.items()
            for trial in one.backtest.trials
        ],
    }
