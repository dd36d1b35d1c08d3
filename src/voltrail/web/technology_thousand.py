"""The page of 1,000 km: what vehicles, causes and checks are called, and a check’s arithmetic in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from voltrail.technology.catalogue import TECHNOLOGIES
from voltrail.technology.cell import CELLS
from voltrail.technology.claims import VERDICTS, Check
from voltrail.technology.pack import Between
from voltrail.technology.thousand import KM, LIKELY, Cold, Reach
from voltrail.technology.vehicle import VEHICLES
from voltrail.web.catalogue import later
from voltrail.web.page import Page
from voltrail.web.technology_catalogue import KIND_WORDS

KINDS: Final = KIND_WORDS
STANDINGS: Final = {
    "assumption": later("assumption"),
    "recalled": later("from memory, not checked"),
    "reported": later("reported"),
    "derived": later("computed"),
    "claimed": later("claimed"),
    "constant": later("constant"),
}
DESIGNS: Final = {"cell_to_pack": later("cell to pack"), "module": later("with modules")}
LIMITS: Final = {"mass": later("by mass"), "volume": later("by room")}
_VEHICLES: Final = {
    "car-hatchback": later("Hatchback"),
    "car-saloon": later("Family car, a low saloon"),
    "car-saloon-large": later("Large low saloon"),
    "car-suv": later("Sport utility vehicle"),
    "tractor-40t": later("European tractor, 40 t"),
    "tractor-qiji": later("Tractor for Qiji blocks, 49 t"),
    "tractor-frame": later("Tractor with a frame behind the cab, 49 t"),
    "catl-tectrans": later("Chinese tractor with a large pack, 49 t"),
}
_CELLS: Final = {
    "lfp-liquid": later("LFP, liquid"),
    "nmc-liquid": later("NMC, liquid"),
    "nmc-qilin": later("NMC, liquid, for CATL Qilin packs"),
    "nca-18650": later("NCA 18650"),
    "na-ion": later("Sodium-ion, liquid"),
}
CAUSES: Final = {
    "unusable": later("stays in the cold cells"),
    "cells": later("heat in the cells"),
    "cabin": later("heat for the cabin"),
    "air": later("denser air"),
    "tyres": later("stiffer tyres"),
    "rest": later("drive, brakes and the rest"),
}
VERDICT_WORDS: Final = {
    "adds_up": later("not contradicted"),
    "only_if": later("adds up only if"),
    "does_not": later("does not add up"),
    "cannot": later("cannot be checked"),
}
MISSING: Final = {
    "level": later("whether it is of the cell or of the pack"),
    "electrodes": later("its electrodes"),
    "specific_energy": later("what its cells hold by mass"),
    "resistance": later("the resistance of its cells"),
    "energy": later("the energy of its pack"),
    "consumption": later("what it used"),
    "c_rate": later("the rate"),
    "temperature_c": later("the temperature"),
    "procedure": later("the cycle"),
    "pressure_mpa": later("the pressure"),
    "sample": later("the sample"),
    "soc_from": later("from which charge"),
    "soc_to": later("up to which charge"),
}
RULES: Final = {
    "limit": later("Wh/kg of the cell against its electrodes"),
    "pack": later("Wh/kg of the pack against its cells"),
    "cell_of_pack": later("Wh/kg of the pack: what cells it takes"),
    "density": later("Wh/l against Wh/kg"),
    "range": later("range against pack and vehicle"),
    "range_none": later("range against pack and vehicle"),
    "range_energy": later("range: what energy it takes"),
    "trip": later("range that was driven, against its energy"),
    "charge": later("fast charge against its heat"),
    "charge_rate": later("fast charge: what current it takes"),
    "charge_power": later("fast charge: what power it takes"),
    "cold": later("what is kept in the cold"),
}
ELECTRODES: Final = {
    "graphite": later("graphite"),
    "silicon": later("silicon"),
    "lithium": later("lithium metal"),
    "lfp": later("LFP"),
    "nmc811": later("NMC811"),
    "nca": later("NCA"),
    "lmo": later("LMO"),
}
_ARITHMETIC: Final = {
    "limit": later(
        "By Faraday’s law {anode} holds {anode_mah} mAh/g, {cathode} {cathode_mah} mAh/g: together 1 ÷ "
        "(1/{anode_mah} + 1/{cathode_mah}) = {both_mah} mAh/g, at {volts} V {limit} Wh/kg. {claim} "
        "Wh/kg is {share} % of it. Cells that are in series or were measured come to {reached} % of theirs "
        "at most."
    ),
    "pack": later(
        "{claim} ÷ {cell} Wh/kg: the pack keeps {share} % of what its cells hold. Made cell to pack, a "
        "pack of such cells keeps {low} to {high} %, {middle} % in the middle."
    ),
    "cell_of_pack": later(
        "Made cell to pack, a pack keeps {low} to {high} % of what its cells hold: {claim} Wh/kg in "
        "the pack takes cells of {least} to {most} Wh/kg."
    ),
    "density": later(
        "{claim} Wh/l ÷ {cell} Wh/kg = {kg_per_l} kg/l. Cells weigh {low} to {high} kg a litre."
    ),
    "range": later(
        "{km} km on {cycle} at 23 °C take a low saloon {kwh} kWh/100 km, {energy} kWh gross. With "
        "cells of {cell} Wh/kg, cell to pack, the pack has {pack} Wh/kg and weighs {middle} kg ({low} "
        "to {high}); in an SUV {suv} kg. Cars carry up to {carried} kg."
    ),
    "range_none": later(
        "With cells of {cell} Wh/kg no pack carries a low saloon or an SUV {km} km on {cycle} at 23 °C."
    ),
    "range_energy": later(
        "{km} km on CLTC at 23 °C take a low saloon {least} to {most} kWh gross, by the cells of its pack."
    ),
    "trip": later(
        "{km} km × {kwh} kWh/100 km = {taken} kWh; with {left} % left, {full} of {gross} kWh, {share} "
        "%. The model gives this car on such a day {low} to {high} km, {middle} in the middle; this trip is "
        "one of those that it was calibrated by, so that only the energy is a check."
    ),
    "charge": later(
        "{share} % in {minutes} min is {rate} times the capacity an hour. It puts {put_in} Wh into "
        "each kg. With the resistance of such cells ({least} to {most} mΩ·Ah) they would warm by {low} "
        "to {high} K if nothing cooled them; {warms} K is what they can bear."
    ),
    "charge_rate": later("The charge takes {rate} times the capacity an hour on average."),
    "charge_power": later(
        "{km} km on CLTC take {least} to {most} kWh; {share} % of that in {minutes} min is {low} to "
        "{high} kW at the cells, on average. Chargers of {common} kW are common, of {announced} kW "
        "announced."
    ),
    "cold": later(
        "{claim} % at {temperature} °C. For a cell of this kind {low} to {high} % is assumed here, "
        "{middle} % in the middle, at a third of its capacity an hour."
    ),
}
_MISSING_ARITHMETIC: Final = {
    "limit": later(
        "Of the electrodes known here, lithium metal and NMC811 hold most: by Faraday’s law {both_mah} "
        "mAh/g together, at {volts} V {limit} Wh/kg. {claim} Wh/kg is {share} % of it. Cells that are "
        "in series or were measured come to {reached} % of theirs at most."
    ),
    "density": later("At {low} to {high} kg a litre, {claim} Wh/l would be {least} to {most} Wh/kg."),
}
_NOT_STATED: Final = later("Not stated: {what}.")
_CONCLUSIONS: Final = {
    ("limit", "only_if"): later(
        "Only if all that is not active material weighs less than in any cell of which that is known."
    ),
    ("limit", "does_not"): later("Not even electrodes without anything around them hold so much."),
    ("pack", "only_if"): later(
        "Only if case, wiring, cooling and pressure plates weigh no more than {rest} kg for each kWh: "
        "less than in any design here."
    ),
    ("pack", "does_not"): later("A pack cannot hold more by mass than its cells."),
    ("cell_of_pack", "only_if"): later("Only if its cells hold so much; what they hold is not stated."),
    ("cell_of_pack", "does_not"): later(
        "Its cell is claimed to hold less. Read as of the cell, nothing speaks against the figure."
    ),
    ("density", "does_not"): later("No cell is so dense or so light: one of the two figures is wrong."),
    ("range", "only_if"): later(
        "Only if the car is as low as a good saloon, or the cycle as mild as CLTC, and the cell holds "
        "what is claimed."
    ),
    ("range", "does_not"): later("Even a low saloon would need a heavier pack than cars carry."),
    ("range_none", "does_not"): later("A larger pack takes more itself than it adds."),
    ("trip", "only_if"): later(
        "Only if the car used less than the model says, or the window was opened wide."
    ),
    ("trip", "does_not"): later("It would have used more than the pack holds."),
    ("charge", "only_if"): later(
        "Only if the resistance is below {allowed} mΩ·Ah, or heat is taken out of the cell while it is "
        "charged."
    ),
    ("charge", "does_not"): later("At the stated rate it would take longer."),
    ("charge_power", "only_if"): later("Only at a charger of {low} kW or more."),
    ("charge_power", "does_not"): later("No charger that was announced gives as much."),
    ("cold", "only_if"): later("Only if the cell is better in the cold than is assumed here."),
}


class Bar(NamedTuple):
    """A cause of the waterfall: from where to where its bar goes, in per cent of the warm range."""

    cause: str
    km: float
    x: float
    width: float


def cell_word(page: Page, cell: str) -> str:
    """Return what a type of cell is called, as the catalogue does where it has it."""
    technology = CELLS[cell].technology
    if cell in _CELLS or technology is None:
        return page.say(_CELLS.get(cell, CELLS[cell].name))
    one = TECHNOLOGIES[technology]
    zh = page.language == "zh"
    organisation, name = (one.organisation_zh, one.name_zh) if zh else (one.organisation, one.name)
    return f"{organisation}{page.say(': ')}{name}"


def vehicle_word(page: Page, vehicle: str) -> str:
    """Return what a vehicle is called; makes and models stay as they are."""
    return page.say(_VEHICLES[vehicle]) if vehicle in _VEHICLES else VEHICLES[vehicle].name


def is_make(vehicle: str) -> bool:
    """Return whether a vehicle is called by its make and model."""
    return vehicle not in _VEHICLES


def arithmetic(say: Callable[..., str], number: Callable[[float], str], check: Check) -> list[str]:
    """
    Return the sentences of a check: how it is reckoned, then what it would take, then what is not stated.

    `say` finds and fills a sentence, `number` writes a number.
    """
    filled = {key: number(rounded(value)) for key, value in check.numbers.items()}
    filled |= {key: say(ELECTRODES.get(word, word)) for key, word in check.words.items()}
    sentences = []
    reckoned = _ARITHMETIC[check.rule]
    if check.missing and check.rule in _MISSING_ARITHMETIC:
        reckoned = _MISSING_ARITHMETIC[check.rule]
    if filled and _filled(reckoned, filled):
        sentences.append(say(reckoned, **filled))
    if (check.rule, check.verdict) in _CONCLUSIONS:
        sentences.append(say(_CONCLUSIONS[check.rule, check.verdict], **filled))
    if check.missing:
        words = say(", ").join(say(MISSING[one]) for one in check.missing)
        sentences.append(say(_NOT_STATED, what=words))
    return sentences


def _filled(sentence: str, filled: dict[str, str]) -> bool:
    try:
        sentence.format(**filled)
    except KeyError:
        return False
    return True


def rounded(value: float) -> float:
    """Return a number with as many places as say something."""
    size = abs(value)
    return round(value) if size >= 100 else round(value, 1) if size >= 10 else round(value, 2)


def shade(one: Reach) -> str:
    """Return the class of a field: orange below 1,000 km, blue from there on, the further the stronger."""
    if one.km.middle >= KM:
        return "far2" if one.probability >= LIKELY else "far1"
    return "short1" if one.km.middle >= 0.75 * KM else "short2" if one.km.middle >= 0.5 * KM else "short3"


def waterfall(cold: Cold) -> list[Bar]:
    """Return the bars from the warm range down to the cold one."""
    at, most = cold.warm_km.middle, max(cold.warm_km.middle, cold.cold_km.middle, 1e-9)
    bars = []
    for one in cold.causes:
        low, high = sorted((at, at + one.km))
        bars.append(Bar(one.cause, one.km, _percent(low / most), _percent((high - low) / most)))
        at += one.km
    return bars


def reaches(between: Between, most: float) -> tuple[float, float, float]:
    """Return where low, middle and high are, in per cent of the most."""
    low, middle, high = (_percent(min(max(one, 0.0) / most, 1.0)) for one in between)
    return low, middle, high


def by_verdict(checks: tuple[Check, ...]) -> dict[str, int]:
    """Return how many checks have each verdict."""
    return {one: sum(check.verdict == one for check in checks) for one in VERDICTS}


def _percent(share: float) -> float:
    return round(100 * max(share, 0.0), 2)
