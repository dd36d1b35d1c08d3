"""Months of health for the batteries of a test, as a fleet that fades has them."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa

from voltrail.gateway.folder import Folder
from voltrail.gateway.health_store import HealthStore
from voltrail.health.tables import MONTHS, SESSIONS

MONTHS_KEPT = [date(2026, number, 1) for number in range(5, 11)]


def keep_months(
    data, codes: Sequence[str], *, broken: Sequence[str] = (), months=MONTHS_KEPT, seed=1
) -> None:
    """Keep months of batteries that lose some 3 % a year, each from its level; broken ones lost a third."""
    rng = np.random.default_rng(seed)
    store = HealthStore(Folder.of(data))
    levels = {code: rng.uniform(0.9, 0.97) - (0.33 if code in broken else 0) for code in codes}
    driven = {code: rng.uniform(1_000, 44_000) for code in codes}
    for at, month in enumerate(months):
        rows = []
        for code in codes:
            soh = levels[code] - 0.03 * at / 12 + rng.normal(0, 0.003)
            rows.append(
                dict.fromkeys(MONTHS.names)
                | {
                    "vin": "LTESTVIN000000001",
                    "code": code,
                    "month": month,
                    "rows": 9,
                    "sessions": 4,
                    "used": 3,
                }
                | {"soh_fraction": soh, "soh_low": soh - 0.02, "soh_high": soh + 0.02}
                | {"odometer_km": driven[code] + 900 * at, "alarms": 0, "method": "m", "method_version": "1"}
                | {"trace_digest": "0"}
            )
        store.put(month, pa.Table.from_pylist(rows, schema=MONTHS), SESSIONS.empty_table())
