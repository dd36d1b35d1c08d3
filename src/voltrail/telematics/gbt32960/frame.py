"""
One frame read into names, raw values, scaled values and statuses: the readable way.

`batch` does the same for millions of frames in columns; a property holds the two equal. Reading keeps what
can be read: an item that does not fit, or a number without a layout, ends the walk, since neither says how
long it is, and the bytes from there on are kept as `rest` with the reason. So `write_frame(read_frame(data))`
is `data`, whatever was inside.
Sources: GB/T 32960.3-2016, GB/T 32960.3-2025, clauses 6 and 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import reduce
from operator import xor
from typing import Final

import msgspec

from voltrail.errors import FrameError, Refusal
from voltrail.telematics.gbt32960.layout import (
    COMMAND,
    PLAIN,
    SIGNATURE,
    STARTS,
    Body,
    Edition,
    Field,
    Layout,
    Status,
    layout,
)

HEADER_BYTES: Final = 24
FRAME_BYTES: Final = HEADER_BYTES + 1  # of a frame without a data unit
MAX_UNIT_BYTES: Final = 65531
VIN_BYTES: Final = 17
TIME_BYTES: Final = 6
BEIJING: Final = timezone(timedelta(hours=8))
ACTIVATION_ANSWER: Final = 0x0A
PARAMETER_QUERY: Final = 0x80
ANSWERED_IN_FULL: Final = (ACTIVATION_ANSWER, PARAMETER_QUERY)

Value = float | str | bytes | datetime | None
Raw = int | bytes


class Reading(msgspec.Struct, frozen=True):
    """
    What stands in one field, `offset` bytes from the first of the frame.

    `value` is in the field's unit, None where `raw` is a marker or no time of the calendar. It is a
    measurement only if `status` is OK: a position without a fix has a value, the last one known.
    """

    field: Field
    offset: int
    size: int
    raw: Raw
    value: Value
    status: Status

    @property
    def meaning(self) -> str:
        """What the raw value stands for: its word, or the bits that are set."""
        if not isinstance(self.raw, int):
            return ""
        if self.field.bits:
            return ", ".join(_bits_set(self.field, self.raw))
        return self.field.values.get(self.raw, "")


Record = dict[str, "Reading | tuple[Reading, ...] | tuple[Record, ...]"]


class Item(msgspec.Struct, frozen=True):
    """
    What follows the fields of a command: an information item, a parameter, a signature, or the rest.

    `code` is the number before it; the rest, which nobody can read, has none, and its bytes as `data`.
    """

    code: int | None
    name: str
    offset: int
    size: int
    record: Record


class Frame(msgspec.Struct, frozen=True):
    """A frame whose check holds. `troubles` say why a rest could not be read."""

    edition: Edition
    command: int
    ack: int
    vin: bytes
    encryption: int
    record: Record
    items: tuple[Item, ...]
    troubles: tuple[Refusal, ...]

    @property
    def vehicle(self) -> str:
        """The VIN, or the code that stands in its place, without what pads it."""
        return text_of(self.vin)

    @property
    def time(self) -> datetime | None:
        """When it was collected, in UTC; None where there is no time, or none of the calendar."""
        reading = self.record.get("time")
        value = reading.value if isinstance(reading, Reading) else None
        return value.astimezone(UTC) if isinstance(value, datetime) else None

    def readings(self) -> Iterator[tuple[str, Reading]]:
        """Yield every field in the order of its bytes, each with its path."""
        yield from _flat("", self.record)
        for number, item in enumerate(self.items):
            yield from _flat(f"items[{number}].{item.name}.", item.record)


class _Unreadable(Exception):
    """A field does not fit what is left; `at` is where it begins."""

    def __init__(self, field: Field, at: int) -> None:
        super().__init__(field, at)
        self.field = field
        self.at = at


def check(data: bytes) -> int:
    """Return the check byte of a frame: all bytes from the command on, the last excepted, by exclusive or."""
    return reduce(xor, data[2:-1], 0)


def read_frame(data: bytes) -> Frame:
    """
    Return the frame that these bytes are, from its start to its check.

    Raises FrameError (`frame.start`, `frame.length`, `frame.bcc`) if they are not one whole frame.
    """
    return _read_unit(layout(edition_of(data)), bytes(data))


def edition_of(data: bytes) -> Edition:
    """Return the edition of one whole frame; raises FrameError as `read_frame` does."""
    edition = STARTS.get(bytes(data[:2]))
    if edition is None:
        raise FrameError(
            "frame.start",
            f"A frame begins with ## (2016) or $$ (2025), these bytes with {data[:2].hex(' ') or 'nothing'}.",
            "Begin with the first byte of a frame.",
            source="GB/T 32960.3, 6.2",
        )
    if len(data) < FRAME_BYTES or len(data) != FRAME_BYTES + int.from_bytes(data[22:24], "big"):
        raise FrameError("frame.length", *_length_words(data), source="GB/T 32960.3, 6.2")
    if check(data) != data[-1]:
        raise FrameError(
            "frame.bcc",
            f"The check byte is {data[-1]:02x}, and the bytes before it give {check(data):02x}.",
            "Some byte was changed on the way: have it sent again.",
            source="GB/T 32960.3, 6.2",
        )
    return edition


def _length_words(data: bytes) -> tuple[str, str]:
    if len(data) < FRAME_BYTES:
        return (
            f"These are {len(data)} bytes, and the shortest frame has {FRAME_BYTES}.",
            "Give the whole frame.",
        )
    said = int.from_bytes(data[22:24], "big")
    told = f"The frame says that it has {FRAME_BYTES + said} bytes in all, and these are {len(data)}."
    return told, "Give one whole frame; for several, give a file of them."


def _read_unit(rules: Layout, data: bytes) -> Frame:
    command, ack, vin, encryption = data[2], data[3], data[4:21], data[21]
    record: Record = {}
    items: list[Item] = []
    troubles: list[Refusal] = []
    at, end = HEADER_BYTES, len(data) - 1
    if encryption != PLAIN:
        if at < end:
            troubles.append(_encrypted(rules, encryption))
    else:
        body = body_of_command(rules, command, ack)
        try:
            at = _read(body.fields, data, at, end, record)
            if body.items:
                at = _read_items(rules, data, at, end, items, troubles)
            elif body.parameters:
                at = _read_parameters(rules, data, at, end, record, items)
            elif body.signed and rules.signature:
                at = _read_signature(rules.signature, data, at, end, items, troubles)
        except _Unreadable as why:
            at = why.at
            if ack == COMMAND:
                troubles.append(_short(why, body.name))
    if at < end:
        items.append(_rest(data, at, end))
    return Frame(rules.edition, command, ack, vin, encryption, record, _in_order(items), tuple(troubles))


def _read_signature(
    body: Body, data: bytes, at: int, end: int, items: list[Item], troubles: list[Refusal]
) -> int:
    """Read a signature without a number before it; one that does not fit is none, and all of it the rest."""
    record: Record = {}
    try:
        after = _read(body.fields, data, at, end, record)
    except _Unreadable as why:
        troubles.append(_short(why, "signature"))
        return at
    items.append(Item(None, "signature", at, after - at, record))
    return after


def body_of_command(rules: Layout, command: int, ack: int) -> Body:
    """Return the layout of a command, or of an answer to it, which keeps the time at most."""
    if ack != COMMAND and command not in ANSWERED_IN_FULL:
        return Body(fields=rules.commands[2].fields)
    return rules.commands.get(command, Body())


def _in_order(items: list[Item]) -> tuple[Item, ...]:
    return tuple(sorted(items, key=lambda item: item.offset))


def _read(fields: Iterable[Field], data: bytes, at: int, end: int, record: Record) -> int:
    """Read fields into `record` and return where they end; raises _Unreadable at one that does not fit."""
    for field in fields:
        if field.fields:
            rows: list[Record] = []
            for _ in range(_count(field, record)):
                row: Record = {}
                at = _read(field.fields, data, at, end, row)
                rows.append(row)
            record[field.name] = tuple(rows)
            continue
        size = _size(field, record, end - at)
        count = 1 if field.count is None else _count(field, record)
        if size * count > end - at:
            raise _Unreadable(field, at)
        readings = tuple(_reading(field, data, at + size * n, size) for n in range(count))
        record[field.name] = readings[0] if field.count is None else readings
        at += size * count
    return at


def _number(record: Record, name: str) -> int:
    """Return how many a field says there are; none where it is marked as abnormal or invalid."""
    said = record[name]
    if not isinstance(said, Reading):
        return sum(one.raw for one in said if isinstance(one, Reading) and isinstance(one.raw, int))
    if not isinstance(said.raw, int) or said.field.status_of(said.raw) in {Status.ABNORMAL, Status.INVALID}:
        return 0
    return said.raw


def _count(field: Field, record: Record) -> int:
    return _number(record, str(field.count).removeprefix("sum(").removesuffix(")"))


def _size(field: Field, record: Record, left: int) -> int:
    if isinstance(field.size, int):
        return field.size
    return left if field.size == "rest" else _number(record, field.size)


def _reading(field: Field, data: bytes, at: int, size: int) -> Reading:
    held = data[at : at + size]
    if field.type == "time":
        moment = _moment(held)
        return Reading(field, at, size, held, moment, Status.OK if moment else Status.OUT_OF_RANGE)
    if field.type != "int":
        return Reading(field, at, size, held, text_of(held) if field.type == "text" else held, Status.OK)
    raw = int.from_bytes(held, "big")
    status, value = field.status_of(raw), field.scaled(raw)
    if field.negative_bit and _bit(data, at, field.negative_bit):
        value = -value
    marker = status in {Status.ABNORMAL, Status.INVALID}
    if field.invalid_bit and _bit(data, at, field.invalid_bit):
        status = Status.INVALID
    return Reading(field, at, size, raw, None if marker else value, status)


def _bit(data: bytes, at: int, place: tuple[int, int]) -> bool:
    return bool(data[at + place[0]] >> place[1] & 1)


def text_of(held: bytes) -> str:
    """Return what these bytes say, without what pads them; what is no text as signs that say so."""
    return held.decode("gb18030", "replace").rstrip("\0 ")


def _moment(held: bytes) -> datetime | None:
    """Return the time of six plain binary bytes, which are Beijing's."""
    year, month, day, hour, minute, second = held
    try:
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=BEIJING) if year < 100 else None
    except ValueError:
        return None


def _bits_set(field: Field, raw: int) -> Iterator[str]:
    for place, name in field.bits.items():
        low, _, high = place.partition("-")
        part = raw >> int(low) & ((2 << int(high or low) - int(low)) - 1)
        if isinstance(name, str):
            if part:
                yield name
        else:
            yield name[1].get(part, f"{name[0]} {part}")


def _read_items(
    rules: Layout, data: bytes, at: int, end: int, items: list[Item], troubles: list[Refusal]
) -> int:
    """Read information items, in whatever order they come; return where what can be read ends."""
    signature = rules.signature
    while at < end:
        code, record = data[at], Record()
        body = body_of(rules, code)
        if body is None:
            troubles.append(unknown_item(rules, code))
            break
        try:
            after = _read(body.fields, data, at + 1, end, record)
        except _Unreadable as why:
            troubles.append(_short(why, body.name))
            break
        items.append(Item(code, body.name, at, after - at, record))
        at = after
        if signature and code == SIGNATURE:
            return at  # nothing is meant to follow
    if signature and at < end:
        place = find_signature(data, at, end)
        if place is not None:
            record = Record()
            _read(signature.fields, data, place + 1, end, record)
            items += [_rest(data, at, place)] if place > at else []
            items.append(Item(SIGNATURE, "signature", place, end - place, record))
            return end
    return at


def body_of(rules: Layout, code: int) -> Body | None:
    """Return the layout of an item by its number, None where there is none."""
    if rules.signature and code == SIGNATURE:
        return msgspec.structs.replace(rules.signature, name="signature")
    if rules.custom.first <= code <= rules.custom.last:
        return Body("custom", rules.custom.source, rules.custom.fields)
    return rules.items.get(code)


def find_signature(data: bytes, at: int, end: int) -> int | None:
    """Return where, behind bytes that cannot be read, a signature begins that ends with the data unit."""
    for place in range(at, end - 5):
        if data[place] == SIGNATURE and 1 <= data[place + 1] <= 3:
            second = place + 4 + int.from_bytes(data[place + 2 : place + 4], "big")
            if second + 2 <= end and second + 2 + int.from_bytes(data[second : second + 2], "big") == end:
                return place
    return None


def _read_parameters(rules: Layout, data: bytes, at: int, end: int, record: Record, items: list[Item]) -> int:
    """Read the numbers of the parameters asked for, or numbers with values; return where they end."""
    count = _number(record, "parameter_count")
    if end - at == count:
        items += [Item(code, _parameter(rules, code), at + n, 1, {}) for n, code in enumerate(data[at:end])]
        return end
    known: Record = {}
    for _ in range(count):
        field = rules.parameters.get(data[at]) if at < end else None
        if field is None or (isinstance(field.size, str) and field.size not in known):
            break
        size = _size(field, known, 0)
        if at + 1 + size > end:
            break
        known[field.name] = reading = _reading(field, data, at + 1, size)
        items.append(Item(data[at], field.name, at, 1 + size, {field.name: reading}))
        at += 1 + size
    return at


def _parameter(rules: Layout, code: int) -> str:
    return rules.parameters[code].name if code in rules.parameters else f"parameter_{code}"


_REST: Final = Field("data", "rest", "bytes")


def _rest(data: bytes, at: int, end: int) -> Item:
    return Item(None, "rest", at, end - at, {"data": _reading(_REST, data, at, end - at)})


def unknown_item(rules: Layout, code: int) -> Refusal:
    """Say that nobody knows what an item of this number holds."""
    return Refusal(
        "frame.item_unknown",
        f"The edition of {rules.edition} has no layout for items numbered {code:#04x}, nor their length.",
        "What stands from it on is kept as it came; ask the maker of the vehicle what it sends.",
        source=rules.standard,
    )


def _short(why: _Unreadable, name: str) -> Refusal:
    return Refusal(
        "frame.item_short",
        f"The data unit ends before {why.field.name} of {name.replace('_', ' ')} does.",
        "What stands from its beginning on is kept as it came; the maker may use lengths of its own.",
    )


def _encrypted(rules: Layout, encryption: int) -> Refusal:
    way = rules.encryptions.get(encryption, f"way {encryption:#04x}")
    return Refusal(
        "frame.encrypted",
        f"The data unit is encrypted: {way}.",
        "Open it with the key that was exchanged, then read it.",
        source=rules.standard,
    )


def _flat(path: str, record: Record) -> Iterator[tuple[str, Reading]]:
    for name, held in record.items():
        if isinstance(held, Reading):
            yield path + name, held
            continue
        for number, one in enumerate(held):
            if isinstance(one, Reading):
                yield f"{path}{name}[{number}]", one
            elif isinstance(one, dict):
                yield from _flat(f"{path}{name}[{number}].", one)
