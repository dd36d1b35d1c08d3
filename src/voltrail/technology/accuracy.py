"""
How far off the ranges are: each row of the reference files, predicted without having been fitted to.

Three factors are fitted, for all vehicles together: `road_car` and `road_truck`, by which air and tyres hold
back more or less than the parameters say, so that the errors of cars, and of trucks, are 0 in the mean of
their logarithms; and `cabin_cold`, by which heating a cabin takes more or less, so that the mean share of
its WLTP range that a car keeps in winter is that of NAF's. Each row is predicted by factors to which no row
of its vehicle was fitted. A row of low confidence is predicted like the others and fitted to by none. Nothing
is set by vehicle: `judged.csv` says by which vehicle, cell, cycle and temperature a row is predicted, and on
which of its numbers it is judged.

All functions take the texts of the files; nothing here reads them.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec

from voltrail.errors import TableError
from voltrail.technology.cell import CELLS, NINE_OF_TEN
from voltrail.technology.cycles import CYCLES
from voltrail.technology.pack import pack_of
from voltrail.technology.range import FACTORS, Factor, Procedure, Range, estimate
from voltrail.technology.vehicle import VEHICLES

CARS_WITHIN: Final = 0.08
TRUCKS_WITHIN: Final = 0.10
WINTER_WITHIN: Final = 0.05
WINTER_C: Final = -20.0  # the middle of NAF's -7 to -32 °C
WINTER_CAR: Final = "car-suv"  # the most common body among NAF's 24
WINTER_KWH: Final = 80.0
WINTER_CELL: Final = "nmc-liquid"
_LOAD_KG: Final = {"136 kg": 0.0, "driver": 85.0}
"""What is on board on top of a car's mass, by what that contains."""
KERB_KG: Final = 100.0  # on top of a mass without anybody
LEAST_SPREAD: Final = 0.02  # of the model, as a standard deviation: three or twelve rows cannot show less
ROAD_SHARE: Final = 0.75
_STEPS, _NEAR = 20, 1e-6
_LEAST, _MOST = 0.2, 5.0  # between which a factor is looked for


class How(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `judged.csv`: how a row of the reference is predicted, and on what it is judged."""

    row: str
    vehicle: str
    cell: str
    design: str
    cycle: str
    temperature_c: float
    judged_on: Literal["range", "wall", "display"]
    note: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """
    A row as it is stated and as it is predicted, in km or kWh/100 km.

    `error` and `uncalibrated` are shares of what is stated; `implied` is what the row's own consumption and
    range make of its pack, None where one of them is missing or derived from the other.
    """

    row: str
    name: str
    test: str
    judged_on: str
    unit: str
    stated: float
    predicted: float
    low: float
    high: float
    error: float
    uncalibrated: float
    within: bool
    fitted: bool
    implied: float | None
    note: str


class Winter(msgspec.Struct, frozen=True, kw_only=True):
    """The share of its WLTP range that a car of NAF's kept, and what is predicted without it."""

    vehicle: str
    stated: float
    predicted: float


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """All tables, and the factors fitted to all rows."""

    cars: tuple[Row, ...]
    trucks: tuple[Row, ...]
    winter: tuple[Winter, ...]
    winter_uncalibrated: float
    factors: dict[str, Factor]


class _Stated(msgspec.Struct, frozen=True, kw_only=True):
    how: How
    name: str
    test: str
    kind: str
    energy_kwh: float
    usable: bool
    mass_kg: float | None
    value: float
    implied: float | None
    note: str
    fitted: bool


NEEDED: Final = {
    "vehicles.csv": (
        *("id", "name", "class", "test", "range_km", "pack_kwh_gross", "pack_kwh_usable", "mass_kg"),
        *("mass_basis", "kwh_per_100km", "consumption_basis", "confidence", "notes"),
    ),
    "naf_winter_2026.csv": ("vehicle", "retention"),
}
"""The columns that are read of each file."""

HOW: Final = {
    row["row"]: msgspec.convert(row, How, strict=False)
    for row in csv.DictReader(files(__package__).joinpath("judged.csv").read_text("utf-8").splitlines())
}


def tables(vehicles: str, winter: str) -> Tables:
    """
    Return all tables from the texts of vehicles.csv and naf_winter_2026.csv.

    Raises
    ------
    TableError
        `accuracy.*`: a text is not of that form, or has a row that `judged.csv` does not know.

    """
    stated = [_stated(row) for row in _read(vehicles, "vehicles.csv")]
    kept = [
        (row["vehicle"], _number(row["retention"]) or math.nan)
        for row in _read(winter, "naf_winter_2026.csv")
    ]
    cars = [one for one in stated if one.kind == "car"]
    trucks = [one for one in stated if one.kind == "truck"]
    for kind, some in (("car", cars), ("truck", trucks), ("winter", kept)):
        _check_enough(kind, some)
    fitted = fit(cars, trucks, [share for _, share in kept])
    plain = _plain()
    warm_first = _with(fitted, cabin_cold=1.0)
    return Tables(
        cars=tuple(_judge(one, cars, "road_car", kept, plain, CARS_WITHIN) for one in cars),
        trucks=tuple(_judge(one, trucks, "road_truck", kept, plain, TRUCKS_WITHIN) for one in trucks),
        winter=tuple(
            Winter(vehicle=name, stated=share, predicted=keeps(_cold(fitted, _others(kept, name))))
            for name, share in kept
        ),
        winter_uncalibrated=keeps(warm_first),
        factors=fitted,
    )


def fit(cars: Sequence[_Stated], trucks: Sequence[_Stated], winter: Sequence[float]) -> dict[str, Factor]:
    """Return the factors fitted to all these rows, each with the spread that its rows leave."""
    factors = _cold(_plain(), winter)
    for name, rows in (("road_car", cars), ("road_truck", trucks)):
        factors = _road(factors, name, rows)
        factors[name] = msgspec.structs.replace(
            factors[name],
            standing="fitted",
            fitted_on=" ".join(one.how.row for one in rows if one.fitted),
            source="mean of the logarithms of errors is 0; spread: what those of parameters do not explain",
        )
    factors = _cold(factors, winter)
    factors["cabin_cold"] = msgspec.structs.replace(
        factors["cabin_cold"],
        standing="fitted",
        fitted_on=f"{len(winter)} rows of naf_winter_2026.csv",
        source=f"a {WINTER_CAR} at {WINTER_C:g} °C by WLTC keeps the mean of them",
    )
    return factors


def keeps(factors: Mapping[str, Factor]) -> float:
    """Return the share of its WLTP range that a car keeps in NAF's winter, by the model."""
    pack = pack_of(CELLS[WINTER_CELL], energy_kwh=WINTER_KWH)
    cold, warm = (
        estimate(pack, VEHICLES[WINTER_CAR], CYCLES["WLTC"], at, draws=1, factors=factors).km.middle
        for at in (WINTER_C, 23.0)
    )
    return cold / warm


def written(factors: Mapping[str, Factor]) -> str:
    """Return factors as the text of `calibration.csv`."""
    lines = [",".join(Factor.__struct_fields__)]
    for one in factors.values():
        values = (
            f"{value:g}" if isinstance(value, float) else value for value in msgspec.structs.astuple(one)
        )
        lines.append(",".join(f'"{value}"' if "," in value else value for value in values))
    return "\n".join(lines) + "\n"


def markdown(told: Tables) -> str:
    """Return all tables as the guide has them."""
    lines = []
    for title, rows, within in (("Cars", told.cars, CARS_WITHIN), ("Trucks", told.trucks, TRUCKS_WITHIN)):
        held = sum(one.within for one in rows)
        inside = sum(one.low <= one.stated <= one.high for one in rows)
        lines += [
            f"### {title}: {held} of {len(rows)} within {100 * within:g} %",
            "",
            f"The interval, meant for nine of ten, holds {inside} of {len(rows)}.",
            "",
            "| Row | Test | Stated | Predicted | Interval | Error | Without factors | Own pack |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for one in rows:
            digits = 0 if one.unit == "km" else 1
            error = f"{100 * one.error:+.1f} %"
            cells = (
                f"{one.name}{'' if one.fitted else ', not fitted to'}",
                f"{one.test}{', wall' if one.judged_on == 'wall' else ''}",
                f"{one.stated:.{digits}f} {one.unit}",
                f"{one.predicted:.{digits}f}",
                f"{one.low:.{digits}f} to {one.high:.{digits}f}",
                error if one.within else f"**{error}**",
                f"{100 * one.uncalibrated:+.1f} %",
                "" if one.implied is None else f"{100 * one.implied:.0f} %",
            )
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    count = len(told.winter)
    stated = sum(one.stated for one in told.winter) / count
    predicted = sum(one.predicted for one in told.winter) / count
    mean = (
        f"The mean of {count} cars; without factors {100 * told.winter_uncalibrated:.1f} %. "
        "One car stands for all: each row says what the other cars make of it, and no more."
    )
    lines += [
        f"### Winter: {100 * predicted:.1f} % of WLTP predicted, {100 * stated:.1f} % measured",
        "",
        mean,
        "",
        "| Car | Measured | Predicted |",
        "| --- | ---: | ---: |",
    ]
    lines += [
        f"| {one.vehicle} | {100 * one.stated:.1f} % | {100 * one.predicted:.1f} % |" for one in told.winter
    ]
    lines += ["", "### The factors", "", "| Factor | Value | Spread | Standing | Fitted to |"]
    lines.append("| --- | ---: | ---: | --- | --- |")
    lines += [
        f"| `{one.factor}` | {one.value:.4g} | ±{100 * one.spread:.1f} % | {one.standing} | "
        f"{one.fitted_on or one.source} |"
        for one in told.factors.values()
    ]
    return "\n".join(lines) + "\n"


def _judge(
    one: _Stated,
    rows: Sequence[_Stated],
    name: str,
    kept: Sequence[tuple[str, float]],
    plain: Mapping[str, Factor],
    within: float,
) -> Row:
    others = [other for other in rows if other.how.vehicle != one.how.vehicle]
    # A car that NAF drove as well is left out of what its winter is fitted to.
    shares = [share for car, share in kept if car not in one.name]
    factors = _cold(_road(_cold(_plain(), shares), name, others), shares)
    told = _predicted(one, factors, draws=1000)
    low, middle, high = _judged(one, told, factors)
    error = middle / one.value - 1
    return Row(
        row=one.how.row,
        name=one.name,
        test=one.test,
        judged_on=one.how.judged_on,
        unit="km" if one.how.judged_on == "range" else "kWh/100 km",
        stated=one.value,
        predicted=middle,
        low=low,
        high=high,
        error=error,
        uncalibrated=_judged(one, _predicted(one, plain), plain)[1] / one.value - 1,
        within=abs(error) <= within,
        fitted=one.fitted,
        implied=one.implied,
        note=one.note,
    )


def _road(factors: Mapping[str, Factor], name: str, rows: Sequence[_Stated]) -> dict[str, Factor]:
    """Return factors with one of the road's at which the mean of the logarithms of errors is 0."""
    used = [one for one in rows if one.fitted]

    def off(value: float) -> float:
        tried = _with(factors, **{name: value})
        return sum(_log_error(one, tried) for one in used)

    found = _with(factors, **{name: _root(off)})
    # What is left is the spread of the model, as far as that of the parameters does not explain it.
    found[name] = msgspec.structs.replace(found[name], spread=0.0)
    squares = sum(_log_error(one, found) ** 2 for one in used) / max(len(used) - 1, 1)
    explained = sum(_deviation(one, found) ** 2 for one in used) / len(used)
    spread = NINE_OF_TEN * math.sqrt(max(squares - explained, LEAST_SPREAD**2))
    # The factor moves air and tyres alone, about three quarters of what is used.
    found[name] = msgspec.structs.replace(found[name], spread=round(spread / ROAD_SHARE, 3))
    return found


def _deviation(one: _Stated, factors: Mapping[str, Factor]) -> float:
    """Return the standard deviation, of the logarithm, that the spread of parameters makes."""
    low, _, high = _judged(one, _predicted(one, factors, draws=200), factors)
    return math.log(high / low) / (2 * NINE_OF_TEN)


def _cold(factors: Mapping[str, Factor], winter: Sequence[float]) -> dict[str, Factor]:
    """Return factors with that of the cold cabin at which a car keeps the mean of shares."""
    mean = sum(winter) / len(winter)

    def off(value: float) -> float:
        return mean - keeps(_with(factors, cabin_cold=value))

    return _with(factors, cabin_cold=_root(off))


def _root(off: Callable[[float], float]) -> float:
    """Return where a rising function of a factor is 0, to four places: nearly straight in logarithms."""
    before, here = 1.0, 0.9
    missed, misses = off(before), off(here)
    for _ in range(_STEPS):
        if abs(here - before) < _NEAR or misses == missed:
            break
        step = misses * (math.log(here) - math.log(before)) / (misses - missed)
        ahead = min(max(math.exp(math.log(here) - step), _LEAST), _MOST)
        before, missed, here, misses = here, misses, ahead, off(ahead)
    return round(here, 4)


def _log_error(one: _Stated, factors: Mapping[str, Factor]) -> float:
    """Return by how much a prediction takes too much, as a logarithm."""
    log = math.log(_judged(one, _predicted(one, factors), factors)[1] / one.value)
    return -log if one.how.judged_on == "range" else log


def _predicted(one: _Stated, factors: Mapping[str, Factor], draws: int = 1) -> Range:
    how = one.how
    pack = pack_of(CELLS[how.cell], energy_kwh=one.energy_kwh, design=how.design)
    if one.usable:
        pack = msgspec.structs.replace(pack, usable_fraction_window=1.0)
    return estimate(
        pack,
        VEHICLES[how.vehicle],
        CYCLES[how.cycle],
        how.temperature_c,
        mass_kg=one.mass_kg,
        draws=draws,
        procedure=Procedure(),
        factors=factors,
    )


def _judged(one: _Stated, told: Range, factors: Mapping[str, Factor]) -> tuple[float, float, float]:
    """Return low, middle and high of what a row is judged on."""
    if one.how.judged_on == "range":
        return told.km.low, told.km.middle, told.km.high
    # By the display the heat in the cells does not count; by the wall it does, and so does charging.
    part = told.displayed / told.kwh_per_100km.middle
    if one.how.judged_on == "wall":
        part = 1 / factors["charging"].value
    low, middle, high = told.kwh_per_100km
    return low * part, middle * part, high * part


def _stated(row: dict[str, str]) -> _Stated:
    how = HOW.get(row["id"])
    if how is None:
        raise TableError(
            "accuracy.row",
            f"Row {row['id'][:60]!r} of vehicles.csv is not known.",
            "Add to technology/judged.csv how it is predicted.",
        )
    usable, gross = _number(row["pack_kwh_usable"]), _number(row["pack_kwh_gross"])
    energy = usable or gross
    km, consumption = _number(row["range_km"]), _number(row["kwh_per_100km"])
    value = km if how.judged_on == "range" else consumption
    if energy is None or value is None:
        raise TableError(
            "accuracy.row",
            f"Row {row['id'][:60]!r} of vehicles.csv has no pack, or not what it is judged on.",
            "Give its energy in kWh, its range and its consumption.",
        )
    derived = "derived" in row["consumption_basis"] or km is None or consumption is None
    mass = _number(row["mass_kg"])
    if mass is not None and row["class"] == "car":
        mass += next((kg for words, kg in _LOAD_KG.items() if words in row["mass_basis"]), KERB_KG)
    return _Stated(
        how=how,
        name=row["name"],
        test=row["test"],
        kind="car" if row["class"] == "car" else "truck",
        energy_kwh=energy,
        usable=usable is not None,
        mass_kg=mass,
        value=value,
        implied=None if derived else float(km or 0) * float(consumption or 0) / 100 / energy,
        note="; ".join(part for part in (how.note, row["notes"]) if part),
        fitted=row["confidence"] != "low",
    )


def _number(text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise TableError(
            "accuracy.number",
            f"{text[:40]!r} is no number above 0.",
            "Give the reference files as they came.",
        )
    return value


def _read(text: str, name: str) -> list[dict[str, Any]]:
    rows = list(csv.DictReader(text.splitlines()))
    needed = NEEDED[name]
    missing = [one for one in needed if not rows or one not in rows[0]]
    if missing:
        raise TableError(
            "accuracy.columns", f"{name} has no column {missing[0]}.", "Give the folder of reference files."
        )
    return rows


def _check_enough(kind: str, rows: Sequence[Any]) -> None:
    """Raise TableError (`accuracy.few`) where a row left out leaves none to fit to."""
    usable = [one for one in rows if not isinstance(one, _Stated) or one.fitted]
    if len({one.how.vehicle if isinstance(one, _Stated) else one for one in usable}) < 2:
        raise TableError(
            "accuracy.few",
            f"Of {kind} there are fewer than two rows to fit to.",
            "Give the reference files as they came.",
        )


def _plain() -> dict[str, Factor]:
    """Return the factors before anything is fitted: a fit does not depend on the one before it."""
    return _with(FACTORS, road_car=1.0, road_truck=1.0, cabin_cold=1.0)


def _with(factors: Mapping[str, Factor], **values: float) -> dict[str, Factor]:
    changed = {name: msgspec.structs.replace(factors[name], value=value) for name, value in values.items()}
    return {**factors, **changed}


def _others(kept: Sequence[tuple[str, float]], name: str) -> list[float]:
    return [share for other, share in kept if other != name]
