"""The log: its last checkpoint, its witnesses, and the policy by which others verify it."""

from __future__ import annotations

from typing import Final, cast

from litestar import Response, get

from voltrail.api.answers import Asked, as_json, registry_of
from voltrail.connections.witness_client import Witnesses

_TEXT: Final = "text/plain"


@get("/log/checkpoint", sync_to_thread=True, summary="The log's last checkpoint")
def checkpoint(request: Asked) -> Response[str]:
    """Return the signed note over the log's size and root, as in C2SP tlog-checkpoint."""
    return Response(registry_of(request).checkpoint(), media_type=_TEXT)


@get("/log/checkpoint/witnessed", sync_to_thread=True, summary="The last checkpoint that witnesses cosigned")
def witnessed_checkpoint(request: Asked) -> Response[str]:
    """Return the last checkpoint that a quorum of the policy's witnesses cosigned, with their lines."""
    return Response(registry_of(request).witnessed_checkpoint(), media_type=_TEXT)


@get("/log/witnesses", sync_to_thread=True, summary="The witnesses, and how far they are")
def witnesses(request: Asked) -> Response[bytes]:
    """Return for each witness what it last cosigned for this server, and what is wrong, if anything."""
    asked = cast("Witnesses", request.app.state.witnesses)
    return as_json(asked.status())


@get("/log/policy", sync_to_thread=True, summary="The policy by which the log is verified")
def policy(request: Asked) -> Response[str]:
    """Return the log's key and its witnesses, as in C2SP tlog-policy."""
    return Response(registry_of(request).policy, media_type=_TEXT)


ROUTES: Final = (checkpoint, witnessed_checkpoint, witnesses, policy)
