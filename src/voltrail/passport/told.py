"""A passport as one reader sees it: what every output is written from."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from voltrail.events.points import Value
from voltrail.passport.compose import Known, Passport


class Told(msgspec.Struct, frozen=True):
    """
    A passport as far as a reader sees it; `withheld` names the points that it has and they do not see.

    `whole` is the passport itself, for counting what it lacks.
    """

    values: Mapping[str, Known]
    withheld: tuple[str, ...]
    whole: Passport

    def shown(self, barred: Collection[str]) -> dict[str, Value]:
        """Return the values for a document, without those that must not stand in it."""
        return {name: one.value for name, one in self.values.items() if name not in barred}

    def hidden(self, barred: Collection[str]) -> tuple[str, ...]:
        """Return the points that the document could have and the reader does not see."""
        return tuple(name for name in self.withheld if name not in barred)
