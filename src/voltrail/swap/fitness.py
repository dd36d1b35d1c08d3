"""
May this pack be put into this vehicle, at this station? A misfit cannot be put in; an unfit one must not be.

What is not known is never a reason: a pack of a model that names no standard fits wherever somebody puts it.

    >>> misfits("qiji-171", "t-imas-052-1", ())
    ('vehicle_interface',)
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from importlib.resources import files
from typing import Final, Literal

import msgspec

from voltrail.swap.catalogue import PACKS, Standing

Misfit = Literal["vehicle_interface", "station_interface"]
Unfit = Literal["out_of_use", "disputed", "open_incident", "open_recall", "worn"]
Reason = Misfit | Unfit

MISFITS: Final[tuple[Misfit, ...]] = ("vehicle_interface", "station_interface")
UNFITS: Final[tuple[Unfit, ...]] = ("out_of_use", "disputed", "open_incident", "open_recall", "worn")
SENTENCES: Final[dict[str, str]] = {
    "vehicle_interface": "the vehicle takes packs by another interface",
    "station_interface": "the station does not handle its interface",
    "out_of_use": "it is waste, or has ended",
    "disputed": "the record does not agree on where it is",
    "open_incident": "it travels as damaged or critical, and nobody has said otherwise since",
    "open_recall": "it is recalled, and the work was not reported",
    "worn": "its state of health is below the least for swapping",
}
"""Each reason in words that follow a colon, or "because"."""


class Limit(msgspec.Struct, frozen=True):
    """A threshold of `limits.csv`: data, with where it is from and how sure it is."""

    name: str
    value: float
    unit: str
    source: str
    standing: Standing
    note: str
    note_zh: str


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the record says of a pack's condition; `soh_fraction` as last measured, None where nobody did.

    `is_damaged`: it travels as damaged or critical for what happened to it, or by the word of who looked.
    """

    is_out_of_use: bool = False
    is_disputed: bool = False
    is_damaged: bool = False
    is_recalled: bool = False
    soh_fraction: float | None = None


def misfits(
    pack_type: str | None, vehicle_interface: str | None, station_interfaces: Collection[str]
) -> tuple[Misfit, ...]:
    """Return why a standardized pack does not fit, as far as the interfaces of all three are known."""
    pack = PACKS.get(pack_type) if pack_type is not None else None
    if pack is None:
        return ()
    found: list[Misfit] = []
    if vehicle_interface is not None and vehicle_interface != pack.interface:
        found.append("vehicle_interface")
    if station_interfaces and pack.interface not in station_interfaces:
        found.append("station_interface")
    return tuple(found)


def unfits(pack: Condition) -> tuple[Unfit, ...]:
    """Return why a pack must not be put into any vehicle, the gravest reason first."""
    is_worn = pack.soh_fraction is not None and pack.soh_fraction < LIMITS["soh_least"].value
    held = (pack.is_out_of_use, pack.is_disputed, pack.is_damaged, pack.is_recalled, is_worn)
    return tuple(reason for reason, is_so in zip(UNFITS, held, strict=True) if is_so)


def _read_limits() -> dict[str, Limit]:
    text = files(__package__).joinpath("limits.csv").read_text("utf-8")
    rows = (msgspec.convert(row, Limit, strict=False) for row in csv.DictReader(text.splitlines()))
    return {row.name: row for row in rows}


LIMITS: Final = _read_limits()
