"""Passwords: argon2id, with the first recommended parameters of RFC 9106 that fit a small machine."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from base64 import b64encode
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from voltrail.errors import AccessError, UsageError

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256
ONE_TIME_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # without what is misread
_GROUPS: Final = 5  # of five characters: 123 bits
_AT_ONCE: Final = 2  # 64 MiB each; a server answers with few threads, which others need too
_PATIENCE_S: Final = 2

_hasher: Final = PasswordHasher()  # RFC 9106, section 4: t=3, 64 MiB, four lanes
_turns: Final = threading.BoundedSemaphore(_AT_ONCE)
_cost: Final = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
_drawn: Final = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
# As what is kept of a password that nobody knows: to check one against it is as much work as any.
_nobody: Final = "$".join(["$argon2id", "v=19", _cost, *_drawn])


def one_time_password() -> str:
    """Return a password to be printed once, and changed at the first sign-in."""
    return "-".join("".join(secrets.choice(ONE_TIME_ALPHABET) for _ in range(5)) for _ in range(_GROUPS))


def check_new(password: str, login: str) -> None:
    """Raise UsageError unless a password may be chosen: long enough, and not made from the login."""
    if not MIN_LENGTH <= len(_plain(password)) <= MAX_LENGTH:
        raise UsageError(
            "account.password",
            f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.",
            "Several words that do not belong together are easy to keep in mind.",
        )
    if login in _plain(password).casefold() or len(set(password)) < 5:
        raise UsageError(
            "account.password", "This password is easily guessed.", "Leave the login out; vary it more."
        )


def hash_password(password: str) -> str:
    """Return what is kept of a password."""
    with _Turn():
        return _hasher.hash(_plain(password))


def verify_password(kept: str | None, password: str) -> bool:
    """
    Return whether this is the password; where there is no account (None), the same work is done in vain.

    Raises AccessError (`access.busy`) when too many are being checked: memory is not given away.
    """
    with _Turn():
        try:
            _hasher.verify(kept or _nobody, _plain(password)[: MAX_LENGTH + 1])
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


class _Turn:
    """One of the few places for hashing."""

    def __enter__(self) -> None:
        if not _turns.acquire(timeout=_PATIENCE_S):
            raise AccessError("access.busy", "Too many sign in at this moment.", "Try again in a minute.")

    def __exit__(self, *_: object) -> None:
        _turns.release()


def _plain(password: str) -> str:
    """Return a password in one form, however the keyboard composed its letters (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
