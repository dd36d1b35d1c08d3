"""The scenario page of the outlook: what may be moved, what it answers, its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from voltrail.outlook import tables
from voltrail.outlook.classes import GROUPS, LAST, YEARS
from voltrail.outlook.parameters import Parameter, parameters
from voltrail.outlook.report import band_of
from voltrail.outlook.run import Outcome, band
from voltrail.outlook.scenario import Scenario
from voltrail.web.catalogue import later
from voltrail.web.outlook import Drawn, Line, chart
from voltrail.web.page import Page

TOLD: Final = (
    "share",
    "price",
    "output",
    "stock",
    "left",
    "collected",
    "processed",
    "metal_needed",
    "metal_recovered",
)
COMPARED: Final = (("left", "metal_recovered", "share", "price"), (2030, 2040))

FIRST_MOVED: Final = (
    "car.battery_years",
    "car.vehicle_years",
    "commercial.battery_years",
    "truck.ceiling_percent",
    "truck.swap_percent",
    "collection_2035_percent",
    "second_life_percent",
    "lfp_percent",
)
"""What planners ask for first; all other parameters are folded beneath."""

_GROUPS: Final = {
    "car": later("Cars"),
    "van": later("Vans"),
    "bus": later("Buses"),
    "truck": later("Heavy trucks"),
    "commercial": later("Commercial vehicles"),
    "world": later("The world outside China"),
    "exports": later("The world outside China"),
    "metal": later("What metals are worth"),
    "recovery": later("What is won back of metals"),
    "": later("Policy, prices, batteries and what becomes of them"),
}
PARTS: Final = {**{group: _GROUPS[group] for group in GROUPS}, "Li": later("lithium")}


CHANGED: Final = ", changed"  # what stands after the name of a scenario that somebody changed


class Named(NamedTuple):
    """A scenario as addresses name it; `own` where somebody changed one that is brought along."""

    id: str
    scenario: Scenario
    own: bool = False

    def word(self, page: Page) -> str:
        """Return what it is called, in the words of a page."""
        name = page.say(self.scenario.name.removesuffix(CHANGED))
        return page.say("{name}, changed", name=name) if self.own else name


class Moved(NamedTuple):
    """What a field has as long as nothing is typed: its value, and from where to where it may lie."""

    value: str
    low: str
    high: str


def groups() -> list[tuple[str, list[Parameter]]]:
    """Return what may be moved: what is asked for first under no heading, then the rest by theirs."""
    table = parameters()
    found: dict[str, list[Parameter]] = {"": [table[one] for one in FIRST_MOVED if one in table]}
    for one in table.values():
        if one.id not in FIRST_MOVED:
            before = one.id.partition(".")[0] if "." in one.id else ""
            found.setdefault(_GROUPS.get(before, _GROUPS[""]), []).append(one)
    return list(found.items())


def shown(base: Scenario) -> dict[str, Moved]:
    """Return what each field has before it is moved."""
    found = {}
    for one in parameters().values():
        if one.id in base.given:
            found[one.id] = Moved(f"{base.given[one.id]:g}", "", "")
        else:
            spread = base.ranges.get(one.id, one)
            found[one.id] = Moved(f"{spread.value:g}", f"{spread.low:g}", f"{spread.high:g}")
    return found


def results(outcome: Outcome) -> Iterator[tuple[str, str, str, dict[str, list[float]]]]:
    """Yield what the page tells, for programs: quantity, part, unit, and the band by year."""
    for one in tables.series(outcome, TOLD):
        part = one.segment + one.chemistry + one.metal
        if not part or "" not in tables.parts_of(one.quantity):
            told = {name: each.tolist() for name, each in band(one.draws)._asdict().items()}
            yield one.quantity.id, part, one.quantity.unit, told


def pictures(page: Page, outcomes: Sequence[tuple[Named, Outcome]]) -> dict[str, Drawn | None]:
    """Return the pictures: of one scenario what it says, of several the same of each."""
    units = {
        "share": page.say("% of sales at home"),
        "left": page.say("GWh a year"),
        "metal": page.say("tonnes of lithium a year"),
        "price": page.say("dollars of 2025 a kWh"),
    }
    if len(outcomes) > 1:
        told = {
            "share": ("share", "truck"),
            "left": ("left", ""),
            "metal": ("metal_recovered", "Li"),
            "price": ("price", ""),
        }
        return {
            name: chart(
                [
                    _line(one.word(page) if place else page.say("this scenario"), outcome, *which)
                    for place, (one, outcome) in enumerate(outcomes)
                ],
                units[name],
                since=LAST,
            )
            for name, which in told.items()
        }
    outcome = outcomes[0][1]
    lines = {
        "share": [_line(page.say(PARTS[group]), outcome, "share", group) for group in GROUPS],
        "left": [
            _line(page.say("left vehicles"), outcome, "left"),
            _line(page.say("collected"), outcome, "collected"),
            _line(page.say("processed"), outcome, "processed"),
        ],
        "metal": [
            _line(page.say("needed for new batteries"), outcome, "metal_needed", "Li"),
            _line(page.say("won back"), outcome, "metal_recovered", "Li"),
        ],
        "price": [_line("", outcome, "price")],
    }
    return {name: chart(each, units[name], since=LAST) for name, each in lines.items()}


def _line(label: str, outcome: Outcome, what: str, part: str = "") -> Line:
    return Line(label, YEARS, *band_of(outcome, what, part))
