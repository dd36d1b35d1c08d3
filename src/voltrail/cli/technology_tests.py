"""`voltrail technology qualify`, `protocols`, `certificate` and `verify`: how far models have come."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from voltrail.cli.battery import audience_option
from voltrail.cli.common import belief_options, json_option, print_json, registry_options, write_proof
from voltrail.ledger.notes import Policy
from voltrail.lifecycle.certificate import MAX_BYTES, verify_certificate
from voltrail.organisations.access import AUDIENCES, Reader
from voltrail.registry.qualification import told
from voltrail.technology.gates import GATES, STAGES
from voltrail.technology.protocols import PROTOCOLS

if TYPE_CHECKING:
    from voltrail.registry.registry import Registry
    from voltrail.technology.qualification import Gate, Qualification, Test

stage_option = click.option("--stage", type=click.Choice(STAGES), help="Only the gate of this stage.")


@click.command()
@click.argument("model")
@stage_option
@audience_option
@registry_options
@json_option
def qualify(*, model: str, stage: str | None, audience: str, registry: Registry, as_json: bool) -> None:
    """
    Print how far MODEL has come: campaigns, tests, and gate by gate what is met and what lacks.

    With --stage exit code 1 when the gate of that stage is not open.
    """
    now, found = datetime.now(UTC), registry.qualifications.of(model)
    gates = [found.gate(one, now) for one in ((stage,) if stage else STAGES)]
    if as_json:
        shown = told(found, Reader(audience), now)
        print_json({**shown, "stages": [one for one in shown["stages"] if stage in {None, one["stage"]}]})
    else:
        _print_way(found)
        for gate in gates:
            _print_gate(gate, whole=stage is not None)
    if stage is not None and not gates[0].open:
        raise SystemExit(1)


def _print_way(found: Qualification) -> None:
    reached = found.stage.replace("_", " ") if found.stage else "no stage yet"
    click.echo(f"{found.model_id}: {reached}. Made by {found.maker or 'nobody who declared it'}.")
    for grant in found.grants:
        stands = "" if grant.stands else "; granted on what no longer stands"
        click.echo(
            f"  {grant.event.stage} granted on {grant.event.occurred_at.date()} by {grant.reporter},"
            f" entry {grant.index}{stands}"
        )
    for campaign in found.campaigns:
        table = Table(
            "Entry", "Protocol", "On", "Samples", "Outcome", "Counts", title=escape(campaign.campaign)
        )
        for test in campaign.tests:
            event = test.event
            day, number = str(event.occurred_at.date()), str(len(event.codes))
            table.add_row(
                str(test.index),
                escape(event.protocol),
                day,
                number,
                _outcome(test),
                "yes" if test.counts else "no",
            )
        Console().print(table)
        if campaign.outstanding:
            click.echo(f"Planned and not reported: {', '.join(campaign.outstanding)}")
        for test in campaign.tests:
            for remark in test.remarks:
                click.echo(f"  entry {test.index}: {remark.message} {remark.fix}".rstrip())


def _outcome(test: Test) -> str:
    again = f", tested before in {', '.join(map(str, test.again))}" if test.again else ""
    return f"{test.event.outcome}{', corrected away' if test.unsaid else ''}{again}"


def _print_gate(gate: Gate, *, whole: bool) -> None:
    """Print a gate; `whole` with the requirements of the stages before it."""
    click.echo(f"\n{gate.stage.replace('_', ' ')}: {'open' if gate.open else f'lacks {len(gate.lacking)}'}")
    for one in gate.requirements:
        asked = one.requirement
        if not whole and asked.stage != gate.stage:
            continue
        of = f" ({asked.stage})" if whole else ""
        entries = f", entries {', '.join(map(str, one.entries))}" if one.entries else ""
        if one.met:
            click.echo(f"  ✓ {asked.protocol}: {one.samples} of {asked.samples} samples{of}{entries}")
        else:
            click.echo(f"  – {one.lacks}{of}{entries}")


@click.command()
@json_option
def protocols(*, as_json: bool) -> None:
    """Print the protocols of tests with their limits, and what the gate of each stage asks for."""
    if as_json:
        print_json(msgspec.to_builtins({"protocols": PROTOCOLS, "gates": GATES}))
        return
    table = Table("Protocol", "Name", "Holds", "States", "Limits")
    for name, one in PROTOCOLS.items():
        table.add_row(
            name,
            f"{one.name}\n{one.name_zh}",
            "\n".join(f"{metric} ({unit})" for metric, unit in one.metrics.items()),
            "\n".join(f"{condition} {it.bounds or it.unit}" for condition, it in one.conditions.items()),
            "\n".join(
                f"{limit.metric} {limit.words}"
                + ("" if limit.standing == "in_force" else f" ({limit.standing}: not configured)")
                for limit in one.limits
            ),
        )
    Console().print(table)
    gates = Table("Stage", "Protocol", "Samples", "By", "Since", "Source")
    for asked in GATES:
        since = str(asked.valid_from or "")
        by = " or ".join(sorted(asked.by))
        gates.add_row(asked.stage, asked.protocol, str(asked.samples), by, since, asked.source or "Voltrail")
    Console().print(gates)


@click.command()
@click.argument("model")
@click.option("--stage", type=click.Choice(STAGES), required=True, help="The stage that it certifies.")
@click.option(
    "--audience",
    type=click.Choice(AUDIENCES),
    default="auditor",
    show_default=True,
    help="For whose eyes: what they may not see is withheld, and proves nothing.",
)
@click.option(
    "--out",
    "file",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; one that stands there is replaced.",
)
@registry_options
@json_option
def certificate(
    *, model: str, stage: str, audience: str, file: Path, registry: Registry, as_json: bool
) -> None:
    """
    Write the certificate of a stage of MODEL to FILE: the whole history of its tests, those that failed too.

    Who has the file verifies it without the registry: `voltrail technology verify FILE`.
    """
    data = registry.stage_certificate(model, stage, Reader(audience))
    write_proof(file, data, "voltrail technology verify", as_json=as_json)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@belief_options
@json_option
def verify(*, file: Path, policy: Path, authorities: tuple[str, ...], as_json: bool) -> None:
    """
    Verify the certificate of a stage and ask its gate again from the events alone: no network, no registry.

    Exit code 1 when anything does not hold.
    """
    with file.open("rb") as opened:
        data = opened.read(MAX_BYTES + 1)
    proved = verify_certificate(data, Policy.parse(policy.read_text()), authorities)
    grant, found = proved.grant, proved.qualification
    failed = [one.index for one in found.tests if one.event.outcome == "failed"]
    if as_json:
        print_json(
            {
                "verified": True,
                "model_id": found.model_id,
                "maker": found.maker,
                "stage": grant.event.stage,
                "granted_by": grant.reporter,
                "granted_at": grant.event.occurred_at.isoformat(),
                "index": grant.index,
                "origin": proved.origin,
                "size": proved.size,
                "witnessed": proved.witnessed,
                "chains": proved.chains,
                "events": proved.events,
                "tests": len(found.tests),
                "failed": failed,
                "withheld": proved.withheld,
            }
        )
        return
    click.echo(f"Verified: {found.model_id} has reached {grant.event.stage.replace('_', ' ')}")
    click.echo(
        f"  ✓ {proved.chains} chains, {proved.events} events of the model, under {proved.origin}"
        f" with {proved.size} entries, {proved.witnessed}."
    )
    click.echo(f"  ✓ Granted by {grant.reporter} on {grant.event.occurred_at.date()}, entry {grant.index}.")
    for met in grant.gate.requirements:
        asked = met.requirement
        entries = ", ".join(map(str, met.entries))
        click.echo(f"  ✓ {asked.stage}: {asked.protocol}, {met.samples} samples, entries {entries}")
    all_failed = ", ".join(map(str, failed)) or "none"
    click.echo(f"{len(found.tests)} tests on record, all in the file; failed: {all_failed}.")
    if proved.withheld:
        click.echo(
            f"{len(proved.withheld)} events are not shown whole; the stage does not rest on what is hidden."
        )


COMMANDS = (qualify, protocols, certificate, verify)
