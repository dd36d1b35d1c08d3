"""
GS1 identifiers in EPCIS: EPC URNs and Digital Link addresses, checked and brought into one spelling.

    >>> read("urn:epc:id:sgtin:4012345.011111.9876").uri
    'https://id.gs1.org/01/04012345111118/21/9876'

Structures and lengths: EPC Tag Data Standard 2.0, section 6; GS1 General Specifications, section 3;
GS1 Digital Link URI Syntax 1.2, section 4. The spelling is that of CBV 2.0, section 8.9: the canonical
Digital Link, without attributes, at its finest level.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from voltrail.codes.digital_link import SET_39, SET_82, WORDS, check_digit

Level = Literal["instance", "class", "location", "party", "document"]

MAX_URI: Final = 2_048
HOST: Final = "https://id.gs1.org"

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_SERIAL_IN_URN = re.compile(r"(?:[!'()*+,.0-9:;=A-Z_a-z-]|%[0-9A-Fa-f]{2})+")
_PLAIN = "';="  # need no escape in a Digital Link; section 4.5
_ESCAPES = re.compile("(?:%[0-9A-Fa-f]{2})+")


class Identifier(NamedTuple):
    """
    A GS1 identifier: its key's application identifier and value, what qualifies it, what it identifies.

    `uri` is the one spelling that hashes and comparisons use.
    """

    ai: str
    key: str
    qualifier: tuple[str, str] | None
    level: Level

    @property
    def uri(self) -> str:
        """The canonical Digital Link."""
        more = "" if self.qualifier is None else f"/{self.qualifier[0]}/{escape(self.qualifier[1], _PLAIN)}"
        return f"{HOST}/{self.ai}/{escape(self.key, _PLAIN)}{more}"


def is_uri(text: str) -> bool:
    """Return whether a text is an absolute URI, RFC 3986, of a bearable length."""
    return len(text) <= MAX_URI and _URI.fullmatch(text) is not None


def read(uri: str) -> Identifier | None:
    """
    Return the GS1 identifier that a URI is, None for a URI of another sort.

    Raises ValueError, with words for people, for one that has the form of a GS1 identifier and is none:
    a wrong length, character or check digit.
    """
    if uri.startswith("urn:epc:"):
        return _read_urn(uri)
    if uri.startswith(("https://", "http://")):
        return _read_link(uri)
    return None


def canonical(uri: str) -> str:
    """Return the one spelling of a GS1 identifier, any other text as it is."""
    try:
        found = read(uri)
    except ValueError:
        return uri
    return uri if found is None else found.uri


# ------------------------------------------------------------------------ EPC URNs


def _read_urn(uri: str) -> Identifier | None:
    sort, _, rest = uri.removeprefix("urn:epc:").partition(":")
    scheme, _, value = rest.partition(":")
    if sort == "id" and scheme in _OTHERS:
        if not value or _SERIAL_IN_URN.fullmatch(value) is None:
            raise ValueError(f"{_cut(uri)} does not have the form urn:epc:id:{scheme}:….")
        return None
    readers = {"id": _INSTANCES, "class": _CLASSES, "idpat": _PATTERNS}.get(sort)
    if readers is None or scheme not in readers:
        raise ValueError(f"{_cut(uri)} is no EPC URN of a known scheme.")
    return readers[scheme](value, scheme)


def _digits(value: str, total: int, scheme: str, parts: int) -> list[str]:
    """Return the parts of a URN: company prefix (6 to 12 digits) and reference are `total` digits."""
    found = value.split(".", parts - 1)
    if len(found) != parts or not all(part.isascii() and part.isdigit() for part in found[:1]):
        raise ValueError(f"{scheme} has {parts} parts with points between them; {_cut(value)} has not.")
    prefix, reference = found[0], found[1]
    if reference and not (reference.isascii() and reference.isdigit()):
        raise ValueError(f"The second part of {scheme} has digits alone; {_cut(reference)} has not.")
    if not 6 <= len(prefix) <= 12:
        raise ValueError(
            f"The company prefix of {scheme} has 6 to 12 digits; {prefix[:20]} has {len(prefix)}."
        )
    if len(prefix) + len(reference) != total:
        raise ValueError(
            f"Company prefix and reference of {scheme} have {total} digits together;"
            f" {_cut(prefix + '.' + reference)} has {len(prefix) + len(reference)}."
        )
    return found


def _serial(text: str, most: int, scheme: str) -> str:
    """Return a serial number of a URN, without its escapes."""
    if _SERIAL_IN_URN.fullmatch(text) is None:
        raise ValueError(
            f"The serial number {_cut(text)} of {scheme} has a character that may not stand there."
        )
    return _in_set(unescape(text), most, scheme)


def _in_set(plain: str, most: int, what: str) -> str:
    if not 1 <= len(plain) <= most or SET_82.fullmatch(plain) is None:
        raise ValueError(
            f"{_cut(plain)!r} in {what} must be 1 to {most} characters of GS1's set: letters, digits and"
            " some punctuation, no blanks."
        )
    return plain


def _numeric(text: str, most: int, scheme: str) -> str:
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= most):
        raise ValueError(f"The serial number {_cut(text)!r} of {scheme} has 1 to {most} digits.")
    return text


def _gtin(prefix: str, reference: str) -> str:
    body = reference[0] + prefix + reference[1:]
    return body + check_digit(body)


def _checked(body: str) -> str:
    return body + check_digit(body)


def _sgtin(value: str, scheme: str) -> Identifier:
    prefix, reference, serial = _digits(value, 13, scheme, 3)
    return Identifier("01", _gtin(prefix, reference), ("21", _serial(serial, 20, scheme)), "instance")


def _upui(value: str, scheme: str) -> Identifier:
    prefix, reference, serial = _digits(value, 13, scheme, 3)
    return Identifier("01", _gtin(prefix, reference), ("235", _serial(serial, 28, scheme)), "instance")


def _sscc(value: str, scheme: str) -> Identifier:
    prefix, reference = _digits(value, 17, scheme, 2)
    return Identifier("00", _checked(reference[0] + prefix + reference[1:]), None, "instance")


def _sgln(value: str, scheme: str) -> Identifier:
    prefix, reference, extension = _digits(value, 12, scheme, 3)
    more = None if extension == "0" else ("254", _serial(extension, 20, scheme))
    return Identifier("414", _checked(prefix + reference), more, "location")


def _pgln(value: str, scheme: str) -> Identifier:
    prefix, reference = _digits(value, 12, scheme, 2)
    return Identifier("417", _checked(prefix + reference), None, "party")


def _grai(value: str, scheme: str) -> Identifier:
    prefix, reference, serial = _digits(value, 12, scheme, 3)
    key = _checked("0" + prefix + reference) + _serial(serial, 16, scheme)
    return Identifier("8003", key, None, "instance")


def _gdti(value: str, scheme: str) -> Identifier:
    prefix, reference, serial = _digits(value, 12, scheme, 3)
    return Identifier("253", _checked(prefix + reference) + _serial(serial, 17, scheme), None, "document")


def _sgcn(value: str, scheme: str) -> Identifier:
    prefix, reference, serial = _digits(value, 12, scheme, 3)
    return Identifier("255", _checked(prefix + reference) + _numeric(serial, 12, scheme), None, "instance")


def _prefixed(value: str, scheme: str) -> str:
    """Return a company prefix and what its owner put behind it, 30 characters at most."""
    prefix, dot, reference = value.partition(".")
    if not (prefix.isascii() and prefix.isdigit() and 6 <= len(prefix) <= 12 and dot):
        raise ValueError(
            f"{scheme} begins with a company prefix of 6 to 12 digits and a point; see {_cut(value)}."
        )
    return prefix + _serial(reference, 30 - len(prefix), scheme)


def _giai(value: str, scheme: str) -> Identifier:
    return Identifier("8004", _prefixed(value, scheme), None, "instance")


def _ginc(value: str, scheme: str) -> Identifier:
    return Identifier("401", _prefixed(value, scheme), None, "document")


def _gsin(value: str, scheme: str) -> Identifier:
    prefix, reference = _digits(value, 16, scheme, 2)
    return Identifier("402", _checked(prefix + reference), None, "document")


def _gsrn(value: str, scheme: str) -> Identifier:
    prefix, reference = _digits(value, 17, scheme, 2)
    ai = "8018" if scheme == "gsrn" else "8017"
    return Identifier(ai, _checked(prefix + reference), None, "instance")


def _itip(value: str, scheme: str) -> Identifier:
    prefix, reference, rest = _digits(value, 13, scheme, 3)
    piece, total, serial = _split(rest, 3, scheme)
    key = _gtin(prefix, reference) + _pieces(piece, total)
    return Identifier("8006", key, ("21", _serial(serial, 20, scheme)), "instance")


def _cpi(value: str, scheme: str) -> Identifier:
    prefix, reference, serial = _split(value, 3, scheme)
    number = _numeric(serial, 12, scheme)
    return Identifier("8010", _part(prefix, reference, scheme), ("8011", number), "instance")


def _part(prefix: str, reference: str, scheme: str) -> str:
    plain = unescape(reference)
    known = prefix.isascii() and prefix.isdigit() and 6 <= len(prefix) <= 12
    if not known or not 1 <= len(plain) <= 30 - len(prefix) or SET_39.fullmatch(plain) is None:
        raise ValueError(
            f"{scheme} is a company prefix of 6 to 12 digits and a part of capital letters, digits, #, -"
            f" and /, 30 together; see {_cut(prefix + '.' + reference)}."
        )
    return prefix + plain


def _lgtin(value: str, scheme: str) -> Identifier:
    prefix, reference, lot = _digits(value, 13, scheme, 3)
    return Identifier("01", _gtin(prefix, reference), ("10", _serial(lot, 20, scheme)), "class")


def _pattern(value: str, scheme: str) -> Identifier:
    """Return the class that a pattern with a * in place of the serial number names."""
    before, star, after = value.rpartition(".*")
    if not star or after:
        raise ValueError(
            f"A pattern names a class when * stands for the serial number; {_cut(value)} does not."
        )
    match scheme:
        case "sgtin" | "upui":
            return Identifier("01", _gtin(*_digits(before, 13, scheme, 2)), None, "class")
        case "grai":
            return Identifier("8003", _checked("0" + "".join(_digits(before, 12, scheme, 2))), None, "class")
        case "gdti":
            return Identifier("253", _checked("".join(_digits(before, 12, scheme, 2))), None, "class")
        case "sgcn":
            return Identifier("255", _checked("".join(_digits(before, 12, scheme, 2))), None, "class")
        case "cpi":
            prefix, reference = _split(before, 2, scheme)
            return Identifier("8010", _part(prefix, reference, scheme), None, "class")
        case _:
            prefix, reference, rest = _digits(before, 13, scheme, 3)
            piece, total = _split(rest, 2, scheme)
            return Identifier("8006", _gtin(prefix, reference) + _pieces(piece, total), None, "class")


def _split(value: str, parts: int, scheme: str) -> list[str]:
    found = value.split(".", parts - 1)
    if len(found) != parts:
        raise ValueError(f"{scheme} lacks a part; see {_cut(value)}.")
    return found


def _pieces(piece: str, total: str) -> str:
    text = piece + total
    if not (
        text.isascii() and text.isdigit() and len(piece) == len(total) == 2 and 1 <= int(piece) <= int(total)
    ):
        raise ValueError(f"A piece of a trade item is numbered as 01.02, not as {_cut(piece + '.' + total)}.")
    return text


_Reader = Callable[[str, str], Identifier]
_INSTANCES: Final[dict[str, _Reader]] = {
    "sgtin": _sgtin,
    "sscc": _sscc,
    "sgln": _sgln,
    "grai": _grai,
    "giai": _giai,
    "gsrn": _gsrn,
    "gsrnp": _gsrn,
    "gdti": _gdti,
    "cpi": _cpi,
    "sgcn": _sgcn,
    "ginc": _ginc,
    "gsin": _gsin,
    "itip": _itip,
    "upui": _upui,
    "pgln": _pgln,
}
_CLASSES: Final[dict[str, _Reader]] = {"lgtin": _lgtin}
_PATTERNS: Final[dict[str, _Reader]] = dict.fromkeys(
    ("sgtin", "grai", "gdti", "sgcn", "cpi", "itip", "upui"), _pattern
)
_OTHERS: Final = frozenset({"gid", "usdod", "adi", "bic", "imovn"})  # of others than GS1


# -------------------------------------------------------------------- Digital Links

_SHAPES: Final = {  # the keys, and how each looks; one that does not is the private address of somebody
    "01": r"\d+",
    "00": r"\d+",
    "414": r"\d+",
    "417": r"\d+",
    "402": r"\d+",
    "8017": r"\d+",
    "8018": r"\d+",
    "8006": r"\d+",
    "253": r"\d{4}.*",
    "255": r"\d+",
    "401": r"\d{4}.*",
    "8003": r"\d{4}.*",
    "8004": r"\d{4}.*",
    "8010": r"\d{4}.*",
}
_LENGTHS: Final = {"00": 18, "414": 13, "417": 13, "402": 17, "8017": 18, "8018": 18}
_KINDS: Final[dict[str, Level]] = {"414": "location", "417": "party", "401": "document", "402": "document"}


def _read_link(uri: str) -> Identifier | None:
    path = uri.partition("#")[0].partition("?")[0].split("/", 3)
    if len(path) < 4:
        return None
    steps = path[3].rstrip("/").split("/")
    for at in range(len(steps) - 1):
        ai = WORDS.get(steps[at], steps[at])
        if ai in _SHAPES:
            key = unescape(steps[at + 1])
            if re.fullmatch(_SHAPES[ai], key, re.ASCII) is None and path[2] != "id.gs1.org":
                return None
            return _link(ai, key, steps[at + 2 :])
    if path[2] == "id.gs1.org":
        raise ValueError(f"{_cut(uri)} holds no key that GS1 knows.")
    return None


def _link(ai: str, key: str, rest: list[str]) -> Identifier:
    qualifiers = _qualifiers(rest)
    match ai:
        case "01":
            return _trade_item(_check_gtin(key), qualifiers)
        case "8006":
            if len(key) != 18:
                raise ValueError(f"An ITIP (8006) has 18 digits; {_cut(key)} has {len(key)}.")
            return _piece(_check_gtin(key[:14]) + _pieces(key[14:16], key[16:]), qualifiers)
        case "8010":
            return _component(key, qualifiers)
        case "8004":
            return Identifier(ai, _in_set(key, 30, "a GIAI (8004)"), None, "instance")
        case "401":
            return Identifier(ai, _in_set(key, 30, "a GINC (401)"), None, "document")
        case "8003":
            body = _check_body(key, 14, "GRAI (8003)")
            more = _in_set(key[14:], 16, "a GRAI (8003)") if len(key) > 14 else ""
            return Identifier(ai, body + more, None, "instance" if more else "class")
        case "253":
            body = _check_body(key, 13, "GDTI (253)")
            more = _in_set(key[13:], 17, "a GDTI (253)") if len(key) > 13 else ""
            return Identifier(ai, body + more, None, "document" if more else "class")
        case "255":
            body = _check_body(key, 13, "GCN (255)")
            more = _numeric(key[13:], 12, "a GCN (255)") if len(key) > 13 else ""
            return Identifier(ai, body + more, None, "instance" if more else "class")
    if len(key) != _LENGTHS[ai]:
        raise ValueError(f"The key behind {ai} has {_LENGTHS[ai]} digits; {_cut(key)} has {len(key)}.")
    body = _check_body(key, _LENGTHS[ai], f"key behind {ai}")
    more_254 = qualifiers.get("254") if ai == "414" else None
    extension = None if more_254 in {None, "0"} else ("254", _in_set(str(more_254), 20, "254"))
    return Identifier(ai, body, extension, _KINDS.get(ai, "instance"))


def _qualifiers(rest: list[str]) -> dict[str, str]:
    if len(rest) % 2:
        raise ValueError("The address ends with an application identifier that has no value.")
    found: dict[str, str] = {}
    for ai, value in zip(rest[::2], rest[1::2], strict=True):
        found[WORDS.get(ai, ai)] = unescape(value)
    return found


def _trade_item(gtin: str, qualifiers: dict[str, str]) -> Identifier:
    for ai, most, level in (("21", 20, "instance"), ("235", 28, "instance"), ("10", 20, "class")):
        if ai in qualifiers:
            value = _in_set(qualifiers[ai], most, f"application identifier {ai}")
            return Identifier("01", gtin, (ai, value), "instance" if level == "instance" else "class")
    return Identifier("01", gtin, None, "class")


def _piece(key: str, qualifiers: dict[str, str]) -> Identifier:
    if "21" in qualifiers:
        return Identifier(
            "8006", key, ("21", _in_set(qualifiers["21"], 20, "application identifier 21")), "instance"
        )
    if "10" in qualifiers:
        return Identifier(
            "8006", key, ("10", _in_set(qualifiers["10"], 20, "application identifier 10")), "class"
        )
    return Identifier("8006", key, None, "class")


def _component(key: str, qualifiers: dict[str, str]) -> Identifier:
    if not 1 <= len(key) <= 30 or SET_39.fullmatch(key) is None:
        raise ValueError(
            f"A CPID (8010) has 30 capital letters, digits, #, - and / at most; see {_cut(key)}."
        )
    if "8011" in qualifiers:
        number = _numeric(qualifiers["8011"], 12, "a CPID (8011)")
        return Identifier("8010", key, ("8011", number), "instance")
    return Identifier("8010", key, None, "class")


def _check_gtin(key: str) -> str:
    """Return a GTIN of 8, 12, 13 or 14 digits with 14, once its check digit fits."""
    if len(key) not in {8, 12, 13, 14} or not key.isdigit():
        raise ValueError(f"A GTIN has 14 digits (or 8, 12, 13); {_cut(key)} has {len(key)}.")
    return _check_body(key.zfill(14), 14, "GTIN")


def _check_body(key: str, length: int, what: str) -> str:
    """Return the first digits of a key, the last of which checks the others."""
    body = key[:length]
    if len(body) != length or not (body.isascii() and body.isdigit()):
        raise ValueError(f"A {what} begins with {length} digits; {_cut(key)} does not.")
    right = check_digit(body[:-1])
    if body[-1] != right:
        raise ValueError(f"The check digit of {body} is {body[-1]}; for these digits it would be {right}.")
    return body


def check_gln(text: str) -> str:
    """Return a GLN of 13 digits. Raises ValueError."""
    if len(text) != 13:
        raise ValueError(f"A GLN has 13 digits; {_cut(text)} has {len(text)}.")
    return _check_body(text, 13, "GLN")


def escape(plain: str, stays: str = "") -> str:
    """Return a text as it may stand in a URI: all but letters, digits, `._~-` and what stays is escaped."""
    return "".join(
        one
        if (one.isascii() and one.isalnum()) or one in "._~-" or (stays and one in stays)
        else _octets(one)
        for one in plain
    )


def unescape(text: str) -> str:
    """Return a text without the escapes of a URI. Raises ValueError for octets that are no character."""
    if "%" not in text:
        return text
    try:
        return _ESCAPES.sub(lambda run: bytes.fromhex(run[0].replace("%", "")).decode(), text)
    except UnicodeDecodeError:
        raise ValueError(f"{_cut(text)} has an escape that is no character.") from None


def _octets(one: str) -> str:
    return "".join(f"%{octet:02X}" for octet in one.encode(errors="replace"))


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
