"""`voltrail swap`: stations that exchange packs, simulated, sized, planned with and run."""

from __future__ import annotations

import click

from voltrail.cli.common import Group
from voltrail.cli.swap_charging import charging
from voltrail.cli.swap_plan import plan_journey
from voltrail.cli.swap_queue import queue, record, send
from voltrail.cli.swap_simulate import simulate
from voltrail.cli.swap_size import size
from voltrail.cli.swap_statement import statement


@click.group(cls=Group)
def swap() -> None:
    """Simulate a swap station, size a network, plan a journey, record swaps."""


COMMANDS: tuple[click.Command, ...] = (
    charging,
    plan_journey,
    queue,
    record,
    send,
    simulate,
    size,
    statement,
)
for command in COMMANDS:
    swap.add_command(command)
