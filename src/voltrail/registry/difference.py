"""What an audit finds."""

from __future__ import annotations

import msgspec


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not as it must be: what, where, and what was found."""

    what: str
    where: str
    message: str
