"""The catalogue of data points: what a value may be, and who may declare it of what."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import EventError
from voltrail.events import decode
from voltrail.events.points import POINTS, check_points, document

DOCUMENT = Path(__file__).parents[2] / "docs" / "points.md"
LINE = b'{"kind":"points_declared","occurred_at":"2026-04-21T09:00:00+08:00","model_id":"S-102","points":%b}'


def test_the_document_is_what_the_catalogue_prints():
    """docs/points.md is printed, never edited: write document() into it."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mass_kg", -1),
        ("mass_kg", "412"),
        ("mass_kg", True),
        ("mass_kg", float("nan")),
        ("recycled_cobalt_pre_percent", 100.5),
        ("life_cycles", 1500.5),
        ("category", "bus"),
        ("dismantling", "see the manual"),
        ("dismantling", "javascript:alert(1)"),
        ("dismantling", "https://example.org/a b"),
        ("manufacturer_email", "nobody"),
        ("manufactured_on", "2026-02-30"),
        ("chemistry", ""),
        ("chemistry", " LFP"),
        ("chemistry", "x" * 2_001),
        ("updated_at", "2026-02-03T10:00:00"),
    ],
)
def test_a_value_that_a_point_cannot_have_is_told(name, value):
    """Out of its bounds, of another type, or in another form."""
    assert POINTS[name].wrong(value)


@given(st.sampled_from(sorted(POINTS)), st.one_of(st.floats(), st.integers(), st.text(), st.booleans()))
def test_whatever_a_value_is_it_is_judged(name, value):
    """Nothing that JSON can hold breaks the judgement, and what is taken once is taken in an event."""
    point = POINTS[name]
    if point.wrong(value) is None and point.by != "record":
        check_points({name: value}, of_battery=point.by == "measured")


@pytest.mark.parametrize(
    ("points", "rule"),
    [
        (b'{"weight":3}', "event.value"),
        (b'{"cycles":3}', "event.value"),
        (b'{"mass_kg":-3}', "event.value"),
        (b"{}", "event.value"),
    ],
)
def test_a_maker_cannot_declare_what_is_no_point_of_a_model(points, rule):
    """An unknown name, a value that batteries have each for themselves, or one out of bounds is refused."""
    with pytest.raises(EventError) as raised:
        decode(LINE % points)
    assert raised.value.rule == rule
    assert raised.value.fix


@pytest.mark.parametrize("name", [name for name, point in POINTS.items() if point.by == "record"])
def test_what_the_record_decides_nobody_says_otherwise(name):
    """Who answers for a battery and what became of it is not declared, and not measured."""
    for of_battery in (True, False):
        with pytest.raises(EventError):
            check_points({name: "original"}, of_battery=of_battery)


def test_of_a_battery_only_what_changes_is_measured():
    """A measurement does not say what its model is like."""
    line = LINE.replace(b"points_declared", b"measured").replace(
        b'"model_id":"S-102"', b'"code":"9ZZPB000000000G4C0009301"'
    )
    with pytest.raises(EventError):
        decode(line % b'{"chemistry":"LFP"}')
