"""
What should become of a retired battery: re-use, a second life or recycling; or first a test, or what lacks.

Gates come first, and a gate that fails always wins. Then worth decides, by its mean. How likely the decision
is to change with what is not known yet is given as an upper bound: the chance that the state of health is
below what the use needs, and for each other way the chance that it is worth more. Where the interval of the
state of health straddles what a use needs, or that bound is above the policy's, a capacity test comes before
the decision. Nothing is guessed: what is not known is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final, Literal, cast

import msgspec

from voltrail.health.facts import Facts
from voltrail.health.gates import USES, Gate, Use, gates_of
from voltrail.health.normal import Normal, within
from voltrail.health.policy import Policy, Row, Table
from voltrail.health.remaining import expected_life, spread_of
from voltrail.health.worth import WAYS, Way, Worths, value_of_knowing, worths_of
from voltrail.regimes.rules import Rule
from voltrail.technology.life import Interval

Outcome = Literal["reuse", "repurpose", "recycle", "test", "undecided", "not_retired", "ended"]
Standing = Literal["open", "unknown", "barred", "worn"]


class Amount(msgspec.Struct, frozen=True):
    """An amount of money or another number: its mean and its interval of 95 %."""

    mean: float
    low: float
    high: float


class Option(msgspec.Struct, frozen=True):
    """
    One way on. `standing`: open; unknown, where a gate does not say; barred by a gate; worn, where the whole
    interval of the state of health is below `soh_least`.

    `below` is the chance that the state of health is below that.
    """

    way: Way
    standing: Standing
    soh_least: float | None = None
    below: float | None = None
    worth: Amount | None = None
    sale: float | None = None
    cost: float | None = None
    later: float | None = None


class CapacityTest(msgspec.Struct, frozen=True):
    """What a capacity test costs, what knowing its result would be worth, and what it leaves open (95 %)."""

    cost: float
    worth: float
    half_width: float

    @property
    def pays(self) -> bool:
        """Whether it is worth at least what it costs."""
        return self.worth >= self.cost


class Lever(msgspec.Struct, frozen=True):
    """Something that would change the decision if it were `then` instead of `now`, all else as it is."""

    name: Literal["soh", "life_years", "price_per_kwh", "recycling"]
    now: float
    then: float


class Decision(msgspec.Struct, frozen=True):
    """
    What follows from what is known.

    `best` is what would be done on what is known now; `rival` the way that comes next, by `ahead` behind it
    (less than nothing where wear alone bars it). `flip` is at most the chance that the best is another.
    `straddles` names the uses whose least state of health lies within the interval. `missing` says what is
    not known, by the names of `worth.worths_of` and the reasons of gates. `expected` are the years left by a
    law of ageing, nine of ten times between low and high, where nobody assessed them.
    """

    code: str
    day: date
    outcome: Outcome
    gates: tuple[Gate, ...] = ()
    options: tuple[Option, ...] = ()
    best: Way | None = None
    rival: Way | None = None
    ahead: Amount | None = None
    flip: float | None = None
    flip_most: float | None = None
    straddles: tuple[Use, ...] = ()
    missing: tuple[str, ...] = ()
    test: CapacityTest | None = None
    levers: tuple[Lever, ...] = ()
    currency: str = ""
    rows: tuple[Row, ...] = ()
    expected: Interval | None = None


_MONEY: Final = "test.cost"


def decide(facts: Facts, policy: Policy, rules: Iterable[Rule], day: date) -> Decision:
    """Return what should become of a battery, on a day, by a policy and the rules of a regime."""
    if facts.end is not None or not facts.is_retired:
        return Decision(facts.code, day, "ended" if facts.end is not None else "not_retired")
    weighing = _Weighing(facts, policy.at(day), tuple(rules), day)
    return weighing.decision()


class _Weighing:
    """One decision on its way: what is known, what each way may be and is worth."""

    def __init__(self, facts: Facts, table: Table, rules: tuple[Rule, ...], day: date) -> None:
        self.facts, self.table, self.day = facts, table, day
        self.gates = gates_of(facts, table, rules, day)
        leasts = {use: table.normal(f"{use}.soh_least") for use in USES}
        self.least = {use: one.mean for use, one in leasts.items() if one is not None}
        flip_most, cost, width = (
            table.normal(name) for name in ("flip.most", "test.cost", "test.half_width")
        )
        self.flip_most = flip_most.mean if flip_most is not None else 0.0
        self.cost, self.width = cost, width
        self.expected = expected_life(facts, table) if facts.life is None else None
        if facts.life is not None:
            life: Normal | None = facts.life.normal
        else:
            life = None if self.expected is None else spread_of(self.expected)
        self.worths, self.missing = worths_of(facts, table, life)
        self.standings: dict[Way, Standing] = {
            **{use: self._standing(use) for use in USES},
            "recycle": "open",
        }

    def decision(self) -> Decision:
        """Return the decision."""
        held = tuple(gate.why for gate in self.gates if gate.all_uses and gate.result != "pass")
        if held:
            return self._result("undecided", missing=held)
        ways = [way for way in WAYS if self.standings[way] != "barred"]
        if ways == ["recycle"]:
            return self._result("recycle", best="recycle")
        if self.worths is not None:
            return self._weighed(self.worths, ways)
        if all(self.standings[way] == "worn" for way in ways if way != "recycle"):
            return self._result("recycle", best="recycle", flip=self._chance_of_worn())
        return self._result("undecided", missing=(*self._unsaid(), *self.missing))

    def _weighed(self, worths: Worths, ways: list[Way]) -> Decision:
        """Return what is worth most of several ways, or what has to be known first."""
        mean = worths.soh.mean
        able = [way for way in ways if way == "recycle" or mean >= self.least[way]]
        best = max(able, key=lambda way: worths.total(way).mean)
        others = [way for way in ways if way != best]
        rivals = {way: self._chance_instead(worths, way, best) for way in others}
        rival = max(others, key=lambda way: (way in able, rivals[way], worths.total(way).mean))
        flip = min(1.0, self._below(best) + sum(rivals.values()))
        doubted = [
            way
            for way in ways
            if self.standings[way] == "unknown" and (way == best or rivals[way] > self.flip_most)
        ]
        straddles = tuple(
            use
            for use in USES
            if use in ways
            and self._straddles(use)
            and (use == best or worths.chance(use, best) > self.flip_most)
        )
        outcome: Outcome = best
        if doubted:
            outcome = "undecided"
        elif (straddles or flip > self.flip_most) and self.facts.test != "capacity":
            outcome = "test"
        return self._result(
            outcome,
            best=best,
            rival=rival,
            ahead=_amount(worths.more(best, rival)),
            flip=flip,
            straddles=straddles,
            missing=self._unsaid(doubted) if doubted else (),
            test=self._test(worths, best, others),
            levers=self._levers(worths, best, rival),
        )

    def _standing(self, use: Use) -> Standing:
        results = {gate.result for gate in self.gates if use in gate.uses}
        if "fail" in results:
            return "barred"
        soh, least = self.facts.soh, self.least.get(use)
        if least is None:
            return "unknown"
        if soh is not None and soh.high < least:
            return "worn"
        return "unknown" if "unknown" in results else "open"

    def _unsaid(self, ways: Iterable[Way] = USES) -> tuple[str, ...]:
        """Return the reasons of the gates that do not say, for uses that nothing else bars."""
        asked = [way for way in ways if self.standings[way] == "unknown"]
        return tuple(
            gate.why
            for gate in self.gates
            if gate.result == "unknown" and not set(asked).isdisjoint(gate.uses)
        )

    def _below(self, way: Way) -> float:
        """Return the chance that the state of health is below what a way needs."""
        if way == "recycle" or self.facts.soh is None:
            return 0.0
        return self.facts.soh.normal.below(self.least[way])

    def _chance_instead(self, worths: Worths, way: Way, best: Way) -> float:
        """Return at most the chance that a way is worth more than the best one, and is not barred by wear."""
        return min(1 - self._below(way), worths.chance(way, best))

    def _chance_of_worn(self) -> float:
        """Return the chance that a use which wear alone bars is not barred."""
        return max(1 - self._below(use) for use in USES if self.standings[use] == "worn")

    def _straddles(self, use: Use) -> bool:
        soh = self.facts.soh
        return soh is not None and soh.low < self.least[use] <= soh.high

    def _test(self, worths: Worths, best: Way, others: list[Way]) -> CapacityTest | None:
        """Return what a test is worth before the choice between the best way and any other, at most."""
        if self.facts.test == "capacity" or self.cost is None or self.width is None:
            return None
        error = within(-self.width.mean, self.width.mean)
        worth = max(
            value_of_knowing(worths, use, other, self.least[use], error, chosen=use == best)
            for use, other in (_pair(best, one) for one in others)
        )
        return CapacityTest(self.cost.mean, worth, self.width.mean)

    def _levers(self, worths: Worths, best: Way, rival: Way) -> tuple[Lever, ...]:
        """Return at what values of single things the best and its rival are worth the same."""
        use, other = _pair(best, rival)
        more, soh = worths.more(use, other).mean, worths.soh.mean
        sale = worths.sale(use).mean - worths.sale(other).mean
        factor = (sale - more) / sale if sale > 0 else 0.0
        found: list[Lever] = []
        if factor > 0 and (even := max(soh * factor, self.least[use])) <= 1:
            found.append(Lever("soh", soh, even))
        if soh < self.least[use]:
            return tuple(found)
        if factor > 0:
            price = worths.price.mean / (self.facts.energy_kwh or 1)
            found.append(Lever("life_years", worths.life.mean, worths.life.mean * factor))
            found.append(Lever("price_per_kwh", price, price * factor))
        if other == "recycle" and worths.delay > 0:
            now = worths.recycling.mean
            found.append(Lever("recycling", now, now + more / worths.delay))
        return tuple(found)

    def _result(self, outcome: Outcome, **more: object) -> Decision:
        row = self.table.row(_MONEY)
        return Decision(
            self.facts.code,
            self.day,
            outcome,
            self.gates,
            tuple(map(self._option, WAYS)),
            flip_most=self.flip_most,
            currency=row.unit[:3] if row is not None else "",
            rows=tuple(self.table.used.values()),
            expected=self.expected,
            **more,  # type: ignore[arg-type]
        )

    def _option(self, way: Way) -> Option:
        worths, standing = self.worths, self.standings[way]
        least = None if way == "recycle" else self.least.get(way)
        below = self._below(way) if least is not None and self.facts.soh is not None else None
        if worths is None:
            return Option(way, standing, least, below)
        if way == "recycle":
            return Option(way, standing, worth=_amount(worths.recycling))
        return Option(
            way,
            standing,
            least,
            below,
            _amount(worths.total(way)),
            worths.sale(way).mean,
            worths.costs[way].mean,
            worths.recycling.mean * (1 - worths.delay),
        )


def _pair(best: Way, rival: Way) -> tuple[Use, Way]:
    """Return two ways with that first which needs more of a battery: it is always a use."""
    first, second = sorted((best, rival), key=WAYS.index)
    return cast("Use", first), second


def _amount(number: Normal) -> Amount:
    return Amount(number.mean, number.low, number.high)
