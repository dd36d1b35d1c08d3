"""The Chromium on this machine: where it is, how it is started, and what it sees go wrong on a page."""

import os
import shutil
import subprocess
from urllib.parse import urlsplit

import pytest

HOST = "127.0.0.1"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "No page was looked at: there is no Chromium on PATH, or no Chinese font. "
    "Run: sudo apt-get install chromium fontconfig fonts-noto-cjk"
)
# As root there is no sandbox; a browser that knows no other host can ask none, its own maker's included.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HOST}",
)  # fmt: skip


def find():
    """Return the path of a Chromium, or None where it or a font for Chinese is missing."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    fonts = shutil.which("fc-list") and subprocess.check_output(["fc-list", ":lang=zh", "family"])
    return path if fonts else None


def needed():
    """Go on where there is one; where not, CI fails, and others are told what to install."""
    if find() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)


def launch(playwright):
    """Start it without a window."""
    return playwright.chromium.launch(executable_path=find(), args=list(FLAGS))


def settled(page):
    """Wait until there is what a page fetches by itself once nothing moves (`data-later`), if it has any."""
    page.locator("[data-later]:not([data-there])").wait_for(state="detached")


class Watch:
    """
    What goes wrong while pages of a context are open, each as a sentence in `troubles`.

    Errors of scripts; of the console, where Chromium tells of the content security policy too; requests that
    fail, are refused, or go to another host. `expected` is the status of the document itself.
    """

    def __init__(self, context):
        self.expected, self.troubles = 200, []
        context.on("console", self._said)
        context.on("weberror", lambda one: self.troubles.append(f"script: {one.error}"))
        context.on("request", self._asked)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def _said(self, message):
        of_status = message.text.startswith("Failed to load resource: the server responded")  # see _answered
        if message.type in {"error", "warning"} and not of_status:
            self.troubles.append(f"console: {message.text}")

    def _asked(self, request):
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and address.hostname != HOST:
            self.troubles.append(f"another host: {request.url}")

    def _failed(self, request):
        if request.failure != "net::ERR_ABORTED":  # given up, since the reader went on to another page
            self.troubles.append(f"failed: {request.url}, {request.failure}")

    def _answered(self, response):
        if response.request.is_navigation_request() and response.status not in range(300, 400):
            refused = response.status != self.expected
        else:
            refused = response.status >= 400
        if refused:
            self.troubles.append(f"status {response.status}: {response.url}")
