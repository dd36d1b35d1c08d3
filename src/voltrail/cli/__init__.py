"""
The command line: commands by noun.

Exit codes: 0 done, 1 refused or not verified, 2 wrong use. Commands that give data have `--json`.
"""

import click

from voltrail.cli.account import account
from voltrail.cli.battery import battery, evidence, verify
from voltrail.cli.code import code
from voltrail.cli.common import Group
from voltrail.cli.credential import credential
from voltrail.cli.duties import duties
from voltrail.cli.epcis import epcis
from voltrail.cli.eu_registry import eu_registry
from voltrail.cli.frames import frames
from voltrail.cli.gateway import gateway
from voltrail.cli.handover import handover
from voltrail.cli.health import health
from voltrail.cli.label import label
from voltrail.cli.log import log
from voltrail.cli.outlook import outlook
from voltrail.cli.passport import passport, passports
from voltrail.cli.passport_import import passport_import
from voltrail.cli.platform import platform
from voltrail.cli.recycling import recycling
from voltrail.cli.report import report
from voltrail.cli.simulate import simulate
from voltrail.cli.start import demo, doctor, init, key, serve
from voltrail.cli.swap import swap
from voltrail.cli.technology import technology
from voltrail.cli.template import template
from voltrail.cli.witness import witness


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="voltrail")
def main() -> None:
    """Keep the whole life of power batteries on a record that anyone can verify."""


for command in (
    account,
    battery,
    code,
    credential,
    demo,
    doctor,
    duties,
    epcis,
    evidence,
    frames,
    gateway,
    init,
    key,
    label,
    log,
    passport,
    passports,
    passport_import,
    eu_registry,
    handover,
    health,
    platform,
    recycling,
    report,
    serve,
    outlook,
    technology,
    swap,
    template,
    verify,
    witness,
):
    main.add_command(command)
gateway.add_command(simulate)
