"""
Whose signature counts: the authority's keys, and the keys that the record itself shows.

An organisation's key counts from its `key_added` on until its `key_revoked`,
by place in the log alone; times that reporters claim decide nothing.
Source: formats.md, "Evidence" and "Report".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from voltrail.errors import NoteError, ReportError, VerificationError
from voltrail.ledger.keys import Verifier, decode64
from voltrail.ledger.reports import ReportNote

BY_AUTHORITY = "signed by the authority"
PROVED = "signed; key proved by the record"
NOT_RULED_OUT = "signed; key in the record, a later revocation not ruled out"
NOT_PROVED = "signed; key status not proved"
STATUSES = (BY_AUTHORITY, PROVED, NOT_RULED_OUT, NOT_PROVED)  # from the strongest to the weakest

HOST = "/host"
KEY_KINDS = frozenset({"key_added", "key_revoked"})
ROLE_KINDS = frozenset({"organisation_registered", "role_granted", "role_revoked"})

Authority = str | tuple[str, int | None, int | None]


class SignedEvent(msgspec.Struct, frozen=True):
    """
    An event whose place in the log is proved, with the report note that it came in.

    `fields` are the values of its shown members; `whole` says that none is withheld.
    """

    index: int
    note: ReportNote
    fields: Mapping[str, Any]
    whole: bool

    @property
    def kind(self) -> str | None:
        """The kind, when it is shown."""
        return self.text("kind")

    def text(self, name: str) -> str | None:
        """Return the value of a member, when it is shown and a string."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None

    @property
    def by_host(self) -> bool:
        """Whether the host signed in the name of a signed-in user's organisation."""
        return self.note.holder != self.note.organisation


class OrganisationChain(msgspec.Struct, frozen=True):
    """An organisation's own events, in order; they are known to be all of them before `complete_to`."""

    events: tuple[SignedEvent, ...]
    complete_to: int


class KeyState(msgspec.Struct, frozen=True):
    """A key as an organisation's chain shows it: where it was added, and revoked if it was."""

    fields: Mapping[str, Any]
    added: int
    revoked: int | None = None


class Trust:
    """
    Judges signatures, in order of index, so that each key stands on what came before.

    `chains` are by organisation. Each event of a chain must be judged before
    any later event that it may have to speak for.
    """

    def __init__(
        self, origin: str, authorities: Sequence[Authority], chains: Mapping[str, OrganisationChain]
    ) -> None:
        self.origin = origin
        self.chains = chains
        self._authorities = [_authority(given) for given in authorities]
        self._status: dict[int, str] = {}
        self._holds: dict[tuple[str, str], bool] = {}

    def judge(self, event: SignedEvent) -> str:
        """Return in words what the event's signature is worth; VerificationError when it is worth nothing."""
        if event.by_host:
            self._check_host(event)
        status = self._by_authority(event) or self._by_record(event)
        if event.kind in KEY_KINDS | ROLE_KINDS:
            status = _weakest(status, self._may_speak(event))
        if event.by_host:
            status = _weakest(status, self._host_may(event))
        self._status[event.index] = status
        return status

    def _by_authority(self, event: SignedEvent) -> str | None:
        """Return BY_AUTHORITY when one of the keys given stands for this index and made the signature."""
        for verifier, first, last in self._authorities:
            same = (verifier.name, verifier.key_id) == (
                event.note.signature.name,
                event.note.signature.key_id,
            )
            if same and first <= event.index and (last is None or event.index <= last):
                self._check_signature(event, verifier)
                return BY_AUTHORITY
        return None

    def _by_record(self, event: SignedEvent) -> str:
        """Return what the signer's own chain says of the key."""
        note = event.note
        chain = self.chains.get(note.holder)
        if chain is None and self._is_authority(note.holder):
            message = f"{note.signature.name} is not a key that the authority was given with"
            raise _fail("signature", event, message)
        if chain is None:
            return NOT_PROVED
        key = _keys(chain, event.index).get(note.key_id)
        if key is None:
            raise _fail("signature", event, f"the key {note.signature.name} had not been added before")
        if key.revoked is not None:
            message = f"the key {note.signature.name} had been revoked at index {key.revoked}"
            raise _fail("key_revoked", event, message)
        self._check_signature(event, _verifier(event, key))
        sure = chain.complete_to >= event.index and not _doubtful(chain, key.added, event.index)
        return _weakest(PROVED if sure else NOT_RULED_OUT, _as_proof(self._status[key.added]))

    def _may_speak(self, event: SignedEvent) -> str:
        """Return how well it is shown that this signer may report who is who: roles, organisations, keys."""
        holder = event.note.holder
        about = event.text("organisation")
        if self._is_authority(holder):
            return BY_AUTHORITY
        chain = self.chains.get(holder)
        if event.kind in KEY_KINDS and about in {holder, None}:
            return PROVED if about else NOT_PROVED
        if chain is None:
            return NOT_PROVED
        granted = _authority_role(chain, event.index)
        if granted is None:
            raise _fail("signature", event, f"{holder} may not report {event.kind} about {about}")
        return _as_proof(self._status[granted])

    def _is_authority(self, organisation: str) -> bool:
        """Return whether one of the authority's keys that were given is this organisation's."""
        return any(verifier.holder == organisation for verifier, _, _ in self._authorities)

    def _check_host(self, event: SignedEvent) -> None:
        """Raise unless the signer is the host, and the event not one about trust."""
        if event.note.holder != self.origin + HOST:
            message = f"{event.note.holder} signed a report of {event.note.organisation}"
            raise _fail("signature", event, message)
        if event.kind in KEY_KINDS | ROLE_KINDS:
            raise _fail("signature", event, f"the host may not sign {event.kind}")

    def _host_may(self, event: SignedEvent) -> str:
        """Return how well it is shown that the organisation had no key, or one that lets the host sign."""
        chain = self.chains.get(event.note.organisation)
        if chain is None:
            return NOT_PROVED
        keys = [key for key in _keys(chain, event.index).values() if key.revoked is None]
        if keys and not any(key.fields.get("host_may_sign") is True for key in keys):
            message = f"{event.note.organisation} had a key of its own, and the host signed"
            raise _fail("signature", event, message)
        sure = chain.complete_to >= event.index and not _doubtful(chain, -1, event.index)
        return PROVED if sure else NOT_RULED_OUT

    def _check_signature(self, event: SignedEvent, verifier: Verifier) -> None:
        """Raise unless the key made the report's signature; each report is verified once for each key."""
        known = (event.note.digest, verifier.vkey)
        if known in self._holds:
            return
        try:
            event.note.verify(verifier)
        except ReportError as error:
            raise _fail("signature", event, error.message) from error
        self._holds[known] = True


def _keys(chain: OrganisationChain, before: int) -> dict[str, KeyState]:
    """Return, by id, the keys that the chain had shown before this index; the last event of an id counts."""
    keys: dict[str, KeyState] = {}
    for index, fields in _before(chain, before):
        name = str(fields.get("key_id"))
        if fields.get("kind") == "key_added":
            keys[name] = KeyState(fields, index)
        elif fields.get("kind") == "key_revoked" and name in keys:
            keys[name] = KeyState(keys[name].fields, keys[name].added, index)
    return keys


def _authority_role(chain: OrganisationChain, before: int) -> int | None:
    """Return the index at which the organisation was granted the role of authority, if it had it then."""
    granted = None
    for index, fields in _before(chain, before):
        if fields.get("role") == "authority":
            granted = {"role_granted": index, "role_revoked": None}.get(str(fields.get("kind")), granted)
    return granted


def _before(chain: OrganisationChain, index: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """
    Yield index and values of the chain's events before an index.

    A correction changes none of them: keys and roles are ended or replaced by further events, never
    rewritten. So whoever signs a correction cannot bring in a key or bring back a revoked one.
    """
    return ((event.index, event.fields) for event in chain.events if event.index < index)


def _doubtful(chain: OrganisationChain, after: int, before: int) -> bool:
    """Return whether an event between may have concerned a key without showing it."""
    return any(
        after < event.index < before and not event.whole and (event.kind is None or event.kind in KEY_KINDS)
        for event in chain.events
    )


def _verifier(event: SignedEvent, key: KeyState) -> Verifier:
    """Return the verifier for a key as the record shows it."""
    try:
        public_key = decode64(str(key.fields["public_key"]))
        return Verifier.of(event.note.signature.name, str(key.fields["algorithm"]), public_key)
    except KeyError as error:
        message = f"the key {event.note.signature.name} is in the record, and not shown"
        raise _fail("signature", event, message) from error
    except NoteError as error:
        raise _fail("signature", event, error.message) from error


def _authority(given: Authority) -> tuple[Verifier, int, int | None]:
    """Return an authority's key with the first and last index it stands for."""
    vkey, first, last = (given, None, None) if isinstance(given, str) else given
    return Verifier(vkey), first or 0, last


def _weakest(*statuses: str) -> str:
    return max(statuses, key=STATUSES.index)


def _as_proof(status: str) -> str:
    """Return what a key is worth that was added under this status."""
    return PROVED if status == BY_AUTHORITY else status


def _fail(rule: str, event: SignedEvent, message: str) -> VerificationError:
    return VerificationError(f"evidence.{rule}", f"Event at index {event.index}: {message}.")
