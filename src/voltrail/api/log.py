"""The log: its last checkpoint, and the policy by which others verify it."""

from __future__ import annotations

from typing import Final

from litestar import Response, get

from voltrail.api.answers import Asked, registry_of

_TEXT: Final = "text/plain"


@get("/log/checkpoint", sync_to_thread=True, summary="The log's last checkpoint")
def checkpoint(request: Asked) -> Response[str]:
    """Return the signed note over the log's size and root, as in C2SP tlog-checkpoint."""
    return Response(registry_of(request).checkpoint(), media_type=_TEXT)


@get("/log/policy", sync_to_thread=True, summary="The policy by which the log is verified")
def policy(request: Asked) -> Response[str]:
    """Return the log's key and its witnesses, as in C2SP tlog-policy."""
    return Response(registry_of(request).policy, media_type=_TEXT)


ROUTES: Final = (checkpoint, policy)
