"""/stations/planning and /stations/replay, for programs and for whoever types nonsense."""

import pytest

from tests.api.conftest import HTML
from voltrail.swap.scenario import Scenario, read_scenario, scenario_of

PLANNING, REPLAY = "/stations/planning", "/stations/replay"
WRONG = [
    ("packs", "0"),
    ("packs", "2.5"),
    ("packs", "99999999999999999999"),
    ("chargers", "-3"),
    ("charger_kw", "nan"),
    ("swap_min", "inf"),
    ("bays", "1e9"),
    ("swaps_per_day", "many"),
    ("arrives_percent", "100"),
    ("hand_over", "never"),
    ("hours", "25"),
]


def test_an_example_is_simulated(client):
    """Without any number, an example's: result with interval, shares of waits, energy and cost."""
    told = client.get(PLANNING).json()
    assert read_scenario(client.get(f"{PLANNING}.toml").text) == scenario_of(told["scenario"])
    assert told["result"]["swaps"] == 200_000
    assert told["result"]["wait_min"]["half_width"] > 0
    assert sum(one["share"] for one in told["waits"]) == pytest.approx(1)
    assert told["yearly"]["total"] == pytest.approx(
        sum(value for name, value in told["yearly"].items() if name != "total")
    )
    assert told["cheapest"] is None


def test_numbers_reach_the_scenario(client):
    """Each parameter is what it says, per cent as a share; the file has the same numbers."""
    asked = {"packs": "30", "arrives_percent": "20", "hand_over": "arrival", "mean_wait_min": "2.5"}
    scenario = read_scenario(client.get(f"{PLANNING}.toml", params=asked).text)
    assert scenario.station.packs == 30
    assert scenario.pack.arrives_at == 0.2
    assert scenario.station.hand_over == "arrival"
    assert scenario.target.mean_wait_min == 2.5
    assert scenario.demand == Scenario().demand


def test_the_hours_of_the_day_make_trucks_wait(client):
    """As many trucks in two rushes wait longer than spread evenly."""
    even, rushes = (
        client.get(PLANNING, params={"hours": hours}).json()["result"]["wait_min"]["mean"]
        for hours in ("even", "two_rushes")
    )
    assert rushes > even


def test_a_page_does_not_wait_for_ever(client, monkeypatch):
    """A station that takes long to size is left to the command, and what is no choice is told."""
    monkeypatch.setattr("voltrail.api.planning._PATIENCE_S", 0.0)
    asked = {"swaps_per_day": "70", "size": "cheapest"}
    answer = client.get("/stations/planning", params=asked)
    assert (answer.status_code, answer.json()["error"]["rule"]) == (400, "swap.size")
    assert "voltrail swap size" in answer.json()["error"]["fix"]
    answer = client.get("/stations/planning", params={"size": "smallest"})
    assert (answer.status_code, answer.json()["error"]["rule"]) == (400, "usage.choice")


def test_the_cheapest_size_is_told_when_asked_for(client):
    """It costs no more than a large station, and its wait keeps to the target."""
    asked = {"packs": "40", "chargers": "20", "swaps_per_day": "60", "size": "cheapest"}
    told = client.get(PLANNING, params=asked).json()
    assert told["cheapest"]["trial"]["wait_min"]["mean"] <= 5
    sized = told["cheapest"]["yearly"]
    assert sum(sized.values()) <= told["yearly"]["total"]


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_nonsense_is_refused_in_place(client, name, text):
    """No number is simulated that is none, or so large that it would take a server's time; input is kept."""
    for path in (PLANNING, f"{PLANNING}.toml", REPLAY):
        answer = client.get(path, params={name: text})
        assert answer.status_code == 400, path
        assert answer.json()["error"]["rule"] in {"swap.number", "usage.choice"}
    page = client.get(PLANNING, params={name: text}, headers=HTML)
    assert page.status_code == 400
    assert f'value="{text}"' in page.text or name in {"hand_over", "hours"}


def test_what_was_typed_is_shown_as_text(client):
    """Never as markup."""
    page = client.get(PLANNING, params={"packs": '"><script>x'}, headers=HTML)
    assert "<script>x" not in page.text


def test_a_day_is_told_event_by_event(client):
    """Packs in their slots, trucks, power; the same seed gives the same day, another one another."""
    one, again, other = (
        client.get(REPLAY, params={"seed": seed, "packs": "12"}).json()["day"] for seed in ("5", "5", "6")
    )
    assert one == again != other
    assert {stay["slot"] for stay in one["stays"]} <= set(range(one["slots"]))
    assert one["swaps"] == sum(visit["began_min"] is not None for visit in one["visits"])
    assert client.get(REPLAY, params={"policy": "planned"}).json()["day"]["policy"] == "planned"


@pytest.mark.parametrize(
    "asked",
    [
        {"seed": "-1"},
        {"seed": "x"},
        {"seed": "²"},
        {"policy": "no"},
        {"packs": "200"},
        {"swaps_per_day": "900"},
    ],
)
def test_a_day_that_cannot_be_drawn_is_refused(client, asked):
    """With the reason, for programs and on the page."""
    assert client.get(REPLAY, params=asked).status_code == 400
    page = client.get(REPLAY, params=asked, headers=HTML)
    assert "This day cannot be simulated" in page.text
