"""The watch over pages sees what it is there to see: a harness that lets things pass is worse than none."""

import pytest

from tests.browser import chromium
from tests.browser.pages import PLACES, Look

HOME = PLACES[0]


@pytest.mark.parametrize(
    ("script", "sign"),
    [
        ("new Image().src = 'https://elsewhere.example/i.png'", "console: "),
        ("document.body.setAttribute('style', 'color: red')", "console: "),
        ("fetch('https://elsewhere.example/').catch(() => 0)", "console: "),
        ("location.href = 'https://elsewhere.example/'", "another host: https://elsewhere.example/"),
        ("location.href = '/nothing'", "status 404: "),
        ("new Image().src = '/nothing.png'", "status 404: "),
        ("console.error('broken')", "console: broken"),
        ("setTimeout(() => { throw new Error('broken') })", "script: "),
    ],
)
def test_it_sees(tabs, script, sign):
    """What a page must not do is seen when it does it."""
    tab = tabs(Look("en", "desk"), timezone_id="UTC")  # a tab of its own, so that no test's troubles are here
    page = tab.open(HOME)
    tab.watch.troubles.clear()
    page.evaluate(script)
    page.wait_for_timeout(100)
    assert any(one.startswith(sign) for one in tab.watch.troubles), tab.watch.troubles


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail), ("", pytest.skip)])
def test_without_a_browser(monkeypatch, tmp_path, ci, outcome):
    """Without Chromium the tests of pages fail in CI; elsewhere they say what to install, and none passes."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome.Exception, match="apt-get install chromium"):
        chromium.needed()
