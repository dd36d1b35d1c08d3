"""/technology/cycler: a file of a cycler is looked at; nothing of it is kept, nothing is reported."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import MultipartBody

from voltrail.api.access import check_form, person_of, signed_in
from voltrail.api.answers import Asked, as_json, as_page, page_for, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.report_page import FORM_BYTES, content_of
from voltrail.api.sign_in import field
from voltrail.errors import RegistryError, UsageError, VoltrailError
from voltrail.technology.cycler import read
from voltrail.technology.cycler_checks import WINDOWS_V
from voltrail.technology.cycler_look import Look, as_told, look, rows
from voltrail.technology.cycler_results import Stated
from voltrail.web.cycler import over_cycles, over_time

MAX_CYCLER_BYTES: Final = 64 << 20
MOST_HELD: Final = 256 << 20  # of a file, unpacked or as numbers
AT_ONCE: Final = 2  # of this process: each holds some hundred MB
CYCLES_SHOWN: Final = 100
CYCLES_TOLD: Final = 10_000

_places = threading.BoundedSemaphore(AT_ONCE)


@get("/technology/cycler", sync_to_thread=True, summary="The page to look at a cycler's file")
def cycler_page(request: Asked) -> Response[bytes]:
    """Return the form to which a file is given; for who is signed in."""
    signed_in(request)
    return _answer(request, {})


@post(
    "/technology/cycler/look",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_CYCLER_BYTES + FORM_BYTES,
    summary="Look at a cycler's file",
)
def look_at_cycler(request: Asked, data: MultipartBody[dict[str, Any]]) -> Response[bytes]:
    """
    Take `file` and, where known, `capacity_ah`, `energy_wh` and `chemistry`; from a page also `csrf`.

    Return the checks, the cycles, and what they show. The file is not kept.
    """
    person = person_of(request)
    if person is None or person.digest is not None:
        check_form(request, signed_in(request), field(data, "csrf"))
    typed = {name: field(data, name).strip() for name in ("capacity_ah", "energy_wh", "chemistry")}
    error, found = None, None
    try:
        found = looked_at(data.get("file"), typed)
    except VoltrailError as wrong:
        if status_of(wrong) >= 500:
            raise
        error = wrong
    tell_programs(request, error)
    if found is not None and not wants_page(request):
        return as_json(as_told(found, CYCLES_TOLD))
    return _answer(request, typed, found, error)


def looked_at(given: Any, typed: Mapping[str, str]) -> Look:
    """
    Return what the file of a form shows, with what was stated beside it.

    Raises UsageError (`file.none`, `cycler.stated`, `cycler.large`), TableError, and RegistryError
    (`file.uploads`) where as many are looked at as may be.
    """
    stated = Stated(positive(typed, "capacity_ah"), positive(typed, "energy_wh"))
    chemistry = typed.get("chemistry") or None
    if chemistry is not None and chemistry not in WINDOWS_V:
        raise UsageError(
            "cycler.stated", f"{chemistry[:40]!r} is no chemistry.", f"Take one of {', '.join(WINDOWS_V)}."
        )
    content = content_of(given)
    if not content:
        raise UsageError("file.none", "No file was chosen, or it is empty.", "Choose a file, then send.")
    with _place():
        return look(read(content, most_bytes=MOST_HELD), stated, chemistry)


def positive(typed: Mapping[str, str], name: str) -> float | None:
    """Return a number that was typed, None where none was. Raises UsageError for what is no such number."""
    text = typed.get(name, "").strip().replace(",", ".")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 1e9:
        raise UsageError(
            "cycler.stated", f"{name}: {text[:40]!r} is no number above 0.", "Write digits, as 2.9."
        )
    return number


def shown(found: Look) -> dict[str, Any]:
    """Return what the macros of `_cycler.html` show of a look."""
    return {
        "found": found,
        "fields": over_time(found.course),
        "by_cycle": over_cycles(found.cycles),
        "cycle_rows": rows(found.cycles, CYCLES_SHOWN),
        "cycles_in_all": len(found.cycles.number),
    }


@contextmanager
def _place() -> Iterator[None]:
    """Hold a place among the files that are looked at. Raises RegistryError where there is none."""
    if not _places.acquire(blocking=False):
        raise RegistryError(
            "file.uploads", "Too many files are coming in at the moment.", "Send it again in a minute."
        )
    try:
        yield
    finally:
        _places.release()


def _answer(
    request: Asked, typed: dict[str, str], found: Look | None = None, error: VoltrailError | None = None
) -> Response[bytes]:
    return as_page(
        page_for(request),
        "technology_cycler",
        200 if error is None else status_of(error),
        typed=typed,
        error=error,
        chemistries=tuple(WINDOWS_V),
        most_mb=MAX_CYCLER_BYTES >> 20,
        **(shown(found) if found is not None else {"found": None}),
    )


ROUTES: Final = (cycler_page, look_at_cycler)
