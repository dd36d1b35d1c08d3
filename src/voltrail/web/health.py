"""
What is known of a battery's health as a page draws it: estimates with their bands, and events on one axis.

A field is 100 by 100, y downwards, so that it fits any screen; a dot is a line of no length with round ends,
which stays round when the field is stretched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from math import ceil, floor, log10
from typing import Any, Final, NamedTuple

from voltrail.errors import Refusal
from voltrail.health.capacity import REFUSALS
from voltrail.web.catalogue import Words, later
from voltrail.web.page import Page

STEPS: Final = 4  # of a scale, at most
TIMES: Final = 4  # of the axis: with both ends one label more
_NICE: Final = (1, 2, 2.5, 5, 10)
_LEAST_PERCENT: Final = 5  # that a plot of the state of health is high: less would make much of little
_MONTH_MS: Final = 46 * 86_400_000  # where the middles of months lie no further apart, the line goes on
_INTERVAL: Final = ("soh_fraction", "soh_low", "soh_high")
_SHORT_MS: Final = 150 * 86_400_000
_BEGINS: Final = frozenset({"measured", "installed", "swapped"})

LANES: Final[Mapping[str, frozenset[str]]] = {
    later("Fitted, taken out, swapped"): frozenset(
        {"installed", "removed", "swapped", "assembled", "disassembled"}
    ),
    later("Work on it"): frozenset(
        {"serviced", "assessed", "prepared_for_reuse", "repurposed", "remanufactured"}
    ),
    later("Incidents and alarms"): frozenset({"incident_reported"}),
    later("Recalls"): frozenset({"recalled"}),
    later("Retired and what came after"): frozenset(
        {"retired", "collected", "handed_over", "dismantled", "recycled", "destroyed", "lost", "exported"}
    ),
}
"""The lanes below the plot: what stands in each, by the kinds of events."""


_REFUSALS: Final = {one.rule: one for one in REFUSALS}


def refusal(page: Page, rule: str) -> Words | Refusal:
    """Return why no figure came of a month or of a session, and what is needed, in the words of a page."""
    return page.rule(rule) or _REFUSALS.get(rule) or Words(rule, "")


class Estimate(NamedTuple):
    """A value at a time (milliseconds since 1970), and its interval of 95 %."""

    at_ms: int
    value: float
    low: float
    high: float


class Field(NamedTuple):
    """From when to when, and the labels of the scale from the top down, evenly spaced."""

    first_ms: int
    last_ms: int
    scale: tuple[float, ...]

    def x(self, at_ms: int) -> float:
        """Return where a time is, from the left."""
        span = self.last_ms - self.first_ms
        return round((at_ms - self.first_ms) / span * 100, 2) if span else 50.0

    def y(self, value: float) -> float:
        """Return where a value is, from the top; what is beyond the scale lies on its edge."""
        top, bottom = self.scale[0], self.scale[-1]
        return round((top - min(max(value, bottom), top)) / (top - bottom) * 100, 2)

    @property
    def grid(self) -> list[float]:
        """Where the lines of the scale are."""
        return [round(100 / (len(self.scale) - 1) * step, 2) for step in range(len(self.scale))]

    @property
    def is_short(self) -> bool:
        """Whether the times would share their months."""
        return self.last_ms - self.first_ms < _SHORT_MS

    @property
    def times(self) -> list[str]:
        """The ISO times from the left to the right, evenly spaced."""
        step = (self.last_ms - self.first_ms) / TIMES
        return [
            datetime.fromtimestamp((self.first_ms + step * number) / 1000, UTC).isoformat(timespec="seconds")
            for number in range(TIMES + 1)
        ]


class Plot(NamedTuple):
    """Paths for a field: a band and a line for each run of estimates, the dots, a bar where one is alone."""

    field: Field
    bands: list[str]
    lines: list[str]
    dots: str
    bars: str


class Measured(NamedTuple):
    """An event that says how worn the battery is: in percent, with the ends of its interval, and as paths."""

    event: Mapping[str, Any]
    percent: float
    low: float | None
    high: float | None
    dot: str
    bar: str


class Life(NamedTuple):
    """The state of health by month, what was measured on record, and in each lane where its events are."""

    plot: Plot
    measured: list[Measured]
    lanes: list[tuple[str, list[tuple[float, Mapping[str, Any]]]]]


def life(months: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]) -> Life | None:
    """
    Return a battery's months and events on one axis; None where nobody knows how worn it is.

    The axis begins with the first figure, or when it was first fitted; what went before is not on it.
    """
    by_month = [
        Estimate(_middle_ms(one["month"]), *(one[name] * 100 for name in _INTERVAL))
        for one in months
        if all(one[name] is not None for name in _INTERVAL)
    ]
    told = [(_ms(datetime.fromisoformat(one["occurred_at"])), one) for one in events]
    measured = [
        (at_ms, one, *_percents(one["members"]))
        for at_ms, one in told
        if one["kind"] == "measured" and one["members"].get("soh_fraction") is not None
    ]
    values = [edge for one in by_month for edge in (one.low, one.high)]
    values += [value for one in measured for value in one[2:] if value is not None]
    begins = [one.at_ms for one in by_month]
    begins += [at_ms for at_ms, one in told if one["kind"] in _BEGINS]
    first = min(begins, default=0)
    over = field([*begins, *(at_ms for at_ms, _ in told if at_ms >= first)], values, _LEAST_PERCENT)
    if over is None:
        return None
    return Life(
        plot(over, by_month, _MONTH_MS),
        [
            Measured(one, percent, low, high, dots(over, [(at_ms, percent)]), bar(over, at_ms, low, high))
            for at_ms, one, percent, low, high in measured
        ],
        [
            (name, [(over.x(at_ms), one) for at_ms, one in told if one["kind"] in kinds and at_ms >= first])
            for name, kinds in LANES.items()
        ],
    )


def capacities(sessions: Sequence[Mapping[str, Any]]) -> Plot | None:
    """Return the capacities of charging sessions, with two standard deviations; None for less than two."""
    found = [
        Estimate(_ms(one["began_at"]), capacity, capacity - 2 * sd, capacity + 2 * sd)
        for one in sessions
        if (capacity := one["capacity_ah"]) is not None and (sd := one["capacity_sd_ah"]) is not None
    ]
    if len(found) < 2:  # one is told in the table
        return None
    over = field((one.at_ms for one in found), (edge for one in found for edge in (one.low, one.high)), 1)
    return plot(over, found, 0) if over else None


def field(times_ms: Iterable[int], values: Iterable[float], least: float) -> Field | None:
    """Return the field over these times and values, `least` high at least; None where there is nothing."""
    times, found = sorted(times_ms), sorted(values)
    if not times or not found:
        return None
    low, high = found[0], found[-1]
    if (lacks := least - (high - low)) > 0:
        low, high = low - lacks / 2, high + lacks / 2
    return Field(times[0], times[-1], _scale(low, high))


def plot(over: Field, estimates: Sequence[Estimate], most_apart_ms: int) -> Plot:
    """Return estimates in their order as paths; where two lie further apart the line breaks."""
    runs: list[list[Estimate]] = []
    for one in estimates:
        if runs and one.at_ms - runs[-1][-1].at_ms <= most_apart_ms:
            runs[-1].append(one)
        else:
            runs.append([one])
    long = [run for run in runs if len(run) > 1]
    return Plot(
        over,
        [_closed(over, run) for run in long],
        ["M" + " L".join(f"{over.x(one.at_ms)} {over.y(one.value)}" for one in run) for run in long],
        dots(over, ((one.at_ms, one.value) for one in estimates)),
        "".join(bar(over, run[0].at_ms, run[0].low, run[0].high) for run in runs if len(run) == 1),
    )


def dots(over: Field, places: Iterable[tuple[int, float]]) -> str:
    """Return times and values as one path of dots."""
    return "".join(f"M{over.x(at_ms)} {over.y(value)}h0" for at_ms, value in places)


def bar(over: Field, at_ms: int, low: float | None, high: float | None) -> str:
    """Return the path of an interval; none where an end is not known."""
    if low is None or high is None:
        return ""
    return f"M{over.x(at_ms)} {over.y(high)}V{over.y(low)}"


def _closed(over: Field, run: Sequence[Estimate]) -> str:
    above = [f"{over.x(one.at_ms)} {over.y(one.high)}" for one in run]
    below = [f"{over.x(one.at_ms)} {over.y(one.low)}" for one in reversed(run)]
    return "M" + " L".join(above + below) + "Z"


def _scale(low: float, high: float) -> tuple[float, ...]:
    """Return round numbers from one that is not below the highest down to one not above the lowest."""
    rough = (high - low) / STEPS
    power = 10.0 ** floor(log10(rough))
    step = next(nice * power for nice in _NICE if nice * power >= rough * (1 - 1e-9))
    top, bottom = ceil(high / step - 1e-9), floor(low / step + 1e-9)
    return tuple(round(step * number, 6) for number in range(top, bottom - 1, -1))


def _percents(members: Mapping[str, Any]) -> tuple[float, float | None, float | None]:
    value, low, high = (
        None if (one := members.get(name)) is None else float(one) * 100 for name in _INTERVAL
    )
    return value or 0.0, low, high


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _middle_ms(month: date) -> int:
    return _ms(datetime.combine(month.replace(day=15), time(12), UTC))
