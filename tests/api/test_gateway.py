"""The page of the gateway: for whom, what it says of running and of silent processes, and of none."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.test_health import app, browser, program, registry, text_of  # noqa: F401 - fixtures
from tests.registry import sample
from voltrail.gateway.folder import Folder
from voltrail.gateway.live import Said, leave, tell

NOTHING = dict.fromkeys(
    ("connections", "vehicles", "platforms", "frames", "bytes", "answers", "waiting_bytes"), 0
)


@pytest.fixture
def say(registry):  # noqa: F811 - a fixture
    """Return a function by which a process of the gateway says something; in the end all have left."""
    folder, said = Folder.of(registry.data), []

    def saying(process, ago=timedelta(), **what):
        at = datetime.now(UTC) - ago
        tell(folder, Said(process=process, began_at=at - timedelta(hours=1), at=at, **NOTHING | what))
        said.append(process)

    yield saying
    for process in said:
        leave(folder, process)


def test_it_is_for_administrators_and_authorities(browser, program):  # noqa: F811
    """Others are refused in words, the public is asked to sign in; nothing of the counts is told."""
    assert program("ministry").get("/gateway").status_code == 200
    for login, told in ((None, (401, "access.sign_in")), ("cars", (403, "access.gateway"))):
        answer = program(login).get("/gateway")
        assert (answer.status_code, answer.json()["error"]["rule"]) == told
        assert "connected" not in text_of(browser(login).get("/gateway"))
    assert "/gateway" in browser("ministry").get("/authority").text
    assert "/gateway" not in browser("cars").get("/account").text


def test_without_a_gateway_it_says_how_to_start_one(browser, program):  # noqa: F811
    """An empty page is of no use to an operator."""
    assert "voltrail gateway --listen" in browser("ministry").get("/gateway").text
    assert program("ministry").get("/gateway").json()["processes"] == []


def test_processes_are_told_together(say, browser, program):  # noqa: F811
    """Counts are summed, rates second by second from the newest back, and the slowest answers are told."""
    say(11, vehicles=3, frames=1_000, rates=(5, 7, 9), answer_ms=(4.0, 9.0), refused={"frame.bcc": 2})
    say(
        12,
        vehicles=2,
        frames=500,
        rates=(1,),
        answer_ms=(5.0, 31.5),
        refused={"frame.bcc": 1, "gateway.new": 4},
    )
    told = program("ministry").get("/gateway").json()
    assert (told["vehicles"], told["frames"], told["rates"]) == (5, 1_500, [5, 7, 10])
    assert (told["answer_ms"], told["refused"]) == ([5.0, 31.5], {"frame.bcc": 3, "gateway.new": 4})
    page = browser("ministry").get("/gateway")
    said = text_of(page)
    assert "5 vehicles are connected" in said
    assert "A byte was changed on the way: the check does not hold." in said
    assert "gateway.new" in said  # a rule without words is named all the same
    assert " style=" not in page.text


def test_a_process_that_fell_silent_is_named_and_not_counted(say, browser, program):  # noqa: F811
    """It was killed, or hangs: its last counts say nothing of now."""
    say(13, ago=timedelta(minutes=9), vehicles=900)
    told = program("ministry").get("/gateway").json()
    assert (told["vehicles"], [one["process"] for one in told["silent"]]) == (0, [13])
    said = text_of(browser("ministry").get("/gateway"))
    assert "Process 13 has said nothing since" in said
    assert "No gateway is running" in said


def test_what_is_no_word_of_a_process_is_passed_over(registry, program):  # noqa: F811
    """A file that was cut, or put there by somebody, breaks no page."""
    path = Folder.of(registry.data).live / "99.json"
    for text in ("", "{", "[]", '{"process": "x"}'):
        path.write_text(text)
        assert program("ministry").get("/gateway").json()["processes"] == []
    path.unlink()


def test_which_vehicles_they_are_is_not_told(say, program):  # noqa: F811
    """Counts only: where a vehicle is online is whereabouts of its owner."""
    say(14, vehicles=1, connections=1)
    assert sample.MAKER not in program("ministry").get("/gateway").text
    assert "vin" not in program("ministry").get("/gateway").text
