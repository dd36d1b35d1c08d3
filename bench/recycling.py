"""
Measure the balance and the recycled content of a whole record, and the provenance of one battery.

    python bench/recycling.py --batteries 1000000 --lots 100000 --depth 12

A third of the batteries are new and have credits; the others ended in plants, some at a time. Lots go through
as many processes as the depth says, of which some blend two lots and some take from a mine as well. What is
read are rows of PostgreSQL as the product reads them: lines of events, and the tables of lots. They are
written there directly, since a million batteries' reports would take longer than what is measured; so hashes,
signatures and chains of the log are not real, and nothing that is measured reads them.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import ledger

import voltrail
from voltrail.events import encode, kinds
from voltrail.events.masses import milligrams
from voltrail.events.structs import Assay, Stream, Taken, Yield
from voltrail.lifecycle import Battery, Model
from voltrail.lifecycle.state import encode_state
from voltrail.recycling.balance import balance
from voltrail.recycling.content import content
from voltrail.recycling.content_arrays import table
from voltrail.registry.recycled_content import spent_on, tell, upstream
from voltrail.registry.registry import Registry

START = datetime(2027, 1, 1, tzinfo=UTC)
MODEL = "S-102"
COMPOSITION = {"Ni": 40.0, "Co": 5.0, "Li": 6.0, "Mn": 5.0}
SHARES = {"Ni": 0.2, "Co": 0.025, "Li": 0.03, "Mn": 0.025}
ASSAYS = tuple(Assay(element=name, fraction=share, uncertainty=0.002) for name, share in SHARES.items())
FIRMS = tuple(f"9111000{n:011d}" for n in range(40))
PER_RUN, PER_CREDIT = 50, 10  # batteries that one report ends, or that one lot is spent on


class Made:
    """The runs of a record, at random, in the order in which they happened."""

    def __init__(self, batteries: int, lots: int, depth: int, blended: float) -> None:
        self.random = random.Random(12)
        self.old, self.lots, self.depth, self.blended = batteries * 2 // 3, lots, depth, blended
        self.new = range(self.old, batteries)
        self.left: dict[str, float] = {}
        self.names = 0

    def runs(self) -> Iterator[tuple[str, Any]]:
        """Yield who reports what."""
        level = []
        for first in range(0, self.old, PER_RUN):
            codes = [code_of(n) for n in range(first, min(first + PER_RUN, self.old))]
            firm = self.random.choice(FIRMS)
            lot = self.lot(firm, 170.0 * len(codes))
            level.append(lot.lot)
            yield firm, kinds.Recycled(
                occurred_at=self.now(), code=codes[0], codes=tuple(codes[1:]), mass_kg=400.0 * len(codes),
                outputs=(lot,), emissions=(Stream(substance="other", mass_kg=230.0 * len(codes)),),
            )  # fmt: skip
        mined = self.lots // 20
        each = (self.lots - len(level) - mined) // (self.depth - 1)
        every = list(level)
        for _ in range(self.depth - 1):
            made: list[str] = []
            sources = every[-max(each, 1) :] if len(every) > each else every
            for _ in range(each):
                firm = self.random.choice(FIRMS)
                number = 2 if self.random.random() < self.blended else 1
                chosen = {self.random.choice(sources) for _ in range(number)}
                if mined and self.random.random() < 0.1:
                    mined -= 1
                    bought = self.lot(firm, 1_000.0)
                    yield firm, kinds.LotCreated(
                        occurred_at=self.now(), lot=bought.lot, substance=bought.substance,
                        mass_kg=bought.mass_kg, origin="primary", assays=ASSAYS,
                    )  # fmt: skip
                    chosen.add(bought.lot)
                taken = [(lot, float(int(self.left[lot] * 0.4 * 1_000)) / 1_000) for lot in sorted(chosen)]
                for lot, kg in taken:
                    self.left[lot] -= kg
                into = round(sum(kg for _, kg in taken), 3)
                lot = self.lot(firm, round(into * 0.95, 3))
                made.append(lot.lot)
                yield firm, kinds.LotProcessed(
                    occurred_at=self.now(), process="refine",
                    inputs=tuple(Taken(lot=name, mass_kg=kg) for name, kg in taken), outputs=(lot,),
                    emissions=(Stream(substance="wastewater", mass_kg=round(into - lot.mass_kg, 6)),),
                )  # fmt: skip
            every += made
        last = every[-each:]
        for first in range(self.new.start, self.new.stop, PER_CREDIT):
            codes = [code_of(n) for n in range(first, min(first + PER_CREDIT, self.new.stop))]
            lot = self.random.choice(last)
            kg = float(int(self.left[lot] * 0.1 * 1_000)) / 1_000
            self.left[lot] -= kg
            yield (
                self.random.choice(FIRMS),
                kinds.CreditSpent(
                    occurred_at=self.now(), code=codes[0], codes=tuple(codes[1:]), lot=lot, mass_kg=kg
                ),
            )

    def lot(self, firm: str, kg: float) -> Yield:
        """Return a new lot."""
        self.names += 1
        name = f"{firm}/{self.names}"
        self.left[name] = kg
        return Yield(lot=name, substance="black_mass", mass_kg=kg, assays=ASSAYS)

    def now(self) -> datetime:
        """Return a moment after the last."""
        self.moment = getattr(self, "moment", START) + timedelta(seconds=10)
        return self.moment


def code_of(number: int) -> str:
    """Return the code of a battery."""
    return f"9ZZPB{number:019d}"


def store(registry: Registry, made: Made, batteries: int) -> int:
    """Write the rows; return how many runs there are."""
    runs = list(made.runs())
    lots: dict[str, list[Any]] = {}
    with registry.database.pool.connection() as connection:
        (base,) = connection.execute("select coalesce(max(seq), 0) + 1 from event").fetchone()
        with connection.cursor().copy(
            "copy event (seq, report, received_ms, links, k, before, h, position, kind, occurred_at, line, c,"
            " subjects) from stdin"
        ) as copy:
            for seq, (_, event) in enumerate(runs, base):
                subjects = kinds.subjects(event)
                copy.write_row(
                    (seq, 0, 0, b"", [1] * len(subjects), [-1] * len(subjects), b"", 0, event.kind,
                     event.occurred_at, encode(event), b"", list(subjects))
                )  # fmt: skip
        with connection.cursor().copy(
            "copy lot_run (seq, subject, says, at, reporter, site, batch, takes) from stdin"
        ) as copy:
            for seq, (firm, event) in enumerate(runs, base):
                takes = (
                    [event.lot] if isinstance(event, kinds.CreditSpent)
                    else [one.lot for one in getattr(event, "inputs", ())]
                )  # fmt: skip
                copy.write_row(
                    (seq, kinds.subjects(event)[0], seq, event.occurred_at, firm, firm, f"#{seq}", takes)
                )
                for one in (event,) if isinstance(event, kinds.LotCreated) else getattr(event, "outputs", ()):
                    lots[one.lot] = [one.lot, seq, event.occurred_at, firm, milligrams(one.mass_kg), 0]
                for one in getattr(event, "inputs", ()):
                    lots[one.lot][5] += milligrams(one.mass_kg)
                if isinstance(event, kinds.CreditSpent):
                    lots[event.lot][5] += milligrams(event.mass_kg)
        with connection.cursor().copy(
            "copy lot (lot, made, made_at, maker, mass_mg, taken_mg, waste, findings) from stdin"
        ) as copy:
            for row in lots.values():
                copy.write_row((*row, False, 0))
        with connection.cursor().copy("copy lot_battery (code, seq) from stdin") as copy:
            for seq, (_, event) in enumerate(runs, base):
                if isinstance(event, kinds.CreditSpent | kinds.Recycled):
                    for code in (event.code, *event.codes):
                        copy.write_row((code, seq))
        with connection.cursor().copy(
            "copy subject (id, k, h, seq, latest_us, state, model) from stdin"
        ) as copy:
            copy.write_row(
                (
                    f"model:{MODEL}",
                    1,
                    b"",
                    0,
                    0,
                    encode_state(Model(MODEL, chemistry="NCM", mass_kg=400.0, composition=COMPOSITION)),
                    None,
                )
            )
            for number in range(batteries):
                code = code_of(number)
                copy.write_row(
                    (f"battery:{code}", 1, b"", 0, 0, encode_state(Battery(code, model_id=MODEL)), MODEL)
                )
    with registry.database.connect() as connection:
        connection.autocommit = True
        connection.execute("vacuum analyze")
    return len(runs)


def timed(name: str, work: Any) -> Any:
    """Do some work and print how long it took."""
    cpu, begun = time.process_time(), time.perf_counter()
    found = work()
    took = time.perf_counter() - begun
    print(f"| {name} | {took:.2f} s | {time.process_time() - cpu:.2f} s |", flush=True)
    return found


def provenance(registry: Registry, made: Made, most: int) -> None:
    """Print what it takes to read where batteries come from, each with its content."""
    took, cpu, reached = [], [], []
    model = Model(MODEL, composition=COMPOSITION)
    with registry.database.pool.connection() as connection:
        for number in made.random.sample(made.new, most):
            battery = Battery(code_of(number), model_id=MODEL)
            begun, cpu_begun = time.perf_counter(), time.process_time()
            told = tell(connection, battery, model)
            took.append((time.perf_counter() - begun) * 1_000)
            cpu.append((time.process_time() - cpu_begun) * 1_000)
            reached.append(len(told.stages))
    print(f"| one battery's provenance, {most} at random | {ends(took)} | {ends(cpu)} |")
    print(f"| lots upstream of one | median {statistics.median(reached):.0f}, most {max(reached)} | |")


def ends(took: list[float]) -> str:
    """Return median and 99th percentile of milliseconds."""
    cuts = statistics.quantiles(took, n=100)
    return f"p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms"


def check(registry: Registry, made: Made, whole: Any, most: int) -> None:
    """Raise unless single batteries have what the whole record says."""
    rows = {index: row for row, index in enumerate(whole.runs)}
    nickel = list(whole.elements).index("Ni")
    with registry.database.pool.connection() as connection:
        for number in made.random.sample(made.new, most):
            for seqs in spent_on(connection, [code_of(number)]).values():
                told = upstream(connection, seqs).content()
                for seq in seqs:
                    assert (
                        tuple(map(int, whole.counted[rows[seq], nickel])) == told.credits[seq].recycled["Ni"]
                    )


def main() -> None:
    """Measure, and print a table."""
    asked = argparse.ArgumentParser(description=__doc__.strip().partition("\n")[0])
    asked.add_argument("--batteries", type=int, default=1_000_000)
    asked.add_argument("--lots", type=int, default=100_000)
    asked.add_argument("--depth", type=int, default=12)
    asked.add_argument(
        "--blended", type=float, default=0.3, help="which share of processes takes of two lots"
    )
    asked.add_argument("--packs", type=int, default=500, help="of how many the provenance is read")
    given = asked.parse_args()
    made = Made(given.batteries, given.lots, given.depth, given.blended)
    with tempfile.TemporaryDirectory() as folder:
        ledger.begin(Path(folder) / "data")
        with voltrail.open(Path(folder) / "data") as registry:
            number = store(registry, made, given.batteries)
            print(
                f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
                f"{given.batteries:,} batteries, {made.names:,} lots, {number:,} runs, depth {given.depth}, "
                f"{given.blended:.0%} of processes blend\n"
            )
            print("| What | Time | of it CPU here |\n|---|---|---|")
            table(registry.lots.of_runs([]))  # compiles, or reads what was compiled
            with registry.database.pool.connection() as connection:
                timed(
                    "limit: the lines of all runs, read and not looked at",
                    lambda: connection.execute(
                        "select e.line from lot_run r join event e on e.seq = r.says", binary=True
                    ).fetchall(),
                )
            begun = time.perf_counter()
            material = timed("the material, from rows (`Lots.material`)", registry.lots.material)
            whole = timed("recycled content of every lot and battery (`table`)", lambda: table(material))
            timed("balance of every batch (`balance`)", lambda: balance(material))
            print(f"| all three | {time.perf_counter() - begun:.2f} s | |")
            timed("peer: recycled content in plain Python (`content`)", lambda: content(material))
            provenance(registry, made, given.packs)
            check(registry, made, whole, min(given.packs, 50))
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"\nPeak memory {peak_mb:,.0f} MB; load {os.getloadavg()[0]:.1f} at the end.")


if __name__ == "__main__":
    main()
