"""
What an electric vehicle saves over one that burns fuel, in all that its first owner pays.

    saved = (fossil's cost - electric's cost) / fossil's cost
    cost  = price of the vehicle and its tax, less a grant + what it takes over `years` of driving
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

YUAN: Final = 7.1  # for a dollar, 2025
IN_CHINA: Final = 94 / 115  # a pack in China over the world's mean, 2024
FOSSIL_TAX: Final = 0.10  # purchase tax of a vehicle that burns fuel
FUEL_KG: Final = 2.6  # of CO2 a litre burnt
POWER_KG: Final = 0.55  # of CO2 a kWh from the grid


class Driving(NamedTuple):
    """
    Typical vehicles by group (car, van, bus, truck), each (G,). Estimates made here.

    price_yuan   of the fossil vehicle
    other_yuan   what the electric one costs more, its battery aside; less than 0 for an engine saved
    km, years    a year, and by its first owner
    litres, kwh  a hundred kilometres
    """

    price_yuan: FloatArray
    other_yuan: FloatArray
    km: FloatArray
    years: FloatArray
    litres: FloatArray
    kwh: FloatArray


DRIVING: Final = Driving(
    np.array([140e3, 80e3, 500e3, 380e3]),
    np.array([-15e3, -8e3, -40e3, -50e3]),
    np.array([14e3, 25e3, 60e3, 100e3]),
    np.array([6.0, 5.0, 8.0, 5.0]),
    np.array([7.0, 9.0, 30.0, 34.0]),
    np.array([15.0, 25.0, 90.0, 150.0]),
)


class Prices(NamedTuple):
    """What energy and taxes cost, each (D, 1); `tax` of an electric vehicle as a share of its price."""

    fuel_yuan_litre: FloatArray
    power_yuan_kwh: FloatArray
    carbon_yuan_tonne: FloatArray
    tax: FloatArray


def fossil_yuan(prices: Prices) -> FloatArray:
    """Return what the fossil vehicle costs its first owner, yuan: (D, G)."""
    litre = prices.fuel_yuan_litre + FUEL_KG / 1000 * prices.carbon_yuan_tonne
    driven = DRIVING.km * DRIVING.years / 100
    return DRIVING.price_yuan * (1 + FOSSIL_TAX) + driven * DRIVING.litres * litre


def saved(
    pack_usd_kwh: FloatArray, battery_kwh: FloatArray, grant_yuan: FloatArray, prices: Prices
) -> FloatArray:
    """Return the share that electric saves, below 0 where it costs more: (D, G) from (D, 1), (G,), (D, G)."""
    battery = battery_kwh * pack_usd_kwh * IN_CHINA * YUAN
    bought = (DRIVING.price_yuan + DRIVING.other_yuan + battery) * (1 + prices.tax) - grant_yuan
    kwh = prices.power_yuan_kwh + POWER_KG / 1000 * prices.carbon_yuan_tonne
    electric = bought + DRIVING.km * DRIVING.years / 100 * DRIVING.kwh * kwh
    fossil = fossil_yuan(prices)
    return (fossil - electric) / fossil
