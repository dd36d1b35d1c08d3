"""
While a server runs, the EU registry of product passports is told what it must be, by an adapter.

Implementing Regulation (EU) 2026/1778 wants each passport registered, with the hash of its content and where
its back-up is, and the proof renewed every 90 days. The registry's own interface was not read: shipped is
`Gateway`, which speaks what is known of it (RegisterProductDPP of EN 18222) and, where nothing is known, our
own contract (docs/eu-registry.md). An operator replaces it by installing a package that names another in the
entry point group below.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from voltrail.connections.adapters import NotNow, installed
from voltrail.connections.exchange import Answer, Unanswered, exchange
from voltrail.connections.networks import Networks
from voltrail.connections.rounds import Rounds, wait_s
from voltrail.errors import UsageError
from voltrail.passport import FORMS
from voltrail.registry.eu_registry import PROOF_HOLDS, Content, Sending, Wanted, moment
from voltrail.registry.registry import Registry
from voltrail.registry.webhooks import is_address

GROUP: Final = "voltrail.eu_registry_adapters"
FORM: Final = "batterypass-ready"
"""The form of the public document whose hash is registered."""
DEADLINE_S: Final = 20
TOKEN_FILE: Final = "eu-registry.token"  # noqa: S105 - its name, beside the keys
_REFUSED: Final = frozenset({400, 404, 409, 410, 422})

log = logging.getLogger("voltrail.eu_registry")


class Refused(Exception):
    """The registry refused a request for good: a person has to look."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Adapter(Protocol):
    """
    Tells the registry of one passport.

    The same request may come again, under the same `key`, when its answer was lost: it must then not be
    registered twice. It has 60 s; after that another server may try.
    """

    def tell(self, sending: Sending) -> str:
        """Return the registration's id. Raises Refused, or NotNow where nothing was decided."""
        ...


class BackUp(msgspec.Struct, frozen=True):
    """Who keeps a copy of our passports, and at which address the code is put in."""

    operator: str
    url: str  # with {code}


class Setting(msgspec.Struct, frozen=True):
    """Which registry a server tells, by address or adapter; None for none. And who has the back-up."""

    registry: str | None = None
    back_up: BackUp | None = None

    def check(self) -> None:
        """Raise UsageError for addresses that cannot be asked."""
        if self.back_up is not None and "{code}" not in self.back_up.url:
            raise UsageError(
                "eu_registry.back_up",
                f"{self.back_up.url[:200]} does not say where a battery's copy is.",
                "Write {code} in it, as in https://copy.example/b/{code}/passport.",
            )


NO_EU_REGISTRY: Final = Setting()


def adapter_of(registry: Registry, setting: Setting, networks: Networks) -> Adapter | None:
    """Return what tells the registry; None where none is named. Raises UsageError for what cannot be used."""
    setting.check()
    named = setting.registry
    others = dict(installed(GROUP, "tell", ()))
    if named is None:
        return None
    if named in others:
        found: Adapter = others[named]
        return found
    if not is_address(named):
        there = ", ".join(others) or "none"
        raise UsageError(
            "eu_registry.adapter",
            f"{named[:200]} is neither an address nor an adapter of this server.",
            f"Give https://HOST/PATH, or one of the adapters that are installed: {there}.",
        )
    token = registry.data / "keys" / TOKEN_FILE
    return Gateway(named, networks, token.read_text("utf-8").strip() if token.exists() else None)


class Registrar:
    """Tells the registry of what is due, from `start` to `close`; without an adapter it rests."""

    def __init__(
        self,
        registry: Registry,
        adapter: Adapter | None,
        back_up: BackUp | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._registry, self._adapter, self._back_up, self._now = registry, adapter, back_up, now
        self._rounds = Rounds("eu-registry", self.claim, self.tell)
        self.close = self._rounds.close

    @property
    def tells(self) -> bool:
        """Whether a registry is told."""
        return self._adapter is not None

    def start(self) -> None:
        """Begin, where there is somebody to tell."""
        if self._adapter is not None:
            self._rounds.start()

    def claim(self) -> Sending | None:
        """Return what is due."""
        return self._registry.eu_registry.claim(self._now(), self._compose)

    def tell(self, sending: Sending) -> None:
        """Send one request, and note what came of it."""
        outbox = self._registry.eu_registry
        assert self._adapter is not None  # noqa: S101 - otherwise nothing is claimed
        try:
            outbox.taken(sending, self._adapter.tell(sending))
            return
        except Refused as error:
            outbox.refuse(sending, error.reason)
            return
        except NotNow as error:
            later, said = error.later, error.message
        except Exception as error:  # an adapter of others; the request comes again
            log.warning("The adapter failed: %s", str(error) or repr(error))
            log.debug("The adapter failed.", exc_info=error)
            later, said = "", f"The adapter failed: {type(error).__name__}."
        wait = timedelta(seconds=wait_s(sending.attempt, later))
        outbox.put_off(sending, said, self._now() + wait)

    def _compose(self, wanted: Wanted, now: datetime) -> Content:
        """Return what is said of a passport: the members of EN 18222, and the proof of its content."""
        kept, host = self._registry.handed.of(wanted.code), self._registry.origin.partition("/")[0]
        product = f"https://{host if kept is None else kept.host}/b/{wanted.code}"
        passport, at = f"{product}/passport/{wanted.number}", now.replace(microsecond=0)
        said: dict[str, object] = {
            "uniqueProductIdentifier": product,
            "digitalProductPassportId": passport,
            "uniqueEconomicOperatorIdentifier": wanted.operator,
            "dppApiEndpoint": f"https://{host}/v1/dpps",
            "status": wanted.status,
        }
        if self._back_up is not None:
            said["backupUniqueEconomicOperatorIdentifier"] = self._back_up.operator
            said["backupUrl"] = self._back_up.url.replace("{code}", wanted.code)
        digest = ""
        if wanted.status != "withdrawn":
            told = self._registry.passport(wanted.code, as_of=at, number=wanted.number)
            digest = f"sha256:{sha256(FORMS[FORM].written(told)).hexdigest()}"
            said |= {
                "contentHash": digest,
                "contentUrl": f"https://{host}/b/{wanted.code}/passport/{wanted.number}?form={FORM}&as_of={moment(at)}",
                "provedAt": moment(at),
            }
            if wanted.status == "active":
                said["proofValidUntil"] = moment(at + PROOF_HOLDS)
        return Content(msgspec.json.encode(said), digest, at)


class _Registered(msgspec.Struct):
    registrationId: str  # noqa: N815 - EN 18222 has it so


class Gateway:
    """RegisterProductDPP of EN 18222 to register, and our own contract to change what is registered."""

    def __init__(self, url: str, networks: Networks, token: str | None = None) -> None:
        self._url, self._networks, self._token = url.rstrip("/"), networks, token

    def tell(self, sending: Sending) -> str:
        """Return the id that the registry gave. Raises Refused for what it does not take, or NotNow."""
        path = "/v1/registerDPP" + (f"/{sending.registration}" if sending.registration is not None else "")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "voltrail-eu-registry",
            "Idempotency-Key": sending.key,
        }
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        secure = urlsplit(self._url).scheme == "https"
        try:
            answer = exchange(
                "POST" if sending.registration is None else "PUT",
                self._url + path, sending.body, DEADLINE_S, headers,
                lambda host, port: self._networks.locate(host, port, secure=secure),
            )  # fmt: skip
        except Unanswered as error:
            raise NotNow(error.message) from error
        return _read(answer)


def _read(answer: Answer) -> str:
    said = answer.body[:800].decode(errors="replace").strip()
    if answer.status in _REFUSED:
        raise Refused(f"{answer.status}: {said}")
    if answer.status not in {200, 201}:
        raise NotNow(f"It answered {answer.status}. {said}".strip(), answer.later)
    try:
        found = msgspec.json.decode(answer.body, type=_Registered).registrationId.strip()
    except msgspec.MsgspecError as error:
        raise NotNow(f"Its answer does not read: {error}.") from error
    if not found or not found.isprintable() or "/" in found:
        raise NotNow("Its answer has no registration id.")
    return found
