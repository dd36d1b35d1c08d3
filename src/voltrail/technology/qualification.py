"""
How far a type of cell has come, by what was tested: campaigns, tests and stages of a model, from its chain.

`qualify` is a fold over the events of a model. It is asked by `judge` before a stage is granted, by pages,
and by whoever verifies a certificate offline: the same function over the same events, so nobody's word is
taken for a stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

import msgspec

from voltrail.errors import Refusal
from voltrail.events.kinds import CampaignOpened, StageGranted, TestReported

STAGES: Final = ("laboratory", "prototype", "pilot_line", "vehicle_trial", "small_batch", "mass_production")
"""From the laboratory to the line, in this order."""


class Told(Protocol):
    """An event on record: what was said, by whom, and its entry; `lifecycle.Recorded` is one."""

    @property
    def event(self) -> Any: ...  # noqa: D102
    @property
    def reporter(self) -> str: ...  # noqa: D102
    @property
    def index(self) -> int: ...  # noqa: D102


class Test(msgspec.Struct, frozen=True):
    """A test on record: the entry that holds it, who reported it, and what was said."""

    __test__ = False

    index: int
    reporter: str
    event: TestReported


class Campaign(msgspec.Struct, frozen=True):
    """A campaign on record with its tests; `opened` is None where only its tests are on record."""

    campaign: str
    index: int | None
    reporter: str | None
    opened: CampaignOpened | None
    tests: tuple[Test, ...] = ()

    @property
    def outstanding(self) -> tuple[str, ...]:
        """Return the protocols that were planned and of which nothing is on record."""
        done = {one.event.protocol for one in self.tests}
        return tuple(one for one in (self.opened.protocols if self.opened else ()) if one not in done)


class Grant(msgspec.Struct, frozen=True):
    """A stage granted: the entry, by whom, and what was said."""

    index: int
    reporter: str
    event: StageGranted


class Qualification(msgspec.Struct, frozen=True):
    """What the record says of a model's way from the laboratory to the line."""

    model_id: str
    campaigns: tuple[Campaign, ...] = ()
    grants: tuple[Grant, ...] = ()

    @property
    def stage(self) -> str | None:
        """Return the furthest stage granted; None where none was."""
        return max((one.event.stage for one in self.grants), key=STAGES.index, default=None)

    def refusal(self, event: StageGranted) -> Refusal | None:
        """Return why the stage cannot be granted, or None."""
        known = {one.campaign for one in self.campaigns}
        for name in event.campaigns:
            if name not in known:
                return Refusal(
                    "stage.campaign",
                    f"There is no campaign {name} of {event.model_id} on record.",
                    "Report campaign_opened and its tests first, or name the campaign that is meant.",
                    source="docs/events.md",
                )
        return None


def qualify(model_id: str, events: Sequence[Told] | Iterable[Told]) -> Qualification:
    """Return what the events of a model, those that count and in their order, say of its qualification."""
    opened: dict[str, Told] = {}
    tests: dict[str, list[Test]] = {}
    grants = []
    for told in events:
        event = told.event
        if isinstance(event, CampaignOpened):
            opened.setdefault(event.campaign, told)
            tests.setdefault(event.campaign, [])
        elif isinstance(event, TestReported):
            tests.setdefault(event.campaign, []).append(Test(told.index, told.reporter, event))
        elif isinstance(event, StageGranted):
            grants.append(Grant(told.index, told.reporter, event))
    campaigns = tuple(
        Campaign(
            name,
            begun.index if (begun := opened.get(name)) else None,
            begun.reporter if begun else None,
            begun.event if begun else None,
            tuple(found),
        )
        for name, found in tests.items()
    )
    return Qualification(model_id, campaigns, tuple(grants))
