"""
China: Order No. 73 (since April 2026), the traceability provisions of 2018 before it.

The facts stand in rules.json, each with its article, source and confidence.
Enforced are those with a value that a rule text or a document quoting it
supports (confirmed, secondary); what only the press or a mirror says is advisory.
"""

from importlib.resources import files
from typing import Final

import msgspec

from voltrail.regimes.rules import Rule, Rules

HOLIDAYS: Final = "not configured"
"""The calendar of public holidays: working days are Monday to Friday until it is."""

RULES: Final = Rules(
    msgspec.json.decode(files(__package__).joinpath("rules.json").read_bytes(), type=tuple[Rule, ...])
)
