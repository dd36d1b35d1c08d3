"""`voltrail platform`: what belongs to the outbox to the national platform."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from voltrail.connections.platform_stand_in import FAULTS, Fault, StandIn


@click.group()
def platform() -> None:
    """Try what hands events to the national platform."""


@platform.command("stand-in")
@click.option("--port", default=8090, show_default=True, help="The port to listen on, on this machine alone.")
@click.option(
    "--store",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("platform-stand-in.sqlite"),
    show_default=True,
    help="The file in which it keeps what it took.",
)
@click.option("--secret", help="The secret that the outbox's page showed; without one nothing is verified.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    type=click.Choice(FAULTS),
    help="What goes wrong with the next request; of several, each with the next one.",
)
def stand_in(*, port: int, store: Path, secret: str | None, faults: tuple[str, ...]) -> None:
    """Take batches as a gateway to the national platform would, until Ctrl-C; it is no copy of that."""
    service = StandIn(store, secret, port, [cast("Fault", one) for one in faults])
    click.echo(f"Standing in for the national platform at {service.url} until Ctrl-C.", err=True)
    try:
        service.run()
    except KeyboardInterrupt:
        service.store.close()
