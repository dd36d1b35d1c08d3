"""
The code as one regular expression, calendar included.

`is_code` stands in the hot path of every report. The expression is exact: it
matches if and only if `parse` succeeds, 30 February and all, so no line that
passes it can fail later.
"""

from __future__ import annotations

import re
from calendar import isleap
from typing import Final

from voltrail.codes.tables import BATTERY_TYPES, DAYS, FIRST_YEAR, YEARS

_LEAP_YEARS = "".join(c for i, c in enumerate(YEARS) if isleap(FIRST_YEAR + i))
_DATE = (
    f"(?:[{YEARS}](?:[13578AC][{DAYS}]|[469B][{DAYS[:30]}]|2[{DAYS[:28]}])"
    f"|[{_LEAP_YEARS}]2{DAYS[28]})"
)  # fmt: skip
_SERIAL = "(?!0000000)[0-9]{7}"
_DESIGN = f"[0-9A-Z]{{3}}[PMC][{''.join(BATTERY_TYPES)}][0-9A-Z]{{2}}"

# The organisation's own check character is a matter for `organisations`.
NO_CODE: Final = re.compile(
    r"NC-(?P<organisation>[0-9A-Z]{20}|[0-9A-Z]{18})-(?P<serial>[0-9A-Z](?:[0-9A-Z-]{0,30}[0-9A-Z])?)"
)

CODE: Final = re.compile(
    f"{_DESIGN}[0-9A-Z]{{7}}{_DATE}{_SERIAL}|{_DESIGN}{_DATE}{_SERIAL}R[PMC]"
    "|NC-(?:[0-9A-Z]{20}|[0-9A-Z]{18})-[0-9A-Z](?:[0-9A-Z-]{0,30}[0-9A-Z])?"
)

_fullmatch = CODE.fullmatch


def is_code(text: str) -> bool:
    """
    Return whether `text` is a code of 24 or 19 characters, or an NC- id.

    Cheap, and exact: true if and only if `parse` would succeed.
    """
    return _fullmatch(text) is not None
