"""
Evidence: one file that proves a subject's history without asking the registry.

The structs are the file's members, in its order. Source: formats.md, "Evidence".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from voltrail.errors import VerificationError
from voltrail.ledger.succession import ClosedLog

FORMAT: Final = "voltrail-evidence/1"
SOURCE = "formats.md, Evidence"

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Salt = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A member of an event, shown with its salt or withheld with the reason. Made by `show`, `withhold`."""

    salt: Salt | UnsetType = UNSET
    shown: bytes | UnsetType = msgspec.field(name="bytes", default=UNSET)
    withheld: Hash | UnsetType = UNSET
    why: Literal["access", "erased"] | UnsetType = UNSET

    @classmethod
    def show(cls, salt: bytes, member: bytes) -> Member:
        """Return a member to be read."""
        return cls(salt=salt, shown=member)

    @classmethod
    def withhold(cls, digest: bytes, why: Literal["access", "erased"]) -> Member:
        """Return what stands for a member that this audience may not see, or that was erased."""
        return cls(withheld=digest, why=why)


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an event stands in its subject's chain: the k-th, link `at` of the `of` in its entry."""

    t: Salt
    k: Count
    before: Hash
    at: Count
    of: Count
    proof: list[Hash]


class EventProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event: its entry in the log, its members, its place in a signed report and in the chain."""

    index: Count
    entry: bytes
    proof: list[Hash]
    members: list[Member]
    report: str
    position: Count
    report_proof: list[Hash]
    link: Link


class HeadProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The head of a chain after `events` events, in a heads tree whose entry is in the log."""

    events: Count
    salt: Salt
    position: Count
    heads: Count
    proof: list[Hash]
    entry: bytes
    index: Count
    entry_proof: list[Hash]


class Chain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The events of an organisation that signed: its keys are among them."""

    subject: str
    events: list[EventProof]
    head: HeadProof | None


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file; `closed` are the logs before the checkpoint's own, the first one first, if any."""

    format: Literal["voltrail-evidence/1"] = FORMAT
    subject: str
    checkpoint: str
    closed: list[ClosedLog] | UnsetType = UNSET
    reports: dict[str, str]
    events: list[EventProof]
    head: HeadProof | None
    signers: list[Chain]


def encode(evidence: Evidence) -> bytes:
    """Return the bytes of the file."""
    return msgspec.json.encode(evidence)


def decode(data: bytes) -> Evidence:
    """
    Return the evidence, in which every byte counts: nothing unknown, missing, doubled or spelt otherwise.

    It is compact, without a newline at the end, or laid out anew as a whole
    as JSON printers do. Members may stand in any order.
    """
    try:
        evidence = msgspec.json.decode(data, type=Evidence)
        plain = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _refuse(f"The file does not read as evidence: {error}.") from error
    read = msgspec.json.encode(evidence, order="sorted")
    if msgspec.json.encode(plain, order="sorted") != read:
        raise _refuse("A value is not spelt in its one exact form, such as canonical base64.")
    if msgspec.json.encode(plain) != data and data not in _printed(plain):
        raise _refuse("The file is not laid out as it was written; some byte in it was changed.")
    for member in _members(evidence):
        fields = tuple(
            value is not UNSET for value in (member.salt, member.shown, member.withheld, member.why)
        )
        if fields not in {(True, True, False, False), (False, False, True, True)}:
            raise _refuse("A member must be shown with its salt, or withheld with its reason.")
    return evidence


def _printed(plain: Any) -> Iterator[bytes]:
    """Yield the layouts that JSON printers give a whole file."""
    for ascii_only in (False, True):
        for indent in (None, 1, 2, 4):
            layout = json.dumps(plain, ensure_ascii=ascii_only, indent=indent).encode()
            yield from (layout, layout + b"\n")


def _members(evidence: Evidence) -> Iterator[Member]:
    for events in (evidence.events, *(chain.events for chain in evidence.signers)):
        for event in events:
            yield from event.members


def _refuse(message: str) -> VerificationError:
    return VerificationError("evidence.form", message, "Ask for the evidence again.", source=SOURCE)
