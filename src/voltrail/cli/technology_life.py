"""`voltrail technology life`: how long a battery lasts under a duty, and what the outlook takes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from voltrail.cli.common import json_option, print_json

if TYPE_CHECKING:
    from voltrail.technology.life import Interval, Life

_PRINTED = (0, 1, 2, 3, 5, 8, 10, 15, 20, 25, 30)  # years


@click.command("life")
@click.option(
    "--cell", "of", default="LFP", show_default=True, help="A chemistry (LFP, NMC, NCA, LMO, LTO) or cell."
)
@click.option("--duty", default="private-car", show_default=True, help="What it does: a duty by its name.")
@click.option("--then", default="second-life", show_default=True, help="What it does after its first life.")
@click.option("--place", default="shanghai", show_default=True, help="Where it is, by name.")
@click.option("--temperature", type=float, help="How warm the air is all the year, °C, in place of a place.")
@click.option("--km", type=float, help="Kilometres a year, in place of the duty's.")
@click.option("--to", "end_first", type=float, default=80, show_default=True, help="First life ends at, %.")
@click.option("--second-to", "end_second", type=float, default=60, show_default=True, help="Second, %.")
@click.option("--draws", type=int, default=1000, show_default=True, help="How often it is drawn.")
@click.option("--toml", "as_toml", is_flag=True, help="Print what a scenario of the outlook sets.")
@json_option
def life(
    *,
    of: str,
    duty: str,
    then: str,
    place: str,
    temperature: float | None,
    km: float | None,
    end_first: float,
    end_second: float,
    draws: int,
    as_toml: bool,
    as_json: bool,
) -> None:
    """
    Print how long a battery lasts: capacity over years, end of its first life, years of a second one.

    By the law of its chemistry with its source, with where nine of ten draws lie. For cells with a solid
    electrolyte or a metal anode there is no public law, so none is told.
    """
    from voltrail.technology.duty import duty_of, months_of
    from voltrail.technology.life import chemistry_of
    from voltrail.technology.life import life as life_of

    found = life_of(
        chemistry_of(of),
        duty_of(duty) if km is None else duty_of(duty, km_a_year=km),
        months_of(place if temperature is None else temperature),
        then=duty_of(then),
        end_first=end_first / 100,
        end_second=end_second / 100,
        draws=draws,
    )
    if as_toml:
        _print_toml(found)
    elif as_json:
        print_json(found.as_json())
    else:
        _print(found)


def _print_toml(found: Life) -> None:
    from voltrail.outlook.lives import overrides_of_law

    click.echo("[set]")
    years = (found.first, found.second)
    for (name, own), told in zip(overrides_of_law(found).items(), years, strict=True):
        click.echo(f"# the law says {_years(told)}; what a scenario may not set is cut off")
        click.echo(f"{name} = {{value = {own.value:g}, low = {own.low:g}, high = {own.high:g}}}")


def _print(found: Life) -> None:
    table = Table("Years", "Capacity", "from", "to", "Lost by the calendar", "Resistance")
    for place in _PRINTED:
        middle, low, high = (float(one) for one in found.capacity[:, place])
        share = float(found.by_calendar[0, place])
        more = "not known" if found.resistance is None else f"+{found.resistance[0, place]:.0%}"
        table.add_row(str(place), f"{middle:.1%}", f"{low:.1%}", f"{high:.1%}", f"{share:.1%}", more)
    Console().print(table)
    click.echo(
        f"{found.chemistry}, {found.duty}: {found.end_first:.0%} after {_years(found.first)}, "
        f"{100 * found.calendar_share.middle:.0f} % of the loss by the calendar."
    )
    click.echo(f"Then to {found.end_second:.0%}: {_years(found.second)} more.")
    if found.beyond:
        click.echo(f"Carried on beyond what was measured: {', '.join(found.beyond)}.")


def _years(one: Interval) -> str:
    from voltrail.technology.life import SAID_YEARS

    middle, low, high = (
        f"more than {SAID_YEARS:.0f}" if years >= SAID_YEARS else f"{years:.1f}" for years in one
    )
    return f"{middle} years ({low} to {high})"
