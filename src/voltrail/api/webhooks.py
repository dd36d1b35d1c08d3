"""/workspace/webhooks: to which addresses an organisation has its programs told, and what came back."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

import msgspec
from litestar import Response, get, post
from litestar.params import PathParameter
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.api.access import accounts_of, address_of, check_form, check_private, signed_in
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.api.work import reading
from voltrail.client.signatures import write_secret
from voltrail.connections.webhooks import Deliverer
from voltrail.errors import UsageError, VoltrailError
from voltrail.registry.outbox import TYPES
from voltrail.registry.webhooks import EVENTS_AT_ONCE, Delivery, Webhook

Number = Annotated[int, PathParameter(ge=0, le=2**63 - 1, description="the number of a webhook")]


@get("/workspace/webhooks", sync_to_thread=True, summary="My webhooks")
def webhooks_page(request: Asked) -> Response[bytes]:
    """Return to which addresses an organisation has its programs told, and how each is doing."""
    person = reading(request)
    if not wants_page(request):
        found = registry_of(request).webhooks.of(person.organisation)
        return as_json({"webhooks": [_told(one) for one in found]})
    return _list(request, person)


@get("/workspace/webhooks/{number:int}", sync_to_thread=True, summary="One of my webhooks")
def webhook_page(request: Asked, number: Number) -> Response[bytes]:
    """Return one webhook and its last hundred attempts, the last first."""
    person, webhooks = reading(request), registry_of(request).webhooks
    if not wants_page(request):
        one = webhooks.one(person.organisation, number)
        attempts = webhooks.deliveries(person.organisation, number)
        return as_json({"webhook": _told(one), "deliveries": attempts})
    return _one(request, person, number)


@post(
    "/workspace/webhooks/add",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Add a webhook",
)
def add(request: Asked, data: Form) -> Response[bytes]:
    """Take `url`, `type` (one or several) and `csrf`; the page shows the secret this once."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    given = data.get("type", [])
    types = [given] if isinstance(given, str) else [str(one) for one in given]
    url = field(data, "url").strip()
    try:
        check_private(request)
        number, key = registry_of(request).webhooks.add(person.organisation, url, types, person.login)
    except VoltrailError as error:
        return _list(request, person, error, url, types)
    _note(request, person, "webhook.added", number, url)
    return _one(request, person, number, secret=write_secret(key))


@post(
    "/workspace/webhooks/test",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Try a webhook",
)
def test(request: Asked, data: Form) -> Response[bytes]:
    """Take `webhook` and `csrf`; a message of the type `webhook.test` is sent, the page shows the answer."""
    person, number = _asked(request, data)
    try:
        tried = cast("Deliverer", request.app.state.webhooks).test(person.organisation, number)
    except UsageError as error:
        return _one(request, person, number, error=error)
    return _one(request, person, number, tried=tried)


@post(
    "/workspace/webhooks/rotate",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Change a webhook's secret",
)
def rotate(request: Asked, data: Form) -> Response[bytes]:
    """Take `webhook` and `csrf`; the page shows the new secret. For a day the old one signs as well."""
    person, number = _asked(request, data)
    try:
        check_private(request)
    except VoltrailError as error:
        return _one(request, person, number, error=error)
    key = registry_of(request).webhooks.rotate(person.organisation, number)
    _note(request, person, "webhook.rotated", number)
    return _one(request, person, number, secret=write_secret(key))


@post(
    "/workspace/webhooks/pause",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Pause a webhook",
)
def pause(request: Asked, data: Form) -> Response[Any]:
    """Take `webhook` and `csrf`; what happens meanwhile waits."""
    person, number = _asked(request, data)
    registry_of(request).webhooks.pause(person.organisation, number)
    _note(request, person, "webhook.paused", number)
    return _back(request, f"/workspace/webhooks/{number}")


@post(
    "/workspace/webhooks/resume",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Switch a webhook on again",
)
def resume(request: Asked, data: Form) -> Response[Any]:
    """Take `webhook` and `csrf`; one that was paused or switched off goes on with what waits."""
    person, number = _asked(request, data)
    registry_of(request).webhooks.resume(person.organisation, number)
    _note(request, person, "webhook.resumed", number)
    return _back(request, f"/workspace/webhooks/{number}")


@post(
    "/workspace/webhooks/retry",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Send what waits for a webhook now",
)
def retry(request: Asked, data: Form) -> Response[Any]:
    """Take `webhook` and `csrf`."""
    person, number = _asked(request, data)
    registry_of(request).webhooks.retry(person.organisation, number)
    return _back(request, f"/workspace/webhooks/{number}")


@post(
    "/workspace/webhooks/delete",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Delete a webhook",
)
def delete(request: Asked, data: Form) -> Response[Any]:
    """Take `webhook`, `sure=yes` and `csrf`; what waits for it is removed too."""
    person, number = _asked(request, data)
    if field(data, "sure") != "yes":
        sure = UsageError("webhook.sure", "It was not said that you are sure.", "Tick the box first.")
        return _one(request, person, number, error=sure)
    url = registry_of(request).webhooks.one(person.organisation, number).url
    registry_of(request).webhooks.delete(person.organisation, number)
    _note(request, person, "webhook.deleted", number, url)
    return _back(request, "/workspace/webhooks")


def _asked(request: Asked, data: Form) -> tuple[Person, int]:
    """Return who sent a form about a webhook, and which. Raises AccessError, NotFound."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    text = field(data, "webhook")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
    return person, registry_of(request).webhooks.one(person.organisation, number).id


def _note(request: Asked, person: Person, action: str, number: int, url: str = "") -> None:
    accounts_of(request).note(action, person, address_of(request), f"{number} {url}".strip())


def _back(request: Asked, path: str) -> Redirect:
    return Redirect(page_for(request).link(path), status_code=303)


def _told(one: Webhook) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.structs.asdict(one)
    return told


def _list(
    request: Asked,
    person: Person,
    error: VoltrailError | None = None,
    url: str = "",
    types: list[str] | None = None,
) -> Response[bytes]:
    tell_programs(request, error)
    page = page_for(request)
    page.path = "/workspace/webhooks"  # also after a form, whose address cannot be asked for again
    return as_page(
        page,
        "webhooks",
        200 if error is None else status_of(error),
        webhooks=registry_of(request).webhooks.of(person.organisation),
        error=error,
        url=url,
        types=TYPES,
        chosen=TYPES if types is None else types,
        at_once=EVENTS_AT_ONCE,
    )


def _one(
    request: Asked,
    person: Person,
    number: int,
    *,
    secret: str | None = None,
    tried: Delivery | None = None,
    error: VoltrailError | None = None,
) -> Response[bytes]:
    webhooks = registry_of(request).webhooks
    one = webhooks.one(person.organisation, number)
    if not wants_page(request):
        tell_programs(request, error)
        return as_json({"webhook": _told(one), "secret": secret, "tried": tried})
    page = page_for(request)
    page.path = f"/workspace/webhooks/{number}"
    return as_page(
        page,
        "webhook",
        200 if error is None else status_of(error),
        one=one,
        deliveries=webhooks.deliveries(person.organisation, number),
        secret=secret,
        tried=tried,
        error=error,
    )


ROUTES: Final = (
    webhooks_page,
    webhook_page,
    add,
    test,
    rotate,
    pause,
    resume,
    retry,
    delete,
)
