"""
What the ways on are worth, each with its uncertainty, and how sure it is that one is worth more.

    sale       = health x remaining life / life of a new one x energy x price of a new kWh x share of it
    used again = sale - making ready + recycling later
    recycling  = sum of kg of each metal x recovered share x price - kg x cost of the process

What is recycled later is worth (1 + rate) ^ -life of what recycling is worth now. All factors are taken as
knowing nothing of each other, and differences as normal: their means and standard deviations are exact.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import msgspec

from voltrail.health.facts import Facts
from voltrail.health.gates import USES, Use
from voltrail.health.normal import Normal, add, cdf, multiply, pdf
from voltrail.health.policy import Table

Way = Literal["reuse", "repurpose", "recycle"]
WAYS: Final[tuple[Way, ...]] = (*USES, "recycle")
NOTHING: Final = Normal(0.0)


class Worths(msgspec.Struct, frozen=True):
    """
    What everything about a battery is worth, in the currency of the policy.

    `price` is that of a whole new battery with this energy; `delay` the share of its worth that recycling
    loses by coming later.
    """

    soh: Normal
    life: Normal
    life_new: float
    price: Normal
    fractions: dict[str, Normal]
    costs: dict[str, Normal]
    recycling: Normal
    delay: float

    def sale(self, way: Way) -> Normal:
        """Return what a battery is sold for; recycling sells nothing."""
        return self.sale_at(self.fractions[way]) if way != "recycle" else NOTHING

    def total(self, way: Way) -> Normal:
        """Return what one way is worth in all."""
        if way == "recycle":
            return self.recycling
        return add(self.sale(way), self.costs[way].times(-1), self.recycling.times(1 - self.delay))

    def more(self, way: Way, other: Way) -> Normal:
        """Return by how much one way is worth more than another; what both share is not counted twice."""
        if way == "recycle":
            return self.more(other, way).times(-1)
        if other == "recycle":
            return add(self.sale(way), self.costs[way].times(-1), self.recycling.times(-self.delay))
        between = add(self.fractions[way], self.fractions[other].times(-1))
        return add(self.sale_at(between), self.costs[way].times(-1), self.costs[other])

    def chance(self, way: Way, other: Way) -> float:
        """Return the chance that one way is worth more than another."""
        return 1 - self.more(way, other).below(0.0)

    def sale_at(self, fraction: Normal) -> Normal:
        """Return what a battery is sold for at a share of the price of a new one."""
        return multiply(self.soh, self.life.times(1 / self.life_new), self.price, fraction)


def worths_of(facts: Facts, table: Table, life: Normal | None) -> tuple[Worths | None, tuple[str, ...]]:
    """
    Return what a battery's ways are worth with so much life left, or what is not known for it.

    What is not known is named where the record lacks it (`soh`, `soh_contradicted`, `life`, `energy`,
    `chemistry`, `composition`, `mass`), and by the name of a row where the policy does.
    """
    soh = "soh_contradicted" if facts.contradicted else "soh"
    lacking: list[str] = [
        name
        for name, known in ((soh, facts.soh), ("life", life), ("energy", facts.energy_kwh))
        if known is None
    ]
    recycling = _recycling(facts, table, lacking)
    if facts.chemistry is None:
        price = None
        lacking += ["chemistry"] if "chemistry" not in lacking else []
    else:
        price = table.normal(f"pack.{facts.chemistry}")
    fractions = {use: table.normal(f"{use}.value_fraction") for use in USES}
    costs = {use: table.normal(f"{use}.cost") for use in USES}
    new, rate = table.normal("life.new"), table.normal("discount.rate")
    lacking += table.lacking
    if (
        lacking
        or facts.soh is None
        or life is None
        or facts.energy_kwh is None
        or recycling is None
        or price is None
        or new is None
        or rate is None
    ):
        return None, tuple(dict.fromkeys(lacking))
    energy = facts.energy_kwh
    return (
        Worths(
            facts.soh.normal,
            life,
            max(new.mean, 1e-9),
            price.times(energy),
            {use: one for use, one in fractions.items() if one is not None},
            {use: one.times(energy) for use, one in costs.items() if one is not None},
            recycling,
            1 - (1 + rate.mean) ** -life.mean,
        ),
        (),
    )


def _recycling(facts: Facts, table: Table, lacking: list[str]) -> Normal | None:
    """Return what recycling now is worth; what is not known for it goes into `lacking`."""
    contents = _contents(facts, table)
    if contents is None:
        lacking.append("chemistry" if facts.chemistry is None else "composition")
    mass = _mass(facts, table)
    if mass is None:
        lacking.append("mass")
    cost = table.normal("recycling.cost")
    if contents is None or mass is None or cost is None:
        return None
    terms = [multiply(mass, cost).times(-1)]
    for element, kilograms in contents.items():
        recovery, price = table.normal(f"recovery.{element}"), table.normal(f"metal.{element}")
        if recovery is not None and price is not None:
            terms.append(multiply(kilograms, recovery, price))
    return add(*terms)


def _contents(facts: Facts, table: Table) -> dict[str, Normal] | None:
    """Return kg of each metal that has a price: as the model declares it, or else as its chemistry has it."""
    if facts.elements_kg is not None:
        return {
            element: Normal(mass)
            for element, mass in facts.elements_kg.items()
            if table.has(f"metal.{element}")
        }
    beginning = f"content.{facts.chemistry}."
    names = table.named(beginning) if facts.chemistry is not None else []
    if not names or facts.energy_kwh is None:
        return None
    rows = {name.removeprefix(beginning): table.normal(name) for name in names}
    return {
        element: per_kwh.times(facts.energy_kwh) for element, per_kwh in rows.items() if per_kwh is not None
    }


def _mass(facts: Facts, table: Table) -> Normal | None:
    if facts.mass_kg is not None:
        return Normal(facts.mass_kg)
    if (
        facts.chemistry is None
        or facts.energy_kwh is None
        or not table.has(name := f"mass.{facts.chemistry}")
    ):
        return None
    per_kwh = table.normal(name)
    return None if per_kwh is None else per_kwh.times(facts.energy_kwh)


def value_of_knowing(
    worths: Worths, use: Use, other: Way, least: float, test: Normal, *, chosen: bool
) -> float:
    """
    Return what it is worth to know the state of health better before choosing between a use and another way.

    `least` is the state of health below which the use is barred: whoever chose it without a test then loses
    the cost of making ready. `chosen` says whether the use is what would be chosen without the test. `test`
    is its error, so what it will say has the standard deviation sd² / √(sd² + test.sd²) around the mean: the
    value of sample information (Raiffa and Schlaifer 1961). Never below 0.
    """
    soh = worths.soh
    if soh.sd == 0 or soh.mean == 0:
        return 0.0
    sale = worths.sale(use).mean - worths.sale(other).mean
    slope = sale / soh.mean
    line = _Line(
        slope, worths.more(use, other).mean - sale, soh.mean, soh.sd**2 / math.hypot(soh.sd, test.sd)
    )
    if slope > 0:
        tested = line.mean_between(max(least, -line.offset / slope), math.inf)
    elif slope < 0:
        tested = line.mean_between(least, max(least, -line.offset / slope))
    else:
        tested = line.mean_between(least, math.inf) if line.offset > 0 else 0.0
    untested = 0.0
    if chosen:
        untested = line.mean_between(least, math.inf) - worths.costs[use].mean * line.chance_below(least)
    return max(tested - untested, 0.0)


class _Line(msgspec.Struct, frozen=True):
    """What is a line over a normal number: slope, offset, and the number's mean and standard deviation."""

    slope: float
    offset: float
    mean: float
    sd: float

    def chance_below(self, limit: float) -> float:
        """Return the chance that the number is below a limit."""
        return cdf((limit - self.mean) / self.sd)

    def mean_between(self, low: float, high: float) -> float:
        """Return the mean of the line where the number lies between two limits, and nothing elsewhere."""
        a, b = (low - self.mean) / self.sd, (high - self.mean) / self.sd
        at_mean = self.offset + self.slope * self.mean
        return at_mean * (cdf(b) - cdf(a)) + self.slope * self.sd * (pdf(a) - pdf(b))
