"""/workspace/platform: what an organisation hands to the national platform, and what the platform said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, cast, get_args

import msgspec
from litestar import Response, get, post
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect, Stream

from voltrail.accounts import Person
from voltrail.api.access import (
    accounts_of,
    address_of,
    check_form,
    check_private,
    may_report,
    reader_of,
    signed_in,
)
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.duties import today
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.api.take_away import take_away, taken
from voltrail.api.work import reading
from voltrail.client.signatures import write_secret
from voltrail.connections.platform import Adapters
from voltrail.errors import NotFound, UsageError, VoltrailError
from voltrail.events import decode
from voltrail.organisations.access import Sight
from voltrail.regimes import Rule
from voltrail.registry.batches import ITEMS_BY_HAND, Answer, Batch, Made, sends
from voltrail.registry.platform import FILES, HTTP, STATES, Item, Outbox, State
from voltrail.registry.sent import Stored
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page
from voltrail.web.sheets import Column, Row, Sheet
from voltrail.web.sheets.events import event_columns, event_row

ON_PAGE: Final = 50
BATCHES_ON_PAGE: Final = 20
REFUSED_SHOWN: Final = 5  # where the outbox is looked at; all of them are a page of their own
MAX_ANSWER_BYTES: Final = 1 << 20

Number = Annotated[int, PathParameter(ge=0, le=2**63 - 1, description="the number of a batch")]
OfState = Annotated[
    str | None,
    QueryParameter(description="only those: `waiting`, `sent`, `accepted`, `refused` or `superseded`"),
]
OfRule = Annotated[str | None, QueryParameter(max_length=64, description="only under this rule")]
AfterItem = Annotated[int, QueryParameter(ge=0, le=2**63 - 1, description="`next` of the page before")]
BeforeBatch = Annotated[
    int | None, QueryParameter(ge=0, le=2**63 - 1, description="`next` of the page before")
]

_TO_DO: Final = (
    Column("do", "name", "What to do"),
    Column("corrects", heading="Receipt that it corrects"),
)
_SAID: Final = (
    Column("receipt", heading="Receipt number"),
    Column("reason", heading="Refused because"),
)
_LINE: Final = re.compile(r"\s*([0-9]{1,18})\s*[,;\t，；、 ]\s*(.+?)\s*")


@get("/workspace/platform", sync_to_thread=True, summary="My outbox to the national platform")
def outbox_page(request: Asked, before: BeforeBatch = None) -> Response[bytes]:
    """Return whether an organisation hands over and how, how many events stand how, and its batches."""
    return _outbox(request, reading(request), before)


@get("/workspace/platform/items", sync_to_thread=True, summary="What is handed over, one by one")
def items_page(
    request: Asked, standing: OfState = None, rule: OfRule = None, after: AfterItem = 0
) -> Response[bytes]:
    """Return the events of an outbox, narrowed, in the order in which they came into it."""
    person, registry = reading(request), registry_of(request)
    wanted = _state(standing)
    under = _rule(request, person, rule) if rule else None
    found, following = registry.platform.items(
        person.organisation, ON_PAGE, state=wanted, rule=under, after=after
    )
    if not wants_page(request):
        return as_json({"items": found, "next": following})
    return as_page(
        page_for(request),
        "platform_items",
        items=found,
        following=following,
        after=after,
        state=wanted,
        states=STATES,
        rule=under,
        counts=registry.platform.counts(person.organisation),
        rules=_rules(request, person),
    )


@get("/workspace/platform/batches/{number:int}", sync_to_thread=True, summary="One batch")
def batch_page(request: Asked, number: Number, after: AfterItem = 0) -> Response[bytes]:
    """Return a batch, what became of it, and its events."""
    return _batch(request, reading(request), number, after)


@get(
    "/workspace/platform/batches/{number:int}/content.json",
    sync_to_thread=True,
    summary="What a batch says, as JSON",
)
def content_json(request: Asked, number: Number) -> Response[bytes]:
    """Return a batch as the adapter `http` sends it, to be uploaded by hand."""
    batch = registry_of(request).batches.content(reading(request).organisation, number)
    name = f'attachment; filename="{_name(batch)}.json"'
    return Response(
        batch.document(), media_type="application/json", headers={"Content-Disposition": name, **_NOT_KEPT}
    )


@taken("/workspace/platform/batches/{number:int}/content", summary="What a batch says, as a table")
def content_file(request: Asked, number: Number) -> Stream:
    """Return a batch as a table: what the platform is to do with each event, and what it said of it."""
    registry, mine = registry_of(request), reading(request).organisation
    batch = registry.batches.content(mine, number)
    items, _ = registry.platform.items(mine, ITEMS_BY_HAND, batch=number)
    said = {one.entry: (one.receipt, one.reason) for one in items}
    sight = Sight(reader_of(request))

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - a batch does not change
        stored = [_stored(batch, place) for place in range(len(batch.items))]
        columns = event_columns({row[1] for row in stored})
        told = registry.told(stored, sight)
        rows: list[Row] = [
            (one.do, one.corrects, *event_row(columns, event), *said.get(one.index, (None, None)))
            for one, event in zip(batch.items, told, strict=True)
        ]
        title = page.say("Batch {number} for the national platform", number=str(number))
        return Sheet(_name(batch), title, (*_TO_DO, *columns, *_SAID), [rows], stands="beside")

    return take_away(request, making)


@post(
    "/workspace/platform/on",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Hand over to the national platform",
)
def switch_on(request: Asked, data: Form) -> Response[bytes]:
    """Take `adapter`, `url`, `since` (a day, or nothing), `csrf`; a new secret is shown this once."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    given = {name: field(data, name).strip() for name in ("adapter", "url", "since")}
    try:
        _adapters(request).check(given["adapter"])
        if given["adapter"] == HTTP:
            check_private(request)
        key = registry_of(request).platform.switch_on(
            person.organisation, person.login, given["adapter"], given["url"] or None, _day(given["since"])
        )
    except VoltrailError as error:
        return _outbox(request, person, error=error, given=given)
    _note(request, person, "platform.on", " ".join(filter(None, given.values())))
    return _outbox(request, person, secret=key)


@post(
    "/workspace/platform/off",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Hand nothing over any more",
)
def switch_off(request: Asked, data: Form) -> Response[Any]:
    """Take `csrf`; what waits goes on waiting."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    registry_of(request).platform.switch_off(person.organisation, person.login)
    _note(request, person, "platform.off")
    return _back(request, "/workspace/platform")


@post(
    "/workspace/platform/rotate",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Change the secret of an outbox",
)
def rotate(request: Asked, data: Form) -> Response[bytes]:
    """Take `csrf`; the page shows the new secret. For a day the old one signs as well."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    try:
        check_private(request)
        key = registry_of(request).platform.rotate(person.organisation)
    except VoltrailError as error:
        return _outbox(request, person, error=error)
    _note(request, person, "platform.rotated")
    return _outbox(request, person, secret=key)


@post(
    "/workspace/platform/make",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Make a batch to upload by hand",
)
def make(request: Asked, data: Form) -> Response[Any]:
    """Take `rule` and `csrf`; what waits under the rule becomes a batch, and its page has the files."""
    person = _reporting(request, data)
    rule = _rule(request, person, field(data, "rule"))
    try:
        number = registry_of(request).batches.make(person.organisation, rule)
    except UsageError as error:
        return _outbox(request, person, error=error)
    _note(request, person, "platform.made", f"{number} {rule}")
    return _back(request, f"/workspace/platform/batches/{number}")


@post(
    "/workspace/platform/answer",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_ANSWER_BYTES,
    summary="Say what the platform said of a batch",
)
def answer(request: Asked, data: Form) -> Response[Any]:
    """
    Take `batch`, `refused` and `receipts` (lines of an entry and a text), `receipt` for all others, `csrf`.

    All of it is noted, or nothing.
    """
    person = _reporting(request, data)
    batches, number = registry_of(request).batches, _whole(field(data, "batch"))
    given = {name: field(data, name) for name in ("receipt", "receipts", "refused")}
    try:
        said = _answers(given, batches.open_of(person.organisation, number))
        batches.answer(person.organisation, number, said, person.login)
    except UsageError as error:
        return _batch(request, person, number, error=error, given=given)
    refused = sum(one.reason is not None for one in said)
    _note(request, person, "platform.answered", f"{number}: {len(said) - refused} + {refused}")
    return _back(request, f"/workspace/platform/batches/{number}")


@post(
    "/workspace/platform/take-back",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Take a batch back that never reached the platform",
)
def take_back(request: Asked, data: Form) -> Response[Any]:
    """Take `batch`, `sure=yes` and `csrf`; what is in it waits again."""
    person, number = _reporting(request, data), _whole(field(data, "batch"))
    try:
        _check(
            field(data, "sure") == "yes", "platform.sure", "It was not said that you are sure.", "Tick it."
        )
        registry_of(request).batches.take_back(person.organisation, number)
    except UsageError as error:
        return _batch(request, person, number, error=error)
    _note(request, person, "platform.taken_back", str(number))
    return _back(request, "/workspace/platform")


@post(
    "/workspace/platform/again",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Send again what was refused",
)
def again(request: Asked, data: Form) -> Response[Any]:
    """Take `item`, or `rule` for all that was refused under one, and `csrf`."""
    person, item, rule = _reporting(request, data), field(data, "item"), field(data, "rule")
    rule = _rule(request, person, rule) if rule else ""
    try:
        _check(bool(item or rule), "platform.which", "It is not said what.", "Name an item, or a rule.")
        number = registry_of(request).batches.again(
            person.organisation, item=_whole(item) if item else None, rule=rule or None
        )
    except UsageError as error:
        return _outbox(request, person, error=error)
    _note(request, person, "platform.again", f"{number} {rule}".strip())
    return _back(request, "/workspace/platform")


@post(
    "/workspace/platform/accept",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Note the receipt of what the platform holds after all",
)
def accept(request: Asked, data: Form) -> Response[Any]:
    """Take `item`, which was refused, `receipt` and `csrf`."""
    person, item, receipt = _reporting(request, data), field(data, "item"), field(data, "receipt")
    try:
        registry_of(request).batches.accept(person.organisation, _whole(item), receipt)
    except UsageError as error:
        return _outbox(request, person, error=error)
    _note(request, person, "platform.accepted", f"{item} {receipt}")
    return _back(request, "/workspace/platform")


# -------------------------------------------------------------------- what was asked


def _reporting(request: Asked, data: Form) -> Person:
    """Return who sent a form, by a session or a token that may report. Raises AccessError."""
    return may_report(request, field(data, "csrf")) or signed_in(request)


def _adapters(request: Asked) -> Adapters:
    return cast("Adapters", request.app.state.platform)


def _check(holds: bool, rule: str, message: str, fix: str) -> None:
    if not holds:
        raise UsageError(rule, message, fix)


def _state(text: str | None) -> State | None:
    if text and text not in get_args(State):
        raise UsageError(
            "usage.choice", f"There is no state {text[:40]!r}.", f"Use one of {', '.join(get_args(State))}."
        )
    return cast("State | None", text or None)


def _rule(request: Asked, person: Person, text: str) -> str:
    if text not in _rules(request, person):
        raise NotFound("rule.unknown", f"There is no rule {text[:40]!r}.", "The page /rules lists them.")
    return text


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError("usage.day", f"{text[:20]!r} is no day.", "Write 2026-05-03.") from None
    if not date(1970, 1, 1) <= day <= today():
        raise UsageError(
            "platform.since",
            f"{day} is no day on which anything was taken in.",
            "Name today or an earlier day.",
        )
    return day


def _answers(given: Mapping[str, str], open_entries: Sequence[int]) -> list[Answer]:
    """Return what the platform said, as a clerk typed it. Raises UsageError for a line that does not read."""
    said = [Answer(entry, reason=text) for entry, text in _lines(given["refused"])]
    said += [Answer(entry, receipt=text) for entry, text in _lines(given["receipts"])]
    if receipt := given["receipt"].strip():
        named = {one.index for one in said}
        said += [Answer(entry, receipt=receipt) for entry in open_entries if entry not in named]
    if not said:
        raise UsageError(
            "platform.nothing_said", "Nothing was typed in.", "Give a receipt number, or what was refused."
        )
    if len({one.index for one in said}) < len(said):
        raise UsageError(
            "platform.items", "An entry stands there twice.", "Name each entry once. Nothing was noted."
        )
    return said


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for line in text.splitlines():
        if not line.strip():
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise UsageError(
                "platform.line",
                f"This line does not read: {line.strip()[:60]!r}.",
                "Write the number of the entry, a comma, and what the platform said. Nothing was noted.",
            )
        yield int(found[1]), found[2]


# -------------------------------------------------------------------- what is answered

_NOT_KEPT: Final = {"Cache-Control": "no-store"}


def _note(request: Asked, person: Person, action: str, about: str = "") -> None:
    accounts_of(request).note(action, person, address_of(request), about)


def _back(request: Asked, path: str) -> Redirect:
    return Redirect(page_for(request).link(path), status_code=303)


def _name(batch: Batch) -> str:
    return f"platform-{batch.rule}-{batch.id}"


def _rules(request: Asked, person: Person) -> dict[str, Rule]:
    """Return every rule by its id, as it is in force now or was last."""
    rules = registry_of(request).rulebook.rules_of(person.organisation)
    return {one.id: rules.named(one.id, today()) for one in rules.all}


def _stored(batch: Batch, place: int) -> Stored:
    one = batch.items[place]
    event = decode(one.line)
    return one.index, event.kind, event.occurred_at, one.received_ms, batch.organisation, one.line, None


def _told(one: Outbox | None) -> dict[str, Any] | None:
    return None if one is None else msgspec.structs.asdict(one)


def _outbox(
    request: Asked,
    person: Person,
    before: int | None = None,
    *,
    secret: bytes | None = None,
    error: VoltrailError | None = None,
    given: Mapping[str, str] | None = None,
) -> Response[bytes]:
    tell_programs(request, error)
    registry, mine = registry_of(request), person.organisation
    outbox, counts = registry.platform.outbox(mine), registry.platform.counts(mine)
    batches, following = registry.batches.page(mine, BATCHES_ON_PAGE, before)
    shown = None if secret is None else write_secret(secret)
    left = registry.platform.behind(mine)
    if not wants_page(request):
        return as_json(
            {
                "outbox": _told(outbox),
                "adapters": _adapters(request).names,
                "counts": counts,
                "batches": batches,
                "next": following,
                "entries_behind": left,
                "secret": shown,
            }
        )
    refused: list[Item] = []
    if any(one.refused for one in counts):
        refused, _ = registry.platform.items(mine, REFUSED_SHOWN, state="refused")
    page = page_for(request)
    page.path = "/workspace/platform"  # also after a form, whose address cannot be asked for again
    return as_page(
        page,
        "platform",
        200 if error is None else status_of(error),
        outbox=outbox,
        counts=counts,
        sums={state: sum(getattr(one, state) for one in counts) for state in STATES},
        batches=batches,
        following=following,
        before=before,
        refused=refused,
        rules=_rules(request, person),
        adapters=_adapters(request).names,
        by_itself={one.id for one in batches if outbox is not None and sends(outbox, one)},
        secret=shown,
        error=error,
        given=given or {},
        left=left,
        today=today().isoformat(),
    )


def _batch(
    request: Asked,
    person: Person,
    number: int,
    after: int = 0,
    *,
    error: VoltrailError | None = None,
    given: Mapping[str, str] | None = None,
) -> Response[bytes]:
    registry, mine = registry_of(request), person.organisation
    one: Made = registry.batches.one(mine, number)
    tell_programs(request, error)
    items, following = registry.platform.items(mine, ON_PAGE, batch=number, after=after)
    if not wants_page(request):
        return as_json({"batch": one, "items": items, "next": following})
    outbox = registry.platform.outbox(mine)
    page = page_for(request)
    page.path = f"/workspace/platform/batches/{number}"
    return as_page(
        page,
        "platform_batch",
        200 if error is None else status_of(error),
        one=one,
        items=items,
        following=following,
        after=after,
        by_itself=outbox is not None and sends(outbox, one),
        rules=_rules(request, person),
        files=FILES,
        error=error,
        given=given or {},
    )


ROUTES: Final = (
    outbox_page,
    items_page,
    batch_page,
    content_json,
    *content_file,
    switch_on,
    switch_off,
    rotate,
    make,
    answer,
    take_back,
    again,
    accept,
)
