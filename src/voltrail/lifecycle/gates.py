"""
What may not be done, by the dated rules: one function for each sort of gate.

Each says what an event does against one rule, whatever that rule's standing: a finding where it is
enforced, a word of warning to who asks beforehand where it is advisory. Nothing here knows which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeGuard

from voltrail.codes import parse
from voltrail.errors import CodeError
from voltrail.events import kinds
from voltrail.lifecycle.scrapping import left_behind
from voltrail.lifecycle.shipping import country_of, goods_of_battery, shipment_of_lot
from voltrail.lifecycle.state import Battery, Finding, Lot, Model
from voltrail.lifecycle.swapping import reasons
from voltrail.lifecycle.transport import travel_state
from voltrail.lifecycle.world import World
from voltrail.organisations.trust import Organisation, has_role
from voltrail.regimes import border
from voltrail.regimes.border import Shipment
from voltrail.regimes.rules import Rule
from voltrail.swap.fitness import SENTENCES

_PRIVATE: Final = frozenset({"scrapping", "papers", "transport", "swap"})

_MAKERS: Final = frozenset({"battery_maker", "vehicle_maker", "importer"})


class Deed(NamedTuple):
    """What is done or meant to be, by whom, and what the record says before it."""

    event: Any
    by: Organisation
    world: World


def is_private(rule: Rule, event: Any) -> bool:
    """
    Return whether a gate's answer tells what is not public.

    That is what the record has in a vehicle, grants' evidence, in which state a battery is, and all of a lot.
    """
    return rule.about in _PRIVATE or (rule.about == "border" and bool(kinds.lots(event)))


def _handover(rule: Rule, deed: Deed) -> Iterator[Finding]:
    """Yield a finding when waste goes to an organisation that is not entitled to it."""
    event, world = deed.event, deed.world
    lawful = _words(rule)
    receiver = world.organisation(event.to)
    if receiver is not None and _is_entitled(receiver, rule, event, world):
        return
    why = "has none of the roles" if receiver is not None else "is not registered, so has none of the roles"
    if receiver is not None and has_role(receiver, lawful, event.occurred_at):
        why = "has no outlet on record, and is entitled to it by none other of the roles"
    yield _breach(
        rule,
        f"Waste batteries went to {event.to}, which {why} {', '.join(sorted(lawful))}.",
        "Hand waste batteries to a utilisation enterprise or to an outlet of their maker.",
    )


def _is_entitled(receiver: Organisation, rule: Rule, event: Any, world: World) -> bool:
    lawful = frozenset(_words(rule))
    if rule.needs != "outlet":
        return has_role(receiver, lawful, event.occurred_at)
    if has_role(receiver, lawful - _MAKERS, event.occurred_at):
        return True
    return has_role(receiver, lawful & _MAKERS, event.occurred_at) and world.has_outlet(receiver.identifier)


def _papers(rule: Rule, deed: Deed) -> Iterator[Finding]:
    """Yield a finding when the grant of a receiver's role names no evidence: its papers."""
    event, world = deed.event, deed.world
    receiver = world.organisation(event.to)
    if receiver is None or not has_role(receiver, _words(rule), event.occurred_at):
        return
    for one in world.events("organisation:" + receiver.identifier):
        if _grants_with_evidence(one.event, _words(rule), event.occurred_at):
            return
    yield _breach(
        rule,
        f"The record names no papers by which {event.to} is {' or '.join(_words(rule)).replace('_', ' ')}.",
        "Have it show its approval, environmental assessment and discharge permit;"
        " the authority names them when it grants the role.",
    )


def _grants_with_evidence(event: Any, roles: tuple[str, ...], when: datetime) -> bool:
    """Return whether an event grants one of the roles for a moment, and names what it was granted on."""
    if event.kind != "role_granted" or event.role not in roles or not event.evidence:
        return False
    return (event.from_ or event.occurred_at) <= when and (event.until is None or when < event.until)


def _use(rule: Rule, deed: Deed) -> Iterator[Finding]:
    """Yield a finding when batteries are made ready for a use that is barred."""
    event = deed.event
    if is_barred(event.use or "", _words(rule)):
        yield _breach(rule, f"{event.kind} for the use {event.use!r}: {rule.duty}.", "Choose another use.")


def is_barred(use: str, words: tuple[str, ...]) -> bool:
    """Return whether a use is one of those that words name, however it is written."""
    return any(_plain(use) in {word, word + "s"} for word in map(_plain, words))


def _plain(use: str) -> str:
    return use.strip().lower().replace("_", " ")


def _scrapping(rule: Rule, deed: Deed) -> Iterator[Finding]:
    """Yield a finding when a vehicle is scrapped without batteries that it should come with."""
    event = deed.event
    if left_behind(event, deed.world.events("vehicle:" + event.vin), _words(rule)) is not None:
        yield _breach(
            rule,
            f"The vehicle {event.vin} comes without a battery that it had, so it is incomplete.",
            "Name in `codes` each battery that came with it; where one was replaced, have that reported:"
            " `removed` with its reason, and `installed`.",
        )


def _echelon(rule: Rule, deed: Deed) -> Iterator[Finding]:
    """Yield a finding when a product of old batteries does not name what it meets."""
    event = deed.event
    if rule.needs == "second_life" and not any(map(_is_second_life, event.into)):
        return
    lacking = [name for name in _words(rule) if not getattr(event, name, None)]
    if lacking:
        yield _breach(
            rule,
            f"{event.kind} does not say by which {', '.join(lacking)} the product was made: {rule.duty}.",
            "Name the standard of the intended use in `standard`, by its number.",
        )


def _is_second_life(code: str) -> bool:
    try:
        return parse(code).second_life
    except CodeError:
        return False


def _border(rule: Rule, deed: Deed) -> Iterator[Finding]:
    """Yield a finding when something crosses a border that it may not, or without the consent it needs."""
    shipment = next((one for one in _shipments(deed) if _bars(rule, one, deed.event)), None)
    if shipment is None:
        return
    what = shipment.what.replace("_", " ")
    way = f"{what} from {shipment.origin} to {shipment.destination}"
    if border.reading(rule, shipment) == "consent":
        yield _breach(
            rule,
            f"{deed.event.kind} of {way} names no consent: {rule.duty}.",
            "Have the consent of the authorities on both sides, and name its number in `consent`.",
        )
    else:
        yield _breach(
            rule,
            f"{deed.event.kind} of {way}: {rule.duty}.",
            "Do not send it there. /border says which way is open; the authorities of both states decide.",
        )


def _bars(rule: Rule, shipment: Shipment, event: Any) -> bool:
    verdict = border.reading(rule, shipment)
    return verdict == "forbidden" or (verdict == "consent" and event.consent is None)


def _shipments(deed: Deed) -> Iterator[Shipment]:
    """Yield what crosses a border by an event, one for each sort of goods, as far as it is known."""
    event, world = deed.event, deed.world
    day = event.occurred_at.date()
    if event.kind == "lot_moved":
        lot = world.state("lot:" + event.lot)
        origin = event.from_country or (lot.country if isinstance(lot, Lot) else None)
        if isinstance(lot, Lot) and _crosses(origin, event.country):
            yield shipment_of_lot(lot, day, origin, event.country, event.waste_code)
        return
    origin = event.from_country or country_of(deed.by)
    if not _crosses(origin, event.country):
        return
    goods = set()
    for code in kinds.batteries(event):
        battery = world.state("battery:" + code)
        if isinstance(battery, Battery) and battery.phase == "waste":
            model = world.state("model:" + battery.model_id) if battery.model_id is not None else None
            goods.add(goods_of_battery(battery, model if isinstance(model, Model) else None))
    for what in sorted(goods):
        yield Shipment(what, day, origin, event.country, waste=True)


def _crosses(origin: str | None, destination: str | None) -> TypeGuard[str]:
    return origin is not None and destination is not None and origin != destination


def _transport(rule: Rule, deed: Deed) -> Iterator[Finding]:
    """Yield a finding when a pack in some state travels without a carrier named or packed otherwise."""
    event = deed.event
    packed = (event.packing or "").replace(" ", "").upper() in _words(rule)
    if event.carrier is not None and packed:
        return
    for code in kinds.batteries(event):
        if travel_state(deed.world.events("battery:" + code)).state == rule.travels:
            lacking = "a carrier" if packed else "the right packing"
            if event.carrier is None and not packed:
                lacking = "a carrier and the right packing"
            yield _breach(
                rule,
                f"{code} travels as {rule.travels}, and {event.kind} does not name {lacking}: {rule.duty}.",
                f"Name `carrier`, and {' or '.join(_words(rule))} in `packing`;"
                " where the battery is in order again, whoever looked at it reports so in `transport`.",
            )
            return


def _swap(rule: Rule, deed: Deed) -> Iterator[Finding]:
    """Yield a finding when a pack is put in that does not fit, or that should be in no vehicle."""
    event = deed.event
    found = reasons(event, deed.world, _words(rule)) if event.put_in is not None else ()
    if found:
        why = "; ".join(SENTENCES[reason] for reason in found)
        yield _breach(
            rule,
            f"{event.put_in} went into {event.vin} at {event.station}: {why}.",
            "Put in another pack. Where it is in order, have that reported: who looked at it in `transport`"
            " of `assessed`, the work in `serviced`; a code or an interface that is wrong is corrected.",
        )


def _words(rule: Rule) -> tuple[str, ...]:
    return rule.value if isinstance(rule.value, tuple) else ()


def _breach(rule: Rule, message: str, fix: str) -> Finding:
    return Finding("breach", f"breach.{rule.id}", message, fix, source=rule.article)


CHECKS: Final[dict[str, Callable[[Rule, Deed], Iterator[Finding]]]] = {
    "handover": _handover,
    "papers": _papers,
    "use": _use,
    "scrapping": _scrapping,
    "echelon": _echelon,
    "border": _border,
    "transport": _transport,
    "swap": _swap,
}
"""Each sort of gate that speaks of single events. Outlets and taking back are answered by the register."""
