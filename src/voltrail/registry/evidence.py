"""Evidence, built: everything that proves one subject's history, read in a handful of queries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import UNSET

from voltrail.database.database import Connection
from voltrail.errors import UsageError
from voltrail.events import split
from voltrail.ledger import merkle
from voltrail.ledger.absence import Absence, Neighbour
from voltrail.ledger.commitments import member_digest, salts
from voltrail.ledger.entries import event_entry, link_blinds, link_leaf, link_ts
from voltrail.ledger.evidence import Chain, EventProof, Evidence, HeadProof, Link, Member, encode
from voltrail.ledger.heads import leaf_of
from voltrail.ledger.keys import Verifier
from voltrail.ledger.leaves import Leaves
from voltrail.ledger.notes import Checkpoint
from voltrail.organisations.access import Sight
from voltrail.registry.heads import Tree
from voltrail.registry.logs import Closed, Logs, Stretch

_WALK = """
with recursive walk as (
    select e.*, array_position(e.subjects, %(subject)s) as at from event e where e.seq = %(last)s
  union all
    select e.*, array_position(e.subjects, %(subject)s)
    from walk w join event e on e.seq = w.before[w.at]
)
select seq, report, position, kind, occurred_at, received_ms, line, c, links, subjects, k, h
from walk order by seq
"""


class _Event(msgspec.Struct):
    seq: int
    report: int
    position: int
    kind: str
    occurred_at: datetime
    received_ms: int
    line: bytes
    c: bytes
    links: bytes
    subjects: list[str]
    k: list[int]
    h: bytes


class _Report(msgspec.Struct):
    organisation: str
    note: str
    digest: str
    secret: bytes
    nodes: bytes
    lines: int

    @property
    def holder(self) -> str:
        """The organisation whose key signed."""
        return self.note.rstrip("\n").rpartition("\n")[2].split(" ")[1].rpartition("/")[0]


class Standing(msgspec.Struct, frozen=True):
    """What evidence stands under: a checkpoint of the newest log, a whole note, over `size` entries of it."""

    logs: Logs
    note: str
    size: int

    @property
    def upto(self) -> int:
        """How many entries the record has under it."""
        return self.logs.newest.base + self.size

    def size_of(self, log: Stretch) -> int:
        """Return how many entries of a log are proved under it."""
        return log.size if isinstance(log, Closed) else self.size


def build(
    connection: Connection,
    subject: str,
    sight: Sight,
    standing: Standing,
    authorities: Iterable[str],
    heads: Tree | None,
) -> bytes | None:
    """
    Return the evidence of a subject under this checkpoint, or None when the record does not know it.

    Members that are not in sight are withheld; the chains of all who
    signed are given, so that keys and revocations can be checked. `heads` is the newest tree under the
    checkpoint: each chain that it knows is given with its head, so that nothing can be left out.
    """
    builder = _Builder(connection, sight, standing, heads)
    events = builder.events_of(subject)
    if not events:
        return None
    of_authority = {Verifier(vkey).name.rpartition("/")[0] for vkey in authorities}
    signers = builder.signers_of(subject, of_authority)
    builder.read_nodes()
    evidence = Evidence(
        subject=subject,
        checkpoint=standing.note,
        closed=standing.logs.joined(connection, standing.size) or UNSET,
        reports={report.digest: report.note for report in builder.reports.values()},
        events=[builder.proof(subject, event) for event in events],
        head=builder.head(subject),
        signers=[
            Chain(signer, [builder.proof(signer, event) for event in chained], builder.head(signer))
            for signer, chained in signers.items()
        ],
    )
    return encode(evidence)


def absence(
    connection: Connection, subject: str, log: Stretch, note: str, checkpoint: Checkpoint, tree: Tree
) -> bytes:
    """Return the file that proves that a subject has no head in this tree; UsageError when it has one."""
    if tree.find(subject) is not None:
        raise UsageError(
            "absence.present", f"The record has events of {subject}.", "Ask for its evidence instead."
        )
    position = tree.place(subject)

    def neighbour(at: int) -> Neighbour | None:
        if not 0 <= at < tree.about.count:
            return None
        return Neighbour(leaf_of(tree.row(at), tree.about.secret), tree.proof(at))

    return msgspec.json.encode(
        Absence(
            subject=subject,
            checkpoint=note,
            position=position,
            before=neighbour(position - 1),
            after=neighbour(position),
            entry=tree.about.entry,
            index=tree.index - log.base,
            entry_proof=_inclusion(connection, log, tree.index, checkpoint.size),
        )
    )


def leaves_header(
    connection: Connection, log: Stretch, note: str, checkpoint: Checkpoint, tree: Tree
) -> bytes:
    """Return the first line of the file that an auditor is given of a heads tree."""
    return msgspec.json.encode(
        Leaves(
            checkpoint=note,
            entry=tree.about.entry,
            index=tree.index - log.base,
            entry_proof=_inclusion(connection, log, tree.index, checkpoint.size),
            secret=tree.about.secret,
        )
    )


def _inclusion(connection: Connection, log: Stretch, index: int, size: int) -> list[bytes]:
    """Return the proof of the entry at an index of the record in the log of this size."""
    place = index - log.base
    return merkle.inclusion_proof(place, size, log.nodes(connection, merkle.inclusion_nodes(place, size)))


class _Builder:
    def __init__(self, connection: Connection, sight: Sight, standing: Standing, heads: Tree | None) -> None:
        self._connection, self._sight, self._standing = connection, sight, standing
        self._heads = heads
        self.reports: dict[int, _Report] = {}
        self._indices: set[int] = set()
        self._nodes: dict[int, dict[int, bytes]] = {}  # by the log's number

    def events_of(self, subject: str) -> list[_Event]:
        """Return a subject's events up to the checkpoint, and read the reports they came in."""
        row = self._connection.execute("select seq from subject where id = %s", (subject,)).fetchone()
        if row is None:
            return []
        found = self._connection.execute(_WALK, {"subject": subject, "last": row[0]}, binary=True)
        events = [_Event(*values) for values in found if values[0] < self._standing.upto]
        self._indices |= {event.seq for event in events}
        self._read_reports({event.report for event in events} - self.reports.keys())
        return events

    def _read_reports(self, ids: set[int]) -> None:
        for number, *values in self._connection.execute(
            "select id, organisation, note, encode(digest, 'hex'), secret, nodes, lines"
            " from report where id = any(%s)",
            (list(ids),),
            binary=True,
        ):
            self.reports[number] = _Report(*values)

    def signers_of(self, subject: str, of_authority: set[str]) -> dict[str, list[_Event]]:
        """Return the chains of all who signed, and of those who signed theirs, but for the authority."""
        signers: dict[str, list[_Event]] = {}
        asked: set[str] = {subject}
        while True:
            names = {
                "organisation:" + name
                for report in self.reports.values()
                for name in (report.organisation, report.holder)
                if name not in of_authority
            } - asked
            if not names:
                return signers
            for name in sorted(names):
                asked.add(name)
                events = self.events_of(name)
                if events:
                    signers[name] = events

    def read_nodes(self) -> None:
        """Read all hashes that the proofs of the logs need."""
        wanted: dict[Stretch, set[int]] = {}
        for index in self._indices | ({self._heads.index} if self._heads else set()):
            log = self._standing.logs.at(index)
            places = merkle.inclusion_nodes(index - log.base, self._standing.size_of(log))
            wanted.setdefault(log, set()).update(places)
        self._nodes = {log.number: log.nodes(self._connection, places) for log, places in wanted.items()}

    def _in_log(self, index: int) -> list[bytes]:
        """Return the proof of the entry at an index of the record."""
        log = self._standing.logs.at(index)
        size = self._standing.size_of(log)
        return merkle.inclusion_proof(index - log.base, size, self._nodes[log.number])

    def proof(self, subject: str, event: _Event) -> EventProof:
        """Return one event with all that proves it."""
        report = self.reports[event.report]
        return EventProof(
            index=event.seq,
            entry=event_entry(event.received_ms, event.c, event.links),
            proof=self._in_log(event.seq),
            members=self._members(report, event),
            report=report.digest,
            position=event.position,
            report_proof=_report_proof(report, event.position),
            link=_link(report, event, subject),
        )

    def head(self, subject: str) -> HeadProof | None:
        """Return the head of a chain, or None when the tree does not know it yet."""
        tree = self._heads
        head = tree.find(subject) if tree else None
        if tree is None or head is None:
            return None
        return HeadProof(
            events=head.k,
            salt=tree.salt(subject),
            position=head.position,
            heads=tree.about.count,
            proof=tree.proof(head.position),
            entry=tree.about.entry,
            index=tree.index,
            entry_proof=self._in_log(tree.index),
        )

    def _members(self, report: _Report, event: _Event) -> list[Member]:
        """Return the members, those withheld that are not in sight."""
        occurred_ms = int(event.occurred_at.timestamp() * 1000)
        eyes = self._sight.event(event.kind, event.seq, occurred_ms, report.organisation)
        members = split(event.line)
        drawn = salts(report.secret, event.position, len(members))
        return [
            Member.show(salt, member)
            if eyes.see(event.kind, member[1 : member.index(b'"', 1)].decode())
            else Member.withhold(member_digest(salt, member), "access")
            for salt, member in zip(drawn, members, strict=True)
        ]


def _report_proof(report: _Report, position: int) -> list[bytes]:
    nodes = {
        place: report.nodes[32 * place : 32 * place + 32]
        for place in merkle.inclusion_nodes(position, report.lines)
    }
    return merkle.inclusion_proof(position, report.lines, nodes)


def _link(report: _Report, event: _Event, subject: str) -> Link:
    """Return where the event stands in the subject's chain, proved among the entry's other links."""
    at, of = event.subjects.index(subject), len(event.subjects)
    proof: list[bytes] = []
    if of > 1:
        blinds = link_blinds(report.secret, event.position, event.subjects)
        leaves = [
            link_leaf(blind, k, event.h[32 * place : 32 * place + 32])
            for place, (blind, k) in enumerate(zip(blinds, event.k, strict=True))
        ]
        nodes, _ = merkle.extend(0, (), leaves)
        wanted = merkle.inclusion_nodes(at, of)
        proof = merkle.inclusion_proof(at, of, {p: nodes[32 * p : 32 * p + 32] for p in wanted})
    return Link(
        t=link_ts(report.secret, event.position, of)[at],
        k=event.k[at],
        before=event.h[32 * at : 32 * at + 32],
        at=at,
        of=of,
        proof=proof,
    )
