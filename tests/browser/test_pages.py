"""Every page as its readers have it: in both languages, on a desk or a phone, light or dark, by keyboard."""

import re

import httpx
import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.pages import LANGUAGES, PLACES, Look

WEIGHT_BYTES = 150_000  # all that is loaded for a page without charts

each_place = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)


def looking(*looks):
    """Parametrise a test of pages by who looks."""
    return pytest.mark.parametrize("look", [Look(*one) for one in looks], ids=str)


def test_the_list_is_whole(site):
    """Every address that answers people with a page stands in the list of pages: none escapes the checks."""
    listed = [site.address(place.path).partition("?")[0] for place in PLACES]
    for path, methods in httpx.get(f"{site.url}/docs/openapi.json").json()["paths"].items():
        pattern = re.compile(re.escape(site.url) + re.sub(r"\{\w+\}", "[^/]+", path))
        if "get" not in methods or any(map(pattern.fullmatch, listed)):
            continue
        names = re.findall(r"\{(\w+)\}", path)
        filled = path.format_map({name: site.places.get(name, "0") for name in names})
        answer = httpx.get(site.url + filled, headers={"Accept": "text/html"})
        page = answer.headers["content-type"].startswith("text/html") and answer.status_code == 200
        assert not page, f"{path}: add it to tests/browser/pages.py"


@each_place
@looking(("en", "desk"), ("zh", "desk"), ("en", "phone"))
def test_it_is_for_everybody(visit, place, look, site, subtests):
    """
    One visit, each check for itself; a failure names the page, the look and the check.

    It opens in its language, light enough for a slow network, and runs out to neither side. At a desk it is
    used by keyboard alone, leaves no word untranslated, and shuts out nobody who sees or points otherwise.
    """
    page = visit(place)
    with subtests.test("opens"):
        opens(page, look, WEIGHT_BYTES if not place.charts else None)
    if look == Look("en", "desk"):
        with subtests.test("keyboard"):
            walk(page)
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    if look == Look("zh", "desk"):
        with subtests.test("translated"):
            translated(page, site)
    with subtests.test("width"):  # before nobody_shut_out, which leaves the page on a phone's screen
        keeps_its_width(page, look)
    if look.screen == "desk":
        with subtests.test("nobody shut out"):
            page.set_viewport_size(look.context["viewport"])
            nobody_shut_out(page, look)


def opens(page, look, most_bytes):
    """One heading, the language in the markup; light enough for a slow network."""
    assert page.locator("h1").count() == 1
    assert page.locator("h1").inner_text().strip()
    assert page.locator("html").get_attribute("lang").partition("-")[0] == look.language
    assert most_bytes is None or page.evaluate(WEIGHT) <= most_bytes


def keeps_its_width(page, look):
    """
    Nothing runs out to the side.

    Neither on a phone, nor at 200 % and 400 % zoom on a desk (WCAG 2.2, 1.4.10: down to 320 px).
    """
    for width in (390,) if look.screen == "phone" else (1440, 720, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("[innerWidth, document.scrollingElement.scrollWidth]") == [width, width]


# What scripts fetch when the page is there is not waited for: evidence grows with the life it proves.
WEIGHT = """() => ["navigation", "resource"].flatMap(kind => performance.getEntriesByType(kind))
    .filter(one => one.initiatorType !== "fetch").reduce((sum, one) => sum + one.encodedBodySize, 0)"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_titles_tell_pages_apart(site, language):
    """Whoever has many tabs open finds each by its title; none is another's."""
    headers = {"Accept": "text/html", "Accept-Language": language}
    titles = {}
    for place in PLACES:
        cookies = {"session": site.session["value"]} if place.signed_in else {}
        html = httpx.get(site.address(place.path), headers=headers, cookies=cookies, timeout=30).text
        titles.setdefault(re.search("<title>(.+)</title>", html)[1], []).append(place.name)
    assert [names for names in titles.values() if len(names) > 1] == []


def nobody_shut_out(page, look):
    """axe-core finds nothing: names, headings, landmarks; contrast in both themes; room for fingers."""
    page.evaluate(AXE_SCRIPT)
    found = violations(page, {})
    page.emulate_media(color_scheme="dark")
    found += violations(page, {"runOnly": COLOURS})
    page.set_viewport_size(Look(look.language, "phone").context["viewport"])
    rules = {rule: {"enabled": False} for rule in COLOURS} | {"target-size": {"enabled": True}}
    found += violations(page, {"rules": rules})
    assert not found


COLOURS = ["color-contrast", "link-in-text-block"]


def violations(page, options):
    """Return what axe-core, which the page has got by now, holds against it: the element, and what to do."""
    return page.evaluate(VIOLATIONS, {"resultTypes": ["violations"], **options})


VIOLATIONS = """async options => (await axe.run(options)).violations.flatMap(
    rule => rule.nodes.map(node => `${rule.id}: ${node.html} ${node.failureSummary}`))"""


def walk(page):
    """Tab comes to all that can be used, in order; each shows that it has the focus, covered by nothing."""
    wanted, reached = page.evaluate(REACHABLE), []
    while len(reached) < len(wanted):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        assert stop["outlined"], stop
        assert stop["seen"], stop
        if reached[-1:] != [stop["number"]]:
            reached.append(stop["number"])
        else:  # year, month, day and calendar are stops of one field
            assert stop["date"], stop
    assert reached == wanted


REACHABLE = """() => {
    const usable = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]"
    const stop = one => one.type !== "radio" || one.checked  // a group of them is one stop
    window.reachable = [...document.querySelectorAll(usable)]
        .filter(one => one.checkVisibility() && one.tabIndex >= 0 && !one.disabled && stop(one))
    return window.reachable.map((_, number) => number)
}"""
FOCUS = """() => {
    const one = document.activeElement, style = getComputedStyle(one), box = one.getClientRects()[0]
    const x = box.x + box.width / 2, y = box.y + box.height / 2
    const top = document.elementFromPoint(x, y)
    return {
        number: window.reachable.indexOf(one),
        html: one.outerHTML.slice(0, 200),
        date: (one.type ?? "").startsWith("date"),
        outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        seen: top !== null && (one.contains(top) || top.contains(one)),
    }
}"""


def translated(page, site):
    """A page in Chinese has no English word left but names, units, commands and what is marked as English."""
    text = re.sub(r"\bvoltrail( [a-z]+)+", "", page.evaluate(WORDS))
    for words in sorted(site.places["said"], key=len, reverse=True):
        text = text.replace(words, "")
    words = re.findall(r"[A-Za-z0-9_.:/-]{2,}", text)
    assert {one for one in words if re.fullmatch("[A-Za-z_]*[a-z][A-Za-z_]*", one)} - KEPT == set()


# As they are in Chinese too. Codes, rules (code.length) and origins have a digit, a point or no small letter.
KEPT = {"Voltrail", "Prometheus", "Excel", "Parquet", "kWh", "MWh", "GWh", "kW", "Ah", "kg", "kt", "km", "mm"}
KEPT |= {"Code", "Data", "Matrix", "Letter", "Digital", "Link", "WebP"}  # of symbols, paper and GS1
KEPT |= {"BatteryPass", "Battery", "Format"}  # a data model, a format of files
KEPT |= {"Gotion", "Open", "Charts"}  # a maker in a chart, whoever counts cars
KEPT |= {"Li", "Ni", "Co", "Mn", "Cu", "Al", "Fe", "Na", "Ti", "Zn", "Pb"}  # elements
KEPT |= {"Wh", "QuantumScape", "Factorial", "Stellantis", "Donut", "Lab", "Solid", "Power", "On"}  # cells
KEPT |= {"Eagle"}  # a line that makes some of them
KEPT |= {"MPa", "Pa", "kN", "min"}  # units of protocols
WORDS = """() => {
    const apart = "[lang|=en], pre, code, .mono, .hash, .seg, script, noscript, style"
    const said = [document.title]
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if ((node.nodeType === Node.TEXT_NODE ? node.parentElement : node).closest(apart)) continue
        if (node.nodeType === Node.TEXT_NODE) said.push(node.data)
        else for (const name of ["title", "aria-label", "aria-description", "placeholder", "alt"])
            said.push(node.getAttribute(name) ?? "")
    }
    return said.join("\\n")
}"""


@each_place
@looking(("en", "desk"))
def test_it_is_there_without_scripts(watched, place, look):
    """With scripts off, each page still says what it is and leads on."""
    page = watched(look, java_script_enabled=False).open(place)
    assert page.locator("h1").count() == 1
    assert len(page.locator("main").inner_text()) > 40
    assert page.locator("header a, main a").count() > 1
