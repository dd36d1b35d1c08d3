"""
What must hold of an EPCIS 2.0 event in JSON, beyond what the standard's schema says.

Times that the calendar has, words of the vocabulary, identifiers with their lengths and check digits, what
goes with which action, prefixes that are declared: EPCIS 2.0, sections 7 and 9; CBV 2.0, sections 7 and 8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from voltrail.events.epcis import identifiers
from voltrail.events.epcis.context import Context, ContextError, read_context
from voltrail.events.epcis.vocabulary import (
    ACTIONS,
    ALERT,
    BIZ_STEP,
    BIZ_TRANSACTION,
    CBV,
    CBV_URN,
    COMPONENT,
    DISPOSITION,
    ERROR_REASON,
    GS1_VOC,
    MEASUREMENT,
    SOURCE_DESTINATION,
    Vocabulary,
)

MAX_TROUBLES: Final = 50  # of one event; whoever has more has the same one everywhere
MAX_ITEMS: Final = 20_000

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_OFFSET = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
_UOM = re.compile("[A-Z0-9]{2,3}")
_HASH = re.compile(
    r"ni:///(sha-256|sha-384|sha-512|sha3-256);([0-9a-f]+)\?ver=CBV[0-9]+\.[0-9]+(?:\.[0-9]+)?"
)
_HASH_CHARACTERS: Final = {"sha-256": 64, "sha3-256": 64, "sha-384": 96, "sha-512": 128}
_VERSION = re.compile(r"2\.[0-9]+(?:\.[0-9]+)?")
_UUID = re.compile("urn:uuid:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BT = re.compile(r"urn:epcglobal:cbv:bt:([0-9]*):(.+)")

COMMON: Final = (
    "@context",
    "type",
    "eventID",
    "eventTime",
    "recordTime",
    "eventTimeZoneOffset",
    "certificationInfo",
    "errorDeclaration",
)
_WHY: Final = (
    "bizStep",
    "disposition",
    "persistentDisposition",
    "readPoint",
    "bizLocation",
    "bizTransactionList",
    "sourceList",
    "destinationList",
    "sensorElementList",
)
MEMBERS: Final = {
    "ObjectEvent": ("epcList", "quantityList", "action", *_WHY, "ilmd"),
    "AggregationEvent": ("parentID", "childEPCs", "childQuantityList", "action", *_WHY),
    "AssociationEvent": ("parentID", "childEPCs", "childQuantityList", "action", *_WHY),
    "TransactionEvent": ("parentID", "epcList", "quantityList", "action", *_WHY),
    "TransformationEvent": (
        "inputEPCList",
        "inputQuantityList",
        "outputEPCList",
        "outputQuantityList",
        "transformationID",
        *_WHY,
        "ilmd",
    ),
}
"""The members that each type of event may have beside the common ones and extensions."""

_METADATA_TIMES: Final = ("time", "startTime", "endTime")
_SENSOR_URIS: Final = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
_REPORT_URIS: Final = (
    *_SENSOR_URIS,
    "microorganism",
    "chemicalSubstance",
    "coordinateReferenceSystem",
    "uriValue",
)
_REPORT_NUMBERS: Final = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong at one place of a document: its path, a rule, what is wrong, what to do; event from 1."""

    path: str
    rule: str
    message: str
    fix: str
    event: int | None = None


class Validator:
    """Looks through events and collects what is wrong with them, each with its path."""

    def __init__(self) -> None:
        self.troubles: list[Trouble] = []
        self._context = Context()
        self._event: int | None = None
        self._first = 0

    def check_event(self, value: Any, path: str, context: Context, number: int) -> Context:
        """Check one event; return the context that holds in it."""
        self._event, self._context, self._first = number, context, len(self.troubles)
        if not isinstance(value, dict):
            self.fault(path, "epcis.value", "An event is an object.", "See EPCIS 2.0, section 9.")
            return context
        if "@context" in value and path != "$":  # that of a single event is read with the document
            try:
                self._context = read_context(value["@context"], context)
            except ContextError as error:
                self._bad_context(f"{path}.@context", str(error))
        self._check(value, path)
        return self._context

    def check_document(self, value: dict[str, Any], known: tuple[str, ...]) -> None:
        """Check the members of a document around its events; its context is read before."""
        sort = value["type"]
        try:
            self._context = read_context(value.get("@context", []))
        except ContextError:
            self._context = Context(foreign=True)  # told already
        self._members(value, "$", known, sort)
        version = value.get("schemaVersion")
        if version is None and sort == "EPCISDocument":
            self.missing("$.schemaVersion", sort, "schemaVersion", 'Add "schemaVersion": "2.0".')
        elif version is not None and (not isinstance(version, str) or _VERSION.fullmatch(version) is None):
            self.fault(
                "$.schemaVersion", "epcis.document", f"This is EPCIS {_shown(version)}.", "Write it as 2.0."
            )
        if "creationDate" in value:
            self.time(value["creationDate"], "$.creationDate")
        elif sort == "EPCISDocument":
            self.missing("$.creationDate", sort, "creationDate")
        if "id" in value:
            self._uri(value["id"], "$.id")
        if "epcisBody" not in value:
            self.missing("$.epcisBody", sort, "epcisBody")

    def fault(self, path: str, rule: str, message: str, fix: str) -> None:
        """Note what is wrong, up to a bound for each event."""
        if len(self.troubles) - self._first < MAX_TROUBLES:
            self.troubles.append(Trouble(path, rule, message, fix, self._event))

    def _bad_context(self, path: str, message: str) -> None:
        self.fault(
            path, "epcis.context", message, 'Declare it as in {"example": "https://ns.example.com/epcis/"}.'
        )

    # ------------------------------------------------------------------- an event

    def _check(self, event: dict[str, Any], path: str) -> None:
        sort = event.get("type")
        if not isinstance(sort, str):
            self.fault(
                f"{path}.type", "epcis.missing", "The event has no type.", f"One of {', '.join(MEMBERS)}."
            )
            return
        known = MEMBERS.get(sort)
        if known is None and not (":" in sort and self._context.is_known(sort)):
            near = get_close_matches(sort, MEMBERS, 1)
            self.fault(
                f"{path}.type",
                "epcis.vocabulary",
                f"There is no type of event called {sort[:60]!r}.",
                f"Was {near[0]} meant?" if near else f"One of {', '.join(MEMBERS)}.",
            )
            return
        self._members(event, path, (*COMMON, *(known or ())), sort, open_to_all=known is None)
        self._when(event, path)
        self._event_id(event.get("eventID"), f"{path}.eventID")
        self._certification(event, path)
        if "errorDeclaration" in event:
            self._error_declaration(event["errorDeclaration"], f"{path}.errorDeclaration")
        if known is None:
            return
        self._what(event, path, sort)
        self._why(event, path, sort)
        if "sensorElementList" in event:
            self._sensors(event["sensorElementList"], f"{path}.sensorElementList")
        if "ilmd" in event:
            self._ilmd(event, path, sort)

    def _members(
        self, value: dict[str, Any], path: str, known: Iterable[str], what: str, *, open_to_all: bool = False
    ) -> None:
        """Check that each member is the standard's, or an extension with a declared prefix."""
        names = frozenset(known)
        for name, content in value.items():
            if name in names:
                continue
            if ":" not in name:
                if not open_to_all:
                    self._unknown(name, path, names, what)
                continue
            self._extension(name, content, f"{path}.{name[:80]}")

    def _unknown(self, name: str, path: str, names: frozenset[str], what: str) -> None:
        near = get_close_matches(name, names, 1)
        fix = f"Was {near[0]} meant? " if near else ""
        self.fault(
            f"{path}.{name[:80]}",
            "epcis.member",
            f"{what} has no member {name[:60]!r}.",
            f"{fix}A member of your own needs a prefix that @context declares, as in example:{name[:40]}.",
        )

    def _extension(self, name: str, content: Any, path: str) -> None:
        if not self._context.is_known(name):
            prefix = name.partition(":")[0][:40]
            self.fault(
                path,
                "epcis.context",
                f"The prefix {prefix!r} is not declared.",
                f'Put {{"{prefix}": "https://…"}}, the namespace that it stands for, into @context.',
            )
            return
        if self._context.namespace(name.partition(":")[0]) is not None and not name.partition(":")[2]:
            self.fault(
                path, "epcis.member", "This name ends with its prefix.", "Put the name behind the colon."
            )
        self._nested(content, path)

    def _nested(self, content: Any, path: str) -> None:
        """Check the prefixes of members within an extension; what else stands there is its owner's matter."""
        if isinstance(content, dict):
            for name, inner in content.items():
                if ":" in name:
                    self._extension(name, inner, f"{path}.{name[:80]}")
                else:
                    self._nested(inner, f"{path}.{name[:80]}")
        elif isinstance(content, list):
            for at, inner in enumerate(content):
                self._nested(inner, f"{path}[{at}]")

    # ------------------------------------------------------------------------ when

    def _when(self, event: dict[str, Any], path: str) -> None:
        for name in ("eventTime", "eventTimeZoneOffset"):
            if name not in event:
                self.missing(f"{path}.{name}", str(event["type"])[:60], name)
        for name in ("eventTime", "recordTime"):
            if name in event:
                self.time(event[name], f"{path}.{name}")
        offset = event.get("eventTimeZoneOffset")
        if offset is not None and (not isinstance(offset, str) or _OFFSET.fullmatch(offset) is None):
            self.fault(
                f"{path}.eventTimeZoneOffset",
                "epcis.time",
                f"{_shown(offset)} is no offset from UTC.",
                "Give it as +08:00, from -14:00 to +14:00.",
            )

    def missing(self, path: str, what: str, name: str, fix: str = "") -> None:
        """Note a member that is not there."""
        self.fault(path, "epcis.missing", f"{what} needs {name}.", fix or f"Add {name}.")

    def time(self, value: Any, path: str) -> datetime | None:
        """Return a time with its offset, or None once it is noted that it is none."""
        if isinstance(value, str) and _TIME.fullmatch(value) is not None:
            zone = value.endswith("Z") or (int(value[-5:-3]) <= 14 and int(value[-2:]) <= 59)
            try:
                found = datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", value))
            except ValueError:
                found = None
            if found is not None and zone:
                return found
            message, fix = (
                f"{_shown(value)} is a time that the calendar or the clock does not have.",
                "Correct it.",
            )
        else:
            message = f"{_shown(value)} is no time."
            fix = "Give it as 2026-07-22T10:30:00.000+02:00, with its offset."
        self.fault(path, "epcis.time", message, fix)
        return None

    # ------------------------------------------------------------------------ what

    def _what(self, event: dict[str, Any], path: str, sort: str) -> None:
        for name in ("epcList", "childEPCs", "inputEPCList", "outputEPCList"):
            if name in event:
                self._epcs(event[name], f"{path}.{name}")
        for name in ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"):
            if name in event:
                self._quantities(event[name], f"{path}.{name}")
        if "parentID" in event:
            self._identifier(event["parentID"], f"{path}.parentID", ("instance", "location", "document"))
            if event["parentID"] in (event.get("childEPCs") or ()):
                self.fault(
                    f"{path}.childEPCs",
                    "epcis.value",
                    "The parent is among its own children.",
                    "Name it once.",
                )
        action = event.get("action")
        if "action" in MEMBERS[sort]:
            if "action" not in event:
                self.missing(f"{path}.action", sort, "action", f"One of {', '.join(ACTIONS)}.")
            elif action not in ACTIONS:
                self.fault(
                    f"{path}.action",
                    "epcis.vocabulary",
                    f"There is no action {_shown(action)}.",
                    f"One of {', '.join(ACTIONS)}.",
                )
        getattr(self, f"_what_{sort}")(event, path, action)

    def _what_ObjectEvent(self, event: dict[str, Any], path: str, action: Any) -> None:  # noqa: ARG002, N802
        sensed = event.get("sensorElementList") and ("readPoint" in event or "bizLocation" in event)
        if not (event.get("epcList") or event.get("quantityList") or sensed):
            self.missing(
                path,
                "ObjectEvent",
                "epcList or quantityList",
                "Name at least one object, or a sensor at a readPoint.",
            )

    def _what_AggregationEvent(self, event: dict[str, Any], path: str, action: Any) -> None:  # noqa: N802
        if "parentID" not in event and action != "OBSERVE":
            self.missing(f"{path}.parentID", f"AggregationEvent with the action {_shown(action)}", "parentID")
        self._children(event, path, "AggregationEvent", action)

    def _what_AssociationEvent(self, event: dict[str, Any], path: str, action: Any) -> None:  # noqa: N802
        if "parentID" not in event:
            self.missing(f"{path}.parentID", "AssociationEvent", "parentID")
        self._children(event, path, "AssociationEvent", action)

    def _children(self, event: dict[str, Any], path: str, sort: str, action: Any) -> None:
        if action != "DELETE" and not (event.get("childEPCs") or event.get("childQuantityList")):
            self.missing(
                f"{path}.childEPCs",
                sort,
                "childEPCs or childQuantityList",
                "Only with the action DELETE may they be left out: then all children are meant.",
            )

    def _what_TransactionEvent(self, event: dict[str, Any], path: str, action: Any) -> None:  # noqa: N802
        if not event.get("bizTransactionList"):
            self.missing(f"{path}.bizTransactionList", "TransactionEvent", "bizTransactionList")
        if action != "DELETE" and not (event.get("epcList") or event.get("quantityList")):
            self.missing(f"{path}.epcList", "TransactionEvent", "epcList or quantityList")

    def _what_TransformationEvent(self, event: dict[str, Any], path: str, action: Any) -> None:  # noqa: ARG002, N802
        put_in = event.get("inputEPCList") or event.get("inputQuantityList")
        come_out = event.get("outputEPCList") or event.get("outputQuantityList")
        if "transformationID" in event:
            self._uri(event["transformationID"], f"{path}.transformationID")
            if not (put_in or come_out):
                self.missing(path, "TransformationEvent", "inputs or outputs")
        elif not (put_in and come_out):
            self.missing(
                path,
                "TransformationEvent",
                "inputs and outputs",
                "Name both; or a transformationID, where another event names the others.",
            )

    def _epcs(self, value: Any, path: str) -> None:
        found = self._list(value, path)
        for at, one in enumerate(found):
            self._identifier(one, f"{path}[{at}]", ("instance", "location", "document", "party"))
        texts = [one for one in found if isinstance(one, str)]
        if len(set(texts)) != len(texts):
            twice = next(one for one in texts if texts.count(one) > 1)
            self.fault(path, "epcis.value", f"{twice[:80]} is named twice.", "Name each object once.")

    def _identifier(self, value: Any, path: str, levels: tuple[str, ...]) -> identifiers.Identifier | None:
        """Check a URI that may be a GS1 identifier, and one of these levels then."""
        if not self._uri(value, path):
            return None
        try:
            found = identifiers.read(value)
        except ValueError as error:
            self.fault(path, "epcis.identifier", str(error), "Compare it with the label or your master data.")
            return None
        if found is not None and found.level not in levels:
            self.fault(
                path,
                "epcis.identifier",
                f"{value[:80]} identifies a {_LEVELS[found.level]}; here stands {_ALLOWED[levels[0]]}.",
                "A single object has a serial number; whole classes stand in the quantity lists."
                if found.level == "class"
                else "See CBV 2.0, section 8.",
            )
        return found

    def _uri(self, value: Any, path: str) -> bool:
        if isinstance(value, str) and identifiers.is_uri(value) and self._has_scheme(value):
            return True
        self.fault(
            path,
            "epcis.identifier",
            f"{_shown(value)} is no URI.",
            "Give a whole URI, as urn:… or https://….",
        )
        return False

    def _has_scheme(self, value: str) -> bool:
        return self._context.is_known(value) or not value.partition(":")[0].isdigit()

    def _list(self, value: Any, path: str) -> list[Any]:
        if isinstance(value, list) and len(value) <= MAX_ITEMS:
            return value
        self.fault(
            path,
            "epcis.value",
            "A list must stand here."
            if not isinstance(value, list)
            else f"The list has {len(value):,} items.",
            "Put [ and ] around it." if not isinstance(value, list) else f"{MAX_ITEMS:,} are the most.",
        )
        return []

    def _object(self, value: Any, path: str) -> dict[str, Any] | None:
        if isinstance(value, dict):
            return value
        self.fault(path, "epcis.value", "An object must stand here.", "Put { and } around it.")
        return None

    def _quantities(self, value: Any, path: str) -> None:
        for at, one in enumerate(self._list(value, path)):
            here = f"{path}[{at}]"
            if (element := self._object(one, here)) is None:
                continue
            for name in element:
                if name not in {"epcClass", "quantity", "uom"}:
                    self._unknown(name, here, frozenset({"epcClass", "quantity", "uom"}), "A quantity")
            if "epcClass" not in element:
                self.missing(f"{here}.epcClass", "A quantity", "epcClass")
            else:
                self._identifier(element["epcClass"], f"{here}.epcClass", ("class",))
            self._quantity(element, here)

    def _quantity(self, element: dict[str, Any], path: str) -> None:
        quantity: Any = element.get("quantity")
        uom = element.get("uom")
        if "quantity" in element and self._number(quantity, f"{path}.quantity"):
            if quantity < 0:
                self.fault(
                    f"{path}.quantity",
                    "epcis.value",
                    "The quantity is below zero.",
                    "Give it without a sign.",
                )
            elif uom is None and Decimal(quantity) % 1:
                self.fault(
                    f"{path}.quantity",
                    "epcis.value",
                    f"Without uom the quantity counts pieces; {quantity} is no whole number.",
                    "Add uom, a unit of UN/ECE Recommendation 20, as KGM.",
                )
        if uom is not None:
            self._unit(uom, f"{path}.uom")
            if "quantity" not in element:
                self.missing(f"{path}.quantity", "A unit of measure", "quantity")

    def _unit(self, uom: Any, path: str) -> None:
        if not isinstance(uom, str) or _UOM.fullmatch(uom) is None:
            self.fault(
                path,
                "epcis.vocabulary",
                f"{_shown(uom)} is no unit.",
                "Give the two or three capital letters or digits of UN/ECE Recommendation 20: KGM, CEL, KWH.",
            )

    def _number(self, value: Any, path: str) -> bool:
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return True
        fix = "Give a number."
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
            fix = f"Write {value} without quotation marks."
        self.fault(path, "epcis.value", f"{_shown(value)} is no number.", fix)
        return False

    # ------------------------------------------------------------------- why, where

    def _why(self, event: dict[str, Any], path: str, sort: str) -> None:  # noqa: ARG002
        if "bizStep" in event:
            self._word(event["bizStep"], f"{path}.bizStep", BIZ_STEP)
        if "disposition" in event:
            self._word(event["disposition"], f"{path}.disposition", DISPOSITION)
        if "persistentDisposition" in event:
            self._persistent(event["persistentDisposition"], f"{path}.persistentDisposition")
        for name in ("readPoint", "bizLocation"):
            if name in event:
                self._place(event[name], f"{path}.{name}", name)
        if "bizTransactionList" in event:
            self._typed(
                event["bizTransactionList"],
                f"{path}.bizTransactionList",
                "bizTransaction",
                BIZ_TRANSACTION,
                None,
            )
        for name in ("source", "destination"):
            if f"{name}List" in event:
                self._typed(
                    event[f"{name}List"],
                    f"{path}.{name}List",
                    name,
                    SOURCE_DESTINATION,
                    ("location", "party"),
                )

    def _word(self, value: Any, path: str, words: Vocabulary) -> None:
        """Check a word of the vocabulary, or a URI that somebody defined."""
        if isinstance(value, str):
            if value in words.words:
                return
            expanded = self._context.expand(value)
            if words.word(expanded) is not None and not value.startswith(CBV_URN):
                return
            ours = expanded.startswith((CBV, CBV_URN)) or (
                words.base == GS1_VOC and expanded.startswith(GS1_VOC)
            )
            if ":" in value and not ours:
                if not self._context.is_known(value):
                    self._bad_context(
                        path, f"The prefix {value.partition(':')[0][:40]!r} of {value[:60]} is not declared."
                    )
                elif not identifiers.is_uri(value):
                    self.fault(path, "epcis.vocabulary", f"{_shown(value)} is no URI.", "Leave blanks out.")
                return
        plain = value.rpartition(":")[2].rpartition("-")[2] if isinstance(value, str) else ""
        near = get_close_matches(plain, words.words, 1, 0.7)
        self.fault(
            path,
            "epcis.vocabulary",
            f"{words.name} {_shown(value)} is no word of the Core Business Vocabulary.",
            f"Write {near[0]}." if near else "Use a word of CBV 2.0, or a URI of your own.",
        )

    def _persistent(self, value: Any, path: str) -> None:
        if (found := self._object(value, path)) is None:
            return
        self._members(found, path, ("set", "unset"), "persistentDisposition")
        if "set" not in found and "unset" not in found:
            self.missing(path, "persistentDisposition", "set or unset")
        for name in ("set", "unset"):
            if name in found:
                words = self._list(found[name], f"{path}.{name}")
                if not words or len(set(map(str, words))) != len(words):
                    self.fault(
                        f"{path}.{name}", "epcis.value", "The list is empty, or names one twice.", "Mend it."
                    )
                for at, one in enumerate(words):
                    self._word(one, f"{path}.{name}[{at}]", DISPOSITION)

    def _place(self, value: Any, path: str, name: str) -> None:
        if (found := self._object(value, path)) is None:
            return
        self._members(found, path, ("id",), name)
        if "id" not in found:
            self.missing(f"{path}.id", name, "id")
        else:
            self._identifier(found["id"], f"{path}.id", ("location",))

    def _typed(
        self, value: Any, path: str, name: str, words: Vocabulary, levels: tuple[str, ...] | None
    ) -> None:
        """Check a list of references, each with its type; a transaction may lack one."""
        for at, one in enumerate(self._list(value, path)):
            here = f"{path}[{at}]"
            if (found := self._object(one, here)) is None:
                continue
            for member in found:
                if member not in {"type", name}:
                    self._unknown(member, here, frozenset({"type", name}), f"A {name}")
            if "type" in found:
                self._word(found["type"], f"{here}.type", words)
            elif levels is not None:
                self.missing(f"{here}.type", f"A {name}", "type")
            if name not in found:
                self.missing(f"{here}.{name}", f"A {name}", name)
            elif levels is not None:
                self._identifier(found[name], f"{here}.{name}", levels)
            else:
                self._transaction(found[name], f"{here}.{name}")

    def _transaction(self, value: Any, path: str) -> None:
        if isinstance(value, str) and (match := _BT.fullmatch(value)):
            try:
                identifiers.check_gln(match[1])
            except ValueError as error:
                self.fault(
                    path,
                    "epcis.identifier",
                    str(error),
                    "CBV 2.0, section 8.5.2: urn:epcglobal:cbv:bt:GLN:ID.",
                )
            return
        self._identifier(value, path, ("document", "instance", "class", "location", "party"))

    # ---------------------------------------------------------------- ids, sensors

    def _event_id(self, value: Any, path: str) -> None:
        if value is None or not self._uri(value, path):
            return
        if value.startswith("ni:"):
            match = _HASH.fullmatch(value)
            if match is None or len(match[2]) != _HASH_CHARACTERS[match[1]]:
                self.fault(
                    path,
                    "epcis.identifier",
                    f"{value[:80]} is no event hash.",
                    "It has the form ni:///sha-256;64 hexadecimal digits?ver=CBV2.0.",
                )
        elif value.startswith("urn:uuid:") and _UUID.fullmatch(value) is None:
            self.fault(
                path,
                "epcis.identifier",
                f"{value[:80]} is no UUID.",
                "It has 32 hexadecimal digits, 8-4-4-4-12.",
            )

    def _certification(self, event: dict[str, Any], path: str) -> None:
        value = event.get("certificationInfo")
        if isinstance(value, list):
            for at, one in enumerate(self._list(value, f"{path}.certificationInfo")):
                self._uri(one, f"{path}.certificationInfo[{at}]")
        elif value is not None:
            self._uri(value, f"{path}.certificationInfo")

    def _error_declaration(self, value: Any, path: str) -> None:
        if (found := self._object(value, path)) is None:
            return
        self._members(found, path, ("declarationTime", "reason", "correctiveEventIDs"), "errorDeclaration")
        if "declarationTime" not in found:
            self.missing(f"{path}.declarationTime", "errorDeclaration", "declarationTime")
        else:
            self.time(found["declarationTime"], f"{path}.declarationTime")
        if "reason" in found:
            self._word(found["reason"], f"{path}.reason", ERROR_REASON)
        if "correctiveEventIDs" in found:
            for at, one in enumerate(self._list(found["correctiveEventIDs"], f"{path}.correctiveEventIDs")):
                self._event_id(one, f"{path}.correctiveEventIDs[{at}]")
                if one is None:
                    self._uri(one, f"{path}.correctiveEventIDs[{at}]")

    def _sensors(self, value: Any, path: str) -> None:
        for at, one in enumerate(self._list(value, path)):
            here = f"{path}[{at}]"
            if (element := self._object(one, here)) is None:
                continue
            self._members(element, here, ("sensorMetadata", "sensorReport"), "A sensor element")
            if "sensorMetadata" in element:
                self._metadata(element["sensorMetadata"], f"{here}.sensorMetadata")
            reports = self._list(element.get("sensorReport", []), f"{here}.sensorReport")
            if not reports:
                self.missing(f"{here}.sensorReport", "A sensor element", "sensorReport")
            for number, report in enumerate(reports):
                self._report(report, f"{here}.sensorReport[{number}]")

    def _metadata(self, value: Any, path: str) -> None:
        if (found := self._object(value, path)) is None:
            return
        self._members(found, path, (*_METADATA_TIMES, *_SENSOR_URIS), "sensorMetadata")
        times = {name: self.time(found[name], f"{path}.{name}") for name in _METADATA_TIMES if name in found}
        start, end = times.get("startTime"), times.get("endTime")
        if start is not None and end is not None and end < start:
            self.fault(f"{path}.endTime", "epcis.time", "endTime lies before startTime.", "Change the two.")
        self._uris(found, path, _SENSOR_URIS)

    def _uris(self, found: dict[str, Any], path: str, names: tuple[str, ...]) -> None:
        for name in names:
            if name in found:
                self._identifier(found[name], f"{path}.{name}", tuple(_LEVELS))

    def _report(self, value: Any, path: str) -> None:
        if (found := self._object(value, path)) is None:
            return
        known = (
            "type",
            "exception",
            "time",
            "component",
            "stringValue",
            "booleanValue",
            "hexBinaryValue",
            "uom",
        )
        self._members(found, path, (*known, *_REPORT_URIS, *_REPORT_NUMBERS), "A sensor report")
        if "type" not in found:
            self.missing(f"{path}.type", "A sensor report", "type")
        else:
            self._word(found["type"], f"{path}.type", MEASUREMENT)
        for name, words in (("exception", ALERT), ("component", COMPONENT)):
            if name in found:
                self._word(found[name], f"{path}.{name}", words)
        if "time" in found:
            self.time(found["time"], f"{path}.time")
        self._uris(found, path, _REPORT_URIS)
        for name in _REPORT_NUMBERS:
            if name in found:
                self._number(found[name], f"{path}.{name}")
        for name, fits, what in _PLAIN_VALUES:
            if name in found and not fits(found[name]):
                self.fault(
                    f"{path}.{name}", "epcis.value", f"{_shown(found[name])} is no {what}.", f"Give a {what}."
                )
        if "uom" in found:
            self._unit(found["uom"], f"{path}.uom")

    def _ilmd(self, event: dict[str, Any], path: str, sort: str) -> None:
        if sort == "ObjectEvent" and event.get("action") != "ADD":
            self.fault(
                f"{path}.ilmd",
                "epcis.ilmd",
                "ilmd, the master data of single objects, stands only in an ObjectEvent with the action ADD.",
                "Leave ilmd out, or put it into an extension.",
            )
        if (found := self._object(event["ilmd"], f"{path}.ilmd")) is not None:
            self._members(found, f"{path}.ilmd", (), "ilmd")


_LEVELS: Final = {
    "instance": "single object",
    "class": "class of objects",
    "location": "place",
    "party": "party",
    "document": "document",
}
_ALLOWED: Final = {
    "instance": "a single object",
    "class": "a class of objects",
    "location": "a place",
    "document": "a document",
}
_PLAIN_VALUES: Final[tuple[tuple[str, Callable[[Any], bool], str], ...]] = (
    ("stringValue", lambda value: isinstance(value, str), "text"),
    ("booleanValue", lambda value: isinstance(value, bool), "true or false"),
    (
        "hexBinaryValue",
        lambda value: isinstance(value, str) and re.fullmatch("(?:[0-9A-Fa-f]{2})+", value) is not None,
        "even number of hexadecimal digits",
    ),
)


def _shown(value: Any) -> str:
    """Return a value for a sentence, cut to what a person reads."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"
