"""`voltrail gateway vehicles` and `voltrail gateway alarms`: what vehicles say, and what became of it."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.registry.registry import Registry
from voltrail.registry.vehicle_alarms import Alarm, told_of_alarm
from voltrail.registry.vehicle_packs import VehiclePack, told_of_pack

limit_option = click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 1_000), help="At most so many."
)
after_option = click.option(
    "--after", metavar="PLACE", help="Go on with the list from there, as its end says."
)


@click.command()
@click.option("--discrepancies", is_flag=True, help="Only what does not agree with the record.")
@click.option("--vin", metavar="VIN", help="Only this vehicle.")
@limit_option
@after_option
@registry_options
@json_option
def vehicles(
    *,
    discrepancies: bool,
    vin: str | None,
    limit: int,
    after: str | None,
    registry: Registry,
    as_json: bool,
) -> None:
    """List which batteries vehicles say they have, and how that agrees with the record."""
    while registry.vehicle_packs.follow():
        pass
    found, following = registry.vehicle_packs.page(every=not discrepancies, vin=vin, after=after, limit=limit)
    if as_json:
        print_json({"vehicles": [told_of_pack(one) for one in found], "next": following})
        return
    if not found:
        click.echo("Nothing does not agree." if discrepancies else "No vehicle has named a battery yet.")
        return
    _print("Vehicle", "Pack", "Code", "Last login", "Verdict", "On record", rows=map(_pack, found))
    _more(following)


@click.command()
@limit_option
@after_option
@registry_options
@json_option
def alarms(*, limit: int, after: str | None, registry: Registry, as_json: bool) -> None:
    """
    List alarms of level 3 and 4, the last first, and what became of each.

    With --json also the lines that report it, for an organisation that must sign them itself.
    """
    found, following = registry.vehicle_alarms.page(after, limit)
    if as_json:
        print_json({"alarms": [told_of_alarm(one) for one in found], "next": following})
        return
    if not found:
        click.echo("No vehicle has sent an alarm of level 3 or 4.")
        return
    _print("Began", "Vehicle", "Level", "Alarms", "Battery", "What became of it", rows=map(_alarm, found))
    _more(following)


def _pack(pack: VehiclePack) -> tuple[str, ...]:
    other = f" ({pack.other_vin})" if pack.other_vin else ""
    return (
        pack.vin,
        str(pack.pack_no),
        pack.code,
        f"{pack.last_at:%Y-%m-%d %H:%M:%S}Z",
        pack.verdict.replace("_", " ") + other,
        ", ".join(pack.expected),
    )


def _alarm(alarm: Alarm) -> tuple[str, ...]:
    why = alarm.refusal
    said = "waits until it is over" if why is None else f"{why.message} {why.fix}"
    return (
        f"{alarm.began_at:%Y-%m-%d %H:%M:%S}Z",
        alarm.vin,
        str(alarm.level),
        ", ".join(alarm.names),
        ", ".join(alarm.codes or ()),
        f"on record, entry {alarm.index:,}" if alarm.index is not None else said,
    )


def _print(*heads: str, rows: Any) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in heads:
        table.add_column(name, no_wrap=name in {"Vehicle", "Code", "Began", "Last login"})
    for row in rows:
        table.add_row(*(_printable(text) for text in row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _more(following: str | None) -> None:
    if following:
        click.echo(f"There are more: --after {following}")


def _printable(text: str) -> str:
    """Return a text that a vehicle may have sent without what a terminal would obey."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text).replace("[", "\\[")
