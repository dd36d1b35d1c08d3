"""`voltrail outlook materials`: metals that new batteries need, that retire, and that are won back."""

from __future__ import annotations

import math
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from voltrail.cli.common import json_option, print_json
from voltrail.cli.outlook_scenario import scenario_of, text_of

_STEP = 5  # years between those that are printed


@click.command()
@click.argument("scenario", metavar="SCENARIO")
@click.option(
    "--process",
    type=click.Choice(["hydrometallurgy", "pyrometallurgy", "direct", "leading_plant", "norm"]),
    help="How metals are won back. Else by the recovery of the scenario, with its spread.",
)
@click.option(
    "--prices",
    type=click.Path(path_type=Path),
    help="Your own prices, CSV as `voltrail recycling policy` prints: rows metal.Li and so on in USD/kg.",
)
@json_option
def materials(scenario: str, *, process: str | None, prices: Path | None, as_json: bool) -> None:
    """
    Print the metals of a scenario: needed, in what retires, won back, worth, and what share it covers.

    SCENARIO is a TOML file or the name of one that Voltrail brings along. What nobody knows is left open, and
    said. Printed are some years, with --json all.
    """
    import msgspec

    from voltrail.outlook.book import book
    from voltrail.outlook.classes import METALS, YEARS
    from voltrail.outlook.materials import lacking, metals, prices_in, recovery_by, worth
    from voltrail.outlook.run import band, run

    told = scenario_of(scenario)
    if prices is not None:
        told = msgspec.structs.replace(told, given={**told.given, **prices_in(text_of(prices))})
    outcome = run(told)
    found = outcome.metals if process is None else metals(outcome.flows, recovery_by(process, book()))
    parts = {
        **found._asdict(),
        "worth_musd": worth(found, outcome.drawn),
        "covered": found.covered,
    }
    bands = {name: band(values) for name, values in parts.items()}
    if as_json:
        rows = [
            {"year": int(year), "metal": metal}
            | {
                name: [
                    None if math.isnan(one) else float(one)
                    for one in (each[at, column] for each in told_band)
                ]
                for name, told_band in bands.items()
            }
            for at, year in enumerate(YEARS)
            for column, metal in enumerate(METALS)
        ]
        print_json({"rows": rows, "not_known": lacking()})
        return
    table = Table("Year", "Metal", "Needed (kt)", "Retires (kt)", "Won back (kt)", "Worth (M$)", "Covers (%)")
    for at, year in enumerate(YEARS):
        if year % _STEP == 0:
            for column, metal in enumerate(METALS):
                middle = {name: each.middle[at, column] for name, each in bands.items()}
                table.add_row(
                    str(year),
                    "graphite" if metal == "C" else metal,
                    *(_told(middle[name] / 1000) for name in ("needed", "left", "recovered")),
                    _told(middle["worth_musd"]),
                    _told(middle["covered"] * 100),
                )
    Console().print(table)
    for metal, chemistries in lacking().items():
        click.echo(
            f"How much {metal} is in {', '.join(chemistries)} is not known: it is in no sum of {metal}."
        )


def _told(value: float) -> str:
    return "not known" if math.isnan(value) else f"{value:,.1f}"
