"""
What is taken from a connection before there is a request: bounded in size and time, of one plain form.

uvicorn's own protocol reads on for as long as somebody sends, and leaves hosts to the application.
Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from voltrail.errors import UsageError

MAX_HEAD_BYTES: Final = 65_536  # request line and headers
GRACE_S: Final = 30  # for a head, and before a body must flow
MIN_BODY_BYTES_S: Final = 4_096
_LOOK_EVERY_S: Final = 5
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_STATUS: Final = {"request.head": 431, "request.slow": 408}


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 on one connection; what is not taken is answered in the one shape of errors, and closed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refusal: UsageError | None = None
        self._in_head, self._in_body = True, False
        self._head_bytes = self._body_bytes = self._chunk_bytes = 0
        self._since = 0.0  # when head or body began, by the loop's clock
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._watch = self.loop.call_later(_LOOK_EVERY_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, but a head no further than its bound."""
        self._chunk_bytes = len(data)
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._refuse(_too_large())

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._since = self.loop.time()

    def on_headers_complete(self) -> None:
        """Hand a request on, once its head is one that can be answered."""
        self._in_head, self._in_body = False, True
        self._since, self._body_bytes = self.loop.time(), 0
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES:
            self._refusal = _too_large()
        elif len(hosts) != 1 or not _HOST.fullmatch(hosts[0]) or not _is_port(hosts[0]):
            self._refusal = UsageError(
                "request.host", "The header Host does not name one host.", "Send the registry's name, once."
            )
        if self._refusal is not None:
            raise self._refusal  # which ends the parser, and comes back to send_400_response
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; a further one may begin in the same bytes."""
        super().on_message_complete()
        self._in_head, self._in_body = True, False
        self._head_bytes, self._since = -self._chunk_bytes, self.loop.time()

    def on_response_complete(self) -> None:
        """End an answer: only now is the next request waited for."""
        self._since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what does not read as a request, in our own words."""
        self._refuse(
            self._refusal
            or UsageError(
                "request.http",
                f"{msg.rstrip('.')}: what was sent can be read in more than one way, or in none.",
                "Send HTTP/1.1 as RFC 9112 has it.",
                source="RFC 9112",
            )
        )

    def _look(self) -> None:
        """See whether who sends is slow on purpose, or as good as."""
        spent_s = self.loop.time() - self._since - GRACE_S
        cycle = cast("RequestResponseCycle | None", self.cycle)
        answering = cycle is not None and not cycle.response_complete
        late = self._in_head and not answering and spent_s > 0
        if self._in_body and not self.flow.read_paused and self._body_bytes < spent_s * MIN_BODY_BYTES_S:
            late = True
        if late and not self.transport.is_closing():
            self._refuse(
                UsageError("request.slow", "The request came too slowly.", "Send it again, on a better line.")
            )
        else:
            self._watch = self.loop.call_later(_LOOK_EVERY_S, self._look)

    def _refuse(self, error: UsageError) -> None:
        """Answer, unless an answer is under way, and close."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or not cycle.response_started or cycle.response_complete:
            body = json.dumps(error.as_json()).encode()
            self.transport.write(
                STATUS_LINE[_STATUS.get(error.rule, 400)]
                + b"content-type: application/json\r\ncache-control: no-store\r\n"
                + b"x-content-type-options: nosniff\r\nconnection: close\r\n"
                + b"content-length: %d\r\n\r\n" % len(body)
                + body
            )
        self.transport.close()


def _is_port(host: bytes) -> bool:
    _, _, port = host.rpartition(b"]")[2].partition(b":")
    return not port or 0 < int(port) < 65_536


def _too_large() -> UsageError:
    return UsageError(
        "request.head",
        f"Address and headers have more than {MAX_HEAD_BYTES:,} bytes.",
        "Ask for less at once.",
    )
