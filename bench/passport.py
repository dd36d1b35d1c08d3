"""
Measure what a passport costs: one at a time over HTTP at an offered load, and all of them into a file.

    python bench/passport.py --batteries 10000000

Batteries are drawn at random from those stored, each stored by a report as everything is: made with the
points that are measured at the end of the line, of a model whose points its maker declared, so that each
passport has every mandatory point. One in ten was measured again later.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import secrets
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import ledger
from bench.pages import PASSWORD

import voltrail
from tests.browser import serving
from voltrail.accounts import Accounts
from voltrail.accounts.trail import Actor
from voltrail.demo import dossier
from voltrail.demo.market import LFP
from voltrail.organisations.access import Reader
from voltrail.registry.prepare import warm
from voltrail.registry.registry import Registry
from voltrail.web import ASSETS

MODEL, SITE = "S-102", "BENCH-1"
CONNECTIONS = 32
MADE = datetime(2026, 2, 1, 8, tzinfo=ledger.CHINA)
AGAIN = datetime(2026, 8, 1, 8, tzinfo=ledger.CHINA)
TESTED = dossier.tested(LFP)


def begin(folder: Path) -> None:
    """Make a registry with one maker, its plant, and the points of its model."""
    ledger.begin(folder)
    since = datetime(2020, 1, 2, tzinfo=ledger.CHINA)
    address = "1 Sample Road, Ningde"
    trust = [
        ledger.line(
            "organisation_registered", since, organisation=ledger.MAKER, name="Sample", address=address
        ),
        ledger.line(
            "site_registered", since, site=SITE, organisation=ledger.MAKER, name="Plant", site_type="plant",
            address=address,
        ),
    ]  # fmt: skip
    model = [
        ledger.line("model_registered", since, model_id=MODEL, level="pack", chemistry="LFP"),
        ledger.line("points_declared", since, model_id=MODEL, points=dossier.declared(1, LFP, MODEL)),
    ]
    with voltrail.open(folder) as registry:
        registry.report(ledger.file(trust, random.Random(0), ledger.signer(ledger.AUTHORITY)))
        registry.report(ledger.file(model, random.Random(0)))


def made(number: int) -> list[bytes]:
    """Return the lines of one battery."""
    code = ledger.pack(number)
    lines = [
        ledger.line(
            "manufactured", MADE, code=code, model_id=MODEL, site=SITE, mass_kg=612.5, energy_kwh=55.0,
            points=TESTED,
        )
    ]  # fmt: skip
    if number % 10 == 0:
        lines.append(ledger.line("measured", AGAIN, code=code, soh_fraction=0.97, cycles=number % 400))
    return lines


def fill(registry: Registry, stored: int, size: int) -> None:
    """Report batteries until `size` are stored."""
    rng = random.Random(1)
    for start in range(stored, size, 10_000):
        lines = [line for n in range(start, min(start + 10_000, size)) for line in made(n)]
        registry.report(ledger.file(lines, rng))
        if sys.stderr.isatty():
            print(f"\r{start + 10_000:,} stored", end="", file=sys.stderr)
    with registry.database.connect() as connection:
        connection.autocommit = True
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def offered(urls: list[str], paths: list[str], rate: float, headers: str) -> list[float]:
    """
    Ask for so many addresses a second; return for each the milliseconds from when it was due to its answer.

    Connections are kept. Requests are due at times drawn at random, as from people who know nothing of each
    other (Poisson).
    """
    hosts, turn = [urlsplit(url) for url in urls], count()
    rng, due = random.Random(6), list[float]()
    clock = 0.0
    for _ in paths:
        clock += rng.expovariate(rate)
        due.append(clock)
    local = threading.local()
    started = time.perf_counter() + 0.2

    def ask(number: int) -> float:
        if not hasattr(local, "reader"):
            local.host = host = hosts[next(turn) % len(hosts)]
            local.end = socket.create_connection((host.hostname, host.port))
            local.end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            local.reader = local.end.makefile("rb")
        time.sleep(max(0.0, started + due[number] - time.perf_counter()))
        local.end.sendall(
            f"GET {paths[number]} HTTP/1.1\r\nHost: {local.host.netloc}\r\n{headers}\r\n".encode()
        )
        _answer(local.reader)
        return 1_000 * (time.perf_counter() - started - due[number])

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(ask, range(len(paths))))


def _answer(reader: BinaryIO) -> None:
    status = reader.readline()
    length = 0
    while (header := reader.readline()) not in {b"\r\n", b""}:
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    reader.read(length)
    if b" 200 " not in status:
        raise SystemExit(f"The server said {status.decode().strip()}")


def token(folder: Path) -> str:
    """Return the header by which a clerk of the authority asks, who sees nearly all."""
    with voltrail.open(folder) as registry:
        accounts = Accounts(registry.database)
        login = f"bench-{secrets.token_hex(4)}"
        once = accounts.add(login, ledger.AUTHORITY, "member", Actor())
        person = accounts.by_session(accounts.sign_in(login, once, "127.0.0.1"))
        person = accounts.by_session(accounts.change_password(person, once, PASSWORD, "127.0.0.1"))
        secret = accounts.make_token(person, "bench", ["read"], 1, "127.0.0.1")
    return f"Authorization: Bearer {secret}\r\n"


def exported(folder: Path, most: int) -> tuple[float, int, int]:
    """Write passports to a file until there are so many; return the seconds, how many, and the bytes."""
    with voltrail.open(folder) as registry, tempfile.TemporaryFile() as target:
        warm()
        started, done = time.perf_counter(), 0
        for done, _, lines in registry.export_passports("batterypass-ready", Reader("operator")):
            target.write(lines)
            if done >= most:
                break
        return time.perf_counter() - started, done, target.tell()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batteries", type=int, default=100_000, help="how many are stored")
    parser.add_argument("--rate", type=float, default=1_000, help="requests offered a second")
    parser.add_argument("--seconds", type=float, default=30, help="for how long")
    parser.add_argument("--servers", type=int, default=1, help="how many serve them, sharing the database")
    parser.add_argument("--export", type=int, default=1_000_000, help="how many are written to a file")
    parser.add_argument("--data", type=Path, help="a folder to keep them in, or that holds them already")
    options = parser.parse_args()
    made_here = None if options.data else Path(tempfile.mkdtemp(prefix="voltrail-bench-"))
    folder = options.data or made_here / "data"
    try:
        if not folder.exists():
            begin(folder)
            with voltrail.open(folder) as registry:
                fill(registry, 0, options.batteries)
                registry.enter_heads()  # else the server makes them while it is asked
                while registry.follow(100_000):  # nor what follows from the record
                    pass
        authority = token(folder)
        rng, number = random.Random(3), int(options.rate * options.seconds)
        codes = [ledger.pack(rng.randrange(options.batteries)) for _ in range(number)]
        ready = [f"/b/{code}/passport?form=batterypass-ready" for code in codes]
        asked = {
            "limit: the style sheet": ([ASSETS["voltrail.css"].path] * number, ""),
            "BatteryPass-Ready, the public": (ready, ""),
            "BatteryPass-Ready, an authority": (ready, authority),
            "point by point, the public": (
                [f"/b/{code}/passport" for code in codes],
                "Accept: application/json\r\n",
            ),
        }
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()},", end=" ")
        print(f"Python {platform.python_version()}, load average {os.getloadavg()[0]:.1f}")
        print(
            f"{options.batteries:,} batteries, {options.rate:,.0f} requests/s for {options.seconds:g} s,",
            end=" ",
        )
        print(f"{options.servers} servers\n")
        print("| Asked for | p50, ms | p99, ms | at most, ms |\n| --- | ---: | ---: | ---: |")
        with ExitStack() as stack:
            urls = [stack.enter_context(serving.served(folder)) for _ in range(options.servers)]
            for name, (paths, headers) in asked.items():
                offered(urls, paths[: int(options.rate)], options.rate, headers)  # what is kept is there then
                each = sorted(offered(urls, paths, options.rate, headers))
                p99 = each[int(len(each) * 0.99) - 1]
                print(f"| {name} | {statistics.median(each):.1f} | {p99:.1f} | {each[-1]:.1f} |", flush=True)
        took, done, weight = exported(folder, options.export)
        print(
            f"\n{done:,} passports into a file: {took:.0f} s, {done / took:,.0f}/s, {weight / 1e6:,.0f} MB;",
            end=" ",
        )
        print(f"load average {os.getloadavg()[0]:.1f}")
    finally:
        if made_here:
            shutil.rmtree(made_here, ignore_errors=True)


if __name__ == "__main__":
    main()
