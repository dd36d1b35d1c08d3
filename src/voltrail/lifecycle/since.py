"""From where in its life on a battery has been what it is: in whose hands, whose, in which vehicle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from voltrail.events.kinds import Corrected, Sold
from voltrail.lifecycle.fold import effective_events, stages
from voltrail.lifecycle.state import Battery, Recorded, Whereabouts
from voltrail.organisations.access import Since

__all__ = ["Being", "effective_since", "last_vehicle", "sale_of", "since_when"]

Chain = Sequence[Recorded]

_ALWAYS: Final = Since()


class Being(NamedTuple):
    """What is so of a battery: its holder, owner, operator or parent is `name`, or the vehicle it is in."""

    what: Literal["holder", "owner", "operator", "parent", "vehicle"]
    name: str

    def of(self, state: Battery) -> bool:
        """Return whether it is so in this state."""
        if self.what in {"holder", "owner", "operator"}:
            return bool(getattr(state, self.what) == self.name)
        claim = state.whereabouts
        if claim is None:
            return False
        return claim.parent == self.name if self.what == "parent" else _vehicle(claim) == self.name


def since_when(code: str, chain: Chain, being: Being, speaker: str | None) -> Since | None:
    """
    Return from which event on something has been so of a battery without a break; None when it is not so.

    What `speaker` reported itself counts from when the record took it, whatever time it claims, and from the
    last correction of its own: nobody comes to have had a battery earlier by saying so later.
    """
    first: Recorded | None = None
    for one, state in stages("battery:" + code, chain):
        if not isinstance(state, Battery) or not being.of(state):
            first = None
        elif first is None:
            first = one
    if first is None:
        return None
    since = _told(first, speaker)
    for one in chain:
        if isinstance(one.event, Corrected) and one.reporter == speaker:
            since = since.but_not_before(_told(one, speaker))
    return since


def effective_since(
    code: str, through: Sequence[str], being: Being, since: Callable[[str, Being], Since | None]
) -> Since | None:
    """
    Return from where on something has been so of a battery, itself or through what it is built into.

    `through` names its parents from the nearest up. It must have been in each of them all the time. `since`
    answers for one battery, as `since_when` does.
    """
    steps = [(part, Being("parent", parent)) for part, parent in pairwise((code, *through))]
    effective = _ALWAYS
    for part, one in [*steps, ((code, *through)[-1], being)]:
        found = since(part, one)
        if found is None:
            return None
        effective = effective.but_not_before(found)
    return effective


def sale_of(vin: str, chain: Chain) -> Recorded | None:
    """Return the last sale of a vehicle that counts, by its own chain."""
    sales = [one for one in effective_events(chain, "vehicle:" + vin) if isinstance(one.event, Sold)]
    return sales[-1] if sales else None


def last_vehicle(code: str, chain: Chain) -> tuple[str, datetime] | None:
    """Return the vehicle that carried a battery last, and when it left it; None where none has let it go."""
    carrier: str | None = None
    left: tuple[str, datetime] | None = None
    for one, state in stages("battery:" + code, chain):
        claim = state.whereabouts if isinstance(state, Battery) else None
        now = None if claim is None else _vehicle(claim)
        if carrier is not None and now != carrier:
            left = carrier, one.event.occurred_at
        elif now is not None:
            left = None
        carrier = now
    return left


def _vehicle(claim: Whereabouts) -> str | None:
    return claim.vin if claim.place == "in_vehicle" else None


def _told(one: Recorded, speaker: str | None) -> Since:
    """Return from where on an event counts."""
    occurred_ms = int(one.event.occurred_at.timestamp() * 1000)
    own = speaker is not None and one.reporter == speaker
    return Since(one.index, one.received_ms if own else occurred_ms, one.received_ms)
