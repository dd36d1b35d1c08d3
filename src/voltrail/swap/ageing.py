"""
What charging and resting cost a pack, simply: enough to weigh one hour of charging against another.

Health is lost by cycles and by time. A full cycle costs its share of the way from new to the floor, and
more of it the faster it was charged: linear in the rate, which is an assumption, as is the cycle life. Time
costs more the fuller a pack rests, by the cubic of Naumann et al., J. Energy Storage 17 (2018), 153, for LFP
cells at 25 °C; that it is linear in time, and how much it is at half charge, is an assumption.
"""

from __future__ import annotations

from typing import Final

from voltrail.swap.scenario import AgeingPart

_CUBIC: Final = 2.8575
_HALF_FULL: Final = 0.60225
_YEAR_MIN: Final = 365 * 1440.0


def cycle_loss(ageing: AgeingPart, cycles: float, rate_per_h: float) -> float:
    """Return the health lost by so many full cycles, charged at a rate of so many packs an hour (C)."""
    return cycles * (1 - ageing.health_floor) / ageing.cycle_life * (1 + ageing.rate_wear * rate_per_h)


def rest_loss(ageing: AgeingPart, minutes: float, charge: float) -> float:
    """Return the health lost by resting so long at a charge from 0 to 1."""
    shape = (_HALF_FULL + _CUBIC * (charge - 0.5) ** 3) / _HALF_FULL
    return ageing.calendar_per_year * shape * minutes / _YEAR_MIN


def yuan_per_health(ageing: AgeingPart, pack_yuan: float) -> float:
    """Return what a whole unit of health is worth: a pack is worth its price until it is at the floor."""
    return pack_yuan / (1 - ageing.health_floor)
