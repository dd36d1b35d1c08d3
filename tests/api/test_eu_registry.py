"""Passports over HTTP: each under its number, and what the EU registry was told of them."""

import json

import pytest

from tests.api.conftest import HTML, PACK
from tests.api.test_accounts import (
    Browser,
    accounts,
    bearer,
    browser,
    no_attempts,
    quick_hashes,
    rule,
    token,
)
from tests.registry import sample

__all__ = ["Browser", "accounts", "browser", "no_attempts", "quick_hashes"]


@pytest.fixture(scope="module")
def issued(registry):
    """The passport of the pack, issued by its maker."""
    line = sample.line("passport_issued", "2026-05-02T10:00:00+08:00", code=PACK, number=1)
    receipt = json.loads(registry.report(sample.report(sample.signer(sample.MAKER), [line])))
    assert not receipt["refused"]
    while registry.follow():
        pass
    return receipt["first_index"]


def test_a_passport_stands_under_its_number(client, issued):
    """The last one and the first are the same here; a number that was not issued is not there."""
    last, first = (client.get(f"/b/{PACK}/passport{end}").json() for end in ("", "/1"))
    assert last == first
    assert first["passport"]["id"] == f"{PACK}/1"
    assert first["passport"]["status"] == "active"
    assert first["points"]["passport_id"] == {
        "value": f"https://sample.example/b/{PACK}/passport/1",
        "entries": [issued],
        "derived": False,
        "at": None,
    }
    assert "in force" in client.get(f"/b/{PACK}/passport/1", headers=HTML).text
    assert rule(client.get(f"/b/{PACK}/passport/2")) == "passport.unknown"


def test_issuing_is_refused_to_who_does_not_answer(registry, issued):
    """Another maker, a number that is taken, an end of what was never issued; the refusal says what to do."""

    def refused(organisation, **members):
        line = sample.line(members.pop("kind"), "2026-05-03T10:00:00+08:00", code=PACK, **members)
        file = sample.report(sample.signer(organisation), [line])
        [found] = json.loads(registry.report(file))["refused"]
        return found["rule"]

    issue = {"kind": "passport_issued"}
    assert refused(sample.RECYCLER, **issue, number=2) == "passport.not_operator"
    assert refused(sample.MAKER, **issue, number=1) == "passport.number"
    assert refused(sample.MAKER, kind="passport_ceased", number=7, reason="withdrawn") == "passport.unknown"


def test_who_answers_sees_what_the_registry_was_told(browser, accounts, issued):
    """Its own passports, in words and for programs; nobody else's."""
    page = browser("maker").get("/workspace/eu-registry", **HTML).text
    assert f"{PACK}/1" in page
    assert "This server tells no EU registry yet" in page
    client, headers = browser().client, bearer(token(accounts, "maker", "read"))
    found = client.get("/workspace/eu-registry?standing=waiting", headers=headers).json()
    assert [(one["code"], one["number"], one["state"]) for one in found["passports"]] == [
        (PACK, 1, "waiting")
    ]
    assert (found["told"], found["next"]) == (False, None)
    others = bearer(token(accounts, "carmaker", "read"))
    assert client.get("/workspace/eu-registry", headers=others).json()["passports"] == []


def test_what_is_wrong_is_said(browser, accounts, issued):
    """A state that there is not, a place that is none, and a passport that was not refused."""
    client, headers = browser().client, bearer(token(accounts, "maker", "read"))
    assert rule(client.get("/workspace/eu-registry?standing=lost", headers=headers)) == "usage.choice"
    assert rule(client.get("/workspace/eu-registry?after=nowhere", headers=headers)) == "usage.after"
    answer = browser("maker").send("/workspace/eu-registry/again", code=PACK, number="1")
    assert answer.status_code == 400
    assert "Nothing of that was refused." in answer.text
