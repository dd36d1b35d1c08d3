"""
Who says that more metal came out than came in, and that it is no chance.

For each site over the period, for each of its stages and for each batch: what came out by the plant's own
assays, less what went in, against the uncertainty of the difference. All tests of one reckoning are one
family: the chance that any honest plant is named is `policy.family_chance`, half of it for sites, half for
batches (Bonferroni). What nobody knows counts for the plant: a kilogram of unknown content may be all of
that metal; and what is only estimated to have come out, it never claimed.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Final, Literal

import msgspec
import numpy as np

from voltrail.recycling.contents import METALS
from voltrail.recycling.flows import REFINING, SEPARATION, Flows
from voltrail.recycling.net import FED, Net
from voltrail.recycling.sources import ASSAY, BY_FEED, COLUMN, Bools, Floats, Ints
from voltrail.recycling.spread import sums, variances

Scope = Literal["site", "separation", "refining", "batch"]

_COLUMNS: Final = [COLUMN[one] for one in METALS]
_LEAST_KG: Final = 1e-6  # a milligram: what sums of doubles may be off


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """
    That a site says more of an element came out than went in: of all it did, of a stage of it, or of a batch.

    `excess_kg` is out − in − what may have been in matter of unknown content. It is `sigmas` standard
    uncertainties; `threshold_sigmas` is what chance does not reach in any of the tests. `entries` are the
    first of the events that this rests on.
    """

    organisation: str
    site: str
    scope: Scope
    batch: str | None = None
    element: str
    in_kg: float
    out_kg: float
    unknown_kg: float
    excess_kg: float
    uncertainty_kg: float
    sigmas: float
    threshold_sigmas: float
    entries: tuple[int, ...]

    @property
    def message(self) -> str:
        """Return it in words."""
        where = {
            "site": "In all that it did",
            "separation": "In separation",
            "refining": "In refining",
            "batch": f"In batch {self.batch}",
        }[self.scope]
        unknown = f" and {self.unknown_kg:,.3f} kg of unknown content" if self.unknown_kg else ""
        return (
            f"{where} {self.out_kg:,.3f} kg of {self.element} came out of {self.in_kg:,.3f} kg{unknown}: "
            f"{self.excess_kg:,.3f} kg more, ± {self.uncertainty_kg:,.3f} kg. That is {self.sigmas:.1f} "
            f"standard uncertainties, and chance gives less than {self.threshold_sigmas:.1f}."
        )


class Excess:
    """
    Out − in by cell and metal, as arrays: what was claimed, what went in, what is unknown, the uncertainty.
    """

    def __init__(self, net: Net, count: int) -> None:
        flows, content = net.flows, net.content
        counted = net.is_claimed & ((net.units > 0)[:, None] | (net.basis < BY_FEED))
        self.net = net
        into = net.comes_in[:, None]
        self.into = -sums(net.cell, content * (counted & into), count)[:, _COLUMNS]
        self.out = sums(net.cell, content * counted * ~into, count)[:, _COLUMNS]
        fed = (net.role == FED)[:, None]
        self.unknown = sums(net.cell, net.doubtful_kg * fed, count)[:, _COLUMNS]
        weights = net.units[:, None] * counted
        self.doubt = np.sqrt(variances(flows, net.cell, net.row, weights, count, believed(flows)))[
            :, _COLUMNS
        ]

    @property
    def excess(self) -> Floats:
        """Return what came out and is neither known nor possible to have gone in."""
        return self.out - self.into - self.unknown

    @property
    def tests(self) -> int:
        """Return in how many cells and metals something was claimed."""
        return int((self.out > _LEAST_KG).sum())

    def sigmas(self) -> Floats:
        """Return the excess in standard uncertainties; 0 where there is none worth a milligram."""
        excess = np.where(self.excess > _LEAST_KG, self.excess, 0.0)
        return excess / np.maximum(self.doubt, _LEAST_KG)

    def shortfall(self, count: int) -> Floats:
        """Return what went in and is neither known nor possible to be in what came out, by cell and metal."""
        net = self.net
        leaving = ~net.comes_in[:, None]
        out = sums(net.cell, net.content * leaving, count)[:, _COLUMNS]
        unknown = sums(net.cell, net.unknown_kg * leaving, count)[:, _COLUMNS]
        return self.into - out - unknown


def believed(flows: Flows) -> Floats:
    """Return the uncertainties of the sources, of assays as far as a suspected plant is believed."""
    sources, policy = flows.sources, flows.policy
    most = np.maximum(sources.content * policy.assay_most_relative, policy.assay_most_fraction)
    return np.where(sources.basis == ASSAY, np.minimum(sources.uncertainty, most), sources.uncertainty)


def threshold(policy_chance: float, tests: int) -> float:
    """Return how many standard uncertainties chance reaches in one of so many tests this seldom."""
    return NormalDist().inv_cdf(1 - policy_chance / max(tests, 1))


def claims(
    flows: Flows, chosen: Bools, sites: Ints, names: list[tuple[str, str]], by_batch: Excess
) -> list[Claim]:
    """
    Return every claim, the surest first; `sites` gives each batch its place in `names`.

    `by_batch` is the excess of the same batches, each by itself.
    """
    found = []
    scopes: list[tuple[Scope, Excess]] = [
        ("site", Excess(Net(flows, chosen, sites, len(names), passes_on=True), len(names)))
    ]
    for scope, stage in (("separation", SEPARATION), ("refining", REFINING)):
        of = np.array([one.stage == stage for one in flows.batches], np.bool_) & chosen
        scopes.append((scope, Excess(Net(flows, of, sites, len(names), passes_on=True), len(names))))  # type: ignore[arg-type]
    chance = flows.policy.family_chance / 2
    limit = threshold(chance, sum(excess.tests for _, excess in scopes))
    for scope, excess in scopes:
        found += [_claim(excess, scope, at, limit, names[at[0]]) for at in _beyond(excess, limit)]
    limit = threshold(chance, by_batch.tests)
    for at in _beyond(by_batch, limit):
        batch = flows.batches[at[0]]
        found.append(_claim(by_batch, "batch", at, limit, (batch.reporter, batch.site), batch.name))
    return sorted(found, key=lambda one: (-one.sigmas, one.site, one.scope, one.batch or "", one.element))


def _beyond(excess: Excess, limit: float) -> list[tuple[int, int]]:
    return [(cell, column) for cell, column in np.argwhere(excess.sigmas() > limit).tolist()]


def _claim(
    excess: Excess,
    scope: Scope,
    at: tuple[int, int],
    limit: float,
    whose: tuple[str, str],
    batch: str | None = None,
) -> Claim:
    cell, column = at
    net, rows = excess.net, excess.net.rows_of(cell)
    content = np.abs(net.content[rows, _COLUMNS[column]])
    largest = np.argsort(-content, kind="stable")[:10]
    said = (net.entry_of(rows.start + place) for place in largest.tolist() if content[place])
    entries = {entry for entry in said if entry is not None}
    return Claim(
        organisation=whose[0],
        site=whose[1],
        scope=scope,
        batch=batch,
        element=METALS[column],
        in_kg=float(excess.into[at]),
        out_kg=float(excess.out[at]),
        unknown_kg=float(excess.unknown[at]),
        excess_kg=float(excess.excess[at]),
        uncertainty_kg=float(excess.doubt[at]),
        sigmas=float(excess.sigmas()[at]),
        threshold_sigmas=limit,
        entries=tuple(sorted(entries)),
    )
