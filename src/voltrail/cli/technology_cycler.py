"""`voltrail technology cycler`: whether a cycler's file can be believed, and what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from voltrail.cli.common import json_option, print_json

if TYPE_CHECKING:
    from voltrail.technology.cycler import Cycling
    from voltrail.technology.cycler_look import Look

CHEMISTRIES = ("LFP", "NMC", "NCA", "LMO", "LTO", "Na-ion", "NMC-Si", "Li-metal")
_SHOWN = 20  # cycles, of which the rest are left out in the middle
_MARKS = {"passed": "[green]passed[/]", "warn": "[yellow]look[/]", "fail": "[red]wrong[/]"}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--capacity-ah", type=click.FloatRange(1e-6, 1e6), help="The capacity stated: names rates, checks units."
)
@click.option(
    "--energy-wh", type=click.FloatRange(1e-6, 1e7), help="The energy stated: the cold is compared with it."
)
@click.option("--chemistry", type=click.Choice(CHEMISTRIES), help="Checks the voltage against its window.")
@click.option(
    "--instrument", help="A maker's own form, read by cellpy (the extra `cyclers`), such as neware_nda."
)
@json_option
def cycler(
    file: Path,
    *,
    capacity_ah: float | None,
    energy_wh: float | None,
    chemistry: str | None,
    instrument: str | None,
    as_json: bool,
) -> None:
    """
    Check a cycler's file and print what it shows: cycles, rates, resistance, what is left, fast charging.

    FILE is Battery Data Format or any table whose headers name time, voltage and current, as CSV or Parquet,
    under gzip or not. Nothing is repaired. Exit code 1 where a check fails.
    """
    from voltrail.technology.cycler_look import as_told, look
    from voltrail.technology.cycler_results import Stated

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Reading", total=None)
        cycling = _read(file, instrument)
        progress.update(task, description=f"Checking {cycling.rows:,} rows")
        found = look(cycling, Stated(capacity_ah, energy_wh), chemistry)
    if as_json:
        print_json(as_told(found))
    else:
        _print(found)
    if found.standing == "fail":
        raise SystemExit(1)


def _read(file: Path, instrument: str | None) -> Cycling:
    from voltrail.intake.cyclers import read_vendor
    from voltrail.technology.cycler import MOST_BYTES, read, too_large

    if instrument is not None:
        return read_vendor(file, instrument)
    if file.stat().st_size > MOST_BYTES:
        raise too_large(MOST_BYTES)
    return read(file.read_bytes())


def _print(found: Look) -> None:
    from voltrail.technology.cycler_look import rows

    console, cycling = Console(), found.cycling
    console.print(f"{cycling.rows:,} rows, {cycling.form}, sha256 {cycling.digest.hex()}", highlight=False)
    checked = Table("Check", "", "What was seen")
    for one in found.checks:
        places = f" Lines {', '.join(map(str, one.lines))}." if one.lines else ""
        checked.add_row(one.about, _MARKS[one.standing], one.words + places)
    console.print(checked)
    told = rows(found.cycles)
    table = Table("Cycle", *("in, Ah", "out, Ah", "out, Wh", "Ah out/in", "A out", "V from", "V to", "°C"))
    half = _SHOWN // 2
    for place, cycle in enumerate(told):
        if half <= place < len(told) - half:
            if place == half:
                table.add_row("…")
            continue
        names = ("charge_ah", "discharge_ah", "discharge_wh", "coulombic", "discharge_a", "low_v", "high_v")
        cells = (_number(cycle[name]) for name in (*names, "temperature_c"))
        table.add_row(f"{cycle['number']:g}", *cells)
    console.print(table)
    for one_rate in found.rates:
        warmth = (
            "" if one_rate.temperature_c != one_rate.temperature_c else f" at {one_rate.temperature_c:.1f} °C"
        )
        console.print(f"{one_rate.name}{warmth}: {one_rate.capacity_ah:.4g} Ah, {one_rate.energy_wh:.4g} Wh")
    if found.resistance_ohm is not None:
        console.print(f"Resistance after 10 s: {1e3 * found.resistance_ohm:.4g} mΩ, of {found.pulses} steps")
    if found.retention is not None:
        kept, below = found.retention, found.retention.below_80
        ended = f"80 % in cycle {below:g}" if below is not None else "80 % is not reached"
        console.print(f"After {kept.cycles:g} cycles {100 * kept.capacity_fraction:.1f} % is left; {ended}")
    if found.charge is not None:
        console.print(f"Fastest charge from 10 to 80 %: {found.charge.time_s / 60:.1f} min")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
