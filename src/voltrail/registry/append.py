"""
What one transaction adds to the record: reports judged and folded line by line, their rows, their receipts.

It decides nothing about turns, locks or the anchor: that is the writer's matter. Until `write` nothing is in
the database, and until the writer has committed and anchored, `answer` gives nobody a receipt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET

from voltrail.database import copy
from voltrail.database.database import Connection
from voltrail.errors import Refusal, ReportError, VoltrailError
from voltrail.events.kinds import Corrected
from voltrail.events.table import TRUST_KINDS
from voltrail.ledger import merkle
from voltrail.ledger.entries import chain, enter_one, event_entry, links_root
from voltrail.ledger.keys import Signer
from voltrail.ledger.notes import Checkpoint
from voltrail.ledger.receipts import (
    FoundLine,
    KnownLine,
    LinkedSubject,
    Receipt,
    RefusedLine,
    sign_receipt,
    signature_of,
)
from voltrail.ledger.reports import ReportNote
from voltrail.lifecycle import Battery, Finding, Recorded, judge
from voltrail.lifecycle.told import told_to_reporter
from voltrail.regimes import Rules
from voltrail.registry import rows
from voltrail.registry.logs import Logs
from voltrail.registry.prepare import Prepared, PreparedLine, extend_tree
from voltrail.registry.recall_rows import write_recalls
from voltrail.registry.receipts import Outcome, receipt_again
from voltrail.registry.signers import Signers
from voltrail.registry.world import Pending, Slot, World

MAX_TURNS = 200_000  # events folded in anew for one report: about a second

_KEY_KINDS = frozenset({"key_added", "key_revoked"})
_KINDS_NOT_BY_HOST = frozenset(
    {"organisation_registered", "role_granted", "role_revoked", "key_added", "key_revoked"}
)


class Ticket:
    """One report waiting for its turn, then its receipt or its error."""

    def __init__(self, prepared: Prepared, meanwhile: Callable[[], None] | None = None) -> None:
        self.prepared = prepared
        self._meanwhile = meanwhile
        self.done = False
        self.receipt: bytes = b""
        self.error: BaseException | None = None

    def waits(self) -> None:
        """Have done what was put off until there is nothing to do but to wait; once, should it wait again."""
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()


class Log(msgspec.Struct):
    """The log's row, as a transaction found it; `base` entries stand in the logs before."""

    base: int
    first_chunk: int
    size: int
    peaks: tuple[bytes, ...]
    root: bytes
    received_ms: int
    trust: int


class HalfTakenError(Exception):
    """Taking a report broke off between two of its lines, so nothing of this transaction may stand."""


class Taken(msgspec.Struct):
    """What became of a report; `receipt` is there from the start when it had been taken before."""

    ticket: Ticket
    outcome: Outcome
    first: int
    accepted: list[int]
    subjects: list[list[LinkedSubject]]
    receipt: bytes | None = None
    again: list[Ticket] = []  # the same report, sent twice at once


class Append:
    """What one transaction adds to the record."""

    def __init__(
        self, connection: Connection, log: Log, signers: Signers, signer: Signer, now_ms: int, rules: Rules
    ) -> None:
        self._connection, self._log, self._signers, self._signer = connection, log, signers, signer
        self.world = World(connection, signers.authorities)
        self.next = log.base + log.size  # the index of the next entry
        self._received_ms = max(log.received_ms, now_ms)
        self._rules = rules
        self._entries: list[bytes] = []
        self._event_rows: list[bytes] = []
        self._taken: list[Taken] = []
        self._taken_before: set[bytes] = set()
        self._counts: set[int] = set()  # tickets of which the signature counted before any of them was taken
        self._keys_moved = False  # since then: a key that counted may not count any more
        self._by_digest: dict[bytes, Taken] = {}
        self._next_report = -1
        self._nodes: rows.NewNodes | None = None
        self._trust = log.trust

    @property
    def size(self) -> int:
        """How many entries the log has with those taken so far."""
        return self.next - self._log.base

    def read(self, group: list[Ticket]) -> None:
        """Read what the reports of a group touch, in few queries; of those with a signature that counts."""
        notes = [ticket.prepared.note for ticket in group]
        self.world.load("organisation:" + name for note in notes for name in (note.organisation, note.holder))
        self._counts = {id(ticket) for ticket in group if self._is_signed(ticket)}
        self.world.load(
            subject
            for ticket in group
            if id(ticket) in self._counts
            for line in ticket.prepared.lines
            for subject in line.subjects
        )
        digests = [ticket.prepared.digest for ticket in group]
        found = self._connection.execute("select digest from report where digest = any(%s)", (digests,))
        self._taken_before = {bytes(digest) for (digest,) in found}

    def _is_signed(self, ticket: Ticket) -> bool:
        try:
            self._signers.check(ticket.prepared.note, self.world, self.next)
        except ReportError:  # a report before it in the group may still add the key
            return False
        return True

    def take(self, ticket: Ticket) -> None:
        """Judge and fold the lines of one report; a refusal of the whole leaves nothing of it."""
        prepared = ticket.prepared
        twin = self._by_digest.get(prepared.digest)
        if twin is not None:
            twin.again.append(ticket)
            return
        if prepared.digest in self._taken_before:
            earlier = receipt_again(self._connection, prepared.digest, Logs.read(self._connection))
            self._taken.append(Taken(ticket, Outcome(), 0, [], [], earlier))
            return
        if self._keys_moved or id(ticket) not in self._counts:
            self._signers.check(prepared.note, self.world, self.next)
        undo = self._marked(prepared) if prepared.mode == "all" else None
        taken = Taken(ticket, Outcome(), self.next, [], [])
        try:
            self._take_lines(taken, prepared)
        except VoltrailError as error:
            raise HalfTakenError from error
        if undo is not None and taken.outcome.refused:
            undo()
            raise _refused_whole(taken.outcome.refused)
        if taken.accepted:
            self._by_digest[prepared.digest] = taken
        self._taken.append(taken)

    def _marked(self, prepared: Prepared) -> Callable[[], None]:
        """Return what undoes all that is taken from now on."""
        start, trust = self.next, self._trust
        entries, parts = len(self._entries), len(self._event_rows)
        touched = {subject for line in prepared.lines for subject in line.subjects}
        saved = [(slot, slot.saved()) for slot in map(self.world.slot, touched)]

        def undo() -> None:
            for index in range(start, self.next):
                del self.world.pending[index]
            self.next, self._trust = start, trust
            del self._entries[entries:], self._event_rows[parts:]
            for slot, was in saved:
                slot.restore(was)

        return undo

    def _take_lines(self, taken: Taken, prepared: Prepared) -> None:
        reporter, outcome = prepared.note.organisation, taken.outcome
        by_host = prepared.note.holder != reporter
        shared = copy.event_shared(self._report_id(), self._received_ms)
        most_turns = self.world.turns + MAX_TURNS
        for number, line in enumerate(prepared.lines):
            event, refusal = line.event, line.refusal
            if self._keys_moved and refusal is None:
                refusal = self._key_refusal(prepared.note)
                event = event if refusal is None else None
            if event is None or (by_host and _is_trust(event, line.subjects)):
                outcome.refused.append(RefusedLine.of(number, refusal or _never_by_host(event)))
                continue
            slots = [self.world.slot(subject) for subject in line.subjects]
            known = self._known(reporter, line, slots[0])
            if known is not None:
                outcome.known.append(KnownLine(number, known))
                continue
            if self.world.turns > most_turns and _folds_anew(line, slots):
                outcome.refused.append(RefusedLine.of(number, _sort_first()))
                continue
            about = [state for slot in slots if type(state := slot.state) is Battery]
            verdict = judge(event, reporter, self._received_ms, self.world, self._rules, about)
            if verdict.refusal is not None:
                outcome.refused.append(RefusedLine.of(number, verdict.refusal))
                continue
            recorded = Recorded(self.next, event, reporter, self._received_ms)
            row, linked = self._append(recorded, line, slots, shared)
            findings = [*self._fold(recorded, slots), *verdict.findings]
            self._event_rows += (row, line.fixed, _findings_column(findings) if findings else copy.NULL)
            if findings:
                told = told_to_reporter(recorded, findings, about)
                outcome.findings += [FoundLine(number, f.kind, f.rule, f.message) for f in told]
            taken.accepted.append(number)
            taken.subjects.append(linked)

    def _key_refusal(self, note: ReportNote) -> Refusal | None:
        """Return why a line is not taken, when the report's own key has been revoked before it."""
        try:
            self._signers.check(note, self.world, self.next)
        except ReportError as error:
            return error.as_refusal()
        return None

    def _known(self, reporter: str, line: PreparedLine, slot: Slot) -> int | None:
        """
        Return the index of the same line from the same organisation, or None.

        Looked for only in the subject's own chain, and only when it already
        goes as far in time: so no index over all lines is needed.
        """
        if line.occurred_us > slot.latest_us:
            return None
        return self.world.known_lines(slot).get((reporter, line.line))

    def _append(
        self, recorded: Recorded, line: PreparedLine, slots: list[Slot], shared: bytes
    ) -> tuple[bytes, list[LinkedSubject]]:
        """Add one event to the tree and its subjects' chains; return its row's start, and where it stands."""
        index, received_ms = self.next, self._received_ms
        if len(slots) == 1:
            (slot,) = slots
            k, before, head = slot.k + 1, [slot.last], slot.h
            links, entry, after = enter_one(line.blinds[0], k, head, received_ms, line.commitment)
            row = copy.event_of_one(index, shared, links, k, slot.last, head)
            linked = [slot.link(k, after, index, line.occurred_us)]
        else:
            ks, heads = [slot.k + 1 for slot in slots], [slot.h for slot in slots]
            before = [slot.last for slot in slots]
            links = links_root(line.blinds, ks, heads)
            entry = event_entry(received_ms, line.commitment, links)
            row = copy.event_of_many(index, shared, links, ks, before, b"".join(heads))
            linked = [
                slot.link(k, chain(slot.h, entry), index, line.occurred_us)
                for slot, k in zip(slots, ks, strict=True)
            ]
        self.world.pending[index] = Pending(recorded, line.line, line.subjects, before)
        if slots[0].lines is not None:
            slots[0].lines[recorded.reporter, line.line] = index
        self._entries.append(entry)
        self.next += 1
        return row, linked

    def _fold(self, recorded: Recorded, slots: list[Slot]) -> list[Finding]:
        """Step the states of the subjects on; return what the event showed that does not add up."""
        findings: list[Finding] = []
        for slot in slots:
            was = slot.state
            slot.state = self.world.fold_in(slot, recorded)
            findings += _newly_found(was, slot.state, recorded.index, findings)
        if recorded.event.kind in TRUST_KINDS:
            self._trust += 1
            self._keys_moved = self._keys_moved or recorded.event.kind in _KEY_KINDS
        return findings

    def _report_id(self) -> int:
        """Return the number of the report being taken: one more than that of the last."""
        if self._next_report < 0:
            self._next_report = rows.one(self._connection, "select coalesce(max(id), -1) + 1 from report")[0]
        return self._next_report + len(self._by_digest)

    def write(self, meanwhile: Callable[[], object]) -> str | None:
        """
        Write all that was taken; return the signed checkpoint, or None when nothing was appended.

        `meanwhile` is called once, when nothing is left to do but to wait for the database.
        """
        connection, note = self._connection, None
        if self._entries:
            note, self._nodes = extend_log(connection, self._log, self._entries, self._signer)
        for taken in self._taken:
            if taken.receipt is None:
                taken.receipt = sign_receipt(self._receipt(taken, note), self._signer)
        if note is None:
            meanwhile()
            return None
        self._write_reports()
        with rows.copying_in(connection, "event", self._event_rows):
            subjects = rows.rows_of(self.world.slots.values())
            meanwhile()
        rows.write_subjects(connection, subjects)
        write_recalls(connection, self.world)
        connection.execute(
            "update log set received_ms = %s, trust = %s,"
            " batteries = batteries + %s, organisations = organisations + %s",
            (self._received_ms, self._trust, *self._new_subjects()),
        )
        return note

    def _new_subjects(self) -> tuple[int, int]:
        """Return how many batteries and organisations the record did not know before."""
        new = [slot.subject for slot in self.world.slots.values() if slot.at is None and slot.dirty]
        batteries = sum(name.startswith("battery:") for name in new)
        return batteries, sum(name.startswith("organisation:") for name in new)

    def _write_reports(self) -> None:
        for number, taken in enumerate(self._by_digest.values(), self._next_report):
            prepared = taken.ticket.prepared
            self._connection.execute(
                "insert into report values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    number,
                    prepared.note.organisation,
                    prepared.signed,
                    prepared.digest,
                    prepared.secret,
                    prepared.nodes,
                    len(prepared.lines),
                    taken.first,
                    len(taken.accepted),
                    self.next,
                    msgspec.json.encode(taken.outcome),
                    signature_of(taken.receipt or b""),
                    prepared.source_digest,
                ),
                binary=True,
            )

    def answer(self) -> None:
        """Give everyone who was taken a receipt; called once all is durable and anchored."""
        for taken in self._taken:
            for ticket in (taken.ticket, *taken.again):
                ticket.receipt = taken.receipt or b""

    def _receipt(self, taken: Taken, note: str | None) -> Receipt:
        proof: list[bytes] = []
        if taken.accepted and self._nodes is not None:
            first = taken.first - self._log.base
            proof = merkle.range_proof(first, first + len(taken.accepted), self.size, self._nodes)
        return Receipt(
            report=taken.ticket.prepared.digest.hex(),
            lines=len(taken.ticket.prepared.lines),
            first_index=taken.first if taken.accepted else None,
            base=self._log.base or UNSET,
            accepted=taken.accepted,
            known=taken.outcome.known,
            subjects=taken.subjects,
            refused=taken.outcome.refused,
            findings=taken.outcome.findings,
            checkpoint=note or self._standing_checkpoint(),
            range_proof=proof,
        )

    def _standing_checkpoint(self) -> str:
        """Return the checkpoint the log stands at, for a report of which nothing was new."""
        return self._signer.sign(Checkpoint(self._signer.name, self._log.size, self._log.root).text)


def extend_log(
    connection: Connection, log: Log, entries: list[bytes], signer: Signer
) -> tuple[str, rows.NewNodes]:
    """Write the tree over further entries, its checkpoint, and the log's row; return the checkpoint."""
    nodes, peaks = extend_tree(log.size, log.peaks, entries)
    size, root = log.size + len(entries), merkle.root_of(peaks)
    note = signer.sign(Checkpoint(signer.name, size, root).text)
    connection.execute("insert into checkpoint values (%s, %s)", (log.base + size, note))
    rows.write_nodes(connection, log.size, nodes, log.first_chunk)
    connection.execute("update log set size = %s, peaks = %s, root = %s", (size, b"".join(peaks), root))
    return note, rows.NewNodes(log.size, log.peaks, nodes)


def _newly_found(was: Any, now: Any, index: int, known: list[Finding]) -> list[Finding]:
    """Return the findings of a state that this event showed, or that its arrival brought about."""
    before, after = getattr(was, "findings", ()), getattr(now, "findings", ())
    if after is before or not after:
        return []
    earlier = set(before)
    return [
        finding
        for finding in after
        if (finding.index == index or finding not in earlier) and finding not in known
    ]


def _folds_anew(line: PreparedLine, slots: list[Slot]) -> bool:
    """Return whether a line comes late for one of its subjects, or corrects."""
    late = any(line.occurred_us < slot.latest_us for slot in slots)
    return late or isinstance(line.event, Corrected)


def _sort_first() -> Refusal:
    return Refusal(
        "report.order",
        "So many lines of this report came late, or correct others, that the rest would hold up everybody.",
        "Sort the lines by occurred_at, the oldest first, and send those that are missing in another report.",
    )


def _is_trust(event: Any, subjects: tuple[str, ...]) -> bool:
    """Return whether a line decides whom to trust, or would correct in the chain where that stands."""
    if event.kind == "corrected":
        return any(subject.startswith("organisation:") for subject in subjects)
    return event.kind in _KINDS_NOT_BY_HOST


def _never_by_host(event: Any) -> Refusal:
    """Return why the host cannot have signed this line: it is about trust."""
    return Refusal(
        "role.host_signed",
        f"{event.kind} about an organisation is never signed by the host.",
        "Report it with a key of your own: `voltrail report FILE --key KEY.pem`",
        source="formats.md, Evidence",
    )


def _findings_column(findings: list[Finding]) -> bytes:
    return copy.blob(msgspec.json.encode(findings))


def _refused_whole(refused: list[RefusedLine]) -> ReportError:
    first = refused[0]
    more = f" {len(refused) - 1} more lines were refused too." if len(refused) > 1 else ""
    return ReportError(
        first.rule,
        f"{first.message}{more} Nothing was taken (mode=all).",
        first.fix,
        first.line + 1,
        first.source,
    )
