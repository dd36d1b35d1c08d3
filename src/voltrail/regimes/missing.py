"""
When what is missing counts against an organisation, and when it is what happens to everybody.

No law that we know of says after how many days a battery that was shipped counts as missing. So the terms
here are no rules of a regime: they are a registry's own choice (`missing.json`), and its authority may choose
others.

A single case accuses nobody. An organisation is under suspicion when, of all that it did in the months looked
at, so many cases are open that at the tolerated share this would come about by chance less than once in
10,000.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from importlib.resources import files
from typing import Final, Literal, get_args

import msgspec

Kind = Literal[
    "not_received",
    "nowhere",
    "scrapped_without",
    "two_places",
    "mass_above",
    "late",
    "counted_elsewhere",
    "seen_elsewhere",
]
Side = Literal["own", "sender", "receiver"]

KINDS: Final[tuple[str, ...]] = get_args(Kind)
MONTHS: Final = 36  # looked at
CHANCE: Final = 1e-4  # below which it is no chance any more
LEAST: Final = 3  # cases, however few there were in all
_OPPOSITE: Final[dict[Side, Side]] = {"sender": "receiver", "receiver": "sender"}
PARTIES: Final = 2  # on the other side, before one of two organisations is believed and not the other


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    How one kind of case is looked at.

    A case is open from `term_days` after it happened on; an organisation is under suspicion when cases go
    beyond the share `tolerance` of what it did, or never where that is None: such cases are only listed.
    """

    kind: Kind
    term_days: int
    tolerance: float | None = None


TERMS: Final = {
    one.kind: one
    for one in msgspec.json.decode(
        files(__package__).joinpath("missing.json").read_bytes(), type=tuple[Term, ...]
    )
}


class Tally(msgspec.Struct, frozen=True):
    """How many cases of a month are open between two organisations, of how much that was done in it."""

    kind: str
    organisation: str
    other: str
    month: date
    cases: int
    of: int


class Suspicion(msgspec.Struct, frozen=True):
    """
    That an organisation's own doing explains more cases than chance would.

    `side` says as what: for what was shipped and not received, as sender or as receiver. `others` is how many
    organisations stand on the other side. `silent_since` is the day of its last report where that is
    longer ago than the term.
    """

    kind: str
    organisation: str
    side: Side
    cases: int
    of: int
    others: int = 0
    silent_since: date | None = None


def opened_by(term: Term, today: date) -> date:
    """Return the last day on which what happened is open today."""
    return today - timedelta(days=term.term_days)


def months(term: Term, today: date) -> tuple[date, date]:
    """Return the first and the last month looked at, by their first days: whole ones, their terms over."""
    end = opened_by(term, today)
    last = (
        end.replace(day=1) if term.term_days == 0 else (end.replace(day=1) - timedelta(days=1)).replace(day=1)
    )
    number = last.year * 12 + last.month - MONTHS
    return date(number // 12, number % 12 + 1, 1), last


def chance(cases: int, of: int, share: float) -> float:
    """
    Return how likely it is that so many of all, or more, are cases, each with this chance: the binomial
    tail.
    """
    if cases <= share * of:
        return 1.0
    log = math.lgamma(of + 1) - math.lgamma(cases + 1) - math.lgamma(of - cases + 1)
    term = math.exp(log + cases * math.log(share) + (of - cases) * math.log1p(-share))
    tail, odds = 0.0, share / (1 - share)
    for number in range(cases, of + 1):
        tail += term
        term *= (of - number) / (number + 1) * odds
        if term <= tail * 1e-12:
            break
    return min(tail, 1.0)


def is_beyond(cases: int, of: int, share: float) -> bool:
    """
    Return whether so many cases are more than chance gives at a tolerated share; fewer than three never
    are.
    """
    return cases >= LEAST and chance(cases, max(of, cases), share) < CHANCE


def suspicions(
    tallies: Iterable[Tally],
    terms: Mapping[str, Term],
    *,
    is_known: Callable[[str], bool],
    silent_since: Callable[[str], date | None],
) -> list[Suspicion]:
    """
    Return which organisations are under suspicion, those with most cases first.

    `is_known` says whether the record knows a receiver: nobody else is expected to report. `silent_since`
    gives the day of an organisation's last report where that is too long ago.
    """
    by_kind: dict[str, list[Tally]] = defaultdict(list)
    for one in tallies:
        by_kind[one.kind].append(one)
    found = []
    for kind, ours in by_kind.items():
        tolerance = terms[kind].tolerance
        if tolerance is None:
            continue
        if kind == "not_received":
            found += _between_two(ours, tolerance, is_known, silent_since)
        else:
            found += _alone(kind, ours, tolerance)
    return sorted(found, key=lambda one: (-one.cases, one.kind, one.organisation))


def _alone(kind: str, tallies: Iterable[Tally], tolerance: float) -> list[Suspicion]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in tallies:
        sums[one.organisation][0] += one.cases
        sums[one.organisation][1] += one.of
    return [
        Suspicion(kind, organisation, "own", cases, max(of, cases))
        for organisation, (cases, of) in sums.items()
        if organisation and is_beyond(cases, of, tolerance)
    ]


def _between_two(
    tallies: Sequence[Tally],
    tolerance: float,
    is_known: Callable[[str], bool],
    silent_since: Callable[[str], date | None],
) -> list[Suspicion]:
    """
    Return whom it is with, where two organisations say different things: one shipped, the other has nothing.

    Whoever explains most beyond chance is taken first, and what it explains counts against nobody else. Where
    a sender and a receiver stand against each other alone, it is one's word against the other's: nobody is
    under suspicion.
    """
    left = list(tallies)
    found: list[Suspicion] = []
    while True:
        candidates = [
            *_candidates("receiver", left, tolerance, is_known, silent_since),
            *_candidates("sender", left, tolerance, lambda _: True, lambda _: None),
        ]
        if not candidates:
            return found
        _, best = min(candidates, key=lambda one: one[0])
        found.append(best)
        left = [one for one in left if _on(best.side, one) != best.organisation]


def _candidates(
    side: Side,
    tallies: Iterable[Tally],
    tolerance: float,
    is_known: Callable[[str], bool],
    silent_since: Callable[[str], date | None],
) -> Iterator[tuple[float, Suspicion]]:
    """
    Yield who may be the one, with how likely that is by chance; of who fell silent only what came after it.
    """
    ours: dict[str, list[Tally]] = defaultdict(list)
    for one in tallies:
        ours[_on(side, one)].append(one)
    for organisation, all_of_it in ours.items():
        if not any(one.cases for one in all_of_it) or not is_known(organisation):
            continue
        silent = silent_since(organisation)
        mine = [one for one in all_of_it if silent is None or one.month > silent]
        cases, of = sum(one.cases for one in mine), sum(max(one.of, one.cases) for one in mine)
        others = len({_on(_OPPOSITE[side], one) for one in mine if one.cases})
        if others >= PARTIES and is_beyond(cases, of, tolerance):
            found = Suspicion("not_received", organisation, side, cases, of, others, silent)
            yield chance(cases, of, tolerance), found


def _on(side: Side, tally: Tally) -> str:
    return tally.other if side == "receiver" else tally.organisation
