"""
Every route of the description, asked what it was not made for: by nobody, by a token, by a session.

Nothing may be a 5xx, each error has the one shape, and answers are of the kinds and shapes described.
The examples are the same in each run; VOLTRAIL_EXAMPLES=60 asks for more of them, other ones each time.
"""

import os
import re

import httpx
import pytest
import schemathesis
from argon2 import PasswordHasher
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import FailureGroup

from tests.api.conftest import HTML, MODULE, PACK, running
from tests.browser.serving import free_port
from tests.registry import sample
from voltrail.accounts import passwords
from voltrail.accounts.trail import Actor
from voltrail.api import description
from voltrail.api.dpps import NOT_OFFERED
from voltrail.api.reports import LINES_TYPE
from voltrail.events.epcis import MEDIA_TYPE as LD_TYPE
from voltrail.ledger.reports import MEDIA_TYPE

EXAMPLES = int(os.environ.get("VOLTRAIL_EXAMPLES", "0"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
CHOSEN = "four words nobody guesses"
KNOWN = {
    "code": [PACK, MODULE],
    "identifier": [sample.MAKER, f"{sample.ORIGIN}/host"],
    "tile": ["0/000.p/1", "entries/000.p/1"],
    "index": [0, 12],
    "dpp_id": [PACK, f"https://sample.example/b/{PACK}/passport/1"],
    "product_id": [PACK, f"https://sample.example/b/{PACK}"],
    "element_path": ["$.battery", "$.dppStatus", "$['battery']['serialNumber']"],
    "number": [1],
    "name": ["nev_sales"],
    "organisation": [sample.MAKER],
    "line": ["Pilot 1"],
    "cell": ["quantumscape-qse5"],
    "model_id": ["S-102"],
    "epc": [f"urn:voltrail:battery:{PACK}", "urn:epc:id:sgtin:4012345.011111.9876"],
    "event_type": ["ObjectEvent"],
    "biz_step": ["shipping"],
    "disposition": ["in_transit"],
}
ENDING = {"/sign-out", "/account/sessions/end"}  # they would end the session that asks


@schemathesis.serializer(MEDIA_TYPE, LINES_TYPE, LD_TYPE)
def as_sent(_, value):
    """Return a body that is bytes as it goes out."""
    return value if isinstance(value, bytes) else getattr(value, "data", str(value).encode())


@pytest.fixture(scope="module")
def served(app):
    """The application on a real port, with an administrator; hashing is quick."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        accounts = app.state.accounts
        password = accounts.add("asker", sample.MAKER, "administrator", Actor())
        person = accounts.by_session(accounts.sign_in("asker", password, "setup"))
        accounts.change_password(person, password, CHOSEN, "setup")
        port = free_port()
        with running(app, port):
            yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def schema(served):
    """The description as programs get it."""
    return schemathesis.openapi.from_url(f"{served}/docs/openapi.json")


SIGNED_IN = (
    "/technology/lines/",
    "/fleet",
    "/stations/statements",
    "/authority/",
    "/workspace/",
    "/duties",
    "/rules/",
)


def nobody(accounts):
    return {}, None


def token(accounts):
    """Return what a program brings that may do all a program may."""
    person = accounts.by_session(accounts.sign_in("asker", CHOSEN, "setup"))
    return {
        "Authorization": f"Bearer {accounts.make_token(person, 'x', ['read', 'report'], 1, 'setup')}"
    }, None


def session(accounts):
    """Return what a browser brings, and the token of its forms."""
    secret = accounts.sign_in("asker", CHOSEN, "setup")
    return {"Cookie": f"session={secret}"}, accounts.by_session(secret).csrf


def cases(operation):
    """Return requests as described and not as described, some of them about what is there."""
    made = [operation.as_strategy(GenerationMode.POSITIVE)]
    if operation.query or operation.path_parameters or operation.body:
        made.append(operation.as_strategy(GenerationMode.NEGATIVE))
    known = {name: values for name, values in KNOWN.items() if f"{{{name}}}" in operation.path}
    return st.tuples(
        st.one_of(made), st.fixed_dictionaries({}, optional={n: st.sampled_from(v) for n, v in known.items()})
    )


def ask(operation, served, headers, csrf):
    """Ask a route some times; raise what its answers do wrong."""

    @settings(
        max_examples=EXAMPLES or 4,
        derandomize=not EXAMPLES,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(operation))
    def asked(drawn):
        case, known = drawn
        case.path_parameters = (case.path_parameters or {}) | known
        if csrf and isinstance(case.body, dict) and operation.path not in ENDING:
            case.body["csrf"] = csrf
        answer = case.call(base_url=served, headers=headers, allow_redirects=False)
        not_offered = (operation.path, operation.method.upper()) in NOT_OFFERED and answer.status_code == 501
        checks = [one for one in CHECKS if one is not not_a_server_error or not not_offered]
        case.validate_response(answer, checks=checks)
        if answer.status_code >= 400:
            kind = "application/problem+json" if operation.path.startswith("/epcis") else "application/json"
            assert answer.headers["content-type"][0].startswith(kind), answer.content[:200]

    asked()


@pytest.mark.parametrize("who", [nobody, token, session])
@pytest.mark.timeout(7200 if EXAMPLES else 300)
def test_every_route_bears_every_question(schema, served, app, who):
    """What is described is what comes; what is not is refused in the one shape; nothing breaks."""
    headers, csrf = who(app.state.accounts)
    wrong, asked = [], set()
    for found in schema.get_all_operations():
        operation = found.ok()
        asked.add(operation.path)
        try:
            ask(operation, served, headers, csrf)
        except FailureGroup as error:  # all that is wrong is shown at once
            wrong += [f"{operation.label}: {one}" for one in error.exceptions]
    assert asked == set(app.openapi_schema.to_schema()["paths"])
    assert not wrong, "\n\n".join(wrong)


def test_the_description_is_of_routes_that_are_there(schema):
    """What is said of a route that is gone is taken out."""
    paths = set(schema.raw_schema["paths"])
    for table in (description._MEMBERS, description._OTHERS, description._FIELDS, description._BODIES):
        assert set(table) <= paths


def test_what_answers_always_have_is_described(served):
    """Each route that tells programs something has the members that its description promises."""
    with httpx.Client(base_url=served) as client:
        index = client.get(f"/b/{PACK}/history").json()["events"][0]["index"]
        size = client.get("/log").json()["checkpoint"]["size"]
        places = {"code": PACK, "index": index, "identifier": sample.MAKER}
        places |= {name: values[0] for name, values in KNOWN.items() if name not in places}
        places["event_name"] = f"urn:voltrail:event:sample.example:{index}"
        of_pack = {"MATCH_anyEPC": places["epc"]}
        for path, names in description._MEMBERS.items():
            if "/handed" in path:
                continue  # nothing was handed over to this registry
            skipped = {
                "/reports",
                "/checks",
                "/v1/dppsByProductIds",
                "/passports/import",
                "/models/{identifier}",
                "/scan/photo",
                "/scan/report",
                "/b/{code}/alarms",  # likewise: test_vehicles.py
                "/b/{code}/transport/paper",  # for who may see the condition: test_border.py
                "/b/{code}/health",  # likewise: test_health.py
                "/stations/{site}",  # where there is one: test_stations.py
                "/stations/{site}/state",  # likewise
                "/stations/plan",  # for who is signed in: test_dispatch.py
                "/stations/reservations",  # likewise
                "/technology/certificate",  # where a stage was granted: test_technology_tests.py
                "/technology/tests/{model_id}",  # where there are tests: likewise
                "/technology/lines/{organisation}/{line}",  # for who runs the line: test_lines.py
                "/technology/lines/{organisation}/{line}/trace",  # likewise
                "/gateway",  # for administrators and authorities: test_gateway.py
            }
            if path in skipped | {"/epcis/capture/{capture_id}"} or path.startswith(SIGNED_IN):
                continue  # those are asked in tests of their own
            given = {"/log/consistency": {"old": 1, "size": size}, "/border": {"from": "DE", "to": "CN"}}
            asked = given.get(path, {})
            if path.startswith("/v1/dppsByIdAndDate"):
                asked = {"date": "2026-05-03T08:00:00Z"}
            if path.startswith(("/epcis/eventTypes/", "/epcis/bizSteps", "/epcis/dispositions")):
                asked = of_pack
            answer = client.get(path.format_map(places), params=asked).json()
            assert set(names.split()) - {"*"} <= set(answer), path
            page = client.get(path.format_map(places), params=asked, headers=HTML)
            assert page.headers["content-type"].startswith("text/html") == ("*" in names), path
        for path in description._FIELDS:
            assert re.fullmatch(r"/[a-z/{}-]+", path)
