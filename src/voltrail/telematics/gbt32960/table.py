"""A frame as a table for people, from its first byte to its check: what stands where, and what it means."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from voltrail.telematics.gbt32960.frame import HEADER_BYTES, Frame, Reading
from voltrail.telematics.gbt32960.layout import Layout, Status, layout


class Row(msgspec.Struct, frozen=True):
    """One field: `bytes` in hexadecimal digits, `value` in its unit or in words, `status` as a word."""

    offset: int
    bytes: str
    name: str
    value: str
    unit: str = ""
    status: str = "ok"


def name_of(frame: Frame) -> str:
    """Return what a frame's command is called."""
    body = layout(frame.edition).commands.get(frame.command)
    return body.name if body else f"command {frame.command:#04x}"


def rows_of(frame: Frame, data: bytes) -> Iterator[Row]:
    """Yield a row for each field of a frame; `data` is what it was read from."""
    yield from _header(layout(frame.edition), frame, data)
    rows = [_row(path, reading, data) for path, reading in frame.readings()]
    rows += [
        Row(item.offset, f"{item.code:02x}", f"items[{number}]", item.name.replace("_", " "))
        for number, item in enumerate(frame.items)
        if item.code is not None
    ]
    yield from sorted(rows, key=lambda row: row.offset)
    yield Row(len(data) - 1, data[-1:].hex(), "check", "holds")


def _header(rules: Layout, frame: Frame, data: bytes) -> Iterator[Row]:
    answer = rules.acks.get(frame.ack, "not known")
    way = rules.encryptions.get(frame.encryption, "not known")
    for offset, size, name, value, unit in (
        (0, 2, "start", rules.standard, ""),
        (2, 1, "command", name_of(frame).replace("_", " "), ""),
        (3, 1, "answer", answer, ""),
        (4, 17, "vin", printable(frame.vehicle), ""),
        (21, 1, "encryption", way, ""),
        (22, 2, "length", str(len(data) - HEADER_BYTES - 1), "bytes"),
    ):
        yield Row(offset, data[offset : offset + size].hex(" "), name, value, unit)


def _row(path: str, reading: Reading, data: bytes) -> Row:
    held = data[reading.offset : reading.offset + reading.size].hex(" ")
    status = reading.status.name.lower().replace("_", " ")
    if reading.field.type == "bytes":
        return Row(reading.offset, held, path, f"{reading.size} bytes")
    return Row(reading.offset, held, path, _value(reading), _unit(reading), status)


def _unit(reading: Reading) -> str:
    return "" if reading.value is None else reading.field.unit


def _value(reading: Reading) -> str:
    if reading.field.bits or (reading.meaning and reading.status is Status.OK):
        return reading.meaning
    if reading.value is None:
        return ""
    if isinstance(reading.value, datetime):
        return reading.value.isoformat()
    return printable(str(reading.value))


def printable(text: str) -> str:
    """Return text that a terminal shows and does not obey, whoever sent it."""
    return "".join(one if one.isprintable() else "�" for one in text)
