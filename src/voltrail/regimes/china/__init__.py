"""
China: Order No. 73 (since April 2026), the traceability provisions of 2018 before it.

The facts stand in rules.json, each with its article, source and confidence.
Enforced are those with a value that a rule text or a document quoting it
supports (confirmed, secondary); what only the press or a mirror says is advisory.
"""

from importlib.resources import files
from typing import Final

import msgspec

from voltrail.regimes.deadlines import Calendar, Year
from voltrail.regimes.rules import Confidence, Rule


def _data(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()


class Notices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The calendar of public holidays and of the weekend days worked for them, by year; and who says so."""

    about: str
    source: str
    confidence: Confidence
    years: dict[int, Year]


HOLIDAYS: Final = msgspec.json.decode(_data("holidays.json"), type=Notices, strict=False)

CALENDAR: Final = Calendar(HOLIDAYS.years)
RULES_OF_CHINA: Final = msgspec.json.decode(_data("rules.json"), type=tuple[Rule, ...])
