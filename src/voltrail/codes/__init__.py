"""
The digital ID of a battery: GB/T 34014-2017 codes, parsed, checked, built and issued.

    >>> from voltrail.codes import parse
    >>> code = parse("001CB240000003B3C0221953")
    >>> code.level, code.chemistry, code.production_date.isoformat()
    ('cell', 'lithium iron phosphate', '2021-03-12')

Three forms: 24 characters; 19 for a second-life product; and
`NC-<organisation>-<serial>` for a battery without a readable code.
`tables` holds the facts of the standard, each with its confidence.
"""

from voltrail.codes.building import build, gs1_url, issue, url, without_code
from voltrail.codes.code import Code, Segment
from voltrail.codes.parsing import parse, rotations, tidy
from voltrail.codes.pattern import is_code

__all__ = [
    "Code",
    "Segment",
    "build",
    "gs1_url",
    "is_code",
    "issue",
    "parse",
    "rotations",
    "tidy",
    "url",
    "without_code",
]
