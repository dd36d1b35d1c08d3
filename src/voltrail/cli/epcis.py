"""`voltrail epcis`: documents of EPCIS 2.0 in and out, and what is wrong with one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

import voltrail
from voltrail.cli.common import Group, data_option, database_option, json_option, print_json, registry_options
from voltrail.codes import parse
from voltrail.errors import EventError, UnknownBattery, UsageError
from voltrail.events.epcis import (
    EventInLog,
    Importing,
    Row,
    event_hash,
    lines_of_document,
    read_document,
    write_document,
)
from voltrail.ledger.keys import Signer
from voltrail.organisations.access import Reader
from voltrail.organisations.identifiers import check_organisation
from voltrail.registry.epcis import host_of, importing, life_of, stands_on
from voltrail.registry.registry import Registry
from voltrail.registry.settings import read_signer

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
WHOLE = Reader("auditor")  # who has the folder has the record


@click.group(cls=Group)
def epcis() -> None:
    """Take in and give out documents of EPCIS 2.0 (JSON-LD)."""


@epcis.command()
@click.argument("file", type=FILE)
@click.option("--organisation", metavar="ID", help="Say too whether the record could take it from this one.")
@json_option
def check(*, file: Path, organisation: str | None, as_json: bool) -> None:
    """
    Say what is wrong in FILE, with path and fix, and print the hash of each event.

    With --organisation also what our record needs of it. No registry is asked; nothing is recorded.
    """
    document = read_document(file.read_bytes())
    wrong = list(document.troubles)
    if organisation is not None and not wrong:
        rows = lines_of_document(document, check_organisation(organisation))
        wrong = [trouble for row in rows for trouble in row.troubles]
    bad = {one.event for one in document.troubles}
    hashes = {
        event.number: event_hash(event.value, event.context)
        for event in document.events
        if event.number not in bad and not document.whole
    }
    if as_json:
        print_json(
            {
                "events": len(document.events),
                "hashes": hashes,
                "troubles": [
                    {"path": one.path, "rule": one.rule, "message": one.message, "fix": one.fix}
                    for one in wrong
                ],
            }
        )
    else:
        for one in wrong:
            click.echo(f"{one.path}: {one.message} {one.fix}".rstrip(), err=True)
        for number, name in hashes.items():
            click.echo(f"Event {number}: {name}")
        click.echo(f"Events: {len(document.events):,}, not valid: {len(bad - {None}):,}.")
    raise SystemExit(1 if wrong else 0)


@epcis.command("import")
@click.argument("file", type=FILE)
@click.option("--key", type=FILE, help="Your key, a PEM file: for its organisation.")
@click.option("--organisation", metavar="ID", help="In place of --key: for whom the lines will be signed.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the lines go; else beside FILE, with the suffix .jsonl.",
)
@data_option
@database_option
@json_option
def import_(
    *,
    file: Path,
    key: Path | None,
    organisation: str | None,
    out: Path | None,
    data: Path,
    database: str | None,
    as_json: bool,
) -> None:
    """
    Turn the events of FILE into lines, to be handed in with voltrail report.

    All of them or none. With a registry in --data, error declarations and GLNs are looked up in it;
    without one they are not known. An existing file is not written over.
    """
    content = file.read_bytes()
    name = _organisation(key, organisation)
    if (data / "settings.json").exists() or database is not None:
        with voltrail.open(data, database) as registry:
            rows = lines_of_document(content, importing(registry, name, host_of(registry)))
    else:
        rows = lines_of_document(content, Importing(name))
    lines = [row.line for row in rows if row.line is not None]
    if len(lines) != len(rows) or not rows:
        _tell(rows, as_json=as_json)
        raise SystemExit(1)
    target = out or file.with_suffix(".jsonl")
    _write(target, lines)
    if as_json:
        print_json({"lines": len(lines), "file": str(target)})
    else:
        click.echo(f"{len(lines):,} lines: {target}. Hand them in: voltrail report {target}")


@epcis.command()
@click.argument("codes", nargs=-1, required=True, metavar="CODE...")
@registry_options
def export(*, codes: tuple[str, ...], registry: Registry) -> None:
    """Print the whole lives of batteries as one document of EPCIS 2.0, in the order of the log."""
    found: dict[int, EventInLog] = {}
    for code in codes:
        lived = {seen.event.index: seen.event for seen in life_of(registry, parse(code).text, WHOLE)}
        if not lived:
            raise UnknownBattery(
                "battery.unknown",
                f"The record does not know a battery {code}.",
                "Check the code on the label.",
            )
        found |= lived
    events = (found[index] for index in sorted(found))
    for piece in write_document(events, host_of(registry), stands_on(registry, datetime.now(UTC))):
        click.echo(piece, nl=False)
    click.echo()


def _organisation(key: Path | None, organisation: str | None) -> str:
    if (key is None) == (organisation is None):
        raise UsageError(
            "usage.key",
            "It must be known who reports these events.",
            "Give --key KEY.pem, or --organisation ID.",
        )
    if key is not None:
        signer: Signer = read_signer(key)
        return signer.verifier.holder
    return check_organisation(organisation or "")


def _tell(rows: list[Row], *, as_json: bool) -> None:
    """Say what stands in the way of each event."""
    if not rows:
        raise EventError("epcis.document", "The document has no events.", "Nothing was written.")
    wrong: list[dict[str, Any]] = [
        {"event": row.number, "path": one.path, "rule": one.rule, "message": one.message, "fix": one.fix}
        for row in rows
        for one in row.troubles
    ]
    if as_json:
        print_json({"events": len(rows), "troubles": wrong})
        return
    for one in wrong:
        click.echo(f"{one['path']}: {one['message']} {one['fix']}".rstrip(), err=True)
    bad = len({one["event"] for one in wrong})
    click.echo(f"{bad:,} of {len(rows):,} events cannot be taken; nothing was written.", err=True)


def _write(path: Path, lines: list[bytes]) -> None:
    content = b"\n".join(lines) + b"\n"
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        if path.read_bytes() != content:
            raise UsageError(
                "usage.exists", f"{path} is there already, with something else.", "Give another --out."
            ) from None
