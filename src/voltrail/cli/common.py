"""What the commands share: where the registry is, how refusals are told, how JSON is printed."""

from __future__ import annotations

import functools
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

import voltrail
from voltrail.errors import VoltrailError

LOOPBACK = "127.0.0.1"
GRACE_S = 5  # for requests that are being answered when a server is told to end

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    show_default=True,
    envvar="VOLTRAIL_DATA",
    help="The registry's folder.",
)
database_option = click.option(
    "--database",
    metavar="DSN",
    envvar="VOLTRAIL_DATABASE",
    help="A PostgreSQL to use instead of the embedded one.",
)


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Take SIGTERM as Ctrl-C while the block runs: by itself it ends a process before anything is closed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def registry_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--data` and `--database`, and hand it the open registry as `registry`."""

    @data_option
    @database_option
    @functools.wraps(command)
    def opened(*args: Any, data: Path, database: str | None, **kwargs: Any) -> Any:
        with voltrail.open(data, database) as registry:
            return command(*args, registry=registry, **kwargs)

    return opened


def belief_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--policy`, a path, and `--authority`, several: what a verifier believes beforehand."""
    policy = click.option(
        "--policy",
        required=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="The log and witnesses you believe: policy.txt.",
    )
    authority = click.option(
        "--authority",
        "authorities",
        required=True,
        multiple=True,
        metavar="VKEY",
        help="The authority's public key.",
    )
    return policy(authority(command))


def print_json(value: Any) -> None:
    """Print a value as JSON for programs."""
    click.echo(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=2))


def write_proof(file: Path, data: bytes, command: str, *, as_json: bool) -> None:
    """Write a proof to a file, all of it or nothing, and say by which command it is checked."""
    part = file.with_name(file.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    if as_json:
        print_json({"file": str(file), "bytes": len(data)})
        return
    click.echo(f"{file}: {len(data):,} bytes. Check it with: {command} {file}")


def refuse(error: VoltrailError, *, as_json: bool = False) -> NoReturn:
    """Print why not and what to do, and leave with exit code 1."""
    if as_json:
        print_json(error.as_json())
    else:
        click.echo(str(error), err=True)
    raise SystemExit(1)


class Group(click.Group):
    """A group in which every refusal of ours ends in words and exit code 1, never in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        as_json = "--json" in ctx.args  # read before the command takes them
        try:
            return super().invoke(ctx)
        except VoltrailError as error:
            refuse(error, as_json=as_json)
