"""
What can be done with a report before its turn: decode, commit, hash.

Nothing here looks at the record, so it runs outside the lock, for several reports at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

import msgspec

from voltrail.database import copy
from voltrail.errors import LineError, Refusal, ReportError, VoltrailError
from voltrail.events import Event, decode, split, subjects
from voltrail.ledger import merkle
from voltrail.ledger.commitments import commit_lines
from voltrail.ledger.entries import link_blinds
from voltrail.ledger.reports import ReportFile, ReportNote, parse_report_note

Mode = Literal["all", "valid"]


class PreparedLine(msgspec.Struct):
    """
    One line, ready to be judged; `event` is None when it is refused already.

    `fixed` is what its row will say of it whatever its turn decides.
    """

    line: bytes
    commitment: bytes
    event: Event | None = None
    refusal: Refusal | None = None
    subjects: tuple[str, ...] = ()
    blinds: list[bytes] = []
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
    commitments = commit_lines(file.secret, split_all(file.lines))
    nodes, peaks = merkle.extend(0, (), [merkle.leaf_hash(c) for c in commitments])
    if merkle.root_of(peaks) != note.root:
        raise ReportError(
            "report.root",
            "The lines and the secret are not those that were signed.",
            "Sign the lines again and send the new file.",
        )
    lines = [
        _prepare_line(file.secret, number, line, commitment)
        for number, (line, commitment) in enumerate(zip(file.lines, commitments, strict=True))
    ]
    digest = sha256(note.text.encode()).digest()
    return Prepared(note, file.note, file.secret, digest, nodes, lines, mode, source_digest)


def split_all(lines: Sequence[bytes]) -> list[list[bytes]]:
    """Return the members of each line; LineError says which line, counting from 1."""
    members = []
    for number, line in enumerate(lines, 1):
        try:
            members.append(split(line))
        except LineError as error:
            raise LineError(error.rule, error.message, error.fix, number, error.source) from None
    return members


def _prepare_line(secret: bytes, number: int, line: bytes, commitment: bytes) -> PreparedLine:
    try:
        event = decode(line)
    except VoltrailError as error:
        return PreparedLine(line, commitment, refusal=error.as_refusal(number + 1))
    about = subjects(event)
    occurred_us = round(event.occurred_at.timestamp() * 1_000_000)
    fixed = b"".join(
        (
            copy.integer(number),
            copy.text(event.kind),
            copy.timestamp(occurred_us),
            copy.blob(line),
            copy.blob(commitment),
            copy.texts([subject.encode() for subject in about]),
        )
    )
    blinds = link_blinds(secret, number, about)
    return PreparedLine(line, commitment, event, None, about, blinds, occurred_us, fixed)
