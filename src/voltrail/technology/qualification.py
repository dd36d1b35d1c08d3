"""
How far a type of cell has come, by what was tested: campaigns, tests and stages of a model, from its chain.

`qualify` is a fold over the events of a model. It is asked by `judge` before a stage is granted, by pages,
and by whoever verifies a certificate offline: the same function over the same events, so nobody's word is
taken for a stage.

A test counts at a gate when it is whole by its protocol (`protocols.check`), was planned in a campaign,
passed, and was reported by who may show it. After a failure the count begins anew: only what passed later
counts, so that a failed sample cannot be outvoted by those that went before. By the time things happened, not
by when they were reported: the order of reports decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from voltrail.errors import Refusal
from voltrail.events.kinds import CampaignOpened, ModelRegistered, StageGranted, TestReported
from voltrail.organisations.trust import Organisation, has_role
from voltrail.technology.gates import STAGES, Requirement, asked
from voltrail.technology.protocols import Remark, check

__all__ = ["STAGES", "Campaign", "Gate", "Grant", "Met", "Qualification", "Test", "Told", "qualify"]

PASSED: Final = frozenset({"passed", "measured"})
LAB: Final = frozenset({"testing_lab"})
VEHICLE_MAKER: Final = frozenset({"vehicle_maker"})

Registered = Callable[[str], Organisation | None]
"""What gives an organisation by its identifier, with its roles; None for one that is not registered."""


class Told(Protocol):
    """An event on record: what was said, by whom, and its entry; `lifecycle.Recorded` is one."""

    @property
    def event(self) -> Any: ...  # noqa: D102
    @property
    def reporter(self) -> str: ...  # noqa: D102
    @property
    def index(self) -> int: ...  # noqa: D102


class Test(msgspec.Struct, frozen=True):
    """
    A test on record: the entry that holds it, who reported it, and what was said.

    `parts` is what the reporter was to the model: maker, vehicle_maker, lab; nothing for others, whose tests
    count at no gate. `remarks` are what is wrong with it; `again` the entries of the tests before it, of the
    same samples by the same protocol.
    """

    __test__ = False

    index: int
    reporter: str
    event: TestReported
    parts: frozenset[str] = frozenset()
    remarks: tuple[Remark, ...] = ()
    again: tuple[int, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it may count at a gate."""
        return (
            self.event.outcome in PASSED and bool(self.parts) and not any(one.spoils for one in self.remarks)
        )


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


class Met(msgspec.Struct, frozen=True):
    """A requirement, on how many samples it was passed, and the entries that show it."""

    requirement: Requirement
    samples: int
    entries: tuple[int, ...]
    failed: int | None = None
    """The entry of the last failure, after which the count began anew."""

    @property
    def met(self) -> bool:
        """Whether there are enough samples."""
        return self.samples >= self.requirement.samples

    @property
    def lacks(self) -> str:
        """What to do, in words; empty when nothing."""
        if self.met:
            return ""
        one = self.requirement
        anew = f", since it failed in entry {self.failed}" if self.failed is not None else ""
        return (
            f"{one.protocol}: {self.samples} of {one.samples} samples{anew}; to be passed by"
            f" {' or '.join(WHO[name] for name in sorted(one.by))}"
        )


WHO: Final = {
    "maker": "the maker",
    "vehicle_maker": "a vehicle maker",
    "lab": "a testing laboratory that is not the maker",
}


class Gate(msgspec.Struct, frozen=True):
    """The gate of a stage at a time: its requirements and those of the stages before it."""

    stage: str
    at: datetime
    requirements: tuple[Met, ...]

    @property
    def lacking(self) -> tuple[Met, ...]:
        """The requirements that are not met."""
        return tuple(one for one in self.requirements if not one.met)

    @property
    def open(self) -> bool:
        """Whether all is met."""
        return not self.lacking


class Grant(msgspec.Struct, frozen=True):
    """
    A stage granted: the entry, by whom, and what was said.

    `gate` is the gate at the time of the grant, by what counts now: a grant whose gate is not open rests on
    what no longer stands.
    """

    index: int
    reporter: str
    event: StageGranted
    gate: Gate

    @property
    def stands(self) -> bool:
        """Whether what it was granted on still stands."""
        return self.gate.open


class Qualification(msgspec.Struct, frozen=True):
    """What the record says of a model's way from the laboratory to the line; `maker` declared the model."""

    model_id: str
    maker: str | None = None
    campaigns: tuple[Campaign, ...] = ()
    grants: tuple[Grant, ...] = ()

    @property
    def stage(self) -> str | None:
        """Return the furthest stage granted on what still stands; None where none was."""
        standing = (one.event.stage for one in self.grants if one.stands)
        return max(standing, key=STAGES.index, default=None)

    @property
    def following(self) -> str | None:
        """Return the stage after the one reached; None at the end."""
        reached = -1 if self.stage is None else STAGES.index(self.stage)
        return STAGES[reached + 1] if reached + 1 < len(STAGES) else None

    @property
    def tests(self) -> tuple[Test, ...]:
        """All tests, by campaign."""
        return tuple(test for campaign in self.campaigns for test in campaign.tests)

    def gate(self, stage: str, at: datetime, campaigns: Iterable[str] | None = None) -> Gate:
        """
        Return which requirements of a stage, and of those before it, are met by what was tested up to a time.

        With `campaigns` only their tests count for the stage itself, as a grant names them.
        """
        return _gate(self.tests, stage, at, campaigns)

    def refusal(self, event: StageGranted, reporter: str) -> Refusal | None:
        """Return why the stage cannot be granted by this reporter, or None."""
        known = {one.campaign for one in self.campaigns}
        for name in event.campaigns:
            if name not in known:
                return Refusal(
                    "stage.campaign",
                    f"There is no campaign {name} of {event.model_id} on record.",
                    "Report campaign_opened and its tests first, or name the campaign that is meant.",
                    source="docs/events.md",
                )
        if reporter == self.maker:
            return Refusal(
                "stage.own",
                f"{reporter} makes {event.model_id}: nobody grants a stage to what he makes.",
                "Ask a testing laboratory that is not the maker, or the authority.",
                source="docs/guides/pilot-line.md",
            )
        lacking = self.gate(event.stage, event.occurred_at, event.campaigns).lacking
        if lacking:
            return Refusal(
                "stage.gate",
                f"The gate of {event.stage} lacks {len(lacking)} of what it asks for. {lacking[0].lacks}.",
                f"Test and report what lacks: `voltrail technology qualify MODEL --stage {event.stage}`",
                source="technology/gates.csv",
            )
        return None


def _gate(tests: tuple[Test, ...], stage: str, at: datetime, campaigns: Iterable[str] | None) -> Gate:
    named = None if campaigns is None else frozenset(campaigns)
    met = []
    for one in asked(stage, at):
        within = [
            test for test in tests if test.event.protocol == one.protocol and test.event.occurred_at <= at
        ]
        only = named if one.stage == stage else None
        met.append(_met(one, within, only))
    return Gate(stage, at, tuple(met))


def _met(one: Requirement, tests: list[Test], campaigns: frozenset[str] | None) -> Met:
    """
    Return how far a requirement is met.

    What failed counts where who reported it may show the requirement, and always where the maker did.
    """
    last = max(
        (test for test in tests if test.event.outcome == "failed" and test.parts & (one.by | {"maker"})),
        key=lambda test: (test.event.occurred_at, test.index),
        default=None,
    )
    passed = [
        test
        for test in tests
        if test.counts
        and test.parts & one.by
        and (campaigns is None or test.event.campaign in campaigns)
        and (last is None or test.event.occurred_at > last.event.occurred_at)
    ]
    samples = {code for test in passed for code in test.event.codes}
    return Met(
        one, len(samples), tuple(sorted(test.index for test in passed)), None if last is None else last.index
    )


def qualify(model_id: str, events: Iterable[Told], organisation: Registered) -> Qualification:
    """Return what the events of a model, those that count and in their order, say of its qualification."""
    chain = list(events)
    maker = next((one.reporter for one in chain if isinstance(one.event, ModelRegistered)), None)

    def parts(told: Told) -> frozenset[str]:
        """Return what a reporter was to the model when it happened."""
        if told.reporter == maker:
            return frozenset({"maker"})
        who, when = organisation(told.reporter), told.event.occurred_at
        if who is None or maker is None:
            return frozenset()
        found = (("lab", LAB), ("vehicle_maker", VEHICLE_MAKER))
        return frozenset(name for name, role in found if has_role(who, role, when))

    opened: dict[str, Told] = {}
    planned: dict[str, set[str]] = {}
    for told in chain:
        if isinstance(told.event, CampaignOpened) and parts(told):
            opened.setdefault(told.event.campaign, told)
            planned.setdefault(told.event.campaign, set()).update(told.event.codes)
    tests: dict[str, list[Test]] = {name: [] for name in opened}
    before: dict[tuple[str, str], list[int]] = {}
    for told in chain:
        if isinstance(told.event, TestReported):
            tests.setdefault(told.event.campaign, []).append(_test(told, parts(told), planned, before))
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
    everything = tuple(test for one in campaigns for test in one.tests)
    grants = tuple(
        Grant(
            told.index,
            told.reporter,
            told.event,
            _gate(everything, told.event.stage, told.event.occurred_at, told.event.campaigns),
        )
        for told in chain
        if isinstance(told.event, StageGranted)
    )
    return Qualification(model_id, maker, campaigns, grants)


def _test(
    told: Told,
    parts: frozenset[str],
    planned: dict[str, set[str]],
    before: dict[tuple[str, str], list[int]],
) -> Test:
    event: TestReported = told.event
    again = sorted({index for code in event.codes for index in before.get((event.protocol, code), ())})
    for code in event.codes:
        before.setdefault((event.protocol, code), []).append(told.index)
    remarks = [*check(event), *_unplanned(event, planned.get(event.campaign))]
    if not parts:
        remarks.append(
            Remark(
                "test.reporter",
                f"{told.reporter} is neither the maker of {event.model_id} nor a testing laboratory or"
                " vehicle maker: its test is on record and fills no gate.",
                "Let the maker declare the model, or a testing laboratory test it.",
                told.reporter,
            )
        )
    return Test(told.index, told.reporter, event, parts, tuple(remarks), tuple(again))


def _unplanned(event: TestReported, planned: set[str] | None) -> Iterable[Remark]:
    """Yield what was tested without having been planned."""
    if planned is None:
        yield Remark(
            "test.campaign",
            f"No campaign {event.campaign} of {event.model_id} was opened.",
            "Report campaign_opened: what is planned beforehand cannot be picked afterwards.",
            event.campaign,
        )
    elif outside := [code for code in event.codes if code not in planned]:
        yield Remark(
            "test.sample",
            f"{len(outside)} samples are not in the campaign {event.campaign}: {outside[0]}.",
            "Correct the code, or open a campaign with these samples.",
            outside[0],
        )
