"""
Numbers of the Chinese market that shape the sample world, each with its source.

`recalled_unverified`: a bulletin's value from memory, its page not read.
`derived` and `estimate`: computed from other numbers, as the source says.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Status = Literal["verified", "recalled_unverified", "derived", "estimate", "forecast", "invented"]


class Fact(msgspec.Struct, frozen=True):
    """A number, how sure it is, and where it comes from."""

    value: float
    status: Status
    source: str


_BULLETIN: Final = "CAAM/CABIA bulletin, recalled, page not read"
_LIFETIMES: Final = "github.com/Miffyfei/EOL-Power-Battery-Recycling-Industry (CC BY 4.0)"

# New energy vehicles sold in a year, exports included, million.
VEHICLES_SOLD: Final[dict[int, Fact]] = {
    2017: Fact(0.777, "recalled_unverified", _BULLETIN),
    2018: Fact(1.256, "verified", "yc-chem.cn/news/73245.html"),
    2019: Fact(1.206, "recalled_unverified", _BULLETIN),
    2020: Fact(1.367, "recalled_unverified", _BULLETIN),
    2021: Fact(3.521, "recalled_unverified", _BULLETIN),
    2022: Fact(6.887, "verified", "en.fuchanghui.com.cn/application_details/6.html"),
    2023: Fact(9.495, "verified", "redplanx.com/html/news/1415180.html"),
    2024: Fact(12.866, "verified", "jqman.com/travelnews/112370.html"),
    2025: Fact(16.49, "verified", "steelorbis.com, CAAM 2025 totals"),
    2026: Fact(19.0, "forecast", "CAAM's forecast, cnevpost.com 2026-01-14"),
}

# Batteries installed in a year, GWh: lithium iron phosphate, then ternary.
_INSTALLED: Final[dict[int, tuple[Fact, Fact]]] = {
    2016: (Fact(20.3, "recalled_unverified", _BULLETIN), Fact(6.5, "recalled_unverified", _BULLETIN)),
    2018: (
        Fact(22.2, "verified", "insideevs.com/news/342285"),
        Fact(33.1, "verified", "insideevs.com/news/342285"),
    ),
    2019: (Fact(20.2, "recalled_unverified", _BULLETIN), Fact(40.5, "recalled_unverified", _BULLETIN)),
    2020: (Fact(24.4, "recalled_unverified", _BULLETIN), Fact(38.9, "recalled_unverified", _BULLETIN)),
    2021: (
        Fact(79.8, "verified", "CABIA 2021, by pandaily.com"),
        Fact(74.3, "verified", "CABIA 2021, by pandaily.com"),
    ),
    2022: (Fact(183.8, "recalled_unverified", _BULLETIN), Fact(110.4, "recalled_unverified", _BULLETIN)),
    2023: (Fact(261.0, "recalled_unverified", _BULLETIN), Fact(126.2, "recalled_unverified", _BULLETIN)),
    2024: (
        Fact(409.0, "derived", "the value of 2025 / 1.529"),
        Fact(139.0, "derived", "the value of 2025 / 1.037"),
    ),
    2025: (
        Fact(625.3, "verified", "reportify.cn/news/1213826467507605504"),
        Fact(144.1, "verified", "reportify.cn/news/1213826467507605504"),
    ),
}


class Design(msgspec.Struct, frozen=True):
    """What the packs of one chemistry are like; years are the Weibull scale of their life."""

    name: str
    chemistry: str
    letter: str
    energy_kwh: Fact
    mass_kg: Fact
    shape: Fact
    years: Fact


_CAR_KWH: Final = Fact(
    55.0, "verified", "battery electric car of 2025, reportify.cn/news/1213826467507605504"
)
_SHAPE: Final = Fact(3.5, "verified", _LIFETIMES)

LFP: Final = Design(
    "CAR",
    "LFP",
    "B",
    _CAR_KWH,
    Fact(350, "verified", f"BPEV_LFP, {_LIFETIMES}"),
    _SHAPE,
    Fact(9.5, "verified", f"BPEV_LFP, {_LIFETIMES}"),
)
NCM: Final = Design(
    "CAR",
    "NCM",
    "E",
    _CAR_KWH,
    Fact(305, "verified", f"BPEV_NCM622, {_LIFETIMES}"),
    _SHAPE,
    Fact(7.5, "verified", f"BPEV_NCM622, {_LIFETIMES}"),
)
TRUCK: Final = Design(
    "TRUCK",
    "LFP",
    "B",
    Fact(171, "verified", "exchangeable truck block, donanimhaber.com/--200060"),
    Fact(1_070, "estimate", "171 kWh / 0.16 kWh per kg"),
    _SHAPE,
    Fact(6.0, "invented", "exchangeable packs work more than those of cars; no source held"),
)

_INVENTED: Final = "a sample must show several models; no source held"

LFP_CITY: Final = Design(
    "CITY CAR",
    "LFP",
    "B",
    Fact(31, "invented", _INVENTED),
    Fact(230, "invented", _INVENTED),
    _SHAPE,
    LFP.years,
)
NCM_LONG: Final = Design(
    "LONG RANGE",
    "NCM",
    "E",
    Fact(82, "invented", _INVENTED),
    Fact(450, "invented", _INVENTED),
    _SHAPE,
    NCM.years,
)
SODIUM: Final = Design(
    "CITY CAR",
    "NIB",
    "Z",
    Fact(25, "invented", _INVENTED),
    Fact(220, "invented", _INVENTED),
    _SHAPE,
    Fact(8.0, "invented", _INVENTED),
)
DESIGNS: Final = (LFP, LFP_CITY, NCM, NCM_LONG, SODIUM, TRUCK)
SODIUM_SINCE: Final = 2024
SODIUM_SHARE: Final = Fact(0.02, "invented", _INVENTED)
OTHER_SIZE_SHARE: Final = Fact(0.25, "invented", _INVENTED)

# The share of packs in exchange fleets is far above the true one, so that the sample shows exchanges.
SWAP_SHARE: Final = Fact(0.08, "invented", "a sample must show exchanges")
LEGACY_SHARE: Final = Fact(0.04, "invented", "packs older than the record")
MODULE_SHARE: Final = Fact(0.10, "invented", "packs whose modules are on the record")
CELL_SHARE: Final = Fact(0.25, "invented", "of those, packs whose cells are too")


def lfp_share(year: int) -> float:
    """Return the share of lithium iron phosphate in a year's batteries, by the last year known."""
    known = max((each for each in _INSTALLED if each <= year), default=min(_INSTALLED))
    iron, ternary = _INSTALLED[known]
    return iron.value / (iron.value + ternary.value)
