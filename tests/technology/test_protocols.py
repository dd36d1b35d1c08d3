"""Protocols as data, and a test held against its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.registry import qualifying as q
from voltrail.events import decode
from voltrail.technology.protocols import PROTOCOLS, check

LIMITS = [(name, limit) for name, one in PROTOCOLS.items() for limit in one.limits]


def rules(test):
    return [one.rule for one in check(test) if one.spoils]


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_a_test_that_is_whole_has_nothing_wrong(name):
    """With all it asks for stated, nothing is found; without any of it, that is named."""
    assert check(decode(q.of_test("c", name))) == ()
    bare = check(decode(q.of_test("c", name, results=[], conditions={}, data=[])))
    asked = PROTOCOLS[name]
    assert {one.about for one in bare if one.rule == "test.metric"} == set(asked.metrics)
    assert {one.about for one in bare if one.rule == "test.condition"} == set(asked.conditions)
    assert "test.data" in {one.rule for one in bare if not one.spoils}


@pytest.mark.parametrize(("name", "limit"), LIMITS)
def test_only_a_limit_in_force_decides(name, limit):
    """A draft, or what memory alone has, breaks no test; what is in force does, unless it is said to fail."""
    asked = PROTOCOLS[name]
    broken = limit.value - 1 if limit.is_ == "at_least" else limit.value + 0.001
    given_ = [
        {"metric": one, "value": q.GOOD.get(one, 0.001)} for one in asked.metrics if one != limit.metric
    ]
    results = [*given_, {"metric": limit.metric, "value": broken}]
    found = rules(decode(q.of_test("c", name, results=results)))
    assert found == (["test.outcome"] if limit.standing == "in_force" else [])
    assert limit.standing != "in_force" or limit.valid_from is not None
    assert rules(decode(q.of_test("c", name, results=results, outcome="failed"))) == []


def test_a_limit_counts_from_its_day_on():
    """What was tested before a rule was in force is not held against it."""
    results = [{"metric": "weight_loss_fraction", "value": 0.02}]
    late = q.of_test("c", "weight_loss", results=results)
    assert rules(decode(late)) == ["test.outcome"]
    assert rules(decode(late.replace(b"2026-10-03", b"2025-06-03"))) == []


@given(st.sampled_from(sorted(PROTOCOLS)), st.floats(allow_nan=False, allow_infinity=False))
def test_any_figure_is_weighed(name, value):
    """However large or small a figure is: findings, never an exception."""
    asked = PROTOCOLS[name]
    results = [{"metric": one, "value": value} for one in asked.metrics]
    assert all(one.message for one in check(decode(q.of_test("c", name, results=results))))


def test_every_protocol_is_told_in_both_languages():
    """Names and raw data in English and Chinese; each limit with its source."""
    for one in PROTOCOLS.values():
        assert all((one.name, one.name_zh, one.raw, one.raw_zh))
        assert one.samples >= 1
        assert {limit.metric for limit in one.limits} <= set(one.metrics)
        assert all(limit.source for limit in one.limits)


def test_a_protocol_of_ones_own_is_taken_and_says_so():
    """It is on record, and fills no gate."""
    own = q.of_test("c", "rate").replace(b'"protocol":"rate"', b'"protocol":"of our own"')
    assert rules(decode(own)) == ["test.protocol"]
