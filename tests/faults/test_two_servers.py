"""Two servers on one database: they take turns, and there is one log."""

from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request, urlopen

import pytest

import voltrail
from tests.faults import load
from tests.faults.witnesses import Process
from voltrail.ledger.reports import MEDIA_TYPE


@pytest.mark.timeout(300)
def test_two_servers_on_one_database(data, tmp_path):
    """Reports sent to both at once, some of them twice, stand once in one log, each with its receipt."""
    servers = []
    try:
        servers = [Process(tmp_path / name, "serve", "--data", data) for name in ("one", "two")]

        def send(place, number):
            body = load.report_of(number)[0]
            request = Request(f"{servers[place].url}/reports", body, {"Content-Type": MEDIA_TYPE})
            with urlopen(request, timeout=60) as answer:
                return number, answer.read()

        received = dict([send(0, 0)])
        jobs = [(number % 2, number) for number in range(1, 61)]
        jobs += [(1 - place, number) for place, number in jobs[::3]]  # to the other server as well
        with ThreadPoolExecutor(8) as pool:
            for number, receipt in pool.map(lambda job: send(*job), jobs):
                assert received.setdefault(number, receipt) == receipt
        sizes = {server.get("/log/checkpoint").split("\n")[1] for server in servers}
        assert len(sizes) == 1
    finally:
        for server in servers:
            server.stop()
    with voltrail.open(data) as registry:
        load.check_kept(registry, received)
