"""What a connection may take of a process of the gateway before it is slowed down or closed."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """
    The bounds of one process. Rates are frames a second, and how many may come at once.

    A terminal reports at most once a second and re-issues what it could not send for days; who sends more
    is read later, and loses nothing.
    """

    connections: int = 20_000
    per_address: int = 1_000
    login_s: float = 15.0
    unfinished_s: float = 15.0
    idle_s: float = 720.0  # three times the longest heartbeat, 240 s
    closing_s: float = 5.0  # for a peer that does not take its last answers
    terminal_rate: float = 100.0
    terminal_burst: float = 2_000.0
    platform_rate: float = 100_000.0
    platform_burst: float = 200_000.0
    failed_logins: int = (
        20  # of an address, in `failed_within_s`; then it is answered without being looked at
    )
    failed_within_s: float = 900.0


DEFAULT: Final = Limits()


def network_of(address: str) -> str:
    """Return what is counted for an address: of IPv6 its /64. This machine is not counted: ""."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if ip.is_loopback:
        return ""
    if isinstance(ip, IPv4Address):
        return address
    return str(ip.ipv4_mapped or ip_network((int(ip) >> 64 << 64, 64)))
