"""The EU battery passport, from the record: data points, rule sets, and the forms in which it is given."""

from typing import Final

from voltrail.passport import batterypass_ready
from voltrail.passport.compose import Known, Passport, Sources, compose
from voltrail.passport.forms import FORMS, Form, form
from voltrail.passport.rulesets import CATEGORIES, EU_GUIDANCE, RuleSet
from voltrail.passport.told import Told
from voltrail.passport.validate import Judgement, examine

__all__ = [
    "CATEGORIES",
    "EU_GUIDANCE",
    "FORMS",
    "RULE_SETS",
    "Form",
    "Judgement",
    "Known",
    "Passport",
    "RuleSet",
    "Sources",
    "Told",
    "compose",
    "examine",
    "form",
]

RULE_SETS: Final = {one.id: one for one in (EU_GUIDANCE, batterypass_ready.RULES)}
