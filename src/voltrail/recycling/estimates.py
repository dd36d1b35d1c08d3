"""
What is in lots and batteries of which nobody said it: estimates, and marked as such.

A battery of no known model is taken for the mean of those that its recycler took apart. What was not assayed
in a product is taken for the mean of lots like it, or by its formula; in a powder, for what its batteries
held less what is in the other lots of the batch, or for the mean. No two residues or solutions are alike: of
those it stays unknown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voltrail.recycling.contents import CHEMISTRY, ELEMENTS, SALTS, SORTS, by_formula
from voltrail.recycling.flows import ADDITION, BATTERY, LOT, Flows
from voltrail.recycling.sources import (
    ASSAY,
    BY_FEED,
    COLUMN,
    FORMULA,
    LIKE_BATTERIES,
    LIKE_LOTS,
    MASS,
    NOT_NAMED,
    NOTHING,
    POWDER,
    UNKNOWN,
    Floats,
    Ints,
)


def estimate(flows: Flows) -> None:
    """Fill in what was neither measured nor declared, where it can be known from something else."""
    _like_batteries(flows)
    _not_named(flows)
    sorts = np.array([SORTS[lot.substance] for lot in flows.lots], dtype=object)
    products, powders = np.flatnonzero(sorts == "product"), np.flatnonzero(sorts == "powder")
    _like_lots(flows, products)
    _by_formula(flows)
    _by_feed(flows, sorts == "powder")
    _like_lots(flows, powders)
    _add_masses(flows)


def _add_masses(flows: Flows) -> None:
    """Say what of a mass counts as won, and how much electrode powder is in what is not all powder."""
    sources, count = flows.sources, len(flows.lots)
    substances = np.array([lot.substance for lot in flows.lots], dtype=object)
    # Of salts only the elements came of batteries.
    salts = np.flatnonzero(np.isin(substances, list(SALTS)))
    elements = [COLUMN[one] for one in ELEMENTS if one not in {"C", "Na", "F"}]
    sources.content[salts, MASS] = sources.content[salts][:, elements].sum(axis=1)
    sources.uncertainty[salts, MASS] = np.sqrt((sources.uncertainty[salts][:, elements] ** 2).sum(axis=1))
    # A powder is what it is but for copper and aluminium.
    sources.basis[:count, POWDER] = NOTHING
    powders = np.flatnonzero(np.isin(substances, ["black_mass", "cathode_powder", "anode_powder"]))
    metals = [COLUMN["Cu"], COLUMN["Al"]]
    basis = sources.basis[powders][:, metals]
    sources.content[powders, POWDER] = 1 - sources.content[powders][:, metals].sum(axis=1)
    sources.uncertainty[powders, POWDER] = np.sqrt((sources.uncertainty[powders][:, metals] ** 2).sum(axis=1))
    sources.basis[powders, POWDER] = np.where((basis == UNKNOWN).any(axis=1), UNKNOWN, basis.max(axis=1))
    sources.add_powder(np.flatnonzero(np.isin(substances, ["cells", "electrodes"])))


def _not_named(flows: Flows) -> None:
    """Take an assay that names one of what tells chemistries apart to name all of it that is there."""
    sources, columns = flows.sources, [COLUMN[one] for one in CHEMISTRY]
    named = (sources.basis[: len(flows.lots)][:, columns] == ASSAY).any(axis=1)
    for column in columns:
        bare = np.flatnonzero(named & (sources.basis[: len(flows.lots), column] == UNKNOWN))
        sources.basis[bare, column] = NOT_NAMED


def _by_formula(flows: Flows) -> None:
    sources = flows.sources
    substances = np.array([lot.substance for lot in flows.lots], dtype=object)
    for substance in set(substances):
        shares = by_formula(substance)
        if shares is None:
            continue
        ours = np.flatnonzero(substances == substance)
        for element, column in COLUMN.items():
            bare = ours[sources.basis[ours, column] == UNKNOWN]
            share = shares.get(element, 0.0)
            sources.content[bare, column] = share
            sources.uncertainty[bare, column] = share * flows.policy.formula_relative
            sources.basis[bare, column] = FORMULA if share else NOTHING


def _by_feed(flows: Flows, is_powder: npt.NDArray[Any]) -> None:
    """Take for what was not assayed in powders what went into their batch less what is in its other lots."""
    sources, batches = flows.sources, len(flows.batches)
    row, units, role = flows.item_source, flows.item_units, flows.item_role
    basis, content = sources.basis[row][:, :MASS], sources.content[row][:, :MASS] * units[:, None]
    powder = (role == LOT) & (units > 0)
    powder[powder] = is_powder[row[powder]]
    bare = powder[:, None] & (basis == UNKNOWN)
    into = ((role == BATTERY) | (role == ADDITION) | (role == LOT)) & (units < 0)
    fed, rest, dry, lacks = (np.zeros((batches, MASS)) for _ in range(4))
    np.add.at(fed, flows.item_batch, -content * into[:, None])
    np.add.at(rest, flows.item_batch, -content)
    np.add.at(dry, flows.item_batch, units[:, None] * bare)
    np.add.at(lacks, flows.item_batch, into[:, None] & (basis == UNKNOWN))
    has = np.zeros(batches, np.bool_)
    has[flows.item_batch[role == BATTERY]] = True
    known = has[:, None] & (lacks == 0) & (dry > 0)
    item, column = np.nonzero(bare & known[flows.item_batch])
    batch, lot = flows.item_batch[item], row[item]
    sources.content[lot, column] = np.maximum(rest[batch, column], 0.0) / dry[batch, column]
    sources.uncertainty[lot, column] = flows.policy.by_feed_relative * fed[batch, column] / dry[batch, column]
    sources.basis[lot, column] = BY_FEED


def _like_lots(flows: Flows, ours: Ints) -> None:
    """Take for what was not assayed in lots the mean, by dry mass, of their kin, who differ by as much."""
    sources, kinds = flows.sources, int(flows.sources.kin[: len(flows.lots)].max(initial=-1)) + 1
    dry = np.array([flows.lots[row].dry_mg for row in ours], np.float64).reshape(-1, 1)
    kin, basis = sources.kin[ours], sources.basis[ours][:, :MASS]
    known = basis == ASSAY
    weight: Floats = np.zeros((kinds, MASS))
    total: Floats = np.zeros((kinds, MASS))
    np.add.at(weight, kin, dry * known)
    np.add.at(total, kin, dry * sources.content[ours][:, :MASS] * known)
    mean = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    squares: Floats = np.zeros((kinds, MASS))
    np.add.at(squares, kin, dry * known * (sources.content[ours][:, :MASS] - mean[kin]) ** 2)
    spread = np.divide(squares, weight, out=np.zeros_like(total), where=weight > 0)
    place, column = np.nonzero((basis == UNKNOWN) & (weight > 0)[kin])
    row = ours[place]
    sources.content[row, column] = mean[kin[place], column]
    relative = flows.policy.like_lots_relative
    sources.uncertainty[row, column] = np.sqrt(
        (sources.content[row, column] * relative) ** 2 + spread[kin[place], column]
    )
    sources.basis[row, column] = LIKE_LOTS


def _like_batteries(flows: Flows) -> None:
    """Take for a battery of no known model the mean, by mass, of those that its recycler took apart."""
    sources = flows.sources
    count: Floats = np.zeros((len(flows.recyclers), len(flows.models)))
    for run in flows.material.runs:
        place = flows.recyclers.get(run.reporter)
        if place is None or not run.models:
            continue
        for model, number in run.models.items():
            if model in flows.model_place and flows.material.models[str(model)].mass_kg:
                count[place, flows.model_place[str(model)]] += number
    rows = slice(flows.first_model, flows.first_like)
    mass = count @ sources.unit_kg[rows]
    for place, row in enumerate(range(flows.first_like, flows.first_stream)):
        sources.kin[row] = place
        if not mass[place]:
            continue
        used = np.flatnonzero(count[place]) + flows.first_model
        known = (sources.basis[used] != UNKNOWN).all(axis=0)
        known[MASS:] = False
        mean = count[place] @ sources.content[rows] / mass[place]
        sources.content[row, known] = mean[known]
        sources.uncertainty[row, known] = mean[known] * flows.policy.like_batteries_relative
        sources.basis[row, known] = LIKE_BATTERIES
    sources.add_powder(np.arange(flows.first_model, flows.first_stream))
