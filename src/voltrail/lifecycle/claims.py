"""
Where a battery is: claims, and how one event moves them.

A battery's whereabouts are a set of claims, one unless disputed. An event
applies to the claim it fits. When none fits, either steps not yet reported can
explain it, which is a gap, or the battery would be in two fixed places, which
is a conflict: a second claim stands beside the first until a late event or a
correction mends it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from voltrail.codes import parse
from voltrail.errors import CodeError
from voltrail.events import Event
from voltrail.lifecycle.state import Battery, Finding, Recorded, Whereabouts

FIXED: Final = frozenset({"in_parent", "in_vehicle", "in_swap_station", "in_storage_system"})
MAX_CLAIMS: Final = 8
MAX_FINDINGS: Final = 50

Fits = Callable[[Whereabouts], bool]


class Turn:
    """One event on one battery: what was, and what this event changes."""

    __slots__ = ("battery", "changes", "event", "index", "reporter", "when")

    def __init__(self, battery: Battery, recorded: Recorded) -> None:
        self.battery = battery
        self.event: Any = recorded.event
        self.when: datetime = recorded.event.occurred_at
        self.reporter = recorded.reporter
        self.index = recorded.index
        self.changes: dict[str, Any] = {}

    def at_reporter(self, site: str | None = None) -> Whereabouts:
        """Return the whereabouts in the reporter's stock."""
        return Whereabouts("in_stock", self.reporter, site=site, since=self.when)

    def find(self, kind: Any, rule: str, message: str, fix: str = "") -> None:
        """Add a finding that this event showed; the oldest fall off a long list."""
        findings = self.changes.get("findings", self.battery.findings)
        added = Finding(kind, rule, message, fix, self.index)
        self.changes["findings"] = (*findings, added)[-MAX_FINDINGS:]

    def begin(self, arrival: Whereabouts) -> None:
        """Begin the record, or dispute it when it has begun otherwise."""
        battery, event = self.battery, self.event
        first = battery.begun is None
        if first:
            self.changes["begun"], self.changes["begun_at"] = event.kind, self.when
        if not battery.claims:
            self.changes["claims"] = (arrival,)
        elif first and not battery.end and any(_same(claim, arrival) for claim in battery.claims):
            self._mend("lifecycle.not_begun")
        else:
            self._dispute(arrival, f"{event.kind}, though the record has {where(battery.claims[-1])}")

    def move(self, arrival: Whereabouts, fits: Fits, seen: Whereabouts | None = None) -> None:
        """
        Apply a place event: the claim that fits becomes `arrival`.

        `seen` is the fixed place in which the event finds the battery, when
        that is not where it leaves it.
        """
        claims = self.battery.claims
        if len(claims) == 1:
            if fits(claims[0]):
                self.changes["claims"] = (arrival,)
                return
        elif not claims:
            self._begin_late(arrival)
            return
        else:
            for position, claim in enumerate(claims):
                if fits(claim):
                    self._replace(position, arrival)
                    return
        self._unfit(arrival, seen or arrival)

    def stay(self) -> None:
        """Take an event that moves nothing: a battery must have begun, and not ended."""
        battery = self.battery
        if not battery.claims:
            self._begin_late(self.at_reporter())
        elif battery.end is not None and all(claim.place == "gone" for claim in battery.claims):
            self._dispute(self.at_reporter(), f"{self.event.kind} after the battery ended as {battery.end}")

    def ends(self, end: str) -> None:
        """Note that the battery ended."""
        self.changes.update(end=end, ended_at=self.when, phase="ended")
        if self.battery.phase != "ended":
            self.changes["phase_before_end"] = self.battery.phase

    def _begin_late(self, arrival: Whereabouts) -> None:
        """Begin with an event that is no beginning: for a pack, its making is not reported."""
        self.changes["claims"] = (arrival,)
        if self.event.kind in _BEGINS_PARTS and _is_part(self.battery.code):
            self.changes["begun"], self.changes["begun_at"] = self.event.kind, self.when
            return
        self.find(
            "gap",
            "lifecycle.not_begun",
            f"{self.event.kind} is the first that is known of {self.battery.code}.",
            "Its maker or importer has not reported `manufactured` or `imported`;"
            " a battery older than the record is enrolled.",
        )

    def _unfit(self, arrival: Whereabouts, seen: Whereabouts) -> None:
        """Take an event that fits no claim: a gap where steps not reported explain it, else a conflict."""
        latest = self.battery.claims[-1]
        if latest.place == "gone" and not (self.battery.end == "exported" and arrival.place != "gone"):
            said = f"{self.event.kind} after the battery ended as {self.battery.end}"
            self._dispute(arrival, said)
        elif seen.place in FIXED and latest.place in FIXED and _spot(seen) != _spot(latest):
            self._dispute(
                arrival, f"{self.event.kind} finds it {where(seen)}; the record has {where(latest)}"
            )
        else:
            rule, message, fix = _missing_step(latest, seen, self.event, self.reporter)
            self.find("gap", rule, message, fix)
            self._replace(len(self.battery.claims) - 1, arrival)
            if latest.place == "gone":
                self.back()

    def back(self) -> None:
        """Note that a battery that was away lives again."""
        self.changes.update(end=None, ended_at=None, phase=self.battery.phase_before_end or "original")

    def _dispute(self, arrival: Whereabouts, said: str) -> None:
        """Let a second claim stand beside the others."""
        claims = self.battery.claims
        self.changes["claims"] = _without_repeats((*claims, arrival))[-MAX_CLAIMS:]
        self.find(
            "conflict",
            "lifecycle.two_places",
            f"{self.battery.code}: {said}.",
            "Report the step between, or correct the event that is wrong; until then the place is disputed.",
        )

    def _replace(self, position: int, arrival: Whereabouts) -> None:
        """Put `arrival` in the place of one claim, as the latest; claims that became equal are one."""
        claims = self.battery.claims
        self.changes["claims"] = _without_repeats((*claims[:position], *claims[position + 1 :], arrival))

    def _mend(self, rule: str) -> None:
        """Take back the findings that this event answers."""
        left = tuple(finding for finding in self.battery.findings if finding.rule != rule)
        if len(left) != len(self.battery.findings):
            self.changes["findings"] = left


_BEGINS_PARTS: Final = frozenset({"assembled", "disassembled", "dismantled"})


def _is_part(code: str) -> bool:
    """Return whether a code says that it is a module or a cell."""
    try:
        return parse(code).level in {"module", "cell"}
    except CodeError:
        return False


def _same(one: Whereabouts, other: Whereabouts) -> bool:
    """Return whether two claims name the same place and holder, whatever the site."""
    return one.place == other.place and one.holder == other.holder and _spot(one) == _spot(other)


def _spot(claim: Whereabouts) -> tuple[str | None, ...]:
    """Return what identifies a fixed place."""
    station = claim.site if claim.place == "in_swap_station" else None
    return (claim.place, claim.vin, claim.parent, claim.system, station)


def _without_repeats(claims: tuple[Whereabouts, ...]) -> tuple[Whereabouts, ...]:
    """Return the claims, of equal ones only the last."""
    last = {claim.identity: claim for claim in claims}
    return claims if len(last) == len(claims) else tuple(last.values())


def where(claim: Whereabouts) -> str:
    """Return a claim in words."""
    match claim.place:
        case "in_vehicle":
            return f"in vehicle {claim.vin}"
        case "in_parent":
            return f"built into {claim.parent}"
        case "in_swap_station":
            return f"in swap station {claim.site}"
        case "in_storage_system":
            return f"in storage system {claim.system or claim.site}"
        case "in_transit":
            return f"on its way to {claim.to}"
        case "in_stock":
            return f"in stock at {claim.holder}"
        case _:
            return claim.place


def _missing_step(
    latest: Whereabouts, seen: Whereabouts, event: Event, reporter: str
) -> tuple[str, str, str]:
    """Return rule, message and fix for the step that must have been between, and who has not reported it."""
    said = f"{event.kind}, though the record has it {where(latest)}."
    match latest.place:
        case "in_vehicle" | "in_storage_system":
            return _gap("removal", said, f"`removed` by whoever took it out ({latest.holder or 'not known'})")
        case "in_parent":
            return _gap("disassembly", said, f"`disassembled` by whoever took it out of {latest.parent}")
        case "in_swap_station":
            return _gap("departure", said, f"`swapped` or `shipped` by {latest.holder}")
        case "in_transit":
            return _gap("receipt", said, f"`received` by {latest.to}")
        case "missing":
            return _gap("finding", said, f"`found` by {reporter}")
        case "gone":
            return _gap("import", said, f"`imported` by {reporter} or its importer")
        case _ if latest.holder != reporter:
            return _gap("handover", said, f"`shipped` by {latest.holder} and `received` by {reporter}")
        case _ if seen.place in FIXED:
            return _gap("installation", said, f"`installed` or `assembled`: {where(seen)}")
        case _:
            return _gap("handover", said, f"`shipped` to {reporter}")


def _gap(step: str, said: str, lacking: str) -> tuple[str, str, str]:
    """Return the words of a gap."""
    return f"lifecycle.{step}_not_reported", f"{said} Not reported: {lacking}.", f"Report the {step} late."
