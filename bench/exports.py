"""
Measure taking a long list away: rows a second, and how much memory the server takes for it.

    python bench/exports.py --batteries 1000000

Over HTTP, from `voltrail serve`, one reader that throws away what it reads. The list is all batteries of
their maker, each stored by a report as everything is; the events are those by which they were stored. Beside
each in the same run the limit: PostgreSQL's own COPY of the same rows to a reader that throws them away.
Memory is what the server holds at most while the file is made, above what it held before (`VmHWM` of Linux).
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import ledger
from bench.pages import PASSWORD

import voltrail
from tests.browser import serving
from voltrail.accounts import Accounts
from voltrail.accounts.trail import Actor
from voltrail.registry.holdings import Wanted, holding_of

MIB = 1 << 20
TODAY = datetime.now(ledger.CHINA).date()
BATTERIES = ("/workspace/batteries", "")
EVENTS = ("/workspace/events", f"?from={TODAY.replace(day=1)}&until={TODAY}")


def store(folder: Path, batteries: int) -> None:
    """Fill a registry with the batteries of one maker, unless it holds them already."""
    if not folder.exists():
        ledger.begin(folder)
        ledger.fill(folder, batteries)
    with voltrail.open(folder) as registry:
        while registry.holdings.follow(10_000):
            pass
        with registry.database.connect() as connection:
            connection.autocommit = True
            connection.execute("vacuum analyze")


def session(folder: Path) -> str:
    """Return the secret of a session of the maker."""
    with voltrail.open(folder) as registry:
        accounts, login = Accounts(registry.database), f"bench-{time.time_ns()}"
        password = accounts.add(login, ledger.MAKER, "member", Actor())
        person = accounts.by_session(accounts.sign_in(login, password, "bench"))
        if person is None:
            raise SystemExit("The session did not begin.")
        return accounts.change_password(person, password, PASSWORD, "bench")


def limits(folder: Path) -> dict[str, tuple[int, float, int]]:
    """Return rows, seconds and bytes of COPY: the columns of the list, and the lines of the events."""
    query, values = holding_of(ledger.MAKER, Wanted())
    written = (
        "select e.seq, e.kind, e.occurred_at, e.received_ms, e.line from report r join event e on"
        " e.seq >= r.first_seq and e.seq < r.first_seq + r.accepted where r.organisation = %(of)s"
    )
    found = {}
    with voltrail.open(folder) as registry, registry.database.connect() as connection:
        for name, asked in (("batteries", query), ("events", written)):
            begun, rows, weight = time.perf_counter(), 0, 0
            with connection.cursor().copy(f"copy ({asked}) to stdout", values) as copied:
                for piece in copied:
                    rows, weight = rows + 1, weight + len(piece)
            found[name] = rows, time.perf_counter() - begun, weight
    return found


def take(url: str, path: str, secret: str, server: psutil.Process) -> tuple[float, float, float, int, int]:
    """Return seconds until the first byte and the last, of CPU; bytes; the memory that the server took."""
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # the peak begins anew
    before, cpu = server.memory_info().rss, _cpu(server)
    connection, begun = HTTPConnection(urlsplit(url).netloc, timeout=600), time.perf_counter()
    connection.request("GET", path, headers={"Cookie": f"session={secret}"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {answer.read()[:300]!r}")
    weight = len(answer.read(1))
    first = time.perf_counter() - begun
    weight += sum(map(len, _pieces(answer)))
    took = time.perf_counter() - begun
    return first, took, _cpu(server) - cpu, weight, _peak(server) - before


def _cpu(server: psutil.Process) -> float:
    times = server.cpu_times()
    return float(times.user + times.system)


def _pieces(answer: object) -> Iterator[bytes]:
    while piece := answer.read(MIB):  # type: ignore[attr-defined]
        yield piece


def _peak(server: psutil.Process) -> int:
    """Return the most that a process held since the peak began anew."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def _server() -> psutil.Process:
    return next(one for one in psutil.Process().children(recursive=True) if "serve" in one.cmdline())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batteries", type=int, default=100_000, help="how many the maker has")
    parser.add_argument("--data", type=Path, help="a folder to keep them in, or that holds them already")
    options = parser.parse_args()
    made = None if options.data else Path(tempfile.mkdtemp(prefix="voltrail-bench-"))
    folder = options.data or made / "data"
    try:
        store(folder, options.batteries)
        secret, limit = session(folder), limits(folder)
        how = f"load average {os.getloadavg()[0]:.1f}"
        print(
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()},"
            f" Python {platform.python_version()}"
        )
        print(f"{options.batteries:,} batteries; {how}\n")
        print("| File | Rows | s | Rows/s | of COPY | CPU, s | First byte, ms | MB | Memory, MiB |")
        print("| --- |" + " ---: |" * 8)
        for name, (rows, took, weight) in limit.items():
            cells = f"{rows:,} | {took:.1f} | {rows / took:,.0f} | 1 | | | {weight / 1e6:,.0f} |"
            print(f"| limit: COPY, {name} | {cells} |")
        with serving.served(folder) as url:
            for (path, query), endings in (
                (BATTERIES, "csv xlsx parquet"),
                (EVENTS, "csv xlsx parquet jsonld"),
            ):
                name = path.rpartition("/")[2]
                rows, copied, _ = limit[name]
                for ending in endings.split():
                    try:
                        first, took, cpu, weight, memory = take(
                            url, f"{path}.{ending}{query}", secret, _server()
                        )
                    except SystemExit as error:  # more rows than a sheet has
                        print(f"| {name}.{ending} | {error} |")
                        continue
                    cells = f"{rows:,} | {took:.1f} | {rows / took:,.0f} | {copied / took:.2f} | {cpu:.1f}"
                    more = f"{1000 * first:.0f} | {weight / 1e6:,.0f} | {memory / MIB:.0f}"
                    print(f"| {name}.{ending} | {cells} | {more} |", flush=True)
    finally:
        if made:
            shutil.rmtree(made, ignore_errors=True)


if __name__ == "__main__":
    main()
