"""
What stands against guessing: attempts counted per login and per address, by all servers together.

An attempt is counted before the password is looked at, under a lock, so that many at once count one after
the other. A login that does not exist is counted like one that does: nobody learns from being locked out.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final

from voltrail.database.database import Connection
from voltrail.errors import AccessError

WINDOW: Final = timedelta(minutes=15)
PER_LOGIN: Final = 10
PER_ADDRESS: Final = 100  # a whole company may stand behind one


def login_key(login: str) -> bytes:
    """Return under what a login is counted; what was typed is not kept, it may be a password."""
    return sha256(b"login\0" + login.encode()).digest()


def network_of(address: str) -> str:
    """Return what stands for whoever has an address: of IPv6 its /64, which each home has for itself."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv4Address):
        return address
    return str(ip.ipv4_mapped or ip_network((int(ip) >> 64 << 64, 64)))


def address_key(address: str) -> bytes:
    """Return under what an address is counted."""
    return sha256(b"address\0" + network_of(address).encode()).digest()


def count_attempt(connection: Connection, login: str | None, address: str) -> bool:
    """
    Count an attempt; return whether it is the last that this login has for now.

    None for one by an identity provider, whose login is not known yet: its address alone is counted.

    Raises AccessError (`access.locked`) when there are too many already.
    """
    keys = [(address_key(address), PER_ADDRESS)]
    if login is not None:
        keys.append((login_key(login), PER_LOGIN))
    counts: list[int] = []
    with connection.transaction():
        for key, _ in keys:
            connection.execute("select pg_advisory_xact_lock(%s)", (int.from_bytes(key[:8], signed=True),))
        connection.execute("delete from sign_in_attempt where at < now() - %s", (WINDOW,))
        for key, most in keys:
            (count,) = connection.execute(
                "select count(*) from sign_in_attempt where key = %s", (key,)
            ).fetchone() or (0,)
            counts.append(count)
            if count >= most:
                raise AccessError(
                    "access.locked",
                    "There were too many attempts to sign in with this login, or from this address.",
                    "Wait a quarter of an hour. An administrator can give you a new one-time password.",
                )
        for key, _ in keys:
            connection.execute("insert into sign_in_attempt (key) values (%s)", (key,))
    return login is not None and counts[1] + 1 == PER_LOGIN


def forget_attempts(connection: Connection, login: str | None, address: str | None = None) -> None:
    """Forget the attempts of a login, once it has signed in, and of its address that one alone."""
    if login is not None:
        connection.execute("delete from sign_in_attempt where key = %s", (login_key(login),))
    if address is not None:
        connection.execute(
            "delete from sign_in_attempt where id = (select max(id) from sign_in_attempt where key = %s)",
            (address_key(address),),
        )
