"""
What can be done with a report before its turn: decode, commit, hash.

Nothing here looks at the record, so it runs outside the lock, for several reports at once.
A long report is hashed in lanes (`ledger/lanes.py`), once those are loaded; without them a short
one is done sooner.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from hashlib import sha256
from typing import Literal

import msgspec

from voltrail.database import copy
from voltrail.errors import LineError, Refusal, ReportError, VoltrailError
from voltrail.events import Event, decode_all, split, subjects
from voltrail.ledger import merkle
from voltrail.ledger.commitments import commit_line, commit_lines
from voltrail.ledger.entries import link_blinds
from voltrail.ledger.keys import Signer
from voltrail.ledger.reports import ReportFile, ReportNote, check_parts, parse_report_note, sign_root

Mode = Literal["all", "valid"]

FEW_LINES = 32  # fewer do not fill the lanes
MANY_LINES = 50_000  # so many are worth loading the lanes for, which takes as long as hashing these without
LANES = "voltrail.ledger.lanes"
MAX_SUBJECTS = 200_000  # of all lines of a report: so many rows are read and written in one transaction
OBJECTS_BETWEEN_LOOKS = 100_000  # of the collector of cycles
HASH_BYTES = 32
MICROSECOND = timedelta(microseconds=1)


class PreparedLine(msgspec.Struct, gc=False):
    """
    One line, ready to be judged; `event` is None when it is refused already.

    `fixed` is what its row will say of it whatever its turn decides.
    """

    line: bytes
    commitment: bytes
    event: Event | None = None
    refusal: Refusal | None = None
    subjects: tuple[str, ...] = ()
    blinds: Sequence[bytes] = ()
    occurred_us: int = 0
    fixed: bytes = b""


class Prepared(msgspec.Struct):
    """One report, ready for its turn. `nodes` is its own tree, in post-order."""

    note: ReportNote
    signed: str
    secret: bytes
    digest: bytes
    nodes: bytes
    lines: list[PreparedLine]
    mode: Mode
    source_digest: bytes | None = None


def prepare(file: ReportFile, origin: str, mode: Mode, source_digest: bytes | None = None) -> Prepared:
    """
    Return a report ready for its turn.

    Raises ReportError when its note is not for this log or does not cover
    these lines, and LineError when the bytes of a line are not in the strict
    form: such a line cannot have been committed to, so nothing of the report holds.
    """
    note = parse_report_note(file.note, origin)
    if note.size != len(file.lines):
        raise ReportError(
            "report.root",
            f"The note is signed over {note.size:,} lines, and {len(file.lines):,} came.",
            "Send the file as it was signed.",
        )
    commitments = commit_all(file.secret, file.lines)
    nodes, peaks = extend_tree(0, (), commitments)
    if merkle.root_of(peaks) != note.root:
        raise ReportError(
            "report.root",
            "The lines and the secret are not those that were signed.",
            "Sign the lines again and send the new file.",
        )
    return _prepared(file, note, nodes, commitments, mode, source_digest)


def prepare_signing(
    signer: Signer,
    organisation: str,
    secret: bytes,
    lines: Sequence[bytes],
    origin: str,
    mode: Mode,
    source_digest: bytes | None = None,
) -> Prepared:
    """
    Return a report ready for its turn that is signed here, by the host: committed to and hashed once.

    Raises ReportError and LineError as `sign_report` and `prepare` do.
    """
    check_parts(secret, lines)
    commitments = commit_all(secret, lines)
    nodes, peaks = extend_tree(0, (), commitments)
    signed = sign_root(origin, signer, len(lines), merkle.root_of(peaks), organisation)
    note = parse_report_note(signed, origin)
    return _prepared(ReportFile(signed, secret, list(lines)), note, nodes, commitments, mode, source_digest)


def _prepared(
    file: ReportFile,
    note: ReportNote,
    nodes: bytes,
    commitments: list[bytes],
    mode: Mode,
    source_digest: bytes | None,
) -> Prepared:
    digest = sha256(note.text.encode()).digest()
    lines = _prepare_lines(file, commitments)
    if sum(len(line.subjects) for line in lines) > MAX_SUBJECTS:
        raise ReportError(
            "report.too_many_subjects",
            f"The lines of the report name more than {MAX_SUBJECTS:,} batteries and others in all.",
            "Make several reports of it.",
            source="formats.md, Event line",
        )
    return Prepared(note, file.note, file.secret, digest, nodes, lines, mode, source_digest)


def commit_all(secret: bytes, lines: Sequence[bytes], first: int = 0) -> list[bytes]:
    """Return the commitments of lines from line `first` on; LineError names one not in the strict form."""
    data = b"\n".join(lines)
    if not _in_lanes(len(lines)) or not _is_utf8(data):
        return commit_lines(secret, split_all(lines), first)
    from voltrail.events import scan
    from voltrail.ledger import lanes

    members = scan.find_members(data, scan.ends_of(lines))
    commitments = hashes_in(lanes.commit_members(secret, data, *members, first))
    for number in members.lines_without():
        commitments[number] = commit_line(secret, first + number, _split(number, lines[number]))
    return commitments


def hashes_in(joined: bytes) -> list[bytes]:
    """Return the hashes that stand one after another in some bytes."""
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]


def extend_tree(
    size: int, peaks: tuple[bytes, ...], leaves: Sequence[bytes]
) -> tuple[bytes, tuple[bytes, ...]]:
    """Append leaves of one length to a tree of `size`; return its new nodes in post-order, and its peaks."""
    if not _in_lanes(len(leaves)):
        return merkle.extend(size, peaks, [merkle.leaf_hash(leaf) for leaf in leaves])
    from voltrail.ledger import lanes

    return lanes.extend(size, peaks, lanes.leaf_hashes(b"".join(leaves), len(leaves[0])))


def extend_hashed(leaf_hashes: Sequence[bytes]) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the nodes in post-order and the peaks of a tree over leaves, given their hashes."""
    if not _in_lanes(len(leaf_hashes)):
        return merkle.extend(0, (), leaf_hashes)
    from voltrail.ledger import lanes

    return lanes.extend(0, (), b"".join(leaf_hashes))


def warm() -> None:
    """
    Make ready for many reports; a server does, a command for one file does not.

    The lanes are loaded, and used from now on. The collector of cycles passes over all that is there already,
    and looks rarely: a report makes some hundred thousand objects at once, and hardly a cycle.
    """
    importlib.import_module(LANES)
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS)
    line = b'{"kind":"found","occurred_at":"2026-04-21T09:00:00+08:00"}'
    commitments = commit_all(bytes(16), [line] * FEW_LINES)
    extend_tree(0, (), commitments)
    blind_all(bytes(16), [("battery:",)] * FEW_LINES)


def _in_lanes(count: int) -> bool:
    """Return whether so many lines are hashed side by side."""
    return count >= (FEW_LINES if LANES in sys.modules else MANY_LINES)


def split_all(lines: Sequence[bytes]) -> list[list[bytes]]:
    """Return the members of each line; LineError says which line, counting from 1."""
    return [_split(number, line) for number, line in enumerate(lines)]


def _split(number: int, line: bytes) -> list[bytes]:
    try:
        return split(line)
    except LineError as error:
        raise LineError(error.rule, error.message, error.fix, number + 1, error.source) from None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _prepare_lines(file: ReportFile, commitments: list[bytes]) -> list[PreparedLine]:
    events = decode_all(file.lines)
    about = [() if isinstance(event, VoltrailError) else subjects(event) for event in events]
    prepared, blinds, seen = [], blind_all(file.secret, about), 0
    for number, (line, event, names, commitment) in enumerate(
        zip(file.lines, events, about, commitments, strict=True)
    ):
        if isinstance(event, VoltrailError):
            prepared.append(PreparedLine(line, commitment, refusal=event.as_refusal(number + 1)))
            continue
        occurred_us = (event.occurred_at - _epoch(event.occurred_at.tzinfo)) // MICROSECOND
        fixed = copy.event_end(number, event.kind, occurred_us, line, commitment, names)
        blind = blinds[seen : seen + len(names)]
        seen += len(names)
        prepared.append(PreparedLine(line, commitment, event, None, names, blind, occurred_us, fixed))
    return prepared


@lru_cache(64)
def _epoch(zone: tzinfo | None) -> datetime:
    """Return 1970 as a zone has it: times of one zone are subtracted in a tenth of the time."""
    return datetime(1970, 1, 1, tzinfo=UTC).astimezone(zone)


def blind_all(secret: bytes, about: Sequence[tuple[str, ...]], first: int = 0) -> list[bytes]:
    """Return the blinds of all subjects of all lines from line `first` on, one after another."""
    if not _in_lanes(len(about)):
        return [
            blind for number, names in enumerate(about, first) for blind in link_blinds(secret, number, names)
        ]
    from voltrail.ledger import lanes

    return hashes_in(lanes.blind_subjects(secret, about, first))
