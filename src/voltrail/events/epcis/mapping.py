"""
Our events as EPCIS, and events of EPCIS as ours, by the table.

What a kind says and EPCIS has no place for goes into members of our namespace, `voltrail:`, so reading back
gives the same line, byte for byte. What an event of others says and our kind has no member for is kept: the
whole event stands in the line's member `epcis`, and comes out again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from voltrail.codes import parse
from voltrail.errors import EventError, VoltrailError
from voltrail.events import lines
from voltrail.events.epcis import identifiers, names
from voltrail.events.epcis.context import PREFIX, VOLTRAIL, Context
from voltrail.events.epcis.document import read_document
from voltrail.events.epcis.hashing import canonical_number
from voltrail.events.epcis.names import NamingError
from voltrail.events.epcis.source import read_json, write_json
from voltrail.events.epcis.table import MAPPINGS, OTHER_SENSORS, READ_AS, SENSORS, SENSORS_OF, Mapping
from voltrail.events.epcis.vocabulary import BIZ_STEP, SOURCE_DESTINATION
from voltrail.events.kinds import batteries, decode, member_names
from voltrail.events.structs import STRUCTS

OURS: Final = Context({PREFIX: VOLTRAIL}, standard=True, declared=({PREFIX: VOLTRAIL},))
"""The context of what we write."""

MAX_EPCIS: Final = 16_000  # characters of the member `epcis`
SOURCE: Final = "docs/epcis.md"

_EVENT_ID: Final = re.compile(re.escape(names.URN) + r"event:[A-Za-z0-9.:\[\]-]{1,250}:([0-9]{1,18})")
_LONG_FRACTION: Final = re.compile(r"(\.[0-9]{6})[0-9]+")
_OFFSET: Final = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
_TIME: Final = re.compile(
    r"[0-9]{4}(?:-[0-9]{2}){2}T[0-9]{2}(?::[0-9]{2}){2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9:]{5})"
)
IN_LOG: Final = frozenset({"index", "received_at", "reporter"})
"""Members of ours that say where an event stands in a record: no part of what was reported."""

_ABOUT_US: Final = IN_LOG | {"kind", "bytes", "withheld"}


class Importing(msgspec.Struct, frozen=True):
    """
    Who reports events of EPCIS, and what only the record knows.

    `corrects` gives the index of the event that an error declaration is about, among those of these
    batteries; `party` the organisation of a GLN, for our member `to` or `from`. Both may know nothing.
    """

    organisation: str
    corrects: Callable[[dict[str, Any], Context, tuple[str, ...]], int | None] = lambda *_: None
    party: Callable[[str, str], str | None] = lambda *_: None


# ------------------------------------------------------------------------ to EPCIS


def event_id(host: str, index: int) -> str:
    """Return the eventID of an event that came without one."""
    return f"{names.URN}event:{host}:{index}"


def index_in(text: str) -> int | None:
    """Return the index of the log that an eventID of ours names, or None."""
    match = _EVENT_ID.fullmatch(text)
    return int(match[1]) if match is not None else None


def event_of(
    line: bytes, host: str, hidden: frozenset[str] = frozenset(), corrected: dict[str, Any] | None = None
) -> dict[str, Any] | None:
    """
    Return a line as an event of EPCIS, without the members that are hidden; None when nothing is left of it.

    None too for kinds about neither batteries nor vehicles. What came as EPCIS is given as it came, unless
    something of it is hidden; its own `@context` says what its prefixes mean. `corrected`: the event that a
    correction is about, in EPCIS.
    """
    members = {name: value for name, value in read_json(line).items() if value is not None}
    kind = members.pop("kind")
    if kind not in MAPPINGS:
        return None
    row = MAPPINGS[kind]
    if not hidden.isdisjoint(members):
        shown = {name: value for name, value in members.items() if name not in hidden and name != "epcis"}
        event = _written(row, shown, host, corrected)
        if event is not None:
            event[f"{PREFIX}:withheld"] = sorted(hidden.intersection(members))
        return event
    if "epcis" in members and (original := _original(str(members["epcis"]), line)) is not None:
        return original
    event = _written(row, members, host, corrected)
    if event is not None and line_of_members(kind, members) != line:
        event[f"{PREFIX}:bytes"] = line.decode()
    return event


def line_of_members(kind: str, members: dict[str, Any]) -> bytes:
    """Return the line of a kind with these members, in the order of the kind."""
    named = {name: members[name] for name in member_names(kind) if name in members}
    return write_json(
        {"kind": kind, **named, **{name: members[name] for name in members if name not in named}}
    )


def _original(text: str, line: bytes) -> dict[str, Any] | None:
    """Return the event that a line came from, once it says the same as the line."""
    held = decode(line)

    def read_again(_gln: str, member: str) -> str | None:
        value: str | None = getattr(held, "from_" if member == "from" else member, None)
        return value

    def corrected(*_: Any) -> int | None:
        return getattr(held, "corrects", None)

    organisation = next((own for code in batteries(held) if (own := parse(code).organisation)), "")
    try:
        document = read_document(text.encode())
        if document.troubles:
            return None
        found = document.events[0]
        members = _members(found.value, found.context, Importing(organisation, corrected, read_again))
        read = decode(line_of_members(str(members.pop("kind")), members))
    except (VoltrailError, IndexError):
        return None
    same = msgspec.structs.replace(read, epcis=None) == msgspec.structs.replace(held, epcis=None)
    return found.value if same else None


def _written(
    row: Mapping, members: dict[str, Any], host: str, corrected: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Return the event of a kind with these members: standard ones where they fit, our own for the rest."""
    if row.what == "declaration":
        return _declaration(members, host, corrected)
    event: dict[str, Any] = {"type": row.type, **_times(members["occurred_at"]), **_what(row, members, host)}
    if not event.keys() & {"epcList", "parentID", "inputEPCList"}:
        return None
    event["type"] = "ObjectEvent" if "epcList" in event else row.type
    if event["type"] != "TransformationEvent":
        event["action"] = row.action if event["type"] == row.type else "OBSERVE"
    if row.biz_step is not None:
        event["bizStep"] = row.biz_step
    disposition = "stolen" if members.get("how") == "stolen" else row.disposition
    if disposition is not None:
        event["disposition"] = disposition
    event |= _where(row, members)
    event |= _sensed(row, members)
    if _kind_of(event, OURS) != row.kind:
        event[f"{PREFIX}:kind"] = row.kind
    found = _standard(event, OURS, row, Importing("")) if event["type"] == row.type else {}
    for name in dict.fromkeys((*members, *found)):
        if name not in members:
            event[f"{PREFIX}:{name}"] = None
        elif name not in found or not _same(found[name], members[name]):
            event[f"{PREFIX}:{name}"] = members[name]
    return event


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are written alike: 0.9 is not 0.90."""
    return type(one) is type(other) and write_json(one) == write_json(other)


def _times(occurred_at: str) -> dict[str, str]:
    """Return the time as EPCIS has it, in UTC where its offset is none of EPCIS's."""
    zone = "+00:00" if occurred_at.endswith("Z") else occurred_at[-6:]
    if _TIME.fullmatch(occurred_at) and _OFFSET.fullmatch(zone):
        return {"eventTime": occurred_at, "eventTimeZoneOffset": zone}
    at = datetime.fromisoformat(_LONG_FRACTION.sub(r"\1", occurred_at.upper())).astimezone(UTC)
    return {"eventTime": at.isoformat().removesuffix("+00:00") + "Z", "eventTimeZoneOffset": "+00:00"}


def _what(row: Mapping, members: dict[str, Any], host: str) -> dict[str, Any]:
    """Return where the batteries of an event stand; in an epcList where what they belong to is hidden."""
    code, codes = members.get("code"), list(members.get("codes") or ())
    all_of_them = [names.battery_uri(one, host) for one in ([code] if code else []) + codes]
    match row.what:
        case "family" if code and codes:
            return {"parentID": all_of_them[0], "childEPCs": all_of_them[1:]}
        case "fitted" if all_of_them and (members.get("vin") or members.get("system")):
            return {"parentID": _carrier(members), "childEPCs": all_of_them}
        case "vehicle" if members.get("vin"):
            return {"epcList": [names.named("vehicle", members["vin"]), *all_of_them]}
        case "reborn" if members.get("into") and set(codes) > set(members["into"]):
            into = members["into"]
            old = [names.battery_uri(one, host) for one in codes if one not in into]
            new = [names.battery_uri(one, host) for one in into]
            return {"inputEPCList": old, "outputEPCList": new}
        case "ended" if code:
            if row.kind == "dismantled" and codes:
                return {"inputEPCList": all_of_them[:1], "outputEPCList": all_of_them[1:]}
            return {"inputEPCList": all_of_them, "transformationID": names.named("transformation", code)}
    return {"epcList": all_of_them} if all_of_them else {}


def _carrier(members: dict[str, Any]) -> str:
    """Return the URI of what a battery is fitted into."""
    return (
        names.named("vehicle", members["vin"])
        if members.get("vin")
        else names.named("system", members["system"])
    )


def _where(row: Mapping, members: dict[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] = {}
    if row.place is not None and members.get(row.place):
        place = {"id": names.place_uri(row.place, members[row.place])}
        event["readPoint"] = place
        if row.stays:
            event["bizLocation"] = place
    if row.from_ is not None and members.get("from"):
        event["sourceList"] = [{"type": row.from_, "source": names.named("organisation", members["from"])}]
    if row.to is not None and members.get("to"):
        party = names.named("organisation", members["to"])
        event["destinationList"] = [{"type": row.to, "destination": party}]
    return event


def _sensed(row: Mapping, members: dict[str, Any]) -> dict[str, Any]:
    reports = [
        {"type": f"{PREFIX}:{name}", "value": members[name], "uom": SENSORS[name]}
        for name in SENSORS_OF.get(row.kind, ())
        if members.get(name) is not None
    ]
    return {"sensorElementList": [{"sensorReport": reports}]} if reports else {}


def _declaration(
    members: dict[str, Any], host: str, corrected: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Return the event that was corrected, declared wrong; or its subjects alone, where it is not given."""
    times = _times(members["occurred_at"])
    event = dict(corrected or ())
    if not event:
        codes = ([members["code"]] if members.get("code") else []) + list(members.get("codes") or ())
        epcs = [names.battery_uri(one, host) for one in codes]
        if members.get("vin"):
            epcs.append(names.named("vehicle", members["vin"]))
        if not epcs:
            return None
        event = {"type": "ObjectEvent", **times, "epcList": epcs, "action": "OBSERVE"}
    said: dict[str, Any] = {"declarationTime": times["eventTime"]}
    if "void" in members or "line" in members:
        said["reason"] = "did_not_occur" if "void" in members else "incorrect_data"
    said |= {f"{PREFIX}:{name}": value for name, value in members.items()}
    if said[f"{PREFIX}:occurred_at"] == said["declarationTime"]:
        del said[f"{PREFIX}:occurred_at"]
    event["errorDeclaration"] = said
    return event


# ---------------------------------------------------------------------- from EPCIS


def line_of(event: dict[str, Any], context: Context, importing: Importing) -> bytes:
    """
    Return the line that an event of EPCIS is for our record; the event must be a valid one.

    Raises EventError where it is about no battery, or does not say what our kind needs.
    """
    own = _reported(event, context)
    members = _members(own, context, importing)
    kind = str(members.pop("kind"))
    line = line_of_members(kind, members)
    _check(line, kind)
    exact = _ours(own, context).get("bytes")
    if exact is not None:
        line = _exact(str(exact), line)
    if "epcis" not in members and not _comes_back(own, context, line):
        members["epcis"] = _kept(own, context)
        line = line_of_members(kind, members)
        _check(line, kind)
    return line


def batteries_of(event: dict[str, Any], organisation: str) -> tuple[str, ...]:
    """Return the codes of the batteries that an event names anywhere, each once."""
    found: dict[str, None] = {}
    listed = [event.get(name) or [] for name in ("epcList", "childEPCs", "inputEPCList", "outputEPCList")]
    for uri in [event.get("parentID"), *(one for part in listed for one in part)]:
        try:
            found[names.read_battery(uri, organisation)] = None
        except (NamingError, ValueError, TypeError, AttributeError):
            continue
    return tuple(found)


def _reported(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return what was reported of an event: without what a record said about it, as its place in the log."""
    own = {name: value for name, value in event.items() if context.local(name) not in IN_LOG}
    own.pop("@context", None)
    received = _ours(event, context).get("received_at")
    if received is not None and own.get("recordTime") == received:
        del own["recordTime"]
    if (
        isinstance(own.get("eventID"), str)
        and index_in(own["eventID"]) is not None
        and "errorDeclaration" not in own
    ):
        del own["eventID"]
    return own


def _ours(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return the members of our own namespace, by their names there."""
    return {local: value for name, value in event.items() if (local := context.local(name)) is not None}


def _comes_back(own: dict[str, Any], context: Context, line: bytes) -> bool:
    """Return whether the line alone, written as EPCIS, is this very event; or with what the record has."""
    declared = own.get("errorDeclaration")
    index = index_in(str(own.get("eventID")))
    if declared is not None and index is not None and index == _ours(declared, context).get("corrects"):
        return True  # the rest of it is the event that stands on record under this index
    for host in _hosts(own):
        again = event_of(line, host)
        if again is not None and _plain(again, OURS) == _plain(own, context):
            return True
    return False


def _hosts(event: dict[str, Any]) -> list[str]:
    """Return the host in the addresses of an event's batteries, to write them alike."""
    listed = [event.get(name) or [] for name in ("epcList", "childEPCs", "inputEPCList")]
    first = next(
        (
            one
            for part in ([event.get("parentID")], *listed)
            for one in part
            if str(one).startswith("https://")
        ),
        None,
    )
    return [str(first).split("/")[2]] if first else ["voltrail.invalid"]


def _plain(event: dict[str, Any], context: Context) -> bytes:
    """Return an event so that two of them can be compared: names in full and in order."""
    expanded = {context.expand(name) if ":" in name else name: value for name, value in event.items()}
    return write_json(_sorted(expanded))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


def _kept(own: dict[str, Any], context: Context) -> str:
    """Return the text of an event by itself, with the context that it needs."""
    body = write_json(own)
    needed = b'"' + PREFIX.encode() + b":" in body
    declared = [one for one in context.written() if needed or one != {PREFIX: VOLTRAIL}]
    text = write_json({"@context": declared, **own}).decode()
    if len(text) > MAX_EPCIS:
        raise _refused(
            "epcis.too_large",
            f"What this event says beyond our kind has {len(text):,} characters; {MAX_EPCIS:,} can be kept.",
            "Leave out extensions, or refer to them by an address.",
        )
    return text


def _exact(text: str, line: bytes) -> bytes:
    """Return the bytes that an event of ours came from, once they say what the event says."""
    given = text.encode()
    try:
        lines.split(given)
        same = decode(given) == decode(line)
    except VoltrailError:
        same = False
    if not same:
        raise _refused(
            "epcis.mapping",
            f"{PREFIX}:bytes says something else than the event around it.",
            f"Leave {PREFIX}:bytes out.",
        )
    return given


def _check(line: bytes, kind: str) -> None:
    try:
        lines.split(line)
        decode(line)
    except VoltrailError as error:
        fix = (
            f"{error.fix} A member of ours stands in EPCIS as {PREFIX}:NAME; {SOURCE} has the table.".strip()
        )
        raise EventError(error.rule, f"Read as {kind}: {error.message}", fix, source=error.source) from None


def _members(event: dict[str, Any], context: Context, importing: Importing) -> dict[str, Any]:
    """Return the members of the line that an event is, `kind` among them."""
    ours = _ours(event, context)
    if "withheld" in ours:
        raise _refused(
            "epcis.mapping",
            "This event was shown without some of its members; it cannot be reported again.",
            "Report it from the system that it came from.",
        )
    if "errorDeclaration" in event:
        return _read_declaration(event, context, importing)
    kind = ours.get("kind") or _kind_of(event, context)
    row = MAPPINGS.get(str(kind))
    if row is None or row.what == "declaration":
        raise _no_kind(event, ours)
    members = _standard(event, context, row, importing)
    for name, value in ours.items():
        if name not in _ABOUT_US:
            members[name] = _plain_numbers(value)
    return {"kind": row.kind, **{name: value for name, value in members.items() if value is not None}}


def _no_kind(event: dict[str, Any], ours: dict[str, Any]) -> EventError:
    if "kind" in ours:
        message = f"There is no kind {str(ours['kind'])[:40]!r} that stands in EPCIS."
    else:
        said = ", ".join(str(event[name])[:60] for name in ("type", "action", "bizStep") if name in event)
        message = f"{said} can be read as several of our kinds, or as none."
    return _refused(
        "epcis.kind",
        message,
        f'Say which: add "{PREFIX}:kind": "…", with {{"{PREFIX}": "{VOLTRAIL}"}} in @context;'
        f" the table is in {SOURCE}.",
    )


def _kind_of(event: dict[str, Any], context: Context) -> str | None:
    """Return the kind that an event is without saying so."""
    step = BIZ_STEP.word(context.expand(str(event.get("bizStep", ""))))
    if (event["type"], event.get("action")) == ("ObjectEvent", "OBSERVE") and (
        step == "sensor_reporting" or (step == "inspecting" and event.get("sensorElementList"))
    ):
        return "measured"
    return READ_AS.get((event["type"], event.get("action"), step)) if step is not None else None


def _standard(event: dict[str, Any], context: Context, row: Mapping, importing: Importing) -> dict[str, Any]:
    """Return the members that stand in standard ones of an event."""
    found: dict[str, Any] = {"occurred_at": _LONG_FRACTION.sub(r"\1", event["eventTime"])}
    try:
        found |= _read_what(event, row, importing.organisation)
        found |= _read_where(event, context, row, importing)
    except NamingError as error:
        raise _refused("epcis.subject", str(error), error.fix) from None
    except ValueError as error:  # a GS1 identifier that is none
        raise _refused(
            "epcis.identifier", str(error), "Compare it with the label or your master data."
        ) from None
    return found | _read_sensed(event, context, row)


def _read_what(event: dict[str, Any], row: Mapping, reporter: str) -> dict[str, Any]:
    match row.what:
        case "family":
            if not event.get("parentID") or not event.get("childEPCs"):
                raise NamingError(
                    f"{row.kind} needs a parentID and its childEPCs.", "Name the battery and its parts."
                )
            children = [names.read_battery(one, reporter) for one in event["childEPCs"]]
            return {"code": names.read_battery(event["parentID"], reporter), "codes": children}
        case "fitted":
            children = [names.read_battery(one, reporter) for one in event.get("childEPCs") or ()]
            return {**_read_carrier(event.get("parentID", "")), **_first(children, row)}
        case "vehicle":
            return _read_vehicle(event.get("epcList") or [], reporter)
        case "reborn":
            old = [names.read_battery(one, reporter) for one in event.get("inputEPCList") or ()]
            new = [names.read_battery(one, reporter) for one in event.get("outputEPCList") or ()]
            return {"codes": old + new, "into": new}
        case "ended":
            old = [names.read_battery(one, reporter) for one in event.get("inputEPCList") or ()]
            new = [names.read_battery(one, reporter) for one in event.get("outputEPCList") or ()]
            if row.kind == "dismantled" and len(old) > 1:
                raise NamingError(
                    f"dismantled is about one battery; {len(old)} are named.", "Send an event for each."
                )
            return _first(old + new, row)
    return _first([names.read_battery(one, reporter) for one in event.get("epcList") or ()], row)


def _first(codes: list[str], row: Mapping) -> dict[str, Any]:
    """Return the batteries of an event as `code` and `codes`, as its kind has them."""
    if not codes:
        raise NamingError(
            "The event names no single battery.",
            "Name each by its code, SGTIN or GIAI; classes and quantities are none.",
        )
    known = STRUCTS[row.kind].__struct_fields__
    if "code" not in known:
        return {"codes": codes}
    if len(codes) > 1 and "codes" not in known:
        raise NamingError(
            f"{row.kind} is about one battery; {len(codes)} are named.", "Send an event for each."
        )
    return {"code": codes[0], "codes": codes[1:]} if len(codes) > 1 else {"code": codes[0]}


def _read_carrier(uri: str) -> dict[str, Any]:
    for sort, member in (("vehicle", "vin"), ("system", "system")):
        if (name := names.read_named(uri, sort)) is not None:
            return {member: name}
    raise NamingError(
        f"{uri[:80] or 'Nothing'} is no vehicle and no storage system.",
        f"Name the parent by {names.URN}vehicle:VIN or {names.URN}system:NAME.",
    )


def _read_vehicle(uris: list[str], reporter: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    codes = []
    for uri in uris:
        if (vin := names.read_named(uri, "vehicle")) is not None:
            found["vin"] = vin
        else:
            codes.append(names.read_battery(uri, reporter))
    return found | {"codes": codes}


def _read_where(
    event: dict[str, Any], context: Context, row: Mapping, importing: Importing
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if row.place is not None:
        places = [event[name]["id"] for name in ("readPoint", "bizLocation") if name in event]
        read = (names.read_place(one, row.place) for one in places)
        if (place := next(filter(None, read), None)) is not None:
            found[row.place] = place
    for member, wanted, listed, name in (
        ("from", row.from_, "sourceList", "source"),
        ("to", row.to, "destinationList", "destination"),
    ):
        if wanted is not None:
            kind = SOURCE_DESTINATION.expand(OURS.expand(wanted))
            of_kind = (
                one[name]
                for one in event.get(listed) or ()
                if SOURCE_DESTINATION.expand(context.expand(one["type"])) == kind
            )
            if (uri := next(of_kind, None)) is not None:
                party = _read_party(uri, member, importing)
                if party is not None:
                    found[member] = party
    return found


def _read_party(uri: str, member: str, importing: Importing) -> str | None:
    """Return the organisation that a party is; None for a sender that nobody knows, which may be left out."""
    if (ours := names.read_named(uri, "organisation")) is not None:
        return ours
    found = identifiers.read(uri)
    gln = found.key if found is not None and found.ai in {"414", "417"} else None
    party = importing.party(gln, member) if gln is not None else None
    if party is None and member == "to":
        raise NamingError(
            f"The record knows no organisation by {uri[:80]}.",
            f"Name the receiver by {names.URN}organisation:ID, or have it register a site with this GLN.",
        )
    return party


def _read_sensed(event: dict[str, Any], context: Context, row: Mapping) -> dict[str, Any]:
    known, found = SENSORS_OF.get(row.kind, ()), {}
    for element in event.get("sensorElementList") or ():
        for report in element["sensorReport"]:
            member, value = _measure(report, context)
            if member in known and value is not None and member not in found:
                found[member] = value
    return found


def _measure(report: dict[str, Any], context: Context) -> tuple[str | None, Any]:
    """Return which member of ours a sensor report is, and its value in our unit."""
    name, uom, value = str(report.get("type", "")), str(report.get("uom", "")), report.get("value")
    ours = context.local(name)
    if ours is not None:
        return (ours, value) if SENSORS.get(ours) == uom else (None, None)
    local = re.split("[:/#]", name)[-1]
    member, power = OTHER_SENSORS.get((local, uom), (None, 0))
    if member is None or value is None:
        return None, None
    number = Decimal(value).scaleb(power) if power else value
    if member == "cycles" and number == int(number):
        return member, int(number)
    return member, _plain_numbers(number)


def _plain_numbers(value: Any) -> Any:
    """Return a number, or each of some, as lines may have it: without exponent."""
    if isinstance(value, Decimal) and "E" in str(value):
        plain = canonical_number(str(value))
        return Decimal(plain) if "E" not in str(Decimal(plain)) else int(plain)
    if isinstance(value, dict):
        return {name: _plain_numbers(one) for name, one in value.items()}
    return value


def _read_declaration(event: dict[str, Any], context: Context, importing: Importing) -> dict[str, Any]:
    """Return the members of a correction: ours as they were, or the event of others void."""
    said = event["errorDeclaration"]
    ours = {name: value for name, value in _ours(said, context).items() if name not in _ABOUT_US}
    when = _LONG_FRACTION.sub(r"\1", said["declarationTime"])
    if "corrects" in ours:
        return {"kind": "corrected", "occurred_at": when, **ours}
    codes = batteries_of(event, importing.organisation)
    vins = [
        names.read_named(one, "vehicle")
        for one in [event.get("parentID") or "", *(event.get("epcList") or ())]
    ]
    vin = next(filter(None, vins), None)
    if not codes and vin is None:
        raise _refused(
            "epcis.subject", "This declares an event wrong that names no battery.", "Name the batteries."
        )
    index = importing.corrects(event, context, codes)
    if index is None:
        raise _refused(
            "epcis.unknown_event",
            "The record has no event of yours that this could declare wrong.",
            f"Send it with the eventID that the event has on record, or say {PREFIX}:corrects, its index.",
        )
    found: dict[str, Any] = {"kind": "corrected", "occurred_at": when, "corrects": index, "void": True}
    if codes:
        found |= {"code": codes[0], "codes": list(codes[1:])}
    return {name: value for name, value in {**found, "vin": vin}.items() if value not in (None, [])}


def _refused(rule: str, message: str, fix: str) -> EventError:
    return EventError(rule, message, fix, source=SOURCE)
