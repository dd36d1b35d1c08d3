"""What a table to take away is: named columns, each of one form, and rows in runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal

import msgspec

from voltrail.events.epcis import EventInLog, Hidden
from voltrail.web.page import Page

Cell = str | int | float | bool | datetime | date | Sequence[str] | None
Row = Sequence[Cell]
# Pages have words for a `name` of the record (a place), several `names` (roles), and a `kind` of event.
Form = Literal["text", "name", "names", "kind", "integer", "number", "flag", "time", "day", "texts"]


_REMEMBERED: Final = 1_000


def remembered(write: Callable[[str], str], nothing: str) -> Callable[[str | None], str]:
    """Return what writes names of the record, each once, since there are few; for None it is `nothing`."""
    known: dict[str | None, str] = {None: nothing}

    def find(name: str | None) -> str:
        found = known.get(name)
        if found is None:
            found = write(name or "")
            if len(known) < _REMEMBERED:
                known[name] = found
        return found

    return find


def as_text(value: Any) -> str | None:
    """Return as JSON what has members of its own, such as a composition."""
    return None if value is None else msgspec.json.encode(value).decode()


class Column(msgspec.Struct, frozen=True):
    """
    One column: its name in the record, by which programs know it, and what all of its cells are.

    `heading` is an English sentence of the catalogue; without one, the word for the name stands.
    """

    name: str
    form: Form = "text"
    heading: str = ""

    def word(self, page: Page) -> str:
        """Return the heading in the words of a page."""
        return page.say(self.heading) if self.heading else page.name(self.name)

    def said(self, page: Page) -> str:
        """Return the heading as spreadsheets have it: of a time with the zone in which it is written."""
        return f"{self.word(page)} (UTC+8)" if self.form == "time" else self.word(page)


# What the rows are to the checkpoint: the record at exactly its entries; read from `holding`, which may lack
# the newest of them; read a moment later, so with at least them; or of the registry's own books, which are
# beside the log.
Stands = Literal["exactly", "followed", "at_least", "beside"]


class InLog(msgspec.Struct, frozen=True):
    """The same events as the log has them, and what of each its reader may not see: for EPCIS."""

    events: Iterable[EventInLog]
    hidden: Hidden


class Sheet(msgspec.Struct, frozen=True):
    """
    A table: the name of its file, a title, columns, and rows in runs, read as they are written.

    `count` returns how many rows there are, counted up to a number; without it they are few. `log` is
    there where the rows are events.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    runs: Iterable[Sequence[Row]]
    count: Callable[[int], int] | None = None
    stands: Stands = "exactly"
    log: InLog | None = None
