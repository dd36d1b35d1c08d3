"""`voltrail recycling decide` and `policy`: what becomes of a retired battery."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.errors import TableError
from voltrail.health.decision import Decision
from voltrail.health.policy import POLICY, Policy, as_csv, read_rows
from voltrail.organisations.access import Reader
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.registry import Registry
from voltrail.web import Page
from voltrail.web import decision as words

MAX_POLICY_BYTES = 1_000_000
_ENGLISH = Page("en")


@click.command()
@click.argument("code")
@click.option(
    "--policy",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A table of your own thresholds and prices; its rows take the place of ours. See `policy`.",
)
@registry_options
@json_option
def decide(*, code: str, file: Path | None, registry: Registry, as_json: bool) -> None:
    """
    Say what should become of a retired battery: re-use, a second life, recycling.

    Or that it needs a test first, or what is not known.
    """
    _, found = registry.decisions.of(
        code, datetime.now(CHINA).date(), Reader("authority_cn"), policy_of(file)
    )
    if as_json:
        print_json(words.told(found))
        return
    _print_head(found)
    _print_gates(found)
    _print_worths(found)
    _print_flips(found)


@click.command()
def policy() -> None:
    """Print the table of thresholds, costs and prices as CSV, to change it and give it to `decide`."""
    click.echo(as_csv(POLICY), nl=False)


def policy_of(file: Path | None) -> Policy:
    """Return the policy that a user's table makes of ours. Raises TableError."""
    if file is None:
        return POLICY
    if file.stat().st_size > MAX_POLICY_BYTES:
        raise TableError(
            "policy.size", f"{file.name} has more than {MAX_POLICY_BYTES:,} bytes.", "Leave out what is ours."
        )
    try:
        return POLICY.replaced(read_rows(file.read_text("utf-8-sig")))
    except UnicodeDecodeError:
        raise TableError("policy.row", f"{file.name} is not in UTF-8.", "Save it as CSV in UTF-8.") from None


def _print_head(found: Decision) -> None:
    click.echo(f"{found.code}\n{_ENGLISH.say(words.OUTCOMES[found.outcome])}.")
    if found.outcome == "test" and found.best is not None:
        click.echo(f"  On what is known now: {words.WAYS[found.best].lower()}.")
    for what in words.missing(_ENGLISH, found):
        click.echo(f"  missing: {what}")
    if found.flip is not None:
        most = words.percent(found.flip_most or 0)
        click.echo(
            f"  The chance that this flips is at most {words.percent(found.flip)} % (allowed: {most} %)."
        )


def _print_gates(found: Decision) -> None:
    if found.gates:
        click.echo("\nGates")
    for gate in found.gates:
        source = f"  [{', '.join(filter(None, (gate.confidence, gate.source)))}]" if gate.source else ""
        click.echo(f"  {words.RESULTS[gate.result]:<11}{words.GATES[gate.name]:<20}", nl=False)
        click.echo(words.reason(_ENGLISH, gate) + source)


def _print_worths(found: Decision) -> None:
    if any(option.worth for option in found.options):
        click.echo(f"\nWorth in {found.currency}: mean, and where it lies with 95 %")
    for option in found.options:
        if (worth := option.worth) is not None:
            standing = "" if option.standing == "open" else f"  {option.standing}"
            click.echo(
                f"  {words.WAYS[option.way]:<13}{worth.mean:>9,.0f}  "
                f"{worth.low:>9,.0f} to {worth.high:,.0f}{standing}"
            )


def _print_flips(found: Decision) -> None:
    for lever in found.levers:
        name = words.LEVERS[lever.name]
        click.echo(f"  would flip: {name} at {lever.then:,.3g} instead of {lever.now:,.3g}")
    if (test := found.test) is not None:
        pays = "" if test.pays else ": less than it costs"
        click.echo(
            f"  A capacity test costs {test.cost:,.0f} {found.currency};"
            f" to know its result is worth {test.worth:,.0f}{pays}."
        )
    if any(row.confidence == "assumption" for row in found.rows):
        click.echo("\nSome of the thresholds and prices are assumptions: see `voltrail recycling policy`.")
