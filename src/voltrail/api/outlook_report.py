"""/outlook/report: a scenario told on paper, as a page and as PDF."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec
from litestar import Response, get

from voltrail.api.answers import Asked, as_json, as_page, page_for, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.outlook import KnownAt, Of, Wanted, asked, played, right, turn
from voltrail.errors import UsageError
from voltrail.outlook.report import Report
from voltrail.outlook.scenario import Scenario
from voltrail.web import Page
from voltrail.web.language import Language
from voltrail.web.outlook_report import pdf, report_of, values
from voltrail.web.outlook_scenario import Named

_KEPT: Final = 32  # PDFs, of some 50 kB each


@get("/outlook/report", sync_to_thread=True, summary="A report of a scenario")
def outlook_report(request: Asked, of: Of = None, known_at: KnownAt = None) -> Response[bytes]:
    """
    Return what was asked, the answer, what would change it, its backtests, its method and all its sources.

    Parameters are those of `/outlook`.
    """
    del of, known_at
    page, wanted = page_for(request), asked(request)
    told: Report | None = None
    error: UsageError | None = None
    try:
        told = _report(page, wanted)
    except UsageError as raised:
        tell_programs(request, raised)
        error = raised
    if not wants_page(request):
        return as_json(told)
    return as_page(
        page,
        "outlook_report",
        200 if error is None else status_of(error),
        error=error,
        told=told,
        query=wanted.query,
        **(values(told) if told else {}),
    )


@get("/outlook/report.pdf", sync_to_thread=True, summary="A report of a scenario, as PDF")
def outlook_report_pdf(request: Asked, of: Of = None, known_at: KnownAt = None) -> Response[bytes]:
    """Return the report of `/outlook/report` as PDF, in the language that was asked for."""
    del of, known_at
    wanted = asked(request)
    content = _pdf(
        msgspec.json.encode(right(wanted), order="sorted"), bool(wanted.typed), page_for(request).language
    )
    return Response(
        content,
        media_type="application/pdf",
        headers={"Content-Disposition": 'attachment; filename="outlook.pdf"'},
    )


@lru_cache(_KEPT)
def _pdf(scenario: bytes, own: bool, language: Language) -> bytes:
    told, page = msgspec.json.decode(scenario, type=Scenario), Page(language)
    outcome = played(told)
    with turn():
        return pdf(report_of(page, Named("", told, own=own), outcome), page)


def _report(page: Page, wanted: Wanted) -> Report:
    """Return the report of what was asked for. Raises UsageError."""
    scenario = right(wanted)
    outcome = played(scenario)
    with turn():
        return report_of(page, Named(wanted.base.id, scenario, own=bool(wanted.typed)), outcome)


ROUTES: Final = (outlook_report, outlook_report_pdf)
