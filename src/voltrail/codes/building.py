"""From what a maker knows to codes: one, a day's worth, or one for a battery that has none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from voltrail.codes.code import Code
from voltrail.codes.digital_link import is_gtin
from voltrail.codes.parsing import RULE, diagnose, parse
from voltrail.codes.pattern import is_code
from voltrail.codes.tables import (
    FIRST_YEAR,
    LAST_DATE,
    LAST_SERIAL,
    LEVELS,
    SERIAL_DIGITS,
    STANDARD,
    Level,
    encode_date,
)
from voltrail.errors import CodeError, UsageError

HEAD: Final = 4  # characters of a code that no serial number of GS1 has room for
_LETTERS = {level: letter for letter, level in LEVELS.items()}
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")


def build(
    *,
    maker: str,
    level: Level,
    battery_type: str,
    production_date: date,
    serial: int,
    specification: str = "00",
    traceability: str = "0000000",
    second_life: Level | None = None,
) -> str:
    """
    Return the code for one battery.

    `maker` is the three characters allocated to it; `serial` counts from 1
    to 9,999,999 within `production_date`. With `second_life` (the level after
    the R) the code has 19 characters and no traceability.
    Raises CodeError (`identity.code`) when the parts do not make a code.
    """
    _check_date(production_date)
    _check_serials(serial, 1)
    head, tail = _around(
        maker, level, battery_type, specification, traceability, production_date, second_life
    )
    return _checked(f"{head}{serial:0{SERIAL_DIGITS}d}{tail}")


def issue(
    *,
    maker: str,
    count: int,
    level: Level,
    battery_type: str,
    production_date: date,
    specification: str = "00",
    traceability: str = "0000000",
    first_serial: int = 1,
    second_life: Level | None = None,
) -> Iterator[str]:
    """
    Return `count` codes of one day, their serials rising by one from `first_serial`.

    Everything is checked before the first code is given, so a run that
    starts also ends: a day has 9,999,999 serials. Which serials are taken
    already is for the caller to know. Raises CodeError (`identity.code`).
    """
    _check_date(production_date)
    _check_serials(first_serial, count)
    head, tail = _around(
        maker, level, battery_type, specification, traceability, production_date, second_life
    )
    _checked(f"{head}{first_serial:0{SERIAL_DIGITS}d}{tail}")
    return (f"{head}{serial:0{SERIAL_DIGITS}d}{tail}" for serial in range(first_serial, first_serial + count))


def without_code(organisation: str, serial: str) -> str:
    """
    Return the NC- id an organisation gives a battery without a readable code.

    `serial` is the organisation's own: 1 to 32 digits, capital letters and
    inner hyphens. Raises CodeError (`identity.code`).
    """
    return _checked(f"NC-{organisation}-{serial}")


def url(code: str | Code, host: str) -> str:
    """
    Return the address a label carries: `https://host/b/CODE`.

    Raises CodeError when the code does not parse, and UsageError
    (`usage.host`) when `host` is more than a host name and port.
    """
    if not _HOST.fullmatch(host):
        raise UsageError(
            "usage.host", f"{host[:60]!r} is not a host name.", "Give it without https:// and without a path."
        )
    text = code.text if isinstance(code, Code) else _checked(code)
    return f"https://{host}/b/{text}"


def gs1_url(code: str | Code, gtin: str, host: str) -> str:
    """
    Return a code as a GS1 Digital Link: `https://host/01/GTIN/21/SERIAL?head=9ZZP`.

    A serial number (21) has at most 20 characters, a code 24: so the four in front, its maker's and its
    level, which batteries of one model share, stand behind the question mark, where a Digital Link may have
    parameters of its own. So anybody reads the code from the address alone, and a record that knows the GTIN
    finds it without them. A code of 19 is a serial number as it is. Raises CodeError, and UsageError
    (`usage.host`, `label.gtin`, `label.no_link`).
    """
    parsed = parse(code) if isinstance(code, str) else code
    if not is_gtin(gtin):
        raise UsageError(
            "label.gtin",
            f"{gtin[:40]!r} is no GTIN of 14 digits with its check digit.",
            "Write it with zeros in front where it is shorter.",
        )
    text = parsed.text
    if parsed.organisation is not None:
        raise UsageError(
            "label.no_link",
            f"{text} is no code of GB/T 34014 and too long for a serial number of GS1.",
            "Take the address with the code.",
        )
    start = url(parsed, host).removesuffix(f"/b/{text}") + f"/01/{gtin}/21/"
    return start + text if parsed.second_life else f"{start}{text[HEAD:]}?head={text[:HEAD]}"


def _around(
    maker: str,
    level: Level,
    battery_type: str,
    specification: str,
    traceability: str,
    production_date: date,
    second_life: Level | None,
) -> tuple[str, str]:
    """Return what stands before and after the serial number."""
    lengths = {"maker": (maker, 3), "battery type": (battery_type, 1), "specification": (specification, 2)}
    if second_life is None:
        lengths["traceability"] = (traceability, 7)
    for name, (text, length) in lengths.items():
        if len(text) != length:
            raise _error(f"The {name} {text[:40]!r} has {len(text)} characters; it needs {length}.")
    design = maker + _letter(level) + battery_type + specification
    if second_life is None:
        return design + traceability + encode_date(production_date), ""
    return design + encode_date(production_date), "R" + _letter(second_life)


def _letter(level: Level) -> str:
    if level not in _LETTERS:
        raise _error(f"A code is for a pack, a module or a cell, not for {level!r}.")
    return _LETTERS[level]


def _check_date(day: date) -> None:
    if not date(FIRST_YEAR, 1, 1) <= day <= LAST_DATE:
        raise _error(
            f"{day.isoformat()} cannot be written in a code: its year letters run from 2011 to 2040."
        )


def _check_serials(first: int, count: int) -> None:
    if count < 0 or first < 1 or first + count - 1 > LAST_SERIAL:
        raise _error(
            f"{count} serials from {first} do not fit a day: they run from 1 to {LAST_SERIAL}.",
            "Use another day, specification or traceability code for the rest.",
        )


def _checked(text: str) -> str:
    if not is_code(text):
        raise diagnose(text)
    return text


def _error(message: str, fix: str = "") -> CodeError:
    return CodeError(RULE, message, fix, source=STANDARD)
