"""
While a server runs, what outboxes hold for the national platform is handed over, by adapters.

The platform's own interface is not public. So an adapter is small and replaceable: it gets a batch and says
what became of each item. Shipped is `http`, which speaks our own contract (docs/platform.md) to a gateway
that knows the real interface; `files`, where a clerk is the adapter, needs none. An operator adds others by
installing a package that names them in the entry point group below.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final, Literal, Protocol
from urllib.parse import urlsplit

import msgspec

from voltrail.client.signatures import sign_webhook
from voltrail.connections.adapters import NotNow, installed
from voltrail.connections.exchange import Answer as Exchanged
from voltrail.connections.exchange import Unanswered, exchange
from voltrail.connections.networks import Networks
from voltrail.connections.rounds import Rounds, wait_s
from voltrail.errors import UsageError
from voltrail.registry.batches import Answer, Batch
from voltrail.registry.platform import FILES, HTTP
from voltrail.registry.registry import Registry

GROUP: Final = "voltrail.platform_adapters"
DEADLINE_S: Final = 20
MAX_ANSWER_BYTES: Final = 1 << 18
FOLLOWED_FOR_S: Final = 1.0  # before what is due is sent again

log = logging.getLogger("voltrail.platform")


class Adapter(Protocol):
    """
    Hands a batch to the platform.

    The same batch may come again, under the same `key`, when its answer was lost: what was taken must then
    not be taken twice. It has 60 s; after that another server may try.
    """

    def submit(self, batch: Batch) -> Sequence[Answer]:
        """Return what the platform said of the items; those left out come again. Raises NotNow."""
        ...


class Adapters:
    """The adapters of a server, by name. Raises UsageError for one that is installed and cannot be used."""

    def __init__(self, networks: Networks) -> None:
        others = installed(GROUP, "submit", {FILES, HTTP})
        self._ours: dict[str, Adapter] = {HTTP: Gateway(networks), **dict(others)}

    @property
    def names(self) -> tuple[str, ...]:
        """The ways that an organisation may choose of, the clerk's first."""
        return (FILES, *self._ours)

    @property
    def machines(self) -> Mapping[str, Adapter]:
        """Those that need no clerk."""
        return self._ours

    def check(self, name: str) -> None:
        """Raise UsageError for an adapter that is not there."""
        if name not in self.names:
            raise UsageError(
                "platform.adapter",
                f"There is no adapter {name[:40]!r} on this server.",
                f"Choose of {', '.join(self.names)}, or ask the operator to install it.",
            )


class Submitter:
    """Follows the log for the outboxes and sends their batches, from `start` to `close`."""

    def __init__(self, registry: Registry, adapters: Adapters) -> None:
        self._platform, self._batches, self._adapters = registry.platform, registry.batches, adapters
        self._rounds = Rounds("platform", self._claim, self.submit)
        self.start, self.close = self._rounds.start, self._rounds.close

    def _claim(self) -> Batch | None:
        until = time.monotonic() + FOLLOWED_FOR_S
        while self._platform.follow() and time.monotonic() < until:
            pass
        return self._batches.claim(self._adapters.machines)

    def submit(self, batch: Batch) -> int:
        """Hand a batch over once, and note what came back; return how many items that decided."""
        later, said, answers = "", "", list[Answer]()
        try:
            answers = list(self._adapters.machines[batch.adapter].submit(batch))
        except NotNow as error:
            later, said = error.later, error.message
        except Exception as error:  # an adapter of others; the batch comes again
            log.warning("The adapter %s failed: %s", batch.adapter, str(error) or repr(error))
            log.debug("The adapter %s failed.", batch.adapter, exc_info=error)
            said = f"The adapter failed: {type(error).__name__}."
        return self._batches.note(batch, answers, wait_s(batch.attempt, later), said)


class _Item(msgspec.Struct):
    index: int
    state: Literal["accepted", "refused", "later"]
    receipt: str | None = None
    reason: str | None = None


class _Answered(msgspec.Struct):
    items: list[_Item]


class Gateway:
    """The adapter `http`: a POST of the batch, signed as webhooks are, to the address in the outbox."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    def submit(self, batch: Batch) -> list[Answer]:
        """Return what the gateway said. Raises NotNow for all but a 200 in the form of the contract."""
        url, body, at_s = batch.url or "", batch.document(), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "voltrail-platform",
            "webhook-id": batch.key,
            "webhook-timestamp": str(at_s),
            "webhook-signature": sign_webhook(batch.keys, batch.key, at_s, body),
        }
        secure = urlsplit(url).scheme == "https"
        try:
            answer = exchange(
                "POST", url, body, DEADLINE_S, headers,
                lambda host, port: self._networks.locate(host, port, secure=secure),
                MAX_ANSWER_BYTES,
            )  # fmt: skip
        except Unanswered as error:
            raise NotNow(error.message) from error
        return _read(answer)


def _read(answer: Exchanged) -> list[Answer]:
    if answer.status != 200:
        said = answer.body[:800].decode(errors="replace").strip()
        raise NotNow(f"It answered {answer.status}. {said}".strip(), answer.later)
    try:
        items = msgspec.json.decode(answer.body, type=_Answered).items
    except msgspec.MsgspecError as error:
        raise NotNow(f"Its answer does not read: {error}.") from error
    found = [_answer(one) for one in items if one.state != "later"]
    if len({one.index for one in found}) < len(found):
        raise NotNow("Its answer names an item twice.")
    return found


def _answer(one: _Item) -> Answer:
    text = (one.receipt if one.state == "accepted" else one.reason) or ""
    if not text.strip():
        what = "receipt" if one.state == "accepted" else "reason"
        raise NotNow(f"Its answer has no {what} for entry {one.index}.")
    return Answer(one.index, receipt=text) if one.state == "accepted" else Answer(one.index, reason=text)
