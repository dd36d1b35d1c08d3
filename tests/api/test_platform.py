"""The outbox to the national platform over HTTP: each organisation its own alone, for people and programs."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from itertools import count

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
from tests.registry import sample
from voltrail.accounts import Accounts
from voltrail.registry.platform import FILES, HTTP

__all__ = ["Browser", "accounts", "browser", "no_attempts", "quick_hashes"]

MAKER = sample.MAKER
UNDER = "o73-06"
URL = "https://gateway.example/batches"


def report(registry, *lines):
    receipt = json.loads(registry.report(sample.report(sample.signer(MAKER), list(lines))))
    assert not receipt["refused"], receipt["refused"]
    while registry.platform.follow():
        pass
    return receipt["first_index"]


_SERIALS = count(50_000)  # of no other test of this folder


def fresh(number):
    """Lines of packs that nobody reported before."""
    return [sample.first_life(sample.pack(next(_SERIALS)))[0] for _ in range(number)]


@pytest.fixture
def clean(registry):
    """Forget all outboxes when a test is over: tests of this folder share one registry."""
    yield
    with registry.database.pool.connection() as connection:
        for table in ("platform_item", "platform_batch", "platform_count", "platform_outbox"):
            connection.execute(f"delete from {table}")


@pytest.fixture
def filled(registry, clean):
    """An outbox of the maker in which three events wait for files; the first entry."""
    registry.platform.switch_on(MAKER, "maker", FILES)
    return report(registry, *fresh(3))


def deeds(registry):
    return [one.action for one in Accounts(registry.database).trail()[0]]


def test_it_is_switched_on_and_off(browser, registry, clean):
    """By files at once; the page says how, and what it says stands in the audit trail."""
    one = browser("maker")
    assert "Nothing is handed to the national platform yet" in one.get("/workspace/platform", **HTML).text
    page = one.send("/workspace/platform/on", adapter=FILES)
    assert page.status_code == 200
    assert "files that you upload" in page.text
    assert "whsec_" not in page.text
    assert one.send("/workspace/platform/off").status_code == 303
    assert "It is switched off" in one.get("/workspace/platform").text
    assert {"platform.on", "platform.off"} <= set(deeds(registry))


def test_a_secret_is_shown_once(browser, registry, clean):
    """When http is chosen first, and when it is changed; not where others could read along."""
    one = browser("maker")
    first = one.send("/workspace/platform/on", adapter=HTTP, url=URL).text
    assert first.count("whsec_") == 1
    assert "whsec_" not in one.send("/workspace/platform/on", adapter=HTTP, url=URL).text
    assert "whsec_" not in one.get("/workspace/platform").text
    assert one.send("/workspace/platform/rotate").text.count("whsec_") == 1
    assert "Changed lately" in one.get("/workspace/platform").text
    assert "platform.rotated" in deeds(registry)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"adapter": HTTP}, "platform.url"),
        ({"adapter": HTTP, "url": "javascript:alert(1)"}, "platform.url"),
        ({"adapter": HTTP, "url": "https://u:p@gateway.example"}, "platform.url"),
        ({"adapter": FILES, "url": URL}, "platform.no_url"),
        ({"adapter": "nothing"}, "platform.adapter"),
        ({}, "platform.adapter"),
        ({"adapter": FILES, "since": "2999-01-01"}, "platform.since"),
        ({"adapter": FILES, "since": "0001-01-01"}, "platform.since"),
        ({"adapter": FILES, "since": "yesterday"}, "usage.day"),
    ],
)
def test_what_is_wrong_switches_nothing_on(browser, registry, clean, given, why):
    """The page keeps what was typed, programs get the error in the one shape."""
    one = browser("maker")
    assert one.send("/workspace/platform/on", **given).status_code == 400
    told = one.client.post(
        "/workspace/platform/on", data={"csrf": one.form(), **given}, headers={"Accept": "application/json"}
    )
    assert rule(told) == why
    assert registry.platform.outbox(MAKER) is None


def test_no_form_of_another_page_does_anything(browser, registry, filled):
    """Without the token of the session nothing is switched, made, answered, sent again or taken back."""
    one = browser("maker")
    number = registry.batches.make(MAKER, UNDER)
    before = registry.platform.counts(MAKER)
    for path in ("on", "off", "rotate", "make", "answer", "take-back", "again", "accept"):
        answer = one.client.post(
            f"/workspace/platform/{path}",
            data={
                "csrf": "x",
                "adapter": FILES,
                "rule": UNDER,
                "batch": str(number),
                "receipt": "A",
                "sure": "yes",
            },
        )
        assert answer.status_code == 403, path
    assert registry.platform.counts(MAKER) == before
    assert registry.platform.outbox(MAKER).state == "on"


def test_who_is_not_signed_in_sees_nothing(browser):
    """Neither outbox nor batch, neither item nor file."""
    client = browser().client
    for path in ("", "/items", "/batches/1", "/batches/1/content.json", "/batches/1/content.csv"):
        answer = client.get(f"/workspace/platform{path}", headers={"Accept": "application/json"})
        assert answer.status_code == 401, path


def test_others_outboxes_are_not_there(browser, registry, filled):
    """Another organisation's batch is answered as none at all, in every form; its lists are empty."""
    number = registry.batches.make(MAKER, UNDER)
    [item, *_], _ = registry.platform.items(MAKER, 1)
    other = browser("carmaker")
    for path in (f"/batches/{number}", f"/batches/{number}/content.json", f"/batches/{number}/content.csv"):
        assert other.get(f"/workspace/platform{path}").status_code == 404, path
    for path in ("answer", "take-back"):
        answer = other.send(f"/workspace/platform/{path}", batch=str(number), receipt="A", sure="yes")
        assert answer.status_code == 404, path
    for path in ("again", "accept"):
        assert other.send(f"/workspace/platform/{path}", item=str(item.id), receipt="A").status_code == 400, (
            path
        )
    assert str(filled) not in other.get("/workspace/platform/items").text
    assert {one.state for one in registry.platform.items(MAKER, 9)[0]} == {"sent"}


def test_a_clerk_goes_from_waiting_to_answered(browser, registry, filled):
    """Files are made and taken, receipt and refusals typed in; the workspace says what was refused."""
    one = browser("maker")
    page = one.get("/workspace/platform", **HTML).text
    assert "3 events are for you to upload" in page
    gone = one.send("/workspace/platform/make", rule=UNDER)
    assert gone.status_code == 303
    path = gone.headers["location"]
    number = path.rpartition("/")[2]

    document = one.get(f"{path}/content.json").json()
    assert (document["format"], document["rule"]) == ("voltrail-platform-batch/1", UNDER)
    assert [each["index"] for each in document["items"]] == [filled, filled + 1, filled + 2]
    assert document["items"][0]["event"]["kind"] == "manufactured"
    rows = list(csv.DictReader(io.StringIO(one.get(f"{path}/content.csv").text.lstrip("\ufeff"))))
    assert [row["Entry"].replace(",", "") for row in rows[:3]] == [str(filled + one) for one in range(3)]
    assert rows[0]["What to do"] == "submit"

    assert one.send("/workspace/platform/answer", batch=number).status_code == 400
    wrong = one.send("/workspace/platform/answer", batch=number, refused="what?", receipt="R-1")
    assert wrong.status_code == 400
    assert ">what?</textarea>" in wrong.text
    sent = one.send(
        "/workspace/platform/answer", batch=number, refused=f"{filled + 1}\t编码有误 <b>\n\n", receipt=" R-1 "
    )
    assert sent.status_code == 303
    page = one.get(path, **HTML).text
    assert "Answered: 1 refused" in page
    assert "编码有误 &lt;b&gt;" in page
    assert "The national platform refused 1 event of yours" in one.get("/workspace", **HTML).text
    assert "国家平台退回了本单位 1 个事件" in one.get("/workspace?lang=zh", **HTML).text
    assert one.json("/workspace")["todo"]["platform"] == 1

    [item] = one.json("/workspace/platform/items?standing=refused")["items"]
    assert (item["entry"], item["reason"]) == (filled + 1, "编码有误 <b>")
    assert one.send("/workspace/platform/again", item=str(item["id"])).status_code == 303
    assert one.json("/workspace")["todo"]["platform"] == 0
    assert {"platform.made", "platform.answered", "platform.again"} <= set(deeds(registry))


def test_a_receipt_for_each_event(browser, registry, filled):
    """Two columns of a spreadsheet are pasted; an entry that stands there twice is not guessed at."""
    one = browser("maker")
    number = str(registry.batches.make(MAKER, UNDER))
    twice = f"{filled},A\n{filled},B"
    assert one.send("/workspace/platform/answer", batch=number, receipts=twice).status_code == 400
    pasted = "\r\n".join(f"{filled + place}\tN-{place}" for place in range(3))
    assert one.send("/workspace/platform/answer", batch=number, receipts=pasted).status_code == 303
    assert [each.receipt for each in registry.platform.items(MAKER, 9)[0]] == ["N-0", "N-1", "N-2"]


def test_files_for_a_rule_have_what_the_outbox_has(browser, registry, filled):
    """The same events, each as it counts now: a correction stands in its place, what is void is not there."""
    one = browser("maker")
    lines = {each.root: each for each in registry.platform.items(MAKER, 9)[0]}
    codes = [lines[filled + place].code for place in range(3)]
    better = sample.line("manufactured", "2026-04-13T10:00:00+08:00", code=codes[0], mass_kg=700.5)
    when = "2026-05-02T10:00:00+08:00"
    report(
        registry,
        sample.line("corrected", when, code=codes[0], corrects=filled, line=better.decode()),
        sample.line("corrected", when, code=codes[1], corrects=filled + 1, void=True),
    )
    number = registry.batches.make(MAKER, UNDER)
    handed = {each.line for each in registry.batches.content(MAKER, number).items}
    today, day = datetime.now(UTC).date(), timedelta(days=1)
    told = one.get(f"/workspace/events.csv?from={today - day}&until={today + day}&rule={UNDER}").text
    assert codes[1] not in told
    assert "700.5" in told
    assert all(json.loads(line)["code"] in told for line in handed)
    assert len(handed) == 2


def test_what_the_platform_has_after_all_is_noted(browser, registry, filled):
    """A refused event of which the clerk knows the receipt is done with."""
    one = browser("maker")
    number = str(registry.batches.make(MAKER, UNDER))
    one.send("/workspace/platform/answer", batch=number, refused=f"{filled}，重复", receipt="R")
    [item], _ = registry.platform.items(MAKER, 9, state="refused")
    assert one.send("/workspace/platform/accept", item=str(item.id), receipt="").status_code == 400
    assert one.send("/workspace/platform/accept", item=str(item.id), receipt="OLD-7").status_code == 303
    assert registry.platform.counts(MAKER)[0].refused == 0
    assert "platform.accepted" in deeds(registry)


def test_a_batch_is_taken_back_only_by_who_is_sure(browser, registry, filled):
    """Without the tick it stays."""
    one = browser("maker")
    number = str(registry.batches.make(MAKER, UNDER))
    assert one.send("/workspace/platform/take-back", batch=number).status_code == 400
    assert one.send("/workspace/platform/take-back", batch=number, sure="yes").status_code == 303
    assert registry.platform.counts(MAKER)[0].waiting == 3


def test_programs_work_with_a_token(browser, accounts, registry, filled):
    """With `read` they see it, with `report` they make batches and answer; a token switches nothing."""
    client = browser().client
    reads = bearer(token(accounts, "maker", "read")) | {"Accept": "application/json"}
    writes = bearer(token(accounts, "maker", "report")) | {"Accept": "application/json"}
    told = client.get("/workspace/platform", headers=reads).json()
    assert told["outbox"]["adapter"] == FILES
    assert told["adapters"] == [FILES, HTTP]
    assert [(each["rule"], each["waiting"]) for each in told["counts"]] == [(UNDER, 3)]
    assert "salt" not in str(told)
    assert client.post("/workspace/platform/make", data={"rule": UNDER}, headers=reads).status_code == 403
    made = client.post(
        "/workspace/platform/make", data={"rule": UNDER}, headers=writes, follow_redirects=False
    )
    number = made.headers["location"].rpartition("/")[2]
    answer = {"batch": number, "receipt": "R"}
    assert client.post(
        "/workspace/platform/answer", data=answer, headers=writes, follow_redirects=False
    ).status_code in {200, 303}
    batch = client.get(f"/workspace/platform/batches/{number}", headers=reads).json()
    assert (batch["batch"]["state"], batch["batch"]["accepted"]) == ("done", 3)
    assert client.post("/workspace/platform/off", headers=writes).status_code == 401
    wrong = client.post("/workspace/platform/answer", data=answer, headers=writes)
    assert rule(wrong) == "platform.done"


def test_lists_go_on_page_after_page(browser, registry, clean, monkeypatch):
    """Nothing is left out or repeated, in either list."""
    monkeypatch.setattr("voltrail.api.platform.ON_PAGE", 4)
    monkeypatch.setattr("voltrail.api.platform.BATCHES_ON_PAGE", 2)
    registry.platform.switch_on(MAKER, "maker", FILES)
    one = browser("maker")
    for turn in range(5):
        report(registry, *fresh(2))
        number = registry.batches.make(MAKER, UNDER)
        one.send("/workspace/platform/answer", batch=str(number), receipt=f"R-{turn}")
    for path, members, parameter, number in (
        ("/workspace/platform/items", "items", "after", 10),
        ("/workspace/platform", "batches", "before", 5),
    ):
        found, following = [], ""
        while following is not None:
            told = one.json(f"{path}?{parameter}={following}" if following else path)
            found += [each["id"] for each in told[members]]
            following = told["next"]
        assert len(found) == len(set(found)) == number
    assert "Earlier" in one.get("/workspace/platform", **HTML).text
    assert "Next page" in one.get("/workspace/platform/items?standing=accepted", **HTML).text
    assert one.get("/workspace/platform/items?standing=lost").status_code == 400


def test_a_failing_gateway_is_told_on_the_page(browser, registry, clean):
    """How often it was tried, since when, what it said, and when it is tried next."""
    registry.platform.switch_on(MAKER, "maker", HTTP, URL)
    report(registry, *fresh(1))
    batch = registry.batches.claim([HTTP])
    registry.batches.note(batch, [], 600, "It answered 503. 系统维护")
    one = browser("maker")
    page = one.get(f"/workspace/platform/batches/{batch.id}", **HTML).text
    assert "did not decide all of it" in page
    assert "It answered 503. 系统维护" in page
    assert 'name="receipt"' not in page  # the answer comes by itself
    assert "not taken yet" in one.get("/workspace/platform", **HTML).text
    assert one.send("/workspace/platform/answer", batch=str(batch.id), receipt="R").status_code == 400
    one.send("/workspace/platform/off")
    assert 'name="receipt"' in one.get(f"/workspace/platform/batches/{batch.id}", **HTML).text
    assert timedelta(minutes=9) < registry.batches.one(MAKER, batch.id).not_before - datetime.now(UTC)
