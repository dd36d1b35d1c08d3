"""`voltrail technology`: cells and what is known of them, what they mean for a vehicle, how far they came."""

from __future__ import annotations

import click

from voltrail.cli import technology_tests
from voltrail.cli.common import Group
from voltrail.cli.technology_accuracy import accuracy
from voltrail.cli.technology_cell import cell_
from voltrail.cli.technology_cycler import cycler
from voltrail.cli.technology_life import life
from voltrail.cli.technology_line import line
from voltrail.cli.technology_list import list_technologies
from voltrail.cli.technology_range import range_
from voltrail.cli.technology_thousand import claims, thousand


@click.group(cls=Group)
def technology() -> None:
    """Look at cells: claims and evidence, range, life, qualification."""


COMMANDS: tuple[click.Command, ...] = (
    list_technologies,
    cell_,
    range_,
    thousand,
    claims,
    life,
    *technology_tests.COMMANDS,
    line,
    cycler,
    accuracy,
)
for command in COMMANDS:
    technology.add_command(command)
