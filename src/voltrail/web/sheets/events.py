"""
Events as a table: one row each, a column for each member that occurs.

The headings of members are their words, so that a file of ours is known again when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, Final

import msgspec

from voltrail.events.kinds import STRUCTS, member_names
from voltrail.events.structs import Day
from voltrail.web.sheets.sheet import Cell, Column, Form, Row, as_text

_FIRST: Final = (
    Column("index", "integer", "Entry"),
    Column("kind", "kind", "Event"),
    Column("occurred_at", "time", "Occurred at"),
)
_LAST: Final = (
    Column("received_at", "time", "Taken in at"),
    Column("reporter", heading="Reported by"),
    Column("findings", "names", "Findings"),
    Column("corrected_by", "integer", "Entry of its correction"),
    Column("withheld", "names", "Not shown to you"),
)
_OTHERWISE: Final = {"kind", "occurred_at"}


def event_columns(kinds: Iterable[str]) -> tuple[Column, ...]:
    """Return the columns of a table of events of these kinds."""
    names = dict.fromkeys(name for kind in STRUCTS if kind in set(kinds) for name in member_names(kind))
    members = sorted((name for name in names if name not in _OTHERWISE), key=_ahead)
    return (*_FIRST, *(Column(name, _form_of(name)) for name in members), *_LAST)


def event_row(columns: Sequence[Column], event: Mapping[str, Any]) -> Row:
    """Return the row of one event, as readers are given it: see `Registry.history`."""
    members = event["members"]
    told: dict[str, Cell] = {
        "index": event["index"],
        "kind": event["kind"],
        "occurred_at": datetime.fromisoformat(event["occurred_at"]),
        "received_at": datetime.fromisoformat(event["received_at"]),
        "reporter": event["reporter"],
        "findings": [finding["kind"] for finding in event["findings"]] or None,
        "corrected_by": event["corrected_by"],
        "withheld": event["withheld"] or None,
    }
    return [
        told[column.name] if column.name in told else _cell(members.get(column.name), column.form)
        for column in columns
    ]


def _cell(value: Any, form: Form) -> Cell:
    if value is None:
        return None
    if form == "time":
        return datetime.fromisoformat(value)
    if form == "day":
        return date.fromisoformat(value)
    if isinstance(value, dict) or (form == "text" and isinstance(value, list)):
        return as_text(value)
    return value  # type: ignore[no-any-return]


def _ahead(name: str) -> tuple[int, str]:
    """Order members: what it is about first, what somebody noted last, the others as they are declared."""
    return ({"code": 0, "codes": 1, "vin": 2, "batch": 8, "note": 9}.get(name, 5), "")


@cache
def _form_of(name: str) -> Form:
    """Return what the cells of a member are, by its type; kinds agree on the types of members."""
    kinds = [kind for kind in STRUCTS if name in member_names(kind)]
    fields = [
        one for kind in kinds for one in msgspec.structs.fields(STRUCTS[kind]) if one.encode_name == name
    ]
    forms = {_form(msgspec.inspect.type_info(field.type)) for field in fields}
    return forms.pop() if len(forms) == 1 else "text"


def _form(kind: msgspec.inspect.Type) -> Form:
    options = [
        one for one in getattr(kind, "types", (kind,)) if not isinstance(one, msgspec.inspect.NoneType)
    ]
    if len(options) != 1:
        return "text"
    match options[0]:
        case msgspec.inspect.DateTimeType():
            return "time"
        case msgspec.inspect.BoolType():
            return "flag"
        case msgspec.inspect.IntType():
            return "integer"
        case msgspec.inspect.FloatType():
            return "number"
        case msgspec.inspect.LiteralType(values=values):
            return "flag" if any(isinstance(one, bool) for one in values) else "name"
        case msgspec.inspect.VarTupleType(item_type=msgspec.inspect.StructType()):
            return "text"  # what went in and came out, each with members of its own
        case msgspec.inspect.VarTupleType() | msgspec.inspect.ListType():
            return "texts"
        case msgspec.inspect.StrType(pattern=pattern) if pattern == _DAY:
            return "day"
    return "text"


_DAY: Final = msgspec.inspect.type_info(Day).pattern  # type: ignore[attr-defined]
