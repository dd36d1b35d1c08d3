"""
SD-JWT: signed claims of which each is disclosed for itself, or not.

The signed part holds a digest for each claim; what a reader sees comes beside it, as *disclosures*. Whoever
has them may leave some out before handing it on. What is not disclosed cannot be guessed: each digest is over
a salt too. No decoy digests are added: how many points a passport has is told to everybody anyway.
Source: RFC 9901.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from voltrail.errors import UsageError, VerificationError
from voltrail.ledger.keys import Signer, Verifier
from voltrail.passport import jws

SOURCE: Final = "RFC 9901"
MAX_BYTES: Final = 1_048_576
DIGESTS: Final = "_sd"
_ELEMENT: Final = "..."
_HASH: Final = "_sd_alg"
_NEVER: Final = "Do not believe it."
_AGAIN: Final = "Take the whole file again from where it came from."
_ASK: Final = "Ask the host for it again."


class Verified(msgspec.Struct, frozen=True):
    """What a credential says: `claims` with what is disclosed; `hidden` is how many digests stay closed."""

    key: str
    type: str
    claims: dict[str, Any]
    hidden: int


def disclose(salt: bytes, name: str, value: Any) -> str:
    """Return the disclosure of a claim (section 4.2.1)."""
    return jws.encode64url(msgspec.json.encode([jws.encode64url(salt), name, value]))


def digest(disclosure: str) -> str:
    """Return what stands for a disclosure in the signed part (section 4.2.3)."""
    return jws.encode64url(sha256(disclosure.encode()).digest())


def conceal(disclosures: Iterable[str]) -> dict[str, list[str]]:
    """Return the object that holds these claims; in an order that says nothing (section 4.2.4.1)."""
    return {DIGESTS: sorted(map(digest, disclosures))}


def issue(signer: Signer, type_: str, claims: dict[str, Any], shown: Iterable[str]) -> str:
    """Return the signed claims, some of them concealed, with those of their disclosures that are shown."""
    token = jws.sign(signer, {"typ": type_}, {**claims, _HASH: "sha-256"})
    return "".join(f"{part}~" for part in (token, *shown))


def present(compact: str, names: Collection[str]) -> str:
    """
    Return it with only the disclosures of these claims: its holder hands on less than he got.

    Raises UsageError for a name that it does not disclose. Nothing is verified.
    """
    token, disclosures = _split(compact)
    if "~" not in compact:
        raise UsageError(
            "credential.plain", "It is no SD-JWT: it is shown as a whole.", "Ask for form=sd-jwt."
        )
    named = {one: _read(one)[-2] if len(_read(one)) == 3 else None for one in disclosures}
    if lacking := set(names) - set(named.values()):
        raise UsageError(
            "credential.point",
            f"It does not disclose {min(lacking)[:60]!r}.",
            f"It has {', '.join(sorted(filter(None, named.values()))) or 'nothing to disclose'}.",
        )
    return "".join(f"{part}~" for part in (token, *(one for one in disclosures if named[one] in names)))


def verify(compact: str, keys: Collection[Verifier], at: datetime) -> Verified:
    """
    Return what a credential says, once everything about it holds (section 7.1); a plain token is one too.

    It needs no network. `at` is the time for which it must be valid. Raises VerificationError: `credential.`
    and `form`, `base64`, `algorithm`, `critical`, `key`, `signature`, `hash`, `binding`, `disclosure`,
    `digest_unknown`, `digest_twice`, `claim_twice`, `not_yet`, `expired`.
    """
    token, disclosures = _split(compact)
    header, payload = jws.open_(token, keys)
    if _HASH in payload and "~" not in compact:
        raise VerificationError("credential.form", "Its end is cut off: an SD-JWT ends with a ~.", _AGAIN)
    if payload.get(_HASH, "sha-256") != "sha-256":
        raise _wrong("hash", f"Its digests are made by {payload[_HASH]!r:.40}, not by sha-256.")
    if len(set(disclosures)) != len(disclosures):
        raise _wrong("digest_twice", "It brings the same disclosure twice.")
    opening = _Opening({digest(one): _read(one) for one in disclosures})
    claims = opening.open(payload)
    if left := opening.disclosures.keys() - opening.met:
        name = opening.disclosures[min(left)][-2]
        raise _wrong("digest_unknown", f"Its disclosure of {name!r:.60} is none of what was signed.")
    claims.pop(_HASH, None)
    _in_time(claims, at)
    return Verified(
        str(header["kid"]), str(header.get("typ", "")), claims, len(opening.met) - len(disclosures)
    )


def _in_time(claims: dict[str, Any], at: datetime) -> None:
    now = at.timestamp()
    begins, ends = _time(claims, "nbf"), _time(claims, "exp")
    if begins is not None and now < begins:
        raise _wrong("not_yet", f"It is not valid before {begins:g} (seconds since 1970).", _ASK)
    if ends is not None and now >= ends:
        raise _wrong("expired", f"It was valid until {ends:g} (seconds since 1970).", _ASK)


def _time(claims: dict[str, Any], name: str) -> float | None:
    when = claims.get(name)
    if isinstance(when, bool) or not isinstance(when, int | float | None):
        raise _wrong("form", f"Its {name} is no time.")
    return when


def _split(compact: str) -> tuple[str, list[str]]:
    """Return the signed part and the disclosures, of which a plain token has none; no key binding."""
    if len(compact) > MAX_BYTES or not compact.isascii():
        raise VerificationError(
            "credential.form",
            f"It is longer than {MAX_BYTES:,} characters, or not plain ASCII.",
            _AGAIN,
        )
    token, *disclosures = compact.split("~")
    if disclosures and disclosures.pop():
        raise VerificationError(
            "credential.binding",
            "It ends with something else than a ~: a key binding is not taken here, or something is cut off.",
            _AGAIN,
            source=SOURCE,
        )
    return token, disclosures


def _read(disclosure: str) -> list[Any]:
    """Return salt, name and value, or salt and value of an element of a list."""
    try:
        read = msgspec.json.decode(jws.decode64url(disclosure), type=list[Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        read = []
    if len(read) not in {2, 3} or not all(isinstance(part, str) for part in read[:-1]):
        raise _wrong("disclosure", f"{disclosure[:40]!r} is no disclosure of salt, name and value.")
    return read


class _Opening:
    """Puts what is disclosed in the place of its digest, at any depth; notes each digest it meets."""

    def __init__(self, disclosures: dict[str, list[Any]]) -> None:
        self.disclosures = disclosures
        self.met: set[str] = set()

    def open(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the object as its reader sees it."""
        try:
            return self._object(value)
        except RecursionError:
            raise _wrong("form", "It is nested too deeply.") from None

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        found = {name: self._value(one) for name, one in value.items() if name != DIGESTS}
        listed = value.get(DIGESTS, [])
        if not isinstance(listed, list):
            raise _wrong("form", "Its digests are no list.")
        for one in listed:
            said = self._meet(one, 3)
            if said is None:
                continue
            name = said[1]
            if name in {DIGESTS, _ELEMENT} or name in value or name in found:
                raise _wrong("claim_twice", f"It discloses {name!r:.60}, which stands there already.")
            found[name] = self._value(said[2])
        return found

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._object(value)
        return self._list(value) if isinstance(value, list) else value

    def _list(self, value: list[Any]) -> list[Any]:
        found = []
        for one in value:
            if not (isinstance(one, dict) and one.keys() == {_ELEMENT}):
                found.append(self._value(one))
            elif (said := self._meet(one[_ELEMENT], 2)) is not None:
                found.append(self._value(said[1]))
        return found

    def _meet(self, one: Any, parts: int) -> list[Any] | None:
        """Return what a digest stands for, or None where that is not disclosed; no digest comes twice."""
        if not isinstance(one, str):
            raise _wrong("form", "One of its digests is no text.")
        if one in self.met:
            raise _wrong("digest_twice", f"The digest {one[:20]!r} stands in it twice.")
        self.met.add(one)
        said = self.disclosures.get(one)
        if said is not None and len(said) != parts:
            raise _wrong(
                "disclosure", "It discloses a claim where an element of a list stands, or the reverse."
            )
        return said


def _wrong(rule: str, message: str, fix: str = _NEVER) -> VerificationError:
    return VerificationError(f"credential.{rule}", message, fix, source=SOURCE)
