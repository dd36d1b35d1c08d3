"""`voltrail technology`: cells and what is known of them, what they mean for a vehicle, how far they came."""

from __future__ import annotations

import click

from voltrail.cli.common import Group
from voltrail.cli.technology_cycler import cycler
from voltrail.cli.technology_life import life


@click.group(cls=Group)
def technology() -> None:
    """Look at cells: claims and evidence, range, life, qualification."""


COMMANDS: tuple[click.Command, ...] = (cycler, life)
for command in COMMANDS:
    technology.add_command(command)
