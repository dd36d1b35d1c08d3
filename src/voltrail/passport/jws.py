"""
Signed tokens in their compact form, and the keys by which others verify them.

Source: RFC 7515 (JWS), RFC 8037 (Ed25519 as `EdDSA`, keys of the type OKP), RFC 7517 (JWK). RFC 9864 would
rather have the name `Ed25519`, which few verifiers know yet.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from typing import Any, Final

import msgspec

from voltrail.errors import NoteError, VerificationError
from voltrail.ledger.keys import ED25519, Signer, Verifier

ALGORITHM: Final = "EdDSA"
SOURCE: Final = "RFC 7515"
_CURVE: Final = "Ed25519"


def encode64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode64url(text: str) -> bytes:
    """Return the bytes of base64url in its one form, so that no other text stands for the same bytes."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    if encode64url(data) != text:
        raise VerificationError(
            "credential.base64", f"{text[:40]!r} is not base64url in its one form.", _AGAIN, source=SOURCE
        )
    return data


def sign(signer: Signer, header: dict[str, Any], payload: dict[str, Any]) -> str:
    """Return a token; its header names the algorithm and the key (`kid`), and what else is given."""
    whole = {"alg": ALGORITHM, "kid": signer.name, **header}
    signed = f"{encode64url(msgspec.json.encode(whole))}.{encode64url(msgspec.json.encode(payload))}"
    return f"{signed}.{encode64url(signer.sign_bytes(signed.encode()))}"


def open_(token: str, keys: Collection[Verifier]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and payload of a token that one of these keys signed. Raises VerificationError."""
    parts = token.split(".")
    if len(parts) != 3:
        raise VerificationError(
            "credential.form", "It is no token of three parts with full stops between them.", _AGAIN
        )
    header, signature = read_object(parts[0], "header"), decode64url(parts[2])
    algorithm, name = header.get("alg"), header.get("kid")
    if algorithm != ALGORITHM:
        said = "It is not signed" if algorithm in {None, "none"} else f"It is signed by {algorithm!r:.40}"
        raise VerificationError("credential.algorithm", f"{said}; only {ALGORITHM} counts.", _NEVER)
    if "crit" in header:
        raise VerificationError(
            "credential.critical", "Its header demands what is not known here (`crit`).", _NEVER
        )
    key = next((one for one in keys if one.name == name and one.algorithm == ED25519), None)
    if key is None:
        raise VerificationError(
            "credential.key",
            f"It is signed by {name!r:.80}, and no such key was given.",
            "Take the keys from the host that you believe: /.well-known/jwks.json.",
        )
    if not key.holds(token.rpartition(".")[0].encode(), signature):
        raise VerificationError("credential.signature", f"{name} did not sign this.", _NEVER)
    return header, read_object(parts[1], "payload")


def read_object(text: str, what: str) -> dict[str, Any]:
    """Return the object that base64url of JSON holds."""
    try:
        return msgspec.json.decode(decode64url(text), type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise VerificationError("credential.form", f"Its {what} is no JSON object.", _AGAIN) from None


def jwk(key: Verifier) -> dict[str, str]:
    """Return a public key as others read it."""
    return {
        "kty": "OKP",
        "crv": _CURVE,
        "x": encode64url(key.public_key),
        "kid": key.name,
        "alg": ALGORITHM,
        "use": "sig",
    }


def read_jwks(data: bytes) -> list[Verifier]:
    """
    Return the Ed25519 keys of a key set, or of one key; keys of other kinds are left out.

    Raises VerificationError where there is none.
    """
    try:
        read = msgspec.json.decode(data)
        listed = read.get("keys", [read])
        found = [
            Verifier.of(one["kid"], ED25519, decode64url(one["x"]))
            for one in listed
            if one.get("kty") == "OKP" and one.get("crv") == _CURVE
        ]
    except (
        msgspec.MsgspecError,
        RecursionError,
        UnicodeDecodeError,
        LookupError,
        TypeError,
        AttributeError,
        NoteError,
    ):
        found = []
    if not found:
        raise VerificationError(
            "credential.keys",
            "There is no Ed25519 key with a name in this key set.",
            "Take it from the host that you believe: /.well-known/jwks.json.",
        )
    return found


_AGAIN: Final = "Take the whole file again from where it came from."
_NEVER: Final = "Do not believe it."
