"""
The walk: every member of every kind, and every attribute, for every reader, in every output.

Each member is given a value that stands nowhere else. Every reader asks a real server for every output, and
the bytes of the answers are searched: what the table hides from a reader is in none of them, and what it
shows is there. So an output that by-passes the table fails, whatever it is made with.
"""

# ruff: noqa: F811 - fixtures of another module are imported

import io
import json
import threading
import zipfile
from base64 import b64decode
from datetime import UTC, date, datetime, timedelta
from itertools import count
from urllib.parse import unquote

import httpx
import msgspec
import pyarrow.parquet as pq
import pytest
import uvicorn

from tests.api.conftest import HTML
from tests.api.test_accounts import CHOSEN, quick_hashes  # noqa: F401
from tests.browser.serving import free_port
from tests.registry import sample
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.codes import build, is_code
from voltrail.events.kinds import STRUCTS, member_names
from voltrail.events.table import TRUST_KINDS
from voltrail.organisations.access import ATTRIBUTES, BATTERY, PASSPORT, Reader, may_see
from voltrail.organisations.identifiers import credit_code
from voltrail.passport import EU_GUIDANCE, FORMS, en18223
from voltrail.registry.settings import initialise
from voltrail.web.figures import day, number

WORKER, OWNER, OPERATOR, GRANTEE, LEARNER, AUDITOR, STRANGER = (
    credit_code(f"91000000MA00001{n:02}") for n in range(7)
)
NUMBERS = count(1)
ROLES = [
    "battery_maker",
    "importer",
    "vehicle_maker",
    "swap_operator",
    "storage_operator",
    "repair_enterprise",
    "vehicle_dismantler",
    "collection_outlet",
    "utilisation_enterprise",
    "testing_lab",
    "carrier",
]
ENDS = ("vehicle_exported", "repurposed", "remanufactured", "dismantled", "recycled", "exported", "destroyed")
MOVING = {"ownership_transferred", "responsibility_transferred"}
CORRECTED = "corrected"
OF_LOTS = {"lot_created", "lot_moved"}  # about no battery: tests/api/test_lots.py
EARLY = "2026-04-05T08:00:00+08:00"


def code_of(level="pack"):
    day_made = date(2026, 4, 12)
    return build(
        maker="9ZZ", level=level, battery_type="B", production_date=day_made, serial=7000 + next(NUMBERS)
    )


class Marks:
    """The values that stand nowhere else, by kind, member and line; and the lines with them."""

    def __init__(self):
        self.of = {}  # (code, kind, position): {member: the forms in which its value may be shown}

    def line(self, kind, when, code, **given):
        """Return a line of a kind with every member that it can have, but those given as None."""
        members, marks = {"kind": kind, "occurred_at": when}, {}
        for field in msgspec.structs.fields(STRUCTS[kind]):
            name = field.encode_name
            if name in given:
                value = given[name]
            elif name == "occurred_at":
                continue
            elif name == "code":
                value = code
            elif name == "codes":
                value = () if "code" in member_names(kind) else (code,)
            else:
                value = self._value(kind, name)
            if value is None or value == ():
                continue
            members[name] = value
            if name in {"vin", "line"} or name not in {*given, "code", "codes"}:
                marks[name] = forms(value)
        self.of.setdefault((code, kind), []).append((when, marks, set(members)))
        return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()

    def _value(self, kind, name):
        n = next(NUMBERS)
        match name:
            case "vin":
                return f"LSVAA{n:04}E2181357"[:17].ljust(17, "7")
            case "to" | "from" | "carrier":
                return credit_code(f"91000000MB{n:07}") if kind not in TRUST_KINDS else EARLY
            case "number" | "events":
                return 1 + n % 9 if name == "number" else 1_000_000 + n
            case "head":
                return f"{n:04}".ljust(64, "f")
            case "operator":
                return credit_code(f"91000000MD{n:07}")
            case "soh_fraction":
                return float(f"0.7{n:04}91357")
            case "soh_low" | "soh_high":
                return float(f"0.{7 + (name == 'soh_high')}{n:04}91357")
            case "life_years_low" | "life_years_high":
                return float(f"{3 + (name == 'life_years_high')}.{n:04}91357")
            case "cycles" | "sessions":
                return int(f"7{n:04}913579")
            case "photo_digest" | "digest" | "trace_digest" | "plan":
                return f"{n:04}".ljust(64, "e")
            case "data":
                return [f"{n:04}".ljust(64, "d")]
            case "protocols" | "campaigns":
                return [f"marked {name} {n:05}"]
            case "results":
                return [{"metric": f"marked metric {n:05}", "value": 1.5}]
            case "conditions" | "scrapped":
                return {"marked": float(f"1{n:04}913.25")}
            case "readings":
                return [{"quantity": f"marked quantity {n:05}", "mean": 1.5}]
            case "entered":
                return float(f"9{n:04}913.25")
            case "manufactured_on" | "certificate_date" | "certified_on" | "calibrated_on":
                return (date(2001, 1, 1) + timedelta(days=n)).isoformat()
            case "cleared_at" | "measured_from" | "measured_until":
                return f"{date(2001, 1, 1) + timedelta(days=n)}T08:00:00+08:00"
            case "until":
                return None
            case "country" | "from_country":
                return "DE"
            case "lot":
                return f"{WORKER}/W{n:05}"
            case "inputs":
                return [{"lot": f"{WORKER}/W{n:05}", "mass_kg": 1.5}]
            case "outputs":
                return [{"lot": f"{WORKER}/W{n:05}", "substance": "gas", "mass_kg": 1.5}]
            case "additions" | "emissions":
                return [{"mass_kg": float(f"7{n:04}913.25"), "substance": "gas"}]
            case "recycled_kg":
                return {"Li": float(f"7{n:04}913.25")}
            case "tolerance_fraction":
                return float(f"0.7{n:04}91357")
            case "reasons" | "alarms":
                return [f"marked reason {n:05}"]
            case "alarm_level":
                return 1 + n % 4
            case "points":
                of_model = kind == "points_declared"
                return (
                    {"cathode_material": f"marked points {n:05}"}
                    if of_model
                    else {"power_now_at_20_w": float(f"7{n:04}913.25")}
                )
            case "issued_on":
                return (date(2001, 1, 1) + timedelta(days=n)).isoformat()
            case "composition":
                return {"lithium": float(f"7{n:04}913.25")}
            case "interfaces":
                return [f"marked interface {n:05}"]
            case "bays" | "slots" | "chargers":
                return int(f"7{n % 1000:03}")
            case "makers":
                return [credit_code(f"91000000MC{n:07}")]
            case "latitude" | "longitude":
                return float(f"31.{n:04}913")
            case "phone":
                return f"+7 {n:04} 913579"
            case "host_may_sign" | "void" | "former":
                return None
        field = next(one for one in msgspec.structs.fields(STRUCTS[kind]) if one.encode_name == name)
        kind_of = msgspec.inspect.type_info(field.type)
        options = [kind_of, *getattr(kind_of, "types", ())]
        literal = next((one for one in options if isinstance(one, msgspec.inspect.LiteralType)), None)
        if literal is not None:
            return literal.values[0]
        if any(isinstance(one, msgspec.inspect.FloatType) for one in options):
            return float(f"7{n:04}913.25")
        return f"marked {name} {n:05}"


def forms(value):
    """Return how a value may be written in an answer; nothing for one that may stand there anyway."""
    if isinstance(value, list):
        value = value[0]
    if isinstance(value, dict):
        value = next(iter(value.values()))
    if isinstance(value, bool) or value in {"DE", EARLY} or (isinstance(value, str) and is_code(value)):
        return ()  # codes of batteries are public
    if isinstance(value, int) and value < 100:
        return ()  # the number of a passport is public, and too short to be known again
    if isinstance(value, int | float):
        return (str(value), number(value, "en"))
    if value[:3] == "200" and value[4:5] == "-":
        return (value, day(value, "en"))
    if " " not in value and len(value) < 17:
        return ()  # a word of the standard, as `warranty`
    return (value,)


def special(kind, code, marks):
    """Return for a kind what a line of it must say so that it holds: one line or two."""
    part, other = code_of("module"), code_of()
    new = code_of()
    match kind:
        case "lot_processed":
            return [{"process": "discharge"}]
        case "enrolled":
            return [{"place": "in_vehicle", "basis": "vin"}]
        case "identified":
            return [{"codes": (other,), "right": code}]
        case "assembled" | "disassembled" | "dismantled":
            return [{"codes": (part,)}]
        case "installed" | "removed":
            return [{"system": None}, {"vin": None}]
        case "swapped":
            return [{"codes": (code, other), "taken_out": code, "put_in": other}]
        case "campaign_opened" | "test_reported":
            return [{"model_id": "MODEL-WALK"}]
        case "passport_issued":
            return [{"number": len(marks.of.get((code, kind), ())) + 1}]
        case "passport_ceased":
            return [{"number": len(marks.of[code, "passport_issued"])}]
        case "repurposed" | "remanufactured":
            return [{"codes": (code, new), "into": (new,)}]
    return [{}]


class World:
    """A served registry in which everything was reported, and who may ask."""

    def __init__(self, registry, url, marks, batteries, keys, sessions):
        self.registry, self.url, self.marks, self.batteries = registry, url, marks, batteries
        self.keys, self.sessions = keys, sessions  # the headers by which each reader is known


def report(registry, organisation, lines, take=True):
    key = sample.authority() if organisation == sample.AUTHORITY else sample.signer(organisation)
    receipt = json.loads(registry.report(sample.report(key, lines)))
    assert not take or not receipt["refused"], receipt["refused"]
    return receipt


def now():
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def grow(registry, marks):
    """Report every kind with all its members, before and after others came to own the battery."""
    people = [*sample.registrations(sample.MAKER, "battery_maker")]
    for one in (OWNER, OPERATOR, GRANTEE, LEARNER, STRANGER):
        people += sample.registrations(one, "battery_owner")
    people += sample.registrations(AUDITOR, "auditor")
    since = "2020-01-01T00:00:00+08:00"
    key = json.loads(sample.registrations(WORKER, "carrier")[2])
    people.append(marks.line("organisation_registered", since, WORKER, organisation=WORKER))
    people += [
        marks.line("role_granted", since, WORKER, organisation=WORKER, role=role, **{"from": None})
        for role in ROLES
    ]
    names = ("organisation", "key_id", "algorithm", "public_key")
    people.append(marks.line("key_added", since, WORKER, **{name: key[name] for name in names}))
    second = sample.signer(WORKER, "line-2").verifier.public_key
    from base64 import b64encode

    spare = {"organisation": WORKER, "key_id": "line-2", "algorithm": "ed25519"}
    people.append(marks.line("key_added", since, WORKER, **spare, public_key=b64encode(second).decode()))
    revoked = {"organisation": WORKER, "key_id": "line-2", "compromised_since": None}
    people.append(marks.line("key_revoked", since, WORKER, **revoked))
    people.append(
        marks.line("role_revoked", since, WORKER, organisation=WORKER, role="carrier", **{"from": since})
    )
    people.append(marks.line("site_registered", since, WORKER, organisation=WORKER))
    people.append(marks.line("model_registered", since, WORKER, model_id="MODEL-WALK"))
    people.append(marks.line("model_certified", since, WORKER, model_id="MODEL-WALK"))
    people.append(marks.line("document_added", since, WORKER, model_id="MODEL-WALK"))
    people.append(marks.line("points_declared", since, WORKER, model_id="MODEL-WALK"))
    answered = sample.answered({"anode_material": "marked answer"}, sample.AUTHORITY)
    people.append(
        marks.line("answer_accepted", since, WORKER, model_id="MODEL-WALK", supplier_id=None, **answered)
    )
    report(registry, sample.AUTHORITY, people)
    _staged(registry, marks)
    return [
        _long(registry, marks),
        _car(registry, marks),
        *_bound(registry, marks),
        *_ended(registry, marks),
    ]


def _staged(registry, marks):
    """A model that is granted its first stage, by what its maker tested."""
    about, cell = {"campaign": "walked", "model_id": "MODEL-STAGE"}, [code_of("cell")]
    results = [{"metric": one, "value": 1.5} for one in ("capacity_ah", "energy_wh")]
    tested = {"protocol": "capacity_energy", "outcome": "passed", "codes": cell, "results": results}
    conditions = {"temperature_c": 25, "c_rate": 0.5}
    lines = [
        sample.line("model_registered", EARLY, model_id="MODEL-STAGE"),
        sample.line(
            "campaign_opened", EARLY, **about, stage="laboratory", protocols=["capacity_energy"], codes=cell
        ),
        sample.line("test_reported", EARLY, **about, **tested, conditions=conditions),
    ]
    report(registry, WORKER, lines)
    granted = {"model_id": "MODEL-STAGE", "stage": "laboratory", "campaigns": ["walked"]}
    report(registry, sample.AUTHORITY, [marks.line("stage_granted", EARLY, WORKER, **granted)])


def _begin(registry, code):
    made = sample.line("manufactured", "2026-04-02T08:00:00+08:00", code=code)
    report(registry, sample.MAKER, [made])


def _transferred(registry, code):
    """Let OWNER own a battery and OPERATOR answer for it, in its maker's words."""
    lines = [
        sample.line("ownership_transferred", "2026-04-09T08:00:00+08:00", code=code, to=OWNER),
        sample.line("responsibility_transferred", "2026-04-09T09:00:00+08:00", code=code, to=OPERATOR),
    ]
    return report(registry, sample.MAKER, lines)["first_index"]


def _all_kinds(registry, marks, code, when, without):
    other = TRUST_KINDS | OF_LOTS | {CORRECTED} | set(ENDS) | without
    kinds = [kind for kind in STRUCTS if kind not in other]
    for kind in kinds:
        lines = [marks.line(kind, when, code, **given) for given in special(kind, code, marks)]
        report(registry, WORKER, lines)
    first = report(registry, WORKER, [sample.line("measured", when, code=code)])["first_index"]
    wrong = sample.line("measured", when, code=code, note=f"marked line {next(NUMBERS):05}").decode()
    shut = dict.fromkeys(("vin", "organisation", "model_id", "site", "codes", "lots"))
    report(registry, WORKER, [marks.line(CORRECTED, when, code, corrects=first, line=wrong, **shut)])


def _long(registry, marks):
    """A battery to which everything happened twice: before it was OWNER's, and since."""
    code = code_of()
    _begin(registry, code)
    _all_kinds(registry, marks, code, EARLY, set())
    taken = _transferred(registry, code)
    _all_kinds(registry, marks, code, now(), MOVING)
    return code, {"owner": taken, "operator": taken + 1}


def _car(registry, marks):
    """A battery that WORKER fitted into a vehicle and sold with it; what does not move it happened since."""
    code, vin = code_of(), "LSVAA4187E2999913"
    _begin(registry, code)
    lines = [
        sample.line("installed", "2026-04-20T08:00:00+08:00", code=code, vin=vin),
        marks.line("sold", "2026-04-21T08:00:00+08:00", code, vin=vin, codes=[code]),
    ]
    sale = report(registry, WORKER, lines)["first_index"] + 1
    when = now()
    stay = ("serviced", "measured", "recalled", "incident_reported", "assessed", "vehicle_certified")
    given = {"vehicle_certified": {"vin": vin}}
    later = [marks.line(kind, when, code, **given.get(kind, {})) for kind in stay]
    report(registry, sample.MAKER, [sample.line("measured", when, code=code, soh_fraction=0.91357913)])
    report(registry, WORKER, later)
    return code, {"vin": vin, "sale": sale}


def _bound(registry, marks):
    """Batteries on the way to STRANGER: sent by who has it; and by WORKER, who had it by no other report."""
    for sender in (sample.MAKER, WORKER):
        code = code_of()
        _begin(registry, code)
        sent = report(registry, sender, [marks.line("shipped", now(), code, to=STRANGER)])["first_index"]
        report(registry, sample.MAKER, [marks.line("ownership_transferred", now(), code)])
        report(registry, WORKER, [marks.line("recalled", now(), code)])
        yield code, {"holder": sent} if sender == WORKER else {}


def _ended(registry, marks):
    """A battery for each end; it was OWNER's before."""
    for kind in ENDS:
        code = code_of()
        _begin(registry, code)
        taken = _transferred(registry, code)
        for given in special(kind, code, marks):
            report(registry, WORKER, [marks.line(kind, now(), code, **given)])
        yield code, {"owner": taken, "operator": taken + 1}


READERS = {
    "public": Reader(),
    "reporter": Reader(organisation=WORKER),
    "stranger": Reader(organisation=STRANGER),
    "owner": Reader(organisation=OWNER),
    "operator": Reader(organisation=OPERATOR),
    "as-owner": Reader(organisation=GRANTEE),
    "interest": Reader(organisation=LEARNER),
    "auditor": Reader("auditor", AUDITOR),
    "authority": Reader("authority_cn", sample.AUTHORITY),
    "car": Reader(),
}


NOBODY_THERE = {
    "stranger",
    "as-owner",
    "interest",
    "car",
}  # of the batteries that ended they see the public's


@pytest.fixture(scope="module")
def world(tmp_path_factory, quick_hashes):
    """The registry, grown, served on a real socket without compression."""
    import voltrail

    data = tmp_path_factory.mktemp("walk") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        marks = Marks()
        batteries = grow(registry, marks)
        registry.enter_heads()
        app = create_app(registry)
        signed_in = {name: _signed_in(app, name, reader) for name, reader in READERS.items()}
        keys = {name: both[0] for name, both in signed_in.items()}
        sessions = {name: both[1] for name, both in signed_in.items()}
        codes = [code for code, since in batteries if "owner" in since]
        registry.grants.give(OWNER, GRANTEE, "owner", "walk", codes[:1], 1, "o")
        registry.grants.give(OWNER, LEARNER, "legitimate_interest", "walk", codes[:1], 1, "o")
        seller = app.state.accounts.by_token(keys["reporter"]["Authorization"].removeprefix("Bearer "))
        token = app.state.owners.make(seller, batteries[1][1]["vin"], "test")
        keys["car"] = sessions["car"] = {"Cookie": f"owner={token}"}
        with registry.database.connect() as connection:
            for code, _ in batteries:
                connection.execute("insert into followed select id, %s, 0 from account", (code,))
            connection.commit()
        port = free_port()
        settings = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                thread.join(0.02)
            yield World(registry, f"http://127.0.0.1:{port}", marks, batteries, keys, sessions)
        finally:
            server.should_exit = True
            thread.join()


def _signed_in(app, login, reader):
    """Return the headers by which a reader is known: of a token, and of a session."""
    if reader.organisation is None:
        return {}, {}
    accounts = app.state.accounts
    password = accounts.add(f"walk-{login}", reader.organisation, "member", Actor())
    person = accounts.by_session(accounts.sign_in(f"walk-{login}", password, "setup"))
    accounts.change_password(person, password, CHOSEN, "setup")
    session = accounts.sign_in(f"walk-{login}", CHOSEN, "setup")
    token = accounts.make_token(accounts.by_session(session), "walk", ["read"], 1, "setup")
    return {"Authorization": f"Bearer {token}"}, {"Cookie": f"session={session}"}


def audiences(name, code, since, kind=None, index=None, reporter=None):
    """Return what the design says a reader is to an event (or to the state): the test's own words for it."""
    reader = READERS[name]
    found = {reader.audience}
    if kind is not None and reporter == reader.organisation:
        found.add("reporter")
    standing = {"reporter": "holder", "owner": "owner", "operator": "operator", "as-owner": "owner"}.get(name)
    first = since.get(standing)
    if name == "as-owner" and code != since["granted"]:
        first = None
    if name == "car" and "sale" in since:
        standing, first = "owner", since["sale"] + 1
    if first is not None:
        found.add("legitimate_interest")
        if kind is None or (index >= first and kind != CORRECTED):
            found.add(standing)
    if name == "interest" and code == since["granted"]:
        found.add("legitimate_interest")
    return frozenset(found)


def outputs(client, code, indices):
    """Yield the name of each output about a battery, and its text; some only with pages of events."""
    everywhere = [("", HTML), ("", {}), ("/history?limit=1000", {}), ("/passport", HTML), ("/passport", {})]
    everywhere += [("/transport", HTML), ("/transport", {}), ("/decision", HTML), ("/decision", {})]
    everywhere += [("/alarms", HTML), ("/alarms", {})]
    everywhere += [("/health", HTML), ("/health", {})]
    readable = [one.name for one in FORMS.values() if one.media_type.endswith("json")]
    everywhere += [(f"/passport?form={name}", {}) for name in readable]
    for representation in ("compressed", "full"):
        asked = {"representation": representation}
        for path in ("dpps", "dppsByProductId"):
            yield f"{path} {representation}", _text(client.get(f"/v1/{path}/{code}", params=asked))
        at = asked | {"date": datetime.now(UTC).isoformat()}
        yield f"dppsByIdAndDate {representation}", _text(client.get(f"/v1/dppsByIdAndDate/{code}", params=at))
        for section in en18223.SECTIONS:
            path = f"/v1/dpps/{code}/elements/$.{section}"
            yield f"$.{section} {representation}", client.get(path, params=asked).text
    yield "history.jsonld", _text(client.get(f"/b/{code}/history.jsonld"))
    for output in ("history", "family"):
        for ending in ENDINGS:
            yield f"{output}.{ending}", _text(client.get(f"/b/{code}/{output}.{ending}"))
    others = ("/genealogy", "?as_of=2026-04-06T00:00:00Z")
    once = [(path, accept) for path in others for accept in (HTML, {})]
    for path, accept in everywhere + (once if indices else []):
        yield f"{path} {len(accept)}", client.get(f"/b/{code}{path}", headers=accept).text
    for index in indices:
        yield f"event {index}", client.get(f"/b/{code}/events/{index}", headers=HTML).text
    epcis = client.get(
        "/epcis/events", params={"MATCH_anyEPC": f"urn:voltrail:battery:{code}", "perPage": 1000}
    )
    assert epcis.json()["type"] == "EPCISQueryDocument"
    yield "epcis", unquote(epcis.text)
    if indices:
        yield "event as JSON", client.get(f"/b/{code}/events/{indices[0]}").text
        for path in ("/batteries", f"/search?q={code[:12]}"):
            address, mark, query = path.partition("?")
            for ending in ENDINGS:
                yield f"{path}.{ending}", _text(client.get(f"{address}.{ending}{mark}{query}"))
        for path in (
            f"/outlets/near?code={code}",
            f"/batteries?q={code}",
            f"/search?q={code[:12]}",
            f"/scan?text={code}",
            f"/scan?part={code[:12]}",
            f"/labels?code={code}",
            "/batteries",
            "/",
        ):
            for accept in (HTML, {}):
                yield f"{path} {len(accept)}", client.get(path, headers=accept).text


def proved(evidence):
    """Return the members that an evidence file shows of each event, as text; of its signers' too."""
    document = json.loads(evidence)
    chains = [document["events"], *(one["events"] for one in document["signers"])]
    return [
        (event["index"], [b64decode(one["bytes"]).decode() for one in event["members"] if "bytes" in one])
        for chain in chains
        for event in chain
    ]


@pytest.mark.parametrize("name", READERS)
def test_each_reader_is_shown_what_the_table_says_and_nothing_else(world, name):
    """Member by member and attribute by attribute, by the bytes of every answer."""
    whole = Reader("auditor")
    granted = world.batteries[0][0]
    with httpx.Client(
        base_url=world.url, headers={"Accept-Encoding": "identity"} | world.keys[name], timeout=60
    ) as client:
        for code, first in world.batteries:
            if name in NOBODY_THERE and code not in {granted, world.batteries[1][0]}:
                continue
            since = first | {"granted": granted}
            events = world.registry.history(code, whole, 1000)["events"]
            state = world.registry.battery(code, reader=whole)
            now_seen = audiences(name, code, since)
            visible = {
                str(state[one]) for one in ATTRIBUTES if one in state and may_see(now_seen, BATTERY, one)
            }
            hidden, shown = told_to(name, code, since, events)
            also = visible | {form for told in shown.values() for form in told}
            if not may_see(now_seen, "role_granted", "note"):
                hidden |= _of_people(world.marks)
            pages = _pages(name, since, events) if code == granted else []
            texts = dict(outputs(client, code, pages))
            evidence = proved(client.get(f"/b/{code}/evidence").content)
            texts["evidence"] = "\n".join(one for _, members in evidence for one in members)
            for what, told in hidden.items():
                for form in set(told) - also:
                    assert not [output for output, text in texts.items() if form in text], (what, form)
            for what, told in shown.items():
                if what[1] != "line":  # written there with escapes
                    assert told[0] in texts["evidence"], what
                    assert what[1] == "occurred_at" or told[0] in texts["history.csv"], what  # in UTC+8
                    assert what[2] not in pages or told[0] in texts[f"event {what[2]}"], what
            _check_members(name, code, since, events, json.loads(texts["/history?limit=1000 0"]))
            battery = json.loads(texts[" 0"])
            for attribute in set(ATTRIBUTES) - {"findings", "reporter"}:
                told = may_see(now_seen, BATTERY, attribute)
                assert (attribute in battery, attribute in battery["withheld"]) == (told, not told), attribute
                assert not told or battery[attribute] == state[attribute]
            _check_passport(
                now_seen, world.registry.passport(code, whole).values, json.loads(texts["/passport 0"])
            )
            _check_dpp(now_seen, world.registry.passport(code, whole), texts)
            _check_elements(client, now_seen, world.registry.passport(code, whole), code, name)
            full = may_see(now_seen, BATTERY, "findings")
            assert all(("message" in finding) == full for finding in battery["findings"])


def told_to(name, code, since, events):
    """Return the forms of members that a reader is not told of a battery's events, and those it is."""
    hidden, shown = {}, {}
    for event in events:
        seen = audiences(name, code, since, event["kind"], event["index"], event["reporter"])
        for member, value in event["members"].items():
            told = shown if may_see(seen, event["kind"], member) else hidden
            if member not in {"code", "codes"} and forms(value):
                told[event["kind"], member, event["index"]] = forms(value)
    return hidden, shown


def _pages(name, since, events):
    """Return of which events a reader asks the pages: all, or those of before where all are alike."""
    differs = name in {"owner", "operator", "as-owner"}
    return [event["index"] for event in events if differs or event["index"] < since["owner"]]


def _of_people(marks):
    """Return what was said of organisations, sites and models for the authority and auditors alone."""
    return {
        (kind, member): members[member]
        for (_, kind), lines in marks.of.items()
        if kind in TRUST_KINDS
        for _, members, _ in lines
        for member in {"note", "batch", "evidence"} & set(members)
    }


def _check_members(name, code, since, events, history):
    """Check of each event that exactly the members are given that the reader may see, the others named."""
    told = {event["index"]: event for event in history["events"]}
    for event in events:
        seen = audiences(name, code, since, event["kind"], event["index"], event["reporter"])
        may = {member for member in event["members"] if may_see(seen, event["kind"], member)}
        mine = told[event["index"]]
        assert set(mine["members"]) == may, (event["kind"], event["index"])
        assert set(mine["withheld"]) - {"reporter"} == set(event["members"]) - may
        assert (mine["reporter"] is not None) == may_see(seen, BATTERY, "reporter")


def _check_passport(seen, known, passport):
    """Check that exactly the data points are given that the reader may see, the others named."""
    may = {name for name in known if may_see(seen, PASSPORT, name)}
    assert set(passport["points"]) == may
    assert set(passport["withheld"]) == set(known) - may


def _check_dpp(seen, told, texts):
    """Check of each form of EN 18223 that exactly the points are in it that the reader may see."""
    barred = EU_GUIDANCE.bars(told.whole.category)
    may = {name for name in told.whole.values if may_see(seen, PASSPORT, name)} - barred
    for output in (
        "/passport?form=en18223 0",
        "/passport?form=en18223-full 0",
        *(
            f"{path} {representation}"
            for path in ("dpps", "dppsByProductId", "dppsByIdAndDate")
            for representation in ("compressed", "full")
        ),
    ):
        document = json.loads(texts[output])
        assert set(en18223.read(document)) == may, output
        hidden = {en18223.find(path).points[0] for path in document.get("withheld", ())}
        assert hidden == set(told.whole.values) - may - barred, output


def _check_elements(client, seen, told, code, name):
    """Check point by point that an element is read by whom it is for, and by nobody else."""
    barred = EU_GUIDANCE.bars(told.whole.category)
    for place in en18223.PLACES:
        if place.point in told.whole.values:
            answer = client.get(f"/v1/dpps/{code}/elements/{place.path}")
            refused = 401 if READERS[name].organisation is None else 403
            expected = 404 if place.point in barred else refused
            assert answer.status_code == (
                200 if place.point not in barred and may_see(seen, PASSPORT, place.point) else expected
            ), place.path


PAGES = [
    "/organisations",
    f"/organisations/{WORKER}",
    "/models",
    "/models/MODEL-WALK",
    "/log",
    "/docs",
    "/metrics",
]


@pytest.mark.parametrize("name", READERS)
def test_pages_about_others_show_nothing_of_batteries(world, name):
    """Organisations, models, the log: for every reader, no mark but what is public of themselves."""
    public = {
        form
        for (_, kind), lines in world.marks.of.items()
        if kind in TRUST_KINDS
        for _, members, _ in lines
        for member, values in members.items()
        if may_see("public", kind, member)
        for form in values
    }
    every = {
        form: (kind, member)
        for (_, kind), lines in world.marks.of.items()
        for _, members, _ in lines
        for member, values in members.items()
        for form in values
        if form not in public
    }
    with httpx.Client(
        base_url=world.url, headers={"Accept-Encoding": "identity"} | world.keys[name]
    ) as client:
        for path in PAGES:
            for accept in (HTML["Accept"], "application/json"):
                text = client.get(path, headers={"Accept": accept}).text
                for form, what in every.items():
                    assert form not in text, (name, path, what)


ENDINGS = ("csv", "xlsx", "parquet")
DAYS = "from=2026-01-01&until=2028-12-31"  # of events; the others pass it over
TABLES = (
    "/workspace/batteries",
    "/workspace/incoming",
    "/workspace/reports",
    "/workspace/events",
    "/recalls",
    "/recalls/mine",
    "/grants/given",
    "/grants/received",
    "/grants/uses",
    "/followed",
    "/authority/findings",
    "/applications",
    "/accounts",
    "/accounts/trail",
    "/models",
    "/organisations",
    "/batteries",
)
LISTS = [
    *(f"{table}.{ending}?{DAYS}" for table in TABLES for ending in ENDINGS),
    f"/workspace/events.jsonld?{DAYS}",
    "/workspace",
    "/workspace/batteries",
    "/workspace/incoming",
    "/workspace/reports",
    "/workspace/discrepancies",
    "/workspace/vehicles",
    "/labels?mine=1",
    "/scan?part=000",
    "/workspace/webhooks",
    "/recalls",
    "/recalls?mine=1",
    "/authority",
    "/authority/missing",
    "/authority/vehicles",
    *(f"/authority/missing/cases?kind={kind}" for kind in ("not_received", "two_places", "seen_elsewhere")),
    "/authority/missing/cases.csv?kind=not_received",
    "/authority/flows",
    "/authority/flows.csv",
    "/authority/flows/batteries",
    "/authority/flows/batteries.csv",
    "/authority/flows/retirement",
    "/fleet",
    "/fleet.csv",
    "/fleet/outliers",
    "/fleet/warranty",
    "/fleet/warranty.csv",
    "/grants",
    "/owner",
    "/account",
    "/account/organisation",
]


@pytest.mark.parametrize("name", READERS)
def test_lists_of_ones_own_tell_no_more_than_the_batteries_do(world, name):
    """Workspaces, their files, recalls, news, grants: no member of a battery that its page would withhold."""
    granted, hidden, shown, sent = world.batteries[0][0], {}, set(), {}
    for code, first in world.batteries:
        since = first | {"granted": granted}
        events = world.registry.history(code, Reader("auditor"), 1000)["events"]
        untold, told = told_to(name, code, since, events)
        sent |= {
            (event["index"], member): forms(value)[0]
            for event in events
            if event["reporter"] == READERS[name].organisation and event["kind"] not in TRUST_KINDS
            for member, value in event["members"].items()
            if member not in {"line", "occurred_at", "code", "codes"} and forms(value)
        }
        state = world.registry.battery(code, reader=Reader("auditor"))
        seen = audiences(name, code, since)
        shown |= {str(state[one]) for one in ATTRIBUTES if one in state and may_see(seen, BATTERY, one)}
        shown |= {form for forms_told in told.values() for form in forms_told}
        hidden |= untold
    shown |= {reader.organisation for reader in READERS.values()}  # no marks: they are named in what they do
    campaigns = [one.id for one in world.registry.recalls.page(100)[0]]
    assert campaigns
    lists = [*LISTS, *(f"/recalls/{one}" for one in campaigns)]
    lists += [
        f"/recalls/batteries.{ending}?campaign={one}&show={show}"
        for one in campaigns
        for ending in ENDINGS
        for show in ("remaining", "told", "done", "ended")
    ]
    with httpx.Client(base_url=world.url, headers={"Accept-Encoding": "identity"}, timeout=60) as client:
        answers = [
            (path, client.get(path, headers=who | accept))
            for path in lists
            for who in (world.keys[name], world.sessions[name])
            for accept in (HTML, {"Accept": "application/json"})
        ]
    assert {answer.status_code for _, answer in answers} <= {200, 303, 401, 403}
    texts = [(path, _text(answer)) for path, answer in answers]
    for what, told in hidden.items():
        for form in set(told) - shown:
            assert not [path for path, text in texts if form in text], (what, form)
    for ending in ("csv", "jsonld"):  # and what it reported itself it can take away with every member
        taken = dict(texts).get(f"/workspace/events.{ending}?{DAYS}", "")
        assert not [what for what, form in sent.items() if form not in taken], ending
    for _, answer in answers:
        assert answer.headers["cache-control"] == "no-store"


def _text(answer):
    """Return what an answer says; of a workbook all its files, of Parquet its rows and what is about them."""
    kind = answer.headers["content-type"]
    if kind.endswith("spreadsheetml.sheet"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            return "".join(book.read(name).decode() for name in book.namelist())
    if kind.endswith("parquet"):
        read = pq.ParquetFile(io.BytesIO(answer.content))
        rows = json.dumps(read.read().to_pylist(), ensure_ascii=False, default=str)
        return f"{read.schema_arrow} {read.metadata.metadata} {rows}"
    if kind.startswith("application/ld+json"):
        return answer.text + unquote(answer.text)  # identifiers are written in addresses
    return answer.text


def test_every_member_of_every_kind_was_walked(world):
    """A kind or member that is added and not given a value here would be walked past."""
    said = {}
    for (_, kind), lines in world.marks.of.items():
        for _, _, members in lines:
            said.setdefault(kind, set()).update(members)
    left_out = {
        "corrected": {"codes", "vin", "organisation", "model_id", "site", "lots", "void"},
        "organisation_registered": {"former"},
        "role_granted": {"from", "until"},
        "role_revoked": {"until"},
        "key_added": {"host_may_sign"},
        "key_revoked": {"compromised_since"},
        "answer_accepted": {"supplier_id"},
    }
    for kind in STRUCTS.keys() - OF_LOTS:
        lacking = set(member_names(kind)) - said.get(kind, set())
        assert lacking - {"codes"} == left_out.get(kind, set()) - {"codes"}, kind


def test_receipts_and_checks_name_nobody_else(world):
    """Who reports or means to report about another's battery is told of no holder, vehicle or place."""
    code = world.batteries[1][0]
    lines = [
        sample.line("retired", now(), code=code),
        sample.line("shipped", now(), code=code, to=GRANTEE),
        sample.line("ownership_transferred", now(), code=code, to=STRANGER),
        sample.line("stocktaken", now(), site="S-MINE", codes=[code]),
    ]
    secrets = (world.batteries[1][1]["vin"], WORKER, OWNER, sample.MAKER)
    file = sample.report(sample.signer(STRANGER), lines)
    checks = world.registry.check_report(file)
    assert "lifecycle.step_not_reported" in {check["rule"] for check in checks}
    receipt = world.registry.report(file)
    assert {"gap"} <= {finding["kind"] for finding in json.loads(receipt)["findings"]}
    for text in (receipt.decode(), json.dumps(checks)):
        assert not [secret for secret in secrets if secret in text]
    assert "in_vehicle" not in json.dumps(checks)
    assert "removal" not in json.dumps(checks)


def test_no_cache_mixes_readers(world):
    """Everything that differs by reader is kept by nobody, and says by what it differs."""
    code = world.batteries[0][0]
    for path in (
        f"/b/{code}",
        f"/b/{code}/history",
        f"/b/{code}/evidence",
        "/batteries",
        f"/search?q={code}",
    ):
        headers = httpx.get(world.url + path, headers={"Accept": "application/json"}).headers
        assert headers["cache-control"] == "no-store"
        assert {"Authorization", "Cookie"} <= {one.strip() for one in headers["vary"].split(",")}
