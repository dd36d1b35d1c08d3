"""
From one cell to the value of one member, or to words that say why it is none.

A spreadsheet has changed much before we see it: nothing that it lost is guessed back. What is only another
way to write the same (full-width signs, small letters of a code, `2026年4月21日`, `23.5 kWh`) is taken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeAlias

import msgspec

from voltrail.codes import is_code, parse, tidy
from voltrail.errors import CellError, CodeError
from voltrail.events import checks, reading
from voltrail.events.lines import MAX_DIGITS
from voltrail.events.points import POINTS
from voltrail.events.structs import STRUCTS
from voltrail.events.tables.columns import OTHER_UNITS, all_units, kind_of, unit_of
from voltrail.events.words import NAMES_ZH

Cell: TypeAlias = str | int | float | bool | datetime | date | None
Convert: TypeAlias = Callable[[Cell], Any]

MERGED: Final = "#MERGED!"
ERRORS: Final = frozenset({
    "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#FIELD!",
    "#BLOCKED!", "#GETTING_DATA", MERGED,
})  # fmt: skip
_SHOWN = 40
_MAX_CHARS = 100  # of a time or number: longer ones are none, and would keep the expressions below busy
_AS_TEXT = "Format the column as text in the spreadsheet, enter the value again from its source, and save."


def text_of(cell: Cell) -> str:
    """Return a cell as a spreadsheet would show it."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return _plain_number(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "auto").removesuffix(".000000")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def is_empty(cell: Cell) -> bool:
    """Return whether a cell holds nothing, or white space only."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def converter(kind: str, member: str, offset: str) -> Convert:
    """Return what makes of a cell the value of a member; it raises VoltrailError. Not for empty cells."""
    if member in ("code", "right", "taken_out", "put_in"):
        return _code
    if member in ("codes", "into"):
        return _codes
    if member == "vin":
        return _vin
    if member == "points":
        return _points
    field = types_of(kind)[member]
    if isinstance(field, msgspec.inspect.DateTimeType):
        return lambda cell: _time(cell, offset)
    if isinstance(field, msgspec.inspect.LiteralType):
        return _truth if True in field.values else lambda cell: _choice(cell, field.values)
    if isinstance(field, msgspec.inspect.BoolType):
        return _truth
    if isinstance(field, (msgspec.inspect.FloatType, msgspec.inspect.IntType)):
        whole = isinstance(field, msgspec.inspect.IntType)
        return lambda cell: _number(cell, member, whole=whole)
    if isinstance(field, msgspec.inspect.VarTupleType):
        return _texts
    if isinstance(field, msgspec.inspect.StrType) and field.pattern is not None:
        if "[A-Z]" in field.pattern:
            return lambda cell: _text(cell).upper()
        if "0-9]{4}-" in field.pattern:
            return _day
    return _text


@lru_cache(maxsize=64)
def types_of(kind: str) -> dict[str, Any]:
    """Return the type of each member of a kind, without None."""
    info = msgspec.inspect.type_info(STRUCTS[kind])
    return {field.encode_name: _not_none(field.type) for field in info.fields}  # type: ignore[attr-defined]


def _not_none(found: Any) -> Any:
    if isinstance(found, msgspec.inspect.UnionType):
        found = next(one for one in found.types if not isinstance(one, msgspec.inspect.NoneType))
    return found.type if isinstance(found, msgspec.inspect.Metadata) else found


def _points(cell: Cell) -> dict[str, Any]:
    """Return data points, written as `rated_capacity_ah=157; chemistry=LFP`."""
    found: dict[str, Any] = {}
    for part in filter(None, (one.strip() for one in re.split(r"[;；\n]", _string(cell)))):
        name, _, text = (one.strip() for one in part.replace("＝", "=").partition("="))
        point = POINTS.get(name)
        if not text or point is None or name in found:
            raise CellError(
                "cell.points",
                f"{part[:_SHOWN]!r} is no data point with its value, or stands there twice.",
                "Write name=value, several with semicolons between them; docs/points.md has the names.",
            )
        is_number = point.type in {"number", "integer"}
        found[name] = _number(text, "points", whole=point.type == "integer") if is_number else text
    return found


# ------------------------------------------------------------------------ text


def _string(cell: Cell) -> str:
    """Return the text of a cell in normal signs; raises for what a spreadsheet puts in place of a value."""
    text = text_of(cell).strip()
    if _HARMLESS.match(text):
        return text[1:]
    if text.startswith("="):
        if (quoted := re.fullmatch(r'="([^"]*)"', text)) is None:
            raise CellError(
                "cell.formula",
                f"{text[:_SHOWN]!r} is a formula without its result.",
                "Open the file in the spreadsheet program and save it there, or write the value.",
            )
        text = quoted[1].strip()
    if text in ERRORS:
        raise _error_cell(text)
    if _NO_TEXT.search(text):
        raise CellError("cell.character", "The cell holds characters that no text has.", "Write it again.")
    return text


_HARMLESS: Final = re.compile(r"'[=+\-@＝＋－＠]")
"""By this our own tables keep a text from being taken for a formula."""
_NO_TEXT: Final = re.compile("[\x00\ud800-\udfff]")


def _error_cell(text: str) -> CellError:
    if text == MERGED:
        return CellError(
            "cell.merged",
            "This cell is merged with one above; the value counts for the first row only.",
            "Unmerge the cells and fill in each row.",
        )
    return CellError(
        "cell.error", f"The formula of this cell failed: {text}.", "Mend the formula, or write the value."
    )


def _text(cell: Cell) -> str:
    """Return a text or identifier; a number or date in its place is a trace of the spreadsheet."""
    text = _string(cell)
    _check_not_changed(cell, text)
    return text


def _check_not_changed(cell: Cell, text: str) -> None:
    """Raise where a spreadsheet made a number or a date of an identifier."""
    if isinstance(cell, date):
        raise CellError(
            "cell.date_for_text", f"The spreadsheet has made a date of this text: {text}.", _AS_TEXT
        )
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        lost = abs(cell) >= 10**MAX_DIGITS
    else:
        lost = _EXPONENT.fullmatch(text) is not None
    if lost:
        raise CellError(
            "cell.digits_lost",
            f"The spreadsheet has made the number {text[:_SHOWN]} of this value; digits of it are lost.",
            _AS_TEXT,
        )


_EXPONENT: Final = re.compile(r"[+-]?\d+([.,]\d+)?[eE]\+?\d{2,3}")
_TEXTS = re.compile(r"[;；\n\r]+")
_CODES = re.compile(r"[\s,;、，；]+")


def _texts(cell: Cell) -> list[str]:
    """Return the texts of a cell, one on each line or parted by semicolons."""
    return [part.strip() for part in _TEXTS.split(_text(cell)) if part.strip()]


def _code(cell: Cell) -> str:
    """Return a battery code: tidied where that is all it takes, else with its diagnosis."""
    text = _string(cell)
    if is_code(text):
        return text
    _check_not_changed(cell, text)
    if is_code(plain := tidy(text)):
        return plain
    try:
        return parse(plain if len(plain) in (19, 24) else text).text
    except CodeError as error:
        raise CellError(error.rule, error.message, error.fix, source=error.source) from None


def _codes(cell: Cell) -> list[str]:
    """Return the battery codes of a cell."""
    text = _string(cell)
    _check_not_changed(cell, text)
    return [_code(part) for part in _CODES.split(text) if part]


def _vin(cell: Cell) -> str:
    text = unicodedata.normalize("NFKC", _text(cell)).upper()
    plain = "".join(character for character in text if character.isalnum())
    if reading.VIN.fullmatch(plain) is None:
        raise checks.bad_vin(text)
    return plain


# --------------------------------------------------------------------- choices

_EN_WORDS: Final = {"reused": "re_used", "stock": "in_stock", "vehicle": "in_vehicle"}
_YES: Final = frozenset(["true", "yes", "y", "1", "是", "真", "对", "√", "✓", "✔"])
_NO: Final = frozenset(["false", "no", "n", "0", "否", "假", "不", "×", "✗"])
_NO_WORD = re.compile(r"[\W_]+")


def _choice(cell: Cell, values: tuple[Any, ...]) -> str:
    """Return the value that a cell names, in English, Chinese or as the record writes it."""
    text = _string(cell)
    key = _NO_WORD.sub("", unicodedata.normalize("NFKC", text).casefold())
    for value in values:
        if key in (_NO_WORD.sub("", value), _NO_WORD.sub("", NAMES_ZH.get(value, value))):
            return str(value)
    if _EN_WORDS.get(key) in values:
        return _EN_WORDS[key]
    told = ", ".join(f"{value} ({NAMES_ZH[value]})" if value in NAMES_ZH else str(value) for value in values)
    raise CellError("cell.choice", f"{text[:_SHOWN]!r} is none of the values.", f"Write one of: {told}.")


def _truth(cell: Cell) -> bool:
    if isinstance(cell, bool):
        return cell
    text = unicodedata.normalize("NFKC", _string(cell)).casefold()
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise CellError("cell.choice", f"{text[:_SHOWN]!r} is neither yes nor no.", "Write yes or no (是 or 否).")


def kind_in(cell: Cell) -> str:
    """Return the kind of event that a cell names."""
    text = _string(cell)
    kind = kind_of(text)
    if kind is None:
        raise CellError(
            "event.unknown_kind",
            f"There is no kind of event called {text[:_SHOWN]!r}.",
            "docs/events.md lists the kinds, in English and Chinese.",
        )
    return kind


# --------------------------------------------------------------------- numbers

_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?")
_GROUPED = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+)(\.\d+)?")
_GROUPED_POINTS = re.compile(r"([+-]?)(\d{1,3}(?:\.\d{3})+),(\d+)")
_GROUPED_SPACES = re.compile(r"([+-]?)(\d{1,3}(?:[ '’]\d{3})+)([.,]\d+)?")
_COMMA = re.compile(r"([+-]?\d+),(\d+)")
_WITH_UNIT = re.compile(r"(.*?[\d.,])\s*([^\d\s.,+-][^\d\s]*)")


def _number(cell: Cell, member: str, *, whole: bool) -> msgspec.Raw:
    """Return the digits of a number, as they stand in a line."""
    if isinstance(cell, (bool, date)):
        raise CellError("cell.number", f"{text_of(cell)} is not a number.", _plain_fix(member))
    if isinstance(cell, (int, float)):
        text = _plain_number(cell)
    else:
        text = _plain_text(unicodedata.normalize("NFKC", _string(cell)), member)
    if _PLAIN.fullmatch(text) is None:  # a float beyond what a spreadsheet shows in full
        raise CellError("cell.number", f"{text[:_SHOWN]} is too large.", _plain_fix(member))
    digits = _strict(text)
    if len(digits.lstrip("-").replace(".", "").lstrip("0")) > MAX_DIGITS:
        raise CellError(
            "cell.number", f"{text[:_SHOWN]} has more than {MAX_DIGITS} digits.", "Round the number."
        )
    if whole and "." in digits:
        head, _, tail = digits.partition(".")
        if tail.strip("0"):
            raise CellError("cell.number", f"{text[:_SHOWN]} is not a whole number.", "Write a whole number.")
        digits = head
    return msgspec.Raw(digits.encode())


def _plain_number(number: float) -> str:
    """Return a number with the 15 digits that a spreadsheet keeps, without an exponent below 1E+15."""
    if isinstance(number, int):
        return str(number) if abs(number) < 10**MAX_DIGITS else f"{Decimal(number):.15G}"
    if abs(number) >= 10**MAX_DIGITS or number != number:  # noqa: PLR0124 - not a number
        return f"{number:.15G}"
    return f"{Decimal(f'{number:.15g}'):f}"


def _plain_text(text: str, member: str) -> str:
    """Return a number as written, without unit and thousands separators; raises if it may mean two."""
    if len(text) > _MAX_CHARS:
        raise CellError("cell.number", f"{text[:_SHOWN]!r} is not a number.", _plain_fix(member))
    if (found := _WITH_UNIT.fullmatch(text)) is not None:
        text = _without_unit(text, found, member)
    if _PLAIN.fullmatch(text):
        return text
    if found := _GROUPED_SPACES.fullmatch(text):
        return found[1] + re.sub(r"\D", "", found[2]) + (found[3] or "").replace(",", ".")
    if found := _GROUPED_POINTS.fullmatch(text):
        return f"{found[1]}{found[2].replace('.', '')}.{found[3]}"
    if (found := _GROUPED.fullmatch(text)) and (found[3] or found[2].count(",") > 1):
        return found[1] + found[2].replace(",", "") + (found[3] or "")
    if found := _COMMA.fullmatch(text):
        if len(found[2]) == 3 and found[1].strip("+-0"):
            raise CellError(
                "cell.ambiguous",
                f"{text[:_SHOWN]!r} may be {found[1]}{found[2]} or {found[1]}.{found[2]}.",
                "Write it without a thousands separator, and with a decimal point.",
            )
        return f"{found[1]}.{found[2]}"
    raise CellError("cell.number", f"{text[:_SHOWN]!r} is not a number.", _plain_fix(member))


def _without_unit(text: str, found: re.Match[str], member: str) -> str:
    """Return the number before a unit, which must be that of the member."""
    unit, known = found[2].casefold(), unit_of(member)
    if unit == "%" and member.endswith("_fraction"):
        return f"{Decimal(_plain_text(found[1], member)).scaleb(-2):f}"
    if unit in {name.casefold() for name in known}:
        return found[1]
    if unit in OTHER_UNITS or unit in all_units():
        raise CellError(
            "cell.unit",
            f"{text[:_SHOWN]!r} is in {found[2][:_SHOWN]}, and the column in {(known or ('no unit',))[0]}.",
            "Convert the value, and write the number alone.",
        )
    raise CellError("cell.number", f"{text[:_SHOWN]!r} is not a number.", _plain_fix(member))


def _plain_fix(member: str) -> str:
    unit = unit_of(member)
    return (
        f"Write digits with a decimal point, in {unit[0]}." if unit else "Write digits with a decimal point."
    )


def _strict(text: str) -> str:
    """Return the digits in the strict form of a line: no plus sign, no leading zeros."""
    sign = "-" if text.startswith("-") else ""
    head, point, tail = text.lstrip("+-").partition(".")
    digits = (head.lstrip("0") or "0") + point + tail
    return digits if not digits.strip("0.") else sign + digits


# ----------------------------------------------------------------------- times

_OFFSET = r"(?P<offset>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
_CLOCK = (
    r"(?:[T\s]*(?P<noon>上午|下午)?\s*(?P<hour>\d{1,2})\s*[:时]\s*(?P<minute>\d{1,2})\s*(?:[:分]\s*(?:(?P<second>\d{1,2})"
    r"(?:[.,](?P<fraction>\d{1,9}))?\s*秒?)?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*" + _OFFSET + ")?"
)
_TIMES: Final = tuple(
    re.compile(day + _CLOCK)
    for day in (
        r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})",
        r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})",
        r"(?P<year>\d{4})\.(?P<month>\d{1,2})\.(?P<day>\d{1,2})",
        r"(?P<year>\d{4})\s*年\s*(?P<month>\d{1,2})\s*月\s*(?P<day>\d{1,2})\s*[日号]",
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    )
)
_BACKWARDS: Final = re.compile(
    r"(?P<one>\d{1,2})(?P<sign>[./-])(?P<two>\d{1,2})(?P=sign)(?P<year>\d{4})" + _CLOCK
)
_SHORT_YEAR: Final = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2}(?!\d).*", re.DOTALL)
_TIME_FIX = "Write it as 2026-04-21 09:30, or with its offset: 2026-04-21T09:30:00+08:00."
_DAY_ZERO: Final = date(1899, 12, 30)


def _time(cell: Cell, offset: str) -> str:
    """Return a time in RFC 3339; `offset` is given to one that carries none, and a day begins at midnight."""
    if isinstance(cell, datetime):
        own = cell.isoformat(timespec="microseconds" if cell.microsecond else "seconds")
        return own if cell.tzinfo is not None else own + offset
    if isinstance(cell, date):
        return f"{cell.isoformat()}T00:00:00{offset}"
    parts = _parts(cell)
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    if half := {"上午": "am", "下午": "pm"}.get(parts["noon"], parts["half"]):
        if not 1 <= hour <= 12:
            raise _no_time(cell)
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise CellError("cell.time", f"{text_of(cell)[:_SHOWN]!r}: the clock has no such time.", _TIME_FIX)
    fraction = f".{parts['fraction']}" if parts["fraction"] else ""
    own = parts["offset"] or offset
    if own in ("UTC", "GMT"):
        own = "Z"
    elif len(own) == 5:
        own = f"{own[:3]}:{own[3:]}"
    return f"{_day_of(parts, cell)}T{hour:02}:{minute:02}:{second:02}{fraction}{own}"


def _day(cell: Cell) -> str:
    """Return a day as 2026-04-21; a time of day other than midnight would be lost, so it is refused."""
    if isinstance(cell, datetime):
        text, clock = cell.date().isoformat(), cell.time().isoformat()
    elif isinstance(cell, date):
        return cell.isoformat()
    else:
        parts = _parts(cell)
        text = _day_of(parts, cell)
        clock = ":".join(parts[name] or "0" for name in ("hour", "minute", "second"))
    if clock.strip("0:."):
        raise CellError("cell.day", f"{text_of(cell)} is a time; this column holds days.", f"Write {text}.")
    return text


def _parts(cell: Cell) -> dict[str, str]:
    """Return year, month, day and clock of a text, as far as it says them in one way only."""
    text = unicodedata.normalize("NFKC", _string(cell))
    if isinstance(cell, bool) or len(text) > _MAX_CHARS:
        raise _no_time(cell)
    for pattern in _TIMES:
        if found := pattern.fullmatch(text):
            return found.groupdict()
    if found := _BACKWARDS.fullmatch(text):
        return _forwards(text, found.groupdict())
    if _SHORT_YEAR.fullmatch(text):
        raise CellError("cell.ambiguous", f"{text[:_SHOWN]!r} does not say the year in full.", f"{_TIME_FIX}")
    if (serial := _serial(text)) is not None:
        raise CellError(
            "cell.date_number",
            f"{text[:_SHOWN]} is a number. As a spreadsheet counts days from 1900, it would be {serial}.",
            "Format the column as a date in the spreadsheet and save the file again, or write the date.",
        )
    raise _no_time(cell)


def _forwards(text: str, parts: dict[str, str]) -> dict[str, str]:
    """Return the parts of a date that ends with its year, unless day and month may be either way round."""
    one, two = int(parts["one"]), int(parts["two"])
    if one <= 12 and two <= 12 and one != two:
        year = parts["year"]
        raise CellError(
            "cell.ambiguous",
            f"{text[:_SHOWN]!r} may be {year}-{two:02}-{one:02} or {year}-{one:02}-{two:02}.",
            "Write the year first, then month and day: 2026-04-21.",
        )
    day, month = (one, two) if two <= 12 else (two, one)
    return parts | {"day": str(day), "month": str(month)}


def _day_of(parts: dict[str, str], cell: Cell) -> str:
    try:
        return date(int(parts["year"]), int(parts["month"]), int(parts["day"])).isoformat()
    except ValueError:
        message = f"{text_of(cell)[:_SHOWN]!r}: the calendar has no such day."
        raise CellError("cell.time", message, _TIME_FIX) from None


def _serial(text: str) -> str | None:
    """Return the time that a number would be as a spreadsheet counts days, for the years 1954 to 2119."""
    if not re.fullmatch(r"\d{5}(\.\d+)?", text) or not 20_000 <= float(text) <= 80_000:
        return None
    whole, _, rest = text.partition(".")
    day = (_DAY_ZERO + timedelta(days=int(whole))).isoformat()
    seconds = round(float("0." + rest) * 86_400) if rest else 0
    return day if not seconds else f"{day} {seconds // 3600 % 24:02}:{seconds // 60 % 60:02}"


def _no_time(cell: Cell) -> CellError:
    return CellError("cell.time", f"{text_of(cell)[:_SHOWN]!r} is not a date or time.", _TIME_FIX)
