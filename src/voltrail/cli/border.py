"""`voltrail recycling border`: whether material or batteries may cross a border."""

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
}


@click.command()
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
    registry: Registry,
    as_json: bool,
) -> None:
    """
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
