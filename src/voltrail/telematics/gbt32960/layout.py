"""
The layouts of both editions as data: `layout_2016.json` and `layout_2025.json`, read into structures.

Nothing else in this package knows a field by name or place. The same item number means different bodies in
the two editions, so a layout is always found by edition and number. A scaled value is
`(raw + raw_offset) / divisor`, which is exact where `raw * 0.1 - 1000` is not.
Sources: GB/T 32960.3-2016, GB/T 32960.3-2025; the tables stand in the files.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec

Edition = Literal[2016, 2025]
EDITIONS: Final[tuple[Edition, ...]] = (2016, 2025)

COMMAND: Final = 0xFE  # the answer flag of what is not an answer
PLAIN: Final = 1  # the data unit is not encrypted
SIGNATURE: Final = 0xFF


class Status(IntEnum):
    """What a raw value says of itself. Only `OK` is a measurement."""

    OK = 0
    ABNORMAL = 1
    INVALID = 2
    OUT_OF_RANGE = 3


class Field(msgspec.Struct, frozen=True):
    """
    One field: a number, text, bytes or a time; a list of them, or of records, where `count` names its length.

    `size` is in bytes, or names the field that says it, or is "rest". `marked`: the two highest raw values
    mean abnormal and invalid. `bits` names the bits of flags; `invalid_bit` and `negative_bit` are a byte's
    distance from this field and a bit of it. The rest of what a layout says of a field is in its units.
    """

    name: str
    size: int | str = 0
    type: Literal["int", "text", "bytes", "time"] = "int"
    count: str | None = None
    fields: tuple[Field, ...] = ()
    unit: str = ""
    divisor: int = 1
    raw_offset: int = 0
    min: int = 0
    max: int | None = None
    marked: bool = False
    values: dict[int, str] = {}
    bits: dict[str, str | tuple[str, dict[int, str]]] = {}
    invalid_bit: tuple[int, int] | None = None
    negative_bit: tuple[int, int] | None = None
    about: str = ""

    @property
    def top(self) -> int:
        """The highest raw value that is in range."""
        return 256 ** int(self.size) - 1 if self.max is None else self.max

    def marker(self, status: Status) -> int | None:
        """Return the raw value that means abnormal or invalid, if this field has such."""
        return 256 ** int(self.size) - 3 + status if self.marked else None

    def status_of(self, raw: int) -> Status:
        """Return what a raw value says, as far as it says it itself."""
        if self.marked and raw >= 256 ** int(self.size) - 2:
            return Status.ABNORMAL if raw & 1 == 0 else Status.INVALID
        return Status.OK if self.min <= raw <= self.top else Status.OUT_OF_RANGE

    def scaled(self, raw: int) -> float:
        """Return the raw value in the field's unit; an integer where nothing is divided."""
        return raw + self.raw_offset if self.divisor == 1 else (raw + self.raw_offset) / self.divisor


class Body(msgspec.Struct, frozen=True):
    """The fields of a command, an item or a signature, and what follows them."""

    name: str = ""
    source: str = ""
    fields: tuple[Field, ...] = ()
    items: bool = False  # information items follow until the end
    signed: bool = False  # a signature follows
    parameters: bool = False  # numbers of parameters follow, or numbers with values


class Custom(msgspec.Struct, frozen=True):
    """The items that makers define, from a first number to a last."""

    source: str
    first: int
    last: int
    fields: tuple[Field, ...]


class Layout(msgspec.Struct, frozen=True):
    """Everything one edition says of its frames."""

    edition: Edition
    standard: str
    start: str
    acks: dict[int, str]
    encryptions: dict[int, str]
    commands: dict[int, Body]
    items: dict[int, Body]
    custom: Custom
    parameters: dict[int, Field]
    signature: Body | None = None


@cache
def layout(edition: Edition) -> Layout:
    """Return the layout of an edition."""
    text = files("voltrail.telematics.gbt32960").joinpath(f"layout_{edition}.json").read_bytes()
    return msgspec.json.decode(text, type=Layout)


STARTS: Final = {layout(edition).start.encode(): edition for edition in EDITIONS}
