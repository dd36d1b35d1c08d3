"""`voltrail gateway archive` and `rows`: segments into the archive, and what it holds of a vehicle."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.progress import Progress

from voltrail.cli.common import data_option, json_option, print_json, registry_options
from voltrail.errors import UsageError
from voltrail.registry.registry import Registry

if TYPE_CHECKING:
    from voltrail.gateway.folder import Folder  # loaded only by what reads it

SHOWN: Final = (
    "speed_kmh",
    "soc_percent",
    "voltage_v",
    "current_a",
    "cell_max_mv",
    "cell_min_mv",
    "probe_max_c",
)


@click.command("archive")
@registry_options
@json_option
def archive(*, registry: Registry, as_json: bool) -> None:
    """Turn what the gateway has kept into the archive, once. A running gateway does it by itself."""
    from voltrail.gateway.archiver import Archiver
    from voltrail.gateway.binding import Binder

    folder = _folder(registry.data)
    with (
        Archiver(folder, [Binder(registry, folder).see]) as archiver,
        Progress(transient=True, console=Console(stderr=True), disable=as_json) as bar,
    ):
        task = bar.add_task("Segments", total=None)
        step = archiver.step(told=lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        print_json(step._asdict())
        return
    click.echo(f"{step.segments:,} segments are archived: {step.rows:,} rows. Merged: {step.merged:,} hours.")
    for why, words in (
        ("encrypted", "reports and logins are left out, since they are encrypted"),
        ("no_time", "reports and logins are left out, since they have no time"),
        ("cells", "cells are left out, since no pack has as many before them"),
    ):
        if step.left_out.get(why):
            click.echo(f"{step.left_out[why]:,} {words}.")
    if step.damaged:
        click.echo(f"{step.damaged:,} segments were not read whole; they are in segments/damaged.", err=True)
    if step.held_back:
        click.echo(f"{step.held_back:,} segments are held back: the database did not take them.", err=True)
    if step.damaged or step.held_back:
        raise SystemExit(1)


@click.command("rows")
@click.argument("vin")
@click.option("--from", "since", metavar="TIME", help="The first second, as 2026-11-30T09:00; UTC.")
@click.option("--to", "until", metavar="TIME", help="The second after the last. By default now.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all columns as CSV.")
@data_option
@json_option
def rows(*, vin: str, since: str | None, until: str | None, as_csv: bool, data: Path, as_json: bool) -> None:
    """
    Print what a vehicle reported, second by second; by default of the last day.

    With --json each report is a line of JSON.
    """
    stop = _time(until) or datetime.now(UTC)
    start = _time(since) or stop - timedelta(days=1)
    if start >= stop:
        raise UsageError("usage.period", "The time ends before it begins.", "Give a --to after --from.")
    found = _rows(_folder(data), vin, start, stop)
    if as_json:
        for row in found:
            click.echo(json.dumps(row | {"at": row["at"].isoformat()}, ensure_ascii=False))
    elif as_csv:
        from voltrail.telematics.signals import REPORTS

        writer = csv.DictWriter(sys.stdout, REPORTS.names)
        writer.writeheader()
        writer.writerows(row | {"at": row["at"].isoformat()} for row in found)
    else:
        click.echo(f"{'at (UTC)':<19} " + " ".join(f"{name:>11}" for name in SHOWN))
        for row in found:
            click.echo(
                f"{row['at']:%Y-%m-%d %H:%M:%S} " + " ".join(f"{_shown(row[name]):>11}" for name in SHOWN)
            )


def _rows(folder: Folder, vin: str, start: datetime, stop: datetime) -> Iterator[dict[str, Any]]:
    from voltrail.gateway.archive import Archive

    for hour in Archive(folder.archive).hours("reports", None, start, stop, [vin]):
        yield from hour.to_pylist()


def _folder(data: Path) -> Folder:
    from voltrail.gateway.folder import Folder

    folder = Folder.of(data)
    if not folder.root.is_dir():
        raise UsageError(
            "usage.telemetry",
            f"{data} holds no telemetry.",
            "Give the --data with which the gateway runs; it makes the folder when it takes its first frame.",
        )
    return folder


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "usage.moment", f"{text!r} is no time.", "Write it as 2026-11-30T09:00 or as 2026-11-30, in UTC."
        ) from None
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
