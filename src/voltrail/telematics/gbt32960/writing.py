"""
Frames written: what was read, byte for byte as it came, or new ones from raw values by name.

Sources: GB/T 32960.3-2016, GB/T 32960.3-2025, clauses 6 and 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import xor
from typing import Any

from voltrail.errors import FrameError
from voltrail.telematics.gbt32960.frame import (
    BEIJING,
    MAX_UNIT_BYTES,
    VIN_BYTES,
    Frame,
    Reading,
    Record,
    body_of,
    body_of_command,
    unknown_item,
)
from voltrail.telematics.gbt32960.layout import COMMAND, PLAIN, Body, Edition, Field, Layout, layout


def raw_of(record: Record) -> dict[str, Any]:
    """Return the raw values of a record by name, as `make_frame` takes them."""
    return {
        name: held.raw
        if isinstance(held, Reading)
        else [one.raw if isinstance(one, Reading) else raw_of(one) for one in held]
        for name, held in record.items()
    }


def write_frame(frame: Frame) -> bytes:
    """Return the bytes of a frame that was read: the same that `read_frame` was given."""
    rules = layout(frame.edition)
    body = body_of_command(rules, frame.command, frame.ack)
    unit = _write(body.fields, raw_of(frame.record), partly=True)
    for item in frame.items:
        unit += _write_item(rules, body, item.code, item.name, raw_of(item.record))
    return framed(rules, frame.command, frame.ack, frame.vin, frame.encryption, unit)


def make_frame(
    edition: Edition,
    command: int,
    vin: str,
    record: Mapping[str, Any] | None = None,
    items: Sequence[tuple[int, Mapping[str, Any]]] = (),
    *,
    ack: int = COMMAND,
) -> bytes:
    """
    Return a frame made of raw values by name; counts that are not given follow from the lists.

    `items` are numbers, each with its values. A time may be a datetime.
    Raises FrameError (`frame.field`, `frame.vin`, `frame.too_long`, `frame.item_unknown`) for what does not
    go into a frame.
    """
    rules = layout(edition)
    body = body_of_command(rules, command, ack)
    if ack != COMMAND and not record:  # such as the answer to a heartbeat
        body = Body()
    held = vin.encode("ascii", "replace").ljust(VIN_BYTES, b"\0")
    if len(held) != VIN_BYTES:
        raise FrameError(
            "frame.vin", f"{vin} is longer than a VIN, which has 17 characters.", "Give the VIN alone."
        )
    unit = _write(body.fields, {"parameter_count": len(items)} | dict(record or {}))
    for code, values in items:
        unit += _write_item(rules, body, code, "", values)
    return framed(rules, command, ack, held, PLAIN, unit)


def framed(rules: Layout, command: int, ack: int, vin: bytes, encryption: int, unit: bytes) -> bytes:
    """Return a frame around a data unit; raises FrameError (`frame.too_long`)."""
    if len(unit) > 0xFFFF:  # what a length can say; frames that say more than the standard allows are read
        raise FrameError(
            "frame.too_long",
            f"The data unit has {len(unit)} bytes, and a frame holds {MAX_UNIT_BYTES}.",
            "Split what is to be sent over several frames.",
        )
    told = bytes([command, ack]) + vin + bytes([encryption]) + len(unit).to_bytes(2, "big") + unit
    return rules.start.encode() + told + bytes([reduce(xor, told)])


def _write_item(rules: Layout, body: Body, code: int | None, name: str, values: Mapping[str, Any]) -> bytes:
    if name == "rest":
        return bytes(values["data"])
    if body.signed and rules.signature:
        return _write(rules.signature.fields, values)
    if code is None:
        raise _unwritable("an item", "it has no number")
    number = bytes([code])
    if body.parameters:
        field = rules.parameters.get(code)
        return number + (_write((field,), values, partly=True) if field else b"")
    of = body_of(rules, code)
    if of is None:
        why = unknown_item(rules, code)
        raise FrameError(why.rule, why.message, why.fix, source=why.source)
    return number + _write(of.fields, values)


def _write(fields: Iterable[Field], values: Mapping[str, Any], *, partly: bool = False) -> bytes:
    """Return the bytes of fields; `partly` stops at the first that has no value."""
    fields = tuple(fields)
    written = b""
    for field in fields:
        value = values.get(field.name)
        if value is None:
            value = _implied(field, fields, values)
        if value is None and partly:
            return written
        try:
            written += _bytes_of(field, value, values)
        except (TypeError, ValueError, OverflowError, IndexError, KeyError) as why:
            raise _unwritable(field.name, f"{value!r} does not go into it") from why
    return written


def _implied(field: Field, fields: Sequence[Field], values: Mapping[str, Any]) -> int | None:
    """Return the length of the list or bytes that this field counts."""
    for other in fields:
        if field.name in {other.count, other.size} and other.name in values:
            return len(values[other.name])
    return None


def _bytes_of(field: Field, value: Any, values: Mapping[str, Any]) -> bytes:
    if field.fields:
        return b"".join(_write(field.fields, row) for row in value)
    if field.count is None:
        return _one(field, value, values)
    return b"".join(_one(field, one, values) for one in value)


def _one(field: Field, value: Any, values: Mapping[str, Any]) -> bytes:
    if isinstance(value, datetime):
        moment = value.astimezone(BEIJING)
        if moment.year >= 2100:
            raise ValueError(moment)
        return bytes([moment.year - 2000, *moment.timetuple()[1:6]])
    if field.type == "int":
        return int(value).to_bytes(int(field.size), "big")
    held = value.encode("gb18030") if isinstance(value, str) else bytes(memoryview(value))
    size = field.size if isinstance(field.size, int) else values.get(field.size, len(held))
    if len(held) > size or (field.type == "time" and len(held) < size):
        raise ValueError(size)
    return held.ljust(size, b"\0")


def _unwritable(name: str, why: str) -> FrameError:
    return FrameError(
        "frame.field",
        f"{name} cannot be written: {why}.",
        "Give a raw value for each field of the layout, as read_frame names them.",
    )
