"""`voltrail eu-registry`: what belongs to the outbox to the EU registry of product passports."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from voltrail.connections.eu_stand_in import FAULTS, Fault, StandIn


@click.group("eu-registry")
def eu_registry() -> None:
    """Try what tells the EU registry of passports."""


@eu_registry.command("stand-in")
@click.option("--port", default=8091, show_default=True, help="The port to listen on, on this machine alone.")
@click.option(
    "--store",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("eu-registry-stand-in.sqlite"),
    show_default=True,
    help="The file in which it keeps what it took.",
)
@click.option("--token", help="The token that it asks for; without one, for none.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    type=click.Choice(FAULTS),
    help="What goes wrong with the next request; of several, each with the next one.",
)
def stand_in(*, port: int, store: Path, token: str | None, faults: tuple[str, ...]) -> None:
    """Register passports as the EU registry would, until Ctrl-C; it is no copy of that."""
    service = StandIn(store, token, port, [cast("Fault", one) for one in faults])
    click.echo(f"Standing in for the EU registry at {service.address} until Ctrl-C.", err=True)
    try:
        service.run()
    except KeyboardInterrupt:
        service.close_store()
