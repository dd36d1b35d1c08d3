"""
Measure how many swaps a second are simulated, beside SimPy and Ciw, which simulate the same stations.

    uv pip install --group bench && python bench/swap.py

Each simulator has one core and its own chance; that they simulate the same is seen from their mean waits,
each with its interval of 95 % by batch means, and from the exact one, which theory has for these. Times are
CPU times of the process, so that other work on the machine counts less; ours is the best of several rounds,
each with all that `simulate` does: warm-up, intervals, quantiles. The four stations:

    MMcS      8 packs, 6 chargers, exponential charges of 45 min, 6 trucks an hour by chance;
              swaps take no time
    MD1       one bay, a swap takes 5 min, 10 trucks an hour, packs never short
    CLOSED    20 trucks that come back after 2 h, 4 packs, 4 chargers, charges of 45 min, both exponential
    Shenzhen  the scenario of `voltrail swap simulate --example`: 16 packs, 8 chargers, 32.7 min a charge,
              5 min a swap, 150 trucks a day

Ciw knows queues and no packs. MMcS is its queue of depleted packs before six chargers: the truck that came as
number n takes the pack that was full as number n - 8, so its wait follows. CLOSED is a ring of 24 packs
between 20 trucks and 4 chargers. At Shenzhen packs are never short (fewer than 8 swaps fit in a charge), so
it is a bay and then chargers.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import islice
from typing import Any, NamedTuple

import ciw
import numpy as np
import simpy

from voltrail.swap.engine import Life
from voltrail.swap.scenario import example, model_of, read_scenario
from voltrail.swap.simulate import simulate
from voltrail.swap.station import AT_ONCE, Demand, Fleet, Interval, Law, Open, Station, between

CHARGE = Law("exponential", 45)
SHENZHEN = model_of(read_scenario(example()))
CASES: dict[str, tuple[Station, Demand, float]] = {
    "MMcS": (Station(packs=8, chargers=6, charge=CHARGE), Open(6), 7.11538),
    "MD1": (Station(packs=1000, chargers=1000, charge=AT_ONCE, swap=Law("fixed", 5)), Open(10), 12.5),
    "CLOSED": (Station(packs=4, chargers=4, charge=CHARGE), Fleet(20, Law("exponential", 120)), 105.22782),
    "Shenzhen": (SHENZHEN.station, SHENZHEN.demand, 2.71739),
}
BY_HOUR = Open(6.25, (1, 1, 1, 1, 1, 2, 3, 5, 6, 6, 6, 5, 5, 6, 6, 6, 6, 5, 5, 4, 3, 2, 2, 1))
YEAR = 54_750  # swaps of the Shenzhen station
BATCHES = 40


class Row(NamedTuple):
    """A line of the table."""

    case: str
    simulator: str
    swaps: int
    cpu_s: float
    wait: Interval


def interval(waits: Any) -> Interval:
    """Return the mean of waits in the order of the swaps, after a tenth of them, with its interval."""
    counted = np.asarray(waits)[len(waits) // 10 :]
    means = np.array([batch.mean() for batch in np.array_split(counted, BATCHES)])
    return Interval(float(means.mean()), 2.0227 * float(means.std(ddof=1)) / math.sqrt(BATCHES))


def drawn(law: Law, chance: random.Random) -> float:
    """Return a time by a law: fixed or exponential."""
    return law.mean_min if law.kind == "fixed" else chance.expovariate(1 / law.mean_min)


def by_simpy(station: Station, demand: Demand, swaps: int) -> Interval:
    """Return the mean wait that SimPy sees."""
    chance, env, waits = random.Random(1), simpy.Environment(), []
    chargers, bays = simpy.Resource(env, station.chargers), simpy.Resource(env, station.bays)
    full = simpy.Container(env, init=station.packs)
    enough = env.event()

    def charge() -> Any:
        with chargers.request() as charger:
            yield charger
            yield env.timeout(drawn(station.charge, chance))
        yield full.put(1)

    def visit() -> Any:
        arrived = env.now
        if station.hand_over == "arrival":
            env.process(charge())
        with bays.request() as bay:
            yield bay
            yield full.get(1)
            waits.append(env.now - arrived)
            if len(waits) == swaps:
                enough.succeed()
            yield env.timeout(drawn(station.swap, chance))
        if station.hand_over == "swap":
            env.process(charge())

    def come(law: Law) -> Any:
        while True:
            yield env.timeout(drawn(law, chance))
            env.process(visit())

    def come_back(law: Law) -> Any:
        while True:
            yield env.timeout(drawn(law, chance))
            yield env.process(visit())

    if isinstance(demand, Fleet):
        for _ in range(demand.trucks):
            env.process(come_back(demand.drive))
    else:
        env.process(come(between(demand)))
    env.run(until=enough)
    return interval(waits)


def of_ciw(law: Law) -> Any:
    """Return a law as Ciw has it."""
    exponential = law.kind == "exponential"
    return ciw.dists.Exponential(1 / law.mean_min) if exponential else ciw.dists.Deterministic(law.mean_min)


def records(network: Any, node: int, swaps: int, rate: float) -> Any:
    """Return arrivals, waits and ends at a node of Ciw, in the order of arrival."""
    ciw.seed(1)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(swaps / rate)
    found = [one for one in simulation.get_all_records() if one.node == node]
    told = np.array([(one.arrival_date, one.waiting_time, one.exit_date) for one in found])
    return told[np.argsort(told[:, 0], kind="stable")]


def open_ciw(demand: Open, *nodes: tuple[int, Law]) -> Any:
    """Return a line of queues, each of so many servers and a law."""
    nothing = [None] * (len(nodes) - 1)
    return ciw.create_network(
        arrival_distributions=[of_ciw(between(demand)), *nothing],
        service_distributions=[of_ciw(law) for _, law in nodes],
        number_of_servers=[servers for servers, _ in nodes],
        routing=[[float(to == at + 1) for to in range(len(nodes))] for at in range(len(nodes))],
    )


def by_ciw(station: Station, demand: Demand, swaps: int) -> Interval:
    """Return the mean wait that Ciw sees."""
    if isinstance(demand, Fleet):
        return closed_ciw(station, demand, swaps)
    rate = demand.trucks_per_hour / 60
    if not station.swap.mean_min:
        seen = records(open_ciw(demand, (station.chargers, station.charge)), 1, swaps, rate)
        arrived, full = seen[station.packs :, 0], np.sort(seen[:, 2])[: -station.packs]
        return interval(np.maximum(full - arrived, 0))
    charging = ((station.chargers, station.charge),) if station.charge.mean_min else ()
    seen = records(open_ciw(demand, (station.bays, station.swap), *charging), 1, swaps, rate)
    return interval(seen[:, 1])


def closed_ciw(station: Station, demand: Fleet, swaps: int) -> Interval:
    """Return the mean wait of trucks that come back: what a round takes, less the drive."""
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Sequential([0.001, math.inf]), None],
        batching_distributions=[
            ciw.dists.Deterministic(demand.trucks + station.packs),
            ciw.dists.Deterministic(1),
        ],
        service_distributions=[of_ciw(demand.drive), of_ciw(station.charge)],
        number_of_servers=[demand.trucks, station.chargers],
        routing=[[0.0, 1.0], [1.0, 0.0]],
    )
    ends = np.sort(records(network, 1, swaps, station.chargers / station.charge.mean_min)[:, 2])
    counted = ends[len(ends) // 10 :]
    spans = np.array([batch[-1] - batch[0] for batch in np.array_split(counted, BATCHES)])
    waits = demand.trucks * spans / (len(counted) / BATCHES - 1) - demand.drive.mean_min
    return Interval(float(waits.mean()), 2.0227 * float(waits.std(ddof=1)) / math.sqrt(BATCHES))


def measured(run: Callable[[], Interval]) -> tuple[float, Interval]:
    """Return how much CPU a run takes, and what it says."""
    began = time.process_time()
    told = run()
    return time.process_time() - began, told


def ours(station: Station, demand: Demand, swaps: int, rounds: int) -> tuple[float, Interval]:
    """Return the least CPU of several rounds of the compiled simulator, compiled before."""
    simulate(station, demand, 4_000)
    return min(measured(lambda: simulate(station, demand, swaps).wait_min) for _ in range(rounds))


def readable(station: Station, demand: Demand, swaps: int) -> Interval:
    """Return the mean wait by the readable simulator."""
    life = Life(station, demand, 1)
    return interval([one.began_min - one.arrived_min for one in islice(life.swaps(), swaps)])


def compare(swaps: int, peers: int, rounds: int) -> list[Row]:
    """Return the table: each station by each simulator."""
    rows = []
    for case, (station, demand, _) in CASES.items():
        rows.append(Row(case, "compiled", swaps + swaps // 10, *ours(station, demand, swaps, rounds)))
        others = {
            "readable": partial(readable, station, demand, peers),
            f"SimPy {version('simpy')}": partial(by_simpy, station, demand, peers),
            f"Ciw {version('ciw')}": partial(by_ciw, station, demand, peers),
        }
        rows += [Row(case, name, peers, *measured(run)) for name, run in others.items()]
    return rows


def year(rounds: int) -> list[float]:
    """Return how many milliseconds a year of the Shenzhen station takes, by the clock, best first."""
    told = []
    for _ in range(rounds):
        began = time.perf_counter()
        simulate(SHENZHEN.station, SHENZHEN.demand, YEAR)
        told.append((time.perf_counter() - began) * 1000)
    return sorted(told)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--swaps", type=int, default=5_000_000, help="of the compiled simulator")
    options.add_argument("--peers", type=int, default=100_000, help="swaps of each of the others")
    options.add_argument("--rounds", type=int, default=7)
    args = options.parse_args()
    load = os.getloadavg()[0]
    rows = compare(args.swaps, args.peers, args.rounds)
    hourly_s, _ = ours(SHENZHEN.station, BY_HOUR, args.swaps, args.rounds)
    years = year(10 * args.rounds)
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()} with {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, load average {load:.1f} before and {os.getloadavg()[0]:.1f} after.\n"
    )
    print("| Station | Simulator | Swaps | CPU s | Swaps/s | Mean wait, min | Exact | Apart |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for row in rows:
        exact = CASES[row.case][2]
        apart = abs(row.wait.mean - exact) / row.wait.half_width
        speed = f"{row.cpu_s:.3f} | {row.swaps / row.cpu_s:,.0f}"
        print(
            f"| {row.case} | {row.simulator} | {row.swaps:,} | {speed} "
            f"| {row.wait.mean:.3f} ± {row.wait.half_width:.3f} | {exact:.3f} | {apart:.2f} half-widths |"
        )
    print(
        f"\nWith demand by the hour, compiled: {1.1 * args.swaps / hourly_s:,.0f} swaps/s."
        f"\nA year of the Shenzhen station ({YEAR:,} swaps counted, a tenth before), by the clock: best "
        f"{years[0]:.2f} ms, median {years[len(years) // 2]:.2f} ms of {len(years)}."
    )


if __name__ == "__main__":
    main()
