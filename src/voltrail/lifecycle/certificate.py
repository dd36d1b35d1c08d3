"""
The certificate of a stage: a file that proves, without the registry, that a type of battery has reached it.

    {"format": "voltrail-stage-certificate/1", "model_id": "…", "stage": "…",
     "evidence": [<evidence of model:ID>, <of each laboratory and vehicle maker that tested or granted>, …]}

Each piece of evidence is a whole file as any other (formats.md, "Evidence"), all under one checkpoint, each
chain bound by a head: so no test can be left out, least of all one that failed. Whoever has the file verifies
the chains, folds the events and asks the gate again. What the file says of the stage is not believed.

What is withheld proves nothing: a test whose results are not shown does not count, and an event that does not
show what it is, or a correction that does not show its line, ends the verification.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace

from voltrail.errors import VerificationError, VoltrailError
from voltrail.events import decode, subjects
from voltrail.ledger.keys import Verifier
from voltrail.ledger.notes import Policy
from voltrail.ledger.trust import NOT_PROVED, Authority
from voltrail.ledger.verify import NO_HEAD_WORDS, Verified, VerifiedEvent, verify
from voltrail.lifecycle.fold import effective_events, fold
from voltrail.lifecycle.stages import qualification_of
from voltrail.lifecycle.state import Organisation, Recorded, State
from voltrail.organisations.trust import RolePeriod, has_role
from voltrail.technology.gates import STAGES
from voltrail.technology.qualification import Grant, Qualification

FORMAT: Final = "voltrail-stage-certificate/1"
MAX_BYTES: Final = 64 << 20
GRANTERS: Final = frozenset({"testing_lab", "authority"})

_PARTLY: Final = frozenset({"model_registered", "campaign_opened", "test_reported", "stage_granted"})
"""Kinds that may be read without members of theirs that are withheld: those can only lack then."""

_AGAIN: Final = "Ask whoever made it for the file again, for an audience that sees results, such as auditor."


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    format: Literal["voltrail-stage-certificate/1"]
    model_id: str
    stage: str
    evidence: tuple[msgspec.Raw, ...]


class Proved(msgspec.Struct, frozen=True):
    """What a certificate proves: who granted the stage on which tests, under which checkpoint."""

    grant: Grant
    qualification: Qualification
    origin: str
    size: int
    witnessed: str
    chains: int
    events: int
    withheld: tuple[int, ...]


def write(model_id: str, stage: str, evidence: Iterable[bytes]) -> bytes:
    """Return the bytes of the file."""
    return msgspec.json.encode(Certificate(FORMAT, model_id, stage, tuple(map(msgspec.Raw, evidence))))


def read(data: bytes) -> Certificate:
    """Return what a file says; VerificationError where it is none, or not in its one form."""
    if len(data) > MAX_BYTES:
        raise _fail("form", f"The file has {len(data):,} bytes: no certificate is as large.", _AGAIN)
    try:
        given = msgspec.json.decode(data, type=Certificate)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _fail("form", f"The file does not read: {error}.", _AGAIN) from error
    if msgspec.json.encode(given) != data or given.stage not in STAGES:
        raise _fail("form", "The file is not written in its one form.", _AGAIN)
    return given


def verify_certificate(data: bytes, policy: Policy, authorities: Sequence[Authority]) -> Proved:
    """Return what a certificate proves, from its events alone; VerificationError names what does not hold."""
    given = read(data)
    chains: dict[str, Verified] = {}
    for evidence in given.evidence:
        verified = verify(bytes(evidence), policy, authorities, lambda line: subjects(decode(line)))
        if verified.subject in chains:
            raise _fail("twice", f"Evidence of {verified.subject} is given twice.")
        chains[verified.subject] = verified
    subject = "model:" + given.model_id
    _check_together(subject, chains)
    record = _Record(chains, frozenset(map(_holder, authorities)))
    found = qualification_of(given.model_id, record)
    model = chains[subject]
    return Proved(
        _grant(found, given.stage, record),
        found,
        model.checkpoint.origin,
        model.checkpoint.size,
        model.witnessed,
        len(chains),
        len(model.events),
        record.withheld,
    )


def _check_together(subject: str, chains: Mapping[str, Verified]) -> None:
    """Raise unless the evidence is of one moment, each chain bound by a head and signed by known keys."""
    if subject not in chains:
        raise _fail("missing", f"Evidence of {subject} is not given.", _AGAIN)
    if len({chain.checkpoint.root for chain in chains.values()}) > 1:
        raise _fail("checkpoint", "The evidence stands under different checkpoints.", _AGAIN)
    for name, chain in chains.items():
        if chain.head == NO_HEAD_WORDS:
            raise _fail("head", f"Nothing shows that {name} has no further events.", _AGAIN)
        for event in chain.events:
            if event.signature == NOT_PROVED:
                raise _fail("signature", f"Event at index {event.index}: nothing shows whose key signed it.")


def _grant(found: Qualification, stage: str, record: _Record) -> Grant:
    """Return the last grant of a stage, by who may grant it, whose gate the events open; raise why not."""
    grants = [one for one in found.grants if one.event.stage == stage and record.may_grant(one, found)]
    if not grants:
        raise _fail("grant", f"No event grants {stage} to {found.model_id}, by who may grant it.")
    last = grants[-1]
    if not last.stands:
        lacking = "; ".join(one.lacks for one in last.gate.lacking)
        if record.withheld:
            raise _fail(
                "withheld",
                f"{len(record.withheld)} events are not shown whole, and without what is withheld the gate of"
                f" {stage} lacks: {lacking}.",
                _AGAIN,
            )
        raise _fail("gate", f"The events do not open the gate of {stage}. It lacks: {lacking}.")
    return last


class _Record:
    """What verified chains say, as `lifecycle.stages` asks it."""

    def __init__(self, chains: Mapping[str, Verified], authorities: frozenset[str]) -> None:
        self._authorities = authorities
        self._chains = {
            subject: [one for event in chain.events if (one := _recorded(event)) is not None]
            for subject, chain in chains.items()
        }
        self._by_index = {one.index: one for chain in self._chains.values() for one in chain}
        models = (chain for subject, chain in chains.items() if subject.startswith("model:"))
        self.withheld = tuple(one.index for chain in models for one in chain.events if one.withheld)

    def state(self, subject: str, /) -> State | None:
        """Return the state of a subject of which evidence is given."""
        return fold(subject, self._chains.get(subject, ()))

    def organisation(self, identifier: str, /) -> Organisation | None:
        """Return an organisation of which evidence is given, or one of the authorities."""
        state = self.state("organisation:" + identifier)
        known = state if isinstance(state, Organisation) else None
        if identifier not in self._authorities:
            return known
        known = known or Organisation(identifier)
        first = min(one.event.occurred_at for one in self._by_index.values())
        return replace(known, roles=(*known.roles, RolePeriod("authority", first)))

    def recorded(self, index: int, /) -> Recorded | None:
        """Return the event at an index, where it is given."""
        return self._by_index.get(index)

    def events(self, subject: str, /) -> list[Recorded]:
        """Return a subject's events that count, in their order."""
        return effective_events(self._chains.get(subject, ()), subject)

    def may_grant(self, grant: Grant, found: Qualification) -> bool:
        """Return whether who granted a stage may: a testing laboratory or the authority, not the maker."""
        who = self.organisation(grant.reporter)
        return (
            who is not None
            and grant.reporter != found.maker
            and has_role(who, GRANTERS, grant.event.occurred_at)
        )


def _recorded(event: VerifiedEvent) -> Recorded | None:
    """Return an event as far as it is shown, None for another matter; raise where anything may be hidden."""
    shown = b"{" + b",".join(member for member in event.members if member is not None) + b"}"
    fields: dict[str, Any] = msgspec.json.decode(shown)
    kind = fields.get("kind")
    if event.withheld and kind not in _PARTLY:
        if kind is None or kind == "corrected":
            raise _fail("withheld", f"Event at index {event.index} does not show all it says.", _AGAIN)
        return None
    try:
        return Recorded(event.index, decode(shown), event.reporter, event.received_ms)
    except VoltrailError as error:
        if event.withheld:
            message = f"Event at index {event.index} does not show enough: {error.message}"
            raise _fail("withheld", message, _AGAIN) from error
        raise _fail("event", f"Event at index {event.index}: {error.message}", _AGAIN) from error


def _holder(authority: Authority) -> str:
    """Return the organisation of a key that the authority is given with."""
    vkey = authority if isinstance(authority, str) else authority[0]
    return Verifier(vkey).name.rpartition("/")[0]


def _fail(rule: str, message: str, fix: str = "") -> VerificationError:
    return VerificationError(f"certificate.{rule}", message, fix, source="docs/guides/pilot-line.md")
