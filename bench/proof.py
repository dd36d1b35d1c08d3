"""
Measure how fast a history is proved, and how fast the heads of all chains are committed to.

    python bench/proof.py --subjects 10000000

Evidence of a 30-event and of a 5,000-event life: built by the registry, verified offline. Heads: a first
tree over so many subjects, then one in which a hundredth has changed, while reports go on. The many
subjects are rows made by one SQL statement beside a real log; their chains are not in it, and nothing
but the heads is measured on them. Yardstick where it is installed: pymerkle, proofs a second.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import ledger

import voltrail
from voltrail.ledger import merkle
from voltrail.ledger.notes import Policy
from voltrail.registry.registry import Registry

PACK = ledger.pack(1)
LONG = ledger.pack(2)


def life(code: str, events: int) -> list[bytes]:
    """Return the lines of a pack that is shipped to and fro, as a swap pack is."""
    clock = datetime(2024, 6, 1, tzinfo=ledger.CHINA)
    lines = [ledger.line("manufactured", clock, code=code, model_id="S-102", mass_kg=612.5)]
    while len(lines) < events:
        clock += timedelta(minutes=7)
        kind = ("shipped", "received", "measured")[len(lines) % 3 - 1]
        members = {
            "shipped": {"to": ledger.MAKER, "site": "BENCH-1"},
            "received": {"from": ledger.MAKER, "site": "BENCH-2"},
            "measured": {"soh_fraction": 0.97, "cycles": len(lines), "method": "BMS"},
        }[kind]
        lines.append(ledger.line(kind, clock, code=code, **members))
    return lines


def timed(call: Callable[[], object], times: int) -> list[float]:
    found = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        found.append(1000 * (time.perf_counter() - started))
    return found


def evidence_rows(registry: Registry) -> list[tuple[str, str]]:
    policy = Policy.parse(registry.policy)
    authority = [ledger.signer(ledger.AUTHORITY).vkey]
    table = []
    for name, code, times in (("30 events", PACK, 200), ("5,000 events", LONG, 5)):
        data = registry.evidence(code)
        found = voltrail.verify(data, policy, authority)
        if not found.complete:
            raise SystemExit(f"The evidence of {name} is not complete.")
        built = timed(lambda code=code: registry.evidence(code), times)
        checked = timed(lambda data=data: voltrail.verify(data, policy, authority), times)
        table += [
            (f"evidence of {name}, built", f"{spread(built)}; {len(data):,} bytes"),
            (f"evidence of {name}, verified", spread(checked)),
        ]
    return table


def proof_rows(leaves: int) -> list[tuple[str, str]]:
    """Inclusion proofs made and verified in memory, over a tree of `leaves`; pymerkle over one as large."""
    data = [b"%d" % n for n in range(leaves)]
    nodes, peaks = merkle.extend(0, (), [merkle.leaf_hash(one) for one in data])
    root, rng = merkle.root_of(peaks), random.Random(1)
    wanted = [rng.randrange(leaves) for _ in range(5000)]

    def prove(index: int) -> list[bytes]:
        places = merkle.inclusion_nodes(index, leaves)
        return merkle.inclusion_proof(index, leaves, {p: nodes[32 * p : 32 * p + 32] for p in places})

    started = time.perf_counter()
    proofs = [prove(index) for index in wanted]
    made = len(wanted) / (time.perf_counter() - started)
    started = time.perf_counter()
    for index, proof in zip(wanted, proofs, strict=True):
        merkle.verify_inclusion(merkle.leaf_hash(data[index]), index, leaves, proof, root)
    checked = len(wanted) / (time.perf_counter() - started)
    table = [(f"inclusion proofs, tree of {leaves:,}", f"{made:,.0f}/s made, {checked:,.0f}/s verified")]
    try:
        from pymerkle import InmemoryTree, verify_inclusion
    except ImportError:
        return [*table, ("yardstick: pymerkle", "not installed")]
    tree = InmemoryTree(algorithm="sha256")
    for one in data:
        tree.append_entry(one)
    state = tree.get_state()
    few = wanted[:500]
    started = time.perf_counter()
    theirs = [tree.prove_inclusion(index + 1, leaves) for index in few]
    made = len(few) / (time.perf_counter() - started)
    started = time.perf_counter()
    for index, proof in zip(few, theirs, strict=True):
        verify_inclusion(tree.get_leaf(index + 1), state, proof)
    checked = len(few) / (time.perf_counter() - started)
    return [
        *table,
        (f"yardstick: pymerkle, tree of {leaves:,}", f"{made:,.0f}/s made, {checked:,.0f}/s verified"),
    ]


class Peak(threading.Thread):
    """Watches the memory of this process and its workers, PostgreSQL aside, until stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.private_mb, self._on = 0.0, True

    def run(self) -> None:
        me = psutil.Process()
        while self._on:
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    if process.name() != "postgres":
                        memory = process.memory_info()
                        total += memory.rss - memory.shared
                except psutil.NoSuchProcess:
                    continue
            self.private_mb = max(self.private_mb, total / 1e6)
            time.sleep(0.05)

    def stop(self) -> float:
        self._on = False
        self.join()
        return self.private_mb


def heads_rows(registry: Registry, subjects: int, files: list[bytes]) -> list[tuple[str, str]]:
    """A first tree over so many subjects and one after a hundredth of them changed, reports going on."""
    insert = (
        "insert into subject (id, k, h, seq, latest_us, state)"
        " select 'battery:BENCH' || n, 1, sha256(n::text::bytea), %(seq)s, 0, ''"
        " from generate_series(%(start)s, %(stop)s) n"
    )
    with registry.database.connect() as connection:
        connection.autocommit = True
        started = time.perf_counter()
        for start in range(0, subjects, 1_000_000):
            stop = min(start + 1_000_000, subjects) - 1
            connection.execute(insert, {"seq": 0, "start": start, "stop": stop})
        connection.execute("vacuum analyze subject")
        print(f"{subjects:,} rows made in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    shutil.rmtree(registry.data / "heads")
    table = [
        (
            f"heads over {subjects:,} subjects, first",
            heads_while_reporting(registry, files[: len(files) // 2]),
        )
    ]
    size = registry.counts()["entries"]
    with registry.database.connect() as connection:
        connection.execute(
            "update subject set k = k + 1, seq = %s where id like 'battery:BENCH%%00'", (size - 1,)
        )
        connection.commit()
    table.append(
        ("heads again, a hundredth changed", heads_while_reporting(registry, files[len(files) // 2 :]))
    )
    return table


def heads_while_reporting(registry: Registry, files: list[bytes]) -> str:
    peak, waits = Peak(), []

    def report() -> None:
        for one in files:
            started = time.perf_counter()
            registry.report(one)
            waits.append(1000 * (time.perf_counter() - started))
            if not building.is_set():
                return

    building = threading.Event()
    building.set()
    reporter = threading.Thread(target=report)
    peak.start()
    started = time.perf_counter()
    reporter.start()
    registry.enter_heads()
    seconds = time.perf_counter() - started
    building.clear()
    private_mb = peak.stop()
    reporter.join()
    return f"{seconds:.1f} s, {private_mb:,.0f} MB; {len(waits)} reports of 1,000 meanwhile, {spread(waits)}"


def spread(each: list[float]) -> str:
    ordered = sorted(each)
    return f"median {statistics.median(ordered):.1f} ms, p99 {ordered[int(len(ordered) * 0.99) - 1]:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--stored", type=int, default=100_000, help="batteries in the log beside the two lives"
    )
    parser.add_argument("--subjects", type=int, default=10_000_000, help="rows for the heads")
    parser.add_argument("--proofs", type=int, default=100_000, help="leaves of the tree for single proofs")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="voltrail-bench-")) / "data"
    try:
        ledger.begin(folder)
        ledger.fill(folder, options.stored)
        rng = random.Random(3)
        files = ledger.everyday(options.stored, 60, seed=4)
        with voltrail.open(folder) as registry:
            for code, events in ((PACK, 30), (LONG, 5000)):
                lines = life(code, events)[1:]
                for start in range(0, len(lines), 500):
                    registry.report(ledger.file(lines[start : start + 500], rng))
            registry.enter_heads()
            table = evidence_rows(registry)
            table += proof_rows(options.proofs)
            table += heads_rows(registry, options.subjects, files)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        python = platform.python_version()
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, Python {python}")
        print(f"load average {os.getloadavg()[0]:.1f}; peak of this process {peak_mb:,.0f} MB\n")
        print("| What | Measured |\n| --- | --- |")
        for what, measured in table:
            print(f"| {what} | {measured} |")
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


if __name__ == "__main__":
    main()
