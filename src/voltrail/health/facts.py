"""What the record says of one battery, as a decision on its use needs it; nothing is filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

import msgspec

from voltrail.codes import parse
from voltrail.health.normal import Normal, within
from voltrail.lifecycle import Battery, Model, Recorded
from voltrail.lifecycle.transport import travel_state
from voltrail.regimes.deadlines import CHINA
from voltrail.regimes.rules import Travels


class Assessment(msgspec.Struct, frozen=True):
    """A quantity that an `assessed` event gives, as an interval of 95 %, and that event's entry."""

    low: float
    high: float
    index: int

    @property
    def normal(self) -> Normal:
        """Return it as mean and standard deviation."""
        return within(self.low, self.high)


class Decided(msgspec.Struct, frozen=True):
    """
    What was decided last: the decision, the entry, when, whether a test was ordered and is still awaited.

    `reporter` is None for who may not know who said it.
    """

    decision: str
    index: int
    at: datetime
    reporter: str | None
    test_awaited: bool
    reasons: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """
    What is known of a battery.

    `gaps` are the open gaps of its record, `incidents` what happened to it with the entries. Since it was
    last retired: `test` is what was done to know its state of health, which is None where a measurement
    since then `contradicted` it; `looked_at` whether somebody who looked at it says as what it `travels`.
    `elements_kg` is what its model is made of, by element, where that was declared.
    """

    code: str
    level: str
    has_code: bool
    is_retired: bool
    end: str | None = None
    is_disputed: bool = False
    right: str | None = None
    begun: bool = True
    history_before: str | None = None
    gaps: int = 0
    made_on: date | None = None
    model_id: str | None = None
    chemistry: str | None = None
    energy_kwh: float | None = None
    mass_kg: float | None = None
    elements_kg: Mapping[str, float] | None = None
    campaigns: tuple[str, ...] = ()
    incidents: tuple[tuple[str, int], ...] = ()
    soh: Assessment | None = None
    life: Assessment | None = None
    test: str | None = None
    contradicted: bool = False
    travels: Travels = "normal"
    looked_at: bool = False
    decided: Decided | None = None

    @property
    def waits(self) -> bool:
        """Whether somebody still has to decide what becomes of it."""
        return self.is_retired and (self.decided is None or self.decided.test_awaited)


TESTS: Final = ("none", "visual", "electrical", "capacity")
"""What may have been done to know the state of a battery, the least first."""


def facts_of(battery: Battery, life: Iterable[Recorded], model: Model | None) -> Facts:
    """Return what is known of a battery from its state, its events that count, in order, and its model."""
    code = parse(battery.code)
    given: dict[str, Any] = {"made_on": code.production_date, "incidents": []}
    life = tuple(life)
    for recorded in life:
        read = _READ.get(recorded.event.kind)
        if read is not None:
            read(given, recorded)
    given["incidents"] = tuple(given["incidents"])
    if given.get("contradicted"):
        given["soh"] = None
    if model is not None:
        given.setdefault("energy_kwh", model.energy_kwh)
        given.setdefault("mass_kg", model.mass_kg)
        given |= {"chemistry": model.chemistry, "elements_kg": model.composition}
    return Facts(
        code=battery.code,
        level=code.level,
        has_code=code.organisation is None,
        is_retired=battery.phase == "waste",
        end=battery.end,
        is_disputed=battery.place == "disputed",
        right=battery.right if battery.right != battery.code else None,
        begun=battery.begun is not None,
        history_before=battery.history_before,
        gaps=sum(finding.kind == "gap" for finding in battery.findings),
        model_id=battery.model_id,
        campaigns=battery.campaigns,
        travels=travel_state(life).state,
        **given,
    )


def _made(given: dict[str, Any], recorded: Recorded) -> None:
    event: Any = recorded.event
    given["made_on"] = event.occurred_at.astimezone(CHINA).date()
    for name in ("energy_kwh", "mass_kg"):
        if getattr(event, name) is not None:
            given[name] = getattr(event, name)


def _enrolled(given: dict[str, Any], recorded: Recorded) -> None:
    event: Any = recorded.event
    if event.manufactured_on is not None:
        given["made_on"] = date.fromisoformat(event.manufactured_on)


def _happened(given: dict[str, Any], recorded: Recorded) -> None:
    event: Any = recorded.event
    given["incidents"].append((event.incident, recorded.index))
    given["looked_at"] = event.transport is not None  # who looked before knows nothing of it


def _measured(given: dict[str, Any], recorded: Recorded) -> None:
    event: Any = recorded.event
    soh = given.get("soh")
    if event.soh_fraction is not None and soh is not None:
        low, high = (event.soh_fraction if end is None else end for end in (event.soh_low, event.soh_high))
        given["contradicted"] = high < soh.low or low > soh.high


def _retired(given: dict[str, Any], _: Recorded) -> None:
    """Begin anew: what was found before it went into use once more says nothing of it now."""
    for name in ("soh", "life", "test", "contradicted", "looked_at", "decided"):
        given.pop(name, None)


def _assessed(given: dict[str, Any], recorded: Recorded) -> None:
    event: Any = recorded.event
    if event.soh_low is not None:
        given["soh"] = Assessment(event.soh_low, event.soh_high, recorded.index)
        given |= {"test": event.test, "contradicted": False}
    if event.life_years_low is not None:
        given["life"] = Assessment(event.life_years_low, event.life_years_high, recorded.index)
    if event.transport is not None:
        given["looked_at"] = True
    given["decided"] = Decided(
        event.decision,
        recorded.index,
        event.occurred_at,
        recorded.reporter,
        event.test_ordered is not None,
        event.reasons,
    )


_READ: Final = {
    "manufactured": _made,
    "enrolled": _enrolled,
    "incident_reported": _happened,
    "measured": _measured,
    "retired": _retired,
    "assessed": _assessed,
}
