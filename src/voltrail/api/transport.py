"""/b/{code}/transport: as what a battery travels, and in which state; the paper that goes with it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from voltrail.api.access import reader_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import CodeText
from voltrail.api.duties import today
from voltrail.api.log import standing
from voltrail.codes import carriers, parse
from voltrail.errors import AccessError
from voltrail.lifecycle.transport import TravelState
from voltrail.organisations.access import BATTERY, Eyes
from voltrail.regimes.rules import Rule
from voltrail.regimes.transport import Goods, packing_of
from voltrail.registry.loads import Load

DANGER_CLASS: Final = "9"

On = Annotated[date | None, QueryParameter(description="the day on which it leaves; else today")]
To = Annotated[str | None, QueryParameter(max_length=400, description="who receives it, with the address")]
Carrier = Annotated[str | None, QueryParameter(max_length=400, description="who carries it")]
Packages = Annotated[str | None, QueryParameter(max_length=40, description="number and sort of packages")]
Gross = Annotated[str | None, QueryParameter(max_length=40, description="gross mass in kilograms")]
Phone = Annotated[str | None, QueryParameter(max_length=40, description="a telephone number for emergencies")]


class Journey(msgspec.Struct, frozen=True):
    """What a reader may know of how a battery travels; `travels` is None where that is not for them."""

    code: str
    load: Load
    eyes: Eyes
    day: date
    travels: TravelState | None
    place: str | None
    goods: Goods | None
    packing: Rule | None


@get("/b/{code:str}/transport", sync_to_thread=True, summary="How a battery travels")
def transport(request: Asked, code: CodeText, on: On = None) -> Response[bytes]:
    """Return in which state a battery travels, where that may be seen, its UN number and its packing."""
    journey = _journey(request, code, on)
    if not wants_page(request):
        return as_json(_told(journey))
    return as_page(
        page_for(request), "transport", journey=journey, load=journey.load, travels=journey.travels
    )


@get("/b/{code:str}/transport/paper", sync_to_thread=True, summary="The paper that goes with a battery")
def paper(
    request: Asked,
    code: CodeText,
    on: On = None,
    to: To = None,
    carrier: Carrier = None,
    packages: Packages = None,
    gross: Gross = None,
    phone: Phone = None,
) -> Response[bytes]:
    """Return the transport paper of a battery, to be printed and signed; for who may see its state."""
    registry, journey = registry_of(request), _journey(request, code, on)
    if journey.travels is None:
        raise AccessError(
            "access.transport",
            "In which state a battery travels is told to who has it, works on it or answers for it.",
            "Sign in for its holder; whoever ships it prints the paper.",
        )
    filled = {"to": to, "carrier": carrier, "packages": packages, "gross": gross, "phone": phone}
    if not wants_page(request):
        return as_json(_told(journey) | {name: text or None for name, text in filled.items()})
    return as_page(
        page_for(request),
        "transport_paper",
        journey=journey,
        load=journey.load,
        travels=journey.travels,
        holder=journey.load.holder if journey.eyes.see(BATTERY, "holder") else None,
        filled=filled,
        danger_class=DANGER_CLASS,
        qr=carriers.encode("qr", f"https://{registry.host}/b/{journey.code}"),
        origin=registry.origin,
        standing=standing(registry),
    )


def _journey(request: Asked, code: str, on: date | None) -> Journey:
    registry, text, day = registry_of(request), parse(code).text, on or today()
    load, eyes = registry.load(text), registry.eyes(text, reader_of(request))
    place = load.where.place if eyes.see(BATTERY, "place") else None
    travels = load.travels if eyes.see(BATTERY, "transport") else None
    country = load.country if eyes.see(BATTERY, "holder") else None
    rules = registry.rulebook.rules().all
    packing = None
    if travels is not None and place != "in_vehicle":  # a vehicle is not packed
        packing = packing_of(travels.state, country, rules, day)
    return Journey(text, load, eyes, day, travels, place, load.goods(place, day), packing)


def _told(journey: Journey) -> dict[str, Any]:
    goods, packing, travels = journey.goods, journey.packing, journey.travels
    return {
        "code": journey.code,
        "on": journey.day,
        "travels": None
        if travels is None
        else {
            "state": travels.state,
            "because": travels.because,
            "index": travels.index,
            "at": travels.at,
            "campaign": travels.campaign,
        },
        "goods": None
        if goods is None
        else {
            "un": goods.un,
            "name": goods.name,
            "class": DANGER_CLASS,
            "source": goods.source,
            "confidence": goods.confidence,
            "note": goods.note,
        },
        "packing": None
        if packing is None
        else {
            "instructions": packing.value,
            "rule": packing.id,
            "article": packing.article,
            "source": packing.source,
            "confidence": packing.confidence,
            "standing": packing.standing,
            "gap": packing.gap,
        },
        "withheld": [] if travels is not None else ["transport"],
    }


ROUTES: Final = (transport, paper)
