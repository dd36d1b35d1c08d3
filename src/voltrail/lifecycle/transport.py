"""
In which state a battery travels: normal, damaged or critical, as its life says.

Nobody has to say so: an incident and an open recall with a risk make a battery travel as damaged, a fire as
critical, until somebody who looked at it says otherwise. It follows from the chain alone and is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

import msgspec

from voltrail.events.kinds import Assessed, IncidentReported, Recalled, Serviced
from voltrail.lifecycle.state import Recorded
from voltrail.regimes.rules import Travels

__all__ = ["TravelState", "travel_state"]

Because = Literal["nothing", "said", "incident", "recall"]

_GRAVE: Final = frozenset(
    {"critical", "severe", "serious", "grave", "high", "major", "严重", "重大", "特别重大"}
)
_SLIGHT: Final = frozenset({"minor", "slight", "low", "none", "轻微", "一般"})


class TravelState(msgspec.Struct, frozen=True):
    """The state, why it is so, and which event of whom made it so; `campaign` of a recall."""

    state: Travels
    because: Because = "nothing"
    index: int | None = None
    at: datetime | None = None
    reporter: str | None = None
    campaign: str | None = None


def travel_state(events: Iterable[Recorded]) -> TravelState:
    """
    Return in which state a battery travels after these events, which must count and be in their order.

    The latest word of who looked at it counts, and answers recalls from before it. A recall names a risk or
    it asks for nothing of transport; it is open until the work was done.
    """
    found, recalls = TravelState("normal"), dict[str, Recorded]()
    for one in events:
        event = one.event
        if isinstance(event, IncidentReported | Assessed) and event.transport is not None:
            found, recalls = _told(event.transport, "said", one), {}
        elif isinstance(event, IncidentReported):
            if (state := _of_incident(event)) is not None and not _is_worse(found.state, state):
                found = _told(state, "incident", one)
        elif isinstance(event, Recalled):
            if event.risk is not None:
                recalls.setdefault(event.campaign, one)
        elif isinstance(event, Serviced) and event.campaign is not None:
            recalls.pop(event.campaign, None)
    if found.state == "normal" and recalls:
        campaign, one = next(iter(recalls.items()))
        return msgspec.structs.replace(_told("damaged", "recall", one), campaign=campaign)
    return found


def _of_incident(event: IncidentReported) -> Travels | None:
    """Return in which state an incident leaves a battery that nobody has looked at; None for a slight one."""
    severity = (event.severity or "").strip().lower()
    if event.incident == "fire" or severity in _GRAVE:
        return "critical"
    return None if event.incident == "other" and severity in _SLIGHT else "damaged"


def _is_worse(one: Travels, other: Travels) -> bool:
    return one == "critical" and other != "critical"


def _told(state: Travels, because: Because, one: Recorded) -> TravelState:
    return TravelState(state, because, one.index, one.event.occurred_at, one.reporter)
