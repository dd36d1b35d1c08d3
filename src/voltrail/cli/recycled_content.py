"""`voltrail recycling claim` and `verify`: a proof of recycled content, made and checked."""

from __future__ import annotations

from pathlib import Path

import click

from voltrail.cli.common import belief_options, json_option, print_json, registry_options, write_proof
from voltrail.events.masses import kilograms
from voltrail.ledger.notes import Policy
from voltrail.recycling.proof import Proved, verify_claim
from voltrail.registry.registry import Registry


@click.command()
@click.argument("code")
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
def claim(*, code: str, file: Path, registry: Registry, as_json: bool) -> None:
    """
    Write the proof of a battery's recycled content to FILE: its own history and those of all lots upstream.

    What firms report of material is shown whole in it. Who has the file verifies it without the registry.
    """
    write_proof(file, registry.recycled_proof(code), "voltrail recycling verify", as_json=as_json)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@belief_options
@json_option
def verify(*, file: Path, policy: Path, authorities: tuple[str, ...], as_json: bool) -> None:
    """
    Verify a proof of recycled content and work its figures out again: no network, no registry.

    Exit code 1 when anything does not hold.
    """
    proved = verify_claim(file.read_bytes(), Policy.parse(policy.read_text()), authorities)
    if as_json:
        print_json(_told(proved))
        return
    click.echo(f"Verified: recycled content of {proved.code}")
    click.echo(
        f"  ✓ {proved.chains} chains, {proved.events} events, under {proved.origin} "
        f"with {proved.size} entries, {proved.witnessed}."
    )
    click.echo(f"  ✓ {len(proved.lots)} lots upstream; the figures follow from their events alone.")
    for share in proved.content.shares:
        used, declared, waste = map(kilograms, share.recycled)
        percent = (
            "no share: its model does not say how much there is"
            if share.percent is None
            else f"{share.percent:g} %"
        )
        click.echo(
            f"  {share.element}: {percent} ({used:g} kg of batteries on record, {declared:g} kg as declared "
            f"by suppliers, {waste:g} kg of manufacturing waste; {kilograms(share.traced):g} kg traced)"
        )
    if proved.without_models:
        click.echo(
            f"{len(proved.without_models)} processes in which batteries ended are not held against "
            "what those were made of."
        )


def _told(proved: Proved) -> dict[str, object]:
    return {
        "verified": True,
        "code": proved.code,
        "origin": proved.origin,
        "size": proved.size,
        "witnessed": proved.witnessed,
        "chains": proved.chains,
        "events": proved.events,
        "lots": list(proved.lots),
        "points": proved.content.points(),
        "shares": list(proved.content.shares),
        "without_models": list(proved.without_models),
    }
