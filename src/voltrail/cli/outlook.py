"""`voltrail outlook`: what will retire, how adoption goes, who makes the cells, what it hangs on."""

from __future__ import annotations

import click

from voltrail.cli.common import Group
from voltrail.cli.outlook_backtest import backtest
from voltrail.cli.outlook_goal import goal, hindcast
from voltrail.cli.outlook_levers import levers
from voltrail.cli.outlook_lives import lives
from voltrail.cli.outlook_makers import makers
from voltrail.cli.outlook_materials import materials
from voltrail.cli.outlook_report import report
from voltrail.cli.outlook_retired import retired
from voltrail.cli.outlook_run import run_scenario
from voltrail.cli.outlook_sensitivity import sensitivity
from voltrail.cli.outlook_series import print_headlines, series


@click.group(cls=Group)
def outlook() -> None:
    """Look ahead: adoption, retirement, materials, makers."""


COMMANDS: tuple[click.Command, ...] = (
    run_scenario,
    retired,
    materials,
    lives,
    makers,
    levers,
    sensitivity,
    goal,
    hindcast,
    backtest,
    series,
    print_headlines,
    report,
)
for command in COMMANDS:
    outlook.add_command(command)
