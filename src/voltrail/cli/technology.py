"""`voltrail technology`: cells and what is known of them, what they mean for a vehicle, how far they came."""

from __future__ import annotations

import click

from voltrail.cli import technology_tests
from voltrail.cli.common import Group
from voltrail.cli.technology_cycler import cycler
from voltrail.cli.technology_life import life
from voltrail.cli.technology_thousand import claims, thousand
from voltrail.cli.technology_list import list_technologies
from voltrail.cli.technology_accuracy import accuracy
from voltrail.cli.technology_life import life
from voltrail.cli.technology_range import range_


@click.group(cls=Group)
def technology() -> None:
    """Look at cells: claims and evidence, range, life, qualification."""


COMMANDS: tuple[click.Command, ...] = (life, thousand, claims)
COMMANDS: tuple[click.Command, ...] = (*technology_tests.COMMANDS,)
COMMANDS: tuple[click.Command, ...] = (cycler,)
COMMANDS: tuple[click.Command, ...] = (life,)
COMMANDS: tuple[click.Command, ...] = (list_technologies,)
COMMANDS: tuple[click.Command, ...] = (accuracy, life, range_)
for command in COMMANDS:
    technology.add_command(command)
