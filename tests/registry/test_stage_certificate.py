"""The certificate of a stage: verified offline from events alone, and not to be bent."""

import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.registry import qualifying as q
from tests.registry import sample
from tests.registry.test_qualification import send
from voltrail.errors import NotFound, UsageError, VerificationError, VoltrailError
from voltrail.ledger.notes import Policy
from voltrail.lifecycle import certificate
from voltrail.lifecycle.certificate import verify_certificate
from voltrail.organisations.access import PUBLIC, Reader

AUDITOR = Reader("auditor")
SEARCHED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@pytest.fixture
def qualified(registry):
    """A model granted a small batch, of which one sample failed before; heads are entered."""
    assert not send(registry, sample.AUTHORITY, *sample.registrations(q.LAB, "testing_lab"))["refused"]
    failed = q.of_test("maker", "cycle_life", day=3, hour=7, outcome="failed")
    assert not send(registry, sample.MAKER, *q.of_maker(), failed)["refused"]
    assert not send(registry, q.LAB, *q.of_lab(), q.granted("small_batch", ["lab"]))["refused"]
    registry.enter_heads()
    return registry


def proved(registry, data):
    """Return what a file proves under the registry's policy."""
    return verify_certificate(data, Policy.parse(registry.policy), registry.settings.authorities)


def test_a_certificate_proves_its_stage_offline(qualified):
    """With policy and the authority's key alone: who granted it, on what, and the failure before it."""
    found = proved(qualified, qualified.stage_certificate(q.MODEL, "small_batch", AUDITOR))
    assert (found.grant.event.stage, found.grant.reporter) == ("small_batch", q.LAB)
    assert found.grant.gate.open
    assert found.qualification == qualified.qualifications.of(q.MODEL)
    assert [one.event.protocol for one in found.qualification.tests if one.fails] == ["cycle_life"]
    assert found.withheld == ()


def test_a_certificate_for_other_eyes(qualified):
    """The maker's own holds too; to the public results are withheld, and it says so instead of passing."""
    for reader in (Reader(organisation=sample.MAKER), Reader("legitimate_interest")):
        assert proved(qualified, qualified.stage_certificate(q.MODEL, "small_batch", reader)).grant.stands
    with pytest.raises(VerificationError, match="not shown whole") as caught:
        proved(qualified, qualified.stage_certificate(q.MODEL, "small_batch", PUBLIC))
    assert caught.value.rule == "certificate.withheld"


def test_there_is_none_of_a_stage_that_was_not_granted(qualified):
    """Nor of a model that nobody named, nor before the heads reach the grant."""
    with pytest.raises(UsageError) as caught:
        qualified.stage_certificate(q.MODEL, "mass_production", AUDITOR)
    assert caught.value.rule == "stage.none"
    with pytest.raises(NotFound):
        qualified.stage_certificate("nothing", "small_batch", AUDITOR)


def test_a_stage_that_no_longer_stands_is_not_certified(qualified):
    """A file made before stays true of its moment; a new one is not made."""
    old = qualified.stage_certificate(q.MODEL, "small_batch", AUDITOR)
    found = qualified.qualifications.of(q.MODEL)
    last = next(one for one in found.tests if one.event.protocol == "short_after_fast_charge")
    void = {"codes": q.CELLS, "model_id": q.MODEL, "corrects": last.index, "void": True}
    assert not send(qualified, q.LAB, sample.line("corrected", q.at(25), **void))["refused"]
    qualified.enter_heads()
    with pytest.raises(UsageError):
        qualified.stage_certificate(q.MODEL, "small_batch", AUDITOR)
    assert proved(qualified, old).grant.stands


def test_the_gate_is_asked_anew_and_not_the_file(qualified):
    """A file that names another stage, model or fewer chains proves nothing of it."""
    data = qualified.stage_certificate(q.MODEL, "small_batch", AUDITOR)
    given_ = certificate.read(data)
    for change, rule in (
        ({"stage": "mass_production"}, "certificate.grant"),
        ({"model_id": "SSB-9"}, "certificate.missing"),
        ({"evidence": given_.evidence[1:]}, "certificate.missing"),
        ({"evidence": given_.evidence[:1]}, "certificate.grant"),
        ({"evidence": (*given_.evidence, given_.evidence[0])}, "certificate.twice"),
    ):
        with pytest.raises(VerificationError) as caught:
            proved(qualified, msgspec.json.encode(msgspec.structs.replace(given_, **change)))
        assert caught.value.rule == rule


def test_no_failure_can_be_left_out(qualified):
    """Without the event that failed the chain has a hole; with it hidden it says so."""
    given_ = certificate.read(qualified.stage_certificate(q.MODEL, "small_batch", AUDITOR))
    model = json.loads(bytes(given_.evidence[0]))

    def with_events(events):
        changed = json.dumps({**model, "events": events}, separators=(",", ":"), ensure_ascii=False)
        evidence = (msgspec.Raw(changed.encode()), *given_.evidence[1:])
        return msgspec.json.encode(msgspec.structs.replace(given_, evidence=evidence))

    for place in range(len(model["events"])):
        with pytest.raises(VerificationError):
            proved(qualified, with_events(model["events"][:place] + model["events"][place + 1 :]))


@SEARCHED
@given(data=st.data())
def test_no_byte_may_change(qualified, data):
    """Whichever byte is changed, dropped or put in: it does not verify, and nothing breaks."""
    whole = qualified.stage_certificate(q.MODEL, "small_batch", AUDITOR)
    at = data.draw(st.integers(0, len(whole) - 1))
    how = data.draw(st.sampled_from(["change", "drop", "insert"]))
    byte = bytes([data.draw(st.integers(0, 255))])
    bent = whole[:at] + (b"" if how == "drop" else byte) + whole[at + (how != "insert") :]
    if bent == whole:
        return
    with pytest.raises(VoltrailError):
        proved(qualified, bent)


@given(st.binary(max_size=300))
def test_what_is_no_certificate_is_told_so(data):
    """Bytes of any kind are refused in words."""
    with pytest.raises(VerificationError) as caught:
        verify_certificate(data, Policy.parse("quorum none"), [])
    assert caught.value.rule == "certificate.form"
