"""
/technology/tests/new, report, grant: to open a campaign, report a test from a cycler's file, grant a stage.

Each form becomes one line. It is shown before it is signed, by the host or with a key in the browser, and
sent twice it is the same line and reported once. Of a file only its digest goes on record.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import MultipartBody, QueryParameter
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.api.access import check_form, may_report, reader_of, signed_in
from voltrail.api.answers import Asked, as_page, page_for, registry_of, tell_programs
from voltrail.api.cycler import MAX_CYCLER_BYTES, looked_at, shown
from voltrail.api.failures import status_of
from voltrail.api.report_page import FORM_BYTES, content_of, signs
from voltrail.api.reports import taken_from
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.api.steps import sites_for
from voltrail.codes import tidy
from voltrail.errors import AccessError, EventError, NotFound, Refusal, UsageError, VoltrailError
from voltrail.events import decode
from voltrail.events.kinds import StageGranted
from voltrail.events.structs import Outcome
from voltrail.events.table import KINDS
from voltrail.ledger.reports import split_lines
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.qualification import told
from voltrail.technology.cycler_checks import WINDOWS_V
from voltrail.technology.cycler_look import Look
from voltrail.technology.cycler_results import proposed
from voltrail.technology.gates import STAGES
from voltrail.technology.protocols import PROTOCOLS
from voltrail.web.outcome import read_receipt
from voltrail.web.statements import read_lines
from voltrail.web.technology_tests import protocol_name, word_of

OUTCOMES: Final[tuple[str, ...]] = Outcome.__args__  # type: ignore[attr-defined]
MOST_CODES: Final = 500
CODES_SHOWN: Final = 200  # each with a field for every metric, of which a form has at most 1,000
_CODES_BYTES: Final = 131_072
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

Action = Literal["new", "report", "grant"]
ModelAsked = Annotated[str, QueryParameter(max_length=256, description="the model's id")]
CampaignAsked = Annotated[str, QueryParameter(max_length=256, description="the campaign's id")]
ProtocolAsked = Annotated[str, QueryParameter(max_length=256, description="by which it was tested")]
StageAsked = Annotated[str, QueryParameter(max_length=40, description="the stage to be granted")]

_KINDS: Final[dict[Action, str]] = {
    "new": "campaign_opened",
    "report": "test_reported",
    "grant": "stage_granted",
}


# --------------------------------------------------------------------- opening


@get("/technology/tests/new", sync_to_thread=True, summary="The page to open a campaign of tests")
def opening_page(request: Asked, model: ModelAsked = "") -> Response[bytes]:
    """Return the form of a campaign: model, stage, protocols, samples; for makers and laboratories."""
    return _opening(request, _may(request, "new"), {"model": model})


@post(
    "/technology/tests/new/send",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=_CODES_BYTES,
    summary="Open a campaign of tests",
)
def open_campaign(request: Asked, data: Form) -> Response[Any]:
    """
    Take `model`, `campaign`, `stage`, `protocol.NAME` ticked, `codes` one a line, `when`, `site`; and `csrf`.

    With `do=show` the line is shown to be signed, with `do=report` the host signs it.
    """
    person = _may(request, "new")
    check_form(request, person, field(data, "csrf"))
    typed = _typed(data)
    try:
        line = campaign_line(typed)
        return _show_or_report(request, person, "new", typed, line)
    except VoltrailError as error:
        return _opening(request, person, typed, error)


def campaign_line(typed: Mapping[str, str]) -> bytes:
    """Return the line of a campaign that a form says. Raises UsageError, EventError."""
    codes = codes_of(typed.get("codes", ""))
    said = {
        "kind": "campaign_opened",
        "occurred_at": _when(typed),
        "campaign": _needed(typed, "campaign", "the campaign's id"),
        "model_id": _needed(typed, "model", "the model's id"),
        "stage": _choice(typed, "stage", STAGES),
        "protocols": [name for name in PROTOCOLS if typed.get(f"protocol.{name}")],
        "codes": codes,
    }
    if not said["protocols"]:
        raise UsageError("test.form", "No protocol is ticked.", "Tick by which the samples shall be tested.")
    if not codes:
        raise UsageError("test.form", "No sample is named.", "Paste their codes, one a line.")
    if typed.get("site", "").strip():
        said["site"] = typed["site"].strip()
    return _line(said)


def _opening(
    request: Asked, person: Person, typed: Mapping[str, str], error: VoltrailError | None = None
) -> Response[bytes]:
    models, _ = registry_of(request).models(person.organisation, 200, None)
    return _page(
        request,
        "technology_test_new",
        typed,
        error,
        models=models,
        stages=STAGES,
        protocols=PROTOCOLS,
        sites=sites_for(request, person),
    )


# ------------------------------------------------------------------- reporting


@get("/technology/tests/report", sync_to_thread=True, summary="The page to report a test")
def reporting_page(
    request: Asked, model: ModelAsked, campaign: CampaignAsked, protocol: ProtocolAsked = ""
) -> Response[bytes]:
    """Return the form of a test of a campaign, into which a cycler's file can be read."""
    _may(request, "report")
    return _reporting(request, {"model": model, "campaign": campaign, "protocol": protocol})


@post(
    "/technology/tests/report/send",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_CYCLER_BYTES + FORM_BYTES,
    summary="Report a test",
)
def report_test(request: Asked, data: MultipartBody[dict[str, Any]]) -> Response[Any]:
    """
    Take `model`, `campaign`, `protocol`, what was measured and how; and `csrf`.

    With `do=read` a cycler's `file` of the `sample` is read: the page comes back with its checks, what it
    proposes and its digest. With `do=show` the line is shown, with `do=report` the host signs it.
    """
    person = _may(request, "report")
    check_form(request, person, field(data, "csrf"))
    typed = _typed(data)
    found: Look | None = None
    try:
        if typed.get("do") == "read" or content_of(data.get("file")):
            found = looked_at(data.get("file"), typed)
            typed = read_into(typed, found)
            return _reporting(request, typed, found=found)
        line = test_line(typed, _codes_in(request, typed))
        return _show_or_report(request, person, "report", typed, line)
    except VoltrailError as error:
        if status_of(error) >= 500:
            raise
        return _reporting(request, typed, error, found)


def read_into(typed: dict[str, str], found: Look) -> dict[str, str]:
    """
    Return a form with what a file proposes for the sample it is of, and with its digest.

    What was typed before stays where the file is of another sample, and what the file does not show.
    """
    results, conditions = proposed(typed.get("protocol", ""), found.course, found.cycles, found.stated)
    code = typed.get("sample", "")
    filled = dict(typed)
    filled |= {f"result.{name}.{code}": f"{value:.6g}" for name, value in results.items()}
    filled |= {
        f"condition.{name}": f"{value:.4g}"
        for name, value in conditions.items()
        if not typed.get(f"condition.{name}", "").strip()
    }
    digests = [*typed.get("data", "").split(), found.cycling.digest.hex()]
    return filled | {"data": "\n".join(dict.fromkeys(digests)), f"tested.{code}": "1"}


def test_line(typed: Mapping[str, str], codes: tuple[str, ...]) -> bytes:
    """Return the line of a test that a form says, of samples of a campaign. Raises UsageError, EventError."""
    protocol = _needed(typed, "protocol", "the protocol")
    metrics = PROTOCOLS[protocol].metrics if protocol in PROTOCOLS else {}
    conditions = PROTOCOLS[protocol].conditions if protocol in PROTOCOLS else {}
    results = [
        {"metric": metric, "value": value, "code": code}
        for code in codes
        for metric in metrics
        if (value := _number(typed, f"result.{metric}.{code}", metric)) is not None
    ]
    measured = {one["code"] for one in results}
    tested = [code for code in codes if typed.get(f"tested.{code}") or code in measured]
    if not tested:
        raise UsageError("test.form", "No sample is ticked.", "Tick which samples were tested.")
    digests = typed.get("data", "").split()
    if wrong := next((one for one in digests if not _DIGEST.fullmatch(one)), None):
        raise UsageError(
            "test.form", f"{wrong[:40]!r} is no SHA-256.", "Read the file here, or give 64 digits of hex."
        )
    said: dict[str, Any] = {
        "kind": "test_reported",
        "occurred_at": _when(typed),
        "campaign": _needed(typed, "campaign", "the campaign's id"),
        "model_id": _needed(typed, "model", "the model's id"),
        "protocol": protocol,
        "codes": tested,
        "outcome": _choice(typed, "outcome", OUTCOMES),
    }
    stated = {name: _number(typed, f"condition.{name}", name) for name in conditions}
    given = {name: value for name, value in stated.items() if value is not None}
    said |= {"results": results} if results else {}
    said |= {"conditions": given} if given else {}
    said |= {"data": digests} if digests else {}
    for name in ("instrument", "deviations", "signed_off_by"):
        if text := typed.get(name, "").strip():
            said[name] = text
    if text := typed.get("calibrated_on", "").strip():
        said["calibrated_on"] = _day(text)
    return _line(said)


def _reporting(
    request: Asked,
    typed: Mapping[str, str],
    error: VoltrailError | None = None,
    found: Look | None = None,
) -> Response[bytes]:
    campaign = _campaign(request, typed)
    protocols = tuple(campaign.get("protocols", ()))
    chosen = typed.get("protocol") or next(iter(campaign.get("outstanding") or protocols), "")
    protocol = PROTOCOLS.get(chosen)
    return _page(
        request,
        "technology_test_report",
        {**typed, "protocol": chosen},
        error,
        campaign=campaign,
        codes=tuple(campaign.get("codes", ()))[:CODES_SHOWN],
        codes_in_all=len(campaign.get("codes", ())),
        protocols=tuple(dict.fromkeys((*protocols, chosen))) if chosen else protocols,
        asked=protocol,
        outcomes=OUTCOMES,
        chemistries=tuple(WINDOWS_V),
        most_mb=MAX_CYCLER_BYTES >> 20,
        **(shown(found) if found is not None else {"found": None}),
    )


def _campaign(request: Asked, typed: Mapping[str, str]) -> dict[str, Any]:
    """Return the campaign that a form is about, as its reader may know it. Raises NotFound."""
    model, wanted = _needed(typed, "model", "the model's id"), typed.get("campaign", "")
    found = registry_of(request).qualifications.of(model)
    campaigns = told(found, reader_of(request), datetime.now(UTC))["campaigns"]
    one: dict[str, Any] | None = next((one for one in campaigns if one["campaign"] == wanted), None)
    if one is None:
        raise NotFound(
            "stage.campaign",
            f"There is no campaign {wanted[:80]} of {model[:80]} on record.",
            "Open it first, on the page /technology/tests/new.",
        )
    return one


def _codes_in(request: Asked, typed: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_campaign(request, typed).get("codes", ()))


# -------------------------------------------------------------------- granting


@get("/technology/tests/grant", sync_to_thread=True, summary="The page to grant a stage")
def granting_page(request: Asked, model: ModelAsked, stage: StageAsked = "") -> Response[bytes]:
    """Return what the gate of a stage asks for, what is met, and the form; for laboratories, authorities."""
    person = _may(request, "grant")
    return _granting(request, person, {"model": model, "stage": stage})


@post(
    "/technology/tests/grant/send",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES * 2,
    summary="Grant a stage",
)
def grant_stage(request: Asked, data: Form) -> Response[Any]:
    """
    Take `model`, `stage`, `campaign.NAME` ticked, `certificate`, `when`; and `csrf`.

    With `do=look` the page says what the gate lacks, with `do=show` the line is shown to be signed, with
    `do=report` the host signs it.
    """
    person = _may(request, "grant")
    check_form(request, person, field(data, "csrf"))
    typed = _typed(data)
    try:
        if typed.get("do") == "look":
            return _granting(request, person, typed)
        names = [
            one.campaign for one in registry_of(request).qualifications.of(typed.get("model", "")).campaigns
        ]
        return _show_or_report(request, person, "grant", typed, grant_line(typed, names))
    except VoltrailError as error:
        return _granting(request, person, typed, error)


def grant_line(typed: Mapping[str, str], campaigns: list[str]) -> bytes:
    """Return the line by which a stage is granted. Raises UsageError, EventError."""
    named = [name for name in campaigns if typed.get(f"campaign.{name}")]
    if not named:
        raise UsageError("test.form", "No campaign is ticked.", "Tick those whose tests the stage rests on.")
    said: dict[str, Any] = {
        "kind": "stage_granted",
        "occurred_at": _when(typed),
        "model_id": _needed(typed, "model", "the model's id"),
        "stage": _choice(typed, "stage", STAGES),
        "campaigns": named,
    }
    if text := typed.get("certificate", "").strip():
        said["certificate"] = text
    return _line(said)


def _granting(
    request: Asked, person: Person, typed: Mapping[str, str], error: VoltrailError | None = None
) -> Response[bytes]:
    found = registry_of(request).qualifications.of(_needed(typed, "model", "the model's id"))
    stage = typed.get("stage") or found.following or STAGES[-1]
    gate, refusal = None, None
    if stage in STAGES:
        named = [one.campaign for one in found.campaigns if typed.get(f"campaign.{one.campaign}")]
        now = datetime.now(UTC)
        gate = found.gate(stage, now, named or None)
        names = named or [one.campaign for one in found.campaigns]
        event = StageGranted(occurred_at=now, model_id=found.model_id, stage=stage, campaigns=tuple(names))  # type: ignore[arg-type]
        refusal = found.refusal(event, person.organisation)
    elif error is None:
        error = UsageError(
            "test.form", f"There is no stage {stage[:40]!r}.", f"Take one of {', '.join(STAGES)}."
        )
    return _page(
        request,
        "technology_test_grant",
        {**typed, "stage": stage},
        error,
        qualification=found,
        gate=gate,
        refusal=refusal,
        stages=STAGES,
    )


# ---------------------------------------------------------------------- common


def _may(request: Asked, action: Action) -> Person:
    """Return who is signed in, if its organisation may report this. Raises AccessError."""
    person, registry = signed_in(request), registry_of(request)
    allowed = KINDS[_KINDS[action]].roles
    roles = set(registry.roles_of(person.organisation))
    if person.organisation in registry.authorities:
        roles.add("authority")
    if roles.isdisjoint(allowed):
        raise _may_not(action, person.organisation, f"Only {', '.join(sorted(allowed))} may.")
    return person


def _may_not(action: Action, who: str, fix: str) -> AccessError:
    if action == "new":
        return AccessError("campaign.may_not", f"{who} may not open a campaign of tests.", fix)
    if action == "report":
        return AccessError("test.may_not", f"{who} may not report a test.", fix)
    return AccessError("stage.may_not", f"{who} may not grant a stage.", fix)


def _show_or_report(
    request: Asked, person: Person, action: Action, typed: dict[str, str], line: bytes
) -> Response[Any]:
    """Return the page on which a line is signed; with `do=report` put it on record, signed by the host."""
    registry, model = registry_of(request), typed["model"].strip()
    after = page_for(request).link(f"/technology/tests/{model}")
    if typed.get("do") == "report":
        may_report(request, typed.get("csrf"))
        outcome = read_receipt(taken_from(request, person, line, "valid"), split_lines(line))
        if outcome.counts["refused"]:
            said = outcome.rows[0].said[0]
            raise EventError(said.rule, said.message, said.fix, source=said.source)
        return Redirect(after, status_code=303)
    (answer,) = registry.check(person.organisation, [line.rstrip(b"\n")], "public")
    if not answer["allowed"]:
        refused = msgspec.convert(answer, Refusal)
        raise EventError(refused.rule, refused.message, refused.fix, source=refused.source)
    return as_page(
        page_for(request),
        "technology_test_sign",
        action=f"/technology/tests/{action}",
        kind=_KINDS[action],
        lines=read_lines(split_lines(line)),
        origin=registry.origin,
        signer=person.organisation,
        signs=signs(request),
        given={name: value for name, value in typed.items() if name not in {"csrf", "do"}},
        after=after,
    )


def _page(
    request: Asked,
    template: str,
    typed: Mapping[str, str],
    error: VoltrailError | None,
    **values: Any,
) -> Response[bytes]:
    tell_programs(request, error)
    page = page_for(request)
    made = datetime.now(CHINA).isoformat(timespec="seconds")
    return as_page(
        page,
        template,
        200 if error is None else status_of(error),
        typed={"filled_at": made, **typed},
        error=error,
        protocol=lambda name: protocol_name(page, name),
        word=lambda name: word_of(page, name),
        **values,
    )


def _typed(data: Mapping[str, Any]) -> dict[str, str]:
    return {name: field(dict(data), name) for name in data if name != "file"}


def codes_of(text: str) -> list[str]:
    """Return the codes that were pasted, each once, in their order. Raises UsageError for too many."""
    found = list(dict.fromkeys(tidy(one) for one in re.split(r"[\s,;，；、]+", text) if one))
    if len(found) > MOST_CODES:
        raise UsageError(
            "test.form", f"These are {len(found):,} samples.", f"A campaign has at most {MOST_CODES}."
        )
    return found


def _line(said: dict[str, Any]) -> bytes:
    line = msgspec.json.encode(said)
    decode(line)
    return line + b"\n"


def _needed(typed: Mapping[str, str], name: str, what: str) -> str:
    text = typed.get(name, "").strip()
    if not text:
        raise UsageError("test.form", f"Nothing stands for {what}.", "Fill it in.")
    return text


def _choice(typed: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    text = typed.get(name, "")
    if text not in choices:
        raise UsageError(
            "test.form", f"{name}: {text[:40]!r} is no choice.", f"Take one of {', '.join(choices)}."
        )
    return text


def _number(typed: Mapping[str, str], name: str, what: str) -> float | None:
    """Return a number that was typed, None where nothing was. Raises UsageError."""
    text = typed.get(name, "").strip().replace(",", ".").replace("−", "-")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError("test.form", f"{what}: {text[:40]!r} is no number.", "Write digits, as 2.9.")
    return number


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError("test.form", f"{text[:40]!r} is no day.", "Write it as 2026-05-03.") from None


def _when(typed: Mapping[str, str]) -> str:
    """Return when it was: as typed, in China's time where no zone is said, else when the form was made."""
    text = typed.get("when", "").strip() or typed.get("filled_at", "").strip()
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "request.time", f"{text[:40]!r} is no time.", "Write it as 2026-05-03T08:00."
        ) from None
    return (when if when.tzinfo is not None else when.replace(tzinfo=CHINA)).isoformat(timespec="seconds")


ROUTES: Final = (
    opening_page,
    open_campaign,
    reporting_page,
    report_test,
    granting_page,
    grant_stage,
)
