"""`voltrail swap record|send|queue` as a clerk at a station types them."""

import json

import pytest
from click.testing import CliRunner

from tests.client.conftest import empty, postgres, registry, url
from tests.connections.test_watched import entries
from tests.registry import sample
from tests.registry.swapping import SWAPPER, VINS, begin
from voltrail.cli import main
from voltrail.connections import watched

__all__ = ["empty", "postgres", "registry", "url"]

PACKS = [sample.pack(serial) for serial in range(311, 315)]
SWAP = ("--vin", VINS[0], "--station", "ST-1", "--out", PACKS[0], "--in", PACKS[3])


@pytest.fixture
def key(tmp_path):
    """The station's key in its file."""
    path = tmp_path / "station.pem"
    path.write_text(sample.signer(SWAPPER).pem)
    return path


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a command on the queue."""
    queue = tmp_path / "queue"

    def ran(command, *args):
        return CliRunner().invoke(main, ["swap", command, "--queue", str(queue), *map(str, args)])

    return ran


def test_a_swap_waits_and_is_sent(run, key, url, registry, monkeypatch):
    """Recorded by options, told as waiting, sent, on record; the queue is empty then."""
    monkeypatch.setattr(watched, "STEADY_S", 0)
    begin(registry, PACKS)
    at = ("--at", "2026-05-04T16:00:00+08:00")
    told = run("record", "--key", key, "--log", sample.ORIGIN, *SWAP, *at, "--energy-in", "270.5")
    assert told.exit_code == 0, told.output
    assert told.stdout == "00000001.report waits to be sent.\n"
    assert f"1 wait for {sample.ORIGIN}, 0 refused." in run("queue").stdout
    sent = run("send", "--to", url)
    assert sent.exit_code == 0, sent.output
    assert "1 taken" in sent.stdout
    assert run("queue").stdout == f"0 wait for {sample.ORIGIN}, 0 refused.\n"
    assert b'"energy_in_kwh":270.5' in entries(registry)[-1]


def test_what_was_refused_is_told(run, key, url, registry, monkeypatch):
    """With the rule and what to do, in words and as JSON, and exit code 1."""
    monkeypatch.setattr(watched, "STEADY_S", 0)
    begin(registry, PACKS)
    run("record", "--key", key, "--log", sample.ORIGIN, *SWAP, "--at", "2199-01-01T00:00:00Z")
    assert run("send", "--to", url).exit_code == 1
    told = run("queue")
    assert told.exit_code == 1
    assert "00000001.report: " in told.stdout
    assert "(time.future)" in told.stdout
    (one,) = json.loads(run("queue", "--json").stdout)["refused"]
    assert one["rule"] == "time.future"
    assert one["fix"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "Nothing is said of the swap"),
        (('{"kind":"swapped"}', *SWAP), "Nothing is said of the swap"),
        ((*SWAP, "--at", "yesterday"), "is no time"),
        ((*SWAP, "--at", "2026-05-04T16:00:00"), "is no time"),
        ((*SWAP[:4], "--in", "9ZZP"), "has 4 characters"),
        (("{}",), "kind"),
        ((*SWAP, "--energy-in", "nan"), "energy_in_kwh"),
    ],
)
def test_a_wrong_swap_is_refused_at_once(run, key, args, words):
    """While the truck still stands there; nothing waits then."""
    told = run("record", "--key", key, "--log", sample.ORIGIN, *args)
    assert told.exit_code == 1
    assert words in told.stderr
    waiting = json.loads(run("queue", "--json").stdout or "{}").get("waiting", [])
    assert waiting == []


def test_a_record_that_fails_makes_no_queue(run, key, tmp_path):
    """A key that does not read, a log that is none: nothing is kept, not even for which log it was."""
    key.write_text("no key")
    told = run("record", "--key", key, "--log", "wrong.example/log", *SWAP)
    assert told.exit_code == 1
    assert not (tmp_path / "queue").exists()
    key.write_text(sample.signer(SWAPPER).pem)
    for log in ("", "two words"):
        told = run("record", "--key", key, "--log", log, *SWAP)
        assert (told.exit_code, "is the name of no log" in told.stderr) == (1, True)
    assert not (tmp_path / "queue").exists()


def test_a_queue_that_is_not_there_is_no_empty_one(run, url):
    """A folder that is spelt wrongly is told, not made."""
    for told in (run("queue"), run("send", "--to", url)):
        assert told.exit_code == 1
        assert "There is no queue" in told.stderr
