"""`voltrail outlook backtest`: how forecasts of shares have done, losses included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.table import Table

from voltrail.cli.common import json_option, print_json

if TYPE_CHECKING:
    from voltrail.outlook.adoption import Step, Told

_WORDS: Final = ("Model", "Nearer")
_NEARER: Final = {"model": "the model", "no_change": "no-change", "neither": "—"}


@click.command()
@click.argument("series", metavar="SERIES", required=False)
@click.option(
    "--horizon",
    type=click.IntRange(1, 15),
    default=5,
    show_default=True,
    help="How many steps ahead are told: years, quarters or months, as the series goes.",
)
@json_option
def backtest(series: str | None, *, horizon: int, as_json: bool) -> None:
    """
    Print what was forecast at every cut-off from 2019 on, how it came, and whether no-change was nearer.

    Of all series, or of one. At each cut the model is chosen by what had come of its forecasts until then.
    """
    from voltrail.outlook import adoption
    from voltrail.outlook.book import book

    asked = [adoption.series_of(series)] if series is not None else adoption.SERIES
    told = [adoption.look_ahead(book(), one) for one in asked]
    if as_json:
        print_json(
            [adoption.summary_of(one, horizon) | {"trials": adoption.trials_of(one, horizon)} for one in told]
        )
        return
    console = Console()
    for one in told:
        console.print(f"\n[bold]{one.id}[/bold]")
        if one.forecast is None:
            console.print(f"  {one.refused}")
        else:
            _print_trials(console, one.step, adoption.trials_of(one, horizon))
    console.print()
    _print_scores(console, told, horizon)


def _print_trials(console: Console, step: Step, trials: list[dict[str, Any]]) -> None:
    table = _table(
        "Cut", f"{step.capitalize()}s", "Model", "Said, %", "Came, %", "Error", "No-change", "Nearer"
    )
    for one in trials:
        table.add_row(
            one["cut"],
            str(one["steps"]),
            one["model"],
            *(f"{100 * one[name]:.1f}" for name in ("said", "came", "error", "no_change_error")),
            _NEARER[one["nearer"]],
        )
    console.print(table)


def _print_scores(console: Console, told: list[Told], horizon: int) -> None:
    """Print a line for each series: who was nearer how often, mean errors in points, intervals that held."""
    table = _table("Series", "Better", "Worse", "Same", "Error", "No-change", "Trend", "Ratio", "Held")
    for one in told:
        tested = one.forecast and one.forecast.backtest
        score = tested and tested.score(most=horizon)
        if not tested or not score:
            table.add_row(one.id, *("—",) * 8)
            continue
        table.add_row(
            one.id,
            *(str(each) for each in (score.better, score.worse, score.same)),
            f"{100 * score.error:.1f}",
            f"{100 * score.no_change_error:.1f}",
            f"{100 * tested.errors(most=horizon)['trend']:.1f}",
            "—" if score.ratio is None else f"{score.ratio:.2f}",
            f"{score.held}/{score.intervals}",
        )
    console.print(table)
    console.print(
        "\nMean errors in points; ratio: to no-change, below 1 is better; held: intervals that should hold "
        "80 of 100, of those that say something."
    )


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if column in _WORDS or not place else "right", no_wrap=True)
    return table
