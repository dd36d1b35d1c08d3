"""
Decisions on retired batteries, by the record: what is known of one, and which of an organisation's wait.

Whoever may see how worn a battery is may see what should become of it: it follows from nothing else that is
not public.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

import msgspec

from voltrail.codes import parse
from voltrail.database.database import Connection, Database
from voltrail.errors import AccessError
from voltrail.health.decision import Decision, decide
from voltrail.health.facts import Facts, facts_of
from voltrail.health.policy import POLICY, Policy
from voltrail.lifecycle import Model, effective_events
from voltrail.organisations.access import BATTERY, PUBLIC, Reader, Sight
from voltrail.registry.holdings import Holdings, Wanted
from voltrail.registry.lookup import Lookup, unknown_battery
from voltrail.registry.rulebook import Rulebook
from voltrail.registry.sights import Sights, Sinces

WAITING: Final = Wanted(phase="waste")
_LOOKED_AT_ONCE: Final = 100
_MOST_LOOKED_AT: Final = 1_000  # batteries for one page; a longer way is gone page by page


class Decisions:
    """What should become of retired batteries; threads may share it."""

    def __init__(
        self,
        database: Database,
        authorities: frozenset[str],
        sinces: Sinces,
        rulebook: Rulebook,
        holdings: Holdings,
    ) -> None:
        self._database, self._authorities, self._sinces = database, authorities, sinces
        self._rulebook, self._holdings = rulebook, holdings

    def of(
        self, code: str, day: date, reader: Reader = PUBLIC, policy: Policy = POLICY
    ) -> tuple[Facts, Decision]:
        """
        Return what is known of a battery and what should become of it, on a day, by a policy.

        Raises CodeError, UnknownBattery, AccessError (`access.condition`).
        """
        text = parse(code).text
        with self._database.pool.connection() as connection:
            found = next(self.all_of(connection, [text], day, reader, policy))
        if found is None:
            raise condition_hidden()
        return found

    def all_of(
        self,
        connection: Connection,
        codes: Iterable[str],
        day: date,
        reader: Reader,
        policy: Policy = POLICY,
    ) -> Iterator[tuple[Facts, Decision] | None]:
        """Yield the same for each of several; None for one whose condition the reader may not see."""
        lookup = Lookup(connection, self._authorities, None, None)
        sights = Sights(connection, self._authorities, self._sinces)
        rules = self._rulebook.rules().all
        for code in codes:
            if lookup.battery(code) is None:
                raise unknown_battery(code)
            sight = sights.sight(code, reader)
            if not sight.state().see(BATTERY, "soh_fraction"):
                yield None
                continue
            facts = facts_in(lookup, code)
            yield _as_seen(facts, sight), decide(facts, policy, rules, day)

    def waiting(
        self, reader: Reader, limit: int, day: date, after: str | None = None
    ) -> tuple[list[tuple[Facts, Decision]], str | None]:
        """
        Return the retired batteries of an organisation that wait for a decision, and the next `after`.

        In the order of their codes. Those that it may not see are left out: several say to have them.
        """
        found: list[tuple[Facts, Decision]] = []
        organisation = reader.organisation or ""
        looked_at = 0
        while True:
            held, following = self._holdings.page(organisation, WAITING, _LOOKED_AT_ONCE, after)
            looked_at += len(held)
            with self._database.pool.connection() as connection:
                for one, weighed in zip(
                    held, self.all_of(connection, [one.code for one in held], day, reader), strict=True
                ):
                    after = one.code
                    if weighed is not None and weighed[0].waits:
                        found.append(weighed)
                    if len(found) == limit:
                        is_last = following is None and one is held[-1]
                        return found, None if is_last else after
            if following is None or looked_at >= _MOST_LOOKED_AT:
                return found, following


def condition_hidden() -> AccessError:
    """Return the error for who may not see how worn a battery is, nor what follows from it."""
    return AccessError(
        "access.condition",
        "How worn a battery is, and so what should become of it, is not public.",
        "Sign in as its holder or owner, as who has a grant of theirs, or as the authority.",
    )


def facts_in(lookup: Lookup, code: str) -> Facts:
    """Return what the record says of a battery. Raises UnknownBattery."""
    state = lookup.battery(code)
    if state is None:
        raise unknown_battery(code)
    subject = "battery:" + code
    model = lookup.state("model:" + state.model_id) if state.model_id else None
    life = effective_events(lookup.chain(subject), subject)
    return facts_of(state, life, model if isinstance(model, Model) else None)


def _as_seen(facts: Facts, sight: Sight) -> Facts:
    """Return what is known without who decided last, where the reader may not know that."""
    last = facts.decided
    if last is None or last.reporter is None:
        return facts
    eyes = sight.event("assessed", last.index, int(last.at.timestamp() * 1000), last.reporter)
    if eyes.see(BATTERY, "reporter"):
        return facts
    return msgspec.structs.replace(facts, decided=msgspec.structs.replace(last, reporter=None))
