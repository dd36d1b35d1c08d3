"""A running server enters heads once a day, and tries again when it could not."""

import os
import time

from voltrail.connections import daily
from voltrail.errors import RegistryError


def test_heads_once_a_day(registry):
    """At the start heads are entered, then not before a day has passed, and only when something is new."""
    heads = daily.DailyHeads(registry)
    assert heads.enter() == daily.DAY_S
    (tree,) = registry.heads.trees()
    assert 0 < heads.enter() <= daily.DAY_S
    assert [one.index for one in registry.heads.trees()] == [tree.index]
    about = registry.data / "heads" / str(tree.index) / "about.json"
    os.utime(about, (time.time(), time.time() - daily.DAY_S - 1))
    assert heads.enter() == daily.AGAIN_S
    assert [one.index for one in registry.heads.trees()] == [tree.index]


def test_a_failure_is_tried_again(registry, monkeypatch, caplog):
    """What stands in the way is told in plain words, and the next look comes soon."""

    def fail(*_):
        raise RegistryError("log.closed", "The log is closed.")

    monkeypatch.setattr(type(registry), "enter_heads", fail)
    assert daily.DailyHeads(registry).enter() == daily.AGAIN_S
    assert "The log is closed." in caplog.text


def test_it_runs_beside_a_server(registry):
    """Started, it enters the heads by itself; closed, it ends."""
    heads = daily.DailyHeads(registry)
    heads.start()
    while not registry.heads.trees():
        time.sleep(0.01)
    heads.close()
    assert not heads._thread.is_alive()
