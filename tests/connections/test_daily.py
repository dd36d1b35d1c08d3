"""A running server enters heads once a day, and tries again when it could not."""

import os
import threading
import time

import voltrail
from tests.registry import sample
from voltrail.connections import daily
from voltrail.errors import RegistryClosed
from voltrail.registry.settings import initialise


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
    monkeypatch.setattr(registry, "closed", RegistryClosed("log.closed", "The log is closed."))
    assert daily.DailyHeads(registry).enter() == daily.AGAIN_S
    assert "The log is closed." in caplog.text


def test_a_folder_that_does_not_read_ends_nothing(registry, caplog):
    """What stands in the way before anything is built is told without a traceback, and tried again."""
    heads = daily.DailyHeads(registry)
    heads.enter()
    (tree,) = registry.heads.trees()
    about = registry.data / "heads" / str(tree.index) / "about.json"
    about.rename(about.with_suffix(".away"))
    assert heads.enter() == daily.AGAIN_S
    assert "tried again in ten minutes" in caplog.text
    assert "Traceback" not in caplog.text
    about.with_suffix(".away").rename(about)
    assert 0 < heads.enter() <= daily.DAY_S


def test_two_servers_enter_once(registry):
    """Whoever waited for another's tree enters no second one that day, though more was reported meanwhile."""
    servers = [threading.Thread(target=daily.DailyHeads(registry).enter) for _ in range(2)]
    with registry.heads.locked():
        for server in servers:
            server.start()
    for server in servers:
        server.join()
    assert len(registry.heads.trees()) == 1
    registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(9))))
    assert registry.enter_heads(min_age_s=daily.DAY_S) is None
    assert registry.enter_heads() is not None


def test_an_empty_log_has_no_heads(tmp_path, postgres):
    """Where nothing was reported nothing is entered."""
    initialise(tmp_path / "d", sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(tmp_path / "d", postgres()) as empty:
        assert daily.DailyHeads(empty).enter() == daily.AGAIN_S
        assert empty.counts()["entries"] == 0


def test_it_runs_beside_a_server(registry):
    """Started, it enters the heads by itself; closed, it ends."""
    heads = daily.DailyHeads(registry)
    heads.start()
    while not registry.heads.trees():
        time.sleep(0.01)
    heads.close()
    assert not heads._thread.is_alive()
