"""
Figures as they were published: a row each, with its source, how sure it is, and its vintage.

A row is never changed: a restated figure is a further row with a later vintage, and whoever asks says which
he means. The tables stand in `series/*.csv`; users add their own as CSV with the same columns (`read_csv`),
which `checks.check` weighs against what stands there.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Final, Literal, get_args

import msgspec

from voltrail.errors import UsageError

Status = Literal[
    "verified",
    "derived",
    "compiled",
    "estimate",
    "forecast",
    "target",
    "company claim",
    "recalled_unverified",
    "missing",
]
"""How sure a figure is: see docs/guides/outlook.md."""

TABLES: Final = (
    "vehicles",
    "passenger_monthly",
    "iea",
    "trucks",
    "installed",
    "chemistry",
    "makers",
    "parc",
    "retired",
    "prices",
    "policies",
    "money",
    "lifetimes",
    "processes",
    "provinces",
)


PERIOD: Final = re.compile(
    r"(?:19|20)[0-9]{2}(-(0[1-9]|1[0-2]|Q[1-4]|H[12])|-(0[1-9]|1[0-2])\.\.(0[1-9]|1[0-2])|\+)?"
)
VINTAGE: Final = re.compile(r"((?:19|20)[0-9]{2})(-(0[1-9]|1[0-2]))?")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?")
_LAST_MONTH: Final = {"Q1": 3, "Q2": 6, "Q3": 9, "Q4": 12, "H1": 6, "H2": 12}
_AHEAD: Final = frozenset({"forecast", "target"})
COLUMNS: Final = ("series", "period", "segment", "value", "unit", "status", "vintage", "source", "note")
ROWS_MOST: Final = 20_000
BYTES_MOST: Final = 4 << 20  # of a user's file
_LONGEST: Final = 500  # characters of a cell


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """
    One figure of a series.

    `period` is a year, a month `2025-04`, a quarter `2025-Q1`, a half `2024-H1`, a range `2025-01..09` or
    "from then on" `2028+`; of what has no year (lives, masses) the group it is of. `value` is None where it
    is missing. `vintage` says when it was published, `2026-01`, or `2026` where the month is not told, or
    nothing; `source` is an id of `sources.csv`, or what a user gave as his.
    """

    series: str
    period: str
    segment: str
    value: float | None
    unit: str
    status: Status
    vintage: str
    source: str
    note: str = ""

    @property
    def known(self) -> str:
        """When it was known at the earliest: its vintage, else the month after its period."""
        if self.vintage or self.status in _AHEAD or not PERIOD.fullmatch(self.period):
            return self.vintage
        year, rest = int(self.period[:4]), self.period[5:].split("..")[-1]
        month = _LAST_MONTH.get(rest) or int(rest or 12)
        return f"{year}-{month + 1:02}" if month < 12 else f"{year + 1}-01"

    @property
    def key(self) -> tuple[str, str, str]:
        """Of what it is a figure: series, period, segment."""
        return self.series, self.period, self.segment


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the figures of a series count; where `segment` is not empty, those of that segment.

    `basis` says at which point somebody counts (`wholesale`, `registration`, `installation`, `usage` ...),
    `scope` which part of the world and whether vehicles that leave the country are among them. Figures are
    divided by or added to each other only where both agree: see `checks`.
    """

    series: str
    segment: str
    name: str
    name_zh: str
    definition: str
    definition_zh: str
    basis: str
    scope: str
    unit: str
    frequency: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where figures come from."""

    id: str
    title: str
    url: str
    licence: str


class Book:
    """Rows by series; of a figure with several vintages the latest counts, unless one is asked for."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = tuple(rows)
        self._of: dict[str, list[Row]] = {}
        for row in self.rows:
            self._of.setdefault(row.series, []).append(row)

    def names(self) -> list[str]:
        """Return the names of the series."""
        return list(self._of)

    def with_rows(self, rows: Iterable[Row]) -> Book:
        """Return a book that has these rows besides."""
        return Book((*self.rows, *rows))

    def every(self, series: str, segment: str | None = None) -> list[Row]:
        """Return all rows of a series by segment and period, all vintages of each figure."""
        found = [row for row in self._of.get(series, ()) if segment is None or row.segment == segment]
        return sorted(found, key=lambda row: (row.segment, row.period, row.known))

    def vintages(self, series: str, period: str, segment: str) -> list[Row]:
        """Return all vintages of one figure, the first known first."""
        found = [row for row in self._of.get(series, ()) if (row.period, row.segment) == (period, segment)]
        return sorted(found, key=lambda row: row.known)

    def of(self, series: str, segment: str | None = None, *, known_at: str = "9999") -> list[Row]:
        """
        Return the rows of a series, one a period and segment: the latest vintage until `known_at`.

        `known_at` is a month, `2026-01`, or a year, at whose end one asks.
        """
        known_at = f"{known_at}-12" if len(known_at) == len("2026") and known_at != "9999" else known_at
        chosen: dict[tuple[str, str], Row] = {}
        for row in self._of.get(series, ()):
            if segment is not None and row.segment != segment:
                continue
            if row.known > known_at:
                continue
            key = row.period, row.segment
            if key not in chosen or row.known >= chosen[key].known:
                chosen[key] = row
        return list(chosen.values())

    def yearly(self, series: str, segment: str | None = None, *, known_at: str = "9999") -> dict[int, float]:
        """Return the values of a series by year, without other periods and missing values."""
        return {
            int(row.period): row.value
            for row in self.of(series, segment, known_at=known_at)
            if row.period.isdigit() and row.value is not None
        }


@cache
def book() -> Book:
    """Return what Voltrail brings along."""
    return Book(row for table in TABLES for row in _rows(table))


@cache
def sources() -> dict[str, Source]:
    """Return the sources by id."""
    text = (files("voltrail.outlook") / "series" / "sources.csv").read_text(encoding="utf-8")
    return {row["id"]: msgspec.convert(row, Source) for row in csv.DictReader(text.splitlines())}


@cache
def definitions() -> dict[tuple[str, str], Definition]:
    """Return the definitions by series and segment, in the order of the table."""
    text = (files("voltrail.outlook") / "series" / "definitions.csv").read_text(encoding="utf-8")
    rows = [msgspec.convert(row, Definition) for row in csv.DictReader(text.splitlines())]
    return {(row.series, row.segment): row for row in rows}


def defined(series: str, segment: str = "") -> Definition:
    """Return what a figure of a series counts. Raises UsageError for a series that there is none of."""
    found = definitions().get((series, segment)) or definitions().get((series, ""))
    if found is None and not segment:
        found = next((one for one in definitions().values() if one.series == series), None)
    if found is None:
        raise UsageError(
            "outlook.series",
            f"There is no series {series!r}.",
            "See `voltrail outlook series` for their names.",
        )
    return found


def read_csv(text: str) -> list[Row]:
    """Return the rows of a user's CSV, see `numbered`. Raises UsageError that names the line at fault."""
    return [row for _, row in numbered(text)]


def numbered(text: str) -> list[tuple[int, Row]]:
    """
    Return the rows of a user's CSV with their lines; it has the columns of `Row`, a `note` may be left out.

    Raises UsageError that names the line at fault: a file with one bad row is none. What the rows say is
    weighed by `checks.check`.
    """
    lines = csv.reader(text.removeprefix("\ufeff").splitlines(), strict=True)
    rows: list[tuple[int, Row]] = []
    try:
        head = [each.strip().casefold() for each in next(lines, [])]
        if missing := [each for each in COLUMNS[:-1] if each not in head]:
            raise UsageError(
                "outlook.columns",
                f"The file has no column {', '.join(missing)}.",
                f"Begin with the line {','.join(COLUMNS)}.",
                line=1,
            )
        for cells in lines:
            if not any(each.strip() for each in cells):
                continue
            if len(rows) >= ROWS_MOST:
                raise _bad(lines.line_num, f"more than {ROWS_MOST:,} rows", "Give it in several files.")
            if len(cells) != len(head):
                raise _bad(
                    lines.line_num,
                    f"{len(cells)} cells instead of {len(head)}",
                    "Put text that has a comma in quotes.",
                )
            named = dict(zip(head, (each.strip() for each in cells), strict=True))
            rows.append((lines.line_num, _row(named, lines.line_num)))
    except csv.Error as error:
        raise _bad(
            lines.line_num, str(error), "Save it as CSV with commas, and quotes around text."
        ) from error
    if not rows:
        raise UsageError("outlook.columns", "The file has no figure.", "Give a row for each figure.", line=1)
    return rows


def text_of(content: bytes) -> str:
    """Return the text of a user's file. Raises UsageError where it is none, or too long."""
    if len(content) > BYTES_MOST:
        raise UsageError(
            "outlook.file_size", "The file is larger than 4 MB.", "Give the figures in several files."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            "outlook.text", "The file is no text in UTF-8.", "Save it as CSV (UTF-8) and send it again."
        ) from error


def vintage_of(text: str) -> str:
    """Return a month or year as of which figures are asked for. Raises UsageError for another text."""
    if not VINTAGE.fullmatch(text.strip()):
        raise UsageError("outlook.known_at", f"{text!r} is no month.", "Write 2026-01, or 2026.")
    return text.strip()


def write_csv(rows: Iterable[Row]) -> str:
    """Return rows as CSV, as `read_csv` takes it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        value = "" if row.value is None else f"{row.value:.12g}"
        writer.writerow([row.series, row.period, row.segment, value, *(getattr(row, c) for c in COLUMNS[4:])])
    return text.getvalue()


def _row(cells: dict[str, str], line: int) -> Row:
    given = {each: cells.get(each, "") for each in COLUMNS}
    if long := [each for each, cell in given.items() if len(cell) > _LONGEST or not cell.isprintable()]:
        raise _bad(
            line, f"{long[0]} is too long or has signs that cannot be shown", "Shorten it to plain text."
        )
    if given["status"] not in get_args(Status):
        raise _bad(line, f"status {given['status']!r}", f"Give one of: {', '.join(get_args(Status))}.")
    value = None
    if given["value"] or given["status"] != "missing":
        # Not all that Python reads as a number: 1_000 is no way to write a thousand.
        value = float(given["value"]) if _NUMBER.fullmatch(given["value"]) else math.nan
        if not math.isfinite(value):
            raise _bad(
                line,
                f"value {given['value']!r} is no number",
                "Write it as 16.49, without thousands separators; leave it out with the status missing.",
            )
    if not PERIOD.fullmatch(given["period"]):
        raise _bad(
            line,
            f"period {given['period']!r}",
            "Write 2025, 2025-04, 2025-Q1, 2025-H1, 2025-01..09 or 2028+.",
        )
    if not VINTAGE.fullmatch(given["vintage"]):
        raise _bad(line, f"vintage {given['vintage']!r}", "Say when it was published, as 2026-01.")
    for each in ("series", "segment", "source"):
        if not given[each]:
            raise _bad(line, f"{each} is empty", "Fill it in: each figure says of what it is, and whence.")
    return msgspec.convert({**given, "value": value}, Row)


def _bad(line: int, what: str, fix: str) -> UsageError:
    return UsageError("outlook.row", f"{what}.", fix, line=line)


def _rows(table: str) -> Iterator[Row]:
    text = (files("voltrail.outlook") / "series" / f"{table}.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        yield msgspec.convert({**row, "value": row["value"] or None}, Row, strict=False)
