"""Batteries: one by its code, its history, family and evidence; and lists of them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect

from voltrail.api.access import reader_of
from voltrail.api.answers import NEGOTIATED, Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.followed import follows
from voltrail.codes import parse
from voltrail.errors import AccessError, NotFound, RegistryClosed, UnknownBattery, UsageError
from voltrail.ledger.evidence import decode
from voltrail.organisations.access import BATTERY
from voltrail.regimes.china.card import by_link
from voltrail.registry.registry import Registry
from voltrail.registry.vehicle_packs import told_of_pack
from voltrail.web.proof import read_proof
from voltrail.web.reading import read_out, title

EVENTS_ON_PAGE: Final = 50
EVENTS_ON_CARD: Final = 500

CodeText = Annotated[str, PathParameter(description="24 or 19 characters, or an NC- id")]
Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="how many at most")]
Moment = Annotated[str | None, QueryParameter(description="RFC 3339 with offset, as 2026-05-03T08:00:00Z")]
Before = Annotated[int | None, QueryParameter(ge=0, le=2**63 - 1, description="`next` of the page before")]
Depth = Annotated[int, QueryParameter(ge=0, le=32, description="how many generations")]
Words = Annotated[
    str | None,
    QueryParameter(max_length=200, description="a code, its beginning or its end; an identifier or a name"),
]
Level = Annotated[str | None, QueryParameter(description="pack, module or cell")]
Place = Annotated[str | None, QueryParameter(description="only for those who may see where batteries are")]
ModelId = Annotated[str | None, QueryParameter(max_length=256, description="only batteries of this model")]
Index = Annotated[int, PathParameter(ge=0, le=2**63 - 1, description="the event's place in the log")]
After = Annotated[str | None, QueryParameter(max_length=200, description="`next` of the page before")]


@get("/b/{code:str}", sync_to_thread=True, summary="One battery")
def battery(
    request: Asked, code: CodeText, as_of: Moment = None, known_at: Moment = None, before: Before = None
) -> Response[Any]:
    """
    Return what the reader may know of a battery: the page for people, JSON for programs.

    `as_of` shows the world at that time as known now, `known_at` what the record knew at that time.
    """
    registry, reader = registry_of(request), reader_of(request)
    parsed = parse(code)
    times = read_moment("as_of", as_of), read_moment("known_at", known_at)
    kept = registry.handed.of(parsed.text)
    try:
        found = registry.battery(parsed.text, *times, reader)
    except UnknownBattery:
        if kept is None:
            raise
        return Redirect(page_for(request).link(f"/b/{parsed.text}/handed"), status_code=303)
    found |= {"recalls": [] if any(times) else registry.recalls.of_battery(parsed.text)}
    contradicted = [] if any(times) else registry.contradictions(parsed.text, reader)
    if not wants_page(request):
        return as_json(found | {"vehicles": [told_of_pack(one) for one in contradicted]})
    page = page_for(request)
    history = registry.history(parsed.text, reader, EVENTS_ON_PAGE, before, order="life")
    return as_page(
        page,
        "battery",
        battery=found,
        organisations=registry.names({found[name] for name in ("holder", "owner") if found.get(name)}),
        parts=read_out(parsed, page.language),
        title=title(parsed, page.language),
        history=history,
        family=registry.genealogy(parsed.text, 1),
        checkpoint=_checkpoint(registry),
        origin=registry.origin,
        as_of=as_of,
        known_at=known_at,
        follows=follows(request, parsed.text),
        kept=kept,
        contradicted=contradicted,
        alarmed=registry.eyes(parsed.text, reader).see("incident_reported", "alarms")
        and registry.vehicle_alarms.of_battery(parsed.text, 1),
    )


@get("/b/{code:str}/history", sync_to_thread=True, summary="A battery's events")
def history(request: Asked, code: CodeText, limit: Limit = 100, before: Before = None) -> Response[bytes]:
    """Return a battery's events, the last in the log first; `next` is the `before` of the next page."""
    return as_json(registry_of(request).history(code, reader_of(request), limit, before))


@get("/b/{code:str}/events/{index:int}", sync_to_thread=True, summary="One event, and what was signed of it")
def event(request: Asked, code: CodeText, index: Index) -> Response[bytes]:
    """
    Return one event of a battery as its evidence proves it, and the signed note of its report.

    Members are given by their exact bytes, each with its salt, or withheld as a digest.
    """
    registry, reader, text = registry_of(request), reader_of(request), parse(code).text
    given = decode(registry.evidence(text, reader))
    found = next((one for one in given.events if one.index == index), None)
    if found is None:
        raise NotFound(
            "event.unknown",
            f"Entry {index:,} is no event of {text}, or its evidence does not reach so far yet.",
            f"Its events are listed at /b/{text}/history.",
        )
    note = given.reports[found.report]
    if not wants_page(request):
        return as_json({"code": text, "event": found, "report": note})
    told = registry.history(text, reader, 1, index + 1)
    return as_page(
        page_for(request),
        "event",
        code=text,
        event=told["events"][0],
        proof=read_proof(found, note),
        origin=registry.logs.at(index).origin,
    )


@get("/b/{code:str}/genealogy", sync_to_thread=True, summary="A battery's family")
def genealogy(request: Asked, code: CodeText, depth: Depth = 8) -> Response[bytes]:
    """Return a battery's parts, what it was made from and what it was made into; for people to unfold."""
    family = registry_of(request).genealogy(code, depth)
    if not reader_of(request).eyes.see(BATTERY, "parent"):
        family = without_parents(family)
    if wants_page(request):
        return as_page(page_for(request), "family", family=family)
    return as_json(family)


@get("/b/{code:str}/card", sync_to_thread=True, summary="A battery's digital ID card")
def card(request: Asked, code: CodeText) -> Response[bytes]:
    """Return a battery as China's regime sees it: what each link of the chain reported."""
    registry, reader, parsed = registry_of(request), reader_of(request), parse(code)
    found = registry.battery(parsed.text, reader=reader)
    history = registry.history(parsed.text, reader, EVENTS_ON_CARD, order="life")
    links = by_link([one for one in history["events"] if one["corrected_by"] is None])
    if not wants_page(request):
        told = [{"link": link.name, "roles": link.roles, "events": events} for link, events in links]
        return as_json({"code": parsed.text, "links": told, "events": history["count"]})
    page = page_for(request)
    reporters = {one["reporter"] for one in history["events"] if one["reporter"]}
    return as_page(
        page,
        "card",
        battery=found,
        parts=read_out(parsed, page.language),
        title=title(parsed, page.language),
        links=links,
        shown=len(history["events"]),
        count=history["count"],
        names=registry.names(reporters),
    )


@get("/b/{code:str}/evidence", sync_to_thread=True, summary="A battery's evidence, as a file")
def evidence(request: Asked, code: CodeText) -> Response[bytes]:
    """Return the file by which anyone can verify the history without this registry."""
    reader, text = reader_of(request), parse(code).text
    name = re.sub(r"[^A-Za-z0-9.-]", "_", text)
    return Response(
        registry_of(request).evidence(text, reader),
        media_type="application/json",
        headers=NEGOTIATED | {"Content-Disposition": f'attachment; filename="{name}.evidence.json"'},
    )


@get("/batteries", sync_to_thread=True, summary="List batteries")
def batteries(
    request: Asked,
    q: Words = None,
    level: Level = None,
    place: Place = None,
    model: ModelId = None,
    limit: Limit = 50,
    after: After = None,
) -> Response[Any]:
    """Return batteries in the order of their codes, or those whose code begins with `q`."""
    check_place(request, place)
    if model and wants_page(request):
        return Redirect(page_for(request).link(f"/models/{model}"), status_code=303)
    if q:
        found, following = search(request, q, limit), None
    else:
        found, following = listed(request, level, limit, after, model, place)
    if wants_page(request):
        return as_page(
            page_for(request),
            "search",
            q=q or "",
            found=found,
            vehicle=False,
            more=bool(q) and len(found) == limit,
            following=following,
            level=level,
        )
    return as_json({"batteries": [one for one in found if "code" in one], "next": following})


def search(request: Asked, text: str, limit: int) -> list[dict[str, Any]]:
    """Return what a text may mean: batteries by `code`, others by `kind` and `id`; `match` says how."""
    return [
        {"code": one["id"], "level": parse(one["id"]).level, "match": one["match"]}
        if one["kind"] == "battery"
        else one
        for one in registry_of(request).search(text, limit)
    ]


def listed(
    request: Asked,
    level: str | None,
    limit: int,
    after: str | None,
    model: str | None = None,
    place: str | None = None,
) -> tuple[list[dict[str, Any]], str | None]:
    """Return what the reader may see of batteries in the order of their codes, and the next `after`."""
    eyes = reader_of(request).eyes
    rows = registry_of(request).batteries(level or None, place or None, limit, after, model)
    hidden = {name for name in ("place",) if not eyes.see(BATTERY, name)}
    shown = [{name: value for name, value in row.items() if name not in hidden} for row in rows]
    return shown, rows[-1]["code"] if len(rows) == limit else None


def check_place(request: Asked, place: str | None) -> None:
    """Refuse to sort batteries by what the reader may not see of each."""
    if place and not reader_of(request).eyes.see(BATTERY, "place"):
        raise AccessError(
            "access.place",
            "Where a battery is, is not public.",
            "Leave `place` out; those who may see it sign in.",
        )


def _checkpoint(registry: Registry) -> list[str] | None:
    """Return the lines of the checkpoint, or None when the log is closed: its pages are still read."""
    try:
        return registry.checkpoint().split("\n")
    except RegistryClosed:
        return None


def without_parents(node: dict[str, Any]) -> dict[str, Any]:
    """Return a family tree without what each is built into."""
    kept = {name: value for name, value in node.items() if name != "parent"}
    return kept | {
        name: [without_parents(one) for one in kept[name]]
        for name in ("parts", "predecessors", "successors")
        if name in kept
    }


def read_moment(name: str, text: str | None) -> datetime | None:
    """Return the time of a query parameter. Raises UsageError."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise UsageError(
            "request.time",
            f"{name} is {text[:40]!r}; a time with its offset is needed.",
            "Write 2026-05-03T08:00:00Z or 2026-05-03T16:00:00%2B08:00 (in an address + is written %2B).",
        )
    return when


ROUTES: Final = (battery, history, event, genealogy, card, evidence, batteries)
