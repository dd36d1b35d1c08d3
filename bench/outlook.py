"""
Measure how long an outlook takes, beside flodym, which computes stocks by cohort too.

    python bench/outlook.py

The whole: draws by Latin hypercube, the loop of policy, adoption and cost, batteries by cohort, metals, and
the bands of every quantity and part: 40 years, six segments, six chemistries. Times are those of the process,
which other work on the machine changes less, and by the clock: the best of several rounds, after one that is
not counted (it loads what is compiled).

flodym is asked for less: what is bought each year and one Weibull life go in, stock and what leaves come out.
It knows no draws; they are a further dimension of it, as many as fit into memory, or one run each. Ours is
the kernel of every run with that life for vehicles and packs that do not fail before: it computes, besides,
replacements, exports, collection, re-use, second lives and processing. Both must tell the same.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, NamedTuple

import flodym
import numpy as np

from voltrail.outlook.book import book
from voltrail.outlook.classes import CHEMISTRIES, SEGMENTS, YEARS
from voltrail.outlook.doubt import blurred, ground
from voltrail.outlook.loop import play
from voltrail.outlook.materials import metals, recovery_of
from voltrail.outlook.parameters import draw
from voltrail.outlook.run import drawn_from, run
from voltrail.outlook.scenario import Scenario
from voltrail.outlook.sensitivity import sensitivity, what_matters
from voltrail.outlook.stock import KIND_OF, KINDS, Flows, Lives, follow, lasting
from voltrail.outlook.stock_kernel import fill
from voltrail.outlook.survival import SHAPE, ages, scale_of
from voltrail.outlook.tables import lines


class Took(NamedTuple):
    """Seconds: of the process, and by the clock."""

    cpu: float
    passed: float


Times = list[Took]


def timed(times: Times, run_it: Callable[[], Any]) -> Any:
    """Return what comes of it, and note how long it took."""
    cpu, passed = time.process_time(), time.perf_counter()
    told = run_it()
    times.append(Took(time.process_time() - cpu, time.perf_counter() - passed))
    return told


def whole(draws: int, rounds: int) -> tuple[Times, Times]:
    """Return the times of runs, and of runs with all their bands."""
    running: Times = []
    with_bands: Times = []
    for _ in range(rounds + 1):
        timed(running, lambda: run(Scenario(draws=draws)))
        timed(with_bands, lambda: lines(run(Scenario(draws=draws))))
    return running[1:], with_bands[1:]


def parts(draws: int, rounds: int) -> dict[str, Times]:
    """Return the times of each step of a run."""
    scenario, stands_on = Scenario(draws=draws), ground(book())
    table = drawn_from(scenario, stands_on)
    times: dict[str, Times] = {}

    def step(name: str, run_it: Callable[[], Any]) -> Any:
        return timed(times.setdefault(name, []), run_it)

    for _ in range(rounds + 1):
        drawn = step("draws", lambda: draw({}, draws, 1, table))
        course = step("loop", lambda drawn=drawn: play(stands_on.past, drawn))
        course = step(
            "doubts about figures",
            lambda course=course, drawn=drawn: blurred(course, stands_on.doubts, drawn),
        )
        flows = step("stock and flows", lambda course=course, drawn=drawn: follow(course, drawn))
        step("metals", lambda flows=flows, drawn=drawn: metals(flows, recovery_of(drawn)))
        outcome = run(scenario)
        step("bands of all", lambda outcome=outcome: lines(outcome))
    return {name: each[1:] for name, each in times.items()}


def problem(draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what is bought (D, Y, S, C), and the mean lives (D, K)."""
    chance = np.random.default_rng(1)
    shape = draws, len(YEARS), len(SEGMENTS), len(CHEMISTRIES)
    return chance.uniform(0, 1e6, shape), chance.uniform(6, 14, (draws, len(KINDS)))


def by_flodym(bought: np.ndarray, means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return stock and what leaves (D, Y, S, C) by flodym, draws being a dimension."""
    items = {
        "Time": ("t", YEARS.tolist(), int),
        "Draw": ("d", list(range(len(bought))), int),
        "Segment": ("s", list(SEGMENTS), str),
        "Chemistry": ("c", list(CHEMISTRIES), str),
    }
    dims = flodym.DimensionSet(
        dim_list=[
            flodym.Dimension(name=name, letter=letter, items=each, dtype=kind)
            for name, (letter, each, kind) in items.items()
        ]
    )
    scale = flodym.Parameter(
        name="scale", dims=dims.get_subset(("d", "s")), values=scale_of(means, SHAPE)[:, KIND_OF]
    )
    model = flodym.WeibullLifetime(dims=dims, weibull_shape=SHAPE, weibull_scale=scale)
    inflow = flodym.StockArray(dims=dims, values=np.moveaxis(bought, 0, 1).copy())
    stock = flodym.InflowDrivenDSM(dims=dims, inflow=inflow, lifetime_model=model)
    stock.compute()
    return np.moveaxis(stock.stock.values, 0, 1), np.moveaxis(stock.outflow.values, 0, 1)


def ours(bought: np.ndarray, means: np.ndarray) -> Flows:
    """Return all flows of the same, by the kernel of every run."""
    draws, years = bought.shape[:2]
    total = bought.sum(axis=3)
    mix = bought / total[..., None]
    nothing, one = np.zeros(draws), np.ones((draws, len(KINDS)))
    never = np.ones((draws, len(KINDS), 1, years))
    age = ages(years)
    lives = Lives(
        vehicle=lasting(age, means[:, :, None]),
        battery=never,
        second=lasting(age, np.full(draws, 6.0)),
        replaced=one,
        exported=nothing,
        collected=np.ones((draws, years)),
        reused=nothing,
        second_share=np.full((draws, len(CHEMISTRIES)), 0.15),
    )
    by_segment = ("vehicles", "packs")
    flows = Flows._make(
        np.empty(bought.shape[:3] if name in by_segment else bought.shape) for name in Flows._fields
    )
    fill(total, np.ones_like(total), mix, np.zeros((draws, len(SEGMENTS))), lives, flows)
    return flows


def beside(draws: int, theirs: int, rounds: int) -> tuple[Times, Times, Times, float]:
    """Return times of ours, of flodym with draws as a dimension and for one; and how far they are apart."""
    bought, means = problem(draws)
    times: tuple[Times, Times, Times] = [], [], []
    for _ in range(rounds + 1):
        flows = timed(times[0], lambda: ours(bought, means))
        stock, left = timed(times[1], lambda: by_flodym(bought[:theirs], means[:theirs]))
        timed(times[2], lambda: by_flodym(bought[:1], means[:1]))
    apart = max(
        np.abs(flows.stock[:theirs] - stock).max() / stock.max(),
        np.abs(flows.left[:theirs] - left).max() / left.max(),
    )
    return *(each[1:] for each in times), float(apart)


def said(times: Times, over: float = 1) -> str:
    """Return the best, in milliseconds: of the process, by the clock."""
    cpu, passed = (1000 * min(each) / over for each in zip(*times, strict=True))
    return f"{cpu:,.2f} | {passed:,.2f}"


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--draws", type=int, default=1000)
    options.add_argument("--theirs", type=int, default=20, help="draws of flodym at once")
    options.add_argument("--rounds", type=int, default=9)
    args = options.parse_args()
    warnings.filterwarnings("ignore")
    load = os.getloadavg()[0]
    running, with_bands = whole(args.draws, args.rounds)
    page, page_with_bands = whole(200, args.rounds)
    steps = parts(args.draws, args.rounds)
    us, dimension, single, apart = beside(args.draws, args.theirs, args.rounds)
    sensitivity(Scenario(), "left_2030", "morris", 2)  # loads SALib
    ends: Times = []
    morris: Times = []
    for place in range(args.rounds):
        other = Scenario(given={"car.market_million": 20 + place / 10})
        timed(ends, lambda other=other: what_matters(other, "left_2030"))
        moved = timed(morris, lambda other=other: sensitivity(other, "left_2030", "morris", 20))
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()} with {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, NumPy {version('numpy')}, Numba {version('numba')}, load average "
        f"{load:.1f} before and {os.getloadavg()[0]:.1f} after.\n"
    )
    print("| What | CPU, ms | Passed, ms |\n| --- | ---: | ---: |")
    print(f"| **{args.draws:,} draws, the whole with all bands** | {said(with_bands)} |")
    print(f"| {args.draws:,} draws, without bands | {said(running)} |")
    print(f"| 200 draws (a page), with all bands | {said(page_with_bands)} |")
    print(f"| 200 draws, without bands | {said(page)} |")
    print(f"| what matters, one at a time | {said(ends)} |")
    print(f"| Morris, 20 trajectories ({moved.runs:,} runs) | {said(morris)} |")
    print(f"\nOf {args.draws:,} draws:\n\n| Step | CPU, ms | Passed, ms |\n| --- | ---: | ---: |")
    for name, times in steps.items():
        print(f"| {name} | {said(times)} |")
    print("\nOne Weibull life, a draw:\n\n| Who | CPU, ms | Passed, ms |\n| --- | ---: | ---: |")
    print(f"| ours, {args.draws:,} draws, all flows | {said(us, args.draws)} |")
    print(
        f"| flodym {version('flodym')}, {args.theirs} draws as a dimension | {said(dimension, args.theirs)} |"
    )
    print(f"| flodym {version('flodym')}, one draw a run | {said(single)} |")
    print(f"\nApart by at most {apart:.1e} of the largest.")


if __name__ == "__main__":
    main()
