"""The log: its last checkpoint, its tiles, proofs and witnesses, and the policy by which others verify it."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

from litestar import Response, get
from litestar.params import PathParameter, QueryParameter

from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.connections.witness_client import Witnesses
from voltrail.errors import NotFound, RegistryClosed
from voltrail.ledger.keys import encode64
from voltrail.ledger.notes import Policy
from voltrail.ledger.tiles import Tile
from voltrail.registry.logs import Closed
from voltrail.registry.public import PublicLog
from voltrail.registry.registry import Registry
from voltrail.registry.views import iso_ms
from voltrail.web.chart import draw

_TEXT: Final = "text/plain"
_MOVES: Final = {"Cache-Control": "no-cache"}
SAMPLES: Final = 61  # of the growth: a look into the index each
_STAYS: Final = {"Cache-Control": "public, max-age=31536000, immutable"}

Number = Annotated[int, PathParameter(ge=1, le=9999, description="1 for the first log of the record")]
Size = Annotated[int, QueryParameter(ge=0, le=2**63 - 1, description="how many entries the log had")]


@get("/log", sync_to_thread=True, summary="The log: how it stands and how to check it")
def log_page(request: Asked) -> Response[bytes]:
    """Return the log's checkpoint, witnesses, growth and policy: the page for people, JSON for programs."""
    registry = registry_of(request)
    grown = _growth(registry)
    told = cast("Witnesses", request.app.state.witnesses).status()
    log = {
        "origin": registry.origin,
        "closed": registry.closed.rule if registry.closed else None,
        "checkpoint": standing(registry),
        "witnessed_size": told["witnessed_size"],
        "witnesses": told["witnesses"],
        "growth": [{"received_at": iso_ms(at), "entries": count} for at, count in grown],
        "policy": registry.policy,
        "first_index": registry.log.place.base,
        "before": [_closed_view(one) for one in registry.logs.closed],
    }
    if not wants_page(request):
        return as_json(log)
    host = str(request.base_url).rstrip("/")
    policy = Policy.parse(registry.policy)
    return as_page(page_for(request), "log", log=log, policy=policy, chart=draw(grown), host=host)


@get("/log/growth.csv", sync_to_thread=True, summary="How the log grew, as CSV")
def growth(request: Asked) -> Response[str]:
    """Return some sixty times, evenly spaced over the entries, with how many entries the log had."""
    rows = [f"{iso_ms(at)},{count}" for at, count in _growth(registry_of(request))]
    text = "\r\n".join(["received_at,entries", *rows, ""])
    return Response(text, media_type="text/csv", headers=_MOVES)


@get("/log/checkpoint", sync_to_thread=True, summary="The log's last checkpoint")
def checkpoint(request: Asked) -> Response[str]:
    """Return the signed note over the log's size and root, as in C2SP tlog-checkpoint."""
    return Response(registry_of(request).checkpoint(), media_type=_TEXT, headers=_MOVES)


@get("/log/checkpoint/witnessed", sync_to_thread=True, summary="The last checkpoint that witnesses cosigned")
def witnessed_checkpoint(request: Asked) -> Response[str]:
    """Return the last checkpoint that a quorum of the policy's witnesses cosigned, with their lines."""
    return Response(registry_of(request).witnessed_checkpoint(), media_type=_TEXT, headers=_MOVES)


@get("/log/witnesses", sync_to_thread=True, summary="The witnesses, and how far they are")
def witnesses(request: Asked) -> Response[bytes]:
    """Return for each witness what it last cosigned for this server, and what is wrong, if anything."""
    asked = cast("Witnesses", request.app.state.witnesses)
    return as_json(asked.status())


@get("/log/policy", sync_to_thread=True, summary="The policy by which the log is verified")
def policy(request: Asked) -> Response[str]:
    """Return the log's keys and its witnesses, as in C2SP tlog-policy."""
    return Response(registry_of(request).policy, media_type=_TEXT)


@get("/log/authorities", sync_to_thread=True, summary="The authority's keys, by which signatures are judged")
def authorities(request: Asked) -> Response[str]:
    """Return the vkeys of the authorities that the registry was begun with, one a line."""
    vkeys = registry_of(request).settings.authorities
    return Response("".join(f"{vkey}\n" for vkey in vkeys), media_type=_TEXT)


@get("/log/tile/{tile:path}", sync_to_thread=True, summary="A tile of the log's tree, or of its entries")
def tile(
    request: Asked,
    tile: Annotated[str, PathParameter(description="as 0/000, or entries/x001/234.p/17 when partial")],
) -> Response[bytes]:
    """
    Return up to 256 hashes, or entries each after its length in two bytes, as in C2SP tlog-tiles.

    What stands at an address never changes. The checkpoint's size says which tiles there are.
    """
    # Not compressed, as C2SP would have bundles: an entry is hashes, which do not get shorter.
    return _tile(registry_of(request).log, tile)


def _tile(log: PublicLog, path: str) -> Response[bytes]:
    data = log.tile(Tile.parse(f"tile/{str(path).removeprefix('/')}"))
    return Response(data, media_type="application/octet-stream", headers=_STAYS)


@get("/log/consistency", sync_to_thread=True, summary="Proof that the log has only been added to")
def consistency(request: Asked, old: Size, size: Size) -> Response[bytes]:
    """Return the hashes that lead from the root at `old` entries to that at `size` (RFC 6962, 2.1.2)."""
    proof = registry_of(request).log.consistency_proof(old, size)
    return as_json({"old": old, "size": size, "proof": [encode64(one) for one in proof]}, headers=_STAYS)


@get("/log/proof/{index:int}", sync_to_thread=True, summary="Proof that an entry is in the log")
def proof(
    request: Asked,
    index: Annotated[int, PathParameter(ge=0, le=2**63 - 1, description="the entry's place in the log")],
) -> Response[str]:
    """Return entry, audit path and checkpoint as one text, as in C2SP tlog-proof."""
    log = registry_of(request).log_at(index)
    return Response(log.entry_proof(index - log.place.base), media_type=_TEXT, headers=_MOVES)


@get("/log/closed", sync_to_thread=True, summary="The logs before this one")
def closed(request: Asked) -> Response[bytes]:
    """
    Return the closed logs of the record, the first one first; none but after a succession.

    `promised` is a checkpoint that the log had signed and that the record does not reach: `lost` entries are
    gone.
    """
    return as_json({"logs": [_closed_view(log) for log in registry_of(request).logs.closed]})


@get(
    "/log/closed/{number:int}/checkpoint", sync_to_thread=True, summary="The last checkpoint of a closed log"
)
def closed_checkpoint(request: Asked, number: Number) -> Response[str]:
    """Return the note with which the log closed; its successor's first entry is the hash of it."""
    note = registry_of(request).closed_log(number).published()[0]
    return Response(note, media_type=_TEXT, headers=_STAYS)


@get("/log/closed/{number:int}/tile/{tile:path}", sync_to_thread=True, summary="A tile of a closed log")
def closed_tile(
    request: Asked,
    number: Number,
    tile: Annotated[str, PathParameter(description="as 0/000, or entries/x001/234.p/17 when partial")],
) -> Response[bytes]:
    """Return hashes or entries of a closed log, as /log/tile does of the one that is written."""
    return _tile(registry_of(request).closed_log(number), tile)


def _closed_view(log: Closed) -> dict[str, Any]:
    return {
        "number": log.number,
        "origin": log.origin,
        "key": log.vkey,
        "first_index": log.base,
        "size": log.size,
        "checkpoint": log.note,
        "promised": log.promised,
        "lost": log.lost,
        "closed_at": iso_ms(log.closed_ms),
    }


def standing(registry: Registry) -> dict[str, Any] | None:
    """Return the published checkpoint; None while the log is empty or when it is closed."""
    try:
        _, published = registry.log.published()
    except (NotFound, RegistryClosed):
        return None
    return {"size": published.size, "root": encode64(published.root)}


def _growth(registry: Registry) -> list[tuple[int, int]]:
    try:
        return registry.log.growth(SAMPLES)
    except (NotFound, RegistryClosed):
        return []


ROUTES: Final = (
    log_page,
    growth,
    checkpoint,
    witnessed_checkpoint,
    witnesses,
    policy,
    authorities,
    tile,
    consistency,
    proof,
    closed,
    closed_checkpoint,
    closed_tile,
)
