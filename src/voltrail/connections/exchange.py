"""One question to a server that may be down, slow or hostile: bounded in time and in bytes, no redirects."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Literal
from urllib.parse import urlsplit

import msgspec

DEADLINE_S = 5
MAX_ANSWER_BYTES = 1 << 16


class Unanswered(Exception):
    """There is no answer: `why` is the matter in a word, `message` in a sentence about the server."""

    def __init__(self, why: Literal["unreachable", "slow", "answer"], message: str) -> None:
        super().__init__(why, message)
        self.why, self.message = why, message


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    body: bytes


def exchange(
    method: str,
    url: str,
    body: bytes | None = None,
    deadline_s: float = DEADLINE_S,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """
    Return what a server answers to one request.

    Raises Unanswered when it cannot be reached, has not finished by the deadline, or sends too much.
    """
    late = threading.Event()
    try:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        with closing(kind(parts.hostname or "", parts.port, timeout=deadline_s)) as connection:
            connection.connect()
            # A timeout of the socket begins anew with every byte; this one does not.
            watch = threading.Timer(deadline_s, _cut, (connection.sock, late))
            watch.daemon = True
            watch.start()
            try:
                target = f"{parts.path or '/'}{parts.query and '?'}{parts.query}"
                connection.request(method, target, body, {"Accept": "*/*", **(headers or {})})
                with connection.getresponse() as response:
                    content = response.read(MAX_ANSWER_BYTES + 1)
            finally:
                watch.cancel()
    except (OSError, HTTPException, ValueError) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise _late(deadline_s) from error
        why = str(error).strip() or type(error).__name__
        raise Unanswered("unreachable", f"It cannot be reached: {why}.") from error
    if late.is_set():
        raise _late(deadline_s)
    if len(content) > MAX_ANSWER_BYTES:
        raise Unanswered("answer", f"Its answer has more than {MAX_ANSWER_BYTES:,} bytes.")
    return Answer(response.status, content)


def _cut(wire: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


def _late(deadline_s: float) -> Unanswered:
    return Unanswered("slow", f"It has not finished its answer within {deadline_s:g} s.")
