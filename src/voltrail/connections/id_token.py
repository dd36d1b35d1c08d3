"""
What a provider signs about who has signed in, and whether it may be believed.

Sources: OpenID Connect Core 1.0, sections 2 and 3.1.3.7; RFC 8725 on algorithms. Signatures are checked by
joserfc, which the extra `oidc` installs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from voltrail.errors import ProviderError

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

# Only what a public key checks: with the others, or with none, anybody could have signed. Ed25519 by the
# name that RFC 9864 gave it; EdDSA, its name before, is deprecated there.
ALGORITHMS: Final = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
]
LEEWAY_S: Final = 120  # by which two clocks may differ
_SOURCE: Final = "OpenID Connect Core 1.0, 3.1.3.7"
_ASK: Final = "Tell the operator of this registry; until then sign in with your password."


class Identity(msgspec.Struct, frozen=True):
    """Who has signed in at a provider: `subject` stays the same, `shown` is only for reading."""

    issuer: str
    subject: str
    shown: str


class UnknownKey(ProviderError):
    """No key of the provider that we know signed this; it may have a new one."""


def read_keys(content: Any) -> KeySet:
    """Return the signing keys of a key set, without those that do not read."""
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet, import_key

    keys = []
    for one in content.get("keys", []) if isinstance(content, dict) else []:
        if not isinstance(one, dict) or one.get("kty") not in {"RSA", "EC", "OKP"} or one.get("use") == "enc":
            continue
        try:
            keys.append(import_key({name: value for name, value in one.items() if name != "d"}))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return KeySet(keys)


def read_identity(
    token: str, keys: KeySet, issuer: str, client_id: str, nonce: str, now_s: float
) -> Identity:
    """
    Return whom a token names, once all of it is right: signature, issuer, audience, times, nonce.

    Raises UnknownKey when another key may mend it, ProviderError for all else.
    """
    claims = _signed(token, keys)
    if claims.get("iss") != issuer:
        raise _wrong("The token is another provider's.")
    audience = claims.get("aud")
    given = audience if isinstance(audience, list) else [audience]
    if client_id not in given or claims.get("azp", client_id if len(given) == 1 else None) != client_id:
        raise _wrong("The token was made for another service.")
    _check_times(claims, now_s)
    if claims.get("nonce") != nonce:
        raise _wrong("The token was made for another sign-in.")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not subject.isprintable():
        raise _wrong("The token names nobody.")
    return Identity(issuer, subject, _shown(claims, subject))


def _signed(token: str, keys: KeySet) -> dict[str, Any]:
    """Return what was signed. Raises UnknownKey, ProviderError."""
    from joserfc import jws
    from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError

    try:
        read = jws.deserialize_compact(token, keys, algorithms=ALGORITHMS)
        claims = msgspec.json.decode(read.payload)
    except (BadSignatureError, InvalidKeyIdError) as error:
        raise UnknownKey(
            "provider.signature", "No key that the provider publishes signed its token.", _ASK, source=_SOURCE
        ) from error
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError) as error:
        raise _wrong("The token is not signed in a way that can be checked.") from error
    if not isinstance(claims, dict):
        raise _wrong("The token says nothing.")
    return claims


def _check_times(claims: dict[str, Any], now_s: float) -> None:
    ends, made = claims.get("exp"), claims.get("iat")
    if not isinstance(ends, int | float) or not isinstance(made, int | float):
        raise _wrong("The token does not say when it was made and when it ends.")
    if ends < now_s - LEEWAY_S or made > now_s + LEEWAY_S:
        by = now_s - ends if ends < now_s else made - now_s
        raise ProviderError(
            "provider.clock",
            f"The token is not of this time: by the clock here, it is {abs(by) / 60:.0f} minutes off.",
            "The operator compares the clock of this machine with the provider's.",
            source=_SOURCE,
        )


def _shown(claims: dict[str, Any], subject: str) -> str:
    """Return what the person is called, for reading only: it may change, and be somebody else's tomorrow."""
    for name in ("preferred_username", "email", "name"):
        value = claims.get(name)
        if isinstance(value, str) and value.strip() and value.isprintable():
            return value.strip()[:100]
    return subject[:100]


def _wrong(message: str) -> ProviderError:
    return ProviderError("provider.token", message, _ASK, source=_SOURCE)
