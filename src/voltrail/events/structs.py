"""
The structs: one frozen msgspec struct for each kind of event, and their union.

A kind never changes meaning: fields may be added as optional, otherwise it is
a new kind. `kinds` reads them from lines; `table` says who may report each.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, field

When: TypeAlias = Annotated[datetime, Meta(tz=True)]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=2_000)]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
Day: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
Country: TypeAlias = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
Digest: TypeAlias = Annotated[str, Meta(pattern="^(sha256:)?[0-9a-f]{64}$")]
Amount: TypeAlias = Annotated[float, Meta(ge=0)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
Fixtures: TypeAlias = Annotated[int, Meta(ge=0, le=10_000)]
Fraction: TypeAlias = Annotated[float, Meta(ge=0, le=1.5)]
Years: TypeAlias = Annotated[float, Meta(ge=0, le=100)]
Codes: TypeAlias = tuple[str, ...]
Kilograms: TypeAlias = Annotated[float, Meta(ge=0, lt=1_000_000_000)]
"""Exact, to the milligram: see `masses`."""
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
LotId: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9A-Z]{18,20}/[0-9A-Za-z._-]{1,64}$")]
Points: TypeAlias = Annotated[dict[Name, float | int | str], Meta(min_length=1, max_length=200)]

Role = Literal[
    "battery_maker",
    "importer",
    "vehicle_maker",
    "swap_operator",
    "battery_owner",
    "storage_operator",
    "repair_enterprise",
    "vehicle_dismantler",
    "collection_outlet",
    "utilisation_enterprise",
    "carrier",
    "supplier",
    "testing_lab",
    "authority",
    "auditor",
]
Phase = Literal["original", "re_used", "repurposed", "remanufactured", "waste"]
Element = Literal[
    "Li", "Ni", "Co", "Mn", "Cu", "Al", "Fe", "P", "C", "Na", "F", "Ti", "Zn", "Pb"
]  # fmt: skip
Substance = Literal[
    "black_mass",
    "cathode_powder",
    "anode_powder",
    "copper",
    "aluminium",
    "steel",
    "plastics",
    "electrolyte",
    "graphite",
    "cells",
    "casings",
    "solution",
    "lithium_carbonate",
    "lithium_hydroxide",
    "lithium_phosphate",
    "nickel_sulfate",
    "cobalt_sulfate",
    "manganese_sulfate",
    "mixed_hydroxide",
    "iron_phosphate",
    "alloy",
    "lead",
    "precursor",
    "cathode_material",
    "anode_material",
    "electrodes",
    "slag",
    "sludge",
    "residue",
    "wastewater",
    "gas",
    "reagent",
    "water",
    "other",
]
Origin = Literal["primary", "manufacturing_waste", "post_consumer"]
Process = Literal[
    "discharge",
    "shred",
    "pyrolyse",
    "smelt",
    "leach",
    "precipitate",
    "refine",
    "repair",
    "blend",
    "split",
    "synthesise",
    "make_cells",
]
Custody = Literal["segregation", "mass_balance"]
Transport = Literal["normal", "damaged", "critical"]
"""As what a battery travels, by whoever looked at it: see `lifecycle.transport`."""
Test = Literal["none", "visual", "electrical", "capacity"]
Stage = Literal["laboratory", "prototype", "pilot_line", "vehicle_trial", "small_batch", "mass_production"]
"""How far a type of cell or pack has come, in this order; what each asks for stands in `technology`."""
Outcome = Literal["passed", "failed", "measured", "aborted"]
FittingReason = Literal["new", "replacement", "warranty", "loan", "scrapping"]


class _Base(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True, gc=False
):
    """What every event has."""

    kind: ClassVar[str] = ""

    occurred_at: When
    batch: Name | None = None
    note: Text | None = None
    epcis: Annotated[str, Meta(min_length=2, max_length=16_000)] | None = None


class _Battery(_Base, frozen=True, kw_only=True):
    """An event on one battery, and on further ones the same thing happened to."""

    code: str
    codes: Codes = ()


class _Vehicle(_Base, frozen=True, kw_only=True):
    """An event on a vehicle; `codes` are the batteries it carries."""

    vin: str
    codes: Codes


# ------------------------------------------------------------------ beginnings


class Manufactured(_Battery, frozen=True, kw_only=True, tag="manufactured"):
    """The battery was made, and tested; it is in stock at its maker or importer."""

    kind: ClassVar[str] = "manufactured"

    model_id: Name | None = None
    mass_kg: Amount | None = None
    energy_kwh: Amount | None = None
    site: Name | None = None
    points: Points | None = None


class Enrolled(_Base, frozen=True, kw_only=True, tag="enrolled"):
    """A battery older than the record joins it; what went before stays unknown."""

    kind: ClassVar[str] = "enrolled"

    code: str
    place: Literal["in_stock", "in_vehicle", "in_swap_station", "in_storage_system"]
    basis: Literal["label", "photo", "vin"]
    photo_digest: Digest | None = None
    vin: str | None = None
    system: Name | None = None
    site: Name | None = None
    model_id: Name | None = None
    manufactured_on: Day | None = None
    phase: Phase | None = None


class Identified(_Base, frozen=True, kw_only=True, tag="identified"):
    """Two codes are one battery; `right` is the one that counts."""

    kind: ClassVar[str] = "identified"

    code: str
    codes: Annotated[Codes, Meta(min_length=1, max_length=1)]
    right: str


# ------------------------------------------------------------------ on the way


class Shipped(_Battery, frozen=True, kw_only=True, tag="shipped"):
    """The battery left the reporter's stock for another organisation."""

    kind: ClassVar[str] = "shipped"

    to: Name
    carrier: Name | None = None
    site: Name | None = None
    packing: Name | None = None


class Received(_Battery, frozen=True, kw_only=True, tag="received"):
    """The battery arrived; the reporter has custody now."""

    kind: ClassVar[str] = "received"

    from_: Name | None = field(default=None, name="from")
    site: Name | None = None
    station: Name | None = None


# ------------------------------------------------------------- fitted and taken


class Assembled(_Base, frozen=True, kw_only=True, tag="assembled"):
    """The parts in `codes` were built into `code`."""

    kind: ClassVar[str] = "assembled"

    code: str
    codes: Annotated[Codes, Meta(min_length=1)]
    site: Name | None = None


class Disassembled(_Base, frozen=True, kw_only=True, tag="disassembled"):
    """The parts in `codes` were taken out of `code`, which lives on."""

    kind: ClassVar[str] = "disassembled"

    code: str
    codes: Annotated[Codes, Meta(min_length=1)]
    site: Name | None = None


class Installed(_Battery, frozen=True, kw_only=True, tag="installed"):
    """The battery was fitted into a vehicle or a storage system."""

    kind: ClassVar[str] = "installed"

    vin: str | None = None
    system: Name | None = None
    reason: FittingReason | None = None
    odometer_km: Amount | None = None
    site: Name | None = None


class Removed(_Battery, frozen=True, kw_only=True, tag="removed"):
    """The battery was taken out of a vehicle or a storage system."""

    kind: ClassVar[str] = "removed"

    vin: str | None = None
    system: Name | None = None
    reason: FittingReason | None = None
    odometer_km: Amount | None = None
    site: Name | None = None


class Swapped(_Base, frozen=True, kw_only=True, tag="swapped"):
    """One pack out of a vehicle, another in, at a station."""

    kind: ClassVar[str] = "swapped"

    codes: Annotated[Codes, Meta(min_length=1, max_length=2)]
    taken_out: str | None = None
    put_in: str | None = None
    vin: str
    station: Name
    energy_out_kwh: Amount | None = None
    energy_in_kwh: Amount | None = None
    odometer_km: Amount | None = None


# ------------------------------------------------------------------- vehicles


class VehicleCertified(_Vehicle, frozen=True, kw_only=True, tag="vehicle_certified"):
    """The vehicle got its certificate of conformity; `swap_interface` is what it takes packs by."""

    kind: ClassVar[str] = "vehicle_certified"

    certificate_no: Name | None = None
    swap_interface: Name | None = None


class Sold(_Vehicle, frozen=True, kw_only=True, tag="sold"):
    """The vehicle was sold, its batteries with it."""

    kind: ClassVar[str] = "sold"

    buyer_region: Name | None = None


class VehicleExported(_Vehicle, frozen=True, kw_only=True, tag="vehicle_exported"):
    """The vehicle left the country, its batteries with it."""

    kind: ClassVar[str] = "vehicle_exported"

    country: Country | None = None
    from_country: Country | None = None
    consent: Name | None = None


class VehicleImported(_Vehicle, frozen=True, kw_only=True, tag="vehicle_imported"):
    """The vehicle came into the country, its batteries with it."""

    kind: ClassVar[str] = "vehicle_imported"

    cleared_at: When | None = None


class VehicleScrapped(_Vehicle, frozen=True, kw_only=True, tag="vehicle_scrapped"):
    """The vehicle was scrapped; its batteries are with the dismantler."""

    kind: ClassVar[str] = "vehicle_scrapped"

    certificate_date: Day


# --------------------------------------------------------------- who answers


class OwnershipTransferred(_Battery, frozen=True, kw_only=True, tag="ownership_transferred"):
    """The battery belongs to another organisation; it does not move."""

    kind: ClassVar[str] = "ownership_transferred"

    to: Name


class ResponsibilityTransferred(_Battery, frozen=True, kw_only=True, tag="responsibility_transferred"):
    """Another economic operator answers for the battery's EU passport."""

    kind: ClassVar[str] = "responsibility_transferred"

    to: Name


# --------------------------------------------------------------------- in use


class Measured(_Base, frozen=True, kw_only=True, tag="measured"):
    """
    Somebody measured the battery's condition.

    `soh_low` to `soh_high` is its state of health with 95 %. What follows from telemetry says from when until
    when, from how many charging `sessions`, by which `method` in which version, and the digest of the trace,
    which is kept elsewhere.
    """

    kind: ClassVar[str] = "measured"

    code: str
    soh_fraction: Fraction | None = None
    capacity_ah: Amount | None = None
    energy_kwh: Amount | None = None
    cycles: Count | None = None
    distance_km: Amount | None = None
    method: Name | None = None
    resistance_mohm: Amount | None = None
    points: Points | None = None
    soh_low: Fraction | None = None
    soh_high: Fraction | None = None
    method_version: Name | None = None
    measured_from: When | None = None
    measured_until: When | None = None
    sessions: Count | None = None
    trace_digest: Digest | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One measured value: of a sample, or of all tested without `code`; the metric names its unit."""

    metric: Name
    value: float
    code: str | None = None


class CampaignOpened(_Base, frozen=True, kw_only=True, tag="campaign_opened"):
    """
    A campaign of tests on a type of battery: towards which stage, by which protocols, on which samples.

    `plan` is the digest of the plan. What is planned and never reported stays visible as such.
    """

    kind: ClassVar[str] = "campaign_opened"

    campaign: Name
    model_id: Name
    stage: Stage
    protocols: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=50)]
    codes: Annotated[Codes, Meta(min_length=1, max_length=500)]
    site: Name | None = None
    plan: Digest | None = None


class TestReported(_Base, frozen=True, kw_only=True, tag="test_reported"):
    """
    Samples were tested by a protocol: with what, under which conditions, with which results, and who signs.

    `data` are the digests of the files the instruments wrote; `deviations` is what was done otherwise than
    the protocol says. `measured` is the outcome where the protocol sets no limit.
    """

    __test__: ClassVar[bool] = False  # no class of tests, whatever pytest thinks of its name
    kind: ClassVar[str] = "test_reported"

    campaign: Name
    model_id: Name
    protocol: Name
    codes: Annotated[Codes, Meta(min_length=1, max_length=500)]
    outcome: Outcome
    results: Annotated[tuple[Result, ...], Meta(max_length=500)] = ()
    conditions: Annotated[dict[Name, float], Meta(max_length=50)] | None = None
    data: Annotated[tuple[Digest, ...], Meta(max_length=100)] = ()
    instrument: Name | None = None
    calibrated_on: Day | None = None
    deviations: Text | None = None
    signed_off_by: Name | None = None


class StageGranted(_Base, frozen=True, kw_only=True, tag="stage_granted"):
    """A type of battery has reached a stage, by what these campaigns showed."""

    kind: ClassVar[str] = "stage_granted"

    model_id: Name
    stage: Stage
    campaigns: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=50)]
    certificate: Name | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What a step measured of its units: mean, standard deviation and number; the quantity names its unit."""

    quantity: Name
    mean: float
    sd: Amount | None = None
    number: Count | None = None


class StepReported(_Base, frozen=True, kw_only=True, tag="step_reported"):
    """
    Units went through a step of a production line: how many came in, were good, were scrapped and why.

    About the lot that was worked on, or the batteries (`code`, `codes`); `unit` is what is counted.
    """

    kind: ClassVar[str] = "step_reported"

    production_line: Name
    step: Name
    unit: Literal["pieces", "kg", "m"]
    entered: Amount
    good: Amount
    scrapped: Annotated[dict[Name, Amount], Meta(max_length=50)] | None = None
    readings: Annotated[tuple[Reading, ...], Meta(max_length=100)] = ()
    code: str | None = None
    codes: Codes = ()
    lot: LotId | None = None
    product: Name | None = None
    site: Name | None = None


class Serviced(_Battery, frozen=True, kw_only=True, tag="serviced"):
    """Work was done on the battery where it was; with a campaign, the work which that recall asks for."""

    kind: ClassVar[str] = "serviced"

    work: Text | None = None
    campaign: Name | None = None


class Recalled(_Battery, frozen=True, kw_only=True, tag="recalled"):
    """The battery is part of a recall."""

    kind: ClassVar[str] = "recalled"

    campaign: Name
    risk: Text | None = None


class IncidentReported(_Base, frozen=True, kw_only=True, tag="incident_reported"):
    """
    Something happened to the battery.

    What a vehicle's alarm said: its highest level (GB/T 32960.3), the alarms by name, and the digest of the
    frames around it, which are kept elsewhere.
    """

    kind: ClassVar[str] = "incident_reported"

    code: str
    incident: Literal["fire", "leak", "collision", "flood", "other"]
    severity: Name | None = None
    transport: Transport | None = None
    alarm_level: Annotated[int, Meta(ge=1, le=4)] | None = None
    alarms: tuple[Name, ...] = ()
    trace_digest: Digest | None = None


class Stocktaken(_Base, frozen=True, kw_only=True, tag="stocktaken"):
    """These batteries were found at a site; nothing moves."""

    kind: ClassVar[str] = "stocktaken"

    site: Name
    codes: Annotated[Codes, Meta(min_length=1)]


# ---------------------------------------------------------------------- waste


class Retired(_Battery, frozen=True, kw_only=True, tag="retired"):
    """The battery is waste from now on."""

    kind: ClassVar[str] = "retired"

    reason: Text | None = None


class Collected(_Battery, frozen=True, kw_only=True, tag="collected"):
    """The reporter took the waste battery in."""

    kind: ClassVar[str] = "collected"

    from_: Name | None = field(default=None, name="from")
    site: Name | None = None


class HandedOver(_Battery, frozen=True, kw_only=True, tag="handed_over"):
    """The waste battery is on its way to another organisation."""

    kind: ClassVar[str] = "handed_over"

    to: Name
    site: Name | None = None
    carrier: Name | None = None
    packing: Name | None = None


class Assessed(_Base, frozen=True, kw_only=True, tag="assessed"):
    """
    Somebody decided what the battery is still good for, and why.

    `soh_low` to `soh_high` is its state of health, `life_years_low` to `life_years_high` how long it lasts
    in its next use, both with 95 %; `test` is what was done to know, `transport` what was seen. With
    `test_ordered` the decision is that of what is known so far: the test may change it.
    """

    kind: ClassVar[str] = "assessed"

    code: str
    decision: Literal["reuse", "repurpose", "recycle"]
    soh_fraction: Fraction | None = None
    reasons: tuple[Text, ...] = ()
    transport: Transport | None = None
    soh_low: Fraction | None = None
    soh_high: Fraction | None = None
    life_years_low: Years | None = None
    life_years_high: Years | None = None
    test: Test | None = None
    test_ordered: Literal["capacity"] | None = None


class PreparedForReuse(_Battery, frozen=True, kw_only=True, tag="prepared_for_reuse"):
    """The battery is ready for its old use again and no longer waste."""

    kind: ClassVar[str] = "prepared_for_reuse"

    site: Name | None = None


class _Reborn(_Base, frozen=True, kw_only=True):
    """Old batteries among `codes` end; those in `into` succeed them, and meet the `standard` of their use."""

    codes: Annotated[Codes, Meta(min_length=2)]
    into: Annotated[Codes, Meta(min_length=1)]
    use: Name | None = None
    site: Name | None = None
    standard: Name | None = None


class Repurposed(_Reborn, frozen=True, kw_only=True, tag="repurposed"):
    """Old batteries became new ones for another use."""

    kind: ClassVar[str] = "repurposed"


class Remanufactured(_Reborn, frozen=True, kw_only=True, tag="remanufactured"):
    """Old batteries became new ones for the same use."""

    kind: ClassVar[str] = "remanufactured"


class Assay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """How much of an element is in dry matter: a share of its mass, with its standard uncertainty (k = 1)."""

    element: Element
    fraction: Share
    uncertainty: Share | None = None
    method: Name | None = None


class Taken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """So much of a lot went into a process, as it lay there: moisture included."""

    lot: LotId
    mass_kg: Kilograms


class Stream(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What was added to a process, or left it, and is no lot: reagents and water, gas and what was lost."""

    substance: Substance
    mass_kg: Kilograms
    assays: Annotated[tuple[Assay, ...], Meta(max_length=20)] = ()
    method: Name | None = None


class Yield(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """
    A lot that a process gave, its mass as it lies there. `waste` has no further use.

    `recycled_kg` says, where the process keeps recycled content by mass balance, how much of each element in
    this lot is to count as recycled.
    """

    lot: LotId
    substance: Substance
    mass_kg: Kilograms
    moisture_fraction: Share | None = None
    assays: Annotated[tuple[Assay, ...], Meta(max_length=20)] = ()
    waste: Literal[True] | None = None
    waste_code: Name | None = None
    recycled_kg: Annotated[dict[Element, Kilograms], Meta(max_length=20)] | None = None


Inputs: TypeAlias = Annotated[tuple[Taken, ...], Meta(max_length=500)]
Outputs: TypeAlias = Annotated[tuple[Yield, ...], Meta(max_length=100)]
Streams: TypeAlias = Annotated[tuple[Stream, ...], Meta(max_length=50)]


class Dismantled(_Battery, frozen=True, kw_only=True, tag="dismantled"):
    """
    The pack in `code` ended; the modules and cells in `codes` go on by themselves.

    `mass_kg` is the pack's, `parts_mass_kg` that of what goes on; `outputs` are the lots that were won.
    """

    kind: ClassVar[str] = "dismantled"

    site: Name | None = None
    mass_kg: Kilograms | None = None
    parts_mass_kg: Kilograms | None = None
    outputs: Outputs = ()
    additions: Streams = ()
    emissions: Streams = ()
    tolerance_fraction: Share | None = None


class Recycled(_Battery, frozen=True, kw_only=True, tag="recycled"):
    """
    The batteries were turned back into materials: `mass_kg` of them gave the lots in `outputs`.

    Several events that share a `batch` are one run of the plant, whose mass balances as a whole.
    """

    kind: ClassVar[str] = "recycled"

    site: Name | None = None
    process: Name | None = None
    mass_kg: Amount | None = None
    outputs: Outputs = ()
    additions: Streams = ()
    emissions: Streams = ()
    tolerance_fraction: Share | None = None


# ----------------------------------------------------------------- materials


class LotCreated(_Base, frozen=True, kw_only=True, tag="lot_created"):
    """A mass of material joins the record from outside: bought, mined, or left over from making."""

    kind: ClassVar[str] = "lot_created"

    lot: LotId
    substance: Substance
    mass_kg: Kilograms
    origin: Origin
    moisture_fraction: Share | None = None
    assays: Annotated[tuple[Assay, ...], Meta(max_length=20)] = ()
    site: Name | None = None
    supplier_name: Name | None = None
    country: Country | None = None
    digest: Digest | None = None
    waste: Literal[True] | None = None
    waste_code: Name | None = None


class LotProcessed(_Base, frozen=True, kw_only=True, tag="lot_processed"):
    """
    Lots went into a process, and others came out of it. `code` and `codes` are batteries that it was done to
    and that go on, as those that were discharged.
    """

    kind: ClassVar[str] = "lot_processed"

    process: Process
    code: str | None = None
    codes: Codes = ()
    inputs: Inputs = ()
    outputs: Outputs = ()
    additions: Streams = ()
    emissions: Streams = ()
    site: Name | None = None
    tolerance_fraction: Share | None = None
    custody: Custody | None = None


class LotMoved(_Base, frozen=True, kw_only=True, tag="lot_moved"):
    """
    A lot went to another organisation or site, as a whole; `country` is where it went to from abroad.

    `consent` is the number of the notification under which the authorities of both sides let it pass.
    """

    kind: ClassVar[str] = "lot_moved"

    lot: LotId
    to: Name
    site: Name | None = None
    carrier: Name | None = None
    from_country: Country | None = None
    country: Country | None = None
    waste_code: Name | None = None
    consent: Name | None = None


class CreditSpent(_Battery, frozen=True, kw_only=True, tag="credit_spent"):
    """
    So much of a lot went into making these batteries, in equal parts; each kilogram can be spent once.

    `recycled_kg` says, by mass balance, how much of each element is to count as recycled in all of them.
    """

    kind: ClassVar[str] = "credit_spent"

    lot: LotId
    mass_kg: Kilograms
    site: Name | None = None
    recycled_kg: Annotated[dict[Element, Kilograms], Meta(max_length=20)] | None = None


# ------------------------------------------------------------- away, and back


class Exported(_Battery, frozen=True, kw_only=True, tag="exported"):
    """The battery left the country `from_country` for `country`; `consent` as of `lot_moved`."""

    kind: ClassVar[str] = "exported"

    country: Country
    from_country: Country | None = None
    consent: Name | None = None


class Imported(_Battery, frozen=True, kw_only=True, tag="imported"):
    """The battery came into the country and is in stock at the reporter."""

    kind: ClassVar[str] = "imported"

    cleared_at: When
    country: Country | None = None


class Destroyed(_Battery, frozen=True, kw_only=True, tag="destroyed"):
    """The battery is no more, and its materials were not won back."""

    kind: ClassVar[str] = "destroyed"

    reason: Text


class Lost(_Battery, frozen=True, kw_only=True, tag="lost"):
    """Nobody knows where the battery is."""

    kind: ClassVar[str] = "lost"

    how: Literal["lost", "stolen"] | None = None


class Found(_Battery, frozen=True, kw_only=True, tag="found"):
    """A missing battery turned up and is in stock at the reporter."""

    kind: ClassVar[str] = "found"

    site: Name | None = None


# ------------------------------------------------------------------ passports


class _Passport(_Base, frozen=True, kw_only=True):
    """The EU passport of a battery that has this number: CODE/1 is the first, a further life has the next."""

    code: str
    number: Annotated[int, Meta(ge=1, le=99)]


class PassportIssued(_Passport, frozen=True, kw_only=True, tag="passport_issued"):
    """Who answers for the battery issued an EU passport for it."""

    kind: ClassVar[str] = "passport_issued"


class PassportCeased(_Passport, frozen=True, kw_only=True, tag="passport_ceased"):
    """The passport is no longer in force, for a reason that does not follow from the record."""

    kind: ClassVar[str] = "passport_ceased"

    reason: Literal["re_used", "repurposed", "remanufactured", "recycled", "operator_ended", "withdrawn"]


class TransferredIn(_Base, frozen=True, kw_only=True, tag="transferred_in"):
    """
    The battery's record goes on here: its first `events` events stand in the log `log`, and end in `head`.

    `head` is the hash of its chain there. What held then: who answered for it, and its passport in force.
    """

    kind: ClassVar[str] = "transferred_in"

    code: str
    log: Name
    events: Annotated[int, Meta(ge=1, le=2**53)]
    head: Digest
    model_id: Name | None = None
    operator: Name | None = None
    number: Annotated[int, Meta(ge=1, le=99)] | None = None


# ---------------------------------------------------------------- corrections


class Corrected(_Base, frozen=True, kw_only=True, tag="corrected"):
    """
    An event found to be wrong is void, or another line stands in its place.

    The subjects are those of both; `line` is a whole event line as a string.
    """

    kind: ClassVar[str] = "corrected"

    code: str | None = None
    codes: Codes = ()
    vin: str | None = None
    organisation: Name | None = None
    model_id: Name | None = None
    lots: tuple[LotId, ...] = ()
    site: Name | None = None
    corrects: Count
    void: Literal[True] | None = None
    line: Annotated[str, Meta(min_length=2)] | None = None


# -------------------------------------------------------------- trust, models


class OrganisationRegistered(_Base, frozen=True, kw_only=True, tag="organisation_registered"):
    """An organisation joins the record."""

    kind: ClassVar[str] = "organisation_registered"

    organisation: Name
    name: Name
    country: Country | None = None
    former: Name | None = None
    address: Text | None = None


class RoleGranted(_Base, frozen=True, kw_only=True, tag="role_granted"):
    """An organisation may act in a role."""

    kind: ClassVar[str] = "role_granted"

    organisation: Name
    role: Role
    from_: When | None = field(default=None, name="from")
    until: When | None = None
    evidence: Text | None = None


class RoleRevoked(_Base, frozen=True, kw_only=True, tag="role_revoked"):
    """An organisation no longer acts in a role."""

    kind: ClassVar[str] = "role_revoked"

    organisation: Name
    role: Role
    from_: When | None = field(default=None, name="from")
    until: When | None = None
    evidence: Text | None = None


class KeyAdded(_Base, frozen=True, kw_only=True, tag="key_added"):
    """An organisation signs with this key from now on."""

    kind: ClassVar[str] = "key_added"

    organisation: Name
    key_id: Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,64}$")]
    algorithm: Name
    public_key: Annotated[str, Meta(max_length=4_096)]
    host_may_sign: bool | None = None


class KeyRevoked(_Base, frozen=True, kw_only=True, tag="key_revoked"):
    """An organisation no longer signs with this key."""

    kind: ClassVar[str] = "key_revoked"

    organisation: Name
    key_id: Name
    compromised_since: When | None = None


class SiteRegistered(_Base, frozen=True, kw_only=True, tag="site_registered"):
    """
    An organisation has a site. An outlet says where it is, in degrees (WGS 84), and for whom it takes back.

    A swap station says which `interfaces` it handles (`swap/interfaces.csv`), and how much of what it has.

    The last one counts, as a whole; with `closed` the site is no more.
    """

    kind: ClassVar[str] = "site_registered"

    site: Name
    organisation: Name
    name: Name | None = None
    region: Name | None = None
    site_type: Literal["plant", "outlet", "station", "depot", "storage"] | None = None
    makers: Annotated[tuple[Name, ...], Meta(max_length=50)] = ()
    address: Name | None = None
    phone: Annotated[str, Meta(pattern="^[+0-9][0-9 ()-]{3,29}$")] | None = None
    hours: Name | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    closed: Literal[True] | None = None
    interfaces: Annotated[tuple[Name, ...], Meta(max_length=20)] = ()
    bays: Fixtures | None = None
    slots: Fixtures | None = None
    chargers: Fixtures | None = None
    charger_kw: Amount | None = None


class ModelRegistered(_Base, frozen=True, kw_only=True, tag="model_registered"):
    """A type of battery, as its maker declares it; `swap_pack` is the standardized pack that it is."""

    kind: ClassVar[str] = "model_registered"

    model_id: Name
    name: Name | None = None
    level: Literal["pack", "module", "cell"] | None = None
    chemistry: Name | None = None
    energy_kwh: Amount | None = None
    mass_kg: Amount | None = None
    voltage_v: Amount | None = None
    capacity_ah: Amount | None = None
    form_factor: Name | None = None
    composition: dict[Name, Amount] | None = None
    swap_pack: Name | None = None


class ModelCertified(_Base, frozen=True, kw_only=True, tag="model_certified"):
    """A type of battery holds a certificate."""

    kind: ClassVar[str] = "model_certified"

    model_id: Name
    certificate: Name
    certified_on: Day


class DocumentAdded(_Base, frozen=True, kw_only=True, tag="document_added"):
    """A document on a type of battery, by the digest of its file."""

    kind: ClassVar[str] = "document_added"

    model_id: Name
    purpose: Literal[
        "disassembly",
        "repair",
        "safety",
        "composition",
        "carbon_footprint",
        "recycled_content",
        "performance",
        "label",
        "due_diligence",
        "conformity",
        "test_report",
    ]
    title: Name
    digest: Digest
    issuer: Name | None = None
    issued_on: Day | None = None


class PointsDeclared(_Base, frozen=True, kw_only=True, tag="points_declared"):
    """Data points of a type of battery, as its maker declares them from now on; others stay as they were."""

    kind: ClassVar[str] = "points_declared"

    model_id: Name
    points: Points
    issuer: Name | None = None
    issued_on: Day | None = None
    digest: Digest | None = None


class AnswerAccepted(_Base, frozen=True, kw_only=True, tag="answer_accepted"):
    """
    Data points of a type of battery as a supplier answered them, taken over by its maker.

    `answer` is the very text that the supplier signed (`answers`); `supplier_id` says that the key is that of
    an organisation on record.
    """

    kind: ClassVar[str] = "answer_accepted"

    model_id: Name
    part: Name
    supplier_name: Name
    supplier_id: Name | None = None
    points: Points
    answer: Annotated[str, Meta(min_length=2, max_length=20_000)]
    algorithm: Name
    public_key: Annotated[str, Meta(max_length=4_096)]
    signature: Annotated[str, Meta(max_length=4_096)]


Event: TypeAlias = (
    Manufactured
    | Enrolled
    | Identified
    | Shipped
    | Received
    | Assembled
    | Disassembled
    | Installed
    | Removed
    | Swapped
    | VehicleCertified
    | Sold
    | VehicleExported
    | VehicleImported
    | VehicleScrapped
    | OwnershipTransferred
    | ResponsibilityTransferred
    | Measured
    | CampaignOpened
    | TestReported
    | StepReported
    | Serviced
    | Recalled
    | IncidentReported
    | Stocktaken
    | Retired
    | Collected
    | HandedOver
    | Assessed
    | PreparedForReuse
    | Repurposed
    | Remanufactured
    | Dismantled
    | Recycled
    | LotCreated
    | LotProcessed
    | LotMoved
    | CreditSpent
    | Exported
    | Imported
    | Destroyed
    | Lost
    | Found
    | PassportIssued
    | PassportCeased
    | TransferredIn
    | Corrected
    | OrganisationRegistered
    | RoleGranted
    | RoleRevoked
    | KeyAdded
    | KeyRevoked
    | SiteRegistered
    | ModelRegistered
    | ModelCertified
    | StageGranted
    | DocumentAdded
    | PointsDeclared
    | AnswerAccepted
)

STRUCTS: Final[dict[str, type[msgspec.Struct]]] = {struct.kind: struct for struct in Event.__args__}


_HAS_CODE = frozenset(s for s in STRUCTS.values() if "code" in s.__struct_fields__)
_HAS_CODES = frozenset(s for s in STRUCTS.values() if "codes" in s.__struct_fields__)


def batteries(event: Any) -> tuple[str, ...]:
    """Return the codes of the batteries the event is about."""
    struct = type(event)
    codes: tuple[str, ...] = event.codes if struct in _HAS_CODES else ()
    if struct in _HAS_CODE and event.code is not None:
        return (event.code, *codes) if codes else (event.code,)
    return codes


def subjects(event: Event) -> tuple[str, ...]:
    """Return what the event is about, in the order of formats.md: batteries first."""
    found = ["battery:" + code for code in batteries(event)]
    others = _SUBJECT_FIELDS[type(event)]
    for prefix, name in others:
        if prefix == "lot:":
            found += ["lot:" + lot for lot in lots(event)]
            continue
        value = getattr(event, name)
        if value is not None:
            found.append(prefix + value)
    return tuple(found)


def lots(event: Any) -> tuple[str, ...]:
    """Return the lots that an event is about: those that went in, then those that came out."""
    struct = type(event)
    if struct not in _WITH_LOTS:
        return ()
    if struct is Corrected:
        return event.lots  # type: ignore[no-any-return]
    if (one := getattr(event, "lot", None)) is not None:
        return (one,)
    return (
        *(taken.lot for taken in getattr(event, "inputs", ())),
        *(made.lot for made in getattr(event, "outputs", ())),
    )


_WITH_LOTS: Final = frozenset(
    {LotCreated, LotProcessed, LotMoved, CreditSpent, Dismantled, Recycled, StepReported, Corrected}
)


def _subject_fields() -> dict[type, tuple[tuple[str, str], ...]]:
    """Return for each struct the fields that name subjects other than batteries, in order."""
    about = {
        "vehicle:": ("vin", None),
        "organisation:": (
            "organisation",
            (OrganisationRegistered, RoleGranted, RoleRevoked, KeyAdded, KeyRevoked, Corrected),
        ),
        "model:": (
            "model_id",
            (
                ModelRegistered,
                ModelCertified,
                CampaignOpened,
                TestReported,
                StageGranted,
                DocumentAdded,
                PointsDeclared,
                AnswerAccepted,
                Corrected,
            ),
        ),
        "lot:": ("", tuple(_WITH_LOTS)),
        "site:": ("site", (SiteRegistered, Corrected)),
    }
    return {
        struct: tuple(
            (prefix, name)
            for prefix, (name, only) in about.items()
            if (not name or name in struct.__struct_fields__) and (only is None or struct in only)
        )
        for struct in STRUCTS.values()
    }


_SUBJECT_FIELDS: dict[type, tuple[tuple[str, str], ...]] = _subject_fields()
