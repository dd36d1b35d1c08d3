"""
Measure how long it takes to size a station, a network of 100 stations, and a road.

    python bench/sizing.py

One core: nothing here runs in parallel. The compiled code is loaded before. CPU is what this process used; on
a machine with other work the seconds that passed are more.
"""

from __future__ import annotations

import os
import platform
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from voltrail.swap.corridor import size_corridor
from voltrail.swap.scenario import read_scenario
from voltrail.swap.sizing import size, size_network, size_quickly

RUNS = 3
ROAD = """
[pack]
energy_kwh = 400
[corridor]
sections = [
    {to_km = 300, trucks_per_day = 200, kwh_per_km = 2.0},
    {to_km = 1000, trucks_per_day = 120, kwh_per_km = 2.2, kwh_per_km_back = 1.8},
]
"""


def measured(what: str, work: Callable[[], object]) -> object:
    """Print the least CPU and time of some runs; return what came out."""
    best = []
    for _ in range(RUNS):
        began, used = time.perf_counter(), time.process_time()
        told = work()
        best.append((time.process_time() - used, time.perf_counter() - began))
    print(f"| {what} | {min(best)[0]:.2f} | {min(one[1] for one in best):.2f} |")
    return told


def main() -> None:
    """Print the table."""
    chance = random.Random(3)
    demands = [round(chance.uniform(40, 260), 1) for _ in range(100)]
    network = read_scenario(f"[network]\nswaps_per_day = {demands}")
    station = read_scenario("[demand]\nswaps_per_day = 150")
    by_hour = [1, 1, 1, 1, 1, 2, 4, 6, 8, 8, 6, 5, 5, 6, 8, 8, 6, 4, 3, 2, 2, 1, 1, 1]
    waves = read_scenario(f"[demand]\nswaps_per_day = 150\nby_hour = {by_hour}")
    road = read_scenario(ROAD)
    size_quickly(station)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, load {os.getloadavg()[0]:.1f}")
    print("| What | CPU, s | Passed, s |\n| --- | ---: | ---: |")
    measured("station, 150 swaps a day, for a page", lambda: size_quickly(station))
    measured("the same, trucks by the hour", lambda: size_quickly(waves))
    measured("station, in full", lambda: size(station))
    measured("100 stations, 40 to 260 swaps a day, all different", lambda: size_network(network))
    measured("road of 1,000 km, 99 places", lambda: size_corridor(road))


if __name__ == "__main__":
    main()
