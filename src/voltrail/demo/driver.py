"""The sample world into a registry: signed reports, like anybody's, at the times they arrive in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, islice
from typing import Final, NamedTuple, Protocol

import msgspec

from voltrail.demo.delivery import Report
from voltrail.demo.diary import stamp
from voltrail.demo.spool import BEGINNING
from voltrail.demo.world import Progress, World
from voltrail.errors import RegistryError
from voltrail.events import split
from voltrail.ledger.keys import Verifier, encode64
from voltrail.ledger.receipts import Receipt, parse_receipt
from voltrail.ledger.reports import sign_report

_HOST_SECRET: Final = bytes(16)  # what is told of the host is public


class Taker(Protocol):
    """What takes reports: a registry."""

    @property
    def origin(self) -> str:
        """The origin of the log."""

    def report_all(self, files: Sequence[bytes]) -> list[bytes]:
        """Take report files in this order, in one transaction, and return their receipts."""

    def host_signed(self, organisation: str, lines: Sequence[bytes]) -> bytes:
        """Return the report file that the host signs for an organisation."""

    def keep_time(self, now_ms: Callable[[], int] | None) -> None:
        """Take the time of reception from elsewhere; None: from the clock again."""


class Populated(NamedTuple):
    """How much went in."""

    reports: int
    lines: int
    findings: int


def populate(
    registry: Taker, world: World, progress: Progress | None = None, host: Verifier | None = None
) -> Populated:
    """
    Report the whole sample world; `progress` is told lines done and lines in all.

    The log's times are those of the sample world, so that what is late there is late here.
    With the key of the `host` some reports are signed by it. The log need not be empty, and
    reporting the same world again changes nothing.
    Raises RegistryError when a line is refused: the sample world knows the law.
    """
    try:
        return _populate(registry, world, progress, host)
    finally:
        registry.keep_time(None)


def _populate(registry: Taker, world: World, progress: Progress | None, host: Verifier | None) -> Populated:
    opening = next(world.reports())
    if host is not None:
        _send(registry, [_host_report(world, opening, host)], by_host=False)
    (receipt,) = _send(registry, [opening], by_host=False)
    if receipt.first_index is None:
        raise RegistryError("demo.refused", "The registry holds these lines from other reports already.")
    reports, lines, findings = 1, receipt.lines, len(receipt.findings)
    further = islice(world.reports(receipt.first_index), 1, None)
    for _, arriving in groupby(further, key=lambda report: report.received_ms):
        for taken in _send(registry, list(arriving), by_host=host is not None):
            reports, lines, findings = reports + 1, lines + taken.lines, findings + len(taken.findings)
        if progress is not None:
            progress(lines, world.lines)
    return Populated(reports, lines, findings)


def _send(registry: Taker, reports: list[Report], *, by_host: bool) -> Iterator[Receipt]:
    """Sign the reports of one moment, hand them in, and return their receipts: nothing was refused."""
    registry.keep_time(lambda: reports[0].received_ms)
    files = [_sign(registry, report, by_host=by_host and report.by_host) for report in reports]
    receipts = [parse_receipt(receipt) for receipt in registry.report_all(files)]
    for report, receipt in zip(reports, receipts, strict=True):
        for refused in receipt.refused:
            line = report.lines[refused.line][:200].decode(errors="replace")
            raise RegistryError(
                refused.rule,
                f"The sample world was refused: {refused.message} Line: {line}",
                "If the folder was made by another version, delete it or name another with --data.",
            )
    return iter(receipts)


def _sign(registry: Taker, report: Report, *, by_host: bool) -> bytes:
    """Return the report file: signed by the organisation itself, or by the host for it."""
    if by_host:
        return registry.host_signed(report.signer.verifier.holder, report.lines)
    members = [split(line) for line in report.lines]
    return sign_report(registry.origin, report.signer, report.secret, report.lines, members).encode()


def _host_report(world: World, opening: Report, host: Verifier) -> Report:
    """Return what the authority reports before anything else: the host, and its key."""
    about = {"occurred_at": stamp(BEGINNING), "organisation": host.holder}
    key_id = host.name.rpartition("/")[2]
    lines = [
        {"kind": "organisation_registered", **about, "name": "示例平台 Sample Host"},
        {
            "kind": "key_added",
            **about,
            "key_id": key_id,
            "algorithm": host.algorithm,
            "public_key": encode64(host.public_key),
        },
    ]
    encoded = [msgspec.json.encode(line) for line in lines]
    return Report(world.authority, encoded, _HOST_SECRET, opening.received_ms, by_host=False)
