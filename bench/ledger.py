"""
How fast is a report durable, judged and proved? Beside it in the same run: the limit, and today's way.

    python bench/ledger.py --stored 1000000 --reports 100

The load: reports of 1,000 events, the kinds of the sample world's everyday, median line at least
300 bytes, half of the events on batteries drawn at random from those already stored; signed
beforehand. Offered: as many events a second as --rate says, by the clock; each report's time runs
from when it was due. The limit: plain COPY of the same rows into a bare table. The peer: an audit
table, row by row, one INSERT and one commit each, as applications write it today.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from http.client import HTTPConnection
from pathlib import Path

import voltrail
from voltrail.codes import build
from voltrail.database import copy
from voltrail.events import split
from voltrail.ledger.keys import Signer
from voltrail.ledger.reports import MEDIA_TYPE, sign_report
from voltrail.organisations.identifiers import credit_code
from voltrail.registry import rows
from voltrail.registry.prepare import warm
from voltrail.registry.settings import initialise

ORIGIN = "bench.example/log"
AUTHORITY, MAKER = credit_code("91000000MA0000000"), credit_code("91000000MA0000001")
LINES = 1000
SENDERS = 32  # at an offered load: enough that none waits for another's receipt
CHINA = timezone(timedelta(hours=8))
FILLER = "检测记录与现场照片已归档，批次合格，编号依次连续，详见随附文件目录及检验单。"
ROLES = (
    "battery_maker", "vehicle_maker", "swap_operator", "repair_enterprise", "storage_operator",
    "utilisation_enterprise", "testing_lab",
)  # fmt: skip


def signer(organisation: str) -> Signer:
    return Signer.from_seed(f"{organisation}/bench-1", organisation.encode().ljust(32, b".")[:32])


def line(kind: str, when: datetime, **members: object) -> bytes:
    named = {"kind": kind, "occurred_at": when.isoformat(), **members}
    return json.dumps(named, ensure_ascii=False, separators=(",", ":")).encode()


def pack(number: int) -> str:
    day, serial = divmod(number, 9_999_999)
    return build(
        maker="9ZZ", level="pack", battery_type="B", production_date=date(2024, 1, 1) + timedelta(days=day),
        serial=serial + 1,
    )  # fmt: skip


def file(lines: list[bytes], rng: random.Random, key: Signer | None = None) -> bytes:
    key = key or signer(MAKER)
    return sign_report(ORIGIN, key, rng.randbytes(16), lines, [split(one) for one in lines]).encode()


def begin(folder: Path) -> None:
    """Make a registry whose one organisation may report everything in the load."""
    initialise(folder, ORIGIN, [signer(AUTHORITY).vkey])
    since = datetime(2020, 1, 1, tzinfo=CHINA)
    key = signer(MAKER)
    lines = [line("organisation_registered", since, organisation=MAKER, name="Sample")]
    lines += [line("role_granted", since, organisation=MAKER, role=role) for role in ROLES]
    lines.append(
        line(
            "key_added",
            since,
            organisation=MAKER,
            key_id="bench-1",
            algorithm="ed25519",
            public_key=b64encode(key.verifier.public_key).decode(),
        )
    )
    with voltrail.open(folder) as registry:
        registry.report(file(lines, random.Random(0), signer(AUTHORITY)))


def stock(number: int) -> bytes:
    made = datetime(2024, 2, 1, 8, tzinfo=CHINA)
    return line("manufactured", made, code=pack(number), model_id="S-102", mass_kg=612.5, energy_kwh=102.4)


def everyday(stored: int, reports: int, seed: int) -> list[bytes]:
    """Return signed reports: half of the events on new packs' first steps, half on random stored ones."""
    rng = random.Random(seed)
    new = stored
    files = []
    clock = datetime(2024, 6, 1, tzinfo=CHINA)
    for _ in range(reports):
        lines: list[bytes] = []
        while len(lines) < LINES:
            clock += timedelta(seconds=1)
            code = pack(rng.randrange(stored))
            vin = "LSVSAMP" + "".join(rng.choices("0123456789", k=10))
            note = {"batch": f"B-{clock.date()}-{rng.randrange(100)}", "note": FILLER}
            lines.append(
                rng.choices(
                    [
                        line("measured", clock, code=code, soh_fraction=0.97, cycles=rng.randrange(900),
                             capacity_ah=302.5, distance_km=rng.randrange(200_000), method="BMS", **note),
                        line("shipped", clock, code=code, to=MAKER, carrier=MAKER, site="BENCH-1", **note),
                        line("received", clock, code=code, **{"from": MAKER}, site="BENCH-2", **note),
                        line("installed", clock, code=code, vin=vin, reason="new", odometer_km=12, **note),
                        line("serviced", clock, code=code, work="inspection", **note),
                    ],
                    [30, 22, 22, 20, 6],
                )[0]
            )  # fmt: skip
            lines.append(
                line("manufactured", clock, code=pack(new), model_id="S-102", mass_kg=612.5, energy_kwh=102.4,
                     site="BENCH-1", **note)
            )  # fmt: skip
            new += 1
        files.append(file(lines[:LINES], rng))
    return files


def fill(folder: Path, stored: int) -> float:
    """Bring the store to `stored` batteries, through the registry like everything else."""
    started = time.perf_counter()
    rng = random.Random(1)
    with voltrail.open(folder) as registry:
        for start in range(0, stored, 10_000):
            registry.report(file([stock(n) for n in range(start, min(start + 10_000, stored))], rng))
            if sys.stderr.isatty():
                print(f"\r{start + 10_000:,} stored", end="", file=sys.stderr)
        with registry.database.connect() as connection:
            connection.autocommit = True
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")
    return time.perf_counter() - started


def in_process(folder: Path, files: list[bytes], threads: int) -> tuple[float, list[float]]:
    """Return the seconds all took, and each report's own."""
    with voltrail.open(folder) as registry:

        def send(one: bytes) -> float:
            started = time.perf_counter()
            registry.report(one)
            return time.perf_counter() - started

        with ThreadPoolExecutor(threads) as pool:
            started = time.perf_counter()
            each = list(pool.map(send, files))
            return time.perf_counter() - started, each


@contextmanager
def served(folder: Path, port: int) -> Iterator[Callable[[bytes], float]]:
    """Run a server; yield what sends it a report and returns the seconds until its receipt."""
    command = [sys.executable, "-m", "voltrail.cli", "serve", "--data", str(folder), "--port", str(port)]
    server = subprocess.Popen(command)
    local = threading.local()

    def send(one: bytes) -> float:
        if not hasattr(local, "connection"):
            local.connection = HTTPConnection("127.0.0.1", port, timeout=300)
        started = time.perf_counter()
        local.connection.request("POST", "/reports", one, {"Content-Type": MEDIA_TYPE})
        answer = local.connection.getresponse()
        body = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{answer.status}: {body[:300]!r}")
        return time.perf_counter() - started

    try:
        _wait(port)
        yield send
    finally:
        server.terminate()
        server.wait(20)


def over_http(
    folder: Path, files: list[bytes], connections: int, port: int
) -> tuple[float, list[float], float]:
    """Return the seconds all took, each report's own, and the load generator's CPU seconds."""
    with served(folder, port) as send, ThreadPoolExecutor(connections) as pool:
        cpu, started = time.process_time(), time.perf_counter()
        each = list(pool.map(send, files))
        return time.perf_counter() - started, each, time.process_time() - cpu


def offered(folder: Path, files: list[bytes], rate: float, port: int) -> tuple[float, list[float]]:
    """Send so many events a second; return the seconds all took, and each report's from its due time."""
    with served(folder, port) as send, ThreadPoolExecutor(SENDERS) as pool:
        started = time.perf_counter()

        def send_when_due(number: int) -> float:
            due = started + number * LINES / rate
            time.sleep(max(0, due - time.perf_counter()))
            send(files[number])
            return time.perf_counter() - due

        each = list(pool.map(send_when_due, range(len(files))))
        return time.perf_counter() - started, each


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("The server did not start.")


def bare_copy(folder: Path, lines: list[bytes]) -> float:
    """The limit: the same lines by COPY into a table with two columns and no index, a commit per 1,000."""
    with voltrail.open(folder) as registry, registry.database.connect() as connection:
        connection.execute("create table if not exists bench_bare (seq bigint, line bytea)")
        connection.commit()
        ready = [copy.columns(2) + copy.bigint(n) + copy.blob(one) for n, one in enumerate(lines)]
        started = time.perf_counter()
        for start in range(0, len(ready), LINES):
            rows.copy_in(connection, "bench_bare", ready[start : start + LINES])
            connection.commit()
        return time.perf_counter() - started


def audit_table(folder: Path, lines: list[bytes]) -> float:
    """The peer: one INSERT and one commit a row into an audit table with its usual index."""
    with voltrail.open(folder) as registry, registry.database.connect() as connection:
        connection.autocommit = True
        connection.execute(
            "create table if not exists bench_audit (id bigserial primary key, at timestamptz default now(),"
            " code text, payload jsonb)"
        )
        connection.execute("create index if not exists bench_audit_code on bench_audit (code)")
        ready = [(json.loads(one)["code"], one.decode()) for one in lines]
        started = time.perf_counter()
        for code, payload in ready:
            connection.execute("insert into bench_audit (code, payload) values (%s, %s)", (code, payload))
        return time.perf_counter() - started


def durable(folder: Path) -> str:
    with voltrail.open(folder) as registry, registry.database.connect() as connection:
        settings = ("fsync", "synchronous_commit", "full_page_writes")
        return ", ".join(f"{name} {connection.execute(f'show {name}').fetchone()[0]}" for name in settings)  # type: ignore[index]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stored", type=int, default=1_000_000, help="batteries in the store beforehand")
    parser.add_argument("--reports", type=int, default=100, help="reports of 1,000 events in each run")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--rate", type=int, default=10_000, help="events a second that are offered")
    parser.add_argument("--port", type=int, default=8423)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="voltrail-bench-")) / "data"
    try:
        warm()
        begin(folder)
        filled = fill(folder, options.stored)
        events = options.reports * LINES
        files = everyday(options.stored, 3 * options.reports, seed=2)
        lines = [
            one for signed in files[: options.reports] for one in signed.split(b"\n\n", 3)[3].splitlines()
        ]
        table = [("filling the store, 10,000 a report", options.stored, filled, "")]
        seconds, each = in_process(folder, files[: options.reports], options.threads)
        table.append(("in process", events, seconds, _spread(each)))
        seconds, each, cpu = over_http(
            folder, files[options.reports : 2 * options.reports], options.threads, options.port
        )
        table.append(("over HTTP", events, seconds, f"{_spread(each)}; generator {cpu:.1f} s CPU"))
        seconds, each = offered(folder, files[2 * options.reports :], options.rate, options.port)
        table.append((f"over HTTP, {options.rate:,}/s offered", events, seconds, _spread(each)))
        table.append(("limit: COPY into a bare table", len(lines), bare_copy(folder, lines), ""))
        few = lines[:10_000]
        table.append(("peer: audit table, row by row", len(few), audit_table(folder, few), ""))
        _print(table, options, lines, durable(folder))
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


def _spread(each: list[float]) -> str:
    ordered = sorted(each)
    median, p99 = statistics.median(ordered), ordered[int(len(ordered) * 0.99) - 1]
    return f"report median {1000 * median:.0f} ms, p99 {1000 * p99:.0f} ms"


def _print(
    table: list[tuple[str, int, float, str]], options: argparse.Namespace, lines: list[bytes], how: str
) -> None:
    median = statistics.median(len(one) for one in lines)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, Python {platform.python_version()}")
    print(f"{options.stored:,} batteries stored; median line {median:.0f} bytes; {how}")
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{options.threads} senders of {LINES:,}-event reports; load average at the end {load}\n")
    print(f"| {'What':<36} | {'Events':>9} | {'Events/s':>9} | Remark |\n| --- | ---: | ---: | --- |")
    for what, events, seconds, remark in table:
        print(f"| {what:<36} | {events:>9,} | {events / seconds:>9,.0f} | {remark} |")


if __name__ == "__main__":
    main()
