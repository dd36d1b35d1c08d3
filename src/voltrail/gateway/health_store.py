"""
Health of batteries by month and by charging session, kept as Parquet: `health.tables`.

    health/month=2026-10/months.parquet
    health/month=2026-10/sessions.parquet

A month is written whole, in place of what stood there, so reckoning it again doubles nothing. Rows stand in
the order of their battery's code, so that one battery's are found without reading the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from voltrail.gateway.folder import Folder
from voltrail.health.tables import MONTHS, SESSIONS
from voltrail.registry.files import sync

_ROWS: Final = 20_000  # of a group: what is read of a file for one battery


class HealthStore:
    """What was reckoned of each month."""

    def __init__(self, folder: Folder) -> None:
        self._root = folder.health

    def put(self, month: date, months: pa.Table, sessions: pa.Table) -> None:
        """Keep a month, in place of what stood there; sessions belong to the month in which they ended."""
        into = self._root / f"month={month:%Y-%m}"
        into.mkdir(exist_ok=True)
        for name, table, schema, order in (
            ("sessions", sessions, SESSIONS, "began_at"),
            ("months", months, MONTHS, "month"),
        ):
            keys = [("code", "ascending"), ("vin", "ascending"), (order, "ascending")]
            path = into / f"{name}.parquet"
            new = path.with_suffix(".new")
            pq.write_table(table.cast(schema).sort_by(keys), new, compression="zstd", row_group_size=_ROWS)
            sync(new)
            new.replace(path)
            sync(into)

    def known(self) -> list[date]:
        """Return the months that were reckoned, the first first."""
        return [date.fromisoformat(f"{path.name[6:]}-01") for path in self._folders("months")]

    def file(self, month: date) -> Path:
        """Return the file of a month's batteries: for those who read all of them."""
        return self._root / f"month={month:%Y-%m}" / "months.parquet"

    def months(self, code: str) -> pa.Table:
        """Return the months of a battery, the first first, as MONTHS."""
        return self._of(code, "months", MONTHS)

    def sessions(self, code: str) -> pa.Table:
        """Return the charging sessions of a battery, the first first, as SESSIONS."""
        return self._of(code, "sessions", SESSIONS)

    def month(self, month: date) -> pa.Table:
        """Return a month of all batteries, as MONTHS; empty where it was not reckoned."""
        path = self.file(month)
        return (
            pq.read_table(path, schema=MONTHS, partitioning=None) if path.exists() else MONTHS.empty_table()
        )

    def _of(self, code: str, name: str, schema: pa.Schema) -> pa.Table:
        found = [
            pq.read_table(
                folder / f"{name}.parquet", schema=schema, filters=[("code", "=", code)], partitioning=None
            )
            for folder in self._folders(name)
        ]
        return pa.concat_tables(found) if found else schema.empty_table()

    def _folders(self, name: str) -> Iterator[Path]:
        return (path.parent for path in sorted(self._root.glob(f"month=*/{name}.parquet")))
