"""`voltrail outlook goal` and `hindcast`: what a goal takes, and how far off the loop would have been."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from voltrail.cli.common import json_option, print_json
from voltrail.cli.outlook_scenario import scenario_of

if TYPE_CHECKING:
    from voltrail.outlook.goal import Answer
    from voltrail.outlook.run import Band

_BILLION = 1e9


@click.command("goal")
@click.argument("group", type=click.Choice(["truck"]))
@click.option("--percent", type=click.FloatRange(0, 100, min_open=True), help="New-energy, of those sold.")
@click.option("--year", type=click.IntRange(2026, 2045), help="In which it is to be reached.")
@click.option("--scenario", "name", default="baseline", show_default=True, help="Name or TOML file.")
@json_option
def goal(group: str, percent: float | None, year: int | None, name: str, *, as_json: bool) -> None:
    """
    Say whether a goal for heavy trucks is met without further policy, and what it takes where it is not.

    Without --percent and --year it answers for the plans that are known: 40 % in 2030, and doubling by 2027
    in both readings, of the goal for 2025 and of what came in 2025.
    """
    from voltrail.outlook.goal import GOALS, Goal, ask

    del group  # one as yet
    if (percent is None) != (year is None):
        raise click.UsageError("Give --percent and --year together, or neither.")
    asked = GOALS if percent is None or year is None else (Goal(percent, year, "as asked"),)
    scenario = scenario_of(name)
    answers = [ask(one, scenario) for one in asked]
    if as_json:
        print_json({"goals": [_plain(one) for one in answers]})
        return
    click.echo("20 % of heavy trucks sold at home were to be new-energy in 2025: 28.89 % were.")
    for answer in answers:
        click.echo()
        _say(answer, scenario.draws)
    click.echo("\nIn hindcasts fewer than nine of ten held: chances are less sure than they look.")


@click.command("hindcast")
@click.option(
    "--after",
    type=click.IntRange(2015, 2024),
    default=2019,
    show_default=True,
    help="Nothing later is known.",
)
@json_option
def hindcast(after: int, *, as_json: bool) -> None:
    """
    Say what the loop would have foreseen after a year, beside what came and how far it was off.

    It is fitted to nothing later. Told as they came are grants and what the world outside China needed.
    """
    import numpy as np

    from voltrail.outlook import calibrate_loop, markets
    from voltrail.outlook.book import book
    from voltrail.outlook.classes import GROUPS

    past = markets.past(book())
    looked = calibrate_loop.hindcast(past, after)
    columns = [*(f"{group}, %" for group in GROUPS), "pack, $/kWh"]
    errors = looked.errors(), looked.errors_of_no_change(past)
    if as_json:
        told = {
            column: {
                "fitted": bool(looked.known[at]),
                "said": looked.said[:, at].tolist(),
                "low": looked.low[:, at].tolist(),
                "high": looked.high[:, at].tolist(),
                "came": looked.came[:, at].tolist(),
                "error": float(errors[0][at]),
                "error_of_no_change": float(errors[1][at]),
            }
            for at, column in enumerate((*GROUPS, "price_usd"))
        }
        print_json({"after": after, "years": looked.years.tolist(), "series": told})
        return
    fitted = np.flatnonzero(looked.known)
    heads = [columns[at] for at in fitted]
    table = Table("Year", *heads, title=f"Said after {after} (nine of ten draws), and what came")
    for row, year in enumerate(looked.years):
        cells = (
            f"{looked.said[row, at]:.0f} ({looked.low[row, at]:.0f} to {looked.high[row, at]:.0f})\n"
            f"came {looked.came[row, at]:.0f}"
            for at in fitted
        )
        table.add_row(str(year), *cells)
    for name, error in zip(("Mean error", "of no change"), errors, strict=True):
        table.add_section()
        table.add_row(name, *(f"{error[at]:.1f}" for at in fitted))
    Console().print(table)
    if not looked.known.all():
        click.echo("Heavy trucks are counted apart since 2021: too late for a fit.")


def _say(answer: Answer, draws: int) -> None:
    goal = answer.goal
    click.echo(f"{goal.percent:g} % in {goal.year} ({goal.says}), {draws} draws, nine of ten in brackets:")
    click.echo(f"  Without further policy {_band(answer.share, ' %')}: reached in {_of_100(answer.chance)}.")
    if answer.support_total.high <= 0:
        click.echo("  It takes no support.")
    else:
        click.echo(
            f"  With support {_band(answer.helped, ' %')}: reached in {_of_100(answer.chance_helped)}. "
            f"It takes {_band(answer.support_yuan, ' billion yuan', _BILLION)} in {goal.year}, "
            f"{_band(answer.truck_yuan, ' yuan')} a truck, "
            f"{_band(answer.support_total, ' billion yuan', _BILLION)} from 2026 on."
        )
    click.echo(
        f"  Batteries in trucks sold in {goal.year}: {_band(answer.gwh, ' GWh')} without, "
        f"{_band(answer.gwh_helped, ' GWh')} with."
    )
    for year, (without, helped) in answer.retired.items():
        click.echo(
            f"  Out of trucks in {year}: {_band(without, ' GWh')} without, {_band(helped, ' GWh')} with."
        )


def _of_100(chance: float) -> str:
    return "all draws" if chance == 1 else "none" if chance == 0 else f"{100 * chance:.3g} of 100 draws"


def _band(band: Band, unit: str, over: float = 1) -> str:
    middle, low, high = (_number(float(one) / over) for one in band)
    return f"{middle}{unit} ({low} to {high})"


def _number(value: float) -> str:
    """Return a number with three digits that count, thousands apart."""
    digits = max(2 - math.floor(math.log10(abs(value))), 0) if abs(value) >= 0.005 else 0
    return f"{round(value, digits):,.{min(digits, 2)}f}"


def _plain(answer: Answer) -> dict[str, object]:
    def told(band: Band) -> dict[str, float]:
        return {name: float(one) for name, one in band._asdict().items()}

    return {
        "percent": answer.goal.percent,
        "year": answer.goal.year,
        "says": answer.goal.says,
        "chance": answer.chance,
        "chance_with_support": answer.chance_helped,
        "share_percent": told(answer.share),
        "share_percent_with_support": told(answer.helped),
        "support_yuan": told(answer.support_yuan),
        "support_yuan_total": told(answer.support_total),
        "support_yuan_a_truck": told(answer.truck_yuan),
        "batteries_gwh": told(answer.gwh),
        "batteries_gwh_with_support": told(answer.gwh_helped),
        "left_gwh": {
            str(year): {"without": told(without), "with_support": told(helped)}
            for year, (without, helped) in answer.retired.items()
        },
    }
