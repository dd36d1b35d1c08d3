"""The sample world into a registry: signed reports, like anybody's."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Final, NamedTuple, Protocol

from voltrail.demo.delivery import Report
from voltrail.demo.world import World
from voltrail.errors import RegistryError
from voltrail.events import split
from voltrail.ledger.receipts import Receipt, parse_receipt
from voltrail.ledger.reports import sign_report

_MODE: Final = "valid"


class Taker(Protocol):
    """What takes reports: a registry."""

    @property
    def origin(self) -> str:
        """The origin of the log."""

    def report(self, file: bytes, mode: str = "valid") -> bytes:
        """Take a report file and return the receipt."""


class Populated(NamedTuple):
    """How much went in."""

    reports: int
    lines: int
    findings: int


def populate(registry: Taker, world: World, progress: Callable[[int, int], None] | None = None) -> Populated:
    """
    Report the whole sample world; `progress` is told lines done and lines in all.

    The log need not be empty, and reporting the same world again changes nothing.
    Raises RegistryError when a line is refused: the sample world knows the law.
    """
    opening = _send(registry, next(world.reports()))
    if opening.first_index is None:
        raise RegistryError("demo.refused", "The registry holds these lines from other reports already.")
    reports, lines, findings = 1, opening.lines, len(opening.findings)
    for report in islice(world.reports(opening.first_index), 1, None):
        receipt = _send(registry, report)
        reports, lines, findings = reports + 1, lines + receipt.lines, findings + len(receipt.findings)
        if progress is not None:
            progress(lines, world.lines)
    return Populated(reports, lines, findings)


def _send(registry: Taker, report: Report) -> Receipt:
    """Sign a report, hand it in, and return its receipt, in which nothing was refused."""
    members = [split(line) for line in report.lines]
    file = sign_report(registry.origin, report.signer, report.secret, report.lines, members)
    receipt = parse_receipt(registry.report(file.encode(), mode=_MODE))
    for refused in receipt.refused:
        line = report.lines[refused.line][:200].decode(errors="replace")
        raise RegistryError(refused.rule, f"The sample world was refused: {refused.message} Line: {line}")
    return receipt
