"""Webhooks over HTTP: each organisation its own alone, and every answer in its one form."""

import pytest

from tests.api.conftest import HTML
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
from voltrail.registry.outbox import TYPES

__all__ = ["Browser", "accounts", "browser", "no_attempts", "quick_hashes"]

URL = "https://erp.example/hooks"


@pytest.fixture
def number(registry):
    """A webhook of the car maker."""
    from tests.registry import sample

    number, _ = registry.webhooks.add(sample.CARMAKER, URL, TYPES, "carmaker")
    yield number
    for one in registry.webhooks.of(sample.CARMAKER):
        registry.webhooks.delete(sample.CARMAKER, one.id)


def test_programs_read_them_with_a_token(browser, accounts, number):
    """A token that may read lists them and their attempts; no secret is told."""
    client, headers = browser().client, bearer(token(accounts, "carmaker", "read"))
    listed = client.get("/workspace/webhooks", headers=headers).json()["webhooks"]
    assert [(one["id"], one["url"], one["state"]) for one in listed] == [(number, URL, "active")]
    one = client.get(f"/workspace/webhooks/{number}", headers=headers).json()
    assert (one["webhook"]["id"], one["deliveries"]) == (number, [])
    assert "salt" not in one["webhook"]
    assert "whsec_" not in str(one)


def test_others_webhooks_are_not_there(browser, accounts, number):
    """Another organisation's number is answered as none at all, in every form."""
    maker = browser("maker")
    for path in ("test", "rotate", "pause", "resume", "retry", "delete"):
        answer = maker.send(f"/workspace/webhooks/{path}", webhook=str(number), sure="yes")
        assert answer.status_code == 404, path
    assert maker.get(f"/workspace/webhooks/{number}").status_code == 404
    client, headers = browser().client, bearer(token(accounts, "maker", "read"))
    assert rule(client.get(f"/workspace/webhooks/{number}", headers=headers)) == "webhook.unknown"
    assert client.get("/workspace/webhooks", headers=headers).json() == {"webhooks": []}
    for wrong in ("", "x", "-1", "9" * 30):
        assert maker.send("/workspace/webhooks/pause", webhook=wrong).status_code == 404


def test_what_is_wrong_stands_in_the_page(browser):
    """The form keeps what was typed, and programs get the error in the one shape."""
    one = browser("carmaker")
    page = one.send("/workspace/webhooks/add", url="javascript:alert(1)", type="battery.event")
    assert page.status_code == 400
    assert 'value="javascript:alert(1)"' in page.text
    assert one.send("/workspace/webhooks/add", url=URL).status_code == 400
    form = one.form()
    told = one.client.post(
        "/workspace/webhooks/add",
        data={"csrf": form, "url": "x", "type": "battery.event"},
        headers={"Accept": "application/json"},
    )
    assert rule(told) == "webhook.url"


def test_deleting_asks_whether_one_is_sure(browser, number):
    """Without the tick nothing is removed."""
    one = browser("carmaker")
    assert "Tick the box first." in one.send("/workspace/webhooks/delete", webhook=str(number)).text
    assert one.send("/workspace/webhooks/delete", webhook=str(number), sure="yes").status_code == 303
    assert one.get(f"/workspace/webhooks/{number}").status_code == 404


def test_one_that_is_off_is_said_where_work_begins(browser, registry, number):
    """The workspace has a notice that leads to it."""
    one = browser("carmaker")
    assert "switched off" not in one.get("/workspace").text
    with registry.database.pool.connection() as connection:
        connection.execute("update webhook set state = 'off', why = 'gone', off_at = now(), off_index = 1")
    assert "A webhook of yours was switched off" in one.get("/workspace", **HTML).text
    assert "answered 410" in one.get(f"/workspace/webhooks/{number}").text


def test_a_secret_is_not_shown_in_the_clear(app, browser):
    """Where others could read along, no webhook is added; the page says which address to use."""
    away = browser("carmaker", url="https://registry.example")
    plain = Browser(app, "http://registry.example")
    plain.client.cookies.set("session", away.session)
    page = plain.client.post("/workspace/webhooks/add", data={"csrf": "x", "url": URL, "type": TYPES[0]})
    assert "whsec_" not in page.text
