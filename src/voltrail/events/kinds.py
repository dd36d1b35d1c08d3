"""
The kinds of event: one frozen struct for each, and the way from a line to one.

    >>> event = decode(
    ...     b'{"kind":"shipped","occurred_at":"2026-04-21T09:00:00+08:00",'
    ...     b'"code":"9ZZPB240000003G4C0221953","to":"91000000MA00000009"}'
    ... )
    >>> event.kind, event.to
    ('shipped', '91000000MA00000009')

A kind never changes meaning: fields may be added as optional, otherwise it is
a new kind. `table` says who may report each kind and what follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from voltrail.codes import is_code
from voltrail.errors import EventError, VoltrailError
from voltrail.events import lines as strict
from voltrail.events import reading
from voltrail.events.checks import (
    CHECKS,
    MORE_TIMES,
    bad_code,
    bad_year,
    check_many,
    check_times,
)
from voltrail.events.points import check_points
from voltrail.events.structs import (
    STRUCTS,
    AnswerAccepted,
    Assembled,
    Assessed,
    CampaignOpened,
    Collected,
    Corrected,
    CreditSpent,
    Destroyed,
    Disassembled,
    Dismantled,
    DocumentAdded,
    Enrolled,
    Event,
    Exported,
    Found,
    HandedOver,
    Identified,
    Imported,
    IncidentReported,
    Installed,
    KeyAdded,
    KeyRevoked,
    Lost,
    LotCreated,
    LotMoved,
    LotProcessed,
    Manufactured,
    Measured,
    ModelCertified,
    ModelRegistered,
    OrganisationRegistered,
    OwnershipTransferred,
    PassportCeased,
    PassportIssued,
    PointsDeclared,
    PreparedForReuse,
    Recalled,
    Received,
    Recycled,
    Remanufactured,
    Removed,
    Repurposed,
    ResponsibilityTransferred,
    Retired,
    Role,
    RoleGranted,
    RoleRevoked,
    Serviced,
    Shipped,
    SiteRegistered,
    Sold,
    StageGranted,
    StepReported,
    Stocktaken,
    Swapped,
    TestReported,
    TransferredIn,
    VehicleCertified,
    VehicleExported,
    VehicleImported,
    VehicleScrapped,
    batteries,
    lots,
    subjects,
)

__all__ = [
    "STRUCTS",
    "AnswerAccepted",
    "Assembled",
    "Assessed",
    "CampaignOpened",
    "Collected",
    "Corrected",
    "CreditSpent",
    "Destroyed",
    "Disassembled",
    "Dismantled",
    "DocumentAdded",
    "Enrolled",
    "Event",
    "Exported",
    "Found",
    "HandedOver",
    "Identified",
    "Imported",
    "IncidentReported",
    "Installed",
    "KeyAdded",
    "KeyRevoked",
    "Lost",
    "LotCreated",
    "LotMoved",
    "LotProcessed",
    "Manufactured",
    "Measured",
    "ModelCertified",
    "ModelRegistered",
    "OrganisationRegistered",
    "OwnershipTransferred",
    "PassportCeased",
    "PassportIssued",
    "PointsDeclared",
    "PreparedForReuse",
    "Recalled",
    "Received",
    "Recycled",
    "Remanufactured",
    "Removed",
    "Repurposed",
    "ResponsibilityTransferred",
    "Retired",
    "Role",
    "RoleGranted",
    "RoleRevoked",
    "Serviced",
    "Shipped",
    "SiteRegistered",
    "Sold",
    "StageGranted",
    "StepReported",
    "Stocktaken",
    "Swapped",
    "TestReported",
    "TransferredIn",
    "VehicleCertified",
    "VehicleExported",
    "VehicleImported",
    "VehicleScrapped",
    "batteries",
    "decode",
    "decode_all",
    "decode_taken",
    "encode",
    "lots",
    "member_names",
    "subjects",
]

_decode = msgspec.json.Decoder(Event).decode
_decode_lines = msgspec.json.Decoder(Event).decode_lines


def member_names(kind: str) -> tuple[str, ...]:
    """Return the names that may stand in a line of this kind, without `kind` itself."""
    return STRUCTS[kind].__struct_encode_fields__


def decode(line: bytes) -> Event:
    """
    Return the typed event of a line.

    Raise `EventError` when it is none. Whether the line is in the strict form
    is the matter of `lines.split`, not of this.
    """
    try:
        event: Event = _decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise reading.explain(line, error, STRUCTS) from None
    _check(event, line)
    return event


def decode_taken(line: bytes) -> Event:
    """Return the typed event of a line that stands in the record: it was checked when it was taken."""
    return _decode(line)  # type: ignore[no-any-return]


_POINTED = (Manufactured, Measured, PointsDeclared)


def decode_all(lines: Sequence[bytes]) -> list[Event | VoltrailError]:
    """Return for each line in the strict form its event, or the error that `decode` raises."""
    try:
        events: list[Event] = _decode_lines(b"\n".join(lines))
    except (msgspec.DecodeError, RecursionError):
        return [_decoded(line) for line in lines]
    found: list[Event | VoltrailError] = []
    for event, line in zip(events, lines, strict=True):
        try:
            _check(event, line)
            found.append(event)
        except VoltrailError as error:
            found.append(error)
    return found


def _decoded(line: bytes) -> Event | VoltrailError:
    try:
        return decode(line)
    except VoltrailError as error:
        return error


def _check(event: Event, line: bytes) -> None:
    """Raise `EventError` for what the types of the members do not say."""
    if not 1990 <= event.occurred_at.year <= 2199:
        raise bad_year("occurred_at", event.occurred_at)
    more = MORE_TIMES.get(type(event))
    if more is not None:
        check_times(event, more)
    if b"\\u0000" in line:
        raise reading.value("U+0000 stands in a string; no event needs it.", "Leave the escape \\u0000 out.")
    if isinstance(event, _POINTED) and event.points is not None:
        check_points(event.points, of_battery=not isinstance(event, PointsDeclared))
    named = batteries(event)
    for code in named:
        if not is_code(code):
            raise bad_code(code)
    if len(named) > 1:
        check_many(event, named)
    check = CHECKS.get(type(event))
    if check is not None:
        check(event)
    if isinstance(event, Corrected) and event.line is not None:
        _check_replacement(event, event.line.encode(errors="replace"))


def encode(event: Event) -> bytes:
    """
    Return a line for an event, without absent members.

    For writers of new lines. A line that was received is never encoded again.
    """
    members: dict[str, Any] = {"kind": event.kind}
    members.update((k, v) for k, v in msgspec.to_builtins(event).items() if v is not None and v != [])
    return msgspec.json.encode(members)


def _check_replacement(event: Corrected, line: bytes) -> None:
    """Raise unless the replacement is itself a good line on subjects of the correction."""
    try:
        strict.split(line)
        replacement = decode(line)
    except VoltrailError as error:
        raise EventError(
            error.rule, f"In the line of this correction: {error.message}", error.fix, source=error.source
        ) from None
    if isinstance(replacement, Corrected):
        raise reading.value(
            "The line of a correction is itself a correction.", "Correct the first event again instead."
        )
    outside = set(subjects(replacement)) - set(subjects(event))
    if outside:
        raise EventError(
            "event.mention",
            f"The line of this correction is about {min(outside)}, which the correction does not name.",
            "Name the subjects of both lines, the wrong and the right one, in the correction itself.",
            source=strict.SOURCE,
        )
