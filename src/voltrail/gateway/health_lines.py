"""
What a month's health becomes in the record: one `measured` line a battery, the same bytes each time.

The digest of the trace is said, the trace itself is not: it stays in the archive.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from voltrail.events import encode
from voltrail.events.structs import Measured
from voltrail.gateway.health_job import bounds


def measured_lines(months: pa.Table, month: date) -> Iterator[bytes]:
    """
    Yield the lines of a month (`health.tables.MONTHS`) for batteries whose state of health is known, by code.

    What was measured is rounded to what it can mean: four places of a share, two of Ah, one of km.
    """
    begin, end = bounds(month)
    known = pc.and_(pc.is_valid(months["code"]), pc.is_valid(months["soh_fraction"]))
    for row in months.filter(known).sort_by("code").to_pylist():
        odometer = row["odometer_km"]
        yield encode(
            Measured(
                code=row["code"],
                occurred_at=end,
                soh_fraction=round(row["soh_fraction"], 4),
                soh_low=round(row["soh_low"], 4),
                soh_high=round(min(row["soh_high"], 1.5), 4),
                capacity_ah=round(row["capacity_ah"], 2),
                distance_km=None if odometer is None else round(odometer, 1),
                sessions=row["used"],
                method=row["method"],
                method_version=row["method_version"],
                measured_from=begin,
                measured_until=end,
                trace_digest=row["trace_digest"],
            )
        )
