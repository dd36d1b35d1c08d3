"""The EU battery passport, from the record: data points, rule sets, and the forms in which it is given."""

from typing import Final

from voltrail.passport import batterypass_ready, en18223, identifiers
from voltrail.passport.compose import Known, Passport, Sources, compose, of_model
from voltrail.passport.forms import FORMS, Form, form
from voltrail.passport.rulesets import CATEGORIES, EU_GUIDANCE, SPEC_99100, RuleSet
from voltrail.passport.told import Edition, Issuer, Told
from voltrail.passport.validate import Judgement, examine

__all__ = [
    "CATEGORIES",
    "EU_GUIDANCE",
    "FORMS",
    "RULE_SETS",
    "SPEC_99100",
    "Edition",
    "Form",
    "Issuer",
    "Judgement",
    "Known",
    "Passport",
    "RuleSet",
    "Sources",
    "Told",
    "compose",
    "en18223",
    "examine",
    "form",
    "identifiers",
    "of_model",
]

RULE_SETS: Final = {one.id: one for one in (EU_GUIDANCE, batterypass_ready.RULES, SPEC_99100)}
