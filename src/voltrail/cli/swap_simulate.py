"""`voltrail swap simulate`: how long trucks wait at a station, and what it draws from the grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from voltrail.cli.common import json_option, print_json
from voltrail.cli.swap_charging import print_results
from voltrail.cli.swap_scenario import SCENARIO, scenario_in, seed_option
from voltrail.swap.scenario import DemandPart, Model, Scenario, energy_kwh, example
from voltrail.swap.station import HOURS, Interval

if TYPE_CHECKING:
    from voltrail.swap.simulate import Outcome

_SHOWN_FROM = 20_000_000  # swaps that take longer than a second


@click.command()
@click.argument("scenario", metavar="SCENARIO.toml", required=False, type=SCENARIO)
@click.option(
    "--swaps",
    type=click.IntRange(4_000, 10**10),
    default=1_000_000,
    show_default=True,
    help="How many are simulated, after a tenth as many that are not counted.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=30,
    show_default=True,
    help="How many in each of ten runs, in place of --swaps, where the scenario has particulars.",
)
@seed_option
@click.option(
    "--example",
    "wants_example",
    is_flag=True,
    help="Print a scenario with comments to start from, and do nothing else.",
)
@json_option
def simulate(
    scenario: Path | None, *, swaps: int, days: int, seed: int, wants_example: bool, as_json: bool
) -> None:
    """
    Simulate the station of a scenario, and print how long trucks wait, each figure with its interval of 95 %.

    Particulars (failures, ageing, patience, times of trucks, when packs charge) are simulated truck by truck:
    days rather than centuries. Exits with 1 where more trucks come than the station can serve: it says what
    is short.
    """
    if wants_example:
        click.echo(example(), nl=False)
        return
    if scenario is None:
        raise click.UsageError("Name a SCENARIO.toml. --example prints one.")
    from voltrail.swap.runs import RUNS, needs_rich, simulate_rich  # compiled: takes its time to load
    from voltrail.swap.simulate import simulate_scenario

    read = scenario_in(scenario)
    if needs_rich(read):
        with _bar("Runs", RUNS, shown=not as_json) as told:
            rich = simulate_rich(read, days, seed, lambda: told(1))
        if as_json:
            print_json({"scenario": read, "result": rich})
            return
        _print_scenario(read)
        print_results([rich])
        return
    with _bar("Swaps", swaps + swaps // 10, shown=not as_json and swaps >= _SHOWN_FROM) as told:
        outcome = simulate_scenario(read, swaps, seed, told)
    if as_json:
        print_json({"scenario": read} | msgspec.structs.asdict(outcome))
        return
    _print_scenario(read, outcome.model)
    _print_result(outcome)


@contextmanager
def _bar(what: str, total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    with Progress(console=Console(stderr=True), disable=not shown) as progress:
        task = progress.add_task(what, total=total)
        yield lambda more: progress.advance(task, more)


def _print_scenario(scenario: Scenario, model: Model | None = None) -> None:
    """Print all that was assumed, given or not; where there is no model, which particulars there are."""
    station, pack = scenario.station, scenario.pack
    bound = "" if station.grid_kw is None else f", of which the grid feeds {station.grid_kw:g} kW at once"
    when = "when they are swapped" if station.hand_over == "swap" else "when their truck arrives"
    if scenario.name:
        click.echo(scenario.name)
    rows = [
        ("Packs", f"{station.packs} of {energy_kwh(pack):g} kWh{f' ({pack.type})' if pack.type else ''}"),
        ("", f"they go to charge {when}, from {pack.arrives_at:.0%} to {pack.leaves_at:.0%}"),
        ("", f"at an efficiency of {pack.efficiency:.0%}"),
        ("Chargers", f"{station.chargers} of {station.charger_kw:g} kW{bound}"),
        ("Bays", f"{station.bays}, {station.swap_min:g} min a swap"),
        ("Demand", _who_comes(scenario.demand)),
    ]
    if model:
        charge = f"{model.grid_kwh:,.1f} kWh from the grid in {model.station.charge.mean_min:,.1f} min"
        rows.append(("A charge", f"{charge}, {model.station.chargers} at once"))
    else:
        parts = {"failures": scenario.failures, "ageing": scenario.ageing, "patience": scenario.balking}
        given = [f"packs charge {scenario.charging.policy.replace('_', ' ')}"]
        rows.append(("Also", ", ".join([*given, *(name for name, part in parts.items() if part)])))
    for name, text in rows:
        click.echo(f"  {name:<9} {text}")


def _who_comes(demand: DemandPart) -> str:
    if demand.times is not None:
        return f"{len(demand.times):,} trucks at given times, again and again"
    if demand.trucks is not None:
        return f"{demand.trucks} trucks that come back after {demand.drive_min:g} min on average"
    by_hour = "" if demand.by_hour == (demand.by_hour[0],) * HOURS else ", by hour as given"
    return f"{demand.swaps_per_day:g} trucks a day by chance{by_hour}"


def _print_result(outcome: Outcome) -> None:
    result = outcome.result
    rows: list[tuple[str, Interval | None, str]] = [
        ("Wait, mean", result.wait_min, "min"),
        ("Wait, 95 of 100 at most", result.wait_p95_min, "min"),
        ("Trucks that wait", Interval(1 - result.no_wait.mean, result.no_wait.half_width).times(100), "%"),
        ("Swaps", result.swaps_per_hour.times(24), "a day"),
        ("Chargers in use", result.charger_use.times(100), "%"),
        ("Packs in use", result.packs_in_use, f"of {outcome.model.station.packs}"),
        ("Trucks on the road", result.availability and result.availability.times(100), "%"),
        ("Energy from the grid", outcome.mwh_per_day, "MWh a day"),
        ("", outcome.gwh_per_year, "GWh a year"),
    ]
    _print_rows(rows)
    click.echo(f"  Seed {result.seed}, {result.swaps:,} swaps in {result.days:,.0f} days.")


def _print_rows(rows: list[tuple[str, Interval | None, str]]) -> None:
    click.echo(f"  {'':<24} {'mean':>10}   {'95 %':>8}")
    for name, interval, unit in rows:
        if interval:
            click.echo(f"  {name:<24} {interval.mean:>10,.2f} ± {interval.half_width:>8,.2f} {unit}")
