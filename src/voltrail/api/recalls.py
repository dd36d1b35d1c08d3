"""/recalls: campaigns, what remains of each, who was told; opening one, and acknowledging a notice."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Final, cast

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import MultipartBody, PathParameter, QueryParameter
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.api.access import (
    accounts_of,
    address_of,
    check_form,
    check_right,
    person_of,
    reader_of,
    signed_in,
)
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.batteries import After, Before, Limit
from voltrail.api.failures import status_of
from voltrail.api.report_page import signs
from voltrail.api.reports import taken_from
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.errors import AccessError, UsageError, VoltrailError
from voltrail.ledger.receipts import parse_receipt
from voltrail.organisations.access import BATTERY
from voltrail.registry.recalls import (
    SHOWN_STATES,
    Campaign,
    Member,
    Notice,
    Plan,
    Recalls,
    Scope,
    Shown,
    Words,
)

CAMPAIGNS_ON_PAGE: Final = 50
BATTERIES_ON_PAGE: Final = 50
MAX_BODY_BYTES: Final = 4 << 20  # 100,000 codes, one a line

CampaignId = Annotated[str, PathParameter(description="the campaign's id, as in `recalled` and `serviced`")]
Mine = Annotated[
    str | None, QueryParameter(max_length=10, description="only what who is signed in has to see to")
]
Show = Annotated[str, QueryParameter(description="remaining, told, done or ended")]
Named = Annotated[str, QueryParameter(max_length=256, description="the campaign's id")]
NamedOrAll = Annotated[
    str | None, QueryParameter(max_length=256, description="with `mine`: this campaign alone")
]


@get("/recalls", sync_to_thread=True, summary="Recalls")
def recalls(
    request: Asked,
    mine: Mine = None,
    campaign: NamedOrAll = None,
    limit: Limit = CAMPAIGNS_ON_PAGE,
    before: Before = None,
    after: After = None,
) -> Response[bytes]:
    """
    Return the campaigns, the last one first, each with how much of it is done.

    With `mine`, those of which who is signed in holds or owns batteries that still need the work.
    """
    if mine is not None:
        return _mine(request, campaign, limit, after)
    found, following = recalls_of(request).page(limit, before)
    if not wants_page(request):
        return as_json({"campaigns": [as_told(one) for one in found], "next": following})
    number, remaining = recalls_of(request).totals()
    return as_page(
        page_for(request),
        "recalls",
        found=[as_told(one) for one in found],
        following=following,
        before=before,
        number=number,
        remaining=remaining,
        names=registry_of(request).names({one.organisation for one in found}),
        opens=_may_open(request),
        yours=_yours(request),
    )


@get("/recalls/{identifier:path}", sync_to_thread=True, summary="One recall")
def recall(
    request: Asked, identifier: CampaignId, show: Show = "remaining", after: After = None
) -> Response[bytes]:
    """
    Return a campaign: what it is about, what to do, and how much of it is done.

    For its organisation and the authority, its batteries too, and who was told when.
    """
    found = recalls_of(request).read(str(identifier).removeprefix("/"))
    return _answer(request, found, shown_of(show), after)


@get("/recalls/lines", sync_to_thread=True, summary="The lines of a recall, to be signed")
def lines(request: Asked, campaign: Named) -> Response[bytes]:
    """Return the lines that are still to be reported, at most 100,000: to be signed with a key and sent."""
    found = recalls_of(request).read(campaign)
    if not is_inside(request, found):
        raise not_yours()
    content = b"".join(line + b"\n" for line in recalls_of(request).lines(found, 100_000))
    return Response(
        content,
        media_type="application/jsonl",
        headers=_as_file(f"{found.id}.jsonl"),
    )


@get("/recalls/new", sync_to_thread=True, summary="The page to open a recall")
def opening_page(request: Asked) -> Response[bytes]:
    """Return the form; for battery makers, vehicle makers, importers and the authority."""
    person = signed_in(request)
    recalls_of(request).check_may_open(person.organisation, is_authority=_is_authority(request, person))
    return _opening(request)


@post(
    "/recalls/open",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Open a recall",
)
def open_recall(request: Asked, data: MultipartBody[dict[str, Any]]) -> Response[Any]:
    """
    Take `id`, `title`, `risk`, `advice`; `models`, `from`, `until`, `codes` or a `file` of codes; and `csrf`.

    With `do=open` the campaign is opened; otherwise the page says which batteries it would be.
    """
    person = signed_in(request)
    given = {name: field(data, name).strip() for name in _FIELDS}
    try:
        check_form(request, person, field(data, "csrf"))
        check_right(person, "report")
        is_authority = _is_authority(request, person)
        recalls_of(request).check_may_open(person.organisation, is_authority=is_authority)
        scope = _scope(data)
        given["codes"] = "\n".join(scope.codes)  # so that what came in a file stands in the form
        plan = recalls_of(request).plan(scope, person.organisation, is_authority=is_authority)
        if field(data, "do") != "open":
            return _opening(request, given, plan)
        words = Words(given["id"], given["title"], given["risk"], given["advice"])
        opened = recalls_of(request).open(words, plan, person.organisation, person.login)
        accounts_of(request).note("recall.opened", person, address_of(request), opened.id)
    except VoltrailError as error:
        return _opening(request, given, error=error)
    return Redirect(page_for(request).link(f"/recalls/{opened.id}"), status_code=303)


@post(
    "/recalls/report",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Report a recall's batteries",
)
def report_recall(request: Asked, data: Form) -> Response[Any]:
    """
    Take `campaign` and `csrf`; report the next 20,000 batteries of its scope, signed by the host.

    Asked again it goes on from there, also after a stop: no line is taken twice.
    """
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    found = recalls_of(request).read(field(data, "campaign"))
    if person.organisation != found.organisation:
        raise not_yours()
    try:
        _report(request, person, found)
    except VoltrailError as error:
        if status_of(error) >= 500:
            raise
        return _answer(request, found, "remaining", None, error)
    return Redirect(page_for(request).link(f"/recalls/{found.id}"), status_code=303)


@post(
    "/recalls/acknowledge",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Acknowledge the notice of a recall",
)
def acknowledge(request: Asked, data: Form) -> Response[Any]:
    """Take `campaign` and `csrf`; who opened it is told who acknowledged, and of how many batteries."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    campaign = field(data, "campaign")
    recalls_of(request).acknowledge(person.organisation, campaign, person.login)
    accounts_of(request).note("recall.acknowledged", person, address_of(request), campaign)
    return Redirect(page_for(request).link("/recalls", mine="1"), status_code=303)


def as_told(campaign: Campaign) -> dict[str, Any]:
    """Return what everybody may know of a campaign."""
    return {
        "campaign": campaign.id,
        "organisation": campaign.organisation,
        "opened_at": campaign.opened_at.isoformat(),
        "title": campaign.title,
        "risk": campaign.risk,
        "advice": campaign.advice,
        "models": campaign.models,
        "made_from": campaign.made_from.isoformat() if campaign.made_from else None,
        "made_until": campaign.made_until.isoformat() if campaign.made_until else None,
        "batteries": campaign.batteries,
        "done": campaign.done,
        "ended": campaign.ended,
        "remaining": campaign.remaining,
    }


def notice_told(notice: Notice) -> dict[str, Any]:
    """Return what an organisation is told of a campaign that concerns batteries of its own."""
    return as_told(notice.campaign) | {
        "yours": notice.batteries,
        "shown_at": notice.shown_at.isoformat() if notice.shown_at else None,
        "acknowledged_at": notice.acknowledged_at.isoformat() if notice.acknowledged_at else None,
    }


# ------------------------------------------------------------------ who may what


def _is_authority(request: Asked, person: Person | None) -> bool:
    return person is not None and person.organisation in registry_of(request).authorities


def is_inside(request: Asked, campaign: Campaign) -> bool:
    """Return whether who asks may see the batteries of a campaign one by one."""
    person = person_of(request)
    if person is None or "read" not in person.scopes:
        return False
    return person.organisation == campaign.organisation or _is_authority(request, person)


def sees_holders(request: Asked) -> bool:
    """Return whether who asks may see who holds any battery: a campaign of one's own opens no more of it."""
    return reader_of(request).eyes.see(BATTERY, "holder")


def _may_open(request: Asked) -> bool:
    person = person_of(request)
    if person is None or person.digest is None:
        return False
    try:
        is_authority = _is_authority(request, person)
        recalls_of(request).check_may_open(person.organisation, is_authority=is_authority)
    except AccessError:
        return False
    return True


def _yours(request: Asked) -> int:
    """Return how many batteries of who is signed in are recalled and not worked on."""
    person = person_of(request)
    if person is None or "read" not in person.scopes:
        return 0
    return sum(one.batteries for one in recalls_of(request).notices_for(person.organisation))


def not_yours() -> AccessError:
    """Return the error for who asks for the batteries of another's campaign."""
    return AccessError(
        "recall.not_your_campaign",
        "The batteries of a campaign are listed for its own organisation and the authority.",
        "What everybody may know stands on the page of the campaign.",
    )


# --------------------------------------------------------------------- answering


def recalls_of(request: Asked) -> Recalls:
    """Return the recalls of the application's registry."""
    return registry_of(request).recalls


def shown_of(state: str) -> Shown:
    """Return which batteries of a campaign a list was asked for. Raises UsageError."""
    if state not in SHOWN_STATES:
        raise UsageError(
            "recall.state", f"There is no state {state[:40]!r}.", f"Use one of: {', '.join(SHOWN_STATES)}."
        )
    return cast("Shown", state)


def _answer(
    request: Asked, found: Campaign, shown: Shown, after: str | None, error: VoltrailError | None = None
) -> Response[bytes]:
    tell_programs(request, error)
    told: dict[str, Any] = as_told(found)
    if is_inside(request, found):
        told |= _inside(request, found, shown, after)
    if not wants_page(request):
        return as_json(told)
    person = person_of(request)
    page = page_for(request)
    page.path = f"/recalls/{found.id}"
    organisations = {found.organisation, *(one["organisation"] for one in told.get("holders") or ())}
    organisations |= {one["organisation"] for one in told.get("acknowledged", ())}
    return as_page(
        page,
        "recall",
        200 if error is None else status_of(error),
        recall=told,
        inside="list" in told,
        state=shown,
        after=after,
        names=registry_of(request).names(organisations),
        reports=person is not None and person.organisation == found.organisation and signs(request),
        on_record=found.on_record,
        planned=found.planned,
        listed=found.listed,
        error=error,
    )


def _inside(request: Asked, found: Campaign, shown: Shown, after: str | None) -> dict[str, Any]:
    """Return what the organisation of a campaign and the authority may know beside what is public."""
    campaigns, sees = recalls_of(request), sees_holders(request)
    if shown == "told" and not sees:
        shown = "remaining"  # which of them are told would say who holds them
    batteries, following = campaigns.members(found.id, shown, BATTERIES_ON_PAGE, after)
    holders = campaigns.holders(found.id) if sees else None
    return {
        "told": campaigns.told(found.id),
        "acknowledged": [
            {"organisation": one.organisation, "at": one.at.isoformat(), "batteries": one.batteries}
            for one in campaigns.acknowledged(found.id)
        ],
        "holders": [msgspec.to_builtins(one) for one in holders] if holders is not None else None,
        "state": shown,
        "list": [_member(one, sees_holders=sees) for one in batteries],
        "next": following,
    }


def _member(member: Member, *, sees_holders: bool) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(member)
    if not sees_holders:
        for name in ("holder", "owner", "shown_at", "acknowledged_at"):
            del told[name]
    return told


def _as_file(name: str) -> dict[str, str]:
    """Return the header by which a browser keeps a file; an id from the record may have any characters."""
    return {"Content-Disposition": f'attachment; filename="{re.sub(r"[^A-Za-z0-9._-]", "_", name)}"'}


def _mine(request: Asked, campaign: str | None, limit: int, after: str | None) -> Response[bytes]:
    """Return the recalls of what who is signed in holds or owns; by a session, they are told thereby."""
    person = person_of(request)
    if person is None or "read" not in person.scopes or (person.digest is not None and person.must_change):
        person = signed_in(request)
    campaigns = recalls_of(request)
    notices = [
        one for one in campaigns.notices_for(person.organisation) if campaign in (None, "", one.campaign.id)
    ]
    told = []
    for one in notices:
        codes, following = campaigns.mine(person.organisation, one.campaign.id, limit, after)
        told.append(notice_told(one) | {"codes": codes, "next": following})
    if person.digest is not None:
        campaigns.note_shown(person.organisation, [one.campaign.id for one in notices])
    if not wants_page(request):
        return as_json({"recalls": told})
    return as_page(
        page_for(request),
        "recalls_mine",
        found=told,
        campaign=campaign,
        after=after,
        names=registry_of(request).names({one.campaign.organisation for one in notices}),
    )


# ----------------------------------------------------------------------- opening

_FIELDS: Final = ("id", "title", "risk", "advice", "models", "from", "until", "codes")


def _opening(
    request: Asked,
    given: dict[str, str] | None = None,
    plan: Plan | None = None,
    error: VoltrailError | None = None,
) -> Response[bytes]:
    tell_programs(request, error)
    person = signed_in(request)
    registry = registry_of(request)
    own = [] if _is_authority(request, person) else registry.models(person.organisation, 200, None)[0]
    page = page_for(request)
    page.path = "/recalls/new"
    return as_page(
        page,
        "recall_new",
        200 if error is None else status_of(error),
        given=given or dict.fromkeys(_FIELDS, ""),
        plan=plan,
        models=own,
        error=error,
    )


def _scope(data: dict[str, Any]) -> Scope:
    models = field(data, "models").replace(",", "\n").split("\n")
    listed = field(data, "codes") + "\n" + _file_text(data.get("file"))
    return Scope(
        tuple(dict.fromkeys(one.strip() for one in models if one.strip())),
        _date("from", field(data, "from")),
        _date("until", field(data, "until")),
        tuple(dict.fromkeys(one for one in listed.replace(",", " ").replace(";", " ").split() if one)),
    )


def _date(name: str, text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError("recall.dates", f"{name}: {text[:20]!r} is no day.", "Write 2026-05-03.") from None


def _file_text(given: Any) -> str:
    if not isinstance(given, UploadFile):
        return ""
    given.file.seek(0)
    return given.file.read().decode("utf-8-sig", "replace")


def _report(request: Asked, person: Person, found: Campaign) -> None:
    """Report the next batteries of a campaign; when nothing new is taken, no more are asked for."""
    todo = recalls_of(request).lines(found)
    if not todo:
        recalls_of(request).complete(found.id)
        return
    receipt = parse_receipt(taken_from(request, person, b"".join(line + b"\n" for line in todo), "valid"))
    on_the_way = receipt.accepted and (receipt.refused or recalls_of(request).lines(found, 1))
    if not on_the_way:
        recalls_of(request).complete(found.id)


ROUTES: Final = (
    recalls,
    recall,
    lines,
    opening_page,
    open_recall,
    report_recall,
    acknowledge,
)
