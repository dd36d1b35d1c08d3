"""`voltrail health fleet`: the health of many batteries in groups, who stands out, how warranties stand."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from voltrail.cli.common import json_option, registry_options
from voltrail.gateway.fleet_health import FleetHealth, Wanted, reckon
from voltrail.gateway.folder import Folder
from voltrail.gateway.health_store import HealthStore
from voltrail.organisations.access import Reader
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.registry import Registry

MOST = 50  # lines of a list; --json has all
_BY = ("model", "age", "mileage", "province", "climate")
_HEADS = {"age": "Half-years", "mileage": "km from"}


@click.command()
@click.option(
    "--by", type=click.Choice(_BY), default="model", show_default=True, help="What groups have in common."
)
@click.option("--outliers", is_flag=True, help="Name those that are far from their peers.")
@click.option("--warranty", is_flag=True, help="Tell how they stand to the limit of the warranty.")
@click.option("--model", metavar="ID", help="Only batteries of this model.")
@click.option("--month", metavar="MONTH", help="As of this month, such as 2026-10; else the latest.")
@registry_options
@json_option
def fleet(
    *,
    by: str,
    outliers: bool,
    warranty: bool,
    model: str | None,
    month: str | None,
    registry: Registry,
    as_json: bool,
) -> None:
    """
    Show the state of health of all batteries in groups: how many, and what 10, 50 and 90 of 100 are below.

    It is reckoned of the months that `voltrail health month` kept.
    """
    while registry.fleet.follow():
        pass
    wanted = Wanted(model=model, month=month)
    batteries = registry.fleet.batteries(Reader("auditor"))
    found = reckon(HealthStore(Folder.of(registry.data)), batteries, wanted, datetime.now(CHINA).date())
    if as_json:
        click.echo(json.dumps(_told(found, by, outliers=outliers, warranty=warranty), indent=2, default=str))
        return
    click.echo(f"State of health is known of {found.whole['batteries']:,} of {found.batteries:,} batteries.")
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(_groups(found, by))
    if outliers:
        click.echo(f"{found.standing_out or 0:,} of {found.judged:,} that were compared stand out.")
        for row in found.outliers.slice(0, MOST).to_pylist():
            click.echo(
                f"  {row['code']}  {row['soh']:.1%}, its {row['peers']} peers {row['median']:.1%}: "
                f"{row['z']:+.1f} deviations"
            )
    if warranty:
        for standing, number in (found.standings or {}).items():
            click.echo(f"  {standing:<10} {number:,}")
        for row in found.warranty.slice(0, MOST).to_pylist():
            if row["standing"] in {"below", "will_be"}:
                click.echo(f"  {row['code']}  {row['standing']}: {row['soh']:.1%} now{_then(row)}")


def _then(row: dict[str, Any]) -> str:
    if row["at_end"] is None:
        return ""
    return f", {row['at_end']:.1%} ({row['at_end_low']:.1%} to {row['at_end_high']:.1%}) at the end"


def _groups(found: FleetHealth, by: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(_HEADS.get(by, by.capitalize()))
    for name in ("Batteries", "10 %", "50 %", "90 %"):
        table.add_column(name, justify="right")
    for row in found.groups[by]:
        figures = [row[name] for name in ("low", "middle", "high")]
        told = ["too few" if one is None else f"{one:.1%}" for one in figures]
        table.add_row("-" if row["group"] is None else str(row["group"]), f"{row['batteries']:,}", *told)
    return table


def _told(found: FleetHealth, by: str, *, outliers: bool, warranty: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "batteries": found.batteries,
        "known": found.whole,
        "by": by,
        "groups": found.groups[by],
    }
    if outliers:
        told |= {"judged": found.judged, "outliers": found.outliers.to_pylist()}
    if warranty:
        told |= {"standings": found.standings, "warranty": found.warranty.to_pylist()}
    return told
