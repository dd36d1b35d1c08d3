"""/border: may this cross that border? Each side's rule, and what follows from both."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from voltrail.api.access import reader_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.duties import today
from voltrail.api.failures import status_of
from voltrail.api.lots import SUBSTANCES, seen_lot
from voltrail.codes import parse
from voltrail.errors import UsageError, VoltrailError
from voltrail.organisations.access import BATTERY
from voltrail.regimes.border import (
    BATTERIES,
    WASTE_CODES,
    Answer,
    Shipment,
    answer_as_told,
    check_goods,
    judge_shipment,
    read_assays,
)
from voltrail.regimes.countries import GROUPS, check_country

What = Annotated[
    str | None,
    QueryParameter(max_length=64, description="a substance, such as black_mass, or lithium_batteries"),
]
IsWaste = Annotated[str | None, QueryParameter(max_length=8, description="yes, no, or empty: not known")]
WasteCodeAsked = Annotated[
    str | None, QueryParameter(max_length=64, description="of the European list of waste, such as 16 06 07*")
]
On = Annotated[date | None, QueryParameter(description="the day on which it leaves; else today")]
From = Annotated[
    str | None, QueryParameter(name="from", max_length=64, description="two letters of ISO 3166, such as DE")
]
To = Annotated[str | None, QueryParameter(max_length=64, description="where it goes to, such as CN")]
Assays = Annotated[
    str | None,
    QueryParameter(max_length=400, description="shares of dry mass, such as Ni=0.2, Co=0.08, Li=4%"),
]
LotName = Annotated[
    str | None, QueryParameter(max_length=100, description="a lot of the record to begin with")
]
Code = Annotated[str | None, QueryParameter(max_length=64, description="a battery to begin with")]


class Asking(msgspec.Struct, frozen=True):
    """What the form holds: as it was typed, or as the record has it."""

    what: str = "black_mass"
    waste: str = ""
    waste_code: str = ""
    on: date | None = None
    origin: str = ""
    destination: str = ""
    assays: str = ""
    lot: str = ""
    code: str = ""


@get("/border", sync_to_thread=True, summary="May this cross that border?")
def border(
    request: Asked,
    what: What = None,
    waste: IsWaste = None,
    waste_code: WasteCodeAsked = None,
    on: On = None,
    origin: From = None,
    to: To = None,
    assays: Assays = None,
    lot: LotName = None,
    code: Code = None,
) -> Response[bytes]:
    """
    Return whether a shipment is allowed, needs consent or is forbidden, and each side's rule.

    `unknown` where that is not configured. `lot` or `code` fill in what the record says of it, where that may
    be seen; what is named beside counts first.
    """
    asked, answer, error = Asking(on=on or today()), None, None
    said = {
        "what": what,
        "waste": waste,
        "waste_code": waste_code,
        "origin": origin,
        "destination": to,
        "assays": assays,
    }
    try:
        asked = _recorded(request, asked, lot or "", code or "")
        asked = msgspec.structs.replace(
            asked, **{name: text for name, text in said.items() if text is not None}
        )
        if (asked.origin and asked.destination) or not wants_page(request):
            answer = _answer(request, asked)
    except VoltrailError as one:
        error = one
        asked = msgspec.structs.replace(
            asked, **{name: text for name, text in said.items() if text is not None}
        )
    tell_programs(request, error)
    if answer is not None and not wants_page(request):
        return as_json(_asked_as_told(asked) | answer_as_told(answer))
    return as_page(
        page_for(request),
        "border",
        200 if error is None else status_of(error),
        asked=asked,
        answer=answer,
        error=error,
        goods=(*BATTERIES, *SUBSTANCES),
        groups={country: _groups(country, asked.on) for country in (asked.origin, asked.destination)},
        waste_codes=WASTE_CODES,
    )


def _recorded(request: Asked, asked: Asking, lot: str, code: str) -> Asking:
    """Return the form with what the record says of a lot or a battery, as far as whoever asks may see it."""
    registry = registry_of(request)
    if lot:
        found, _ = seen_lot(request, lot)
        return msgspec.structs.replace(
            asked,
            lot=lot,
            what=found.substance or "other",
            waste="yes" if found.waste else "no",
            waste_code=found.waste_code or "",
            origin=found.country or "",
            assays=", ".join(f"{element}={fraction:g}" for element, fraction, _ in found.assays),
        )
    if code:
        load, text = registry.load(code), parse(code).text
        eyes = registry.eyes(text, reader_of(request))
        return msgspec.structs.replace(
            asked,
            code=text,
            what=load.what,
            waste="yes" if load.is_waste else "no",
            origin=load.country or "" if eyes.see(BATTERY, "holder") else "",
        )
    return asked


def _answer(request: Asked, asked: Asking) -> Answer:
    if asked.waste not in {"", "yes", "no"}:
        raise UsageError(
            "border.waste",
            f"{asked.waste!r} does not say whether it is waste.",
            "Write yes or no, or nothing.",
        )
    shipment = Shipment(
        check_goods(asked.what),
        asked.on or today(),
        check_country(asked.origin),
        check_country(asked.destination),
        {"yes": True, "no": False}.get(asked.waste),
        asked.waste_code or None,
        read_assays(asked.assays),
    )
    return judge_shipment(shipment, registry_of(request).rulebook.rules().all)


def _groups(country: str, day: date | None) -> list[str]:
    named = country.strip().upper()
    return [one.id for one in GROUPS.values() if day is not None and one.has(named, day)]


def _asked_as_told(asked: Asking) -> dict[str, Any]:
    return {
        "what": asked.what,
        "waste": {"yes": True, "no": False}.get(asked.waste),
        "waste_code": asked.waste_code or None,
        "on": asked.on,
        "from": asked.origin.strip().upper(),
        "to": asked.destination.strip().upper(),
        "lot": asked.lot or None,
        "code": asked.code or None,
    }


ROUTES: Final = (border,)
