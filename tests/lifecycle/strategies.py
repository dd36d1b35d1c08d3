"""Histories for properties: random events over a few batteries, vehicles and organisations."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from voltrail.codes import build
from voltrail.events import encode, kinds
from voltrail.lifecycle import Recorded
from voltrail.organisations.identifiers import credit_code


def a_code(level="pack", serial=1):
    """Return a code of an invented maker."""
    return build(
        maker="9ZZ",
        level=level,
        battery_type="B",
        specification="24",
        production_date=datetime(2026, 4, 12, tzinfo=UTC).date(),
        serial=serial,
        traceability="0000003",
    )


PACKS = tuple(a_code("pack", n) for n in (1, 2, 3))
MODULES = tuple(a_code("module", n) for n in (11, 12))
CODES = PACKS + MODULES
ORGANISATIONS = tuple(credit_code(f"91000000MA000000{n}") for n in "ABC")
VINS = ("LVSHCAMB1CE054249", "LVSHCAMB1CE054250")
START = datetime(2026, 5, 1, tzinfo=UTC)


def at(hours):
    """Return a time so many hours after the start."""
    return START + timedelta(hours=hours)


def recorded(event, index, reporter=ORGANISATIONS[0]):
    """Return an event as the log has it."""
    return Recorded(index, event, reporter, int(event.occurred_at.timestamp() * 1000))


def build_event(kind, one, other, organisation, vin, when, number=1):
    """Return one event of a kind on one battery, or on two."""
    k = kinds
    makers = {
        "manufactured": lambda: k.Manufactured(occurred_at=when, code=one, model_id="S-102"),
        "enrolled": lambda: k.Enrolled(occurred_at=when, code=one, place="in_vehicle", basis="vin", vin=vin),
        "identified": lambda: k.Identified(occurred_at=when, code=one, codes=(other,), right=other),
        "shipped": lambda: k.Shipped(occurred_at=when, code=one, to=organisation),
        "received": lambda: k.Received(occurred_at=when, code=one),
        "received_at_station": lambda: k.Received(occurred_at=when, code=one, station="S1"),
        "assembled": lambda: k.Assembled(occurred_at=when, code=one, codes=(other,)),
        "disassembled": lambda: k.Disassembled(occurred_at=when, code=one, codes=(other,)),
        "installed": lambda: k.Installed(occurred_at=when, code=one, vin=vin),
        "installed_in_storage": lambda: k.Installed(occurred_at=when, code=one, system="ESS-1"),
        "removed": lambda: k.Removed(occurred_at=when, code=one, vin=vin),
        "swapped": lambda: k.Swapped(
            occurred_at=when, codes=(one, other), taken_out=one, put_in=other, vin=vin, station="S1"
        ),
        "sold": lambda: k.Sold(occurred_at=when, vin=vin, codes=(one,)),
        "vehicle_exported": lambda: k.VehicleExported(occurred_at=when, vin=vin, codes=(one,)),
        "vehicle_imported": lambda: k.VehicleImported(occurred_at=when, vin=vin, codes=(one,)),
        "vehicle_scrapped": lambda: k.VehicleScrapped(
            occurred_at=when, vin=vin, codes=(one,), certificate_date="2026-05-02"
        ),
        "ownership_transferred": lambda: k.OwnershipTransferred(occurred_at=when, code=one, to=organisation),
        "measured": lambda: k.Measured(occurred_at=when, code=one, soh_fraction=0.9),
        "serviced": lambda: k.Serviced(occurred_at=when, code=one, campaign="R1"),
        "recalled": lambda: k.Recalled(occurred_at=when, code=one, campaign="R1"),
        "stocktaken": lambda: k.Stocktaken(occurred_at=when, site="W1", codes=(one, other)),
        "retired": lambda: k.Retired(occurred_at=when, code=one),
        "collected": lambda: k.Collected(occurred_at=when, code=one),
        "handed_over": lambda: k.HandedOver(occurred_at=when, code=one, to=organisation),
        "assessed": lambda: k.Assessed(occurred_at=when, code=one, decision="recycle", soh_fraction=0.5),
        "prepared_for_reuse": lambda: k.PreparedForReuse(occurred_at=when, code=one),
        "repurposed": lambda: k.Repurposed(occurred_at=when, codes=(one, other), into=(other,)),
        "dismantled": lambda: k.Dismantled(occurred_at=when, code=one, codes=(other,)),
        "recycled": lambda: k.Recycled(occurred_at=when, code=one),
        "exported": lambda: k.Exported(occurred_at=when, code=one, country="DE"),
        "imported": lambda: k.Imported(occurred_at=when, code=one, cleared_at=when),
        "destroyed": lambda: k.Destroyed(occurred_at=when, code=one, reason="fire"),
        "lost": lambda: k.Lost(occurred_at=when, code=one),
        "found": lambda: k.Found(occurred_at=when, code=one),
        "transferred_in": lambda: k.TransferredIn(
            occurred_at=when, code=one, log="old.example/log", events=3, head="0" * 64, number=number
        ),
        "passport_issued": lambda: k.PassportIssued(occurred_at=when, code=one, number=number),
        "passport_ceased": lambda: k.PassportCeased(
            occurred_at=when, code=one, number=number, reason="withdrawn"
        ),
    }
    return makers[kind]()


KINDS = [
    "manufactured",
    "enrolled",
    "identified",
    "shipped",
    "received",
    "received_at_station",
    "assembled",
    "disassembled",
    "installed",
    "installed_in_storage",
    "removed",
    "swapped",
    "sold",
    "vehicle_exported",
    "vehicle_imported",
    "vehicle_scrapped",
    "ownership_transferred",
    "measured",
    "serviced",
    "recalled",
    "stocktaken",
    "retired",
    "collected",
    "handed_over",
    "assessed",
    "prepared_for_reuse",
    "repurposed",
    "dismantled",
    "recycled",
    "exported",
    "imported",
    "destroyed",
    "lost",
    "found",
    "transferred_in",
    "passport_issued",
    "passport_ceased",
]


@st.composite
def events(draw, when):
    """Return one event at a time, on batteries drawn at random."""
    one, other = draw(st.lists(st.sampled_from(CODES), min_size=2, max_size=2, unique=True))
    kind = draw(st.sampled_from(KINDS))
    organisation, vin = draw(st.sampled_from(ORGANISATIONS)), draw(st.sampled_from(VINS))
    return build_event(kind, one, other, organisation, vin, when, draw(st.integers(1, 4)))


@st.composite
def histories(draw, max_size=12, corrections=True):
    """Return events in the order of the log, at distinct times, some of them corrected."""
    hours = draw(st.lists(st.integers(0, 500), min_size=1, max_size=max_size, unique=True))
    history = [
        recorded(draw(events(at(hour))), index, draw(st.sampled_from(ORGANISATIONS)))
        for index, hour in enumerate(hours)
    ]
    if corrections:
        for _ in range(draw(st.integers(0, 3))):
            history.append(draw(corrections_of(history)))
    return history


@st.composite
def corrections_of(draw, history):
    """Return a correction of one of the events, void or with another line, on every battery and vehicle."""
    target = draw(st.sampled_from(history))
    hour = 1_000 + len(history)
    line = None
    if draw(st.booleans()):
        line = encode(draw(events(at(hour + 0.5)))).decode()
    correction = kinds.Corrected(
        occurred_at=at(hour),
        code=CODES[0],
        codes=CODES[1:],
        vin=VINS[0],
        corrects=target.index,
        void=True if line is None else None,
        line=line,
    )
    return recorded(correction, len(history), target.reporter)
