"""Recalls in the life of a battery: which campaigns it is part of, and for which the work was done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from voltrail.events.kinds import Recalled, Serviced
from voltrail.lifecycle.state import Recorded

__all__ = ["Recall", "recalls_in"]


class Recall(msgspec.Struct, frozen=True, gc=False):
    """One campaign in a battery's life: the entry that recalled it, and the entry of the work, once done."""

    campaign: str
    recalled: int
    recalled_by: str
    recalled_at: datetime
    risk: str | None = None
    serviced: int | None = None
    serviced_at: datetime | None = None


def recalls_in(events: Iterable[Recorded], before: Iterable[Recall] = ()) -> dict[str, Recall]:
    """
    Return a battery's recalls by campaign after these events, which must count and be in their order.

    Those without the work are what its state has in `campaigns`: work that was done before the recall
    does not count for it, and a further recall of the same campaign asks for the work again.
    """
    found = {one.campaign: one for one in before}
    for recorded in events:
        event = recorded.event
        if isinstance(event, Recalled):
            standing = found.get(event.campaign)
            if standing is None or standing.serviced is not None:
                found[event.campaign] = Recall(
                    event.campaign, recorded.index, recorded.reporter, event.occurred_at, event.risk
                )
        elif isinstance(event, Serviced) and event.campaign in found:
            standing = found[event.campaign]
            if standing.serviced is None:
                found[event.campaign] = replace(
                    standing, serviced=recorded.index, serviced_at=event.occurred_at
                )
    return found
