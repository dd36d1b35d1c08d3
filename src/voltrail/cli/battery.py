"""`voltrail battery`, `evidence` and `verify`: read a life, take it away, check it offline."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from voltrail.cli.common import belief_options, json_option, print_json, registry_options
from voltrail.codes.scanned import read_label
from voltrail.errors import UsageError
from voltrail.events import decode, subjects
from voltrail.events.checks import check_subject
from voltrail.ledger.absence import VerifiedAbsence, verify_absence
from voltrail.ledger.notes import Policy
from voltrail.ledger.verify import verify as verify_evidence
from voltrail.organisations.access import AUDIENCES, Reader
from voltrail.registry.registry import Registry

_ABSENCE = b'{"format":"voltrail-absence/'

audience_option = click.option(
    "--audience", type=click.Choice(AUDIENCES), default="public", show_default=True, help="As whom to look."
)


@click.command()
@click.argument("code", required=False)
@click.option("--list", "listing", is_flag=True, help="List batteries instead.")
@click.option("--level", type=click.Choice(["pack", "module", "cell"]))
@click.option("--place", help="Only those in this place, such as in_vehicle.")
@click.option("--limit", default=50, show_default=True, help="How many at most.")
@click.option("--after", metavar="CODE", help="Go on with the list after this code.")
@click.option("--as-of", metavar="TIME", help="The world at that time (RFC 3339), as known now.")
@click.option("--known-at", metavar="TIME", help="What the record knew at that time.")
@audience_option
@registry_options
@json_option
def battery(
    *,
    code: str | None,
    listing: bool,
    level: str | None,
    place: str | None,
    limit: int,
    after: str | None,
    as_of: str | None,
    known_at: str | None,
    audience: str,
    registry: Registry,
    as_json: bool,
) -> None:
    """Read a battery's life back, or list batteries."""
    if listing == bool(code):
        raise click.UsageError("Name a CODE, or ask for a --list.")
    if listing:
        found = registry.batteries(level, place, limit, after)
        print_json(found) if as_json else _print_list(found)
        return
    code = read_label(str(code)).code if "://" in str(code) else str(code)  # whichever host it names
    state = registry.battery(code, parse_time(as_of), parse_time(known_at), Reader(audience))
    history = registry.history(code, Reader(audience), limit)
    if as_json:
        print_json({**state, "history": history["events"]})
        return
    _print_battery(state)
    _print_history(history)


@click.command()
@click.argument("code")
@audience_option
@registry_options
def evidence(*, code: str, audience: str, registry: Registry) -> None:
    """Print the evidence file of a battery: it proves the history without the server."""
    click.echo(registry.evidence(code, Reader(audience)), nl=False)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@belief_options
@json_option
def verify(*, file: Path, policy: Path, authorities: tuple[str, ...], as_json: bool) -> None:
    """
    Check an evidence file, or a proof of absence: no network, no registry.

    Exit code 1 when anything does not hold.
    """
    data, believed = file.read_bytes(), Policy.parse(policy.read_text())
    if data.startswith(_ABSENCE):
        absent = verify_absence(data, believed)
        check_subject(absent.subject)
        _print_absence(absent, as_json=as_json)
        return
    verified = verify_evidence(
        data,
        believed,
        authorities,
        lambda line: subjects(decode(line)),
    )
    if as_json:
        print_json(
            {
                "verified": True,
                "subject": verified.subject,
                "origin": verified.checkpoint.origin,
                "size": verified.checkpoint.size,
                "witnessed": verified.witnessed,
                "head": verified.head,
                "complete": verified.complete,
                "steps": list(verified.steps),
                "events": [
                    {
                        "index": event.index,
                        "k": event.k,
                        "reporter": event.reporter,
                        "signature": event.signature,
                        "after_head": event.after_head,
                    }
                    for event in verified.events
                ],
            }
        )
        return
    click.echo(f"Verified: {verified.subject}")
    for step in verified.steps:
        click.echo(f"  ✓ {step}")
    click.echo(f"\n{verified.head}")
    if later := sum(event.after_head for event in verified.events):
        click.echo(f"The last {later} came after the head: that they are all is not proved yet.")


def _print_absence(verified: VerifiedAbsence, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "verified": True,
                "absent": verified.subject,
                "origin": verified.checkpoint.origin,
                "size": verified.size,
                "witnesses": list(verified.witnesses),
            }
        )
    else:
        click.echo(f"Verified: {verified.words}")


def parse_time(text: str | None) -> datetime | None:
    """Return the time of an option. Raises UsageError."""
    if text is None:
        return None
    try:
        when: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise UsageError(
            "usage.time", f"{text!r} is not a time with its zone.", "Such as 2026-05-03T08:00:00+08:00."
        )
    return when


def _print_list(found: list[dict[str, Any]]) -> None:
    for one in found:
        click.echo(f"{one['code']:<26}{one['level']:<8}{one['phase'] or '':<15}{one['events']:>5} events")
    if not found:
        click.echo("None.")


def _print_battery(state: dict[str, Any]) -> None:
    made = f" · made {state['production_date']}" if state["production_date"] else ""
    click.echo(f"{state['code']}\n{state['level']} · {state['chemistry'] or 'chemistry unknown'}{made}")
    for name in ("place", "holder", "vin", "phase", "end", "owner", "operator", "soh_fraction"):
        if state.get(name) is not None:
            click.echo(f"  {name.replace('_', ' '):<14}{state[name]}")
    for finding in state["findings"]:
        click.echo(f"  {finding['kind']:<14}{finding.get('message') or finding['rule']}")
    if state["withheld"]:
        click.echo(f"  not shown     {', '.join(state['withheld'])}")


def _print_history(history: dict[str, Any]) -> None:
    click.echo()
    for event in reversed(history["events"]):
        mark = "  corrected since" if event["corrected_by"] is not None else ""
        reporter = f"  {event['reporter']}" if event["reporter"] else ""
        click.echo(
            f"{event['occurred_at'][:16]:<18}{event['kind']:<20}entry {event['index']:>8,}{reporter}{mark}"
        )
    if history["next"] is not None:
        click.echo(f"… earlier events: {history['count']} in all (--limit)")
