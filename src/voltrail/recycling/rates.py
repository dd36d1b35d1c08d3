"""
Rates of recovery, and whether they reach the targets of the date.

Each is a sum over a sum. The stage boundary says which events enter and leave: *separation* is from batteries
to powders and metals (dismantled, recycled; lot_processed that discharges, shreds or pyrolyses), *refining*
from powders to products (smelt, leach, precipitate, refine, repair), *whole* is one after the other. Runs
that share a batch are of the earliest stage of any of them. What does not say what came out is in none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, Literal

import msgspec
import numpy as np

from voltrail.recycling.contents import METALS
from voltrail.recycling.flows import REFINING, SEPARATION, Flows
from voltrail.recycling.net import ADDED, CARRIED, FED, LOST, PRODUCT, ROLES, UNFINISHED, Net
from voltrail.recycling.sources import BASES, COLUMN, COLUMNS, FORMULA, MASS, POWDER, Bools, Floats, Ints
from voltrail.recycling.spread import sums, variances
from voltrail.recycling.targets import Metric, Stage, Target, targets_at

Verdict = Literal["met", "missed", "too_close", "open", "impossible"]

_LACKING: Final = 0.005  # the share of a feed that may be of unknown content before a rate is open

BOUNDARIES: Final[Mapping[Stage, str]] = {
    "separation": (
        "In: batteries of dismantled and recycled, and lots that were not made in the stage. "
        "Out: lots of the stage that it did not use again. "
        "Left out: parts and cells that go on as such."
    ),
    "refining": (
        "In: lots that smelt, leach, precipitate, refine and repair took and did not make, and reagents with "
        "an assay. Out: lots of the stage that it did not use again. "
        "Left out: solutions and powders that wait for a further step. Where salts are won from batteries "
        "in one batch, refining is at least as good as both stages together."
    ),
    "whole": (
        "From batteries to products, one stage after the other: what separation carries on as powder is "
        "taken at the rate of refining."
    ),
}
FORMULAS: Final[Mapping[tuple[Metric, Stage], str]] = {
    ("recovery", "separation"): "products / (fed + added − unfinished)",
    ("recovery", "refining"): "products / (fed + added − unfinished)",
    ("recovery", "whole"): (
        "(products of separation + carried × products of refining / fed to refining) / fed to separation"
    ),
    ("efficiency", "whole"): (
        "(mass of products of separation + mass carried × elements in products of refining / mass fed to "
        "refining) / mass of batteries"
    ),
    ("powder_recovery", "separation"): (
        "(dry mass of powders − their Cu and Al) / (LiMO2, LiFePO4 and graphite in the batteries, from their "
        "Ni, Co, Mn, P and C)"
    ),
    ("powder_impurity", "separation"): "element in powders / dry mass of powders",
}


class Number(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    One number behind a rate: of a lot, a model or a stream, as what it counts, in kg, and on what it rests.

    `index` is the entry that says it: the lot's own, the model's, or a run's. `units` is how much of the
    source: kg of dry matter, or batteries of a model.
    """

    stage: Stage
    role: str
    index: int | None
    lot: str | None = None
    model: str | None = None
    units: float
    kg: float
    uncertainty_kg: float
    basis: str


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """
    A rate before a target: `reaches` by its value alone; the verdict with its uncertainty.

    `counts` is False for what is not confirmed, which is only shown.
    """

    target: Target
    reaches: bool | None
    verdict: Verdict
    counts: bool


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """
    A rate as a fraction, with its standard uncertainty.

    Where part of the way lies outside what is looked at, `value` is None and the rate is between `low` and
    `high`. `estimated_fraction` is the share of its numbers that nobody measured; `unknown_kg` the mass fed
    whose content is neither measured nor estimated, because of which it stays open.
    """

    metric: Metric
    element: str | None
    stage: Stage
    value: float | None
    low: float
    high: float
    uncertainty: float
    formula: str
    boundary: str
    estimated_fraction: float
    unknown_kg: float
    targets: tuple[Judged, ...]
    numbers: tuple[Number, ...] = ()


class _Stage:
    """The sums of one stage by cell and role, and their net rows."""

    def __init__(self, flows: Flows, chosen: Bools, cells: Ints, count: int, stage: int) -> None:
        of = np.array([one.stage == stage and one.is_measured for one in flows.batches], np.bool_)
        self.net = net = Net(flows, chosen & of, cells, count, passes_on=stage == SEPARATION)
        content = net.content
        by_role: list[Floats] = [content * (net.role == role)[:, None] for role in range(len(ROLES))]
        self.fed = -sums(net.cell, by_role[FED] + by_role[ADDED], count)
        self.products = sums(net.cell, by_role[PRODUCT], count)
        self.carried = sums(net.cell, by_role[CARRIED], count)
        self.unfinished = sums(net.cell, by_role[UNFINISHED], count)
        self.base: Floats = np.maximum(self.fed - self.unfinished, 0.0)  # what could have become products
        counted = np.isin(net.role, (FED, CARRIED, UNFINISHED))
        self.unknown = sums(net.cell, net.unknown_kg * counted[:, None], count)
        counts = np.isin(net.role, (FED, ADDED, PRODUCT, CARRIED))
        used = np.where(counts[:, None], np.abs(content), 0.0)
        self.used = sums(net.cell, used, count)
        self.estimated = sums(net.cell, used * (net.basis >= FORMULA), count)

    def weights(self, **by_role: Floats) -> Floats:
        """Return for each net row and column its units times the factor of its role and cell."""
        net = self.net
        found: Floats = np.zeros((len(net.units), COLUMNS))
        for name, factor in by_role.items():
            ours = net.role == ROLES.index(name)
            found[ours] += net.units[ours, None] * factor[net.cell[ours]]
        return found


class Rates:
    """The rates of many cells at once, as arrays; `of` gives those of one."""

    def __init__(self, flows: Flows, chosen: Bools, cells: Ints, count: int) -> None:
        self.flows, self.count = flows, count
        self.first = _Stage(flows, chosen, cells, count, SEPARATION)
        self.second = _Stage(flows, chosen, cells, count, REFINING)
        one = np.ones((count, COLUMNS))
        self.separation = _over(self.first.products, self.first.base)
        self.refining = _over(self.second.products, self.second.base)
        self._u_separation = self._of_one(self.first, self.separation, one)
        self._u_refining = self._of_one(self.second, self.refining, one)
        self.whole = _over(
            self.first.products + self.first.carried * np.nan_to_num(self.refining), self.first.base
        )
        self._u_whole = self._of_both(one)
        self.powder = _over(self.first.carried, self.first.base)
        rate = np.nan_to_num(self.powder)
        self._u_powder = self._doubt(
            self.first, self.first.weights(carried=one, fed=rate, unfinished=rate), self.first.base
        )
        dry = np.repeat(self.first.carried[:, [MASS]], COLUMNS, axis=1)
        self.impurity = _over(self.first.carried, dry)
        self._u_impurity = self._doubt(self.first, self.first.weights(carried=one), dry)

    def _doubt(self, stage: _Stage, weights: Floats, base: Floats) -> Floats:
        found = np.sqrt(variances(self.flows, stage.net.cell, stage.net.row, weights, self.count))
        return np.nan_to_num(_over(found, base))

    def _of_one(self, stage: _Stage, rate: Floats, one: Floats) -> Floats:
        """Return the uncertainty of products / base: that of (products − rate × base) / base."""
        base, rate = stage.base, np.nan_to_num(rate)
        weights = stage.weights(product=one, fed=rate, added=rate, unfinished=rate)  # what is fed counts down
        return self._doubt(stage, weights, base)

    def _of_both(self, one: Floats) -> Floats:
        whole, second = np.nan_to_num(self.whole), np.nan_to_num(self.refining)
        weights = self.first.weights(product=one, carried=second, fed=whole, added=whole, unfinished=whole)
        share = np.nan_to_num(_over(self.first.carried, self.second.base))
        then = self.second.weights(
            product=share, fed=share * second, added=share * second, unfinished=share * second
        )
        found = variances(
            self.flows,
            np.concatenate((self.first.net.cell, self.second.net.cell)),
            np.concatenate((self.first.net.row, self.second.net.row)),
            np.concatenate((weights, then)),
            self.count,
        )
        return np.nan_to_num(_over(np.sqrt(found), self.first.base))

    # -------------------------------------------------------------- of one

    def of(self, cell: int, day: date) -> tuple[Rate, ...]:
        """Return the rates of a cell, held against the targets of a day."""
        standing = targets_at(day)
        found = list(self._efficiency(cell, standing))
        for element in METALS:
            found += self._whole("recovery", element, cell, COLUMN[element], standing)
        for element in ("Cu", "Al"):
            found += self._stage("separation", element, cell, standing)
        found += self._powder(cell, standing)
        for element in ("Li", "Ni", "Co", "Mn"):
            found += self._stage("refining", element, cell, standing)
        return tuple(found)

    def _stage(self, stage: Stage, element: str, cell: int, standing: tuple[Target, ...]) -> Iterator[Rate]:
        ours, rates, doubts = (
            (self.first, self.separation, self._u_separation)
            if stage == "separation"
            else (self.second, self.refining, self._u_refining)
        )
        column = COLUMN[element]
        value = float(rates[cell, column])
        bounds: tuple[float | None, float, float] = value, value, value
        if np.isnan(value):
            low = float(self.separation[cell, column])
            if stage == "separation" or not low > 0 or self.first.carried[cell, column] > 0:
                return
            ours, doubts, bounds = self.first, self._u_separation, (None, low, max(low, 1.0))
        yield self._rate(
            "recovery",
            element,
            stage,
            bounds,
            float(doubts[cell, column]),
            (ours,),
            cell,
            column,
            standing,
        )

    def _efficiency(self, cell: int, standing: tuple[Target, ...]) -> Iterator[Rate]:
        if self.first.base[cell, MASS] > 0:
            yield from self._whole("efficiency", None, cell, MASS, standing)

    def _whole(
        self, metric: Metric, element: str | None, cell: int, column: int, standing: tuple[Target, ...]
    ) -> Iterator[Rate]:
        base, second = self.first.base[cell, column], float(self.refining[cell, column])
        bounds: tuple[float | None, float, float]
        if base > 0:
            won = self.first.products[cell, column] / base
            waits = self.first.carried[cell, column] / base
            if np.isnan(second) and waits > _LACKING:
                bounds = None, float(won), float(won + waits)
            else:
                whole = float(self.whole[cell, column])
                bounds = whole, whole, whole
            doubt = float(self._u_whole[cell, column])
        elif second > 0:
            bounds, doubt = (None, 0.0, second), float(self._u_refining[cell, column])
        else:
            return
        yield self._rate(
            metric, element, "whole", bounds, doubt, (self.first, self.second), cell, column, standing
        )

    def _powder(self, cell: int, standing: tuple[Target, ...]) -> Iterator[Rate]:
        first, powder = self.first, float(self.powder[cell, POWDER])
        if powder > 0:
            doubt = float(self._u_powder[cell, POWDER])
            yield self._rate(
                "powder_recovery", None, "separation", (powder,) * 3, doubt, (first,), cell, POWDER, standing
            )
        for element in ("Al", "Cu"):
            column = COLUMN[element]
            value, doubt = float(self.impurity[cell, column]), float(self._u_impurity[cell, column])
            if value > 0:
                yield self._rate(
                    "powder_impurity",
                    element,
                    "separation",
                    (value,) * 3,
                    doubt,
                    (first,),
                    cell,
                    column,
                    standing,
                )

    def _rate(
        self,
        metric: Metric,
        element: str | None,
        stage: Stage,
        bounds: tuple[float | None, float, float],
        doubt: float,
        stages: tuple[_Stage, ...],
        cell: int,
        column: int,
        standing: tuple[Target, ...],
    ) -> Rate:
        value, low, high = bounds
        used = sum(float(one.used[cell, column]) for one in stages)
        estimated = sum(float(one.estimated[cell, column]) for one in stages)
        unknown = sum(float(one.unknown[cell, column]) for one in stages)
        feed = max(sum(float(one.fed[cell, MASS]) for one in stages), 1e-9)
        is_open = unknown > _LACKING * feed
        coverage = self.flows.policy.coverage
        return Rate(
            metric=metric,
            element=element,
            stage=stage,
            value=value,
            low=low,
            high=high,
            uncertainty=doubt,
            formula=FORMULAS[metric, stage],
            boundary=BOUNDARIES[stage],
            estimated_fraction=estimated / used if used else 0.0,
            unknown_kg=unknown,
            targets=tuple(
                judged(one, value, low, high, coverage * doubt, is_open=is_open)
                for one in standing
                if (one.metric, one.element, one.stage) == (metric, element, stage)
            ),
            numbers=tuple(
                number
                for ours in stages
                for number in self._numbers(
                    ours, cell, column, (CARRIED,) if metric == "powder_impurity" else tuple(range(6))
                )
            ),
        )

    def _numbers(self, stage: _Stage, cell: int, column: int, roles: tuple[int, ...]) -> Iterator[Number]:
        """Yield what a rate of a stage was reckoned from."""
        net, sources, flows = stage.net, self.flows.sources, self.flows
        name: Stage = "separation" if stage is self.first else "refining"
        rows = net.rows_of(cell)
        source, role = net.row[rows], net.role[rows]
        contents = sources.content[source, column]
        shown = (contents != 0) & np.isin(role, roles) & ((role != LOST) | (column < MASS))
        for place in np.flatnonzero(shown).tolist():
            row, content = int(source[place]), float(contents[place])
            units = float(net.units[rows.start + place])
            lot, model = flows.name_of(row)
            yield Number(
                stage=name,
                role=ROLES[role[place]],
                index=net.entry_of(rows.start + place),
                lot=lot,
                model=model,
                units=abs(units),
                kg=abs(units * content),
                uncertainty_kg=abs(units) * float(sources.uncertainty[row, column]),
                basis=BASES[sources.basis[row, column]],
            )


def judged(
    target: Target, value: float | None, low: float, high: float, margin: float, *, is_open: bool
) -> Judged:
    """Return a rate, between `low` and `high` give or take a margin, before a target."""
    aim = target.value / 100
    if target.operator == "<":
        reaches = None if value is None else value < aim
        sure, lost = high + margin < aim, low - margin >= aim
    else:
        reaches = None if value is None else value >= aim
        sure, lost = low - margin >= aim, high + margin < aim
    verdict: Verdict
    if is_open:
        verdict = "open"
    elif target.metric == "recovery" and low - margin > 1:
        verdict = "impossible"  # more than came in, so it shows nothing
    elif sure or lost:
        verdict = "met" if sure else "missed"
    else:
        verdict = "open" if value is None else "too_close"
    return Judged(target=target, reaches=reaches, verdict=verdict, counts=target.counts)


def _over(top: Floats, bottom: Floats) -> Floats:
    """Return a quotient, and NaN where there is nothing below."""
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 1e-9)
