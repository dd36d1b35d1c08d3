"""`voltrail technology range`: how far a vehicle drives with a cell, and where the energy goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from voltrail.cli.common import json_option, print_json
from voltrail.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltrail.technology.cycles import Cycle
    from voltrail.technology.range import Range

LEAST_KWH: Final = 0.005  # of a part in 100 km, that it is printed
LEAST_SHARE: Final = 0.005
PARTS: Final = {
    "air": "Air",
    "tyres": "Tyres",
    "climb": "Climbing",
    "speed": "Speed at the end",
    "brakes": "Brakes",
    "drive": "Between battery and wheels",
    "auxiliary": "Auxiliaries",
    "cabin": "Cabin",
    "cells": "Heat in the cells",
    "procedure": "What the procedure deducts",
}


@click.command("range")
@click.option("--cell", help="The cell, by its id.")
@click.option("--vehicle", help="The vehicle, by its id.")
@click.option(
    "--cycle", default="CLTC", show_default=True, help="The cycle, by its id, or a CSV of one's own."
)
@click.option("--temperature", type=float, default=23.0, show_default=True, help="Outside, in °C.")
@click.option("--energy-kwh", type=float, help="Gross energy of the pack.  [default: 80, of a truck 600]")
@click.option("--pack-mass", type=float, help="Mass of the pack in kg, instead of its energy.")
@click.option("--mass", type=float, help="Mass of all that moves, in kg.")
@click.option(
    "--cabin",
    type=click.Choice(["comfort", "preheated", "off"]),
    default="comfort",
    show_default=True,
    help="Heated from cold, warmed at the socket before, or neither heated nor cooled.",
)
@click.option("--list", "listed", is_flag=True, help="Name the cells, vehicles and cycles there are.")
@json_option
def range_(
    *,
    cell: str | None,
    vehicle: str | None,
    cycle: str,
    temperature: float,
    energy_kwh: float | None,
    pack_mass: float | None,
    mass: float | None,
    cabin: str,
    listed: bool,
    as_json: bool,
) -> None:
    """
    Print how far a vehicle drives with a pack of a cell, and where the energy goes.

    Nine of ten draws lie in the interval. The model and its errors: docs/guides/cells.md.
    """
    from voltrail.technology.cell import CELLS
    from voltrail.technology.cycles import CYCLES
    from voltrail.technology.range import Procedure, estimate, pack_for, pick
    from voltrail.technology.vehicle import VEHICLES

    if listed:
        _list(as_json=as_json)
        return
    if cell is None or vehicle is None:
        raise UsageError(
            "range.question",
            "A range is of a cell in a vehicle: one of both is missing.",
            "Give --cell and --vehicle; `voltrail technology range --list` names them.",
        )
    driver, driven = pick("vehicle", vehicle, VEHICLES), _cycle(cycle, pick, CYCLES)
    pack = pack_for(pick("cell", cell, CELLS), driver, energy_kwh, pack_mass)
    told = estimate(
        pack,
        driver,
        driven,
        temperature,
        mass_kg=mass,
        procedure=Procedure(preheated=cabin == "preheated", cabin=cabin != "off"),
    )
    if as_json:
        print_json(
            {
                "cell": pack.cell.id,
                "vehicle": driver.id,
                "cycle": driven.told,
                "temperature_c": temperature,
                "pack": {"energy_kwh": pack.energy_kwh, "mass_kg": pack.mass_kg.middle},
                **told.told,
            }
        )
        return
    _print(told, driven, f"{driver.name}, {pack.energy_kwh:.0f} kWh of {pack.cell.name}", temperature)


def _cycle(name: str, pick: Any, known: Any) -> Cycle:
    from voltrail.technology.cycles import MOST_BYTES, read_cycle

    path = Path(name)
    if path.suffix.lower() != ".csv":
        found: Cycle = pick("cycle", name, known)
        return found
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UsageError(
            "cycle.file", f"{name} cannot be read as text.", "Give a CSV file in UTF-8 that is there."
        ) from error
    return read_cycle(text, path.stem)


def _list(*, as_json: bool) -> None:
    from voltrail.technology.cell import CELLS
    from voltrail.technology.cycles import CYCLES
    from voltrail.technology.vehicle import VEHICLES

    known: dict[str, Mapping[str, Any]] = {"cells": CELLS, "vehicles": VEHICLES, "cycles": CYCLES}
    if as_json:
        print_json({kind: {one.id: one.name for one in each.values()} for kind, each in known.items()})
        return
    console = Console()
    for kind, each in known.items():
        table = Table(kind.capitalize(), "Name", title_justify="left")
        for one in each.values():
            table.add_row(escape(one.id), escape(one.name))
        console.print(table)


def _print(told: Range, cycle: Cycle, what: str, temperature_c: float) -> None:
    console = Console()
    low, middle, high = told.km
    console.print(
        f"[bold]{middle:,.0f} km[/bold], nine times in ten {low:,.0f} to {high:,.0f}: {escape(what)}, "
        f"{escape(cycle.name)}, {temperature_c:g} °C"
    )
    if cycle.reconstructed:
        console.print(f"{escape(cycle.name)} is reconstructed: {escape(cycle.source)}.")
    table = Table("Where the energy goes", "kWh/100 km", "%")
    for column in table.columns[1:]:
        column.justify = "right"
    whole = told.kwh_per_100km.middle
    for name, value in told.parts.items():
        if abs(value) >= LEAST_KWH:
            table.add_row(PARTS[name], f"{value:.2f}", f"{100 * value / whole:.0f}")
    table.add_section()
    table.add_row("From the cells", f"{whole:.2f}", "100")
    console.print(table)
    if told.unusable_share.middle >= LEAST_SHARE:
        console.print(f"{100 * told.unusable_share.middle:.0f} % of the pack stays in it because it is cold.")
