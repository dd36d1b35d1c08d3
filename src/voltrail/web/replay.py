"""A simulated day of a swap station as a picture: slots with their charge, bays, queue, power and tariff."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from voltrail.swap.replay import Point, Replay

WIDTH: Final = 960
SHADES: Final = 5  # of charge, each a fifth
CURVES: Final = 110  # how high power and queue are drawn
BAY: Final = 14
DAY_MIN: Final = 1440
_SLOTS: Final = 300  # how high all slots are together, where they are many
_SLOT: Final = 14
_GAP: Final = 34
_TARIFFS: Final = 3  # shades of a price: low, middle, high


class Band(NamedTuple):
    """Some hours at one price: where they are, and 0 for the lowest of prices to 2 for the highest."""

    x: float
    width: float
    level: int


class Picture(NamedTuple):
    """
    What the template draws, y downwards, each part from its own `top` on.

    `shades` are paths by the fifth of charge, from 0; `charging` marks when a pack stood at a charger.
    `most_kw` and `most_waiting` are what the scales reach to.
    """

    shades: list[tuple[int, str]]
    failures: str
    slot: float
    bays_top: float
    bays: str
    queue_top: float
    queue: str
    most_waiting: int
    power_top: float
    power: str
    most_kw: int
    tariff: list[Band]
    height: float
    hours: list[tuple[float, int]]


def draw(day: Replay) -> Picture:
    """Return the picture of a day."""
    slot = min(_SLOT, max(_SLOTS / day.slots, 2))
    bays_top = day.slots * slot + _GAP
    queue_top = bays_top + day.bays * BAY + _GAP
    power_top = queue_top + CURVES / 2 + _GAP
    most_waiting = max([2, *(round(number) for _, number in day.queue)])
    most_kw = _round_up(max([day.charger_kw, *(kw for _, kw in day.power)]))
    return Picture(
        shades=_shades(day, slot),
        failures="",
        slot=slot,
        bays_top=bays_top,
        bays=_bays(day),
        queue_top=queue_top,
        queue=_steps(day.queue, most_waiting, CURVES / 2),
        most_waiting=most_waiting,
        power_top=power_top,
        power=_steps(day.power, most_kw, CURVES),
        most_kw=most_kw,
        tariff=_tariff(day.yuan_per_kwh),
        height=power_top + CURVES,
        hours=[(_x(60 * hour), hour) for hour in range(0, 25, 3)],
    )


def _x(minute: float) -> float:
    return round(minute / DAY_MIN * WIDTH, 1)


def _shades(day: Replay, slot: float) -> list[tuple[int, str]]:
    """Return a path for each fifth of charge: a rectangle for as long as a pack's charge lies in it."""
    parts: dict[int, list[str]] = {}
    high = round(slot * 0.8, 1)
    for stay in day.stays:
        top = round(stay.slot * slot + slot * 0.1, 1)
        for shade, begins, ends in _fifths(stay.points):
            x, to = _x(begins), _x(ends)
            if to > x:
                parts.setdefault(shade, []).append(f"M{x} {top}H{to}v{high}H{x}z")
    return [(shade, "".join(paths)) for shade, paths in sorted(parts.items())]


def _fifths(points: Sequence[Point]) -> Iterable[tuple[int, float, float]]:
    """Yield in which fifth a charge lies from when to when, by its breakpoints; runs of one are joined."""
    run: tuple[int, float, float] | None = None
    for one in _pieces(points):
        if run is not None and run[0] == one[0]:
            run = (run[0], run[1], one[2])
            continue
        if run is not None:
            yield run
        run = one
    if run is not None:
        yield run


def _pieces(points: Sequence[Point]) -> Iterable[tuple[int, float, float]]:
    for (begins, low), (ends, high) in pairwise(points):
        if ends <= begins:
            continue
        cuts = [part / SHADES for part in range(1, SHADES) if low < part / SHADES < high]
        times = [begins + (cut - low) / (high - low) * (ends - begins) for cut in cuts]
        edges = [begins, *times, ends]
        middles = [low, *cuts, high]
        for at, (since, until) in enumerate(pairwise(edges)):
            middle = (middles[at] + middles[at + 1]) / 2
            yield min(int(middle * SHADES), SHADES - 1), since, until


def _bays(day: Replay) -> str:
    paths = []
    for visit in day.visits:
        if visit.began_min is not None and visit.bay is not None:
            x = _x(visit.began_min)
            to = _x(visit.ended_min if visit.ended_min is not None else DAY_MIN)
            paths.append(f"M{x} {visit.bay * BAY + 1}H{max(to, x + 0.5)}v{BAY - 2}H{x}z")
    return "".join(paths)


def _steps(points: Sequence[Point], most: float, height: float) -> str:
    """Return the area under a line that stays as it is until its next point."""
    path = f"M0 {height}"
    for minute, value in points:
        path += f"H{_x(minute)}V{round(height * (1 - value / most), 1)}"
    return f"{path}H{WIDTH}V{height}Z"


def _tariff(yuan_per_kwh: Sequence[float]) -> list[Band]:
    low, high = min(yuan_per_kwh), max(yuan_per_kwh)
    levels = [
        0 if high == low else min(int((price - low) / (high - low) * _TARIFFS), _TARIFFS - 1)
        for price in yuan_per_kwh
    ]
    bands: list[Band] = []
    for hour, level in enumerate(levels):
        if bands and bands[-1].level == level:
            bands[-1] = bands[-1]._replace(width=round(_x(60 * (hour + 1)) - bands[-1].x, 1))
        else:
            bands.append(Band(_x(60 * hour), _x(60), level))
    return bands


def _round_up(value: float) -> int:
    """Return a round number that is not below a value."""
    power = 10 ** (len(str(int(value))) - 1)
    return int(next(nice * power for nice in (1, 2, 3, 4, 5, 6, 8, 10) if nice * power >= value))


class Hour(NamedTuple):
    """What happened in an hour of the day."""

    came: int
    began: int
    waited: int
    kwh: float


def by_hour(day: Replay) -> list[Hour]:
    """Return the numbers behind the picture, hour by hour."""
    came = [0] * 24
    began = [0] * 24
    for visit in day.visits:
        came[_hour(visit.came_min)] += 1
        if visit.began_min is not None:
            began[_hour(visit.began_min)] += 1
    waited = [max((n for _, n in _within(day.queue, hour)), default=0) for hour in range(24)]
    kwh = [sum(kw * minutes / 60 for minutes, kw in _within(day.power, hour)) for hour in range(24)]
    return [Hour(*one) for one in zip(came, began, map(round, waited), kwh, strict=True)]


def _hour(minute: float) -> int:
    return min(max(int(minute // 60), 0), 23)


def _within(points: Sequence[Point], hour: int) -> Iterable[tuple[float, float]]:
    """Yield for how many minutes of an hour a line that stays as it is had which value."""
    since, until = 60.0 * hour, 60.0 * (hour + 1)
    for number, (begins, value) in enumerate(points):
        ends = points[number + 1][0] if number + 1 < len(points) else DAY_MIN
        if (minutes := min(ends, until) - max(begins, since)) > 0:
            yield minutes, value
