"""`voltrail swap statement`: who used, charged and wore out what in a period, and whether it adds up."""

from __future__ import annotations

from datetime import datetime

import click
import msgspec
from rich.console import Console
from rich.table import Table

from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.registry import Registry
from voltrail.registry.settlements import read_settlement
from voltrail.swap.settlement import OFS, Account, Of, accounts, reconcile

_day = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--of", type=click.Choice(OFS), default="truck", show_default=True, help="Whose statements.")
@click.option("--from", "since", required=True, type=_day, help="The first day.")
@click.option("--until", required=True, type=_day, help="The day after the last.")
@click.option("--organisation", metavar="ID", help="Only what this organisation would see.")
@registry_options
@json_option
def statement(
    *, of: Of, since: datetime, until: datetime, organisation: str | None, registry: Registry, as_json: bool
) -> None:
    """
    Show what each truck used, each station charged, or each owner's packs gave and took.

    It ends with 1 when the statements do not add up to the swaps.
    """
    while registry.stations.follow():
        pass
    with registry.database.pool.connection() as connection:
        whole, own, swaps = read_settlement(
            connection, since.replace(tzinfo=CHINA), until.replace(tzinfo=CHINA), organisation
        )
    found, proofs = accounts(own, of), reconcile(whole, swaps)
    wrong = [one for one in proofs if not one.holds]
    if as_json:
        print_json({"statements": msgspec.to_builtins(found), "proofs": len(proofs), "wrong": len(wrong)})
    else:
        _show(found)
        click.echo(f"{len(proofs) - len(wrong)} of {len(proofs)} sums agree with the swaps.")
    if wrong:
        raise SystemExit(1)


def _show(found: list[Account]) -> None:
    table = Table()
    names = ("key", "settled", "open", "used_wh", "charged_wh", "lost_ppb")
    for head in ("Whose", "Settled", "Open", "Used Wh", "Charged Wh", "Health lost, billionths"):
        table.add_column(head, justify="left" if head == "Whose" else "right", no_wrap=head == "Whose")
    for one in found:
        cells = [getattr(one, name) for name in names]
        cells[2] = sum(cells[2].values())
        table.add_row(cells[0] or "-", *(f"{cell:,}" for cell in cells[1:]))
    Console().print(table)
