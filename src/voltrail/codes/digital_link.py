"""
GS1 Digital Link addresses: which application identifiers one carries, each with its value, checked.

    >>> link = read_link("https://id.gs1.org/01/09520123456788/10/LOT?17=201225")
    >>> link.elements
    (('01', '09520123456788'), ('10', 'LOT'), ('17', '201225'))
    >>> link.element_string
    '^010952012345678810LOT^17201225'

The identifiers and their formats are a table (`gs1_identifiers.json`). Of what the table names, lists that
others keep (countries, currencies, packages, banks, coupons) are not looked up. Which identifiers go together
on an item is said of all its carriers, so it is not for one address to hold.
Source: GS1 Digital Link URI Syntax 1.2, section 4; GS1 Barcode Syntax Dictionary. Uncompressed links alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from importlib.resources import files
from typing import Final, NamedTuple

import msgspec

from voltrail.errors import IdentityError

RULE: Final = "identity.digital_link"
SOURCE: Final = "GS1 Digital Link URI Syntax 1.2"
MAX_LINK: Final = 2_048

SET_82: Final = re.compile(r"""[!"%&'()*+,./0-9:;<=>?A-Z_a-z-]+""")  # General Specifications, figure 7.11-1
SET_39: Final = re.compile(r"[#/0-9A-Z-]+")  # figure 7.11-2
_SETS: Final = {
    "N": re.compile("[0-9]+"),
    "X": SET_82,
    "Y": SET_39,
    "Z": re.compile("[A-Za-z0-9_=-]+"),
}
_ADDRESS: Final = re.compile(
    r"(?:https?|HTTPS?)://(?P<host>[A-Za-z0-9.:\[\]_-]+)(?P<path>/[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?(?:#.*)?"
)
_MAY_STAND: Final = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_ESCAPE: Final = re.compile("%([0-9A-Fa-f]{2})")

# The words that the first versions of the standard had for identifiers; section 4.3 of version 1.1.
WORDS: Final[Mapping[str, str]] = {
    "gtin": "01",
    "itip": "8006",
    "cpid": "8010",
    "gln": "414",
    "party": "417",
    "gsrnp": "8017",
    "gsrn": "8018",
    "gcn": "255",
    "sscc": "00",
    "gdti": "253",
    "ginc": "401",
    "gsin": "402",
    "grai": "8003",
    "giai": "8004",
    "cpv": "22",
    "lot": "10",
    "ser": "21",
}


class Identifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    An application identifier, or a run of them: the parts of its value, each a set of characters, a length
    and what holds of it; whether it is of fixed length in a symbol; whether it may stand in a query; and, of
    a key, which qualifiers may follow it in a path, in which order.
    """

    ai: str
    parts: tuple[str, ...]
    fixed: bool = False
    attribute: bool = False
    qualifiers: tuple[tuple[str, ...], ...] | None = None


class _Facts(msgspec.Struct, frozen=True):
    dated: str
    source: str
    identifiers: tuple[Identifier, ...]


def _table() -> dict[str, Identifier]:
    content = files(__package__).joinpath("gs1_identifiers.json").read_bytes()
    found = {}
    for one in msgspec.json.decode(content, type=_Facts).identifiers:
        first, _, last = one.ai.partition("-")
        for number in range(int(first), int(last or first) + 1):
            found[f"{number:0{len(first)}d}"] = one
    return found


IDENTIFIERS: Final[Mapping[str, Identifier]] = _table()


class Link(NamedTuple):
    """What a Digital Link says: the host it names, its elements in their order, and its other parameters."""

    host: str
    elements: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def element_string(self) -> str:
        """The elements as a symbol carries them, ^ for FNC1."""
        said, ended = "^", True
        for ai, value in self.elements:
            said += ("" if ended else "^") + ai + value
            ended = ai in IDENTIFIERS and IDENTIFIERS[ai].fixed
        return said

    def value(self, ai: str) -> str | None:
        """Return the value of an identifier, None where there is none."""
        return next((value for name, value in self.elements if name == ai), None)


def read_link(uri: str, *, words: bool = False, short: bool = False, unknown: bool = False) -> Link:
    """
    Return what a Digital Link says. Raises IdentityError (`identity.digital_link`).

    `words` takes names such as gtin for 01, as old links have them; `short` a GTIN without its leading zeros;
    `unknown` numbers in the query that the table does not have.
    """
    if len(uri) > MAX_LINK:
        raise _wrong(f"It has {len(uri):,} characters, and {MAX_LINK:,} are the most.")
    address = _ADDRESS.fullmatch(uri)
    if address is None or _MAY_STAND.fullmatch(uri) is None:
        raise _wrong(f"{_cut(uri)} is no web address.")
    elements = _of_path(address["path"], words=words)
    attributes, parameters = _of_query(address["query"] or "", elements[0][0], unknown=unknown)
    found: dict[str, str] = {}
    for ai, given in [*elements, *attributes]:
        if ai in found:
            raise _wrong(f"({ai}) stands there twice.")
        found[ai] = _checked(ai, _whole_gtin(given) if short and ai == "01" else given)
    return Link(address["host"].lower(), tuple(found.items()), tuple(parameters))


def check_digit(digits: str) -> str:
    """Return the check digit of a GS1 key without it: General Specifications, section 7.9.1."""
    total = sum(int(digit) * (1 if at % 2 else 3) for at, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def is_gtin(text: str) -> bool:
    """Return whether a text is a GTIN in its full form: 14 digits, the last of which checks the others."""
    return len(text) == 14 and text.isascii() and text.isdigit() and check_digit(text[:-1]) == text[-1]


# ------------------------------------------------------------------ its parts


def _of_path(path: str, *, words: bool) -> list[tuple[str, str]]:
    """Return the last key in a path, and the qualifiers behind it; what is before is the host's."""
    steps = path.split("/")[1:]
    found: list[tuple[str, str]] = []
    while len(steps) >= 2:
        *steps, name, given = steps
        ai = WORDS.get(name, name) if words else name
        if ai not in IDENTIFIERS:
            break
        found.insert(0, (ai, _unescaped(given)))
        allowed = IDENTIFIERS[ai].qualifiers
        if allowed is not None:
            _check_order(ai, [each for each, _ in found[1:]], allowed)
            return found
    raise _wrong("Its path holds no key of GS1, as /01/GTIN is one.")


def _check_order(key: str, given: list[str], allowed: tuple[tuple[str, ...], ...]) -> None:
    for order in allowed:
        if [ai for ai in order if ai in given] == given:
            return
    raise _wrong(
        f"Behind ({key}), {', '.join(f'({ai})' for ai in given)} may not stand, or not in this order."
    )


def _of_query(query: str, key: str, *, unknown: bool) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the attributes of a query, which have numbers for names, and its other parameters."""
    attributes, parameters = [], []
    qualifiers = {ai for order in IDENTIFIERS[key].qualifiers or () for ai in order}
    for one in query.split("&"):
        name, equals, given = one.partition("=")
        if not equals:
            continue
        given = _unescaped(given.replace("+", " "))
        if not (name.isascii() and name.isdigit()):
            parameters.append((_unescaped(name), given))
            continue
        known = IDENTIFIERS.get(name)
        if name in qualifiers or (known is not None and not known.attribute):
            raise _wrong(f"({name}) may not stand behind the question mark.")
        if known is None and not unknown:
            raise _wrong(f"({name}) is no application identifier.")
        attributes.append((name, given))
    return attributes, parameters


def _whole_gtin(given: str) -> str:
    return given.zfill(14) if len(given) in {8, 12, 13} else given


# ------------------------------------------------------------------ values


def _checked(ai: str, given: str) -> str:
    """Return the value of an identifier, once it has the form that the table says."""
    known = IDENTIFIERS.get(ai)
    if known is None:
        if not 1 <= len(given) <= 90 or SET_82.fullmatch(given) is None:
            raise _wrong(f"({ai}) has no value of GS1's characters.")
        return given
    rest = given
    for part in known.parts:
        if part.startswith("[") and not rest:
            break
        shape, *holds = part.replace("[", "").replace("]", "").split(",")
        kind, varies, most = shape[0], ".." in shape, int(shape[1:].lstrip("."))
        piece, rest = rest[:most], rest[most:]
        if not piece or (not varies and len(piece) != most) or _SETS[kind].fullmatch(piece) is None:
            raise _wrong(f"({ai}) is {_cut(given)!r}, and its form is {' '.join(known.parts)}.")
        for name in holds:
            if name in _HOLDS and not _HOLDS[name](piece):
                raise _wrong(f"({ai}) is {_cut(given)!r}: {_SAID.get(name, 'that cannot be')}.")
    if rest:
        raise _wrong(f"({ai}) is {_cut(given)!r}, which is too long.")
    return given


def _is_day(text: str, *, open_end: bool = False) -> bool:
    """Return whether a text is a day, its century left out or not; day 00 is the whole month."""
    year, month, day = int(text[:-4]), int(text[-4:-2]), int(text[-2:])
    if open_end and day == 0:
        day = 1
    try:
        date(year if year > 99 else 2000 + year, month, day)
    except ValueError:
        return False
    return True


_HOLDS: Final[dict[str, Callable[[str], bool]]] = {
    "csum": lambda text: check_digit(text[:-1]) == text[-1],
    "gcppos1": lambda text: text[:4].isdigit() and len(text) >= 4,
    "gcppos2": lambda text: text[1:5].isdigit() and len(text) >= 5,
    "yymmdd": _is_day,
    "yymmd0": lambda text: _is_day(text, open_end=True),
    "yyyymmdd": _is_day,
    "hh": lambda text: int(text) < 24,
    "mi": lambda text: int(text) < 60,
    "ss": lambda text: int(text) < 60,
    "hhmi": lambda text: int(text[:2]) < 24 and int(text[2:]) < 60,
    "zero": lambda text: text == "0",
    "nonzero": lambda text: int(text) > 0,
    "yesno": lambda text: text in {"0", "1"},
    "nozeroprefix": lambda text: text == "0" or text[0] != "0",
    "hyphen": lambda text: text == "-",
    "hasnondigit": lambda text: not text.isdigit(),
    "pieceoftotal": lambda text: 0 < int(text[:2]) <= int(text[2:]),
}
_SAID: Final = {
    "csum": "its check digit does not fit",
    "gcppos1": "it does not begin with digits of a company",
    "gcppos2": "it does not begin with digits of a company",
    "yymmdd": "the calendar has no such day",
    "yymmd0": "the calendar has no such day",
    "yyyymmdd": "the calendar has no such day",
}


def _unescaped(text: str) -> str:
    """Return a text without its escapes; an octet beyond ASCII is a character that no value has."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def _wrong(said: str) -> IdentityError:
    return IdentityError(
        RULE, f"This is no GS1 Digital Link. {said}", "Compare it with the label.", source=SOURCE
    )


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
