"""
Documents whose members follow from points by a table that a person can read: path, points, shape.

A path ends in `[]` where it is one more element of a list. A member is there if all of its points are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

Shape = Callable[..., Any]
_ELEMENT: Final = "[]"


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One member: where it stands, of which points, in which shape, and whether EV passports need it."""

    path: str
    points: tuple[str, ...]
    as_: str = msgspec.field(name="as")
    required: bool = False


def read(name: str) -> tuple[Member, ...]:
    """Return the members of a table of this folder."""
    return msgspec.json.decode(files(__package__).joinpath(name).read_bytes(), type=tuple[Member, ...])


def write(
    members: Iterable[Member],
    shapes: Mapping[str, Shape],
    known: Mapping[str, Any],
    withheld: Collection[str],
) -> tuple[dict[str, Any], list[str]]:
    """Return the document of what is known by point, and the paths of members that are withheld."""
    document: dict[str, Any] = {}
    hidden: list[str] = []
    for member in members:
        try:
            given = [known[point] for point in member.points]
        except KeyError:
            if not set(member.points).isdisjoint(withheld):
                hidden.append(member.path)
        else:
            _put(document, member.path, shapes[member.as_](*given))
    return document, hidden


@cache
def _steps(path: str) -> tuple[list[str], str]:
    *above, last = path.removesuffix(_ELEMENT).split("/")
    return above, last


def _put(target: dict[str, Any], path: str, value: Any) -> None:
    above, last = _steps(path)
    for name in above:
        target = target.setdefault(name, {})
    if path.endswith(_ELEMENT):
        target.setdefault(last, []).append(value)
    else:
        target[last] = value
