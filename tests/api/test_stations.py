"""Swap stations over HTTP: who sees what of them, and who may speak for one."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML
from tests.registry import sample
from tests.registry.swapping import BANK, RIVAL, STATION, SWAPPER, VINS, begin, send, swapped
from voltrail.accounts import passwords
from voltrail.accounts.trail import Actor
from voltrail.api import create_app, description
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
PACKS = [sample.pack(serial) for serial in range(301, 307)]
OUT, _, _, FIRST, SECOND, THIRD = PACKS
LOGINS = {"swapper": SWAPPER, "rival": RIVAL, "bank": BANK, "ministry": sample.AUTHORITY}
SECRETS = (*PACKS, *VINS)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A network of two stations with one swap, and an account for who takes part."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    data = tmp_path_factory.mktemp("stations") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry, pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        send(registry, sample.AUTHORITY, *lines)
        begin(registry, PACKS)
        send(registry, SWAPPER, swapped(8, VINS[0], OUT, FIRST, energy_out_kwh=40, energy_in_kwh=270))
        app = create_app(registry)
        accounts = app.state.accounts
        for login, organisation in LOGINS.items():
            password = accounts.add(login, organisation, "member", Actor())
            person = accounts.by_session(accounts.sign_in(login, password, "setup"))
            accounts.change_password(person, password, CHOSEN, "setup")
        yield app


@pytest.fixture
def client(app):
    """Return a program's client."""
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def token(app, login, *scopes):
    accounts = app.state.accounts
    person = accounts.by_session(accounts.sign_in(login, CHOSEN, "setup"))
    made = accounts.make_token(person, "x", list(scopes or ("read", "report")), 1, "setup")
    return {"Authorization": f"Bearer {made}"}


def word(**members):
    now = datetime.now(UTC)
    soon = (now + timedelta(minutes=30)).isoformat()
    packs = {SECOND: {"charge": 1, "ready_at": now.isoformat(), "slot": 1}, OUT: {"ready_at": soon}}
    return {"at": now.isoformat(), "queue": 2, "packs": packs} | members


def test_everybody_sees_stations_and_nobody_elses_packs(app, client):
    """The public learns where stations are, what waits and is ready; no code, no vehicle, no owner."""
    assert client.post(f"/stations/{STATION}/state", json=word(), headers=token(app, "swapper")).is_success
    for headers in ({}, token(app, "rival")):
        answer = client.get("/stations", headers=headers)
        told = answer.json()["stations"][0]
        assert (told["site"], told["queue"], told["packs"]) == (STATION, 2, None)
        assert told["ready"] == {"": 1}
        one = client.get(f"/stations/{STATION}", headers=headers)
        assert (one.json()["packs"], one.json()["swaps"]) == ([], [])
        for text in (answer.text, one.text, client.get(f"/stations/{STATION}", headers=headers | HTML).text):
            assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("login", ["swapper", "bank", "ministry"])
def test_who_has_packs_sees_them(app, client, login):
    """Who operates, who owns, and the authority see packs by their codes, and the swap with its readings."""
    client.post(f"/stations/{STATION}/state", json=word(), headers=token(app, "swapper"))
    told = client.get(f"/stations/{STATION}", headers=token(app, login)).json()
    assert [one["code"] for one in told["packs"]] == sorted([OUT, SECOND, THIRD])
    second = next(one for one in told["packs"] if one["code"] == SECOND)
    assert (second["owner"], second["charge"], second["slot"], second["ready_min"]) == (BANK, 1, 1, 0)
    (swap,) = told["swaps"]
    assert (swap["vin"], swap["energy_out_wh"], swap["owner_in"]) == (VINS[0], 40_000, BANK)
    page = client.get(f"/stations/{STATION}", headers=token(app, login) | HTML)
    assert OUT in page.text


def test_a_list_is_narrowed_and_paged(client):
    """By operator and words; page after page each station once."""
    assert client.get("/stations", params={"operator": RIVAL}).json()["stations"] == []
    assert len(client.get("/stations", params={"q": "station st-2"}).json()["stations"]) == 1
    first = client.get("/stations", params={"limit": 1}).json()
    second = client.get("/stations", params={"limit": 1, "after": first["next"]}).json()
    assert [one["site"] for one in first["stations"] + second["stations"]] == ["ST-1", "ST-2"]
    assert second["next"] is None


def test_who_speaks_for_a_station(app, client):
    """Nobody, a token that may only read, another operator: each is refused and told why."""
    path = f"/stations/{STATION}/state"
    for headers, status, rule in (
        ({}, 401, "access.sign_in"),
        (token(app, "swapper", "read"), 403, "access.scope"),
        (token(app, "rival"), 403, "station.not_yours"),
    ):
        answer = client.post(path, json=word(), headers=headers)
        assert (answer.status_code, answer.json()["error"]["rule"]) == (status, rule)
    answer = client.post(path, json=word(packs={FIRST: {}}), headers=token(app, "swapper"))
    assert answer.json()["elsewhere"] == [FIRST]
    answer = client.post(path, content=b'{"at": NaN}', headers=token(app, "swapper"))
    assert (answer.status_code, answer.json()["error"]["rule"]) == (400, "request.invalid")


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"packs": {"9ZZPB\0": {}}}, "station.unknown_pack"),
        ({"packs": {SECOND: {"ready_at": "9999-12-31T23:59:59-14:00"}}}, "station.future"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "station.earlier"),
    ],
)
def test_what_no_station_can_mean_is_refused(app, client, changed, rule):
    """A zero byte in a code, a time at an end of the calendar: told as such, and plans go on."""
    path = f"/stations/{STATION}/state"
    answer = client.post(path, json=word(**changed), headers=token(app, "swapper"))
    assert (answer.status_code, answer.json()["error"]["rule"]) == (400, rule)


def test_answers_are_as_described(app, client):
    """Station, list and what a station is told have the members that the description promises."""
    said = client.post(f"/stations/{STATION}/state", json=word(), headers=token(app, "swapper")).json()
    found = {
        "/stations/{site}": client.get(f"/stations/{STATION}").json(),
        "/stations/{site}/state": said,
    }
    for path, answer in found.items():
        assert set(description._MEMBERS[path].split()) - {"*"} == set(answer)


def test_what_leads_nowhere_is_said(client):
    """No such station, no such page: in the one shape."""
    assert client.get("/stations/nowhere").status_code == 404
    for after in ("x", "1", "1.", "-1.2", "9" * 30 + ".1", "١.٢"):
        answer = client.get(f"/stations/{STATION}", params={"after": after})
        assert answer.status_code in {200, 400}
    signed = client.get(f"/stations/{STATION}", params={"after": "99999999999999999.5"})
    assert json.loads(signed.text)["swaps"] == []


PERIOD = {"from": "2026-05-01", "until": "2026-06-01"}


@pytest.mark.parametrize(("login", "rows"), [("swapper", 1), ("bank", 1), ("ministry", 1), ("rival", 0)])
def test_everyone_has_his_own_statements(app, client, login, rows):
    """Who took part sees what is settled and open in a period; others nothing; all adds up to the swaps."""
    for of in ("truck", "station", "owner"):
        answer = client.get(
            "/stations/statements", params=PERIOD | {"of": of}, headers=token(app, login)
        ).json()
        assert set(answer) == set(description._MEMBERS["/stations/statements"].split()) - {"*"}
        assert answer["reconciles"]
        assert len(answer["statements"]) == rows
        assert {one["reason"] for one in answer["open"]} == ({"no_beginning", "running"} if rows else set())
        files = client.get("/stations/statements.csv", params=PERIOD | {"of": of}, headers=token(app, login))
        assert files.is_success
    page = client.get("/stations/statements", params=PERIOD, headers=token(app, login) | HTML)
    assert page.is_success
    assert (VINS[0] in page.text) == bool(rows)


def test_statements_are_for_who_is_signed_in(app, client):
    """Nobody else sees any; a period that cannot be and a word that is none are refused in the one shape."""
    assert client.get("/stations/statements").status_code == 401
    for wrong in (
        {"of": "x"},
        {"from": "2026-06-01", "until": "2026-05-01"},
        {"from": "2020-01-01"} | {"until": "2026-01-01"},
        {"from": "9999-12-31"},
        {"until": "0001-01-01"},
    ):
        answer = client.get("/stations/statements", params=wrong, headers=token(app, "bank"))
        assert (answer.status_code, bool(answer.json()["error"]["fix"])) == (400, True)
