"""Closed segments come into the archive once, wherever the archiver is stopped."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from tests import dice
from tests.telematics.strategies import VIN
from voltrail.errors import RegistryError
from voltrail.gateway.archive import Archive
from voltrail.gateway.archiver import KEPT, Archiver
from voltrail.gateway.folder import Folder
from voltrail.gateway.segments import Record, Writer
from voltrail.telematics.gbt32960.writing import make_frame

START = datetime(2026, 11, 30, 9, tzinfo=UTC)
LATER = START + timedelta(days=2)


def vehicle(soc, **said):
    nothing = {"vehicle_status": 1, "charging_status": 3, "operating_mode": 1, "speed": 0, "odometer": 0}
    nothing |= {"total_voltage": 4000, "total_current": 10_000, "dcdc_status": 1, "gear": 0}
    return (
        nothing | {"insulation_resistance": 5000, "accelerator_pedal": 0, "brake_pedal": 0, "soc": soc} | said
    )


def frame(number, command=2):
    """Return a report of one of seven vehicles, some seconds after START."""
    vin = f"LTESTVIN{number % 7:09}"
    at = START + timedelta(seconds=37 * (number // 7))
    pack = {"subsystem_no": 1, "voltage": 4000, "current": 10_000, "cell_count": 3, "frame_start_cell": 1}
    pack |= {"frame_cell_count": 3, "cell_voltages": [3300, 3301 + number % 5, 65535]}
    items = [(1, vehicle(number % 100)), (8, {"subsystem_count": 1, "subsystems": [pack]})]
    return make_frame(2016, command, vin, {"time": at}, items)


def segment(folder, records):
    with Writer(folder.segments, 1) as writer:
        writer.append(records)
    return writer.path


def segments(folder, frames, count=6, seed=1):
    """Write so many segments of reports, of which some come twice."""
    thrown = random.Random(seed)
    for _ in range(count):
        records = []
        for _ in range(20):
            some = [thrown.randrange(frames) for _ in range(30)]
            records.append(
                Record(1_000_000 + thrown.randrange(50), thrown.randrange(3), b"".join(map(frame, some)))
            )
        segment(folder, records)


def read(folder, table="reports"):
    return Archive(folder.archive).read(table, None, START - timedelta(days=1), LATER).to_pylist()


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_a_segment_becomes_rows(folder):
    """Reports, cells and logins come from a segment with when they came and from whom, and it is done."""
    login = {"time": START, "login_seq": 1, "iccid": "8986", "code_length": 4, "ress_codes": ["CODE"]}
    path = segment(
        folder, [Record(5, 0, frame(0)), Record(7, 3, make_frame(2016, 1, VIN, login) + frame(8, 3))]
    )

    with Archiver(folder) as archiver:
        step = archiver.step(LATER)

    assert (step.segments, step.rows) == (1, 5)
    first, second = read(folder)
    assert (first["received_ms"], first["source"], first["reissued"]) == (5, 0, False)
    assert (second["received_ms"], second["source"], second["reissued"]) == (7, 3, True)
    assert read(folder, "cells")[0]["cell_mv"] == [3300, 3301, None]
    assert read(folder, "logins")[0]["codes"] == ["CODE"]
    assert not path.exists()
    assert (folder.segments / "done" / path.name).exists()


def test_what_is_no_row_is_counted(folder):
    """Encrypted reports and those without a time are not in the archive, and are told."""
    encrypted = make_frame(2016, 2, VIN, {"time": START}, [])
    encrypted = encrypted[:21] + b"\3" + encrypted[22:-1] + bytes([encrypted[-1] ^ 1 ^ 3])
    timeless = make_frame(2016, 2, VIN, {"time": bytes(6)}, [])
    segment(folder, [Record(5, 0, encrypted + timeless + make_frame(2016, 7, VIN))])

    with Archiver(folder) as archiver:
        assert archiver.step(LATER).left_out == {"encrypted": 1, "no_time": 1, "cells": 0}
    assert read(folder) == []


def test_a_damaged_segment_does_not_stop_the_others(folder):
    """What cannot be read is put aside, not lost, and what comes after it is archived."""
    bad = folder.segments / "0.seg"
    bad.write_bytes(b"no segment at all")
    segment(folder, [Record(5, 0, frame(0))])

    with Archiver(folder) as archiver:
        step = archiver.step(LATER)

    assert (step.segments, step.damaged) == (1, 1)
    assert (folder.segments / "damaged" / "0.seg").read_bytes() == b"no segment at all"
    assert len(read(folder)) == 1


def test_damage_within_a_segment_is_told(folder):
    """What stands before a damaged record is archived, and what stands behind it is not thrown away."""
    path = segment(folder, [Record(5, 0, frame(0)), Record(5, 0, frame(1)), Record(5, 0, frame(2))])
    held = bytearray(path.read_bytes())
    held[len(held) // 2] ^= 1
    path.write_bytes(held)

    with Archiver(folder) as archiver:
        assert archiver.step(LATER).damaged == 1
    assert [row["vin"][-1] for row in read(folder)] == ["0"]
    assert (folder.segments / "damaged" / path.name).read_bytes() == held


def test_one_at_a_time(folder):
    """A second archiver is told that one is at work, and may begin once it is not."""
    with Archiver(folder), pytest.raises(RegistryError) as caught:
        Archiver(folder)
    assert caught.value.rule == "archive.busy"
    Archiver(folder).close()


def test_a_hook_that_fails_is_called_again(folder):
    """A segment is not done before all who look at it have seen it."""
    seen = []

    def see(tables):
        seen.append(len(tables["reports"]))
        if len(seen) == 1:
            raise ValueError("not now")

    path = segment(folder, [Record(5, 0, frame(0) + frame(1))])
    with Archiver(folder, [see]) as archiver:
        assert archiver.step(LATER).held_back == 1
        assert path.exists()
        assert archiver.step(LATER).segments == 1
    assert seen == [2, 2]
    assert len(read(folder)) == 2


def test_done_segments_go_after_a_week(folder):
    """A segment is kept a week from when it came into the archive, however old it was."""
    path = segment(folder, [Record(5, 0, frame(0))])
    os.utime(path, (0, 0))
    now = datetime.now(UTC)
    with Archiver(folder) as archiver:
        archiver.step(now)
        assert (folder.segments / "done" / path.name).exists()
        archiver.step(now + KEPT + timedelta(minutes=1))
    assert not (folder.segments / "done" / path.name).exists()
    assert len(read(folder)) == 1


def test_any_order_of_segments_reads_the_same(tmp_path):
    """Segments that are archived one by one, the last first, and twice, read as all at once."""
    one, other = Folder(tmp_path / "one"), Folder(tmp_path / "other")
    segments(one, 200)
    held = {path.name: path.read_bytes() for path in sorted(one.segments.glob("*.seg"))}
    with Archiver(one) as archiver:
        archiver.step(LATER)
    for name, content in [*reversed(held.items()), *held.items()]:
        (other.segments / name).write_bytes(content)
        with Archiver(other) as archiver:
            archiver.step(START)

    for table in ("reports", "cells"):
        assert len(read(one, table)) > 150
        assert read(other, table) == read(one, table)


KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path

import numpy as np

from voltrail.gateway import archiver
from voltrail.gateway.folder import Folder
from voltrail.telematics.gbt32960.batch import decode
from voltrail.telematics.signals import signals_of

archiver.PART_BYTES = 20_000
root, now = sys.argv[1], datetime.fromisoformat(sys.argv[2])
signals_of(decode(b""), np.zeros(0, np.int64), np.zeros(0, np.uint32))  # compiled once, before the forks

def step(left):
    def hook(event, args):
        nonlocal left
        if event in {"open", "os.rename", "os.remove", "os.mkdir"} and str(args[0]).startswith(root):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    with archiver.Archiver(Folder(Path(root))) as one:
        sys.addaudithook(hook)
        one.step(now)

for line in sys.stdin:
    child = os.fork()
    if not child:
        step(int(line))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_killed_anywhere_it_reads_the_same(tmp_path):
    """Killed again and again, before any change to its files, it ends with the rows of one that is not."""
    whole, killed = Folder(tmp_path / "whole"), Folder(tmp_path / "killed")
    segments(whole, 300, count=4)
    for path in whole.segments.glob("*.seg"):
        (killed.segments / path.name).write_bytes(path.read_bytes())
    with Archiver(whole) as archiver:
        archiver.step(LATER)
    thrown, ends = random.Random(dice.seed("archiver killed")), []
    command = [sys.executable, "-c", KILLED, str(killed.root), LATER.isoformat()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        while len(ends) < 40 and 0 not in ends:
            few = not ends or thrown.random() < 0.5  # the first time it is killed for sure
            print(thrown.randrange(12 if few else 200), file=process.stdin, flush=True)
            ends.append(int(process.stdout.readline()))
            seen = [(row["vin"], row["at"]) for row in read(killed)]
            assert len(seen) == len(set(seen))
        process.stdin.close()
    assert set(ends) <= {0, -signal.SIGKILL}
    assert -signal.SIGKILL in ends
    with Archiver(killed) as archiver:
        archiver.step(LATER)

    for table in ("reports", "cells"):
        assert read(killed, table) == read(whole, table)
    assert not list(killed.archive.rglob("*.new"))
    assert all(len(list(hour.iterdir())) == 1 for hour in killed.archive.glob("*/*/*"))


def test_it_runs_until_it_is_told_to_stop(folder):
    """While it runs, segments that are closed come into the archive by themselves."""
    from threading import Thread

    stop = Event()
    with Archiver(folder) as archiver:
        running = Thread(target=archiver.run, args=(stop,))
        running.start()
        segment(folder, [Record(5, 0, frame(0))])
        until = time.monotonic() + 60
        while not read(folder) and time.monotonic() < until:
            time.sleep(0.1)
        stop.set()
        running.join()
    assert len(read(folder)) == 1
