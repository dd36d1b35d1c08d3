"""Every figure of the compiled facts is in the catalogue as it was told, and none is made more of."""

import json
import re
from collections import Counter

import pytest

from tests.reference.conftest import FOLDER
from voltrail.technology.catalogue import RULES, SOURCES, TECHNOLOGIES

PATH = FOLDER / "cells" / "technologies.json"
FACTS = json.loads(PATH.read_text("utf-8")) if PATH.is_file() else {"technologies": [], "standards": []}
FIGURES = [(one["id"], figure) for one in FACTS["technologies"] for figure in one["figures"]]
KINDS = {
    "claimed": "claimed",
    "target": "target",
    "reported": "reported",
    "derived and claimed": "derived",
    "measured (maker)": "measured_by_maker",
    "measured (maker, livestreamed)": "measured_by_maker",
    "measured (carmaker validation)": "measured_by_maker",  # by a party to the work
    "measured (VTT)": "measured_by_third_party",
}
UNITS = {"degC": "°C", "mAh/cm2": "mAh/cm²", "1-9 scale": "level of 9"}
TYPES = {"all-solid-state": "all_solid_state", "solid-state": "solid_state", "semi-solid": "semi_solid"}
pytestmark = pytest.mark.skipif(not FIGURES, reason="the facts are not here")


def told(figure):
    """Return what a figure of the facts says: its value or two, unit, kind, level, date and address."""
    value = figure["value"]
    if isinstance(value, str):
        low, high = re.fullmatch(r"(-?\d+)(?:\.\.|-)(\d+)", value).groups()
        value = (float(low), float(high))
    level = "not_stated" if figure["level"] == "unstated" else figure["level"]
    unit = UNITS.get(figure["unit"], figure["unit"])
    return value, unit, KINDS[figure["kind"]], level, figure["date"], figure["source"]


def test_every_figure_is_there_and_no_other():
    """Value, unit, kind, level, date and source of each are those of the facts; nothing is added."""
    for one in FACTS["technologies"]:
        facts = Counter(told(figure) for figure in one["figures"] if figure["unit"] != "date")
        ours = Counter(
            (
                (each.low, each.high) if each.value is None else each.value,
                each.unit,
                each.kind,
                each.level,
                each.date,
                SOURCES[each.source].url,
            )
            for each in TECHNOLOGIES[one["id"]].figures
        )
        assert ours == facts, one["id"]
    assert set(TECHNOLOGIES) == {one["id"] for one in FACTS["technologies"]}


def test_dates_of_production_are_announced_steps():
    """A date that was announced is a target among the stages, with the source and day of the facts."""
    dates = [(name, figure) for name, figure in FIGURES if figure["unit"] == "date"]
    assert dates
    for name, figure in dates:
        [step] = [one for one in TECHNOLOGIES[name].steps if one.on == figure["value"]]
        assert (step.standing, step.kind, step.date) == ("announced", figure["kind"], figure["date"])
        assert SOURCES[step.source].url == figure["source"]


def test_nothing_measured_is_made_more_of():
    """What counts as measured by somebody else is what VTT measured, and no more."""
    others = [one for each in TECHNOLOGIES.values() for one in each.figures if "third" in one.kind]
    assert len(others) == sum(figure["kind"] == "measured (VTT)" for _, figure in FIGURES)
    assert {one.by for one in others} == {"VTT"}


def test_organisations_and_declared_types_are_those_of_the_facts():
    """Who declares it and as what is taken over; what we call its type comes first in what was declared."""
    for one in FACTS["technologies"]:
        ours = TECHNOLOGIES[one["id"]]
        assert ours.organisation == one["organisation"]
        declared = re.match(r"all-solid-state|solid-state|semi-solid|liquid", one["declared_type"])[0]
        assert ours.declared_type == TYPES.get(declared, declared)


def test_what_is_not_to_be_recorded_is_not():
    """A figure that the facts say not to record stands nowhere, not even in a note."""
    texts = [one.note + one.note_zh for one in TECHNOLOGIES.values()]
    texts += [str(each) for one in TECHNOLOGIES.values() for each in one.figures]
    assert not any("525" in text for text in texts)


def test_rules_have_the_limits_of_the_facts():
    """The draft of the facts has no day from which it is in force, and all their sources are named."""
    draft, group, safety = FACTS["standards"]
    assert "<= 0.5 %" in draft["rule"]
    assert "NOT confirmed" in draft["status"]
    assert "below 1 %" in group["rule"]
    assert (RULES["gbt-solid-state-draft"].limit, RULES["gbt-solid-state-draft"].in_force_from) == (0.005, "")
    assert (RULES["tcsae-434-2025"].limit, RULES["tcsae-434-2025"].inclusive) == (0.01, False)
    assert RULES["gb-38031-2025"].in_force_from in safety["status"]
    for fact, ours in zip(
        (draft, group, safety), ("gbt-solid-state-draft", "tcsae-434-2025", "gb-38031-2025"), strict=True
    ):
        assert {SOURCES[name].url for name in RULES[ours].sources.split()} == set(fact["sources"])
