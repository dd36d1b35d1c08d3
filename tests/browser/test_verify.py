"""
The battery's page verifies in the browser: what it ticks it has computed, and what was changed it refuses.

verify.js is held against two others, `voltrail.verify` and the program in tests/independent.
"""

import json
import random
import re
from base64 import b64encode
from contextlib import contextmanager
from functools import partial
from hashlib import sha256

import httpx
import pytest
from playwright.sync_api import expect

import voltrail
from tests import dice
from tests.independent.test_verifier import both, exempt, mutate, witness
from tests.ledger import world as small
from tests.web.chinese import unled
from voltrail.demo import World, populate
from voltrail.errors import VoltrailError
from voltrail.ledger import entries, evidence
from voltrail.ledger.keys import Signer
from voltrail.ledger.notes import Policy
from voltrail.ledger.verify import HEAD_WORDS, SUBJECT_NOT_SHOWN
from voltrail.organisations.access import Reader
from voltrail.registry.settings import initialise
from voltrail.registry.succession import succeed
from voltrail.web import ASSETS, Page

pytestmark = pytest.mark.timeout(300)  # a world is made, and pages are opened by the dozen

STEPS = ["form", "checkpoint", "entries", "members", "links", "heads", "signatures"]
MUTATIONS = 300
NO_ED25519 = """
const importKey = SubtleCrypto.prototype.importKey;
SubtleCrypto.prototype.importKey = function (format, key, algorithm, ...rest) {
  const isLacking = (algorithm.name ?? algorithm) === "Ed25519";
  if (isLacking) return Promise.reject(new DOMException("", "NotSupportedError"));
  return importKey.call(this, format, key, algorithm, ...rest);
};
"""
CHECK = """
async ([module, files, policy, authorities]) => {
  const { verify } = await import(module);
  const said = [];
  for (const file of files) {
    const data = Uint8Array.from(atob(file), (one) => one.charCodeAt(0));
    const steps = [];
    for await (const step of verify(data, policy, authorities)) steps.push(step);
    said.push(steps);
  }
  return said;
}
"""


# ------------------------------------------------------------------ the page


@contextmanager
def opened(browser, address, *, alter=None, init=None, **options):
    """Open a page, its evidence altered on the way if asked; yield it once it has come to a conclusion."""
    context = browser.new_context(**{"locale": "en-GB"} | options)
    page = context.new_page()
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("console", lambda said: page.troubles.append(said.text) if said.type == "error" else None)
    if init:
        page.add_init_script(init)
    if alter:
        page.route("**/evidence", lambda route: _fulfil(route, alter))
    page.goto(address)
    if options.get("java_script_enabled", True):
        page.wait_for_selector("#verification[data-state]")
    yield page
    context.close()


def _fulfil(route, alter):
    answer = route.fetch()
    route.fulfill(response=answer, body=alter(answer.body()))


def steps_of(page):
    """Return what the page shows of each step: true, false, null, or nothing."""
    items = page.locator("#verification [data-step]").all()
    return {item.get_attribute("data-step"): item.get_attribute("data-ok") for item in items}


def ask(site, path):
    return httpx.get(site.url + path, headers={"Accept": "application/json"}).raise_for_status()


WORTH = 6


@pytest.fixture(scope="module")
def codes(site):
    """Batteries worth a check: by what is particular about them."""
    found = {}
    for one in ask(site, "/batteries?limit=1000").json()["batteries"]:
        if len(found) == WORTH:
            break
        history = ask(site, f"/b/{one['code']}/history").json()["events"]
        found.setdefault(one["level"], one["code"])
        for event in history:
            found.setdefault("finding", one["code"]) if event["findings"] else None
            found.setdefault("corrected", one["code"]) if event["corrected_by"] is not None else None
        found.setdefault("recycled", one["code"]) if history[0]["kind"] == "recycled" else None
    return found


@pytest.mark.parametrize("which", ["pack", "module", "cell", "finding", "corrected", "recycled"])
def test_the_page_verifies_its_battery(browser, site, codes, which):
    """All steps are ticked, the sentence is that of `voltrail verify`, each event shown is in it."""
    code = codes[which]
    data = ask(site, f"/b/{code}/evidence").content
    policy, authority = ask(site, "/log/policy").text, ask(site, "/log/authorities").text.strip()
    verified = voltrail.verify(data, Policy.parse(policy), [authority])
    with opened(browser, f"{site.url}/b/{code}") as page:
        assert steps_of(page) == dict.fromkeys(STEPS, "true")
        assert page.locator("#verification").get_attribute("data-state") == "verified"
        assert page.locator("#verification .verdict").inner_text().replace(",", "") == verified.head
        assert page.locator("[data-print=evidence]").inner_text() == sha256(data).hexdigest()
        shown = [int(item.get_attribute("data-index")) for item in page.locator("#life > li.checked").all()]
        assert sorted(shown) == [event.index for event in verified.events]
        expect(page.locator("#refused")).to_be_hidden()
        assert not page.troubles


def test_the_page_speaks_chinese(browser, site, codes):
    """The steps and the sentence too, with the same numbers."""
    with opened(browser, f"{site.url}/b/{codes['pack']}", locale="zh-CN") as page:
        expect(page.locator("#verification h2")).to_have_text("已由浏览器验证", use_inner_text=True)
        assert page.locator("#verification .verdict").inner_text().startswith("登记方已承诺：截至第 ")


def tampered(data):
    """
    Return for each part of evidence a place of a value in it: by the member's name, and the part it is in.

    But for what proves nothing (`exempt`) and the log's ML-DSA-44 line, which browsers cannot compute.
    """
    free = exempt(data) | set(range(*ml_dsa_line(data)))
    parts = {"head": data.index(b'"head":{"events"'), "signers": data.index(b'"signers":[')}
    found = {}
    values = re.compile(rb'"(\w+)":("(?:[^"\\]|\\.)*"|\d+|\["[^]]*\])')
    for value in values.finditer(data):
        at = (value.start(2) + value.end(2)) // 2
        part = next((name for name, start in reversed(parts.items()) if value.start() > start), "events")
        if at not in free:
            name = "node" if len(value[1]) == HASH_CHARS else value[1].decode()  # named by their own hashes
            found.setdefault((name, part), at)
    return found


def ml_dsa_line(data):
    """Return where the log's second signature stands, in the checkpoint: the first base64 that is so long."""
    return re.search(rb"[A-Za-z0-9+/=]{2000,}", data).span()


def flip(data, at):
    """Return the data with one character another: of digits a digit, of letters a letter."""
    other = b"BA" if data[at : at + 1] not in b"0123456789" else b"73"
    return data[:at] + (other[:1] if data[at : at + 1] != other[:1] else other[1:]) + data[at + 1 :]


def test_the_page_refuses_what_was_changed(browser, site, codes):
    """
    Whatever part is changed on the way, the page turns red, and says which step failed.

    It shows no tick for that step nor for those after, none at any event, and no sentence of what is proved.
    """
    code = codes["corrected"]
    places = tampered(ask(site, f"/b/{code}/evidence").content)
    assert len(places) > 30
    assert {part for _, part in places} == {"events", "head", "signers"}
    for (name, part), at in places.items():
        with opened(browser, f"{site.url}/b/{code}", alter=lambda data, at=at: flip(data, at)) as page:
            expect(page.locator("#refused"), f"{name} {part}").to_be_visible()
            shown = list(steps_of(page).values())
            failed = shown.index("false")
            assert shown == ["true"] * failed + ["false"] + [None] * (len(STEPS) - failed - 1), (name, part)
            expect(page.locator("#refused")).to_contain_text(f"Step {failed + 1} does not hold")
            expect(page.locator("#life > li.checked")).to_have_count(0)
            expect(page.locator("#verification .verdict")).not_to_contain_text("bound itself")
            assert page.locator("html").get_attribute("class") == "refuted"


def test_red_is_seen_at_once(browser, site, look):
    """In each language, at a desk and by phone: on the first screen, in red; nothing runs out to the side."""
    code, words = site.places["code"], Page(look.language)
    at = tampered(ask(site, f"/b/{code}/evidence").content)["entry", "events"]
    address = f"{site.url}/b/{code}"
    with opened(browser, address, alter=lambda data: flip(data, at), **look.context) as page:
        refused = page.locator("#refused")
        expect(refused).to_contain_text(words.say("This history does not hold."), use_inner_text=True)
        expect(page.locator("#mark")).to_have_text(words.say("Refused in your browser"), use_inner_text=True)
        box = refused.bounding_box()
        assert box["y"] + box["height"] <= page.viewport_size["height"]
        assert page.evaluate("getComputedStyle(document.querySelector('#refused')).color") == RED
        assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") == 0


RED = "rgb(179, 38, 30)"
HASH_CHARS = 64


def test_a_refusal_is_chinese_first(browser, site):
    """On a Chinese page: which step, what that means, and only then the English reason; and what to do."""
    code = site.places["code"]
    places = tampered(ask(site, f"/b/{code}/evidence").content)
    for name in (("entry", "events"), ("report_proof", "events"), ("t", "events"), ("salt", "head")):
        changed = partial(flip, at=places[name])
        with opened(browser, f"{site.url}/b/{code}", alter=changed, locale="zh-CN") as page:
            assert re.search(r"第 \d 步未通过。[^。]+。", page.locator("#refused span").inner_text())
            assert page.locator("#refused .details").inner_text().isascii()
            content = page.content()
            for words in site.places["said"]:  # by reporters, in both languages at once
                content = content.replace(words, "")
            assert unled(content) == []


def test_evidence_that_does_not_come_is_told_in_chinese(browser, site, codes):
    """Whether the server refuses, says something else, or is away."""
    for answer, words in (
        ({"status": 503, "json": {"error": {"rule": "log.closed", "message": "Restored."}}}, "本日志已关闭"),
        ({"status": 502, "body": "<p>Bad gateway"}, "服务器未能完成请求。"),
        (None, "无法连接服务器。"),
    ):
        context = browser.new_context(locale="zh-CN")
        page = context.new_page()
        page.route("**/evidence", lambda route, *, a=answer: route.fulfill(**a) if a else route.abort())
        page.goto(f"{site.url}/b/{codes['pack']}")
        page.wait_for_selector("#verification[data-state=unknown]")
        assert (
            page.locator("#verification .verdict")
            .inner_text()
            .startswith(f"无法取得证据，未作任何验证：{words}")
        )
        assert unled(page.content()) == []
        context.close()


def test_the_page_refuses_another_battery_s_evidence(browser, site, codes):
    """True evidence of another battery proves nothing of this one."""
    other = ask(site, f"/b/{codes['cell']}/evidence").content
    with opened(browser, f"{site.url}/b/{codes['pack']}", alter=lambda _: other) as page:
        expect(page.locator("#refused")).to_be_visible()
        assert steps_of(page)["form"] == "false"


def test_the_page_refuses_to_show_what_the_evidence_does_not(browser, site, codes):
    """Where the list of events says otherwise than the evidence, the page is red; the evidence may hold."""
    script = """document.addEventListener("DOMContentLoaded", () => {
        document.querySelector("#life > li").dataset.occurred = "2000-01-01T00:00:00Z"; });"""
    with opened(browser, f"{site.url}/b/{codes['pack']}", init=script) as page:
        expect(page.locator("#refused")).to_be_visible()
        expect(page.locator("#life > li.checked")).to_have_count(0)


def test_a_long_life_is_checked_when_asked(browser, site, codes):
    """Evidence of megabytes is not loaded for a look at the page; one press, and it is checked."""
    address, asked = f"{site.url}/b/{codes['pack']}", []
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    longer = re.compile(rb'data-events="\d+"')
    page.route(address, lambda route: _fulfil(route, lambda html: longer.sub(b'data-events="5000"', html)))
    page.goto(address, wait_until="networkidle")
    assert not [url for url in asked if url.endswith("/evidence")]
    page.get_by_role("button", name="Check it now").click()
    page.wait_for_selector("#verification[data-state=verified]")
    assert set(steps_of(page).values()) == {"true"}
    context.close()


def test_without_ed25519_the_page_claims_nothing(browser, site, codes):
    """A browser that lacks it ticks only what it computed, names what it did not, and draws no conclusion."""
    with opened(browser, f"{site.url}/b/{codes['pack']}", init=NO_ED25519) as page:
        lacking = {"checkpoint": "null", "signatures": "null"}
        assert steps_of(page) == dict.fromkeys(STEPS, "true") | lacking
        assert page.locator("#verification").get_attribute("data-state") == "unknown"
        assert "Ed25519 is not in this browser" in page.locator("[data-step=signatures]").inner_text()
        expect(page.locator("#verification .verdict")).to_contain_text("offline", use_inner_text=True)
        expect(page.locator("#life > li.checked")).to_have_count(0)
        expect(page.locator("#verification pre")).to_be_visible()


def test_without_scripts_the_page_says_how_to_verify(browser, site, codes):
    """No tick, no step, no empty place; the evidence and the command are there."""
    with opened(browser, f"{site.url}/b/{codes['pack']}", java_script_enabled=False) as page:
        expect(page.locator("#verification noscript")).to_contain_text("Scripts are off", use_inner_text=True)
        expect(page.locator("#verification .steps")).to_be_hidden()
        expect(page.locator("#mark")).to_be_hidden()
        expect(page.locator("#verification pre")).to_contain_text("voltrail verify", use_inner_text=True)
        expect(page.get_by_role("link", name="Take the evidence")).to_be_visible()


# ------------------------------------------------------------------ verify.js beside the other two


@pytest.fixture(scope="module")
def in_page(browser, site):
    """Return a function that gives what verify.js says of files, in a page of the site."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/docs")

    def check(files, policy, authorities):
        said = []
        for start in range(0, len(files), 25):
            batch = [b64encode(data).decode() for data in files[start : start + 25]]
            said += page.evaluate(CHECK, [ASSETS["verify.js"].path, batch, policy, authorities])
        return said

    yield check
    context.close()


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A sample world of 60 packs: all its evidence by code and audience, the policy, the authority's vkey."""
    world, folder = World(60, 6), tmp_path_factory.mktemp("sample") / "data"
    initialise(folder, "sample.example/log", [world.authority.vkey])
    with voltrail.open(folder) as registry:
        populate(registry, world)
        registry.enter_heads()
        codes = [battery["code"] for battery in registry.batteries(limit=10_000)]
        files = {(c, a): registry.evidence(c, Reader(a)) for c in codes for a in ("public", "auditor")}
        return files, registry.policy, world.authority.vkey


def holds(steps):
    return len(steps) == len(STEPS) and all(step["ok"] for step in steps)


def test_all_evidence_of_a_sample_world_is_taken(in_page, sample):
    """For the public and for an auditor; of each signature verify.js says what `voltrail.verify` says."""
    files, policy, authority = sample
    assert len(files) > 600
    said = in_page(list(files.values()), policy, [authority])
    for (key, data), steps in zip(files.items(), said, strict=True):
        assert [step["name"] for step in steps] == STEPS
        assert holds(steps), (key, steps[-1])
        verified = voltrail.verify(data, Policy.parse(policy), [authority])
        head = steps[STEPS.index("heads")]["details"]
        assert HEAD_WORDS.format(**head) == verified.head
        worth = [
            one["worth"] + ("" if one["isNamed"] else SUBJECT_NOT_SHOWN)
            for one in steps[-1]["details"]["events"]
        ]
        assert worth == [event.signature for event in verified.events]


def test_evidence_of_two_logs(in_page, tmp_path):
    """Evidence of a successor log joins the log before it; left out, or another, it proves nothing."""
    world, folder = World(3, 11), tmp_path / "data"
    initialise(folder, "sample.example/log", [world.authority.vkey])
    with voltrail.open(folder) as registry:
        populate(registry, world)
    succeed(folder, "sample.example/log")
    with voltrail.open(folder) as registry:
        registry.enter_heads()
        policy = registry.policy
        files = [registry.evidence(one["code"]) for one in registry.batteries(limit=20)]
    for data in files:
        assert voltrail.verify(data, Policy.parse(policy), [world.authority.vkey]).complete
    assert all(holds(steps) for steps in in_page(files, policy, [world.authority.vkey]))
    changed = []
    for data in files[:5]:
        evidence = json.loads(data)
        closed = evidence.pop("closed")
        others = ({}, {"closed": []}, {"closed": closed * 2})
        changed += [
            json.dumps(evidence | other, ensure_ascii=False, separators=(",", ":")).encode()
            for other in others
        ]
    assert not any(holds(steps) for steps in in_page(changed, policy, [world.authority.vkey]))


def test_random_changes_are_refused(in_page, sample):
    """Whatever is changed, verify.js refuses it as the two others do."""
    files, policy, authority = sample
    seed = dice.seed("verify")
    rng = random.Random(seed)
    chosen = sorted(files.values(), key=len)[:6] + [files[key] for key in rng.sample(sorted(files), 6)]
    changed = []
    while len(changed) < MUTATIONS:
        data = chosen[len(changed) % len(chosen)]
        start, end = ml_dsa_line(data)
        other = mutate(rng, data, rng.choice(chosen))
        if other[:start] != data[:start] or other[len(other) - len(data) + end :] != data[end:]:
            changed.append(other)
    for number, (data, steps) in enumerate(zip(changed, in_page(changed, policy, [authority]), strict=True)):
        assert both(data, policy, authority) == (None, None), (seed, number)
        assert steps[-1]["ok"] is False, (seed, number)


PLAIN = f"log {small.LOG_KEY.vkey}\nquorum none\n"
P256_KEY = Signer.generate(f"{small.MAKER}/line-3", "ecdsa-p256-sha256")
P256_AGAIN = Signer.generate(P256_KEY.name, "ecdsa-p256-sha256")


def a_log(*reports, head=False, **options):
    """Return the evidence of a small log with these reports, each a signer, events and perhaps for whom."""
    log = small.Log()
    for signer, events, *organisation in reports:
        log.report(signer, *events, organisation=organisation[0] if organisation else None)
    if head:
        log.commit_heads()
    return evidence.encode(log.evidence(head=head, **options))


def founded(*keys, of=small.MAKER, **fields):
    """Return the authority's report of an organisation and its keys."""
    return small.ROOT_KEY, [small.registered(of), *(small.key_added(key, **fields) for key in keys)]


def made(key, *organisation):
    return key, [small.manufactured()], *organisation


MEASURED = small.event("measured", code=small.CODE, soh_fraction=0.9)
MAKER, HOST, OTHER = small.MAKER_KEY, small.HOST_KEY, small.OTHER_KEY
REVOKED = MAKER, [small.key_revoked(MAKER)]
OTHERS = founded(OTHER, of=small.OTHER)
HOSTED = founded(HOST, of=small.HOST), made(HOST, small.MAKER)
WITH_OTHER, WITH_HOST = {"signers": (small.MAKER, small.OTHER)}, {"signers": (small.MAKER, small.HOST)}
SMALL = {  # evidence, and whether it holds
    "ordinary": (a_log(founded(MAKER), made(MAKER)), True),
    "with a head": (a_log(founded(MAKER), made(MAKER), head=True), True),
    "without the signer": (a_log(founded(MAKER), made(MAKER), signers=()), True),
    "a key not added": (a_log(founded(small.SPARE_KEY), made(MAKER)), False),
    "a key revoked": (a_log(founded(MAKER), REVOKED, made(MAKER)), False),
    "a key revoked later": (a_log(founded(MAKER), made(MAKER), REVOKED), True),
    "a key added by itself": (
        a_log(founded(MAKER), (MAKER, [small.key_added(P256_KEY)]), made(P256_KEY)),
        True,
    ),
    "P-256": (a_log(founded(P256_KEY), (P256_KEY, [small.manufactured(), MEASURED])), True),
    "a key of the same name": (a_log(founded(P256_KEY), made(P256_AGAIN)), False),
    "another organisation": (a_log(founded(MAKER), OTHERS, made(OTHER, small.MAKER), **WITH_OTHER), False),
    "a stranger adds a key": (
        a_log(founded(MAKER), OTHERS, (OTHER, [small.key_added(P256_KEY)]), made(P256_KEY), **WITH_OTHER),
        False,
    ),
    "the host may": (a_log(founded(MAKER, host_may_sign=True), *HOSTED, **WITH_HOST), True),
    "the host may not": (a_log(founded(MAKER, host_may_sign=False), *HOSTED, **WITH_HOST), False),
    "the host, without a key": (a_log(founded(), *HOSTED, **WITH_HOST), True),
}


@pytest.mark.parametrize("name", SMALL)
def test_whose_signature_counts(in_page, name):
    """Keys count from addition to revocation, the host's where it may; `voltrail.verify` agrees, by rule."""
    data, taken = SMALL[name]
    try:
        verified = voltrail.verify(data, Policy.parse(PLAIN), [small.ROOT_KEY.vkey])
        rule = None
    except VoltrailError as error:
        verified, rule = None, error.rule
    assert (verified is not None) == taken
    [steps] = in_page([data], PLAIN, [small.ROOT_KEY.vkey])
    assert steps[-1]["details"].get("rule") == rule
    assert [step["name"] for step in steps if step["ok"] is False] == ([] if taken else ["signatures"])
    if verified:
        said = [one["worth"] for one in steps[-1]["details"]["events"]]
        assert said == [event.signature for event in verified.events]


def test_the_authority_s_key_counts_in_its_range(in_page):
    """A key of the authority given for some entries does not speak for others."""
    for entries_, taken in (("0-1", True), ("0-0", False)):
        [steps] = in_page([SMALL["ordinary"][0]], PLAIN, [f"{small.ROOT_KEY.vkey}@{entries_}"])
        assert (steps[-1]["ok"] is True) == taken


def test_the_quorum_of_witnesses_is_met_or_refused(in_page):
    """One cosignature of two is not enough for `all`, is for `any`; a wrong one refuses the whole."""
    whole = json.loads(SMALL["ordinary"][0])
    note = whole["checkpoint"]
    (one, sign_one), (two, sign_two) = witness(11), witness(12)
    policy = f"log {small.LOG_KEY.vkey}\nwitness a {one}\nwitness b {two}\ngroup g {{}} a b\nquorum g\n"
    for checkpoint, wanted, taken in [
        (note, "any", False),
        (note + sign_one(note), "any", True),
        (note + sign_one(note), "all", False),
        (note + sign_one(note) + sign_two(note), "all", True),
        (note + sign_one(note.replace("\n3\n", "\n5\n")) + sign_two(note), "any", False),
    ]:
        [steps] = in_page(
            [compact(whole | {"checkpoint": checkpoint})], policy.format(wanted), [small.ROOT_KEY.vkey]
        )
        assert steps[1]["ok"] is taken, (wanted, steps[1])


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def two_logs(monkeypatch):
    """Return evidence of a battery that was made in one log, and measured in its successor."""
    first = small.an_ordinary_log()
    before, note, base = json.loads(evidence.encode(first.evidence())), first.checkpoint(), len(first.entries)
    monkeypatch.setattr(small, "ORIGIN", f"{small.ORIGIN}/2")
    monkeypatch.setattr(small, "LOG_KEY", Signer.from_seed(small.ORIGIN, b"\x07" * 32))
    second = small.Log()
    second.entries, second.heads = [entries.successor_entry(note)], dict(first.heads)
    second.chains = {f"organisation:{small.MAKER}": []}
    second.report(small.MAKER_KEY, MEASURED)
    second.commit_heads()
    after = json.loads(evidence.encode(second.evidence(head=True)))
    for event in after["events"]:
        event["index"] += base
    for head in (after["head"], after["signers"][0]["head"]):
        head["index"] += base
    proof = [b64encode(one).decode() for one in small.prove(second.leaf_hashes, 0)]
    signer = before["signers"][0] | {"head": after["signers"][0]["head"]}
    whole = {
        "format": before["format"],
        "subject": before["subject"],
        "checkpoint": after["checkpoint"],
        "closed": [{"checkpoint": note, "entry_proof": proof}],
        "reports": before["reports"] | after["reports"],
        "events": before["events"] + after["events"],
        "head": after["head"],
        "signers": [signer],
    }
    return whole, f"log {small.LOG_KEY.vkey}\nquorum none\n"


def test_a_successor_log_is_joined_to_those_before(in_page, monkeypatch):
    """
    Events of a closed log count by its last checkpoint, which the next log begins with.

    Without it, with another, or with events moved between the logs, nothing holds.
    """
    whole, policy = two_logs(monkeypatch)
    closed = whole["closed"][0]
    shorter = closed | {"checkpoint": closed["checkpoint"].replace("\n4\n", "\n3\n")}
    moved = json.loads(compact(whole))
    moved["events"][-1]["index"] -= 1
    for name, changed, failed in [
        ("as it is", whole, None),
        ("none closed", {k: v for k, v in whole.items() if k != "closed"}, "checkpoint"),
        ("closed twice", whole | {"closed": [closed, closed]}, "checkpoint"),
        ("shorter", whole | {"closed": [shorter]}, "checkpoint"),
        ("none named", {k: [] if k == "closed" else v for k, v in whole.items()}, "form"),
        ("no proof", whole | {"closed": [closed | {"entry_proof": []}]}, "checkpoint"),
        ("moved", moved, "entries"),
    ]:
        [steps] = in_page([compact(changed)], policy, [small.ROOT_KEY.vkey])
        wrong = [step["name"] for step in steps if step["ok"] is not True]
        assert wrong == ([failed] if failed else []), (name, steps[-1])
    [steps] = in_page([compact(whole)], policy, [small.ROOT_KEY.vkey])
    assert steps[STEPS.index("heads")]["details"] == {"events": 3, "last": 5, "after": 0}
