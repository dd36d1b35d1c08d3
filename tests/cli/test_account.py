"""`voltrail account`, and the first administrator: a password is printed once, and to the terminal alone."""

import json
import re

import pytest
from click.testing import CliRunner

import voltrail
from tests.registry import sample
from tests.registry.conftest import postgres  # noqa: F401 - a fixture
from voltrail.accounts import Accounts
from voltrail.cli import main
from voltrail.cli.account import first_administrator
from voltrail.errors import AccessError


@pytest.fixture
def run(tmp_path, postgres, monkeypatch):  # noqa: F811
    """Return a function that runs a command on a registry of its own; `begun` is what `init` printed."""
    monkeypatch.setenv("VOLTRAIL_DATABASE", postgres())
    monkeypatch.setenv("VOLTRAIL_DATA", str(tmp_path / "data"))

    def command(*words, code=0):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == code, done.output
        return done.output

    command.begun = command("init", "--origin", sample.ORIGIN, "--authority", sample.authority().vkey)
    command.data = tmp_path / "data"
    return command


def password_in(output):
    return re.search(r"one-time password: ([a-z2-9-]{29}) ", output)[1]


def test_init_prints_the_first_administrators_password(run):
    """It opens the account, it stands in no file, and a later start prints none."""
    password = password_in(run.begun)
    with voltrail.open(run.data) as registry:
        accounts = Accounts(registry.database)
        assert accounts.by_session(accounts.sign_in("admin", password, "test")).must_change
        assert first_administrator(registry) is None
    files = [path for path in run.data.rglob("*") if path.is_file() and path.parent.name != "pg"]
    assert all(password.encode() not in path.read_bytes() for path in files)


def test_accounts_are_made_listed_reset_and_disabled(run):
    """As the operator does it; what is refused says why, with exit code 1."""
    first = password_in(run("account", "add", "wang", "--organisation", sample.MAKER))
    assert [one["login"] for one in json.loads(run("account", "list", "--json"))] == ["admin", "wang"]
    assert "password" not in json.loads(run("account", "list", "--json"))[0]
    run("account", "disable", "wang")
    assert "disabled" in run("account", "list")
    second = password_in(run("account", "reset", "wang"))
    with voltrail.open(run.data) as registry:
        accounts = Accounts(registry.database)
        assert accounts.sign_in("wang", second, "test")
        with pytest.raises(AccessError):
            accounts.sign_in("wang", first, "test")
    assert "last administrator" in run("account", "disable", "admin", code=1)
    assert "no account" in run("account", "reset", "nobody", code=1)
    run("account", "add", "wang", "--organisation", "nonsense", code=1)
