"""
How long does it take to say who owes what? All duties of a record, computed from its chains into their table.

    python bench/duties.py --events 1000000
    python bench/duties.py --open 10000000

The record: packs made, fitted, their vehicles certified and, but for one in ten, sold. Beside it in the same
run: the rules alone, over the same events in memory, and the limit: PostgreSQL reading the same rows of the
log, nothing computed.

`--open`: the table is filled with so many that stand open, as following would leave it: 5,000 organisations,
of which one owes a tenth; three rules, one of them rare; a tenth as many met in time, and a hundredth late.
Then what pages ask, each 200 times, beside the limit: 50 rows by their primary keys.
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
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import ledger

import voltrail
from voltrail.events import decode
from voltrail.regimes import RULES, Step, duties
from voltrail.registry.registry import Registry

BUDGET_S = 20
REPORT_LINES = 10_000
START = datetime(2026, 4, 2, 8, tzinfo=ledger.CHINA)
TODAY = date(2026, 11, 30)


def vin(number: int) -> str:
    return f"LSVSAMP{number:010}"


def lives(events: int) -> Iterator[bytes]:
    """Yield the lines of vehicle after vehicle, with its pack."""
    told = 0
    for number in range(events):
        when = START + timedelta(seconds=20 * number)
        code, car = ledger.pack(number), vin(number)
        lines = [
            ledger.line("manufactured", when, code=code, model_id="S-102", mass_kg=612.5),
            ledger.line("installed", when + timedelta(days=1), code=code, vin=car, reason="new"),
            ledger.line("vehicle_certified", when + timedelta(days=2), vin=car, codes=[code]),
        ]
        if number % 10:
            lines.append(ledger.line("sold", when + timedelta(days=9), vin=car, codes=[code]))
        else:
            lines.append(
                ledger.line("removed", when + timedelta(days=9), code=code, vin=car, reason="warranty")
            )
            lines.append(ledger.line("retired", when + timedelta(days=10), code=code))
        for one in lines:
            if told == events:
                return
            told += 1
            yield one


def store(folder: Path, events: int) -> float:
    """Put the lives on record; return how long that took."""
    ledger.begin(folder)
    rng, run, started = random.Random(1), [], time.perf_counter()
    with voltrail.open(folder) as registry:
        for one in lives(events):
            run.append(one)
            if len(run) == REPORT_LINES:
                registry.report(ledger.file(run, rng))
                run = []
        if run:
            registry.report(ledger.file(run, rng))
        with registry.database.connect() as connection:
            connection.autocommit = True
            connection.execute("vacuum analyze")
    return time.perf_counter() - started


def in_memory(events: int) -> tuple[float, int]:
    """Return how long the rules alone take over events that are decoded already, and how much they find."""
    chains: dict[str, list[Step]] = {}
    for index, one in enumerate(lives(events)):
        event = decode(one)
        own = event.kind in {"vehicle_certified", "sold"}
        subject = f"vehicle:{event.vin}" if own else f"battery:{event.code}"
        received = int(event.occurred_at.timestamp() * 1000)
        chains.setdefault(subject, []).append(Step(index, event, ledger.MAKER, received, "original"))
    started = time.perf_counter()
    found = sum(len(duties(name, chain, lambda _: RULES, lambda *_: True)) for name, chain in chains.items())
    return time.perf_counter() - started, found


FILL = (
    """
    insert into duty select 'vehicle:X' || lpad(n::text, 16, '0'),
        case when n %% 100003 = 0 then 'o73-03' when n %% 3 = 0 then 't18-08' else 'o73-02-sale' end,
        case when n %% 10 = 0 then 'O-large' else 'O' || n %% 5000 end, n, timestamptz '2025-01-01',
        date '2025-01-01' + (hashint8(n) & 1023), null, null
    from generate_series(1, %(open)s) n
    """,
    """
    insert into duty select 'vehicle:Y' || lpad(n::text, 16, '0'), 'o73-02-sale',
        'O' || n %% 5000, n, timestamptz '2025-01-01', date '2025-01-01', n, 1800000000000
    from generate_series(1, %(open)s / 100) n
    """,
    """
    insert into duty select 'vehicle:Z' || lpad(n::text, 16, '0'), 'o73-02-sale',
        'O' || n %% 5000, n, timestamptz '2026-01-01', date '2026-01-21', n, 1767800000000
    from generate_series(1, %(open)s / 10) n
    """,
    """
    insert into duty_count (organisation, rule, due_on, open)
    select organisation, rule, due_on, count(*) from duty where met is null group by 1, 2, 3
    """,
)
ROUNDS = 200


def fill(registry: Registry, number: int) -> None:
    """Fill the table with so many duties that stand open."""
    with registry.database.connect() as connection:
        connection.autocommit = True
        for query in FILL:
            connection.execute(query, {"open": number})
        connection.execute("vacuum analyze duty, duty_count")


def asked(registry: Registry, number: int, rng: random.Random) -> dict[str, Callable[[], object]]:
    """Return what pages ask, each somewhere else every time."""
    kept = registry.duties

    def some() -> str:
        return f"O{rng.randrange(1, 5000)}"

    def page(organisation: str | None = None, **how: Any) -> Callable[[], object]:
        return lambda: kept.page(TODAY, organisation, after=how.pop("after", None), **how)

    def by_keys() -> object:
        names = [f"vehicle:X{rng.randrange(1, number):016}" for _ in range(50)]
        with registry.database.pool.connection() as connection:
            return connection.execute("select * from duty where subject = any(%s)", (names,)).fetchall()

    deep = f"2026-06-01/0/o73-02-sale/vehicle:X{number // 2:016}"
    return {
        "limit: 50 duties by their keys": by_keys,
        "how many, of everybody": lambda: kept.counts(TODAY),
        "how many, of one": lambda: kept.counts(TODAY, some()),
        "first page, of everybody": page(),
        "a page in the middle, of everybody": lambda: kept.page(TODAY, after=deep),
        "not due yet, of everybody": page(which="due"),
        "first page, of one": lambda: kept.page(TODAY, some(), which="overdue"),
        "first page, of one who owes a tenth": page("O-large"),
        "under a rare rule, of everybody": page(rule="o73-03"),
        "under a rare rule, of one who owes a tenth": page("O-large", rule="o73-03"),
        "under a rule without any, of everybody": page(rule="o73-04"),
        "met late, of everybody": page(which="late"),
        "met late, of one": lambda: kept.page(TODAY, some(), which="late"),
        "calendar of one who owes a tenth": lambda: kept.days("O-large", TODAY),
        "reminders, when nobody asked for any": lambda: kept.remind(TODAY),
    }


def stand_open(number: int) -> None:
    """Print how long it takes to list duties among so many that stand open."""
    made = Path(tempfile.mkdtemp(prefix="voltrail-bench-"))
    try:
        ledger.begin(made / "data")
        with voltrail.open(made / "data") as registry:
            started = time.perf_counter()
            fill(registry, number)
            print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {number:,} open duties, filled in", end=" ")
            print(f"{time.perf_counter() - started:.0f} s; load average {os.getloadavg()[0]:.1f}\n")
            print("| What | median, ms | p99, ms |\n| --- | ---: | ---: |")
            for name, ask in asked(registry, number, random.Random(3)).items():
                times = []
                for _ in range(ROUNDS):
                    started = time.perf_counter()
                    ask()
                    times.append(1_000 * (time.perf_counter() - started))
                    if sum(times) > 20_000:  # slow enough to know
                        break
                times.sort()
                print(
                    f"| {name} | {times[len(times) // 2]:.1f} | {times[len(times) * 99 // 100]:.1f} |",
                    flush=True,
                )
    finally:
        shutil.rmtree(made, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, help="so many that stand open; then nothing else is measured")
    options = parser.parse_args()
    if options.open:
        stand_open(options.open)
        return
    made = Path(tempfile.mkdtemp(prefix="voltrail-bench-"))
    try:
        alone, found = in_memory(options.events)
        stored = store(made / "data", options.events)
        with voltrail.open(made / "data") as registry:
            with registry.database.connect() as connection:
                started = time.perf_counter()
                connection.execute(
                    "select sum(length(line)) from event where subjects is not null"
                ).fetchone()
                limit = time.perf_counter() - started
            followed = registry.duties
            started = time.perf_counter()
            while followed.follow():
                pass
            took = time.perf_counter() - started
            started = time.perf_counter()
            counts = followed.counts(TODAY)
            followed.page(TODAY, which="overdue")
            asked = 1000 * (time.perf_counter() - started)
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}", end=", ")
        print(f"Python {platform.python_version()}")
        print(f"{options.events:,} events, load average {os.getloadavg()[0]:.1f}; budget {BUDGET_S} s\n")
        print("| What | Time, s |\n| --- | ---: |")
        print(f"| the rules alone, in memory: {found:,} duties | {alone:.1f} |")
        print(f"| the record followed, duties in their table | {took:.1f} |")
        print(f"| limit: PostgreSQL reads the lines of the log | {limit:.1f} |")
        print(f"| for comparison: the same events put on record | {stored:.0f} |")
        for one in counts:
            print(f"\n{one.rule}: {one.due:,} due, {one.overdue:,} overdue; both lists in {asked:.1f} ms")
    finally:
        shutil.rmtree(made, ignore_errors=True)


if __name__ == "__main__":
    main()
