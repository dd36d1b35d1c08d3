"""What vehicles say over HTTP: who may see a vehicle sees it, and nobody else learns of it."""

# ruff: noqa: F811 - fixtures of another module are imported

import hashlib
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.conftest import HTML, PACK
from tests.api.test_accounts import CHOSEN, quick_hashes  # noqa: F401
from tests.gateway.test_binding import frame, logins, reports, write
from tests.registry import sample
from tests.registry.test_missing import send
from voltrail.accounts.trail import Actor
from voltrail.gateway.binding import Binder, trace_path
from voltrail.gateway.folder import Folder
from voltrail.telematics.gbt32960.frame import read_frame

VIN, CLONE = "LSVAA4187E2184847", "LSVAA4187E2189999"
LOGINS = {"car": sample.CARMAKER, "ministry": sample.AUTHORITY, "stranger": sample.RECYCLER}
JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def seen(registry):
    """A registry to which a vehicle said that it has a pack that the record has in another; with an alarm."""
    line = sample.registrations(
        sample.CARMAKER, "vehicle_maker", sample.signer(sample.CARMAKER, "line-2"), host_may_sign=True
    )[-1]
    registry.report(sample.report(sample.authority(), [line]))
    folder = Folder.of(registry.data)
    binder = Binder(registry, folder, sample.CARMAKER)
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)  # the record has just learnt of it
    write(folder, [frame(now, level=4)], received=now)
    binder.see(logins((CLONE, now, [PACK]), (VIN, now - timedelta(days=1), [PACK])))
    binder.see(reports((VIN, now, 4, 1 << 23)))
    assert binder.report_alarms(now + timedelta(hours=1)) == 1
    registry.enter_heads()
    return registry


@pytest.fixture(scope="module")
def cookies(app, seen, quick_hashes):
    """The cookie of each who signs in."""
    accounts, found = app.state.accounts, {}
    for login, organisation in LOGINS.items():
        password = accounts.add(login, organisation, "member", Actor())
        person = accounts.by_session(accounts.sign_in(login, password, "setup"))
        found[login] = {"Cookie": f"session={accounts.change_password(person, password, CHOSEN, 'setup')}"}
    return found | {"public": {}}


@pytest.fixture
def get(client, cookies):
    """Return a function by which somebody asks."""
    return lambda who, path, accept=JSON: client.get(path, headers=accept | cookies[who])


@pytest.mark.parametrize("accept", [JSON, HTML], ids=["json", "page"])
@pytest.mark.parametrize("who", ["public", "stranger"])
def test_who_may_not_see_a_vehicle_learns_nothing(get, who, accept):
    """No VIN, no digest, no word that something contradicts, whatever is asked for."""
    battery = get(who, f"/b/{PACK}", accept)
    assert battery.status_code == 200
    assert CLONE not in battery.text
    assert "contradict" not in battery.text.lower()
    assert get(who, f"/b/{PACK}/alarms", accept).status_code == 403
    assert get(who, f"/b/{PACK}/alarms/{'0' * 64}", accept).status_code == 403
    lists = {get(who, path, accept).status_code for path in ("/authority/vehicles", "/workspace/vehicles")}
    assert lists <= {401, 403, 303, 200}
    assert all(
        CLONE not in get(who, path, accept).text for path in ("/authority/vehicles", "/workspace/vehicles")
    )


@pytest.mark.parametrize("who", ["car", "ministry"])
def test_who_may_see_it_is_told_what_does_not_agree(get, who):
    """On the battery, in the list of whose it is or the authority's, and in Chinese too."""
    (told,) = get(who, f"/b/{PACK}").json()["vehicles"]
    assert (told["vin"], told["verdict"], told["other_vin"]) == (CLONE, "two_vehicles", VIN)
    assert told["discrepancy"]["fix"]
    page = get(who, f"/b/{PACK}?lang=zh", HTML).text
    assert CLONE in page
    assert "两辆车" in page
    path = "/authority/vehicles" if who == "ministry" else "/workspace/vehicles"
    assert [one["vin"] for one in get(who, path).json()["vehicles"]] == [CLONE]
    assert CLONE in get(who, path, HTML).text
    assert get(who, path + "?verdict=other_pack").json() == {
        "vehicles": [],
        "next": None,
        "entries_behind": 0,
    }
    assert get(who, path + "?verdict=nonsense").status_code == 400
    assert get(who, path + "?after=nonsense").status_code == 400


def test_a_list_of_agreeing_vehicles_is_no_list_of_discrepancies(get):
    """Asked for by its verdict, the vehicle that agrees is listed, on the page without words against it."""
    assert [
        one["vin"] for one in get("ministry", "/authority/vehicles?verdict=agreed").json()["vehicles"]
    ] == [VIN]
    assert VIN in get("ministry", "/authority/vehicles?verdict=agreed", HTML).text


@pytest.mark.parametrize("who", ["car", "ministry"])
def test_an_alarm_leads_to_its_entry_and_its_frames(get, seen, who):
    """Listed with its entry and digest; the file is what the digest says, and decodes."""
    (told,) = get(who, f"/b/{PACK}/alarms").json()["alarms"]
    assert (told["vin"], told["incident"], told["level"]) == (VIN, "fire", 4)
    event = get(who, f"/b/{PACK}/events/{told['index']}", HTML)
    assert event.status_code == 200
    page = get(who, f"/b/{PACK}/alarms", HTML)
    assert f"/b/{PACK}/alarms/{told['digest']}" in page.text
    file = get(who, f"/b/{PACK}/alarms/{told['digest']}", {})
    assert hashlib.sha256(file.content).hexdigest() == told["digest"]
    assert read_frame(file.content).vehicle == VIN


def test_frames_that_are_gone_are_told_in_words(get, seen):
    """A digest that is none of this battery, a path that leads elsewhere, a file that was removed: 404."""
    (told,) = get("car", f"/b/{PACK}/alarms").json()["alarms"]
    for digest in ("0" * 64, "%2e%2e%2fkeys%2flog.pem", "x%00y"):
        assert get("car", f"/b/{PACK}/alarms/{digest}").status_code in {403, 404}
    path = trace_path(Folder.of(seen.data), told["digest"])
    held = path.read_bytes()
    path.unlink()
    try:
        gone = get("car", f"/b/{PACK}/alarms/{told['digest']}")
        assert gone.json()["error"]["rule"] == "alarm.frames_gone"
    finally:
        path.write_bytes(held)


def test_whoever_comes_to_have_it_later_sees_no_vehicle_of_before(get, seen):
    """A pack that is taken out and sent on: its new holder is not told which vehicles named it before."""
    time.sleep(1.1)  # until the login, which is a second ahead, lies before what the new holder reports
    lines = [
        sample.line("removed", "2026-06-02T10:00:00+08:00", code=PACK, vin=VIN, reason="replacement"),
        sample.line("shipped", "2026-06-03T10:00:00+08:00", code=PACK, to=sample.RECYCLER),
    ]
    send(seen, sample.CARMAKER, *lines)
    send(
        seen,
        sample.RECYCLER,
        sample.line("received", "2026-06-04T10:00:00+08:00", code=PACK, from_=sample.CARMAKER),
    )
    assert get("stranger", f"/b/{PACK}").json()["vehicles"] == []
    assert get("stranger", "/workspace/vehicles").json()["vehicles"] == []
    (alarm,) = get("stranger", f"/b/{PACK}/alarms").json()[
        "alarms"
    ]  # its condition, as everybody who works on it
    assert "vin" not in alarm
    assert get("stranger", f"/b/{PACK}/alarms/{alarm['digest']}").status_code == 404
