"""`voltrail outlook levers`: what a scenario may set."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from voltrail.cli.common import json_option, print_json


@click.command()
@json_option
def levers(*, as_json: bool) -> None:
    """Print the parameters that a scenario may set: value, spread, range, source and how sure it is."""
    from voltrail.outlook.parameters import parameters

    known = parameters()
    if as_json:
        print_json(list(known.values()))
        return
    table = Table("Parameter", "Value", "Spread", "May be set", "Status, source", "What it is")
    for one in known.values():
        table.add_row(
            escape(one.id),
            f"{one.value:g}",
            f"{one.low:g} to {one.high:g}, {one.spread}",
            f"{one.least:g} to {one.most:g}",
            escape(one.status if one.source == "computed" else f"{one.status}, {one.source}"),
            escape(f"{one.word}, {one.unit}" + (f" ({one.note})" if one.note else "")),
        )
    Console().print(table)
