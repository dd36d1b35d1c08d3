"""`voltrail health`: state of health out of what vehicles send."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voltrail.cli.common import Group, data_option, json_option, print_json, registry_options
from voltrail.cli.fleet import fleet
from voltrail.client.client import read_key, sign
from voltrail.codes import parse
from voltrail.errors import NotFound, Refusal, UsageError
from voltrail.registry.registry import Registry

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 20  # refused lines that are told


@click.group(cls=Group)
def health() -> None:
    """Reckon the health of batteries from what their vehicles send, and report it."""


health.add_command(fleet)


@health.command()
@click.argument("month")
@registry_options
@json_option
def month(*, month: str, registry: Registry, as_json: bool) -> None:
    """
    Reckon the state of health of all batteries in MONTH, such as 2026-10, and keep it.

    A month may be reckoned again: what came late counts then.
    """
    from voltrail.gateway.folder import Folder
    from voltrail.gateway.health_job import fittings, keep_month, read_month

    first = read_month(month)
    with _bar(shown=not as_json) as progress:
        found = keep_month(Folder.of(registry.data), first, fittings(registry, first), progress)
    told = _summary(found.months, found.sessions)
    if as_json:
        print_json({"month": f"{first:%Y-%m}"} | told)
        return
    click.echo(f"{first:%Y-%m}: {told['batteries']:,} batteries, {told['reports']:,} reports.")
    click.echo(f"  {told['sessions']:,} charging sessions, {told['used']:,} of them gave a capacity.")
    if told["soh_median"] is not None:
        click.echo(
            f"  {told['with_soh']:,} batteries have a state of health; the middle one "
            f"{told['soh_median']:.1%}, {told['half_width_median']:.1%} either way."
        )
    for rule, count in told["refused"].items():
        why = _why(rule)
        click.echo(f"  {count:,} have none. {why.message} {why.fix}  [{rule}]")


@health.command()
@click.argument("code")
@data_option
@json_option
def show(*, code: str, data: Path, as_json: bool) -> None:
    """Show what is known of the health of one battery, by month."""
    from voltrail.gateway.folder import Folder
    from voltrail.gateway.health_store import HealthStore

    text = parse(code).text
    store = HealthStore(Folder.of(data))
    months, sessions = store.months(text), store.sessions(text)
    if not months.num_rows:
        raise NotFound(
            "health.nothing",
            f"Nothing was reckoned of {text}.",
            "Its vehicle must have sent reports; then: voltrail health month 2026-10",
        )
    if as_json:
        told = {"code": text, "months": months.to_pylist(), "sessions": sessions.to_pylist()}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2, default=_iso))
        return
    click.echo(f"{text}\n  month    health  from    to      Ah      sessions  km")
    for row in months.to_pylist():
        _print_month(row)


@health.command()
@click.argument("month")
@click.option("--organisation", required=True, help="In whose name: its credit code, LEI or GLN.")
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Its key, a PEM file. Else the host of the registry signs.",
)
@registry_options
@json_option
def report(*, month: str, organisation: str, key: Path | None, registry: Registry, as_json: bool) -> None:
    """
    Report the state of health of MONTH as measured, for each battery that has one.

    Sent again it is known, and nothing is doubled. The trace stays here, its digest goes into the record.
    """
    from voltrail.gateway.folder import Folder
    from voltrail.gateway.health_job import bounds, read_month
    from voltrail.gateway.health_lines import measured_lines
    from voltrail.gateway.health_store import HealthStore
    from voltrail.ledger.reports import MAX_LINES

    first = read_month(month)
    if bounds(first)[1] > datetime.now(UTC):
        raise UsageError(
            "health.not_over", f"{first:%Y-%m} is not over.", "Report a month when it is, in UTC."
        )
    months = HealthStore(Folder.of(registry.data)).month(first)
    if not months.num_rows:
        raise NotFound(
            "health.not_reckoned",
            f"Nothing was reckoned of {first:%Y-%m}.",
            f"Do so first: voltrail health month {first:%Y-%m}",
        )
    hand_in = _sender(registry, organisation, key)
    lines = list(measured_lines(months, first))
    receipts = [
        json.loads(hand_in(lines[begin : begin + MAX_LINES])) for begin in range(0, len(lines), MAX_LINES)
    ]
    if as_json:
        print_json({"month": f"{first:%Y-%m}", "receipts": receipts})
    taken, known, refused = (
        sum(len(one[name]) for one in receipts) for name in ("accepted", "known", "refused")
    )
    if not as_json:
        click.echo(f"{taken:,} taken, {known:,} known before, {refused:,} refused.")
        for one in [one for receipt in receipts for one in receipt["refused"]][:SHOWN]:
            click.echo(f"{one['message']} {one['fix']}  [{one['rule']}]", err=True)
    raise SystemExit(1 if refused else 0)


def _sender(registry: Registry, organisation: str, key: Path | None) -> Callable[[Sequence[bytes]], bytes]:
    """Return what hands lines in: signed by a key, or by the host."""
    if key is None:
        return lambda lines: registry.report_lines(organisation, lines)
    signer = read_key(key)
    if signer.verifier.holder != organisation:
        raise UsageError(
            "health.key",
            f"The key is of {signer.verifier.holder}, and not of {organisation}.",
            "Give the key of the organisation that reports.",
        )
    return lambda lines: registry.report(sign(registry.origin, signer, lines))


def _why(rule: str) -> Refusal:
    from voltrail.health.capacity import REFUSALS

    return next(one for one in REFUSALS if one.rule == rule)


def _summary(months: pa.Table, sessions: pa.Table) -> dict[str, Any]:
    """Return how many batteries, sessions and reports there were, and what came of them."""
    import numpy as np

    soh = months["soh_fraction"].drop_null().to_numpy()
    half = (months["soh_high"].drop_null().to_numpy() - months["soh_low"].drop_null().to_numpy()) / 2
    refused = months["refusal"].drop_null().value_counts().to_pylist()
    return {
        "batteries": months.num_rows,
        "with_soh": len(soh),
        "soh_median": float(np.median(soh)) if len(soh) else None,
        "half_width_median": float(np.median(half)) if len(soh) else None,
        "sessions": sessions.num_rows,
        "used": sessions.num_rows - sessions["capacity_ah"].null_count,
        "reports": int(months["rows"].to_numpy().sum()),
        "refused": {one["values"]: one["counts"] for one in sorted(refused, key=lambda one: one["values"])},
    }


def _print_month(row: dict[str, Any]) -> None:
    if row["soh_fraction"] is None:
        click.echo(f"  {row['month']:%Y-%m}  none: {_why(row['refusal']).message}  [{row['refusal']}]")
        return
    distance = "" if row["odometer_km"] is None else f"{row['odometer_km']:,.0f}"
    click.echo(
        f"  {row['month']:%Y-%m}  {row['soh_fraction']:<7.1%} {row['soh_low']:<7.1%} {row['soh_high']:<7.1%} "
        f"{row['capacity_ah']:<7.1f} {row['used']:>3} of {row['sessions']:<3} {distance}"
    )


def _iso(value: date | datetime) -> str:
    return value.isoformat()


@contextmanager
def _bar(*, shown: bool) -> Iterator[Callable[[], object] | None]:
    """Show how many hours are reckoned, where somebody looks on."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        yield None
        return
    columns = (SpinnerColumn(), TextColumn("{task.completed} hours reckoned"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None)
        yield lambda: progress.advance(task)
