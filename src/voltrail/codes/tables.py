"""
What GB/T 34014-2017 says, as data, each fact with its confidence.

`confirmed`: the standard's text or two independent public sources say so.
`unconfirmed`: no source we hold says so; shown with that word everywhere.
`observed`: seen in use, not taken from the register of maker codes, which
is kept centrally and is not public.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

import msgspec

STANDARD: Final = "GB/T 34014-2017"

Confidence = Literal["confirmed", "unconfirmed", "observed"]
Level = Literal["pack", "module", "cell", "unknown"]


class Fact(msgspec.Struct, frozen=True):
    """A meaning, how sure it is, and where it comes from."""

    meaning: str
    confidence: Confidence
    source: str


class Field(msgspec.Struct, frozen=True):
    """
    A run of characters in a code.

    `allowed` is what may stand at each of its positions: one string for all
    of them, or one for each. `says` is the same in words.
    """

    name: str
    length: int
    allowed: tuple[str, ...]
    says: str

    def allowed_at(self, offset: int) -> str:
        """Return the characters that may stand `offset` places into the field."""
        return self.allowed[offset] if len(self.allowed) > 1 else self.allowed[0]


DIGITS: Final = "0123456789"
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

LEVELS: Final[dict[str, Level]] = {"P": "pack", "M": "module", "C": "cell"}

_CATENA_X = "Catena-X TractionBatteryCode 2.0.0"
_NONE_STATES = "no retrieved source states it; the letter itself is confirmed by " + _CATENA_X

BATTERY_TYPES: Final[dict[str, Fact]] = {
    "A": Fact("nickel-metal hydride", "unconfirmed", _NONE_STATES),
    "B": Fact("lithium iron phosphate", "confirmed", "published decoders and cell labels"),
    "C": Fact("lithium manganese oxide", "unconfirmed", _NONE_STATES),
    "D": Fact("lithium cobalt oxide", "unconfirmed", _NONE_STATES),
    "E": Fact("ternary (NCM/NCA)", "confirmed", "published decoders"),
    "F": Fact("supercapacitor", "unconfirmed", _NONE_STATES),
    "G": Fact("lithium titanate", "unconfirmed", _NONE_STATES),
    "Z": Fact("other", "confirmed", "published decoders"),
}

OBSERVED_MAKERS: Final[dict[str, Fact]] = {
    "001": Fact("CATL", "observed", "a cell label shown on a vendor's page"),
    "04Q": Fact("EVE Energy", "observed", "a cell label shown on a vendor's page"),
    "03U": Fact("正力蔚来", "observed", "named in a public test tool"),
    "071": Fact("XPT", "observed", "named in a public test tool"),
}

# The letters I O Q U Z are left out of dates: two independent public decoders
# agree. Catena-X lets I and U through; we do not. After thirty years the
# cycle of year letters starts again, in 2041.
FIRST_YEAR: Final = 2011
YEARS: Final = "123456789ABCDEFGHJKLMNPRSTVWXY"
MONTHS: Final = "123456789ABC"
DAYS: Final = "123456789ABCDEFGHJKLMNPRSTVWXY0"  # 0 is the 31st
LAST_DATE: Final = date(FIRST_YEAR + len(YEARS) - 1, 12, 31)

SERIAL_DIGITS: Final = 7
LAST_SERIAL: Final = 9_999_999  # of one day; 0000000 is not given

_MAKER = Field("manufacturer", 3, (DIGITS + LETTERS,), "digits and capital letters")
_LEVEL = Field("product type", 1, ("PMC",), "P (pack), M (module) or C (cell)")
_TYPE = Field("battery type", 1, ("ABCDEFGZ",), "A to G, or Z")
_SPECIFICATION = Field("specification", 2, (DIGITS + LETTERS,), "digits and capital letters")
_TRACEABILITY = Field("traceability", 7, (DIGITS + LETTERS,), "digits and capital letters")
_DATE = Field(
    "production date",
    3,
    (YEARS, MONTHS, DAYS),
    "the year 1 to 9 or A to Y, the month 1 to 9 or A to C, the day 0 to 9 or A to Y, without I O Q U Z",
)
_SERIAL = Field("serial number", SERIAL_DIGITS, (DIGITS,), "digits")
_SECOND_LIFE = Field("second life", 2, ("R", "PMC"), "R, then P, M or C")

FIRST_LIFE: Final = (_MAKER, _LEVEL, _TYPE, _SPECIFICATION, _TRACEABILITY, _DATE, _SERIAL)
SECOND_LIFE: Final = (_MAKER, _LEVEL, _TYPE, _SPECIFICATION, _DATE, _SERIAL, _SECOND_LIFE)
LAYOUTS: Final[dict[int, tuple[Field, ...]]] = {24: FIRST_LIFE, 19: SECOND_LIFE}


def length_of(fields: tuple[Field, ...]) -> int:
    """Return how many characters `fields` have together."""
    return sum(field.length for field in fields)


def start_of(fields: tuple[Field, ...], name: str) -> int:
    """Return where the field called `name` begins, counting from 0."""
    names = [field.name for field in fields]
    return length_of(fields[: names.index(name)])


def encode_date(day: date) -> str:
    """
    Return the three characters of a production date.

    Raises IndexError for a year after 2040 and is wrong before 2011: the
    caller checks the range.
    """
    return YEARS[day.year - FIRST_YEAR] + MONTHS[day.month - 1] + DAYS[day.day - 1]


def decode_date(text: str) -> date:
    """
    Return the day that three characters of the date alphabet name.

    Raises ValueError for a day the calendar does not have.
    """
    return date(FIRST_YEAR + YEARS.index(text[0]), MONTHS.index(text[1]) + 1, DAYS.index(text[2]) + 1)
