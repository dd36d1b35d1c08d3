"""`voltrail passport-import`: passports that others made, read, and as lines to report."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

import voltrail
from voltrail.cli.common import data_option, database_option, json_option, print_json
from voltrail.codes import parse, tidy
from voltrail.errors import UnknownBattery, UsageError
from voltrail.events.points import POINTS, Value
from voltrail.organisations.access import Reader
from voltrail.passport.importing import read_passport
from voltrail.passport.proposal import Proposal, propose

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
WHOLE = Reader("auditor")  # who has the folder has the record


@click.command("passport-import")
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
@click.option("--model", "model_id", metavar="ID", help="The model here; else as the passport names it.")
@click.option("--code", metavar="CODE", help="The battery's code; else as the passport names it.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where the lines go.")
@data_option
@database_option
@json_option
def passport_import(
    *,
    files: tuple[Path, ...],
    model_id: str | None,
    code: str | None,
    out: Path | None,
    data: Path,
    database: str | None,
    as_json: bool,
) -> None:
    """
    Read a passport made elsewhere, from FILEs in JSON or zips of them, and say what is wrong with it.

    With --out, what it says becomes lines for voltrail report. With a registry in --data, it is compared with
    the battery on record. Nothing is recorded. Exit code 1 where something was left out.
    """
    read = read_passport((one.name, one.read_bytes()) for one in files)
    chosen = parse(tidy(code)).text if code else read.code
    now = datetime.now(UTC).isoformat(timespec="seconds")
    proposal = propose(read, _known(chosen, data, database), model_id, chosen, now)
    if as_json:
        print_json(proposal.as_json())
    else:
        _tell(proposal)
    if out is not None:
        _write(out, proposal.lines)
        if not as_json:
            click.echo(f"{len(proposal.lines)} lines: {out}. Hand them in: voltrail report {out}")
    raise SystemExit(0 if all(one.taken for one in read.troubles) else 1)


def _known(code: str | None, data: Path, database: str | None) -> dict[str, Value]:
    """Return what the record has of a battery; nothing without a registry."""
    if code is None or not ((data / "settings.json").exists() or database is not None):
        return {}
    with voltrail.open(data, database) as registry, suppress(UnknownBattery):
        return {name: one.value for name, one in registry.passport(code, WHOLE).values.items()}
    return {}


def _tell(proposal: Proposal) -> None:
    read = proposal.read
    for file, name in read.forms:
        click.echo(f"{file}: {name}")
    ours = {one.point: one for one in proposal.compared}
    table = Table(box=None, pad_edge=False)
    for heading in ("Point", "Taken as", "Read", "By", "Record"):
        table.add_column(heading, overflow="fold")
    for name, one in read.found.items():
        unit = f" {POINTS[name].unit}" if POINTS[name].unit else ""
        known = ours.get(name)
        record = "" if known is None else "agrees" if known.agrees else f"differs: {known.ours}{unit}"
        table.add_row(POINTS[name].en, f"{one.value}{unit}", one.read, POINTS[name].by, record)
    Console().print(table)
    for trouble in read.troubles:
        kept = "taken" if trouble.taken else "left out"
        said = trouble.said
        click.echo(f"{trouble.where} ({kept}): {said.message} {said.fix}".rstrip(), err=True)
    if read.left:
        some = "1 value has" if len(read.left) == 1 else f"{len(read.left)} values have"
        click.echo(f"{some} no place here: see --json.")


def _write(path: Path, lines: list[str]) -> None:
    if not lines:
        raise UsageError(
            "import.nothing",
            "There is no line to write.",
            "Name the model with --model, the battery with --code.",
        )
    try:
        with path.open("xb") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
    except FileExistsError:
        raise UsageError("usage.exists", f"{path} is there already.", "Give another --out.") from None
