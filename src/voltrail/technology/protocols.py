"""
Protocols of tests, as data: what a test must state before it counts, and the limits that decide it.

`protocols.toml` has each with its limits, their sources and how sure they are. A limit that is a draft, or
that only memory has, is shown as not configured and never counts against anybody.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from importlib.resources import files
from typing import Final, Literal

import msgspec

from voltrail.events.kinds import TestReported

Standing = Literal["rule", "custom", "recalled"]


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be stated of how it was tested: the unit, and within which bounds it must lie, if any."""

    unit: str
    low: float | None = None
    high: float | None = None

    def holds(self, value: float) -> bool:
        """Return whether a value is within the bounds."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    @property
    def bounds(self) -> str:
        """The bounds in words and figures; empty where there are none."""
        given = [(sign, one) for sign, one in (("≥", self.low), ("≤", self.high)) if one is not None]
        figure = " … ".join(f"{one:g}" for _, one in given)
        sign = f"{given[0][0]} " if len(given) == 1 else ""
        return f"{sign}{figure} {self.unit if self.unit != '1' else ''}".strip()


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A limit on a metric, from a day on, with its source; it counts only while it is in force."""

    metric: str
    is_: Literal["at_least", "at_most", "below"] = msgspec.field(name="is")
    value: float
    source: str
    standing: Literal["in_force", "draft", "recalled"]
    valid_from: date | None = None

    def counts(self, when: datetime) -> bool:
        """Return whether it is in force on the day of a test."""
        return self.standing == "in_force" and (self.valid_from is None or when.date() >= self.valid_from)

    def holds(self, value: float) -> bool:
        """Return whether a value keeps it."""
        if self.is_ == "at_least":
            return value >= self.value
        return value <= self.value if self.is_ == "at_most" else value < self.value

    @property
    def words(self) -> str:
        """The limit as a sign and a figure, such as `≤ 0.005`."""
        return f"{ {'at_least': '≥', 'at_most': '≤', 'below': '<'}[self.is_] } {self.value:g}"


class TestProtocol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    How something is tested.

    `metrics` are what its results hold for each sample or for all, with their units; `samples` the fewest
    that one report is about; `raw` what the files are whose digests it gives.
    """

    __test__ = False

    name: str
    name_zh: str
    standing: Standing
    raw: str
    raw_zh: str
    samples: int
    metrics: dict[str, str]
    conditions: dict[str, Condition]
    limits: tuple[Limit, ...] = ()


class Remark(msgspec.Struct, frozen=True):
    """
    What is wrong with a test as it was reported: `about` names the metric, condition or sample.

    One that `spoils` the test keeps it from counting at any gate; it stays on record and visible.
    """

    rule: str
    message: str
    fix: str
    about: str = ""
    spoils: bool = True


def _read() -> dict[str, TestProtocol]:
    text = files(__package__).joinpath("protocols.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, TestProtocol])


PROTOCOLS: Final = _read()


def check(test: TestReported) -> tuple[Remark, ...]:
    """Return what keeps a test from being one by its protocol; nothing for one that is whole."""
    protocol = PROTOCOLS.get(test.protocol)
    if protocol is None:
        return (
            Remark(
                "test.protocol",
                f"No protocol here is called {test.protocol}: its results are on record and fill no gate.",
                "See `voltrail technology protocols`; one's own protocols may be reported all the same.",
                test.protocol,
            ),
        )
    return (
        *_stated(test, protocol),
        *_measured(test, protocol),
        *_decided(test, protocol),
        *_documented(test, protocol),
    )


def _stated(test: TestReported, protocol: TestProtocol) -> Iterator[Remark]:
    """Yield the conditions that are not stated, or not those of the protocol."""
    for name, condition in protocol.conditions.items():
        value = (test.conditions or {}).get(name)
        if value is None:
            yield Remark(
                "test.condition",
                f"{test.protocol} does not state {name} ({condition.unit}).",
                "Correct the report: give it among the conditions.",
                name,
            )
        elif not condition.holds(value):
            yield Remark(
                "test.condition_bounds",
                f"{test.protocol} was tested at {name} {value:g}; it asks for {condition.bounds}.",
                "Report it under the protocol that it was tested by, or test again.",
                name,
            )


def _measured(test: TestReported, protocol: TestProtocol) -> Iterator[Remark]:
    """Yield the metrics without a value of some sample, and that too few samples were tested."""
    if test.outcome == "aborted":
        return  # broken off: what was measured until then is what there is
    of_all = {one.metric for one in test.results if one.code is None}
    of_each = {(one.metric, one.code) for one in test.results}
    for metric, unit in protocol.metrics.items():
        missing = [code for code in test.codes if (metric, code) not in of_each]
        if missing and metric not in of_all:
            yield Remark(
                "test.metric",
                f"{test.protocol} has no {metric} ({unit}) of {len(missing)} of {len(test.codes)} samples.",
                "Correct the report: give it for each sample, or once for all without code.",
                metric,
            )
    if len(set(test.codes)) < protocol.samples:
        yield Remark(
            "test.samples",
            f"{test.protocol} was tested on {len(set(test.codes))} samples; one report of it is about"
            f" at least {protocol.samples}.",
            "Test more samples, and report them together.",
        )


def _decided(test: TestReported, protocol: TestProtocol) -> Iterator[Remark]:
    """Yield where the outcome does not follow from the results by the limits that count."""
    if test.outcome == "failed":
        return  # whoever says so of his own tests has his reasons, and it opens nothing
    for limit in protocol.limits:
        if not limit.counts(test.occurred_at):
            continue
        broken = [one for one in test.results if one.metric == limit.metric and not limit.holds(one.value)]
        if broken and test.outcome != "aborted":
            yield Remark(
                "test.outcome",
                f"{test.protocol} says {test.outcome}, and {limit.metric} is {broken[0].value:g}:"
                f" the limit is {limit.words} ({limit.source}).",
                "Correct the outcome, or the value.",
                limit.metric,
            )


def _documented(test: TestReported, protocol: TestProtocol) -> Iterator[Remark]:
    """Yield what a reader would look for and does not find; it keeps nothing from counting."""
    if not test.data:
        yield Remark(
            "test.data",
            f"{test.protocol} names no raw data: {protocol.raw}",
            "Correct the report: give the SHA-256 of the files.",
            spoils=False,
        )
    if test.signed_off_by is None:
        yield Remark(
            "test.signed_off",
            f"{test.protocol} does not say who signs it off.",
            "Correct the report: name who answers for the results.",
            spoils=False,
        )
