"""`voltrail outlook run`: a scenario, played through; or two, and how they differ."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from voltrail.cli.common import database_option, json_option, print_json
from voltrail.cli.outlook_scenario import scenario_of
from voltrail.cli.outlook_series import book_of, data_option, figures_option
from voltrail.errors import UsageError

if TYPE_CHECKING:
    from voltrail.outlook.loop import Past
    from voltrail.outlook.run import Outcome
    from voltrail.outlook.scenario import Scenario
    from voltrail.outlook.tables import Difference, Line

_ASKED_AFTER: Final = (2019, 2021, 2023)
_FEW: Final = 0.005  # of pairs: fewer than one in a hundred
_GROUPS: Final = {"car": "cars", "van": "vans", "bus": "buses", "truck": "heavy trucks"}
_YEARS: Final = (2025, *range(2026, 2036), 2040, 2050)
_COMPARED: Final = (2026, 2030, 2035, 2040, 2050)
_SHOWN: Final = (
    ("vehicles", "", "", "Sales", 1e-3, "M"),
    ("share", "car", "", "Cars", 1, "%"),
    ("share", "truck", "", "Trucks", 1, "%"),
    ("stock", "", "", "In vehicles", 1, "GWh"),
    ("left", "", "", "Left", 1, "GWh"),
    ("collected", "", "", "Collected", 1, "GWh"),
    ("processed", "", "", "Processed", 1, "GWh"),
    ("metal_recovered", "", "Li", "Li won back", 1e-3, "kt"),
)
_DIFFERING: Final = ("vehicles", "share", "stock", "left", "collected", "processed", "metal_recovered")


@click.command("run")
@click.argument("scenarios", metavar="SCENARIO [OTHER]", nargs=-1)
@click.option("--draws", type=int, help="How many, in place of the scenario's.")
@click.option("--seed", type=click.IntRange(0, 2**53), help="In place of the scenario's.")
@figures_option
@data_option
@database_option
@click.option(
    "--csv",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for the whole tables and the scenarios as they were played.",
)
@click.option(
    "--example", "wants_example", is_flag=True, help="Print a scenario with comments to start from."
)
@json_option
def run_scenario(
    scenarios: tuple[str, ...],
    *,
    draws: int | None,
    seed: int | None,
    figures: Path | None,
    data: Path | None,
    database: str | None,
    folder: Path | None,
    wants_example: bool,
    as_json: bool,
) -> None:
    """
    Play a scenario through: what is sold, stays, leaves, is collected and won back, with its spread.

    SCENARIO is a TOML file or the name of one that Voltrail brings along. With OTHER it is said how that
    differs, draw by draw under the same seed, and how sure that is.
    """
    from voltrail.outlook import tables
    from voltrail.outlook.doubt import ground
    from voltrail.outlook.run import run
    from voltrail.outlook.scenario import example

    if wants_example:
        click.echo(example(), nl=False)
        return
    if not 1 <= len(scenarios) <= 2:
        raise click.UsageError("Name one SCENARIO, or two to compare. --example prints one.")
    read = [_with(scenario_of(name), draws, seed) for name in scenarios]
    if len(read) == 2:
        read[1] = _with(read[1], read[0].draws, read[0].seed)
    book = book_of(figures, data, database)
    outcomes = [run(one, book) for one in read]
    every = [tables.lines(one) for one in outcomes]
    if folder is not None:
        _write(folder, scenarios, read, every)
    if as_json:
        told = [
            {"scenario": one, "table": [line._asdict() for line in lines]}
            for one, lines in zip(read, every, strict=True)
        ]
        backtest = {"backtest": _hindcasts(ground(book, read[0].known_at).past)}
        if len(told) == 2:
            print_json({"scenarios": told, "differences": _differences(outcomes)} | backtest)
        else:
            print_json(told[0] | backtest)
        return
    console = Console()
    if len(read) == 1:
        _print_one(console, read[0], every[0])
    else:
        _print_two(console, read, outcomes)
    _print_backtest(console, ground(book, read[0].known_at).past)
    _print_grounds(console, outcomes[0])


def _with(scenario: Scenario, draws: int | None, seed: int | None) -> Scenario:
    """Return a scenario with other draws and seed, checked again."""
    from voltrail.outlook.scenario import scenario_of as checked

    head = {
        "name": scenario.name,
        "note": scenario.note,
        "known_at": scenario.known_at,
        "draws": scenario.draws if draws is None else draws,
        "seed": scenario.seed if seed is None else seed,
    }
    return checked({**scenario.given, **scenario.ranges}, **head)


def _differences(outcomes: list[Outcome]) -> list[dict[str, object]]:
    from voltrail.outlook.tables import differences

    return [
        one._asdict() | {"one": one.one._asdict(), "other": one.other._asdict(), "by": one.by._asdict()}
        for one in differences(outcomes[0], outcomes[1], _DIFFERING, _YEARS)
    ]


def _print_one(console: Console, scenario: Scenario, lines: list[Line]) -> None:
    console.print(f"[bold]{escape(scenario.name)}[/]. {escape(scenario.note)}", highlight=False)
    figures = {(one.what, one.segment, one.metal, one.year): one for one in lines if not one.chemistry}
    table = Table("Year", *(f"{title}\n{unit}" for *_, title, _, unit in _SHOWN), box=SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for year in _YEARS:
        cells = []
        for what, segment, metal, _, factor, _ in _SHOWN:
            one = figures[what, segment, metal, year]
            low, high = one.low * factor, one.high * factor
            cells.append(f"{_figure(one.middle * factor)}\n[dim]{_figure(low)} to {_figure(high)}[/]")
        table.add_row(str(year), *cells)
    console.print(table)
    console.print(
        f"Medians of {scenario.draws:,} draws, below them where nine of ten lie; seed {scenario.seed}.",
        highlight=False,
    )


def _print_two(console: Console, read: list[Scenario], outcomes: list[Outcome]) -> None:
    from voltrail.outlook.tables import QUANTITIES, differences

    for place, scenario in zip(("First", "Second"), read, strict=True):
        console.print(f"{place}: [bold]{escape(scenario.name)}[/]. {escape(scenario.note)}", highlight=False)
    table = Table("What", "Year", "First", "Second", "Difference", "nine of ten", "Sure", box=SIMPLE_HEAD)
    before = ""
    found = list(differences(outcomes[0], outcomes[1], _DIFFERING, _COMPARED))
    differing = {(one.what, one.part) for one in found if max(one.more, one.less) >= _FEW}
    same = []
    for one in found:
        if one.what == "metal_recovered" and one.part != "Li":
            continue
        title = ", ".join(filter(None, (QUANTITIES[one.what].word, one.part, one.unit)))
        if (one.what, one.part) not in differing:
            same += [] if title in same else [title]
            continue
        table.add_row(
            "" if title == before else title,
            str(one.year),
            _figure(one.one.middle),
            _figure(one.other.middle),
            _figure(one.by.middle, sign=True),
            f"{_figure(one.by.low, sign=True)} to {_figure(one.by.high, sign=True)}",
            _sure(one),
        )
        before = title
    console.print(table)
    if same:
        console.print(f"The same in both: {'; '.join(same)}.", highlight=False)
    console.print(
        f"{read[0].draws:,} draws in pairs under the same seed {read[0].seed}: what both leave open is "
        "the same in both. Sure: in how many of 100 pairs the second has more or less by over a thousandth.",
        highlight=False,
    )


def _sure(one: Difference) -> str:
    told = [
        f"{100 * share:.0f} {way}" for share, way in ((one.more, "more"), (one.less, "less")) if share >= _FEW
    ]
    return ", ".join(told) or "the same"


def _hindcasts(past: Past) -> list[dict[str, Any]]:
    """Return how far the loop would have been off, had it been asked in earlier years, beside no change."""
    from voltrail.outlook.calibrate_loop import hindcast
    from voltrail.outlook.classes import GROUPS

    told = []
    for after in _ASKED_AFTER:
        found = hindcast(past, after)
        errors = zip(GROUPS, found.errors(), found.errors_of_no_change(past), found.known, strict=False)
        told.append(
            {
                "after": after,
                "error_points": {
                    group: {"loop": float(error), "no_change": float(none)}
                    for group, error, none, known in errors
                    if known
                },
            }
        )
    return told


def _print_backtest(console: Console, past: Past) -> None:
    """Say how the model has done: a forecast never stands without it."""
    console.print("Backtest: the same loop asked in earlier years, mean error until 2025 in points of share,")
    console.print("fitted to nothing later; in brackets that of who says that nothing changes.")
    for one in _hindcasts(past):
        errors = ", ".join(
            f"{_GROUPS[group]} {error['loop']:.0f} ({error['no_change']:.0f})"
            for group, error in one["error_points"].items()
        )
        console.print(f"  After {one['after']}: {errors}.", highlight=False)


def _print_grounds(console: Console, outcome: Outcome) -> None:
    """Say which figures and parameters of weak status it stands on."""
    from voltrail.outlook.doubt import WEAK

    table = outcome.parameters
    figures = [one for one in table.values() if one.id.startswith("figures/") and one.status in WEAK]
    assumed = [
        one for one in table.values() if one.status == "assumption" and one.id not in outcome.scenario.given
    ]
    for status in sorted({one.status for one in figures}):
        names = "; ".join(one.word.removeprefix("Figures: ") for one in figures if one.status == status)
        console.print(
            f"Figures it stands on, {status.replace('_', ' ')}: {escape(names)}.",
            highlight=False,
            soft_wrap=True,
        )
    console.print(
        f"{len(assumed)} of {len(table)} parameters are assumptions; `voltrail outlook levers` lists them, "
        "`voltrail outlook sensitivity` says which matter.",
        highlight=False,
    )


def _figure(value: float, *, sign: bool = False) -> str:
    if math.isnan(value):
        return "?"
    plus = "+" if sign else ""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:{plus},.{digits}f}"


def _write(folder: Path, names: tuple[str, ...], scenarios: list[Scenario], tables: list[list[Line]]) -> None:
    """Write a table and a scenario for each, under its file's name. Nothing that stands there is lost."""
    from voltrail.outlook.scenario import as_toml
    from voltrail.outlook.tables import as_csv

    stems = [Path(name).stem for name in names]
    if len(set(stems)) < len(stems):
        stems = [f"{stem}_{place}" for place, stem in enumerate(stems, 1)]
    files = {}
    for stem, scenario, lines in zip(stems, scenarios, tables, strict=True):
        files[folder / f"{stem}.csv"] = as_csv(lines)
        files[folder / f"{stem}.toml"] = as_toml(scenario)
    there = [path.name for path in files if path.exists()]
    if there:
        raise UsageError(
            "outlook.folder", f"{', '.join(there)} stands there already.", "Name another folder for --csv."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            "outlook.folder", f"{folder} cannot be written: {error.strerror}.", "Name another for --csv."
        ) from error
    click.echo(f"Written: {', '.join(str(path) for path in files)}.", err=True)
