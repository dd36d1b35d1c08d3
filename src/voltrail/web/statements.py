"""Lines that somebody is asked to sign, read back: what each says, and its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec


class Line(msgspec.Struct, frozen=True):
    """A line as it will be signed, and its members."""

    text: str
    said: dict[str, Any]


def read_lines(lines: Iterable[bytes]) -> list[Line]:
    """Return lines for a page to show: from their bytes, so that nothing else is shown than is signed."""
    return [Line(line.decode(), msgspec.json.decode(line)) for line in lines]
