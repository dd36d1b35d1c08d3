"""`voltrail log succeed`: close the log, begin the next."""

from __future__ import annotations

from pathlib import Path

import click

from voltrail.cli.common import data_option, database_option, json_option, print_json
from voltrail.registry.succession import Succession
from voltrail.registry.succession import succeed as succeed_log


@click.command()
@click.argument("origin", metavar="ORIGIN")
@data_option
@database_option
@json_option
def succeed(*, origin: str, data: Path, database: str | None, as_json: bool) -> None:
    """
    Close the log ORIGIN for ever and begin its successor, in which all chains go on.

    For when the log cannot go on: after a restore behind what it promised, when a key of the log's is lost
    or may be known to others, or to change keys in good time. It is never undone. Stop all servers first.
    A run that was stopped is gone on with when the same command is given again.
    """
    done = succeed_log(data, origin, database)
    closed = done.closed
    if as_json:
        print_json(
            {
                "closed": closed.origin,
                "entries": closed.base + closed.size,
                "lost": closed.lost,
                "origin": done.origin,
                "log": done.vkey,
                "host_is_new": done.host_is_new,
            }
        )
        return
    click.echo(f"{closed.origin} is closed with {closed.size:,} entries. {done.origin} has begun.\n")
    click.echo(f"  {done.vkey}\n")
    _say_what_to_do(done, data)


def _say_what_to_do(done: Succession, data: Path) -> None:
    closed = done.closed
    if closed.promised is not None:
        click.echo(
            f"It had promised more than this database holds: {closed.lost:,} entries are lost. Whoever has\n"
            "a receipt for one must report its line again. Tell them; anybody sees it at /log/closed.\n"
        )
    click.echo("Next:")
    click.echo(f"  give everybody the new policy: {data / 'policy.txt'}")
    click.echo(f"  have the witnesses add the log {done.origin}, with its key above")
    if done.host_is_new:
        click.echo("  the host's key was lost too; the authority puts the new one into the record:")
        click.echo(f"  voltrail report {data / 'host-trust.jsonl'} --key AUTHORITY.pem --data {data}")
    click.echo(f"  keep a copy of {data / 'keys'} where the database's backups do not lie")
    click.echo(f"  voltrail log heads --data {data}")
