"""/rules: under which rules batteries are reported, and what somebody set where the law is not known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Final, get_args

import msgspec
from litestar import Response, get, post
from litestar.params import MultipartBody, PathParameter, QueryParameter
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.api.access import accounts_of, address_of, check_form, check_right, signed_in
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.duties import today
from voltrail.api.report_page import content_of
from voltrail.api.sign_in import Form, field
from voltrail.errors import NotFound, UsageError
from voltrail.regimes import HOLIDAYS, RULES, Rule, Rules
from voltrail.regimes.configured import Setting, SetYear, read_settings
from voltrail.regimes.deadlines import Unit
from voltrail.regimes.rules import GATES

MAX_FILE_BYTES: Final = 1 << 20
_COMMA: Final = re.compile("[,，、;；\\n]")
SET_FIELDS: Final = ("unit", "valid_from", "valid_to", "article", "source", "enforced")

On = Annotated[date | None, QueryParameter(description="the rules in force on that day; else all")]


@get("/rules", sync_to_thread=True, summary="The rules")
def rules(request: Asked, on: On = None) -> Response[bytes]:
    """Return every rule with its dates, term, article, source and standing, or those in force on a day."""
    registry, page = registry_of(request), page_for(request)
    known = _rules_for(request)
    found = known.all if on is None else known.at(on)
    years = registry.rulebook.years()
    if not wants_page(request):
        return as_json({"rules": found, "holidays": HOLIDAYS, "years": years})
    return as_page(
        page,
        "rules",
        found=found,
        on=on,
        now=today(),
        regimes=_regimes(found),
        holidays=HOLIDAYS,
        years=years,
    )


@get("/rules/{identifier:str}", sync_to_thread=True, summary="One rule")
def rule(
    request: Asked, identifier: Annotated[str, PathParameter(description="the rule's id, such as o73-04")]
) -> Response[bytes]:
    """Return a rule, and what an authority set for it, or one's own organisation for itself."""
    return _rule(request, identifier)


@post("/rules/set", sync_to_thread=True, status_code=200, summary="Set a rule's term or words")
def set_term(request: Asked, data: Form) -> Response[Any]:
    """
    Take `rule`, `value`, `unit`, `valid_from`, `valid_to`, `article`, `source`, `enforced` and `csrf`.

    The value of a gate is words: several of `value`, or one with commas. What an authority sets counts for
    all, and may be enforced; what another organisation sets is a term, for itself.
    """
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    identifier = field(data, "rule")
    given: dict[str, Any] = {name: field(data, name).strip() for name in SET_FIELDS}
    given["value"] = _value(data.get("value", ""), RULES.all, identifier)
    try:
        setting = _setting(identifier, given)
        _configure(request, person, [setting], [])
    except UsageError as error:
        tell_programs(request, error)
        return _rule(request, identifier, error, given)
    return Redirect(page_for(request).link(f"/rules/{identifier}"), status_code=303)


@post("/rules/end", sync_to_thread=True, status_code=200, summary="Take a term back")
def end_term(request: Asked, data: Form) -> Response[Any]:
    """Take the number, `setting`, of what one's own organisation set, and `csrf`."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    number = field(data, "setting")
    known = number.isascii() and number.isdigit() and len(number) < 18
    ended = registry_of(request).rulebook.end(person.organisation, int(number) if known else -1)
    accounts_of(request).note("rule.ended", person, address_of(request), f"{ended} {number}")
    return Redirect(page_for(request).link(f"/rules/{ended}"), status_code=303)


@post(
    "/rules/file",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FILE_BYTES,
    summary="Set terms and words from a file",
)
def set_file(request: Asked, data: MultipartBody[dict[str, Any]]) -> Response[Any]:
    """Take `file`, a JSON list of settings and years, and `csrf`; all of them are set, or none."""
    person = signed_in(request)
    check_form(request, person, str(data.get("csrf", "")))
    settings, years = read_settings(content_of(data.get("file")))
    _configure(request, person, settings, years)
    return Redirect(page_for(request).link("/rules"), status_code=303)


def _configure(request: Asked, person: Person, settings: Sequence[Setting], years: Sequence[SetYear]) -> None:
    """Set terms, words and years for whoever is signed in, and note it. Raises AccessError, UsageError."""
    check_right(person, "report")
    registry_of(request).rulebook.configure(person.organisation, person.login, settings, years)
    said = ", ".join([*(one.rule for one in settings), *(str(one.year) for one in years)])
    accounts_of(request).note("rule.set", person, address_of(request), said[:500])


def _rule(
    request: Asked, identifier: str, error: UsageError | None = None, given: dict[str, Any] | None = None
) -> Response[bytes]:
    registry, person = registry_of(request), page_for(request).person
    organisation = person.organisation if person is not None else None
    pieces = [one for one in _rules_for(request).all if one.id == identifier]
    if not pieces:
        raise NotFound(
            "rule.unknown", f"There is no rule {identifier[:40]!r}.", "The page /rules lists them."
        )
    settings = registry.rulebook.settings(organisation, identifier)
    if not wants_page(request):
        return as_json({"rule": identifier, "pieces": pieces, "settings": settings})
    shipped = RULES.named(identifier, today())
    return as_page(
        page_for(request),
        "rule",
        400 if error else 200,
        rule=registry.rulebook.rules().named(identifier, today()),
        pieces=pieces,
        settings=settings,
        names=registry.names({one.organisation for one in settings}),
        gate=GATES.get(shipped.about),
        settable=not shipped.enforced,
        authority=organisation in registry.authorities,
        error=error,
        given=given or {},
        units=get_args(Unit),
        now=today(),
    )


def _rules_for(request: Asked) -> Rules:
    """Return the rules as whoever asks reads them: with what their own organisation set for itself."""
    person, book = page_for(request).person, registry_of(request).rulebook
    return book.rules_of(person.organisation) if person is not None else book.rules()


def _value(said: Any, rules: Sequence[Rule], identifier: str) -> str | list[str]:
    """Return the value that a form gives: a term's number, or a gate's words."""
    texts = [text for text in (said if isinstance(said, list) else [said]) if isinstance(text, str)]
    if any(one.id == identifier and one.about in GATES for one in rules):
        return list(
            dict.fromkeys(word for text in texts for part in _COMMA.split(text) if (word := part.strip()))
        )
    return texts[0].strip() if len(texts) == 1 else ""


def _setting(rule: str, given: dict[str, Any]) -> Setting:
    """Return what a form says. Raises UsageError for what does not read."""
    members: dict[str, Any] = {name: text for name, text in given.items() if text}
    members["enforced"] = bool(given["enforced"])
    try:
        return msgspec.convert(members | {"rule": rule}, Setting, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(
            "rule.form", f"What was filled in does not read: {error}.", "Fill in value, unit, day and source."
        ) from None


def _regimes(found: tuple[Rule, ...]) -> list[tuple[str, list[Rule]]]:
    """Return the rules by the regime that their ids begin with, in the order of the data."""
    grouped: dict[str, list[Rule]] = {}
    for rule in found:
        grouped.setdefault(rule.id.partition("-")[0], []).append(rule)
    return list(grouped.items())


ROUTES: Final = (rules, set_file, rule, set_term, end_term)
