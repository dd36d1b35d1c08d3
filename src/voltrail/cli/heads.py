"""`voltrail log heads`, `leaves`, `check-leaves` and `absent`: that nothing is left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click
from rich.progress import Progress

from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.ledger.heads import ROW_BYTES
from voltrail.ledger.leaves import check_leaves, note_over
from voltrail.ledger.notes import Policy
from voltrail.registry.registry import Registry
from voltrail.registry.settings import read_signer

_PIECE_BYTES = ROW_BYTES << 12


@click.command()
@registry_options
@json_option
def heads(*, registry: Registry, as_json: bool) -> None:
    """Commit to the heads of all chains: from then on evidence proves that nothing is left out."""
    with Progress(transient=True, disable=as_json) as bar:
        task = bar.add_task("Heads", total=None)
        index = registry.enter_heads(lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        print_json({"index": index})
    elif index is None:
        click.echo("Nothing has been reported since the last heads.")
    else:
        click.echo(f"The heads of all chains stand in the log at entry {index:,}.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@registry_options
def leaves(*, file: Path, registry: Registry) -> None:
    """Write the newest heads tree to a FILE for an admitted auditor. It is for the auditor alone."""
    with file.open("wb") as target:
        for piece in registry.heads_leaves("auditor"):
            target.write(piece)
    click.echo(f"{file}: {file.stat().st_size:,} bytes. Give it to the auditor, and to nobody else.")


@click.command("check-leaves")
@click.argument("file", type=click.File("rb"))
@click.option("--policy", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--since", type=click.File("rb"), help="The file of the tree before: chains must continue it.")
@click.option(
    "--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Sign what was found."
)
@json_option
def check(*, file: BinaryIO, policy: Path, since: BinaryIO | None, key: Path | None, as_json: bool) -> None:
    """
    Check a heads tree as its auditor, without the registry; with --key, print a signed note over it.

    Each subject stands there once, the root is that in the log, and no chain is less than it was.
    """
    if since is not None:
        since.readline()
    found = check_leaves(
        file.readline(),
        _pieces(file),
        Policy.parse(policy.read_text()),
        None if since is None else _pieces(since),
    )
    note = note_over(found, read_signer(key)) if key is not None else None
    if as_json:
        print_json(
            {
                "origin": found.origin,
                "index": found.index,
                "subjects": found.stated.count,
                "size": found.stated.size,
                "new": found.new,
                "grown": found.grown,
                "note": note,
            }
        )
        return
    told = "" if found.new is None else f" {found.new:,} are new, {found.grown:,} have grown, none is less."
    click.echo(
        f"Heads at entry {found.index:,} of {found.origin}: {found.stated.count:,} subjects, each once."
        + told,
        err=note is not None,
    )
    if note is not None:
        click.echo(note, nl=False)


@click.command()
@click.argument("subject", metavar="SUBJECT")
@registry_options
def absent(*, subject: str, registry: Registry) -> None:
    """Print the proof that a SUBJECT, such as battery:CODE, has no event in the record."""
    click.echo(registry.absence(subject, "auditor"))


COMMANDS = (heads, leaves, check, absent)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece
