"""
A connection to one server, kept open: what it answers, or in words why it does not.

Everything may be asked twice, reports too (formats.md, "Sending again"): so what was broken off, or answered
with 429 or 503, is asked again, until patience ends.
"""

from __future__ import annotations

import logging
import random
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from voltrail.errors import (
    AccessError,
    NotFound,
    RegistryClosed,
    RegistryError,
    ReportError,
    ServerError,
    UnknownBattery,
    UnknownOrganisation,
    UsageError,
    VoltrailError,
)

MAX_ANSWER_BYTES: Final = 128 << 20
CHUNK_BYTES: Final = 1 << 16
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30
SEND_AGAIN: Final = "Send the same again: nothing is reported twice."

_LATER: Final = {429, 502, 503, 504}
_MOVED: Final = {301, 302, 303, 307, 308}
_BY_RULE: Final[dict[str, type[VoltrailError]]] = {
    "battery.unknown": UnknownBattery,
    "organisation.unknown": UnknownOrganisation,
    "log.closed": RegistryClosed,
}
_BY_STATUS: Final[dict[int, type[VoltrailError]]] = {
    401: AccessError,
    403: AccessError,
    404: NotFound,
    429: AccessError,
    503: RegistryError,
}

log = logging.getLogger("voltrail.client")


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Channel:
    """
    Asks one server, one question at a time; threads may share it.

    `timeout_s` is for each step of a connection, `patience_s` for how long a question is asked again. A token
    goes to this server alone, since redirects are not followed; and only over TLS or within this machine.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = 60,
        patience_s: float = 60,
        plain_http: bool = False,
    ) -> None:
        parts = _parts(url)
        if parts.scheme == "http" and not plain_http and not _is_here(parts.hostname or ""):
            raise UsageError(
                "usage.tls",
                f"{url} is not encrypted: whoever is on the way could read what you send.",
                "Give the https address. Where the network itself is trusted, say so: `plain_http=True`, or"
                " `--plain-http` on the command line.",
            )
        if token is not None and not (token.isascii() and token.isprintable() and 0 < len(token) <= 100):
            raise UsageError(
                "usage.token", "This is no token.", "Copy it again from the page /account: one word."
            )
        self.url = url.rstrip("/")
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname or "", parts.port
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Accept": "application/json", "User-Agent": "voltrail"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout_s, self._patience_s = timeout_s, patience_s
        self._connection: HTTPConnection | None = None
        self._turn = threading.Lock()

    def close(self) -> None:
        """Close the connection; a further question opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(self, path: str, body: bytes | None = None, content_type: str = "application/json") -> bytes:
        """
        Return what the server answers: to a GET, or to a POST where there is a body.

        Raises ServerError when it cannot be reached, and for what it refuses the error that it tells.
        """
        until = time.monotonic() + self._patience_s
        with self._turn:
            for attempt in range(1_000_000):
                answer, why = self._try(path, body, content_type)
                if answer is not None and answer.status not in _LATER:
                    break
                wait_s = _wait_s(attempt, answer)
                if time.monotonic() + wait_s > until:
                    break
                log.info("%s: %s Asked again in %.0f s.", self.url, why or "It is busy.", wait_s)
                time.sleep(wait_s)
        if answer is None:
            raise ServerError("http.unreachable", f"{self.url} did not answer: {why}", SEND_AGAIN)
        if answer.status != 200:
            raise self._error(answer, path)
        return answer.body

    def _try(self, path: str, body: bytes | None, content_type: str) -> tuple[Answer | None, str]:
        """Return the answer, or None and why there is none; a connection kept open may have ended."""
        for kept in (True, False):
            if kept and self._connection is None:
                continue
            try:
                return self._once(path, body, content_type), ""
            except (OSError, HTTPException) as error:
                self.close()
                why = f"{str(error).strip() or type(error).__name__}."
                if isinstance(error, ssl.SSLCertVerificationError):
                    break  # it is the same for as long as somebody asks
                if isinstance(error, TimeoutError):
                    break
        return None, why

    def _once(self, path: str, body: bytes | None, content_type: str) -> Answer:
        if self._connection is None:
            kind = HTTPSConnection if self._secure else HTTPConnection
            self._connection = kind(self._host, self._port, timeout=self._timeout_s)
            self._connection.connect()
            with suppress(OSError):  # a short question need not wait for the answer to the one before
                self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        headers = self._headers if body is None else self._headers | {"Content-Type": content_type}
        self._connection.request("GET" if body is None else "POST", self._prefix + path, body, headers)
        response = self._connection.getresponse()
        chunks, size = [], 0
        while chunk := response.read(CHUNK_BYTES):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise HTTPException(f"its answer has more than {MAX_ANSWER_BYTES:,} bytes")
        if response.will_close:
            self.close()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, b"".join(chunks))

    def _error(self, answer: Answer, path: str) -> VoltrailError:
        """Return what an answer tells as our own error; a proxy may have answered in its own words."""
        if answer.status in _MOVED:
            to = answer.headers.get("location", "")[:200]
            return ServerError(
                "http.moved",
                f"{self.url}{path} is answered from elsewhere: {to or 'it does not say where'}.",
                "Give that address instead, if it is your registry's: nothing was sent there.",
            )
        told = _error_in(answer.body)
        if not told:
            fix = "Compare the address." if answer.status < 500 else SEND_AGAIN
            return ServerError("http.error", f"The server answered {answer.status}.", fix)
        rule, message = str(told["rule"]), str(told.get("message", ""))
        kind = _BY_RULE.get(rule) or _BY_STATUS.get(answer.status)
        if kind is None:
            kind = ServerError if answer.status >= 500 else ReportError
        return kind(rule, message, str(told.get("fix", "")), told.get("line"), told.get("source"))


def _parts(url: str) -> Any:
    """Return the parts of a server's address. Raises UsageError for what is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    fits = url.isascii() and url.isprintable() and " " not in url
    if (
        not fits
        or parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.query
        or parts.fragment
    ):
        raise UsageError("usage.url", f"{url!r} is not an address.", "Give it as https://HOST.")
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "usage.url", "An address has no name and password in it.", "Give a token instead: see the guide."
        )
    return parts


def _is_here(host: str) -> bool:
    """Return whether a host is this machine itself."""
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False


def _wait_s(attempt: int, answer: Answer | None) -> float:
    """Return how long to wait: twice as long each time, never all at once, and as long as the server asks."""
    most = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(attempt, 16))
    asked = answer.headers.get("retry-after", "") if answer is not None else ""
    least = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0
    return least + random.uniform(most / 2, most)  # noqa: S311 - spreads load, and is no secret


def _error_in(body: bytes) -> dict[str, Any]:
    """Return the error that an answer tells, or nothing where it is in no form of ours."""
    try:
        told = msgspec.json.decode(body)["error"]
    except (msgspec.MsgspecError, KeyError, TypeError):
        return {}
    return told if isinstance(told, dict) and "rule" in told else {}
