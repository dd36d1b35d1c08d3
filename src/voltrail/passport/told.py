"""A passport as one reader sees it: what every output is written from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec

from voltrail.events.points import Value
from voltrail.lifecycle import Issued
from voltrail.lifecycle.passports import passport_id
from voltrail.passport.compose import Known, Passport


class Edition(msgspec.Struct, frozen=True):
    """
    Which passport of a battery it is, and how it stands; a draft was not issued yet.

    `why` says what ended one; `previous` and `next` are the ids of those it follows, and that follow it.
    """

    id: str
    number: int
    status: str
    issued_at: datetime | None = None
    ended_at: datetime | None = None
    why: str | None = None
    previous: list[str] = []
    next: list[str] = []

    @classmethod
    def of(cls, code: str, issued: Issued | None, *links: list[str]) -> Edition:
        """Return what is told of a passport and its links; without one, of the first that may be issued."""
        if issued is None:
            return cls(passport_id(code, 1), 1, "draft")
        number = issued.number
        return cls(
            passport_id(code, number), number, issued.status, issued.since, issued.until, issued.why, *links
        )


class Told(msgspec.Struct, frozen=True):
    """
    A passport as far as a reader sees it; `withheld` names the points that it has and they do not see.

    `whole` is the passport itself, for counting what it lacks.
    """

    values: Mapping[str, Known]
    withheld: tuple[str, ...]
    whole: Passport
    edition: Edition

    def shown(self, barred: Collection[str]) -> dict[str, Value]:
        """Return the values for a document, without those that must not stand in it."""
        return {name: one.value for name, one in self.values.items() if name not in barred}

    def hidden(self, barred: Collection[str]) -> tuple[str, ...]:
        """Return the points that the document could have and the reader does not see."""
        return tuple(name for name in self.withheld if name not in barred)
