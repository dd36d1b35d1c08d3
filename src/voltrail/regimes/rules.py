"""One rule, and a set of them found by the kind of event they speak of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, timezone
from typing import Final, Literal

import msgspec

from voltrail.events.table import HOLDING_ROLES
from voltrail.regimes.deadlines import CHINA, Calendar, deadline

Confidence = Literal["confirmed", "secondary", "press", "mirror", "unconfirmed", "configured"]

About = Literal[
    "deadline",
    "handover",
    "papers",
    "use",
    "scrapping",
    "echelon",
    "outlets",
    "takeback",
    "border",
    "transport",
    "swap",
]
Verdict = Literal["forbidden", "unknown", "consent", "allowed"]  # the strictest first
Travels = Literal["normal", "damaged", "critical"]


class Gate(msgspec.Struct, frozen=True):
    """What a rule that is no deadline has as its value: in words, its unit, and of which words it is made."""

    value: str
    unit: str
    words: tuple[str, ...] = ()  # any others are none; where there are none, any words will do


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of some elements together there must be in dry matter, at least or at most: shares of mass."""

    elements: tuple[str, ...]
    least: float | None = None
    most: float | None = None


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of material by what is in it; it conforms where all limits are kept."""

    name: str
    name_zh: str
    limits: tuple[Limit, ...]


class Border(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Which shipments a rule of a border speaks of; places by the words of `countries.is_among`.

    `side` says whose rule it is: of the state that it leaves, of that which it comes to, or of a treaty
    between both, which answers where neither side has a rule of its own. `of` are classes of goods
    (`border.classes_of`), none of which may be in `not_of`. With `tables`, what meets one of them has the
    rule's value, and what meets none has `otherwise`.
    """

    side: Literal["export", "import", "both"]
    from_: tuple[str, ...] = msgspec.field(default=(), name="from")
    to: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    not_of: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    otherwise: Verdict | None = None


SWAP_MODEL: Final = "swap_model"
REPLACEMENT: Final = "replacement"
ANYONE: Final = "anyone"
_ROLES: Final = tuple(sorted(HOLDING_ROLES))

GATES: Final[dict[About, Gate]] = {
    "handover": Gate("the roles in which an organisation may receive it", "role", _ROLES),
    "papers": Gate("the roles of a receiver whose grant must name its evidence", "role", _ROLES),
    "use": Gate("what it may not be used for", "use"),
    "scrapping": Gate(
        "when a vehicle may be scrapped without its batteries", "exception", (SWAP_MODEL, REPLACEMENT)
    ),
    "echelon": Gate(
        "the members that say what a product of old batteries meets", "member", ("standard", "use", "site")
    ),
    "outlets": Gate(
        "the kind of region of which each, where it sells, needs an outlet",
        "region",
        ("province", "prefecture"),
    ),
    "takeback": Gate(
        "the roles from which its batteries may not be refused, or anyone", "role", (*_ROLES, ANYONE)
    ),
    "border": Gate("whether it may cross", "verdict", ("allowed", "consent", "forbidden")),
    "transport": Gate("the packing instructions by which it may travel", "packing"),
    "swap": Gate(
        "what keeps a pack from being put into a vehicle",
        "reason",
        (
            "vehicle_interface",
            "station_interface",
            "out_of_use",
            "disputed",
            "open_incident",
            "open_recall",
            "worn",
        ),
    ),
}

RuleUnit = Literal[
    "day",
    "working_day",
    "month",
    "role",
    "use",
    "exception",
    "region",
    "member",
    "verdict",
    "packing",
    "reason",
]
CLOCKS: Final = {
    "CN": CHINA,
    "EU": timezone(timedelta(hours=1)),
}  # the winter's: no rule of the EU begins in summer time
_FOR_EVER: Final = date(9000, 1, 1)


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One rule of one regime, from a day to a day (both included).

    `about` is what it is, and says what `value` holds (`GATES`). `phases` and
    `reasons`, where given, narrow the events it speaks of to batteries in that
    phase, or with that reason. `trigger` names the member the time runs from,
    `occurred_at` if none. One without kinds speaks of no single event.

    What a deadline is for is the report of the event itself; or, with `met_by`, a further event on the same
    subject of one of those kinds, which must have the member `needs` where one is named; of documents, only
    those of its `purposes`. `to` is who is told by it, None where nobody is: the source asks for an act and
    no report.

    Of a handover, `needs="outlet"` has makers and importers among the roles count only with an outlet on
    record; of products of old batteries, `needs="second_life"` has only codes of 19 characters meant.

    Of a shipment across a border, `border` says of which. Of transport, `travels` says of packs in which
    state, and `within` in which countries reporters are registered to whom it speaks (`countries.is_among`).
    `clock` is by whose days it counts.

    Only a rule that is `enforced` makes findings, and refuses what is asked beforehand; `advisory` ones warn
    who asks; one without a value is not configured, and `gap` says what is not known.
    """

    id: str
    about: About
    duty: str
    duty_zh: str
    kinds: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    trigger: str = "occurred_at"
    met_by: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    to: Literal["platform", "vehicle_maker"] | None = "platform"
    needs: str | None = None
    value: int | tuple[str, ...] | None = None
    unit: RuleUnit | None = None
    border: Border | None = None
    travels: Travels | None = None
    within: tuple[str, ...] = ()
    clock: Literal["CN", "EU"] = "CN"
    valid_from: date
    valid_to: date | None = None
    article: str | None = None
    article_zh: str | None = None
    source: str
    confidence: Confidence
    enforced: bool = False
    gap: str | None = None
    gap_zh: str | None = None

    @property
    def standing(self) -> str:
        """Return `enforced`, `advisory`, or `not configured`."""
        if self.value is None:
            return "not configured"
        return "enforced" if self.enforced else "advisory"

    @property
    def term(self) -> str:
        """Return the term of a deadline in words, or nothing where it has none."""
        if not isinstance(self.value, int) or self.unit is None:
            return ""
        return f"{self.value} {self.unit.replace('_', ' ')}{'' if self.value == 1 else 's'}"

    def holds(self, day: date) -> bool:
        """Return whether the rule is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


Dated = tuple[datetime, datetime, Rule]


class Rules:
    """A set of rules, and the calendar of their working days; those of a kind are found without a search."""

    def __init__(self, rules: Iterable[Rule], calendar: Calendar) -> None:
        self.all: tuple[Rule, ...] = tuple(rules)
        self.calendar: Final = calendar
        self._enforced = _by_kind(one for one in self.all if one.standing == "enforced" and not one.met_by)
        self._advisory = _by_kind(
            one for one in self.all if one.standing == "advisory" and one.about != "deadline"
        )
        self._deadlines = _by_kind(one for one in self.all if one.about == "deadline")

    def of(self, kind: str, when: datetime) -> tuple[Rule, ...]:
        """Return the enforced rules that speak of a kind of event at a moment. Cheap: the hot path asks."""
        return _at(self._enforced.get(kind), when)

    def speaks_of(self, kind: str) -> bool:
        """Return whether an enforced rule speaks of a kind of event, at any moment."""
        return kind in self._enforced

    def advice(self, kind: str, when: datetime) -> tuple[Rule, ...]:
        """Return the advisory gates that speak of a kind of event at a moment."""
        return _at(self._advisory.get(kind), when)

    def standing_for(self, about: About, day: date) -> tuple[Rule, ...]:
        """Return the rules of one sort in force on a day that have a value."""
        return tuple(one for one in self.at(day) if one.about == about and one.value is not None)

    def deadlines(self, kind: str, when: datetime) -> tuple[Rule, ...]:
        """Return the deadlines that begin with a kind of event at a moment, with a term or without one."""
        return _at(self._deadlines.get(kind), when)

    def due(self, rule: Rule, since: datetime) -> date:
        """Return the last day on which what a deadline is for is in time; it has run since a moment."""
        assert isinstance(rule.value, int) and rule.unit is not None  # noqa: S101, PT018 - as for all deadlines
        return deadline(since.astimezone(CHINA).date(), rule.value, rule.unit, self.calendar)

    def named(self, rule: str, day: date) -> Rule:
        """Return the rule of this id that is in force on a day, or else its last. Raises KeyError."""
        found = [one for one in self.all if one.id == rule]
        if not found:
            raise KeyError(rule)
        return next((one for one in found if one.holds(day)), found[-1])

    def at(self, day: date) -> tuple[Rule, ...]:
        """Return every rule in force on a day, enforced or not."""
        return tuple(rule for rule in self.all if rule.holds(day))


_HEAD: Final = """\
# Rules

Printed from `voltrail/regimes`; do not edit.

What must be reported by when, and what may not be done. A past date is judged by the rules of that date.
`enforced` rules make findings; `advisory` ones, which only the press or a mirror of the text supports, are
shown and count against nobody; where no term or value is confirmed a rule is `not configured`, and what is
not known stands beside it. The texts of the rules were not read: sources are those that quote them.

| Rule | In force | What | Kinds | By | Term | Runs from | Met by | Standing | Article | Confidence, source |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def document(rules: Rules) -> str:
    """Return docs/rules.md."""
    return _HEAD + "".join(map(_row, rules.all))


def _row(rule: Rule) -> str:
    """Return one row of the document."""
    value = rule.term or (", ".join(rule.value) if isinstance(rule.value, tuple) else "not known")
    met_by = ", ".join(rule.met_by) + (f" ({', '.join(rule.purposes)})" if rule.purposes else "")
    narrowed = [", ".join(words) for words in (rule.phases, rule.reasons) if words]
    cells = (
        rule.id,
        f"{rule.valid_from} to {rule.valid_to or 'now'}",
        f"{rule.duty} · {rule.duty_zh}",
        ", ".join(rule.kinds) + (f" ({'; '.join(narrowed)})" if narrowed else ""),
        ", ".join(rule.roles) or "anyone",
        value,
        rule.trigger if rule.about == "deadline" else "",
        met_by or ("its own report" if rule.about == "deadline" else ""),
        rule.standing + (f": {rule.gap}" if rule.gap else ""),
        rule.article or "",
        f"{rule.confidence}, <{rule.source}>",
    )
    return "| " + " | ".join(cells) + " |\n"


def _by_kind(rules: Iterable[Rule]) -> dict[str, tuple[Dated, ...]]:
    found: dict[str, tuple[Dated, ...]] = {}
    for rule in rules:
        clock = CLOCKS[rule.clock]
        since = datetime.combine(rule.valid_from, time(), clock)
        until = datetime.combine(rule.valid_to or _FOR_EVER, time(), clock)
        for kind in rule.kinds:
            found[kind] = (*found.get(kind, ()), (since, until + timedelta(days=1), rule))
    return found


def _at(dated: tuple[Dated, ...] | None, when: datetime) -> tuple[Rule, ...]:
    if dated is None:
        return ()
    return tuple([rule for since, until, rule in dated if since <= when < until])


def rules_at(day: date) -> tuple[Rule, ...]:
    """Return every rule of every regime in force on a day, enforced or not."""
    from voltrail.regimes import RULES

    return RULES.at(day)
