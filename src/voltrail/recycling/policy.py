"""
What balances assume where no report says it: uncertainties, and when a gain of metal is no chance.

No law gives these; they are a registry's own choice, each with its reason, in `policy.json`.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import msgspec


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value and why it is so."""

    value: float
    reason: str


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Relative standard uncertainties (k = 1) of what was not measured, and the thresholds.

    `assay_common_share` is the share of an assay's variance that is the same in all lots of a maker's
    substance. An assay's uncertainty counts for a suspected plant up to `assay_most_relative` of the fraction
    or `assay_most_fraction`, whichever is more. `family_chance` is how often in all tests of one reckoning
    chance alone may name somebody. `coverage` is how many standard uncertainties a rate must be from its
    target to be judged.
    """

    weighing_relative: float
    composition_relative: float
    assay_relative: float
    assay_common_share: float
    assay_most_relative: float
    assay_most_fraction: float
    table_relative: float
    formula_relative: float
    by_feed_relative: float
    like_lots_relative: float
    like_batteries_relative: float
    family_chance: float
    coverage: float


CHOICES: Final = msgspec.json.decode(
    files(__package__).joinpath("policy.json").read_bytes(), type=dict[str, Choice]
)
POLICY: Final = msgspec.convert({name: one.value for name, one in CHOICES.items()}, Policy)
