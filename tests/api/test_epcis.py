"""EPCIS 2.0 over HTTP: what is captured is on record and comes out again, for those who may see it."""

# ruff: noqa: F811 - fixtures of another module are imported

import json

import httpx
import pytest

from tests.api.conftest import HTML, PACK
from tests.api.test_accounts import quick_hashes  # noqa: F401
from tests.events.epcis_strategies import CONTEXT, document
from tests.registry import sample
from voltrail.accounts.trail import Actor
from voltrail.events.epcis import read_document

CHOSEN = "a-password-of-one's-own-42"
JSONLD = {"Content-Type": "application/ld+json"}
HOST = "sample.example"


@pytest.fixture(scope="module")
def token(app, quick_hashes):
    """Return a function that makes tokens of an organisation."""

    def make(organisation, scopes=("read", "report")):
        accounts = app.state.accounts
        login = f"epcis-{organisation}-{len(scopes)}".lower()
        password = accounts.add(login, organisation, "member", Actor())
        person = accounts.by_session(accounts.sign_in(login, password, "setup"))
        accounts.change_password(person, password, CHOSEN, "setup")
        session = accounts.by_session(accounts.sign_in(login, CHOSEN, "setup"))
        return {"Authorization": f"Bearer {accounts.make_token(session, 'epcis', list(scopes), 1, 'setup')}"}

    kept = {}
    return lambda *given: kept[given] if given in kept else kept.setdefault(given, make(*given))


@pytest.fixture(scope="module")
def local(client):
    """The client as it asks from this machine: tokens are taken there without TLS."""
    client.base_url = httpx.URL("http://127.0.0.1")
    return client


@pytest.fixture(scope="module")
def unsigned(registry):
    """A workshop without a key: the host signs for it."""
    workshop = sample.credit_code("91000000MA0000077")
    lines = sample.registrations(workshop, "repair_enterprise")[:2]
    lines += sample.registrations(workshop, "collection_outlet")[1:2]
    registry.report(sample.report(sample.authority(), lines))
    return workshop


def event(**members):
    return {
        "type": "ObjectEvent",
        "eventTime": "2026-05-03T08:00:00.000+08:00",
        "eventTimeZoneOffset": "+08:00",
        "epcList": [f"urn:voltrail:battery:{PACK}"],
        "action": "OBSERVE",
        "bizStep": "repairing",
        **members,
    }


def capture(client, headers, events, behaviour=None, path="/epcis/capture"):
    more = {"GS1-Capture-Error-Behaviour": behaviour} if behaviour else {}
    return client.post(path, content=json.dumps(document(events)), headers={**headers, **JSONLD, **more})


def told(response):
    """Return the events of an answer, which must be a valid document."""
    assert response.status_code == 200, response.text
    found = read_document(response.content)
    assert found.troubles == ()
    return [one.value for one in found.events]


def problem(response, status, name):
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    body = response.json()
    assert body["type"] == f"epcisException:{name}"
    assert body["status"] == status
    assert set(body["error"]) == {"rule", "message", "fix", "line", "source"}
    return body["error"]


def test_a_document_is_captured_and_asked_for_again(local, token, unsigned):
    """202 with a job, which says what became of it and has the receipt; the event comes out as it went in."""
    headers = token(unsigned)
    sent = event(eventID="urn:uuid:550e8400-e29b-41d4-a716-446655440003", **{"ex:shelf": "A7"})
    response = capture(local, headers, [sent])
    assert response.status_code == 202, response.text
    assert response.headers["gs1-epcis-version"] == "2.0.0"
    job = local.get(response.headers["location"], headers=headers).json()
    assert (job["running"], job["success"], job["errors"], job["voltrail:taken"]) == (False, True, [], 1)
    assert job["voltrail:receipt"]["format"] == "voltrail-receipt/1"
    assert local.get("/epcis/capture", headers=headers).json()[0]["captureID"] == job["captureID"]
    (found,) = told(local.get("/epcis/events", params={"perPage": 1}, headers=headers))
    assert {name: found[name] for name in sent} == sent
    index = job["voltrail:receipt"]["first_index"]
    assert found["voltrail:index"] == index
    for name in (sent["eventID"], f"urn:voltrail:event:{HOST}:{index}"):
        assert told(local.get(f"/epcis/events/{name}", headers=headers))[0]["ex:shelf"] == "A7"
    again = local.get(capture(local, headers, [sent]).headers["location"], headers=headers).json()
    assert (again["success"], again["voltrail:taken"]) == (True, 1)
    assert again["voltrail:receipt"] == job["voltrail:receipt"]


def test_rollback_takes_all_or_none_and_proceed_what_holds(local, token, unsigned, registry):
    """Each error names the event by its path, with rule and fix."""
    headers, size = token(unsigned), registry.counts()["entries"]
    good = event(eventTime="2026-05-03T09:00:00Z")
    mixed = [good, event(bizStep="mending"), event(epcList=["urn:epc:id:sscc:4012345.0000000333"])]
    job = local.get(capture(local, headers, mixed).headers["location"], headers=headers).json()
    assert (job["success"], job["captureErrorBehaviour"], job["voltrail:taken"]) == (False, "rollback", 0)
    assert registry.counts()["entries"] == size
    assert [(one["path"], one["error"]["rule"]) for one in job["errors"]] == [
        ("$.epcisBody.eventList[1].bizStep", "epcis.vocabulary"),
        ("$.epcisBody.eventList[2]", "epcis.subject"),
    ]
    assert all(one["error"]["fix"] for one in job["errors"])
    response = capture(local, headers, mixed, "proceed")
    job = local.get(response.headers["location"], headers=headers).json()
    assert (job["success"], job["voltrail:taken"], len(job["errors"])) == (False, 1, 2)
    assert registry.counts()["entries"] == size + 1


def test_what_the_record_refuses_is_told_of_its_event(local, token, unsigned):
    """A role that never reports this: the problem names the event, and with rollback nothing is taken."""
    headers = token(unsigned)
    events = [
        event(eventTime="2026-05-03T10:00:00Z"),
        event(action="ADD", bizStep="commissioning", eventTime="2026-05-03T10:00:00Z"),
    ]
    for behaviour, taken in (("rollback", 0), ("proceed", 1)):
        response = capture(local, headers, events, behaviour)
        job = local.get(response.headers["location"], headers=headers).json()
        assert (job["success"], job["voltrail:taken"]) == (False, taken)
        assert job["errors"][0]["path"] == "$.epcisBody.eventList[1]"
        assert job["errors"][0]["error"]["rule"].startswith("role.")


def test_an_error_declaration_corrects_what_was_captured(local, token, unsigned):
    """Found by its eventID; and both come out under it."""
    headers = token(unsigned)
    wrong = event(eventID="urn:uuid:550e8400-e29b-41d4-a716-446655440009", eventTime="2026-05-03T11:00:00Z")
    capture(local, headers, [wrong])
    declared = {
        **wrong,
        "errorDeclaration": {"declarationTime": "2026-05-04T11:00:00Z", "reason": "did_not_occur"},
    }
    job = local.get(capture(local, headers, [declared]).headers["location"], headers=headers).json()
    assert job["errors"] == []
    found = told(local.get(f"/epcis/events/{wrong['eventID']}", headers=headers))
    assert [("errorDeclaration" in one) for one in found] == [True, False]
    params = {"MATCH_anyEPC": f"urn:voltrail:battery:{PACK}", "EXISTS_errorDeclaration": "true"}
    assert len(told(local.get("/epcis/events", params=params, headers=headers))) == 1


def test_a_single_event_is_taken_at_once(local, token, unsigned):
    """201 with its address; what is wrong is told at once."""
    headers = {**token(unsigned), **JSONLD}
    body = {"@context": CONTEXT, **event(eventTime="2026-05-03T12:00:00Z")}
    response = local.post("/epcis/events", content=json.dumps(body), headers=headers)
    assert response.status_code == 201, response.text
    assert told(local.get(response.headers["location"], headers=headers))[0]["eventTime"] == body["eventTime"]
    again = local.post("/epcis/events", content=json.dumps(body), headers=headers)
    assert again.headers["location"] == response.headers["location"]
    wrong = json.dumps({**body, "eventTime": "22-07-2026"})
    error = problem(local.post("/epcis/events", content=wrong, headers=headers), 400, "ValidationException")
    assert (error["rule"], "eventTime" in error["message"]) == ("epcis.time", True)


@pytest.mark.parametrize(
    ("content", "more", "status", "name"),
    [
        (b"{", {}, 400, "ValidationException"),
        (b"[]", {}, 400, "ValidationException"),
        (json.dumps({**document([]), "schemaVersion": "1.2"}).encode(), {}, 400, "ValidationException"),
        (b"<epcis/>", {"Content-Type": "application/xml"}, 415, "UnsupportedMediaTypeException"),
        (
            json.dumps(document([])).encode(),
            {"GS1-Capture-Error-Behaviour": "all"},
            400,
            "QueryParameterException",
        ),
        (b" " * (16 * 1024 * 1024 + 1), {}, 413, "CaptureLimitExceededException"),
    ],
)
def test_what_cannot_be_captured_is_a_problem_at_once(local, token, unsigned, content, more, status, name):
    """In the standard's form and in ours, with what to do."""
    response = local.post("/epcis/capture", content=content, headers={**token(unsigned), **JSONLD, **more})
    assert problem(response, status, name)["fix"]


def test_capture_is_for_who_may_report(local, token, unsigned):
    """Without a sign-in 401, with a token that only reads 403; other organisations see no job of mine."""
    assert problem(capture(local, {}, [event()]), 401, "SecurityException")["rule"] == "access.sign_in"
    assert problem(capture(local, token(unsigned, ("read",)), [event()]), 403, "SecurityException")
    response = capture(local, token(unsigned), [event(eventTime="2026-05-03T13:00:00Z")])
    problem(
        local.get(response.headers["location"], headers=token(sample.RECYCLER)),
        404,
        "NoSuchResourceException",
    )


def test_the_public_sees_what_the_table_gives_it(local, token, registry):
    """Members that are hidden are left out and named; and no filter tells what they are."""
    params = {"MATCH_anyEPC": f"urn:voltrail:battery:{PACK}", "perPage": 100}
    seen = told(local.get("/epcis/events", params=params))
    assert len(seen) >= 6
    text = json.dumps(seen, default=str)
    assert "LSVAA4187E2184847" not in text
    assert "0.987" not in text
    assert sample.CARMAKER not in text
    fitted = next(one for one in seen if one.get("bizStep") == "installing")
    assert fitted["type"] == "ObjectEvent"
    assert {"vin", "reason"} <= set(fitted["voltrail:withheld"])
    whole = told(local.get("/epcis/events", params=params, headers=token(sample.CARMAKER)))
    assert "urn:voltrail:vehicle:LSVAA4187E2184847" in json.dumps(whole, default=str)
    filtered = {**params, "EQ_readPoint": "urn:voltrail:site:W1"}
    assert told(local.get("/epcis/events", params=filtered)) == []


def test_parameters_narrow_what_is_given(local):
    """By type, time, action, step, disposition; what is not answered is refused, never passed over."""
    match = {"MATCH_epc": f"https://any.example/b/{PACK}"}

    def ask(**more):
        return [one.get("bizStep") for one in told(local.get("/epcis/events", params={**match, **more}))]

    assert "commissioning" in ask()
    assert set(ask(EQ_bizStep="commissioning,shipping")) == {"commissioning", "shipping"}
    assert ask(EQ_action="ADD") == ["commissioning"]
    assert ask(EQ_disposition="in_transit") == ["shipping"]
    assert ask(
        LT_eventTime="2026-04-12T11:00:00+08:00",
        GE_eventTime="2026-04-12T09:00:00%2B08:00".replace("%2B", "+"),
    )
    assert ask(GE_recordTime="2199-01-01T00:00:00Z") == []
    assert ask(eventType="TransformationEvent") == []
    for wrong in (
        {"EQ_foo": "x"},
        {"EQ_bizStep": "mending"},
        {"GE_eventTime": "yesterday"},
        {"MATCH_epc": "x"},
    ):
        problem(local.get("/epcis/events", params={**match, **wrong}), 400, "QueryParameterException")
    error = problem(local.get("/epcis/events"), 400, "QueryTooLargeException")
    assert "MATCH_anyEPC" in error["fix"]
    answer = local.get("/epcis/events", params=match, headers={"Accept": "application/xml"})
    problem(answer, 406, "NotAcceptableException")


def test_pages_follow_the_link(local):
    """Each event once, the last in the log first, until there is no next."""
    first = {"MATCH_anyEPC": f"urn:voltrail:battery:{PACK}", "perPage": 100}
    every = [one["voltrail:index"] for one in told(local.get("/epcis/events", params=first))]
    assert every == sorted(every, reverse=True)
    got, address = [], f"/epcis/epcs/urn:voltrail:battery:{PACK}/events?perPage=2"
    while address:
        response = local.get(address)
        got += [one["voltrail:index"] for one in told(response)]
        link = response.headers.get("link", "")
        address = link[1 : link.index(">")] if link else None
    assert got == every


def test_other_resources_are_the_same_query(local, token, unsigned):
    """Types, steps and dispositions of the standard, by their address."""
    assert "AssociationEvent" in local.get("/epcis/eventTypes").json()["member"]
    headers = token(unsigned)
    for path in ("eventTypes/ObjectEvent", "bizSteps/repairing"):
        assert told(local.get(f"/epcis/{path}/events", headers=headers))
    assert told(local.get("/epcis/dispositions/recalled/events", headers=headers)) == []
    problem(local.get("/epcis/bizSteps/mending/events", headers=headers), 400, "QueryParameterException")


def test_capture_says_what_it_takes(local):
    """OPTIONS: versions, limits, what happens after an error."""
    headers = local.options("/epcis/capture").headers
    assert headers["gs1-epcis-capture-limit"] == "20000"
    assert headers["gs1-capture-error-behaviour"] == "all"


def test_an_answer_says_what_it_stands_on(local, registry):
    """Size and root of the checkpoint; an unknown battery has no events."""
    response = local.get(
        "/epcis/events", params={"MATCH_anyEPC": f"urn:voltrail:battery:{sample.pack(4711)}"}
    )
    assert told(response) == []
    checkpoint = response.json()["voltrail:checkpoint"]
    assert registry.checkpoint().startswith(
        "\n".join([checkpoint["voltrail:origin"], str(checkpoint["voltrail:size"])])
    )


def test_people_are_told_errors_on_a_page(local):
    """A browser that comes here sees words, not a problem for programs."""
    page = local.get("/epcis/events", headers=HTML)
    assert page.headers["content-type"].startswith("text/html")
    assert "epcis.query" in page.text
