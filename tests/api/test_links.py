"""A GS1 Digital Link leads to its battery, on whichever host; what is not one battery is told."""

import json

import pytest

from tests.api.conftest import HTML
from tests.registry import sample
from voltrail.codes import gs1_url

PACK, MODEL = sample.pack(7100), "LNK-1"
GTIN, OTHER = "09520123456788", "09524000059109"
SERIAL = PACK[4:]


def get(client, path, **headers):
    return client.get(path, headers=headers)


@pytest.fixture(scope="module", autouse=True)
def declared(registry):
    """The pack's model with its GTIN, and two packs of it that differ in their makers alone."""
    when = "2026-04-12T10:00:00+08:00"
    twins = [PACK[:2] + letter + sample.pack(7000)[3:] for letter in "XY"]
    lines = [
        sample.line("model_registered", when, model_id=MODEL, level="pack"),
        sample.line("points_declared", when, model_id=MODEL, points={"gtin": GTIN}),
        *(sample.line("manufactured", when, code=one, model_id=MODEL) for one in (PACK, *twins)),
    ]
    assert not json.loads(registry.report(sample.report(sample.signer(sample.MAKER), lines)))["refused"]
    return twins


def test_a_link_leads_to_its_battery(client):
    """With the four characters in front, and without them by the record; a GTIN may be short."""
    for path in (
        gs1_url(PACK, GTIN, "elsewhere.example").removeprefix("https://elsewhere.example"),
        f"/01/{GTIN}/21/{SERIAL}",
        f"/01/{GTIN.lstrip('0')}/21/{SERIAL}",
        f"/01/{GTIN}/21/{SERIAL}?linkType=gs1:pip",
    ):
        answer = get(client, path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/b/{PACK}"), path


def test_everything_there_is_as_a_linkset(client):
    """RFC 9264, anchored at the link itself."""
    for path, headers in (
        (f"/01/{GTIN}/21/{SERIAL}?linkType=all", {}),
        (f"/01/{GTIN}/21/{SERIAL}", {"Accept": "application/linkset+json"}),
    ):
        answer = get(client, path, **headers)
        assert answer.headers["content-type"].startswith("application/linkset+json")
        (said,) = answer.json()["linkset"]
        assert said["anchor"].endswith(f"/01/{GTIN}/21/{SERIAL}?head={PACK[:4]}")
        assert said["https://gs1.org/voc/pip"][0]["href"].endswith(f"/b/{PACK}")
        assert "https://gs1.org/voc/defaultLink" in said


@pytest.mark.parametrize(
    ("path", "status", "rule"),
    [
        (f"/01/{OTHER}/21/{SERIAL}", 404, "link.unknown"),
        (f"/01/{GTIN}/21/{SERIAL[:-1]}9", 404, "link.unknown"),
        (f"/01/{GTIN[:-1]}0/21/{SERIAL}", 422, "identity.digital_link"),
        (f"/01/{GTIN}/21/{'A' * 21}", 422, "identity.digital_link"),
        (f"/01/{GTIN}/21/%00", 422, "identity.digital_link"),
        (f"/01/{GTIN}/21/{SERIAL}?linkType=gs1:x", 404, "link.type"),
    ],
)
def test_what_leads_nowhere_is_told(client, path, status, rule):
    """In the one shape, and as a page."""
    answer = get(client, path)
    assert (answer.status_code, answer.json()["error"]["rule"]) == (status, rule)
    assert get(client, path, **HTML).status_code == status


def test_a_link_that_may_be_two_batteries_is_told(client, declared):
    """Both are named, and neither is shown."""
    serial = declared[0][4:]
    answer = get(client, f"/01/{GTIN}/21/{serial}")
    assert (answer.status_code, answer.json()["error"]["rule"]) == (409, "link.ambiguous")
    assert all(one in answer.json()["error"]["message"] for one in declared)
    whole = get(client, f"/01/{GTIN}/21/{serial}?head={declared[1][:4]}")
    assert whole.headers["location"] == f"/b/{declared[1]}"


def test_a_label_of_another_host_is_read_here(client):
    """Scan page, search box and label page resolve the code from the address; nobody is sent elsewhere."""
    link = gs1_url(PACK, GTIN, "gone.example")
    scanned = client.get("/scan", params={"text": link}).json()
    assert (scanned["code"], scanned["host"]) == (PACK, "gone.example")
    part = f"https://gone.example/gtin/{GTIN}/ser/{SERIAL}"  # a program dropped what is not GS1's
    assert client.get("/scan", params={"text": part}).json()["code"] == PACK
    assert (
        client.get("/scan", params={"text": part.replace(GTIN, OTHER)}).json()["error"]["rule"]
        == "scan.no_code"
    )
    found = client.get("/search", params={"q": link}, headers=HTML)
    assert found.headers["location"] == f"/b/{PACK}"
    shown = client.post("/labels/make", data={"codes": link, "do": "show"}, headers=HTML)
    assert f"/b/{PACK}/label.svg" in shown.text


def test_a_label_has_a_link_where_the_model_has_a_gtin(client):
    """And is refused where it has none, or the battery is not on record."""
    made = client.get(f"/b/{PACK}/label.svg", params={"link": "gtin", "size": "100x150", "host": "a.example"})
    assert made.status_code == 200
    assert f"/01/{GTIN}/21/" in "".join(made.text.split("<text")[-3:]).replace("\n", "") or GTIN in made.text
    unknown = client.get(f"/b/{sample.pack(9998)}/label.svg", params={"link": "gtin"})
    assert unknown.json()["error"]["rule"] == "label.no_gtin"
    shown = client.post(
        "/labels/make",
        data={"codes": PACK, "do": "show", "link": "gtin", "size": "100x150"},
        headers=HTML,
    )
    assert "link=gtin" in shown.text
