"""
Measure how long the health of a fleet takes: all that a page shows, and one grouping beside pandas and NumPy.

    python bench/fleet.py --batteries 100000 --months 10

The months are made up and lie as Parquet as the product keeps them; read again each time, from the memory of
the machine. The peers read the same files with Arrow and group by model: the latest month of each battery,
and the quantiles of the state of health. Reading the batteries of the record is measured over rows that are
put into its table as they are, without events behind them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1]))

import voltrail
from tests.registry import sample
from voltrail.gateway.fleet_health import Wanted, reckon
from voltrail.gateway.folder import Folder
from voltrail.gateway.health_store import HealthStore
from voltrail.health.tables import BATTERIES, MONTHS, SESSIONS
from voltrail.organisations.access import Reader
from voltrail.registry.settings import initialise

DAY = date(2026, 11, 30)
MODELS = 40
QUANTILES = [0.1, 0.5, 0.9]
PUT = """
insert into fleet
select 'C' || lpad(n::text, 23, '0'), 'M-' || n %% 40, lpad((n %% 60 + 11)::text, 2, '0'),
    date '2020-01-01' + n %% 1500, date '2020-03-01' + n %% 1500, null, null, null
from generate_series(1, %s) n
"""


def fleet(batteries: int, months: int, folder: Path) -> tuple[HealthStore, pa.Table]:
    """Keep months of batteries that fade; return where, and what the record would say of them."""
    rng = np.random.default_rng(7)
    number = np.arange(batteries)
    codes = pa.array([f"C{one:023d}" for one in number])
    made = np.datetime64("2020-01-01") + number % 1500
    table = pa.table(
        {
            "code": codes,
            "model": pa.array([f"M-{one % MODELS}" for one in number]),
            "chemistry": pa.array(["LFP"] * batteries),
            "maker": pa.array(["us"] * batteries),
            "made_on": pa.array(made),
            "sold_on": pa.array(made + 60),
            "province": pa.array([f"{one % 34 + 11}" for one in number]),
            "climate": pa.array([("cold", "mild")[one % 2] for one in number]),
            "shown": pa.array([True] * batteries),
        },
        schema=BATTERIES,
    )
    store = HealthStore(Folder.of(folder))
    fade, level = rng.normal(0.025, 0.005, batteries), rng.normal(0.95, 0.01, batteries)
    a_year = rng.uniform(8_000, 30_000, batteries)
    for at in range(months):
        soh = level - fade * at / 12 + rng.normal(0, 0.01, batteries)
        years = (np.datetime64("2025-12-01") + 30 * at - made).astype(int) / 365
        told: dict[str, Any] = {
            "vin": codes, "code": codes, "month": [date(2025 + at // 12, at % 12 + 1, 1)] * batteries,
            "soh_fraction": soh, "soh_low": soh - 0.02, "soh_high": soh + 0.02, "odometer_km": a_year * years,
        }  # fmt: skip
        filled = {
            field.name: told.get(field.name, pa.nulls(batteries, field.type))
            if field.nullable or field.name in told
            else pa.array(["1"] * batteries if field.type == pa.string() else [1] * batteries, field.type)
            for field in MONTHS
        }
        store.put(
            date(2025 + at // 12, at % 12 + 1, 1), pa.table(filled, schema=MONTHS), SESSIONS.empty_table()
        )
    return store, table


def with_pandas(store: HealthStore, batteries: pa.Table) -> pd.DataFrame:
    """Return the quantiles by model, as pandas has them."""
    months = _months(store).to_pandas()
    last = months[months.soh_fraction.notna()].sort_values("month").groupby("code", sort=False).tail(1)
    joined = last.merge(batteries.select(["code", "model"]).to_pandas(), on="code")
    return joined.groupby("model").soh_fraction.quantile(QUANTILES).unstack()  # noqa: PD010


def with_numpy(store: HealthStore, batteries: pa.Table) -> dict[str, np.ndarray]:
    """Return the same by sorting in NumPy."""
    months = _months(store)
    codes = pa.concat_arrays(months["code"].chunks).dictionary_encode()
    order = np.lexsort((months["month"].cast(pa.int32()).to_numpy(), codes.indices.to_numpy()))
    code, soh = codes.indices.to_numpy()[order], months["soh_fraction"].to_numpy()[order]
    last = np.append(code[1:] != code[:-1], True)
    code, soh = code[last], soh[last]
    model_of = dict(zip(batteries["code"].to_pylist(), batteries["model"].to_pylist(), strict=True))
    models = np.array([model_of[one] for one in codes.dictionary.to_pylist()])[code]
    return {name: np.quantile(soh[models == name], QUANTILES) for name in np.unique(models)}


def _months(store: HealthStore) -> pa.Table:
    columns = ["code", "month", "soh_fraction"]
    return pa.concat_tables(
        pq.read_table(store.file(month), columns=columns, partitioning=None) for month in store.known()
    )


def by_model(store: HealthStore, batteries: pa.Table) -> list[tuple[Any, ...]]:
    """Return the quantiles by model by the product's expressions alone, on DuckDB."""
    import duckdb

    from voltrail.gateway.fleet_health import _queries

    _, queries = _queries(DAY)
    with duckdb.connect() as con:
        con.register("batteries", batteries)
        paths = [str(store.file(month)) for month in store.known()]
        con.read_parquet(paths, hive_partitioning=False).create_view("months")
        for name in ("known", "last"):
            con.execute(f"create view {name} as {queries[name]}")
        return con.execute(queries["by_model"]).fetchall()


def measure(what: str, run: Callable[[], Any], times: int = 3) -> Any:
    """Print the best and the median of some runs, and the least CPU time; return what the last one gave."""
    took, busy = [], []
    for _ in range(times):
        begun, cpu = time.perf_counter(), time.process_time()
        found = run()
        took.append(time.perf_counter() - begun)
        busy.append(time.process_time() - cpu)
    middle = sorted(took)[times // 2]
    print(f"| {what} | {min(took):.2f} s | {middle:.2f} s | {min(busy):.2f} s |", flush=True)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batteries", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=10)
    parser.add_argument("--record", type=int, default=100_000, help="batteries that are read from the record")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store, batteries = fleet(given.batteries, given.months, Path(folder))
        print(f"{given.batteries * given.months:,} battery-months; load average {os.getloadavg()[0]:.1f}")
        print("| What | best | median | CPU here |\n| --- | ---: | ---: | ---: |")
        begun = time.perf_counter()
        reckon(store, batteries, Wanted(), DAY)
        print(f"| all of a page, the first time in a process | {time.perf_counter() - begun:.2f} s | | |")
        found = measure("all of a page", lambda: reckon(store, batteries, Wanted(), DAY))
        ours = measure("by model alone, the same expressions", lambda: by_model(store, batteries))
        frame = measure("peer: by model, pandas", lambda: with_pandas(store, batteries))
        arrays = measure("peer: by model, NumPy", lambda: with_numpy(store, batteries))
        for row, (name, *_) in zip(found.groups["model"], ours, strict=True):
            told = [row["low"], row["middle"], row["high"]]
            assert np.allclose(told, frame.loc[name])
            assert np.allclose(told, arrays[name])
        data = Path(folder) / "data"
        initialise(data, sample.ORIGIN, [sample.authority().vkey])
        with voltrail.open(data) as registry:
            with registry.database.pool.connection() as connection:
                connection.execute(PUT, (given.record,))
            read = measure(
                f"{given.record:,} batteries from the record",
                lambda: registry.fleet.batteries(Reader("auditor")),
            )
            assert read.num_rows == given.record
        print(f"Load average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
