"""`voltrail recycling`: from retired batteries to metals, and into new batteries."""

from __future__ import annotations

import click

from voltrail.cli.balance import balance_
from voltrail.cli.border import border
from voltrail.cli.common import Group
from voltrail.cli.decide import decide, policy
from voltrail.cli.recycled_content import claim, verify


@click.group(cls=Group)
def recycling() -> None:
    """Decide what becomes of retired batteries, follow their material, and see whether it adds up."""


for command in (decide, policy, balance_, border, claim, verify):
    recycling.add_command(command)
