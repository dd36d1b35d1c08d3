"""Killed at any moment between an event and the platform's receipt, each event comes to the platform once."""

import json
import random
import subprocess
import sys
import threading
import time

import pytest

from tests import dice
from tests.registry import sample
from voltrail.client.signatures import write_secret
from voltrail.connections.networks import Networks
from voltrail.connections.platform import Adapters, Submitter
from voltrail.connections.platform_stand_in import FAULTS, StandIn

EVENTS = 400
SENDING = """
import sys, threading
from pathlib import Path
import voltrail
from voltrail.connections.networks import Networks
from voltrail.connections.platform import Adapters, Submitter
registry = voltrail.open(Path(sys.argv[1]), sys.argv[2])
Submitter(registry, Adapters(Networks(["127.0.0.0/8"]))).start()
print("sends", flush=True)
threading.Event().wait()
"""


@pytest.mark.timeout(300)
def test_a_server_that_is_killed_again_and_again(registry, tmp_path, kills):
    """Wherever it was, following, sending or noting: nothing is left out, and nothing comes twice."""
    draw = random.Random(dice.seed("platform killed"))
    service = StandIn(tmp_path / "platform.sqlite")
    service.slow_s = 1
    thread = threading.Thread(target=service.run, daemon=True)
    thread.start()
    try:
        key = registry.platform.switch_on(sample.MAKER, "clerk", "http", service.url)
        service.secret = write_secret(key)
        lines = [sample.first_life(sample.pack(number))[0] for number in range(1, EVENTS + 1)]
        receipt = json.loads(registry.report(sample.report(sample.signer(sample.MAKER), lines)))
        assert len(receipt["accepted"]) == EVENTS
        dsn = registry.database.dsn
        for _ in range(kills):
            service.plan.extend(draw.choices(FAULTS, k=draw.randrange(3)))
            process = subprocess.Popen(
                [sys.executable, "-c", SENDING, str(registry.data), dsn], stdout=subprocess.PIPE
            )
            assert process.stdout.readline() == b"sends\n"
            time.sleep(draw.uniform(0, 1.5))
            process.kill()
            process.wait()
            process.stdout.close()
            with registry.database.pool.connection() as connection:  # as if its minute had passed
                connection.execute("update platform_batch set claimed_until = null, not_before = now()")
        service.plan.clear()
        submitter, until = Submitter(registry, Adapters(Networks(["127.0.0.0/8"]))), time.monotonic() + 60
        while sum(one.accepted for one in registry.platform.counts(sample.MAKER)) < EVENTS:
            assert time.monotonic() < until
            if (batch := submitter._claim()) is not None:
                submitter.submit(batch)
        held = [one.entry for one in service.store.held()]
        assert sorted(held) == list(range(receipt["first_index"], receipt["first_index"] + EVENTS))
        [counts] = registry.platform.counts(sample.MAKER)
        assert (counts.waiting, counts.sent, counts.refused) == (0, 0, 0)
    finally:
        service.close()
        thread.join()
