"""Events for the properties of EPCIS: ours of every kind, and those of others about batteries."""

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from tests.lifecycle.strategies import CODES, ORGANISATIONS, PACKS, VINS
from voltrail.codes.digital_link import check_digit
from voltrail.events import encode, kinds
from voltrail.events.epcis.table import MAPPINGS
from voltrail.events.structs import STRUCTS, Assay, Reading, Result, Stream, Taken, Yield

OF_MODELS = {"campaign_opened", "test_reported"}
HOST = "registry.example"
ZONES = st.sampled_from([0, 480, -330, 60, 839, -720]).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
TIMES = st.builds(
    lambda at, zone: at.replace(tzinfo=zone),
    st.datetimes(datetime(1991, 1, 1), datetime(2198, 1, 1)),  # noqa: DTZ001 - the zone comes after
    ZONES,
)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
AMOUNTS = st.one_of(st.integers(0, 10**9 - 1).map(float), st.floats(0, 1e6).map(lambda x: round(x, 6)))
DAYS = st.dates(datetime(1991, 1, 1).date(), datetime(2198, 1, 1).date()).map(str)  # noqa: DTZ001
LOTS = st.integers(1, 999).map(lambda n: f"{ORGANISATIONS[0]}/{n}")
ASSAYS = st.sampled_from([(), (Assay(element="Li", fraction=0.05),)])
STREAMS = st.lists(
    st.builds(Stream, substance=st.just("gas"), mass_kg=AMOUNTS, assays=ASSAYS), max_size=2
).map(tuple)
BY_NAME = {
    "lot": LOTS,
    "outputs": st.lists(
        st.builds(Yield, lot=LOTS, substance=st.just("black_mass"), mass_kg=AMOUNTS, assays=ASSAYS),
        max_size=2,
        unique_by=lambda made: made.lot,
    ).map(tuple),
    "additions": STREAMS,
    "emissions": STREAMS,
    "tolerance_fraction": st.sampled_from([0.01, 0.2]),
    "recycled_kg": st.just({"Li": 0.5}),
    "custody": st.sampled_from(["segregation", "mass_balance"]),
    "points": st.fixed_dictionaries(
        {"capacity_ah": st.integers(0, 8_000).map(lambda eighths: eighths / 8)},
        optional={"charge_percent": st.integers(0, 100), "temperature_c": st.integers(-40, 60)},
    ),
    "protocols": st.sampled_from([("capacity",), ("capacity", "cycle_life")]),
    "results": st.sampled_from([(), (Result(metric="capacity_ah", value=60.5),)]),
    "stage": st.just("pilot_line"),
    "outcome": st.sampled_from(["passed", "failed"]),
    "unit": st.sampled_from(["pieces", "m"]),
    "plan": st.just("c2" * 32),
    "conditions": st.just({"temperature_c": -20.0}),
    "data": st.just(("a0" * 32,)),
    "calibrated_on": DAYS,
    "entered": st.just(120.0),
    "good": st.sampled_from([0.0, 117.5]),
    "scrapped": st.just({"burr": 2.5}),
    "readings": st.sampled_from([(), (Reading(quantity="thickness_um", mean=71.2, sd=0.4, number=30),)]),
    "occurred_at": TIMES,
    "cleared_at": TIMES,
    "vin": st.sampled_from(VINS),
    "to": st.sampled_from(ORGANISATIONS),
    "from_": st.sampled_from(ORGANISATIONS),
    "carrier": st.sampled_from(ORGANISATIONS),
    "code": st.sampled_from(PACKS),
    "manufactured_on": DAYS,
    "certificate_date": DAYS,
    "photo_digest": st.just("sha256:" + "a0" * 32),
    "country": st.sampled_from(["CN", "DE"]),
    "cycles": st.integers(0, 10**15 - 1),
    "soh_fraction": st.floats(0, 1.5).map(lambda x: round(x, 4)),
    "place": st.sampled_from(["in_stock", "in_swap_station"]),
    "basis": st.sampled_from(["label", "photo"]),
    "phase": st.sampled_from(["original", "waste"]),
    "reason": st.sampled_from(["new", "warranty"]),
    "incident": st.sampled_from(["fire", "other"]),
    "decision": st.sampled_from(["reuse", "recycle"]),
    "transport": st.sampled_from(["normal", "damaged", "critical"]),
    "from_country": st.sampled_from(["DE", "CN"]),
    "soh_low": st.sampled_from([0.7, 0.81]),
    "soh_high": st.sampled_from([0.81, 0.9]),
    "method_version": st.just("1"),
    "measured_from": TIMES,
    "measured_until": TIMES,
    "sessions": st.integers(0, 99),
    "trace_digest": st.just("ab" * 32),
    "alarm_level": st.integers(1, 4),
    "alarms": st.lists(NAMES, max_size=3).map(tuple),
    "life_years_low": st.sampled_from([0.5, 3]),
    "life_years_high": st.sampled_from([3, 7.25]),
    "test": st.sampled_from(["none", "capacity"]),
    "test_ordered": st.just("capacity"),
    "how": st.sampled_from(["lost", "stolen"]),
    "reasons": st.lists(NAMES, max_size=3).map(tuple),
    "site": st.one_of(NAMES, st.just("4012345000115")),
    "number": st.integers(1, 99),
    "events": st.integers(1, 10**6),
    "head": st.just("b1" * 32),
    "operator": st.sampled_from(ORGANISATIONS),
    "epcis": st.nothing(),
}


@st.composite
def our_events(draw):
    """Draw an event of any kind about batteries or vehicles, with any of its members."""
    kind = draw(st.sampled_from([name for name in MAPPINGS if name != "corrected"]))
    return draw(event_of_kind(kind))


@st.composite
def event_of_kind(draw, kind):
    """Draw an event of a kind."""
    struct, members = STRUCTS[kind], {}
    for name, field in zip(struct.__struct_fields__, struct_fields(struct), strict=True):
        if name in {"epcis", "codes", "into", "right", "taken_out", "put_in", "system", "vin"}:
            continue
        if field.required or draw(st.booleans()):
            members[name] = draw(BY_NAME.get(name, AMOUNTS if "float" in str(field.type) else NAMES))
    some = draw(st.lists(st.sampled_from(CODES), min_size=2, max_size=4, unique=True))
    others = [one for one in some if one != members.get("code")][:2]
    names = struct.__struct_fields__
    if kind == "identified":
        members |= {"codes": (others[0],), "right": draw(st.sampled_from([members["code"], others[0]]))}
    elif kind == "swapped":
        pair = tuple(some[: draw(st.integers(1, 2))])
        members |= {
            "codes": pair,
            **dict(zip(draw(st.permutations(["taken_out", "put_in"])), pair, strict=False)),
        }
    elif kind == "lot_processed":
        members |= {"code": draw(BY_NAME["code"]), "codes": (), "process": "discharge"}
        members["inputs"] = draw(st.sampled_from([(), (Taken(lot=f"{ORGANISATIONS[0]}/in", mass_kg=1.5),)]))
    elif kind == "step_reported":
        members["code"] = draw(BY_NAME["code"])
        members["codes"] = tuple(one for one in others if one != members["code"])
    elif kind == "passport_ceased":
        members["reason"] = draw(st.sampled_from(["recycled", "operator_ended"]))
    elif kind in {"repurposed", "remanufactured"}:
        members |= {"codes": tuple(some), "into": (draw(st.sampled_from(some)),)}
    elif kind in {"assembled", "disassembled"}:
        members["codes"] = tuple(others)
    elif "codes" in names:
        members["codes"] = tuple(others) if "code" in names else tuple(some)
        if draw(st.booleans()) and kind not in {"stocktaken", "campaign_opened", "test_reported"}:
            members["codes"] = ()
    if kind in {"installed", "removed"}:
        members[draw(st.sampled_from(["vin", "system"]))] = draw(st.sampled_from(VINS))
    elif "vin" in names and (kind != "enrolled" or draw(st.booleans())):
        members["vin"] = draw(BY_NAME["vin"])
    for low, high in (("soh_low", "soh_high"), ("life_years_low", "life_years_high")):
        if (low in members) != (high in members):  # an interval has both ends
            members |= {name: draw(BY_NAME[name]) for name in (low, high)}
    if ("measured_from" in members) != ("measured_until" in members):
        members.pop("measured_from", None), members.pop("measured_until", None)
    if "measured_from" in members and members["measured_from"] > members["measured_until"]:
        members["measured_from"] = members["measured_until"]
    if members.get("outputs") and "mass_kg" in struct.__struct_fields__:
        members.setdefault("mass_kg", 412.5)
    return struct(**members)


def struct_fields(struct):
    """Return what msgspec knows of the fields of a struct."""
    import msgspec

    return msgspec.structs.fields(struct)


@st.composite
def corrections(draw):
    """Draw a correction of an event, void or with another line in its place."""
    wrong = draw(our_events())
    codes = kinds.batteries(wrong)
    members = {
        "occurred_at": draw(TIMES),
        "corrects": draw(st.integers(0, 10**15 - 1)),
        "code": codes[0] if codes else None,
        "codes": codes[1:],
        "vin": getattr(wrong, "vin", None),
        "model_id": getattr(wrong, "model_id", None) if wrong.kind in OF_MODELS else None,
        "lots": kinds.lots(wrong),
    }
    if draw(st.booleans()):
        return kinds.Corrected(**members, void=True)
    return kinds.Corrected(**members, line=encode(wrong).decode())


# ------------------------------------------------------------------- those of others

SERIALS = st.text(st.sampled_from("0123456789ABCDEFGHJK-"), min_size=1, max_size=17).map(
    lambda text: text.strip("-") or "7"
)


def sgtin(serial, reference="011111"):
    """Return the EPC of a trade item."""
    return f"urn:epc:id:sgtin:4012345.{reference}.{serial}"


def digital_link(serial, reference="011111"):
    """Return the same trade item as an address of its maker."""
    body = reference[0] + "4012345" + reference[1:]
    return f"https://maker.example/01/{body}{check_digit(body)}/21/{serial}"


EPCS = st.one_of(
    st.sampled_from(CODES).map(lambda code: f"https://{HOST}/b/{code}"),
    st.sampled_from(CODES).map(lambda code: f"urn:voltrail:battery:{code}"),
    st.sampled_from(CODES).map(lambda code: f"https://id.gs1.org/8004/401234{code}"),
    SERIALS.map(sgtin),
    SERIALS.map(digital_link),
    SERIALS.map(lambda serial: f"urn:epc:id:giai:4012345.{serial}"),
)
EXTENSIONS = st.dictionaries(
    st.sampled_from(["ex:a", "ex:b", "ex:c"]),
    st.recursive(
        st.one_of(NAMES, st.integers(-(10**12), 10**12), st.booleans(), st.floats(-1e6, 1e6)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["ex:d", "ex:e"]), inner, max_size=2)
        ),
        max_leaves=5,
    ),
    max_size=2,
)
PLACES = st.sampled_from(
    [
        "urn:epc:id:sgln:4012345.00011.987",
        "https://id.gs1.org/414/4012345000115",
        "geo:50.9,6.9",
        "urn:voltrail:site:W%201",
    ]
)
PARTIES = st.sampled_from([f"urn:voltrail:organisation:{one}" for one in ORGANISATIONS])


@st.composite
def others_events(draw):
    """Draw an event of somebody else's, that can be read without `voltrail:kind`."""
    sort, action, steps = draw(
        st.sampled_from(
            [
                ("ObjectEvent", "ADD", ["commissioning"]),
                (
                    "ObjectEvent",
                    "OBSERVE",
                    ["shipping", "receiving", "accepting", "repairing", "stock_taking", "collecting"],
                ),
                ("AggregationEvent", "ADD", ["assembling"]),
                ("AssociationEvent", "DELETE", ["disassembling"]),
                ("TransformationEvent", None, ["destroying"]),
                ("ObjectEvent", "OBSERVE", ["sensor_reporting"]),
            ]
        )
    )
    step = draw(st.sampled_from(steps))
    event = {
        "type": sort,
        "eventTime": draw(TIMES).isoformat(timespec=draw(st.sampled_from(["seconds", "milliseconds"]))),
        "eventTimeZoneOffset": draw(st.sampled_from(["+08:00", "-05:30"])),
        "bizStep": draw(st.sampled_from([step, f"https://ref.gs1.org/cbv/BizStep-{step}"])),
    }
    if action is not None:
        event["action"] = action
    epcs = draw(st.lists(EPCS, min_size=2, max_size=3, unique_by=_code))
    match sort:
        case "ObjectEvent":
            event["epcList"] = epcs[:1] if step == "sensor_reporting" else epcs
        case "TransformationEvent":
            event |= {
                "inputEPCList": epcs,
                "transformationID": "urn:uuid:550e8400-e29b-41d4-a716-446655440003",
            }
        case _:
            event |= {"parentID": epcs[0], "childEPCs": epcs[1:]}
    if step == "shipping":
        event["destinationList"] = [{"type": "possessing_party", "destination": draw(PARTIES)}]
    if step == "stock_taking":
        event["readPoint"] = {"id": "https://id.gs1.org/414/4012345000115"}
    elif draw(st.booleans()):
        event["readPoint"] = {"id": draw(PLACES), **draw(EXTENSIONS)}
    if draw(st.booleans()):
        event["eventID"] = f"urn:uuid:{draw(st.uuids())}"
    if draw(st.booleans()):
        event["recordTime"] = draw(TIMES).isoformat(timespec="milliseconds")
    if draw(st.booleans()):
        event["bizTransactionList"] = [
            {"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:4012345000115:A1"}
        ]
    if step == "sensor_reporting":
        value = draw(st.floats(0, 120).map(lambda x: round(x, 2)))
        report = {"type": "ex:hasStateOfHealth", "value": value, "uom": "P1"}
        event["sensorElementList"] = [
            {"sensorReport": [report, {"type": "Temperature", "value": 21.50, "uom": "CEL"}]}
        ]
    return event | draw(EXTENSIONS)


def _code(uri):
    from voltrail.events.epcis.names import read_battery

    return read_battery(uri, ORGANISATIONS[0])


CONTEXT = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"ex": "https://ex.example/epcis/"},
]


def document(events, context=CONTEXT):
    """Return a document with these events."""
    return {
        "@context": context,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-07-22T10:30:00Z",
        "epcisBody": {"eventList": events},
    }
