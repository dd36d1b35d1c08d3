"""
Measure how long a page takes, how soon a slow phone shows it, and what it weighs.

    python bench/pages.py --batteries 10000000 --own 100000

Over HTTP, one reader on one connection, the pages by turns, batteries drawn at random from those stored, each
stored by a report as everything is. The workspace is that of an organisation to which so many batteries were
shipped, drawn at random, and which received them. Beside them in the same run the limit: the style sheet, a
file that the same server holds in memory. First paint: Chromium on a phone's screen with nothing cached, its
processor at a quarter of its speed, requests late and the network slow as NETWORKS says; the median of some
loads.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import ledger, proof

import voltrail
from tests.browser import chromium, serving
from tests.browser.pages import Look
from voltrail.accounts import Accounts
from voltrail.accounts.trail import Actor
from voltrail.ledger.keys import Signer
from voltrail.organisations.identifiers import credit_code
from voltrail.registry.holdings import Wanted
from voltrail.registry.registry import Registry
from voltrail.web import ASSETS

LIFE_EVENTS = 30
OWNER = credit_code("91000000MA0000002")  # whose workspace is looked at
COMING = 1_000  # batteries on the way to it
PASSWORD = "four words nobody guesses"
P99_MS, PAINT_MS, WEIGHT_BYTES = 100, 1000, 150_000  # the budget
SLOWER = 4  # times, than this processor
# Lighthouse's slow phone: a round trip and 1.6 Mbit/s; and what DevTools calls slow 4G, whose latency counts
# in what setting up a connection for each request would take.
NETWORKS = {
    "150 ms": {"latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8},
    "562 ms": {"latency": 562.5, "downloadThroughput": 1.44e6 / 8, "uploadThroughput": 675e3 / 8},
}
PAINT = """() => new Promise(done => new PerformanceObserver(list => {
    const [one] = list.getEntriesByName("first-contentful-paint")
    if (one) done(one.startTime)
}).observe({type: "paint", buffered: true}))"""
WEIGHT = """["navigation", "resource"].flatMap(kind => performance.getEntriesByType(kind))
    .reduce((sum, one) => sum + one.encodedBodySize, 0)"""


def paths(batteries: int, rng: random.Random) -> dict[str, Callable[[], str]]:
    """Return for each kind of page what gives an address of it."""

    def code() -> str:
        return ledger.pack(rng.randrange(batteries))

    return {
        "/": lambda: "/",
        "/batteries": lambda: "/batteries",
        "/batteries, from any on": lambda: f"/batteries?after={code()}",
        "/search, 18 characters": lambda: f"/search?q={code()[:18]}",
        "/b/CODE": lambda: f"/b/{code()}",
        f"/b/CODE, {LIFE_EVENTS} events": lambda: f"/b/{ledger.pack(batteries)}",
        "/b/CODE, not on record": lambda: f"/b/{ledger.pack(batteries + 1 + rng.randrange(batteries))}",
        "/models/ID": lambda: "/models/S-102",
        "/organisations": lambda: "/organisations",
        "/log": lambda: "/log",
        "/report": lambda: "/report",
        "/docs": lambda: "/docs",
    }


def store(folder: Path, batteries: int) -> None:
    """Fill a registry with batteries, unless it holds them already, and one more that has a life."""
    if not folder.exists():
        ledger.begin(folder)
        ledger.fill(folder, batteries)
    with voltrail.open(folder) as registry:
        registry.report(ledger.file(proof.life(ledger.pack(batteries), LIFE_EVENTS), random.Random(2)))


def workspace(codes: list[str], rng: random.Random) -> dict[str, Callable[[], str]]:
    """Return the same for the pages of a workspace; `codes` are some of its batteries."""

    def code() -> str:
        return rng.choice(codes)

    mine = "/workspace/batteries"
    return {
        "/workspace": lambda: "/workspace",
        f"{mine}": lambda: mine,
        f"{mine}, from any on": lambda: f"{mine}?after={code()}",
        f"{mine}, part of a code": lambda: f"{mine}?q={code()[-6:]}",
        f"{mine}, by last event": lambda: f"{mine}?sort=last",
        f"{mine}, in stock, from any on": lambda: f"{mine}?place=in_stock&after={code()}",
        f"{mine}, waste: 1 in 100": lambda: f"{mine}?phase=waste",
        f"{mine}, waste on the way: 1 in 10,000": lambda: f"{mine}?place=in_transit&phase=waste",
        f"{mine}, modules: none": lambda: f"{mine}?level=module&sort=last",
        f"{mine}, of a model, with findings": lambda: f"{mine}?model=S-102&findings=1",
        "/workspace/incoming": lambda: "/workspace/incoming",
        "/workspace/reports": lambda: "/workspace/reports",
        "/workspace/discrepancies": lambda: "/workspace/discrepancies",
    }


def give(registry: Registry, batteries: int, own: int) -> None:
    """
    Ship batteries drawn at random to an organisation, which receives them; more are on the way.

    One in a hundred is retired then, one in a thousand shipped on, one in a thousand found in two vehicles.
    """
    rng, key, maker = random.Random(4), ledger.signer(OWNER), ledger.signer(ledger.MAKER)
    since = datetime(2020, 1, 1, tzinfo=ledger.CHINA)
    public = ledger.b64encode(key.verifier.public_key).decode()
    made = {"organisation": OWNER, "key_id": "bench-1", "algorithm": "ed25519", "public_key": public}
    lines = [ledger.line("organisation_registered", since, organisation=OWNER, name="Sample")]
    lines += [ledger.line("role_granted", since, organisation=OWNER, role=role) for role in ledger.ROLES]
    lines.append(ledger.line("key_added", since, **made))
    registry.report(ledger.file(lines, rng, ledger.signer(ledger.AUTHORITY)))

    def report(kind: str, codes: list[str], signer: Signer, days: int, **members: object) -> None:
        when = datetime(2024, 7, 1, tzinfo=ledger.CHINA) + timedelta(days=days)
        for start in range(0, len(codes), 10_000):
            run = [ledger.line(kind, when, code=one, **members) for one in codes[start : start + 10_000]]
            receipt = json.loads(registry.report(ledger.file(run, rng, signer)))
            if receipt["refused"]:
                raise SystemExit(f"{kind}: {receipt['refused'][0]}")

    chosen = [ledger.pack(number) for number in rng.sample(range(batteries), own + COMING)]
    mine = chosen[COMING:]
    report("shipped", chosen, maker, 0, to=OWNER)
    report("received", mine, key, 1)
    report("retired", mine[::100], key, 2, reason="defect")
    report("shipped", mine[1::1000], key, 3, to=ledger.MAKER)
    report("handed_over", mine[::10_000], key, 3, to=ledger.MAKER)
    report("installed", mine[2::1000], key, 3, vin="LSVSAMP0000000001", reason="new")
    report("installed", mine[2::1000], key, 4, vin="LSVSAMP0000000002", reason="new")


def own(folder: Path, batteries: int, number: int) -> tuple[str, list[str], str]:
    """Return a session of the workspace's owner, some of its batteries, and how long it took to follow."""
    with voltrail.open(folder) as registry:
        begun, left = time.perf_counter(), registry.holdings.follow(1)
        while registry.holdings.follow():
            pass
        said = f"{left:,} entries followed in {time.perf_counter() - begun:.0f} s"
        if not registry.holdings.count(OWNER, Wanted()):
            give(registry, batteries, number)
            while registry.holdings.follow():
                pass
            with registry.database.connect() as connection:
                connection.autocommit = True
                connection.execute("vacuum analyze")
        accounts, login = Accounts(registry.database), f"bench-{time.time_ns()}"
        password = accounts.add(login, OWNER, "member", Actor())
        person = accounts.by_session(accounts.sign_in(login, password, "bench"))
        if person is None:
            raise SystemExit("The session did not begin.")
        secret = accounts.change_password(person, password, PASSWORD, "bench")
        held, _ = registry.holdings.page(OWNER, Wanted(), 1000)
        rows = registry.holdings.count(OWNER, Wanted())
    return secret, [one.code for one in held], f"{rows:,} batteries in the workspace; {said}"


def take(url: str, session: str) -> list[str]:
    """Return how long the files of a workspace take, and what they weigh."""
    said = []
    for ending in ("csv", "xlsx"):
        connection, started = HTTPConnection(urlsplit(url).netloc, timeout=600), time.perf_counter()
        connection.request("GET", f"/workspace/batteries.{ending}", headers={"Cookie": f"session={session}"})
        answer = connection.getresponse()
        weight = len(answer.read(1))
        begun = time.perf_counter() - started
        weight += len(answer.read())
        took = time.perf_counter() - started
        said.append(f".{ending}: first byte after {1000 * begun:.0f} ms, {took:.1f} s, {weight:,} bytes")
    return said


def ask(
    url: str, given: dict[str, Callable[[], str]], rounds: int, session: str = ""
) -> dict[str, list[float]]:
    """Return the milliseconds of each kind of page, asked for by turns until the last byte was there."""
    headers = {"Accept": "text/html"} | ({"Cookie": f"session={session}"} if session else {})
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    times: dict[str, list[float]] = {name: [] for name in given}
    for number in range(rounds + 3):
        for name, path in given.items():
            address = path()
            started = time.perf_counter()
            connection.request("GET", address, headers=headers)
            answer = connection.getresponse()
            answer.read()
            if number >= 3:  # the first fill caches and compile templates
                times[name].append(1000 * (time.perf_counter() - started))
            if answer.status != (404 if "not on record" in name else 200):
                raise SystemExit(f"{address}: {answer.status}")
    return times


def look(browser: Browser, address: str, network: dict[str, float], secret: str) -> tuple[float, int]:
    """Return the milliseconds until a slow phone shows something, and the bytes it loaded."""
    context = browser.new_context(**Look("en", "phone").context)
    if "/workspace" in address:
        context.add_cookies([{"name": "session", "value": secret, "url": address}])
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {"offline": False, **network})
    page.goto(address)
    paint = page.evaluate(PAINT)
    weight = page.evaluate(WEIGHT)
    context.close()
    return paint, weight


def spread(times: list[float]) -> tuple[float, float]:
    """Return the median and the p99."""
    ordered = sorted(times)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99) - 1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batteries", type=int, default=100_000, help="how many are stored")
    parser.add_argument("--own", type=int, default=10_000, help="how many are in the workspace")
    parser.add_argument("--rounds", type=int, default=300, help="how often each kind of page is asked for")
    parser.add_argument("--loads", type=int, default=5, help="how often Chromium loads each on each network")
    parser.add_argument("--data", type=Path, help="a registry that holds them already: growth.py --keep")
    options = parser.parse_args()
    if chromium.find() is None:
        raise SystemExit(chromium.MISSING)
    made = None if options.data else Path(tempfile.mkdtemp(prefix="voltrail-bench-"))
    folder = options.data or made / "data"
    try:
        store(folder, options.batteries)
        session, codes, said = own(folder, options.batteries, options.own)
        given, mine = paths(options.batteries, random.Random(3)), workspace(codes, random.Random(5))
        limit = {"limit: the style sheet": lambda: ASSETS["voltrail.css"].path}
        with serving.served(folder) as url:
            times = ask(url, given | limit, options.rounds) | ask(url, mine, options.rounds, session)
            files = take(url, session)
            load = os.getloadavg()[0]
            with sync_playwright() as playwright:
                browser = chromium.launch(playwright)
                seen = {
                    (name, network): [look(browser, url + path(), how, session) for _ in range(options.loads)]
                    for name, path in (given | mine).items()
                    for network, how in NETWORKS.items()
                }
                version = browser.version
                browser.close()
        _print(times, seen, options, f"load average {load:.1f}, Chromium {version}")
        print("\n".join(["", said, *files]))
    finally:
        if made:
            shutil.rmtree(made, ignore_errors=True)


def _print(
    times: dict[str, list[float]],
    seen: dict[tuple[str, str], list[tuple[float, int]]],
    options: argparse.Namespace,
    how: str,
) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, Python {platform.python_version()}")
    print(
        f"{options.batteries:,} batteries, {options.rounds} requests each, {options.loads} loads each; {how}"
    )
    print(f"budget: p99 {P99_MS} ms, first paint {PAINT_MS:,} ms, weight {WEIGHT_BYTES:,} bytes\n")
    columns = ["p50, ms", "p99, ms", "Weight, bytes", *(f"First paint at {one}, ms" for one in NETWORKS)]
    print(f"| Page | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}")
    for name, each in times.items():
        middle, p99 = spread(each)
        cells = ["", "", ""]
        if (name, "150 ms") in seen:
            paints = [statistics.median(one for one, _ in seen[name, network]) for network in NETWORKS]
            weight = seen[name, "150 ms"][0][1]
            cells = [f"{weight:,}", *(f"{paint:,.0f}" for paint in paints)]
        print(f"| {name} | {middle:.1f} | {p99:.1f} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
