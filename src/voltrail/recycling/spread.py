"""
How uncertain a sum over sources is.

A sum's variance is, by the law of propagation, that of each source taken with its weight: independent
errors add in quadrature, those that are one error add as they are. So an assay that enters on both sides
cancels, and a declared composition that is wrong is wrong in every pack of its model.
"""

from __future__ import annotations

import numpy as np

from voltrail.recycling.flows import Flows
from voltrail.recycling.sources import FORMULA, Floats, Ints


def variances(
    flows: Flows, cells: Ints, rows: Ints, weights: Floats, count: int, doubts: Floats | None = None
) -> Floats:
    """
    Return the variance of Σ weight × content for each cell and column, as `count` × columns.

    Row i of `weights` (by column, or one for all) belongs to the cell `cells[i]` and the source `rows[i]`.
    `doubts` stand in place of the sources' own uncertainties.
    """
    sources = flows.sources
    columns = sources.content.shape[1]
    found: Floats = np.zeros((count, columns))
    if not len(rows):
        return found
    if weights.ndim == 1:
        weights = weights[:, None]
    # What is of one source goes together first: there it may cancel.
    total = len(sources.kin)
    keys, place = np.unique(cells * total + rows, return_inverse=True)
    summed: Floats = np.zeros((len(keys), weights.shape[1]))
    for column in range(weights.shape[1]):
        summed[:, column] = np.bincount(place, weights[:, column], len(keys))
    cell, row = np.divmod(keys, total)
    doubt = summed * (sources.uncertainty if doubts is None else doubts)[row]
    estimated = sources.basis[row] >= FORMULA
    common = np.where(estimated, 1.0, sources.common[row][:, None])
    alone = doubt**2 * (1 - common)
    weighing = flows.policy.weighing_relative * sources.is_weighed[row]
    alone += (summed * sources.content[row] * weighing[:, None]) ** 2
    _add(found, cell, alone)
    # A maker's laboratory and a model's declaration are wrong in the same direction.
    shared = np.where(estimated, 0.0, doubt * np.sqrt(common))
    kind = np.where(row < flows.first_model, sources.kin[row], row + total)
    groups, place = np.unique(cell * (2 * total + 1) + kind, return_inverse=True)
    sums: Floats = np.zeros((len(groups), columns))
    _add(sums, place, shared)
    _add(found, groups // (2 * total + 1), sums**2)
    # Estimates are wrong together by what they were taken from.
    at, of = np.nonzero(estimated & (doubt != 0))
    if len(at):
        basis = sources.basis[row[at], of].astype(np.int64)
        kin = np.where(basis == FORMULA, sources.substance[row[at]], sources.kin[row[at]])
        key = ((cell[at] * 16 + basis) * total + kin) * columns + of
        groups, place = np.unique(key, return_inverse=True)
        sums_of = np.bincount(place, doubt[at, of], len(groups))
        target = groups // columns // total // 16 * columns + groups % columns
        found += np.bincount(target, sums_of**2, count * columns).reshape(count, columns)
    return found


def sums(cells: Ints, values: Floats, count: int) -> Floats:
    """Return the sums of the rows of values by cell."""
    found: Floats = np.zeros((count, values.shape[1]))
    _add(found, cells, values)
    return found


def _add(found: Floats, cells: Ints, values: Floats) -> None:
    for column in range(values.shape[1]):
        found[:, column] += np.bincount(cells, values[:, column], len(found))
