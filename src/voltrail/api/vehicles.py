"""What vehicles say of their batteries: where it does not agree with the record, and their alarms."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import PathParameter, QueryParameter

from voltrail.api.access import reader_of
from voltrail.api.answers import NEGOTIATED, Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import After, CodeText
from voltrail.api.missing import for_authority
from voltrail.api.work import reading
from voltrail.codes import parse
from voltrail.errors import AccessError, NotFound
from voltrail.gateway.binding import trace_path
from voltrail.gateway.folder import Folder
from voltrail.organisations.access import BATTERY, Eyes, Reader, Sight
from voltrail.registry.registry import Registry
from voltrail.registry.vehicle_alarms import Alarm, told_of_alarm
from voltrail.registry.vehicle_packs import DISCREPANCIES, VehiclePack, told_of_pack

ON_PAGE: Final = 50
FRAMES_TYPE: Final = "application/octet-stream"

Verdict = Annotated[
    str | None, QueryParameter(description="only one verdict, such as `two_vehicles`; else every discrepancy")
]
Digest = Annotated[str, PathParameter(description="SHA-256 of the frames, in hex")]


@get("/workspace/vehicles", sync_to_thread=True, summary="Where my vehicles contradict the record")
def mine(request: Asked, verdict: Verdict = None, after: After = None) -> Response[bytes]:
    """Return where vehicles contradict the record about batteries that an organisation has."""
    registry, person = registry_of(request), reading(request)
    left = registry.holdings.follow() + registry.vehicle_packs.follow()
    found, following = registry.vehicle_packs.page(
        verdict=verdict or None, holder=person.organisation, after=after, limit=ON_PAGE
    )
    shown = registry.of_seen_vehicles(found, reader_of(request))
    return _listed(request, "/workspace/vehicles", shown, following, verdict, after, left)


@get("/authority/vehicles", sync_to_thread=True, summary="Where vehicles contradict the record")
def everybodys(request: Asked, verdict: Verdict = None, after: After = None) -> Response[bytes]:
    """Return where vehicles contradict the record; for an authority."""
    registry, _ = registry_of(request), for_authority(request)
    left = registry.vehicle_packs.follow()
    found, following = registry.vehicle_packs.page(verdict=verdict or None, after=after, limit=ON_PAGE)
    return _listed(request, "/authority/vehicles", found, following, verdict, after, left)


@get("/b/{code:str}/alarms", sync_to_thread=True, summary="A battery's alarms")
def alarms(request: Asked, code: CodeText) -> Response[bytes]:
    """Return alarms of level 3 and 4 that vehicles sent of a battery, the last first, to who may see them."""
    registry, reader, text = registry_of(request), reader_of(request), parse(code).text
    sight = _sight(registry, reader, text)
    if not sight.state().see("incident_reported", "alarms"):
        raise AccessError(
            "access.alarms",
            "What vehicles said of a battery is told to who has it, works on it or answers for it.",
            "Sign in for its holder.",
        )
    found = [
        one
        for one in registry.vehicle_alarms.of_battery(text)
        if _eyes(sight, one).see("incident_reported", "alarms")
    ]
    shown = [_told(one, sight) for one in found]
    if not wants_page(request):
        return as_json({"code": text, "alarms": shown})
    return as_page(page_for(request), "alarms", code=text, alarms=shown)


@get("/b/{code:str}/alarms/{digest:str}", sync_to_thread=True, summary="The frames around an alarm")
def frames(request: Asked, code: CodeText, digest: Digest) -> Response[bytes]:
    """
    Return the frames from 30 s before an alarm until 30 s after it, for `voltrail frames decode`.

    They say which vehicle it was and where: for who may see that.
    """
    registry, text = registry_of(request), parse(code).text
    sight = _sight(registry, reader_of(request), text)
    seen = [
        one
        for one in registry.vehicle_alarms.of_battery(text)
        if one.digest == digest and _eyes(sight, one).see(BATTERY, "vin")
    ]
    if not seen and not sight.state().see(BATTERY, "vin"):
        raise AccessError(
            "access.frames",
            "Frames say which vehicle sent them and where it was: they are for who has the battery.",
            "Sign in for its holder.",
        )
    path = trace_path(Folder.of(registry.data), digest) if seen else None
    if path is None or not path.is_file():
        raise NotFound(
            "alarm.frames_gone",
            "There are no such frames of this battery, or they are not kept any more.",
            "Its alarms are listed at its address, followed by /alarms; the digest stands in the record.",
        )
    headers = {"Content-Disposition": f'attachment; filename="{digest[:16]}.gbt"'}
    return Response(path.read_bytes(), media_type=FRAMES_TYPE, headers=NEGOTIATED | headers)


def _listed(
    request: Asked,
    path: str,
    found: list[VehiclePack],
    following: str | None,
    verdict: str | None,
    after: str | None,
    left: int,
) -> Response[bytes]:
    if not wants_page(request):
        told = [told_of_pack(one) for one in found]
        return as_json({"vehicles": told, "next": following, "entries_behind": left})
    return as_page(
        page_for(request),
        "vehicles",
        path=path,
        found=found,
        following=following,
        verdict=verdict or None,
        verdicts=DISCREPANCIES,
        after=after,
        left=left,
    )


def _sight(registry: Registry, reader: Reader, code: str) -> Sight:
    with registry.database.pool.connection() as connection:
        return registry.sights(connection).sight(code, reader)


def _told(alarm: Alarm, sight: Sight) -> dict[str, Any]:
    """Return an alarm as a reader may see it: which vehicle it was is not for everybody who may see it."""
    told = told_of_alarm(alarm)
    shown = ("incident", "began_at", "ended_at", "level", "alarms", "edition", "digest", "index")
    kept = {name: told[name] for name in shown}
    if _eyes(sight, alarm).see(BATTERY, "vin"):
        return kept | {name: told[name] for name in ("vin", "organisation", "lines", "hindered")}
    return kept


def _eyes(sight: Sight, alarm: Alarm) -> Eyes:
    """Return the eyes for an alarm: those for the event that tells of it, or for the state at its time."""
    began_ms = int(alarm.began_at.timestamp() * 1000)
    if alarm.index is None:
        return sight.state(began_ms)
    return sight.event("incident_reported", alarm.index, began_ms, alarm.organisation or "")


ROUTES: Final = (mine, everybodys, alarms, frames)
