"""
Rules as dated data: what must be reported by when, and what may not be done.

A past date is judged by the rules of that date. A rule whose value is not
confirmed is shown as "not configured" and never counts against anyone.
"""

from typing import Final

from voltrail.regimes.border import RULES_OF_BORDERS
from voltrail.regimes.china import CALENDAR, HOLIDAYS, RULES_OF_CHINA
from voltrail.regimes.deadlines import Calendar, deadline, is_late
from voltrail.regimes.duties import Duty, Meeting, Step, duties, meetings
from voltrail.regimes.rules import Rule, Rules, rules_at
from voltrail.regimes.transport import RULES_OF_TRANSPORT

RULES: Final = Rules((*RULES_OF_CHINA, *RULES_OF_BORDERS, *RULES_OF_TRANSPORT), CALENDAR)
"""Every rule of every regime, as it is shipped; what was set for them: `configured`."""

__all__ = [
    "HOLIDAYS",
    "RULES",
    "Calendar",
    "Duty",
    "Meeting",
    "Rule",
    "Rules",
    "Step",
    "deadline",
    "duties",
    "is_late",
    "meetings",
    "rules_at",
]
