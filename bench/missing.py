"""
Measure how long it takes to say what is missing, and to list it, among many batteries.

    python bench/missing.py --packs 10000000 --world 2000

First a sample world with offenders is put on record and followed: what an entry costs. Then the two copies
that pages read are filled to the size asked for, as following would leave them: packs in 34 provinces of 300
makers over 15 years; 5,000 organisations that ship to one another, one case in fifty packs. Then what the
pages ask of the database, over one connection, each 200 times; and the weighing, which is done behind the
scenes. Beside it in the same run, the limit: PostgreSQL giving 50 rows by their primary keys.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import voltrail
from voltrail.demo import World, populate
from voltrail.registry.flows import Flows
from voltrail.registry.flows import Wanted as Packs
from voltrail.registry.missing import Wanted as Cases
from voltrail.registry.registry import Registry
from voltrail.registry.settings import initialise

TODAY = date(2026, 11, 1)
ROUNDS = 200
PROVINCES = (
    "{11,12,13,14,15,21,22,23,31,32,33,34,35,36,37,41,42,43,44,45,46,50,51,52,53,54,61,62,63,64,65,71,81,82}"
)
STATUSES = (
    "{in_vehicle,in_vehicle,in_vehicle,in_vehicle,in_vehicle,in_stock,in_transit,waste,recycled,dismantled}"
)
FILL = (
    """
    insert into flow
    select 'X' || lpad(n::text, 23, '0'), (%(provinces)s::text[])[1 + abs(hashint8(n)) %% 34],
           lpad((n %% 300)::text, 3, '0'), 2012 + abs(hashint8(n + 1)) %% 15,
           case when n %% 3 = 0 then 'E' else 'B' end, (%(statuses)s::text[])[1 + abs(hashint8(n + 2)) %% 10]
    from generate_series(1, %(packs)s) n
    on conflict do nothing
    """,
    """
    insert into flow_count select province, maker, year, type, status, count(*) from flow group by 1, 2, 3, 4,
    5 on conflict (province, maker, year, type, status) do update set number = excluded.number
    """,
    """
    insert into flow_place_count select province, maker, status, sum(number) from flow_count group by 1, 2, 3
    on conflict (province, maker, status) do update set number = excluded.number
    """,
    """
    insert into flow_age_count select year, type, status, sum(number) from flow_count group by 1, 2, 3
    on conflict (year, type, status) do update set number = excluded.number
    """,
    """
    insert into missing_case
    select 'X' || lpad((50 * n)::text, 23, '0'), 'not_received', 'O' || n %% 5000, 'O' || (n * 7 + 1) %% 5000,
           date '2024-01-01' + (n %% 900)::int, n
    from generate_series(1, %(packs)s / 50) n
    on conflict do nothing
    """,
    """
    insert into missing_count
    select 'not_received', organisation, other, date_trunc('month', at)::date, count(*), 40 * count(*)
    from missing_case where organisation like 'O%%' group by 2, 3, 4
    on conflict (kind, organisation, other, month) do nothing
    """,
)


def fill(registry: Registry, packs: int) -> float:
    """Fill the copies; return how long that took."""
    started = time.perf_counter()
    with registry.database.connect() as connection:
        connection.autocommit = True
        for query in FILL:
            connection.execute(query, {"packs": packs, "provinces": PROVINCES, "statuses": STATUSES})
        connection.execute(
            "vacuum analyze flow, flow_count, flow_place_count, flow_age_count, missing_case, missing_count"
        )
    return time.perf_counter() - started


def measure(ask: Callable[[], object]) -> tuple[float, float]:
    """Return the median and the 99th percentile of asking, in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        ask()
        times.append(1000 * (time.perf_counter() - started))
    times.sort()
    return times[ROUNDS // 2], times[ROUNDS * 99 // 100]


def page_of(flows: Flows, wanted: Packs) -> object:
    """Ask what the page of flows asks."""
    sums = [flows.counts(wanted, name) for name in ("province", "maker", "status", "year")]
    names = [[name for name, _ in sorted(one, key=lambda pair: -pair[1])[:7]] for one in sums]
    return (
        flows.ways(wanted, names[1], names[0], "*"),
        flows.counts(Packs(), "maker"),
        flows.counts(Packs(), "year"),
    )


def asked(registry: Registry, packs: int, rng: random.Random) -> dict[str, Callable[[], object]]:
    """Return what pages ask, each somewhere else every time."""
    flows, missing = registry.flows, registry.missing
    statuses = STATUSES.strip("{}").split(",")
    provinces = PROVINCES.strip("{}").split(",")

    def somewhere() -> str:
        return f"waste/{rng.choice(provinces)}/{rng.randrange(300):03}/2020/X"

    def by_key() -> object:
        codes = [f"X{rng.randrange(packs):023}" for _ in range(50)]
        with registry.database.pool.connection() as connection:
            return connection.execute("select * from flow where code = any(%s)", (codes,)).fetchall()

    return {
        "limit: 50 packs by their keys": by_key,
        "flows: all numbers of the page": lambda: page_of(flows, Packs()),
        "flows: those of a province": lambda: page_of(flows, Packs(province=rng.choice(provinces))),
        "flows: those of a year": lambda: page_of(flows, Packs(year=2012 + rng.randrange(15))),
        "flows: list of a status, a page in the middle": lambda: flows.page(
            Packs(status="waste"), 50, somewhere()
        ),
        "flows: list of a province": lambda: flows.page(Packs(province=rng.choice(provinces)), 50),
        "flows: list of a maker": lambda: flows.page(Packs(maker=f"{rng.randrange(300):03}"), 50),
        "flows: list of a year and status": lambda: flows.page(
            Packs(year=2012 + rng.randrange(15), status=rng.choice(statuses)), 50
        ),
        "missing: how many of each kind": lambda: missing.counts(TODAY),
        "missing: list of a kind": lambda: missing.page(Cases("not_received"), TODAY),
        "missing: list of a sender": lambda: missing.page(
            Cases("not_received", f"O{rng.randrange(5000)}", "sender"), TODAY
        ),
        "missing: list of a receiver": lambda: missing.page(
            Cases("not_received", f"O{rng.randrange(5000)}", "receiver"), TODAY
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packs", type=int, default=10_000_000)
    parser.add_argument("--world", type=int, default=2_000, help="packs of the sample world that is followed")
    options = parser.parse_args()
    made = Path(tempfile.mkdtemp(prefix="voltrail-bench-"))
    try:
        world = World(options.world, 20261, manner="offenders")
        initialise(made / "data", "bench.example/log", [world.authority.vkey])
        with voltrail.open(made / "data") as registry:
            lines = populate(registry, world).lines
            followed = {}
            for name, one in (("missing", registry.missing), ("flows", registry.flows)):
                cpu, started = time.process_time(), time.perf_counter()
                while one.follow():
                    pass
                followed[name] = (
                    1e6 * (time.perf_counter() - started) / lines,
                    1e6 * (time.process_time() - cpu) / lines,
                )
            filled = fill(registry, options.packs)
            print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}", end=", ")
            print(f"Python {platform.python_version()}, load average {os.getloadavg()[0]:.1f}")
            print(f"{options.packs:,} packs, {options.packs // 50:,} cases; filled in {filled:.0f} s\n")
            print("| To follow an entry | Time, µs | CPU of Python, µs |\n| --- | ---: | ---: |")
            for name, (took, cpu) in followed.items():
                print(f"| {name} | {took:.0f} | {cpu:.0f} |")
            print("\n| What | median, ms | p99, ms |\n| --- | ---: | ---: |")
            for name, ask in asked(registry, options.packs, random.Random(1)).items():
                print("| {} | {:.1f} | {:.1f} |".format(name, *measure(ask)))
            started = time.perf_counter()
            registry.missing.weigh(TODAY, anyway=True)
            print(f"\nWeighed in {time.perf_counter() - started:.1f} s, behind the scenes.")
    finally:
        shutil.rmtree(made, ignore_errors=True)


if __name__ == "__main__":
    main()
