"""
Verifying evidence: with a policy and the authority's keys, and nothing else.

The checks stand in the order of formats.md, "Evidence"; the first that fails is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import UNSET

from voltrail.errors import NoteError, ProofError, ReportError, VerificationError, VoltrailError
from voltrail.ledger import entries, heads, merkle
from voltrail.ledger.commitments import commit, member_digest
from voltrail.ledger.evidence import Chain, EventProof, Evidence, HeadProof, Member, decode
from voltrail.ledger.notes import Checkpoint, Policy, Seen, parse_note
from voltrail.ledger.reports import ReportNote, addressed_to, parse_report_note
from voltrail.ledger.succession import LogPart, first_origin, join_logs, part_at
from voltrail.ledger.trust import Authority, OrganisationChain, SignedEvent, Trust

WITNESSED = "witnessed"
NOT_YET_WITNESSED = "not yet witnessed"
ORGANISATION = "organisation:"

HEAD_WORDS = (
    "The registry has bound itself to these {events} events and no others up to entry {last}; "
    "anyone holding a receipt for another can prove it wrong."
)
NO_HEAD_WORDS = "No head was given: there may be further events, and these may have been corrected since."

UNWITNESSED_FIX = (
    "Ask the registry for the evidence again in a minute. "
    "What the log alone says can be checked under a policy with the line: quorum none"
)

SUBJECT_NOT_SHOWN = ", its subject not shown"

_FURTHER = frozenset({"organisation", "model_id", "site"})  # may name a subject, after the batteries
_OF_LOTS = frozenset({"lot_processed", "recycled", "dismantled", "corrected", None})  # may name many lots

Subjects = Callable[[bytes], Sequence[str]]


class VerifiedEvent(msgspec.Struct, frozen=True):
    """
    One event of the subject, as the evidence proves it.

    `members` are the exact bytes shown, in order, and None where one is
    withheld, for the reason in `withheld`. `reporter` said it; `key` signed
    it, and `signature` says in words what that is worth.
    """

    index: int
    k: int
    received_ms: int
    members: tuple[bytes | None, ...]
    withheld: tuple[str, ...]
    report: str
    position: int
    reporter: str
    key: str
    signature: str
    after_head: bool

    @property
    def line(self) -> bytes | None:
        """The line as it was reported, when no member of it is withheld."""
        return None if self.withheld else _joined(self.members)


class Verified(msgspec.Struct, frozen=True):
    """What the evidence proves; `steps` says in plain words what was checked."""

    subject: str
    checkpoint: Checkpoint
    witnesses: tuple[str, ...]
    witnessed: str
    events: tuple[VerifiedEvent, ...]
    head: str
    complete: bool
    signers: tuple[str, ...]
    steps: tuple[str, ...]


def verify(
    evidence: bytes,
    policy: Policy,
    authorities: Sequence[Authority],
    subjects: Subjects | None = None,
) -> Verified:
    """
    Return what the evidence proves; VerificationError names the first check that fails.

    `authorities` are vkeys, or (vkey, first index, last index) with either
    bound None. `subjects` may give the subjects of a whole line, in order:
    then a line that is wholly shown is held against its link exactly.
    """
    given = decode(evidence)
    seen = _open_checkpoint(given.checkpoint, policy)
    return _Verification(given, seen, authorities, subjects).run()


class _Verification:
    """One run over one evidence; each step reads what those before it have proved."""

    def __init__(
        self,
        given: Evidence,
        seen: Seen,
        authorities: Sequence[Authority],
        subjects: Subjects | None,
    ) -> None:
        self.given, self.seen = given, seen
        self.authorities, self.subjects = authorities, subjects
        self.logs = _join(given, seen.checkpoint)
        self.chains = [Chain(given.subject, given.events, given.head), *given.signers]
        self.notes: dict[str, ReportNote] = {}
        self.heads: dict[str, int] = {}  # by subject: the size of the log its head speaks for
        self.status: dict[int, str] = {}
        self.unnamed: set[int] = set()  # indices of events that do not show which subject they name

    def run(self) -> Verified:
        """Return what is proved, after all steps."""
        steps = [
            self._checkpoint_words(),
            self._check_entries(),
            self._check_commitments(),
            self._check_links(),
            self._check_heads(),
            self._check_signatures(),
        ]
        given = self.given
        return Verified(
            subject=given.subject,
            checkpoint=self.seen.checkpoint,
            witnesses=self.seen.witnesses,
            witnessed=WITNESSED if self.seen.witnesses else NOT_YET_WITNESSED,
            events=tuple(self._verified(event) for event in given.events),
            head=_head_words(given.head, self.heads.get(given.subject, 0)),
            complete=given.head is not None and given.head.events == len(given.events) and not self.unnamed,
            signers=tuple(chain.subject for chain in given.signers),
            steps=tuple(steps),
        )

    def _checkpoint_words(self) -> str:
        seen = self.seen
        by = f"cosigned by {', '.join(seen.witnesses)}" if seen.witnesses else NOT_YET_WITNESSED
        before = "".join(
            f" It follows on {log.checkpoint.origin}, closed at {log.end}." for log in self.logs[:-1]
        )
        return f"Checkpoint of {seen.log.name} with {seen.checkpoint.size} entries: signed, {by}.{before}"

    def _check_entries(self) -> str:
        """Check that each entry is in the log, where it says, and that the log's own time never runs back."""
        if not all(chain.events for chain in self.chains):
            raise _fail("inclusion", "A chain without events proves nothing.")
        for event in self._events():
            self._check_in_log("inclusion", event.entry, event.index, event.proof)
        by_index = {event.index: _parse_entry(event) for event in self._events()}
        times = [by_index[index].received_ms for index in sorted(by_index)]
        if any(later < earlier for earlier, later in pairwise(times)):
            raise _fail("inclusion", "The log's own time runs backwards.")
        return f"{len(by_index)} entries: each in the log."

    def _check_in_log(self, rule: str, entry: bytes, index: int, proof: Sequence[bytes]) -> None:
        try:
            part_at(self.logs, index).check_inclusion(entry, index, proof)
        except ProofError as error:
            raise _fail(rule, f"Entry {index}: {error.message}") from error

    def _check_commitments(self) -> str:
        """Check that the members give c, and that c stands in the entry and in a signed report."""
        self.notes = {digest: self._parse_report(digest) for digest in self.given.reports}
        places: dict[str, set[tuple[int, int]]] = {digest: set() for digest in self.notes}
        for event in self._events():
            c = commit(_digest(member) for member in event.members)
            if _parse_entry(event).commitment != c:
                message = f"Event at index {event.index}: its members are not those in the log."
                raise _fail("commitment", message)
            self._check_reported(event, c)
            places[event.report].add((event.index, event.position))
        for digest, found in places.items():
            _check_order(digest, sorted(found))
        return f"{len(self.notes)} reports: each event is as its reporter committed to it."

    def _parse_report(self, digest: str) -> ReportNote:
        given = self.given.reports[digest]
        try:
            note = parse_report_note(given, addressed_to(given, [log.checkpoint.origin for log in self.logs]))
        except ReportError as error:
            raise _fail("report", f"Report {digest}: {error.message}") from error
        if note.digest != digest:
            raise _fail("report", f"Report {digest} has another digest: {note.digest}.")
        return note

    def _check_reported(self, event: EventProof, c: bytes) -> None:
        note = self.notes.get(event.report)
        if note is None:
            raise _fail("report", f"Event at index {event.index}: its report {event.report} is not given.")
        if note.origin != part_at(self.logs, event.index).checkpoint.origin:
            raise _fail("report", f"Event at index {event.index}: its report is made out to another log.")
        try:
            merkle.verify_inclusion(
                merkle.leaf_hash(c), event.position, note.size, event.report_proof, note.root
            )
        except ProofError as error:
            raise _fail("report", f"Event at index {event.index}: {error.message}") from error

    def _check_links(self) -> str:
        """Check that each chain runs k = 1, 2, … without repeat or hole, and is the subject's own."""
        for chain in self.chains:
            head, last = entries.NO_HEAD, -1
            for k, event in enumerate(chain.events, 1):
                self._check_link(chain.subject, event, k, head)
                if event.index <= last:
                    raise _fail("link", f"Event at index {event.index}: not in the order of the log.")
                head, last = entries.chain(head, event.entry), event.index
        self.unnamed = {
            event.index for event in self.given.events if not _is_named(event, self.given.subject)
        }
        doubt = f" {len(self.unnamed)} events do not show which subject they name." if self.unnamed else ""
        return f"{len(self.chains)} chains: numbered without repeat or hole.{doubt}"

    def _check_link(self, subject: str, event: EventProof, k: int, head: bytes) -> None:
        link, where = event.link, f"Event at index {event.index}"
        if (link.k, link.before) != (k, head):
            raise _fail("link", f"{where}: it does not follow as number {k} on the events before it.")
        leaf = entries.link_leaf(entries.link_blind(link.t, subject), link.k, link.before)
        try:
            merkle.verify_inclusion(leaf, link.at, link.of, link.proof, _parse_entry(event).links)
        except ProofError as error:
            raise _fail("link", f"{where}: {error.message}") from error
        if not self._names(event, subject):
            raise _fail(
                "link", f"{where}: its members do not name {subject} as subject {link.at} of {link.of}."
            )

    def _names(self, event: EventProof, subject: str) -> bool:
        """Return whether the shown members agree with the link: which of how many subjects this one is."""
        at, of = event.link.at, event.link.of
        shown, withheld = _shown(event), len(_withheld(event))
        if self.subjects is not None and not withheld:
            exactly = _read_subjects(self.subjects, event)
            return len(exactly) == of and _at(exactly, at) == subject
        if withheld and not {"code", "codes"} <= shown.keys():
            first = [f"battery:{shown['code']}"] if "code" in shown else []
            return (
                of >= len(first) and _at(first, at) in {subject, None} and (at == 0 or subject not in first)
            )
        named = _batteries(shown)
        if at >= len(named) and subject.startswith("battery:"):
            return False
        most = len(named) + len(_lots(shown)) + len(_FURTHER & shown.keys()) + withheld
        if withheld and shown.get("kind") in _OF_LOTS:
            most = of
        return len(named) <= of <= most and _at(named, at) in {subject, None}

    def _check_heads(self) -> str:
        """Check each head given: after its events, in the heads tree, whose entry is in the log."""
        for chain in self.chains:
            if chain.head is not None:
                self.heads[chain.subject] = self._check_head(chain, chain.head)
        return f"{len(self.heads)} heads: each fits its chain and is in the log."

    def _check_head(self, chain: Chain, head: HeadProof) -> int:
        """Return the size of the log that the head speaks for."""
        where = f"The head of {chain.subject}"
        if not 1 <= head.events <= len(chain.events):
            raise _fail("head", f"{where} is not after {head.events} of {len(chain.events)} events.")
        h = entries.NO_HEAD
        for event in chain.events[: head.events]:
            h = entries.chain(h, event.entry)
        leaf = heads.head_leaf(heads.head_place(chain.subject), head.salt, head.events, h)
        try:
            stated = entries.parse_heads(head.entry)
            merkle.verify_inclusion(
                merkle.leaf_hash(leaf), head.position, head.heads, head.proof, stated.root
            )
            size = part_at(self.logs, head.index).base + stated.size
        except ProofError as error:
            raise _fail("head", f"{where}: {error.message}") from error
        if stated.count != head.heads or size > head.index:
            raise _fail("head", f"{where} does not agree with the entry over all heads.")
        covered = [event.index < size for event in chain.events]
        if covered != [number < head.events for number in range(len(covered))]:
            raise _fail("head", f"{where} does not cover the events before it and those only.")
        self._check_in_log("head", head.entry, head.index, head.entry_proof)
        return size

    def _check_signatures(self) -> str:
        """Check each report's signature, in order of index, and that nothing was given that none needs."""
        self._check_referenced()
        signed = {event.index: self._signed(event) for event in self._events()}
        organisations = {
            chain.subject.removeprefix(ORGANISATION): OrganisationChain(
                tuple(signed[event.index] for event in chain.events),
                max(self.heads.get(chain.subject, 0), chain.events[-1].index),
            )
            for chain in self.chains
            if chain.subject.startswith(ORGANISATION)
        }
        trust = Trust(first_origin(self.seen.checkpoint.origin), self.authorities, organisations)
        self.status = {index: trust.judge(signed[index]) for index in sorted(signed)}
        keys = {event.note.signature.name for event in signed.values()}
        return f"Signatures of {', '.join(sorted(keys))}: checked as far as keys are shown."

    def _check_referenced(self) -> None:
        """Raise when a report or signer is given that nothing refers to, or a chain twice."""
        if unused := self.notes.keys() - {event.report for event in self._events()}:
            raise _fail("report", f"Report {min(unused)} is given, and no event is from it.")
        speaking = {n.holder for n in self.notes.values()} | {n.organisation for n in self.notes.values()}
        subjects = [chain.subject for chain in self.chains]
        for place, subject in enumerate(subjects):
            if subject in subjects[:place]:
                raise _fail("signers", f"The chain of {subject} is given twice.")
            if place and subject not in {ORGANISATION + name for name in speaking}:
                raise _fail("signers", f"{subject} is given as a signer, and signed nothing here.")

    def _signed(self, event: EventProof) -> SignedEvent:
        return SignedEvent(event.index, self.notes[event.report], _shown(event), not _withheld(event))

    def _verified(self, event: EventProof) -> VerifiedEvent:
        note, covered = self.notes[event.report], self.heads.get(self.given.subject)
        return VerifiedEvent(
            index=event.index,
            k=event.link.k,
            received_ms=_parse_entry(event).received_ms,
            members=tuple(None if m.shown is UNSET else m.shown for m in event.members),
            withheld=_withheld(event),
            report=event.report,
            position=event.position,
            reporter=note.organisation,
            key=note.signature.name,
            signature=self._worth(event),
            after_head=covered is not None and event.index >= covered,
        )

    def _worth(self, event: EventProof) -> str:
        """Return what the signature is worth as a statement about this subject."""
        return self.status[event.index] + (SUBJECT_NOT_SHOWN if event.index in self.unnamed else "")

    def _events(self) -> Iterator[EventProof]:
        for chain in self.chains:
            yield from chain.events


def _open_checkpoint(note: str, policy: Policy) -> Seen:
    """Return the checkpoint under the policy; a line that all but matches a known key is refused here."""
    try:
        seen = policy.open(note)
        lines = {(signature.name, signature.key_id) for signature in parse_note(note).signatures}
    except NoteError as error:
        if error.rule == "note.quorum":
            raise _fail("quorum", error.message, UNWITNESSED_FIX) from error
        raise _fail("checkpoint", error.message) from error
    known = {(verifier.name, verifier.key_id) for verifier in (*policy.logs, *policy.witnesses.values())}
    of_log = {(log.name, log.key_id) for log in policy.logs if log.name == seen.checkpoint.origin}
    if lines - known and of_log - lines:
        raise _fail("checkpoint", "A line is of an unknown key, and one of the log's own keys has none.")
    for name, key_id in sorted(known - lines):
        if any(name == other or key_id == other_id for other, other_id in lines - known):
            raise _fail("checkpoint", f"A line for {name} is of another name or key.")
    return seen


def _join(given: Evidence, newest: Checkpoint) -> tuple[LogPart, ...]:
    """Return the logs in which the events stand, the newest one last."""
    try:
        return join_logs(() if given.closed is UNSET else given.closed, newest)
    except ProofError as error:
        raise _fail("succession", error.message) from error


def _parse_entry(event: EventProof) -> entries.EventEntry:
    try:
        return entries.parse_event(event.entry)
    except ProofError as error:
        raise _fail("inclusion", f"Event at index {event.index}: {error.message}") from error


def _digest(member: Member) -> bytes:
    """Return d of a member: computed where it is shown, given where it is withheld."""
    if member.shown is not UNSET and member.salt is not UNSET:
        return member_digest(member.salt, member.shown)
    return member.withheld if member.withheld is not UNSET else b""


def _check_order(digest: str, places: Sequence[tuple[int, int]]) -> None:
    """Raise unless a report's accepted events stand next to each other, in order."""
    for (index, position), (next_index, next_position) in pairwise(places):
        if not 0 < next_index - index <= next_position - position:
            raise _fail("report", f"Report {digest}: its events do not stand in the log in its order.")


def _joined(members: Iterable[bytes | None]) -> bytes:
    """Return the line that has these members, without those withheld."""
    return b"{" + b",".join(member for member in members if member is not None) + b"}"


def _line(event: EventProof) -> bytes:
    return _joined(None if member.shown is UNSET else member.shown for member in event.members)


def _read_subjects(subjects: Subjects, event: EventProof) -> Sequence[str]:
    """Return what the caller reads as the subjects of a whole line."""
    try:
        return subjects(_line(event))
    except VoltrailError as error:
        raise _fail("link", f"Event at index {event.index}: {error.message}") from error


def _at(found: Sequence[str], place: int) -> str | None:
    return found[place] if place < len(found) else None


def _withheld(event: EventProof) -> tuple[str, ...]:
    return tuple(member.why for member in event.members if member.why is not UNSET)


def _shown(event: EventProof) -> dict[str, Any]:
    """Return the values of the members that are shown; none twice."""
    shown = [member.shown for member in event.members if member.shown is not UNSET]
    try:
        parts = [msgspec.json.decode(b"{" + member + b"}", type=dict[str, Any]) for member in shown]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        message = f"Event at index {event.index}: a member does not read as JSON."
        raise _fail("commitment", message) from error
    fields = {key: value for part in parts for key, value in part.items()}
    if len(fields) != len(shown):
        raise _fail("commitment", f"Event at index {event.index}: a member stands twice.")
    return fields


def _batteries(shown: dict[str, Any]) -> list[str]:
    """Return the subjects that `code`, `codes` and `vin` name, in the order of formats.md, "Subjects"."""
    codes = shown.get("codes", [])
    batteries = [shown.get("code"), *(codes if isinstance(codes, list) else [])]
    vehicle = shown.get("vin")
    named = [f"battery:{code}" for code in batteries if code is not None]
    return named if vehicle is None else [*named, f"vehicle:{vehicle}"]


def _is_named(event: EventProof, subject: str) -> bool:
    """Return whether the line itself is seen to name the subject, not only the registry's link."""
    return not _withheld(event) or subject in _named(_shown(event))


def _named(shown: dict[str, Any]) -> set[str]:
    """Return every subject that shown members name."""
    members = (("organisation", "organisation"), ("model", "model_id"), ("site", "site"))
    further = {f"{kind}:{shown[member]}" for kind, member in members if member in shown}
    return {*_batteries(shown), *_lots(shown), *further}


def _lots(shown: dict[str, Any]) -> list[str]:
    """Return the lots that shown members name, in the order of formats.md, "Subjects"."""
    among = [shown, *(one for name in ("inputs", "outputs") for one in _list(shown, name))]
    named = [one.get("lot") for one in among if isinstance(one, dict)]
    return [f"lot:{lot}" for lot in (*named, *_list(shown, "lots")) if lot is not None]


def _list(shown: dict[str, Any], name: str) -> list[Any]:
    found = shown.get(name)
    return found if isinstance(found, list) else []


def _head_words(head: HeadProof | None, size: int) -> str:
    return NO_HEAD_WORDS if head is None else HEAD_WORDS.format(events=head.events, last=size - 1)


def _fail(rule: str, message: str, fix: str = "") -> VerificationError:
    return VerificationError(f"evidence.{rule}", message, fix, source="formats.md, Evidence")
