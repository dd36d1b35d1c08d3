"""
How far a type of cell has come, by what was tested: campaigns, tests and stages of a model, from its chain.

`qualify` is a fold over the events of a model. It is asked by `judge` before a stage is granted, by pages,
and by whoever verifies a certificate offline: the same function over the same events, so nobody's word is
taken for a stage.

A test counts at a gate when it is whole by its protocol (`protocols.check`), was planned in a campaign,
passed, and was reported by who may show it. After a failure the count begins anew: only what passed later
counts, so that a failed sample cannot be outvoted by those that went before. A failure that the maker itself
corrected away holds the gate all the same. By the time things happened, not by when they were reported: the
order of reports decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from voltrail.errors import Refusal
from voltrail.events.kinds import CampaignOpened, ModelRegistered, StageGranted, TestReported
from voltrail.organisations.trust import Organisation, has_role
from voltrail.technology.gates import STAGES, Requirement, asked
from voltrail.technology.protocols import Remark, check

__all__ = [
    "STAGES",
    "Campaign",
    "Gate",
    "Grant",
    "Met",
    "Qualification",
    "Test",
    "Told",
    "Unsaid",
    "qualify",
]

PASSED: Final = frozenset({"passed", "measured"})
AUTHORITY: Final = frozenset({"authority"})
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
    same samples by the same protocol. `fails` says whether it holds a gate shut: a failure, whatever it
    is called while its results break a limit, and also one that its maker corrected away (`unsaid`).
    """

    __test__ = False

    index: int
    reporter: str
    event: TestReported
    parts: frozenset[str] = frozenset()
    remarks: tuple[Remark, ...] = ()
    again: tuple[int, ...] = ()
    unsaid: bool = False
    fails: bool = False

    @property
    def counts(self) -> bool:
        """Whether it may count at a gate."""
        whole = not self.unsaid and not any(one.spoils for one in self.remarks)
        return whole and self.event.outcome in PASSED and bool(self.parts)


class Unsaid(msgspec.Struct, frozen=True):
    """A test that was reported as failed and no longer says so, and its corrections from that one on."""

    test: Told
    corrections: tuple[Told, ...]


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
    def to_do(self) -> tuple[Met, ...]:
        """What lacks, once for each protocol: of several requirements the last, which asks for the most."""
        return tuple({one.requirement.protocol: one for one in self.lacking}.values())

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


def _gate(shown: Iterable[Test], stage: str, at: datetime, campaigns: Iterable[str] | None) -> Gate:
    named = None if campaigns is None else frozenset(campaigns)
    tests = [one for one in shown if one.event.occurred_at <= at]
    return Gate(
        stage,
        at,
        tuple(_met(one, tests, named if one.stage == stage else None) for one in asked(stage, at)),
    )


def _met(one: Requirement, tests: Iterable[Test], campaigns: frozenset[str] | None) -> Met:
    """
    Return how far a requirement is met.

    What failed counts where who reported it may show the requirement, and always where the maker did.
    """
    of_it = [test for test in tests if test.event.protocol == one.protocol]
    last = max(
        (test for test in of_it if test.fails and test.parts & (one.by | {"maker"})),
        key=lambda test: (test.event.occurred_at, test.index),
        default=None,
    )
    passed = [
        test
        for test in of_it
        if test.counts
        and test.parts & one.by
        and (campaigns is None or test.event.campaign in campaigns)
        and (last is None or test.event.occurred_at > last.event.occurred_at)
    ]
    samples = {code for test in passed for code in test.event.codes}
    entries = tuple(sorted(test.index for test in passed))
    return Met(one, len(samples), entries, None if last is None else last.index)


def qualify(
    model_id: str,
    events: Iterable[Told],
    organisation: Registered,
    unsaid: Iterable[Unsaid] = (),
) -> Qualification:
    """
    Return what the events of a model say of its qualification.

    `events` are those that count, in their order; `unsaid` the tests that failed and were corrected away.
    """
    return _Fold(model_id, list(events), organisation).qualification(unsaid)


class _Fold:
    """One pass over the events of a model."""

    def __init__(self, model_id: str, events: list[Told], organisation: Registered) -> None:
        self._model_id, self._events, self._organisation = model_id, events, organisation
        declared = (one.reporter for one in events if isinstance(one.event, ModelRegistered))
        self._maker = next(declared, None)
        self._opened: dict[str, Told] = {}
        self._planned: dict[str, set[str]] = {}
        self._before: dict[tuple[str, str], list[int]] = {}

    def qualification(self, unsaid: Iterable[Unsaid]) -> Qualification:
        """Return what the events say."""
        self._read_plans()
        tests: dict[str, list[Test]] = {name: [] for name in self._opened}
        for told in self._events:
            if isinstance(told.event, TestReported):
                tests.setdefault(told.event.campaign, []).append(self._test(told))
        for one in unsaid:
            tests.setdefault(one.test.event.campaign, []).append(self._unsaid(one))
        everything = [test for found in tests.values() for test in found]
        return Qualification(
            self._model_id,
            self._maker,
            tuple(self._campaign(name, found) for name, found in tests.items()),
            tuple(
                Grant(
                    told.index,
                    told.reporter,
                    told.event,
                    _gate(everything, told.event.stage, told.event.occurred_at, told.event.campaigns),
                )
                for told in self._events
                if isinstance(told.event, StageGranted)
            ),
        )

    def _parts(self, told: Told) -> frozenset[str]:
        """Return what a reporter was to the model when it happened."""
        if self._maker is None:
            return frozenset()
        if told.reporter == self._maker:
            return frozenset({"maker"})
        who = self._organisation(told.reporter)
        found = (("lab", LAB), ("vehicle_maker", VEHICLE_MAKER))
        return frozenset(
            name for name, role in found if who is not None and has_role(who, role, told.event.occurred_at)
        )

    def _read_plans(self) -> None:
        """Read what was planned; what those plan who may show nothing is shown, and lets nothing count."""
        plans = [one for one in self._events if isinstance(one.event, CampaignOpened)]
        theirs = [one for one in plans if self._parts(one)]
        for told in theirs:
            self._planned.setdefault(told.event.campaign, set()).update(told.event.codes)
        for told in (*theirs, *plans):
            self._opened.setdefault(told.event.campaign, told)

    def _campaign(self, name: str, tests: list[Test]) -> Campaign:
        begun = self._opened.get(name)
        if begun is None:
            return Campaign(name, None, None, None, tuple(tests))
        return Campaign(name, begun.index, begun.reporter, begun.event, tuple(tests))

    def _test(self, told: Told) -> Test:
        event: TestReported = told.event
        earlier = {index for code in event.codes for index in self._before.get((event.protocol, code), ())}
        for code in event.codes:
            self._before.setdefault((event.protocol, code), []).append(told.index)
        parts = self._parts(told)
        remarks = [*check(event), *self._unplanned(event)]
        if not parts:
            remarks.append(self._of_others(told))
        fails = event.outcome == "failed" or any(one.rule == "test.outcome" for one in remarks)
        again = tuple(sorted(earlier))
        return Test(told.index, told.reporter, event, parts, tuple(remarks), again, fails=fails)

    def _unsaid(self, one: Unsaid) -> Test:
        """Return a failure that was corrected away: of the maker's own, only the authority undoes one."""
        told, parts, first = one.test, self._parts(one.test), one.corrections[0]
        holds = "maker" in parts and not any(map(self._puts_right, one.corrections))
        remark = Remark(
            "test.unsaid",
            f"It failed, and {first.reporter} took that back in entry {first.index}."
            + (" The maker cannot unsay a failure: it counts until the samples pass anew." if holds else ""),
            "Test again; or let the authority put right what was reported by mistake." if holds else "",
            str(first.index),
        )
        return Test(told.index, told.reporter, told.event, parts, (remark,), (), unsaid=True, fails=holds)

    def _puts_right(self, told: Told) -> bool:
        who = self._organisation(told.reporter)
        return who is not None and has_role(who, AUTHORITY, told.event.occurred_at)

    def _unplanned(self, event: TestReported) -> Iterator[Remark]:
        """Yield what was tested without having been planned."""
        planned = self._planned.get(event.campaign)
        if planned is None:
            yield Remark(
                "test.campaign",
                f"No campaign {event.campaign} of {event.model_id} was opened by who may test it.",
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

    def _of_others(self, told: Told) -> Remark:
        return Remark(
            "test.reporter",
            f"{told.reporter} was neither the maker of {self._model_id} nor a testing laboratory or vehicle"
            " maker: its test is on record and fills no gate.",
            "Let the maker declare the model, or a testing laboratory test it.",
            told.reporter,
        )
