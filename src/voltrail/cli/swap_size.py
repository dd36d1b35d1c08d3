"""`voltrail swap size`: how many packs, chargers, bays and stations do it for the least money a year."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from voltrail.cli.common import json_option, print_json
from voltrail.cli.swap_scenario import SCENARIO, scenario_in, seed_option
from voltrail.errors import UsageError
from voltrail.swap.scenario import Scenario, StationPart
from voltrail.swap.station import Interval

if TYPE_CHECKING:
    from voltrail.swap.corridor import CorridorSized
    from voltrail.swap.sizing import Changed, NetworkSized, Sized

_NAMES = {
    "packs": "pack",
    "chargers": "charger",
    "bays": "bay",
    "demand": "trucks that come",
    "charger_power": "power of a charger",
    "swap_time": "time of a swap",
    "pack_price": "price of packs",
    "charger_price": "price of chargers",
    "capacity_price": "price of capacity",
    "energy_price": "price of energy",
}


_SHOWN = 5  # sizes that lie close
_WIDE = 70  # of the line of kilometres


@click.command()
@click.argument("scenario", metavar="SCENARIO.toml", type=SCENARIO)
@seed_option
@json_option
def size(scenario: Path, *, seed: int, as_json: bool) -> None:
    """
    Find the cheapest station, network or road of stations whose trucks wait no longer than the target.

    With a table [network] each of its stations is sized; with [corridor] stations are put along the road so
    that trucks get through, and sized. Each size is simulated; waits are told with their interval of 95 %.
    Exits with 1 where no size does: it says why.
    """
    from voltrail.swap import sizing  # compiled: takes its time to load
    from voltrail.swap.corridor import size_corridor

    read = scenario_in(scenario)
    if read.network is not None and read.corridor is not None:
        raise UsageError("swap.size", "The scenario has a network and a road.", "Leave out one of the two.")
    with _bar(shown=not as_json) as progress:
        sized: CorridorSized | NetworkSized | Sized
        changed: list[Changed] = []
        if read.corridor is not None:
            sized = size_corridor(read, seed, progress)
        elif read.network is not None:
            sized = sizing.size_network(read, seed, progress)
        else:
            sized = sizing.size(read, seed, progress)
            changed = list(sizing.sensitivity(read, seed, progress))
    if as_json:
        print_json({"sized": sized, "sensitivity": changed})
    elif isinstance(sized, sizing.Sized):
        _print_station(read, sized, changed)
    elif isinstance(sized, sizing.NetworkSized):
        _print_network(sized)
    else:
        _print_road(sized)


@contextmanager
def _bar(*, shown: bool) -> Iterator[Callable[[], object] | None]:
    """Show how many sizes were tried, where somebody looks on."""
    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        yield None
        return
    columns = (SpinnerColumn(), TextColumn("{task.completed} sizes tried"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda: progress.advance(task)


def _print_station(scenario: Scenario, sized: Sized, changed: list[Changed]) -> None:
    station, trial, target, yearly = sized.station, sized.trial, scenario.target, sized.yearly
    if scenario.name:
        click.echo(scenario.name)
    click.echo(f"  {_size(station)}: {yearly.total:,.0f} yuan a year.")
    for name in yearly.__struct_fields__:
        click.echo(f"    {name:<10} {getattr(yearly, name):>12,.0f}")
    click.echo(f"  Trucks wait {_minutes(trial.wait_min)} on average, {target.mean_wait_min:g} allowed;")
    click.echo(f"  95 of 100 at most {_minutes(trial.wait_p95_min)}, {target.p95_wait_min:g} allowed.")
    click.echo(f"  What binds is {'the mean' if sized.binds == 'mean' else 'the longest waits'}.")
    for less in sized.one_less:
        then = "the queue grows for ever"
        if less.trial is not None:
            then = (
                f"{_minutes(less.trial.wait_min)} on average, 95 of 100 {_minutes(less.trial.wait_p95_min)}"
            )
        click.echo(f"    A {_NAMES[less.what]} less saves {less.saves:,.0f} yuan: {then}.")
    if sized.close:
        click.echo(
            f"  {len(sized.close)} cheaper sizes lie too close to the target to say that they meet it:"
        )
        for part in sized.close[:_SHOWN]:
            click.echo(f"    {_size(part)}")
    click.echo("\n  The less they wait, the more it costs:")
    click.echo(f"    {'yuan a year':>12}  {'mean, min':>16}  {'95 of 100, min':>16}  size")
    for point in sized.curve:
        here = " <" if point.station == station else ""
        click.echo(
            f"    {point.yearly:>12,.0f}  {_short(point.trial.wait_min):>16}  "
            f"{_short(point.trial.wait_p95_min):>16}  {_size(point.station)}{here}"
        )
    click.echo("\n  If something is other than the scenario says:")
    for one in changed:
        more = one.yearly - yearly.total
        click.echo(
            f"    {_NAMES[one.what]:<20} {one.factor - 1:>+5.0%}  {more:>+12,.0f} yuan  {_size(one.station)}"
        )
    click.echo(f"  Seed {sized.seed}, {trial.swaps:,} swaps of the size chosen.")


def _print_network(network: NetworkSized) -> None:
    click.echo(f"  {len(network.stations)} stations: {_together(network)}")
    click.echo(
        f"    {'swaps a day':>12}  {'mean, min':>16}  {'95 of 100, min':>16}  {'yuan a year':>12}  size"
    )
    for swaps, sized in zip(network.swaps_per_day, network.stations, strict=True):
        waits = f"{_short(sized.trial.wait_min):>16}  {_short(sized.trial.wait_p95_min):>16}"
        click.echo(f"    {swaps:>12,.1f}  {waits}  {sized.yearly.total:>12,.0f}  {_size(sized.station)}")


def _print_road(road: CorridorSized) -> None:
    """Print a line of kilometres with a mark for each station, and a row for each."""
    click.echo(f"  {len(road.stops)} stations on {road.length_km:g} km: {_together(road)}")
    line = ["-"] * _WIDE
    for stop in road.stops:
        line[min(int(stop.km / road.length_km * _WIDE), _WIDE - 1)] = "e" if stop.existing else "o"
    click.echo(f"    0 {''.join(line)} {road.length_km:g} km")
    click.echo(f"  The longest stretch without a station has {road.longest_gap_km:g} km.")
    click.echo(
        f"  {'km':>7}  {'swaps a day':>11}  {'come at':>7}  {'least':>5}  "
        f"{'95 of 100, min':>14}  {'yuan a year':>11}  size"
    )
    for stop in road.stops:
        sized = stop.sized
        mark = " e" if stop.existing else ""
        size = _size(sized.station).replace(" chargers of ", " × ").replace(" charger of ", " × ")
        charge = f"{stop.arrives_at:>7.0%}  {stop.lowest:>5.0%}"
        wait = f"{_short(sized.trial.wait_p95_min):>14}"
        click.echo(
            f"  {stop.km:>7,.1f}  {stop.swaps_per_day:>11,.1f}  {charge}  {wait}  "
            f"{sized.yearly.total:>11,.0f}  {size}{mark}"
        )
    if any(stop.existing for stop in road.stops):
        click.echo("  e: there already")


def _together(all_: CorridorSized | NetworkSized) -> str:
    return (
        f"{all_.packs:,} packs, {all_.chargers:,} chargers of {all_.power_kw:,.0f} kW together, "
        f"{all_.bays:,} bays, {all_.yearly:,.0f} yuan a year."
    )


def _size(part: StationPart) -> str:
    numbers = ((part.packs, "pack"), (part.chargers, "charger"), (part.bays, "bay"))
    packs, chargers, bays = (f"{number:,} {name}{'' if number == 1 else 's'}" for number, name in numbers)
    return f"{packs}, {chargers} of {part.charger_kw:g} kW, {bays}"


def _minutes(interval: Interval) -> str:
    return f"{_short(interval)} min"


def _short(interval: Interval) -> str:
    return f"{interval.mean:.2f} ± {interval.half_width:.2f}"
