"""`voltrail swap charging`: what it saves, and costs in wait, to charge packs at other hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from voltrail.cli.common import json_option, print_json
from voltrail.cli.swap_scenario import SCENARIO, scenario_in, seed_option
from voltrail.swap.scenario import POLICIES
from voltrail.swap.station import Interval

if TYPE_CHECKING:
    from voltrail.swap.runs import RichResult

DAYS: Final = 30
# What the table tells: name of a figure, what it is called, its unit, in how many decimals, times what.
_ROWS: Final = (
    ("energy_yuan", "Energy", "yuan a day", 0, 1),
    ("capacity_yuan", "Capacity", "yuan a day", 0, 1),
    ("wear_yuan", "Wear of packs", "yuan a day", 0, 1),
    ("yuan", "Together", "yuan a day", 0, 1),
    ("peak_kw", "Highest quarter-hour", "kW", 0, 1),
    ("wait_min", "Wait, mean", "min", 2, 1),
    ("wait_p95_min", "Wait, 95 of 100 at most", "min", 1, 1),
    ("found", "Trucks that find a pack", "%", 1, 100),
    ("drove_on", "Trucks that drive on", "%", 1, 100),
    ("swaps_per_day", "Swaps", "a day", 1, 1),
    ("energy_kwh", "Energy from the grid", "kWh a day", 0, 1),
    ("charger_use", "Chargers in use", "%", 1, 100),
    ("availability", "Trucks on the road", "%", 1, 100),
    ("health", "Health of packs", "%", 2, 100),
    ("replaced", "Packs worn out", "a year", 1, 1),
)
# Figures that say nothing where there is no fleet, or packs do not age.
_IDLE: Final = {"availability": 1.0, "health": 1.0, "replaced": 0.0}


@click.command()
@click.argument("scenario", metavar="SCENARIO.toml", type=SCENARIO)
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=DAYS,
    show_default=True,
    help="How many are simulated in each of ten runs, after one that is not counted.",
)
@seed_option
@json_option
def charging(scenario: Path, *, days: int, seed: int, as_json: bool) -> None:
    """
    Compare when packs charge: as soon as possible, in the cheapest hours only, and as planned ahead.

    All three meet the same trucks at the same minutes. Each figure stands with its interval of 95 %, and so
    does what differs from charging as soon as possible.
    """
    from voltrail.swap.runs import RUNS, compare  # compiled: takes its time to load

    read = scenario_in(scenario)
    with Progress(transient=True, console=Console(stderr=True), disable=as_json) as bar:
        task = bar.add_task("Runs", total=RUNS * len(POLICIES))
        found = compare(read, days, seed, lambda: bar.advance(task))
    if as_json:
        print_json({"scenario": read, "results": found.results, "more": found.more})
        return
    print_results(found.results, found.more)


def print_results(results: Sequence[RichResult], more: Sequence[Mapping[str, Interval]] = ()) -> None:
    """Print what each policy shows, and what it has more of than the first."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column()
    table.add_column()
    for result in results:
        table.add_column(result.policy.replace("_", " "), justify="right")
    for name, called, unit, decimals, factor in _ROWS:
        if all(result.figures[name] == Interval(_IDLE.get(name, -1.0), 0.0) for result in results):
            continue
        table.add_row(called, unit, *(_cell(result, name, decimals, factor) for result in results))
        if any(other[name].mean or other[name].half_width for other in more):
            differs = (_signed(other[name].times(factor), decimals) for other in more[1:])
            table.add_row("", "  more than the first", "", *differs)
    Console(width=110).print(table)
    first = results[0]
    click.echo(f"Seed {first.seed}, {first.runs} runs of {first.days} days; ± is half an interval of 95 %.")


def _cell(result: RichResult, name: str, decimals: int, factor: float) -> str:
    figure = result.figures[name].times(factor)
    return f"{figure.mean:,.{decimals}f} ± {figure.half_width:,.{decimals}f}"


def _signed(figure: Interval, decimals: int) -> str:
    return f"{figure.mean:+,.{decimals}f} ± {figure.half_width:,.{decimals}f}"
