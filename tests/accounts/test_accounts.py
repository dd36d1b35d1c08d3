"""Accounts in a real database: what guessing, stealing and shutting out come to."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from tests.registry import sample
from tests.registry.conftest import postgres  # noqa: F401 - a fixture
from voltrail.accounts import Accounts, passwords
from voltrail.accounts.attempts import PER_ADDRESS, PER_LOGIN, network_of
from voltrail.accounts.passwords import check_new, one_time_password
from voltrail.accounts.trail import Actor
from voltrail.database.database import Database
from voltrail.errors import AccessError, IdentityError, NotFound, UsageError

CHOSEN = "four words nobody guesses"
HERE = "192.0.2.1"


@pytest.fixture
def database(postgres):  # noqa: F811
    """An empty database."""
    with Database(None, postgres()) as database:
        yield database


@pytest.fixture
def accounts(database):
    """Accounts, none of them there."""
    return Accounts(database)


@pytest.fixture
def member(accounts):
    """A login with a password of its own."""
    password = accounts.add("wang", sample.MAKER, "member", Actor())
    person = accounts.by_session(accounts.sign_in("wang", password, HERE))
    changed = accounts.by_session(accounts.change_password(person, password, CHOSEN, HERE))
    accounts.sign_out(changed, HERE)
    return "wang"


def add(accounts, login="wang", role="member"):
    accounts.add(login, sample.MAKER, role, Actor())
    return login


HASHES = """
from voltrail.accounts.passwords import _nobody, hash_password, verify_password
kept = hash_password("four words nobody guesses")
assert verify_password(kept, "four words nobody guesses")
assert not verify_password(None, "four words nobody guesses")
print(kept, _nobody)
"""


def test_who_steals_hashes_guesses_slowly():
    """A program that is no test hashes with the memory of RFC 9106, and as long where there is no account."""
    told = subprocess.run([sys.executable, "-c", HASHES], capture_output=True, text=True, check=True).stdout
    assert [extract_parameters(one) for one in told.split()] == [RFC_9106_LOW_MEMORY] * 2


def rule(call, *arguments):
    with pytest.raises((AccessError, UsageError, NotFound)) as caught:
        call(*arguments)
    return caught.value.rule


def sql(database, text, *values):
    with database.pool.connection() as connection:
        found = connection.execute(text, values)
        return found.fetchall() if found.description else found.rowcount


def deeds(accounts):
    return [one.action for one in accounts.trail()[0]]


def test_the_first_administrator_is_made_once(accounts):
    """Of several servers that start together one makes it; the password is printed by that one alone."""
    with ThreadPoolExecutor(8) as pool:
        printed = list(pool.map(lambda _: accounts.begin(sample.AUTHORITY), range(8)))
    [password] = [one for one in printed if one]
    assert [(one.login, one.role) for one in accounts.page()] == [("admin", "administrator")]
    assert accounts.by_session(accounts.sign_in("admin", password, HERE)).must_change


def test_one_time_passwords_differ_and_do_nothing_but_change(accounts):
    """Who signed in with one may neither read nor report nor administer before it is changed."""
    assert len({one_time_password() for _ in range(1000)}) == 1000
    password = accounts.add("boss", sample.MAKER, "administrator", Actor())
    secret = accounts.sign_in("boss", password, HERE)
    person = accounts.by_session(secret)
    assert (person.must_change, person.scopes, person.administers) == (True, frozenset(), False)
    assert rule(accounts.make_token, person, "x", ["read"], 1, HERE) == "access.sign_in"
    assert rule(accounts.change_password, person, password, password, HERE) == "account.password"
    changed = accounts.by_session(accounts.change_password(person, password, CHOSEN, HERE))
    assert changed.administers
    assert accounts.by_session(secret) is None
    assert rule(accounts.sign_in, "boss", password, HERE) == "access.password"


def test_a_one_time_password_is_changed_once(accounts):
    """Two who use it at the same moment: one chooses the password, and the other is out."""
    password = accounts.add("wang", sample.MAKER, "member", Actor())
    with ThreadPoolExecutor(2) as pool:
        secrets = list(pool.map(lambda _: accounts.sign_in("wang", password, HERE), range(2)))
        people = [accounts.by_session(secret) for secret in secrets]

        def change(number):
            try:
                return accounts.change_password(people[number], password, f"{CHOSEN} {number}", HERE)
            except AccessError as error:
                return error

        told = list(pool.map(change, range(2)))
    [winner] = [number for number, one in enumerate(told) if isinstance(one, str)]
    assert told[1 - winner].rule == "access.password"
    assert [accounts.by_session(secret) for secret in secrets] == [None, None]
    assert not accounts.by_session(told[winner]).must_change
    assert accounts.sign_in("wang", f"{CHOSEN} {winner}", HERE)
    for wrong in (password, f"{CHOSEN} {1 - winner}"):
        assert rule(accounts.sign_in, "wang", wrong, HERE) == "access.password"


def test_nobody_signs_in_while_being_shut_out(accounts, member):
    """A sign-in that began before an account was disabled does not outlive it."""
    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            at_once = [pool.submit(accounts.sign_in, member, CHOSEN, HERE) for _ in range(4)]
            accounts.disable(member, Actor())
            secrets = [one.result() for one in at_once if one.exception() is None]
            assert [accounts.by_session(secret) for secret in secrets] == [None] * len(secrets)
            password = accounts.reset(member, Actor())
            assert [accounts.by_session(secret) for secret in secrets] == [None] * len(secrets)
            person = accounts.by_session(accounts.sign_in(member, password, HERE))
            accounts.change_password(person, password, CHOSEN, HERE)


def test_a_password_that_was_changed_ends_other_sessions(accounts, member):
    """Whoever knew the old one is out everywhere at once; a new one is needed for each."""
    stolen, mine = (accounts.sign_in(member, CHOSEN, HERE) for _ in range(2))
    kept = accounts.change_password(accounts.by_session(mine), CHOSEN, f"{CHOSEN} anew", HERE)
    assert accounts.by_session(stolen) is accounts.by_session(mine) is None
    assert accounts.by_session(kept)
    assert rule(accounts.sign_in, member, CHOSEN, HERE) == "access.password"


def test_a_one_time_password_ends(accounts, database):
    """Nobody used it for a week: it opens nothing any more."""
    password = accounts.add("wang", sample.MAKER, "member", Actor())
    sql(database, "update account set one_time_until = now() - interval '1 second'")
    assert rule(accounts.sign_in, "wang", password, HERE) == "access.password"


def test_no_secret_stands_in_the_database(accounts, database, member):
    """Whoever reads a copy of it can neither sign in nor use a session or a token."""
    secret = accounts.sign_in(member, CHOSEN, HERE)
    person = accounts.by_session(secret)
    token = accounts.make_token(person, "line", ["read"], 1, HERE)
    tables = ("account", "account_session", "account_token", "sign_in_attempt", "audit_trail")
    kept = "".join(str(sql(database, f"select t::text from {table} t")) for table in tables)
    assert "$argon2id$" in kept
    for one in (CHOSEN, secret, token, person.csrf):
        assert one not in kept
        assert one.encode().hex() not in kept


def test_guessing_is_locked_out(accounts, member):
    """After ten wrong ones the right one does not help either, from wherever it comes."""
    for number in range(PER_LOGIN):
        assert rule(accounts.sign_in, member, "wrong", f"192.0.2.{number}") == "access.password"
    assert rule(accounts.sign_in, member, CHOSEN, "198.51.100.1") == "access.locked"
    assert deeds(accounts)[:2] == ["sign_in.locked", "sign_in.failed"]


def test_guessing_at_once_is_counted_one_by_one(accounts, member, monkeypatch):
    """Many requests at the same moment do not get more guesses than one after the other."""
    monkeypatch.setattr(passwords, "verify_password", lambda *_: False)  # only the count is looked at
    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(lambda _: rule(accounts.sign_in, member, "x", HERE), range(40)))
    assert told.count("access.password") == PER_LOGIN


def test_an_address_is_locked_out_over_all_logins(accounts, member, monkeypatch):
    """One password tried on many logins is stopped too; others sign in from elsewhere."""
    with monkeypatch.context() as patched:
        patched.setattr(passwords, "verify_password", lambda *_: False)
        for number in range(PER_ADDRESS):
            assert rule(accounts.sign_in, f"login-{number}", "x", HERE) == "access.password"
    assert rule(accounts.sign_in, member, CHOSEN, HERE) == "access.locked"
    assert accounts.sign_in(member, CHOSEN, "192.0.2.77")


def test_who_has_a_network_of_addresses_is_counted_as_one(accounts, member, monkeypatch):
    """A home has 2^64 addresses of IPv6: changing among them gives no further attempts."""
    with monkeypatch.context() as patched:
        patched.setattr(passwords, "verify_password", lambda *_: False)
        for number in range(PER_ADDRESS):
            here = f"2001:db8:0:7::{number + 1:x}"
            assert rule(accounts.sign_in, f"login-{number}", "x", here) == "access.password"
    assert rule(accounts.sign_in, member, CHOSEN, "2001:db8:0:7:ffff::1") == "access.locked"
    assert accounts.sign_in(member, CHOSEN, "2001:db8:0:8::1")
    assert network_of("::ffff:192.0.2.7") == network_of("192.0.2.7") == "192.0.2.7"
    assert (network_of("fe80::1%eth0"), network_of("unknown")) == ("fe80::/64", "unknown")


def test_a_lock_ends_by_itself_and_by_a_reset(accounts, database, member):
    """After a quarter of an hour, or when an administrator gives a new password."""
    for _ in range(PER_LOGIN):
        rule(accounts.sign_in, member, "wrong", HERE)
    sql(database, "update sign_in_attempt set at = at - interval '16 minutes'")
    assert accounts.sign_in(member, CHOSEN, HERE)
    for _ in range(PER_LOGIN):
        rule(accounts.sign_in, member, "wrong", HERE)
    assert accounts.sign_in(member, accounts.reset(member, Actor()), HERE)


def test_signing_in_forgets_what_was_typed_wrongly(accounts, member):
    """Who mistypes now and then is never locked out."""
    for _ in range(3):
        for _ in range(PER_LOGIN - 1):
            rule(accounts.sign_in, member, "wrong", HERE)
        assert accounts.sign_in(member, CHOSEN, HERE)


def test_an_unknown_login_takes_the_same_path(accounts, member, monkeypatch):
    """The same work, words, counting and rows: nobody learns which logins exist, nor which are shut."""
    add(accounts, "shut")
    shut = accounts.reset("shut", Actor())
    accounts.disable("shut", Actor())
    hashed = []
    real = passwords._hasher
    counted = type(
        "Counted",
        (),
        {
            "verify": lambda _, *a: (
                hashed.append(a[0].rpartition("$")[0].rpartition("$")[0]) or real.verify(*a)
            )
        },
    )()
    monkeypatch.setattr(passwords, "_hasher", counted)
    told = []
    for login, password in ((member, "wrong"), ("nobody", "wrong"), ("shut", shut)):
        for _ in range(PER_LOGIN + 1):
            with pytest.raises(AccessError) as caught:
                accounts.sign_in(login, password, HERE)
            told.append(str(caught.value))
    each = PER_LOGIN + 1
    assert told[:each] == told[each : 2 * each] == told[2 * each :]
    assert len(hashed) == 3 * PER_LOGIN
    assert len(set(hashed)) == 1  # the same algorithm with the same parameters
    rows = [one.action for one in accounts.trail()[0][: 3 * PER_LOGIN]]
    assert rows == 3 * ["sign_in.locked", *(PER_LOGIN - 1) * ["sign_in.failed"]]


def test_what_was_typed_as_an_unknown_login_is_not_kept(accounts, database):
    """It may be a password in the wrong field."""
    rule(accounts.sign_in, "my-secret-password", "x", HERE)
    for table in ("sign_in_attempt", "audit_trail"):
        assert "my-secret-password" not in str(sql(database, f"select t::text from {table} t"))


def test_a_disabled_account_is_out_at_once(accounts, member):
    """Its session and its token end with it, and the password opens nothing."""
    secret = accounts.sign_in(member, CHOSEN, HERE)
    token = accounts.make_token(accounts.by_session(secret), "line", ["report"], 1, HERE)
    assert accounts.by_token(token)
    accounts.disable(member, Actor())
    assert accounts.by_session(secret) is None
    assert accounts.by_token(token) is None
    assert rule(accounts.sign_in, member, CHOSEN, HERE) == "access.password"
    accounts.reset(member, Actor())
    assert accounts.by_token(token) is None


def test_the_last_administrator_stays(accounts):
    """Two who disable each other at the same moment leave one."""
    for login in ("one", "two"):
        accounts.add(f"{login}-boss", sample.MAKER, "administrator", Actor())
    names = ["one-boss", "two-boss"]

    def disable(login):
        try:
            accounts.disable(login, Actor())
        except UsageError as error:
            return error.rule

    with ThreadPoolExecutor(2) as pool:
        assert sorted(map(str, pool.map(disable, names))) == ["None", "account.last"]


@pytest.mark.parametrize("column", ["expires_at", "seen_at"])
def test_sessions_end(accounts, database, member, column):
    """By their age, however busy, and when nobody used them for a while."""
    secret = accounts.sign_in(member, CHOSEN, HERE)
    sql(database, f"update account_session set {column} = {column} - interval '12 hours'")
    assert accounts.by_session(secret) is None


def test_a_session_is_new_at_each_sign_in(accounts, member):
    """The one before in this browser ends; another browser's stays, until it is ended."""
    first, elsewhere = (accounts.sign_in(member, CHOSEN, HERE) for _ in range(2))
    second = accounts.sign_in(member, CHOSEN, HERE, before=first)
    assert second not in {first, elsewhere}
    assert accounts.by_session(first) is None
    person = accounts.by_session(second)
    assert len(accounts.sessions(person)) == 2
    accounts.end_others(person, HERE)
    assert accounts.by_session(elsewhere) is None
    accounts.sign_out(person, HERE)
    assert accounts.by_session(second) is None


def test_tokens_end_and_are_ones_own(accounts, database, member):
    """Expired, revoked, never made: nothing. Nobody revokes another's."""
    person = accounts.by_session(accounts.sign_in(member, CHOSEN, HERE))
    expired, revoked, good = (accounts.make_token(person, name, ["read"], 7, HERE) for name in "abc")
    ids = {one.name: one.id for one in accounts.tokens(person)}
    sql(database, "update account_token set expires_at = now() where name = 'a'")
    accounts.revoke_token(person, ids["b"], HERE)
    assert accounts.by_token(expired) is accounts.by_token(revoked) is accounts.by_token("voltrail_") is None
    assert accounts.by_token(good).scopes == {"read"}
    assert not accounts.by_token(good).administers
    assert accounts.by_session(good) is None
    other = accounts.by_session(
        accounts.sign_in(add(accounts, "other"), accounts.reset("other", Actor()), HERE)
    )
    assert rule(accounts.revoke_token, other, ids["c"], HERE) == "token.unknown"
    assert accounts.by_token(good)


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("x", [], 1),
        ("x", ["read", "administer"], 1),
        ("", ["read"], 1),
        ("x\n", ["read"], 0),
        ("x", ["read"], 9999),
    ],
)
def test_tokens_that_cannot_be(accounts, member, name, scopes, days):
    """Without an end, without a name, or for more than there is."""
    person = accounts.by_session(accounts.sign_in(member, CHOSEN, HERE))
    assert rule(accounts.make_token, person, name, scopes, days, HERE).startswith("token.")


def test_the_trail_is_only_added_to(accounts, database, member):
    """Not by our own connection either: no row can be changed or removed."""
    for text in (
        "update audit_trail set login = 'x'",
        "delete from audit_trail",
        "truncate audit_trail",
        "truncate account cascade",
    ):
        with pytest.raises(psycopg.errors.RaiseException):
            sql(database, text)
    assert "account.made" in deeds(accounts)


def test_the_trail_comes_in_pages(accounts, member):
    """All of it, nothing twice."""
    for number in range(110):
        with accounts._database.pool.connection() as connection:
            connection.execute("insert into audit_trail (action, detail) values ('test', %s)", (str(number),))
    seen, before = [], None
    while True:
        page, before = accounts.trail(before)
        seen += [one.id for one in page]
        if before is None:
            break
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) > 110


@pytest.mark.parametrize("login", ["", "a", "Wang", "wang li", "../x", "wang\n", "x" * 65, "王伟", "-x-"])
def test_logins_have_one_form(accounts, login):
    """What looks the same is the same: no capital letters, no spaces, no other scripts."""
    assert rule(accounts.add, login, sample.MAKER, "member", Actor()) == "account.login"


def test_accounts_that_cannot_be(accounts, member):
    """Twice, in no role, of no organisation, unknown."""
    assert rule(accounts.add, member, sample.MAKER, "member", Actor()) == "account.exists"
    assert rule(accounts.add, "other", sample.MAKER, "authority", Actor()) == "account.role"
    with pytest.raises(IdentityError):
        accounts.add("other", "91000000MA0000000X", "member", Actor())
    assert rule(accounts.disable, "other", Actor()) == "account.unknown"
    assert rule(accounts.reset, "other", Actor()) == "account.unknown"


@pytest.mark.parametrize("password", ["short", "x" * 300, "aaaaaaaaaaaaaaaa", "wang-wang-2026!"])
def test_passwords_that_are_guessed(password):
    """Too short, too long, of one letter, made from the login."""
    with pytest.raises(UsageError):
        check_new(password, "wang")


def test_a_password_is_the_same_on_every_keyboard(accounts, database):
    """Composed or decomposed, a letter is the letter."""
    password = accounts.reset(add(accounts), Actor())
    person = accounts.by_session(accounts.sign_in("wang", password, HERE))
    accounts.change_password(person, password, "caf\u00e9 und noch mehr", HERE)
    assert accounts.sign_in("wang", "cafe\u0301 und noch mehr", HERE)
