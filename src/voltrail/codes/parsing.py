"""
From characters to a code, or to words that say what is wrong with them.

The happy path is short. The rest of this file is for the person with a torn
label: where the first wrong character stands, what may stand there, whether
two halves of the label were joined in the wrong order, and which code was
probably meant.
"""

from __future__ import annotations

import re
import unicodedata

from voltrail.codes.code import Code
from voltrail.codes.pattern import NO_CODE, is_code
from voltrail.codes.tables import LAYOUTS, LEVELS, STANDARD, Field, decode_date, start_of
from voltrail.errors import CodeError

RULE = "identity.code"
_HEAD = re.compile("(?:^|&)HEAD=([0-9A-Z]{4})(?:&|$)")
_SHOWN = 60  # characters of a wrong code repeated in a message

# What eyes, keyboards and cameras put in place of the right character.
_MISREAD = {"O": "0", "Q": "0", "D": "0", "I": "1", "L": "1", "Z": "2", "S": "5", "B": "8", "U": "V"}


def parse(text: str) -> Code:
    """
    Return the code that `text` is: 24 or 19 characters, or an NC- id.

    Nothing is tidied up first: spaces and small letters are errors, and the
    error's `suggestion` is the tidy code. Raises CodeError (`identity.code`)
    with `positions`, counting from 1, where the wrong characters are known.
    """
    if not is_code(text):
        raise diagnose(text)
    if text.startswith("NC-") and (found := NO_CODE.fullmatch(text)):
        return Code(text, "unknown", found["serial"], organisation=found["organisation"])
    second_life = len(text) == 19
    tail = 7 if second_life else 14  # where the production part begins
    return Code(
        text=text,
        level=LEVELS[text[3]],
        serial=text[tail + 3 : tail + 10],
        maker=text[:3],
        battery_type=text[4],
        specification=text[5:7],
        traceability=None if second_life else text[7:14],
        production_date=decode_date(text[tail : tail + 3]),
        second_life=second_life,
    )


def diagnose(text: str) -> CodeError:
    """Return the error for a text that is not a code, with the best help there is."""
    if (plain := tidy(text)) != text and is_code(plain):
        return _error(
            f"{text[:_SHOWN]!r} is a code with other characters around, between or instead of its own.",
            f"Write it as {plain}.",
            _differences(text, plain),
            plain,
        )
    if text.startswith("NC-") and (text.count("-") > 1 or len(text) not in LAYOUTS):
        return _error(
            f"{text[:_SHOWN]!r} is not an NC- id.",
            "It is NC-, the organisation's 18 or 20 characters, a hyphen, "
            "and a serial of 1 to 32 digits, capital letters or inner hyphens.",
        )
    fields = LAYOUTS.get(len(text))
    if fields is None:
        return _wrong_length(text)
    wrong, message = _first_wrong(text, fields)
    return _with_meant(text, wrong, message)


def rotations(text: str) -> list[str]:
    """
    Return the codes that come of joining two halves of `text` the other way round.

    Every place of the cut is tried; nearly always there is one answer or none.
    """
    turned = (text[cut:] + text[:cut] for cut in range(1, len(text)))
    return sorted({candidate for candidate in turned if candidate != text and is_code(candidate)})


def tidy(text: str) -> str:
    """
    Return what was typed or scanned as codes are: in capitals, no separators; of an address its last part.

    Of a Digital Link of ours (`building.gs1_url`) that part is put behind the four characters it lacks.
    """
    plain = unicodedata.normalize("NFKC", text[:500]).strip().upper()
    if "://" in plain:
        path, _, query = plain.partition("#")[0].partition("?")
        plain = path.rstrip("/").rpartition("/")[2]
        if "/21/" in path and (head := _HEAD.search(query)):
            plain = head[1] + plain
    if plain.startswith("NC-"):
        return "".join(plain.split())
    return "".join(character for character in plain if character.isalnum())


def _differences(text: str, right: str) -> tuple[int, ...]:
    """Return where two texts of the same length differ; none when the lengths do."""
    if len(text) != len(right):
        return ()
    return tuple(i for i, (a, b) in enumerate(zip(text, right, strict=True), 1) if a != b)


def _wrong_length(text: str) -> CodeError:
    fix = "Copy the whole label, both lines of it."
    if len(text) in (25, 26):
        fix = "Labels split over two lines often carry one or two stray characters: leave them out."
    return _error(
        f"{text[:_SHOWN]!r} has {len(text)} characters; a code has 24, or 19 for a second-life product.", fix
    )


def _first_wrong(text: str, fields: tuple[Field, ...]) -> tuple[tuple[int, ...], str]:
    """Return the positions of the first thing wrong, and what it is."""
    at = 0
    for field in fields:
        for offset in range(field.length):
            character = text[at + offset]
            if character not in field.allowed_at(offset):
                position = at + offset + 1
                return (position,), _wrong_character(position, character, field, offset)
        at += field.length
    return _wrong_value(text, fields)


def _wrong_character(position: int, character: str, field: Field, offset: int) -> str:
    may = field.says if len(field.allowed) == 1 else f"one of {field.allowed_at(offset)}"
    return f"Position {position} ({field.name}) is {character!r}; {may} may stand there."


def _wrong_value(text: str, fields: tuple[Field, ...]) -> tuple[tuple[int, ...], str]:
    """Return what is wrong when each character may stand where it stands."""
    at = start_of(fields, "production date")
    shown = text[at : at + 3]
    try:
        decode_date(shown)
    except ValueError:
        message = (
            f"Positions {at + 1} to {at + 3} (production date) are {shown!r}: the calendar has no such day."
        )
        return (at + 1, at + 2, at + 3), message
    at = start_of(fields, "serial number")
    message = (
        f"Positions {at + 1} to {at + 7} (serial number) are '0000000'; serials of a day begin at 0000001."
    )
    return tuple(range(at + 1, at + 8)), message


def _with_meant(text: str, wrong: tuple[int, ...], message: str) -> CodeError:
    """Return the error, with the code that was probably meant when one stands out."""
    turned = rotations(text)
    if len(turned) == 1:
        fix = f"Two halves of the label were joined in the wrong order. The right order gives {turned[0]}."
        return _error(message, fix, wrong, turned[0])
    if turned:
        fix = f"Two halves of the label may have been joined in the wrong order: {' or '.join(turned)}."
        return _error(message, fix, wrong)
    if len(wrong) == 1 and (meant := _misread_at(text, wrong[0])):
        return _error(message, f"Was {meant[wrong[0] - 1]} meant? Then the code is {meant}.", wrong, meant)
    return _error(message, "Compare it with the label.", wrong)


def _misread_at(text: str, position: int) -> str | None:
    right = _MISREAD.get(text[position - 1])
    if right is None:
        return None
    meant = text[: position - 1] + right + text[position:]
    return meant if is_code(meant) else None


def _error(
    message: str, fix: str, positions: tuple[int, ...] = (), suggestion: str | None = None
) -> CodeError:
    return CodeError(RULE, message, fix, source=STANDARD, positions=positions, suggestion=suggestion)
