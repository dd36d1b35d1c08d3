"""`voltrail recycling balance`: what came in, what came out, and what is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, get_args

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.errors import UsageError
from voltrail.organisations.identifiers import check_organisation
from voltrail.recycling.balance import Balance, By, Sheet, balance
from voltrail.recycling.rates import Rate
from voltrail.recycling.targets import Target
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.lots import Scope
from voltrail.registry.registry import Registry

_BAR = 20  # characters for 100 %
_VERDICTS = {
    "met": "[green]reached[/]",
    "missed": "[red]missed[/]",
    "too_close": "too close to say",
    "open": "open",
    "impossible": "[red]more than came in[/]",
}


@click.command("balance")
@click.option(
    "--by", default="site", show_default=True, type=click.Choice(get_args(By)), help="One balance each."
)
@click.option("--site", metavar="NAME", help="Only this site, as reports name it.")
@click.option("--organisation", metavar="ID", help="Only what this organisation reported.")
@click.option("--batch", metavar="NAME", help="Only this batch.")
@click.option(
    "--chemistry", metavar="NAME", help="Only from batteries of it, such as LFP; or mixed, or unknown."
)
@click.option("--from", "since", metavar="DAY", help="From that day in China on, such as 2026-01-01.")
@click.option("--to", "until", metavar="DAY", help="Until the end of that day.")
@registry_options
@json_option
def balance_(
    *,
    by: By,
    site: str | None,
    organisation: str | None,
    batch: str | None,
    chemistry: str | None,
    since: str | None,
    until: str | None,
    registry: Registry,
    as_json: bool,
) -> None:
    """
    Balance material by element, with uncertainty, and hold recovery against the targets of the date.

    A batch belongs to the day and the site of its last event. Findings change nothing of the exit code.
    """
    first, last = _day(since), _day(until)
    if first is not None and last is not None and last < first:
        raise UsageError("usage.day", f"{last} is before {first}.", "Give the earlier day as --from.")
    if organisation is not None:
        organisation = check_organisation(organisation)
    _bring_up(registry)
    # What a chemistry is follows from the batteries upstream, wherever they were taken apart.
    narrow = chemistry is None and by != "chemistry"
    scope = Scope(
        site=site if narrow else None,
        organisation=organisation if narrow else None,
        batch=batch if narrow else None,
        start=_midnight(first) if narrow else None,
        end=_midnight(last and last + timedelta(days=1)) if narrow else None,
    )
    sheet = balance(
        registry.lots.material(scope),
        by=by,
        since=first,
        until=last,
        organisation=organisation,
        site=site,
        batch=batch,
        chemistry=chemistry,
    )
    if as_json:
        print_json(
            {
                "by": by,
                "from": since,
                "to": until,
                "claims_more_than_came_in": list(sheet.claiming_sites),
                "claims": [{**_plain(one), "message": one.message} for one in sheet.claims],
                "balances": list(sheet),
            }
        )
        return
    _tell(sheet)


def _plain(claim: Any) -> dict[str, Any]:
    return {name: getattr(claim, name) for name in claim.__struct_fields__}


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("usage.day", f"{text!r} is no day.", "Write it as 2026-06-01.") from None


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), CHINA)


def _bring_up(registry: Registry) -> None:
    """Follow the log to its end, so that what was reported just now counts."""
    left = registry.lots.follow()
    if not left:
        return
    with Progress(transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task("Following the log", total=left)
        while left:
            before, left = left, registry.lots.follow()
            bar.update(task, advance=before - left)


# ------------------------------------------------------------------ in words


def _tell(sheet: Sheet) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    if not len(sheet):
        console.print("No run of a plant is on record here.")
        return
    notes = set()
    for one in sheet:
        _head(console, one)
        console.print(_elements(one))
        if one.rates:
            console.print()
            console.print(_rates(one.rates))
        notes |= {_note(judged.target) for rate in one.rates for judged in rate.targets}
        for finding in one.findings:
            colour = "red" if finding.kind == "conflict" else "yellow"
            fix = f" {escape(finding.fix)}" if finding.fix else ""
            console.print(f"[{colour}]{finding.kind}[/] {escape(finding.message)}{fix}")
        console.print()
    for note in sorted(notes):
        console.print(note)
    named = ", ".join(sheet.claiming_sites)
    console.print(f"Claims more than came in: {escape(named) or 'nobody'}.", style="bold")


def _head(console: Console, one: Balance) -> None:
    days = f"{one.first}" if one.first == one.last else f"{one.first} to {one.last}"
    of = f" of {one.organisation}" if one.organisation not in {None, one.name} else ""
    console.rule(f"[bold]{escape(one.name)}[/]{of} · {days}", align="left")
    silent = f" ({one.unmeasured:,} without what came out)" if one.unmeasured else ""
    console.print(
        f"Batches: {one.batches:,}{silent}; batteries: {one.batteries:,}; {one.mass.in_kg:,.1f} kg in, "
        f"{one.mass.out_kg:,.1f} kg out, {_gap(one.mass.gap_kg)}"
    )
    left = ", ".join(f"{kg:,.1f} kg {name.replace('_', ' ')}" for name, kg in one.mass.left_kg.items())
    if left:
        console.print(f"In stock or handed on: {left}.")


def _gap(kg: float) -> str:
    return f"{abs(kg):,.1f} kg {'missing' if kg >= 0 else 'too much'}."


def _elements(one: Balance) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "In kg", "Products", "Waste", "Out kg", "In − out", "±", "Estimated", "Unknown in"):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for element in one.elements:
        total = element.in_kg + element.out_kg
        table.add_row(
            element.element,
            *(
                f"{kg:,.1f}"
                for kg in (
                    element.in_kg,
                    element.recovered_kg,
                    element.lost_kg,
                    element.out_kg,
                    element.gap_kg,
                    element.uncertainty_kg,
                )
            ),
            f"{element.estimated_kg / total:.0%}" if element.estimated_kg else "",
            f"of {element.unknown_in_kg:,.0f} kg" if element.unknown_in_kg else "",
        )
    return table


def _rates(rates: Sequence[Rate]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Rate", "", "", "±", "Estimated", "Target", "", ""):
        table.add_column(name, no_wrap=True)
    for rate in rates:
        name = rate.metric.replace("_", " ").capitalize() + (f" of {rate.element}" if rate.element else "")
        value = f"{rate.low:.1%} to {rate.high:.1%}" if rate.value is None else f"{rate.value:.1%}"
        estimated = f"{rate.estimated_fraction:.0%}" if rate.estimated_fraction >= 0.005 else ""
        lines = list(_targets(rate)) or [("", "", "")]
        table.add_row(
            f"{name}, {rate.stage}", value, _bar(rate), f"{rate.uncertainty:.1%}", estimated, *lines[0]
        )
        for line in lines[1:]:
            table.add_row("", "", "", "", "", *line)
    return table


def _targets(rate: Rate) -> Iterator[tuple[str, str, str]]:
    for one in rate.targets:
        target = one.target
        verdict = _VERDICTS[one.verdict] if one.counts else f"{one.verdict.replace('_', ' ')}, not confirmed"
        yield f"{target.operator} {target.value:g} %", verdict, target.regime


def _note(target: Target) -> str:
    """Return where a target stands, and what is not known of it."""
    gap = f"; {target.gap}" if target.gap else ""
    return f"[bold]{target.regime}[/] {escape(target.article)}{escape(gap)}."


def _bar(rate: Rate) -> str:
    """Return a bar from 0 to 100 %, the part that is open dotted, the target as a stroke."""
    sure = round(min(max(rate.low, 0), 1) * _BAR)
    may_be = round(min(max(rate.high, 0), 1) * _BAR)
    cells = ["█"] * sure + ["░"] * (may_be - sure) + [" "] * (_BAR - may_be)
    for one in rate.targets:
        if one.target.operator == ">=":
            cells[min(int(one.target.value / 100 * _BAR), _BAR - 1)] = "│"
    return "".join(cells)
