"""
What is claimed of cells, held against arithmetic: adds up, adds up only if, does not, or cannot be checked.

    >>> [check.verdict for check in checks(TECHNOLOGIES["chery-assb"]) if check.rule == "limit"]
    ['only_if']

A figure of the catalogue gets a `Check` from the rule that knows its metric, with all numbers on the way from
the figure to the verdict, so that whoever doubts it reckons again. A check is of what was said, not of a
cell: that a claim adds up means that this arithmetic does not contradict it, and nothing else.

- `limit`: Wh/kg of a cell against what its electrodes alone would hold, by Faraday's law.
- `pack`, `cell_of_pack`: Wh/kg of a pack against its cells, or what cells it would take.
- `density`: Wh/l over Wh/kg is the cell's density, which lies within bounds.
- `range`, `range_energy`: what pack of the claimed cells a claimed range takes in a low saloon and in an SUV.
- `trip`: a range that was driven, against the energy it took and what the model gives for that car and day.
- `charge`, `charge_power`: the mean current of a fast charge, and its heat in the cell or its power.
- `cold`: what is kept in the cold, where it is said of what and at what rate.

Bounds are in `bounds.csv`, with their sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from voltrail.technology.catalogue import TECHNOLOGIES, Figure, Technology
from voltrail.technology.cell import CELLS, CellType, cold_curve
from voltrail.technology.cycles import CYCLES
from voltrail.technology.pack import Between, pack_of, parameter
from voltrail.technology.range import estimate
from voltrail.technology.thousand import BOUNDS, Question, needed
from voltrail.technology.vehicle import VEHICLES

Verdict = Literal["adds_up", "only_if", "does_not", "cannot"]
VERDICTS: Final[tuple[Verdict, ...]] = ("does_not", "only_if", "cannot", "adds_up")
"""What a reader should look at first."""

FARADAY_MAH: Final = 26_801.5  # mAh in a mole of electrons: 96,485 C / 3.6
_MEASURED: Final = frozenset({"measured_by_maker", "measured_by_carmaker", "reported", "recalled"})
_ELECTRODES: Final = MappingProxyType(
    {
        "LFP": ("graphite", "lfp"),
        "NMC": ("graphite", "nmc811"),
        "NCA": ("graphite", "nca"),
        "LMO": ("graphite", "lmo"),
        "NMC-Si": ("silicon", "nmc811"),
        "Li-metal": ("lithium", "nmc811"),
    }
)
_SALOON: Final = "car-saloon"
_SUV: Final = "car-suv"
_WARM_C: Final = 23.0
_LIGHTEST: Final = "Li-metal"  # of which no claim may exceed the limit, whatever the electrodes


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """
    A figure held against arithmetic; `beside` are others of the technology that go into it.

    `numbers` are all that the arithmetic takes and yields, by the names that its sentence uses; `words` what
    in it is no number. `missing` is what is not stated and would be needed.
    """

    technology: str
    rule: str
    verdict: Verdict
    figure: Figure
    beside: tuple[Figure, ...] = ()
    numbers: dict[str, float] = {}
    words: dict[str, str] = {}
    missing: tuple[str, ...] = ()


class Limit(msgspec.Struct, frozen=True):
    """What two electrodes would hold if a cell were nothing else: mAh/g of each, volts, Wh/kg."""

    anode: str
    cathode: str
    anode_mah_per_g: float
    cathode_mah_per_g: float
    volts: float

    @property
    def mah_per_g(self) -> float:
        """Of both together, in balance."""
        return 1 / (1 / self.anode_mah_per_g + 1 / self.cathode_mah_per_g)

    @property
    def wh_per_kg(self) -> float:
        """At their mean voltage."""
        return self.mah_per_g * self.volts


def limit(chemistry: str) -> Limit | None:
    """Return what the electrodes of a chemistry hold by Faraday's law; None where none are told."""
    if chemistry not in _ELECTRODES:
        return None
    anode, cathode = _ELECTRODES[chemistry]
    return Limit(
        anode,
        cathode,
        _mah_per_g(anode),
        _mah_per_g(cathode),
        _value(cathode, "volts") - _value(anode, "volts"),
    )


@cache
def reached() -> float:
    """Return the highest share of its limit that a cell has which was measured or is in series; 0 to 1."""
    shares = [
        cell.wh_per_kg[2] / found.wh_per_kg
        for cell in CELLS.values()
        if cell.parameters["wh_per_kg"].standing in _MEASURED and (found := limit(cell.chemistry))
    ]
    return max(shares)


@cache
def all_checks() -> tuple[Check, ...]:
    """Return the checks of all technologies, what does not add up first."""
    found = [check for one in TECHNOLOGIES.values() for check in checks(one)]
    return tuple(sorted(found, key=lambda check: VERDICTS.index(check.verdict)))


def checks(technology: Technology) -> tuple[Check, ...]:
    """Return what the rules say of the figures of one technology; figures that no rule knows have none."""
    return tuple(check for figure in technology.figures for check in _of(technology, figure))


def _of(technology: Technology, figure: Figure) -> Iterator[Check]:
    if figure.metric == "specific_energy":
        if figure.level == "cell":
            yield _limit(technology, figure)
        elif figure.level == "pack":
            yield _pack(technology, figure)
        else:
            yield _told(technology, "limit", "cannot", figure, missing=("level",))
    elif figure.metric == "energy_density" and figure.level == "cell":
        yield _density(technology, figure)
    elif figure.metric == "charge_time":
        yield _charge(technology, figure)
    elif figure.metric == "cold_retention":
        yield _cold(technology, figure)
    elif figure.metric == "range":
        yield _trip(technology, figure) if figure.kind.startswith("measured") else _range(technology, figure)


def _told(
    technology: Technology,
    rule: str,
    verdict: Verdict,
    figure: Figure,
    *,
    beside: tuple[Figure, ...] = (),
    words: Mapping[str, str] = MappingProxyType({}),
    missing: tuple[str, ...] = (),
    **numbers: float,
) -> Check:
    return Check(
        technology=technology.id,
        rule=rule,
        verdict=verdict,
        figure=figure,
        beside=beside,
        numbers=numbers,
        words=dict(words),
        missing=missing,
    )


def _limit(technology: Technology, figure: Figure) -> Check:
    cell = _cell(technology)
    row = cell.parameters["chemistry"] if cell else None
    stated = row is not None and row.standing != "assumption"
    found = limit(cell.chemistry) if cell and stated else None
    against = found or limit(_LIGHTEST)
    assert against is not None  # noqa: S101 - the lightest is in the table
    share = figure.most / against.wh_per_kg
    verdict: Verdict = "adds_up" if share <= reached() else "only_if" if share <= 1 else "does_not"
    return _told(
        technology,
        "limit",
        verdict,
        figure,
        words={"anode": against.anode, "cathode": against.cathode},
        missing=() if found else ("electrodes",),
        claim=figure.most,
        anode_mah=against.anode_mah_per_g,
        cathode_mah=against.cathode_mah_per_g,
        both_mah=against.mah_per_g,
        volts=against.volts,
        limit=against.wh_per_kg,
        share=100 * share,
        reached=100 * reached(),
    )


def _pack(technology: Technology, figure: Figure) -> Check:
    """Hold Wh/kg of a pack against its cells'; without these, say which cells it would take."""
    cells = [one for one in technology.figures if one.metric == "specific_energy" and one.level == "cell"]
    cell = _cell(technology) or CELLS["nmc-liquid"]
    single = [one for one in cells if one.value is not None]
    if not single:
        kept = _kept(cell, figure.most / _kept(cell, 300.0).middle)
        needed = Between(figure.most / kept.high, figure.most / kept.middle, figure.most / kept.low)
        claimed_of_cell = _claimed(technology)
        known = cells[0].most if cells else None
        most = limit(_LIGHTEST)
        assert most is not None  # noqa: S101
        verdict: Verdict = (
            "does_not"
            if min(most.wh_per_kg, claimed_of_cell or most.wh_per_kg) < needed.low
            else "adds_up"
            if known is not None and known >= needed.high
            else "only_if"
        )
        return _told(
            technology,
            "cell_of_pack",
            verdict,
            figure,
            beside=tuple(cells),
            claim=figure.most,
            low=100 * kept.low,
            high=100 * kept.high,
            least=needed.low,
            most=needed.high,
        )
    claimed = single[0]
    share = figure.most / claimed.most
    kept = _kept(cell, claimed.most)
    verdict = "does_not" if share >= 1 else "only_if" if share > kept.high else "adds_up"
    return _told(
        technology,
        "pack",
        verdict,
        figure,
        beside=(claimed,),
        claim=figure.most,
        cell=claimed.most,
        share=100 * share,
        low=100 * kept.low,
        middle=100 * kept.middle,
        high=100 * kept.high,
        rest=1000 / figure.most - 1000 / claimed.most,
    )


def _kept(cell: CellType, wh_per_kg: float) -> Between:
    """Return the share of a cell's Wh/kg that a pack keeps, cell to pack."""
    exactly = msgspec.structs.replace(cell, wh_per_kg=(wh_per_kg,) * 3)
    pack = pack_of(exactly, energy_kwh=100)
    return Between(*(100_000 / mass / wh_per_kg for mass in reversed(pack.mass_kg)))


def _density(technology: Technology, figure: Figure) -> Check:
    """Divide Wh/l by Wh/kg: the mass of a litre of cells."""
    bounds = BOUNDS["cell", "kg_per_l"].between
    beside = [one for one in technology.figures if one.metric == "specific_energy" and one.level == "cell"]
    if not beside:
        return _told(
            technology,
            "density",
            "cannot",
            figure,
            missing=("specific_energy",),
            claim=figure.most,
            low=bounds.low,
            high=bounds.high,
            least=figure.most / bounds.high,
            most=figure.most / bounds.low,
        )
    kg_per_l = figure.most / beside[0].most
    return _told(
        technology,
        "density",
        "adds_up" if bounds.low <= kg_per_l <= bounds.high else "does_not",
        figure,
        beside=(beside[0],),
        claim=figure.most,
        cell=beside[0].most,
        kg_per_l=kg_per_l,
        low=bounds.low,
        high=bounds.high,
    )


def _charge(technology: Technology, figure: Figure) -> Check:
    """Reckon the current of a fast charge, and how much a cell would warm by it if nothing cooled it."""
    if figure.soc_from is None or figure.soc_to is None:
        return _told(technology, "charge", "cannot", figure, missing=("soc_from", "soc_to"))
    share = figure.soc_to - figure.soc_from
    rate = share / (figure.most / 60)
    if figure.level == "vehicle":
        return _charge_power(technology, figure, share)
    energy = [one for one in technology.figures if one.metric == "specific_energy" and one.level == "cell"]
    if not energy:
        missing = ("specific_energy", "resistance")
        return _told(
            technology, "charge_rate", "cannot", figure, missing=missing, share=100 * share, rate=rate
        )
    cell = _cell(technology) or CELLS["factorial-fest"]
    warms_k = BOUNDS["cell", "warms_k"].between
    joules = share * energy[0].most * 3600  # per kg
    lost = warms_k.high * cell.heat_j_per_kg_k[2] / joules
    allowed = lost * cell.voltage_v / rate
    low, middle, high = (
        ohm / cell.voltage_v * rate * joules / cell.heat_j_per_kg_k[1] for ohm in cell.resistance_ohm_ah
    )
    at_stated = figure.c_rate is not None and figure.most < 60 * share / figure.c_rate * 0.99
    verdict: Verdict = "does_not" if at_stated else "adds_up" if high <= warms_k.high else "only_if"
    return _told(
        technology,
        "charge",
        verdict,
        figure,
        beside=(energy[0],),
        missing=("resistance",),
        share=100 * share,
        minutes=figure.most,
        rate=rate,
        cell=energy[0].most,
        put_in=share * energy[0].most,
        lost=100 * lost,
        allowed=1000 * allowed,
        least=1000 * cell.resistance_ohm_ah[0],
        most=1000 * cell.resistance_ohm_ah[2],
        low=low,
        middle=middle,
        high=high,
        warms=warms_k.high,
    )


def _charge_power(technology: Technology, figure: Figure, share: float) -> Check:
    """Reckon the power at which a car of the claimed range would be charged."""
    claimed = [one for one in technology.figures if one.metric == "range"]
    if not claimed:
        return _told(technology, "charge_power", "cannot", figure, missing=("energy",), share=100 * share)
    least, most = _energies(claimed[0].most)
    charger = BOUNDS["charger", "kw"].between
    low, high = (share * energy / (figure.most / 60) for energy in (least, most))
    verdict: Verdict = "adds_up" if high <= charger.low else "does_not" if low > charger.high else "only_if"
    return _told(
        technology,
        "charge_power",
        verdict,
        figure,
        beside=(claimed[0],),
        missing=("energy",),
        share=100 * share,
        minutes=figure.most,
        km=claimed[0].most,
        least=least,
        most=most,
        low=low,
        high=high,
        common=charger.low,
        announced=charger.high,
    )


def _energies(km: float) -> tuple[float, float]:
    """Return the least and the most kWh with which a low saloon comes so far on CLTC, over all cells."""
    found = [needed(Question(vehicle=_SALOON), cell, _WARM_C, km).energy_kwh for cell in CELLS.values()]
    middles = [one.middle for one in found if one is not None]
    return min(middles), max(middles)


def _range(technology: Technology, figure: Figure) -> Check:
    """Say what pack of the claimed cells a range takes; on CLTC, the mildest, where no cycle is stated."""
    cell = _cell(technology)
    if cell is None:
        least, most = _energies(figure.most)
        missing = ("specific_energy", *figure.unstated)
        return _told(
            technology,
            "range_energy",
            "cannot",
            figure,
            missing=missing,
            km=figure.most,
            least=least,
            most=most,
        )
    stated = figure.procedure in CYCLES
    cycle = figure.procedure if stated else "CLTC"
    saloon, suv = (
        needed(Question(vehicle=one, cycle=cycle), cell, _WARM_C, figure.most) for one in (_SALOON, _SUV)
    )
    carried = BOUNDS["car", "pack_kg"].between
    beside = [one for one in technology.figures if one.metric == "specific_energy" and one.value is not None]
    if saloon.pack_kg is None or saloon.energy_kwh is None or saloon.pack_kg.low > carried.high:
        verdict: Verdict = "does_not"
    elif stated and suv.pack_kg is not None and suv.pack_kg.high <= carried.high:
        verdict = "adds_up"
    else:
        verdict = "only_if"
    numbers = {"km": figure.most, "cell": cell.wh_per_kg[1], "carried": carried.high}
    if saloon.energy_kwh and saloon.pack_kg:
        numbers |= {
            "energy": saloon.energy_kwh.middle,
            "kwh": 100 * saloon.energy_kwh.middle / figure.most,
            "pack": 1000 * saloon.energy_kwh.middle / saloon.pack_kg.middle,
            "low": saloon.pack_kg.low,
            "middle": saloon.pack_kg.middle,
            "high": saloon.pack_kg.high,
        }
    if suv.pack_kg:
        numbers |= {"suv": suv.pack_kg.middle, "suv_high": suv.pack_kg.high}
    return _told(
        technology,
        "range" if "energy" in numbers and "suv" in numbers else "range_none",
        verdict,
        figure,
        beside=tuple(beside[:1]),
        words={"cycle": cycle},
        missing=() if stated else ("procedure",),
        **numbers,
    )


def _trip(technology: Technology, figure: Figure) -> Check:
    """Hold a range that was driven against its energy, and against the model of that car on that day."""
    if (technology.id, "kwh_per_100km") not in BOUNDS:
        missing = ("energy", "consumption", *(one for one in figure.unstated if one != "sample"))
        return _told(technology, "trip", "cannot", figure, missing=missing)
    kwh, gross_kwh, left = (
        BOUNDS[technology.id, one].middle for one in ("kwh_per_100km", "gross_kwh", "left_share")
    )
    window = parameter("cell_to_pack", "window")
    taken_kwh = figure.most / 100 * kwh
    full_kwh = taken_kwh / (1 - left)
    told = estimate(
        pack_of(_cell(technology) or CELLS["nmc-liquid"], energy_kwh=gross_kwh),
        VEHICLES["et7"],
        CYCLES["road-84"],
        ((figure.temperature_c or 0.0) + (figure.temperature_high_c or 0.0)) / 2,
    )
    low, middle, high = (km * (1 - left) for km in told.km)
    verdict: Verdict = (
        "does_not"
        if full_kwh > gross_kwh
        else "adds_up"
        if full_kwh <= gross_kwh * window.high and low <= figure.most <= high
        else "only_if"
    )
    return _told(
        technology,
        "trip",
        verdict,
        figure,
        km=figure.most,
        kwh=kwh,
        taken=taken_kwh,
        left=100 * left,
        full=full_kwh,
        gross=gross_kwh,
        share=100 * full_kwh / gross_kwh,
        low=low,
        middle=middle,
        high=high,
    )


def _cold(technology: Technology, figure: Figure) -> Check:
    """Say what is missing; and what the cell of this name would keep at a third of its capacity an hour."""
    cell = _cell(technology)
    missing = tuple(one for one in figure.unstated if one != "sample")
    if cell is None or figure.temperature_c is None:
        return _told(technology, "cold", "cannot", figure, missing=missing, claim=100 * figure.most)
    temperatures, low, middle, high = cold_curve(cell)
    at = int(abs(temperatures - figure.temperature_c).argmin())
    inside = bool(low[at] <= figure.most <= high[at])
    return _told(
        technology,
        "cold",
        "cannot" if missing else "adds_up" if inside else "only_if",
        figure,
        missing=missing,
        claim=100 * figure.most,
        temperature=figure.temperature_c,
        low=100 * float(low[at]),
        middle=100 * float(middle[at]),
        high=100 * float(high[at]),
    )


def _cell(technology: Technology) -> CellType | None:
    return next((one for one in CELLS.values() if one.technology == technology.id), None)


def _claimed(technology: Technology) -> float | None:
    """Return the one Wh/kg that is said of its cell; None where none is, or a whole range."""
    cell = _cell(technology)
    if cell is None or cell.parameters["wh_per_kg"].standing == "assumption":
        return None
    return cell.wh_per_kg[1] if cell.wh_per_kg[0] == cell.wh_per_kg[2] else None


def _mah_per_g(electrode: str) -> float:
    return FARADAY_MAH * _value(electrode, "electrons") / _value(electrode, "g_per_mol")


def _value(subject: str, parameter: str) -> float:
    return BOUNDS[subject, parameter].middle
