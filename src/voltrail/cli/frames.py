"""`voltrail frames`: what stands in a frame of GB/T 32960."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import msgspec

from voltrail.cli.common import json_option, print_json
from voltrail.errors import FrameError, Refusal
from voltrail.telematics.gbt32960.frame import Frame, read_frame
from voltrail.telematics.gbt32960.stream import Refused, refusal_of, split
from voltrail.telematics.gbt32960.table import Row, name_of, printable, rows_of

SHOWN_BYTES = 8  # of a field, in a table for people


@click.group()
def frames() -> None:
    """Read what vehicles send (GB/T 32960.3, editions of 2016 and 2025)."""


@frames.command("decode")
@click.argument("given", metavar="HEX|FILE")
@json_option
def decode_frames(given: str, *, as_json: bool) -> None:
    """
    Print frames byte by byte: place, bytes, name, value, unit and status of each field.

    A file holds frames one after another, as bytes or as hexadecimal digits. Exits with 1 when any of it is
    no frame; the others are printed all the same.
    """
    data = _bytes_given(given)
    found = split(data)
    if as_json:
        print_json(
            {
                "frames": [_described(start, data[start:stop]) for start, stop in found.frames],
                "refused": [_refused(one) for one in found.refused],
            }
        )
    else:
        for start, stop in found.frames:
            _print_frame(start, data[start:stop])
        for one in found.refused:
            why = refusal_of(one)
            click.echo(f"Bytes {one.start} to {one.stop - 1}: {why.message} {why.fix}", err=True)
    if found.refused:
        raise SystemExit(1)


def _bytes_given(given: str) -> bytes:
    path = Path(given)
    if len(given) < 256 and path.is_file():
        held = path.read_bytes()
        return held if held[:2] in {b"##", b"$$"} else _digits(held.decode("latin-1")) or held
    data = _digits(given)
    if data is None:
        raise FrameError(
            "frame.digits",
            f"{given[:40]} is neither a file nor hexadecimal digits.",
            "Give a file of frames, or the digits of one, two for each byte, such as 232302fe...",
        )
    return data


def _digits(text: str) -> bytes | None:
    """Return the bytes of hexadecimal digits, between which may stand spaces and the like; else None."""
    digits = re.sub(r"0x|[\s,:;-]", "", text, flags=re.IGNORECASE)
    return bytes.fromhex(digits) if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", digits) else None


def _described(start: int, data: bytes) -> dict[str, Any]:
    frame = read_frame(data)
    return {
        "offset": start,
        "edition": frame.edition,
        "command": frame.command,
        "name": name_of(frame),
        "ack": frame.ack,
        "vin": frame.vehicle,
        "encryption": frame.encryption,
        "time": frame.time,
        "fields": list(rows_of(frame, data)),
        "troubles": [_plain(one) for one in frame.troubles],
    }


def _refused(refused: Refused) -> dict[str, Any]:
    return {"start": refused.start, "stop": refused.stop, **_plain(refusal_of(refused))}


def _plain(refusal: Refusal) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(refusal)
    return told


def _print_frame(start: int, data: bytes) -> None:
    frame = read_frame(data)
    click.echo(_title(start, data, frame))
    rows = [_shown(row) for row in rows_of(frame, data)]
    wide = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        at, *others = row
        told = "  ".join(text.ljust(size) for text, size in zip(others, wide[1:], strict=True))
        click.echo(f"{at.rjust(wide[0])}  {told}".rstrip())
    for why in frame.troubles:
        click.echo(f"{why.message} {why.fix}")
    click.echo()


def _title(start: int, data: bytes, frame: Frame) -> str:
    at = f" at byte {start}" if start else ""
    return f"{name_of(frame).replace('_', ' ')} of {printable(frame.vehicle)}, {len(data)} bytes{at}"


def _shown(row: Row) -> tuple[str, ...]:
    held = row.bytes
    if len(held) > 3 * SHOWN_BYTES:
        held = f"{held[: 3 * SHOWN_BYTES - 1]} ..."
    name = re.sub(r"^items\[\d+\]\.\w+\.", "  ", row.name)  # the item's own row stands before its fields
    return (str(row.offset), held, name, row.value, row.unit, "" if row.status == "ok" else row.status)
