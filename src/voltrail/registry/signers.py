"""Whose signature counts for a report: the authority's, an organisation's own, or the host's for it."""

from __future__ import annotations

from voltrail.errors import ReportError
from voltrail.ledger.keys import Verifier, decode64
from voltrail.ledger.reports import ReportNote
from voltrail.organisations.trust import key_for
from voltrail.registry.settings import Settings
from voltrail.registry.world import World


class Signers:
    """
    The rule by which signatures count, for one registry.

    `authorities` are those that its settings name: their keys count before any event says so.
    """

    def __init__(self, settings: Settings) -> None:
        self._host = settings.host
        self._authority_keys = {(v.name, v.key_id): v for v in map(Verifier, settings.authorities)}
        self.authorities = frozenset(v.holder for v in self._authority_keys.values())

    def check(self, note: ReportNote, world: World, index: int) -> None:
        """Raise ReportError unless a key that counts at this index of the log signed the report."""
        name = note.signature.name
        verifier = self._authority_keys.get((name, note.signature.key_id))
        if verifier is None:
            holder = world.organisation(note.holder)
            key = key_for(holder, note.key_id, index) if holder is not None else None
            if key is None:
                raise ReportError(
                    "report.key_unknown",
                    f"The record holds no valid key {name} at this time.",
                    "Have the key added to the record first (key_added), or sign with one that is there.",
                )
            verifier = Verifier.of(name, key.algorithm, decode64(key.public_key))
        note.verify(verifier)
        if note.holder != note.organisation:
            self._check_host(note, world)

    def _check_host(self, note: ReportNote, world: World) -> None:
        if note.holder != self._host:
            raise ReportError(
                "report.signer",
                f"{note.holder} signed a report of {note.organisation}.",
                "An organisation signs its own reports.",
            )
        organisation = world.organisation(note.organisation)
        if organisation is not None and not organisation.lets_host_sign:
            raise ReportError(
                "report.host_may_not",
                f"{note.organisation} has a key of its own, which does not let the host sign.",
                "Sign the report with that key: `voltrail report FILE --key KEY.pem`",
            )
