"""
The tables by which it is decided: thresholds, costs, prices, and what batteries are made of.

`policy.csv`, `prices.csv` and `contents.csv` beside this file have the same columns. Each row has a value in
a unit, from a day to a day (both included), its source and how sure that is; where no source is held it says
`assumption`. Nothing of it stands in code. A user's own table has the same columns: a row of it takes the
place of all ours of that name.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from datetime import date
from importlib.resources import files
from typing import Final, Literal, get_args

import msgspec

from voltrail.errors import TableError
from voltrail.health.normal import Normal, within

Confidence = Literal["verified", "derived", "estimate", "assumption", "unconfirmed", "configured"]

COLUMNS: Final = (
    "name", "value", "low", "high", "unit", "valid_from", "valid_to", "source", "confidence", "note",
)  # fmt: skip
MAX_ROWS: Final = 1_000
MAX_TEXT: Final = 500
WORDS: Final = (
    "gate.incidents", "gate.damage", "use", "use.not_confirmed", "life.first_duty", "life.duty", "life.place",
)  # fmt: skip
STANDINGS: Final = ("gate.history_gap", "gate.history_before")
_RESULTS: Final = ("pass", "unknown", "fail")
_MONEY: Final = re.compile(r"^[A-Z]{3}(/|$)")
_EARLIEST: Final = date(1990, 1, 1)


class Row(msgspec.Struct, frozen=True):
    """
    One row: a number with the interval in which it lies with 95 %, where it has one; or words.

    `ours` says whether it is of the tables that come with Voltrail.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    words: tuple[str, ...]
    unit: str
    valid_from: date
    valid_to: date | None
    source: str
    confidence: Confidence
    note: str
    ours: bool = True

    @property
    def told(self) -> str:
        """Return the value as it stands in the table."""
        return "|".join(self.words) if self.value is None else f"{self.value:.12g}"

    @property
    def normal(self) -> Normal:
        """Return the number with its uncertainty."""
        assert self.value is not None  # noqa: S101 - only rows of words have none, and they are not asked
        if self.low is None or self.high is None:
            return Normal(self.value)
        return Normal(self.value, within(self.low, self.high).sd)


class Table:
    """The rows in force on a day, by name; it notes which were `used`, and which are `lacking`."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self._rows = rows
        self.used: Final[dict[str, Row]] = {}
        self.lacking: Final[dict[str, None]] = {}

    def has(self, name: str) -> bool:
        """Return whether there is such a row, without using it."""
        return name in self._rows

    def named(self, beginning: str) -> list[str]:
        """Return the names of the rows that begin with something."""
        return [name for name in self._rows if name.startswith(beginning)]

    def row(self, name: str) -> Row | None:
        """Return a row; it is used, or lacking."""
        found = self._rows.get(name)
        if found is None:
            self.lacking[name] = None
        else:
            self.used[name] = found
        return found

    def normal(self, name: str) -> Normal | None:
        """Return a number with its uncertainty; None where the table does not have it."""
        found = self.row(name)
        return None if found is None else found.normal

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a row, none where there is none."""
        found = self.row(name)
        return () if found is None else found.words


class Policy(msgspec.Struct, frozen=True):
    """All rows of all days."""

    rows: tuple[Row, ...]

    def at(self, day: date) -> Table:
        """Return what is in force on a day; of several rows of a name, that which began last."""
        found: dict[str, Row] = {}
        for row in self.rows:
            if row.valid_from <= day and (row.valid_to is None or day <= row.valid_to):
                other = found.get(row.name)
                if other is None or other.valid_from <= row.valid_from:
                    found[row.name] = row
        return Table(found)

    def replaced(self, rows: Iterable[Row]) -> Policy:
        """
        Return the policy with a user's rows in the place of all those of their names.

        Raises TableError (`policy.currency`).
        """
        own = tuple(rows)
        names = {row.name for row in own}
        policy = Policy((*(row for row in self.rows if row.name not in names), *own))
        if len(currencies := sorted({row.unit[:3] for row in policy.rows if _is_money(row)})) > 1:
            raise TableError(
                "policy.currency",
                f"Prices and costs are in {' and '.join(currencies)}.",
                "Give all of them in one currency: what is not in your table is as Voltrail has it.",
            )
        return policy


def as_csv(policy: Policy) -> str:
    """Return a policy as the table that `read_rows` reads."""
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in policy.rows:
        cells = {name: getattr(row, name, "") for name in COLUMNS} | {"value": row.told}
        table.writerow("" if cells[name] is None else cells[name] for name in COLUMNS)
    return written.getvalue()


def read_rows(text: str, *, ours: bool = False) -> tuple[Row, ...]:
    """
    Return the rows of a table, as CSV with the header of COLUMNS in any order.

    Raises TableError with the line (`policy.header`, `policy.row`, `policy.unknown`).
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[Row] = []
    try:
        heads = [head.strip() for head in reader.fieldnames or ()]
        if missing := [name for name in ("name", "value", "unit") if name not in heads]:
            raise TableError(
                "policy.header",
                f"The table of the policy lacks the column {missing[0]}.",
                f"Its first line is: {','.join(COLUMNS)}",
                1,
            )
        if strange := [head for head in heads if head not in COLUMNS]:
            raise TableError(
                "policy.header",
                f"{strange[0][:40]!r} is no column of a policy.",
                f"Columns are {', '.join(COLUMNS)}.",
                1,
            )
        for cells in reader:
            line = reader.line_num
            if None in cells:
                raise _wrong(line, "The row has more cells than the header.", "Quote cells that have commas.")
            given = {str(name).strip(): (value or "").strip() for name, value in cells.items()}
            if any(given.values()):
                rows.append(_row(given, line, ours=ours))
            if len(rows) > MAX_ROWS:
                raise _wrong(line, f"The table has more than {MAX_ROWS:,} rows.", "Leave out what is ours.")
    except csv.Error as error:
        raise TableError(
            "policy.row", f"The table of the policy does not read: {error}.", "Save it as CSV in UTF-8."
        ) from error
    return tuple(rows)


def _row(given: dict[str, str], line: int, *, ours: bool) -> Row:
    name = given["name"]
    if not ours and not _is_known(name):
        raise TableError(
            "policy.unknown",
            f"There is no row {name[:60]!r} in the policy, so nothing would follow from it.",
            "Names are those of `voltrail recycling policy`; a chemistry's are content.X.Li, mass.X, pack.X.",
            line,
        )
    if any(len(value) > MAX_TEXT for value in given.values()):
        raise _wrong(line, f"{name} has a cell of more than {MAX_TEXT} characters.", "Shorten it.")
    is_words = name in WORDS or name in STANDINGS
    words = tuple(word.strip() for word in given["value"].split("|") if word.strip()) if is_words else ()
    if name in STANDINGS and words not in {(one,) for one in _RESULTS}:
        raise _wrong(line, f"{name} is {given['value'][:40]!r}.", f"Write one of {', '.join(_RESULTS)}.")
    value, low, high = (
        None if is_words else _number(given.get(column, ""), name, line)
        for column in ("value", "low", "high")
    )
    if not is_words and value is None:
        raise _wrong(line, f"{name} has no value.", "Give a number.")
    if (low is None) != (high is None) or (
        low is not None and high is not None and value is not None and not low <= value <= high
    ):
        raise _wrong(line, f"{name} is not within its interval.", "Give low, value and high in this order.")
    confidence = given.get("confidence") or "configured"
    if confidence not in get_args(Confidence):
        raise _wrong(
            line,
            f"{name} is of the confidence {confidence[:40]!r}.",
            f"Write one of {', '.join(get_args(Confidence))}.",
        )
    row = Row(
        name,
        value,
        low,
        high,
        words,
        given["unit"],
        _day(given.get("valid_from", ""), name, line) or _EARLIEST,
        _day(given.get("valid_to", ""), name, line),
        given.get("source", ""),
        confidence,  # type: ignore[arg-type]
        given.get("note", ""),
        ours,
    )
    if not ours and not is_words and _measure(row.unit) != (wanted := _measure(_unit_of(name))):
        raise _wrong(
            line,
            f"{name} is in {given['unit'][:40]!r}, and not in {wanted}.",
            "Give it in that unit; for XXX any currency that all prices are in.",
        )
    return row


def _unit_of(name: str) -> str:
    """Return the unit in which a row of this name is: as ours, or as that of another chemistry."""
    family = name.partition(".")[0]
    named = [row.unit for row in POLICY.rows if row.name == name]
    return (named or [row.unit for row in POLICY.rows if row.name.startswith(family + ".")])[0]


def _measure(unit: str) -> str:
    """Return a unit with XXX for its currency."""
    return _MONEY.sub(r"XXX\1", unit)


def _is_known(name: str) -> bool:
    """Return whether a row of this name is asked for: ours, or the same of another chemistry."""
    if any(name == row.name for row in POLICY.rows):
        return True
    parts = name.split(".")
    elements = {row.name.rpartition(".")[2] for row in POLICY.rows if row.name.startswith("metal.")}
    return (len(parts) == 3 and parts[0] == "content" and bool(parts[1]) and parts[2] in elements) or (
        len(parts) == 2 and parts[0] in {"mass", "pack"} and bool(parts[1])
    )


def _is_money(row: Row) -> bool:
    return _MONEY.match(row.unit) is not None


def _number(text: str, name: str, line: int) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or not 0 <= value <= 1e9:
        raise _wrong(line, f"{name} is {text[:40]!r}, which is no such number.", "Write digits, from 0 on.")
    return value


def _day(text: str, name: str, line: int) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise _wrong(line, f"{name} is of the day {text[:20]!r}.", "Write it as 2026-05-03.") from None


def _wrong(line: int, message: str, fix: str) -> TableError:
    return TableError("policy.row", message, fix, line)


def _ours() -> Policy:
    here = files(__package__)
    return Policy(
        tuple(
            row
            for name in ("policy", "prices", "contents")
            for row in read_rows(here.joinpath(f"{name}.csv").read_text("utf-8"), ours=True)
        )
    )


POLICY: Final = _ours()
"""The tables that come with Voltrail."""
