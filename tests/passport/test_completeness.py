"""The board of a model: how each point of a rule set stands, and what counts as complete."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import VoltrailError
from voltrail.events import answers
from voltrail.events.points import POINTS
from voltrail.lifecycle import Model
from voltrail.lifecycle.state import Said
from voltrail.passport import CATEGORIES, EU_GUIDANCE, RULE_SETS
from voltrail.passport.answering import Draft, Entry, read_value, text_of, wrong
from voltrail.passport.completeness import Asking, board, counted
from voltrail.passport.compose import of_model

DAY = date(2026, 11, 30)
TYPED = st.text(max_size=40) | st.integers() | st.floats()


def board_of(model, rules=EU_GUIDANCE, asked=None, day=DAY):
    return board(model, of_model(model, lambda _: None, "registry.example"), rules, asked or {}, day)


def said(**points):
    return Model("M", "9" * 18, points={name: Said(value, 7, "Kathode") for name, value in points.items()})


@pytest.mark.parametrize("rules", RULE_SETS.values(), ids=lambda one: one.id)
@pytest.mark.parametrize("category", CATEGORIES)
def test_every_point_of_the_rule_set_stands_on_it(rules, category):
    """Once for each row that applies; what a maker cannot declare is never missing."""
    lines = board_of(said(category=category), rules)
    wanted = [
        (row.nr, point) for row in rules.rows if row.status(category) != "absent" for point in row.points
    ]
    there = {line.point for line in lines if line.known}
    assert {(line.nr, line.point) for line in lines if line.point not in there} <= set(wanted)
    assert set(wanted) <= {(line.nr, line.point) for line in lines}
    for line in lines:
        if line.standing == "missing":
            assert POINTS[line.point].by == "declared"
            assert line.applies.status == "mandatory"
        if POINTS[line.point].by != "declared" and line.known is None:
            assert line.standing == POINTS[line.point].by


def test_a_point_goes_its_way():
    """Missing, asked, returned, answered, offered, there; a value counts for more than a request."""
    due = DAY + timedelta(days=3)
    model = said(category="ev")

    def line(asked=None, of=model, day=DAY):
        return next(one for one in board_of(of, asked=asked, day=day) if one.point == "mass_kg")

    assert line().standing == "missing"
    for state in ("asked", "returned", "answered", "offered"):
        asking = {"mass_kg": Asking(1, "Kathode", due, state)}
        assert line(asking).standing == state
        assert not line(asking).overdue
        late = line(asking, day=due + timedelta(days=1))
        assert late.overdue == (state in {"asked", "returned"})
    found = line({"mass_kg": Asking(1, "Kathode", due, "asked")}, said(category="ev", mass_kg=410))
    assert (found.standing, found.known.value, found.known.entries, found.by) == (
        "there",
        410,
        (7,),
        "Kathode",
    )


def test_what_the_rule_set_bars_is_said():
    """A point that must not stand in a passport, and does."""
    lines = board_of(said(category="ev", footprint_kg=9.0))
    assert next(one for one in lines if one.point == "footprint_kg").standing == "unwanted"


def test_how_complete_it_is():
    """Only mandatory points that a maker declares count, each once."""
    empty = counted(board_of(said(category="ev")))
    more = counted(board_of(said(category="ev", mass_kg=410, chemistry="LFP", footprint_kg=9.0)))
    assert empty[1] == more[1] > 20
    assert more[0] == empty[0] + 2


@given(st.sampled_from(sorted(POINTS)), TYPED)
def test_whatever_is_typed_is_told_or_can_be_signed(name, typed):
    """No text, however strange, breaks the form: it is a value of the point, nothing, or told to be wrong."""
    point = POINTS[name]
    try:
        value = read_value(point, typed)
    except VoltrailError as error:
        assert error.message
    else:
        assert value is None or point.wrong(value) is None


@given(
    st.dictionaries(st.sampled_from([n for n, p in POINTS.items() if p.by == "declared"]), TYPED, max_size=9)
)
def test_what_is_not_wrong_has_one_text(points):
    """A draft without troubles gives a text that reads back to its values, and is written in its one form."""
    draft = Draft("Kathode", {name: Entry(typed) for name, typed in points.items()})
    if wrong(draft):
        return
    text = text_of(draft, "a.example/log", "1", "9" * 18, "cell", 1, datetime(2026, 5, 1, tzinfo=UTC))
    answer = answers.read(text)
    assert answers.write(answer) == text
    assert set(answer.values) <= set(points)


@pytest.mark.parametrize(
    ("typed", "value"), [(" 1 234.5 ", 1234.5), ("7", 7), ("-0.5", -0.5), ("+3", 3), ("1\u00a0000", 1000)]
)
def test_numbers_as_clerks_type_them(typed, value):
    """Spaces between thousands are taken; a comma is told, since it may be either."""
    point = POINTS["idle_min_c"] if value < 0 else POINTS["power_limit_w"]
    assert read_value(point, typed) == value
    with pytest.raises(VoltrailError):
        read_value(point, "1,5")
