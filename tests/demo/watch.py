"""What is missing in a sample world, found without a database: by the same decisions as a registry's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime

from tests.demo.memory import Memory
from voltrail.demo import World
from voltrail.lifecycle import Battery, Finding, Recorded
from voltrail.lifecycle.missing import Case, cases_of, day_of, deeds_of, late_case
from voltrail.regimes import RULES
from voltrail.regimes.missing import TERMS, Suspicion, Tally, months, suspicions

TODAY = date(2026, 11, 1)


class Watched(Memory):
    """A record in memory that can be asked for what is missing in it."""

    def cases(self) -> list[Case]:
        """What stands open, whatever its term."""
        found = [case for one in self.log if (case := late_case(one, self.door(one))) is not None]
        for state in self.states.values():
            if isinstance(state, Battery):
                found += cases_of(state, self, RULES)
        return found

    def suspicions(self, today: date = TODAY) -> list[Suspicion]:
        """Who is under suspicion."""
        done: Counter[tuple[str, str, str, date]] = Counter()
        for one in self.log:
            month = day_of(one.event.occurred_at).replace(day=1)
            for deed in deeds_of(one, self.door(one), self.organisation(one.reporter), RULES):
                done[deed.kind, deed.organisation, deed.other, month] += deed.number
        open_ = Counter(
            (one.kind, one.organisation, one.other * (one.kind == "not_received"), one.at.replace(day=1))
            for one in self.cases()
        )
        tallies = []
        for key in done.keys() | open_.keys():
            first, last = months(TERMS[key[0]], today)
            if first <= key[3] <= last:
                tallies.append(Tally(*key, open_[key], done[key]))
        last_ms: dict[str, int] = {}
        for one in self.log:
            last_ms[one.reporter] = max(last_ms.get(one.reporter, 0), one.received_ms)

        def silent_since(organisation: str) -> date | None:
            if organisation not in last_ms:
                return date.min
            day = day_of(datetime.fromtimestamp(last_ms[organisation] / 1000, UTC))
            return day if (today - day).days > TERMS["not_received"].term_days else None

        return suspicions(
            tallies, TERMS, is_known=lambda one: self.organisation(one) is not None, silent_since=silent_since
        )

    def door(self, one: Recorded) -> Sequence[Finding]:
        """What was found when an event was taken."""
        return self.at_door.get(one.index, ())


def watched(world: World) -> Watched:
    """Return a record that has taken the whole world."""
    memory = Watched(world)
    for report in world.reports():
        memory.take(report)
    assert memory.refused == []
    return memory
