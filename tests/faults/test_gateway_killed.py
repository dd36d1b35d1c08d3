"""The gateway is killed at any moment: every frame that was acknowledged stands in the segments."""

import os
import random
import shutil
import signal
import time

import pytest

from tests.faults.gateway_load import check, loaders
from tests.faults.test_disk_full import fill, small_disk
from tests.gateway.conftest import admission, database, folder, start
from tests.gateway.vehicles import VIN, Peer, kept, login, report
from voltrail.telematics.gbt32960.writing import make_frame

__all__ = ["admission", "database", "folder", "small_disk", "start"]


def wait_for(found, more):
    """Wait until so many more frames were acknowledged."""
    until = sum(len(one.acknowledged) for one in found) + more
    for _ in range(2000):
        if sum(len(one.acknowledged) for one in found) >= until:
            return
        time.sleep(0.05)
    pytest.fail("The gateway does not go on.")


def stop(found):
    for one in found:
        one.stopped.set()
    for one in found:
        one.join()


@pytest.mark.timeout(900)
def test_killed_processes_lose_nothing_that_was_acknowledged(start, folder, admission, kills):
    """Kill -9 under load, one process or the other; each is started again, and all goes on."""
    gateway = start(processes=2)
    found = loaders(gateway.port, admission)
    dice = random.Random(32960)
    try:
        for _ in range(max(3, kills // 4)):
            wait_for(found, 500)
            time.sleep(dice.random() / 10)
            os.kill(dice.choice(gateway.pids), signal.SIGKILL)
            time.sleep(0.2)
            gateway.look()
        wait_for(found, 500)
    finally:
        stop(found)
    gateway.__exit__()
    check(found, kept(folder.segments), processes=2)


def test_ending_in_order_answers_what_was_read(start, folder, admission):
    """SIGTERM under load: all that stands in the segments was answered, or its socket had ended."""
    gateway = start(processes=2)
    found = loaders(gateway.port, admission)
    try:
        wait_for(found, 2000)
        gateway.__exit__()
    finally:
        stop(found)
    check(found, kept(folder.segments))
    assert list(folder.live.iterdir()) == []


def test_a_full_disk_answers_nobody_and_goes_on(small_disk, start, folder, admission):
    """Nothing is acknowledged while there is no room; with room again everything is, once each."""
    folder.root.mkdir()
    shutil.rmtree(folder.segments)
    (small_disk / "segments").mkdir()
    (folder.root / "segments").symlink_to(small_disk / "segments")
    gateway = start()
    with Peer(gateway.port) as vehicle:
        assert vehicle.asked(login()) == (1, 1)
        ballast = fill(small_disk)
        sent = [report(second) for second in range(100)]
        vehicle.send(*sent, make_frame(2016, 7, VIN))
        vehicle.socket.settimeout(3)
        with pytest.raises(TimeoutError):
            vehicle.socket.recv(1)
        ballast.unlink()
        vehicle.socket.settimeout(20)
        assert vehicle.acks(1) == [(7, 1)]
    gateway.__exit__()
    assert kept(folder.segments) == [(0, one) for one in [login(), *sent]]
