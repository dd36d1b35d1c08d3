"""
The layouts made into tables of numbers that kernels run on: which items there are, where fields stand.

A kind is what gets a row of its own: an item, or each record of one that counts them (a motor, a pack). Its
bytes are stretches: some fields of fixed places, then at most one list, whose length is the last of these
fields. Each field, status and list is a buffer; a batch is one block of memory that holds them all.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltrail.telematics.gbt32960.frame import VIN_BYTES
from voltrail.telematics.gbt32960.layout import EDITIONS, SIGNATURE, Edition, Field, Status, layout

UNKNOWN: Final = -1
CUSTOM: Final = -2
SIGNED: Final = -3

_UNITS: Final = {
    "": "",
    "km/h": "_kmh",
    "km": "_km",
    "V": "_v",
    "mV": "_mv",
    "A": "_a",
    "%": "_percent",
    "kΩ": "_kohm",
    "°C": "_c",
    "r/min": "_rpm",
    "N·m": "_nm",
    "L/100km": "_l_per_100km",
    "kg/100km": "_kg_per_100km",
    "mg/kg": "_mg_per_kg",
    "vol%": "_vol_percent",
    "MPa": "_mpa",
    "kPa": "_kpa",
    "°": "_deg",
}


class Stretch(NamedTuple):
    """Fields with their distances, how many bytes they have in all, and the list behind them."""

    fields: tuple[tuple[Field, int], ...]
    size: int
    list: Field | None


class Kind(NamedTuple):
    """What gets a row: `counted` is 1 where a byte before says how many, 2 where that may be marked."""

    edition: Edition
    code: int
    name: str
    counted: int
    stretches: tuple[Stretch, ...]

    @property
    def least(self) -> int:
        """The fewest bytes a row can have, with those before it."""
        return sum(stretch.size for stretch in self.stretches)


class Buffer(NamedTuple):
    """One column in memory; `per` is what there is one of for each value: see `counts` in `kernels.index`."""

    name: str
    dtype: np.dtype[Any]
    per: int


class Plan(NamedTuple):
    """All tables; the columns of those that kernels read are named in `kernels`."""

    kinds: tuple[Kind, ...]
    buffers: tuple[Buffer, ...]
    firsts: tuple[int, ...]  # the first buffer of each kind, and behind them the number of buffers
    types: NDArray[np.int64]  # by edition and number: a kind, or what else it is
    timed: NDArray[np.int64]  # by edition and command: 1 where a time comes first, 2 where items follow
    kind_table: NDArray[np.int64]
    stretch_table: NDArray[np.int64]
    field_table: NDArray[np.int64]
    divisors: NDArray[np.int64]
    buffer_table: NDArray[np.int64]


def has_status(field: Field) -> bool:
    """Whether a value can be anything but OK."""
    return field.marked or field.max is not None or field.min > 0 or field.invalid_bit is not None


def column_name(field: Field) -> str:
    """Return the name of a column: the field's, and behind it the unit of its values."""
    return field.name + _UNITS[field.unit]


def value_type(field: Field) -> np.dtype[Any]:
    """Return what holds every scaled value: whole numbers as they are, others as floating point."""
    size = int(field.size)
    if field.divisor != 1 or field.negative_bit:
        return np.dtype(np.float64 if size == 4 else np.float32)
    if field.raw_offset:
        return np.dtype(np.int32 if size == 2 else np.int16)
    return np.dtype(f"u{size}")


def _stretches(fields: tuple[Field, ...]) -> tuple[Stretch, ...]:
    found: list[Stretch] = []
    held: list[tuple[Field, int]] = []
    size = 0
    for field in fields:
        if field.count:
            counted, told = held[-1][0].name == field.count, has_status(field)
            # What kernels expect: the number last, bytes that may be out of range, words that may be marked.
            if (
                not counted
                or (field.size == 1 and not told)
                or (field.size == 2 and told and not field.marked)
            ):
                raise ValueError(field.name)
            found.append(Stretch(tuple(held), size, field))
            held, size = [], 0
        else:
            held.append((field, size))
            size += int(field.size)
    return (*found, Stretch(tuple(held), size, None)) if held else tuple(found)


def _kinds() -> tuple[Kind, ...]:
    found = []
    for edition in EDITIONS:
        for code, body in layout(edition).items.items():
            rows = next((field for field in body.fields if field.fields), None)
            counted = 0 if rows is None else 1 + body.fields[0].marked
            fields = body.fields if rows is None else rows.fields
            found.append(Kind(edition, code, body.name, counted, _stretches(fields)))
    return tuple(found)


FRAME_BUFFERS: Final = (
    Buffer("offset", np.dtype(np.int32), 0),
    Buffer("size", np.dtype(np.int32), 0),
    Buffer("edition", np.dtype(np.uint16), 0),
    Buffer("command", np.dtype(np.uint8), 0),
    Buffer("ack", np.dtype(np.uint8), 0),
    Buffer("encryption", np.dtype(np.uint8), 0),
    Buffer("vin", np.dtype((np.void, VIN_BYTES)), 0),
    Buffer("time", np.dtype(np.int64), 0),
    Buffer("time_status", np.dtype(np.uint8), 0),
)


def _op(field: Field) -> int:
    """Return how a value is made: how wide its raw value is, and whether it is that, moved, or scaled."""
    width = (1, 2, 4).index(int(field.size))
    return width + 4 * ("ui".index(value_type(field).kind) if value_type(field).kind in "ui" else 2)


@cache
def plan() -> Plan:
    """Return the tables of both editions."""
    kinds = _kinds()
    buffers: list[Buffer] = list(FRAME_BUFFERS)
    firsts: list[int] = []
    kind_rows: list[tuple[int, ...]] = []
    stretch_rows: list[tuple[int, ...]] = []
    field_rows: list[tuple[int, ...]] = []
    divisors: list[int] = []

    def buffer(name: str, dtype: Any, per: int) -> int:
        buffers.append(Buffer(name, np.dtype(dtype), per))
        return len(buffers) - 1

    def add(field: Field, place: int, rows: int, stretch: int) -> None:
        name = column_name(field)
        value = buffer(name, value_type(field), rows)
        status = buffer(f"{field.name}_status", np.uint8, rows) if has_status(field) else -1
        invalid, negative = field.invalid_bit or (0, -1), field.negative_bit or (0, -1)
        marker = field.marker(Status.ABNORMAL) or 1 << 40
        numbers = (field.raw_offset, field.min, field.top, marker)
        field_rows.append((stretch, place, _op(field), *numbers, *invalid, *negative, value, status))
        divisors.append(field.divisor)

    # Counts: of frames, of rows by kind, of rows and one by kind, of list elements by stretch.
    for number, kind in enumerate(kinds):
        firsts.append(len(buffers))
        owner = buffer("frame", np.int32, 1 + number)
        kind_rows.append((kind.counted, len(stretch_rows), len(kind.stretches), owner))
        for stretch in kind.stretches:
            here = len(stretch_rows)
            first = len(field_rows)
            for field, place in stretch.fields:
                add(field, place, 1 + number, here)
            fields = len(field_rows) - first
            if stretch.list is None:
                stretch_rows.append((number, stretch.size, 0, 0, 0, first, fields, -1))
                continue
            count = stretch.fields[-1][0]
            offsets = buffer(f"{stretch.list.name}_offsets", np.int32, 1 + len(kinds) + number)
            add(stretch.list, stretch.size, 1 + 2 * len(kinds) + here, here)
            widths = (int(count.size), int(count.marked), int(stretch.list.size))
            stretch_rows.append((number, stretch.size, *widths, first, fields, offsets))
    firsts.append(len(buffers))
    return Plan(
        kinds,
        tuple(buffers),
        tuple(firsts),
        _types(kinds),
        _timed(),
        np.array(kind_rows, np.int64),
        np.array(stretch_rows, np.int64),
        np.array(field_rows, np.int64),
        np.array(divisors, np.int64),
        np.array([(one.per, one.dtype.itemsize) for one in buffers], np.int64),
    )


def _types(kinds: tuple[Kind, ...]) -> NDArray[np.int64]:
    table = np.full((len(EDITIONS), 256), UNKNOWN, np.int64)
    for number, edition in enumerate(EDITIONS):
        rules = layout(edition)
        table[number, rules.custom.first : rules.custom.last + 1] = CUSTOM
        if rules.signature:
            table[number, SIGNATURE] = SIGNED
        for place, kind in enumerate(kinds):
            if kind.edition == edition:
                table[number, kind.code] = place
    return table


def _timed() -> NDArray[np.int64]:
    table = np.zeros((len(EDITIONS), 256), np.int64)
    for number, edition in enumerate(EDITIONS):
        for code, body in layout(edition).commands.items():
            if body.fields and body.fields[0].name == "time":
                table[number, code] = 2 if body.items else 1
    return table
