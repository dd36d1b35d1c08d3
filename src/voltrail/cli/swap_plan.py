"""`voltrail swap plan`: where a truck swaps on its way, when, and with how much charge it arrives."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from voltrail.api.dispatch import Trip, read_point, request_of, told_of_plan
from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.registry.registry import Registry
from voltrail.swap.dispatch import Journey, plan
from voltrail.swap.way import Point


def _place(_: click.Context, parameter: click.Parameter, value: str) -> Point:
    return read_point(value, parameter.opts[0])


@click.command("plan")
@click.option("--from", "start", required=True, metavar="LAT,LON", callback=_place, help="Where it is.")
@click.option("--to", "destination", required=True, metavar="LAT,LON", callback=_place, help="Where it goes.")
@click.option("--truck", default="tractor-qiji", show_default=True, help="A truck of the catalogue.")
@click.option("--pack-type", default="qiji-171", show_default=True, help="The packs in it.")
@click.option("--blocks", type=click.IntRange(1, 8), default=3, show_default=True, help="How many packs.")
@click.option(
    "--load-t", type=click.FloatRange(0, 200), default=0.0, show_default=True, help="Its load in tonnes."
)
@click.option(
    "--charge", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Its charge, from 0 to 1."
)
@click.option(
    "--reserve", type=click.FloatRange(0, 0.9), default=0.1, show_default=True, help="The charge to keep."
)
@click.option(
    "--temperature-c", type=click.FloatRange(-50, 55), default=20.0, show_default=True, help="Outside, in °C."
)
@registry_options
@json_option
def plan_journey(
    *,
    start: Point,
    destination: Point,
    truck: str,
    pack_type: str,
    blocks: int,
    load_t: float,
    charge: float,
    reserve: float,
    temperature_c: float,
    registry: Registry,
    as_json: bool,
) -> None:
    """
    Plan a journey over the swap stations of a registry. Nothing is reserved by it.

    Exit code 1 where the charge does not last.
    """
    while registry.stations.follow() or registry.reservations.follow():
        pass
    now = datetime.now(UTC)
    trip = Trip(
        truck=truck,
        pack_type=pack_type,
        blocks=blocks,
        points=(start, destination),
        load_t=load_t,
        charge=charge,
        reserve=reserve,
        temperature_c=temperature_c,
    )
    found = plan(
        request_of(trip),
        registry.stations.there(now),
        registry.reservations.held(now),
        int(now.timestamp() * 1_000),
    )
    if as_json:
        print_json(told_of_plan(found, None, blocks))
    else:
        lasts = f"a charge lasts {found.reach_km:,.0f} km"
        click.echo(f"{found.km:,.0f} km at {found.per_km_kwh:.2f} kWh/km; {lasts}.")
        _print(found.best)
        if found.short is not None:
            click.echo(found.short.message)
        for one in found.refused:
            click.echo(f"  {one.name}: {one.message}")
        for note in found.notes:
            click.echo(note)
    if found.best is None:
        raise SystemExit(1)


def _print(journey: Journey | None) -> None:
    for number, stop in enumerate(journey.stops if journey is not None else (), 1):
        click.echo(
            f"{number}. {stop.name}, km {stop.km:,.0f}, {_clock(stop.arrives_ms)}:"
            f" arrives with {stop.left:.0%}, waits {stop.wait_min:.0f} min,"
            f" gets {stop.put_in_kwh:.0f} kWh ({', '.join(stop.packs)})"
        )
        for reason in stop.reasons:
            click.echo(f"   {reason.message}")
    if journey is not None:
        click.echo(f"There at {_clock(journey.arrives_ms)} with {journey.left:.0%}.")


def _clock(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M UTC")
