"""`voltrail duties`: what is due and by whom, under which rule."""

from __future__ import annotations

import sys
from datetime import date, datetime
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.errors import UsageError
from voltrail.organisations.identifiers import check_organisation
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.duties import told
from voltrail.registry.registry import Registry


@click.command()
@click.option("--organisation", metavar="ID", help="Only what this organisation owes.")
@click.option("--overdue", is_flag=True, help="Only what should have been reported by now.")
@click.option("--rule", metavar="ID", help="Only under this rule, such as o73-02-sale.")
@click.option("--on", "day", metavar="DAY", help="As of that day in China, such as 2026-06-01; else today.")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 1_000), help="At most so many."
)
@click.option("--after", metavar="PLACE", help="Go on with the list from there, as its end says.")
@registry_options
@json_option
def duties(
    *,
    organisation: str | None,
    overdue: bool,
    rule: str | None,
    day: str | None,
    limit: int,
    after: str | None,
    registry: Registry,
    as_json: bool,
) -> None:
    """
    List what must still be reported, the first due first: article, term, trigger, confidence.

    A rule that only the press supports is advisory, and counts against nobody; one whose term
    is not known opens nothing. Both are named in docs/rules.md.
    """
    today = _day(day)
    if organisation is not None:
        organisation = check_organisation(organisation)
    _bring_up(registry)
    found, following = registry.duties.page(
        today, organisation, which="overdue" if overdue else None, rule=rule, after=after, limit=limit
    )
    counts = [one for one in registry.duties.counts(today, organisation) if rule in {None, one.rule}]
    shown = [told(one, registry.duties.rule(one.duty), today) for one in found]
    if as_json:
        print_json(
            {
                "on": today.isoformat(),
                "due": sum(one.due for one in counts),
                "overdue": sum(one.overdue for one in counts),
                "duties": shown,
                "next": following,
            }
        )
        return
    late, due = sum(one.overdue for one in counts), sum(one.due for one in counts)
    click.echo(f"{late:,} overdue, {due:,} due later, on {today.isoformat()}.")
    if shown:
        Console(width=None if sys.stdout.isatty() else 160).print(_table(shown))
    if following:
        click.echo(f"There are more: --after {following}")


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(CHINA).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("usage.day", f"{text!r} is no day.", "Write it as 2026-06-01.") from None


def _bring_up(registry: Registry) -> None:
    """Follow the log to its end, so that what was reported just now counts."""
    left = registry.duties.follow()
    if not left:
        return
    with Progress(transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task("Following the log", total=left)
        while left:
            before, left = left, registry.duties.follow()
            bar.update(task, advance=before - left)


def _table(shown: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Due on", "", "What", "Of", "Owed by", "Term", "Article", "Confidence"):
        table.add_column(name, no_wrap=name in {"Due on", "Of", "Owed by"})
    for one in shown:
        binding = "" if one["enforced"] else ", advisory"
        table.add_row(
            str(one["due_on"]),
            str(one["standing"]),
            f"{one['duty']} ({one['rule']})",
            str(one["subject"]),
            str(one["organisation"]),
            f"{one['term']} {one['unit'].replace('_', ' ')}s from {', '.join(one['trigger']['kinds'])}",
            str(one["article"]),
            f"{one['confidence']}{binding}",
        )
    return table
