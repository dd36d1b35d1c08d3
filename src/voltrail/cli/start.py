"""`voltrail init`, `key`, `serve`, `demo` and `doctor`: how a registry begins and runs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import voltrail
from voltrail.accounts import Accounts
from voltrail.accounts.accounts import FIRST_LOGIN
from voltrail.accounts.trail import Actor
from voltrail.cli.account import first_administrator, said_once
from voltrail.cli.common import (
    GRACE_S,
    LOOPBACK,
    data_option,
    database_option,
    json_option,
    print_json,
    sigterm_as_ctrl_c,
)
from voltrail.connections.eu_registry import NO_EU_REGISTRY, BackUp, Setting
from voltrail.connections.provider import diagnose_provider
from voltrail.connections.witness_client import diagnose_witnesses
from voltrail.database.database import Database
from voltrail.errors import UsageError
from voltrail.ledger.keys import ED25519, P256, Signer, encode64
from voltrail.ledger.witness import Cosigner
from voltrail.registry.doctor import diagnose
from voltrail.registry.files import write_private
from voltrail.registry.prepare import warm
from voltrail.registry.registry import Registry
from voltrail.registry.settings import initialise, load

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from voltrail.demo.world import World  # loaded only by `demo`

DEMO_ORIGIN = "demo.voltrail.example/log"


@click.command()
@click.option("--origin", required=True, help="The log's name for ever, such as registry.example/log.")
@click.option(
    "--authority",
    "authorities",
    required=True,
    multiple=True,
    metavar="VKEY",
    help="The public key of the authority; may be given several times.",
)
@click.option(
    "--witness",
    "witnesses",
    multiple=True,
    metavar='"VKEY URL"',
    help="A witness's public key, and where to ask it; may be given several times.",
)
@data_option
@database_option
@json_option
def init(
    *,
    origin: str,
    authorities: tuple[str, ...],
    witnesses: tuple[str, ...],
    data: Path,
    database: str | None,
    as_json: bool,
) -> None:
    """Begin a registry: make its folder, its keys (0600, outside the database) and its policy."""
    if database:
        Database(None, database).close()  # before anything is written: it must answer
    settings = initialise(data, origin, authorities, witnesses, database)
    with voltrail.open(data, database) as registry:
        vkey = registry.keys.log.vkey
        password = first_administrator(registry)
    if as_json:
        print_json(
            {
                "origin": settings.origin,
                "log": vkey,
                "data": str(data),
                "policy": str(data / "policy.txt"),
                "login": FIRST_LOGIN,
                "one_time_password": password,
            }
        )
        return
    click.echo(f"The log {settings.origin} has begun in {data}.\n\n  {vkey}\n")
    click.echo("Keep a copy of the keys folder where the database's backups do not lie.")
    _say_who_administers(password)
    click.echo("Next, the authority puts the host's key into the record:\n")
    click.echo(f"  voltrail report {data / 'host-trust.jsonl'} --key AUTHORITY.pem --data {data}")
    click.echo(f"  voltrail serve --data {data}")


def _say_who_administers(password: str | None, *, err: bool = False) -> None:
    """Print the first administrator's one-time password; nothing where there are accounts already."""
    if password is not None:
        click.echo("The first administrator's account:\n", err=err)
        click.echo(said_once(FIRST_LOGIN, password) + "\n", err=err)


@click.group()
def key() -> None:
    """Make keys to sign with."""


@key.command("new")
@click.argument("name", metavar="NAME")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The private key's file, made 0600."
)
@click.option("--algorithm", type=click.Choice([ED25519, P256]), default=ED25519, show_default=True)
@click.option("--witness", is_flag=True, help="A witness's key, with any name: for `voltrail witness`.")
@json_option
def new_key(*, name: str, out: Path, algorithm: str, witness: bool, as_json: bool) -> None:
    """
    Make a key, write it to a file, and print what others need: its VKEY and its line for the record.

    NAME is ORGANISATION/KEY_ID, such as 91…X/line-1; a witness's may be any, such as witness.example/w1.
    """
    signer = Signer.generate(name, algorithm)
    if witness:
        vkey = Cosigner(signer).vkey
        _write_key(out, signer)
        print_json({"vkey": vkey, "file": str(out)}) if as_json else click.echo(vkey)
        return
    if not signer.verifier.holder:
        raise UsageError("usage.key_name", f"{name!r} is not ORGANISATION/KEY_ID.", "Such as 91…X/line-1.")
    _write_key(out, signer)
    members = {
        "organisation": signer.verifier.holder,
        "key_id": name.rpartition("/")[2],
        "algorithm": algorithm,
        "public_key": encode64(signer.verifier.public_key),
    }
    if as_json:
        print_json({"vkey": signer.vkey, "file": str(out), **members})
        return
    click.echo(signer.vkey)
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    line = {"kind": "key_added", "occurred_at": now, **members}
    click.echo("\nThe line that puts it into the record, for the authority to report:", err=True)
    click.echo(json.dumps(line, separators=(",", ":")), err=True)


def _write_key(out: Path, signer: Signer) -> None:
    try:
        write_private(out, signer.pem.encode())
    except FileExistsError:
        raise UsageError(
            "usage.exists", f"{out} exists.", "Name another file; keys are never overwritten."
        ) from None


@click.command()
@click.option("--host", default=LOOPBACK, show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, help="The port to listen on.")
@click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False), help="A certificate chain, PEM.")
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False), help="Its private key, PEM.")
@click.option(
    "--webhook-network",
    "networks",
    metavar="CIDR",
    multiple=True,
    help="A network of your own that webhooks may go to, such as 10.20.0.0/16; may be given several times.",
)
@click.option(
    "--eu-registry",
    "eu_registry",
    metavar="URL|ADAPTER",
    help="The EU registry that is told of passports: its address, or the name of an adapter installed here.",
)
@click.option(
    "--eu-back-up",
    "back_up",
    nargs=2,
    metavar="OPERATOR URL",
    help="Who keeps a copy of our passports, and where: https://HOST/b/{code}/passport.",
)
@data_option
@database_option
def serve(
    *,
    host: str,
    port: int,
    tls_cert: str | None,
    tls_key: str | None,
    networks: tuple[str, ...],
    eu_registry: str | None,
    back_up: tuple[str, str] | None,
    data: Path,
    database: str | None,
) -> None:
    """Serve the registry's pages and its API until Ctrl-C or SIGTERM."""
    _check_tls(tls_cert, tls_key)
    eu = Setting(eu_registry, BackUp(*back_up) if back_up else None)
    with sigterm_as_ctrl_c(), voltrail.open(data, database) as registry:
        warm()
        _serve(registry, host, port, tls_cert, tls_key, networks, eu)


def _check_tls(cert: str | None, key: str | None) -> None:
    """Raise UsageError unless there is neither certificate nor key, or both, and they fit together."""
    if (cert is None) != (key is None):
        raise UsageError(
            "usage.tls", "TLS needs a certificate and its key.", "Give --tls-cert and --tls-key."
        )
    if cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except (OSError, ValueError) as error:
        raise UsageError(
            "usage.tls",
            f"{cert} and {key} are no certificate and key that fit together: {error}.",
            "Give --tls-cert the chain, its own certificate first, and --tls-key the key without a password.",
        ) from error


def _serve(
    registry: Registry,
    host: str,
    port: int,
    tls_cert: str | None = None,
    tls_key: str | None = None,
    networks: Sequence[str] = (),
    eu: Setting = NO_EU_REGISTRY,
) -> None:
    import gc

    import uvicorn
    from litestar.concurrency import set_asyncio_executor

    from voltrail.api.app import create_app
    from voltrail.api.ending import Threads
    from voltrail.api.wire import BoundedProtocol

    if registry.closed is not None:
        click.echo(str(registry.closed), err=True)
    app = create_app(registry, networks, eu)
    scheme = "https" if tls_cert else "http"
    click.echo(f"Serving {registry.origin} on {scheme}://{host}:{port}/ until Ctrl-C.", err=True)

    _say_who_administers(first_administrator(registry), err=True)
    # A report is thousands of objects without a circle among them: look for garbage less often.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    set_asyncio_executor(cast("ThreadPoolExecutor", Threads()))  # any Executor will do
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=BoundedProtocol,
        ws="none",
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )


@click.command()
@click.option("--packs", default=2000, show_default=True, help="How many packs live in the sample world.")
@click.option("--seed", default=20261, show_default=True, help="The same seed gives the same world.")
@click.option("--no-serve", is_flag=True, help="Make the world and stop.")
@click.option("--port", default=8000, show_default=True, help="The port to serve on.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-data"),
    show_default=True,
    help="Where the sample world is kept.",
)
@database_option
def demo(*, packs: int, seed: int, no_serve: bool, port: int, data: Path, database: str | None) -> None:
    """Make a sample world, all invented, and serve it."""
    if not no_serve:
        _check_port(port)  # before anything is made: many have something on 8000
    begun = time.monotonic()
    from voltrail.demo.stations import say_states

    click.echo(f"Sample world: {packs:,} packs, seed {seed}. Everything in it is invented.")
    world = None if _is_made(data, packs, seed) else _tell_world(packs, seed)
    if world is not None and not (data / "settings.json").exists():
        initialise(data, DEMO_ORIGIN, [world.authority.vkey], database=database)
    with sigterm_as_ctrl_c(), voltrail.open(data, database) as registry:
        if world is not None:
            _report_world(registry, data, world)
        say_states(registry, datetime.now(UTC))
        _say_what_is_there(registry, port, serving=not no_serve, took_s=time.monotonic() - begun)
        _say_who_signs_in(registry, data, seed)
        _say_what_to_try(registry, data, serving=not no_serve)
        if not no_serve:
            _serve(registry, LOOPBACK, port)


def _say_what_is_there(registry: Registry, port: int, *, serving: bool, took_s: float) -> None:
    counts = registry.counts()
    size = f"{counts['batteries']:,} batteries and {counts['entries']:,} entries"
    click.echo(f"{size}, after {took_s:.0f} s.\n")
    if serving:
        click.echo(f"Open    http://{LOOPBACK}:{port}/    for a short tour\n")


def _say_who_signs_in(registry: Registry, data: Path, seed: int) -> None:
    """Make sign-ins for some of the sample world, and print their one-time passwords; once for a world."""
    from voltrail.demo.cast import Cast

    accounts = Accounts(registry.database)
    if accounts.page(limit=1):
        return
    cast = Cast(seed)
    click.echo("Sign in with a one-time password, within 7 days; they are not shown again:\n")
    click.echo(f"  {FIRST_LOGIN:<10} {first_administrator(registry)}  looks after accounts")
    for login, member in (
        ("authority", cast.authority),
        ("maker", cast.one("battery_maker")),
        ("cells", cast.pilot),
        ("cars", cast.one("vehicle_maker")),
        ("repairs", cast.one("repair_enterprise")),
        ("recycler", cast.one("utilisation_enterprise")),
        ("outlet", next(member for member in cast.all if member.by_host)),
    ):
        password = accounts.add(login, member.identifier, "member", Actor())
        click.echo(f"  {login:<10} {password}  {member.name}")
    click.echo(f"\nThe authority signs with {data / 'authority.pem'}.\n")


def _is_made(data: Path, packs: int, seed: int) -> bool:
    """Return whether the folder holds this sample world already. Raises UsageError when it holds another."""
    from voltrail.demo.tour import read_tale

    tale = read_tale(data)
    if tale is not None and (tale.packs, tale.seed) != (packs, seed):
        holds = f"{data} holds a sample world of {tale.packs:,} packs, seed {tale.seed}."
        raise UsageError("demo.data", holds, "Name another folder with --data, or delete this one.")
    if (data / "settings.json").exists() and load(data).origin != DEMO_ORIGIN:
        raise UsageError("demo.data", f"{data} holds another registry.", "Name another folder with --data.")
    return tale is not None


def _tell_world(packs: int, seed: int) -> World:
    from voltrail.demo.world import World

    with _bar("Lives") as told:
        return World(packs, seed, progress=told, manner="offenders")


def _report_world(registry: Registry, data: Path, world: World) -> None:
    """Report a sample world; one that was broken off is taken up again."""
    from voltrail.accounts.applications import Applications
    from voltrail.accounts.supplier_requests import SupplierRequests
    from voltrail.demo.applicants import apply_all
    from voltrail.demo.campaigns import open_campaigns
    from voltrail.demo.cast import Cast
    from voltrail.demo.driver import populate
    from voltrail.demo.suppliers import ask_suppliers
    from voltrail.demo.telemetry import send
    from voltrail.demo.tour import Tale, write_tale
    from voltrail.demo.world import UNTIL

    with _bar("Reports") as told:
        populate(registry, world, told, registry.keys.host.verifier)
    with _bar("Vehicles") as told:
        stories = send(registry, Cast(world.seed), UNTIL, world.seed, told)
    open_campaigns(registry.recalls)
    registry.enter_heads()
    apply_all(Applications(registry), world.seed, datetime.now(UTC).date().isoformat())
    ask_suppliers(registry, SupplierRequests(registry), world.seed)
    (data / "authority.vkey").write_text(world.authority.vkey + "\n")
    (data / "authority.pem").write_text(world.authority.pem)  # of no worth: it follows from the seed
    write_tale(data, Tale(world.packs, world.seed, world.tour | ({"health": stories} if stories else {})))


def _check_port(port: int) -> None:
    """Raise UsageError when somebody else listens on a port already."""
    with socket.socket() as mine:
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            mine.bind((LOOPBACK, port))
        except OSError as error:
            raise UsageError(
                "usage.port",
                f"Port {port} of this machine cannot be used: {error.strerror}.",
                "Name another with --port.",
            ) from None


def _say_what_to_try(registry: Registry, data: Path, *, serving: bool) -> None:
    from voltrail.demo.tour import read_tale

    tale = read_tale(data)
    shown = tale.stops.get("verify") if tale is not None else None
    code = (shown or [registry.batteries(limit=1)[0]["code"]])[0]
    me = "voltrail" if shutil.which("voltrail") else os.path.relpath(sys.argv[0])
    authority = f'"$(cat {data}/authority.vkey)"'
    click.echo("Try, in another terminal:" if serving else "Try:")
    click.echo(f"  {me} battery {code} --data {data}")
    click.echo(f"  {me} evidence {code} --data {data} > e.json")
    click.echo(f"  {me} verify e.json --policy {data}/policy.txt --authority {authority}")
    click.echo(f"  {me} log audit --data {data}")
    if serving:
        click.echo("\nCtrl-C stops it; the world stays in the folder.")


@contextmanager
def _bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar with one task; give what to tell it: how much is done, and of how much."""
    columns = (TextColumn("{task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@click.command()
@data_option
@database_option
@json_option
def doctor(*, data: Path, database: str | None, as_json: bool) -> None:
    """Look at an installation: what is right, what is not, and what to do."""
    checks = list(diagnose(data, database))
    if all(check.ok for check in checks):
        with voltrail.open(data, database) as registry:
            checks += [*diagnose_witnesses(registry), *diagnose_provider(registry)]
    if as_json:
        print_json([{"name": c.name, "ok": c.ok, "message": c.message, "fix": c.fix} for c in checks])
    else:
        for check in checks:
            click.echo(f"{'right' if check.ok else 'WRONG':<6} {check.name:<9} {check.message}")
            if not check.ok:
                click.echo(f"       {'':<9} {check.fix}")
    raise SystemExit(0 if all(check.ok for check in checks) else 1)
