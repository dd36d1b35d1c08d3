"""A battery's code, taken apart."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import msgspec

from voltrail.codes.tables import BATTERY_TYPES, LAYOUTS, LEVELS, OBSERVED_MAKERS, STANDARD, Confidence, Level


class Segment(NamedTuple):
    """A part of a code for people: what it is called, its characters, what they mean."""

    name: str
    text: str
    meaning: str


class Code(msgspec.Struct, frozen=True):
    """
    A code that parsed.

    For an NC- id `level` is `unknown`, `organisation` names who gave the id,
    and whatever a GB/T 34014 code would say is None. `second_life` is true
    for the 19-character form, which has no `traceability`.
    """

    text: str
    level: Level
    serial: str
    maker: str | None = None
    battery_type: str | None = None
    specification: str | None = None
    traceability: str | None = None
    production_date: date | None = None
    second_life: bool = False
    organisation: str | None = None

    @property
    def chemistry(self) -> str | None:
        """The meaning of the battery type letter; look at the confidence too."""
        return None if self.battery_type is None else BATTERY_TYPES[self.battery_type].meaning

    @property
    def chemistry_confidence(self) -> Confidence | None:
        """`confirmed` or `unconfirmed`: how sure the letter's meaning is."""
        return None if self.battery_type is None else BATTERY_TYPES[self.battery_type].confidence

    @property
    def segments(self) -> list[Segment]:
        """The parts in order; their texts joined give the code, but for an NC- id's hyphens."""
        if self.organisation is not None:
            return [
                Segment("no code", "NC", "a battery without a readable code"),
                Segment("organisation", self.organisation, "the organisation that gave this id"),
                Segment("serial number", self.serial, "the organisation's own"),
            ]
        parts, at = [], 0
        for field in LAYOUTS[len(self.text)]:
            text = self.text[at : at + field.length]
            parts.append(Segment(field.name, text, self._meaning(field.name)))
            at += field.length
        return parts

    def _meaning(self, name: str) -> str:
        match name:
            case "manufacturer":
                return _maker_meaning(self.maker or "")
            case "product type":
                return self.level
            case "battery type":
                return _type_meaning(self.battery_type or "")
            case "production date":
                return "" if self.production_date is None else self.production_date.isoformat()
            case "serial number":
                return f"number {int(self.serial)} of that day"
            case "second life":
                return f"second life; {LEVELS[self.text[-1]]} (the letter's meaning is unconfirmed)"
            case _:
                return "the maker's own, filed with the code register"


def _maker_meaning(maker: str) -> str:
    fact = OBSERVED_MAKERS.get(maker)
    if fact is None:
        return "allocated centrally; the register is not public"
    return f"{fact.meaning} ({fact.confidence}: {fact.source})"


def _type_meaning(letter: str) -> str:
    fact = BATTERY_TYPES[letter]
    if fact.confidence == "confirmed":
        return fact.meaning
    return f"{fact.meaning} ({fact.confidence}: verify against {STANDARD})"
