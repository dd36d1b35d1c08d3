"""`voltrail technology list`: the catalogue of cells, or all that it has of one."""

from __future__ import annotations

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from voltrail.cli.common import json_option, print_json

_PIPE_WIDTH = 200


@click.command("list")
@click.argument("name", metavar="[ID]", required=False)
@json_option
def list_technologies(name: str | None, *, as_json: bool) -> None:
    """Print cells and technologies with how much of them was measured; or the figures and stages of one."""
    from voltrail.technology.catalogue import SOURCES, TECHNOLOGIES, technology

    chosen = list(TECHNOLOGIES.values()) if name is None else [technology(name)]
    if as_json:
        told = [
            msgspec.to_builtins(one)
            | {
                "evidence": one.evidence,
                "steps": [msgspec.to_builtins(step) | {"standing": step.standing} for step in one.steps],
            }
            for one in chosen
        ]
        print_json({"technologies": told, "sources": SOURCES})
        return
    if name is None:
        table = Table(
            "ID", "Organisation", "Declared as", "Last stage", "Figures", "By others", "By the maker"
        )
        for one in chosen:
            kinds = [figure.kind for figure in one.figures]
            last = one.furthest
            table.add_row(
                one.id,
                escape(one.organisation),
                one.declared_type.replace("_", "-"),
                f"{last.stage}, {last.standing}" if last else "none",
                str(len(kinds)),
                str(kinds.count("measured_by_third_party")),
                str(kinds.count("measured_by_maker")),
            )
        _print(table)
        return
    [one] = chosen
    click.echo(
        f"{one.name}, {one.organisation}\n{one.note}\nDeclared as {one.declared_type.replace('_', '-')}."
    )
    table = Table("Quantity", "Value", "Unit", "Level", "Kind", "Not stated", "Date", "Source")
    table.columns[-1].overflow = "fold"  # an address is whole or of no use
    for figure in one.figures:
        value = f"{figure.least:g}" if figure.value is not None else f"{figure.least:g} to {figure.most:g}"
        bound = f"{figure.bound.replace('_', ' ')} " if figure.bound else ""
        table.add_row(
            figure.metric,
            bound + value,
            figure.unit,
            figure.level,
            f"{figure.kind} ({escape(figure.by)})" if figure.by else figure.kind,
            ", ".join(figure.unstated),
            figure.date,
            SOURCES[figure.source].url or SOURCES[figure.source].publisher,
        )
    _print(table)
    steps = Table("Stage", "When", "Standing", "Kind", "Told", "Note")
    for step in one.steps:
        steps.add_row(step.stage, step.on, step.standing, step.kind, step.date, escape(step.note))
    _print(steps)


def _print(table: Table) -> None:
    console = Console()
    (console if console.is_terminal else Console(width=_PIPE_WIDTH)).print(table)
