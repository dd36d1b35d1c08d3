"""
A scenario as a planner writes it, in TOML: for `voltrail swap simulate` and `size`, and the planning page.

    [station]
    packs = 24
    chargers = 8
    charger_kw = 300
    swap_min = 5

    [pack]
    energy_kwh = 282
    arrives_at = 0.3

    [demand]
    swaps_per_day = 150

Everything else has a default, which is printed with each result. Minutes, kWh, kW, yuan.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta

from voltrail.errors import UsageError
from voltrail.swap.catalogue import PACKS
from voltrail.swap.station import MOST, Demand, Fleet, Law, Open, Station

Count = Annotated[int, Meta(ge=1, le=MOST)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
Amount = Annotated[float, Meta(ge=0, le=1e9)]
Share = Annotated[float, Meta(ge=0, le=1)]
Hourly = Annotated[tuple[Amount, ...], Meta(min_length=24, max_length=24)]

PolicyName = Literal["as_soon_as_possible", "valley_only", "planned"]
POLICIES: Final[tuple[PolicyName, ...]] = get_args(PolicyName)
FLAT: Final = (1.0,) * 24
# Guangdong's base price 0.453 yuan/kWh, peak : flat : valley 1.7 : 1 : 0.38 (nenpower, 2025-09). Which hour
# is which is an assumption: valley from 0 to 8, peak from 10 to 12 and from 14 to 19 o'clock.
GUANGDONG: Final = tuple(
    round(0.453 * (0.38 if hour < 8 else 1.7 if hour in {10, 11, 14, 15, 16, 17, 18} else 1.0), 4)
    for hour in range(24)
)


class StationPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What stands at a station. A charger draws `charger_kw` from the grid.

    `grid_kw` bounds what all draw together, None for no bound.
    """

    packs: Count = 24
    chargers: Count = 8
    charger_kw: Positive = 300.0
    bays: Count = 1
    swap_min: Positive = 5.0
    hand_over: Literal["arrival", "swap"] = "swap"
    grid_kw: Positive | None = None


class PackPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The packs: a standardized `type` (its energy then is that of the catalogue), or `energy_kwh`.

    They come at a charge of `arrives_at`, and go out at `leaves_at`; of each kWh from the grid `efficiency`
    gets into the pack.
    """

    type: str | None = None
    energy_kwh: Positive | None = None
    arrives_at: Share = 0.3
    leaves_at: Share = 1.0
    efficiency: Annotated[float, Meta(gt=0, le=1)] = 0.93


class DemandPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Who comes: `swaps_per_day` by chance, in the course of a day as `by_hour` weighs it; or a fleet of
    `trucks` that come back after `drive_min` each; or trucks at `times`.

    `times` are minutes from the first midnight on, a timetable's or measured ones; they come again after the
    last whole day that they touch. `charges` says at which charge each comes, `arrives_at` where it is not
    given. A command reads both from `file`, a table with the columns minute and, where it is known, charge.
    """

    swaps_per_day: Positive | None = None
    by_hour: Hourly = FLAT
    trucks: Count | None = None
    drive_min: Positive | None = None
    times: Annotated[tuple[Amount, ...], Meta(min_length=1, max_length=100_000)] | None = None
    charges: tuple[Share, ...] | None = None
    file: str | None = None


class CostPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Yuan; what is bought is spread over `years` at an interest of `rate`. All are assumptions to be replaced.

    `capacity_per_kw_month` is paid for the most that the station may draw.
    """

    pack_per_kwh: Amount = 600.0
    charger_per_kw: Amount = 500.0
    bay: Amount = 1_500_000.0
    station: Amount = 2_000_000.0
    capacity_per_kw_month: Amount = 30.0
    years: Positive = 8.0
    rate: Amount = 0.06
    energy_by_hour: Hourly = GUANGDONG


class TargetPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long trucks may wait: on average, and 95 of 100 of them at most. Minutes."""

    mean_wait_min: Positive = 5.0
    p95_wait_min: Positive = 15.0


class SizingPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be chosen beside packs, chargers and bays: `charger_kw`, that of the station where empty."""

    charger_kw: Annotated[tuple[Positive, ...], Meta(max_length=10)] = ()


class NetworkPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Stations sized together: `swaps_per_day` of each; or so many `stations` that share `total_swaps_per_day`
    by a weight that each draws from `weights`.
    """

    swaps_per_day: Annotated[tuple[Positive, ...], Meta(max_length=10_000)] = ()
    stations: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    total_swaps_per_day: Positive | None = None
    weights: Annotated[tuple[Positive, ...], Meta(min_length=1, max_length=1_000)] = (1.0,)
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 1


class SectionPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A stretch of a road up to `to_km`: how many trucks a day drive it each way, and what they need.

    `kwh_per_km_back` is for the way back, uphill where the way out is downhill; None for the same.
    """

    to_km: Positive
    trucks_per_day: Positive
    kwh_per_km: Positive
    kwh_per_km_back: Positive | None = None


class CorridorPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A road on which stations are to stand so that each truck gets through, both ways.

    A station may stand each `every_km` from the start and where one stands already (`existing_km`, whose
    building costs nothing); one must stand at each of `must_km`, none from one to the other of a pair in
    `closed_km`. Trucks enter at either end with a charge of `enters_at` and never fall below `reserve`.
    """

    sections: Annotated[tuple[SectionPart, ...], Meta(min_length=1, max_length=1_000)]
    every_km: Positive = 10.0
    existing_km: tuple[Amount, ...] = ()
    must_km: tuple[Amount, ...] = ()
    closed_km: tuple[tuple[Amount, Amount], ...] = ()
    least_spacing_km: Amount = 0.0
    most_spacing_km: Positive | None = None
    enters_at: Share = 1.0
    reserve: Share = 0.15


class ChargingPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    When packs charge (`policy`), and how: `curve` has steps (charge up to, share of the charger's power).

    A pack may go out from `goes_out_from` on when a truck waits, else when it is full (`leaves_at`). Plans
    keep so many packs ready that trucks find one with the `chance`.
    """

    policy: PolicyName = "as_soon_as_possible"
    curve: Annotated[tuple[tuple[Share, Annotated[float, Meta(gt=0, le=1)]], ...], Meta(min_length=1)] = (
        (1.0, 1.0),
    )
    goes_out_from: Share | None = None
    chance: Annotated[float, Meta(ge=0.5, le=0.999)] = 0.95


class FailuresPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a charger works on average before it fails, and how long its repair takes; both by chance."""

    days_between: Positive
    repair_hours: Positive = 24.0


class AgeingPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How packs lose health; from `health_floor` on a pack is replaced. See `swap/ageing.py`.

    `cycle_life` full cycles, slowly charged, bring a pack to the floor; charged in an hour each costs
    `rate_wear` of itself more. `calendar_per_year` is the health lost by resting half full.
    """

    cycle_life: Positive = 5_000.0
    rate_wear: Amount = 0.2
    calendar_per_year: Share = 0.01
    health_floor: Annotated[float, Meta(ge=0, lt=1)] = 0.8


class BalkingPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A truck drives on when the wait it must expect is longer than `patience_min`."""

    patience_min: Positive


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    name: str = ""
    station: StationPart = StationPart()
    pack: PackPart = PackPart(energy_kwh=282.0)
    demand: DemandPart = DemandPart(swaps_per_day=150.0)
    cost: CostPart = CostPart()
    target: TargetPart = TargetPart()
    sizing: SizingPart = SizingPart()
    network: NetworkPart | None = None
    corridor: CorridorPart | None = None
    charging: ChargingPart = ChargingPart()
    failures: FailuresPart | None = None
    ageing: AgeingPart | None = None
    balking: BalkingPart | None = None


def read_scenario(text: str) -> Scenario:
    """Return the scenario of a TOML text. Raises UsageError (`swap.scenario`): what is wrong where."""
    try:
        return msgspec.convert(msgspec.toml.decode(text), Scenario)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from None
    except (msgspec.DecodeError, ValueError) as error:
        raise _wrong(f"It is not TOML: {error}.") from None
    except RecursionError:
        raise _wrong("It is nested too deeply.") from None


def as_toml(scenario: Scenario) -> str:
    """Return a scenario as `read_scenario` reads it, defaults and all: so that nothing is left unsaid."""
    lines = [f"name = {_toml(scenario.name)}"] if scenario.name else []
    for part in scenario.__struct_fields__:
        values = getattr(scenario, part)
        if isinstance(values, msgspec.Struct):
            told = {name: getattr(values, name) for name in values.__struct_fields__}
            lines += ["", f"[{part}]"] if lines else [f"[{part}]"]
            lines += [f"{name} = {_toml(value)}" for name, value in told.items() if value is not None]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """Return text, a number or a list of them in TOML, which writes these as JSON does."""
    return msgspec.json.encode(value).decode()


def scenario_of(values: dict[str, Any]) -> Scenario:
    """Return the scenario of values by part and name, as a page has them. Raises as `read_scenario` does."""
    try:
        return msgspec.convert(values, Scenario, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from None


def example() -> str:
    """Return a scenario with comments to start from: the station at Fuyong, Shenzhen."""
    return files(__package__).joinpath("scenarios", "shenzhen.toml").read_text("utf-8")


class Model(msgspec.Struct, frozen=True):
    """A scenario as the simulators take it; what a swap puts into a pack and draws from the grid, in kWh."""

    station: Station
    demand: Demand
    pack_kwh: float
    grid_kwh: float


def model_of(scenario: Scenario) -> Model:
    """
    Return what is simulated: each charge the same, as soon as a charger is free.

    A charger begins only when it can draw all its power, so a grid that bounds them lets fewer run at once.
    Raises UsageError (`swap.scenario`): packs of unknown energy, nothing to charge, demand that is not one.
    """
    part, pack = scenario.station, scenario.pack
    if pack.arrives_at >= pack.leaves_at:
        raise _unfit("Packs arrive as full as they leave.", "Give arrives_at below leaves_at in [pack].")
    pack_kwh = energy_kwh(pack) * (pack.leaves_at - pack.arrives_at)
    grid_kwh = pack_kwh / pack.efficiency
    charger_kw, chargers = part.charger_kw, part.chargers
    if part.grid_kw is not None:
        charger_kw = min(charger_kw, part.grid_kw)
        chargers = min(chargers, int(part.grid_kw / charger_kw))
    station = Station(
        packs=part.packs,
        chargers=chargers,
        charge=Law("fixed", 60 * grid_kwh / charger_kw),
        bays=part.bays,
        swap=Law("fixed", part.swap_min),
        hand_over=part.hand_over,
    )
    return Model(station, _demand_of(scenario.demand), pack_kwh, grid_kwh)


def energy_kwh(pack: PackPart) -> float:
    """Return what a full pack holds. Raises UsageError (`swap.scenario`) where nobody says so, or two do."""
    known = PACKS.get(pack.type) if pack.type is not None else None
    if pack.type is not None and known is None:
        raise _unfit(f"There is no pack type {pack.type!r}.", f"Give in [pack] one of {', '.join(PACKS)}.")
    there = known.energy_kwh if known else None
    if there is not None and pack.energy_kwh is not None:
        raise _unfit(f"A {pack.type} holds {there:g} kWh.", "Leave out energy_kwh in [pack], or the type.")
    energy = there or pack.energy_kwh
    if energy is None:
        raise _unfit("The energy of the packs is not known.", "Give energy_kwh in [pack].")
    return energy


def _demand_of(part: DemandPart) -> Demand:
    fix = "Give in [demand] either swaps_per_day, or trucks and drive_min."
    if part.swaps_per_day is not None:
        if part.trucks is not None or part.drive_min is not None:
            raise _unfit("Trucks come by chance, or as a fleet.", fix)
        alike = len(set(part.by_hour)) == 1
        return Open(part.swaps_per_day / 24, () if alike and part.by_hour[0] else part.by_hour)
    if part.trucks is None or part.drive_min is None:
        raise _unfit("Nobody says how many trucks come.", fix)
    if part.by_hour != FLAT:
        raise _unfit("A fleet comes back at any hour.", "Leave out by_hour in [demand].")
    return Fleet(part.trucks, Law("exponential", part.drive_min))


def _unfit(why: str, fix: str) -> UsageError:
    return UsageError("swap.scenario", why, fix)


def _wrong(why: str) -> UsageError:
    return UsageError(
        "swap.scenario", f"The scenario cannot be read. {why}", "See `voltrail swap simulate --example`."
    )
