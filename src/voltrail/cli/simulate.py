"""`voltrail gateway simulate`: invented vehicles, or those on record, that send to a gateway."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import uvloop

import voltrail
from voltrail.cli.common import LOOPBACK, database_option, json_option, print_json
from voltrail.errors import UsageError

if TYPE_CHECKING:
    from voltrail.demo.convoy import Editions, Member
    from voltrail.demo.terminals import Sender

MAX_VEHICLES = 50_000
_DESCRIPTORS_BESIDE = 200  # of this process, apart from its connections


@click.command()
@click.option(
    "--vehicles",
    "number",
    type=click.IntRange(1, MAX_VEHICLES),
    default=10,
    show_default=True,
    help="How many send.",
)
@click.option(
    "--connect",
    "address",
    metavar="HOST:PORT",
    default=f"{LOOPBACK}:32960",
    show_default=True,
    help="Where the gateway listens.",
)
@click.option(
    "--edition",
    "editions",
    type=click.Choice(["2016", "2025", "mixed"]),
    default="mixed",
    show_default=True,
    help="The edition of GB/T 32960.3.",
)
@click.option(
    "--platform",
    metavar="NAME",
    help="Send all over one connection as this platform; its password is asked for, or taken from"
    " VOLTRAIL_PLATFORM_PASSWORD.",
)
@click.option(
    "--period",
    "period_s",
    type=click.FloatRange(1, 600),
    default=10.0,
    show_default=True,
    help="Seconds between two reports of a vehicle.",
)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Stop after so long, not at Ctrl-C.")
@click.option(
    "--faults",
    metavar="LIST",
    default="",
    help="What goes wrong with some of them: names with commas between, or all. Each is said in"
    " docs/telematics.md.",
)
@click.option("--seed", default=20261, show_default=True, help="The same seed gives the same vehicles.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="A registry's folder: its vehicles on record send, and not invented ones.",
)
@database_option
@json_option
def simulate(
    *,
    number: int,
    address: str,
    editions: Editions,
    platform: str | None,
    period_s: float,
    seconds: float | None,
    faults: str,
    seed: int,
    data: Path | None,
    database: str | None,
    as_json: bool,
) -> None:
    """
    Let vehicles drive, charge and send to a gateway: for a look, for tests, for load.

    They send as terminals with a connection each, or as one platform. What is told at the end is what was
    sent and answered.
    """
    from voltrail.demo.convoy import Convoy, invented
    from voltrail.demo.terminals import Sender

    host, port = _address(address)
    wrong = _faults(faults)
    password = None
    if platform is not None:
        password = _password(platform)
    else:
        _allow_connections(number)
    members = _on_record(data, database, number, editions) if data else invented(number, editions, seed)
    convoy = Convoy(members, time.time(), seed, wrong)
    sender = Sender(
        convoy,
        host,
        port,
        period_s=period_s,
        platform=(platform, password) if platform and password else None,
    )
    uvloop.run(_run(sender, seconds, quiet=as_json))
    told = sender.tally.summary()
    if not told["frames"]:
        raise UsageError(
            "usage.address",
            f"Nobody took a connection at {address}.",
            "Start voltrail gateway, or give --connect.",
        )
    if as_json:
        print_json(told)
        return
    click.echo(_line(told))
    for answer, count in told["answers"].items():
        click.echo(f"  {answer:<40} {count:>10,}")


async def _run(sender: Sender, seconds: float | None, *, quiet: bool) -> None:
    import signal

    loop = asyncio.get_running_loop()
    for ending in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(ending, sender.stop)
    telling = None if quiet else asyncio.create_task(_tell(sender))
    try:
        await sender.run(seconds)
    finally:
        if telling is not None:
            telling.cancel()
            click.echo(err=True)


async def _tell(sender: Sender) -> None:
    """Write a line each second, over the one before."""
    while True:
        await asyncio.sleep(1)
        click.echo(f"\r{_line(sender.tally.summary())}\x1b[K", nl=False, err=True)


def _line(told: dict[str, Any]) -> str:
    took = told["answer_ms"]
    answered = sum(told["answers"].values())
    waits = f", answered within {took['median']} ms (median), {took['p99']} ms (p99)" if took else ""
    trouble = "".join(
        f", {told[name]:,} {words}"
        for name, words in (
            ("closed", "connections closed by the gateway"),
            ("unreachable", "not connected"),
            ("held_back", "reports held back"),
        )
        if told[name]
    )
    return (
        f"{told['logged_in']:,} of {told['vehicles']:,} vehicles logged in; {told['frames']:,} frames sent,"
        f" {answered:,} answers{waits}{trouble}."
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise UsageError("usage.address", f"{text!r} is no address.", "Give HOST:PORT, as 127.0.0.1:32960.")
    return host.strip("[]"), int(port)


def _faults(text: str) -> list[str]:
    from voltrail.demo.convoy import FAULTS

    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return list(FAULTS)
    for name in names:
        if name not in FAULTS:
            raise UsageError(
                "usage.choice", f"There is no fault {name!r}.", f"Use {', '.join(FAULTS)}, or all."
            )
    return list(dict.fromkeys(names))


def _password(platform: str) -> str:
    import os

    return os.environ.get("VOLTRAIL_PLATFORM_PASSWORD") or str(
        click.prompt(f"Password of {platform}", hide_input=True, err=True)
    )


def _allow_connections(number: int) -> None:
    """Raise how many connections this process may have. Raises UsageError where the machine says no."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = number + _DESCRIPTORS_BESIDE
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise UsageError(
            "usage.limit",
            f"This machine lets a process have {hard:,} connections, and {needed:,} are needed.",
            "Let fewer vehicles send, send as a platform, or raise the hard limit (ulimit -Hn).",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))


def _on_record(data: Path, database: str | None, number: int, editions: Editions) -> list[Member]:
    from voltrail.demo.convoy import Member, edition_of
    from voltrail.demo.recorded import recorded

    with voltrail.open(data, database) as registry:
        found = recorded(registry.database, datetime.now(UTC), number)
    if len(found) < number:
        raise UsageError(
            "usage.vehicles",
            f"{len(found):,} vehicles stand on this record with one pack in them, not {number:,}.",
            f"Use --vehicles {len(found)}, or leave --data out to invent them."
            if found
            else "Leave --data out to invent them.",
        )
    return [Member(one.vehicle, edition_of(editions, row), one.design) for row, one in enumerate(found)]
