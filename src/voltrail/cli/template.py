"""`voltrail template`: a spreadsheet to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from voltrail.errors import UsageError
from voltrail.events.tables import template as template_of


@click.command()
@click.argument("kind")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Where to write it; the ending says in which form, .csv or .xlsx.",
)
@click.option(
    "--language",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="The language of its headers.",
)
def template(*, kind: str, out: Path, language: Literal["en", "zh"]) -> None:
    """
    Write a spreadsheet with the headers that events of KIND need, such as shipped.

    Fill it in and hand it in: voltrail report FILE.
    """
    form = out.suffix.lower().removeprefix(".")
    if form not in {"csv", "xlsx"}:
        raise UsageError("usage.ending", f"{out.name} says no form.", "End it in .csv or .xlsx.")
    content = template_of(kind, language, "csv" if form == "csv" else "xlsx")
    try:
        with out.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise UsageError("usage.exists", f"{out} exists.", "Name another file.") from None
    click.echo(f"Written: {out}. Fill it in, and hand it in with voltrail report {out}.")
