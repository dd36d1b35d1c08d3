"""The watch over pages sees what it is there to see: a harness that lets things pass is worse than none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.pages import PLACES, Look

ROOT = Path(__file__).parents[2]
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


@pytest.mark.parametrize(("ci", "outcome"), [("true", "1 error"), ("", "1 skipped")])
def test_without_a_browser(tmp_path, ci, outcome):
    """Without Chromium the tests of pages fail in CI; elsewhere they say what to install, and none passes."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rA",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        "broken and script",
    ]
    environment = {**os.environ, "PATH": str(tmp_path), "CI": ci}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert outcome in run.stdout
    assert "passed" not in run.stdout
    assert "apt-get install chromium" in run.stdout
