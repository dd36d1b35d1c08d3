"""The guided tour of a sample world: there when `voltrail demo` has left one in the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

TOUR_FILE: Final = "tour.json"


class _Tour(msgspec.Struct):
    stops: dict[str, list[str]]


def read_tour(data: Path) -> dict[str, list[str]]:
    """Return the stops, each with the codes of its batteries; none where there is no tour."""
    try:
        return msgspec.json.decode((data / TOUR_FILE).read_bytes(), type=_Tour).stops
    except (OSError, msgspec.DecodeError):
        return {}
