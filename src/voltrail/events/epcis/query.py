"""The parameters of a query, EPCIS 2.0, section 8.2.7: those that are answered, and what they let through."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from voltrail.errors import UsageError
from voltrail.events.epcis.identifiers import canonical
from voltrail.events.epcis.names import NamingError, read_battery
from voltrail.events.epcis.validation import MEMBERS, Validator
from voltrail.events.epcis.vocabulary import ACTIONS, BIZ_STEP, DISPOSITION, ERROR_REASON, Vocabulary

MAX_VALUES: Final = 20  # of one parameter
MAX_VALUE: Final = 2_048
SOURCE: Final = "EPCIS 2.0, section 8.2.7"

_MATCHED: Final = {
    "MATCH_epc": ("epcList", "childEPCs"),
    "MATCH_parentID": ("parentID",),
    "MATCH_inputEPC": ("inputEPCList",),
    "MATCH_outputEPC": ("outputEPCList",),
    "MATCH_anyEPC": ("epcList", "childEPCs", "parentID", "inputEPCList", "outputEPCList"),
}
_TIMES: Final = ("GE_eventTime", "LT_eventTime", "GE_recordTime", "LT_recordTime")
_WORDS: Final[dict[str, tuple[str, Vocabulary]]] = {
    "EQ_bizStep": ("bizStep", BIZ_STEP),
    "EQ_disposition": ("disposition", DISPOSITION),
}
_PLACES: Final = {"EQ_readPoint": "readPoint", "EQ_bizLocation": "bizLocation"}
_PLAIN: Final = {"EQ_eventID": "eventID", "EQ_transformationID": "transformationID", "EQ_action": "action"}
_OTHERS: Final = (
    "eventType",
    "EXISTS_errorDeclaration",
    "EQ_errorReason",
    "eventCountLimit",
    "orderBy",
    "orderDirection",
)

PARAMETERS: Final = (*_MATCHED, *_TIMES, *_WORDS, *_PLACES, *_PLAIN, *_OTHERS)
"""The parameters that are answered; others are refused, since to pass over one would give wrong events."""


class Query(msgspec.Struct, frozen=True):
    """What is asked for: for each parameter its values; `organisation` is who asks, `""` for everybody."""

    conditions: dict[str, tuple[str, ...]]
    organisation: str = ""

    @property
    def limit(self) -> int | None:
        """How many events are wanted at most."""
        given = self.conditions.get("eventCountLimit")
        return int(given[0]) if given else None

    @property
    def batteries(self) -> tuple[str, ...]:
        """The codes of the batteries that the question names; it is about nothing else then."""
        named = (uri for name in _MATCHED for uri in self.conditions.get(name, ()))
        return tuple(dict.fromkeys(self._code(uri) for uri in named))

    def _code(self, uri: str) -> str:
        try:
            return read_battery(uri, self.organisation)
        except (NamingError, ValueError) as error:
            fix = getattr(error, "fix", "Compare it with the label.")
            raise _refused(f"MATCH names {uri[:80]!r}. {error}", fix) from None

    def fits(self, event: dict[str, Any], received_ms: int) -> bool:
        """Return whether an event, as it is shown, is one that is asked for."""
        return all(_TESTS[name](self, event, received_ms, values) for name, values in self.conditions.items())

    def names(self, uri: Any) -> str:
        """Return what a URI names, so that two spellings of one battery are the same."""
        try:
            return read_battery(str(uri), self.organisation)
        except ValueError:
            return canonical(str(uri))


_Test = Callable[[Query, dict[str, Any], int, tuple[str, ...]], bool]


def read_query(given: Iterable[tuple[str, str]], organisation: str = "") -> Query:
    """Return a query from the parameters of an address. Raises UsageError (`epcis.parameter`)."""
    conditions: dict[str, tuple[str, ...]] = {}
    for name, text in given:
        if name not in PARAMETERS:
            raise _refused(
                f"The parameter {name[:60]!r} is not answered here.", f"These are: {', '.join(PARAMETERS)}."
            )
        values = tuple(value for value in text.split(",") if value)
        if not values or len(values) > MAX_VALUES or len(text) > MAX_VALUE * 2:
            raise _refused(
                f"{name} has no value, or more than {MAX_VALUES}.", "Give one, or some with commas."
            )
        if name in conditions:
            raise _refused(
                f"{name} stands there twice.", "Give all its values in one, with commas between them."
            )
        _check(name, values)
        conditions[name] = values
    return Query(conditions, organisation)


def _check(name: str, values: tuple[str, ...]) -> None:
    if name in _TIMES and (len(values) > 1 or _time(values[0]) is None):
        raise _refused(
            f"{name} is {values[0][:40]!r}, no time.", "Write 2026-05-03T08:00:00Z; + is written %2B."
        )
    allowed = {
        "eventType": tuple(MEMBERS),
        "EQ_action": ACTIONS,
        "EXISTS_errorDeclaration": ("true",),
        "orderBy": ("recordTime",),
        "orderDirection": ("DESC",),
    }.get(name)
    wrong = [value for value in values if allowed is not None and value not in allowed]
    if wrong:
        raise _refused(f"{name} is {wrong[0][:40]!r}.", f"It may be: {', '.join(allowed or ())}.")
    if name in _WORDS and (
        bad := next((one for one in values if _WORDS[name][1].word(one) is None and ":" not in one), None)
    ):
        raise _refused(f"{name} is {bad[:40]!r}, no word of CBV 2.0.", "Use one of its words, or a URI.")
    if name == "eventCountLimit" and not (
        values[0].isascii() and values[0].isdigit() and 0 < int(values[0][:9]) <= 1_000
    ):
        raise _refused("eventCountLimit is a number from 1 to 1,000.", "Give such a number.")


def _time(text: str) -> datetime | None:
    return Validator().time(text, "$")


def _is_in(member: str) -> _Test:
    return lambda _query, event, _ms, values: event.get(member) in values


def _word_in(member: str, words: Vocabulary) -> _Test:
    return lambda _query, event, _ms, values: (
        words.expand(str(event.get(member, ""))) in {words.expand(value) for value in values}
    )


def _place_in(member: str) -> _Test:
    return lambda _query, event, _ms, values: (
        canonical(str(event.get(member, {}).get("id", ""))) in {canonical(value) for value in values}
    )


def _names_one(members: tuple[str, ...]) -> _Test:
    def test(query: Query, event: dict[str, Any], _ms: int, values: tuple[str, ...]) -> bool:
        wanted = {query.names(value) for value in values}
        found = (event[member] for member in members if member in event)
        listed = (one for part in found for one in (part if isinstance(part, list) else [part]))
        return any(query.names(one) in wanted for one in listed)

    return test


def _at(name: str) -> _Test:
    later = name.startswith("GE_")

    def test(_query: Query, event: dict[str, Any], ms: int, values: tuple[str, ...]) -> bool:
        limit, at = _time(values[0]), None if name.endswith("recordTime") else _time(event["eventTime"])
        when = ms / 1000 if at is None else at.timestamp()
        bound = limit.timestamp() if limit is not None else 0.0
        return when >= bound if later else when < bound

    return test


def _reason(_query: Query, event: dict[str, Any], _ms: int, values: tuple[str, ...]) -> bool:
    said = event.get("errorDeclaration", {}).get("reason")
    return said is not None and ERROR_REASON.expand(said) in {ERROR_REASON.expand(value) for value in values}


def _always(*_: Any) -> bool:
    return True


_TESTS: Final[dict[str, _Test]] = {
    **{name: _names_one(members) for name, members in _MATCHED.items()},
    **{name: _at(name) for name in _TIMES},
    **{name: _word_in(*both) for name, both in _WORDS.items()},
    **{name: _place_in(member) for name, member in _PLACES.items()},
    **{name: _is_in(member) for name, member in _PLAIN.items()},
    "eventType": _is_in("type"),
    "EXISTS_errorDeclaration": lambda _query, event, _ms, _values: "errorDeclaration" in event,
    "EQ_errorReason": _reason,
    **dict.fromkeys(("eventCountLimit", "orderBy", "orderDirection"), _always),
}


def _refused(message: str, fix: str) -> UsageError:
    return UsageError("epcis.parameter", message, fix, source=SOURCE)
