"""
What stands in for a service elsewhere, for tests and for trying: on loopback alone, and able to fail.

Each stand-in says what it does with a request (`take`); here is how requests come, and how they go wrong in
the ways in which networks and services do.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import msgspec

from voltrail.errors import UsageError

LOOPBACK: Final = "127.0.0.1"
MAX_BODY_BYTES: Final = 16 << 20
SLOW_S: Final = 30.0


def open_store(path: Path, tables: str) -> sqlite3.Connection:
    """
    Return the SQLite file in which a stand-in keeps what it took, each statement synced.

    Threads may share it, by turns. Raises UsageError where the file cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("pragma synchronous = extra")
        connection.executescript(tables)
    except (OSError, sqlite3.Error) as error:
        raise UsageError(
            "stand_in.store", f"{path} cannot be used: {error}.", "Name another file with --store."
        ) from error
    return connection


class Request(msgspec.Struct, frozen=True):
    """One request with a body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(msgspec.Struct, frozen=True):
    """What is answered, as JSON."""

    status: int
    body: Any
    headers: dict[str, str] = {}


class Service:
    """
    A service on a port of loopback, any where none is named.

    `plan` says what goes wrong with the next requests. `down`: the line is cut before anything is taken;
    `busy`: 429, again in a second; `error`: 503. And after all was taken: `slow`: the answer comes too late;
    `lost`: the line is cut; `broken`: the answer does not read.
    """

    def __init__(self, port: int, faults: Iterable[str], broken: Answer) -> None:
        self.plan: deque[str] = deque(faults)
        self.slow_s = SLOW_S
        self._broken = broken
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                service._answer(self)

            def do_PUT(self) -> None:
                service._answer(self)

            def do_GET(self) -> None:
                _say(self, Answer(200, service.shown()))

            def log_message(self, *_: object) -> None:
                """Say nothing on the terminal."""

        try:
            self._server = ThreadingHTTPServer((LOOPBACK, port), Handler)
        except OSError as error:
            raise UsageError(
                "usage.port", f"Port {port} cannot be used: {error.strerror}.", "Name another with --port."
            ) from error
        self._server.daemon_threads = True
        self.address = f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def run(self) -> None:
        """Serve until `close` or Ctrl-C."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def shown(self) -> Any:
        """Return what is held, for who looks."""
        raise NotImplementedError

    def take(self, request: Request, fault: str | None) -> Answer:
        """Return the answer to a request; `fault` is one that the service itself knows."""
        raise NotImplementedError

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        length = request.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and int(length) <= MAX_BODY_BYTES):
            request.close_connection = True
            error = f"A request has up to {MAX_BODY_BYTES:,} bytes, and says so."
            return _say(request, Answer(413, {"error": error}))
        body = request.rfile.read(int(length))
        fault = self.plan.popleft() if self.plan else None
        if fault == "down":
            return _cut(request)
        if fault == "busy":
            return _say(request, Answer(429, {"error": "Too many at a time."}, {"Retry-After": "1"}))
        if fault == "error":
            return _say(request, Answer(503, {"error": "The service is being mended."}))
        answer = self.take(Request(request.command, request.path, dict(request.headers), body), fault)
        if fault == "lost":
            return _cut(request)
        if fault == "slow":
            time.sleep(self.slow_s)
        if fault == "broken":
            answer = self._broken
        return _say(request, answer)


def _say(request: BaseHTTPRequestHandler, answer: Answer) -> None:
    content = msgspec.json.encode(answer.body)
    try:
        request.send_response(HTTPStatus(answer.status))
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(content))} | answer.headers
        ).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content)
    except OSError:  # whoever asked has gone
        request.close_connection = True


def _cut(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    request.connection.close()
