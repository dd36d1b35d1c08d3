"""`voltrail gateway`: take what vehicles send, and say who may send it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

import voltrail
from voltrail.cli.archive import archive, rows
from voltrail.cli.common import data_option, database_option, json_option, print_json, registry_options
from voltrail.cli.simulate import simulate
from voltrail.cli.vehicles import alarms, vehicles
from voltrail.errors import UsageError
from voltrail.organisations.identifiers import check_organisation
from voltrail.registry.admission import Admission
from voltrail.registry.registry import Registry

if TYPE_CHECKING:
    from voltrail.gateway.processes import Tls  # loaded only by what listens

_PEM = click.Path(exists=True, dir_okay=False)


@click.group(invoke_without_command=True)
@click.option(
    "--listen", default="127.0.0.1:32960", show_default=True, metavar="HOST:PORT", help="Where to listen."
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes share the port: one for each core that is to spare.",
)
@click.option(
    "--admit",
    type=click.Choice(["recorded", "any"]),
    default="recorded",
    show_default=True,
    help="Which vehicles may log in by themselves: those on record, or any.",
)
@click.option(
    "--per-address",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="How many connections one address may have in each process; this machine may have any number.",
)
@click.option("--tls-cert", type=_PEM, help="A certificate chain, PEM: connections are encrypted.")
@click.option("--tls-key", type=_PEM, help="Its private key, PEM.")
@click.option("--tls-ca", type=_PEM, help="The authority that must have signed the certificates of clients.")
@click.option(
    "--organisation",
    metavar="ID",
    help="In whose name alarms of vehicles are reported that are connected by themselves.",
)
@data_option
@database_option
@click.pass_context
def gateway(
    context: click.Context,
    *,
    listen: str,
    processes: int,
    admit: str,
    per_address: int,
    tls_cert: str | None,
    tls_key: str | None,
    tls_ca: str | None,
    organisation: str | None,
    data: Path,
    database: str | None,
) -> None:
    """Take the frames of vehicles and platforms (GB/T 32960.3) until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    from voltrail.gateway.folder import Folder
    from voltrail.gateway.limits import Limits
    from voltrail.gateway.processes import LOOK_S, Archiving, Gateway, Settings, told_to_end

    host, port = _address(listen)
    tls = _tls(tls_cert, tls_key, tls_ca)
    if organisation is not None:
        check_organisation(organisation)
    with told_to_end() as told, voltrail.open(data, database) as registry:
        settings = Settings(
            Folder.of(data).root,
            registry.database.dsn,
            host,
            port,
            "any" if admit == "any" else "recorded",
            tls,
            Limits(per_address=per_address),
            Archiving(data, database, organisation),
        )
        with Gateway(settings, processes) as running:
            click.echo(f"Taking frames on {host}:{running.port} until Ctrl-C.", err=True)
            while not told:
                running.look()
                time.sleep(LOOK_S)


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if ":" not in listen or not port.isdecimal() or int(port) > 65535:
        raise UsageError(
            "usage.listen",
            f"{listen!r} is no address and port to listen on.",
            "Such as 127.0.0.1:32960, or :32960 for all addresses of IPv4, or [::]:32960.",
        )
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)  # noqa: S104 - as it was asked


def _tls(certificate: str | None, key: str | None, clients: str | None) -> Tls | None:
    from voltrail.gateway.processes import Tls

    if certificate is None and key is None and clients is None:
        return None
    if certificate is None or key is None:
        raise UsageError(
            "usage.tls", "TLS needs a certificate and its key.", "Give --tls-cert and --tls-key."
        )
    return Tls(certificate, key, clients)


@gateway.group("platform")
def gateway_platform() -> None:
    """Platforms that pass on what their vehicles send."""


@gateway_platform.command("add")
@click.argument("name")
@click.option("--organisation", required=True, help="Whose platform it is: a credit code or an LEI.")
@registry_options
@json_option
def add_platform(*, name: str, organisation: str, registry: Registry, as_json: bool) -> None:
    """Let a platform log in; its password is printed once."""
    password = _admission(registry).add_platform(name, organisation)
    if as_json:
        print_json({"name": name, "password": password})
        return
    click.echo(f"  {name}   password: {password}   (it is not shown again)")


@gateway_platform.command("list")
@registry_options
@json_option
def list_platforms(*, registry: Registry, as_json: bool) -> None:
    """List the platforms that may log in, and those that no longer may."""
    found = _admission(registry).platforms()
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    for one in found:
        ended = f"ended {one.ended_at:%Y-%m-%d}" if one.ended_at else ""
        click.echo(f"{one.number:>4} {one.name:<12} {one.organisation:<24} {ended}".rstrip())


@gateway_platform.command("end")
@click.argument("name")
@registry_options
def end_platform(*, name: str, registry: Registry) -> None:
    """Let a platform log in no more; its connections end within seconds."""
    _admission(registry).end_platform(name)
    click.echo(f"{name} may log in no more.")


@gateway.group("terminal")
def terminal() -> None:
    """Terminals in vehicles."""


@terminal.command("free")
@click.argument("vin")
@registry_options
def free_terminal(*, vin: str, registry: Registry) -> None:
    """Forget the card and the key that a VIN is bound to, such as after its terminal was exchanged."""
    _admission(registry).free_terminal(vin)
    click.echo(f"The next terminal that logs in as {vin} is bound to it.")


def _admission(registry: Registry) -> Admission:
    return Admission(registry.database.pool)


for command in (alarms, archive, rows, simulate, vehicles):
    gateway.add_command(command)
