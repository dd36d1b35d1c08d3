"""`voltrail outlook series` and `voltrail outlook headlines`: the figures, their sources and vintages."""

from __future__ import annotations

from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import voltrail
from voltrail.cli.common import database_option, json_option, print_json

if TYPE_CHECKING:
    from voltrail.outlook.book import Book

_PIPE_WIDTH = 240
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_known_at = click.option("--known-at", metavar="YYYY-MM", help="As the figures were known then.")
data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of a registry, whose users' figures count too.",
)
figures_option = click.option("--figures", type=_FILE, help="A CSV whose figures count too, this once.")


@click.command()
@click.argument("name", required=False)
@click.option("--segment", help="Of the series only this segment.")
@_known_at
@figures_option
@data_option
@database_option
@click.option("--add", type=_FILE, help="Add the figures of a CSV to the registry of --data: all or none.")
@click.option("--take-back", type=int, metavar="NUMBER", help="Let an added file count for nothing.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, as --add takes it.")
@json_option
def series(
    name: str | None,
    *,
    segment: str | None,
    known_at: str | None,
    figures: Path | None,
    data: Path | None,
    database: str | None,
    add: Path | None,
    take_back: int | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """
    Print the series, or the figures of the one NAMED, each with its source, how sure it is, and its vintage.

    Without --known-at all vintages of a figure are printed.
    """
    if add is not None or take_back is not None:
        if data is None:
            raise click.UsageError("Name with --data the registry whose figures change.")
        _change(data, database, add, take_back, as_json=as_json)
        return
    from voltrail.outlook.book import defined, definitions, sources, vintage_of, write_csv

    book = book_of(figures, data, database)
    at = vintage_of(known_at) if known_at else None
    names = book.names() if name is None else [defined(name).series]
    rows = [
        row
        for each in names
        for row in (book.of(each, segment, known_at=at) if at else book.every(each, segment))
    ]
    if as_csv:
        click.echo(write_csv(rows), nl=False)
        return
    if name is None:
        _print_series(book, list(definitions().values()), as_json=as_json)
        return
    meant, known = defined(name, segment or ""), sources()
    if as_json:
        told = {row.source: known[row.source] for row in rows if row.source in known}
        print_json({"definition": meant, "figures": rows, "sources": told})
        return
    click.echo(f"{meant.name} ({meant.unit})\n{meant.definition}\n")
    table = Table("Period", "Segment", "Value", "Unit", "Status", "Vintage", "Source", "Note")
    table.columns[2].justify = "right"
    for row in rows:
        value = "–" if row.value is None else f"{row.value:,.10g}"
        cells = (row.period, row.segment, value, row.unit, row.status, row.vintage, row.source, row.note)
        table.add_row(*map(escape, cells))
    _wide(table)
    for each in dict.fromkeys(row.source for row in rows):
        if each in known:
            click.echo(f"{each}: {known[each].title} {known[each].url}".rstrip())


@click.command("headlines")
@_known_at
@figures_option
@data_option
@database_option
@json_option
def print_headlines(
    *,
    known_at: str | None,
    figures: Path | None,
    data: Path | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Print the figures that everybody quotes, computed from the series, each with what it counts."""
    from voltrail.outlook.book import vintage_of
    from voltrail.outlook.headlines import headlines

    book = book_of(figures, data, database)
    found = headlines(book, vintage_of(known_at)) if known_at else headlines(book)
    if as_json:
        print_json({"headlines": found})
        return
    for one in found:
        value = f"{'at least ' if one.least else ''}{one.value:,.4g} {one.unit}"
        said = "" if one.published is None else f", published as {one.published:,.4g}"
        click.echo(f"{one.name}, {one.period}: {value} ({one.status}{said})\n    {one.definition}")


def book_of(figures: Path | None, data: Path | None = None, database: str | None = None) -> Book:
    """
    Return what Voltrail brings along, with the figures of a CSV and those of a registry.

    Raises UsageError for a bad CSV, naming the line; what is only odd is said on standard error.
    """
    from voltrail.outlook.book import book, numbered
    from voltrail.outlook.checks import check

    found = book()
    if data is not None:
        with voltrail.open(data, database) as registry:
            found = registry.outlook_figures.book()
    if figures is None:
        return found
    checked = check(numbered(_read(figures)), found)
    for warning in checked.warnings:
        click.echo(warning, err=True)
    return found.with_rows(checked.rows)


def _change(
    data: Path, database: str | None, add: Path | None, take_back: int | None, *, as_json: bool
) -> None:
    with voltrail.open(data, database) as registry:
        figures = registry.outlook_figures
        done: list[Any] = []
        if add is not None:
            done.append(figures.add(_read(add), add.name, getuser()))
        if take_back is not None:
            done.append(figures.take_back(take_back, getuser()))
    if as_json:
        print_json({"files": done})
        return
    for one in done:
        what = "taken back" if one.taken_back_at else "added"
        click.echo(f"File {one.id}, {one.name}: {one.figures} figures {what}.")
        for warning in one.warnings:
            click.echo(warning, err=True)


def _read(path: Path) -> str:
    from voltrail.outlook.book import BYTES_MOST, text_of

    with path.open("rb") as opened:
        return text_of(opened.read(BYTES_MOST + 1))


def _print_series(book: Book, meant: list[Any], *, as_json: bool) -> None:
    if as_json:
        print_json({"series": meant})
        return
    table = Table("Series", "Segment", "What it is", "Unit", "Figures", "From", "To")
    table.columns[4].justify = "right"
    for one in meant:
        rows = book.every(one.series, one.segment or None)
        if not one.segment:
            apart = {each.segment for each in meant if each.series == one.series}
            rows = [row for row in rows if row.segment not in apart]
        periods = sorted(row.period for row in rows)
        table.add_row(
            one.series,
            one.segment,
            one.name,
            one.unit,
            str(len(rows)),
            periods[0] if periods else "",
            periods[-1] if periods else "",
        )
    _wide(table)


def _wide(table: Table) -> None:
    """Print a table, in a pipe without folding its cells."""
    console = Console()
    (console if console.is_terminal else Console(width=_PIPE_WIDTH)).print(table)
