"""The guides for programs: their snippets run as they stand, against a real registry and a real receiver."""

import contextlib
import io
import json
import os
import threading

import pytest

from tests.browser.serving import free_port
from tests.client.conftest import make_token, url
from tests.docs.test_docs import FENCE, ROOT
from tests.registry import sample
from tests.registry.conftest import empty, postgres, registry
from voltrail.client.signatures import write_secret
from voltrail.connections.networks import Networks
from voltrail.connections.platform import Adapters, NotNow, Submitter
from voltrail.connections.webhooks import Deliverer
from voltrail.registry.outbox import TYPES

__all__ = ["empty", "make_token", "postgres", "registry", "url"]


def snippets(name):
    return [body for marked, body in FENCE.findall((ROOT / "docs" / name).read_text()) if marked == "python"]


def test_the_client_guide_runs(url, registry, make_token, tmp_path, monkeypatch):
    """From the first report to evidence that verifies, in the order of the guide."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "line-1.pem").write_text(sample.signer(sample.MAKER).pem)
    (tmp_path / "policy.txt").write_text(registry.policy)
    (tmp_path / "authority.vkey").write_text(sample.authority().vkey + "\n")
    monkeypatch.setenv("VOLTRAIL_TOKEN", make_token("read", "report"))
    kept = []
    known = {"made_today": lambda: sample.first_life(sample.pack(9))[:1], "keep": kept.append}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for snippet in snippets("guides/client.md"):
            registry.enter_heads()
            exec(snippet.replace("https://registry.example", url), known)
    known["client"].close()
    said = printed.getvalue()
    assert "2 taken from entry" in said
    assert "may be shipped" in said
    assert "9ZZPB000000000G4C0000003" in said
    assert sample.MAKER in said
    assert [receipt.accepted for receipt in kept] == [[0]]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_receiver_of_the_webhook_guide_takes_what_is_sent(registry, monkeypatch):
    """Its lines verify a real request, pass over a message that comes twice, and refuse a stranger's."""
    import httpx

    port = free_port()
    number, key = registry.webhooks.add(sample.CARMAKER, f"http://127.0.0.1:{port}/", TYPES, "clerk")
    monkeypatch.setenv("WEBHOOK_SECRET", write_secret(key))
    monkeypatch.setenv("PORT", str(port))
    [snippet] = snippets("guides/webhooks.md")
    known, printed = {"__name__": "guide"}, io.StringIO()
    before, _, serve = snippet.rpartition("server.serve_forever()")
    exec(before, known)
    known["Receiver"].log_message = lambda *_: None
    thread = threading.Thread(target=known["server"].serve_forever)
    thread.start()
    try:
        with contextlib.redirect_stdout(printed):
            registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(1))))
            registry.holdings.follow()
            deliverer = Deliverer(registry, Networks(["127.0.0.0/8"]))
            batch = registry.webhooks.claim()
            assert [deliverer.deliver(batch).status for _ in range(2)] == [204, 204]
        stranger = httpx.post(os.environ["PORT"] and f"http://127.0.0.1:{port}/", content=b'{"events":[]}')
    finally:
        known["server"].shutdown()
        known["server"].server_close()
        thread.join()
    assert serve == "\n"
    assert printed.getvalue() == f"battery.event shipped {sample.pack(1)}\n"
    assert stranger.status_code == 400
    example = next(
        body
        for marked, body in FENCE.findall((ROOT / "docs/guides/webhooks.md").read_text())
        if marked == "json"
    )
    assert json.loads(example)["events"][0].keys() == json.loads(batch.bodies[0]).keys()
    assert registry.webhooks.one(sample.CARMAKER, number).waiting == 0


def handed_over(registry, adapter, url=None):
    """Return a batch of the maker that is due, and the key of its outbox."""
    key = registry.platform.switch_on(sample.MAKER, "clerk", adapter, url)
    registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(1))))
    while registry.platform.follow():
        pass
    return registry.batches.claim([adapter]), key


def test_the_gateway_of_the_platform_guide_answers(registry, monkeypatch):
    """Its lines verify a real batch and give receipts, again the same ones; a stranger gets 400."""
    import httpx

    port = free_port()
    batch, key = handed_over(registry, "http", f"http://127.0.0.1:{port}/")
    monkeypatch.setenv("GATEWAY_SECRET", write_secret(key))
    monkeypatch.setenv("PORT", str(port))
    gateway, _ = snippets("platform.md")
    known = {"__name__": "guide"}
    before, _, serve = gateway.rpartition("server.serve_forever()")
    exec(before, known)
    known["Gateway"].log_message = lambda *_: None
    thread = threading.Thread(target=known["server"].serve_forever)
    thread.start()
    try:
        http = Adapters(Networks(["127.0.0.0/8"])).machines["http"]
        answers = [http.submit(batch) for _ in range(2)]
        stranger = httpx.post(f"http://127.0.0.1:{port}/", content=batch.document())
    finally:
        known["server"].shutdown()
        known["server"].server_close()
        thread.join()
    assert serve == "\n"
    assert answers[0] == answers[1]
    assert registry.batches.note(batch, answers[0], 0) == 1
    assert [one.receipt for one in registry.platform.items(sample.MAKER, 9)[0]] == [
        f"P-{batch.items[0].index}"
    ]
    assert stranger.status_code == 400
    document = json.loads(batch.document())
    text = (ROOT / "docs/platform.md").read_text()
    example, _ = (body for marked, body in FENCE.findall(text) if marked == "json")
    assert json.loads(example).keys() == document.keys()
    assert json.loads(example)["items"][0].keys() == document["items"][0].keys()


def test_the_adapter_of_the_platform_guide_works(registry):
    """Its lines give answers that are noted, and say not now."""
    _, adapter = snippets("platform.md")
    known = {}
    exec(adapter, known)
    adapters = Adapters(Networks())
    adapters._ours["ministry"] = known["Adapter"]()
    batch, _ = handed_over(registry, "ministry")
    assert Submitter(registry, adapters).submit(batch) == 1
    [item], _ = registry.platform.items(sample.MAKER, 9)
    assert item.receipt == f"{batch.key[:6]}-{item.entry}"
    known["reachable"] = lambda: False
    with pytest.raises(NotNow) as error:
        adapters.machines["ministry"].submit(batch)
    assert error.value.later == "600"
