"""Each route answers programs with what the record says, and the public with what is public."""

import json
from base64 import b64encode
from importlib.metadata import version

import pytest

from tests.api.conftest import HTML, MODULE, PACK
from tests.registry import sample
from voltrail.api.headers import SECURITY
from voltrail.errors import VerificationError
from voltrail.ledger.notes import Checkpoint, Policy
from voltrail.ledger.reports import MEDIA_TYPE
from voltrail.ledger.verify import verify


def posted(client, file, mode="valid"):
    return client.post(f"/reports?mode={mode}", content=file, headers={"Content-Type": MEDIA_TYPE})


def test_a_report_is_answered_with_its_receipt(client, registry):
    """The bytes are the registry's own; the same report again gives the same."""
    file = sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(2)))
    first = posted(client, file)
    assert first.status_code == 200
    assert first.json()["accepted"] == [0, 1]
    assert first.content == posted(client, file).content == registry.report(file)


def test_modes(client):
    """Mode valid takes what holds; all takes everything or nothing."""
    lines = [*sample.first_life(sample.pack(3)), sample.line("recycled", "2026-05-01T10:00:00Z", code=PACK)]
    file = sample.report(sample.signer(sample.MAKER), lines)
    assert posted(client, file, "all").status_code == 422
    receipt = posted(client, file).json()
    assert receipt["accepted"] == [0, 1]
    assert [one["line"] for one in receipt["refused"]] == [2]


def test_checks_answer_line_by_line(client):
    """As text or as objects; refused with the rule."""
    exact = sample.line("retired", "2026-05-03T10:00:00+08:00", code=PACK).decode()
    asked = {"organisation": sample.MAKER, "lines": [exact, json.loads(exact) | {"kind": "recycled"}, "{"]}
    answers = client.post("/checks", json=asked).json()["checks"]
    assert [one["line"] for one in answers] == [1, 2, 3]
    assert not answers[1]["allowed"]
    assert answers[1]["rule"].startswith("role.")


def test_checks_do_not_tell_who_holds_a_battery(client):
    """Without a signature the answer is the same for whoever holds the battery and for whoever does not."""
    line = sample.line("shipped", "2026-05-03T10:00:00+08:00", code=PACK, to=sample.RECYCLER).decode()
    void = sample.line("corrected", "2026-05-03T10:00:00+08:00", code=PACK, corrects=14, void=True).decode()
    answers = [
        client.post("/checks", json={"organisation": one, "lines": [line, void]}).json()
        for one in (sample.MAKER, sample.CARMAKER, sample.AUTHORITY)
    ]
    assert answers[0] == answers[1]
    assert [answer["checks"][1]["rule"] for answer in answers] == ["access.sign_in"] * 3


def test_who_signs_is_told_in_full(client):
    """A signed report is checked with what the record knows of the battery; nothing is recorded."""
    line = sample.line("shipped", "2026-05-03T10:00:00+08:00", code=PACK, to=sample.RECYCLER)
    file = sample.report(sample.signer(sample.MAKER), [line])
    before = client.get("/log/checkpoint").text
    response = client.post("/checks", content=file, headers={"Content-Type": MEDIA_TYPE})
    assert response.json()["scope"] == "reporter"
    assert not response.json()["checks"][0]["allowed"]
    assert client.get("/log/checkpoint").text == before
    forged = sample.report(sample.signer(sample.MAKER, "other"), [line])
    assert client.post("/checks", content=forged, headers={"Content-Type": MEDIA_TYPE}).status_code == 422


def test_one_battery(client, registry):
    """Programs get what the registry says to the public."""
    assert client.get(f"/b/{PACK}").json() == registry.battery(PACK) | {"recalls": [], "vehicles": []}
    assert client.get(f"/b/{PACK}", headers={"Accept": "application/json"}).json()["code"] == PACK


def test_earlier_times(client):
    """as_of and known_at, in any offset."""
    assert client.get(f"/b/{PACK}?as_of=2026-04-12T18:00:00%2B08:00").json()["events"] < 6
    assert client.get(f"/b/{PACK}?known_at=2020-01-01T00:00:00Z").status_code == 404


def test_history_is_paged(client):
    """Page by page it is the whole."""
    whole = client.get(f"/b/{PACK}/history").json()
    assert whole["next"] is None
    paged, before = [], ""
    while before is not None:
        page = client.get(f"/b/{PACK}/history?limit=2{before and f'&before={before}'}").json()
        paged += page["events"]
        before = page["next"]
    assert paged == whole["events"]


def test_genealogy(client):
    """Parts, in JSON."""
    tree = client.get(f"/b/{PACK}/genealogy").json()
    assert [part["code"] for part in tree["parts"]] == [MODULE]


def test_one_event(client, registry):
    """As it stands in the evidence, with the signed note of its report."""
    given = json.loads(registry.evidence(PACK))
    for event in given["events"]:
        answer = client.get(f"/b/{PACK}/events/{event['index']}").json()
        assert answer == {"code": PACK, "event": event, "report": given["reports"][event["report"]]}


def test_the_authorities_keys_are_public(client):
    """One a line: with them and the policy, evidence is verified."""
    assert client.get("/log/authorities").text == sample.authority().vkey + "\n"


def test_what_shrinks_is_sent_small(client, registry):
    """Evidence and pages in a third of the bytes, to whoever takes gzip; hashes as they are."""
    for path, coding in (
        (f"/b/{PACK}/evidence", "gzip"),
        (f"/b/{PACK}", "gzip"),
        ("/log/tile/0/000.p/18", None),
    ):
        for taken in ("gzip", "identity"):
            answer = client.get(path, headers=HTML | {"Accept-Encoding": taken})
            assert answer.headers.get("content-encoding") == (coding if taken == "gzip" else None)
    assert client.get(f"/b/{PACK}/evidence").content == registry.evidence(PACK)


def test_evidence_verifies_offline(client, registry):
    """The file that is downloaded is proof, and its name says whose."""
    response = client.get(f"/b/{PACK}/evidence", headers=HTML)
    assert response.headers["content-disposition"] == f'attachment; filename="{PACK}.evidence.json"'
    policy = Policy.parse(client.get("/log/policy").text)
    verify(response.content, policy, [sample.authority().vkey])
    true, false = b64encode(b'"mass_kg":612.5'), b64encode(b'"mass_kg":613.5')
    forged = response.content.replace(true, false)
    assert forged != response.content
    with pytest.raises(VerificationError):
        verify(forged, policy, [sample.authority().vkey])


def test_lists(client):
    """By level, by the beginning of a code, page by page; nobody's place is told."""
    assert [one["code"] for one in client.get("/batteries?level=module").json()["batteries"]] == [MODULE]
    first = client.get("/batteries?limit=1").json()
    rest = client.get(f"/batteries?after={first['next']}").json()["batteries"]
    assert first["batteries"][0]["code"] < rest[0]["code"]
    assert not [one for one in [*first["batteries"], *rest] if "place" in one]
    assert PACK in [one["code"] for one in client.get(f"/batteries?q={PACK[:6]}").json()["batteries"]]


def test_search(client):
    """A whole code leads a person to its page."""
    assert client.get(f"/search?q={PACK}").json()["found"][0]["code"] == PACK
    response = client.get(f"/search?q={PACK.lower()}&lang=zh", headers=HTML)
    assert response.status_code == 303
    assert response.headers["location"] == f"/b/{PACK}?lang=zh"
    assert client.get("/search").json() == {"found": []}


def test_organisations(client):
    """Everybody may know who reports."""
    listed = client.get("/organisations").json()["organisations"]
    assert sample.MAKER in [one["organisation"] for one in listed]
    assert client.get(f"/organisations/{sample.MAKER}").json()["roles"][0]["role"] == "battery_maker"
    host = client.get(f"/organisations/{sample.ORIGIN}/host")
    assert host.json()["keys"][0]["key_id"] == "host-1"


def test_the_log(client, registry):
    """Checkpoint and policy, as text."""
    response = client.get("/log/checkpoint")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text == registry.checkpoint()
    assert Checkpoint.parse(response.text.partition("\n\n")[0] + "\n").origin == sample.ORIGIN
    assert client.get("/log/policy").text == registry.policy


def test_monitoring(client):
    """Healthy, and counted by route, never by battery."""
    assert client.get("/healthz").json()["status"] == "ok"
    client.get(f"/b/{PACK}")
    client.get("/nothing")
    numbers = client.get("/metrics").text
    assert 'voltrail_requests_total{method="GET",route="/b/{code}",status="200"}' in numbers
    assert 'voltrail_requests_total{method="any",route="unknown",status="404"}' in numbers
    assert 'voltrail_request_seconds_bucket{le="0.005",method="GET",route="/b/{code}"}' in numbers
    assert "voltrail_events_accepted_total" in numbers
    assert "voltrail_log_size" in numbers
    assert PACK not in numbers


def test_the_description_lists_every_route(client, app):
    """What programs read, and the page of the same."""
    schema = client.get("/docs/openapi.json").json()
    assert schema["info"]["version"] == version("voltrail")
    served = {
        route.path_format for route in app.routes if not route.path_format.startswith(("/static", "/docs"))
    }
    assert set(schema["paths"]) == served
    page = client.get("/docs", headers=HTML).text
    for path in served:  # a list's files are told once, by the first of their endings
        assert path in page or path.rpartition(".")[0] + ".csv" in page, path
    for language in ("en", "zh"):
        assert client.get(f"/docs?lang={language}", headers=HTML).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/nothing", f"/b/{PACK}", "/docs", "/metrics", "/healthz", "/docs/openapi.json"]
)
def test_headers(client, path):
    """On every answer; nothing that changes is kept."""
    response = client.get(path)
    assert {name: response.headers[name] for name in SECURITY} == SECURITY
    assert response.headers["cache-control"] == "no-store"
