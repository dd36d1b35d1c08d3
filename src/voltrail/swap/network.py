"""
A network of stations as it stands at a moment: what dispatch plans with, and what the live map shows.

It is put together by `registry/stations.py` from the record (which pack is where) and from what stations say
of themselves (charge, queue); nothing here knows of either.
"""

from __future__ import annotations

from typing import Final

import msgspec

HOURS: Final = 24


class PackThere(msgspec.Struct, frozen=True, kw_only=True):
    """
    One pack in a station: `code`, its standardized `pack_type` (None where its model names none).

    `charge` and `health` are from 0 to 1, None where they are not known.

    `ready_min` is in how many minutes it is full at the pace of now: 0 at once, None where nobody knows.
    `refused` says why it may not be put in, a word of `fitness`; None for a pack that may.
    """

    code: str
    pack_type: str | None
    energy_kwh: float | None
    charge: float | None
    ready_min: float | None
    health: float | None
    refused: str | None = None


class StationThere(msgspec.Struct, frozen=True, kw_only=True):
    """
    One station: degrees (WGS 84), minutes, kW.

    `per_hour` is how many trucks it expects in each hour of the day, from 0 o'clock in UTC+8 on; `queue` how
    many wait now. `said_ms` is when it last spoke, None where it never did: then charge and queue are not
    known.
    """

    site: str
    name: str
    operator: str
    latitude: float
    longitude: float
    interfaces: tuple[str, ...]
    bays: int
    slots: int | None
    chargers: int | None
    charger_kw: float | None
    swap_min: float
    packs: tuple[PackThere, ...]
    queue: int
    per_hour: tuple[float, ...]
    said_ms: int | None
