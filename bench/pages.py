"""
Measure how long a page takes, how soon a slow phone shows it, and what it weighs.

    python bench/pages.py --batteries 10000000

Over HTTP, one reader on one connection, the pages by turns, batteries drawn at random from those stored, each
stored by a report as everything is. Beside them in the same run the limit: the style sheet, a file that the
same server holds in memory. First paint: Chromium on a phone's screen with nothing cached, its processor at a
quarter of its speed, requests late and the network slow as NETWORKS says; the median of some loads.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import ledger, proof

import voltrail
from tests.browser import chromium, serving
from tests.browser.pages import Look
from voltrail.web import ASSETS

LIFE_EVENTS = 30
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


def ask(url: str, given: dict[str, Callable[[], str]], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each kind of page, asked for by turns until the last byte was there."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    times: dict[str, list[float]] = {name: [] for name in given}
    for number in range(rounds + 3):
        for name, path in given.items():
            address = path()
            started = time.perf_counter()
            connection.request("GET", address, headers={"Accept": "text/html"})
            answer = connection.getresponse()
            answer.read()
            if number >= 3:  # the first fill caches and compile templates
                times[name].append(1000 * (time.perf_counter() - started))
            if answer.status != (404 if "not on record" in name else 200):
                raise SystemExit(f"{address}: {answer.status}")
    return times


def look(browser: Browser, address: str, network: dict[str, float]) -> tuple[float, int]:
    """Return the milliseconds until a slow phone shows something, and the bytes it loaded."""
    context = browser.new_context(**Look("en", "phone").context)
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
        given = paths(options.batteries, random.Random(3))
        limit = {"limit: the style sheet": lambda: ASSETS["voltrail.css"].path}
        with serving.served(folder) as url:
            times = ask(url, given | limit, options.rounds)
            load = os.getloadavg()[0]
            with sync_playwright() as playwright:
                browser = chromium.launch(playwright)
                seen = {
                    (name, network): [look(browser, url + path(), how) for _ in range(options.loads)]
                    for name, path in given.items()
                    for network, how in NETWORKS.items()
                }
                version = browser.version
                browser.close()
        _print(times, seen, options, f"load average {load:.1f}, Chromium {version}")
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
