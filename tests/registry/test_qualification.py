"""How far models have come, read from a real record: gates at the door, and who sees what was measured."""

import json
from datetime import UTC, datetime

import pytest

from tests.registry import qualifying as q
from tests.registry import sample
from voltrail.errors import NotFound, UsageError
from voltrail.organisations.access import PUBLIC, Reader
from voltrail.registry.qualification import told

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def send(registry, organisation, *lines):
    """Report lines; return the receipt."""
    key = sample.authority() if organisation == sample.AUTHORITY else sample.signer(organisation)
    return json.loads(registry.report(sample.report(key, lines)))


@pytest.fixture
def tested(registry):
    """A model that its maker tested up to vehicles, and a laboratory that is none of its."""
    assert not send(registry, sample.AUTHORITY, *sample.registrations(q.LAB, "testing_lab"))["refused"]
    assert not send(registry, sample.MAKER, *q.of_maker())["refused"]
    return registry


def test_a_stage_is_granted_once_its_gate_is_open(tested):
    """A laboratory grants what the maker's tests show; for a small batch it must have tested itself."""
    assert not send(tested, q.LAB, q.granted("vehicle_trial", ["maker"]))["refused"]
    (refused,) = send(tested, q.LAB, q.granted("small_batch", ["maker"], 21))["refused"]
    assert refused["rule"] == "stage.gate"
    assert not send(tested, q.LAB, *q.of_lab())["refused"]
    assert not send(tested, q.LAB, q.granted("small_batch", ["lab"], 22))["refused"]
    found = tested.qualifications.of(q.MODEL)
    assert (found.stage, found.following) == ("small_batch", "mass_production")
    assert [one.stands for one in found.grants] == [True, True]


def test_nobody_grants_a_stage_to_what_he_makes(tested):
    """A maker that is a testing laboratory as well grants its own model nothing."""
    since = "2020-01-01T00:00:00+08:00"
    role = sample.line("role_granted", since, organisation=sample.MAKER, role="testing_lab")
    assert not send(tested, sample.AUTHORITY, role)["refused"]
    (refused,) = send(tested, sample.MAKER, q.granted("laboratory", ["maker"]))["refused"]
    assert refused["rule"] == "stage.own"
    assert tested.qualifications.of(q.MODEL).stage is None
    shown = tested.qualifications.of(q.MODEL).gate("small_batch", NOW)
    assert {one.samples for one in shown.requirements if one.requirement.stage == "small_batch"} == {0}


def test_a_test_that_is_voided_takes_its_stage_along(tested):
    """A grant stays on record, and says that what it was granted on no longer stands."""
    assert not send(tested, q.LAB, q.granted("pilot_line", ["maker"]))["refused"]
    found = tested.qualifications.of(q.MODEL)
    cycles = next(one for one in found.tests if one.event.protocol == "cycle_life")
    void = {"codes": q.CELLS, "model_id": q.MODEL, "corrects": cycles.index, "void": True}
    assert not send(tested, sample.MAKER, sample.line("corrected", q.at(25), **void))["refused"]
    found = tested.qualifications.of(q.MODEL)
    assert found.stage is None
    assert [one.stands for one in found.grants] == [False]
    assert [one.requirement.protocol for one in found.grants[0].gate.lacking] == ["cycle_life"]


def test_who_sees_what_was_measured(tested):
    """Everybody sees protocol and outcome; the maker all, whoever reported it; others what the table says."""
    assert not send(tested, q.LAB, *q.of_lab())["refused"]
    found = tested.qualifications.of(q.MODEL)

    def lab_test(reader):
        campaign = next(one for one in told(found, reader, NOW)["campaigns"] if one["campaign"] == "lab")
        return campaign["tests"][0]

    public = lab_test(PUBLIC)
    assert (public["protocol"], public["outcome"], public["counts"]) == ("capacity_energy", "passed", True)
    assert "results" not in public
    assert "results" in public["withheld"]
    assert public["reporter"] is None
    assert "results" not in lab_test(Reader(organisation=sample.CARMAKER))
    for reader in (
        Reader(organisation=sample.MAKER),
        Reader(organisation=q.LAB),
        Reader("auditor"),
        Reader("legitimate_interest"),
    ):
        assert lab_test(reader)["results"][0]["metric"] == "capacity_ah"


def test_models_with_a_campaign_are_listed_page_by_page(tested):
    """Each model with a campaign once, in the order of their ids; others are not listed."""
    more = [line.replace(b"SSB-1", b"SSB-0") for line in (q.declared(), q.opened("first", ["rate"], day=4))]
    other = q.declared().replace(b"SSB-1", b"SSB-2")
    assert not send(tested, sample.MAKER, *more, q.opened("second", ["rate"]), other)["refused"]
    (first,), following = tested.qualifications.under(None, 1)
    assert (first.model_id, following) == ("SSB-0", "SSB-0")
    (second,), following = tested.qualifications.under(following, 1)
    assert (second.model_id, following) == (q.MODEL, None)
    assert [one.campaign for one in second.campaigns] == ["maker", "second"]
    assert second.campaigns[1].outstanding == ("rate",)


def test_a_model_that_nobody_named_is_told_so(tested):
    """No model by that name, and no model by what no name can be."""
    with pytest.raises(NotFound, match="does not know a model"):
        tested.qualifications.of("nothing")
    with pytest.raises(UsageError, match="U\\+0000"):
        tested.qualifications.of("a\0b")
    with pytest.raises(UsageError, match="U\\+0000"):
        tested.qualifications.under("a\0b", 10)
