"""
Where batteries retire: the share of each province, by the two digits of GB/T 2260.

No table of new-energy vehicles by province is at hand. Unless somebody gives his own, vehicles are taken to
be where people are: an assumption, by a census that is recalled and not checked. Cars and commercial vehicles
are spread alike, since nothing that is held tells them apart. Figures of sales at home do not count Hong
Kong, Macao and Taiwan, which therefore have no share.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from typing import Final

from voltrail.errors import UsageError
from voltrail.outlook.book import Book
from voltrail.regimes.china.provinces import PROVINCES

LEAST: Final = 20  # a province with fewer packs on record is not told apart
ENOUGH: Final = 1000  # packs, below which the record does not say where batteries are
_COLUMNS: Final = ("province", "weight")


def by_population(book: Book) -> dict[str, float]:
    """Return shares by the resident population of the census of 2020."""
    return _shares({row.segment: row.value or 0.0 for row in book.of("population") if row.period == "2020"})


def by_record(packs: Mapping[str, int]) -> dict[str, float] | None:
    """
    Return shares by how many packs in vehicles the record has, or None where they are too few to say.

    Provinces with fewer than `LEAST` are left out, so that no share tells of a single holder.
    """
    told = {code: number for code, number in packs.items() if code in PROVINCES and number >= LEAST}
    return _shares(told) if sum(told.values()) >= ENOUGH else None


def read_weights(text: str) -> dict[str, float]:
    """
    Return shares from a CSV table with the columns `province` (digits of GB/T 2260) and `weight`.

    Raises UsageError (`outlook.weights`) with the line.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    found: dict[str, float] = {}
    try:
        if missing := [name for name in _COLUMNS if name not in (reader.fieldnames or ())]:
            raise _wrong(1, f"lacks the column {missing[0]}", f"Its first line is: {','.join(_COLUMNS)}")
        for cells in reader:
            code, weight = ((cells[name] or "").strip() for name in _COLUMNS)
            line = reader.line_num
            if code not in PROVINCES:
                raise _wrong(line, f"has the province {code[:20]!r}", "Write two digits, such as 44.")
            if code in found:
                raise _wrong(line, f"has the province {code} twice", "Give each province once.")
            found[code] = _weight(weight, line)
    except csv.Error as error:
        raise _wrong(reader.line_num, f"does not read: {error}", "Save it as CSV in UTF-8.") from error
    if not math.fsum(found.values()) > 0:
        raise _wrong(reader.line_num, "has no weight above 0", "Give each province its weight.")
    return _shares(found)


def _weight(text: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1e12:
        raise _wrong(line, f"has the weight {text[:20]!r}", "Write a number from 0 on.")
    return value


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    total = math.fsum(weights.values())
    return {code: weights[code] / total for code in sorted(weights)}


def _wrong(line: int, what: str, fix: str) -> UsageError:
    return UsageError("outlook.weights", f"Line {line}: the table of provinces {what}.", fix)
