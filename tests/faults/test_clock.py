"""The clock jumps back: the log's own time does not, and nothing is refused for it."""

import json
import time

import voltrail
from tests.faults import load
from tests.registry import sample
from voltrail.registry.audit import audit


def test_the_clock_jumps_back(data):
    """After a day back, events of now are still taken, and received times never decrease."""
    with voltrail.open(data) as registry:
        received = {number: registry.report(load.report_of(number)[0]) for number in (0, 1)}
        registry._writer.now_ms = lambda: time.time_ns() // 1_000_000 - 86_400_000
        received[2] = registry.report(load.report_of(2)[0])
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        lines = [sample.line("manufactured", now, code=sample.pack(7_000_001), mass_kg=612.5)]
        receipt = json.loads(registry.report(sample.report(sample.signer(sample.MAKER), lines)))
        assert receipt["accepted"] == [0]
        with registry.database.connect() as connection:
            times = [ms for (ms,) in connection.execute("select received_ms from event order by seq")]
        assert times == sorted(times)
        assert list(audit(registry)) == []
        for number, promised in received.items():
            assert registry.report(load.report_of(number)[0]) == promised
