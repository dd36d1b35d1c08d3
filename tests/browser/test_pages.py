"""Every page, as its readers have it: in both languages, on a desk and a phone, light and dark, by keyboard."""

import re

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.pages import LANGUAGES, LOOKS, PLACES, Look, Place

WEIGHT_BYTES = 150_000
AXE = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}

each_place = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
each_language = pytest.mark.parametrize(
    "look", [Look(language, "desk", "light") for language in LANGUAGES], ids=str
)
each_screen = pytest.mark.parametrize("look", [Look("en", screen, "light") for screen in ("desk", "phone")], ids=str)


@each_place
def test_nobody_is_shut_out(visit, place, look):
    """axe-core finds no violation: names, contrast, landmarks, headings, targets large enough for a finger."""
    found = Axe().run(visit(place), options=AXE).response["violations"]
    assert not [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}" for rule in found for node in rule["nodes"]
    ]
