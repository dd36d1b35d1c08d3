"""
Measure how long a range takes, and a map of the cold, beside FASTSim, which drives second by second too.

    python bench/technology.py

A range is `estimate` with its draws: cell, vehicle, cycle. A map is 40 temperatures, 10 cells, 10 vehicles.
FASTSim (2.x, in Python, and its port to Rust) drives one vehicle over one cycle, without uncertainty, and
charges and balances a battery besides. Beside both stands the plainest loop over seconds in Python, as what
anybody would write first. The vehicles and cycles of the comparison are FASTSim's own, its Chevrolet Bolt
and its UDDS, HWFET and WLTC, given to ours number by number; the difference is in kWh/100 km at the battery.
Times are those of the process and by the clock: the best of several rounds, after one that is not counted.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np

from voltrail.technology.cell import CELLS
from voltrail.technology.cycles import CYCLES, Cycle
from voltrail.technology.pack import pack_of
from voltrail.technology.range import FACTORS, Procedure, cold_map, estimate
from voltrail.technology.vehicle import GRAVITY_M_S2, VEHICLES, Vehicle

MAP_C = np.linspace(-30, 30, 40)
THEIRS = {"udds": "UDDS", "hwfet": "HWFET", "wltc_3b": "WLTC class 3b"}
BOLT = 17  # its row in FASTSim's table of vehicles
MILE_KM = 1.609344
AIR_KG_M3 = 1.2  # FASTSim's air
AIR_C = 21.0  # at which air has that density


class Took(NamedTuple):
    """Seconds: of the process, and by the clock."""

    cpu: float
    passed: float


def best(run_it: Callable[[], Any], rounds: int) -> tuple[Took, Any]:
    """Return the shortest of several rounds, and what came of it."""
    times = []
    for _ in range(rounds + 1):
        cpu, passed = time.process_time(), time.perf_counter()
        told = run_it()
        times.append(Took(time.process_time() - cpu, time.perf_counter() - passed))
    return Took(min(one.cpu for one in times[1:]), min(one.passed for one in times[1:])), told


def loop(vehicle: Vehicle, cycle: Cycle, mass_kg: float, density: float) -> float:
    """Return kWh/100 km at the battery by the plainest loop over seconds."""
    joules = metres = 0.0
    speeds = cycle.speed_m_s.tolist()
    for before, after in pairwise(speeds):
        v = (before + after) / 2
        force = 0.5 * density * vehicle.drag_area_m2 * v * v + mass_kg * vehicle.turning * (after - before)
        watts = force * v + (vehicle.crr * mass_kg * GRAVITY_M_S2 * v if v > 0 else 0.0)
        if watts > 0:
            joules += watts / vehicle.drive_efficiency
        else:
            joules -= min(-watts, vehicle.regeneration_kw * 1e3) * vehicle.regeneration_efficiency
        joules += vehicle.auxiliary_kw * 1e3
        metres += v
    return joules / 36 / metres


def theirs(rounds: int) -> list[tuple[str, ...]]:
    """Return rows of the comparison: their times and ours for the same, and each consumption."""
    logging.disable(logging.WARNING)
    from fastsim import cycle as fastsim_cycle
    from fastsim import vehicle as fastsim_vehicle

    car = fastsim_vehicle.Vehicle.from_vehdb(BOLT)
    return [
        (word, *beside(car, fastsim_cycle.Cycle.from_file(name), rounds)) for name, word in THEIRS.items()
    ]


def beside(car: Any, trace: Any, rounds: int) -> tuple[str, ...]:
    """Return CPU in ms of FASTSim in Python and in Rust, the loop, and ours; and kWh/100 km of each."""
    from fastsim import simdrive

    def drive(*, rust: bool) -> float:
        run = simdrive.RustSimDrive(trace.to_rust(), car.to_rust()) if rust else simdrive.SimDrive(trace, car)
        run.sim_drive(0.5)
        return float(run.battery_kwh_per_mi) * 100 / MILE_KM

    seconds = len(trace.mps)
    cycle = msgspec.structs.replace(
        CYCLES["WLTC"],
        time_s=np.asarray(trace.time_s, float),
        speed_m_s=np.asarray(trace.mps, float),
        grade=np.zeros(seconds),
        weight=np.ones(seconds),
    )
    ours = msgspec.structs.replace(
        VEHICLES["bolt2017"],
        drag_area_m2=float(car.drag_coef * car.frontal_area_m2),
        crr=float(car.wheel_rr_coef),
        crr_per_k=0.0,
        auxiliary_kw=float(car.aux_kw),
        regeneration_kw=float(car.mc_max_kw),
    )
    plain = {key: msgspec.structs.replace(one, value=1.0) for key, one in FACTORS.items()}
    pack = pack_of(CELLS["nmc-liquid"], energy_kwh=60)
    mass_kg = float(car.veh_kg)

    def estimated(draws: int) -> float:
        return estimate(
            pack,
            ours,
            cycle,
            AIR_C,
            mass_kg=mass_kg,
            draws=draws,
            factors=plain,
            procedure=Procedure(cabin=False),
        ).displayed

    python, told = best(lambda: drive(rust=False), 2)
    rust, _ = best(lambda: drive(rust=True), rounds)
    simple, by_loop = best(lambda: loop(ours, cycle, mass_kg, AIR_KG_M3), rounds)
    one, by_us = best(lambda: estimated(1), rounds)
    many, _ = best(lambda: estimated(1000), rounds)
    return (
        *(f"{1e3 * each.cpu:.1f}" for each in (python, rust, simple, one, many)),
        *(f"{each:.2f}" for each in (told, by_us, by_loop)),
        f"{100 * (by_us / told - 1):+.1f} %",
    )


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--draws", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=9)
    args = options.parse_args()
    warnings.filterwarnings("ignore")
    load = os.getloadavg()[0]
    pack = pack_of(CELLS["nmc-liquid"], energy_kwh=80)
    cells, vehicles = list(CELLS.values())[:10], list(VEHICLES.values())[:10]
    asked = [
        (
            f"{args.draws:,} draws, {cycle}, −20 °C",
            lambda cycle=cycle: estimate(
                pack, VEHICLES["car-saloon"], CYCLES[cycle], -20.0, draws=args.draws
            ),
        )
        for cycle in ("CLTC", "WLTC", "EPA", "truck-80")
    ]
    asked.append(
        (
            f"cold map, {len(MAP_C)} temperatures × {len(cells)} cells × {len(vehicles)} vehicles, WLTC",
            lambda: cold_map(cells, vehicles, CYCLES["WLTC"], MAP_C),
        )
    )
    timed = [(word, best(run_it, args.rounds)[0]) for word, run_it in asked]
    rows = theirs(args.rounds)
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()} with {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, NumPy {version('numpy')}, FASTSim {version('fastsim')}, load average "
        f"{load:.1f} before and {os.getloadavg()[0]:.1f} after.\n"
    )
    print("| What | CPU, ms | Passed, ms |\n| --- | ---: | ---: |")
    for word, took in timed:
        print(f"| {word} | {1e3 * took.cpu:.1f} | {1e3 * took.passed:.1f} |")
    print(
        "\nFASTSim's Bolt on its own cycles; CPU in ms, consumption at the battery in kWh/100 km:\n\n"
        "| Cycle | FASTSim, Python | FASTSim, Rust | plain loop | ours, 1 draw | ours, 1,000 draws | "
        "FASTSim, kWh | ours, kWh | loop, kWh | ours to theirs |"
    )
    print("| --- |" + " ---: |" * 9)
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
