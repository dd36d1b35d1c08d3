"""
How many batteries retire: in kWh, tonnes or packs, by year, segment, chemistry and province.

"Retired" has three meanings, which published figures mix: a battery `left` its vehicle for good, it was
`collected` by somebody who reports, it was `processed` into materials.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from voltrail.errors import UsageError
from voltrail.outlook.classes import CHEMISTRIES, SEGMENTS, YEARS
from voltrail.outlook.materials import Metals, worth
from voltrail.outlook.run import Band, Outcome, band
from voltrail.outlook.stock import Flows, follow
from voltrail.recycling.contents import CONTENTS

FloatArray = npt.NDArray[np.float64]

Definition = Literal["left", "collected", "processed"]
Unit = Literal["kwh", "tonnes", "packs"]
By = Literal["segment", "chemistry", "province"]
DEFINITIONS: Final[tuple[Definition, ...]] = get_args(Definition)
UNITS: Final[tuple[Unit, ...]] = get_args(Unit)
BYS: Final[tuple[By, ...]] = get_args(By)

_HEAVY, _LIGHT = 2015, 2022  # packs made until then are the heavy ones, from then on those of the table
_SHARES: Final = (0.5, 0.05, 0.95)


class Retired(NamedTuple):
    """What retires in a year in each meaning, in one unit: each (D, Y, S, C)."""

    left: FloatArray
    collected: FloatArray
    processed: FloatArray


class Amount(NamedTuple):
    """How much retired in a year in one meaning: the middle, and where nine of ten draws lie."""

    year: int
    definition: Definition
    segment: str | None
    chemistry: str | None
    province: str | None
    middle: float
    low: float
    high: float


def kg_per_kwh() -> FloatArray:
    """
    Return the mass of a pack of today per kWh: (C,).

    For NMC532, which the table of contents lacks, the mean of its neighbours NMC111 and NMC622.
    """
    known = CONTENTS.pack_kg_per_kwh
    between = (known["NMC111"] + known["NMC622"]) / 2
    return np.array([known.get(one, between) for one in CHEMISTRIES])


def retired_in(unit: Unit, outcome: Outcome) -> Retired:
    """
    Return what retires in a unit.

    What is fitted is counted in that unit and followed as its kWh are, so that a pack that leaves has the
    energy and mass of the year in which its vehicle was made; a replacement is as the pack before it.
    """
    course, drawn, law = outcome.course, outcome.drawn, outcome.scenario.law
    if unit == "kwh":
        return _of(outcome.flows)
    if unit == "packs":
        return _of(follow(course._replace(energy_kwh=np.ones_like(course.energy_kwh)), drawn, law))
    old = np.clip((_LIGHT - YEARS) / (_LIGHT - _HEAVY), 0, 1)
    heavier = 1 + drawn["old_pack_percent"][:, None] / 100 * old
    followed = _of(follow(course._replace(energy_kwh=course.energy_kwh * heavier[..., None]), drawn, law))
    return Retired(*(flow * kg_per_kwh() / 1000 for flow in followed))


def _of(flows: Flows) -> Retired:
    return Retired(*(getattr(flows, name) for name in DEFINITIONS))


def amounts(
    retired: Retired,
    by: Sequence[By] = (),
    definitions: Sequence[Definition] = DEFINITIONS,
    weights: Mapping[str, float] | None = None,
) -> Iterator[Amount]:
    """
    Yield how much retires by year, and by what else is asked for; `weights` are the shares of provinces.

    A province has the same share of every segment and chemistry.
    """
    for definition in definitions:
        flow: FloatArray = getattr(retired, definition)
        summed = tuple(
            axis for axis, name in ((2, "segment"), (3, "chemistry")) if name not in by
        )  # what was not asked for
        middle, low, high = np.quantile(flow.sum(axis=summed, keepdims=True), _SHARES, axis=0)
        places = weights if weights is not None and "province" in by else {None: 1.0}
        for (year, segment, chemistry), value in np.ndenumerate(middle):
            for province, share in places.items():
                yield Amount(
                    int(YEARS[year]),
                    definition,
                    SEGMENTS[segment] if "segment" in by else None,
                    CHEMISTRIES[chemistry] if "chemistry" in by else None,
                    province,
                    float(value) * share,
                    float(low[year, segment, chemistry]) * share,
                    float(high[year, segment, chemistry]) * share,
                )


def bys(text: str) -> tuple[By, ...]:
    """Return what is told apart, from names with commas. Raises UsageError."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in BYS:
            raise UsageError(
                "outlook.by", f"{name[:40]!r} is not told apart.", f"Take some of {', '.join(BYS)}."
            )
    return tuple(one for one in BYS if one in names)


class Summary(NamedTuple):
    """
    What retires and what is won back of it, as bands over the years: all that a page tells.

    whole        by unit and meaning: (Y,)
    segments     by unit and meaning: (Y, S)
    chemistries  by unit and meaning: (Y, C)
    plants       by meaning, that the whole country needs: (Y,)
    metals       needed, left, recovered in tonnes, worth in million dollars, covered as a share: (Y, M)
    kg_per_kwh   of what leaves vehicles, the middle: (Y,)
    """

    whole: dict[Unit, dict[Definition, Band]]
    segments: dict[Unit, dict[Definition, Band]]
    chemistries: dict[Unit, dict[Definition, Band]]
    plants: dict[Definition, Band]
    metals: dict[str, Band]
    kg_per_kwh: FloatArray


def summary(outcome: Outcome, won: Metals) -> Summary:
    """Return the summary of an outcome; `won` are its metals, won back by one process or another."""
    retired = {unit: retired_in(unit, outcome) for unit in UNITS}

    def bands(*axes: int) -> dict[Unit, dict[Definition, Band]]:
        return {
            unit: {one: band(getattr(flow, one).sum(axis=axes)) for one in DEFINITIONS}
            for unit, flow in retired.items()
        }

    whole = bands(2, 3)
    plant_t = outcome.drawn["plant_kt"][:, None] * 1000
    kwh, tonnes = whole["kwh"]["left"].middle, whole["tonnes"]["left"].middle
    return Summary(
        whole,
        bands(3),
        bands(2),
        {one: band(getattr(retired["tonnes"], one).sum(axis=(2, 3)) / plant_t) for one in DEFINITIONS},
        {
            "needed": band(won.needed),
            "left": band(won.left),
            "recovered": band(won.recovered),
            "worth": band(worth(won, outcome.drawn)),
            "covered": band(won.covered),
        },
        tonnes * 1000 / np.maximum(kwh, 1),
    )
