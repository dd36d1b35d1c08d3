"""Laws of gates: what opens one, what never does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.registry import qualifying as q
from tests.registry import sample
from voltrail.events import decode
from voltrail.events import kinds as k
from voltrail.lifecycle import Recorded, effective_events, fold
from voltrail.lifecycle.stages import qualification_of
from voltrail.organisations.identifiers import credit_code
from voltrail.organisations.trust import Organisation, RolePeriod
from voltrail.technology.gates import GATES, STAGES, asked
from voltrail.technology.protocols import PROTOCOLS
from voltrail.technology.qualification import qualify

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LONG_AGO = datetime(2018, 1, 1, tzinfo=UTC)
RIVAL = credit_code("91000000MA0000008")
ROLES = {
    sample.MAKER: "battery_maker",
    sample.AUTHORITY: "authority",
    q.LAB: "testing_lab",
    RIVAL: "battery_maker",
    sample.CARMAKER: "vehicle_maker",
}


class Record:
    """A record in memory, of the model's chain alone."""

    def __init__(self, *said):
        self.all = {n: Recorded(n, decode(line), by, 0) for n, (by, line) in enumerate(said)}

    def state(self, subject):
        return fold(subject, self.all.values())

    def organisation(self, identifier):
        role = ROLES.get(identifier)
        return Organisation(identifier, roles=(RolePeriod(role, LONG_AGO),)) if role else None

    def recorded(self, index):
        return self.all.get(index)

    def events(self, subject):
        return effective_events(self.all.values(), subject)


def way(*said):
    """Return the qualification that follows from lines, each with who reported it."""
    return qualification_of(q.MODEL, Record(*said))


def gate(said, stage="small_batch"):
    return way(*said).gate(stage, NOW)


def met(said):
    """Return on how many samples each requirement is met, and whether enough."""
    found = way(*said)
    return [(one.samples, one.met) for stage in STAGES for one in found.gate(stage, NOW).requirements]


def no_more(now, was):
    """Return whether nothing is met now that was not before."""
    return all(one <= other for (_, one), (_, other) in zip(now, was, strict=True))


def by(organisation, lines):
    return [(organisation, line) for line in lines]


def void(index, day=25):
    about = {"codes": q.CELLS, "model_id": q.MODEL, "corrects": index, "void": True}
    return sample.line("corrected", q.at(day), **about)


WHOLE = [*by(sample.MAKER, q.of_maker()), *by(q.LAB, q.of_lab())]
PLACE = {f"{by}/{decode(line).protocol}": n for n, (by, line) in enumerate(WHOLE) if b"test_reported" in line}


def test_the_whole_way_opens_the_gate():
    """What the maker and a laboratory report opens the gate of a small batch, and not that of the line."""
    found = way(*WHOLE)
    assert found.gate("small_batch", NOW).open
    lacking = found.gate("mass_production", NOW).lacking
    assert [one.requirement.protocol for one in lacking] == ["cycle_life", "calendar", "fast_charge"]
    assert all(one.lacks.startswith(one.requirement.protocol) for one in lacking)


@settings(max_examples=40)
@given(st.permutations(range(len(WHOLE))), st.integers(0, len(WHOLE)))
def test_the_order_of_reports_decides_nothing(order, upto):
    """However late or early a line is reported, the gates are the same."""
    some = sorted(order[:upto])
    in_order, mixed = [WHOLE[n] for n in some], [WHOLE[n] for n in order if n in some]

    assert met(mixed) == met(in_order)


EVENTS = st.builds(
    lambda protocol, day, outcome, cells: q.of_test("maker", protocol, q.CELLS[:cells], day, outcome),
    st.sampled_from(sorted(PROTOCOLS)),
    st.integers(2, 28),
    st.sampled_from(["failed", "aborted"]),
    st.integers(1, len(q.CELLS)),
)


@settings(max_examples=40)
@given(
    st.sets(st.integers(0, len(WHOLE) - 1)), EVENTS, st.sampled_from([sample.MAKER, q.LAB, sample.CARMAKER])
)
def test_a_gate_never_opens_by_what_failed(left_out, failed, reporter):
    """Whatever is on record: a test that failed or was broken off meets no requirement."""
    before = [one for n, one in enumerate(WHOLE) if n not in left_out]
    assert no_more(met([*before, (reporter, failed)]), met(before))


@settings(max_examples=40)
@given(
    st.sets(st.integers(0, len(WHOLE) - 1)),
    st.lists(st.sampled_from([*q.of_maker()[1:], *q.of_lab()]), min_size=1, max_size=8),
    st.sampled_from([RIVAL, credit_code("91000000MA0000009")]),
)
def test_a_gate_never_opens_by_who_may_show_nothing(left_out, lines, reporter):
    """A rival's plans and tests, and those of who has no role, are on record and meet no requirement."""
    before = [one for n, one in enumerate(WHOLE) if n not in left_out or n == 0]
    assert met([*before, *by(reporter, lines)]) == met(before)


@settings(max_examples=40)
@given(st.data())
def test_a_gate_never_opens_by_what_is_voided(data):
    """The maker voids whatever it said, failures too; the laboratory whatever it showed."""
    failures = [
        (sample.MAKER, q.of_test("maker", one, day=26, outcome="failed"))
        for one in data.draw(st.lists(st.sampled_from(q.EARLY), max_size=2, unique=True))
    ]
    said = [*WHOLE, *failures]
    place = data.draw(st.integers(0, len(said) - 1))
    after = [*said, (said[place][0], void(place, 27))]
    assert no_more(met(after), met(said))


def test_after_a_failure_the_count_begins_anew():
    """What passed before no longer counts, what passes later does; the failure stays, the retest is told."""
    failed = (sample.MAKER, q.of_test("maker", "cycle_life", day=20, outcome="failed"))
    found = way(*WHOLE, failed)
    (lacks,) = found.gate("pilot_line", NOW).lacking
    assert (lacks.requirement.protocol, lacks.samples, lacks.failed) == ("cycle_life", 0, len(WHOLE))
    again = (sample.MAKER, q.of_test("maker", "cycle_life", q.CELLS[:3], day=22))
    found = way(*WHOLE, failed, again)
    assert found.gate("pilot_line", NOW).open
    retest = next(one for one in found.tests if one.index == len(WHOLE) + 1)
    assert retest.again == (PLACE[f"{sample.MAKER}/cycle_life"], len(WHOLE))


def test_a_failure_that_is_called_a_pass_is_one():
    """A pack that burned holds the gate, whatever its report says of the outcome."""
    burned = [
        {"metric": one, "value": 1 if one == "fire" else q.GOOD.get(one, 0.005)}
        for one in PROTOCOLS["thermal_propagation"].metrics
    ]
    said = (sample.MAKER, q.of_test("maker", "thermal_propagation", day=24, results=burned))
    found = way(*WHOLE, said)
    (one,) = [test for test in found.tests if test.index == len(WHOLE)]
    assert [remark.rule for remark in one.remarks] == ["test.outcome"]
    (lacks,) = found.gate("vehicle_trial", NOW).lacking
    assert (lacks.requirement.protocol, lacks.failed) == ("thermal_propagation", len(WHOLE))


def test_nobody_but_the_maker_may_be_believed_against_a_failure():
    """The maker's void leaves the gate shut; what the authority puts right is right."""
    failed = (sample.MAKER, q.of_test("maker", "rate", day=20, outcome="failed"))
    unsaid = way(*WHOLE, failed, (sample.MAKER, void(len(WHOLE))))
    assert not unsaid.gate("prototype", NOW).open
    (one,) = [test for test in unsaid.tests if test.unsaid]
    assert [remark.rule for remark in one.remarks] == ["test.unsaid"]
    right = way(*WHOLE, failed, (sample.AUTHORITY, void(len(WHOLE))))
    assert right.gate("prototype", NOW).open
    assert [test.index for test in right.tests if test.unsaid] == [len(WHOLE)]


def corrected(index, line, day=25):
    about = {"codes": q.CELLS, "model_id": q.MODEL, "corrects": index, "line": line.decode()}
    return sample.line("corrected", q.at(day), **about)


@pytest.mark.parametrize(
    "instead",
    [
        q.of_test("maker", "rate", day=2, outcome="failed"),
        q.of_test("maker", "cold_below", day=20, outcome="failed"),
    ],
    ids=["before what passed", "by another protocol"],
)
def test_a_maker_cannot_move_a_failure_out_of_the_way(instead):
    """Moved to where it would hold nothing, a failure holds all the same, until the authority speaks."""
    last = len(WHOLE)
    moved = [
        *WHOLE,
        (sample.MAKER, q.of_test("maker", "rate", day=20, outcome="failed")),
        (sample.MAKER, corrected(last, instead)),
    ]
    assert not gate(moved, "prototype").open
    assert not gate([*moved, (sample.MAKER, void(last + 1))], "prototype").open
    assert gate([*moved, (sample.AUTHORITY, void(last + 1))], "prototype").open


def test_what_follows_the_maker_cannot_unsay_its_failures():
    """Who took the maker over corrects as the maker did: it takes the authority to put a failure right."""
    failed = (sample.MAKER, q.of_test("maker", "rate", day=20, outcome="failed"))
    assert not gate([*WHOLE, failed, (RIVAL, void(len(WHOLE)))], "prototype").open


def test_a_failure_of_the_maker_holds_the_laboratory_too():
    """What the maker itself says against its cell counts at every gate; a rival's word at none."""
    line = q.of_test("lab", "cold_20", day=20, outcome="failed")
    assert not gate([*WHOLE, (sample.MAKER, line)]).open
    assert gate([*WHOLE, (RIVAL, line)]).open


def test_without_a_maker_nobody_is_independent():
    """Where nobody declared the model, no test counts: fail closed."""
    found = way(*WHOLE[1:])
    assert found.maker is None
    assert not found.gate("laboratory", NOW).open


@pytest.mark.parametrize(
    ("given_", "rule"),
    [
        ({"conditions": {"temperature_c": 25}}, "test.condition"),
        ({"conditions": {"temperature_c": -20, "c_rate": 0.3}}, "test.condition_bounds"),
        ({"results": []}, "test.metric"),
        ({"codes": [sample.cell(999)]}, "test.sample"),
        ({"campaign": "unheard of"}, "test.campaign"),
    ],
)
def test_what_spoils_a_test_is_told(given_, rule):
    """It stays on record, says what is wrong with it, and counts at no gate."""
    said = [
        *WHOLE[:2],
        (sample.MAKER, q.of_test(**{"campaign": "maker", "protocol": "capacity_energy", **given_})),
    ]
    (test,) = way(*said).tests
    assert rule in {one.rule for one in test.remarks if one.spoils}
    assert not test.counts
    assert not gate(said, "laboratory").open


def test_a_stage_asks_for_what_counts_on_its_day():
    """The safety tests of GB 38031-2025 are asked for from 1 July 2026 on, and not before."""

    def protocols(when):
        return {one.protocol for one in asked("vehicle_trial", when)}

    until, since = datetime(2026, 6, 30, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    assert protocols(since) - protocols(until) == {"thermal_propagation", "bottom_impact"}


def test_each_gate_asks_for_no_less_than_those_before():
    """Of several requirements of one protocol the last asks for as many samples, of as few."""
    for place, one in enumerate(GATES):
        assert one.protocol in PROTOCOLS
        assert one.stage in STAGES
        for other in GATES[:place]:
            if other.protocol == one.protocol:
                assert STAGES.index(other.stage) < STAGES.index(one.stage)
                assert one.by <= other.by
                assert one.samples >= other.samples or one.by < other.by


def test_only_named_campaigns_carry_a_grant():
    """A grant that names the laboratory's campaign rests on it alone; one that names another does not."""
    found = way(*WHOLE)
    assert found.gate("small_batch", NOW, ["lab"]).open
    assert not found.gate("small_batch", NOW, ["maker"]).open
    assert not found.gate("small_batch", NOW - timedelta(days=30), ["lab"]).open


def test_qualify_reads_events_alone():
    """The fold itself needs no record: events, and who is a laboratory."""
    events = [one for one in Record(*WHOLE).all.values() if not isinstance(one.event, k.Corrected)]
    assert qualify(q.MODEL, events, lambda _: None).gate("vehicle_trial", NOW).open
