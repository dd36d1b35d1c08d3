"""Where a server may send to: an address that users name must not lead to our own machines."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from voltrail.connections.exchange import Unanswered
from voltrail.errors import UsageError

_NAT64: Final = IPv6Network("64:ff9b::/96")
_Address = IPv4Address | IPv6Address


class Networks:
    """Where we may go: the public internet over TLS, and what the operator names, in the clear too."""

    def __init__(self, named: Iterable[str] = ()) -> None:
        try:
            self._named = [ip_network(one) for one in named]
        except ValueError as error:
            raise UsageError(
                "usage.network", f"{error}.", "Name a network as in 10.20.0.0/16, or one address."
            ) from error

    def locate(self, host: str, port: int, *, secure: bool = True) -> str:
        """Return the one address of a host to connect to. Raises Unanswered where none may be asked."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unanswered("unreachable", f"There is no host {host}: {error.strerror or error}.") from error
        addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
        for one in addresses:
            if any(one in network for network in self._named):
                continue
            if not is_public(one):
                raise Unanswered(
                    "unreachable", f"{host} is {one}, which is no address of the public internet."
                )
            if not secure:
                raise Unanswered("unreachable", "It is not asked over plain HTTP: give an https address.")
        if not addresses:
            raise Unanswered("unreachable", f"There is no host {host}.")
        return str(addresses[0])


def is_public(address: _Address) -> bool:
    """Return whether an address is of the public internet; what is wrapped in another counts as itself."""
    if isinstance(address, IPv6Address):
        teredo = address.teredo
        inner = address.ipv4_mapped or address.sixtofour or (teredo and teredo[1])
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved
