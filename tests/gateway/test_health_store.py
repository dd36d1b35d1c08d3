"""What was reckoned of a month is found by battery, once."""

from datetime import UTC, date, datetime

import pyarrow as pa

from voltrail.gateway.folder import Folder
from voltrail.gateway.health_store import HealthStore
from voltrail.health.tables import MONTHS, SESSIONS

FIRST, SECOND = "9ZZPB240000003G4C0000001", "9ZZPB240000003G4C0000002"


def months(month: date, **soh: float) -> pa.Table:
    rows = [
        dict.fromkeys(MONTHS.names)
        | {"vin": "LTESTVIN000000001", "code": code, "month": month, "rows": 9, "sessions": 1, "used": 1}
        | {"soh_fraction": value, "alarms": 0, "method": "m", "method_version": "1", "trace_digest": "0"}
        for code, value in soh.items()
    ]
    return pa.Table.from_pylist(rows, schema=MONTHS)


def sessions(*codes: str) -> pa.Table:
    at = datetime(2026, 10, 3, tzinfo=UTC)
    rows = [
        dict.fromkeys(SESSIONS.names)
        | {"vin": "LTESTVIN000000001", "code": code, "began_at": at, "ended_at": at, "rows": 2}
        | {"soc_from_percent": 20, "soc_to_percent": 90, "charge_ah": 70.0}
        for code in codes
    ]
    return pa.Table.from_pylist(rows, schema=SESSIONS)


def test_a_month_reckoned_again_stands_once(tmp_path):
    """A battery's months come in their order, and a month that is put again takes the place of the first."""
    store = HealthStore(Folder(tmp_path))
    assert store.months(FIRST).num_rows == 0

    store.put(
        date(2026, 10, 1), months(date(2026, 10, 1), **{FIRST: 0.9, SECOND: 0.8}), sessions(SECOND, FIRST)
    )
    store.put(date(2026, 9, 1), months(date(2026, 9, 1), **{FIRST: 0.91}), sessions())
    store.put(
        date(2026, 10, 1), months(date(2026, 10, 1), **{FIRST: 0.89, SECOND: 0.8}), sessions(SECOND, FIRST)
    )

    assert store.months(FIRST)["soh_fraction"].to_pylist() == [0.91, 0.89]
    assert store.sessions(FIRST)["code"].to_pylist() == [FIRST]
    assert store.known() == [date(2026, 9, 1), date(2026, 10, 1)]
    assert store.month(date(2026, 10, 1)).num_rows == 2
    assert store.month(date(2026, 8, 1)).num_rows == 0
