"""
Standardized packs, the interfaces they are swapped by, and trucks: data with sources, unknown left empty.

`packs.csv`, `interfaces.csv` and `trucks.csv` have a row each, and `figures.csv` those figures of them that
are less sure than their row. A pack fits a truck and is handled by a station when all three have the same
interface: see `fitness`.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Any, Final, Literal, TypeVar

import msgspec

Standing = Literal["verified", "company_claim", "estimate", "recalled", "assumption"]
"""How sure a row is, or one figure of it: read on its source, or only remembered."""


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """How a pack is held, connected and spoken to. Volts, amperes; None where it is not known."""

    id: str
    name: str
    name_zh: str
    mounting: Literal["top", "side", "bottom"] | None
    voltage_low_v: float | None
    voltage_high_v: float | None
    current_a: float | None
    connectors: str | None
    communication: str | None
    source: str | None
    standing: Standing
    note: str = ""
    note_zh: str = ""


class PackType(msgspec.Struct, frozen=True, kw_only=True):
    """A standardized pack. kWh, volts, kilograms, cycles; None where it is not known."""

    id: str
    name: str
    name_zh: str
    interface: str
    form_factor: str | None
    chemistry: str | None
    energy_kwh: float | None
    voltage_v: float | None
    mass_kg: float | None
    cycle_life: float | None
    source: str | None
    standing: Standing
    note: str = ""
    note_zh: str = ""


class Truck(msgspec.Struct, frozen=True, kw_only=True):
    """
    A truck that swaps: `packs` are the types it takes, from `blocks_low` to `blocks_high` of them at once.

    What moves it (mass without packs, air, tyres) is the vehicle of that name in `technology/vehicles.csv`.
    """

    id: str
    name: str
    name_zh: str
    interface: str
    packs: tuple[str, ...]
    blocks_low: int
    blocks_high: int
    source: str | None
    standing: Standing
    note: str = ""
    note_zh: str = ""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """How sure one member of a row is, and where it is from."""

    id: str
    member: str
    source: str | None
    standing: Standing
    note: str = ""
    note_zh: str = ""


_Row = TypeVar("_Row", Interface, PackType, Truck)


def figure(row: Interface | PackType | Truck, member: str) -> Figure:
    """Return how sure a member of a row is, by itself or as its row."""
    whole = Figure(id=row.id, member=member, source=row.source, standing=row.standing)
    return FIGURES.get((row.id, member), whole)


def _read(name: str, struct: type[_Row]) -> dict[str, _Row]:
    return {row["id"]: msgspec.convert(_cells(row), struct, strict=False) for row in _rows(name)}


def _rows(name: str) -> csv.DictReader[str]:
    return csv.DictReader(files(__package__).joinpath(name).read_text("utf-8").splitlines())


def _cells(row: dict[str, str]) -> dict[str, Any]:
    cells: dict[str, Any] = {name: text or None for name, text in row.items()}
    cells |= {"note": row["note"], "note_zh": row["note_zh"]}
    if "packs" in row:
        cells["packs"] = row["packs"].split()
    return cells


INTERFACES: Final = _read("interfaces.csv", Interface)
PACKS: Final = _read("packs.csv", PackType)
TRUCKS: Final = _read("trucks.csv", Truck)
FIGURES: Final = {
    (row["id"], row["member"]): msgspec.convert(_cells(row), Figure) for row in _rows("figures.csv")
}
