"""What became of the lines of a report, or would: one row a line, what must be mended first."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from voltrail.events import decode, subjects
from voltrail.events.kinds import Corrected
from voltrail.events.table import TRUST_KINDS
from voltrail.ledger.receipts import Receipt

State = Literal["refused", "found", "known", "taken"]
STATES: Final[tuple[State, ...]] = ("refused", "found", "known", "taken")

_MEMBERS: Final = {"battery": "code", "vehicle": "vin", "model": "model_id"}
MAX_ROWS: Final = 500  # shown on a page; the receipt names all
MAX_LINK_BYTES: Final = 32 << 20  # larger files are not put into a page
MAX_MEND_BYTES: Final = 64 << 10  # what a person can mend by hand


class Said(msgspec.Struct, frozen=True):
    """What is said of a line: a refusal (`kind` is None) or a finding."""

    rule: str
    message: str
    fix: str = ""
    source: str | None = None
    kind: str | None = None


class Glimpse(msgspec.Struct, frozen=True):
    """What a line says of itself, as far as it can be read."""

    kind: str | None = None
    code: str | None = None
    occurred_at: str | None = None


class Ended(msgspec.Struct, frozen=True):
    """One line: its number from 1, what became of it, where it stands in the log, and what it says itself."""

    number: int
    state: State
    said: list[Said]
    index: int | None
    text: str
    event: Glimpse


class Row(Ended, frozen=True):
    """The same for a page; `correction` is the line that would make it void."""

    correction: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """
    A report read back: how many lines came to which end, and the rows to look at, the refused ones first.

    `receipt` and `refused` are links that hold a file each, or None. `mend` is the text of the refused lines
    where it is short enough to mend by hand. `whole` is false where lines are not at hand any more.
    """

    recorded: bool
    lines: int
    counts: dict[State, int]
    rows: list[Row]
    first_index: int | None = None
    last_index: int | None = None
    report: str | None = None
    receipt: str | None = None
    refused: str | None = None
    mend: str | None = None
    whole: bool = True


def read_receipt(data: bytes, lines: Sequence[bytes]) -> Outcome:
    """Return what a receipt says of the lines it was given for; b"" is one that is not at hand any more."""
    receipt = msgspec.convert(_without_signature(data), Receipt)
    ends, said, index = _told_of(receipt, len(lines))
    mend = b"".join(
        b"%b\n" % line for line, end in zip(lines, ends, strict=True) if end == "refused" and line
    )
    first = receipt.first_index
    return Outcome(
        True,
        len(lines),
        _counted(ends),
        _rows(lines, ends, said, index),
        first_index=first,
        last_index=None if first is None else first + len(receipt.accepted) - 1,
        report=receipt.report,
        receipt=_link("application/json", data),
        refused=_link("application/jsonl", mend) if mend else None,
        mend=mend.decode() if 0 < len(mend) <= MAX_MEND_BYTES else None,
        whole=all(lines),
    )


def end_of_lines(data: bytes, lines: Sequence[bytes]) -> Iterator[Ended]:
    """Yield what a receipt says of each line, in their order; b"" is one that is not at hand any more."""
    receipt = msgspec.convert(_without_signature(data), Receipt)
    told = zip(lines, *_told_of(receipt, len(lines)), strict=True)
    for number, (line, state, said, index) in enumerate(told, 1):
        yield Ended(number, state, said, index, line.decode(errors="replace"), _event(line))


def _told_of(receipt: Receipt, lines: int) -> tuple[list[State], list[list[Said]], list[int | None]]:
    """Return of each line what became of it, what was said of it, and where it stands in the log."""
    ends: list[State] = ["taken"] * lines
    said: list[list[Said]] = [[] for _ in range(lines)]
    index: list[int | None] = [None] * lines
    for place, taken in enumerate(receipt.accepted, receipt.first_index or 0):
        index[taken] = place
    for known in receipt.known:
        ends[known.line], index[known.line] = "known", known.index
    for refused in receipt.refused:
        ends[refused.line] = "refused"
        said[refused.line].append(Said(refused.rule, refused.message, refused.fix, refused.source))
    for finding in receipt.findings:
        if ends[finding.line] == "taken":
            ends[finding.line] = "found"
        said[finding.line].append(Said(finding.rule, finding.message, kind=finding.kind))
    return ends, said, index


def read_answers(answers: Sequence[dict[str, Any]], lines: Sequence[bytes]) -> Outcome:
    """
    Return what would become of lines, as `Registry.check_report` answers.

    A check refuses what a report would be taken with; here that is told apart, as it will be when it is sent.
    What advisory rules say stands beside a line, and changes nothing of what becomes of it.
    """
    ends: list[State] = []
    said: list[list[Said]] = []
    for answer in answers:
        rules = {finding["rule"] for finding in answer["findings"]}
        refused = not answer["allowed"] and answer["rule"] not in rules
        ends.append("refused" if refused else "found" if rules else "taken")
        findings = [
            Said(one["rule"], one["message"], one["fix"], one["source"], one["kind"])
            for one in answer["findings"]
        ]
        findings += [
            Said(f"breach.{one['rule']}", one["message"], one["fix"], one["source"], "advisory")
            for one in answer["warnings"]
        ]
        refusal = Said(answer["rule"], answer["message"], answer["fix"], answer["source"])
        said.append([refusal, *findings] if refused else findings)
    return Outcome(False, len(lines), _counted(ends), _rows(lines, ends, said, [None] * len(lines)))


def _without_signature(data: bytes) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(data)
    return {name: value for name, value in told.items() if name != "signature"}


def _counted(ends: Sequence[State]) -> dict[State, int]:
    return {state: ends.count(state) for state in STATES}


def _rows(
    lines: Sequence[bytes], ends: Sequence[State], said: Sequence[list[Said]], index: Sequence[int | None]
) -> list[Row]:
    """Return the first rows in the order of what must be looked at, then of the file."""
    now = datetime.now(UTC)
    order = sorted(range(len(lines)), key=lambda number: (STATES.index(ends[number]), number))
    return [
        Row(
            number + 1,
            ends[number],
            said[number],
            index[number],
            lines[number].decode(errors="replace"),
            _event(lines[number]),
            correction_of(lines[number], index[number], now),
        )
        for number in order[:MAX_ROWS]
    ]


def correction_of(line: bytes, index: int | None, now: datetime) -> str | None:
    """Return the line that makes an entry void; None where there is none, or it may not be corrected."""
    if index is None or (event := decode(line)).kind in TRUST_KINDS or isinstance(event, Corrected):
        return None
    named: dict[str, Any] = {}
    for subject in subjects(event):
        prefix, _, name = subject.partition(":")
        if prefix == "battery" and "code" in named:
            named.setdefault("codes", []).append(name)
        elif prefix == "lot":
            named.setdefault("lots", []).append(name)
        else:
            named[_MEMBERS.get(prefix, prefix)] = name
    voided = {"kind": "corrected", "occurred_at": now.isoformat(timespec="seconds")}
    return msgspec.json.encode(voided | named | {"corrects": index, "void": True}).decode()


def _event(line: bytes) -> Glimpse:
    try:
        return msgspec.json.decode(line, type=Glimpse)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return Glimpse()


def _link(media_type: str, data: bytes) -> str | None:
    """Return a link that holds a file, or None where it is too large for a page."""
    if len(data) > MAX_LINK_BYTES:
        return None
    return f"data:{media_type};base64,{b64encode(data).decode()}"
