"""
Climate zones of building design (GB 50176-2016) by province, as `climates.csv` has them.

The standard gives them by city. A province is taken to have the zone of its capital, which is coarse: Sichuan
reaches from hot summers to severe cold. The text of the standard is not held, so no row is confirmed.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Final

import msgspec

ZONES: Final = ("severe_cold", "cold", "hot_summer_cold_winter", "hot_summer_warm_winter", "mild")


class Climate(msgspec.Struct, frozen=True):
    """The zone of a province, the city it is the zone of, and how sure that is."""

    province: str
    zone: str
    of: str
    source: str
    confidence: str


def _read() -> dict[str, Climate]:
    text = files(__package__).joinpath("climates.csv").read_text("utf-8")
    return {row["province"]: Climate(**row) for row in csv.DictReader(text.splitlines())}


CLIMATES: Final = _read()
"""The climate of each province, by its two digits."""
