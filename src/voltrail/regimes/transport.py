"""
As which dangerous goods a battery travels, and by which packing instructions: dated data in transport.json.

In which state a battery travels follows from its life: `lifecycle.transport`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from importlib.resources import files
from typing import Final, Literal

import msgspec

from voltrail.codes import parse
from voltrail.errors import CodeError
from voltrail.regimes.countries import is_among
from voltrail.regimes.rules import Rule, Travels

__all__ = ["RULES_OF_TRANSPORT", "Goods", "family_of", "goods_of", "packing_of"]

Family = Literal["lithium", "sodium"]
Placed = Literal["alone", "in_equipment", "in_vehicle"]

_FAMILIES: Final[dict[Family, tuple[str, ...]]] = {
    "sodium": ("sodium", "naion", "sib", "钠"),
    "lithium": (
        *("lithium", "liion", "lifepo", "lfp", "lmfp", "ncm", "nmc", "nca", "lmo", "lco", "lto", "lnmo"),
        *("锂", "三元"),
    ),
}  # a model's chemistry begins with one of these, or one of its words does
_PLACED: Final[dict[str, Placed]] = {"in_vehicle": "in_vehicle", "in_storage_system": "in_equipment"}


class Goods(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of the list of dangerous goods, from a day to a day; all of class 9."""

    un: str
    name: str
    name_zh: str
    family: Family
    placed: Placed
    valid_from: date
    source: str
    confidence: str
    valid_to: date | None = None
    note: str | None = None
    note_zh: str | None = None


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    goods: tuple[Goods, ...]
    rules: tuple[Rule, ...]


_DATA: Final = msgspec.json.decode(files(__package__).joinpath("transport.json").read_bytes(), type=_Data)
RULES_OF_TRANSPORT: Final = _DATA.rules


def family_of(code: str, chemistry: str | None = None) -> Family | None:
    """
    Return whether a battery is a lithium or a sodium one: by its model's chemistry, else by its code.

    None where neither says so for certain; the meaning of some letters of codes is not confirmed.
    """
    if chemistry is not None:
        said = chemistry.lower()
        words = (*re.split(r"[^a-z0-9]+", said), re.sub(r"[^a-z0-9]+", "", said))
        for family, known in _FAMILIES.items():
            if any(word.startswith(known) for word in words):
                return family
            if any(one in said for one in known if not one.isascii()):
                return family
        return None
    try:
        parsed = parse(code)
    except CodeError:
        return None
    said_surely = parsed.chemistry is not None and parsed.chemistry_confidence == "confirmed"
    return "lithium" if said_surely and parsed.chemistry != "other" else None


def goods_of(family: Family | None, place: str | None, day: date) -> Goods | None:
    """Return as what a battery travels from a place (`state.PLACES`) on a day; None if not known."""
    placed = _PLACED.get(place or "", "alone")
    return next(
        (
            one
            for one in _DATA.goods
            if one.family == family
            and one.placed == placed
            and one.valid_from <= day
            and (one.valid_to is None or day <= one.valid_to)
        ),
        None,
    )


def packing_of(state: Travels, country: str | None, rules: Iterable[Rule], day: date) -> Rule | None:
    """Return the rule by which a battery in this state is packed in a country on a day."""
    return next(
        (
            one
            for one in rules
            if one.about == "transport"
            and one.travels == state
            and one.value is not None
            and one.holds(day)
            and is_among(country, one.within, day)
        ),
        None,
    )
