"""The page of ranges: what cycles and parts are called, the curve over temperature, the bar of energy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from voltrail.technology.pack import Between
from voltrail.technology.range import Range
from voltrail.web import Page
from voltrail.web.catalogue import later
from voltrail.web.outlook import Drawn, Line, Mark, chart

CYCLES: Final = {
    "CLTC": later("CLTC-P"),
    "WLTC": later("WLTC class 3b"),
    "EPA": later("EPA label, city and highway"),
    "road-84": later("84 km/h, level"),
    "motorway-110": later("110 km/h, level"),
    "motorway-130": later("130 km/h, level"),
    "truck-80": later("Long haul at 80 km/h, with hills"),
}
CABINS: Final = {
    "comfort": later("heated from cold"),
    "preheated": later("warmed at the socket before"),
    "off": later("neither heated nor cooled"),
}
PARTS: Final = {
    "air": later("Air"),
    "tyres": later("Tyres"),
    "climb": later("Climbing"),
    "speed": later("Speed at the end"),
    "brakes": later("Brakes"),
    "drive": later("Between battery and wheels"),
    "auxiliary": later("Auxiliaries"),
    "cabin": later("Cabin"),
    "cells": later("Heat in the cells"),
    "procedure": later("What the procedure deducts"),
}
STANDINGS: Final = {
    "read": later("read in its source"),
    "recalled": later("from memory, not checked"),
    "assumption": later("an assumption of ours"),
}
CHARACTERISTICS: Final = {
    "duration": later("Duration"),
    "distance": later("Distance"),
    "mean_speed": later("Mean speed"),
    "top_speed": later("Top speed"),
    "standing": later("Time standing"),
    "speeding_up": later("Time speeding up"),
    "slowing_down": later("Time slowing down"),
    "mean_acceleration": later("Mean acceleration"),
    "mean_deceleration": later("Mean deceleration"),
    "distance_low": later("Distance, slow part"),
    "distance_medium": later("Distance, middle part"),
    "distance_high": later("Distance, fast part"),
    "positive_work": later("Work of speeding up, by kg and m"),
}
LEAST_KWH: Final = 0.005  # of a part in 100 km, that it is shown


class Piece(NamedTuple):
    """A part of the bar of energy, in per cent of its length; `colour` from 1 to 5, over and over."""

    part: str
    kwh: float
    share: float
    x: float
    width: float
    colour: int


def bar(told: Range) -> list[Piece]:
    """Return the parts side by side, those that take energy; what gives some back is in the table alone."""
    parts = [(name, value) for name, value in told.parts.items() if abs(value) >= LEAST_KWH]
    whole = sum(value for _, value in parts if value > 0)
    pieces, x = [], 0.0
    for place, (name, value) in enumerate(parts):
        width = 100 * max(value, 0.0) / whole if whole else 0.0
        share = value / told.kwh_per_100km.middle
        pieces.append(Piece(name, value, share, round(x, 2), round(width, 2), place % 5 + 1))
        x += width
    return pieces


def curve(
    page: Page, temperatures_c: Sequence[float], km: Sequence[Between], asked: tuple[float, Between]
) -> Drawn | None:
    """Return the range over temperature in its band, and the one asked for as a mark."""
    low, middle, high = zip(*km, strict=True)
    temperature_c, here = asked
    return chart(
        [Line("", temperatures_c, middle, low, high)],
        unit=page.say("km, by temperature outside in °C"),
        marks=[Mark(page.say("your question"), temperature_c, here.middle, here.low, here.high)],
    )
