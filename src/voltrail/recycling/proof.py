"""
A file that proves a battery's recycled content: evidence of it and of every lot upstream, and the figures.

    {"format": "voltrail-recycled-content/1", "code": "…",
     "shares": [{"element": "Ni", "recycled": [used, declared, waste], "traced": mg, "declared": mg or null}],
     "evidence": [<evidence of battery:CODE>, <of its model>, <of each lot>, …],
     "digest": "<SHA-256 of what stands before this member>"}

Each piece of evidence is a whole file as any other (formats.md, "Evidence"), all under one checkpoint. Events
on material are shown whole, so that nothing that went in can be left out; of others at least the kind.
Whoever has the file verifies each chain and works the figures out again from the events alone. What was spent
on a part counts where the part's whole chain is shown, and puts it into the battery.

What is not proved: that no further run shares a batch. What batteries that ended were made of is held against
the figures where their evidence is given, which it is wherever it makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from voltrail.errors import VerificationError, VoltrailError
from voltrail.events import decode, subjects
from voltrail.events.kinds import CreditSpent, Dismantled, Recycled, batteries
from voltrail.ledger.notes import Policy
from voltrail.ledger.trust import NOT_PROVED, Authority
from voltrail.ledger.verify import NO_HEAD_WORDS, Verified, VerifiedEvent, verify
from voltrail.lifecycle import Battery, Model, Recorded, effective_events, fold
from voltrail.lifecycle.lots import takings
from voltrail.recycling.content import content
from voltrail.recycling.record import KINDS, Composition, Lot, Material, Run, RunEvent, lots_made
from voltrail.recycling.share import BatteryContent, Share, credits_of, of_battery

FORMAT: Final = "voltrail-recycled-content/1"
WHOLE: Final = KINDS | {
    "corrected",
    "lot_moved",
    "manufactured",
    "enrolled",
    "transferred_in",
    "model_registered",
}
"""The kinds whose events are shown whole."""

_DIGEST: Final = b',"digest":"'


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file, but for its digest."""

    format: Literal["voltrail-recycled-content/1"]
    code: str
    shares: tuple[Share, ...]
    evidence: tuple[msgspec.Raw, ...]


class Proved(msgspec.Struct, frozen=True):
    """
    What a file proves: the figures, under which checkpoint, from how many chains and events.

    `without_models` are processes in which batteries ended, and what came out was not held against what those
    were made of.
    """

    code: str
    content: BatteryContent
    origin: str
    size: int
    witnessed: str
    chains: int
    events: int
    lots: tuple[str, ...]
    without_models: tuple[int, ...]


def write(code: str, shares: Sequence[Share], evidence: Iterable[bytes]) -> bytes:
    """Return the bytes of the file."""
    claim = Claim(FORMAT, code, tuple(shares), tuple(map(msgspec.Raw, evidence)))
    body = msgspec.json.encode(claim)[:-1]
    return body + _DIGEST + sha256(body).hexdigest().encode() + b'"}'


def read(data: bytes) -> Claim:
    """Return what a file says; VerificationError where a byte is not as it was written."""
    body, found, end = data.rpartition(_DIGEST)
    if not found or end != sha256(body).hexdigest().encode() + b'"}':
        raise _fail("digest", "The file is not as it was written: its digest is another.", _AGAIN)
    try:
        claim = msgspec.json.decode(body + b"}", type=Claim)
    except msgspec.MsgspecError as error:
        raise _fail("form", f"The file does not read: {error}.", _AGAIN) from error
    if msgspec.json.encode(claim)[:-1] != body:
        raise _fail("form", "The file is not written in its one form.", _AGAIN)
    return claim


def verify_claim(data: bytes, policy: Policy, authorities: Sequence[Authority]) -> Proved:
    """Return what a file proves, worked out from its events; VerificationError names what does not hold."""
    claim = read(data)
    chains: dict[str, Verified] = {}
    for evidence in claim.evidence:
        verified = verify(bytes(evidence), policy, authorities, lambda line: subjects(decode(line)))
        if verified.subject in chains:
            raise _fail("twice", f"Evidence of {verified.subject} is given twice.")
        chains[verified.subject] = verified
    _check_together(claim.code, chains)
    record = _Record(chains)
    proved = record.content(claim.code)
    if proved.shares != claim.shares:
        raise _fail(
            "figures",
            f"The file says other shares than its own events give: {_words(claim.shares)} is said, "
            f"{_words(proved.shares)} follows.",
        )
    first = chains["battery:" + claim.code]
    return Proved(
        claim.code,
        proved,
        first.checkpoint.origin,
        first.checkpoint.size,
        first.witnessed,
        len(chains),
        len({event.index for chain in chains.values() for event in chain.events}),
        tuple(sorted(record.upstream(claim.code))),
        tuple(record.without_models),
    )


def _check_together(code: str, chains: Mapping[str, Verified]) -> None:
    """Raise unless the evidence is of one moment, and each chain is bound by a head."""
    if "battery:" + code not in chains:
        raise _fail("missing", f"Evidence of battery:{code} is not given.")
    if len({chain.checkpoint.root for chain in chains.values()}) > 1:
        raise _fail("checkpoint", "The evidence stands under different checkpoints.", _AGAIN)
    for subject, chain in chains.items():
        if chain.head == NO_HEAD_WORDS:
            message = f"Nothing shows that {subject} has no further events."
            raise _fail("head", message, "Ask again after the next heads.")
        for event in chain.events:
            if event.signature == NOT_PROVED:
                raise _fail("signature", f"Event at index {event.index}: nothing shows whose key signed it.")


class _Record:
    """What verified chains say of material."""

    def __init__(self, chains: Mapping[str, Verified]) -> None:
        self.events = {subject: _events(subject, chain) for subject, chain in chains.items()}
        runs: dict[int, Recorded] = {}
        for subject, events in self.events.items():
            for one in effective_events(events, subject):
                if isinstance(one.event, RunEvent) and runs.setdefault(one.index, one) != one:
                    raise _fail("chains", f"Two chains say different things of entry {one.index}.")
        self.whole = {name for name, chain in chains.items() if len(self.events[name]) == len(chain.events)}
        self.runs: dict[int, Run] = {}
        for index, one in sorted(runs.items()):
            if isinstance(one.event, RunEvent):
                self.runs[index] = Run(index, one.reporter, one.event, self._models(one))
        self.lots: dict[str, Lot] = {}
        for run in self.runs.values():
            for lot in lots_made(run):
                self.lots.setdefault(lot.lot, lot)
        self.without_models: list[int] = []

    def content(self, code: str) -> BatteryContent:
        """Return the recycled content of a battery, by what is given."""
        missing = [lot for lot in self.upstream(code) if "lot:" + lot not in self.events]
        if missing:
            raise _fail("missing", f"Evidence of lot:{min(missing)} is not given, and it lies upstream.")
        models = {name: self._composition(name) for run in self.runs.values() for name in run.models if name}
        known = {name: one for name, one in models.items() if one is not None}
        told = content(Material(list(self.runs.values()), self.lots, known))
        self.without_models = [
            run.index
            for run in self._upstream_runs(code)
            if isinstance(run.event, Recycled | Dismantled)
            and not (run.models and run.models.keys() <= known.keys())
        ]
        model = self._model_of(code)
        composition = None if model is None else self._composition(model)
        return of_battery(
            credits_of(told, [run.index for run, times in self._credits(code) for _ in range(times)]),
            None if composition is None else composition.elements_kg,
        )

    def upstream(self, code: str) -> set[str]:
        """Return the lots upstream of a battery."""
        return {lot for run in self._upstream_runs(code) for lot, _ in takings(run.event)}

    def _upstream_runs(self, code: str) -> list[Run]:
        makers = {lot.lot: self.runs[lot.index] for lot in self.lots.values()}
        of_batch: dict[tuple[str, str], list[Run]] = {}
        for run in self.runs.values():
            of_batch.setdefault(run.batch, []).append(run)
        fresh = [run for run, _ in self._credits(code)]
        found = {run.index: run for run in fresh}
        while fresh:
            made_by = [makers[lot] for run in fresh for lot, _ in takings(run.event) if lot in makers]
            together = {one.index: one for run in made_by for one in of_batch[run.batch]}
            fresh = [run for index, run in together.items() if index not in found]
            found |= together
        return list(found.values())

    def _credits(self, code: str) -> list[tuple[Run, int]]:
        """Return the runs in which something was spent on a battery or its parts, and on how many of them."""
        within = {name.removeprefix("battery:") for name in self.events if self._is_in(name, code)}
        spent = [run for run in self.runs.values() if isinstance(run.event, CreditSpent)]
        counted = [(run, len(within.intersection(batteries(run.event)))) for run in spent]
        return [(run, times) for run, times in counted if times]

    def _is_in(self, subject: str, code: str) -> bool:
        """Return whether a subject is the battery, or a part that its own chain puts into it."""
        seen: set[str] = set()
        while subject not in seen and subject.startswith("battery:"):
            if subject == "battery:" + code:
                return True
            seen.add(subject)
            if subject not in self.whole:
                return False
            state = fold(subject, self.events.get(subject, ()))
            where = state.whereabouts if isinstance(state, Battery) else None
            subject = f"battery:{where.parent}" if where is not None and where.place == "in_parent" else ""
        return False

    def _models(self, recorded: Recorded) -> dict[str | None, int]:
        counts: dict[str | None, int] = {}
        event = recorded.event
        if isinstance(event, Recycled | Dismantled):
            for code in batteries(event) if isinstance(event, Recycled) else (event.code,):
                model = self._model_of(code)
                counts[model] = counts.get(model, 0) + 1
        return counts

    def _model_of(self, code: str) -> str | None:
        state = fold("battery:" + code, self.events.get("battery:" + code, ()))
        return state.model_id if isinstance(state, Battery) else None

    def _composition(self, model: str) -> Composition | None:
        state = fold("model:" + model, self.events.get("model:" + model, ()))
        if not isinstance(state, Model) or state.composition is None:
            return None
        return Composition(model, state.chemistry, state.mass_kg, state.energy_kwh, state.composition)


def _events(subject: str, chain: Verified) -> list[Recorded]:
    """Return the events of a chain that are shown whole; raise where one must be and is not."""
    found = []
    for event in chain.events:
        kind = _kind(event)
        if event.line is not None:
            try:
                found.append(Recorded(event.index, decode(event.line), event.reporter, event.received_ms))
            except VoltrailError as error:
                raise _fail("event", f"Event at index {event.index}: {error.message}") from error
        elif kind is None or kind in WHOLE:
            message = (
                f"Event at index {event.index} of {subject} is not shown whole: something may have gone in."
            )
            raise _fail("withheld", message)
    return found


def _kind(event: VerifiedEvent) -> str | None:
    shown = b"{" + b",".join(member for member in event.members if member is not None) + b"}"
    fields: dict[str, Any] = msgspec.json.decode(shown)
    kind = fields.get("kind")
    return kind if isinstance(kind, str) else None


def _words(shares: Iterable[Share]) -> str:
    return ", ".join(f"{one.element} {sum(one.recycled)} mg" for one in shares) or "nothing"


_AGAIN: Final = "Ask whoever made it for the file again."


def _fail(rule: str, message: str, fix: str = "") -> VerificationError:
    return VerificationError(f"recycled.{rule}", message, fix, source="docs/guides/recycled-content.md")
