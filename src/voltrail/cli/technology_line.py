"""`voltrail technology line`: what steps of a line let through, what drifts, what is in what."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import msgspec
from rich.console import Console
from rich.table import Table

from voltrail.cli.common import Group, json_option, print_json, registry_options
from voltrail.errors import UsageError
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.lines import Told, traced, worked
from voltrail.registry.registry import Registry
from voltrail.technology.line import Chart, Share, control, line_yield, measured, pareto

_SHOWN = 50

_day = click.DateTime(["%Y-%m-%d"])
_since = click.option("--since", type=_day, help="The first day that counts.")


@click.group(cls=Group)
def line() -> None:
    """Look at a production line: ORGANISATION and LINE as its steps name them."""


@line.command("yield")
@click.argument("organisation")
@click.argument("name", metavar="LINE")
@_since
@registry_options
@json_option
def yield_(
    *, organisation: str, name: str, since: datetime | None, registry: Registry, as_json: bool
) -> None:
    """Show what came through each step, with 95 %, the rolled yield, and why units were scrapped."""
    counted = worked(_told(registry, organisation, name, since))
    found, scrap = line_yield(counted), pareto(counted)
    if as_json:
        print_json({"yield": msgspec.to_builtins(found), "scrap": msgspec.to_builtins(scrap)})
        return
    table = _table("Step", "Reports", "Entered", "Good", "Lost", "Yield", "95 %")
    for one in found.steps:
        table.add_row(
            one.step, f"{one.reports:,}", f"{one.entered:,.1f} {one.unit}", f"{one.good:,.1f}",
            f"{one.lost:,.1f}", *_share(one.fraction),
        )  # fmt: skip
    table.add_row("all steps", "", "", "", "", *_share(found.rolled))
    Console().print(table)
    for unit, reasons in scrap.items():
        lost = ", ".join(f"{one.reason or 'not said'} {one.share:.0%}" for one in reasons[:5])
        click.echo(f"Scrapped {unit}: {lost}.")


@line.command()
@click.argument("organisation")
@click.argument("name", metavar="LINE")
@_since
@registry_options
@json_option
def drift(*, organisation: str, name: str, since: datetime | None, registry: Registry, as_json: bool) -> None:
    """
    Show which readings drift, and since when.

    It ends with 1 when one does.
    """
    charts: list[Chart] = []
    few: list[str] = []
    for (step, quantity), points in measured(worked(_told(registry, organisation, name, since))).items():
        try:
            charts.append(control(step, quantity, points))
        except UsageError as error:
            few.append(error.message)
    if as_json:
        print_json({"charts": msgspec.to_builtins(charts), "few": few})
    else:
        _show(charts)
        for reason in few:
            click.echo(reason)
    if any(one.drift is not None for one in charts):
        raise SystemExit(1)


@line.command()
@click.argument("organisation")
@click.argument("of", metavar="LOT|CODE")
@registry_options
@json_option
def genealogy(*, organisation: str, of: str, registry: Registry, as_json: bool) -> None:
    """Show which batteries hold a lot, or which lots are in a battery, by what an organisation reported."""
    while registry.lines.follow() or registry.lots.follow():
        pass
    tree = registry.lines.trace(organisation, of)
    if as_json:
        print_json(traced(tree))
        return
    table = _table("Battery", "Level", "Model", "Parts of it")
    for code, number in list(tree.outer.items())[:_SHOWN]:
        part = tree.parts[code]
        table.add_row(code, part.level or "-", part.model or "-", f"{number:,}")
    Console().print(table)
    click.echo(f"Lots: {', '.join(list(tree.lots)[:_SHOWN]) or 'none'}.")
    click.echo(f"{len(tree.parts):,} batteries and {len(tree.steps):,} steps.")
    if not tree.whole:
        click.echo("There is more than was followed.")


def _told(registry: Registry, organisation: str, name: str, since: datetime | None) -> list[Told]:
    while registry.lines.follow():
        pass
    begin = None if since is None else since.replace(tzinfo=CHINA)
    return registry.lines.told(organisation, name, begin)[0]


def _show(charts: list[Chart]) -> None:
    table = _table("Step", "Reading", "Centre", "Sigma", "Points", "Flagged", "Drift")
    for one in charts:
        drift = one.drift
        said = "-"
        if drift is not None:
            since = datetime.fromtimestamp(one.points[drift.since].at, UTC).date()
            said = f"since {since}, by {drift.by:+.3g} ({drift.sigmas:+.1f} sigmas)"
        table.add_row(
            one.step, one.quantity, f"{one.centre:.4g}", f"{one.sigma:.2g}", f"{len(one.points):,}",
            f"{len(one.flagged):,}", said,
        )  # fmt: skip
    Console().print(table)


def _share(share: Share | None) -> tuple[str, str]:
    if share is None:
        return "-", "-"
    if share.low is None or share.high is None:
        return f"{share.middle:.1%}", "-"
    return f"{share.middle:.1%}", f"{share.low:.1%} to {share.high:.1%}"


def _table(*heads: str) -> Table:
    table = Table()
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place == 0 else "right", no_wrap=place == 0)
    return table
