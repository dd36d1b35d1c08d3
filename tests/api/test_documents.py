"""Documents on models: kept, named by the record, and read by whom they are for."""

# ruff: noqa: F811 - fixtures of another module are imported

import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from tests.api.test_accounts import (  # noqa: F401
    accounts,
    bearer,
    browser,
    no_attempts,
    quick_hashes,
    rule,
    token,
)
from tests.registry import sample
from voltrail.organisations.identifiers import credit_code
from voltrail.registry.documents import MAX_BYTES

PDF = b"%PDF-1.7\n" + b"how to take it apart" * 50
MODEL = "DOC-1"
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module", autouse=True)
def certified(registry):
    """A model that its maker declared and that is certified; its maker lets the host sign."""
    certify(registry, MODEL)


def certify(registry, model):
    when = "2026-04-03T10:00:00+08:00"
    certificate = {"certificate": "CCC 1", "certified_on": "2026-04-03"}
    lines = [
        sample.line("model_registered", "2026-04-02T10:00:00+08:00", model_id=model, level="pack"),
        sample.line("model_certified", when, model_id=model, **certificate),
    ]
    assert not json.loads(registry.report(sample.report(sample.signer(sample.MAKER), lines)))["refused"]


def add(one, content=PDF, accept="application/json", **fields):
    fields = {"model_id": MODEL, "purpose": "disassembly", "title": "Guide", "csrf": one.form()} | fields
    files = {"file": ("guide.pdf", content, "application/pdf")}
    return one.client.post("/documents", files=files, data=fields, headers={"Accept": accept})


def get(one, digest, model=MODEL, **headers):
    return one.client.get(f"/documents/{digest}", params={"model": model}, headers=headers)


def name(registry, digest, purpose, model=MODEL):
    """Put a document on record with the maker's key."""
    line = sample.line(
        "document_added",
        "2026-05-01T10:00:00+08:00",
        model_id=model,
        purpose=purpose,
        title=purpose,
        digest=digest,
    )
    receipt = json.loads(registry.report(sample.report(sample.signer(sample.MAKER), [line])))
    assert not receipt["refused"]


def test_disassembly_data_is_open_to_dismantlers(registry, browser):
    """Kept by its digest, named by its maker's key, read by a recycler, not by a car maker or the public."""
    answer = add(browser("maker"), do="line")
    line = json.loads(answer.content)
    digest = sha256(PDF).hexdigest()
    assert line["digest"] == digest
    assert get(browser("recycler"), digest).status_code == 404  # nobody has named it yet
    name(registry, digest, "disassembly")
    told = {one["sha256"] for one in browser().json(f"/models/{MODEL}")["documents"]}
    assert digest in told
    found = get(browser("recycler"), digest)
    assert (found.status_code, found.content) == (200, PDF)
    assert found.headers["content-type"] == "application/pdf"
    assert get(browser("maker"), digest).content == PDF
    assert get(browser("ministry"), digest).content == PDF
    for other in (browser("carmaker"), browser()):
        assert get(other, digest, Accept="application/json").status_code in {401, 403}
    assert get(browser("recycler"), digest, "no-such-model").status_code == 404
    assert get(browser("recycler"), "0" * 64).status_code == 404
    assert f"/documents/{digest}" in browser("recycler").get(f"/models/{MODEL}").text


def test_it_meets_the_six_months(registry):
    """A certified model stands open until its disassembly data is named, and no longer."""
    certify(registry, "DOC-2")

    def is_open():
        while registry.duties.follow():
            pass
        standing, _ = registry.duties.page(TODAY, sample.MAKER, rule="o73-03")
        return "model:DOC-2" in [one.subject for one in standing]

    assert is_open()
    name(registry, "1" * 64, "safety", "DOC-2")
    assert is_open()
    name(registry, "2" * 64, "disassembly", "DOC-2")
    assert not is_open()


def test_safety_data_is_for_everybody(registry, browser):
    """Whoever asks, signed in or not."""
    content = PDF + b"safety"
    add(browser("maker"), content, do="line")
    digest = sha256(content).hexdigest()
    name(registry, digest, "safety")
    assert get(browser(), digest).content == content


@pytest.mark.parametrize(
    ("content", "fields", "said"),
    [
        (b"", {}, "report.none"),
        (b"<script>alert(1)</script>", {}, "document.type"),
        (b"MZ" + bytes(100), {}, "document.type"),
        (PDF, {"csrf": "x"}, "access.form"),
    ],
)
def test_what_is_no_document_is_refused(browser, content, fields, said):
    """Nothing that a browser would run is kept."""
    assert rule(add(browser("maker"), content, **fields)) == said


def test_a_file_that_is_too_large_is_refused(browser):
    """Before it is kept."""
    assert add(browser("maker"), b"%PDF-" + bytes(MAX_BYTES + 100_000)).status_code == 413


def test_a_key_of_ones_own_signs(browser):
    """Where the host may not sign, the page says so, and the line is to be had."""
    assert rule(add(browser("maker"))) == "report.host_may_not"


def test_another_s_model_is_not_spoken_for(registry, browser, accounts):
    """Nor is a file kept for who does not make the model."""
    small = credit_code("91000000MA0000009")
    assert accounts is not None
    assert rule(add(browser("small"), PDF + b"mine", title=small)) == "access.model"
    assert not registry.documents.has(sha256(PDF + b"mine").hexdigest())
    assert small not in {one["title"] for one in browser().json(f"/models/{MODEL}")["documents"]}


def test_a_token_reads(registry, accounts, browser):
    """With the scope read, as its organisation."""
    content = PDF + b"read by a program"
    add(browser("maker"), content, do="line")
    digest = sha256(content).hexdigest()
    name(registry, digest, "disassembly")
    headers = bearer(token(accounts, "recycler", "read"))
    assert get(browser(), digest, **headers).status_code == 200
