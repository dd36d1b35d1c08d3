"""
Taking away: any list as a file, streamed from one moment of the record.

A route says which table it is (`Sheet`); here it gets its snapshot, its file and its name, and what it
stands on. At most two files at a time go to an organisation, or to an address of the public, and eight in
all: each is a long read, on a connection of its own. Pieces are made in a thread, each when the one before
was sent; when the reader goes away, nothing further is read.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol, cast

from litestar import get
from litestar.background_tasks import BackgroundTask
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from voltrail.api.access import address_of, reader_of
from voltrail.api.answers import NEGOTIATED, Asked, page_for, registry_of
from voltrail.errors import UsageError
from voltrail.events import decode
from voltrail.events.epcis import EventInLog, Hidden
from voltrail.organisations.access import Sight
from voltrail.registry.snapshot import Snapshot
from voltrail.registry.views import hidden_members
from voltrail.web import Page
from voltrail.web.page import CHOICES
from voltrail.web.sheets import EVENT_TYPES, MAX_SHEET_ROWS, MEDIA_TYPES, About, Sheet, write

MOST_EACH: Final = 2
MOST: Final = 8
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")


Routes = tuple[HTTPRouteHandler, ...]


class Making(Protocol):
    """What gives the table of a route: read at one moment, in the words of a page."""

    def __call__(self, snapshot: Snapshot, page: Page) -> Sheet:
        """Return the table; its rows are read while they are written."""


class Gate:
    """How many files are being made, and for whom; one for each server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: Counter[str] = Counter()

    @contextmanager
    def enter(self, who: str) -> Iterator[None]:
        """Count one more while the block runs. Raises UsageError when there are enough."""
        with self._lock:
            if self._inside[who] >= MOST_EACH or self._inside.total() >= MOST:
                raise UsageError(
                    "export.many",
                    "As many files as are made at a time are being made already.",
                    "Wait until one of them is there, then ask again.",
                )
            self._inside[who] += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside[who] -= 1
                self._inside += Counter()  # forgets who has none


def taken(
    path: str, summary: str, types: Mapping[str, str] = MEDIA_TYPES
) -> Callable[[Callable[..., Stream]], Routes]:
    """
    Return a decorator by which a function answers all files of a list.

    A route for each of them: Litestar wraps a threaded function twice that has several addresses.
    """

    def routes(function: Callable[..., Stream]) -> Routes:
        return tuple(
            get(f"{path}.{ending}", sync_to_thread=True, summary=summary)(function) for ending in types
        )

    return routes


def take_away(request: Asked, making: Making) -> Stream:
    """
    Return the file that an address asks for, by what it ends with.

    What is wrong is said before the answer begins: the first piece is made at once. Raises UsageError for too
    many files at a time, and for more rows than a sheet has.
    """
    registry, page, ending = registry_of(request), page_for(request), request.url.path.rpartition(".")[2]
    reader = reader_of(request)
    who = reader.organisation or ("owner" if reader.claim else None)
    gate = cast("Gate", request.app.state.exports)
    named: list[str] = []

    def pieces() -> Iterator[bytes]:
        with gate.enter(who or address_of(request)), registry.snapshot() as snapshot:
            sheet = making(snapshot, page)
            _check_rows(sheet, ending)
            about = About(
                sheet.title,
                who,
                _filters(request),
                snapshot.standing,
                stands=sheet.stands,
            )
            named.append(_name(sheet.name, about, ending))
            yield from write(ending, sheet, about, page)

    sent = Pieces(pieces())
    headers = NEGOTIATED | {
        "Content-Disposition": f'attachment; filename="{named[0]}"',
        "Content-Language": page.tag,
        "Cache-Control": "no-store",
    }
    return Stream(
        sent, media_type=EVENT_TYPES[ending], headers=headers, background=BackgroundTask(sent.close)
    )


def hidden_by(sight: Sight) -> Hidden:
    """Return what says of an event which of its members a reader may not see."""

    def hidden(event: EventInLog) -> frozenset[str]:
        said = decode(event.line)
        occurred_ms = int(said.occurred_at.timestamp() * 1000)
        return hidden_members(
            said.kind, event.line, sight.event(said.kind, event.index, occurred_ms, event.reporter or "")
        )

    return hidden


class Pieces:
    """
    The pieces of a file, for the answer to go through once; the first is made at once.

    `close` lets go of what they are read from, also while a thread is at one: it waits for that.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = cast("Generator[bytes, None, None]", pieces)
        self._lock = threading.Lock()
        self._first: bytes | None = next(pieces)

    def __aiter__(self) -> Pieces:
        """Return itself."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece, made in a thread."""
        if (first := self._first) is not None:
            self._first = None
            return first
        piece = await sync_to_thread(self._next)
        if piece is None:
            raise StopAsyncIteration
        return piece

    def _next(self) -> bytes | None:
        with self._lock:
            return next(self._pieces, None)

    async def close(self) -> None:
        """Stop reading."""
        await sync_to_thread(self._close)

    def _close(self) -> None:
        with self._lock:
            self._pieces.close()


def _check_rows(sheet: Sheet, ending: str) -> None:
    if ending == "xlsx" and sheet.count is not None and sheet.count(MAX_SHEET_ROWS) >= MAX_SHEET_ROWS:
        raise UsageError(
            "usage.sheet",
            f"These are more rows than a sheet has: {MAX_SHEET_ROWS - 1:,} and the headings.",
            "Narrow the list, or take CSV or Parquet.",
        )


def _filters(request: Asked) -> dict[str, str]:
    """Return what the list was narrowed by, as the address says it."""
    return {
        name: value for name, value in request.query_params.multi_items() if name not in CHOICES and value
    }


def _name(name: str, about: About, ending: str) -> str:
    """Return the name of a file: what it is, when it was read, at how many entries of the log."""
    stem = _NO_NAME.sub("_", name)[:80]
    return f"{stem}-{about.standing.at:%Y%m%dT%H%M%SZ}-{about.standing.size}.{ending}"
