"""
May this cross that border? Each side's rule, and what follows from both.

    >>> from datetime import date
    >>> from voltrail.regimes import RULES
    >>> load = Shipment("black_mass", date(2026, 11, 9), "DE", "CN")
    >>> judge_shipment(load, RULES.all).verdict
    'forbidden'

The rules are dated data, in border.json. What no rule answers is `unknown`, never `allowed`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.resources import files
from typing import Any, Final, Literal, get_args

import msgspec

from voltrail.errors import UsageError
from voltrail.events.structs import Substance
from voltrail.regimes.countries import is_among
from voltrail.regimes.rules import Limit, Rule, Table, Verdict

__all__ = [
    "RULES_OF_BORDERS",
    "Answer",
    "Held",
    "Shipment",
    "Side",
    "answer_as_told",
    "check_goods",
    "classes_of",
    "judge_shipment",
    "read_assays",
    "reading",
]

BATTERIES: Final = ("lithium_batteries", "sodium_batteries", "batteries")
"""What a shipment can be besides a substance; `batteries` are those of another, or no known, chemistry."""


class WasteCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a code of the European list of waste, or the beginning of one, says that something is."""

    code: str
    means: str
    valid_from: date
    source: str
    confidence: str


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    codes: tuple[WasteCode, ...]
    rules: tuple[Rule, ...]


_DATA: Final = msgspec.json.decode(files(__package__).joinpath("border.json").read_bytes(), type=_Data)
RULES_OF_BORDERS: Final = _DATA.rules
WASTE_CODES: Final = _DATA.codes
_STRICTEST: Final = get_args(Verdict)
_ASSAY: Final = re.compile(r"\s*([A-Z][a-z]?)\s*[=:：]?\s*([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*(%?)\s*")
_COMMA: Final = re.compile("[,，、;；]")


class Shipment(msgspec.Struct, frozen=True):
    """
    What goes from where to where on which day: a substance, or one of BATTERIES.

    `waste` says whether it is waste, None where that is not known; one with a waste code is. `assays` are
    shares of dry mass by element. Countries are codes of ISO 3166 (`countries.check_country`).
    """

    what: str
    day: date
    origin: str
    destination: str
    waste: bool | None = None
    waste_code: str | None = None
    assays: tuple[tuple[str, float], ...] = ()


class Held(msgspec.Struct, frozen=True):
    """One limit held against the assays: the sum of its elements, whether it is kept; None if not known."""

    table: Table
    limit: Limit
    found: float | None
    kept: bool | None


class Side(msgspec.Struct, frozen=True):
    """
    What one side says, by which rule; without a rule nothing is configured.

    `open` are rules of this side whose value is not known: its authority has to be asked. `held` are the
    limits that decided.
    """

    side: Literal["export", "import"]
    country: str
    verdict: Verdict
    rule: Rule | None = None
    open: tuple[Rule, ...] = ()
    held: tuple[Held, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """The strictest of what both sides say, and what each says; `classes` are what the goods count as."""

    verdict: Verdict
    sides: tuple[Side, Side]
    classes: tuple[str, ...]


def judge_shipment(shipment: Shipment, rules: Iterable[Rule]) -> Answer:
    """
    Return whether a shipment may cross, by the rules in force on its day.

    Raises UsageError where no border is crossed.
    """
    if shipment.origin == shipment.destination:
        raise UsageError(
            "border.none",
            f"From {shipment.origin} to {shipment.destination} no border is crossed.",
            "Name two countries; within one its own rules hold.",
        )
    held = [one for one in rules if one.border is not None and one.holds(shipment.day)]
    sides = (
        _side("export", shipment.origin, shipment, held),
        _side("import", shipment.destination, shipment, held),
    )
    return Answer(_strictest(side.verdict for side in sides), sides, tuple(sorted(classes_of(shipment))))


def answer_as_told(answer: Answer) -> dict[str, Any]:
    """Return an answer as plain values for programs: each side with its rule, source and confidence."""
    return {
        "verdict": answer.verdict,
        "classes": list(answer.classes),
        "sides": [
            {
                "side": side.side,
                "country": side.country,
                "verdict": side.verdict,
                "rule": _told(side.rule) if side.rule is not None else None,
                "not_configured": [_told(one) for one in side.open],
                "limits": [
                    {
                        "table": one.table.name,
                        "elements": list(one.limit.elements),
                        "least": one.limit.least,
                        "most": one.limit.most,
                        "found": one.found,
                        "kept": one.kept,
                    }
                    for one in side.held
                ],
            }
            for side in answer.sides
        ],
    }


def _told(rule: Rule) -> dict[str, Any]:
    names = ("id", "duty", "article", "source", "confidence", "standing", "valid_from", "gap")
    return {name: getattr(rule, name) for name in names}


def _side(side: Literal["export", "import"], country: str, shipment: Shipment, rules: Sequence[Rule]) -> Side:
    """Return what one side says: by its own rules, else by a treaty between both, else nothing."""
    spoken = [(one, reading(one, shipment)) for one in rules]
    told = [(one, verdict) for one, verdict in spoken if verdict is not None]
    own = [(one, verdict) for one, verdict in told if one.border is not None and one.border.side == side]
    left = tuple(one for one, _ in own if one.value is None)
    answers = [pair for pair in own if pair[0].value is not None] or [
        pair
        for pair in told
        if pair[0].border is not None and pair[0].border.side == "both" and pair[0].value is not None
    ]
    if not answers:
        return Side(side, country, "unknown", open=left)
    rule, verdict = min(answers, key=lambda pair: _STRICTEST.index(pair[1]))
    if left and verdict == "allowed":
        verdict = "unknown"
    return Side(side, country, verdict, rule, left, tuple(_held(rule, shipment)))


def check_goods(what: str) -> str:
    """Return what a shipment is, unchanged. Raises UsageError where no goods are named so."""
    if what in {*BATTERIES, *get_args(Substance)}:
        return what
    raise UsageError(
        "border.what",
        f"{what[:40]!r} is neither a substance nor a sort of batteries.",
        f"Name one of {', '.join(BATTERIES)}, or a substance such as black_mass.",
    )


def read_assays(text: str) -> tuple[tuple[str, float], ...]:
    """Return shares of dry mass by element from `Ni=0.2, Li=4%`. Raises UsageError."""
    found: dict[str, float] = {}
    for part in filter(str.strip, _COMMA.split(text)):
        read = _ASSAY.fullmatch(part)
        share = float(read[2]) / (100 if read[3] else 1) if read else 2.0
        if read is None or share > 1 or read[1] in found:
            raise UsageError(
                "border.assays",
                f"{part.strip()[:40]!r} is no share of dry mass, or stands there twice.",
                "Write each element once, as Ni=0.2 or Ni=20%, with commas between.",
            )
        found[read[1]] = share
    return tuple(found.items())


def reading(rule: Rule, shipment: Shipment) -> Verdict | None:
    """Return what a rule says of a shipment, whatever its day; None where it does not speak of it."""
    border = rule.border
    if border is None:
        return None
    classes = classes_of(shipment)
    if not classes & set(border.of) or classes & set(border.not_of):
        return None
    if not is_among(shipment.origin, border.from_, shipment.day):
        return None
    if not is_among(shipment.destination, border.to, shipment.day):
        return None
    if not isinstance(rule.value, tuple):
        return "unknown"
    verdict = _strictest(one for one in _STRICTEST if one in rule.value)
    if not border.tables:
        return verdict
    meets = _meets(rule, shipment)
    return "unknown" if meets is None else verdict if meets else border.otherwise


def classes_of(shipment: Shipment) -> frozenset[str]:
    """
    Return what goods count as: `waste`, and the classes that rules name.

    Batteries count as such only as waste. Black mass is itself a class, whatever is said of it: whether it is
    waste is what the rules of a side decide.
    """
    by_code = {
        one.means
        for one in WASTE_CODES
        if one.valid_from <= shipment.day and plain(shipment.waste_code).startswith(plain(one.code))
    }
    waste = bool(shipment.waste) or bool(plain(shipment.waste_code))
    found = by_code | ({"waste"} if waste else set())
    if shipment.what not in BATTERIES:
        return frozenset(found | {shipment.what})
    return frozenset(found | {shipment.what} if waste else found)


def plain(code: str | None) -> str:
    """Return a waste code without spaces and without the star of what is hazardous: `160607`."""
    return "".join(one for one in code or "" if one.isalnum())


def _meets(rule: Rule, shipment: Shipment) -> bool | None:
    """Return whether goods meet one of a rule's tables; None where their assays do not tell."""
    held = _held(rule, shipment)
    told = {one.table.name: [held.kept for held in held if held.table == one.table] for one in held}
    found = [False if False in kept else None if None in kept else True for kept in told.values()]
    return True if True in found else None if None in found else False


def _held(rule: Rule, shipment: Shipment) -> list[Held]:
    known = dict(shipment.assays)
    found = []
    for table in rule.border.tables if rule.border is not None else ():
        for limit in table.limits:
            there = [known[one] for one in limit.elements if one in known]
            total = sum(there)
            whole = len(there) == len(limit.elements)
            kept: bool | None = None
            if limit.least is not None and (whole or total >= limit.least):
                kept = total >= limit.least
            elif limit.most is not None and (whole or total > limit.most):
                kept = total <= limit.most
            found.append(Held(table, limit, total if there else None, kept))
    return found


def _strictest(verdicts: Iterable[Verdict]) -> Verdict:
    return min(verdicts, key=_STRICTEST.index)
