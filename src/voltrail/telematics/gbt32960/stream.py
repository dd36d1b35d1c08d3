"""
Where frames begin and end in bytes that came one after another, some of them damaged.

A frame is taken where its start stands, all of it is there, and its check holds. Where that fails, the place
that its length names is tried, then the next place where a whole frame stands: a start alone is never
believed, since the two bytes occur in values. The check is one byte, so a frame that was cut may hold by
chance over its neighbours: one that is not followed by a start is refused if a whole frame begins inside it.
`kernels` finds the same, compiled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from voltrail.errors import Refusal
from voltrail.telematics.gbt32960.frame import FRAME_BYTES, HEADER_BYTES, check
from voltrail.telematics.gbt32960.layout import EDITIONS, layout

ACKS: Final = frozenset(ack for edition in EDITIONS for ack in layout(edition).acks)
ENCRYPTIONS: Final = frozenset(way for edition in EDITIONS for way in layout(edition).encryptions)
_SOURCE: Final = "GB/T 32960.3, 6.2"
_AGAIN: Final = "Have it sent again; what stood before and behind it was read."
_WORDS: Final = {
    words[0]: words
    for words in (
        ("frame.start", "Between frames stand bytes that begin with neither ## nor $$.", _AGAIN),
        ("frame.length", "A frame ends before the length that its header says.", _AGAIN),
        ("frame.bcc", "The check byte of a frame does not hold.", _AGAIN),
        ("frame.inside", "A whole frame begins inside what its header says is one frame.", _AGAIN),
    )
}
RULES: Final = tuple(_WORDS)
_STARTS: Final = re.compile(rb"(?=##|\$\$)")


class Refused(NamedTuple):
    """Bytes that are no frame, and the rule that says why."""

    start: int
    stop: int
    rule: str


def refusal_of(refused: Refused) -> Refusal:
    """Say why these bytes are no frame."""
    return Refusal(*_WORDS[refused.rule], source=_SOURCE)


class Split(NamedTuple):
    """Where whole frames start and stop, what was refused between them, and where the unfinished begins."""

    frames: list[tuple[int, int]]
    refused: list[Refused]
    rest: int


def split(data: bytes, *, final: bool = True) -> Split:
    """
    Return the frames in these bytes, in their order.

    With `final` false more bytes may come: a frame that is not all there is left for then, from `rest` on.
    """
    frames: list[tuple[int, int]] = []
    refused: list[Refused] = []
    at = 0
    while at < len(data):
        stop = _stop(data, at)
        if stop is None and not final and _unfinished(data, at):
            return Split(frames, refused, at)
        if stop is None:
            following = _after_damage(data, at, final=final)
            refused.append(Refused(at, following, _why(data, at)))
            at = following
            continue
        inside = None if _may_start(data, stop) else next(_places(data, at + 1, stop), None)
        if inside is None:
            frames.append((at, stop))
            at = stop
        else:
            refused.append(Refused(at, inside, "frame.inside"))
            at = inside
    return Split(frames, refused, len(data))


def _stop(data: bytes, at: int) -> int | None:
    """Return where the frame that stands here ends, None if none does."""
    said = _said_stop(data, at)
    whole = said is not None and said <= len(data) and check(data[at:said]) == data[said - 1]
    return said if whole else None


def _said_stop(data: bytes, at: int) -> int | None:
    """Return where the frame whose start stands here says it ends; None without a start and a length."""
    if len(data) - at < HEADER_BYTES or data[at] not in b"#$" or data[at] != data[at + 1]:
        return None
    return at + FRAME_BYTES + int.from_bytes(data[at + 22 : at + 24], "big")


def _may_start(data: bytes, at: int) -> bool:
    """Whether a start stands here, or as much of one as there are bytes left."""
    return at == len(data) or (data[at] in b"#$" and data[at : at + 2] in {b"##", b"$$", data[at : at + 1]})


def _plausible(data: bytes, at: int) -> bool:
    """Whether what there is of a header could be one."""
    acks, ways = data[at + 3 : at + 4], data[at + 21 : at + 22]
    return (not acks or acks[0] in ACKS) and (not ways or ways[0] in ENCRYPTIONS)


def _unfinished(data: bytes, at: int) -> bool:
    """Whether a frame may stand here whose end has not come yet."""
    if not _may_start(data, at) or not _plausible(data, at):
        return False
    said = _said_stop(data, at)
    return len(data) - at < HEADER_BYTES or (said is not None and said > len(data))


def _places(data: bytes, at: int, end: int) -> Iterator[int]:
    """Yield where whole frames with plausible headers begin, from `at` to before `end`."""
    for found in _STARTS.finditer(data, at, min(end + 1, len(data))):
        place = found.start()
        if place < end and _plausible(data, place) and _stop(data, place) is not None:
            yield place


def _after_damage(data: bytes, at: int, *, final: bool) -> int:
    said = _said_stop(data, at)
    if said is not None and said < len(data) and _stop(data, said) is not None:
        return said
    place = next(_places(data, at + 1, len(data)), None)
    if place is not None:
        return place
    begin = max(at + 1, len(data) - FRAME_BYTES - 0xFFFF)
    unfinished = () if final else (p for p in range(begin, len(data)) if _unfinished(data, p))
    return next(iter(unfinished), len(data))


def _why(data: bytes, at: int) -> str:
    if not _may_start(data, at):
        return "frame.start"
    said = _said_stop(data, at)
    return "frame.length" if said is None or said > len(data) else "frame.bcc"
