"""While a server runs, workspaces follow the log by themselves."""

import time

from tests.registry import sample
from voltrail.connections.follower import AGAIN_S, LOOK_S, Follower
from voltrail.registry.holdings import Wanted


def test_what_is_reported_comes_into_the_workspace(registry):
    """Nobody has to ask for it: the thread looks by itself, and stops when it is told to."""
    follower = Follower(registry)
    follower.start()
    try:
        registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(1))[:1]))
        until = time.monotonic() + 60
        while not registry.holdings.count(sample.MAKER, Wanted()) and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        follower.close()
    assert registry.holdings.count(sample.MAKER, Wanted()) == 1


def test_it_rests_when_there_is_nothing_to_do_and_goes_on_after_a_failure(registry, monkeypatch):
    """A database that does not answer is asked again; the thread does not end with it."""
    follower = Follower(registry)
    assert follower.step() == LOOK_S
    with monkeypatch.context() as broken:
        broken.setattr(registry, "database", None)
        assert follower.step() == AGAIN_S
    assert follower.step() == LOOK_S
