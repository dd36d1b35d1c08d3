"""One question to a server that may be down, slow or hostile: bounded in time and in bytes, no redirects."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
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
    """What came back; `later` is the header Retry-After."""

    status: int
    body: bytes
    later: str = ""


Locate = Callable[[str, int], str]
"""From host and port the one address to connect to. Raises Unanswered for one that must not be asked."""


def exchange(
    method: str,
    url: str,
    body: bytes | None = None,
    deadline_s: float = DEADLINE_S,
    headers: Mapping[str, str] | None = None,
    locate: Locate | None = None,
    most_bytes: int = MAX_ANSWER_BYTES,
) -> Answer:
    """
    Return what a server answers to one request.

    With `locate` the connection goes to the address that it gives, whatever the name means by then; TLS still
    asks for a certificate of the name. Raises Unanswered when the server cannot be reached, has not finished
    by the deadline, or sends too much.
    """
    late = threading.Event()
    try:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        with closing(kind(parts.hostname or "", parts.port, timeout=deadline_s)) as connection:
            if locate is None:
                connection.connect()
            else:
                connection.sock = _connect(connection, locate, parts.scheme == "https", deadline_s, late)
            # A timeout of the socket begins anew with every byte; this one does not.
            watch = threading.Timer(deadline_s, _cut, (connection.sock, late))
            watch.daemon = True
            watch.start()
            try:
                target = f"{parts.path or '/'}{parts.query and '?'}{parts.query}"
                connection.request(method, target, body, {"Accept": "*/*", **(headers or {})})
                with connection.getresponse() as response:
                    content = response.read(most_bytes + 1)
            finally:
                watch.cancel()
    except (OSError, HTTPException, ValueError) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise _late(deadline_s) from error
        why = str(error).strip() or type(error).__name__
        raise Unanswered("unreachable", f"It cannot be reached: {why}.") from error
    if late.is_set():
        raise _late(deadline_s)
    if len(content) > most_bytes:
        raise Unanswered("answer", f"Its answer has more than {most_bytes:,} bytes.")
    return Answer(response.status, content, response.headers.get("Retry-After", ""))


def _connect(
    connection: HTTPConnection, locate: Locate, secure: bool, deadline_s: float, late: threading.Event
) -> socket.socket:
    """Return a connection to the one address that a name was found to have."""
    address = locate(connection.host, connection.port)
    plain = socket.create_connection((address, connection.port), deadline_s)
    if not secure:
        return plain
    watch = threading.Timer(deadline_s, _cut, (plain, late))
    watch.daemon = True
    watch.start()
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=connection.host)
    except BaseException:
        plain.close()
        raise
    finally:
        watch.cancel()


def _cut(wire: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


def _late(deadline_s: float) -> Unanswered:
    return Unanswered("slow", f"It has not finished its answer within {deadline_s:g} s.")
