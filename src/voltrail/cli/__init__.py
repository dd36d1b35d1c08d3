"""
The command line: one module for each noun.

Exit codes: 0 done, 1 refused or not verified, 2 wrong use. Every command has `--json`.
"""

import click

from voltrail.cli.code import code


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="voltrail")
def main() -> None:
    """Keep the whole life of power batteries on a record that anyone can verify."""


main.add_command(code)
