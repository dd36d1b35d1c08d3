"""`voltrail log publish` and `proof`: the log for everybody."""

from __future__ import annotations

from pathlib import Path

import click
from rich.progress import Progress

from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.errors import UsageError
from voltrail.registry.public import PublicLog
from voltrail.registry.publish import check_folder
from voltrail.registry.publish import publish as publish_log
from voltrail.registry.registry import Registry


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--mend", is_flag=True, help="Go through all of it; write anew what is missing or wrong.")
@click.option("--check", "checking", is_flag=True, help="Write nothing; check DIR by its checkpoint alone.")
@click.option("--closed", type=click.IntRange(min=1), metavar="N", help="A closed log instead: the N-th.")
@registry_options
@json_option
def publish(
    *, folder: Path, mend: bool, checking: bool, closed: int | None, registry: Registry, as_json: bool
) -> None:
    """
    Write the log to DIR as static files that any web server can give out.

    Only what is missing since the last run is written. Run it as often as you like; a run that was stopped
    is taken up by the next.
    """
    if checking and mend:
        raise UsageError("usage.check", "--check only reads, --mend writes.", "Give one of them.")
    log = registry.log if closed is None else registry.closed_log(closed)
    if checking:
        _check(log, folder, as_json=as_json)
        return
    with Progress(transient=True, disable=as_json) as bar:
        task = bar.add_task("Files", total=None)
        done = publish_log(
            log, folder, mend=mend, progress=lambda n, total: bar.update(task, completed=n, total=total)
        )
    if as_json:
        print_json(
            {"before": done.before, "size": done.size, "written": done.written, "removed": done.removed}
        )
        return
    told = f", {done.removed:,} partial tiles removed" if done.removed else ""
    click.echo(f"{folder}: {done.size:,} entries, {done.size - done.before:,} of them new.")
    click.echo(f"{done.written:,} files written{told}.")


def _check(log: PublicLog, folder: Path, *, as_json: bool) -> None:
    with Progress(transient=True, disable=as_json) as bar:
        task = bar.add_task("Files", total=None)
        faults = check_folder(log, folder, lambda n, total: bar.update(task, completed=n, total=total))
    if as_json:
        print_json({"faults": [{"path": fault.path, "message": fault.message} for fault in faults]})
    else:
        for fault in faults:
            click.echo(f"{folder / fault.path} {fault.message}.")
        if faults:
            click.echo(
                f"To write anew what is missing or wrong: voltrail log publish {folder} --mend", err=True
            )
        else:
            click.echo(f"{folder}: every tile and entry is as its checkpoint says.")
    raise SystemExit(1 if faults else 0)


@click.command()
@click.argument("index", type=click.IntRange(min=0))
@registry_options
def proof(*, index: int, registry: Registry) -> None:
    """Print the proof of the entry at INDEX, as others' programs read it (tlog-proof)."""
    log = registry.log_at(index)
    click.echo(log.entry_proof(index - log.place.base), nl=False)


COMMANDS = (publish, proof)
