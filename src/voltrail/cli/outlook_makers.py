"""`voltrail outlook makers`: who makes the cells of the world, how concentrated they are, what is to come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.table import Table

import voltrail
from voltrail.cli.common import database_option, json_option, print_json

if TYPE_CHECKING:
    from voltrail.outlook.makers import Look
    from voltrail.registry.outlook_makers import Recorded


@click.command("makers")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The folder of a registry: the makers on its record are added, and figures added to it count.",
)
@database_option
@json_option
def makers(*, data: Path | None, database: str | None, as_json: bool) -> None:
    """
    Print who makes the cells: shares of the world, concentration, forecasts and how such have done.

    What a record holds stands beside; it is of this registry and never part of a share of the world.
    """
    from voltrail.outlook.book import book
    from voltrail.outlook.makers import look, told

    figures, record = book(), []
    if data is not None:
        with voltrail.open(data, database) as registry:
            figures, record = registry.outlook_figures.book(), registry.outlook_makers.recorded()
    found = look(figures)
    if as_json:
        print_json(msgspec.to_builtins(told(found) | {"record": record}, str_keys=True))
        return
    _print_shares(found)
    _print_years(found)
    _print_record(record)


def _print_shares(found: Look) -> None:
    years = [one.year for one in found.years]
    ahead = next(iter(found.ahead.values())).now.at if found.ahead else ()
    table = Table("Share of the world, %", *map(str, years), *(f"{year:.0f}, forecast" for year in ahead))
    for one in found.makers:
        made = found.ahead.get(one.name)
        table.add_row(
            one.name,
            *(_share(one.share.get(year), missing=year in one.missing) for year in years),
            *(
                f"{_share(middle)} ({_share(low)} to {_share(high)})"
                for middle, low, high in zip(made.now.middle, made.now.low, made.now.high, strict=True)
            )
            if made
            else (),
        )
    Console().print(table)
    if score := found.score:
        click.echo(
            f"Of {score.trials} forecasts that came due {score.better} were nearer than no change, "
            f"{score.worse} not as near, {score.same} were no change."
        )
        click.echo(
            f"Off by {100 * score.error:.2f} points on average, no change by "
            f"{100 * score.no_change_error:.2f}; {score.held} of {score.intervals} intervals of 80 % held. "
            "So few years tell little."
        )


def _print_years(found: Look) -> None:
    table = Table("Year", "Told", "HHI", "Three", "Five", "Ten", "Six Chinese", "Published", "In", "Out")
    for one in found.years:
        least = "" if one.complete else "≥ "
        table.add_row(
            str(one.year),
            str(one.told),
            f"{one.hhi_low:.3f} to {one.hhi_high:.3f}",
            *(least * (share is not None) + _share(share) for share in one.top.values()),
            ("≥ " if one.six_missing else "") + _share(one.six_chinese),
            _share(one.six_published),
            ", ".join(one.entered) or "—",
            ", ".join(one.left) or "—",
        )
    Console().print(table)


def _print_record(record: list[Recorded]) -> None:
    if not record:
        return
    table = Table("On this record", "Packs", "kWh", "Packs of unknown energy")
    for one in record:
        table.add_row(one.name, f"{one.packs:,}", f"{one.energy_kwh:,.0f}", f"{one.untold:,}")
    Console().print(table)


def _share(share: float | None, *, missing: bool = False) -> str:
    return f"{100 * share:.1f}" if share is not None else "missing" if missing else "—"
