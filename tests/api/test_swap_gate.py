"""A pack that does not fit, or that should be in no vehicle, on a real record: asked, swapped, shown."""

import json

import pytest

from tests.api.test_accounts import accounts, browser, quick_hashes
from tests.registry import sample
from tests.registry.swapping import OTHER, SWAPPER, VINS, at, begin, send, station, swapped
from voltrail.ledger.reports import MEDIA_TYPE

__all__ = ["accounts", "browser", "quick_hashes"]

PACKS = [sample.pack(serial) for serial in range(801, 808)]
OUT, _, _, MISFIT, WORN, SOUND, ELSEWHERE = PACKS
FRAMES, UNKNOWN, _ = VINS  # by what the second takes packs nobody has said


@pytest.fixture(scope="module", autouse=True)
def network(registry):
    """A truck that takes frames, and two stations with blocks: ST-1 says nothing, ST-2 handles frames."""
    begin(registry, PACKS)
    since = "2026-04-02T00:00:00+08:00"
    block = {"model_id": "S-102", "level": "pack", "chemistry": "LFP", "energy_kwh": 171}
    send(registry, sample.MAKER, sample.line("model_registered", since, **block, swap_pack="qiji-171"))
    frames = {"vin": FRAMES, "codes": [OUT], "swap_interface": "t-imas-052-1"}
    send(registry, sample.CARMAKER, sample.line("vehicle_certified", at(-1), **frames))
    send(registry, SWAPPER, station(OTHER, latitude=23.1, longitude=113.3, interfaces=["t-imas-052-1"]))
    send(registry, SWAPPER, sample.line("measured", at(1), code=WORN, soh_fraction=0.6))
    moved = (("shipped", {"to": SWAPPER}), ("received", {"station": OTHER}))
    send(registry, SWAPPER, *(sample.line(kind, at(2), code=ELSEWHERE, **more) for kind, more in moved))


@pytest.fixture
def ask(browser):
    """Return a function that asks beforehand, as anybody or as who signs; it returns what is answered."""

    def asked(line, *, signed=False):
        if signed:
            body = {"content": sample.report(sample.signer(SWAPPER), [line])}
            headers = {"Content-Type": MEDIA_TYPE}
        else:
            body, headers = {"json": {"organisation": SWAPPER, "lines": [line.decode()]}}, {}
        (answer,) = browser().client.post("/checks", headers=headers, **body).json()["checks"]
        return answer

    return asked


def findings(registry, line):
    """Report a line, which is taken; return what its receipt says of it."""
    receipt = json.loads(registry.report(sample.report(sample.signer(SWAPPER), [line])))
    assert (receipt["refused"], len(receipt["accepted"])) == ([], 1)
    return {one["rule"]: one for one in receipt["findings"]}


@pytest.mark.parametrize(
    ("line", "rule", "why"),
    [
        (swapped(8, FRAMES, OUT, MISFIT), "breach.swap-misfit", "takes packs by another interface"),
        (swapped(9, UNKNOWN, PACKS[1], WORN), "breach.swap-unfit", "below the least for swapping"),
        (swapped(10, UNKNOWN, WORN, ELSEWHERE, OTHER), "breach.swap-misfit", "station does not handle"),
    ],
    ids=["vehicle", "worn", "station"],
)
def test_what_should_not_be_put_in_is_told(registry, browser, ask, line, rule, why):
    """
    Asked beforehand the answer is no, with the rule and what to do; done all the same, it is on record with
    the finding, on the receipt and on the battery's page for who may know, and the pack is where it was put.
    """
    told, anybody = ask(line, signed=True), ask(line)
    assert (told["allowed"], told["rule"]) == (False, rule)
    assert told["fix"]
    assert anybody["allowed"]  # what the record says of another's pack and truck is not public
    assert findings(registry, line)[rule]["message"] == told["message"]
    event, ministry = json.loads(line), browser("ministry")
    assert ministry.json(f"/b/{event['put_in']}")["vin"] == event["vin"]
    assert why in ministry.get(f"/b/{event['put_in']}").text
    assert why not in browser().get(f"/b/{event['put_in']}").text


def test_each_breach_of_one_event_is_shown(registry, browser):
    """A worn pack that does not fit either: its page names both, in English as in Chinese."""
    found = findings(registry, swapped(12, FRAMES, MISFIT, WORN, OTHER))
    assert set(found) == {"breach.swap-misfit", "breach.swap-unfit"}
    for language, words in (
        ("en", ("another interface", "below the least")),
        ("zh", ("接口不符", "不宜装入")),
    ):
        page = browser("ministry").get(f"/b/{WORN}", **{"Accept-Language": language}).text
        assert all(one in page for one in words)


def test_what_nobody_has_said_refuses_nothing(registry, ask):
    """A vehicle and a station of unknown interfaces take any pack: asked and done, nothing is found."""
    line = swapped(11, VINS[2], PACKS[2], SOUND)
    for signed in (False, True):
        assert ask(line, signed=signed)["allowed"]
    assert findings(registry, line) == {}
