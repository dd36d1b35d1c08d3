"""What the commands of swapping share: a scenario as it stands in its file, and in the file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from voltrail.errors import UsageError
from voltrail.swap.rules import read_times
from voltrail.swap.scenario import Scenario, read_scenario

MOST_BYTES: Final = 50_000_000

SCENARIO: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**64 - 1),
    default=1,
    show_default=True,
    help="The same seed gives the same result.",
)


def scenario_in(path: Path) -> Scenario:
    """
    Return the scenario of a file, with the times of trucks from the file beside it that it names.

    Raises UsageError: `swap.scenario` and `swap.times`, for the one and the other.
    """
    scenario = read_scenario(text_of(path))
    if scenario.demand.file is None:
        return scenario
    times = path.parent / scenario.demand.file
    try:
        return read_times(scenario, text_of(times))
    except (OSError, ValueError) as error:  # a name may hold a zero byte
        raise UsageError(
            "swap.times", f"{times.name!r} cannot be read: {error}.", "Say in [demand] which file it is."
        ) from None


def text_of(path: Path) -> str:
    """Return the text of a scenario. Raises UsageError (`swap.scenario`): no text, or more than one is."""
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise UsageError(
            "swap.scenario", f"{path.name} has more than {MOST_BYTES:,} bytes.", "Name a shorter file."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("swap.scenario", f"{path.name} is not UTF-8 text.", "Save it as UTF-8.") from None
