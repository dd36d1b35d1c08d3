"""Our stock beside flodym's, an independent model of stocks, on the same cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flodym
import numpy as np
import pytest

from voltrail.outlook.stock import turnover
from voltrail.outlook.survival import (
    Bought,
    ages,
    ends,
    fixed,
    folded,
    lognormal,
    scale_of,
    untruncated,
    weibull,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

YEARS = 40
MEANS = np.linspace(6.5, 14, YEARS)  # longer from year to year


def theirs(model: Any, inflow: np.ndarray, bought: Bought, **parameters: Any) -> Any:
    time = flodym.Dimension(name="Time", letter="t", items=list(range(2011, 2011 + YEARS)), dtype=int)
    dims = flodym.DimensionSet(dim_list=[time])
    found = flodym.InflowDrivenDSM(
        dims=dims,
        inflow=flodym.StockArray(dims=dims, values=inflow),
        lifetime_model=model(dims=dims, inflow_at=bought, **parameters),
    )
    found.compute()
    return found


CASES: dict[str, tuple[str, dict[str, Any], Callable[[np.ndarray], np.ndarray]]] = {
    "fixed": ("FixedLifetime", {"mean": MEANS}, lambda age: fixed(age, MEANS[:, None])),
    "normal": (
        "NormalLifetime",
        {"mean": MEANS, "std": 4.0},
        lambda age: untruncated(age, MEANS[:, None], 4.0),
    ),
    "folded": (
        "FoldedNormalLifetime",
        {"mean": MEANS, "std": 4.0},
        lambda age: folded(age, MEANS[:, None], 4.0),
    ),
    "log-normal": (
        "LogNormalLifetime",
        {"mean": MEANS, "std": 4.0},
        lambda age: lognormal(age, MEANS[:, None], 4.0),
    ),
    "Weibull": (
        "WeibullLifetime",
        {"weibull_shape": 3.5, "weibull_scale": scale_of(MEANS, 3.5)},
        lambda age: weibull(age, 3.5, scale_of(MEANS, 3.5)[:, None]),
    ),
}


@pytest.mark.parametrize("bought", ["start", "middle", "end"])
@pytest.mark.parametrize("case", CASES)
def test_stock_and_what_leaves_are_those_of_flodym(case: str, bought: Bought) -> None:
    """Stock, outflow and outflow by cohort are equal, whenever in the year things are bought."""
    model, parameters, survive = CASES[case]
    inflow = np.random.default_rng(1).uniform(0, 1e6, YEARS)
    other = theirs(getattr(flodym, model), inflow, bought, **parameters)
    found = turnover(survive(ages(YEARS, bought)), np.ones((YEARS, YEARS)))
    by_cohort, there = np.zeros((YEARS, YEARS)), np.zeros(YEARS)
    for sale in range(YEARS):
        by_cohort[sale:, sale] = inflow[sale] * found.ended[sale, : YEARS - sale]
        there[sale:] += inflow[sale] * found.there[sale, : YEARS - sale]
    np.testing.assert_allclose(by_cohort, other.get_outflow_by_cohort(), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(by_cohort.sum(axis=1), other.outflow.values, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(there, other.stock.values, rtol=1e-9, atol=1e-6)


def test_what_ends_is_what_flodym_calls_its_density() -> None:
    """`ends` counts the year of sale as flodym does: what did not survive it has ended in it."""
    other = theirs(flodym.LogNormalLifetime, np.ones(YEARS), "middle", mean=3.0, std=2.0)
    np.testing.assert_allclose(
        ends(lognormal(ages(YEARS), 3.0, 2.0)), other.lifetime_model.pdf[:, 0], atol=1e-12
    )
