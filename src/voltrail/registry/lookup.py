"""States for readers, as they stand, stood or were known; and the family of a battery."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from voltrail.codes import parse
from voltrail.database.database import Connection
from voltrail.errors import UnknownBattery
from voltrail.lifecycle import Battery, Organisation, Recorded, State, effective_events, fold
from voltrail.registry.world import World

MAX_FAMILY = 5000


class Lookup:
    """
    States for readers: as they stand, or folded again as of a time or as known at one.

    `before` gives a subject's events that another host handed over: they come before those of this record.
    """

    def __init__(
        self,
        connection: Connection,
        authorities: frozenset[str],
        as_of: datetime | None,
        known_at: datetime | None,
        before: Callable[[str], list[Recorded]] | None = None,
    ) -> None:
        self._before = before
        self._world = World(connection, authorities)
        self._as_of, self._known_at = as_of, known_at

    def state(self, subject: str, as_of: datetime | None = None) -> State | None:
        """Return the state of a subject; of an earlier time, where one is given."""
        as_of = as_of or self._as_of
        if as_of is None and self._known_at is None and not self._handed(subject):
            return self._world.state(subject)
        chosen = self.chain(subject)
        if self._known_at is not None:
            known_ms = int(_aware(self._known_at).timestamp() * 1000)
            chosen = [one for one in chosen if one.received_ms <= known_ms]
        if as_of is not None:
            chosen = [
                one for one in effective_events(chosen, subject) if one.event.occurred_at <= _aware(as_of)
            ]
        return fold(subject, chosen)

    def chain(self, subject: str) -> list[Recorded]:
        """Return all events of a subject, and those that its corrections correct."""
        events = {recorded.index: recorded for recorded, _ in self._world.chain(subject)}
        return [*self._handed(subject), *self._world.with_corrected(events)]

    def _handed(self, subject: str) -> list[Recorded]:
        return [] if self._before is None else self._before(subject)

    def last(self, subject: str) -> int:
        """Return the index of a subject's last event, -1 where it has none."""
        return self._world.slot(subject).last

    def organisation(self, identifier: str) -> Organisation | None:
        """Return a registered organisation, or an authority of the settings; one that was handed over."""
        found = self._world.organisation(identifier)
        if found is not None or not self._handed("organisation:" + identifier):
            return found
        state = self.state("organisation:" + identifier)
        return state if isinstance(state, Organisation) else None

    def battery(self, code: str) -> Battery | None:
        """Return the state of a battery."""
        state = self.state("battery:" + code)
        return state if isinstance(state, Battery) else None


class Family:
    """The tree of a battery's parts, predecessors and successors; each battery is unfolded once."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._seen: set[str] = set()

    def tree(self, code: str, depth: int) -> dict[str, Any]:
        """Return the node of one battery and, down to a depth, of its relatives."""
        state = self._lookup.battery(code)
        self._seen.add(code)
        node: dict[str, Any] = {"code": code, "level": parse(code).level}
        if state is None:
            return node
        claim = state.whereabouts
        node |= {"phase": state.phase, "end": state.end, "parent": claim.parent if claim else None}
        for name in ("parts", "predecessors", "successors"):
            node[name] = [self._relative(relative, depth) for relative in getattr(state, name)]
        return node

    def _relative(self, code: str, depth: int) -> dict[str, Any]:
        if depth <= 0 or code in self._seen or len(self._seen) >= MAX_FAMILY:
            return {"code": code, "level": parse(code).level}
        return self.tree(code, depth - 1)


def _aware(when: datetime) -> datetime:
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def unknown_battery(code: str) -> UnknownBattery:
    """Return the error for a code that the record does not know."""
    return UnknownBattery(
        "battery.unknown",
        f"The record does not know a battery {code}.",
        "Check the code on the label; a battery older than the record is brought in with `enrolled`.",
    )
