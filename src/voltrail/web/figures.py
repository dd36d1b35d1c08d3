"""Numbers, dates and values as people read them, in two languages."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from voltrail.web.language import Language

_MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_ZH_BOOL: Final = {True: "是", False: "否"}
_EN_BOOL: Final = {True: "yes", False: "no"}


def number(value: float, language: Language) -> str:
    """Return a number with its thousands separated: by commas, in Chinese by thin spaces."""
    return f"{value:,}".removesuffix(".0").replace(",", "," if language == "en" else "\u2009")


def day(text: str, language: Language) -> str:
    """Return 3 May 2026 or 2026年5月3日; what is no time stays as it is."""
    when = _read(text)
    if when is None:
        return text
    if language == "zh":
        return f"{when.year}年{when.month}月{when.day}日"
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"


def month(text: str, language: Language) -> str:
    """Return May 2026 or 2026年5月; what is no time stays as it is."""
    when = _read(text)
    if when is None:
        return text
    return f"{when.year}年{when.month}月" if language == "zh" else f"{_MONTHS[when.month - 1]} {when.year}"


def moment(text: str, language: Language) -> str:
    """Return the day, the time to the minute and the zone."""
    when = _read(text)
    if when is None or when.tzinfo is None:
        return text
    zone = when.strftime("%z")
    zone = "UTC" if zone == "+0000" else f"UTC{zone[:3]}:{zone[3:]}"
    return f"{day(text, language)} {when:%H:%M} {zone}"


def clock(text: str, *, seconds: bool = False) -> str:
    """Return the time of day, to the minute or the second; what is no time stays as it is."""
    when = _read(text)
    return text if when is None else when.strftime("%H:%M:%S" if seconds else "%H:%M")


def value(given: Any, language: Language) -> str:
    """Return a value of a member: lists joined, numbers separated, yes and no in words."""
    if isinstance(given, bool):
        return (_ZH_BOOL if language == "zh" else _EN_BOOL)[given]
    if isinstance(given, int | float):
        return number(given, language)
    if isinstance(given, list | tuple):
        return ("、" if language == "zh" else ", ").join(value(one, language) for one in given)
    if isinstance(given, dict):
        pairs = [f"{name} {value(one, language)}" for name, one in given.items()]
        return ("；" if language == "zh" else "; ").join(pairs)
    return str(given)


def _read(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
