"""
From a clerk's spreadsheet to receipts in a real browser: twenty kinds of mistake, each seen beside its cell.

A server of its own, since here things are reported; its pages are held to what all pages are held to.
"""

import csv
import io
import json
import re
from datetime import date

import openpyxl
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

import voltrail
from tests.browser import chromium
from tests.browser.pages import LOOKS, Look
from tests.browser.test_pages import COLOURS, KEPT, WEIGHT, WEIGHT_BYTES, WORDS, violations, walk
from tests.browser.test_report import serving
from tests.registry import sample
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.codes import build
from voltrail.events.table import KINDS
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
LOGINS = {"maker": sample.MAKER, "carmaker": sample.CARMAKER}
ENGLISH = ("Event", "Occurred at", "Battery code", "Mass (kg)", "Model", "To", "Manufactured on", "Note")
CHINESE = ("事件", "发生时间", "电池编码", "质量 (kg)", "型号", "接收方", "生产日期", "备注")
KIND, TIME, CODE, MASS, TO = 0, 1, 2, 3, 5
ALSO = {
    "Excel",
    "Sheet",
    "carmaker",
    "maker",
    "Alt",
    "Farbe",
    "rot",
    "xlsx",
    "csv",
    "KiB",
    "MiB",
    "GiB",
    "kind",
}


def pack(serial):
    return build(
        maker="9ZZ", level="pack", battery_type="B", production_date=date(2026, 4, 12), serial=serial
    )


def row(language, serial, kind="manufactured"):
    """Return the cells of a row without a mistake."""
    word = KINDS[kind].zh if language == "zh" else kind
    return [word, "2026-04-12 10:00", pack(serial), 612.5, "", "", "", ""]


def mistakes(language, first):
    """
    Return twenty kinds of mistake: for each the cells, and which column is made right by what.

    The column is None for a row that is left out.
    """

    def one(number, column, wrong, right):
        cells = row(language, first + number)
        cells[column] = wrong
        return cells, column, cells[CODE] if right is None else right

    time, mass = "2026-04-12 10:00", "612.5"
    code = pack(first + 1)
    unit = row(language, first + 15)
    unit[MASS] = "612500 g"
    strange = row(language, first + 17, "shipped")
    strange[TO] = sample.CARMAKER
    role = row(language, first + 19, "prepared_for_reuse")
    role[MASS] = ""
    return [
        one(1, CODE, code[:-1], code),  # a character short
        one(2, CODE, pack(first + 2)[:-1] + "O", pack(first + 2)),  # the letter O
        one(3, CODE, 1.2345678901234567e23, pack(first + 3)),  # made a number
        one(4, CODE, "", pack(first + 4)),  # left empty
        one(5, TIME, "2026-02-30 10:00", time),  # a day that is none
        one(6, TIME, "03/04/2026", time),  # day or month first
        one(7, TIME, "", time),
        one(8, TIME, "yesterday", time),
        one(9, KIND, "made", row(language, 1)[KIND]),  # no kind of event
        one(10, KIND, "", row(language, 1)[KIND]),
        one(11, MASS, "heavy", mass),
        one(12, MASS, "-5", mass),
        one(13, MASS, "1,2,3", mass),
        one(14, MASS, "#REF!", mass),  # a formula that failed
        (unit, MASS, mass),
        one(16, TIME, 45_000.5, time),  # a date as the number that Excel counts
        (strange, MASS, ""),  # a cell that this kind does not have
        (row(language, first), None, None),  # the same as the row above all
        one(18, TIME, "2096-04-12 10:00", time),  # in the future: the record says so
        (role, KIND, row(language, 1)[KIND]),  # not for this role: the record says so
    ]


def as_file(form, language, rows):
    """Return a spreadsheet."""
    head = CHINESE if language == "zh" else ENGLISH
    if form == "csv":
        target = io.StringIO()
        csv.writer(target).writerows([head, *rows])
        return target.getvalue().encode("gb18030" if language == "zh" else "utf-8")
    book = openpyxl.Workbook()
    for one in (head, *rows):
        book.active.append([cell if cell != "" else None for cell in one])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A maker for whom the host signs, and a car maker that signs itself."""
    data = tmp_path_factory.mktemp("files") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines = [one for one in lines if b"key_added" not in one or sample.MAKER.encode() not in one]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        registry.enter_heads()
        yield registry


@pytest.fixture(scope="module")
def site(registry):
    """The address of a server over that registry, and the cookie of each who signs in there."""
    app = create_app(registry)
    accounts = app.state.accounts
    cookies = {}
    for login, organisation in LOGINS.items():
        password = accounts.add(login, organisation, "member", Actor())
        person = accounts.by_session(accounts.sign_in(login, password, "setup"))
        cookies[login] = accounts.change_password(person, password, CHOSEN, "setup")
    with serving(app) as url:
        yield url, cookies


@pytest.fixture
def opened(browser, site):
    """Return a function that opens the workspace's files of somebody in a look, watched."""
    url, cookies = site
    contexts = []

    def open_page(login, look, path="/workspace/files", **options):
        context = browser.new_context(**look.context, **options)
        context.add_cookies([{"name": "session", "value": cookies[login], "url": url}])
        contexts.append((context, chromium.Watch(context)))
        open_page.watch = contexts[-1][1]
        page = context.new_page()
        page.goto(url + path)
        return page

    yield open_page
    for context, watch in contexts:
        assert watch.troubles == []
        context.close()


def send(page, name, content):
    """Choose a file and send it; wait for what is seen when it was read."""
    page.set_input_files("#file", {"name": name, "mimeType": "text/csv", "buffer": content})
    page.locator("#upload .btn.go").click()
    page.wait_for_url(re.compile("/workspace/files/[0-9a-f]{16}"))
    page.locator("form[action*='record'], form.mapping, #rows, a[href*='lines.jsonl']").first.wait_for()
    return page.url.partition("?")[0]


# Each pair of language, screen and form is there once.
@pytest.mark.parametrize(
    ("look", "form"),
    [
        (Look("en", "desk"), "xlsx"),
        (Look("en", "phone"), "csv"),
        (Look("zh", "desk"), "csv"),
        (Look("zh", "phone"), "xlsx"),
    ],
    ids=str,
)
def test_from_a_spreadsheet_to_receipts(opened, look, form, site):
    """Each of twenty mistakes is seen beside its cell and mended there; then all is on record once."""
    first = 1_000 * (1 + LOOKS.index(look))
    wrong = mistakes(look.language, first)
    rows = [row(look.language, first), *[row(look.language, first + 100 + n) for n in range(4)]]
    page = opened("maker", look)
    path = send(page, f"april.{form}", as_file(form, look.language, [*rows, *[one[0] for one in wrong]]))
    later = len(wrong) - 2  # the last two are for the record to refuse
    expect(page.locator("li.refused")).to_have_count(later)
    for number, (_, column, right) in enumerate(wrong[:later], len(rows) + 2):
        shown = page.locator(f"#row-{number}")
        if column is None:
            continue
        cell = shown.locator(f"[name='cell.{number}.{column}']")
        assert cell.get_attribute("aria-invalid") == "true", (number, column)
        said = page.locator(f"#why-{number}-{column}")
        expect(said).to_be_visible()
        assert cell.bounding_box()["y"] < said.bounding_box()["y"]
        assert said.inner_text().strip()
        cell.fill(right)
    page.locator("#rows form[action*='mend'] p .btn").first.click()
    page.wait_for_url(re.compile("mended="))
    left = page.locator("li.refused")
    assert [one.get_attribute("id") for one in left.all()] == [f"row-{len(rows) + 2 + 17}"]
    left.locator("button").first.click()
    page.wait_for_url(re.compile(r"files/[0-9a-f]+$"))
    page.locator("form[action*='record'] .btn.go").click()
    page.locator("a[href*='receipts.jsonl']").wait_for()
    page.goto(path)
    expect(page.locator("li.refused")).to_have_count(2)
    for number, (_, column, right) in enumerate(wrong[later:], len(rows) + 2 + later):
        page.locator(f"#row-{number} [name='cell.{number}.{column}']").fill(right)
    page.locator("#rows form[action*='mend'] p .btn").first.click()
    page.locator("form[action*='record'] .btn.go").click()
    page.locator("a[href*='receipts.jsonl']").wait_for()
    page.goto(path)
    expect(page.locator("li.refused")).to_have_count(0)
    with page.expect_download() as download:
        page.locator("a[href*='receipts.jsonl']").click()
    receipts = [json.loads(line) for line in download.value.path().read_bytes().splitlines()]
    assert sum(len(one["accepted"]) for one in receipts) == len(rows) + len(wrong) - 1
    page.goto(f"{site[0]}/b/{pack(first + 3)}")
    expect(page.locator(".life li")).to_have_count(1)


def test_columns_are_named_on_a_page(opened):
    """Heads that nobody knows lead to a page that asks for them, the kind and what is lacking."""
    page = opened("maker", Look("en", "desk"))
    content = f"Welche,Farbe\n{pack(9001)},rot\n".encode()
    path = send(page, "fremd.csv", content)
    page.locator("[name=kind]").select_option("manufactured")
    page.locator("[name='column.0']").select_option("code")
    opened.watch.expected = 400  # something is lacking
    page.locator("form.mapping .btn.go").click()
    page.locator("[name='constant.occurred_at']").fill("2026-04-12 08:00")
    opened.watch.expected = 200
    page.locator("form.mapping .btn.go").click()
    page.locator("form[action*='record'] .btn.go").wait_for()
    assert page.url == path


def test_too_large_a_file_is_told_before_it_is_sent(opened, tmp_path):
    """A workbook of more than 64 MiB is not even sent."""
    page = opened("maker", Look("en", "phone"))
    large = tmp_path / "large.xlsx"
    with large.open("wb") as file:
        file.truncate(65 << 20)
    sent = []
    page.on("request", lambda request: sent.append(request.method) if request.method == "POST" else None)
    page.set_input_files("#file", large)
    page.locator("#upload .btn.go").click()
    expect(page.locator("#problem")).to_contain_text("64 MiB", use_inner_text=True)
    assert sent == []


def test_the_page_for_reporting_leads_here(opened):
    """A spreadsheet chosen on /report is taken to the page of its rows; of the public it is said where to."""
    page = opened("maker", Look("zh", "phone"), "/report")
    content = as_file("csv", "zh", [row("zh", 9101)])
    page.set_input_files("#file", {"name": "april.csv", "mimeType": "text/csv", "buffer": content})
    page.locator("#report [value=send]").click()
    page.wait_for_url(re.compile("/workspace/files/[0-9a-f]{16}"))


def test_it_works_without_scripts(opened):
    """The form sends the file, the page of progress comes again by itself, cells are mended by forms."""
    page = opened("maker", Look("en", "desk"), java_script_enabled=False)
    cells = row("en", 9201)
    content = as_file("csv", "en", [row("en", 9202), [*cells[:TIME], "never", *cells[TIME + 1 :]]])
    page.set_input_files("#file", {"name": "plain.csv", "mimeType": "text/csv", "buffer": content})
    page.locator("#upload .btn.go").click()
    page.locator("#rows").wait_for()
    page.locator("[name='cell.3.1']").fill("2026-04-12")
    page.locator("#rows form[action*='mend'] p .btn").first.click()
    page.locator("form[action*='record'] .btn.go").click()
    page.locator("a[href*='receipts.jsonl']").wait_for()


@pytest.fixture(scope="module")
def paths(registry, site, browser):
    """The pages of files in each state: to be named, to be mended, on record, of who has a key."""
    url, cookies = site
    found = {"list": ("maker", "/workspace/files"), "templates": ("maker", "/workspace/files/templates")}
    wrong = [one[0] for one in mistakes("en", 9_300)]
    contents = {
        "mapping": ("maker", f"Alt,Farbe\n{pack(9301)},rot\n".encode()),
        "mend": (
            "maker",
            as_file("xlsx", "zh", [row("zh", 9_400), *[one[0] for one in mistakes("zh", 9_400)]]),
        ),
        "signed": ("carmaker", as_file("csv", "en", [row("en", 9_351)])),
        "recorded": ("maker", as_file("csv", "en", [row("en", 9_300), *wrong])),
    }
    for name, (login, content) in contents.items():
        context = browser.new_context(**Look("en", "desk").context)
        context.add_cookies([{"name": "session", "value": cookies[login], "url": url}])
        page = context.new_page()
        page.goto(url + "/workspace/files")
        ending = "xlsx" if content.startswith(b"PK") else "csv"
        path = send(page, f"{name}.{ending}", content)
        if name == "recorded":
            page.locator("form[action*='record'] .btn.go").click()
            page.locator("a[href*='receipts.jsonl']").wait_for()
        found[name] = (login, path.removeprefix(url))
        context.close()
    return found


NAMES = ("list", "templates", "mapping", "mend", "signed", "recorded")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("look", [Look("en", "desk"), Look("zh", "desk"), Look("zh", "phone")], ids=str)
def test_it_opens(opened, paths, name, look):
    """One heading, light, nothing runs out to the side, at every width; in Chinese no English is left."""
    login, path = paths[name]
    page = opened(login, look, path)
    assert page.locator("h1").count() == 1
    assert page.locator(".btn.go").count() <= 1
    assert page.evaluate(WEIGHT) <= WEIGHT_BYTES
    for width in (390,) if look.screen == "phone" else (1440, 720, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("[innerWidth, document.scrollingElement.scrollWidth]") == [width, width]
    if look == Look("zh", "desk") and name in {"list", "templates", "mapping", "mend"}:
        words = re.findall(r"[A-Za-z0-9_.:/-]{2,}", page.evaluate(WORDS))
        left = {one for one in words if re.fullmatch("[A-Za-z_]*[a-z][A-Za-z_]*", one)}
        assert left - KEPT - ALSO == set()


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_shut_out(opened, paths, name):
    """axe-core finds nothing, in both themes and with fingers; Tab comes to everything, in order."""
    login, path = paths[name]
    page = opened(login, Look("en", "desk"), path)
    walk(page)
    page.evaluate(AXE_SCRIPT)
    found = violations(page, {})
    page.emulate_media(color_scheme="dark")
    found += violations(page, {"runOnly": COLOURS})
    page.set_viewport_size(Look("en", "phone").context["viewport"])
    rules = {rule: {"enabled": False} for rule in COLOURS} | {"target-size": {"enabled": True}}
    found += violations(page, {"rules": rules})
    assert found == []
