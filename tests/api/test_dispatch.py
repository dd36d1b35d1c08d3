"""Journeys and reservations over HTTP: who sees what, one answer for one key, and plans made anew."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.conftest import HTML
from tests.api.test_accounts import (
    CHOSEN,
    accounts,
    bearer,
    browser,
    no_attempts,
    quick_hashes,
    rule,
    token,
)
from tests.registry import sample
from tests.registry.swapping import SWAPPER, VINS, begin, send, station, swapped
from voltrail.accounts.trail import Actor

__all__ = ["accounts", "browser", "no_attempts", "quick_hashes"]

PACKS = [sample.pack(serial) for serial in range(701, 709)]
HERE = PACKS[len(VINS) :]
TRIP = {
    "truck": "tractor-qiji",
    "pack_type": "qiji-171",
    "blocks": 1,
    "load_t": 20,
    "charge": 0.7,
    "points": [{"latitude": 22.6, "longitude": 114.1}, {"latitude": 23.4, "longitude": 114.1}],
}


@pytest.fixture(scope="module", autouse=True)
def network(registry):
    """A station half-way with five packs that fit, one of them in no state to be swapped."""
    begin(registry, PACKS)
    model = sample.line(
        "model_registered", "2026-04-02T00:00:00+08:00", model_id="S-102", level="pack", chemistry="LFP",
        energy_kwh=171, swap_pack="qiji-171",
    )  # fmt: skip
    send(registry, sample.MAKER, model)
    equipped = {"interfaces": ["qiji"], "bays": 1, "slots": 8, "chargers": 4, "charger_kw": 300}
    send(registry, SWAPPER, station(latitude=22.95, longitude=114.11, **equipped))
    while registry.stations.follow() or registry.reservations.follow():
        pass


@pytest.fixture(scope="module")
def secrets(accounts):
    """Tokens: of the operator, and of a haulier who has none of the packs; and one that only reads."""
    password = accounts.add("swapper", SWAPPER, "member", Actor())
    person = accounts.by_session(accounts.sign_in("swapper", password, "setup"))
    accounts.change_password(person, password, CHOSEN, "setup")
    return {
        "operator": bearer(token(accounts, "swapper", "read", "report")),
        "haulier": bearer(token(accounts, "recycler", "read", "report")),
        "reader": bearer(token(accounts, "recycler", "read")),
    }


@pytest.fixture
def client(browser):
    """A client on this machine, from which tokens are taken."""
    return browser().client


@pytest.fixture(autouse=True)
def nothing_held(registry):
    yield
    with registry.database.pool.connection() as connection:
        connection.execute("delete from reservation_pack")
        connection.execute("delete from reservation")


def asked(client, secret, **changed):
    return client.post("/stations/plan", json=TRIP | changed, headers=secret)


def wanted(plan, key="trip-1", **changed):
    """Return the request that reserves what the first stop of a plan names."""
    stop = plan["best"]["stops"][0]
    about = {"key": key, "site": stop["site"], "truck": plan["truck"], "vin": VINS[0]}
    about |= {"from_at": stop["from_at"], "until_at": stop["until_at"]}
    about |= (
        {"packs": stop["packs"]}
        if stop["packs"]
        else {"pack_type": stop["pack_type"], "blocks": stop["blocks"]}
    )
    return about | changed


def test_a_plan_says_where_which_and_when(client, secrets):
    """The operator of the station gets the packs by code; all that a driver needs stands there."""
    plan = asked(client, secrets["operator"]).json()
    [stop] = plan["best"]["stops"]
    assert (stop["site"], stop["operator"], stop["pack_type"]) == ("ST-1", SWAPPER, "qiji-171")
    assert set(stop["packs"]) < set(HERE)
    assert len(stop["packs"]) == stop["blocks"] == 1
    times = [
        datetime.fromisoformat(stop[f"{name}_at"])
        for name in ("from", "arrives", "starts", "leaves", "until")
    ]
    assert times == sorted(times)
    assert datetime.fromisoformat(plan["best"]["arrives_at"]) > times[-2]
    assert 0.1 <= stop["left"] < 0.7
    assert [one["rule"] for one in stop["reasons"]] == ["unknown"]
    assert (plan["changed"], plan["short"], plan["road_factor"]) == ([], None, 1.25)


def test_codes_are_for_who_may_see_them(client, secrets):
    """A haulier plans with the same station, by type; the codes are told with the reservation."""
    plan = asked(client, secrets["haulier"])
    assert not any(code in plan.text for code in PACKS)
    made = client.post("/stations/reservations", json=wanted(plan.json()), headers=secrets["haulier"]).json()
    assert made["status"] == "held"
    assert set(made["codes"]) < set(HERE)


def test_nobody_asks_where_a_pack_is_by_reserving(client, secrets):
    """A pack of others cannot be named by code: the answer is that for one that is not there."""
    plan = asked(client, secrets["haulier"]).json()
    for code in (HERE[0], PACKS[0], sample.pack(799)):
        body = wanted(plan, f"probe {code}", packs=[code], pack_type=None, blocks=None)
        told = client.post("/stations/reservations", json=body, headers=secrets["haulier"])
        assert rule(told) == "reservation.not_there"
        assert told.json()["error"]["message"].replace(code, "CODE") == "CODE is not in Station ST-1."


def test_the_same_key_is_the_same_reservation(client, secrets):
    """Sent twice it is one; another request with that key is told so, and nothing is changed."""
    body = wanted(asked(client, secrets["haulier"]).json())
    first, again = (
        client.post("/stations/reservations", json=body, headers=secrets["haulier"]) for _ in "ab"
    )
    assert first.json() == again.json()
    other = client.post("/stations/reservations", json=body | {"blocks": 2}, headers=secrets["haulier"])
    assert (other.status_code, rule(other)) == (409, "reservation.key")
    listed = client.get("/stations/reservations", headers=secrets["haulier"]).json()
    assert [one["id"] for one in listed["reservations"]] == [first.json()["id"]]
    seen = client.get("/stations/reservations?held=true", headers=secrets["operator"]).json()["reservations"]
    assert [one["vin"] for one in seen] == [VINS[0]]


def test_packs_run_out(client, secrets):
    """When all are held by others the plan says so, and a reservation of one of them is refused."""
    operator = secrets["operator"]
    plan, by_type = (asked(client, secret).json() for secret in (operator, secrets["haulier"]))
    for number, code in enumerate(HERE):
        body = wanted(plan, f"trip-{number}", packs=[code])
        assert client.post("/stations/reservations", json=body, headers=operator).status_code == 200
    held = client.post("/stations/reservations", json=wanted(by_type, "one-more"), headers=secrets["haulier"])
    assert (held.status_code, rule(held)) == (409, "reservation.held")
    none = asked(client, secrets["haulier"]).json()
    assert none["best"] is None
    assert [one["rule"] for one in none["refused"]] == ["held"]
    assert none["short"]["needs_kwh"] > none["short"]["has_kwh"]


def test_a_plan_is_made_anew_around_its_reservations(client, secrets, registry):
    """Kept, cancelled, expired, used: of each it is said, and what is kept is planned with."""
    haulier = secrets["haulier"]
    plan = asked(client, haulier).json()
    kept, ended = (
        client.post("/stations/reservations", json=wanted(plan, key), headers=haulier).json() for key in "ab"
    )
    path = f"/stations/reservations/{ended['id']}/cancel"
    assert client.post(path, headers=haulier).json()["status"] == "cancelled"
    again = asked(client, haulier, reservations=[kept["id"], ended["id"]]).json()
    assert [one["rule"] for one in again["changed"]] == ["kept", "cancelled"]
    assert again["best"]["stops"][0]["packs"] == kept["codes"]
    assert again["best"]["stops"][0]["reservation"] == kept["id"]
    later = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    late = asked(client, haulier, reservations=[kept["id"]], departs_at=later).json()
    assert [one["rule"] for one in late["changed"]] == ["late"]
    away = asked(client, haulier, reservations=[kept["id"]], charge=1.0, points=TRIP["points"][:1] * 2).json()
    assert [one["rule"] for one in away["changed"]] == ["unused"]
    out = PACKS[0]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.loads(swapped(0, VINS[0], out, kept["codes"][0])) | {"occurred_at": now}
    send(registry, SWAPPER, json.dumps(line, separators=(",", ":")).encode())
    gone = asked(client, haulier, reservations=[kept["id"]]).json()
    assert [one["rule"] for one in gone["changed"]] == ["swapped"]
    assert client.get(f"/stations/reservations/{kept['id']}", headers=haulier).json()["status"] == "swapped"


def test_who_may_not(client, secrets):
    """Nobody plans unseen; a token that only reads reserves nothing; others' reservations are none."""
    assert client.post("/stations/plan", json=TRIP).status_code == 401
    plan = asked(client, secrets["reader"]).json()
    refused = client.post("/stations/reservations", json=wanted(plan), headers=secrets["reader"])
    assert (refused.status_code, rule(refused)) == (403, "access.scope")
    assert (
        rule(client.post("/stations/reservations", json=wanted(plan), headers={"Accept": "application/json"}))
        == "access.sign_in"
    )
    made = client.post("/stations/reservations", json=wanted(plan), headers=secrets["operator"]).json()
    path = f"/stations/reservations/{made['id']}"
    assert rule(client.get(path, headers=secrets["haulier"])) == "reservation.unknown"
    assert rule(client.post(f"{path}/cancel", headers=secrets["haulier"])) == "reservation.unknown"
    strange = asked(client, secrets["haulier"], reservations=[made["id"]])
    assert rule(strange) == "reservation.unknown"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"points": TRIP["points"][:1]}, "request.invalid"),
        ({"points": [{"latitude": 91, "longitude": 0}] * 2}, "request.invalid"),
        ({"charge": 80}, "request.invalid"),
        ({"speed": 3}, "request.invalid"),
        ({"departs_at": "2026-05-03T08:00:00"}, "request.invalid"),
        ({"truck": "cart"}, "dispatch.truck"),
        ({"load_t": 100}, "dispatch.load"),
        ({"points": [{"latitude": 0, "longitude": 0}, {"latitude": 0, "longitude": 170}]}, "dispatch.far"),
    ],
)
def test_what_does_not_read_is_told(client, secrets, changed, named):
    """One shape for all of it, with what to do."""
    answer = asked(client, secrets["haulier"], **changed)
    assert (answer.status_code, rule(answer)) == (400, named)
    assert answer.json()["error"]["fix"]


def test_a_dispatcher_does_it_by_hand(browser, registry):
    """The form keeps what was typed, shows the plan, reserves by one button, and cancels by another."""
    one = browser("recycler")
    empty = one.get("/stations/plan").text
    assert "Plan a journey" in empty
    assert "This journey cannot" in one.get("/stations/plan?start=here&destination=there").text
    path = "/stations/plan?start=22.6,114.1&destination=23.4+114.1&blocks=1&charge_percent=70"
    page = one.get(path).text
    assert "One swap, and it arrives with" in page
    assert 'value="22.6,114.1"' in page
    assert not any(code in page for code in PACKS)
    plan = one.json(path)
    body = {name: str(value) for name, value in wanted(plan).items()} | {"packs": "", "vin": VINS[1].lower()}
    sent = one.client.post("/stations/plan/reserve", data=body | {"csrf": one.form(path)})
    assert sent.status_code == 303
    place = sent.headers["location"]
    shown = one.get(place).text
    assert any(code in shown for code in PACKS)
    again = one.client.post("/stations/plan/reserve", data=body | {"csrf": one.form(path)})
    assert again.headers["location"] == place
    assert VINS[1] in one.get("/stations/reservations").text
    wrong = one.client.post(
        "/stations/plan/reserve", data=body | {"csrf": one.form(path), "vin": "x", "key": "z"}
    )
    assert wrong.status_code == 422
    assert "not a vehicle identification number" in wrong.text
    for csrf in ({}, {"csrf": browser("recycler").form(path)}):
        assert one.client.post(f"{place}/cancel", data=csrf).status_code == 403
    assert one.client.post(f"{place}/cancel", data={"csrf": one.form(path)}).status_code == 303
    assert "cancelled" in one.get(place).text


def test_no_way_is_said_in_words(browser):
    """Where the charge does not last, the page says on which part, and how far a charge goes."""
    page = (
        browser("recycler")
        .get("/stations/plan?start=22.6,114.1&destination=26.4,114.1&blocks=1", **HTML)
        .text
    )
    assert "The charge does not last" in page
    assert "beside the reserve" in page
