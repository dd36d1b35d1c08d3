"""
Health of a month out of the archive: reports in the order of time go in, what follows is kept.

The next hour is read while one is reckoned. A month is reckoned anew as a whole, so late reports count as
soon as somebody asks again, and a kill leaves what stood there before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pyarrow as pa

from voltrail.errors import UsageError
from voltrail.gateway.archive import Archive
from voltrail.gateway.folder import Folder
from voltrail.gateway.health_store import HealthStore
from voltrail.health.capacity import measuring
from voltrail.health.monthly import Reckoned, reckon
from voltrail.health.sessions import COLUMNS, Fitted, Sessions
from voltrail.registry.registry import Registry
from voltrail.registry.vehicle_packs import DISCREPANCIES, Span

BEFORE: Final = timedelta(days=1)
AFTER: Final = timedelta(hours=1)

_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")  # of a century, as vehicles' clocks have it

Fittings = Callable[[str], Sequence[Fitted]]


def read_month(text: str) -> date:
    """Return the first day of a month written as 2026-10. Raises UsageError (`health.month`)."""
    if _MONTH.fullmatch(text) is None:
        raise UsageError("health.month", f"{text[:20]!r} is no month.", "Write it as 2026-10.")
    return date.fromisoformat(f"{text}-01")


def bounds(month: date) -> tuple[datetime, datetime]:
    """Return when a month begins and when the next does, in UTC, as archives and months are."""
    begin = datetime(month.year, month.month, 1, tzinfo=UTC)
    return begin, (begin + timedelta(days=32)).replace(day=1)


def reckon_month(
    month: date, hours: Iterable[pa.Table], fitted: Fittings, progress: Callable[[], object] | None = None
) -> Reckoned:
    """Return the health of a month; `hours` holds its reports and those around it, see `sessions`."""
    start, stop = bounds(month)
    seen = Sessions(fitted, int(start.timestamp()), int(stop.timestamp()), measuring(month))
    for table in _ahead(hours):
        seen.take(table)
        if progress is not None:
            progress()
    seen.end()
    return reckon(seen, month)


def keep_month(
    folder: Folder, month: date, fitted: Fittings, progress: Callable[[], object] | None = None
) -> Reckoned:
    """Reckon a month out of the archive, and keep it."""
    start, stop = bounds(month)
    hours = Archive(folder.archive).hours("reports", COLUMNS, start - BEFORE, stop + AFTER)
    found = reckon_month(month, hours, fitted, progress)
    HealthStore(folder).put(month, *found)
    return found


def _ahead(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield tables, the next one read meanwhile."""
    coming = iter(tables)
    with ThreadPoolExecutor(1, "read-ahead") as thread:
        waited = thread.submit(next, coming, None)
        while (table := waited.result()) is not None:
            waited = thread.submit(next, coming, None)
            yield table


def fittings(registry: Registry, month: date) -> Fittings:
    """Return what was in a vehicle in a month, by what it says itself and what the record says."""
    start, stop = bounds(month)
    while registry.vehicle_packs.follow():
        pass  # until verdicts go as far as the record does

    def fitted(vin: str) -> list[Fitted]:
        return fitted_of(registry.vehicle_packs.spans(vin, start - BEFORE, stop + AFTER))

    return fitted


def fitted_of(spans: Sequence[Span]) -> list[Fitted]:
    """
    Return what spans of a vehicle say one after another.

    Of several batteries at a time only their number is said, and of one that vehicle and record contradict
    each other on, nothing.
    """
    found = [Fitted(0)]
    for moment in sorted({moment for span in spans for moment in (span.begin, span.end)}):
        there = [span for span in spans if span.begin <= moment < span.end]
        begins_s = int(moment.timestamp())
        if len(there) == 1 and there[0].verdict not in DISCREPANCIES:
            [span] = there
            now = Fitted(begins_s, span.code, span.model_id, span.chemistry, span.capacity_ah)
        else:
            now = Fitted(begins_s, packs=max(len(there), 1))
        if now[1:] != found[-1][1:]:
            found.append(now)
    return found
