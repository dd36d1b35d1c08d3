"""
Labels and scanning in a real browser: from printed label to receipt, before a camera that plays a film.

What goes wrong is real too: a camera that is refused, none at all, a page not over https, a decoder that does
not come.
"""

# ruff: noqa: F811 - fixtures of another module are imported

import re
from contextlib import contextmanager
from io import BytesIO

import pytest
import zxingcpp
from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image
from playwright.sync_api import expect

from tests.api.test_accounts import CHOSEN, quick_hashes  # noqa: F401
from tests.api.test_scan import COMING, MINE, NEVER_SEEN, OTHERS, RECALLED, SITE, WASTE, app, registry  # noqa: F401
from tests.browser import chromium
from tests.browser.film import HOST, shoot
from tests.browser.pages import CROSSWISE, LOOKS, Look
from tests.browser.test_pages import COLOURS, KEPT, WORDS, violations
from tests.browser.test_report import serving
from tests.codes.pictures import of_pdf
from tests.codes.test_scanned import photo
from tests.registry import sample
from voltrail.codes import labels, printing, url
from voltrail.codes.labels import SIZES
from voltrail.web import Page

FAKE = "--use-fake-device-for-media-stream"
GRANTED = "--use-fake-ui-for-media-stream"
DESK = Look("en", "desk")
PHONE = Look("zh", "phone")
# Each look has a battery of its own to report of.
NEXT = dict(
    zip(
        map(str, LOOKS),
        ((COMING, "received"), (MINE, "retired"), (WASTE, "dismantled"), (RECALLED, "retired")),
        strict=True,
    )
)
crosswise = pytest.mark.parametrize("look", CROSSWISE, ids=str)
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def site(app):
    """The address of a server over the registry of tests/api/test_scan."""
    with serving(app) as address:
        yield address


@pytest.fixture
def opened(browser, site, app):
    """Return what opens a page: in a look, by somebody, in a browser of its own for a camera."""

    @contextmanager
    def open_page(look, path, *flags, login=None, script=None, **options):
        own = None
        if flags:
            own = browser.browser_type.launch(executable_path=chromium.find(), args=[*chromium.FLAGS, *flags])
        context = (own or browser).new_context(**look.context | options)
        if script:
            context.add_init_script(script)
        if login:
            secret = app.state.accounts.sign_in(login, CHOSEN, "test")
            context.add_cookies([{"name": "session", "value": secret, "url": site}])
        watch, page = chromium.Watch(context), context.new_page()
        try:
            page.goto(site + path)
            page.watch = watch
            yield page
            assert watch.troubles == []
        finally:  # a camera that goes on looking takes the time of every test behind it
            context.close()
            if own:
                own.close()

    return open_page


def film_of(tmp_path, *codes, **how):
    """Return the flags by which a browser has a camera before these labels."""
    return FAKE, GRANTED, f"--use-file-for-fake-video-capture={shoot(tmp_path / 'film.y4m', codes, **how)}"


# ------------------------------------------------------------------ the story


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_print_scan_report_verify(opened, registry, site, look, tmp_path):
    """A label is printed and scanned, the next event reported in two taps, seen on the page, and verified."""
    code, kind = NEXT[str(look)]
    say, event = Page(look.language).say, Page(look.language).event
    with opened(look, f"/labels?code={code}", login="recycler") as page:
        page.locator("#host").fill(HOST)
        page.locator("#size").select_option("100x50")
        with page.expect_download() as download:
            page.get_by_role("button", name=say("Take the PDF")).click()
        [printed] = of_pdf(download.value.path().read_bytes())
        assert zxingcpp.read_barcode(printed).text == url(code, HOST)

    with opened(look, "/scan", *film_of(tmp_path, code), login="recycler") as page:
        page.wait_for_url("**/scan?text=*", timeout=60_000)
        expect(page.locator("h1")).to_have_text(code, use_inner_text=True)
        expect(page.locator("#elsewhere")).to_contain_text(HOST, use_inner_text=True)
        page.locator("summary", has_text=event(kind)).first.click()
        form = page.locator("details[open] form")
        if form.locator("select[name=site]").count():
            expect(form.locator("select[name=site]")).to_have_value(SITE)
        form.get_by_role("button", name=say("Report it")).click()
        result = page.locator("#result")
        expect(result).to_be_visible()
        index = int(re.sub(r"\D", "", re.search(r"[\d,\u2009]+", result.locator("p").first.inner_text())[0]))
        with page.expect_download() as download:
            result.get_by_role("link", name=say("Keep the receipt")).click()
        assert b'"voltrail-receipt/1"' in download.value.path().read_bytes()
        registry.enter_heads()
        result.get_by_role("link", name=say("See the battery")).click()
        page.wait_for_url(f"**/b/{code}*")
        assert page.locator(f"#e{index}").get_attribute("data-kind") == kind
        page.wait_for_selector("#verification[data-state=verified]", timeout=60_000)
        expect(page.locator(f"#e{index}.checked")).to_have_count(1)
        page.go_back()
        page.get_by_role("link", name=say("Scan the next")).click()
        page.wait_for_url("**/scan?text=*", timeout=60_000)  # the camera starts by itself: it was allowed


@pytest.mark.parametrize(
    ("carrier", "size", "scale"), [("datamatrix", "60x40", 0.6), ("code128", "100x50", 0.9)]
)
def test_the_camera_reads_each_carrier(opened, tmp_path, carrier, size, scale):
    """Data Matrix and Code 128 as well as QR, by the decoder in the browser."""
    flags = film_of(tmp_path, WASTE, carrier=carrier, size=size, scale=scale)
    with opened(DESK, "/scan", *flags) as page:
        page.wait_for_url("**/scan?text=*", timeout=60_000)
        expect(page.locator("h1")).to_have_text(WASTE, use_inner_text=True)


@crosswise
def test_several_labels_in_view_are_asked_about(opened, look, tmp_path):
    """Not the one that was read first: the worker chooses."""
    with opened(look, "/scan", *film_of(tmp_path, WASTE, OTHERS, size="50x30", scale=0.95)) as page:
        page.locator("#picks a").first.wait_for(timeout=60_000)
        assert {one.inner_text() for one in page.locator("#picks a").all()} == {WASTE, OTHERS}
        expect(page.locator("#said")).to_have_text(
            Page(look.language).say("Several labels are in view. Which one?"), use_inner_text=True
        )
        page.locator("#picks a", has_text=OTHERS).click()
        page.wait_for_url("**/scan?text=*")
        expect(page.locator("h1")).to_have_text(OTHERS, use_inner_text=True)


# ------------------------------------------------------------------ what goes wrong with a camera

REFUSED = (
    "The camera was refused. Allow it for this site in the browser's settings (the icon beside the address),"
    " then try again. Or take a photo, or type a part of the code."
)
NONE = "This device has no camera. Take a photo with another one, or type a part of the code."
BUSY = "The camera is in use by another app. Close that app, then try again."
INSECURE = (
    "Browsers give the camera to https addresses alone, and this page did not come over one. Use the https"
    " address of this registry; or take a photo, or type a part of the code."
)
DECODER = (
    "The decoder was not loaded: is the network there? Try again. Typing a part of the code needs no decoder."
)
# What Chromium answers while another program has the camera: here no other program can be made to.
TAKEN = """
if (navigator.mediaDevices) {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotReadableError"));
}
"""


def told(page):
    """Return what the page says of its camera."""
    page.locator("#said.problem").wait_for(timeout=30_000)
    return page.locator("#said").inner_text()


def goes_on_by_typing(page, look):
    """Type the end of a code, as the page says; the battery is found."""
    page.locator("#part").fill(WASTE[-6:].lower())
    page.get_by_role("button", name=Page(look.language).say("Find it")).click()
    page.locator("#found a", has_text=WASTE).click()
    page.wait_for_url("**/scan?text=*")
    expect(page.locator("h1")).to_have_text(WASTE, use_inner_text=True)


@crosswise
@pytest.mark.parametrize(
    ("flags", "script", "words"),
    [
        ((FAKE, "--deny-permission-prompts"), None, REFUSED),
        ((GRANTED,), None, NONE),
        ((FAKE, GRANTED), TAKEN, BUSY),
    ],
    ids=["refused", "none", "busy"],
)
def test_without_a_camera_there_is_a_way_on(opened, look, flags, script, words):
    """Each has its clear answer, the button to try again stays, and typing leads to the battery."""
    with opened(look, "/scan", *flags, script=script) as page:
        if page.locator("#said.problem").count() == 0 and page.locator("#start").is_visible():
            page.locator("#start").click()
        assert told(page) == Page(look.language).say(words)
        expect(page.locator("#start")).to_be_visible()
        goes_on_by_typing(page, look)


@crosswise
def test_a_page_without_tls_says_so(browser, site, look):
    """Under a name that is not this machine's own, over plain HTTP: browsers have no camera there."""
    rules = [one for one in chromium.FLAGS if "resolver" not in one]
    own = browser.browser_type.launch(
        executable_path=chromium.find(),
        args=[*rules, FAKE, GRANTED, "--host-resolver-rules=MAP registry.test 127.0.0.1, MAP * ~NOTFOUND"],
    )
    page = own.new_context(**look.context).new_page()
    page.goto(site.replace("127.0.0.1", "registry.test") + "/scan")
    assert told(page) == Page(look.language).say(INSECURE)
    expect(page.locator("#start")).to_be_hidden()
    goes_on_by_typing(page, look)
    own.close()


@crosswise
def test_a_decoder_that_does_not_come(opened, look, tmp_path):
    """The page says so and goes on by typing; once the network is back, the same button works."""
    with opened(look, "/scan", FAKE, *film_of(tmp_path, WASTE)[2:]) as page:
        page.context.grant_permissions(["camera"])
        page.route("**/zxing_reader.js", lambda route: route.abort())
        page.reload()
        if page.locator("#start").is_visible():
            page.locator("#start").click()
        assert told(page) == Page(look.language).say(DECODER)
        page.watch.troubles.clear()  # the abort is ours
        page.unroute("**/zxing_reader.js")
        page.locator("#start").click()
        page.wait_for_url("**/scan?text=*", timeout=60_000)


# ------------------------------------------------------------------ photographs


@crosswise
def test_a_photo_is_read_in_the_browser(opened, look, tmp_path):
    """It leads to the battery, and is sent nowhere; one without a label is answered."""
    (tmp_path / "a.jpg").write_bytes(photo("JPEG"))
    Image.new("RGB", (600, 400), "grey").save(tmp_path / "b.png")
    with opened(look, "/scan") as page:
        asked = []
        page.on("request", lambda one: asked.append(one.method))
        page.locator("#file").set_input_files(tmp_path / "b.png")
        assert "problem" in page.locator("#said").evaluate(
            "one => new Promise(found => { const look = () => one.classList.contains('problem')"
            " ? found(one.className) : requestAnimationFrame(look); look(); })"
        )
        page.locator("#file").set_input_files(tmp_path / "a.jpg")
        page.wait_for_url("**/scan?text=*", timeout=30_000)
        assert "POST" not in asked
        expect(page.locator("#unknown")).to_be_visible()  # of no battery on record


@crosswise
def test_without_scripts_the_server_reads_it(opened, look, tmp_path):
    """The form sends the photo; the camera is not offered where it cannot be used."""
    label = labels.make(WASTE, "qr", SIZES["100x50"], HOST, 300)
    (tmp_path / "a.png").write_bytes(printing.png(label, 300))
    with opened(look, "/scan", java_script_enabled=False) as page:
        expect(page.locator("#camera")).to_be_hidden()
        page.locator("#file").set_input_files(tmp_path / "a.png")
        page.locator("#send").click()
        page.wait_for_url("**/scan?text=*")
        expect(page.locator("h1")).to_have_text(WASTE, use_inner_text=True)


# ------------------------------------------------------------------ labels on the page


@crosswise
@pytest.mark.parametrize("carrier", ["qr", "datamatrix", "code128"])
def test_the_preview_reads(opened, look, carrier):
    """What Chromium makes of the SVG is read by the decoder; on paper there is nothing but labels."""
    with opened(look, f"/labels?code={WASTE}", device_scale_factor=2) as page:
        page.locator(f"input[value={carrier}]").check()
        page.locator("#size").select_option("100x50")
        page.locator("button[value=show]").click()
        picture = page.locator("#made img")
        picture.wait_for()
        page.wait_for_load_state()  # until then there may be no more of a picture than its border
        address = picture.get_attribute("src")
        page.emulate_media(media="print")
        expect(picture).to_be_visible()
        for hidden in ("header.top", "footer", "form", "h1"):
            expect(page.locator(hidden).first, hidden).to_be_hidden()
        page.set_viewport_size({"width": 800, "height": 500})
        page.goto(page.url.rpartition("/labels")[0] + address)
        shown = Image.open(BytesIO(page.screenshot()))
        wanted = WASTE if carrier == "code128" else url(WASTE, "sample.example")
        assert zxingcpp.read_barcode(shown).text == wanted


def test_from_my_list_to_labels(opened):
    """The list's filters go along; the codes stand in the form."""
    with opened(DESK, "/workspace/batteries?level=pack", login="recycler") as page:
        page.get_by_role("link", name="Labels of this list").click()
        page.wait_for_url("**/labels?mine=1*level=pack*")
        listed = page.locator("#codes").input_value().split()
        assert RECALLED in listed
        assert all(one.startswith(sample.pack(1)[:4]) for one in listed)


@crosswise
def test_nobody_is_shut_out_of_reporting(opened, look):
    """The open form and the receipt: axe in light and dark, nothing to the side at 320 px, in Chinese."""
    code = {"en": OTHERS, "zh": NEVER_SEEN}[look.language]  # to be collected, and to be enrolled
    with opened(look, f"/scan?text={code}", login="outlet") as page:
        page.locator("details.step summary").first.click()
        _held_to_what_all_pages_are(page, look)
        page.set_viewport_size(look.context["viewport"])
        page.locator("details[open] button.go").click()
        page.locator("#result").wait_for()
        _held_to_what_all_pages_are(page, look)


def _held_to_what_all_pages_are(page, look):
    page.evaluate(AXE_SCRIPT)
    found = violations(page, {})
    page.emulate_media(color_scheme="dark")
    found += violations(page, {"runOnly": COLOURS})
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 320, "height": 900})
    assert not found
    assert page.evaluate("[innerWidth, document.scrollingElement.scrollWidth]") == [320, 320]
    if look.language == "zh":
        words = re.findall(r"[A-Za-z0-9_.:/-]{2,}", page.evaluate(WORDS))
        left = {one for one in words if re.fullmatch("[A-Za-z_]*[a-z][A-Za-z_]*", one)}
        assert left - KEPT - {"outlet"} == set()
