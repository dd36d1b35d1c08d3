"""
One part of an audit: a block of entries, a share of the subjects, or a heads tree.

The parts know nothing of each other, so that worker processes share them and memory stays the same however
large the record is. Each trusts no stored hash, chain or state.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import groupby, islice, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import psycopg

from voltrail.database.database import Connection
from voltrail.errors import LineError, NoteError, ProofError, ReportError, VerificationError, VoltrailError
from voltrail.events import Event, decode, decode_all, subjects
from voltrail.events.kinds import Corrected, Recalled
from voltrail.ledger import merkle
from voltrail.ledger.entries import (
    NO_HEAD,
    chain,
    event_entry,
    heads_entry,
    links_root,
    parse_heads,
    successor_entry,
)
from voltrail.ledger.heads import ROW_BYTES, extend, head_place
from voltrail.ledger.keys import Verifier, decode64
from voltrail.ledger.notes import Checkpoint, open_note
from voltrail.ledger.receipts import verify_receipt
from voltrail.ledger.reports import ReportNote, parse_report_note
from voltrail.lifecycle import (
    Battery,
    Finding,
    Organisation,
    Recorded,
    State,
    decode_state,
    effective_events,
    encode_state,
    fold,
    in_order,
    recalls_in,
    step,
)
from voltrail.lifecycle.told import without_names
from voltrail.organisations.trust import key_for
from voltrail.registry import recall_rows, rows
from voltrail.registry.audit_following import AT_ONCE, Chain, Following, Tally
from voltrail.registry.difference import Difference
from voltrail.registry.following import Entry, findings_of
from voltrail.registry.heads import HeadsStore, Tree
from voltrail.registry.logs import Closed, Logs, Stretch
from voltrail.registry.prepare import blind_all, commit_all, extend_hashed
from voltrail.registry.receipts import Outcome, receipt_again
from voltrail.registry.world import NEVER_US, World

BLOCK_LEVEL: Final = 14
BLOCK: Final = 1 << BLOCK_LEVEL

_EVENTS = """
select e.seq, e.report, e.position, e.kind, e.received_ms, e.line, e.c, e.links, e.subjects, e.k, e.h,
       e.findings, (extract(epoch from e.occurred_at) * 1000000)::bigint
from event e where e.seq >= %s and e.seq < %s order by e.seq
"""
_CHAINS = """
select u.subject collate "C", e.seq, u.k, u.before, substr(e.h, 32 * u.at::integer - 31, 32),
       e.received_ms, e.c, e.links, e.line, r.organisation, e.findings
from event e join report r on r.id = e.report
     cross join lateral unnest(e.subjects, e.k, e.before) with ordinality u(subject, k, before, at)
where abs(hashtext(u.subject)::bigint) %% %s = %s order by 1, 2
"""
_SUBJECTS = f"""
select id, k, h, seq, latest_us, state, place, phase, holder, model, {recall_rows.KEPT}
from subject where abs(hashtext(id)::bigint) %% %s = %s order by id
"""  # noqa: S608 - made of our own words


class Block(msgspec.Struct, frozen=True):
    """What a block of a log's entries leads to: its peaks, one for a whole block."""

    log: int
    number: int
    peaks: tuple[bytes, ...]


class _Report(msgspec.Struct, frozen=True):
    number: int
    organisation: str
    secret: bytes
    nodes: bytes
    findings: dict[int, list[tuple[str, str, str]]]
    revoked: int | None = None  # from which index on its key counts no more


class _Read(msgspec.Struct, gc=False):
    """A line as it reads, and what follows from it; `event` is None when it does not read, for `why`."""

    event: Event | None = None
    subjects: tuple[str, ...] = ()
    commitment: bytes = b""
    blinds: list[bytes] = []
    why: str = ""


class Setting(msgspec.Struct, frozen=True):
    """
    What every part of an audit works with.

    `size` and `vkey` are the newest log's; `authorities` are keys, `known` the organisations whose they are;
    `parts` is among how many the subjects are shared.
    """

    dsn: str
    snapshot: str
    logs: Logs
    size: int
    vkey: str
    authorities: list[str]
    known: frozenset[str]
    heads: Path
    parts: int

    def size_of(self, log: Stretch) -> int:
        """Return how many entries a log has."""
        return log.size if isinstance(log, Closed) else self.size

    @property
    def upto(self) -> int:
        """How many entries the record has."""
        return self.logs.newest.base + self.size


Found = Difference | Block | Tally | int  # an int: so much of the work is done
Job = tuple[str, int, int]  # what, of which log, which part of it


class Auditor:
    """One worker's view of the record: a connection that streams and one that looks things up."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._logs = {log.number: log for log in (*setting.logs.closed, setting.logs.newest)}
        self._keys = {log.number: Verifier(log.vkey) for log in setting.logs.closed}
        self._keys[setting.logs.newest.number] = Verifier(setting.vkey)
        self._firsts = {  # by index: the entries that close a log and begin the next
            log.base + log.size: successor_entry(log.note) for log in setting.logs.closed
        }
        self._authorities = {(v.name, v.key_id): v for v in map(Verifier, setting.authorities)}
        self._organisations: dict[tuple[str, int], Organisation | None] = {}
        self._chains: dict[str, list[Recorded]] = {}

    def __enter__(self) -> Self:
        self._stream, self._second = (self._connected() for _ in range(2))
        self._world = World(self._second, ())
        self._following = Following(self._second, self._setting.known)
        (self._recalls_read,) = rows.one(self._second, "select not exists (select from recall_backlog)")
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._second.close()

    def _connected(self) -> Connection:
        connection: Connection = psycopg.connect(self._setting.dsn)
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute(f"set transaction snapshot '{self._setting.snapshot}'")
        connection.execute("set local work_mem = '128MB'")
        return connection

    def run(self, job: Job) -> Iterator[Found]:
        """Do one job: a block of entries, a part of the subjects, or a heads tree."""
        name, log, number = job
        if name == "block":
            yield from self._block(self._logs[log], number)
        else:
            yield from {"subjects": self._subjects, "heads": self._heads}[name](number)

    # ------------------------------------------------------------ a block of entries

    def _block(self, log: Stretch, number: int) -> Iterator[Found]:
        """Check the entries of a block, its part of the tree, and the checkpoints over it."""
        start = log.base + number * BLOCK
        stop = min(start + BLOCK, log.base + self._setting.size_of(log))
        leaves: list[bytes] = []
        before_ms = self._received_before(start)
        told: list[Entry] = []
        for index, entry, received_ms, found in self._entries(start, stop, before_ms, told):
            yield from found
            while start + len(leaves) < index:
                missing = start + len(leaves)
                yield Difference("event", f"event {missing}", f"The event at index {missing} is missing.")
                leaves.append(bytes(merkle.HASH_BYTES))
            leaves.append(merkle.leaf_hash(entry))
            if (entry[:1] == b"\x03" or index in self._firsts) and entry != self._firsts.get(index):
                yield Difference(
                    "successor",
                    f"entry {index}",
                    "It does not begin a log with the last checkpoint before it.",
                )
            if received_ms < before_ms:
                yield Difference(
                    "event", f"event {index}", "received_ms is lower than that of the event before."
                )
            before_ms = max(before_ms, received_ms)
        for missing in range(start + len(leaves), stop):
            yield Difference("event", f"event {missing}", f"The event at index {missing} is missing.")
            leaves.append(bytes(merkle.HASH_BYTES))
        nodes, peaks = extend_hashed(leaves)
        yield from same_nodes(self._second, log, merkle.node_count(start - log.base), nodes)
        yield from self._checkpoints(log, start, stop, leaves)
        yield self._following.tally(start, told)
        yield Block(log.number, number, peaks)
        yield stop - start

    def _received_before(self, start: int) -> int:
        row = self._second.execute(
            "select received_ms from event where seq < %s order by seq desc limit 1", (start,)
        ).fetchone()
        return row[0] if row else 0

    def _entries(
        self, start: int, stop: int, before_ms: int, told: list[Entry]
    ) -> Iterator[tuple[int, bytes, int, list[Difference]]]:
        """
        Yield index, entry, received_ms and differences of the events and marks of a block, in order.

        The events that read are added to `told`.
        """
        marks = self._second.execute(
            "select seq, entry from mark where seq >= %s and seq < %s order by seq desc",
            (start, stop),
            binary=True,
        ).fetchall()
        received_ms = before_ms  # a mark has no time of its own
        events = self._stream.execute(_EVENTS, (start, stop), binary=True).fetchall()
        for number, run in groupby(events, key=itemgetter(1)):
            together = list(run)
            report, found = self._report(number, carried=together[0][0] == start)
            for row, read in zip(together, _read_all(together, report), strict=True):
                while marks and marks[-1][0] < row[0]:
                    index, entry = marks.pop()
                    yield index, bytes(entry), received_ms, list(self._mark(index, bytes(entry)))
                entry, more = self._event(row, report, read)
                if report is not None and read.event is not None:
                    recorded = Recorded(row[0], read.event, report.organisation, row[4])
                    told.append(Entry(recorded, row[8], findings_of(row[11])))
                received_ms = row[4]
                yield row[0], entry, received_ms, found + more
                found = []
        for index, entry in marks[::-1]:
            yield index, bytes(entry), received_ms, list(self._mark(index, bytes(entry)))

    def _event(
        self, row: tuple[Any, ...], report: _Report | None, read: _Read
    ) -> tuple[bytes, list[Difference]]:
        """Return the entry of an event as its line, secret and links make it, and what differs."""
        seq, _, position, kind, received_ms, _, c, links, names, ks, heads, findings, occurred_us = row
        where, event, about, commitment = f"event {seq}", read.event, read.subjects, read.commitment
        if report is None or event is None:
            wrong = [Difference("line", where, f"The stored line does not read: {read.why}")]
            return event_entry(received_ms, c, links), [] if report is None else wrong
        found = []
        if commitment != c:
            found.append(Difference("line", where, "The line and the secret do not give the commitment."))
        at = merkle.position(0, position) * merkle.HASH_BYTES
        if report.nodes[at : at + merkle.HASH_BYTES] != merkle.leaf_hash(commitment):
            found.append(Difference("report", where, "The commitment does not stand in the signed report."))
        shown = msgspec.json.decode(findings, type=list[Finding]) if findings else None
        if not _is_told(shown, report.findings.get(position)):
            found.append(Difference("finding", where, "Its findings are not those of its report's receipt."))
        if report.revoked is not None and seq > report.revoked:
            found.append(Difference("signature", where, "The key of its report had been revoked before it."))
        about_it = (event.kind, list(about), round(event.occurred_at.timestamp() * 1_000_000))
        if about_it != (kind, names, occurred_us):
            found.append(Difference("event", where, "Kind, time or subjects are not those of the line."))
        if (len(ks), len(heads)) != (len(about), len(about) * merkle.HASH_BYTES):
            found.append(Difference("chain", where, "There are not as many links as subjects."))
            return event_entry(received_ms, commitment, links), found
        computed = links_root(read.blinds, ks, [heads[n : n + 32] for n in range(0, len(heads), 32)])
        if computed != links:
            found.append(Difference("chain", where, "The root over the links is not theirs."))
        return event_entry(received_ms, commitment, computed), found

    def _mark(self, index: int, entry: bytes) -> Iterator[Difference]:
        where = f"entry {index}"
        if entry[:1] != b"\x02":
            return
        try:
            stated = parse_heads(entry)
        except ProofError as error:
            yield Difference("heads", where, error.message)
            return
        base = self._setting.logs.at(index).base
        if stated.size > index - base:
            yield Difference(
                "heads", where, f"It speaks of {stated.size} entries, more than stand before it."
            )
        for (before,) in self._second.execute(
            "select entry from mark where seq < %s and seq >= %s and get_byte(entry, 0) = 2"
            " order by seq desc limit 1",
            (index, base),
        ):
            if parse_heads(bytes(before)).size >= stated.size:
                yield Difference("heads", where, "Its size does not rise above that of the heads before.")

    def _checkpoints(self, log: Stretch, start: int, stop: int, leaves: list[bytes]) -> Iterator[Difference]:
        """Check the signature and the root of each checkpoint over a block."""
        places = merkle.peaks_of(start - log.base)
        stored = log.nodes(self._second, places)
        left = tuple(stored.get(place, b"") for place in places)
        peaks: tuple[bytes, ...] = ()
        done = start
        for upto, note in self._second.execute(
            "select upto, note from checkpoint where upto > %s and upto <= %s order by upto", (start, stop)
        ).fetchall():
            _, peaks = merkle.extend(done - start, peaks, leaves[done - start : upto - start])
            done = upto
            try:
                checkpoint = Checkpoint.parse(open_note(note, [self._keys[log.number]]).text)
            except NoteError as error:
                yield Difference("checkpoint", f"checkpoint {upto}", error.message)
                continue
            if checkpoint != Checkpoint(log.origin, upto - log.base, merkle.root_of((*left, *peaks))):
                yield Difference("checkpoint", f"checkpoint {upto}", "It is not the root of so many entries.")

    # ------------------------------------------------------------ reports and signatures

    def _report(self, number: int, *, carried: bool) -> tuple[_Report | None, list[Difference]]:
        """Return a report, and what differs in it unless it is carried over from the block before."""
        where = f"report {number}"
        row = self._second.execute(
            "select organisation, note, secret, nodes, digest, first_seq, lines, accepted, outcome"
            " from report where id = %s",
            (number,),
            binary=True,
        ).fetchone()
        if row is None:
            return None, [Difference("report", where, "The report is missing.")]
        organisation, signed, secret, nodes, digest, first, lines, accepted, outcome = row
        said = msgspec.json.decode(outcome, type=Outcome)
        findings: dict[int, list[tuple[str, str, str]]] = {}
        for one in said.findings:
            findings.setdefault(one.line, []).append((one.kind, one.rule, one.message))
        revoked = self._revoked_within(signed, first, accepted)
        report = _Report(number, organisation, secret, nodes, findings, revoked)
        log = self._setting.logs.at(first)
        if carried and (first - log.base) % BLOCK:
            return report, []
        try:
            note = parse_report_note(signed, log.origin)
            self._check_signature(note, first)
        except (ReportError, NoteError) as error:
            return report, [Difference("signature", where, error.message)]
        found = []
        try:
            again = receipt_again(self._second, digest, self._setting.logs)
            verify_receipt(again or b"", self._keys[log.number])
        except (VoltrailError, LookupError, ValueError, msgspec.MsgspecError) as error:
            why = error.message if isinstance(error, VerificationError) else "it cannot be made."
            found.append(Difference("report", where, f"Its receipt is not the one that was given: {why}"))
        if note.size != lines:
            found.append(Difference("report", where, "It has not as many lines as were signed."))
        if sha256(note.text.encode()).digest() != digest or note.organisation != organisation:
            found.append(Difference("report", where, "Digest or organisation are not those of the note."))
        leaves = [nodes[at : at + 32] for at in (merkle.position(0, n) * 32 for n in range(note.size))]
        computed, peaks = extend_hashed(leaves)
        if computed != nodes or merkle.root_of(peaks) != note.root:
            found.append(Difference("report", where, "The report's tree does not lead to the signed root."))
        return report, found

    def _check_signature(self, note: ReportNote, first: int) -> None:
        """Raise unless a key that counted at that index signed the report."""
        verifier = self._authorities.get((note.signature.name, note.signature.key_id))
        if verifier is None:
            holder = self._organisation_at(note.holder, first)
            key = key_for(holder, note.key_id, first) if holder is not None else None
            if key is None:
                raise ReportError(
                    "report.key_unknown", f"No key {note.signature.name} counted at index {first}."
                )
            verifier = Verifier.of(note.signature.name, key.algorithm, decode64(key.public_key))
        note.verify(verifier)

    def _revoked_within(self, signed: str, first: int, accepted: int) -> int | None:
        """Return the index among a report's own events at which its key was revoked, or None."""
        try:
            note = parse_report_note(signed, self._setting.logs.at(first).origin)
        except ReportError:  # named where the report is checked
            return None
        if (note.signature.name, note.signature.key_id) in self._authorities:
            return None
        before = self._organisation_at(note.holder, first)
        after = self._organisation_at(note.holder, first + accepted)
        used = key_for(before, note.key_id, first) if before is not None else None
        if used is None or after is None:  # named where the report is checked
            return None
        return next((key.revoked for key in after.keys if key.added == used.added), None)

    def _organisation_at(self, identifier: str, index: int) -> Organisation | None:
        """Return an organisation as its events before an index make it."""
        subject = "organisation:" + identifier
        if subject not in self._chains:
            self._chains[subject] = [recorded for recorded, _ in self._world.chain(subject)]
        before = [recorded for recorded in self._chains[subject] if recorded.index < index]
        asked = subject, len(before)
        if asked not in self._organisations:
            state = fold(subject, before)
            self._organisations[asked] = state if isinstance(state, Organisation) else None
        return self._organisations[asked]

    # ------------------------------------------------------------ subjects

    def _subjects(self, part: int) -> Iterator[Found]:
        """Check chains, states and heads of a part of the subjects, in the order of their ids."""
        share = (self._setting.parts, part)
        trees = self._trees()
        with (
            self._stream.cursor("chains", binary=True) as chains,
            self._second.cursor("rows", binary=True) as stored,
        ):
            chains.itersize = stored.itersize = 2000
            chains.execute(_CHAINS, share)
            stored.execute(_SUBJECTS, share)
            rows_left = iter(stored)
            row = next(rows_left, None)
            done = 0
            waiting: list[Chain] = []
            for name, links in groupby(chains, key=itemgetter(0)):
                while row is not None and row[0] < name:
                    yield Difference("subject", row[0], "It is stored, and no event is about it.")
                    row = next(rows_left, None)
                of_it = row if row is not None and row[0] == name else None
                told = Chain(name, of_it[1:6] if of_it is not None else (), [])
                counted, found = self._chain(told, links, of_it, trees)
                yield from found
                if of_it is not None and told.entries:
                    waiting.append(told)
                if len(waiting) >= AT_ONCE:
                    yield from self._following.subjects(waiting)
                    waiting = []
                done += counted
                if done >= BLOCK:  # said one by one, it costs as much as checking a chain
                    yield done
                    done = 0
                if row is not None and row[0] == name:
                    row = next(rows_left, None)
            while row is not None:
                yield Difference("subject", row[0], "It is stored, and no event is about it.")
                row = next(rows_left, None)
            yield from self._following.subjects(waiting)
            yield done

    def _chain(
        self,
        told: Chain,
        links: Iterator[tuple[Any, ...]],
        stored: tuple[Any, ...] | None,
        trees: list[Tree],
    ) -> tuple[int, list[Difference]]:
        """
        Check one subject's chain; return how many entries begin with it, and what differs.

        Its events that read are added to those that `told` has.
        """
        name, found = told.name, list[Difference]()
        h, k, last, latest_us, firsts = NO_HEAD, 0, -1, NEVER_US, 0
        then: list[tuple[int, bytes]] = [(0, NO_HEAD)] * len(trees)
        events: list[Recorded] = []
        for _, seq, said_k, before, said_h, received_ms, c, root, line, organisation, shown in links:
            if (said_k, before, said_h) != (k + 1, last, h):
                found.append(
                    Difference("chain", f"event {seq}", f"k, the event before or its head differ for {name}.")
                )
            h, k, last = chain(h, event_entry(received_ms, c, root)), k + 1, seq
            for place, tree in enumerate(trees):
                if seq < tree.about.upto:
                    then[place] = k, h
            try:
                event = decode(line)
            except VoltrailError:
                continue  # named where its entry is checked
            firsts += subjects(event)[0] == name
            latest_us = max(latest_us, round(event.occurred_at.timestamp() * 1_000_000))
            events.append(Recorded(seq, event, organisation, received_ms))
            told.entries.append(Entry(events[-1], [], findings_of(shown)))
        a = head_place(name)
        for tree, (events_then, head_then) in zip(trees, then, strict=True):
            head = tree.find_place(a)
            if (head.k, head.h) != (events_then, head_then) if head else events_then:
                found.append(
                    Difference(
                        "heads", f"heads {tree.index}", f"The head of {name} is not that of its chain."
                    )
                )
        if stored is None:
            found.append(Difference("subject", name, "It has events, and is not stored."))
        elif stored[1:5] != (k, h, last, latest_us):
            found.append(
                Difference("subject", name, "k, head, last event or time are not those of its chain.")
            )
        else:
            found += self._state(name, events, stored)
        return firsts, found

    def _state(self, name: str, events: list[Recorded], stored: tuple[Any, ...]) -> Iterator[Difference]:
        """Fold a subject's events again and compare."""
        try:
            state = self._folded(name, events)
        except (VoltrailError, msgspec.MsgspecError):
            state = None
        if (
            state is None
            or not _is_stored(name, state, bytes(stored[5]))
            or rows.shown_columns(state) != stored[6:10]
        ):
            yield Difference("state", name, "The stored state is not the fold of its events.")
        elif isinstance(state, Battery) and self._recalls_read and self._recalls(state, events) != stored[10]:
            yield Difference("recall", name, "What is kept of its recalls is not what its events say.")

    def _recalls(self, state: Battery, events: list[Recorded]) -> str | None:
        """Return what must be kept of a battery's recalls; most were never recalled."""
        if not any(isinstance(one.event, Recalled | Corrected) for one in events):
            return None
        everything = self._world.with_corrected({one.index: one for one in events})
        counting = effective_events(everything, "battery:" + state.code)
        return recall_rows.as_text(recalls_in(counting).values(), state)

    def _folded(self, name: str, events: list[Recorded]) -> State | None:
        state: State | None = None
        for recorded in events:
            if not in_order(state, recorded):
                return fold(name, self._world.with_corrected({one.index: one for one in events}))
            state = step(name, state, recorded)
        return state

    # ------------------------------------------------------------ heads

    def _trees(self) -> list[Tree]:
        return [tree for tree in HeadsStore(self._setting.heads).trees() if tree.index < self._setting.upto]

    def _heads(self, index: int) -> Iterator[Found]:
        """Check that the rows of a heads tree lead to the root in the log."""
        tree = next((tree for tree in self._trees() if tree.index == index), None)
        if tree is None:  # its time was over meanwhile
            return
        row = self._second.execute("select entry from mark where seq = %s", (index,), binary=True).fetchone()
        size, last = 0, b""
        peaks: tuple[bytes, ...] = ()
        with tree.rows_path.open("rb") as file:
            while piece := file.read(ROW_BYTES << 12):
                places = [piece[at : at + 32] for at in range(0, len(piece), ROW_BYTES)]
                if any(after <= before for before, after in pairwise([last, *places])):
                    yield Difference(
                        "heads", f"heads {index}", "Its rows are not in order, or one stands twice."
                    )
                last = places[-1]
                _, peaks = extend(size, peaks, piece, tree.about.secret)
                size += len(places)
        root = merkle.root_of(peaks)
        if row is None or bytes(row[0]) != heads_entry(tree.about.size, size, root):
            yield Difference("heads", f"heads {index}", "Its rows do not lead to the root in the log.")


def _is_told(findings: list[Finding] | None, told: list[tuple[str, str, str]] | None) -> bool:
    """Return whether a receipt tells these findings: in full, or as whoever may know no names."""
    if findings is None or told is None:
        return findings is None and told is None
    return len(findings) == len(told) and all(
        said in {(one.kind, one.rule, one.message), (one.kind, one.rule, without_names(one).message)}
        for one, said in zip(findings, told, strict=True)
    )


def _read_all(rows: list[tuple[Any, ...]], report: _Report | None) -> Iterator[_Read]:
    """Read the lines of a report's events, and make again what follows from them and its secret."""
    if report is None:
        yield from (_Read() for _ in rows)
        return
    start = 0
    for end in range(1, len(rows) + 1):  # those that stand next to each other in the report, at once
        if end == len(rows) or rows[end][2] != rows[end - 1][2] + 1:
            yield from _read_run(report.secret, rows[start][2], [row[5] for row in rows[start:end]])
            start = end


def _read_run(secret: bytes, first: int, lines: list[bytes]) -> Iterator[_Read]:
    """Read lines that stand next to each other in a report, from line `first` on."""
    events = decode_all(lines)
    about = [() if isinstance(event, VoltrailError) else subjects(event) for event in events]
    try:
        commitments = commit_all(secret, lines, first)
    except LineError as error:
        if len(lines) == 1:
            yield _Read(why=error.message)
            return
        for number, line in enumerate(lines, first):  # so that the others are read all the same
            yield from _read_run(secret, number, [line])
        return
    blinds = iter(blind_all(secret, about, first))
    for event, names, commitment in zip(events, about, commitments, strict=True):
        if isinstance(event, VoltrailError):
            yield _Read(why=event.message)
        else:
            yield _Read(event, names, commitment, list(islice(blinds, len(names))))


def same_nodes(connection: Connection, log: Stretch, start: int, computed: bytes) -> Iterator[Difference]:
    """Compare hashes computed with those stored from a position of a log's tree on."""
    end = start + len(computed) // merkle.HASH_BYTES
    stored = log.nodes(connection, range(start, end))
    for place, position in enumerate(range(start, end)):
        at = place * merkle.HASH_BYTES
        if stored.get(position) != computed[at : at + merkle.HASH_BYTES]:
            yield Difference("tree", f"node {position}", "The stored hash is not that of the entries.")


def _is_stored(name: str, state: State, stored: bytes) -> bool:
    """Return whether bytes are those of a state; an earlier version wrote fewer fields at its end."""
    told = encode_state(state)
    if told == stored:
        return True
    with suppress(msgspec.MsgspecError):
        return len(stored) < len(told) and encode_state(decode_state(name, stored)) == told
    return False
