"""
What happened, told event by event, with when each report of it arrives.

Times are whole seconds since 1970; lines have them in Chinese time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta, timezone
from itertools import count
from typing import Any, Final, TypeVar

import msgspec

from voltrail.demo.cast import Cast, Member
from voltrail.demo.conduct import Conduct

CHINA: Final = timezone(timedelta(hours=8))
DAY: Final = 86_400
ROUND: Final = 18 * DAY  # every organisation reports at the end of each: within the shortest deadline
YEAR: Final = 31_556_952

LATE_SHARE: Final = 0.02
NEGLIGENT: Final = 0.08  # the same share, where a deadline is easily missed

_T = TypeVar("_T")


class NotYet(Exception):
    """The sample world ends before this would have happened: the life goes on untold."""


class Told(msgspec.Struct):
    """
    An event: who reports it, when the report arrives, and the line; a correction's lacks its index.

    `corrected` says that another event corrects it.
    """

    arrives: int
    order: int
    reporter: Member
    members: dict[str, Any]
    corrects: Told | None = None
    corrected: bool = False
    delayed: bool = False

    @property
    def kind(self) -> str:
        """The kind of event."""
        return str(self.members["kind"])

    @property
    def codes(self) -> tuple[str, ...]:
        """The batteries that it is about."""
        code = self.members.get("code")
        return (*((code,) if code else ()), *self.members.get("codes", ()))

    @property
    def lots(self) -> tuple[str, ...]:
        """The lots that it is about."""
        lot = self.members.get("lot")
        named = (*self.members.get("inputs", ()), *self.members.get("outputs", ()))
        return (*((lot,) if lot else ()), *(one["lot"] for one in named))


class Life(msgspec.Struct):
    """What was told together, and the findings that it was meant to show: rule and code."""

    told: list[Told] = []
    meant: list[tuple[str, str]] = []


class Bag:
    """Draws in proportion: every round of draws holds each choice as often as its weight."""

    def __init__(self, rng: random.Random, **weights: int) -> None:
        self._rng = rng
        self._full = [choice for choice, weight in weights.items() for _ in range(weight)]
        self._left: list[str] = []

    def draw(self) -> str:
        """Return the next choice."""
        if not self._left:
            self._left = self._full.copy()
            self._rng.shuffle(self._left)
        return self._left.pop()


class Diary:
    """
    Takes down what happens, up to a moment, life by life; hands each to `keep` when it is told.

    `meant` are the findings the record is meant to show, each with its battery,
    `mended` those that a correction takes back; `delayed` are the batteries of
    which something is reported months late.
    """

    def __init__(
        self, rng: random.Random, cast: Cast, until: int, conduct: Conduct, keep: Callable[[Life], None]
    ) -> None:
        self.rng = rng
        self.cast = cast
        self.until = until
        self.conduct = conduct
        self.meant: set[tuple[str, str]] = set()
        self.mended: set[tuple[str, str]] = set()
        self.delayed: set[str] = set()
        self.lots = count(1)  # their numbers
        self._keep = keep
        self._life = Life()
        self._order = count()

    @contextmanager
    def life(self) -> Iterator[None]:
        """Hand on what is told within, also when the world ends before all of it has happened."""
        with suppress(NotYet):
            yield
        life, self._life = self._life, Life()
        self.meant.update(life.meant)
        self._keep(life)

    def tell(self, reporter: Member, when: int, kind: str, late: float = LATE_SHARE, **members: Any) -> Told:
        """
        Take down one event. Raises NotYet when it lies beyond the end.

        `from_` becomes `from`. A share of the reports arrives months late; who has fallen silent reports
        nothing.
        """
        if when > self.until:
            raise NotYet
        if "from_" in members:
            members["from"] = members.pop("from_")
        line = {"kind": kind, "occurred_at": stamp(when), **members}
        return self._add(reporter, when, line, late)

    def mean(self, rule: str, code: str) -> None:
        """Take down that the record shall show a finding of this rule on a battery."""
        self._life.meant.append((rule, code))

    def correct(self, wrong: Told, when: int, right: dict[str, Any] | None) -> Told:
        """Take down a correction: void, or with the members that are different in the right line."""
        if when > self.until:
            raise NotYet
        about: dict[str, Any] = {
            name: wrong.members[name] for name in ("code", "codes", "vin") if name in wrong.members
        }
        line: dict[str, Any] = {"kind": "corrected", "occurred_at": stamp(when), **about}
        if right is None:
            line["void"] = True
        else:
            line["line"] = msgspec.json.encode({**wrong.members, **right}).decode()
        told = self._add(wrong.reporter, when, line, 0.0)
        told.corrects, wrong.corrected = wrong, True
        told.arrives = max(told.arrives, wrong.arrives)
        return told

    def issue(self, by: Member, when: int, code: str, after: Told) -> None:
        """Take down a battery's first passport, reported once that is on record by which somebody may."""
        told = self.tell(by, when, "passport_issued", 0.0, code=code, number=1)
        heard = after.arrives if by is after.reporter else after.arrives + ROUND
        told.arrives = max(told.arrives, heard)

    def delay(self, reporter: Member, when: int, share: float) -> int:
        """Draw how much later than others a report comes, of which a share comes months late."""
        late = self.conduct.lateness(reporter, when, share)
        return self.some(30, 250) if late and self.rng.random() < late else 0

    def put_off(self, told: Told, delay: int) -> None:
        """Let a report arrive later, by the end of the world at the latest."""
        if delay:
            told.arrives, told.delayed = min(told.arrives + delay, self.until), True
            self.delayed.update(told.codes)

    def some(self, low: int, high: int) -> int:
        """Return a span of whole days between two, at a moment of the day, in seconds."""
        return self.rng.randrange(low * DAY, high * DAY)

    def pick(self, among: Sequence[_T]) -> _T:
        """Return one of several."""
        return among[self.rng.randrange(len(among))]

    def _add(self, reporter: Member, when: int, line: dict[str, Any], late: float) -> Told:
        told = Told(when, next(self._order), reporter, line)
        if self.conduct.is_silent(reporter, when):
            return told
        self.put_off(told, self.delay(reporter, when, late))
        self._life.told.append(told)
        return told


def stamp(when: int) -> str:
    """Return a moment as it stands in a line."""
    return datetime.fromtimestamp(when, CHINA).isoformat()


def day_of(when: int) -> date:
    """Return the day of a moment in China."""
    return datetime.fromtimestamp(when, CHINA).date()


def moment(year: int, month: int = 1, day: int = 1) -> int:
    """Return when a day begins in China."""
    return int(datetime(year, month, day, tzinfo=CHINA).timestamp())
