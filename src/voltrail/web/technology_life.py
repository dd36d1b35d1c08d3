"""What the page of how long batteries last shows: its words, its picture, years with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from voltrail.technology.life import SAID_YEARS, Interval, Life
from voltrail.web import Page
from voltrail.web.catalogue import later
from voltrail.web.outlook import Drawn, Line, chart

SHOWN_YEARS: Final = 25
"""Of the picture: longer ago no such battery was in use."""

DUTIES: Final = {
    "private-car": later("Private car"),
    "taxi": later("Taxi"),
    "truck-swap": later("Heavy truck, swapping"),
    "truck-charged": later("Heavy truck, charging"),
    "storage": later("Stationary storage"),
    "second-life": later("Second life in storage"),
}
PLACES: Final = {
    "beijing": later("Beijing"),
    "guangzhou": later("Guangzhou"),
    "harbin": later("Harbin"),
    "shanghai": later("Shanghai"),
    "chongqing": later("Chongqing"),
    "urumqi": later("Ürümqi"),
    "kunming": later("Kunming"),
    "berlin": later("Berlin"),
}
OF_DUTY: Final = {
    "private-car": later("of a private car"),
    "taxi": later("of a taxi"),
    "truck-swap": later("of a heavy truck that swaps"),
    "truck-charged": later("of a heavy truck that charges"),
    "storage": later("of stationary storage"),
    "second-life": later("in a second life in storage"),
}
BEYOND: Final = {
    "years": later("Time: cells were tested for a few years at most; more is carried on by the law."),
    "capacity": later("Capacity: so far down it was not measured, and cells may fall faster there (a knee)."),
    "cold": later("Cold: some months are colder than cells were tested at rest."),
    "heat": later("Heat: some months are hotter than cells were tested at rest."),
}
STANDINGS: Final = {
    "derived": later("computed from its source"),
    "recalled": later("from memory, not checked"),
    "assumption": later("assumption"),
}
KINDS: Final = {
    "claimed": later("claimed by the maker"),
    "target": later("a target"),
    "measured_by_maker": later("measured by the maker"),
    "measured_by_third_party": later("measured by a third party"),
    "derived": later("computed"),
    "reported": later("reported"),
}


def years(page: Page, value: float) -> str:
    """Return a number of years; what is cut off as more than that."""
    if value >= SAID_YEARS:
        return page.say("more than {years}", years=page.number(round(SAID_YEARS)))
    return page.number(round(value, 1) if value < 10 else round(value))


def lies(page: Page, found: Interval) -> str:
    """Return from where to where nine of ten draws lie."""
    return page.say("{low} to {high}", low=years(page, found.low), high=years(page, found.high))


def draw(lives: Sequence[Life], page: Page) -> Drawn | None:
    """Return the picture of what is left over years, a line and a band for each duty."""
    lines = []
    for one in lives:
        last = min(SHOWN_YEARS + 1, len(one.years))
        middle, low, high = 100 * one.capacity[:, :last]
        lines.append(Line(page.say(DUTIES[one.duty]), one.years[:last].tolist(), middle, low, high))
    return chart(lines, page.say("% of what it had when new"))
