"""
The event hash of CBV 2.0, section 8.9: one name for an event, however it is written.

Order of members, blanks, prefixes and the spelling of times, numbers and identifiers make no difference.
`eventID`, `recordTime` and `errorDeclaration` are no part of it: an error declaration has the hash of the
event that it is about.

Where the words of the standard and the hashes published with its reference implementation differ (a type
stands before its reference, and these lists and ilmd come last, sorted by name), the published hashes count:
every implementation that we know of was tested against them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from voltrail.events.epcis.context import Context
from voltrail.events.epcis.identifiers import canonical
from voltrail.events.epcis.validation import COMMON, MEMBERS
from voltrail.events.epcis.vocabulary import (
    ALERT,
    BIZ_STEP,
    BIZ_TRANSACTION,
    COMPONENT,
    DISPOSITION,
    MEASUREMENT,
    SOURCE_DESTINATION,
    Vocabulary,
)

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_MOST_PLACES: Final = 60  # a number with more keeps its exponent
_COMMENTS: Final = frozenset({"rdfs:comment", "comment", "@context"})

_QUANTITY: Final = ("epcClass", "quantity", "uom")
_METADATA: Final = (
    "time",
    "startTime",
    "endTime",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
)
_REPORT: Final = (
    "type",
    "exception",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
    "time",
    "microorganism",
    "chemicalSubstance",
    "value",
    "component",
    "stringValue",
    "booleanValue",
    "hexBinaryValue",
    "uriValue",
    "minValue",
    "maxValue",
    "meanValue",
    "sDev",
    "percRank",
    "percValue",
    "uom",
    "coordinateReferenceSystem",
)
_WORDS: Final[dict[str, Vocabulary]] = {
    "bizStep": BIZ_STEP,
    "disposition": DISPOSITION,
    "set": DISPOSITION,
    "unset": DISPOSITION,
    "exception": ALERT,
    "component": COMPONENT,
}
_TIMES: Final = frozenset({"eventTime", "time", "startTime", "endTime"})
_ORDER: Final = (
    "eventTime",
    "eventTimeZoneOffset",
    "certificationInfo",
    "epcList",
    "parentID",
    "inputEPCList",
    "childEPCs",
    "quantityList",
    "childQuantityList",
    "inputQuantityList",
    "outputEPCList",
    "outputQuantityList",
    "action",
    "transformationID",
    "bizStep",
    "disposition",
    "persistentDisposition",
    "readPoint",
    "bizLocation",
    "sensorElementList",
)
_LAST: Final = ("bizTransactionList", "sourceList", "destinationList", "ilmd")
_STANDARD: Final = frozenset({*COMMON, *(name for names in MEMBERS.values() for name in names)})


def event_hash(event: dict[str, Any], context: Context) -> str:
    """Return the event's name, `ni:///sha-256;…?ver=CBV2.0`, RFC 6920."""
    return f"ni:///sha-256;{sha256(pre_hash(event, context).encode()).hexdigest()}?ver=CBV2.0"


def pre_hash(event: dict[str, Any], context: Context) -> str:
    """Return the text that is hashed. The event must be a valid one."""
    inner = _Writer(context)
    parts = [f"eventType={event['type']}"]
    parts += [inner.member(name, event[name]) for name in _ORDER if name in event]
    parts += sorted(filter(None, (inner.member(name, event[name]) for name in _LAST if name in event)))
    parts.append(inner.extensions((name, value) for name, value in event.items() if name not in _STANDARD))
    return "".join(parts)


class _Writer:
    """Writes the members of one event in the canonical order and spelling."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def member(self, name: str, value: Any) -> str:
        """Return one standard member."""
        if name in {"epcList", "inputEPCList", "childEPCs", "outputEPCList"}:
            return self._all(name, (self._pair("epc", one) for one in value))
        if name.endswith(("quantityList", "QuantityList")):
            return self._all(name, ("quantityElement" + self._ordered(one, _QUANTITY) for one in value))
        match name:
            case "persistentDisposition":
                return self._all(name, [self._ordered(value, ("set", "unset"))])
            case "readPoint" | "bizLocation":
                return self._all(name, [self._ordered(value, ("id",))])
            case "bizTransactionList":
                return self._all(name, (self._typed(one, "bizTransaction", BIZ_TRANSACTION) for one in value))
            case "sourceList":
                return self._all(name, (self._typed(one, "source", SOURCE_DESTINATION) for one in value))
            case "destinationList":
                return self._all(name, (self._typed(one, "destination", SOURCE_DESTINATION) for one in value))
            case "sensorElementList":
                return self._all(name, map(self._sensor, value))
            case "ilmd":
                return self._all(name, [self.extensions(value.items())])
        return self._each(name, value)

    def extensions(self, members: Iterable[tuple[str, Any]]) -> str:
        """Return members that others defined, each under its whole name, sorted."""
        return "".join(sorted(part for name, value in members for part in self._extension(name, value)))

    def _extension(self, name: str, value: Any) -> Iterator[str]:
        if name in _COMMENTS:
            return
        prefix, colon, local = name.partition(":")
        namespace = self._context.namespace(prefix) if colon else None
        key = name if namespace is None else f"{{{namespace}}}{local}"
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield key + self.extensions(one.items())
            elif isinstance(one, list):
                yield key + self.extensions(("", inner) for inner in one)
            elif one is not None:
                text = self._value(one)
                yield f"{key}={text}" if text else key

    def _sensor(self, element: dict[str, Any]) -> str:
        metadata = element.get("sensorMetadata")
        parts = ["sensorElement"]
        if metadata is not None:
            parts.append("sensorMetadata" + self._ordered(metadata, _METADATA))
        parts += sorted("sensorReport" + self._ordered(one, _REPORT) for one in element["sensorReport"])
        known = {"sensorMetadata", "sensorReport"}
        parts.append(self.extensions((name, value) for name, value in element.items() if name not in known))
        return "".join(parts)

    def _typed(self, one: dict[str, Any], name: str, words: Vocabulary) -> str:
        """Return the type of a reference, then what is referred to, as in all published hashes."""
        kind = f"type={self._word(one['type'], words)}" if "type" in one else ""
        return kind + self._pair(name, one[name])

    def _ordered(self, members: dict[str, Any], order: tuple[str, ...]) -> str:
        parts = [self._each(name, members[name]) for name in order if name in members]
        parts.append(self.extensions((name, value) for name, value in members.items() if name not in order))
        return "".join(parts)

    def _each(self, name: str, value: Any) -> str:
        return "".join(
            sorted(self._pair(name, one) for one in (value if isinstance(value, list) else [value]))
        )

    def _all(self, name: str, parts: Iterable[str]) -> str:
        written = "".join(sorted(parts))
        return name + written if written else ""

    def _pair(self, name: str, value: Any) -> str:
        if name in _TIMES and isinstance(value, str):
            return f"{name}={canonical_time(value)}"
        if name in _WORDS or name == "type":
            return f"{name}={self._word(value, _WORDS.get(name, MEASUREMENT))}"
        text = self._value(value)
        return f"{name}={text}" if text else ""

    def _word(self, value: str, words: Vocabulary) -> str:
        return words.expand(self._context.expand(value))

    def _value(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str):
            return canonical_number(str(value))
        return canonical(canonical_number(self._context.expand(value.strip())))


def canonical_number(text: str) -> str:
    """Return a number without needless zeros, sign and exponent; any other text as it is."""
    if _NUMBER.fullmatch(text) is None:
        return text
    number = Decimal(text)
    if number and abs(number.adjusted()) > _MOST_PLACES:
        return str(number.normalize())
    plain = format(number, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in {"-0", ""} else plain


def canonical_time(text: str) -> str:
    """Return a time in UTC with milliseconds, the last of them rounded half up."""
    whole, point, rest = text.strip().partition(".")
    digits = re.match("[0-9]*", rest)
    fraction = digits[0] if digits is not None else ""
    zone = rest[len(fraction) :] if point else ""
    at = datetime.fromisoformat(whole + zone).astimezone(UTC)
    milliseconds = int(Decimal(f"0.{fraction or 0}").scaleb(3) + Decimal("0.5"))
    return (at + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")[:-6] + "Z"
