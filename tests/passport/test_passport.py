"""A passport follows from the record: what was declared, what happened, what was measured, what follows."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.events.points import POINTS
from voltrail.lifecycle import Battery
from voltrail.lifecycle.state import Document
from voltrail.organisations.access import AUDIENCES, PASSPORT, may_see
from voltrail.passport import CATEGORIES, RULE_SETS, Sources, batterypass_ready, compose, examine
from voltrail.passport.rulesets import EU_GUIDANCE

DAY = date(2027, 3, 1)
READY = batterypass_ready.RULES


@pytest.mark.parametrize("rules", RULE_SETS.values(), ids=lambda one: one.id)
def test_the_sample_world_s_packs_have_every_mandatory_point(passports, rules):
    """By each rule set, for the category of vehicles; nothing in them is implausible."""
    assert len(passports) > 30
    for one in passports.values():
        barred = rules.bars("ev")
        values = {name: value for name, value in one.plain.items() if name not in barred}
        assert rules.wants("ev") <= values.keys()
        said = examine(values, rules, one.category, DAY, one.series)
        assert {each.verdict for each in said} <= {"conditional"}, said


@pytest.mark.parametrize("rules", RULE_SETS.values(), ids=lambda one: one.id)
def test_what_is_taken_away_is_named_and_nothing_else(passports, rules):
    """Each mandatory point in turn, with the number and source that the rule set gives it."""
    one = next(iter(passports.values()))
    values = {name: value for name, value in one.plain.items() if name not in rules.bars("ev")}
    for point in rules.wants("ev"):
        said = examine({k: v for k, v in values.items() if k != point}, rules, "ev", DAY)
        missing = [each for each in said if each.verdict == "missing"]
        assert {each.point for each in missing} == {point}
        assert {each.nr for each in missing} == {
            row.nr for row in rules.rows if point in row.points and row.status("ev") == "mandatory"
        }
        assert all(each.source and each.fix for each in missing)


def test_before_its_day_nothing_is_missing_yet():
    """What is needed from 18 February 2027 on is told as that."""
    on = EU_GUIDANCE.from_
    assert {each.verdict for each in examine({}, EU_GUIDANCE, "ev", on - timedelta(days=1))} == {
        "not_yet",
        "conditional",
    }
    assert "missing" in {each.verdict for each in examine({}, EU_GUIDANCE, "ev", on)}


@pytest.mark.parametrize(
    ("category", "point"), [("ev", "footprint_label"), ("lmt", "exhaustion_percent"), ("ev", "instructions")]
)
def test_what_must_not_stand_in_a_passport_is_told(category, point):
    """What awaits its format, or is not for a category."""
    said = examine({point: "https://example.org/"}, EU_GUIDANCE, category, DAY)
    assert [each.point for each in said if each.verdict == "must_be_absent"] == [point]


@pytest.mark.parametrize(
    ("values", "series", "point"),
    [
        ({"cycles": -1}, {}, "cycles"),
        ({"recycled_lead_percent": 101}, {}, "recycled_lead_percent"),
        (
            {"recycled_cobalt_pre_percent": 60, "recycled_cobalt_post_percent": 60},
            {},
            "recycled_cobalt_pre_percent",
        ),
        ({"cycles": 90}, {"cycles": [100, 90]}, "cycles"),
        ({"capacity_ah": 170, "rated_capacity_ah": 157}, {}, "capacity_ah"),
        ({"voltage_min_v": 400, "voltage_max_v": 300}, {}, "voltage_min_v"),
        ({"manufactured_on": "2031-01-01"}, {}, "manufactured_on"),
        ({"manufactured_on": "2026-05-01", "in_service_on": "2026-04-01"}, {}, "manufactured_on"),
    ],
)
def test_what_cannot_be_is_implausible(values, series, point):
    """Negative counts, shares above all, counters that fall, more than rated, days that cannot be."""
    said = examine(values, EU_GUIDANCE, "ev", DAY, series)
    assert [each.point for each in said if each.verdict == "implausible"] == [point]


def test_what_nobody_measured_is_not_in_it(memory, passports):
    """No count, no capacity and no fade is made up where nothing was measured, whatever its model says."""
    code = next(iter(passports))
    model = memory.states[f"model:{passports[code].values['model_id'].value}"]

    silent = compose(
        Sources(Battery(code), (), model, memory.organisation, lambda _: None, "demo.voltrail.example")
    )
    assert not [name for name in silent.values if POINTS[name].by == "measured"]


def test_each_value_says_where_it_comes_from(passports, memory):
    """What was declared or measured names entries of the log in which it stands."""
    by_index = {one.index: one for one in memory.log}
    for one in list(passports.values())[:5]:
        declared = one.values["cathode_material"]
        (index,) = declared.entries
        assert by_index[index].event.points["cathode_material"] == declared.value
        fade = one.values["capacity_fade_percent"]
        assert fade.derived
        assert all(
            by_index[index].event.kind in {"manufactured", "measured", "points_declared"}
            for index in fade.entries
        )


@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_document_holds_what_its_audience_sees_and_names_the_rest(passports, audience):
    """Each member of the document is of points that the access table opens; what is withheld is named."""
    one = next(iter(passports.values()))
    seen = {name: value for name, value in one.plain.items() if may_see(audience, PASSPORT, name)}
    withheld = tuple(name for name in one.plain if name not in seen)
    document = batterypass_ready.written(seen, withheld)
    for member in batterypass_ready.MEMBERS:
        at = document[batterypass_ready.NAME]
        for name in member.path.split("/"):
            at = at.get(name, {}) if isinstance(at, dict) else {}
        opened = all(may_see(audience, PASSPORT, point) for point in member.points)
        assert (at != {}) == (opened and set(member.points) <= one.plain.keys()), member.path
        assert (member.path in document.get("withheld", ())) == (not opened), member.path
    assert ("withheld" in document) == (audience not in {"operator", "authority_cn", "auditor", "reporter"})


def test_only_who_answers_for_it_or_oversees_it_sees_every_point():
    """Article 77(2): the public and EU authorities get less, the latter nothing of one battery's use."""
    whole = {a for a in AUDIENCES if all(may_see(a, PASSPORT, name) for name in POINTS)}
    assert whole == {"operator", "authority_cn", "auditor", "reporter"}
    assert not any(
        may_see("authority_eu", PASSPORT, n) for n, p in POINTS.items() if p.audience == "condition"
    )


@given(st.dictionaries(st.sampled_from(sorted(POINTS)), st.one_of(st.integers(), st.floats(), st.text())))
def test_examining_is_total(values):
    """Whatever stands in a document of others, it is judged and never breaks."""
    for rules in RULE_SETS.values():
        for category in CATEGORIES:
            examine(values, rules, category, datetime.now(UTC).date())


def test_documents_on_record_stand_in_it(memory, passports):
    """A model's last document for a purpose is where its point leads, unless the maker declares another."""
    code = next(iter(passports))
    battery = memory.states["battery:" + code]
    model = memory.states[f"model:{battery.model_id}"]
    said = {name: one for name, one in model.points.items() if name != "footprint_study"}
    papers = tuple(
        Document(purpose, "t", digest * 64, index)
        for index, (purpose, digest) in enumerate(
            (("carbon_footprint", "a"), ("carbon_footprint", "b"), ("safety", "c"))
        )
    )
    model = msgspec.structs.replace(model, points=said, documents=papers)
    host = "demo.voltrail.example"
    values = compose(Sources(battery, (), model, memory.organisation, lambda _: None, host)).values
    study = values["footprint_study"]
    assert study.value == f"https://{host}/documents/{'b' * 64}?model={model.model_id}"
    assert study.entries == (1,)
    assert values["safety_measures"].value == model.points["safety_measures"].value


def test_what_of_a_rule_set_is_not_known_is_said():
    """SPEC 99100 was not read: each row that its published facts leave open says so, and demands nothing."""
    rules = RULE_SETS["din-dke-spec-99100"]
    assert rules.gap
    assert rules.gap_zh
    for row in rules.rows:
        said = {row.status(category) for category in CATEGORIES}
        assert bool(row.gap) == bool(row.gap_zh)
        assert row.gap is None or said == {"optional"}, row
    assert rules.wants("ev") == {
        "warranty_years", "conformity_declaration", "due_diligence_report", "life_years", "temperature_c",
    }  # fmt: skip
