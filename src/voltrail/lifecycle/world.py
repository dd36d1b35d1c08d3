"""What judging asks of the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from voltrail.lifecycle.state import Organisation, Recorded, State


class World(Protocol):
    """
    What the record says at the moment of judging, earlier lines of the same report included.

    The authorities named when the registry began must be known to
    `organisation`, with the role authority, before any event says so.
    """

    def state(self, subject: str, /) -> State | None:
        """Return the state of a subject."""

    def organisation(self, identifier: str, /) -> Organisation | None:
        """Return a registered organisation."""

    def recorded(self, index: int, /) -> Recorded | None:
        """Return the event at an index of the log."""

    def events(self, subject: str, /) -> Sequence[Recorded]:
        """Return a subject's events that count, in their order; of a very long life the last ones."""

    def has_outlet(self, organisation: str, /) -> bool:
        """Return whether the record has an outlet of an organisation, or one that serves it."""
