"""`voltrail log`: the log itself: its checkpoint, its policy, its audit, its files."""

from __future__ import annotations

import click
from rich.progress import Progress

from voltrail.cli import heads, publish
from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.cli.succeed import succeed
from voltrail.registry.audit import audit as audit_registry
from voltrail.registry.registry import Registry


@click.group()
def log() -> None:
    """Read, publish and audit the log."""


@log.command()
@registry_options
def checkpoint(*, registry: Registry) -> None:
    """Print the last published checkpoint, a signed note."""
    click.echo(registry.checkpoint(), nl=False)


@log.command()
@registry_options
def policy(*, registry: Registry) -> None:
    """Print the policy by which others verify this log."""
    click.echo(registry.policy, nl=False)


@log.command()
@registry_options
@json_option
def audit(*, registry: Registry, as_json: bool) -> None:
    """Recompute every commitment, chain, root, signature and state; name each difference."""
    with Progress(transient=True, disable=as_json) as bar:
        task = bar.add_task("Events", total=None)
        found = list(
            audit_registry(registry, lambda done, total: bar.update(task, completed=done, total=total))
        )
    counts = registry.counts()
    if as_json:
        print_json(
            {
                "entries": counts["entries"],
                "differences": [{"what": d.what, "where": d.where, "message": d.message} for d in found],
            }
        )
    else:
        for difference in found:
            click.echo(f"{difference.what}, {difference.where}: {difference.message}")
        told = f"{len(found):,} differences" if found else "no difference"
        click.echo(f"{counts['entries']:,} entries, {counts['batteries']:,} batteries recomputed: {told}.")
    raise SystemExit(1 if found else 0)


for command in (*heads.COMMANDS, *publish.COMMANDS, succeed):
    log.add_command(command)
