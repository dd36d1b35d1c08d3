"""/stations: where packs are swapped, what stands there, and what a station says of itself."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import PathParameter, QueryParameter, RawBody

from voltrail.api.access import may_report, reader_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.errors import AccessError, UsageError
from voltrail.organisations.access import BATTERY, Reader, may_see
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.registry import Registry
from voltrail.registry.sights import SEES_ALL
from voltrail.registry.stations import Here, Pack, packs_there
from voltrail.swap.network import PackThere
from voltrail.swap.settlement import Swap
from voltrail.web.network import MARK, WIDTH, Hour, draw, forecast

ON_PAGE: Final = 50
MOST_SLOTS: Final = 500  # that are drawn
MAX_WORD_BYTES: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)
_AFTER: Final = re.compile(r"(\d{1,17})\.(\d{1,18})", re.ASCII)

SiteId = Annotated[str, PathParameter(max_length=256, description="the station's identifier")]
After = Annotated[str | None, QueryParameter(max_length=256, description="`next` of the page before")]
Limit = Annotated[int, QueryParameter(ge=1, le=1_000, description="how many at most")]
Of = Annotated[str | None, QueryParameter(max_length=64, description="only those that it operates")]
Order = Annotated[
    str | None,
    QueryParameter(max_length=10, description="site; queue: where most wait; ready: where fewest are ready"),
]
Words = Annotated[
    str | None, QueryParameter(max_length=100, description="words of a name, an address or an identifier")
]


@get("/stations", sync_to_thread=True, summary="Swap stations")
def stations(
    request: Asked,
    operator: Of = None,
    q: Words = None,
    order: Order = None,
    after: After = None,
    limit: Limit = 200,
) -> Response[bytes]:
    """
    Return swap stations in the order of their identifiers: place, equipment, and what they last said.

    `ready` is how many packs may be put in at once, by the standardized pack (`''` for those that are none);
    null, as is `queue`, where a station never spoke. `packs` is how many stand there, for who may see them.
    """
    registry, reader, now = registry_of(request), reader_of(request), datetime.now(UTC)
    if (order := order or "site") not in ORDERS:
        raise UsageError("usage.choice", f"{order!r} is no order.", f"Take one of {', '.join(ORDERS)}.")
    left = registry.stations.follow()
    wanted = [
        _station(one, reader, now)
        for one in registry.stations.all()
        if (not operator or one.station.operator == operator) and (not q or _has(one, q))
    ]
    wanted.sort(key=ORDERS[order])
    begin = next((number for number, one in enumerate(wanted, 1) if one["site"] == after), 0) if after else 0
    limit = min(limit, ON_PAGE) if wants_page(request) else limit
    told = wanted[begin : begin + limit]
    following = told[-1]["site"] if told and begin + limit < len(wanted) else None
    if not wants_page(request):
        return as_json({"stations": told, "next": following, "entries_behind": left})
    return as_page(
        page_for(request),
        "stations",
        stations=told,
        following=following,
        after=after,
        asked={"operator": operator, "q": q, "order": order if order != "site" else None},
        names=registry.names({one["operator"] for one in told}),
        left=left,
        now=now,
        any=bool(registry.stations.all()),
        map=draw(wanted),
        map_size=(WIDTH, MARK),
        **_sums(wanted),
    )


@get("/stations/{site:str}", sync_to_thread=True, summary="One swap station")
def station(request: Asked, site: SiteId, after: After = None) -> Response[bytes]:
    """
    Return a station, the packs in it that one may see by their codes, and swaps, the last first.

    Who holds or owns a pack sees it, and authorities see all; of swaps, those that one reported, or in which
    a pack was one's own then.
    """
    registry, reader, now = registry_of(request), reader_of(request), datetime.now(UTC)
    left = registry.stations.follow()
    one = registry.stations.one(site)
    there = packs_there(one, now)
    packs = [
        _pack(one, pack, found)
        for pack, found in zip(one.packs, there, strict=True)
        if sees_pack(reader, pack)
    ]
    swaps, following = _swaps(registry, reader, site, after)
    told = _station(one, reader, now)
    shown = [told_of_swap(swap) for swap in swaps]
    if not wants_page(request):
        return as_json(
            {"station": told, "packs": packs, "swaps": shown, "next": following, "entries_behind": left}
        )
    named = {one.station.operator, *(pack["owner"] for pack in packs)}
    return as_page(
        page_for(request),
        "station",
        station=told,
        packs=packs,
        swaps=shown,
        following=following,
        after=after,
        names=registry.names({name for name in named if name}),
        left=left,
        now=now,
        slots=_slots(told, packs),
        hours=_hours(registry, site, there, now) if told["packs"] is not None else [],
    )


@post(
    "/stations/{site:str}/state",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_WORD_BYTES,
    summary="Say how a swap station stands",
)
def say(request: Asked, site: SiteId, body: RawBody) -> Response[bytes]:
    """
    Keep what a station says of itself: `at`, `queue`, and `packs` by their codes.

    Of each pack `charge`, from 0 to 1, `ready_at`, `slot` and `charger`, as far as they are known.
    From who operates it, by a token with `report` or a session with the token of its forms. It is no part of
    the record; the last word counts. Packs that the record has `elsewhere` are named in the answer and not
    shown until a swap or a receipt brings them here.
    """
    person = may_report(request)
    if person is None:
        raise AccessError(
            "access.sign_in", "This needs a sign-in.", "Bring a token of the station's operator."
        )
    registry = registry_of(request)
    registry.stations.follow()
    word, elsewhere = registry.stations.say(site, person.organisation, person.login, body, datetime.now(UTC))
    return as_json(
        {
            "site": site,
            "at": word.at,
            "queue": word.queue,
            "packs": len(word.packs),
            "elsewhere": elsewhere,
        }
    )


def sees_pack(reader: Reader, pack: Pack) -> bool:
    """Return whether a reader may see where a pack is: docs/access.md, as for the battery itself."""
    audiences = {reader.audience}
    if reader.organisation is not None:
        audiences |= {"holder"} if pack.holder == reader.organisation else set()
        audiences |= {"owner"} if pack.owner == reader.organisation else set()
    return may_see(frozenset(audiences), BATTERY, "site", reader.at)


def told_of_swap(swap: Swap) -> dict[str, Any]:
    """Return a swap for programs and pages."""
    told: dict[str, Any] = msgspec.to_builtins(swap)
    return told


def _station(one: Here, reader: Reader, now: datetime) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(one.station)
    packs, word = packs_there(one, now), one.word
    ready = Counter(pack.pack_type or "" for pack in packs if is_ready(pack))
    sees = reader.audience in SEES_ALL or reader.organisation == one.station.operator
    return told | {
        "said_at": word.at.isoformat() if word is not None else None,
        "queue": word.queue if word is not None else None,
        "ready": dict(sorted(ready.items())) if word is not None else None,
        "packs": len(packs) if sees else None,
    }


def is_ready(pack: PackThere) -> bool:
    """Return whether a pack may be put in at once."""
    return pack.ready_min == 0 and pack.refused is None


def _ready(told: Mapping[str, Any]) -> float:
    """Return how many packs are ready at a station, without end where it never spoke."""
    return math.inf if told["ready"] is None else sum(told["ready"].values())


ORDERS: Final[dict[str, Callable[[Mapping[str, Any]], Any]]] = {
    "site": lambda told: told["site"],
    "queue": lambda told: (-(told["queue"] or 0), told["site"]),
    "ready": lambda told: (_ready(told), told["site"]),
}


def _sums(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what stations say together: packs ready, trucks that wait; None where none has spoken."""
    spoke = [one for one in told if one["ready"] is not None]
    return {
        "total": len(told),
        "ready": sum(sum(one["ready"].values()) for one in spoke) if spoke else None,
        "queue": sum(one["queue"] for one in spoke) if spoke else None,
        "empty": sum(1 for one in spoke if not _ready(one)),
    }


def _slots(told: Mapping[str, Any], packs: Sequence[dict[str, Any]]) -> list[tuple[int | None, Any]]:
    """
    Return each slot with the pack in it or None, then the packs of which nobody says where they stand.

    Free slots are told to those alone who see all packs of the station.
    """
    by_slot = {one["slot"]: one for one in packs if one["slot"] is not None}
    most = max([*by_slot, told["slots"] or 0 if told["packs"] == len(packs) else 0])
    placed = [(slot, by_slot.get(slot)) for slot in range(1, min(most, MOST_SLOTS) + 1)]
    if told["packs"] != len(packs):
        placed = [(slot, pack) for slot, pack in placed if pack is not None]
    return [*placed, *((None, one) for one in packs if one["slot"] is None)]


def _hours(registry: Registry, site: str, packs: Sequence[PackThere], now: datetime) -> list[Hour]:
    """Return what a station has to expect; nothing where it said nothing or never saw a truck."""
    per_hour = next((one.per_hour for one in registry.stations.there(now) if one.site == site), ())
    ready = [one.ready_min for one in packs if one.refused is None]
    if not sum(per_hour):
        return []
    return forecast(ready, per_hour, now.astimezone(CHINA).hour)


def _pack(one: Here, pack: Pack, there: PackThere) -> dict[str, Any]:
    said = one.said_of(pack)
    return {
        "code": pack.code,
        "model": pack.model,
        "pack_type": there.pack_type,
        "energy_kwh": there.energy_kwh,
        "since": pack.since.isoformat() if pack.since is not None else None,
        "holder": pack.holder,
        "owner": pack.owner,
        "health": there.health,
        "charge": there.charge,
        "ready_min": there.ready_min,
        "slot": said.slot,
        "charger": said.charger,
        "refused": there.refused,
    }


def _swaps(registry: Registry, reader: Reader, site: str, after: str | None) -> tuple[list[Swap], str | None]:
    sees_all = reader.audience in SEES_ALL
    if not sees_all and reader.organisation is None:
        return [], None
    found, following = registry.stations.swaps(
        station=site,
        seen_by=None if sees_all else reader.organisation,
        before=_place_in(after) if after else None,
        limit=ON_PAGE,
    )
    return found, None if following is None else f"{(following[0] - _EPOCH) // _US}.{following[1]}"


def _place_in(after: str) -> tuple[datetime, int]:
    """Return the time and the entry after which a page goes on. Raises UsageError."""
    read = _AFTER.fullmatch(after)
    if read is None:
        raise UsageError("usage.after", "This `after` leads nowhere.", "Use `next` of the page before.")
    return _EPOCH + int(read[1]) * _US, int(read[2])


def _has(one: Here, words: str) -> bool:
    texts = (one.station.site, one.station.name, one.station.address, one.station.operator)
    return words.lower() in " ".join(text for text in texts if text).lower()


ROUTES: Final = (stations, station, say)
