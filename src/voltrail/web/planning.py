"""The planning page of a swap station: what can be moved, from where to where, and its curve."""

from __future__ import annotations

from typing import Final, NamedTuple

from voltrail.swap.scenario import StationPart
from voltrail.swap.sizing import Sized
from voltrail.web.catalogue import later
from voltrail.web.chart import ticks

WIDTH: Final = 640
HEIGHT: Final = 260


class Slider(NamedTuple):
    """
    One number of a scenario that can be moved: `member` of `part`, within bounds that answer in time.

    What the page shows is `times` what the scenario has.
    """

    name: str
    part: str
    member: str
    word: str
    unit: str
    low: float
    high: float
    step: float
    times: int = 1


SLIDERS: Final = (
    Slider("swaps_per_day", "demand", "swaps_per_day", later("Swaps a day"), "", 10, 3_000, 10),
    Slider("packs", "station", "packs", later("Packs in the station"), "", 1, 400, 1),
    Slider("chargers", "station", "chargers", later("Chargers"), "", 1, 120, 1),
    Slider("charger_kw", "station", "charger_kw", later("Power of a charger"), "kW", 20, 1_500, 10),
    Slider("bays", "station", "bays", later("Bays"), "", 1, 12, 1),
    Slider("swap_min", "station", "swap_min", later("A swap takes"), "min", 1, 30, 0.5),
    Slider("energy_kwh", "pack", "energy_kwh", later("Energy of a pack"), "kWh", 50, 1_000, 1),
    Slider("arrives_percent", "pack", "arrives_at", later("Charge on arrival"), "%", 0, 95, 1, 100),
    Slider("mean_wait_min", "target", "mean_wait_min", later("Target: wait on average"), "min", 0.5, 60, 0.5),
    Slider(
        "p95_wait_min", "target", "p95_wait_min", later("Target: 95 of 100 wait at most"), "min", 1, 120, 1
    ),
)


class Mark(NamedTuple):
    """A size: where it is on the curve, and what is told of it."""

    x: float
    y: float
    station: StationPart


class Curve(NamedTuple):
    """
    What the template draws into a field of `WIDTH` by `HEIGHT`, y downwards: a line through `marks`.

    `chosen` is the cheapest size that meets the target, `here` the station as it is; None where it lies above
    the field, as marks do that are left out. `across` and `down` are the labels of the axes with their
    places: million yuan a year, and minutes that 95 of 100 trucks wait at most.
    """

    line: str
    marks: list[Mark]
    chosen: Mark
    here: Mark | None
    across: list[tuple[float, float]]
    down: list[tuple[float, float]]
    target: float


def draw(sized: Sized, here: StationPart, yuan: float, p95_min: float | None, target_min: float) -> Curve:
    """Return the curve of the cheapest sizes; `yuan` and `p95_min` are those of the station as it is."""
    told = [(one.station, one.yearly / 1e6, one.trial.wait_p95_min.mean) for one in sized.curve]
    chosen = (sized.station, sized.yearly.total / 1e6, sized.trial.wait_p95_min.mean)
    most_min = max(1.6 * target_min, min(1.2 * (p95_min or 0), 6 * target_min))
    told = [one for one in told if one[2] <= most_min]
    shows = p95_min is not None and p95_min <= most_min
    costs = (
        [yuan / 1e6, chosen[1], *(cost for _, cost, _ in told)]
        if shows
        else [chosen[1], *(c for _, c, _ in told)]
    )
    across, down = ticks(min(costs), max(costs)), ticks(0, most_min)

    def mark(station: StationPart, cost: float, minutes: float) -> Mark:
        x = WIDTH * (cost - across[0]) / (across[-1] - across[0])
        return Mark(round(x, 1), round(HEIGHT * (1 - minutes / down[-1]), 1), station)

    marks = [mark(*one) for one in told]
    return Curve(
        "M" + "L".join(f"{one.x} {one.y}" for one in marks) if marks else "",
        marks,
        mark(*chosen),
        mark(here, yuan / 1e6, p95_min) if shows and p95_min is not None else None,
        [(mark(here, one, 0).x, one) for one in across],
        [(mark(here, chosen[1], one).y, one) for one in down],
        mark(here, chosen[1], target_min).y,
    )
