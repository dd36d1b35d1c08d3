"""Production lines over HTTP: who runs one sees it, and the authority; bad input is answered in words."""

import csv
import io
import json
from urllib.parse import quote

import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML
from tests.registry import making, sample
from tests.registry.making import CELLS, FIRST, LINE, LONE, MAKER, OTHER, PACK, SECOND
from voltrail.accounts import passwords
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.errors import VoltrailError
from voltrail.events import decode
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
HERE = f"/technology/lines/{MAKER}/{quote(LINE)}"


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """What answers for a maker with a line whose pressing drifts, its rival, and an authority."""
    data = tmp_path_factory.mktemp("lines") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with voltrail.open(data) as registry, pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        making.begin(registry)
        making.say(
            registry,
            *(
                sample.line(
                    "step_reported",
                    f"2026-05-{1 + number // 20:02}T{number % 20:02}:00:00+08:00",
                    production_line=LINE,
                    step="isostatic_pressing",
                    unit="pieces",
                    entered=10,
                    good=10,
                    lot=OTHER,
                    readings=[
                        {"quantity": "pressure_mpa", "mean": 450 + (-1) ** number - 8 * (number >= 30)},
                        {"quantity": "<b>own_reading</b>", "mean": 5.0},
                    ],
                )
                for number in range(40)
            ),
        )
        app = create_app(registry)
        with TestClient(app) as client:
            accounts = app.state.accounts
            cookies = {}
            for who in (MAKER, sample.CARMAKER, sample.AUTHORITY):
                login = f"of-{who[-4:].lower()}"
                once = accounts.add(login, who, "member", Actor())
                person = accounts.by_session(accounts.sign_in(login, once, "setup"))
                cookies[who] = f"session={accounts.change_password(person, once, CHOSEN, 'setup')}"

            def ask(path, who=MAKER, page=False):
                client.cookies.clear()
                headers = ({"Cookie": cookies[who]} if who else {}) | (HTML if page else {})
                return client.get(path, headers=headers)

            yield ask


def table(answer):
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_a_line_is_shown_to_who_runs_it_and_to_the_authority(asked):
    """Others get 403 on each of its addresses, the public too; the list leaves out what one may not see."""
    paths = [HERE, f"{HERE}/steps.csv", f"{HERE}/readings.csv", f"{HERE}/trace?of={FIRST}"]
    paths.append(f"{HERE}/trace.csv?of={FIRST}")
    for path in paths:
        assert asked(path).status_code == 200, path
        assert asked(path, sample.AUTHORITY).status_code == 200
        assert asked(path, sample.CARMAKER).status_code == 403
        assert asked(path, None).status_code in {401, 403}
    assert [one["line"] for one in asked("/technology/lines").json()["lines"]] == [LINE]
    assert asked("/technology/lines", sample.AUTHORITY).json()["lines"][0]["organisation"] == MAKER
    for who in (sample.CARMAKER, None):
        assert asked("/technology/lines", who).json()["lines"] == []
        assert LINE not in asked("/technology/lines", who, page=True).text


def test_a_line_says_what_comes_through_and_what_drifts(asked):
    """Yields by step and rolled, scrap by reason, and the press that lost pressure with since when."""
    told = asked(HERE).json()
    assert [one["step"] for one in told["yield"]["steps"]] == [
        "coating",
        "isostatic_pressing",
        "formation",
        "grading",
    ]
    assert told["yield"]["rolled"]["middle"] == pytest.approx(0.96 * 0.9 * 0.9)
    assert told["scrap"]["pieces"][0]["reason"] == "leak"
    (chart,) = told["charts"]
    assert chart["quantity"] == "pressure_mpa"
    (drift,) = chart["drifts"]
    assert 28 <= drift["since"] <= drift["found"] <= 33
    assert drift["until"] is None
    assert drift["by"] == pytest.approx(-8, abs=1)
    assert {one["quantity"] for one in told["few"]} == {"capacity_ah", "<b>own_reading</b>"}
    page = asked(HERE, page=True).text
    assert "one reading drifts" in page
    assert "<b>own_reading" not in page
    assert "漂移" in asked(f"{HERE}?lang=zh", page=True).text


def test_a_day_narrows_what_is_counted(asked):
    """From a day on only later reports count; from one after all there is a page that says so."""
    assert asked(f"{HERE}?since=2026-05-01").json()["counted"] == 40
    later = asked(f"{HERE}?since=2027-01-01")
    assert later.json()["counted"] == 0
    assert later.json()["yield"] == {"steps": [], "rolled": None}
    assert "No step was reported in this time." in asked(f"{HERE}?since=2027-01-01", page=True).text


def test_which_packs_hold_a_lot(asked):
    """From a lot up and from a pack down, as JSON, page and file."""
    assert asked(f"{HERE}/trace?of={FIRST}").json()["trace"]["outer"] == {PACK: 3, CELLS[0]: 1}
    assert asked(f"{HERE}/trace?of={PACK}").json()["trace"]["lots"] == {FIRST: [], SECOND: [FIRST], OTHER: []}
    assert asked(f"{HERE}/trace?of=").json()["trace"] is None
    assert "2 batteries hold what was made of this lot" in asked(f"{HERE}/trace?of={FIRST}", page=True).text
    assert "Lots behind this battery: 3" in asked(f"{HERE}/trace?of={PACK}", page=True).text
    rows = table(asked(f"{HERE}/trace.csv?of={FIRST}"))
    assert {PACK} < {row["Code"] for row in rows}


def test_files_have_every_report_and_reading(asked):
    """A row for each report, and one for each reading of each."""
    steps = table(asked(f"{HERE}/steps.csv"))
    readings = table(asked(f"{HERE}/readings.csv"))
    assert len(steps) == 44
    assert len(readings) == 81
    assert asked(f"{HERE}/steps.xlsx").content[:2] == b"PK"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/technology/lines/{MAKER}/nothing", 404),
        (f"{HERE}?since=soon", 400),
        (f"{HERE}/trace?of={'x' * 300}", 400),
        (f"{HERE}/trace?of=hello", 400),
        (f"{HERE}/trace?of=%00/x", 400),
        (f"{HERE}/trace?of={MAKER}/none", 404),
        (f"{HERE}/trace?of={LONE}", 404),
        (f"{HERE}/trace.csv", 400),
        (f"/technology/lines/{MAKER}/%00", 400),
        ("/technology/lines/x/y", 403),
    ],
)
def test_what_cannot_be_answered_is_said_in_words(asked, path, status):
    """Nothing that somebody types breaks a page: each says what is wrong and what to do."""
    for page in (False, True):
        answer = asked(path, page=page)
        assert answer.status_code == status, answer.text
    assert asked(path).json()["error"]["fix"]


def test_the_name_of_a_line_can_stand_in_an_address(asked):
    """One with a slash, or that begins with a dot, could not be asked for: it is refused when it is told."""
    for name in ("a/b", "..", "."):
        with pytest.raises(VoltrailError) as caught:
            decode(making.step("mixing", lot=FIRST).replace(LINE.encode(), name.encode()))
        assert "production_line" in caught.value.message
