"""What the world outside China needs, and which part of it China makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from voltrail.outlook.classes import FIRST, HISTORY, LAST, SEGMENTS, UNTIL, YEARS

if TYPE_CHECKING:
    from voltrail.outlook.loop import Past

FloatArray = npt.NDArray[np.float64]

DEARER: Final = 0.3  # what is made outside China costs so much more
IEA_LEARNING: Final = 20.2  # %, gives the IEA's path of demand a price of its own
GROWTH_2031: Final = 0.10  # of the world's need without China, fading to nothing in 2050


class Abroad:
    """
    The world without China: its need (D, Y) at the price that the IEA had in mind, and China's part of it.

    Cheaper packs are bought more; packs made elsewhere are dearer, so a smaller part of China's means fewer.
    """

    def __init__(self, past: Past, drawn: Mapping[str, FloatArray]) -> None:
        draws, ahead = len(drawn["learning_percent"]), YEARS[HISTORY:]
        self._elasticity = drawn["world.elasticity"]
        need = np.zeros((draws, len(YEARS)))
        need[:, :HISTORY] = past.rest_gwh[:HISTORY]
        rise = np.log(drawn["world.demand_2030_gwh"] / past.rest_gwh[LAST - FIRST])[:, None]
        need[:, HISTORY:] = past.rest_gwh[LAST - FIRST] * np.exp(rise * np.minimum(ahead - LAST, 5) / 5)
        need[:, HISTORY:] *= _grown(ahead)
        self._need = need

        world = np.concatenate([past.world_gwh, past.world_gwh[-1] * _grown(YEARS[len(past.world_gwh) :])])
        made = np.cumsum(world)
        self._price = np.full(len(YEARS), past.price_usd[-1])
        self._price[HISTORY:] *= (made[HISTORY - 1 : -1] / made[HISTORY - 2]) ** np.log2(
            1 - IEA_LEARNING / 100
        )

        exported = exported_gwh(past)
        first = exported[-1] / past.rest_gwh[LAST - FIRST]
        on = np.clip((YEARS - LAST) / 10, 0, 1)
        self._china = first + (drawn["exports.share_2035_percent"] / 100 - first)[:, None] * on
        self._china[:, :HISTORY] = exported / past.rest_gwh[:HISTORY]
        self._dearer = (1 + DEARER * (1 - self._china)) / (1 + DEARER * (1 - first))
        self.vehicles_a_gwh = past.exported_vehicles[-1] / max(float(exported[-1]), 1e-9)

    def needs(self, y: int, price_usd: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what is needed in a year at a price, and what of it China makes, GWh: (D,) each."""
        need = self._need[:, y]
        if y >= HISTORY:  # before, it is what came
            need = need * (price_usd * self._dearer[:, y] / self._price[y]) ** -self._elasticity
        return need, need * self._china[:, y]


def exported_gwh(past: Past) -> FloatArray:
    """Return batteries that left China, in vehicles like the cars sold at home and without: (H,)."""
    cars = [SEGMENTS.index(one) for one in ("car_bev", "car_phev")]
    sold = past.vehicles[:, cars]
    each = (sold * past.energy_kwh[:, cars]).sum(axis=1) / np.maximum(sold.sum(axis=1), 1)
    gwh: FloatArray = past.exported_vehicles * each / 1e6 + past.exported_gwh
    return gwh


def _grown(years: npt.NDArray[np.int64]) -> FloatArray:
    """Return by how much the world grew from 2030 to each year."""
    rates = GROWTH_2031 * (UNTIL - np.arange(2031, UNTIL + 1)) / (UNTIL - 2031)
    level = np.concatenate([[1.0], np.cumprod(1 + rates)])
    return np.asarray(level[np.clip(years - 2030, 0, None)])
