"""
What others published of retirement, forecast or counted, in common units beside ours.

Published figures differ by a factor of five because they count different things (`meaning`), for other parts
of the world, of other vehicles, and because some are in tonnes and some in GWh with between 5 and 14 kg a kWh
between them.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from voltrail.outlook.book import Book, Row, Status
from voltrail.outlook.retired import Definition

Meaning = Literal["retired", "recycled", "used_up", "retired_until"]
"""
`retired`: forecast to leave vehicles. `recycled`: counted as recycled by GGII, scrap of factories within.
`used_up`: comprehensive utilisation, that recyclers report to MIIT. `retired_until`: all that had retired
until then.
"""

_SECOND: Final = re.compile(r"([\d.]+) (GWh|Mt)")  # a note that gives the figure in the other unit too
_EXCEEDED: Final = re.compile(r"or more|more than")
_REPORTED: Final = "MIIT comprehensive utilisation"
_SERIES: Final[dict[str, Meaning]] = {
    "forecast_retired": "retired",
    "recycled": "recycled",
    "retired_cumulative": "retired_until",
}

OURS: Final[dict[Meaning, Definition]] = {
    "retired": "left",
    "recycled": "processed",
    "used_up": "collected",
    "retired_until": "left",
}
"""Which of our meanings stands beside a published one."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """
    A published figure in both units; `converted` is the one that we computed, None where both were published.

    `at_least` where its source says that it is exceeded; `series`, `status`, `source` and `note` are those of
    its row.
    """

    who: str
    year: int
    meaning: Meaning
    gwh: float
    kt: float
    converted: Literal["gwh", "kt"] | None
    at_least: bool
    world: bool
    series: str
    status: Status
    vintage: str
    source: str
    note: str


def published(book: Book, kg_per_kwh: dict[int, float]) -> list[Figure]:
    """
    Return all published figures, by year.

    `kg_per_kwh` of what retires in a year, by which one unit is made of the other where a source has one
    alone.
    """
    found = []
    for series, meaning in _SERIES.items():
        for row in book.of(series):
            if row.value is None:
                continue
            year = int(row.period.removesuffix("+"))
            second = _SECOND.search(row.note)
            gwh, kt = _units(row, second, kg_per_kwh[year])
            found.append(
                Figure(
                    who=row.segment,
                    year=year,
                    meaning="used_up" if row.segment == _REPORTED else meaning,
                    gwh=gwh,
                    kt=kt,
                    converted=None if second else "kt" if row.unit == "GWh" else "gwh",
                    at_least=row.period.endswith("+") or _EXCEEDED.search(row.note) is not None,
                    world=row.segment.endswith("world"),
                    series=series,
                    status=row.status,
                    vintage=row.vintage,
                    source=row.source,
                    note=row.note,
                )
            )
    return sorted(found, key=lambda one: (one.year, one.kt))


def _units(row: Row, second: re.Match[str] | None, kg: float) -> tuple[float, float]:
    """Return a figure in GWh and kt, each as published where it was."""
    value = row.value or 0.0
    other = None if second is None else float(second[1]) * (1000 if second[2] == "Mt" else 1)
    if row.unit == "GWh":
        return value, value * kg if other is None else other
    return value / kg if other is None else other, value
