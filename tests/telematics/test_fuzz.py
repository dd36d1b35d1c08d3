"""
A short search for bytes that break the readers of frames; the long one is a command, `fuzz`.

It sets out from frames as vehicles send them, so that it need not find first what a frame looks like.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.telematics.strategies import VIN, items, moment
from voltrail.telematics.gbt32960.layout import EDITIONS
from voltrail.telematics.gbt32960.writing import make_frame

SECONDS = 20


def sent_by_vehicles(folder):
    """Write reports of all editions, as the target takes them apart (`fuzz.stream_of`); return the folder."""
    folder.mkdir()
    for number in range(60):
        dice = random.Random(number)
        edition = EDITIONS[number % len(EDITIONS)]
        frame = make_frame(edition, dice.choice((2, 3)), VIN, {"time": moment(dice)}, items(edition, dice))
        head = bytes([4 | 2 * (frame[:2] == b"$$"), frame[2], frame[3]])
        (folder / str(number)).write_bytes(head + frame[24:-1])
    return folder


@pytest.mark.timeout(240)
def test_a_short_search_finds_nothing(tmp_path):
    """Guided by coverage, nothing is found on which the two readers differ."""
    if sys.version_info >= (3, 14) or sys.platform != "linux" or os.environ.get("CI") != "true":
        pytest.importorskip("atheris")
    call = [sys.executable, "-m", "tests.telematics.fuzz", f"-max_total_time={SECONDS}", "-max_len=600"]
    call.append(f"-artifact_prefix={tmp_path}/")
    call.append(str(sent_by_vehicles(tmp_path / "seeds")))
    done = subprocess.run(
        call, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2], timeout=200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done" in done.stderr
