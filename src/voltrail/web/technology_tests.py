"""Tests and gates as pages show them: words of metrics and conditions, and what is wrong with a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from voltrail.technology.protocols import PROTOCOLS
from voltrail.web.catalogue import later
from voltrail.web.page import Page

QUANTITIES: Final = {
    "capacity_ah": later("Capacity measured"),
    "energy_wh": later("Energy measured"),
    "capacity_fraction": later("Capacity left"),
    "energy_fraction": later("Energy left"),
    "cycles": later("Cycles done"),
    "days": later("Days in store"),
    "charge_min": later("Charging time"),
    "peak_temperature_c": later("Highest temperature"),
    "observed_h": later("Watched for"),
    "fire": later("Fire"),
    "explosion": later("Explosion"),
    "weight_loss_fraction": later("Weight loss"),
    "temperature_c": later("Temperature"),
    "c_rate": later("Rate"),
    "charge_c_rate": later("Rate of charge"),
    "discharge_c_rate": later("Rate of discharge"),
    "depth_fraction": later("Depth of discharge"),
    "pressure_mpa": later("Pressure on the stack"),
    "charge_fraction": later("State of charge"),
    "from_fraction": later("Charged from"),
    "to_fraction": later("Charged to"),
    "energy_j": later("Energy of the impact"),
    "fast_charge_cycles": later("Fast-charge cycles before"),
    "resistance_mohm": later("Resistance of the short"),
    "force_kn": later("Force"),
    "hours": later("Hours of drying"),
    "pressure_pa": later("Pressure of the air"),
}
REMARKS: Final = {
    "test.protocol": later("No protocol here has this name: the results are on record and fill no gate."),
    "test.condition": later("A condition is not stated: {about}."),
    "test.condition_bounds": later("A condition is not that of the protocol: {about}."),
    "test.metric": later("A value is lacking for some of the samples: {about}."),
    "test.samples": later("Fewer samples than one report by this protocol is about."),
    "test.outcome": later("The outcome does not follow from the results: {about} breaks the limit."),
    "test.data": later("It names no raw data."),
    "test.signed_off": later("It does not say who signs it off."),
    "test.campaign": later("No campaign of this name was opened by who may test the model."),
    "test.sample": later("Some samples are not in the campaign."),
    "test.reporter": later(
        "Whoever reported it is neither the maker, a vehicle maker nor a testing laboratory."
    ),
    "test.unsaid": later(
        "It failed, and was corrected away. What its maker takes back holds the gate all the same."
    ),
}
WHO: Final = {
    "maker": later("the maker"),
    "vehicle_maker": later("a vehicle maker"),
    "lab": later("an independent testing laboratory"),
}
STANDINGS: Final = {
    "in_force": later("in force"),
    "draft": later("draft: not configured"),
    "recalled": later("from memory: not configured"),
}
_UNITS: Final = {"1": "", "0 or 1": "", "d": ""}


class Value(NamedTuple):
    """A quantity as people read it: its word, the figure with its unit."""

    word: str
    figure: str


class Spread(NamedTuple):
    """The values of a metric over samples: how many, from the smallest to the greatest."""

    word: str
    number: int
    figure: str


def protocol_name(page: Page, name: str) -> str:
    """Return the name of a protocol in the page's language; its own id where it is none of ours."""
    known = PROTOCOLS.get(name)
    if known is None:
        return name
    return known.name_zh if page.language == "zh" else known.name


def conditions(page: Page, protocol: str, stated: Mapping[str, float] | None) -> list[Value]:
    """Return the conditions of a test with their words and units."""
    known = PROTOCOLS.get(protocol)
    units = {name: one.unit for name, one in known.conditions.items()} if known is not None else {}
    return [
        Value(word_of(page, name), _figure(page, value, units.get(name, "1")))
        for name, value in (stated or {}).items()
    ]


def results(page: Page, protocol: str, found: list[dict[str, Any]]) -> list[Spread]:
    """Return the results of a test by metric: over how many samples, from which value to which."""
    known = PROTOCOLS.get(protocol)
    by_metric: dict[str, list[float]] = {}
    for one in found:
        by_metric.setdefault(one["metric"], []).append(one["value"])
    told = []
    for metric, values in by_metric.items():
        unit = known.metrics.get(metric, "1") if known is not None else "1"
        low, high = (_figure(page, value, unit, metric) for value in (min(values), max(values)))
        told.append(Spread(word_of(page, metric), len(values), low if low == high else f"{low} … {high}"))
    return told


def remark(page: Page, one: Mapping[str, Any]) -> str:
    """Return what is wrong with a test, in a sentence."""
    about = one.get("about") or ""
    return page.say(REMARKS[one["rule"]]).format(about=word_of(page, about) if about else "–")


def word_of(page: Page, name: str) -> str:
    """Return the word of a metric or condition in the page's language."""
    return page.say(QUANTITIES[name]) if name in QUANTITIES else name


def _figure(page: Page, value: float, unit: str, metric: str = "") -> str:
    if metric in {"fire", "explosion"}:
        return page.say("yes") if value else page.say("no")
    unit = {"1/h": "C"}.get(unit, _UNITS.get(unit, unit))
    if abs(value) < 10:
        value = round(value, 4)
    return f"{page.number(value)} {unit}".rstrip()
