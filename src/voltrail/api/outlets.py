"""/outlets: where batteries are taken back, who must take one, and where a maker has none."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import QueryParameter
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.accounts.person import csrf_of, is_same
from voltrail.api.access import (
    authority,
    check_form,
    claim_of,
    cookie_secret,
    form_refused,
    is_ours,
    person_of,
    reader_of,
    signed_in,
)
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.api.work import reading
from voltrail.codes import parse
from voltrail.errors import AccessError, UsageError, VoltrailError
from voltrail.organisations.access import Claim
from voltrail.organisations.identifiers import check_organisation
from voltrail.organisations.regions import PROVINCES, check_area, region_of
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.outlets import Coverage, Outlet, Place, Taker, told
from voltrail.registry.registry import Registry

ON_PAGE: Final = 50
NEAREST: Final = 5

Province = Annotated[
    str | None, QueryParameter(max_length=2, description="only in this province: two digits of GB/T 2260")
]
Words = Annotated[
    str | None, QueryParameter(max_length=100, description="words of a name, an address or an identifier")
]
For = Annotated[
    str | None, QueryParameter(max_length=64, description="only those that take back for this organisation")
]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="how many at most")]
Code = Annotated[str | None, QueryParameter(max_length=64, description="the battery's code")]
Region = Annotated[
    str | None,
    QueryParameter(max_length=6, description="where you are: two, four or six digits of GB/T 2260"),
]
Latitude = Annotated[str | None, QueryParameter(max_length=20, description="where you are, in degrees north")]
Longitude = Annotated[str | None, QueryParameter(max_length=20, description="where you are, in degrees east")]
Of = Annotated[
    str | None, QueryParameter(max_length=64, description="whose; an authority may ask for anyone")
]
SiteId = Annotated[str, QueryParameter(max_length=256, description="the outlet's identifier")]


@get("/outlets", sync_to_thread=True, summary="Outlets that take batteries back")
def outlets(
    request: Asked,
    province: Province = None,
    q: Words = None,
    organisation: For = None,
    after: Annotated[
        str | None, QueryParameter(max_length=256, description="`next` of the page before")
    ] = None,
    limit: Limit = ON_PAGE,
) -> Response[bytes]:
    """Return the register of outlets: who runs each, where it is, and for whom it takes batteries back."""
    registry = registry_of(request)
    if province and province not in PROVINCES:
        check_area(province)
        raise UsageError("usage.choice", f"{province!r} is no province.", "Give its two digits, such as 31.")
    _check_words(q, organisation, after)
    _bring_up(registry)
    found, following = registry.outlets.page(province or None, q, organisation or None, after, limit)
    if not wants_page(request):
        return as_json({"outlets": [told(one) for one in found], "next": following})
    counts = registry.outlets.provinces()
    return as_page(
        page_for(request),
        "outlets",
        found=found,
        following=following,
        after=after,
        counts=counts,
        total=sum(counts.values()),
        provinces=PROVINCES,
        asked={"province": province, "q": q, "organisation": organisation},
        names=_names(registry, found, organisation),
        is_authority=_is_authority(request),
    )


@get("/outlets/near", sync_to_thread=True, summary="Where a battery must be taken back")
def near(
    request: Asked,
    code: Code = None,
    region: Region = None,
    latitude: Latitude = None,
    longitude: Longitude = None,
    limit: Annotated[int, QueryParameter(ge=1, le=50, description="how many of each at most")] = NEAREST,
) -> Response[bytes]:
    """
    Return who must take a battery back, with the rule that says so, and the outlets nearest to a place.

    Without `code` the nearest of all. Whose vehicle a battery was in is not public: who may not see that is
    told of the maker of its model. A refused battery can be told to the authority from the outlet's page.
    """
    registry, error = registry_of(request), None
    takers: list[Taker] = []
    must: list[Outlet] = []
    others: list[Outlet] = []
    try:
        place = Place(check_area(region) if region else None, _degrees(latitude), _degrees(longitude))
        place.check()
        code = parse(code).text if code else None
        _bring_up(registry)
        if code is not None:
            takers = registry.takers(code, datetime.now(CHINA).date(), reader_of(request))
        bound = [one.organisation for one in takers if one.must]
        if bound:
            must = registry.outlets.near(place, bound, limit)
        sites = {one.site for one in must}
        others = [
            one for one in registry.outlets.near(place, None, limit + len(must)) if one.site not in sites
        ]
    except VoltrailError as raised:
        if status_of(raised) >= 500 or not wants_page(request):
            raise
        error = raised
    names = _names(registry, [*must, *others], *(one.organisation for one in takers))
    if not wants_page(request):
        return as_json(
            {
                "code": code,
                "takers": [_taker(one, names) for one in takers],
                "must": [told(one) for one in must],
                "others": [told(one) for one in others[:limit]],
            }
        )
    return as_page(
        page_for(request),
        "outlets_near",
        200 if error is None else status_of(error),
        error=error,
        code=code,
        takers=takers,
        must=must,
        others=others[:limit],
        provinces=PROVINCES,
        asked={"region": region, "latitude": latitude, "longitude": longitude},
        names=names,
        knows=any(one.role == "vehicle_maker" for one in takers),
        here=region_of(region),
    )


@get("/outlets/coverage", sync_to_thread=True, summary="Where a maker sells and has no outlet")
def coverage(request: Asked, organisation: Of = None) -> Response[bytes]:
    """Return where an organisation sells against its outlets, by each rule; for itself and authorities."""
    registry, person = registry_of(request), reading(request)
    whose = check_organisation(organisation) if organisation else person.organisation
    may_all = person.organisation in registry.authorities
    if whose != person.organisation and not may_all:
        raise AccessError(
            "access.coverage",
            "Where another organisation sells is not shown.",
            "Ask without `organisation` for your own.",
        )
    _bring_up(registry)
    found = registry.outlets.coverage(whose, registry.rulebook.rules(), datetime.now(CHINA).date())
    names = registry.names([whose])
    if not wants_page(request):
        return as_json({"organisation": whose, "coverage": [_covered(one) for one in found]})
    return as_page(
        page_for(request),
        "outlets_coverage",
        found=found,
        whose=whose,
        name=names.get(whose),
        provinces=PROVINCES,
        may_all=may_all,
        missing=sum(len(one.missing) for one in found),
    )


@get("/outlets/site", sync_to_thread=True, summary="One outlet")
def outlet(request: Asked, site: SiteId, code: Code = None) -> Response[bytes]:
    """Return one outlet; on its page the authority notes what it found, others that it took no battery."""
    _check_words(site)
    return _site(request, site, code)


@post(
    "/outlets/check",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Note what the authority found at an outlet",
)
def check(request: Asked, data: Form) -> Response[Any]:
    """Take `site`, `found` (yes or no), `note` and `csrf`, from an authority. The last time counts."""
    person = authority(request)
    check_form(request, person, field(data, "csrf"))
    site, found = field(data, "site"), field(data, "found")
    try:
        if found not in {"yes", "no"}:
            raise UsageError("usage.choice", "It was not said what was found.", "Choose one of the two.")
        registry_of(request).outlets.check(
            site, person.login, found=found == "yes", note=field(data, "note").strip() or None
        )
    except VoltrailError as error:
        return _site(request, site, None, error)
    return Redirect(page_for(request).link("/outlets/site", site=site), status_code=303)


@post(
    "/outlets/refused",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Say that an outlet would not take a battery",
)
def refused(request: Asked, data: Form) -> Response[Any]:
    """
    Take `site`, `code`, `said` and `csrf`, from who is signed in or shows that the vehicle is theirs.

    It goes to the authority, and nowhere else: it is one side's word, no part of the record, and counts
    against nobody.
    """
    site, code = field(data, "site"), field(data, "code")
    person, claim = _who_says(request, data)
    try:
        registry = registry_of(request)
        if claim is not None and parse(code).text not in _owned(request):
            raise UsageError(
                "outlet.not_yours",
                "The record does not have this battery in your vehicle.",
                "Check the code.",
            )
        registry.outlets.refused(
            site,
            code,
            field(data, "said"),
            organisation=person.organisation if person is not None else None,
            vin=claim.vin if claim is not None else None,
        )
    except VoltrailError as error:
        return _site(request, site, code, error)
    return _site(request, site, code, said=True)


@get("/outlets/refusals", sync_to_thread=True, summary="Who says that a battery was not taken")
def refusals(request: Asked) -> Response[bytes]:
    """Return what waits for the authority, the oldest first: an outlet, a battery, who says so, and what."""
    authority(request)
    registry = registry_of(request)
    found = registry.outlets.refusals()
    if not wants_page(request):
        return as_json({"refusals": [msgspec.to_builtins(one) for one in found]})
    return as_page(
        page_for(request),
        "outlets_refusals",
        found=found,
        names=registry.names({one.organisation for one in found if one.organisation}),
    )


@post(
    "/outlets/refusals/take-up",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Take up that a battery was not taken",
)
def take_up(request: Asked, data: Form) -> Response[Any]:
    """Take `refusal`, its number, and `csrf`, from an authority; it no longer waits."""
    person = authority(request)
    check_form(request, person, field(data, "csrf"))
    number = field(data, "refusal")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise UsageError("usage.number", "This is no number of one that waits.", "Use the form of the page.")
    registry_of(request).outlets.take_up(int(number), person.login)
    return Redirect(page_for(request).link("/outlets/refusals"), status_code=303)


def _who_says(request: Asked, data: Form) -> tuple[Person | None, Claim | None]:
    """Return who is signed in, or else whose vehicle it is. Raises AccessError for neither."""
    person, claim = person_of(request), claim_of(request)
    if person is None and claim is not None:
        secret = cookie_secret(request, "owner") or ""
        if not is_ours(request) or not is_same(csrf_of(secret), field(data, "csrf")):
            raise form_refused()
        return None, claim
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    return person, None


def _owned(request: Asked) -> set[str]:
    """Return the codes of the batteries in the vehicle of who asks."""
    return {one["code"] for one in registry_of(request).owned(reader_of(request))}


def _site(
    request: Asked, site: str, code: str | None, error: VoltrailError | None = None, *, said: bool = False
) -> Response[bytes]:
    if error is not None and (status_of(error) >= 500 or not wants_page(request)):
        raise error
    registry, page = registry_of(request), page_for(request)
    _bring_up(registry)
    found = registry.outlets.one(site)
    if not wants_page(request):
        return as_json(told(found))
    page.path = "/outlets/site"  # also after a form, whose address cannot be asked for again
    page.query = [("site", site), *([("code", code)] if code else [])]
    secret = cookie_secret(request, "owner") if claim_of(request) is not None else None
    return as_page(
        page,
        "outlet",
        200 if error is None else status_of(error),
        outlet=found,
        code=code,
        error=error,
        said=said,
        names=_names(registry, [found]),
        provinces=PROVINCES,
        csrf=page.person.csrf if page.person is not None else csrf_of(secret) if secret else None,
        is_authority=_is_authority(request),
    )


def _is_authority(request: Asked) -> bool:
    try:
        person = person_of(request)
    except VoltrailError:
        return False
    return person is not None and person.organisation in registry_of(request).authorities


def _bring_up(registry: Registry) -> None:
    """Follow the log a step, so that what was registered just now is there."""
    registry.outlets.follow()


def _check_words(*texts: str | None) -> None:
    if any("\0" in (text or "") for text in texts):
        raise UsageError("usage.text", "U+0000 stands in what is asked for.", "Leave it out: no name has it.")


def _degrees(text: str | None) -> float | None:
    """Return degrees; an empty field of a form gives none. Raises UsageError."""
    if not text:
        return None
    try:
        degrees = float(text)
    except ValueError:
        degrees = float("nan")
    if not -180 <= degrees <= 180:
        raise UsageError(
            "usage.point",
            f"{text[:20]!r} is no number of degrees.",
            "Write it as 31.23, from -180 to 180; a latitude from -90 to 90.",
        )
    return degrees


def _names(registry: Registry, found: list[Outlet], *more: str | None) -> dict[str, str]:
    wanted = {one for outlet in found for one in (outlet.organisation, *outlet.makers)}
    return registry.names(wanted | {one for one in more if one})


def _taker(taker: Taker, names: dict[str, str]) -> dict[str, Any]:
    rule = taker.rule
    return {
        "organisation": taker.organisation,
        "name": names.get(taker.organisation),
        "role": taker.role,
        "must": taker.must,
        "rule": rule.id,
        "duty": rule.duty,
        "standing": rule.standing,
        "article": rule.article,
        "source": rule.source,
        "confidence": rule.confidence,
    }


def _covered(one: Coverage) -> dict[str, Any]:
    rule = one.rule
    return {
        "rule": rule.id,
        "duty": rule.duty,
        "standing": rule.standing,
        "article": rule.article,
        "confidence": rule.confidence,
        "sold": one.sold,
        "since": rule.valid_from.isoformat(),
        "regions": [msgspec.to_builtins(region) for region in one.regions],
        "missing": len(one.missing),
        "elsewhere": one.elsewhere,
    }


ROUTES: Final = (outlets, near, coverage, outlet, check, refused, refusals, take_up)
