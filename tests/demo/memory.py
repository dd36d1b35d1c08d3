"""A record in memory: judges and folds every line as a registry would, without a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from voltrail.demo import Report, World
from voltrail.events import Event, batteries, decode, split, subjects
from voltrail.lifecycle import (
    Battery,
    Finding,
    Recorded,
    State,
    effective_events,
    fold,
    in_order,
    judge,
    step,
)
from voltrail.organisations.trust import Organisation, RolePeriod, key_for
from voltrail.regimes import RULES


class Memory:
    """
    A `lifecycle.World` of dictionaries; `take` reports to it.

    `found` are the findings of each line as it came, by rule and battery: the standing ones, and those that
    a late report has mended since; `judged` counts by rule what was found at the door.
    """

    def __init__(self, world: World) -> None:
        identifier = world.authority.verifier.holder
        since = datetime.fromisoformat("2000-01-01T00:00:00Z")
        self._authority = Organisation(identifier, roles=(RolePeriod("authority", since),))
        self.authority_key = world.authority.vkey
        self.received_ms = 0
        self.states: dict[str, State] = {}
        self.chains: dict[str, list[Recorded]] = {}
        self.log: list[Recorded] = []
        self.kinds: Counter[str] = Counter()
        self.refused: list[tuple[str, bytes]] = []
        self.found: set[tuple[str, str]] = set()
        self.judged: Counter[str] = Counter()
        self.at_door: dict[int, tuple[Finding, ...]] = {}
        self.disorder = 0

    def state(self, subject: str, /) -> State | None:
        return self.states.get(subject)

    def organisation(self, identifier: str, /) -> Organisation | None:
        state = self.states.get("organisation:" + identifier)
        known = state if isinstance(state, Organisation) and state.registered_at is not None else None
        if identifier == self._authority.identifier:
            known = known or self._authority
            return replace(known, roles=(*known.roles, *self._authority.roles))
        return known

    def events(self, subject: str, /) -> Sequence[Recorded]:
        return effective_events(self.chains.get(subject, ()), subject)

    def recorded(self, index: int, /) -> Recorded | None:
        return self.log[index] if index < len(self.log) else None

    def take(self, report: Report) -> None:
        self._check_signer(report)
        assert report.received_ms >= self.received_ms
        self.received_ms = report.received_ms
        reporter = report.signer.verifier.holder
        for line in report.lines:
            split(line)
            event = decode(line)
            verdict = judge(event, reporter, self.received_ms, self, RULES)
            if verdict.refusal is not None:
                self.refused.append((f"{verdict.refusal.rule}: {verdict.refusal.message}", line))
                continue
            if verdict.findings:
                self.at_door[len(self.log)] = verdict.findings
            self.judged.update(finding.rule for finding in verdict.findings)
            self.found |= {
                (one.rule, code) for one in verdict.findings for code in _named(one.message, event)
            }
            self._fold(event, reporter)

    def _check_signer(self, report: Report) -> None:
        holder, _, key_id = report.signer.name.rpartition("/")
        organisation = self.organisation(holder)
        assert organisation is not None
        if report.signer.vkey != self.authority_key:
            assert key_for(organisation, key_id, len(self.log)) is not None, report.signer.name

    def _fold(self, event: Event, reporter: str) -> None:
        recorded = Recorded(len(self.log), event, reporter, self.received_ms)
        self.log.append(recorded)
        self.kinds[event.kind] += 1
        for subject in subjects(event):
            chain = self.chains.setdefault(subject, [])
            chain.append(recorded)
            state = self.states.get(subject)
            if in_order(state, recorded):
                after = step(subject, state, recorded)
            else:
                self.disorder += 1
                after = fold(subject, chain)
            assert after is not None
            self.states[subject] = after
            if isinstance(after, Battery):
                new = (finding for finding in after.findings if finding.index == recorded.index)
                self.found |= {(finding.rule, after.code) for finding in new}

    @property
    def standing(self) -> set[tuple[str, str]]:
        """What the record shows in the end: rule and battery."""
        known = (state for state in self.states.values() if isinstance(state, Battery))
        return {(finding.rule, one.code) for one in known for finding in one.findings}


def _named(message: str, event: Event) -> list[str]:
    """Return the batteries of an event that a finding names; all of them where it names none."""
    codes = batteries(event)
    return [code for code in codes if code in message] or list(codes)


def remembered(world: World) -> Memory:
    """Return a record that has taken the whole world."""
    memory = Memory(world)
    for report in world.reports():
        memory.take(report)
    return memory
