"""`voltrail technology thousand` and `claims`: which cells reach 1,000 km, and which claims add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from voltrail.cli.common import json_option, print_json

if TYPE_CHECKING:
    from voltrail.technology.pack import Between

_STYLES: Final = {"does_not": "red", "only_if": "yellow", "cannot": "dim", "adds_up": "default"}


@click.command("thousand")
@click.option("--vehicle", default="car-saloon", show_default=True, help="What is driven, by its name.")
@click.option("--cycle", default="CLTC", show_default=True, help="How it is driven: CLTC, WLTC, truck-80 ...")
@click.option("--temperature", type=float, default=23.0, show_default=True, help="Outside, °C.")
@click.option("--pack-mass", type=float, default=700.0, show_default=True, help="Of the heaviest pack, kg.")
@click.option("--design", default="cell_to_pack", show_default=True, help="cell_to_pack or module.")
@json_option
def thousand(
    *, vehicle: str, cycle: str, temperature: float, pack_mass: float, design: str, as_json: bool
) -> None:
    """
    Print how far each cell carries a vehicle, and the pack that 1,000 km take.

    With where nine of ten draws lie. What is claimed of a cell is taken at its word.
    """
    from voltrail.technology.cell import CELLS
    from voltrail.technology.cycles import CYCLES
    from voltrail.technology.thousand import KM, Question, check, needed, reach

    question = Question(vehicle=vehicle, cycle=cycle, pack_kg=pack_mass, design=design)
    check(question, temperature)
    errors = Console(stderr=True)
    found = [
        (reach(question, cell, temperature), needed(question, cell, temperature))
        for cell in track(
            CELLS.values(),
            "Cells",
            console=errors,
            transient=True,
            disable=as_json or not errors.is_terminal,
        )
    ]
    if as_json:
        print_json(
            {
                "question": question,
                "temperature_c": temperature,
                "reconstructed": CYCLES[cycle].reconstructed,
                "cells": [{"reach": one, "needed": other} for one, other in found],
            }
        )
        return
    console = Console()
    number = sum(one.reaches for one, _ in found)
    console.print(
        f"At {temperature:g} °C on {cycle}, {number} of {len(found)} cells carry {vehicle} {KM:,.0f} km "
        f"with a pack of at most {pack_mass:,.0f} kg.",
        highlight=False,
    )
    table = Table("Cell", "km", "1,000 km\n%", "Pack\nkWh", "For 1,000 km\nkWh", "kg")
    for one, other in sorted(found, key=lambda pair: -pair[0].km.middle):
        table.add_row(
            escape(one.cell),
            _told(one.km),
            f"{100 * one.probability:.0f}",
            f"{one.energy_kwh.middle:.0f}",
            _told(other.energy_kwh),
            _told(other.pack_kg),
        )
    console.print(table)
    if CYCLES[cycle].reconstructed:
        console.print(f"The trace of {cycle} is reconstructed, not that of the standard.", highlight=False)


@click.command("claims")
@json_option
def claims(*, as_json: bool) -> None:
    """
    Print each claim that can be reckoned again, with its verdict and its arithmetic.

    One that is not contradicted is not shown by that: it stays a claim.
    """
    from voltrail.technology.claims import all_checks
    from voltrail.web import Page
    from voltrail.web.technology_thousand import RULES, VERDICT_WORDS, arithmetic

    checks = all_checks()
    if as_json:
        print_json({"checks": checks})
        return
    page, console = Page("en"), Console()
    for one in checks:
        style, figure = _STYLES[one.verdict], one.figure
        console.print(
            f"[{style}]{VERDICT_WORDS[one.verdict]}[/] [bold]{escape(one.technology)}[/] "
            f"{figure.most:g} {escape(figure.unit)} ({figure.kind}): {RULES[one.rule]}",
            highlight=False,
        )
        for sentence in arithmetic(page.say, page.number, one):
            console.print(f"  {escape(sentence)}", highlight=False)


def _told(one: Between | None) -> str:
    return "none does" if one is None else f"{one.middle:,.0f}  {one.low:,.0f}–{one.high:,.0f}"
