"""
The audit: everything recomputed from the lines, and compared with what stands.

It reads; it trusts no stored hash, chain or state. It goes on after a
difference, so that all are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import msgspec

from voltrail.database.database import Connection
from voltrail.errors import NoteError, ReportError, VoltrailError
from voltrail.events import decode, split, subjects
from voltrail.ledger import merkle
from voltrail.ledger.commitments import commit, member_digest, salts
from voltrail.ledger.entries import NO_HEAD, chain, event_entry, link_blinds, links_root
from voltrail.ledger.keys import Verifier, decode64
from voltrail.ledger.notes import Checkpoint, open_note
from voltrail.ledger.reports import ReportNote, parse_report_note
from voltrail.lifecycle import Organisation, Recorded, State, encode_state, in_order, step
from voltrail.organisations.trust import key_for
from voltrail.registry import rows
from voltrail.registry.registry import Registry
from voltrail.registry.world import World

Progress = Callable[[int, int], None]

_EVENTS = """
select e.seq, e.report, e.position, e.kind, e.received_ms, e.line, e.c, e.links, e.subjects, e.k,
       e.before, e.h,
       (extract(epoch from e.occurred_at) * 1000000)::bigint
from event e order by e.seq
"""


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not as it must be: what, where, and what was found."""

    what: str
    where: str
    message: str


class _Head(msgspec.Struct):
    k: int = 0
    h: bytes = NO_HEAD
    last: int = -1
    latest_us: int = -(1 << 62)
    state: State | None = None
    refold: bool = False


class _Report(msgspec.Struct):
    number: int
    note: ReportNote | None
    secret: bytes
    nodes: bytes
    digest: bytes
    first: int
    accepted: int


def audit(registry: Registry, progress: Progress | None = None) -> Iterator[Difference]:
    """
    Recompute every commitment, chain, entry, root, signature and state; yield what differs.

    `progress` is called with the events done and their number.
    """
    with registry.database.connect() as connection, registry.database.connect() as second:
        connection.execute("set transaction isolation level repeatable read, read only")
        yield from _Audit(registry, connection, second, progress).run()


class _Audit:
    def __init__(
        self, registry: Registry, connection: Connection, second: Connection, progress: Progress | None
    ) -> None:
        self._registry, self._connection, self._progress = registry, connection, progress
        self._second = second
        self._authorities = [Verifier(vkey) for vkey in registry.settings.authorities]
        self._heads: dict[str, _Head] = {}
        self._roots: dict[int, bytes] = {}
        self._peaks: tuple[bytes, ...] = ()
        self._size = 0
        self._received_ms = 0
        self._report: _Report | None = None

    def run(self) -> Iterator[Difference]:
        """Go through events, then tree, checkpoints, subjects and anchor."""
        size, peaks, root, received_ms = self._connection.execute(
            "select size, peaks, root, received_ms from log"
        ).fetchone() or (0, b"", merkle.EMPTY_ROOT, 0)
        wanted = {n for (n,) in self._connection.execute("select size from checkpoint")}
        nodes: list[bytes] = []
        with self._connection.cursor("audit", binary=True) as cursor:
            cursor.itersize = 5000
            cursor.execute(_EVENTS)
            for row in cursor:
                leaf, differences = self._event(row)
                yield from differences
                more, self._peaks = merkle.extend(self._size, self._peaks, [leaf])
                nodes.append(more)
                self._size += 1
                if self._size in wanted:
                    self._roots[self._size] = merkle.root_of(self._peaks)
                if len(nodes) >= 4096:
                    yield from self._tree(nodes)
                    if self._progress:
                        self._progress(self._size, size)
        yield from self._tree(nodes)
        found = (self._size, b"".join(self._peaks), merkle.root_of(self._peaks), self._received_ms)
        for name, stored, computed in zip(
            ("size", "peaks", "root", "received_ms"), (size, peaks, root, received_ms), found, strict=True
        ):
            if stored != computed:
                yield Difference("log", name, "The log's row does not agree with its events.")
        yield from self._checkpoints()
        yield from self._subjects()
        yield from self._anchor()
        if self._progress:
            self._progress(size, size)

    # ------------------------------------------------------------ events

    def _event(self, row: tuple[Any, ...]) -> tuple[bytes, list[Difference]]:
        seq, number, position, kind, received_ms, line, c, links, names, ks, before, heads, occurred_us = row
        where = f"event {seq}"
        found: list[Difference] = []
        if seq != self._size:
            found.append(Difference("event", where, f"The event at index {self._size} is missing."))
        if received_ms < self._received_ms:
            found.append(Difference("event", where, "received_ms is lower than that of the event before."))
        self._received_ms = max(self._received_ms, received_ms)
        report = self._report
        if report is None or report.number != number:
            found += self._next_report(number)
            report = self._report
        if report is None:
            return merkle.leaf_hash(event_entry(received_ms, c, links)), found
        try:
            event = decode(line)
            members = split(line)
            about = subjects(event)
        except VoltrailError as error:
            found.append(Difference("line", where, f"The stored line does not read: {error.message}"))
            return merkle.leaf_hash(event_entry(received_ms, c, links)), found
        drawn = salts(report.secret, position, len(members))
        commitment = commit(member_digest(s, m) for s, m in zip(drawn, members, strict=True))
        if commitment != c:
            found.append(Difference("line", where, "The line and the secret do not give the commitment."))
        at = merkle.position(0, position) * rows.HASH_BYTES
        if report.nodes[at : at + rows.HASH_BYTES] != merkle.leaf_hash(commitment):
            found.append(Difference("report", where, "The commitment does not stand in the signed report."))
        if (event.kind, list(about), round(event.occurred_at.timestamp() * 1_000_000)) != (
            kind,
            names,
            occurred_us,
        ):
            found.append(Difference("event", where, "Kind, time or subjects are not those of the line."))
        slots = [self._heads.setdefault(name, _Head()) for name in about]
        if [slot.k + 1 for slot in slots] != ks or [slot.last for slot in slots] != before:
            found.append(Difference("chain", where, "k or the event before is not that of the chain."))
        if b"".join(slot.h for slot in slots) != heads:
            found.append(Difference("chain", where, "The head before is not that of the chain."))
        blinds = link_blinds(report.secret, position, about)
        computed = links_root(blinds, [slot.k + 1 for slot in slots], [slot.h for slot in slots])
        if computed != links:
            found.append(Difference("chain", where, "The root over the links is not theirs."))
        entry = event_entry(received_ms, commitment, computed)
        holder = report.note.organisation if report.note else ""
        recorded = Recorded(seq, event, holder, received_ms)
        for name, slot in zip(about, slots, strict=True):
            slot.h, slot.k, slot.last = chain(slot.h, entry), slot.k + 1, seq
            slot.latest_us = max(slot.latest_us, occurred_us)
            if not slot.refold and in_order(slot.state, recorded):
                slot.state = step(name, slot.state, recorded)
            else:
                slot.refold = True
        return merkle.leaf_hash(entry), found

    def _next_report(self, number: int) -> list[Difference]:
        where = f"report {number}"
        row = self._second.execute(
            "select id, note, secret, nodes, digest, first_seq, accepted from report where id = %s",
            (number,),
            binary=True,
        ).fetchone()
        if row is None:
            self._report = None
            return [Difference("report", where, "The report is missing.")]
        _, signed, secret, nodes, digest, first, accepted = row
        self._report = report = _Report(number, None, secret, nodes, digest, first, accepted)
        try:
            report.note = note = parse_report_note(signed, self._registry.origin)
            self._check_signature(note, first)
        except (ReportError, NoteError) as error:
            return [Difference("signature", where, error.message)]
        found = []
        if sha256(note.text.encode()).digest() != digest:
            found.append(Difference("report", where, "The digest is not that of the note."))
        leaves = [nodes[at : at + 32] for at in (merkle.position(0, n) * 32 for n in range(note.size))]
        again, peaks = merkle.extend(0, (), leaves)
        if again != nodes or merkle.root_of(peaks) != note.root:
            found.append(Difference("report", where, "The report's tree does not lead to the signed root."))
        return found

    def _check_signature(self, note: ReportNote, first: int) -> None:
        """Raise unless a key that counted at that index signed the report."""
        for verifier in self._authorities:
            if (verifier.name, verifier.key_id) == (note.signature.name, note.signature.key_id):
                note.verify(verifier)
                return
        holder = self._recomputed("organisation:" + note.holder)
        key = key_for(holder, note.key_id, first) if isinstance(holder, Organisation) else None
        if key is None:
            raise ReportError("report.key_unknown", f"No key {note.signature.name} counted at index {first}.")
        note.verify(Verifier.of(note.signature.name, key.algorithm, decode64(key.public_key)))

    # ------------------------------------------------------------ the rest

    def _tree(self, nodes: list[bytes]) -> Iterator[Difference]:
        """Compare the nodes computed since the last time with the stored rows; empties the list."""
        computed = b"".join(nodes)
        nodes.clear()
        end = merkle.node_count(self._size)
        start = end - len(computed) // rows.HASH_BYTES
        stored = rows.read_nodes(self._second, range(start, end))
        for position in range(start, end):
            at = (position - start) * rows.HASH_BYTES
            if stored.get(position) != computed[at : at + rows.HASH_BYTES]:
                yield Difference("tree", f"node {position}", "The stored hash is not that of the entries.")

    def _checkpoints(self) -> Iterator[Difference]:
        log = self._registry.keys.log.verifier
        for size, note in self._connection.execute("select size, note from checkpoint order by size"):
            try:
                checkpoint = Checkpoint.parse(open_note(note, [log]).text)
            except NoteError as error:
                yield Difference("checkpoint", f"checkpoint {size}", error.message)
                continue
            if (checkpoint.size, checkpoint.root) != (size, self._roots.get(size)):
                yield Difference("checkpoint", f"checkpoint {size}", "It is not the root of so many entries.")

    def _subjects(self) -> Iterator[Difference]:
        seen = 0
        with self._connection.cursor("subjects", binary=True) as cursor:
            cursor.execute("select id, k, h, seq, latest_us, state from subject")
            for name, k, h, last, latest_us, state in cursor:
                seen += 1
                head = self._heads.get(name)
                if head is None or (head.k, head.h, head.last, head.latest_us) != (k, h, last, latest_us):
                    yield Difference(
                        "subject", name, "k, head, last event or time are not those of its chain."
                    )
                    continue
                computed = self._recomputed(name)
                if computed is None or encode_state(computed) != state:
                    yield Difference("state", name, "The stored state is not the fold of its events.")
        if seen != len(self._heads):
            yield Difference("subject", "all", f"{len(self._heads)} have events, {seen} are stored.")

    def _recomputed(self, name: str) -> State | None:
        """Return the state of a subject from the events gone through; None when they do not lead to one."""
        head = self._heads.get(name)
        if head is None or not head.refold:
            return head.state if head else None
        try:
            return World(self._second, ()).refold(name)
        except (VoltrailError, msgspec.MsgspecError):
            return None

    def _anchor(self) -> Iterator[Difference]:
        anchored = self._registry.anchor.read()
        if anchored is None:
            if self._size:
                yield Difference("anchor", "anchor", "The anchor is missing.")
            return
        size = anchored[1].size
        if size > self._size:
            yield Difference(
                "anchor", "anchor", f"It promises {size} entries, the database holds {self._size}."
            )
        elif size and self._roots.get(size) != anchored[1].root:
            yield Difference("anchor", "anchor", "It is not the root of so many entries.")
