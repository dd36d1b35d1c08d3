"""
Rows on their way to a registry: cut into reports, each kept until its receipt is there.

The same lines give the same report, so whatever was broken off is begun again and nothing is taken twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from voltrail.connections.sources import Read, Reason
from voltrail.errors import AccessError, NoteError, ReportError, VoltrailError
from voltrail.ledger.notes import parse_note
from voltrail.ledger.reports import MAX_LINES, ReportFile
from voltrail.registry.files import replace

ROWS_AT_ONCE: Final = 10_000
BYTES_AT_ONCE: Final = 16 << 20

# Reports that are refused for their size alone: their halves may be taken.
_TOO_MUCH: Final = {"report.too_many_subjects", "report.too_large", "request.too_large"}
# What is said of who reports, not of the lines: for people to set right, while the lines wait.
_OURS: Final = {"report.key_unknown", "report.signer", "report.host_may_not", "report.log_closed"}


class Target(Protocol):
    """Where reports go: a `Client`, or a registry on this machine."""

    def encode(self, lines: Sequence[bytes]) -> bytes:
        """Return what is sent of these lines."""
        ...

    def send(self, content: bytes, mode: str) -> bytes:
        """Hand it in; return the receipt."""
        ...


class Keeper(Protocol):
    """Where reports are kept until they are answered."""

    def receipt(self, lines: Sequence[bytes]) -> bytes | None:
        """Return the receipt of a report over these lines that was answered already."""
        ...

    def hold(self, lines: Sequence[bytes], content: bytes) -> None:
        """Keep what is about to be sent."""
        ...

    def settle(self, lines: Sequence[bytes], receipt: bytes) -> None:
        """Let go of it: this is its receipt."""
        ...


class Found(msgspec.Struct, frozen=True):
    """What does not add up about a row that was taken."""

    row: int
    kind: str
    message: str


class Sent(msgspec.Struct, kw_only=True):
    """
    What became of some rows: how many came to which end, the receipts, what does not add up, why not.

    `reasons` are all for which rows were not taken; those of `unread` were found before anything was sent.
    """

    rows: int
    receipts: list[bytes] = []
    taken: int = 0
    known: int = 0
    findings: list[Found] = []
    reasons: list[Reason] = []
    unread: list[Reason] = []


class _Said(msgspec.Struct):
    """As much of a receipt as is counted."""

    accepted: list[int]
    known: list[msgspec.Raw]
    refused: list[dict[str, Any]]
    findings: list[dict[str, Any]]


class Folder:
    """A keeper: reports and receipts as files of a folder, named by their lines."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def receipt(self, lines: Sequence[bytes]) -> bytes | None:
        """Return a receipt that is there."""
        try:
            return self._file(lines, ".receipt").read_bytes()
        except FileNotFoundError:
            return None

    def hold(self, lines: Sequence[bytes], content: bytes) -> None:
        """Write the report, synced, for its owner only."""
        replace(self._file(lines, ".report"), content, 0o600)

    def settle(self, lines: Sequence[bytes], receipt: bytes) -> None:
        """Write the receipt, and then remove the report."""
        replace(self._file(lines, ".receipt"), receipt, 0o600)
        self._file(lines, ".report").unlink(missing_ok=True)

    def _file(self, lines: Sequence[bytes], ending: str) -> Path:
        return self._folder / (sha256(b"\n".join(lines)).hexdigest()[:32] + ending)


def is_for_the_lines(error: VoltrailError) -> bool:
    """Return whether an error speaks of the lines, and not of who sends, the server or the way there."""
    if isinstance(error, AccessError):
        return error.rule == "access.key"
    return isinstance(error, ReportError) and error.rule not in _OURS


def deliver(target: Target, reads: Iterable[Read], keeper: Keeper) -> Iterator[Sent]:
    """
    Send rows in reports of 10,000; yield what became of each run once its receipt is there.

    Stopped at any instant, the same call goes on from there. Raises whatever does not speak of the lines.
    """
    for run in _runs(reads):
        unread = [why for read in run for why in read.reasons]
        sent = Sent(rows=len(run), reasons=[*unread], unread=unread)
        if lined := [read for read in run if read.line is not None]:
            _send_run(target, lined, keeper, sent)
        sent.reasons.sort(key=lambda why: why.row)
        yield sent


def deliver_whole(target: Target, reads: Iterable[Read], keeper: Keeper) -> Sent:
    """Send all rows in one report, to be taken as a whole; where one cannot be read, nothing is sent."""
    lined: list[Read] = []
    sent = Sent(rows=0)
    for read in reads:
        sent.rows += 1
        sent.reasons += read.reasons
        sent.unread += read.reasons
        if read.line is not None and not sent.reasons:
            lined.append(read)
        if len(lined) > MAX_LINES:
            raise ReportError(
                "report.too_long",
                f"All or nothing is for up to {MAX_LINES:,} lines: they are one report.",
                "Make several files of it, or use --mode valid.",
            )
    if not sent.reasons:
        lines = [read.line or b"" for read in lined]
        try:
            note_receipt(_answer(target, lines, keeper, "all"), [read.row for read in lined], sent)
        except VoltrailError as error:
            if not is_for_the_lines(error) or error.line is None:
                raise
            sent.reasons.append(Reason.of(lined[error.line - 1].row, error))
    return sent


def send_signed(target: Target, content: bytes, keeper: Keeper, mode: str) -> Sent:
    """Send a report file as it is, whoever signed it; its rows are its lines. Raises ReportError."""
    parsed = ReportFile.parse(content)
    try:
        parse_note(parsed.note)
    except NoteError as error:
        raise ReportError("report.note", error.message, error.fix) from error
    receipt = keeper.receipt(parsed.lines)
    if receipt is None:
        receipt = target.send(content, mode)
        keeper.settle(parsed.lines, receipt)
    sent = Sent(rows=len(parsed.lines))
    note_receipt(receipt, range(1, len(parsed.lines) + 1), sent)
    return sent


def _runs(reads: Iterable[Read]) -> Iterator[list[Read]]:
    """Yield rows in runs, each small enough for a report."""
    run: list[Read] = []
    size = 0
    for read in reads:
        line = read.line or b""
        if run and (len(run) == ROWS_AT_ONCE or size + len(line) > BYTES_AT_ONCE):
            yield run
            run, size = [], 0
        run.append(read)
        size += len(line)
    if run:
        yield run


def _send_run(target: Target, run: Sequence[Read], keeper: Keeper, sent: Sent) -> None:
    """Send rows as one report, or as several where one would be too much."""
    try:
        receipt = _answer(target, [read.line or b"" for read in run], keeper, "valid")
    except VoltrailError as error:
        if error.rule in _TOO_MUCH and len(run) > 1:
            half = len(run) // 2
            _send_run(target, run[:half], keeper, sent)
            _send_run(target, run[half:], keeper, sent)
            return
        if not is_for_the_lines(error):
            raise
        sent.reasons += [Reason.of(read.row, error) for read in run]
    else:
        note_receipt(receipt, [read.row for read in run], sent)


def _answer(target: Target, lines: Sequence[bytes], keeper: Keeper, mode: str) -> bytes:
    """Return the receipt of some lines, kept from before or asked for now."""
    receipt = keeper.receipt(lines)
    if receipt is None:
        content = target.encode(lines)
        keeper.hold(lines, content)
        receipt = target.send(content, mode)
        keeper.settle(lines, receipt)
    return receipt


def note_receipt(receipt: bytes, rows: Sequence[int], sent: Sent) -> None:
    """Note what a receipt says of some rows, those of its lines."""
    said = msgspec.json.decode(receipt, type=_Said)
    sent.receipts.append(receipt)
    sent.taken += len(said.accepted)
    sent.known += len(said.known)
    sent.findings += [Found(rows[one["line"]], one["kind"], one["message"]) for one in said.findings]
    sent.reasons += [
        Reason(rows[one["line"]], "", "", one["rule"], one["message"], one["fix"]) for one in said.refused
    ]
