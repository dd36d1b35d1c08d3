"""`voltrail technology accuracy`: every row of the reference files, and how far off it is predicted."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from voltrail.cli.common import json_option, print_json
from voltrail.errors import UsageError

FILES = ("vehicles.csv", "naf_winter_2026.csv")
MOST_BYTES = 1 << 20


@click.command()
@click.option(
    "--reference",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder with vehicles.csv and naf_winter_2026.csv.",
)
@click.option(
    "--refit",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the factors fitted to all rows to this file, in the form of technology/calibration.csv.",
)
@json_option
def accuracy(*, reference: Path, refit: Path | None, as_json: bool) -> None:
    """Print the tables of accuracy as Markdown: cars, trucks, winter, each row predicted by the others."""
    from voltrail.technology.accuracy import markdown, tables, written

    with Console(stderr=True).status("Each row, by the others …"):
        told = tables(*(_read(reference / name) for name in FILES))
    if refit is not None:
        refit.write_text(written(told.factors), encoding="utf-8")
    if as_json:
        print_json(told)
        return
    click.echo(markdown(told))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(
            "accuracy.file", f"{path.name} cannot be read.", "Give the folder in which it lies as it came."
        ) from error
