"""`voltrail credential`: check a passport that its host signed, or hand on less of it; no network."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from voltrail.cli.common import Group, json_option, print_json
from voltrail.errors import UsageError, VerificationError
from voltrail.events.points import POINTS
from voltrail.ledger.keys import Verifier
from voltrail.passport import credentials, jws, sd_jwt

_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group(cls=Group)
def credential() -> None:
    """Check a passport as SD-JWT or Verifiable Credential, or hand on less of it."""


@credential.command()
@_file
@click.option(
    "--jwks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The host's keys: its /.well-known/jwks.json.",
)
@click.option("--key", "vkeys", multiple=True, metavar="VKEY", help="A key of the host: NAME+ID+KEY.")
@json_option
def verify(*, file: Path, jwks: Path | None, vkeys: tuple[str, ...], as_json: bool) -> None:
    """
    Check who signed a passport, and that each point it discloses is of what was signed.

    Exit code 1 when anything does not hold: then none of it does.
    """
    keys = [Verifier(vkey) for vkey in vkeys] + (jws.read_jwks(jwks.read_bytes()) if jwks else [])
    if not keys:
        raise UsageError(
            "usage.key", "No key was given.", "Give --jwks FILE, the host's /.well-known/jwks.json."
        )
    found = sd_jwt.verify(_read(file), keys, datetime.now(UTC))
    points = credentials.points_of(found)
    if as_json:
        print_json(
            {
                "verified": True,
                "key": found.key,
                "type": found.type,
                "hidden": found.hidden,
                "points": points,
                "claims": found.claims,
            }
        )
        return
    click.echo(f"Verified: {found.claims.get('sub')}\nSigned by {found.key}")
    if isinstance(issued := found.claims.get("iat"), int):
        click.echo(f"Issued {datetime.fromtimestamp(issued, UTC).isoformat()}")
    for name, value in points.items():
        unit = f" {POINTS[name].unit}" if name in POINTS and POINTS[name].unit else ""
        click.echo(f"  ✓ {POINTS[name].en if name in POINTS else name}: {value}{unit}")
    if found.hidden:
        more = "1 more point was" if found.hidden == 1 else f"{found.hidden} more points were"
        click.echo(f"\n{more} signed and not disclosed here.")


@credential.command()
@_file
@click.argument("points", nargs=-1)
def present(*, file: Path, points: tuple[str, ...]) -> None:
    """Print an SD-JWT that discloses of these POINTS alone, such as mass_kg; without any, nothing."""
    click.echo(sd_jwt.present(_read(file), points))


def _read(file: Path) -> str:
    """Return the text of a file. Raises VerificationError where it is none."""
    try:
        return file.read_bytes()[: sd_jwt.MAX_BYTES + 2].decode("ascii").strip()
    except UnicodeDecodeError:
        message = f"{file} is no SD-JWT or JWT: it is not plain ASCII."
        raise VerificationError("credential.form", message, "Take the file again, unchanged.") from None
