"""Batteries that somebody follows: what happened to them since they last looked."""

from __future__ import annotations

from typing import Any, Final, cast

from litestar import Response, post
from litestar.response import Redirect

from voltrail.accounts import Followed, Person
from voltrail.api.access import check_form, person_of, signed_in
from voltrail.api.answers import Asked, page_for, registry_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.codes import parse
from voltrail.registry.lately import read_news


@post(
    "/followed/add",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Follow a battery",
)
def add(request: Asked, data: Form) -> Response[Any]:
    """Take `code` and `csrf`; what happens to it from now on is told on /workspace."""
    person, code = _asked(request, data)
    registry = registry_of(request)
    registry.battery(code)  # it must be on record
    followed_of(request).add(person.account, code, registry.counts()["entries"])
    return _back(request, f"/b/{code}")


@post(
    "/followed/end",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Follow a battery no more",
)
def end(request: Asked, data: Form) -> Response[Any]:
    """Take `code` and `csrf`."""
    person, code = _asked(request, data)
    followed_of(request).end(person.account, code)
    return _back(request, f"/b/{code}")


@post(
    "/followed/seen",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Mark what happened as seen",
)
def seen(request: Asked, data: Form) -> Response[Any]:
    """Take `upto`, the number of entries when the page was made, and `csrf`; what came before it is seen."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    number, entries = field(data, "upto"), registry_of(request).counts()["entries"]
    upto = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
    followed_of(request).look(person.account, min(upto, entries))
    return _back(request, "/authority" if field(data, "to") == "authority" else "/workspace")


def read_followed(request: Asked, person: Person) -> dict[str, Any]:
    """Return the batteries that somebody follows, those with news first, and up to which entry this goes."""
    registry = registry_of(request)
    upto = registry.counts()["entries"]  # first, so that nothing is marked as seen that is not told
    told = [
        {"code": code, "news": read_news(registry.database, code, since)}
        for code, since in followed_of(request).of(person.account).items()
    ]
    return {"batteries": sorted(told, key=lambda one: not one["news"]), "upto": upto}


def follows(request: Asked, code: str) -> bool | None:
    """Return whether who is signed in follows a battery; None when nobody is."""
    person = person_of(request)
    if person is None or person.digest is None or person.must_change:
        return None
    return followed_of(request).has(person.account, code)


def _asked(request: Asked, data: Form) -> tuple[Person, str]:
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    return person, parse(field(data, "code")).text


def followed_of(request: Asked) -> Followed:
    """Return what the accounts of the application follow."""
    return cast("Followed", request.app.state.followed)


def _back(request: Asked, path: str) -> Redirect:
    return Redirect(page_for(request).link(path), status_code=303)


ROUTES: Final = (add, end, seen)
