"""Recycled content over HTTP: figures for everybody, lots for the maker and the authority, doubts named."""

import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML
from tests.registry import recycled, sample
from voltrail.accounts import passwords
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
PATH = f"/b/{recycled.NEW[0]}/recycled-content"
FIRMS = {"maker": sample.MAKER, "stranger": sample.CARMAKER, "ministry": sample.AUTHORITY}


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Return a function that asks as somebody, for JSON or a page, where the story was told."""
    data = tmp_path_factory.mktemp("recycled") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry, pytest.MonkeyPatch.context() as patched:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        registry.report(sample.report(sample.authority(), lines))
        recycled.tell(registry, recycled_nickel_post_percent=30)
        app, quick = create_app(registry), PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        accounts, secrets = app.state.accounts, {}
        for login, organisation in FIRMS.items():
            password = accounts.add(login, organisation, "member", Actor())
            person = accounts.by_session(accounts.sign_in(login, password, "setup"))
            accounts.change_password(person, password, CHOSEN, "setup")
            secrets[login] = accounts.sign_in(login, CHOSEN, "setup")
        with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:

            def asked(login, path, *, page=False, language="en"):
                cookie = {"Cookie": f"session={secrets[login]}"} if login else {}
                kind = HTML if page else {"Accept": "application/json"}
                return client.get(path, headers=kind | {"Accept-Language": language} | cookie)

            yield asked


def test_everybody_sees_the_figures_and_no_lots(ask):
    """The shares of the passport and the minima of the EU; no stranger is told lots or kilograms."""
    for login in (None, "stranger"):
        told = ask(login, PATH).json()
        assert told["points"] == recycled.SHARES
        assert {one["element"]: one["percent"] for one in told["shares"]} == {"Co": 18, "Li": 0, "Ni": 18.75}
        assert told["withheld"] == ["lots", "findings"]
        assert {(one["element"], one["value"]) for one in told["minima"]} >= {
            ("Ni", 6),
            ("Ni", 15),
            ("Co", 26),
        }
        page = ask(login, PATH, page=True).text
        assert "Nickel 18.7 %" in page
        assert "cathode-1" not in page
        assert "cathode-1" not in ask(login, PATH).text


def test_the_maker_and_the_authority_see_lot_by_lot(ask):
    """Each lot upstream with its steps and shares: half of the cathode's nickel, all of the black mass's."""
    for login in ("maker", "ministry"):
        told = ask(login, PATH).json()
        lots = {one["lot"]: (one["steps"], one["recycled_percent"]["Ni"]) for one in told["lots"]}
        assert lots == {
            recycled.CATHODE: (0, 50),
            recycled.MINED: (1, 0),
            recycled.SULPHATE: (1, 100),
            recycled.BLACK: (2, 100),
        }
        assert told["shares"][2]["recycled_kg"] == {"used": 7.5, "declared": 0, "waste": 0}
        page = ask(login, PATH, page=True).text
        assert "cathode-1" in page


def test_a_maker_who_declares_more_than_the_record_shows_is_named(ask):
    """30 % are declared of nickel and 18.75 % shown: a finding, for who sees the lots."""
    (doubt,) = ask("ministry", PATH).json()["findings"]
    assert (doubt["rule"], doubt["said"], doubt["counts"]) == ("declared_beyond", 30, 18.75)
    assert "the record shows 18.75 %" in ask("maker", PATH, page=True).text
    assert "18.75" in ask("maker", PATH, page=True, language="zh").text


def test_a_battery_without_credits_says_how_it_would_get_some(ask):
    """An empty state in words, and empty lists for programs; an unknown code is not found."""
    path = f"/b/{recycled.OLD[0]}/recycled-content"
    assert ask(None, path).json()["shares"] == []
    assert "Nothing is on record of recycled material in it" in ask(None, path, page=True).text
    assert ask(None, f"/b/{sample.pack(99)}/recycled-content").status_code == 404


def test_the_passport_links_to_how_it_was_worked_out(ask):
    """Computed from the credit's entry, with a link to the lots."""
    page = ask(None, f"/b/{recycled.NEW[0]}/passport", page=True).text
    assert "computed from" in page
    assert "/recycled-content" in page
