"""
Handing over: the record of some batteries, with all that proves it, from one host to another.

When a host or an operator ends, passports must stay. `export` writes evidence files, one for each battery and
for each model, organisation and site that its passport names, and the documents: a folder that anybody can
check. `take` verifies every file against a policy and authorities that somebody here believes, and keeps it
as it came. From then on its passports are read here, under the names that they have; what happens later goes
into this log, after `transferred_in`, which names the head of the chain there.

Both may be broken off and taken up again: what is there is not written, or verified, twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from voltrail.database.database import Connection, Database
from voltrail.errors import UsageError, VerificationError, VoltrailError
from voltrail.events import decode, encode, kinds, subjects
from voltrail.ledger.commitments import member_digest
from voltrail.ledger.entries import chain
from voltrail.ledger.evidence import Chain, EventProof, Evidence, Member
from voltrail.ledger.evidence import decode as decode_evidence
from voltrail.ledger.evidence import encode as encode_evidence
from voltrail.ledger.notes import Policy
from voltrail.ledger.trust import Authority
from voltrail.ledger.verify import Verified, verify
from voltrail.lifecycle import Battery, Model, Recorded
from voltrail.lifecycle.passports import answers_for
from voltrail.organisations.access import Reader, Sight
from voltrail.registry.files import replace as put_file
from voltrail.registry.lookup import Lookup

if TYPE_CHECKING:
    from voltrail.registry.registry import Registry

FORMAT: Final = "voltrail-takeover/1"
MANIFEST: Final = "handover.json"
POLICY: Final = "policy.txt"
ELSEWHERE: Final = 1 << 52
"""What the index of an entry in another log has less here, so that none is one of ours."""

Told = Callable[[int, int], None]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    What a folder holds: from which log, and the SHA-256 of each file by its path.

    It is a list and no proof: the proofs are in the evidence files.
    """

    log: str
    made_at: str
    audience: str
    files: dict[str, str]
    format: Literal["voltrail-takeover/1"] = FORMAT


class Kept(msgspec.Struct, frozen=True):
    """What was taken of one subject: from which log, under a checkpoint of which size, which file."""

    subject: str
    log: str
    size: int
    digest: str
    events: int
    head: str
    complete: bool
    taken_at: datetime

    @property
    def host(self) -> str:
        """The host under whose name its passports were issued."""
        return self.log.partition("/")[0]


class Taken(msgspec.Struct, frozen=True):
    """What an import did: how many subjects it took, and which lines make the record go on in this log."""

    subjects: int
    batteries: int
    documents: int
    incomplete: int
    lines: list[bytes]


# ------------------------------------------------------------------ giving


def export(
    registry: Registry,
    folder: Path,
    operator: str | None,
    audience: str = "auditor",
    told: Told | None = None,
) -> Manifest:
    """
    Write what proves the record of some batteries to a folder; return what is in it.

    Of those for whose passports an organisation answers, or of all. An audience that sees less than auditors
    withholds members: the events of which are then proved, and cannot be read there.
    """
    with registry.database.pool.connection() as connection:
        lookup = Lookup(connection, registry.authorities, None, None)
        codes = list(_codes(connection, lookup, operator))
        if not codes:
            raise UsageError(
                "handover.nothing",
                "There is no battery to hand over.",
                "Name an organisation that answers for passports, or take --all.",
            )
        sight = Sight(Reader(audience))
        named: dict[str, None] = {}
        documents: set[str] = set()
        files: dict[str, str] = {}
        for place, code in enumerate(codes):
            for subject in _about(lookup, code, documents):
                named.setdefault(subject)
            _write(registry, connection, folder, "battery:" + code, sight, files)
            if told is not None:
                told(place + 1, len(codes))
        for subject in named:
            _write(registry, connection, folder, subject, sight, files)
    for digest in sorted(documents):
        if registry.documents.has(digest):
            _put(folder / "documents" / digest, registry.documents.read(digest))
            files[f"documents/{digest}"] = digest
    _put(folder / POLICY, registry.policy.encode())
    manifest = Manifest(
        registry.origin,
        datetime.now(UTC).isoformat(timespec="seconds"),
        audience,
        dict(sorted(files.items())),
    )
    _put(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return manifest


def _codes(connection: Connection, lookup: Lookup, operator: str | None) -> Iterator[str]:
    """Yield the codes to hand over: with what they were made from."""
    if operator is None:
        rows = connection.execute("select substr(id, 9) from subject where id like 'battery:%' order by id")
        yield from (code for (code,) in rows.fetchall())
        return
    found = connection.execute(
        "select distinct code from passport where operator = %s order by code", (operator,)
    )
    waiting, seen = [code for (code,) in found.fetchall()], set[str]()
    while waiting:
        code = waiting.pop(0)
        if code in seen:
            continue
        seen.add(code)
        yield code
        battery = lookup.battery(code)
        waiting += battery.predecessors if battery is not None else ()


def _about(lookup: Lookup, code: str, documents: set[str]) -> Iterator[str]:
    """Yield the subjects that a battery's passport names beside it; note the documents of its model."""
    battery = lookup.battery(code)
    if battery is None:
        return
    events = lookup.chain("battery:" + code)
    who = {battery.operator, answers_for(events)}
    if battery.model_id is not None:
        yield "model:" + battery.model_id
        model = lookup.state("model:" + battery.model_id)
        if isinstance(model, Model):
            who.add(model.maker)
            documents.update(one.digest for one in model.documents)
    yield from ("organisation:" + one for one in sorted(filter(None, who)))
    for one in events:
        if isinstance(one.event, kinds.Manufactured) and one.event.site is not None:
            yield "site:" + one.event.site


def _write(
    registry: Registry,
    connection: Connection,
    folder: Path,
    subject: str,
    sight: Sight,
    files: dict[str, str],
) -> None:
    path = _path(subject)
    target = folder / path
    if not target.exists():
        built = registry.evidence_of(connection, subject, sight)
        if built is None:  # the checkpoint does not reach so far yet, or nobody registered it
            return
        _put(target, built)
    files[path] = sha256(target.read_bytes()).hexdigest()


def _path(subject: str) -> str:
    kind, _, name = subject.partition(":")
    return f"evidence/{kind}/{quote(name, safe='')}.json"


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    put_file(path, content, 0o600)  # it has what the public may not see


# ------------------------------------------------------------------ taking


def read_manifest(folder: Path) -> Manifest:
    """Return what a folder says that it holds. Raises UsageError for none, or one of another format."""
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(
            "handover.manifest",
            f"{folder / MANIFEST} does not read: {error}.",
            "Name the folder that `voltrail handover export` wrote, whole.",
        ) from error


def take(
    registry: Registry,
    folder: Path,
    policy: Policy,
    authorities: Sequence[Authority],
    told: Told | None = None,
) -> Taken:
    """
    Verify what another host handed over, file by file, and keep it.

    Raises VerificationError naming the file and the first check that fails: what was verified before it
    stays, that file does not. UsageError for a hand-over of this very log.
    """
    manifest = read_manifest(folder)
    if manifest.log == registry.origin:
        raise UsageError("handover.own", "This is a hand-over of this very log.", "Take it in elsewhere.")
    counts = {"subjects": 0, "battery": 0, "documents": 0, "incomplete": 0}
    lines: list[bytes] = []
    for place, (path, digest) in enumerate(manifest.files.items()):
        content = _read(folder, path, digest)
        if path.startswith("documents/"):
            registry.documents.keep(content)
            counts["documents"] += 1
        else:
            kept = registry.handed.keep(content, path, manifest, policy, authorities)
            counts["subjects"] += 1
            counts["incomplete"] += not kept.complete
            if kept.subject.startswith("battery:"):
                counts["battery"] += 1
                lines += _lines(registry, kept)
        if told is not None:
            told(place + 1, len(manifest.files))
    return Taken(counts["subjects"], counts["battery"], counts["documents"], counts["incomplete"], lines)


def _read(folder: Path, path: str, digest: str) -> bytes:
    inside = (folder / path).resolve()
    if not inside.is_relative_to(folder.resolve()):
        raise VerificationError("handover.file", f"{path} lies outside the folder.", "Do not trust it.")
    try:
        content = inside.read_bytes()
    except OSError as error:
        raise VerificationError(
            "handover.file", f"{path} cannot be read: {error}.", "Ask for the whole folder again."
        ) from error
    if sha256(content).hexdigest() != digest:
        raise VerificationError(
            "handover.file",
            f"{path} is not the file that {MANIFEST} lists: its SHA-256 is another.",
            "Ask for the whole folder again.",
        )
    return content


def _lines(registry: Registry, kept: Kept) -> Iterator[bytes]:
    """Yield the line that makes a battery's record go on here, where it does not yet."""
    code = kept.subject.removeprefix("battery:")
    with registry.database.pool.connection() as connection:
        if Lookup(connection, registry.authorities, None, None).battery(code) is not None:
            return
        lookup = Lookup(connection, registry.authorities, None, None, registry.handed.reader(connection))
        battery, events = lookup.battery(code), lookup.chain(kept.subject)
    if not isinstance(battery, Battery):
        return
    last = battery.passports[-1] if battery.passports else None
    yield encode(
        kinds.TransferredIn(
            occurred_at=datetime.now(UTC).replace(microsecond=0),
            code=code,
            log=kept.log,
            events=kept.events,
            head=kept.head,
            model_id=battery.model_id,
            operator=answers_for(events),
            number=last.number if last is not None and last.until is None else None,
        )
    )


class Handed:
    """What other hosts handed over to one registry."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    def of(self, code: str) -> Kept | None:
        """Return what was taken of a battery; None where nothing was."""
        with self._database.pool.connection() as connection:
            return self._kept(connection, "battery:" + code)

    @staticmethod
    def host(connection: Connection, code: str) -> str | None:
        """Return the host under whose name a battery's passports were issued; None where it is our own."""
        kept = Handed._kept(connection, "battery:" + code)
        return None if kept is None else kept.host

    @staticmethod
    def _kept(connection: Connection, subject: str) -> Kept | None:
        row = connection.execute(
            "select subject, log, size, digest, events, head, complete, taken_at from handed"
            " where subject = %s",
            (subject,),
        ).fetchone()
        return None if row is None else Kept(*row)

    def events(self, code: str) -> list[Recorded]:
        """Return the events of a battery that were handed over and can be read, by the indices they had."""
        with self._database.pool.connection() as connection:
            found = self.reader(connection)("battery:" + code)
        return [replace(one, index=one.index + ELSEWHERE) for one in found]

    @staticmethod
    def reader(connection: Connection) -> Callable[[str], list[Recorded]]:
        """Return what gives a subject's events that were handed over; their indices are `ELSEWHERE`."""
        known: dict[str, list[Recorded]] = {}

        def events(subject: str) -> list[Recorded]:
            if subject not in known:
                rows = connection.execute(
                    "select index, line, reporter, received_ms from handed_event"
                    " where subject = %s and line is not null order by index",
                    (subject,),
                    binary=True,
                )
                known[subject] = [_recorded(*row) for row in rows]
            return known[subject]

        return events

    def keep(
        self,
        content: bytes,
        path: str,
        manifest: Manifest,
        policy: Policy,
        authorities: Sequence[Authority],
    ) -> Kept:
        """Verify an evidence file and keep it. Raises VerificationError, which names file and check."""
        digest = sha256(content).hexdigest()
        with self._database.pool.connection() as connection:
            row = connection.execute("select subject from handed where digest = %s", (digest,)).fetchone()
            kept = None if row is None else self._kept(connection, row[0])
        if kept is not None:
            return kept
        verified, given = _verified(content, path, policy, authorities)
        if _path(verified.subject) != path or verified.checkpoint.origin != manifest.log:
            raise VerificationError(
                "handover.file",
                f"{path} proves {verified.subject} in {verified.checkpoint.origin}: not what it is named.",
                "Ask for the whole folder again.",
            )
        with self._database.pool.connection() as connection:
            kept = self._kept(connection, verified.subject)
        if kept is not None and kept.log != manifest.log:
            raise VerificationError(
                "handover.conflict",
                f"{path}: {verified.subject} was taken from {kept.log} already.",
                "Take each battery from one log alone; look which of the two is right.",
            )
        if kept is not None and kept.events >= len(verified.events):
            return kept  # it says no more than what is here
        last = given.events[-1]
        head = chain(last.link.before, last.entry).hex()
        _put(self._file(digest), content)
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("delete from handed where subject = %s", (verified.subject,))
            connection.execute(
                "insert into handed (subject, log, size, digest, events, head, complete)"
                " values (%s, %s, %s, %s, %s, %s, %s)",
                (
                    *(verified.subject, manifest.log, verified.checkpoint.size, digest),
                    *(len(verified.events), head, verified.complete),
                ),
            )
            with connection.cursor() as cursor:
                cursor.executemany(
                    "insert into handed_event values (%s, %s, %s, %s, %s)",
                    [
                        (verified.subject, one.index, one.reporter, one.received_ms, one.line)
                        for one in verified.events
                    ],
                )
            kept = self._kept(connection, verified.subject)
        assert kept is not None  # noqa: S101 - it was just written
        return kept

    def evidence(self, kept: Kept, sight: Sight) -> bytes:
        """Return an evidence file that was taken; what a reader may not see is withheld. It still holds."""
        given = decode_evidence(self._file(kept.digest).read_bytes())
        return encode_evidence(
            replace(
                given,
                events=_withheld(given.events, sight),
                signers=[Chain(one.subject, _withheld(one.events, sight), one.head) for one in given.signers],
            )
        )

    def _file(self, digest: str) -> Path:
        return self._folder / digest[:2] / f"{digest}.json"


def _verified(
    content: bytes, path: str, policy: Policy, authorities: Sequence[Authority]
) -> tuple[Verified, Evidence]:
    try:
        verified = verify(content, policy, authorities, lambda line: subjects(decode(line)))
        return verified, decode_evidence(content)
    except VoltrailError as error:
        raise VerificationError(error.rule, f"{path}: {error.message}", error.fix) from error


def _recorded(index: int, line: bytes, reporter: str, received_ms: int) -> Recorded:
    event: Any = decode(bytes(line))
    if isinstance(event, kinds.Corrected):
        event = replace(event, corrects=event.corrects - ELSEWHERE)
    return Recorded(index - ELSEWHERE, event, reporter, received_ms)


def _withheld(events: Iterable[EventProof], sight: Sight) -> list[EventProof]:
    return [replace(one, members=_members(one, sight)) for one in events]


def _members(event: EventProof, sight: Sight) -> list[Member]:
    """Return the members of an event; those that are not in sight as their digests."""
    names = [_name(one) for one in event.members]
    kind = next(
        (
            msgspec.json.decode(b"{" + one.shown + b"}")["kind"]
            for one, name in zip(event.members, names, strict=True)
            if name == "kind" and isinstance(one.shown, bytes)
        ),
        "",
    )
    eyes = sight.event(kind, -1, 0, "")
    return [
        one
        if name is None or eyes.see(kind, name)
        else Member.withhold(member_digest(one.salt, one.shown), "access")  # type: ignore[arg-type]
        for one, name in zip(event.members, names, strict=True)
    ]


def _name(member: Member) -> str | None:
    """Return the name of a member that is shown."""
    if not isinstance(member.shown, bytes):
        return None
    return member.shown[1 : member.shown.index(b'"', 1)].decode()
