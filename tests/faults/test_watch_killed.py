"""A watched folder whose watcher is killed again and again: each line comes into the log once."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from tests import dice
from tests.client.conftest import url
from tests.registry import sample

__all__ = ["url"]

FILES, LINES = 40, 60


@pytest.mark.timeout(600)
def test_each_line_is_taken_once_whatever_is_killed(tmp_path, url, registry, kills):
    """Killed at any instant, a watcher is followed by one that goes on; all is there, and once."""
    chance = random.Random(dice.seed("watch killed"))
    line, key = tmp_path / "line", tmp_path / "maker.pem"
    line.mkdir()
    key.write_text(sample.signer(sample.MAKER).pem)
    key.chmod(0o600)
    dropped = []
    packs = iter(range(1, 1 << 20))

    def drop(number):
        lines = [sample.first_life(sample.pack(next(packs)))[0] for _ in range(LINES)]
        if number % 4 == 0:  # one that is refused
            lines[7] = sample.line("manufactured", "2026-04-12T10:00:00+08:00", code="NO")
        dropped.extend(one for one in lines if b'"NO"' not in one)
        part = line / f"{number}.jsonl.part"
        part.write_bytes(b"".join(one + b"\n" for one in lines))
        return part

    command = [sys.executable, "-m", "voltrail.cli", "report", "--watch", line, "--key", key, "--to", url]
    rest = list(range(FILES))
    for round_number in range(kills):
        watcher = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.4 + 1.5 * chance.random())
        while rest and (FILES - len(rest)) * kills < (round_number + 1) * FILES:
            drop(rest.pop(0))
        for part in sorted(line.glob("*.part")):
            part.rename(part.with_suffix(""))
        time.sleep(1.2 * chance.random())
        watcher.send_signal(signal.SIGKILL)
        watcher.wait()
    for _ in range(20):
        ended = subprocess.run([*command, "--once"], capture_output=True, text=True, check=False)
        if not list(line.glob("*.jsonl")) and not list((line / "sending").iterdir()):
            break
    with registry.database.pool.connection() as connection:
        lines = [bytes(one) for (one,) in connection.execute("select line from event", binary=True)]
    taken = Counter(one for one in lines if b"manufactured" in one)
    assert ended.returncode in {0, 1}, ended.stderr
    assert taken == Counter(dropped)
    names = {one.name for one in (line / "taken").rglob("*.jsonl") if "receipts" not in one.name}
    receipts = {one.name for one in (line / "taken").rglob("*.receipts.jsonl")}
    numbers = {int(name.removesuffix(".jsonl")) for name in names}
    assert numbers == set(range(FILES))
    assert receipts == {f"{name}.receipts.jsonl" for name in names}
    assert {one.name for one in (line / "refused").glob("*.jsonl")} == {
        f"{number}.jsonl" for number in numbers if number % 4 == 0
    }
