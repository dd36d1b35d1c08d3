"""/gateway: what comes in from vehicles right now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Final

from litestar import Response, get

from voltrail.accounts import Person
from voltrail.api.access import person_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.errors import AccessError
from voltrail.gateway.folder import Folder
from voltrail.gateway.live import Said, told
from voltrail.web.chart import draw
from voltrail.web.gateway import REFUSED


@get("/gateway", sync_to_thread=True, summary="What comes in from vehicles right now")
def gateway(request: Asked) -> Response[bytes]:
    """
    Return what the running processes of the gateway say: connections, frames, answers, what was refused.

    For administrators and authorities. Counts only: which vehicles they are is not told.
    """
    _looks_after(request)
    now = datetime.now(UTC)
    running, silent = told(Folder.of(registry_of(request).data), now)
    found = _sum(running)
    if not wants_page(request):
        return as_json({"at": now, **found, "processes": running, "silent": silent})
    rates, end_ms = found["rates"], int(now.timestamp() * 1000)
    return as_page(
        page_for(request),
        "gateway",
        sum=found,
        running=running,
        silent=silent,
        now=now,
        chart=draw([(end_ms - (len(rates) - 1 - back) * 1000, rate) for back, rate in enumerate(rates)]),
        refused=REFUSED,
    )


def _looks_after(request: Asked) -> Person:
    """Return who asks, if it may know how the gateway does. Raises AccessError."""
    person = person_of(request)
    if person is None or "read" not in person.scopes:
        raise AccessError("access.sign_in", "This needs a sign-in.", "Sign in on the page /sign-in.")
    if not person.administers and person.organisation not in registry_of(request).authorities:
        raise AccessError(
            "access.gateway",
            "How the gateway does is for administrators and authorities.",
            "Ask one of this registry's administrators. What came from a battery stands on its own page.",
        )
    return person


_COUNTS: Final = (
    "connections",
    "vehicles",
    "platforms",
    "frames",
    "bytes",
    "answers",
    "waiting_bytes",
)
_BY_NAME: Final = ("refused", "editions", "commands")


def _sum(running: Sequence[Said]) -> dict[str, Any]:
    """
    Return what all processes together say.

    Rates are added second by second from the newest back; of answers the slowest process is told, since
    percentiles do not add up.
    """
    rates = [sum(second) for second in zip_longest(*(reversed(one.rates) for one in running), fillvalue=0)]
    answers = [one.answer_ms for one in running if one.answer_ms is not None]
    return {
        **{name: sum(getattr(one, name) for one in running) for name in _COUNTS},
        **{name: dict(sum((Counter(getattr(one, name)) for one in running), Counter())) for name in _BY_NAME},
        "rates": rates[::-1],
        "answer_ms": max(answers, key=lambda one: one[1]) if answers else None,
    }


ROUTES: Final = (gateway,)
