"""What is known of the health of batteries from telemetry, as Arrow tables: by charging session, by month."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

_WHOSE: Final = (
    pa.field("vin", pa.string(), nullable=False),
    pa.field("code", pa.string()),  # the battery, null where it is not known which
    pa.field("model_id", pa.string()),
    pa.field("chemistry", pa.string()),
)

SESSIONS: Final = pa.schema(
    [
        *_WHOSE,
        pa.field("began_at", pa.timestamp("s", "UTC"), nullable=False),
        pa.field("ended_at", pa.timestamp("s", "UTC"), nullable=False),
        pa.field("rows", pa.uint32(), nullable=False),  # reports it rests on
        pa.field("soc_from_percent", pa.uint8(), nullable=False),
        pa.field("soc_to_percent", pa.uint8(), nullable=False),
        pa.field("charge_ah", pa.float64(), nullable=False),  # the integral of the current
        pa.field("energy_kwh", pa.float64()),
        pa.field("capacity_ah", pa.float64()),  # null where it is refused
        pa.field("capacity_sd_ah", pa.float64()),
        pa.field("refusal", pa.string()),  # the rule that says why there is no capacity
        pa.field("probe_min_c", pa.int16()),
        pa.field("probe_max_c", pa.int16()),
        pa.field("odometer_km", pa.float64()),
        pa.field("trace_digest", pa.string()),  # SHA-256 over its rows: see `health.sessions`
    ]
)

MONTHS: Final = pa.schema(
    [
        *_WHOSE,
        pa.field("month", pa.date32(), nullable=False),  # its first day; months are UTC
        pa.field("rows", pa.uint32(), nullable=False),
        pa.field("sessions", pa.uint16(), nullable=False),  # seen
        pa.field("used", pa.uint16(), nullable=False),  # that gave a capacity
        pa.field("capacity_ah", pa.float64()),
        pa.field("soh_fraction", pa.float64()),  # of the model's capacity; null where it is refused
        pa.field("soh_low", pa.float64()),  # 95 %
        pa.field("soh_high", pa.float64()),
        pa.field("refusal", pa.string()),
        pa.field("odometer_km", pa.float64()),  # the highest
        pa.field("driven_km", pa.float64()),
        pa.field("charged_kwh", pa.float64()),
        pa.field("probe_mean_c", pa.float64()),
        pa.field("probe_max_c", pa.int16()),
        pa.field("spread_mv", pa.float64()),  # median of highest less lowest cell, where voltage tells
        pa.field("weakest_cell", pa.uint16()),  # most often the lowest at the end of discharge
        pa.field("weakest_share", pa.float64()),  # in how many of the rows that tell
        pa.field("alarms", pa.uint32(), nullable=False),  # rows with an alarm of level 2 or more
        pa.field("method", pa.string(), nullable=False),
        pa.field("method_version", pa.string(), nullable=False),
        pa.field("trace_digest", pa.string(), nullable=False),  # SHA-256 over the rows it rests on
    ]
)

BATTERIES: Final = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("model", pa.string()),
        pa.field("chemistry", pa.string()),
        pa.field("maker", pa.string()),
        pa.field("made_on", pa.date32()),
        pa.field("sold_on", pa.date32()),
        pa.field("province", pa.string()),  # two digits of GB/T 2260
        pa.field("climate", pa.string()),  # regimes.china.climates.ZONES
        pa.field("shown", pa.bool_(), nullable=False),  # whether its reader may read of it by itself
    ]
)
"""What the record says of the batteries of a fleet (`registry.fleet`)."""

STANDINGS: Final = ("below", "will_be", "may_be", "kept", "too_few", "not_known", "over")
"""How a battery may stand to the limit of its warranty (`fleet.warranty`), the worst first."""
