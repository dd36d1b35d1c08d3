"""`voltrail witness`: cosign the checkpoints of other people's logs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from voltrail.cli.common import GRACE_S, LOOPBACK, sigterm_as_ctrl_c
from voltrail.connections.witness_server import Witness, create_witness
from voltrail.connections.witness_store import WitnessStore
from voltrail.ledger.keys import Verifier
from voltrail.ledger.notes import Policy
from voltrail.ledger.witness import Cosigner, known_logs
from voltrail.registry.settings import read_signer

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--key", required=True, type=_FILE, help="The witness's key, from `voltrail key new NAME --witness`."
)
@click.option(
    "--log", "logs", multiple=True, metavar="VKEY", help="A log to witness; may be given several times."
)
@click.option("--policy", "policies", multiple=True, type=_FILE, help="A policy that names logs to witness.")
@click.option("--host", default=LOOPBACK, show_default=True, help="The address to listen on.")
@click.option("--port", default=8001, show_default=True, help="The port to listen on.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("witness-data"),
    show_default=True,
    help="Where the witness keeps what it has cosigned. Never put an older copy back.",
)
def witness(
    *, key: Path, logs: tuple[str, ...], policies: tuple[Path, ...], host: str, port: int, data: Path
) -> None:
    """Cosign the checkpoints of logs, each only if it contains the last one, until Ctrl-C or SIGTERM."""
    import uvicorn

    named = [Verifier(vkey) for vkey in logs]
    named += [log for path in policies for log in Policy.parse(path.read_text()).logs]
    cosigner, store = Cosigner(read_signer(key)), WitnessStore(data)
    with sigterm_as_ctrl_c(), closing(store):
        app = create_witness(Witness(cosigner, store, known_logs(named)))
        click.echo(f"Witnessing as {cosigner.vkey} on http://{host}:{port}/ until Ctrl-C.", err=True)
        uvicorn.run(
            app,
            host=host,
            port=port,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        )
