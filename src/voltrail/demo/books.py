"""The books of one process: what went in, what came out, to the gram; and the lines that say so."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from voltrail.demo.cast import Member
from voltrail.demo.diary import CHINA, Diary, Told, moment
from voltrail.demo.matter import Elements, Lot, assays, kilograms, plus, times

_CLOSES: Final = 8 * 3_600  # before midnight
_MOST_LOST: Final = 0.9  # of what is lost is elements that a laboratory finds
_LAST: Final = 2 * 3_600  # before it closes, what comes is of the next


class Books:
    """
    The books of one process at a site, at a moment.

    `into` are grams that went in, `of` is a pack that they came of; `gap` is what has not come out yet.
    Nothing is told before `tell`.
    """

    def __init__(self, diary: Diary, rng: random.Random, member: Member, site: str, when: int) -> None:
        self._diary, self._rng, self.member, self.site, self.when = diary, rng, member, site, when
        self.into = 0
        self.of: str | None = None
        self._out, self._added = 0, 0
        self._streams: dict[str, list[dict[str, Any]]] = {}

    @property
    def gap(self) -> int:
        """Return the grams that went in and have not come out."""
        return self.into + self._added - self._out

    def take(self, lots: Iterable[Lot]) -> Elements:
        """Put whole lots in; return their elements."""
        content: Elements = {}
        for lot in lots:
            self.into += lot.grams
            self.of = self.of or lot.of
            content = plus(content, lot.content)
            self._enter("inputs", {"lot": lot.name, "mass_kg": kilograms(lot.grams)})
        return content

    def add(self, substance: str, grams: int, content: Elements | None = None) -> None:
        """Add what is no lot."""
        if grams > 0:
            self._added += grams
            self._enter("additions", self._stream(substance, grams, content))

    def give(
        self,
        substance: str,
        grams: int,
        content: Elements,
        *,
        moisture: float = 0.0,
        waste: bool = False,
        recycled: Elements | None = None,
    ) -> Lot:
        """Let a lot come out; more than there is comes of water."""
        if grams > self.gap:
            self.add("water", grams - self.gap)
        self._out += grams
        lot, line = self._lot(substance, grams, content, moisture, waste=waste)
        if recycled is not None:
            line["recycled_kg"] = {name: kilograms(round(one)) for name, one in recycled.items()}
        self._enter("outputs", line)
        return lot

    def lose(self, substance: str, grams: int, content: Elements | None = None) -> None:
        """Let something go that is no lot."""
        grams = min(grams, self.gap)
        if grams > 0:
            self._out += grams
            whole = sum((content or {}).values())
            if content and whole > _MOST_LOST * grams:
                content = times(content, _MOST_LOST * grams / whole)
            self._enter("emissions", self._stream(substance, grams, content))

    def create(
        self, substance: str, grams: int, content: Elements, origin: str, *, waste: bool = False, **more: Any
    ) -> Lot | None:
        """Tell of a lot from outside; None where the world ends before."""
        lot, line = self._lot(substance, grams, content, 0.0, waste=waste)
        told = self.tell("lot_created", **line, origin=origin, site=self.site, **more)
        return lot if told is not None else None

    def move(self, lot: Lot, to: Member, site: str, when: int) -> bool:
        """Tell how a lot went to somebody else; return whether it still did."""
        if when > self._diary.until:
            return False
        with self._diary.life():
            self._diary.tell(
                lot.holder, when, "lot_moved", 0.0, lot=lot.name, to=to.identifier, site=site,
                carrier=self._diary.cast.one("carrier").identifier,
            )  # fmt: skip
        lot.holder, lot.site, lot.made = to, site, when
        return True

    def streams(self) -> dict[str, Any]:
        """Return the members of the line that say what went in and came out."""
        return self._streams

    def process(self, process: str, **members: Any) -> None:
        """Tell what lots went through."""
        self.tell("lot_processed", process=process, site=self.site, **members, **self.streams())

    def tell(self, kind: str, delay: int = 0, **members: Any) -> Told | None:
        """Tell of the process; None where the world ends before."""
        if self.when > self._diary.until:
            return None
        with self._diary.life():
            told = self._diary.tell(self.member, self.when, kind, 0.0, **members)
            self._diary.put_off(told, delay)
        return told

    def _lot(
        self, substance: str, grams: int, content: Elements, moisture: float, *, waste: bool
    ) -> tuple[Lot, dict[str, Any]]:
        number = next(self._diary.lots)
        short = "".join(word[0] for word in substance.split("_")).upper()
        name = f"{self.member.identifier}/{short}-{datetime.fromtimestamp(self.when, CHINA):%Y%m}-{number}"
        dry = grams * (1 - moisture)
        lot = Lot(name, self.member, self.site, substance, grams, content, self.when, dry, self.of)
        line: dict[str, Any] = {"lot": name, "substance": substance, "mass_kg": kilograms(grams)}
        if moisture:
            line["moisture_fraction"] = moisture
        if found := assays(self._rng, substance, content, dry) if content else []:
            line["assays"] = found
        if waste:
            line["waste"] = True
        return lot, line

    def _stream(self, substance: str, grams: int, content: Elements | None) -> dict[str, Any]:
        line: dict[str, Any] = {"substance": substance, "mass_kg": kilograms(grams)}
        if found := assays(self._rng, substance, content, grams) if content else []:
            line["assays"] = found
        return line

    def _enter(self, where: str, line: dict[str, Any]) -> None:
        self._streams.setdefault(where, []).append(line)


def month_end(when: int) -> int:
    """Return when the month of a moment closes: on the afternoon of its last day in China."""
    return _end(when, 1)


def quarter_end(when: int) -> int:
    """Return when the quarter of a moment closes."""
    return _end(when, 3)


def quarter_of(when: int) -> str:
    """Return the quarter of a moment, as in 2026-Q1."""
    day = datetime.fromtimestamp(when, CHINA)
    return f"{day.year}-Q{(day.month + 2) // 3}"


def half_year_end(when: int) -> int:
    """Return when the half-year of a moment closes."""
    return _end(when, 6)


def _end(when: int, months: int) -> int:
    """Return when the span of so many months closes that is still open at a moment."""
    day = datetime.fromtimestamp(when + _CLOSES + _LAST, CHINA)
    after = (day.month - 1) // months * months + months
    return moment(day.year + after // 12, after % 12 + 1) - _CLOSES
