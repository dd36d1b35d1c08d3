"""
The file that proves a battery's recycled content (`recycling/proof.py`): of which chains it holds evidence.

Events on material are shown whole, with what firms keep to themselves otherwise; of the battery's other
events no more than their kind. So it is for whoever may see the chain of lots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from voltrail.database.database import Connection
from voltrail.errors import NotFound, UsageError
from voltrail.events import subjects
from voltrail.events.kinds import CreditSpent
from voltrail.lifecycle import Battery, Model
from voltrail.organisations.access import Eyes, Reader, Sight
from voltrail.recycling.content import content
from voltrail.recycling.proof import WHOLE, write
from voltrail.recycling.record import Material
from voltrail.recycling.share import BatteryContent, credits_of, of_battery
from voltrail.registry.lookup import Lookup
from voltrail.registry.lots import used
from voltrail.registry.recycled_content import Upstream, all_spent, parts_of, spent_on, upstream

_NAMES: Final = frozenset({"kind", "occurred_at", "code", "codes"})

EvidenceOf = Callable[[str, Sight], bytes]


class _Shown(Eyes, frozen=True):
    """Sees events on material whole, of others what everybody does, and of which batteries they are."""

    everything: bool = False

    def see(self, kind: str, member: str) -> bool:
        """Return whether a member is shown."""
        return self.everything or kind in WHOLE or member in _NAMES or super().see(kind, member)


class _OfProof(Sight, frozen=True):
    everything: bool = False

    def event(self, kind: str, index: int, occurred_ms: int, reporter: str) -> Eyes:  # noqa: ARG002
        """Return the eyes for an event: the same for all."""
        return _Shown(self.reader.eyes.audiences, everything=self.everything)


def prove(connection: Connection, lookup: Lookup, code: str, evidence_of: EvidenceOf) -> bytes:
    """
    Return the file for a battery; the rows of lots are up to date. Raises NotFound, UsageError.

    `evidence_of` gives the evidence of a subject, always under the same checkpoint and with its head.
    """
    battery = lookup.battery(code)
    if battery is None:
        raise NotFound("battery.unknown", f"{code} is not on record.", "Check the code.")
    seqs = all_spent(connection, battery)
    if not seqs:
        raise UsageError(
            "recycled.nothing",
            f"Nothing on record went into {code} of which the origin is known.",
            "Its maker reports credit_spent, for each lot that went in.",
        )
    above = upstream(connection, seqs)
    model = lookup.state("model:" + battery.model_id) if battery.model_id is not None else None
    composition = model.composition if isinstance(model, Model) else None

    def reckoned(material: Material) -> BatteryContent:
        return of_battery(credits_of(content(material, above.taken), seqs), composition)

    told = reckoned(above.material)
    held = told != reckoned(msgspec.structs.replace(above.material, models={}))
    parts_with = _up_to(lookup, spent_on(connection, parts_of(connection, battery)), code)
    wanted = {
        "battery:" + code: False,
        **({"model:" + model.model_id: False} if isinstance(model, Model) else {}),
        **dict.fromkeys(sorted("lot:" + lot for lot in above.lots), False),
        **dict.fromkeys(_others(above, held), False),
        **dict.fromkeys(sorted("battery:" + part for part in parts_with), True),
    }
    sights = {everything: _OfProof(Reader(), everything=everything) for everything in (False, True)}
    return write(
        code,
        told.shares,
        [evidence_of(subject, sights[everything]) for subject, everything in wanted.items()],
    )


def _others(above: Upstream, held: bool) -> Iterable[str]:
    """
    Yield subjects by which runs are shown that no lot upstream shows: those that share a batch with others.

    With `held`, also batteries that ended and their models: what those are made of makes a difference.
    """
    for run in above.material.runs:
        about = subjects(run.event)
        if isinstance(run.event, CreditSpent):
            continue
        if not above.lots.intersection(name.removeprefix("lot:") for name in about):
            yield about[0]
        if held:
            yield from ("battery:" + code for code in used(run.event))
            yield from (f"model:{name}" for name in run.models if name in above.material.models)


def _up_to(lookup: Lookup, parts: Iterable[str], code: str) -> set[str]:
    """Return some parts with what they are built into, below the battery."""
    found: set[str] = set()
    for part in parts:
        at: str | None = part
        while at is not None and at != code and at not in found:
            found.add(at)
            state = lookup.battery(at)
            where = state.whereabouts if isinstance(state, Battery) else None
            at = where.parent if where is not None else None
    return found
