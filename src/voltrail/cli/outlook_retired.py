"""`voltrail outlook retired`: how many batteries retire, told apart as one likes."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from voltrail.cli.common import json_option, print_json
from voltrail.cli.outlook_scenario import scenario_of, text_of

if TYPE_CHECKING:
    from voltrail.outlook.retired import Amount

_FILE = click.Path(path_type=Path)
_STEP = 5  # years between those that are printed
_SCALES = {"kwh": ("GWh", 1e6), "tonnes": ("kt", 1e3), "packs": ("thousand packs", 1e3)}


@click.command()
@click.argument("scenario", metavar="SCENARIO")
@click.option("--by", default="", help="Told apart by segment, chemistry, province: some, with commas.")
@click.option(
    "--definition",
    "definitions",
    multiple=True,
    type=click.Choice(["left", "collected", "processed"]),
    help="What retired means: left a vehicle, collected, processed. May be given again; else all.",
)
@click.option(
    "--unit", type=click.Choice(["kwh", "tonnes", "packs"]), default="kwh", show_default=True, help="In what."
)
@click.option(
    "--weights",
    type=_FILE,
    help="Your own shares of provinces, CSV: province (two digits), weight. Else by population.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print all years as CSV.")
@json_option
def retired(
    scenario: str,
    *,
    by: str,
    definitions: tuple[str, ...],
    unit: str,
    weights: Path | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """
    Print how many batteries retire, with where nine of ten draws lie.

    SCENARIO is a TOML file or the name of one that Voltrail brings along. Printed are some years, with --csv
    and --json all.
    """
    from voltrail.outlook.book import book
    from voltrail.outlook.provinces import by_population, read_weights
    from voltrail.outlook.retired import DEFINITIONS, UNITS, amounts, bys, retired_in
    from voltrail.outlook.run import run

    told = bys(by)
    shares = by_population(book()) if weights is None else read_weights(text_of(weights))
    found_in = retired_in(next(one for one in UNITS if one == unit), run(scenario_of(scenario)))
    wanted = [one for one in DEFINITIONS if one in (definitions or DEFINITIONS)]
    found = amounts(found_in, told, wanted, shares)
    columns = ("year", "definition", *told)
    if as_json:
        print_json(
            [
                {name: getattr(one, name) for name in (*columns, "middle", "low", "high")} | {"unit": unit}
                for one in found
            ]
        )
    elif as_csv:
        rows = csv.writer(sys.stdout, lineterminator="\n")
        rows.writerow((*columns, "unit", "middle", "low", "high"))
        for one in found:
            numbers = (f"{value:.6g}" for value in (one.middle, one.low, one.high))
            rows.writerow((*(getattr(one, name) for name in columns), unit, *numbers))
    else:
        _print([one for one in found if one.year % _STEP == 0], columns, unit)


def _print(found: list[Amount], columns: tuple[str, ...], unit: str) -> None:
    word, scale = _SCALES[unit]
    table = Table(*(name.capitalize() for name in columns), word, "from", "to")
    for one in found:
        numbers = (f"{value / scale:,.1f}" for value in (one.middle, one.low, one.high))
        table.add_row(*(str(getattr(one, name)) for name in columns), *numbers)
    Console().print(table)
    if "province" in columns:
        click.echo("Provinces: by share of population unless --weights says else, an assumption.")
