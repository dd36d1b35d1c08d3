"""
The report page in a real browser: it signs what Python signs, and keeps what was chosen to itself.

A server of its own, since here things are reported.
"""

import json
import socket
import threading
import time
from contextlib import contextmanager
from hashlib import sha256, shake_256
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import expect

import voltrail
from tests.registry import sample
from voltrail.api import create_app
from voltrail.events import split
from voltrail.ledger.keys import P256, Signer
from voltrail.ledger.receipts import verify_receipt
from voltrail.ledger.reports import MAX_FILE_BYTES, ReportFile, host_secret, parse_report_note, sign_report
from voltrail.registry.settings import initialise
from voltrail.web import ASSETS

LATER = Signer.from_seed(f"{sample.MAKER}/later", b"later".ljust(32, b"."))
CURVE = Signer.generate(f"{sample.MAKER}/curve", P256)


@contextmanager
def serving(app):
    """Serve an application on a free port of this machine; yield its address."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry that knows a maker with three keys and a car maker."""
    data = tmp_path_factory.mktemp("report") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines += [sample.registrations(sample.MAKER, "battery_maker", key)[2] for key in (LATER, CURVE)]
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        yield registry


@pytest.fixture(scope="module")
def bodies():
    """All that came in to the server, piece by piece."""
    return []


@pytest.fixture(scope="module")
def address(registry, bodies):
    """Where the application is served, each body that comes in kept in `bodies`."""
    app = create_app(registry)

    async def listening(scope, receive, send):
        async def heard():
            message = await receive()
            bodies.append(message.get("body", b""))
            return message

        await app(scope, heard, send)

    with serving(listening) as address:
        yield address


@pytest.fixture
def page(browser, address):
    """The report page; what its scripts do wrong fails the test."""
    context = browser.new_context(locale="en-GB", accept_downloads=True)
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda message: wrong.append(message.text) if "Security Policy" in message.text else None
    )
    page.goto(f"{address}/report")
    yield page
    context.close()
    assert not wrong


def choose(page, lines, key=None, name="day.jsonl"):
    """Choose a file of these lines, or of these bytes, and a key."""
    content = lines if isinstance(lines, bytes) else b"".join(line + b"\n" for line in lines)
    page.set_input_files("#file", {"name": name, "mimeType": "text/plain", "buffer": content})
    if key is not None:
        pem = key.pem if isinstance(key, Signer) else key
        page.set_input_files("#key", {"name": "key.pem", "mimeType": "text/plain", "buffer": pem.encode()})


def press(page, what):
    """Press a button and return what the page then says: of the lines, or what is in the way."""
    page.evaluate("document.querySelector('#result').className = 'before'")
    page.click(f"button[value={what}]")
    said = page.locator("#result.panel, #problem:not([hidden])").first
    said.wait_for()
    return said.inner_text()


def in_browser(page, expression, *arguments):
    """Return what an expression over the module `signing` gives; bytes go in and out as lists."""
    path = ASSETS["signing.js"].path
    return page.evaluate(
        f"async (given) => {{ const signing = await import('{path}'); {expression} }}", arguments
    )


def test_shake_256_is_that_of_python(page):
    """At every edge of a block, of what goes in and of what comes out."""
    lengths = [0, 1, 33, 135, 136, 137, 271, 272, 273, 1000]
    asked = [[list(bytes(range(256)) * 4)[:size], out] for size in lengths for out in (1, 16, 136, 137, 500)]
    told = in_browser(
        page, "return given[0].map(([m, n]) => [...signing.shake256(Uint8Array.from(m), n)]);", asked
    )
    assert [bytes(one) for one in told] == [shake_256(bytes(message)).digest(out) for message, out in asked]


def lines_of_all_kinds(count):
    """Return lines with each thing that could be cut wrongly: quotes, brackets, commas, escapes."""
    hard = {
        "note": 'a "quote", a \\ and {brackets], 电池',
        "list": ["a,b", "c"],
        "deep": {"x": [1, {"y": "}"}]},
        "none": {},
    }
    day = "2026-05-02T10:00:00+08:00"
    return [b"{}", *(sample.line("measured", day, number=number, **hard) for number in range(count - 1))]


SIGN = """
const key = await signing.readKey(given[1]);
return [...await signing.signReport(given[0], key, Uint8Array.from(given[2]))];
"""


@pytest.mark.parametrize("count", [1, 2, 3, 600])
def test_the_browser_signs_what_python_signs(page, count):
    """The same key and lines give the same file, byte for byte, as `voltrail report` writes it."""
    lines = lines_of_all_kinds(count)
    content = b"".join(line + b"\n" for line in lines)
    secret = host_secret(sha256(LATER.pem.encode()).digest(), sample.MAKER, lines)
    expected = sign_report(sample.ORIGIN, LATER, secret, lines, [split(line) for line in lines]).encode()
    assert bytes(in_browser(page, SIGN, sample.ORIGIN, LATER.pem, list(content))) == expected
    of_curve = ReportFile.parse(bytes(in_browser(page, SIGN, sample.ORIGIN, CURVE.pem, list(content))))
    parse_report_note(of_curve.note, sample.ORIGIN).verify(CURVE.verifier)


@pytest.mark.parametrize(("key", "serial"), [(LATER, 1), (CURVE, 2)], ids=["ed25519", "p256"])
def test_plain_lines_are_checked_signed_and_sent(page, registry, bodies, key, serial):
    """Check first records nothing; sending gives a receipt; the key leaves the browser in no request."""
    bodies.clear()
    choose(page, sample.first_life(sample.pack(serial)), key)
    before = registry.counts()["reports"]
    assert "Nothing is recorded yet" in press(page, "check")
    assert registry.counts()["reports"] == before
    assert "All 2 lines are on record" in press(page, "send")
    assert registry.history(sample.pack(serial))["count"] == 2
    with page.expect_download() as download:
        page.click("text=Keep the receipt")
    receipt = verify_receipt(Path(download.value.path()).read_bytes(), registry.keys.log.verifier)
    assert receipt.accepted == [0, 1]
    sent = b"".join(bodies)
    assert sent.count(b"voltrail-report") == sent.count(f"/report/{sample.MAKER}".encode()) == 2
    assert b"PRIVATE KEY" not in sent
    assert key.pem.split("-----")[2].strip().splitlines()[0].encode() not in sent
    assert "All 2 lines are on record" in press(page, "send")  # the same report, the same receipt


def test_what_was_refused_is_mended_in_place(page, registry):
    """Refused lines stand in a field; changed, signed and sent again they are taken, and taken ones stay."""
    wrong = sample.first_life(sample.pack(3))[1].replace(sample.pack(3).encode(), b"nonsense")
    choose(page, [sample.first_life(sample.pack(3))[0], wrong], LATER)
    told = press(page, "send")
    assert "1 of 2 lines are on record" in told
    assert "Copy the whole label" in told
    with page.expect_download() as download:
        page.click("text=Take them as a file")
    assert Path(download.value.path()).read_bytes() == wrong + b"\n"
    page.fill("#mend", page.input_value("#mend").replace("nonsense", sample.pack(3)))
    page.click("#again")
    page.get_by_text("All 1 lines are on record").wait_for()
    assert registry.history(sample.pack(3))["count"] == 2


def test_a_signed_file_needs_no_key(page):
    """It is sent as it is; what it lacks is said by the registry, on this page."""
    choose(page, sample.report(LATER, sample.first_life(sample.pack(4))), name="day.report")
    assert "All 2 lines are on record" in press(page, "send")
    choose(page, sample.report(sample.signer(sample.MAKER, "stolen"), sample.first_life(sample.pack(5))))
    assert "The record holds no valid key" in press(page, "send")


LINE = sample.first_life(sample.pack(6))[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b"PK\x03\x04\x00\x00", "perhaps a spreadsheet"),
        (LINE.replace(b"kind", b"ki\x00nd") + b"\n", "perhaps a spreadsheet"),
        (LINE, "does not end in a line feed"),
        (b'{"note":"' + b"x" * 65_536 + b'"}\n', "longer than 65,536 bytes"),
        (b"{}\n" * 100_001, "at most 100,000 lines"),
        (LINE + b"\n", "Choose your key"),
    ],
    ids=["empty", "spreadsheet", "nul", "cut", "long", "many", "unsigned"],
)
def test_what_is_wrong_is_said_before_anything_is_sent(page, content, words):
    """In place, with everything that was chosen still chosen; no request goes out."""
    asked = []
    choose(page, content)
    page.on("request", lambda request: asked.append(request.url))
    assert words in press(page, "send")
    assert page.evaluate("document.querySelector('#file').files.length") == 1
    assert not [one for one in asked if one.endswith("/report")]


def test_what_editors_add_is_taken_out_on_request(page):
    """A byte order mark, carriage returns and empty lines: named, and gone at one press each time."""
    lines = sample.first_life(sample.pack(7))
    choose(page, b"\xef\xbb\xbf" + b"\r\n\r\n".join(lines) + b"\r\n", LATER)
    assert "byte order mark" in press(page, "send")
    page.click("text=Take that out")
    page.locator("#problem").wait_for(state="hidden")
    assert "All 2 lines are on record" in press(page, "send")


PUBLIC = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        ("", "no private key"),
        (PUBLIC, "no private key"),
        (LATER.pem.replace("Voltrail-Key: ", "Key: "), "does not say whose key it is"),
        (LATER.pem.replace("MC4C", "AAAA"), "Only Ed25519 and P-256"),
        (LATER.pem.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE"), "has a password"),
        (Signer.generate(f"{sample.MAKER}/pq", "ml-dsa-44").pem, "Only Ed25519 and P-256"),
    ],
    ids=["nothing", "public", "nameless", "garbled", "password", "ml-dsa"],
)
def test_wrong_keys_are_told(page, pem, words):
    """What was chosen instead of a key, and what to choose."""
    choose(page, [LINE], pem)
    assert words in press(page, "send")


def test_a_file_far_too_large_is_not_read(page, tmp_path):
    """Over 64 MiB: said at once, nothing is sent."""
    with (tmp_path / "huge.jsonl").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    page.set_input_files("#file", tmp_path / "huge.jsonl")
    assert "larger than 64 MiB" in press(page, "send")


def test_hostile_lines_stay_text(page):
    """Markup in a line runs nowhere: not in the rows, not in the field for mending."""
    attack = "</textarea><img src=x onerror=alert(1)><script>alert(1)</script>"
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    choose(page, [sample.line("retired", "2026-05-02T10:00:00+08:00", code=attack, note=attack)], LATER)
    assert attack in press(page, "send")
    expect(page.locator("#result img, #result script")).to_have_count(0)
    assert attack in page.input_value("#mend")
    assert not dialogs


def test_a_server_that_is_away(page):
    """Said in place; what was chosen stays, and the next press sends it."""
    choose(page, sample.first_life(sample.pack(8)), LATER)
    page.context.set_offline(True)
    assert "did not answer" in press(page, "send")
    page.context.set_offline(False)
    assert "All 2 lines are on record" in press(page, "send")


def test_an_answer_that_is_not_ours(page):
    """What a proxy says instead is shown in place of lines; the form stays."""
    answer = "<main><h1>Bad gateway</h1><p>Try later.</p><script>alert(1)</script></main>"
    page.route("**/report", lambda route: route.fulfill(status=502, content_type="text/html", body=answer))
    choose(page, sample.first_life(sample.pack(10)), LATER)
    assert "Bad gateway" in press(page, "send")
    expect(page.locator("#result script")).to_have_count(0)
    assert page.evaluate("document.querySelector('#file').files.length") == 1


def test_without_scripts(browser, address):
    """A signed file is sent by the plain form, and the answer is a page; there is no field for a key."""
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{address}/report")
    expect(page.locator("#key")).to_be_hidden()
    expect(page.get_by_text("Without scripts")).to_be_visible()
    choose(page, sample.report(LATER, sample.first_life(sample.pack(9))), name="day.report")
    page.click("button[value=send]")
    expect(page.locator("#result")).to_contain_text("All 2 lines are on record", use_inner_text=True)
    expect(page.locator("#again")).to_be_hidden()
    context.close()
