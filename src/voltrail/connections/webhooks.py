"""
While a server runs, webhooks are sent what waits for them: in order, signed, again until it is taken.

Receivers are others' machines: down, slow, wrong, or named so that we would ask our own. So each has 10
seconds, its answer 64 KiB, redirects are not followed, and only addresses of the public internet are asked,
but for networks that the operator names. Eight are asked at once, and one batch of each.
Source: Standard Webhooks 1.0 (standardwebhooks.com).
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from voltrail.client.signatures import sign_webhook
from voltrail.connections.exchange import Answer, Unanswered, exchange
from voltrail.connections.networks import Networks
from voltrail.connections.rounds import Rounds, wait_s
from voltrail.errors import UsageError
from voltrail.registry.registry import Registry
from voltrail.registry.webhooks import Batch, Delivery

TESTS_AT_ONCE: Final = 2
DEADLINE_S: Final = 10
HOUSEKEEPING_S: Final = 3600.0
MAX_SAID: Final = 1_000  # characters kept of an answer

_GONE: Final = 410


class Deliverer:
    """Sends what waits for webhooks, from `start` to `close`; several servers take different batches."""

    def __init__(self, registry: Registry, networks: Networks) -> None:
        self._registry, self._webhooks, self._networks = registry, registry.webhooks, networks
        self._tests = threading.BoundedSemaphore(TESTS_AT_ONCE)
        self._cleaned = float("-inf")
        self._rounds = Rounds("webhooks", self._claim, self.deliver)
        self.start, self.close = self._rounds.start, self._rounds.close

    def _claim(self) -> Batch | None:
        if time.monotonic() - self._cleaned > HOUSEKEEPING_S:
            self._webhooks.let_go()
            self._cleaned = time.monotonic()
        return self._webhooks.claim()

    def deliver(self, batch: Batch) -> Delivery:
        """Send a batch once, and note what came back."""
        delivery, later = self._send(batch)
        if delivery.taken:
            self._webhooks.note_taken(batch)
        else:
            gone = delivery.status == _GONE
            self._webhooks.note_failed(batch, wait_s(batch.attempt, later), gone=gone)
        self._webhooks.note_delivery(batch.webhook, delivery)
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
