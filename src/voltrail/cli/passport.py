"""`voltrail passport` and `passports`: of one battery, as a document or against a rule set; of all."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from voltrail.cli.battery import audience_option, parse_time
from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.errors import UsageError
from voltrail.events.points import POINTS
from voltrail.organisations.access import Reader
from voltrail.passport import FORMS, RULE_SETS, Told, examine
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.registry import Registry


@click.command()
@click.argument("code")
@click.option("--as", "form", type=click.Choice(sorted(FORMS)), help="As a document of this form.")
@click.option("--check", "rules", type=click.Choice(sorted(RULE_SETS)), help="Against this rule set instead.")
@click.option("--on", "day", metavar="DAY", help="Check as of that day, such as 2027-02-18; else today.")
@click.option("--as-of", metavar="TIME", help="The passport as it stood at that time (RFC 3339).")
@click.option(
    "--number", type=click.IntRange(1, 99), help="That passport of the battery; else the last one issued."
)
@audience_option
@registry_options
@json_option
def passport(
    *,
    code: str,
    form: str | None,
    rules: str | None,
    day: str | None,
    as_of: str | None,
    number: int | None,
    audience: str,
    registry: Registry,
    as_json: bool,
) -> None:
    """
    Print the EU passport of a battery: its points, a document, or what it lacks.

    An audience other than operator sees less: the document says what is withheld. With --check, exit code 1
    when something is missing, must be absent or cannot be.
    """
    told = registry.passport(code, Reader(audience), parse_time(as_of), number)
    if rules is not None:
        _check(told, rules, _day(day), as_json=as_json)
    elif form is not None:
        document = FORMS[form].write(told)
        click.echo(document) if isinstance(document, str) else print_json(document)
    elif as_json:
        print_json(
            {
                "code": told.whole.code,
                "passport": told.edition,
                "points": told.values,
                "withheld": told.withheld,
            }
        )
    else:
        _print(told)


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--as", "form", type=click.Choice(sorted(FORMS)), required=True, help="In this form.")
@click.option("--model", metavar="MODEL", help="Only batteries of this model.")
@audience_option
@registry_options
@json_option
def passports(
    *, file: Path, form: str, model: str | None, audience: str, registry: Registry, as_json: bool
) -> None:
    """
    Write the EU passports of all batteries to FILE, a document on each line, by the order of their codes.

    All are of one moment of the record. FILE is there when all of it is; one that stood there is replaced.
    """
    part = file.with_name(file.name + ".part")
    written = 0
    try:
        with part.open("wb") as target, Progress(transient=True, disable=as_json) as bar:
            task = bar.add_task("Batteries", total=None)
            for done, total, lines in registry.export_passports(form, Reader(audience), model):
                target.write(lines)
                written += lines.count(b"\n")
                bar.update(task, completed=done, total=total)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    if as_json:
        print_json({"file": str(file), "passports": written})
    else:
        click.echo(f"{file}: {written:,} passport{'' if written == 1 else 's'}.")


def _day(text: str | None) -> date:
    try:
        return date.fromisoformat(text) if text else datetime.now(CHINA).date()
    except ValueError:
        raise UsageError("usage.day", f"{text!r} is no day.", "Write it as 2027-02-18.") from None


def _print(told: Told) -> None:
    one = told.edition
    click.echo(f"Passport {one.id}: {one.status}" + (f" ({one.why})" if one.why else ""))
    for words, ids in (("Follows", one.previous), ("Followed by", one.next)):
        if ids:
            click.echo(f"{words} {', '.join(ids)}")
    table = Table(box=None, pad_edge=False)
    for name in ("Point", "Value", "Unit", "Entries"):
        table.add_column(name, overflow="fold")
    for name, known in told.values.items():
        whence = ", ".join(map(str, known.entries)) + (" (derived)" if known.derived else "")
        table.add_row(POINTS[name].en, str(known.value), POINTS[name].unit or "", whence)
    Console().print(table)
    if told.withheld:
        click.echo(f"Withheld from this audience: {', '.join(told.withheld)}")


def _check(told: Told, rules: str, day: date, *, as_json: bool) -> None:
    """Say of a passport what a rule set says; raise exit code 1 where it does not hold."""
    chosen, whole = RULE_SETS[rules], told.whole
    barred = chosen.bars(whole.category)
    values = {name: value for name, value in whole.plain.items() if name not in barred}
    found = examine(values, chosen, whole.category, day, whole.series)
    wants = chosen.wants(whole.category)
    if as_json:
        print_json({"there": len(wants & values.keys()), "wanted": len(wants), "judgements": found})
    else:
        click.echo(
            f"{len(wants & values.keys())} of {len(wants)} mandatory points of {chosen.name} are there."
        )
        if chosen.gap:
            click.echo(chosen.gap)
        for one in found:
            number = "" if one.nr is None else f" {one.nr}"
            click.echo(f"{one.verdict}{number}: {one.message} {one.fix}")
    if any(one.verdict in {"missing", "must_be_absent", "implausible"} for one in found):
        raise SystemExit(1)
