"""Which column of a spreadsheet holds which member: guessed from the headers, or set by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from voltrail.events.structs import STRUCTS
from voltrail.events.tables.columns import COLUMNS, member_near, member_of, members_of

OFFSET: Final = "+08:00"
MAX_UNKNOWN: Final = 50  # headers that are compared with all that are known


class Mapping(msgspec.Struct, frozen=True):
    """
    How the columns of a table become members.

    `kind` is that of all rows, None where a column holds it. `columns` has a member for each column,
    None where it is left out. `offset` is that of times which carry none; `constants` are members that
    are the same in all rows, as a cell would hold them.
    """

    kind: str | None
    columns: tuple[str | None, ...]
    offset: str = OFFSET
    constants: dict[str, str] = {}


DERIVED: Final[dict[str, tuple[str, ...]]] = {
    "swapped": ("taken_out", "put_in"),
    "identified": ("right",),
    "repurposed": ("into",),
    "remanufactured": ("into",),
}
"""Members whose batteries are added to `codes` of the kind, so that no clerk has to name them twice."""
WITHOUT_CODES: Final = frozenset({"swapped", "identified"})
"""The kinds of which other members name all of `codes`."""


def guess(header: Sequence[str], kind: str | None = None) -> Mapping:
    """Return the mapping that the headers suggest; a member is given to one column only."""
    exact = [member_of(name) for name in header]
    if kind is None and "kind" not in exact:
        kind = _likely_kind({member for member in exact if member is not None})
    allowed = frozenset(members_of(kind)) if kind is not None else frozenset(COLUMNS)
    found: list[str | None] = [member if member in (allowed | {"kind"}) else None for member in exact]
    taken: set[str] = set()
    for number, member in enumerate(found):
        if member in taken:
            found[number] = None
        elif member is not None:
            taken.add(member)
    unknown = [number for number, member in enumerate(exact) if member is None]
    for number in unknown[:MAX_UNKNOWN]:
        if (near := member_near(header[number], allowed - taken)) is not None:
            found[number] = near
            taken.add(near)
    return Mapping(kind, tuple(found))


def lacking(mapping: Mapping) -> tuple[str, ...]:
    """Return the members that each row needs and no column or constant gives."""
    given = {member for member in mapping.columns if member is not None} | set(mapping.constants)
    if mapping.kind is None:
        needed = ["occurred_at"] if "kind" in given else ["kind", "occurred_at"]
    else:
        needed = list(required(mapping.kind))
    return tuple(member for member in needed if member not in given)


def required(kind: str) -> tuple[str, ...]:
    """Return the members without which no row of a kind can be an event."""
    names = [field.encode_name for field in msgspec.structs.fields(STRUCTS[kind]) if field.required]
    return tuple(name for name in names if not (name == "codes" and kind in WITHOUT_CODES))


def _likely_kind(members: set[str]) -> str | None:
    """Return the one kind that has all these members and misses none of them; None where several do."""
    fitting = [
        kind
        for kind in STRUCTS
        if members <= set(members_of(kind)) and set(required(kind)) - {"occurred_at"} <= members
    ]
    return fitting[0] if len(fitting) == 1 else None
