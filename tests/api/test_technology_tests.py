"""/technology/tests over HTTP: who is shown what, and the certificate as it is taken."""

import json

import pytest

from tests.api.conftest import HTML
from tests.registry import qualifying as q
from tests.registry import sample
from voltrail.ledger.notes import Policy
from voltrail.lifecycle.certificate import verify_certificate

PATH = f"/technology/tests/{q.MODEL}"


@pytest.fixture(scope="module")
def tested(registry, client):
    """A model of which a fast charge failed once, granted a small batch."""

    def send(organisation, *lines):
        key = sample.authority() if organisation == sample.AUTHORITY else sample.signer(organisation)
        assert not json.loads(registry.report(sample.report(key, lines)))["refused"]

    send(sample.AUTHORITY, *sample.registrations(q.LAB, "testing_lab"))
    failed = q.of_test(
        "maker", "fast_charge", day=3, hour=7, outcome="failed", deviations="夹具失压 <b>lost</b>"
    )
    send(sample.MAKER, *q.of_maker(), failed, q.opened("to come", ["weight_loss"]))
    send(q.LAB, *q.of_lab(), q.granted("small_batch", ["lab"]))
    registry.enter_heads()
    return client


def test_models_are_listed_with_what_lacks(tested):
    """Stage reached and next gate, for programs and people; failures are counted."""
    answer = tested.get("/technology/tests").json()
    (one,) = answer["models"]
    assert (one["model_id"], one["stage"], one["next"], one["failed"]) == (
        q.MODEL, "small_batch", "mass_production", 1,
    )  # fmt: skip
    assert [it["protocol"] for it in one["lacking"]] == ["cycle_life", "calendar", "fast_charge"]
    page = tested.get("/technology/tests", headers=HTML)
    assert page.status_code == 200
    assert PATH in page.text
    assert tested.get("/technology/tests?after=zzz", headers=HTML).status_code == 200


def test_the_public_sees_outcomes_and_no_results(tested):
    """Protocol, outcome, stage; no value, no deviation, no name of who tested."""
    told = tested.get(PATH).json()
    assert [one["stage"] for one in told["grants"]] == ["small_batch"]
    assert {test["outcome"] for one in told["campaigns"] for test in one["tests"]} == {"passed", "failed"}
    assert all("results" in test["withheld"] for one in told["campaigns"] for test in one["tests"])
    page = tested.get(PATH, headers=HTML).text
    assert "夹具失压" not in page + json.dumps(told, ensure_ascii=False)
    assert "检测工程师" not in page
    assert "Weight loss after vacuum drying" in page


def test_a_campaign_has_an_address(tested):
    """One campaign alone; one that is not there is told so."""
    told = tested.get(PATH, params={"campaign": "lab"}).json()
    assert [one["campaign"] for one in told["campaigns"]] == ["lab"]
    assert tested.get(PATH, params={"campaign": "lab"}, headers=HTML).status_code == 200
    assert tested.get(PATH, params={"campaign": "none"}).status_code == 404
    assert tested.get("/technology/tests/nothing").json()["error"]["rule"] == "model.unknown"


@pytest.mark.parametrize(
    "path", ["/technology/tests/%00", "/technology/tests/" + "x" * 3000, "/technology/tests?after=%00"]
)
def test_what_no_model_can_be_called_is_refused(tested, path):
    """NUL and names as long as a page: an error that says so, never a 500."""
    assert 400 <= tested.get("/technology/test" + path).status_code < 500


def test_a_certificate_is_taken_and_says_what_it_lacks(tested, registry):
    """The public's does not prove the stage, since results are withheld; it is a whole file all the same."""
    answer = tested.get("/technology/certificate", params={"model": q.MODEL, "stage": "small_batch"})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].endswith('SSB-1.small_batch.certificate.json"')
    with pytest.raises(Exception, match="not shown whole"):
        verify_certificate(answer.content, Policy.parse(registry.policy), registry.settings.authorities)
    for stage, status in (("moon", 400), ("mass_production", 400)):
        params = {"model": q.MODEL, "stage": stage}
        assert tested.get("/technology/certificate", params=params).status_code == status


def test_all_tests_are_taken_away(tested):
    """One row for each test, with whether it counts; no results."""
    rows = tested.get("/technology/tests.csv").text
    assert rows.count(q.MODEL) == len(q.EARLY) + len(q.SAFETY) + 1 + 5
    assert "fast_charge" in rows


def test_a_model_leads_to_its_tests(tested):
    """Its page has the link; that of a model without campaigns has none."""
    assert PATH in tested.get(f"/models/{q.MODEL}", headers=HTML).text
    assert "/technology/tests/" not in tested.get("/models/S-102", headers=HTML).text
