"""What a station records without a line: nothing is lost or turned round, whenever anything is killed."""

import random
import signal
import subprocess
import sys

import pytest

from tests import dice
from tests.client.conftest import url
from tests.connections.test_watched import entries, tree
from tests.registry import sample
from tests.registry.swapping import SWAPPER, VINS, begin, swapped
from voltrail.client import Client
from voltrail.connections import watched
from voltrail.connections.queue import Queue
from voltrail.connections.sources import Asked
from voltrail.connections.watched import Watch, _Waits
from voltrail.errors import EventError, UsageError

__all__ = ["url"]

KEY = sample.signer(SWAPPER)
PACKS = [sample.pack(serial) for serial in range(301, 305)]
ON, IN = PACKS[0], PACKS[3]


@pytest.fixture(autouse=True)
def steady_at_once(monkeypatch):
    """A file is steady when it was seen twice alike: these tests write theirs at once."""
    monkeypatch.setattr(watched, "STEADY_S", 0)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "queue"


@pytest.fixture
def network(registry):
    """A truck with a pack, and a pack that waits in a station."""
    begin(registry, PACKS)
    return registry


def swaps(count):
    """Return lines of one truck that changes between two packs, in the order in which it happens."""
    return [
        swapped(8 + number, VINS[0], *((ON, IN) if number % 2 == 0 else (IN, ON))) for number in range(count)
    ]


def send(folder, url):
    """Send what waits; return what was told of each file."""
    told = []
    with (
        Client(url, patience_s=0) as client,
        Watch(folder, client, Asked(None), "valid", told.append) as watch,
    ):
        try:
            watch.step()
            watch.step()
        except _Waits:
            pass
    return told


def test_what_was_recorded_is_sent_in_its_order(network, folder, url):
    """Each report once, with its receipt beside it; a pack goes in and out again without a gap."""
    lines = swaps(6)
    for line in lines:
        Queue(folder, sample.ORIGIN).record(KEY, line)
    queue = Queue(folder)
    assert [line for one in queue.waiting() for line in one.lines] == [line.decode() for line in lines]
    assert [told.state for told in send(folder, url)] == ["taken"] * 6
    assert entries(network)[-6:] == lines
    assert queue.waiting() == queue.refused() == []
    assert sum(name.endswith(".receipts.jsonl") for name in tree(folder, "taken")) == 6
    for code in (ON, IN):
        assert network.battery(code)["findings"] == []


def test_a_clock_that_was_set_back_turns_nothing_round(folder, monkeypatch):
    """Reports go in the order in which they were recorded, whatever the station's clock says."""
    queue, lines = Queue(folder, sample.ORIGIN), swaps(4)
    for hours, line in zip((9, 3, 7, 1), lines, strict=True):
        monkeypatch.setattr("time.time_ns", lambda hours=hours: hours * 3_600_000_000_000)
        queue.record(KEY, line)
    assert [line for one in queue.waiting() for line in one.lines] == [line.decode() for line in lines]


def test_without_a_line_it_waits(network, folder, url):
    """Nobody listens: all stays where it is, and goes when somebody does."""
    lines = swaps(3)
    for line in lines:
        Queue(folder, sample.ORIGIN).record(KEY, line)
    assert {told.state for told in send(folder, "http://127.0.0.1:9")} == {"waiting"}
    assert len(Queue(folder).waiting()) == 3
    assert {told.state for told in send(folder, url)} == {"taken"}


def test_what_is_refused_blocks_nothing(network, folder, url):
    """A wrong report is told with its rule and what to do; those behind it are taken."""
    queue, lines = Queue(folder, sample.ORIGIN), swaps(2)
    queue.record(KEY, lines[0])
    queue.record(KEY, sample.line("swapped", "2199-01-01T00:00:00Z", codes=[ON], put_in=ON, vin=VINS[0],
                                  station="ST-1"))  # fmt: skip
    queue.record(sample.signer(SWAPPER, "stolen"), lines[1])
    queue.record(KEY, lines[1])
    assert [told.state for told in send(folder, url)] == ["taken", "refused", "refused", "taken"]
    future, stolen = queue.refused()
    assert (future.file, future.line, future.rule) == ("00000002.report", 1, "time.future")
    assert future.message
    assert future.fix
    assert (stolen.file, stolen.line) == ("00000003.report", 0)
    assert stolen.rule
    assert stolen.message
    assert send(folder, url) == []


def test_a_copy_that_is_sent_again_changes_nothing(network, folder, url, tmp_path):
    """A queue that came back from a backup gets the receipts that it had."""
    for line in swaps(2):
        Queue(folder, sample.ORIGIN).record(KEY, line)
    subprocess.run(["cp", "-a", folder, tmp_path / "backup"], check=True)
    send(folder, url)
    before = entries(network)
    assert [told.state for told in send(tmp_path / "backup", url)] == ["taken"] * 2
    assert entries(network) == before


def test_a_wrong_line_is_not_recorded(folder):
    """It is refused while the clerk still stands there; the queue stays as it was."""
    queue = Queue(folder, sample.ORIGIN)
    for wrong in (b"{}", b'{"kind":"swapped"}', swaps(1)[0] + b"\n" + swaps(1)[0]):
        with pytest.raises(EventError):
            queue.record(KEY, wrong)
    assert queue.waiting() == []


def test_a_queue_is_for_one_log(folder):
    """Said once; another one, or none, is refused."""
    with pytest.raises(UsageError, match="for which log"):
        Queue(folder)
    Queue(folder, sample.ORIGIN)
    assert Queue(folder).log == sample.ORIGIN
    with pytest.raises(UsageError, match="not for another"):
        Queue(folder, "another.example/log")


def test_what_cannot_be_written_is_not_recorded(tmp_path):
    """Where the folder is none, whoever records is told at once."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="Nothing was recorded"):
        Queue(tmp_path / "file", sample.ORIGIN)


# A child for each step, killed before any change that it makes to files of the queue.
KILLED = """
import os, signal, sys
from pathlib import Path
from voltrail.client import Client
from voltrail.client.client import read_key
from voltrail.connections import watched
from voltrail.connections.queue import Queue
from voltrail.connections.sources import Asked

folder, key, origin, url = sys.argv[1:]
watched.STEADY_S = 0
key = read_key(Path(key))
told = lambda one: None
CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.link", "os.rmdir"}

def step(do, left):
    def hook(event, args):
        nonlocal left
        if event in CHANGES and folder in str(args[0]):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    if do == "send":
        with Client(url, patience_s=20) as client:
            with watched.Watch(Path(folder), client, Asked(None), "valid", told) as watch:
                watch.step()
                watch.step()
    else:
        Queue(Path(folder), origin).record(key, do.encode())

for line in sys.stdin:
    left, _, do = line.rstrip("\\n").partition(" ")
    child = os.fork()
    if not child:
        step(do, int(left))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_killed_anywhere_nothing_is_lost_or_twice(network, folder, url, tmp_path):
    """Killed before any change to a file, again and again: what was told is on record, once, in order."""
    thrown, told, key = random.Random(dice.seed("queue killed")), [], tmp_path / "key.pem"
    key.write_text(KEY.pem)
    command = [sys.executable, "-c", KILLED, str(folder), str(key), sample.ORIGIN, url]
    ends = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def run(do):
            print(
                thrown.choice((thrown.randrange(8), thrown.randrange(60))), do, file=process.stdin, flush=True
            )
            ends.append(int(process.stdout.readline()))
            return ends[-1] == 0

        for line in swaps(12):
            while not run(line.decode()):
                if thrown.random() < 0.3 and folder.is_dir():
                    run("send")
            told.append(line)
        process.stdin.close()
    assert set(ends) <= {0, -signal.SIGKILL}
    assert -signal.SIGKILL in ends
    send(folder, url)
    assert Queue(folder).waiting() == Queue(folder).refused() == []
    assert [line for line in entries(network) if b'"swapped"' in line] == told
    assert not [name for name in tree(folder) if name.startswith("sending/")]
    assert [network.battery(code)["findings"] for code in (ON, IN)] == [[], []]
    assert folder.stat().st_mode & 0o077 == 0
