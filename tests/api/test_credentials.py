"""Passports as documents over HTTP: their media types, the keys they verify by, and the terms they use."""

import json
from datetime import UTC, datetime

import pytest

from tests.api.conftest import HTML, PACK
from tests.registry import sample
from voltrail.events.points import POINTS
from voltrail.passport import FORMS, credentials, jws, sd_jwt


def asked(client, accept=None, **query):
    headers = {} if accept is None else {"Accept": accept}
    answer = client.get(f"/b/{PACK}/passport", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def keys_of(client):
    return jws.read_jwks(client.get("/.well-known/jwks.json").content)


@pytest.mark.parametrize("name", FORMS)
def test_each_form_comes_with_its_media_type(client, name):
    """By its name, and by an `Accept` where its media type is its own."""
    form = FORMS[name]
    answer = asked(client, form=name)
    assert answer.headers["content-type"].partition(";")[0] == form.media_type
    if form.media_type != "application/json":
        accepted = asked(client, accept=f"{form.media_type}, application/json;q=0.5")
        assert accepted.headers["content-type"].partition(";")[0] == form.media_type
        assert "Accept" in accepted.headers["vary"]


def test_a_page_or_our_json_comes_where_it_is_liked_more(client):
    """A browser, and a program that takes anything, get what they always got."""
    assert asked(client, accept=HTML["Accept"]).headers["content-type"].startswith("text/html")
    assert asked(client, accept="*/*").headers["content-type"].startswith("application/json")
    liked = "application/json, application/ld+json;q=0.9"
    assert asked(client, accept=liked).json()["code"] == PACK


def test_what_the_host_signs_verifies_by_the_keys_it_publishes(client, registry):
    """Both credentials, offline; with the points of the public passport."""
    keys, public = keys_of(client), asked(client).json()
    assert [key.vkey for key in keys] == [registry.keys.host.vkey]
    for form in ("sd-jwt", "vc"):
        found = sd_jwt.verify(asked(client, form=form).text, keys, datetime.now(UTC))
        points = credentials.points_of(found)
        assert points.items() <= {name: one["value"] for name, one in public["points"].items()}.items()
        assert points["serial_number"] == PACK
        assert found.claims["iss"] == f"https://{registry.host}"
    assert "soh" not in json.dumps(found.claims)


def test_a_revoked_key_is_not_published(client, registry):
    """Whoever takes the keys anew believes nothing that it signed; the host's own is on record."""
    lines = [
        sample.line(
            "key_added",
            "2026-06-01T08:00:00Z",
            organisation=registry.settings.host,
            key_id="host-9",
            algorithm="ed25519",
            public_key="11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        ),
        sample.line(
            "key_revoked",
            "2026-06-02T08:00:00Z",
            organisation=registry.settings.host,
            key_id="host-9",
        ),
    ]
    for line, published in zip(lines, (2, 1), strict=True):
        receipt = json.loads(registry.report(sample.report(sample.authority(), [line])))
        assert receipt["refused"] == []
        assert len(keys_of(client)) == published


def test_terms_of_the_vocabulary_are_where_the_documents_say(client, registry):
    """Each point with its type, unit and names; its address is that in JSON-LD."""
    context = asked(client, form="json-ld").json()["@context"]
    listed = {one["id"]: one["point"] for one in client.get("/points").json()["points"]}
    assert len(listed) == len(POINTS)
    term = context["mass_kg"] if "mass_kg" in context else context["serial_number"]
    assert term in listed
    assert listed[f"https://{registry.host}/points#mass_kg"]["unit"] == "kg"


def test_what_was_measured_says_when(client):
    """In our own JSON too, for who may see it; what is of the model has no time."""
    points = asked(client).json()["points"]
    assert points["serial_number"]["at"] is None
