"""
Which kind of ours is which event of EPCIS: the one table, for programs and printed into docs/epcis.md.

`MAPPINGS` says how each kind is written, and which events of others are read as it without `voltrail:kind`.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

What = Literal["objects", "vehicle", "family", "fitted", "reborn", "ended", "declaration"]
"""How the batteries of a kind stand in the event; see `WHAT`."""

WHAT: Final[dict[What, str]] = {
    "objects": "`epcList`: `code`, then `codes`",
    "vehicle": "`epcList`: the vehicle, then `codes`",
    "family": "`parentID`: `code`; `childEPCs`: `codes`",
    "fitted": "`parentID`: the vehicle or storage system; `childEPCs`: `code`, then `codes`",
    "reborn": "`inputEPCList`: `codes` without `into`; `outputEPCList`: `into`",
    "ended": "`inputEPCList`: `code`; `outputEPCList`: `codes`, or a `transformationID`",
    "declaration": "the event corrected, with `errorDeclaration`",
}


class Mapping(msgspec.Struct, frozen=True):
    """
    How one kind is written as EPCIS.

    `place`: the member that is the readPoint; with `stays` it is the bizLocation too. `to`, `from_`: the
    type of the destination and the source that those members are. `alone`: the business steps with which an
    event of others is read as this kind, with the same type and action.
    """

    kind: str
    type: str
    action: str | None
    biz_step: str | None
    disposition: str | None = None
    what: What = "objects"
    place: str | None = "site"
    stays: bool = False
    to: str | None = None
    from_: str | None = None
    alone: tuple[str, ...] = ()


_OBJECT, _ASSOCIATION, _TRANSFORMATION = "ObjectEvent", "AssociationEvent", "TransformationEvent"

_ROWS: Final = (
    Mapping("manufactured", _OBJECT, "ADD", "commissioning", "active", alone=("commissioning",)),
    Mapping("enrolled", _OBJECT, "ADD", "encoding", "active"),
    Mapping("identified", _OBJECT, "OBSERVE", "encoding", place=None),
    Mapping(
        "shipped", _OBJECT, "OBSERVE", "shipping", "in_transit", to="possessing_party", alone=("shipping",)
    ),
    Mapping(
        "received",
        _OBJECT,
        "OBSERVE",
        "receiving",
        "in_progress",
        stays=True,
        from_="possessing_party",
        alone=("receiving", "accepting"),
    ),
    Mapping("assembled", _ASSOCIATION, "ADD", "assembling", what="family", alone=("assembling",)),
    Mapping("disassembled", _ASSOCIATION, "DELETE", "disassembling", what="family", alone=("disassembling",)),
    Mapping("installed", _ASSOCIATION, "ADD", "installing", "active", what="fitted", alone=("installing",)),
    Mapping("removed", _ASSOCIATION, "DELETE", "removing", "inactive", what="fitted", alone=("removing",)),
    Mapping("swapped", _OBJECT, "OBSERVE", "replacing", place="station"),
    Mapping("vehicle_certified", _OBJECT, "OBSERVE", "inspecting", "conformant", what="vehicle", place=None),
    Mapping("sold", _OBJECT, "OBSERVE", "retail_selling", "retail_sold", what="vehicle", place=None),
    Mapping("vehicle_exported", _OBJECT, "OBSERVE", "departing", what="vehicle", place=None),
    Mapping("vehicle_imported", _OBJECT, "OBSERVE", "arriving", what="vehicle", place=None),
    Mapping(
        "vehicle_scrapped", _OBJECT, "OBSERVE", "decommissioning", "disposed", what="vehicle", place=None
    ),
    Mapping("ownership_transferred", _OBJECT, "OBSERVE", None, to="owning_party", place=None),
    Mapping(
        "responsibility_transferred", _OBJECT, "OBSERVE", None, to="voltrail:responsible_party", place=None
    ),
    Mapping("measured", _OBJECT, "OBSERVE", "inspecting", place=None),
    Mapping("campaign_opened", _OBJECT, "OBSERVE", None, place=None),
    Mapping("test_reported", _OBJECT, "OBSERVE", "inspecting", place=None),
    Mapping("step_reported", _OBJECT, "OBSERVE", "assembling"),
    Mapping("serviced", _OBJECT, "OBSERVE", "repairing", place=None, alone=("repairing",)),
    Mapping("recalled", _OBJECT, "OBSERVE", "holding", "recalled", place=None),
    Mapping("incident_reported", _OBJECT, "OBSERVE", "inspecting", "damaged", place=None),
    Mapping(
        "stocktaken", _OBJECT, "OBSERVE", "stock_taking", stays=True, alone=("stock_taking", "cycle_counting")
    ),
    Mapping("retired", _OBJECT, "OBSERVE", "holding", "disposed", place=None),
    Mapping(
        "collected",
        _OBJECT,
        "OBSERVE",
        "collecting",
        "disposed",
        stays=True,
        from_="possessing_party",
        alone=("collecting",),
    ),
    Mapping("handed_over", _OBJECT, "OBSERVE", "consigning", "disposed", to="possessing_party"),
    Mapping("assessed", _OBJECT, "OBSERVE", "inspecting", place=None),
    Mapping("prepared_for_reuse", _OBJECT, "OBSERVE", "repairing", "available"),
    Mapping("repurposed", _TRANSFORMATION, None, "commissioning", "active", what="reborn"),
    Mapping("remanufactured", _TRANSFORMATION, None, "repairing", "active", what="reborn"),
    Mapping("dismantled", _TRANSFORMATION, None, "disassembling", what="ended", alone=("disassembling",)),
    Mapping(
        "recycled", _TRANSFORMATION, None, "destroying", "destroyed", what="ended", alone=("destroying",)
    ),
    Mapping("lot_processed", _OBJECT, "OBSERVE", None),
    Mapping("credit_spent", _OBJECT, "OBSERVE", None),
    Mapping("exported", _OBJECT, "OBSERVE", "departing", place=None),
    Mapping("imported", _OBJECT, "OBSERVE", "arriving", place=None),
    Mapping("destroyed", _OBJECT, "DELETE", "destroying", "destroyed", place=None, alone=("destroying",)),
    Mapping("lost", _OBJECT, "OBSERVE", None, "unknown", place=None),
    Mapping("found", _OBJECT, "OBSERVE", "storing", "in_progress", stays=True),
    Mapping("passport_issued", _OBJECT, "OBSERVE", None, place=None),
    Mapping("passport_ceased", _OBJECT, "OBSERVE", None, place=None),
    Mapping("transferred_in", _OBJECT, "OBSERVE", None, place=None),
    Mapping("corrected", _OBJECT, "OBSERVE", None, what="declaration", place=None),
)

MAPPINGS: Final = {row.kind: row for row in _ROWS}

READ_AS: Final = {
    (sort, row.action, step): row.kind
    for row in _ROWS
    for step in row.alone
    for sort in ((row.type, "AggregationEvent") if row.what == "family" else (row.type,))
}
"""Type, action and business step of events of others, and the kind that they are read as."""

SENSORS: Final[dict[str, str]] = {
    "soh_fraction": "C62",
    "capacity_ah": "AMH",
    "energy_kwh": "KWH",
    "cycles": "C62",
    "distance_km": "KMT",
    "resistance_mohm": "E45",
}
"""Our measured values with their units, UN/ECE Recommendation 20; the type is `voltrail:` and the name."""

SENSORS_OF: Final[dict[str, tuple[str, ...]]] = {"measured": tuple(SENSORS), "assessed": ("soh_fraction",)}

OTHER_SENSORS: Final[dict[tuple[str, str], tuple[str, int]]] = {
    ("hasStateOfHealth", "P1"): ("soh_fraction", -2),
    ("hasStateOfHealth", "C62"): ("soh_fraction", 0),
    ("hasRemainingCapacity", "AMH"): ("capacity_ah", 0),
    ("hasRemainingEnergy", "KWH"): ("energy_kwh", 0),
    ("hasRemainingEnergy", "WHR"): ("energy_kwh", -3),
    ("hasCycleCount", ""): ("cycles", 0),
    ("hasCycleCount", "C62"): ("cycles", 0),
    ("hasInternalResistance", "E45"): ("resistance_mohm", 0),
    ("hasInternalResistance", "OHM"): ("resistance_mohm", 3),
}
"""What others call the same, by name and unit: our member, and the power of ten between the two."""

_HEAD: Final = """\
## The table

Printed from `voltrail/events/epcis/table.py`; do not edit.

| Kind | Type | action | bizStep | disposition | What | Where, from and to | Read without `voltrail:kind` |
|---|---|---|---|---|---|---|---|
"""


def document() -> str:
    """Return the table as it stands at the end of docs/epcis.md."""
    return _HEAD + "".join(map(_line, _ROWS))


def _line(row: Mapping) -> str:
    where = []
    if row.place is not None:
        where.append(f"`{row.place}` is the readPoint" + (" and the bizLocation" if row.stays else ""))
    if row.to is not None:
        where.append(f"`to` is a destination, {row.to}")
    if row.from_ is not None:
        where.append(f"`from` is a source, {row.from_}")
    if row.kind in SENSORS_OF:
        where.append(
            ", ".join(f"`{name}` ({SENSORS[name]})" for name in SENSORS_OF[row.kind]) + " as sensor reports"
        )
    cells = (
        row.kind,
        row.type,
        row.action or "",
        row.biz_step or "",
        row.disposition or "",
        WHAT[row.what],
        "; ".join(where),
        "with sensor reports: inspecting, sensor_reporting"
        if row.kind == "measured"
        else ", ".join(row.alone),
    )
    return "| " + " | ".join(cells) + " |\n"
