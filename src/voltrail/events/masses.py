"""
Masses: kilograms as they are written, milligrams as they are reckoned with.

    >>> milligrams(0.1) + milligrams(0.2) == milligrams(0.3)
    True
    >>> kilograms(1_500_000)
    1.5

A line's numbers have at most 15 significant digits, so the double that they are read as names them exactly;
below 1,000,000 t and in whole milligrams no digit is lost either way. Sums are sums of integers.
"""

from __future__ import annotations

from typing import Final

MG_PER_KG: Final = 1_000_000


def milligrams(kg: float) -> int:
    """Return a mass below 10⁹ kg in whole milligrams."""
    return round(kg * MG_PER_KG)


def kilograms(mg: int) -> float:
    """Return a mass in kilograms, as it is written."""
    return mg / MG_PER_KG


def is_exact(kg: float) -> bool:
    """Return whether a mass is in whole milligrams."""
    return milligrams(kg) / MG_PER_KG == kg
