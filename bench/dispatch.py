"""
Measure how long a plan takes: 1,000 km over 300 stations, beside a plain search without labels dropped.

    python bench/dispatch.py

Stations stand by a road with up to two dozen packs each. `plan` is all that an answer needs but the reading
of the network: way, stations by it, the best journey, another one. The plain peer relaxes every station from
every one before it, without bound or alternative; the time of its best journey must be the same. It keeps the
earliest label of a station alone, so it needs packs that are all alike: in this network they are.
"""

from __future__ import annotations

import os
import random
import statistics
import time

import numpy as np

from voltrail.swap.dispatch import Request, mass_of, plan
from voltrail.swap.forecast import Clock
from voltrail.swap.network import PackThere, StationThere
from voltrail.swap.way import Point, Way

NOW_MS = 1_780_000_000_000
STATIONS, RUNS = 300, 50


def network(seed: int) -> list[StationThere]:
    """Return stations by a road of 800 km as the crow flies; packs are alike and full."""
    draw, found = random.Random(seed), []
    for number in range(STATIONS):
        share = number / STATIONS
        packs = [
            PackThere(
                code=f"{number}-{place}", pack_type="qiji-171", energy_kwh=171.0, charge=1.0, ready_min=0.0,
                health=1.0,
            )
            for place in range(draw.randint(3, 24))
        ]  # fmt: skip
        found.append(
            StationThere(
                site=f"S{number}", name=f"S{number}", operator="O",
                latitude=30 + share * 6.2 + draw.uniform(-0.2, 0.2),
                longitude=114 + share * 4.7 + draw.uniform(-0.2, 0.2), interfaces=("qiji",), bays=1, slots=24,
                chargers=8, charger_kw=300.0, swap_min=5.0, packs=tuple(packs), queue=draw.randint(0, 3),
                per_hour=tuple(draw.uniform(0, 8) for _ in range(24)), said_ms=NOW_MS,
            )
        )  # fmt: skip
    return found


def plain(asked: Request, stations: list[StationThere]) -> float | None:
    """Return the minutes of the best journey, by relaxing everything with everything."""
    way = Way(
        asked.truck, mass_of(asked), asked.points, asked.speed_kmh, asked.temperature_c, asked.headwind_kmh
    )
    at, off = way.beside(np.array([s.latitude for s in stations]), np.array([s.longitude for s in stations]))
    order = [int(n) for n in np.lexsort((off, at)) if off[n] <= 50]
    km = np.array([0.0, *at[order], way.length])
    away = np.array([0.0, *off[order], 0.0])
    minutes, kwh = np.interp(km, way.km, way.minutes), np.interp(km, way.km, way.kwh)
    full = 171.0 * asked.blocks
    leaves = [0.0, *[float("inf")] * (len(km) - 1)]
    for to in range(1, len(km)):
        best = float("inf")
        for start in range(to):
            has = (asked.charge if start == 0 else 1.0) * full - asked.reserve * full
            if kwh[to] - kwh[start] + (away[start] + away[to]) * way.off_kwh_km <= has:
                drive = minutes[to] - minutes[start] + (away[start] + away[to]) * way.off_min_km
                best = min(best, leaves[start] + drive)
        if to < len(km) - 1 and best < float("inf"):
            there = stations[order[to - 1]]
            best += Clock(there, NOW_MS).wait(best) + there.swap_min
        leaves[to] = best
    return leaves[-1] if leaves[-1] < float("inf") else None


def main() -> None:
    """Plan in several networks; print the middle and the worst, wall and processor time."""
    points = (Point(latitude=30, longitude=114), Point(latitude=36.2, longitude=118.7))
    asked = Request(
        truck="tractor-qiji", pack_type="qiji-171", blocks=3, points=points, load_t=20, charge=0.8
    )
    walls, works, peers = [], [], []
    for seed in range(RUNS):
        stations = network(seed)
        begun, worked = time.perf_counter(), time.process_time()
        found = plan(asked, stations, [], NOW_MS)
        works.append(time.process_time() - worked)
        walls.append(time.perf_counter() - begun)
        if seed < 5:
            worked = time.process_time()
            best = plain(asked, stations)
            peers.append(time.process_time() - worked)
            mine = (found.best.arrives_ms - NOW_MS) / 60_000 if found.best else None
            if (mine is None) != (best is None) or (best is not None and abs(mine - best) > 0.001):
                raise SystemExit(f"Network {seed}: {mine} and {best} minutes.")
    load = os.getloadavg()[0]
    print(
        f"{found.km:,.0f} km, {STATIONS} stations, {RUNS} networks; load {load:.1f} on {os.cpu_count()} cores"
    )
    for name, times in (("plan, wall", walls), ("plan, processor", works), ("plain, processor", peers)):
        middle, worst = statistics.median(times) * 1e3, max(times) * 1e3
        print(f"{name:<18}{middle:8.1f} ms in the middle,{worst:8.1f} ms worst")


if __name__ == "__main__":
    main()
