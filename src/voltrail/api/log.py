"""The log: its last checkpoint, its tiles, proofs and witnesses, and the policy by which others verify it."""

from __future__ import annotations

from typing import Annotated, Final, cast

from litestar import Response, get
from litestar.params import PathParameter, QueryParameter

from voltrail.api.answers import Asked, as_json, registry_of
from voltrail.connections.witness_client import Witnesses
from voltrail.ledger.keys import encode64
from voltrail.ledger.tiles import Tile

_TEXT: Final = "text/plain"
_MOVES: Final = {"Cache-Control": "no-cache"}
_STAYS: Final = {"Cache-Control": "public, max-age=31536000, immutable"}

Size = Annotated[int, QueryParameter(ge=0, le=2**63 - 1, description="how many entries the log had")]


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
    wanted = Tile.parse(f"tile/{str(tile).removeprefix('/')}")
    data = registry_of(request).log.tile(wanted)
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
    return Response(registry_of(request).log.entry_proof(index), media_type=_TEXT, headers=_MOVES)


ROUTES: Final = (checkpoint, witnessed_checkpoint, witnesses, policy, authorities, tile, consistency, proof)
