<<<<<<< HEAD
<<<<<<< HEAD
"""`voltrail recycling`: what the rules of recycling say of material and batteries."""

from __future__ import annotations

from datetime import date, datetime

import click
from msgspec.structs import replace

from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.codes import is_code, parse
from voltrail.errors import NotFound, UsageError
from voltrail.lifecycle.shipping import shipment_of_lot
from voltrail.regimes.border import Shipment, Side, answer_as_told, check_goods, judge_shipment, read_assays
from voltrail.regimes.countries import check_country
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.registry import Registry

_SAID = {
    "forbidden": "Forbidden",
    "unknown": "Not configured: ask the authorities. That is no permission",
    "consent": "Needs the consent of the authorities of both sides",
    "allowed": "Allowed, as far as the rules of both sides are on record here",
=======
"""`voltrail recycling`: what came in, what came out, and what is missing."""

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
>>>>>>> balance
}


@click.group()
def recycling() -> None:
<<<<<<< HEAD
    """Ask what the rules of recycling say, and how material adds up."""


@recycling.command()
@click.argument("what")
@click.option("--from", "origin", metavar="COUNTRY", help="Where it leaves, such as DE.")
@click.option("--to", "destination", metavar="COUNTRY", required=True, help="Where it goes, such as CN.")
@click.option(
    "--on", "day", metavar="DAY", help="The day on which it leaves, such as 2026-11-09; else today."
)
@click.option("--waste/--not-waste", default=None, help="Whether it is waste; else what the record says.")
@click.option("--waste-code", metavar="CODE", help='Of the European list of waste, such as "16 06 07*".')
@click.option("--assays", metavar="SHARES", help='Shares of dry mass, such as "Ni=0.2, Co=0.08, Li=4%".')
@registry_options
@json_option
def border(
    *,
    what: str,
    origin: str | None,
    destination: str,
    day: str | None,
    waste: bool | None,
    waste_code: str | None,
    assays: str | None,
=======
    """See whether material adds up: from batteries to lots to metals."""


@recycling.command("balance")
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
>>>>>>> balance
    registry: Registry,
    as_json: bool,
) -> None:
    """
<<<<<<< HEAD
    Say whether WHAT may cross a border on a day, by each side's rule.

    WHAT is a substance such as black_mass, one of lithium_batteries, sodium_batteries and batteries, a lot
    (ORGANISATION/NUMBER) or a battery's code: then the record says what it is and where it lies.
    """
    shipment = _shipment(registry, what, origin, check_country(destination), _day(day))
    if waste is not None:
        shipment = replace(shipment, waste=waste)
    if waste_code is not None:
        shipment = replace(shipment, waste_code=waste_code)
    if assays is not None:
        shipment = replace(shipment, assays=read_assays(assays))
    answer = judge_shipment(shipment, registry.rulebook.rules().all)
    if as_json:
        print_json(
            {"what": shipment.what, "on": shipment.day, "from": shipment.origin, "to": shipment.destination}
            | answer_as_told(answer)
        )
        return
    goods = shipment.what.replace("_", " ")
    click.echo(f"{goods} from {shipment.origin} to {shipment.destination} on {shipment.day}:")
    click.echo(f"{_SAID[answer.verdict]}.")
    for side in answer.sides:
        _print_side(side)


def _shipment(registry: Registry, what: str, origin: str | None, destination: str, day: date) -> Shipment:
    """Return what is asked about: a lot or a battery as the record has it, or goods as they were named."""
    named = check_country(origin) if origin is not None else None
    if "/" in what:
        lot = registry.lots.find(what)
        if lot is None:
            raise NotFound("lot.unknown", f"There is no lot {what[:90]!r}.", "The page /lots lists them.")
        return shipment_of_lot(lot, day, named or _known(lot.country), destination)
    if is_code(what):
        load = registry.load(parse(what).text)
        return Shipment(load.what, day, named or _known(load.country), destination, load.is_waste)
    return Shipment(check_goods(what), day, named or _known(None), destination)


def _known(country: str | None) -> str:
    if country is None:
        raise UsageError("border.country", "The record does not say where it leaves.", "Name it with --from.")
    return country


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(CHINA).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("usage.day", f"{text!r} is no day.", "Write it as 2026-11-09.") from None


def _print_side(side: Side) -> None:
    leaves = "leaves" if side.side == "export" else "enters"
    click.echo(f"\n{leaves} {side.country}: {side.verdict}")
    for rule in (*(() if side.rule is None else (side.rule,)), *side.open):
        click.echo(f"  {rule.id} ({rule.standing}): {rule.duty}")
        click.echo(f"  {rule.article or 'no article'}; {rule.confidence}, {rule.source}")
        if rule.gap:
            click.echo(f"  {rule.gap}")
    if side.rule is None and not side.open:
        click.echo("  no rule here speaks of it")
    for one in side.held:
        bound = (
            f"at least {one.limit.least:g}" if one.limit.least is not None else f"at most {one.limit.most:g}"
        )
        found = "not known" if one.found is None else f"{one.found:g}"
        kept = {True: "kept", False: "not kept", None: "not known"}[one.kept]
        click.echo(f"  {one.table.name}: {' + '.join(one.limit.elements)} {bound}: {found}, {kept}")
=======
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
>>>>>>> balance
=======
"""`voltrail recycling`: what came in and came out of plants, and what of it is in new batteries."""

from __future__ import annotations

from pathlib import Path

import click

from voltrail.cli.common import Group, json_option, print_json, registry_options
from voltrail.events.masses import kilograms
from voltrail.ledger.notes import Policy
from voltrail.recycling.proof import Proved, verify_claim
from voltrail.registry.registry import Registry


@click.group(cls=Group)
def recycling() -> None:
    """Follow material from batteries to metals, and into new batteries."""


@recycling.command()
@click.argument("code")
@click.option(
    "--out",
    "file",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; one that stands there is replaced.",
)
@registry_options
def claim(*, code: str, file: Path, registry: Registry) -> None:
    """
    Write the proof of a battery's recycled content to FILE: its own history and those of all lots upstream.

    What firms report of material is shown whole in it. Who has the file verifies it without the registry.
    """
    data = registry.recycled_proof(code)
    part = file.with_name(file.name + ".part")
    part.write_bytes(data)
    part.replace(file)
    click.echo(f"{file}: {len(data):,} bytes. Check it with: voltrail recycling verify {file}")


@recycling.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--policy",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The log and witnesses you believe: policy.txt.",
)
@click.option(
    "--authority",
    "authorities",
    required=True,
    multiple=True,
    metavar="VKEY",
    help="The authority's public key.",
)
@json_option
def verify(*, file: Path, policy: Path, authorities: tuple[str, ...], as_json: bool) -> None:
    """
    Verify a proof of recycled content and work its figures out again: no network, no registry.

    Exit code 1 when anything does not hold.
    """
    proved = verify_claim(file.read_bytes(), Policy.parse(policy.read_text()), authorities)
    if as_json:
        print_json(_told(proved))
        return
    click.echo(f"Verified: recycled content of {proved.code}")
    click.echo(
        f"  ✓ {proved.chains} chains, {proved.events} events, under {proved.origin} "
        f"with {proved.size} entries, {proved.witnessed}."
    )
    click.echo(f"  ✓ {len(proved.lots)} lots upstream; the figures follow from their events alone.")
    for share in proved.content.shares:
        used, declared, waste = map(kilograms, share.recycled)
        percent = (
            "no share: its model does not say how much there is"
            if share.percent is None
            else f"{share.percent:g} %"
        )
        click.echo(
            f"  {share.element}: {percent} ({used:g} kg of batteries on record, {declared:g} kg as declared "
            f"by suppliers, {waste:g} kg of manufacturing waste; {kilograms(share.traced):g} kg traced)"
        )
    if proved.without_models:
        click.echo(
            f"{len(proved.without_models)} processes in which batteries ended are not held against "
            "what those were made of."
        )


def _told(proved: Proved) -> dict[str, object]:
    return {
        "verified": True,
        "code": proved.code,
        "origin": proved.origin,
        "size": proved.size,
        "witnessed": proved.witnessed,
        "chains": proved.chains,
        "events": proved.events,
        "lots": list(proved.lots),
        "points": proved.content.points(),
        "shares": list(proved.content.shares),
        "without_models": list(proved.without_models),
    }
>>>>>>> content
