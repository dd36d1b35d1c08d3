"""The catalogue: a claim cannot become a fact, and a class is verified by a weighing alone."""

from datetime import date, datetime, timedelta, timezone
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import NotFound
from voltrail.events.kinds import TestReported
from voltrail.events.structs import Result
from voltrail.technology import catalogue
from voltrail.technology.catalogue import (
    KINDS,
    RULES,
    SOURCES,
    TECHNOLOGIES,
    OnRecord,
    Published,
    Unverified,
    Verified,
    first_day,
    last_day,
    rule_on,
    verified_class,
    weighed,
    weighed_in,
)
from voltrail.technology.qualification import STAGES, Test

LAB = "91110000MA0LAB0001"
GROUP, DRAFT = RULES["tcsae-434-2025"], RULES["gbt-solid-state-draft"]
SOME = TECHNOLOGIES["quantumscape-qse5"]
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))


def a_figure(**changes):
    """Return a weight loss as a third party would publish it, changed."""
    whole = {"metric": "weight_loss", "value": 0.004, "unit": "fraction", "kind": "measured_by_third_party"}
    whole |= {"by": "TÜV", "procedure": "vacuum drying", "date": "2026-05-01"}
    return msgspec.structs.replace(SOME.figures[0], **(whole | changes))


def with_figure(figure):
    """Return a technology that has this figure beside its own."""
    return msgspec.structs.replace(SOME, figures=(*SOME.figures, figure))


def a_test(loss=0.004, reporter=LAB, **changes):
    """Return a test of the weight loss on record, changed."""
    when = datetime(2026, 5, 1, 9, tzinfo=timezone(timedelta(hours=8)))
    members = {"occurred_at": when, "campaign": "c", "model_id": "m", "protocol": "weight_loss"}
    members |= {"codes": ("x",), "outcome": "measured"}
    members |= {"results": (Result(metric="weight_loss_fraction", value=loss),)}
    return Test(7, reporter, TestReported(**(members | changes)))


NOT_VERIFYING = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([one for one in KINDS if one != "measured_by_third_party"]),
        "metric": st.sampled_from(["weight_loss", "specific_energy"]),
        "value": st.floats(0, 1),
        "by": st.sampled_from(["VTT", "TÜV", "QuantumScape"]),
        "procedure": st.text(max_size=5),
    }
)


@given(NOT_VERIFYING, DAYS, st.sampled_from(catalogue.TYPES))
def test_no_claim_becomes_a_fact(changes, on, declared):
    """Whatever is claimed, by whomever, of whatever declared type: the class is not verified, on no day."""
    one = msgspec.structs.replace(with_figure(a_figure(**changes)), declared_type=declared)
    assert weighed(one) is None
    assert verified_class(weighed(one), on) == Unverified("no_measurement")
    with pytest.raises(ValueError):
        Published(one, one.figures[-1])


@pytest.mark.parametrize(
    "changes",
    [
        {"by": "QuantumScape"},  # the maker is no third party
        {"procedure": ""},  # by no stated protocol
        {"date": ""},
        {"value": 1.2},
        {"value": float("nan")},
        {"unit": "mg"},
        {"metric": "liquid_share"},
    ],
)
def test_a_published_weighing_has_all_that_makes_it_one(changes):
    """A figure of the maker's own, by no protocol, of no day or of no share verifies nothing."""
    assert weighed(with_figure(a_figure(**changes))) is None


def test_a_figure_of_another_technology_verifies_nothing():
    """A weighing belongs to the technology whose figure it is."""
    with pytest.raises(ValueError):
        Published(SOME, a_figure())


def test_verified_has_no_field_for_a_class():
    """There is nothing to fill a class into: it follows from a weighing and a rule, and from nothing else."""
    assert Verified.__struct_fields__ == ("weighing", "rule", "on")
    for other in ("all_solid_state", 0.001, SOME.figures[0], None):
        with pytest.raises(TypeError):
            Verified(other, GROUP, date(2026, 6, 1))
    found = weighed(with_figure(a_figure()))
    with pytest.raises(ValueError):
        Verified(found, DRAFT, date(2026, 6, 1))
    with pytest.raises(ValueError):
        Verified(found, GROUP, date(2026, 4, 30))  # before it was weighed


@given(st.floats(0, 1), DAYS)
def test_the_class_follows_from_weight_and_day(loss, on):
    """The same weighing and day give the same class: that of the rule in force then, or none."""
    found = verified_class(weighed(with_figure(a_figure(value=loss))), on)
    assert found == verified_class(weighed(with_figure(a_figure(value=loss))), on)
    if on < date(2026, 5, 1):
        assert found == Unverified("no_measurement")
    else:
        assert found.rule is GROUP
        assert found.verified_class == ("all_solid_state" if loss < 0.01 else "not_all_solid_state")


def test_a_draft_counts_against_nobody():
    """0.7 % is beyond the draft's limit and within that in force: it is all-solid-state, today."""
    found = verified_class(weighed(with_figure(a_figure(value=0.007))), date(2026, 12, 1))
    assert found.verified_class == "all_solid_state"
    assert not any(DRAFT.applies(date(year, 12, 31)) for year in range(2025, 2040))


def test_a_rule_of_which_only_the_year_is_known_holds_from_its_end():
    """Of 2025 no day is known, so on none but its last is the rule sure to be in force."""
    assert rule_on(date(2025, 12, 30)) is None
    assert rule_on(date(2025, 12, 31)) is GROUP
    early = weighed(with_figure(a_figure(date="2024-03-01")))
    assert verified_class(early, date(2024, 6, 1)) == Unverified("no_rule")


def test_the_limit_itself():
    """The group standard says below 1 %, the draft at most 0.5 %."""
    assert [GROUP.met(loss) for loss in (0.0099, 0.01)] == [True, False]
    assert [DRAFT.met(loss) for loss in (0.005, 0.0051)] == [True, False]
    assert not RULES["gb-38031-2025"].met(0.0)


def test_a_laboratory_s_test_on_record_verifies():
    """The worst sample of the last finished test by a laboratory counts."""
    results = tuple(Result(metric="weight_loss_fraction", value=loss) for loss in (0.004, 0.012))
    found = weighed_in([a_test(), a_test(results=results)], {LAB})
    assert (found.weight_loss_fraction, found.by, found.test.index) == (0.012, LAB, 7)
    assert verified_class(found, date(2026, 6, 1)).verified_class == "not_all_solid_state"


@pytest.mark.parametrize(
    "changes",
    [
        {"reporter": "91110000MA0MAKER01"},  # no laboratory
        {"protocol": "capacity"},
        {"outcome": "aborted"},
        {"deviations": "dried for an hour only"},
        {"results": ()},
        {"loss": float("nan")},
        {"loss": -0.1},
        {"loss": 4.0},  # per cent, where a fraction is meant
    ],
)
def test_no_other_test_on_record_verifies(changes):
    """A maker's own test, another protocol, an aborted, deviating or senseless one verifies nothing."""
    assert weighed_in([a_test(**changes)], {LAB}) is None
    with pytest.raises(ValueError):
        OnRecord(a_test(**changes), frozenset({LAB}))


def test_who_measured_is_named():
    """A measurement without whose it is cannot be written into the catalogue."""
    for kind in ("measured_by_maker", "measured_by_third_party"):
        with pytest.raises(ValueError, match="who measured"):
            a_figure(kind=kind, by="")
    with pytest.raises(ValueError, match="one value"):
        a_figure(low=0.1, high=0.2)


def test_every_row_has_its_source():
    """Sources that are named are there, and none stands there unused."""
    named = {one.source for each in TECHNOLOGIES.values() for one in (*each.figures, *each.steps)}
    named |= {name for one in RULES.values() for name in one.sources.split()}
    assert named - {""} == set(SOURCES)
    assert all(one.source for each in TECHNOLOGIES.values() for one in each.figures)


def test_no_row_belongs_to_nothing():
    """Figures and steps of the files all stand with a technology."""
    figures, steps = catalogue._read("figures", catalogue.Figure), catalogue._read("stages", catalogue.Step)
    assert sum(len(one.figures) for one in TECHNOLOGIES.values()) == len(list(figures))
    assert sum(len(one.steps) for one in TECHNOLOGIES.values()) == len(list(steps))


def test_an_announcement_is_never_reached():
    """Targets stay announced; what only the maker says, or no source tells, is said; the rest had come."""
    for step in (step for one in TECHNOLOGIES.values() for step in one.steps):
        assert (step.standing == "announced") == (step.kind == "target")
        if step.standing == "reached":
            assert step.source
            assert step.kind != "claimed"
            assert not step.on or first_day(step.on) <= last_day(step.date)


@given(
    st.sampled_from(STAGES),
    st.sampled_from(KINDS),
    st.sampled_from(["", "2026", "2030-06"]),
    st.sampled_from(["", "2026-05"]),
    st.sampled_from(["", "electrek-1"]),
)
def test_a_stage_is_reached_by_evidence_alone(stage, kind, on, told, source):
    """Without a dated source, by the maker's word, as a target, or told before it was, nothing is reached."""
    step = catalogue.Step(
        technology="x", stage=stage, on=on, until="", kind=kind, date=told, source=source, note="", note_zh=""
    )
    if step.standing == "reached":
        assert source
        assert told
        assert kind not in {"claimed", "target"}
        assert on != "2030-06"


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
        ("2027-Q4", date(2027, 10, 1), date(2027, 12, 31)),
        ("2028-02", date(2028, 2, 1), date(2028, 2, 29)),
        ("2026-12", date(2026, 12, 1), date(2026, 12, 31)),
        ("2026-01-15", date(2026, 1, 15), date(2026, 1, 15)),
    ],
)
def test_dates_are_as_exact_as_their_source(text, first, last):
    """A year, a quarter, a month and a day have the days that lie in them."""
    assert (first_day(text), last_day(text)) == (first, last)


def test_the_same_quantity_stands_side_by_side():
    """Cell and pack, target and claim of one metric are grouped; one figure alone is not."""
    [group] = TECHNOLOGIES["nio-welion-150"].side_by_side
    assert [(one.value, one.level) for one in group] == [(360, "cell"), (260, "pack")]
    assert TECHNOLOGIES["samsung-sdi-asb"].side_by_side == ()


def test_an_unknown_name_is_told():
    """There is a way on from a name that is in no catalogue."""
    with pytest.raises(NotFound, match="voltrail technology list"):
        catalogue.technology("nothing")


def test_what_is_not_stated_is_told():
    """A condition that matters to a metric and that nobody states is named."""
    energy = next(one for one in SOME.figures if one.metric == "energy")
    assert energy.unstated == ("pressure_mpa", "sample")
    for one, metric in product(TECHNOLOGIES.values(), ("specific_energy",)):
        assert all("temperature_c" in each.unstated for each in one.figures if each.metric == metric)
