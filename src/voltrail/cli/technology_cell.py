"""`voltrail technology cell`: what a type of cell gives in the cold and at a rate, and how sure that is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from voltrail.cli.common import json_option, print_json
from voltrail.errors import UsageError

if TYPE_CHECKING:
    from voltrail.technology.cell import CellType

TEMPERATURES_C: Final = (-30.0, -20.0, -10.0, 0.0, 10.0, 25.0)
RATES: Final = (0.2, 1 / 3, 1.0, 2.0)
DRAWS: Final = 1001
COLDEST_C, HOTTEST_C, MOST_RATE = -40.0, 60.0, 5.0


@click.command("cell")
@click.argument("cell_id", metavar="ID")
@click.option("--temperature", type=float, help="Of the cell, in °C, instead of a row of them.")
@click.option("--rate", type=float, help="In shares of the capacity an hour, instead of a row of them.")
@click.option(
    "--physics", metavar="SET", help="A set of parameters of PyBaMM to run beside it, as OKane2022 (SPMe)."
)
@json_option
def cell_(
    *, cell_id: str, temperature: float | None, rate: float | None, physics: str | None, as_json: bool
) -> None:
    """
    Print what a cell gives by temperature and rate, how much turns to heat, and on what that stands.

    The cell is held at the temperature: one that warms as it works gives more. Nine of ten draws lie in each
    interval. With --physics a published set of electrodes is run at the same temperatures and rates.
    """
    from voltrail.technology.cell import CELLS

    if cell_id not in CELLS:
        raise UsageError(
            "technology.cell",
            f"There is no cell {cell_id[:40]!r}.",
            f"Give one of: {', '.join(CELLS)}.",
        )
    temperatures = TEMPERATURES_C if temperature is None else (_within(temperature, COLDEST_C, HOTTEST_C),)
    rates = RATES if rate is None else (_within(rate, 0.02, MOST_RATE),)
    cell = CELLS[cell_id]
    points = [_point(cell, at_c, at) for at in rates for at_c in temperatures]
    said: list[str] = []
    if physics is not None:
        said = _beside(cell, physics, points)
    if as_json:
        named = {key: getattr(cell, key) for key in ("id", "name", "technology", "chemistry", "electrolyte")}
        parameters = list(cell.parameters.values())
        print_json({"cell": named, "points": points, "warnings": said, "parameters": parameters})
        return
    _print(cell, points, said, physics)


def _within(value: float, least: float, most: float) -> float:
    if math.isfinite(value) and least <= value <= most:
        return value
    raise UsageError(
        "technology.physics_range",
        f"{value:g} is not between {least:g} and {most:g}.",
        f"Give {COLDEST_C:g} to {HOTTEST_C:g} °C and 0.02 to {MOST_RATE:g} C.",
    )


def _point(cell: CellType, temperature_c: float, c_rate: float) -> dict[str, Any]:
    import numpy as np

    from voltrail.technology.cell import delivered_fraction, draw, loss_fraction, usable_fraction

    drawn = draw(cell, DRAWS, np.random.default_rng(1))
    point: dict[str, Any] = {"temperature_c": temperature_c, "c_rate": c_rate}
    for name, law in (
        ("delivered", delivered_fraction),
        ("usable", usable_fraction),
        ("heat", loss_fraction),
    ):
        share = law(drawn, temperature_c, c_rate)
        low, high = np.quantile(share, (0.05, 0.95))
        point[name] = {"low": float(low), "middle": float(share[0]), "high": float(high)}
    return point


def _beside(cell: CellType, parameters: str, points: list[dict[str, Any]]) -> list[str]:
    """Run the physics at each point and give it there; return its warnings, each once."""
    from voltrail.technology import physics

    said = physics.warnings_for(cell, parameters)
    with Console(stderr=True).status(f"PyBaMM, {parameters} …"):
        nominal = physics.discharge(parameters)
        for point in points:
            try:
                told = physics.discharge(
                    parameters, temperature_c=point["temperature_c"], c_rate=point["c_rate"]
                )
            except UsageError as error:
                if error.rule != "technology.physics_solved":
                    raise
                point["physics"] = None
                said.append(error.message)
                continue
            point["physics"] = told.energy_wh / nominal.energy_wh
            said.extend(told.warnings)
    return list(dict.fromkeys(said))


def _print(cell: CellType, points: list[dict[str, Any]], said: list[str], physics: str | None) -> None:
    columns = ["°C", "C", "Delivered, of 25 °C and C/3", "Left in the cell", "Heat in the cell"]
    table = Table(*columns, *([f"PyBaMM, {escape(physics)}"] if physics else []))
    for point in points:
        row = [f"{point['temperature_c']:g}", f"{point['c_rate']:.2f}", _interval(point["delivered"])]
        left = {"low": 1 - point["usable"]["high"], "middle": 1 - point["usable"]["middle"]}
        row += [_interval({**left, "high": 1 - point["usable"]["low"]}), _interval(point["heat"])]
        if physics:
            share = point["physics"]
            row.append("no solution" if share is None else f"{100 * share:.0f} %")
        table.add_row(*row)
    console = Console()
    console.print(f"[bold]{escape(cell.name)}[/bold] ({cell.chemistry}, {cell.electrolyte})")
    console.print(table)
    sources = Table("Number", "Value", "Unit", "Standing", "Source")
    for name, row_ in cell.parameters.items():
        if row_.unit != "text":
            low, middle, high = row_.spread
            value = f"{middle:g}" if low == high else f"{middle:g} ({low:g} to {high:g})"
            sources.add_row(name, value, row_.unit, row_.standing, escape(row_.source))
    console.print(sources)
    for warning in said:
        console.print(escape(f"Note: {warning}"))


def _interval(share: dict[str, float]) -> str:
    return f"{100 * share['middle']:.0f} % ({100 * share['low']:.0f} to {100 * share['high']:.0f})"
