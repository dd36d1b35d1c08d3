"""`voltrail outlook report`: a scenario told on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from voltrail.cli.outlook_scenario import scenario_of
from voltrail.errors import UsageError


@click.command()
@click.argument("scenario", metavar="SCENARIO", required=True)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Where to write it; the ending says in which form, .pdf or .html.",
)
@click.option(
    "--language",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="The language of the report.",
)
def report(*, scenario: str, out: Path, language: Literal["en", "zh"]) -> None:
    """
    Write a report of SCENARIO: the answer, what would change it, its backtests, its method and sources.

    SCENARIO is a TOML file or the name of one that Voltrail brings along. The same scenario gives the same
    bytes.
    """
    if out.suffix.lower() not in {".pdf", ".html"}:
        raise UsageError("usage.ending", f"{out.name} says no form.", "End it in .pdf or .html.")
    from voltrail.outlook.run import run
    from voltrail.web.outlook_report import html, pdf, report_of
    from voltrail.web.outlook_scenario import CHANGED, Named
    from voltrail.web.page import Page

    asked = scenario_of(scenario)
    page = Page(language)
    told = report_of(page, Named("", asked, own=asked.name.endswith(CHANGED)), run(asked))
    content = pdf(told, page) if out.suffix.lower() == ".pdf" else html(told, page)
    try:
        with out.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise UsageError("usage.exists", f"{out} exists.", "Name another file.") from None
    click.echo(f"Written: {out}.")
