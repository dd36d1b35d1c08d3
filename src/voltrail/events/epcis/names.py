"""The URIs of batteries, vehicles, organisations and places: ours, and what of others' is one of ours."""

from __future__ import annotations

import re
from typing import Final

from voltrail.codes import is_code, without_code
from voltrail.errors import CodeError
from voltrail.events.epcis import identifiers
from voltrail.events.epcis.identifiers import escape, unescape

URN: Final = "urn:voltrail:"
_ADDRESS: Final = re.compile("https?://[^/]+/b/([^/?#]+)")
_CODE_LENGTHS: Final = (24, 19)
_NO_BATTERY: Final = {
    "00": "a logistic unit (SSCC)",
    "253": "a document (GDTI)",
    "255": "a coupon (GCN)",
    "401": "a consignment (GINC)",
    "402": "a shipment (GSIN)",
    "414": "a place (GLN)",
    "417": "a party (GLN)",
    "8003": "a returnable asset (GRAI)",
    "8006": "a piece of a trade item (ITIP)",
    "8010": "a component (CPID)",
    "8017": "a provider of services (GSRN)",
    "8018": "a recipient of services (GSRN)",
}


class NamingError(ValueError):
    """A URI that names nothing that stands here: in words for people, with what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def battery_uri(code: str, host: str) -> str:
    """Return the address of a battery's page, which stands on its label too."""
    return f"https://{host}/b/{escape(code)}"


def named(sort: str, name: str) -> str:
    """Return our own URN of a vehicle, system, organisation, site or station."""
    return f"{URN}{sort}:{escape(name)}"


def read_named(uri: str, sort: str) -> str | None:
    """Return the name in our own URN of this sort, or None."""
    head = f"{URN}{sort}:"
    return unescape(uri.removeprefix(head)) if uri.startswith(head) else None


def place_uri(sort: str, name: str) -> str:
    """Return the URI of a site or station: its GLN, where it is one."""
    try:
        gln = identifiers.check_gln(name) if name.isascii() and name.isdigit() else None
    except ValueError:
        gln = None
    return named(sort, name) if gln is None else f"{identifiers.HOST}/414/{gln}"


def read_place(uri: str, sort: str) -> str | None:
    """Return the name of a site or station: ours, or a GLN; None for the place of somebody else."""
    found = identifiers.read(uri)
    if found is not None and found.ai == "414":
        return found.key if found.qualifier is None else None
    return read_named(uri, sort)


def read_battery(uri: str, reporter: str) -> str:
    """
    Return the code of the battery that a URI names.

    One that holds a code names it. A single object of another maker gets the NC- id of who reports.
    Raises NamingError.
    """
    if (ours := read_named(uri, "battery")) is not None or (ours := _in_address(uri)) is not None:
        if is_code(ours):
            return ours
        raise NamingError(f"{ours[:60]!r} is no battery code.", "Compare it with the label.")
    found = identifiers.read(uri)
    if found is None:
        raise NamingError(
            f"{uri[:80]} does not say which battery it is.",
            "Name the battery by https://HOST/b/CODE, urn:voltrail:battery:CODE or its GS1 identifier.",
        )
    if found.level == "class":
        raise NamingError(
            f"{uri[:80]} is a class of objects, no single battery.", "Name it with its serial number."
        )
    if found.ai == "01" and found.qualifier is not None and found.qualifier[0] == "21":
        return _code_in(found.qualifier[1]) or _no_code(reporter, f"{found.key}-{found.qualifier[1]}", uri)
    if found.ai == "8004":
        return _code_in(found.key) or _no_code(reporter, f"8004-{found.key}", uri)
    what = _NO_BATTERY.get(found.ai, "another thing")
    raise NamingError(
        f"{uri[:80]} is {what}, no battery.",
        "The record is about batteries: name each by its code, SGTIN or GIAI.",
    )


def _in_address(uri: str) -> str | None:
    match = _ADDRESS.fullmatch(uri)
    return unescape(match[1]) if match is not None else None


def _code_in(text: str) -> str | None:
    """Return the code that a serial number or asset reference is, or ends in."""
    return next((text[-length:] for length in _CODE_LENGTHS if is_code(text[-length:])), None)


def _no_code(reporter: str, serial: str, uri: str) -> str:
    try:
        return without_code(reporter, serial)
    except CodeError:
        raise NamingError(
            f"{uri[:80]} has no battery code in it, and makes no NC- id: that has 32 capital letters,"
            " digits and hyphens at most.",
            "Put the battery's code into the serial number, or name it by urn:voltrail:battery:CODE.",
        ) from None
