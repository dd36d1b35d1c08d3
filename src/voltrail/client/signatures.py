"""
The signatures of webhooks, both sides: by the secret, what the registry sent is told from what others did.

Source: Standard Webhooks 1.0, "Signature scheme" (standardwebhooks.com).
"""

from __future__ import annotations

import hmac
import time
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from voltrail.errors import VerificationError

WINDOW_S: Final = 300
MAX_BODY_BYTES: Final = 1 << 20
MAX_SIGNATURES: Final = 10
PREFIX: Final = "whsec_"
SOURCE: Final = "Standard Webhooks 1.0"
_VERSION: Final = "v1"


def write_secret(key: bytes) -> str:
    """Return a secret as it is shown to people."""
    return PREFIX + b64encode(key).decode()


def read_secret(secret: str) -> bytes:
    """Return the bytes of a secret as it was shown. Raises VerificationError for what is none."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (ValueError, Error):
        raise _refuse("webhook.secret", f"A secret is {PREFIX} and Base64; this is not one.") from None
    if not secret.startswith(PREFIX):
        raise _refuse("webhook.secret", f"A secret begins with {PREFIX}; this one does not.")
    if not 24 <= len(key) <= 64:
        raise _refuse("webhook.secret", "A secret has 24 to 64 bytes; this one has another number.")
    return key


def sign_webhook(keys: Sequence[bytes], identifier: str, at_s: int, body: bytes) -> str:
    """Return the header webhook-signature: one signature by each key, the newest first."""
    return " ".join(f"{_VERSION},{b64encode(_digest(key, identifier, at_s, body)).decode()}" for key in keys)


def verify_webhook(
    secret: str, headers: Mapping[str, str], body: bytes, *, now_s: float | None = None
) -> list[dict[str, Any]]:
    """
    Return the events that a registry sent, once its signature holds. VerificationError when it does not.

    `secret` is what the page showed, `headers` and `body` what came, the body in its exact bytes. What is
    older than five minutes, or from the future, is refused. The same event may come twice: go by its `id`.
    """
    if len(body) > MAX_BODY_BYTES:
        raise _refuse("webhook.body", f"The body has more than {MAX_BODY_BYTES:,} bytes.")
    verify_signature(secret, headers, body, now_s=now_s)
    try:
        events: list[dict[str, Any]] = msgspec.json.decode(body, type=dict[str, Any])["events"]
    except (msgspec.MsgspecError, KeyError) as error:
        raise _refuse("webhook.body", "The body is not what a registry sends.") from error
    return events


def verify_signature(
    secret: str, headers: Mapping[str, str], body: bytes, *, now_s: float | None = None
) -> str:
    """Return the id under which something was sent, once its signature holds. Raises VerificationError."""
    key, given = read_secret(secret), {name.lower(): value for name, value in headers.items()}
    identifier, stated = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    signatures = given.get("webhook-signature", "").split(" ")[:MAX_SIGNATURES]
    if not identifier or not (stated.isascii() and stated.isdigit() and len(stated) < 13):
        raise _refuse("webhook.headers", "The headers webhook-id and webhook-timestamp are not there.")
    expected = _digest(key, identifier, int(stated), body)
    if not any([_is_same(one, expected) for one in signatures]):  # noqa: C419 - all, whichever holds
        raise _refuse("webhook.signature", "No signature holds: it was not sent with this secret.")
    now = time.time() if now_s is None else now_s
    if abs(now - int(stated)) > WINDOW_S:
        raise _refuse("webhook.time", "It was sent more than five minutes ago, or a clock is wrong.")
    return identifier


def _digest(key: bytes, identifier: str, at_s: int, body: bytes) -> bytes:
    return hmac.digest(key, f"{identifier}.{at_s}.".encode() + body, "sha256")


def _is_same(text: str, expected: bytes) -> bool:
    version, _, given = text.partition(",")
    wanted = b64encode(expected)
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted) and version == _VERSION


def _refuse(rule: str, message: str) -> VerificationError:
    return VerificationError(
        rule, message, "Answer 400, and compare the secret with the page.", source=SOURCE
    )
