"""
While a server runs, webhooks are sent what waits for them: in order, signed, again until it is taken.

Receivers are others' machines: down, slow, wrong, or named so that we would ask our own. So each has 10
seconds, its answer 64 KiB, redirects are not followed, and only addresses of the public internet are asked,
but for networks that the operator names. Eight are asked at once, and one batch of each.
Source: Standard Webhooks 1.0 (standardwebhooks.com).
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from voltrail.client.signatures import sign_webhook
from voltrail.connections.exchange import Answer, Unanswered, exchange
from voltrail.errors import UsageError
from voltrail.registry.registry import Registry
from voltrail.registry.webhooks import FIRST_WAIT_S, LONGEST_WAIT_S, Batch, Delivery

AT_ONCE: Final = 8
TESTS_AT_ONCE: Final = 2
DEADLINE_S: Final = 10
LOOK_S: Final = 1.0
AGAIN_S: Final = 10.0  # after a failure of our own
HOUSEKEEPING_S: Final = 3600.0
MAX_SAID: Final = 1_000  # characters kept of an answer
LONGEST_ASKED_S: Final = 3_600  # that a receiver may ask for

_GONE: Final = 410
_NAT64: Final = IPv6Network("64:ff9b::/96")
_Address = IPv4Address | IPv6Address

log = logging.getLogger("voltrail.webhooks")


class Networks:
    """Where webhooks may go: the public internet over TLS, and what the operator names, in the clear too."""

    def __init__(self, named: Iterable[str] = ()) -> None:
        try:
            self._named = [ip_network(one) for one in named]
        except ValueError as error:
            raise UsageError(
                "usage.network", f"{error}.", "Name a network as in 10.20.0.0/16, or one address."
            ) from error

    def locate(self, host: str, port: int, *, secure: bool = True) -> str:
        """Return the one address of a host to connect to. Raises Unanswered where none may be asked."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unanswered("unreachable", f"There is no host {host}: {error.strerror or error}.") from error
        addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
        for one in addresses:
            if any(one in network for network in self._named):
                continue
            if not is_public(one):
                raise Unanswered(
                    "unreachable", f"{host} is {one}, which is no address of the public internet."
                )
            if not secure:
                raise Unanswered("unreachable", "It is not asked over plain HTTP: give an https address.")
        if not addresses:
            raise Unanswered("unreachable", f"There is no host {host}.")
        return str(addresses[0])


def is_public(address: _Address) -> bool:
    """Return whether an address is of the public internet; what is wrapped in another counts as itself."""
    if isinstance(address, IPv6Address):
        teredo = address.teredo
        inner = address.ipv4_mapped or address.sixtofour or (teredo and teredo[1])
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


class Deliverer:
    """Sends what waits for webhooks, from `start` to `close`; several servers take different batches."""

    def __init__(self, registry: Registry, networks: Networks) -> None:
        self._registry, self._webhooks, self._networks = registry, registry.webhooks, networks
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._tests = threading.BoundedSemaphore(TESTS_AT_ONCE)
        self._cleaned = 0.0

    def start(self) -> None:
        """Begin; the first look is at once."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; what is under way is not waited for: it is sent again under the same id."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def _run(self) -> None:
        free = threading.BoundedSemaphore(AT_ONCE)

        def work(batch: Batch) -> None:
            try:
                self.deliver(batch)
            finally:
                free.release()

        while not self._stop.is_set():
            if not free.acquire(timeout=LOOK_S):
                continue
            batch = self._next()
            if batch is None:
                free.release()
                continue
            threading.Thread(target=work, args=(batch,), name="webhook", daemon=True).start()

    def _next(self) -> Batch | None:
        """Return a batch that is due; None after a rest."""
        try:
            if time.monotonic() - self._cleaned > HOUSEKEEPING_S:
                self._webhooks.let_go()
                self._cleaned = time.monotonic()
            batch = self._webhooks.claim()
        except Exception as error:  # whatever it is, it is tried again
            log.warning("Webhooks are not sent: %s", str(error) or repr(error))
            log.debug("Webhooks are not sent.", exc_info=error)
            self._stop.wait(AGAIN_S)
            return None
        if batch is None:
            self._stop.wait(LOOK_S)
        return batch

    def deliver(self, batch: Batch) -> Delivery:
        """Send a batch once, and note what came back."""
        delivery, later = self._send(batch)
        try:
            if delivery.taken:
                self._webhooks.note_taken(batch)
            else:
                gone = delivery.status == _GONE
                self._webhooks.note_failed(batch, _wait_s(batch.attempt, later), gone=gone)
            self._webhooks.note_delivery(batch.webhook, delivery)
        except Exception as error:  # the same batch is claimed again in a minute
            if not self._stop.is_set():
                log.warning("A webhook is sent again: %s", str(error) or repr(error))
            log.debug("A webhook is sent again.", exc_info=error)
        return delivery

    def test(self, organisation: str, number: int) -> Delivery:
        """Send a message that says nothing, at once; return what came back. Raises UsageError."""
        batch = self._webhooks.test(organisation, number)
        if not self._tests.acquire(blocking=False):
            raise UsageError("webhook.busy", "Others are trying theirs.", "Try again in ten seconds.")
        try:
            delivery, _ = self._send(batch)
        finally:
            self._tests.release()
        self._webhooks.note_delivery(number, delivery)
        return delivery

    def _send(self, batch: Batch) -> tuple[Delivery, str]:
        """Send a batch; return what came back, and when the receiver wants to be asked again."""
        begun, at_s = time.monotonic(), int(time.time())
        body = b'{"log":"%b","events":[%b]}' % (
            self._registry.origin.encode(),
            ",".join(batch.bodies).encode(),
        )
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "voltrail-webhooks",
            "webhook-id": batch.id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": sign_webhook(batch.keys, batch.id, at_s, body),
        }
        secure = urlsplit(batch.url).scheme == "https"
        status, said, later = None, "", ""
        try:
            answer = exchange(
                "POST", batch.url, body, DEADLINE_S, headers,
                lambda host, port: self._networks.locate(host, port, secure=secure),
            )  # fmt: skip
            status, said, later = answer.status, _said(answer), answer.later
        except Unanswered as error:
            said = error.message
        took_ms = round((time.monotonic() - begun) * 1000)
        sent = Delivery(
            datetime.now(UTC), batch.id, len(batch.bodies), batch.attempt, status, said[:MAX_SAID], took_ms
        )
        return sent, later


def _said(answer: Answer) -> str:
    """Return the beginning of an answer as text that a page can show."""
    text = answer.body[: 4 * MAX_SAID].decode(errors="replace")
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)


def _wait_s(attempt: int, later: str) -> float:
    """Return when to try again: twice as long each time, never all at once; or as the receiver says."""
    most = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(attempt - 1, 16))
    asked = int(later) if later.isascii() and later.isdigit() and len(later) < 6 else 0
    return max(random.uniform(most / 2, most), min(asked, LONGEST_ASKED_S))  # noqa: S311 - spreads load
