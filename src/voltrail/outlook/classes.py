"""What an outlook tells apart: years, groups of vehicles, segments, chemistries."""

from __future__ import annotations

from typing import Final

import numpy as np

FIRST: Final = 2011  # the first year with sales that are counted here
LAST: Final = 2025  # the last year that is history
UNTIL: Final = 2050
YEARS: Final = np.arange(FIRST, UNTIL + 1)  # forty of them
HISTORY: Final = LAST - FIRST + 1  # so many of them are history

GROUPS: Final = ("car", "van", "bus", "truck")
"""Of each, one share of sales is new-energy. Trucks are medium and heavy ones (N2, N3)."""

SEGMENTS: Final = ("car_bev", "car_phev", "van", "bus", "truck", "swap_truck")
"""What has batteries of its own size and life; `truck` charges, `swap_truck` swaps. Two-wheelers are none."""

GROUP_OF: Final = {
    "car_bev": "car",
    "car_phev": "car",
    "van": "van",
    "bus": "bus",
    "truck": "truck",
    "swap_truck": "truck",
}

CHEMISTRIES: Final = ("LFP", "NMC111", "NMC532", "NMC622", "NMC811", "NCA")
"""As `recycling.contents` names them. NMC523 of others is NMC532 here."""

METALS: Final = ("Li", "Ni", "Co", "Mn", "Cu", "Al", "C")
"""What is followed, C as graphite; as `recycling.contents` names them."""
