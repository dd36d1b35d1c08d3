"""/applications: for an authority, who asks to be put on record, and what was decided."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any, Final

from litestar import Response, get, post
from litestar.params import PathParameter
from litestar.response import Redirect

from voltrail.accounts.accounts import actor_of
from voltrail.accounts.applications import lines_left, taken_otherwise
from voltrail.api.access import address_of, applications_of, authority, check_form
from voltrail.api.answers import Asked, as_page, page_for, registry_of, tell_programs
from voltrail.api.batteries import Before
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.errors import VoltrailError
from voltrail.regimes.deadlines import CHINA
from voltrail.web.statements import read_lines

ON_PAGE: Final = 50

Number = Annotated[int, PathParameter(description="the number of an application", ge=1, lt=2**62)]


@get("/applications", sync_to_thread=True, summary="Who asks to be put on record")
def applications_page(request: Asked, before: Before = None) -> Response[bytes]:
    """Return what waits, the oldest first, and what was decided, the last first; for an authority."""
    authority(request)
    applications = applications_of(request)
    waiting = [applications.settle(one)[0] for one in applications.waiting(limit=ON_PAGE)]
    decided = applications.decided(before, ON_PAGE + 1)
    return as_page(
        page_for(request),
        "applications",
        waiting=[one for one in waiting if one.state == "waiting"],
        more=len(waiting) == ON_PAGE,
        decided=decided[:ON_PAGE],
        following=decided[ON_PAGE - 1].id if len(decided) > ON_PAGE else None,
        before=before,
    )


@get("/applications/{number:int}", sync_to_thread=True, summary="One application")
def application_page(request: Asked, number: Number) -> Response[bytes]:
    """Return what is asked for, and the lines that approve it, for the authority to sign in its browser."""
    return _answer(request, number)


@post(
    "/applications/{number:int}/refuse",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Refuse an application",
)
def refuse_application(request: Asked, number: Number, data: Form) -> Response[Any]:
    """Take `reasons`, which the applicant is shown, and `csrf`."""
    person = authority(request)
    check_form(request, person, field(data, "csrf"))
    applications = applications_of(request)
    application, _ = applications.settle(applications.by_id(number))
    reasons = " ".join(field(data, "reasons").split())
    try:
        applications.refuse(application, reasons, actor_of(person, address_of(request)))
    except VoltrailError as error:
        return _answer(request, number, error)
    return Redirect(page_for(request).link(f"/applications/{number}"), status_code=303)


def _answer(request: Asked, number: int, error: VoltrailError | None = None) -> Response[bytes]:
    tell_programs(request, error)
    person = authority(request)
    applications, page, registry = applications_of(request), page_for(request), registry_of(request)
    application, told = applications.settle(applications.by_id(number))
    page.path = f"/applications/{number}"  # also after a form, whose address cannot be asked for again
    today = datetime.combine(datetime.now(CHINA).date(), time(), CHINA)  # signed twice, it is one line
    taken = taken_otherwise(application, told)
    lines = [] if taken or application.state == "approved" else lines_left(application, told, today)
    return as_page(
        page,
        "application",
        200 if error is None else status_of(error),
        application=application,
        organisation=application.asked.organisation,
        taken=taken,
        lines=read_lines(lines),
        others=[one for one in applications.of(application.asked.organisation) if one.id != number],
        entries=[one.entry for one in told if one.event.batch == application.batch],
        origin=registry.origin,
        signer=person.organisation,
        error=error,
    )


ROUTES: Final = (applications_page, application_page, refuse_application)
