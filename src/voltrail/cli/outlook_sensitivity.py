"""`voltrail outlook sensitivity`: what would change a result most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from voltrail.cli.common import json_option, print_json
from voltrail.cli.outlook_scenario import scenario_of

if TYPE_CHECKING:
    from voltrail.outlook.sensitivity import Answer

_SAMPLES: Final = {"morris": 20, "sobol": 256}
_MOST: Final = 15


@click.command()
@click.argument("scenario", metavar="SCENARIO")
@click.option("--of", "output", default="left_2030", show_default=True, help="WHAT_YEAR or WHAT.PART_YEAR.")
@click.option(
    "--method",
    type=click.Choice(["morris", "sobol"]),
    default="morris",
    show_default=True,
    help="Morris is quick; Sobol tells what each does together with others.",
)
@click.option("--samples", type=click.IntRange(2), help="Trajectories (20), or Sobol's base (256).")
@click.option("--seed", type=click.IntRange(0, 2**53), help="In place of the scenario's.")
@json_option
def sensitivity(
    scenario: str,
    *,
    output: str,
    method: Literal["morris", "sobol"],
    samples: int | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """
    Say what would change a result most: which parameter or figure, which way, and how much.

    SCENARIO is a TOML file or the name of one that Voltrail brings along.
    """
    from voltrail.outlook import sensitivity as how

    read = scenario_of(scenario)
    if seed is not None:
        read = msgspec.structs.replace(read, seed=seed)
    console = Console(stderr=True)
    with Progress(console=console, disable=as_json or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("Runs", total=None)
        answer = how.sensitivity(
            read,
            output,
            method,
            _SAMPLES[method] if samples is None else samples,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        print_json(
            {
                "output": answer.output.id,
                "unit": answer.output.quantity.unit,
                "middle": answer.middle,
                "method": answer.method,
                "runs": answer.runs,
                "seed": read.seed,
                "influences": [
                    {"parameter": one.parameter.id}
                    | {k: v for k, v in one._asdict().items() if k != "parameter"}
                    for one in answer.influences
                ],
            }
        )
        return
    _print(Console(), answer, read.seed)


def _print(console: Console, answer: Answer, seed: int) -> None:
    unit = answer.output.quantity.unit
    what = ", ".join(filter(None, (answer.output.quantity.word, answer.output.part)))
    console.print(
        f"{what}, {answer.output.year}: {answer.middle:,.4g} {unit} in the middle. What changes it most:",
        highlight=False,
    )
    words = answer.words()
    for place, line in enumerate(words, 1):
        console.print(f"  {place}. {escape(line)}", highlight=False)
    if not words:
        console.print("  Nothing that has a spread.", highlight=False)
        return
    sobol = answer.method == "sobol"
    first, total = ("alone", "with others") if sobol else ("effect", "size")
    table = Table("Parameter", f"at its low end\n{unit}", f"at its high end\n{unit}", first, total)
    for one in answer.influences[:_MOST]:
        table.add_row(
            escape(one.parameter.id),
            f"{one.at_low:,.4g}",
            f"{one.at_high:,.4g}",
            _index(one.first, one.first_off),
            _index(one.total, one.total_off),
        )
    console.print(table)
    told = (
        "Shares of the variance, and their half-widths of 95 %."
        if sobol
        else f"Mean effects from one end to the other, in {unit}, with their sign and without; of sizes the "
        "half-width of 95 %."
    )
    console.print(f"{told} {answer.runs:,} runs, seed {seed}.", highlight=False)


def _index(value: float | None, off: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.3g}" + (f" ± {off:.2g}" if off is not None else "")
