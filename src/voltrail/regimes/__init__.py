"""
Rules as dated data: what must be reported by when, and what may not be done.

A past date is judged by the rules of that date. A rule whose value is not
confirmed is shown as "not configured" and never counts against anyone.
"""

from voltrail.regimes.china import HOLIDAYS, RULES
from voltrail.regimes.deadlines import Calendar, deadline, is_late
from voltrail.regimes.duties import Duty, Meeting, Step, duties, meetings
from voltrail.regimes.rules import Rule, Rules, rules_at

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
