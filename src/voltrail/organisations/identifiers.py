"""
Identifiers of organisations and places, with their check characters.

- Unified social credit code: 18 characters, GB 32100-2015.
- LEI: 20 characters, ISO 17442-1, check digits by ISO/IEC 7064 MOD 97-10.
- GLN: 13 digits, GS1 General Specifications, check digit modulo 10.
- Region: six digits, GB/T 2260; by form, since counties are renamed every year.
- A registry's host: its log's origin and `/host`; it signs for organisations without keys.

A check character catches every single wrong character and nearly every
swapped pair. It does not say that an organisation by that number exists.
"""

from __future__ import annotations

import re
from typing import Final

from voltrail.errors import IdentityError

CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # 31 characters: no I O S V Z
CREDIT_SOURCE: Final = "GB 32100-2015"
LEI_SOURCE: Final = "ISO 17442-1:2020"
GLN_SOURCE: Final = "GS1 General Specifications, 7.9"
REGION_SOURCE: Final = "GB/T 2260-2007"

# What a reader or a keyboard puts in place of the right character.
_MISREAD: Final = {"I": "1", "O": "0", "S": "5", "Z": "2", "V": "U"}
_CREDIT_VALUES: Final = {character: value for value, character in enumerate(CREDIT_ALPHABET)}
_CREDIT_WEIGHTS: Final = tuple(pow(3, i, 31) for i in range(17))
_LEI: Final = re.compile(r"[0-9A-Z]{18}[0-9]{2}")
_PROVINCE: Final = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12]")
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*/host")
_LONGEST_HOST: Final = 200


def check_organisation(text: str) -> str:
    """
    Return `text` when it identifies an organisation, unchanged.

    A credit code, an LEI or a `<origin>/host`. Letters are capital: the
    bytes of an identifier are hashed, so there is one way to write it.
    Raises IdentityError (`identity.organisation`) with what is wrong.
    """
    if "/" in text:
        return _check_host(text)
    if len(text) == 20:
        return check_lei(text)
    if len(text) == 18:
        return check_credit_code(text)
    raise _error(
        f"{text[:40]!r} has {len(text)} characters; a credit code has 18 and an LEI 20.",
        "Copy the identifier from the business licence, without spaces.",
    )


def check_credit_code(text: str) -> str:
    """
    Return a unified social credit code unchanged.

    Checks the alphabet, the six digits of the region (positions 3 to 8) and
    the check character. The inner check character of the organisation part
    (GB 11714) is not checked: codes without it have been issued.
    Raises IdentityError with the position, or with the right check character.
    """
    if len(text) != 18:
        raise _error(f"A credit code has 18 characters; {text[:40]!r} has {len(text)}.", "", CREDIT_SOURCE)
    for position, character in enumerate(text, 1):
        _check_credit_character(position, character)
    right = _credit_check_character(text[:17])
    if text[17] != right:
        raise _error(
            f"The check character of {text} is {text[17]}; for these 17 characters it would be {right}.",
            "One character was copied wrongly, or two were swapped. Compare it with the business licence.",
            CREDIT_SOURCE,
        )
    return text


def credit_code(body: str) -> str:
    """
    Return the 17 characters of `body` with their check character behind them.

    Raises IdentityError when `body` is not 17 characters of the alphabet.
    """
    if len(body) != 17:
        raise _error(
            f"The body of a credit code has 17 characters; {body[:40]!r} has {len(body)}.", "", CREDIT_SOURCE
        )
    for position, character in enumerate(body, 1):
        _check_credit_character(position, character)
    return body + _credit_check_character(body)


def check_lei(text: str) -> str:
    """
    Return an LEI unchanged.

    Raises IdentityError when the form or the two check digits are wrong.
    """
    if not _LEI.fullmatch(text):
        raise _error(
            f"{text[:40]!r} is not an LEI: 18 digits or capital letters, then two check digits.",
            "Copy it from the LEI register, without spaces.",
            LEI_SOURCE,
        )
    # Letters count as 10 to 35, which is how int(..., 36) reads a single one.
    if int("".join(str(int(character, 36)) for character in text)) % 97 != 1:
        raise _error(
            f"The check digits of LEI {text} do not fit the rest.",
            "One character was copied wrongly, or two were swapped. Compare it with the LEI register.",
            LEI_SOURCE,
        )
    return text


def check_gln(text: str) -> str:
    """
    Return a GLN (13 digits, a place or an organisation in GS1) unchanged.

    Raises IdentityError (`identity.gln`) when the form or the check digit is wrong.
    """
    if not re.fullmatch(r"[0-9]{13}", text):
        raise IdentityError(
            "identity.gln", f"{text[:40]!r} is not a GLN: it has 13 digits.", source=GLN_SOURCE
        )
    total = sum(int(digit) * (3 if i % 2 else 1) for i, digit in enumerate(text[:12]))
    right = str(-total % 10)
    if text[12] != right:
        raise IdentityError(
            "identity.gln",
            f"The check digit of GLN {text} is {text[12]}; for these 12 digits it would be {right}.",
            "Compare it with the label or the GS1 register.",
            source=GLN_SOURCE,
        )
    return text


def check_region(text: str) -> str:
    """
    Return the code of an administrative division unchanged: province, city, county, two digits each.

    Raises IdentityError (`identity.region`) when the form is wrong or there is no such province. Cities and
    counties are not looked up.
    """
    if not re.fullmatch(r"[0-9]{6}", text):
        raise IdentityError(
            "identity.region",
            f"{text[:40]!r} is not the code of a region: it has six digits.",
            "Such as 310115 for Pudong in Shanghai, or 310000 for all of Shanghai.",
            source=REGION_SOURCE,
        )
    if not _PROVINCE.fullmatch(text[:2]) or (text[2:4] == "00" and text[4:] != "00"):
        raise IdentityError(
            "identity.region",
            f"There is no region {text}: the first two digits name no province, or a county has no city.",
            "Look the code up in GB/T 2260.",
            source=REGION_SOURCE,
        )
    return text


def _check_host(text: str) -> str:
    if len(text) <= _LONGEST_HOST and _HOST.fullmatch(text):
        return text
    raise _error(
        f"{text[:60]!r} is not the host of a registry: the log's origin, then /host.",
        "For the log example.org/log it is example.org/log/host.",
    )


def _check_credit_character(position: int, character: str) -> None:
    if character not in _CREDIT_VALUES:
        raise _error(
            f"Position {position} of the credit code is {character!r}; "
            "digits and capital letters without I O S V Z may stand there.",
            _misread_hint(character),
            CREDIT_SOURCE,
        )
    if 3 <= position <= 8 and character not in "0123456789":
        raise _error(
            f"Position {position} of the credit code is {character!r}; "
            "positions 3 to 8 are the six digits of the region.",
            "",
            CREDIT_SOURCE,
        )


def _misread_hint(character: str) -> str:
    if character in _MISREAD:
        return f"Was {_MISREAD[character]} meant?"
    if character.upper() in _CREDIT_VALUES:
        return "Write it in capital letters."
    return ""


def _credit_check_character(body: str) -> str:
    total = sum(_CREDIT_VALUES[c] * weight for c, weight in zip(body, _CREDIT_WEIGHTS, strict=True))
    return CREDIT_ALPHABET[-total % 31]


def _error(message: str, fix: str, source: str | None = None) -> IdentityError:
    return IdentityError("identity.organisation", message, fix, source=source)
