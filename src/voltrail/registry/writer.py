"""
The one writer: reports in, receipts out, in one transaction for all that wait.

Whoever comes while a transaction runs waits for the next, which takes all of
them at once (group commit). Under one advisory lock a transaction reads the
states touched, judges and folds line by line, extends the tree, signs the
checkpoint and commits; then the anchor is synced; only then anyone is answered.
If the machine stops before the commit, nothing of it is there; if it stops
after, the log goes on from what was committed, and a report sent again gets its receipt.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import msgspec
import psycopg

from voltrail.database import copy
from voltrail.database.database import Connection, Database
from voltrail.errors import Refusal, RegistryClosed, RegistryError, ReportError, VoltrailError
from voltrail.events.kinds import Corrected
from voltrail.events.table import TRUST_KINDS
from voltrail.ledger import merkle
from voltrail.ledger.entries import chain, enter_one, event_entry, links_root
from voltrail.ledger.keys import Verifier, decode64
from voltrail.ledger.notes import Checkpoint
from voltrail.ledger.receipts import FoundLine, KnownLine, LinkedSubject, Receipt, RefusedLine, sign_receipt
from voltrail.ledger.reports import ReportNote
from voltrail.lifecycle import Battery, Finding, Recorded, judge
from voltrail.organisations.trust import key_for, keys_at
from voltrail.regimes import RULES
from voltrail.registry import rows
from voltrail.registry.anchor import Anchor
from voltrail.registry.prepare import Prepared, PreparedLine, extend_tree
from voltrail.registry.receipts import Outcome, receipt_again
from voltrail.registry.settings import Keys, Settings
from voltrail.registry.world import Pending, Slot, World

APPEND_LOCK = 0x564F4C54  # "VOLT"
MAX_GROUP_LINES = 20_000
MAX_TURNS = 200_000  # events folded in anew for one report: about a second

_HASH = 32
_KEY_KINDS = frozenset({"key_added", "key_revoked"})
_KINDS_NOT_BY_HOST = frozenset(
    {"organisation_registered", "role_granted", "role_revoked", "key_added", "key_revoked"}
)


class Ticket:
    """One report waiting for its turn, then its receipt or its error."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.done = False
        self.receipt: bytes = b""
        self.error: BaseException | None = None


class Log(msgspec.Struct):
    """The log's row, as a transaction found it."""

    size: int
    peaks: tuple[bytes, ...]
    root: bytes
    received_ms: int
    trust: int


class Writer:
    """Appends reports to the record. Threads may call `submit` at once; processes may share a database."""

    def __init__(self, database: Database, settings: Settings, keys: Keys, anchor: Anchor) -> None:
        self._database, self._settings, self._keys, self._anchor = database, settings, keys, anchor
        self._authority_keys = {(v.name, v.key_id): v for v in map(Verifier, settings.authorities)}
        self.authorities = frozenset(v.holder for v in self._authority_keys.values())
        self._connection: Connection | None = None
        self._turn = threading.Lock()  # held by whoever runs the transaction
        self._door = threading.Lock()  # guards _waiting
        self._waiting: list[Ticket] = []
        self.now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def submit(self, prepared: Prepared) -> bytes:
        """Return the receipt of a report once it is durable; raises what refused it as a whole."""
        ticket = Ticket(prepared)
        with self._door:
            self._waiting.append(ticket)
        with self._turn:
            while not ticket.done:
                self._run(self._next_group())
        if ticket.error is not None:
            raise ticket.error
        return ticket.receipt

    def append_mark(self, entry: bytes) -> int:
        """Append an entry that is no event: heads. Return its index once it is durable and anchored."""
        with self._turn:
            with self._transaction() as connection:
                log = self._read_log(connection)
                self._check_continues(connection, log)
                connection.execute("insert into mark values (%s, %s)", (log.size, entry))
                note, _ = self.extend(connection, log, [entry])
            self._anchor.advance(note, log.size + 1)
        return log.size

    def extend(self, connection: Connection, log: Log, entries: list[bytes]) -> tuple[str, rows.NewNodes]:
        """Write the tree over further entries, its checkpoint, and the log's row; return the checkpoint."""
        nodes, peaks = extend_tree(log.size, log.peaks, entries)
        size, root = log.size + len(entries), merkle.root_of(peaks)
        note = self._keys.log.sign(Checkpoint(self._settings.origin, size, root).text)
        connection.execute("insert into checkpoint values (%s, %s)", (size, note))
        rows.write_nodes(connection, log.size, nodes)
        connection.execute("update log set size = %s, peaks = %s, root = %s", (size, b"".join(peaks), root))
        return note, rows.NewNodes(log.size, log.peaks, nodes)

    def check_open(self) -> None:
        """Raise RegistryClosed when the database is not as far as the anchor, or of another history."""
        with self._database.pool.connection() as connection:
            self._check_anchor(self._read_log(connection))

    def close(self) -> None:
        """Give the writer's connection back."""
        with self._turn:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def open_log(self) -> None:
        """Make the log's row in a new database, and see that database and anchor agree."""
        with self._turn, self._transaction() as connection:
            connection.execute(
                "insert into log (origin, size, peaks, root, received_ms, trust, first_origin)"
                " values (%s, 0, '', %s, 0, 0, %s) on conflict do nothing",
                (self._settings.origin, merkle.EMPTY_ROOT, self._settings.origin),
            )
        with self._turn, self._transaction() as connection:
            origin = _one(connection, "select origin from log")[0]
            if origin != self._settings.origin:
                raise RegistryClosed(
                    "log.origin",
                    f"The database holds the log {origin}, the settings name {self._settings.origin}.",
                    "Start with the data folder that belongs to this database.",
                )
            log = self._read_log(connection)
            self._check_continues(connection, log)
        if not log.size and self._anchor.read() is None:
            # Anchored while empty: so a stop between the first commit and its anchor is no missing anchor.
            self._anchor.advance(self._keys.log.sign(Checkpoint(origin, 0, log.root).text), 0)
        self._catch_up(log.size)

    # ------------------------------------------------------------ a transaction

    def _next_group(self) -> list[Ticket]:
        """Take those who wait, up to a bound of lines, in the order they came."""
        with self._door:
            taken, lines = 0, 0
            while taken < len(self._waiting) and (not taken or lines < MAX_GROUP_LINES):
                lines += len(self._waiting[taken].prepared.lines)
                taken += 1
            group, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return group

    def _run(self, group: list[Ticket]) -> None:
        try:
            self._commit(group)
        except (psycopg.Error, VoltrailError) as error:
            for ticket in group:
                ticket.error = _as_told(error)
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
            if len(group) == 1 or not isinstance(error, Exception):
                for ticket in group:
                    ticket.error = error.__cause__ if isinstance(error, HalfTakenError) else error
                return
            for ticket in group:  # a defect that one of them brought out is not the others' fault
                ticket.error = None
                self._run([ticket])
        finally:
            for ticket in group:
                ticket.done = True

    def _commit(self, group: list[Ticket]) -> None:
        with self._transaction() as connection:
            log = self._read_log(connection)
            self._check_continues(connection, log)
            append = Append(self, connection, log)
            append.read(group)
            for ticket in group:
                try:
                    append.take(ticket)
                except VoltrailError as error:
                    ticket.error = error
            note = append.write()
        if note is not None:
            self._anchor.advance(note, append.size)
        else:
            self._catch_up(log.size)
        append.answer(note)

    def _transaction(self) -> Any:
        """Return a transaction that holds the log's lock; the connection is made anew after a failure."""
        return _Transaction(self)

    def connected(self) -> Connection:
        """Return the writer's connection."""
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = self._database.connect()
            self._connection.autocommit = True
            self._connection.execute(rows.STAGE_PLAN)
            self._connection.execute(rows.STAGE)
        return self._connection

    def _read_log(self, connection: Connection) -> Log:
        size, peaks, root, received_ms, trust = _one(
            connection, "select size, peaks, root, received_ms, trust from log"
        )
        hashes = tuple(bytes(peaks[at : at + _HASH]) for at in range(0, len(peaks), _HASH))
        return Log(size, hashes, bytes(root), received_ms, trust)

    # ------------------------------------------------------------ the anchor

    def _check_anchor(self, log: Log) -> None:
        """Raise RegistryClosed when the database is behind the anchor, or of another history."""
        anchored = self._anchor.read()
        if anchored is None:
            if log.size:
                raise _closed(f"The database holds {log.size:,} entries, and the anchor file is missing.")
            return
        checkpoint = anchored[1]
        if checkpoint.size > log.size:
            raise _closed(
                f"The log has promised {checkpoint.size:,} entries, and this database holds {log.size:,}: "
                "it was restored from an older copy."
            )
        if checkpoint.size == log.size and checkpoint.root != log.root:
            raise _closed("The database holds another history than the log has promised.")

    def _check_continues(self, connection: Connection, log: Log) -> None:
        """The same, with the root at the anchored size computed from the database."""
        self._check_anchor(log)
        anchored = self._anchor.read()
        if anchored is None or anchored[1].size == log.size:
            return
        positions = merkle.peaks_of(anchored[1].size)
        nodes = rows.read_nodes(connection, positions)
        if merkle.root_of([nodes[position] for position in positions]) != anchored[1].root:
            raise _closed("The database holds another history than the log has promised.")

    def _catch_up(self, size: int) -> None:
        """Anchor what was committed before a stop came between commit and anchor."""
        anchored = self._anchor.read()
        if size and (anchored is None or anchored[1].size < size):
            with self._database.pool.connection() as connection:
                row = connection.execute("select note from checkpoint where size = %s", (size,)).fetchone()
            if row is not None:
                self._anchor.advance(row[0], size)

    # ------------------------------------------------------------ signatures

    def check_known_signer(self, note: ReportNote) -> None:
        """
        Raise ReportError unless the report is signed by a key that counts now, as far as has been committed.

        Asked before a long report is hashed: nobody without a key can make the registry work.
        """
        with self._database.pool.connection() as connection:
            size = self._read_log(connection).size
            self.check_signature(note, World(connection, self.authorities), size)

    def check_signature(self, note: ReportNote, world: World, index: int) -> None:
        """Raise ReportError unless a key that counts at this index of the log signed the report."""
        name = note.signature.name
        verifier = self._authority_keys.get((name, note.signature.key_id))
        if verifier is None:
            holder = world.organisation(note.holder)
            key = key_for(holder, note.key_id, index) if holder is not None else None
            if key is None:
                raise ReportError(
                    "report.key_unknown",
                    f"The record holds no valid key {name} at this time.",
                    "Have the key added to the record first (key_added), or sign with one that is there.",
                )
            verifier = Verifier.of(name, key.algorithm, decode64(key.public_key))
        note.verify(verifier)
        if note.holder != note.organisation:
            self._check_host(note, world, index)

    def _check_host(self, note: ReportNote, world: World, index: int) -> None:
        if note.holder != self._settings.host:
            raise ReportError(
                "report.signer",
                f"{note.holder} signed a report of {note.organisation}.",
                "An organisation signs its own reports.",
            )
        organisation = world.organisation(note.organisation)
        keys = [key for key in keys_at(organisation, index) if key.revoked is None] if organisation else []
        if keys and not any(key.host_may_sign for key in keys):
            raise ReportError(
                "report.host_may_not",
                f"{note.organisation} has a key of its own, which does not let the host sign.",
                "Sign the report with that key: voltrail report FILE --key KEY.pem",
            )

    @property
    def settings(self) -> Settings:
        """The registry's settings."""
        return self._settings

    @property
    def keys(self) -> Keys:
        """The registry's own keys."""
        return self._keys


class _Transaction:
    """One transaction under the log's lock; on a database failure the connection is thrown away."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __enter__(self) -> Connection:
        self._connection = self._writer.connected()
        self._block = self._connection.transaction()
        self._block.__enter__()
        self._connection.execute("select pg_advisory_xact_lock(%s)", (APPEND_LOCK,))
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._block.__exit__(kind, error, trace)
        except psycopg.Error:
            self._connection.close()
            raise
        if isinstance(error, psycopg.Error):
            self._connection.close()


class HalfTakenError(Exception):
    """Taking a report broke off between two of its lines, so nothing of this transaction may stand."""


class Taken(msgspec.Struct):
    """A report of which lines were accepted, or one that had been before (then `receipt` is set)."""

    ticket: Ticket
    outcome: Outcome
    first: int
    accepted: list[int]
    subjects: list[list[LinkedSubject]]
    receipt: bytes | None = None
    again: list[Ticket] = []  # the same report, sent twice at once


class Append:
    """What one transaction adds to the record."""

    def __init__(self, writer: Writer, connection: Connection, log: Log) -> None:
        self._writer, self._connection, self._log = writer, connection, log
        self.world = World(connection, writer.authorities)
        self.size = log.size
        self._received_ms = max(log.received_ms, writer.now_ms())
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
        rows = self._connection.execute("select digest from report where digest = any(%s)", (digests,))
        self._taken_before = {bytes(digest) for (digest,) in rows}

    def _is_signed(self, ticket: Ticket) -> bool:
        try:
            self._writer.check_signature(ticket.prepared.note, self.world, self.size)
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
            earlier = receipt_again(self._connection, prepared.digest, self._writer.keys.log)
            self._taken.append(Taken(ticket, Outcome(), 0, [], [], earlier))
            return
        if self._keys_moved or id(ticket) not in self._counts:
            self._writer.check_signature(prepared.note, self.world, self.size)
        undo = self._marked(prepared) if prepared.mode == "all" else None
        taken = Taken(ticket, Outcome(), self.size, [], [])
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
        size, trust = self.size, self._trust
        entries, parts = len(self._entries), len(self._event_rows)
        touched = {subject for line in prepared.lines for subject in line.subjects}
        saved = [(slot, slot.saved()) for slot in map(self.world.slot, touched)]

        def undo() -> None:
            for index in range(size, self.size):
                del self.world.pending[index]
            self.size, self._trust = size, trust
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
            verdict = judge(event, reporter, self._received_ms, self.world, RULES, about)
            if verdict.refusal is not None:
                outcome.refused.append(RefusedLine.of(number, verdict.refusal))
                continue
            recorded = Recorded(self.size, event, reporter, self._received_ms)
            row, linked = self._append(recorded, line, slots, shared)
            findings = [*self._fold(recorded, slots), *verdict.findings]
            self._event_rows += (row, line.fixed, _findings_column(findings) if findings else copy.NULL)
            outcome.findings += [FoundLine(number, f.kind, f.rule, f.message) for f in findings]
            taken.accepted.append(number)
            taken.subjects.append(linked)

    def _key_refusal(self, note: ReportNote) -> Refusal | None:
        """Return why a line is not taken, when the report's own key has been revoked before it."""
        try:
            self._writer.check_signature(note, self.world, self.size)
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
        index, received_ms = self.size, self._received_ms
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
        self.size += 1
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
            self._next_report = _one(self._connection, "select coalesce(max(id), -1) + 1 from report")[0]
        return self._next_report + len(self._by_digest)

    def write(self) -> str | None:
        """Write all that was taken; return the signed checkpoint, or None when nothing was appended."""
        if not self._entries:
            return None
        connection = self._connection
        note, self._nodes = self._writer.extend(connection, self._log, self._entries)
        self._write_reports()
        rows.copy_in(connection, "event", self._event_rows)
        rows.write_subjects(connection, self.world.slots.values())
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
                "insert into report values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
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
                    self.size,
                    msgspec.json.encode(taken.outcome),
                    prepared.source_digest,
                ),
                binary=True,
            )

    def answer(self, note: str | None) -> None:
        """Give everyone who was taken a receipt; called once all is durable and anchored."""
        for taken in self._taken:
            if taken.receipt is not None:
                taken.ticket.receipt = taken.receipt
                continue
            receipt = sign_receipt(self._receipt(taken, note), self._writer.keys.log)
            for ticket in (taken.ticket, *taken.again):
                ticket.receipt = receipt

    def _receipt(self, taken: Taken, note: str | None) -> Receipt:
        proof: list[bytes] = []
        if taken.accepted and self._nodes is not None:
            end = taken.first + len(taken.accepted)
            proof = merkle.range_proof(taken.first, end, self.size, self._nodes)
        return Receipt(
            report=taken.ticket.prepared.digest.hex(),
            lines=len(taken.ticket.prepared.lines),
            first_index=taken.first if taken.accepted else None,
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
        log = self._writer.settings.origin
        return self._writer.keys.log.sign(Checkpoint(log, self._log.size, self._log.root).text)


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
        "Report it with a key of your own: voltrail report FILE --key KEY.pem",
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


def _closed(message: str) -> RegistryClosed:
    return RegistryClosed(
        "log.closed",
        message,
        "Writing has stopped so that the log cannot fork. Put the newest copy of the database back, "
        "or close this log and begin its successor; see the operator's manual.",
    )


def _as_told(error: BaseException) -> BaseException:
    """Return the error as those who wait shall hear it."""
    if isinstance(error, psycopg.Error):
        told = RegistryError(
            "database.failed",
            f"The database did not take the report: {str(error).strip() or type(error).__name__}.",
            "Send the same report again: if it was taken after all, you get its receipt.",
        )
        told.__cause__ = error
        return told
    return error


def _one(connection: Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    if row is None:
        raise RegistryError(
            "registry.empty", "The database holds no log.", "Start it once with `voltrail serve`."
        )
    return row
