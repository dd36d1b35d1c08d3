"""
What a life with particulars goes by: a scenario as station, demand and charge curve, or why it is none.

Trucks may come by a timetable or by measured times beside what the compiled simulator knows.
"""

from __future__ import annotations

import csv
import math
from typing import Final

import msgspec

from voltrail.errors import UsageError
from voltrail.swap.scenario import DemandPart, Scenario, energy_kwh, model_of
from voltrail.swap.station import HOURS, Demand, Fleet, Open, Station, rates

DAY_MIN: Final = 1440.0
MOST_PARTS: Final = 2_000  # packs, chargers: each is looked at in turn
MOST_TIMES: Final = 100_000


class Timetable(msgspec.Struct, frozen=True):
    """Trucks come at these minutes, and again after each period; `charges` is empty, or says how full."""

    times: tuple[float, ...]
    charges: tuple[float, ...]
    period_min: float


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a life goes by. The law of `station.charge` is how long a pack of full health needs at full power
    from `arrives_at` to `leaves_at`.
    """

    station: Station
    demand: Demand | Timetable
    scenario: Scenario
    pack_kwh: float


def rules_of(scenario: Scenario) -> Rules:
    """Return the rules of a scenario. Raises UsageError (`swap.scenario`) for what contradicts itself."""
    station, demand, curve = scenario.station, scenario.demand, scenario.charging.curve
    if max(station.packs, station.chargers) > MOST_PARTS:
        raise _unfit("So many packs or chargers, one by one, take too long.", f"Give up to {MOST_PARTS:,}.")
    rising = [end for end, _ in curve] == sorted({end for end, _ in curve})
    if not rising or curve[-1][0] < scenario.pack.leaves_at:
        raise _unfit(
            "The charge curve does not rise up to leaves_at.",
            "Give in [charging] a curve such as [[0.8, 1.0], [1.0, 0.4]].",
        )
    # Here the grid bounds what is drawn, not how many chargers run.
    unbound = msgspec.structs.replace(scenario, station=msgspec.structs.replace(station, grid_kw=None))
    timetable = _timetable(demand)
    if timetable:
        unbound = msgspec.structs.replace(unbound, demand=DemandPart(swaps_per_day=1.0))
    model = model_of(unbound)
    return Rules(
        station=model.station,
        demand=timetable or model.demand,
        scenario=scenario,
        pack_kwh=energy_kwh(scenario.pack),
    )


def _timetable(part: DemandPart) -> Timetable | None:
    if part.file is not None:
        raise _unfit("The times in the file were not read.", "Give times in [demand], or use the command.")
    if part.times is None:
        if part.charges is not None:
            raise _unfit(
                "Charges are given, but no times.", "Give a time to each of the charges in [demand]."
            )
        return None
    if any(other is not None for other in (part.swaps_per_day, part.trucks, part.drive_min)):
        raise _unfit("Trucks come at times, or by chance, or as a fleet.", "Give one of them in [demand].")
    times, charges = part.times, part.charges or ()
    if list(times) != sorted(times):
        raise _unfit("The times of the trucks are not in order.", "Sort times in [demand], the first first.")
    if times[-1] >= 366 * DAY_MIN:
        raise _unfit("The times are of more than a year.", "Give minutes from the first midnight on.")
    if charges and len(charges) != len(times):
        raise _unfit(
            f"There are {len(times)} times, {len(charges)} charges.", "Give one to each in [demand]."
        )
    return Timetable(times, charges, DAY_MIN * (times[-1] // DAY_MIN + 1))


def read_times(scenario: Scenario, text: str) -> Scenario:
    """
    Return a scenario with the times and charges of a table: a line to each truck, `minute` and `charge`.

    Raises UsageError (`swap.times`): what is wrong in which line.
    """
    rows = csv.DictReader(text.splitlines())
    names = rows.fieldnames or []
    if "minute" not in names:
        raise UsageError("swap.times", "There is no column minute.", "Begin with the line minute,charge.", 1)
    times, charges = [], []
    for line, row in enumerate(rows, 2):
        times.append(_number(row, "minute", line, 366 * DAY_MIN))
        if "charge" in names:
            charges.append(_number(row, "charge", line, 1.0))
    if not times or len(times) > MOST_TIMES:
        raise UsageError("swap.times", f"There are {len(times):,} trucks.", f"Give from 1 to {MOST_TIMES:,}.")
    order = sorted(range(len(times)), key=times.__getitem__)
    demand = msgspec.structs.replace(
        scenario.demand,
        file=None,
        times=tuple(times[at] for at in order),
        charges=tuple(charges[at] for at in order) if charges else None,
    )
    return msgspec.structs.replace(scenario, demand=demand)


def _number(row: dict[str, str], name: str, line: int, most: float) -> float:
    try:
        number = float(row[name])
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= most:
        raise UsageError("swap.times", f"{name} is {row[name]!r}.", f"Give from 0 to {most:g}.", line)
    return number


def trucks_by_hour(rules: Rules) -> list[float]:
    """Return how many trucks are expected in each hour of the day."""
    demand = rules.demand
    if isinstance(demand, Fleet):
        return [60 * demand.trucks / (demand.drive.mean_min + rules.station.swap.mean_min)] * HOURS
    if isinstance(demand, Open):
        return [60 * rate for rate in rates(demand)] or [demand.trucks_per_hour] * HOURS
    hours = [0.0] * HOURS
    for minute in demand.times:
        hours[int(minute // 60) % HOURS] += DAY_MIN / demand.period_min
    return hours


def steps_of(scenario: Scenario) -> list[tuple[float, float]]:
    """Return the steps of the charge curve, with ends where a pack may go out and where it is full."""
    curve, leaves = scenario.charging.curve, scenario.pack.leaves_at
    marks = {scenario.charging.goes_out_from or leaves, leaves}
    ends = sorted({end for end, _ in curve if end < leaves} | {mark for mark in marks if mark <= leaves})
    return [(end, next(share for until, share in curve if until >= end)) for end in ends]


def _unfit(why: str, fix: str) -> UsageError:
    return UsageError("swap.scenario", why, fix)
