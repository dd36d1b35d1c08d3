"""
An identity provider by OpenID Connect: where people are sent to, and who it says has come back.

Sources: OpenID Connect Core 1.0 and Discovery 1.0; RFC 7636 (PKCE), RFC 9207 (who answers), RFC 9700. It is
believed only over TLS or on this machine, and about nobody but a subject of its own.
"""

from __future__ import annotations

import threading
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from voltrail.connections.exchange import Answer, Unanswered, exchange
from voltrail.connections.id_token import Identity, UnknownKey, read_identity, read_keys
from voltrail.connections.provider_settings import ProviderSettings, is_private_url, read_provider
from voltrail.errors import AccessError, ProviderError
from voltrail.registry.doctor import Check
from voltrail.registry.registry import Registry

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

KEPT_S: Final = 600  # then what the provider publishes is asked for again
_AT_ONCE: Final = 4  # a provider that hangs takes no more of the server's threads
_PATIENCE_S: Final = 2

T = TypeVar("T")

_LATER: Final = "Try again later, or sign in with your password."


class Errand(msgspec.Struct, frozen=True):
    """One sign-in on its way. All is made from a secret of this browser, so nobody else can finish it."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def of(cls, secret: str) -> Errand:
        """Return the errand of whoever holds a secret cookie; nothing of it leads back to the secret."""
        return cls(*(_hashed(f"voltrail {name}\0{secret}") for name in ("state", "nonce", "verifier")))


class _Published(msgspec.Struct):
    """What a provider says about itself; the members that matter here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Provider:
    """One provider, as its settings name it; threads may share it."""

    def __init__(self, settings: ProviderSettings) -> None:
        self.settings = settings
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._published: tuple[float, _Published] | None = None  # both with the monotonic time they came
        self._keys: tuple[float, KeySet] | None = None

    def address_for(self, errand: Errand) -> str:
        """Return where a browser is sent to sign in. Raises ProviderError."""
        with self._turn():
            endpoint = self.published().authorization_endpoint
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": "openid profile",
            "state": errand.state,
            "nonce": errand.nonce,
            "code_challenge": _hashed(errand.verifier),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def identify(self, code: str, issuer: str | None, errand: Errand) -> Identity:
        """Return who has come back with a code. Raises AccessError for the code, ProviderError."""
        with self._turn():
            published = self.published()
            if issuer is None and published.authorization_response_iss_parameter_supported:
                raise _mixed_up()
            if issuer is not None and issuer != self.settings.issuer:
                raise _mixed_up()
            token = self._redeem(published, code, errand)
            came, keys = self.signing_keys(published)
            asked = (self.settings.issuer, self.settings.client_id, errand.nonce, time.time())
            try:
                return read_identity(token, keys, *asked)
            except UnknownKey:
                if came:  # just now
                    raise
            self._keys = None  # it may have a new key since
            return read_identity(token, self.signing_keys(published)[1], *asked)

    def published(self) -> _Published:
        """Return what the provider says about itself, asked for anew now and then. Raises ProviderError."""
        if self._published is None or time.monotonic() - self._published[0] > KEPT_S:
            url = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            told = _decode(_ask("GET", url), _Published)
            if told.issuer != self.settings.issuer:
                raise _mixed_up()
            for one in (told.authorization_endpoint, told.token_endpoint, told.jwks_uri):
                if not is_private_url(one):
                    raise _unbelievable(f"It names {one[:200]!r}, which is no https address.")
            self._published = time.monotonic(), told
        return self._published[1]

    def signing_keys(self, published: _Published) -> tuple[bool, KeySet]:
        """Return whether they came just now, and the provider's keys."""
        if self._keys is not None and time.monotonic() - self._keys[0] <= KEPT_S:
            return False, self._keys[1]
        keys = read_keys(_decode(_ask("GET", published.jwks_uri), dict[str, Any]))
        self._keys = time.monotonic(), keys
        return True, keys

    def _redeem(self, published: _Published, code: str, errand: Errand) -> str:
        """Return the token for a code, which the provider gives once, and only for this errand."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.settings.redirect_uri,
            "code_verifier": errand.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        client = self.settings.client_id, self.settings.client_secret
        if "client_secret_basic" in published.token_endpoint_auth_methods_supported:
            pair = ":".join(quote(one, safe="") for one in client)  # RFC 6749, 2.3.1
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= dict(zip(("client_id", "client_secret"), client, strict=True))
        answer = _ask("POST", published.token_endpoint, urlencode(form).encode(), headers)
        if answer.status in {400, 401}:
            said = _decode(answer, dict[str, Any], answer.status).get("error")
            if said == "invalid_grant":
                raise AccessError(
                    "access.provider_code",
                    "The provider does not take this sign-in: it was used, is too old, or is another's.",
                    "Begin again on the page /sign-in.",
                )
            raise _unbelievable(f"It does not know this registry: {str(said)[:80]!r}.")
        token = _decode(answer, dict[str, Any]).get("id_token")
        if not isinstance(token, str):
            raise _unbelievable("It gives no token that says who signed in.")
        return token

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Give one of the few places for asking."""
        if not self._turns.acquire(timeout=_PATIENCE_S):
            raise AccessError("access.busy", "Too many sign in at this moment.", "Try again in a minute.")
        try:
            yield
        finally:
            self._turns.release()


def provider_of(registry: Registry) -> Provider | None:
    """Return the provider that a registry's folder names, if any. Raises RegistryError."""
    settings = read_provider(registry.data)
    return None if settings is None else Provider(settings)


def diagnose_provider(registry: Registry) -> Iterator[Check]:
    """Ask the provider, if there is one, what it publishes, and say whether people can sign in by it."""
    provider = provider_of(registry)
    if provider is None:
        return
    issuer = provider.settings.issuer
    try:
        keys = provider.signing_keys(provider.published())[1]
        if not keys.keys:
            raise _unbelievable("It publishes no key that can sign.")
    except ProviderError as error:
        yield Check("provider", ok=False, message=f"{issuer}: {error.message}", fix=error.fix)
    else:
        yield Check("provider", ok=True, message=f"{issuer} answers; keys: {len(keys.keys)}.")


def _ask(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    """Return a provider's answer. Raises ProviderError when there is none."""
    try:
        return exchange(method, url, body, headers=headers)
    except Unanswered as error:
        if error.why == "unreachable":
            raise ProviderError("provider.unreachable", error.message, _LATER) from error
        if error.why == "slow":
            raise ProviderError("provider.slow", error.message, _LATER) from error
        raise ProviderError("provider.answer", error.message, _LATER) from error


def _decode(answer: Answer, kind: type[T], status: int = 200) -> T:
    if answer.status != status:
        raise _unbelievable(f"It answers {answer.status}.")
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unbelievable(f"Its answer does not read: {str(error)[:120]}.") from error


def _hashed(text: str) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()


def _mixed_up() -> ProviderError:
    return ProviderError(
        "provider.issuer",
        "Another provider answers than the one that was asked.",
        "Begin again on the page /sign-in. The operator sees whether the issuer in oidc.json is right.",
        source="RFC 9207",
    )


def _unbelievable(message: str) -> ProviderError:
    return ProviderError(
        "provider.answer", message, "The operator sees whether oidc.json is right: `voltrail doctor`."
    )
