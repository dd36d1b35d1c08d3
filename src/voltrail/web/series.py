"""A series of published figures as a page draws it: a line for each segment, by year or by month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from voltrail.outlook.book import Row
from voltrail.web.outlook import COLOURS, Drawn, Line, chart

_MONTH: Final = len("2025-04")


def picture(rows: Sequence[Row], unit: str) -> Drawn | None:
    """
    Return the picture of figures of one vintage each, in `unit`; None for fewer than two in a line.

    By year where a segment has two years, else by month. More segments than there are colours are left out,
    the smallest first: they stand in the table.
    """
    known = [row for row in rows if row.value is not None and row.unit == unit]
    of: dict[str, dict[str, float]] = {}
    for length in (4, _MONTH):
        for row in known:
            if len(row.period) == length and row.period.replace("-", "").isdigit() and row.value is not None:
                of.setdefault(row.segment, {})[row.period] = row.value
        of = {segment: values for segment, values in of.items() if len(values) > 1}
        if of:
            break
    largest = sorted(of, key=lambda segment: -of[segment][max(of[segment])])[:COLOURS]
    lines = []
    for segment in largest:
        periods = sorted(of[segment])
        lines.append(
            Line(segment if len(of) > 1 else "", [_year(one) for one in periods], _values(of[segment]))
        )
    drawn = chart(lines, unit)
    if drawn is None or len(largest[0]) == 0:
        return drawn
    every = sorted({period for segment in largest for period in of[segment]})
    return drawn._replace(
        rows=[
            (period, [_told(of[segment].get(period)) for segment in largest])  # type: ignore[misc]
            for period in every
        ]
    )


def _values(of: dict[str, float]) -> list[float]:
    return [of[period] for period in sorted(of)]


def _told(value: float | None) -> tuple[float, float | None, float | None] | None:
    return None if value is None else (value, None, None)


def _year(period: str) -> float:
    return float(period[:4]) + (int(period[5:]) - 1) / 12 if len(period) == _MONTH else float(period)
