"""`voltrail handover`: the record of batteries, with all proofs, from one host to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.errors import UsageError
from voltrail.ledger.notes import Policy
from voltrail.organisations.access import AUDIENCES
from voltrail.registry.handed import MANIFEST, export, take
from voltrail.registry.registry import Registry

LINES = "transferred-in.jsonl"

_folder = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def handover() -> None:
    """Hand the record of batteries over to another host, or take it from one."""


@handover.command("export")
@_folder
@click.option("--operator", metavar="ORGANISATION", help="Batteries for whose passports it answers.")
@click.option("--all", "everything", is_flag=True, help="All batteries of this registry.")
@click.option(
    "--audience",
    type=click.Choice(AUDIENCES),
    default="auditor",
    show_default=True,
    help="Who takes it: one that sees less cannot read the events of which a member is withheld.",
)
@registry_options
@json_option
def export_(
    *, folder: Path, operator: str | None, everything: bool, audience: str, registry: Registry, as_json: bool
) -> None:
    """
    Write evidence of batteries, and of what their passports name, to FOLDER, with documents and policy.

    A run that was broken off is gone on with when the same command is given again.
    """
    if everything == (operator is not None):
        raise UsageError("usage.handover", "It is not said what.", "Give --operator ORGANISATION, or --all.")
    while registry.follow():
        pass
    if registry.closed is None:
        registry.enter_heads()
    with _bar("Evidence", quiet=as_json) as told:
        manifest = export(registry, folder, operator, audience, told)
    batteries = sum(path.startswith("evidence/battery/") for path in manifest.files)
    if as_json:
        print_json(
            {"folder": str(folder), "log": manifest.log, "batteries": batteries, "files": len(manifest.files)}
        )
        return
    click.echo(f"{batteries:,} batteries of {manifest.log} are in {folder}: {len(manifest.files):,} files.")
    click.echo(f"Give the whole folder to the new host; it begins to read at {MANIFEST}.")
    click.echo(
        "Give it the policy and the authority's key by another way: what lies in the folder proves nothing."
    )


@handover.command("import")
@_folder
@click.option(
    "--policy",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The other log and its witnesses, as you believe them: its policy.txt.",
)
@click.option(
    "--authority",
    "authorities",
    required=True,
    multiple=True,
    metavar="VKEY",
    help="The public key of the other registry's authority.",
)
@registry_options
@json_option
def import_(
    *, folder: Path, policy: Path, authorities: tuple[str, ...], registry: Registry, as_json: bool
) -> None:
    """
    Verify what another host handed over in FOLDER, file by file, and serve it from here.

    Exit code 1, with the name of the file and of the check, when anything does not hold. A run that was
    broken off is gone on with when the same command is given again.
    """
    believed = Policy.parse(policy.read_text(encoding="utf-8"))
    with _bar("Verified", quiet=as_json) as told:
        taken = take(registry, folder, believed, authorities, told)
    lines = registry.data / LINES
    if taken.lines:
        lines.write_bytes(b"".join(line + b"\n" for line in taken.lines))
    if as_json:
        print_json(
            {
                "batteries": taken.batteries,
                "subjects": taken.subjects,
                "documents": taken.documents,
                "incomplete": taken.incomplete,
                "lines": str(lines) if taken.lines else None,
            }
        )
        return
    click.echo(
        f"{taken.batteries:,} batteries are verified and served from here; documents: {taken.documents:,}."
    )
    if taken.incomplete:
        click.echo(f"Of {taken.incomplete:,} chains it is not proved that they are whole: no head was given.")
    if taken.lines:
        click.echo("So that what happens next goes into this log, the authority reports:\n")
        click.echo(f"  voltrail report {lines} --key AUTHORITY.pem --data {registry.data}")


@contextmanager
def _bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar, on the side of errors; give what to tell it: how much is done, and of how much."""
    columns = (TextColumn("{task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
