"""
Logs that follow one another: one record, kept in one log after another.

A log closes when it cannot go on: a restore behind what it promised, a lost key, a rotation. Its successor
has the origin with `/2`, `/3`, …, and its first entry is the hash of the last checkpoint before it. So who
believes the newest log's checkpoint needs no key of those before it. Entry i of a log has the index
`base + i` in the record, where `base` is how many entries the logs before it closed with.

Source: formats.md, "Log entry", 0x03; the rest in docs/architecture.md, "Logs that follow one another".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Final

import msgspec

from voltrail.errors import NoteError, ProofError
from voltrail.ledger import merkle
from voltrail.ledger.entries import successor_entry
from voltrail.ledger.notes import Checkpoint, parse_note

_SUCCESSOR: Final = re.compile(r"(.+)/([2-9]|[1-9][0-9]{1,3})", re.DOTALL)

Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


def number_of(origin: str) -> int:
    """Return the how-manieth log of its record an origin names, from 1 on."""
    found = _SUCCESSOR.fullmatch(origin)
    return int(found[2]) if found else 1


def first_origin(origin: str) -> str:
    """Return the origin of the first log of the record."""
    found = _SUCCESSOR.fullmatch(origin)
    return found[1] if found else origin


def next_origin(origin: str) -> str:
    """Return the origin of the log that follows."""
    return f"{first_origin(origin)}/{number_of(origin) + 1}"


class ClosedLog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last checkpoint of a closed log, a whole note, and the proof that the next log begins with it."""

    checkpoint: str
    entry_proof: list[Hash]


class LogPart(msgspec.Struct, frozen=True):
    """One log of a record: its entries have the indices from `base` up to `end`."""

    base: int
    checkpoint: Checkpoint

    @property
    def end(self) -> int:
        """How many entries the record has with this log and those before it."""
        return self.base + self.checkpoint.size

    def check_inclusion(self, entry: bytes, index: int, proof: Sequence[bytes]) -> None:
        """Raise ProofError unless this entry stands at this index of the record."""
        checkpoint = self.checkpoint
        leaf = merkle.leaf_hash(entry)
        merkle.verify_inclusion(leaf, index - self.base, checkpoint.size, proof, checkpoint.root)


def join_logs(closed: Sequence[ClosedLog], newest: Checkpoint) -> tuple[LogPart, ...]:
    """
    Return the logs of a record, the first one first, given the newest one's checkpoint, which is believed.

    Raises ProofError unless each closed log's last checkpoint stands at the beginning of the next.
    """
    if len(closed) != number_of(newest.origin) - 1:
        raise ProofError(
            "succession.count", f"{newest.origin} follows on {number_of(newest.origin) - 1} logs, not these."
        )
    base, parts = 0, []
    for checkpoint in (*map(_stated, closed), newest):
        parts.append(LogPart(base, checkpoint))
        base = parts[-1].end
    for one, part, after in zip(closed, parts, parts[1:], strict=False):
        if after.checkpoint.origin != next_origin(part.checkpoint.origin):
            raise ProofError(
                "succession.origin", f"{after.checkpoint.origin} does not follow {part.checkpoint.origin}."
            )
        after.check_inclusion(successor_entry(one.checkpoint), after.base, one.entry_proof)
    return tuple(parts)


def part_at(parts: Iterable[LogPart], index: int) -> LogPart:
    """Return the log in which an index of the record stands; ProofError when none is so long."""
    for part in parts:
        if index < part.end:
            return part
    raise ProofError("succession.beyond", "It is beyond the end of the log.")


def _stated(closed: ClosedLog) -> Checkpoint:
    try:
        return Checkpoint.parse(parse_note(closed.checkpoint).text)
    except NoteError as error:
        raise ProofError("succession.checkpoint", error.message) from error
