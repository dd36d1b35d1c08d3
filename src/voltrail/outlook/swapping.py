"""
Which electric heavy trucks swap their batteries: falling in the figures since 2022, and so it goes on.

The odds go evenly from those of 2025 to those of 2035. Stations keep trucks: those that a station can serve
go on being sold, up to the share of 2025, whatever the trend. They do not win new ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from voltrail.outlook.classes import LAST, YEARS

if TYPE_CHECKING:
    from voltrail.outlook.loop import Past

FloatArray = npt.NDArray[np.float64]

TRUCKS_A_STATION: Final = 100  # 147 at Tangshan, 200 at Weiqiao; most serve fewer
TRUCK_YEARS: Final = 8  # until one that swaps is replaced
STATIONS_2025: Final = 1400
"""For heavy trucks: what the 140,000 or so that swap need. Of CATL's alone, 305 were counted."""


class Swapping:
    """The share of electric trucks that swap, for each draw."""

    def __init__(self, past: Past, drawn: Mapping[str, FloatArray]) -> None:
        self._now = past.swap[-1]
        last = logit(np.clip(drawn["truck.swap_percent"] / 100, 1e-4, 1 - 1e-4))[:, None]
        first = logit(np.clip(self._now, 1e-4, 1 - 1e-4))
        self._trend = expit(first + (last - first) * np.clip((YEARS - LAST) / 10, 0, 1))
        added = (drawn["truck.swap_stations_2030"] - STATIONS_2025)[:, None] / 5
        building = (YEARS > LAST) & (YEARS <= LAST + 5)
        stations = STATIONS_2025 + added * np.clip(YEARS - LAST, 0, 5)
        self._served = TRUCKS_A_STATION * np.maximum(added * building + stations / TRUCK_YEARS, 0)

    def share(self, y: int, trucks: FloatArray) -> FloatArray:
        """Return the share in a year in which so many electric trucks are sold: (D,)."""
        kept = np.minimum(self._served[:, y] / np.maximum(trucks, 1), self._now)
        return np.asarray(np.maximum(self._trend[:, y], kept))
