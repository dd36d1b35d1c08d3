"""`voltrail swap record|send|queue`: swaps of a station whose line is down, and their way to the log."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from voltrail.cli.common import json_option, print_json
from voltrail.cli.report import PATIENCE_S, watch_folder
from voltrail.client import Client
from voltrail.client.client import read_key
from voltrail.connections.queue import Queue
from voltrail.connections.sources import Asked
from voltrail.errors import UsageError
from voltrail.organisations.statements import line_of

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_queue = click.option(
    "--queue",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the queue.",
)


@click.command()
@click.argument("line", required=False)
@_queue
@click.option("--key", required=True, type=_file, help="The station's key, a PEM file.")
@click.option("--log", metavar="ORIGIN", help="For which log, said once: as policy.txt names it.")
@click.option("--vin", help="The vehicle.")
@click.option("--station", metavar="SITE", help="The station's identifier, as it is registered.")
@click.option("--out", metavar="CODE", help="The pack that came out.")
@click.option("--in", "put_in", metavar="CODE", help="The pack that went in.")
@click.option("--energy-out", type=float, metavar="KWH", help="The energy in the pack that came out.")
@click.option("--energy-in", type=float, metavar="KWH", help="The energy in the pack that went in.")
@click.option("--odometer", type=float, metavar="KM", help="What the vehicle's odometer shows.")
@click.option("--at", metavar="TIME", help="When, as 2026-11-30T08:15:00+08:00; else now.")
@json_option
def record(
    *,
    line: str | None,
    folder: Path,
    key: Path,
    log: str | None,
    vin: str | None,
    station: str | None,
    out: str | None,
    put_in: str | None,
    energy_out: float | None,
    energy_in: float | None,
    odometer: float | None,
    at: str | None,
    as_json: bool,
) -> None:
    """
    Record a swap without a line: it is signed at once, and waits in the queue until it is sent.

    The swap is said by options, or any event as a LINE of JSON. When the command has ended without an error
    the report outlives a power cut.
    """
    options = {
        "vin": vin,
        "station": station,
        "taken_out": out,
        "put_in": put_in,
        "energy_out_kwh": energy_out,
        "energy_in_kwh": energy_in,
        "odometer_km": odometer,
    }
    given = {name: value for name, value in options.items() if value is not None}
    if (line is None) == (not given) or (line is not None and at is not None):
        raise UsageError(
            "usage.swap",
            "Nothing is said of the swap, or all of it twice.",
            "Give --vin, --station, --out and --in; or the event as one LINE.",
        )
    if line is None:
        codes = [code for code in (out, put_in) if code is not None]
        event = line_of("swapped", _time(at), codes=codes, **given)
    else:
        event = line.encode()
    signer = read_key(key)  # before the queue is made, and is for this log
    file = Queue(folder, log).record(signer, event)
    if as_json:
        print_json({"file": file.name, "line": event.decode()})
    else:
        click.echo(f"{file.name} waits to be sent.")


@click.command()
@_queue
@click.option("--to", "url", required=True, metavar="URL", help="The server of the registry.")
@click.option("--plain-http", is_flag=True, help="Also where nothing is encrypted.")
@click.option("--policy", type=_file, help="The log you believe, policy.txt. Else the server's own is taken.")
@json_option
def send(*, folder: Path, url: str, plain_http: bool, policy: Path | None, as_json: bool) -> None:
    """
    Send what waits in a queue, in its order; keep each receipt, in the folder `taken`.

    What is refused goes to `refused` with the reason, and what follows is sent all the same. Exits with 1
    where something was refused or still waits: run it again when the line is back.
    """
    if not folder.is_dir():
        raise UsageError("queue.none", f"There is no queue {folder}.", "Name the folder of `record`.")
    with Client(url, policy=policy, patience_s=PATIENCE_S, plain_http=plain_http) as client:
        watch_folder(folder, client, Asked(None), "valid", once=True, as_json=as_json)


@click.command()
@_queue
@json_option
def queue(*, folder: Path, as_json: bool) -> None:
    """Print what waits in a queue, and what was refused with the rule and what to do; exits with 1 then."""
    if not folder.is_dir():
        raise UsageError("queue.none", f"There is no queue {folder}.", "Name the folder of `record`.")
    found = Queue(folder)
    waiting, refused = found.waiting(), found.refused()
    if as_json:
        print_json({"log": found.log, "waiting": waiting, "refused": refused})
    else:
        click.echo(f"{len(waiting):,} wait for {found.log}, {len(refused):,} refused.")
        for one in refused:
            click.echo(f"{one.file}: {one.message} {one.fix}".rstrip() + f" ({one.rule})")
    raise SystemExit(1 if refused else 0)


def _time(text: str | None) -> datetime:
    """Return the time of a swap. Raises UsageError."""
    if text is None:
        return datetime.now(UTC)
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        said = None
    if said is None or said.tzinfo is None:
        raise UsageError("usage.time", f"{text[:40]!r} is no time.", "Write it as 2026-11-30T08:15:00+08:00.")
    return said
