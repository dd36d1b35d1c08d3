"""The outlook in a real browser: numbers move, scenarios stand side by side, the address holds all."""

import pytest
from playwright.sync_api import expect

import voltrail
from tests.browser.pages import Look
from tests.browser.test_report import serving
from tests.registry import sample
from voltrail.api import create_app
from voltrail.registry.settings import initialise


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The address of a server over an empty record: the outlook needs none."""
    data = tmp_path_factory.mktemp("outlook") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry, serving(create_app(registry)) as address:
        yield address


@pytest.fixture
def opened(browser, url):
    """Return a function that opens a page in a context of its own."""
    contexts = []

    def open_page(path, **options):
        contexts.append(browser.new_context(**Look("en", "desk").context | options))
        page = contexts[-1].new_page()
        page.goto(url + path)
        return page

    yield open_page
    for one in contexts:
        one.close()


def test_a_slider_changes_the_answer(opened):
    """Moving a number changes the answer at once; the address holds it, and gives the same again."""
    page = opened("/outlook")
    before = page.locator("h1").inner_text()
    page.locator('[data-moves="car.battery_years"]').fill("16")
    page.locator("h1", has_not_text=before).wait_for()
    after = page.locator("h1").inner_text()
    page.wait_for_url("**/outlook?scenario=baseline&car.battery_years=16")
    expect(page.locator("#told")).to_have_text(after, use_inner_text=True)
    page.goto(page.url)
    expect(page.locator("h1")).to_have_text(after, use_inner_text=True)


def test_an_emptied_field_has_its_spread_again(opened):
    """Clearing a field gives back what it had before, and the slider goes there too."""
    page = opened("/outlook?lfp_percent=20")
    page.locator("#lfp_percent").fill("")
    page.wait_for_url("**/outlook?scenario=baseline")
    assert page.locator('[data-moves="lfp_percent"]').input_value() == page.locator(
        "#lfp_percent"
    ).get_attribute("placeholder")


def test_a_wrong_number_is_told_in_place(opened):
    """The field is marked and says what it may be, what was typed stays, and a right number mends it."""
    page = opened("/outlook")
    field = page.locator('[id="car.battery_years"]')
    field.fill("99")
    expect(page.locator('[id="wrong-car.battery_years"]')).to_have_text("Give a number from 4 to 25.")
    expect(field).to_have_value("99")
    field.fill("10")
    expect(page.locator('[id="wrong-car.battery_years"]')).to_have_text("")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_scenarios_are_compared_without_scripts(opened):
    """The form has a button that does the same; what is kept to compare stands beside what comes then."""
    page = opened("/outlook?lfp_percent=60", java_script_enabled=False)
    page.get_by_role("link", name="Keep this to compare").click()
    expect(page.get_by_role("heading", name="Against As things stand, changed")).to_be_visible()
    page.locator("#scenario").select_option("trucks_twice")
    page.locator("#lfp_percent").fill("")
    page.get_by_role("button", name="Play it through").click()
    expect(page.get_by_role("heading", name="Against As things stand, changed")).to_be_visible()
    expect(page.get_by_text("lfp_percent:60", exact=True)).to_be_visible()
    expect(page.locator("#scenario")).to_have_value("trucks_twice")


def test_the_table_behind_a_picture_opens(opened):
    """Every picture has its numbers, year by year."""
    page = opened("/outlook")
    assert page.locator("figure.drawn").count() == 4
    page.locator("figure.drawn summary").first.click()
    expect(page.locator("figure.drawn").first.get_by_role("rowheader", name="2050")).to_be_visible()
