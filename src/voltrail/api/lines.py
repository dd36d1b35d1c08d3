"""/technology/lines: production lines as their steps reported: yield, scrap, drift, and what is in what."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import PathParameter, QueryParameter
from litestar.response import Stream

from voltrail.api.access import person_of, reader_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.take_away import take_away, taken
from voltrail.api.work import reading
from voltrail.codes import parse
from voltrail.errors import AccessError, UsageError
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.lines import Told, traced, worked
from voltrail.registry.sights import SEES_ALL
from voltrail.registry.snapshot import Snapshot
from voltrail.technology.line import (
    BASELINE,
    QUANTITIES,
    STEPS,
    Chart,
    Worked,
    control,
    line_yield,
    measured,
    pareto,
)
from voltrail.web import Page
from voltrail.web.catalogue import later
from voltrail.web.lines import draw, rounded
from voltrail.web.sheets import Column, Row, Sheet

MOST_CHARTS: Final = 40
SHOWN: Final = 100  # lots, parts and steps of a search on its page; files have all
_LONGEST: Final = 200  # characters of what is looked for

Organisation = Annotated[str, PathParameter(description="whose line it is")]
Line = Annotated[str, PathParameter(description="the line, as its steps name it")]
Since = Annotated[date | None, QueryParameter(description="the first day that counts; else all are counted")]
Of = Annotated[str, QueryParameter(name="of", description="a lot (ORGANISATION/NAME) or a battery's code")]

_REPORTS: Final = (
    Column("entry", "integer", "Entry"),
    Column("occurred_at", "time", "When"),
    Column("step", heading="Step"),
    Column("unit", heading="Unit"),
    Column("entered", "number", "Entered"),
    Column("good", "number", "Good"),
    Column("scrapped", "number", "Scrapped"),
    Column("reasons", heading="Reasons"),
    Column("lot", heading="Lot"),
    Column("product", heading="Product"),
)
_READINGS: Final = (
    Column("entry", "integer", "Entry"),
    Column("occurred_at", "time", "When"),
    Column("step", heading="Step"),
    Column("quantity", heading="Reading"),
    Column("mean", "number", "Mean"),
    Column("sd", "number", "Standard deviation"),
    Column("number", "integer", "Units measured"),
    Column("lot", heading="Lot"),
)
_PARTS: Final = (
    Column("code", heading="Code"),
    Column("level", heading="Level"),
    Column("model_id", heading="Model"),
    Column("parent", heading="Built into"),
    Column("holds", "integer", "Parts found that are in it"),
)


@get("/technology/lines", sync_to_thread=True, summary="Production lines")
def production_lines(request: Asked) -> Response[bytes]:
    """
    Return the lines that one may see: an organisation its own, authorities and auditors all.

    What a line yields is nobody else's business: the public sees none.
    """
    registry = registry_of(request)
    behind = registry.lines.follow()
    whose = _whose(request)
    everything = whose is None and person_of(request) is not None
    found = registry.lines.all(whose) if whose is not None or everything else []
    if not wants_page(request):
        return as_json({"lines": found, "entries_behind": behind})
    return as_page(
        page_for(request),
        "technology_lines",
        found=found,
        whose=whose,
        everything=everything,
        names=registry.names({one.organisation for one in found}),
        behind=behind,
    )


@get("/technology/lines/{organisation:str}/{line:str}", sync_to_thread=True, summary="A production line")
def production_line(
    request: Asked, organisation: Organisation, line: Line, since: Since = None
) -> Response[bytes]:
    """
    Return a line: yield by step and rolled, why units were scrapped, and which readings drift.

    Of the newest 5,000 reports. Limits come from the first 25 points of a reading; `few` are the readings
    that have no limits yet, and why.
    """
    registry = registry_of(request)
    behind = registry.lines.follow()
    told, number = _told(request, organisation, line, since)
    counted = worked(told)
    found, scrap = line_yield(counted), pareto(counted)
    charts, few = _charts(counted)
    if not wants_page(request):
        return as_json(
            {
                "organisation": organisation,
                "line": line,
                "reports": number,
                "counted": len(told),
                "yield": found,
                "scrap": scrap,
                "charts": charts,
                "few": few,
                "entries_behind": behind,
            }
        )
    page = page_for(request)
    return as_page(
        page,
        "technology_line",
        organisation=organisation,
        line=line,
        since=None if since is None else since.isoformat(),
        number=number,
        told=told,
        found=found,
        falls=_falls(found.steps),
        scrap=scrap,
        charts=[(one, draw(one)) for one in sorted(charts, key=lambda one: one.drift is None)[:MOST_CHARTS]],
        left_out=max(0, len(charts) - MOST_CHARTS),
        drifting=[one for one in charts if one.drift is not None],
        few=few,
        baseline=BASELINE,
        word=_words(page),
        rounded=rounded,
        iso=lambda at: datetime.fromtimestamp(at, UTC).isoformat(),
        names=registry.names({organisation}),
        behind=behind,
    )


@taken("/technology/lines/{organisation:str}/{line:str}/steps", summary="Reports of a line, as a file")
def step_files(request: Asked, organisation: Organisation, line: Line, since: Since = None) -> Stream:
    """Return the reports of a line's steps as a file."""
    told, _ = _followed(request, organisation, line, since)

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - read before
        title = page.say(later("Reports of the line {line}"), line=line)
        return Sheet("line-steps", title, _REPORTS, [[_report(one) for one in told]], stands="followed")

    return take_away(request, making)


@taken("/technology/lines/{organisation:str}/{line:str}/readings", summary="Readings of a line, as a file")
def reading_files(request: Asked, organisation: Organisation, line: Line, since: Since = None) -> Stream:
    """Return what was measured at a line's steps as a file."""
    told, _ = _followed(request, organisation, line, since)

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - read before
        rows = [
            (
                one.index, one.event.occurred_at, one.event.step, it.quantity, it.mean, it.sd, it.number,
                one.event.lot,
            )
            for one in told
            for it in one.event.readings
        ]  # fmt: skip
        title = page.say(later("Readings of the line {line}"), line=line)
        return Sheet("line-readings", title, _READINGS, [rows], stands="followed")

    return take_away(request, making)


@get(
    "/technology/lines/{organisation:str}/{line:str}/trace",
    sync_to_thread=True,
    summary="What is in what, from electrode lots to packs",
)
def line_trace(request: Asked, organisation: Organisation, line: Line, of: Of = "") -> Response[bytes]:
    """
    Return what hangs together with a lot or a battery, by what an organisation reported.

    From a lot up to the packs that hold cells of it, from a pack down to its lots, with the steps of each;
    `whole` is false where there is more than was followed.
    """
    registry = registry_of(request)
    behind = registry.lines.follow()
    _check_access(request, organisation)
    asked = _looked_for(of)
    tree = registry.lines.trace(organisation, asked) if asked else None
    if not wants_page(request):
        found = None if tree is None else traced(tree)
        return as_json({"of": asked, "trace": found, "entries_behind": behind})
    page = page_for(request)
    return as_page(
        page,
        "technology_trace",
        organisation=organisation,
        line=line,
        of=asked,
        tree=tree,
        shown=SHOWN,
        word=_words(page),
        names=registry.names({organisation}),
        behind=behind,
    )


@taken("/technology/lines/{organisation:str}/{line:str}/trace", summary="Batteries of a lot, as a file")
def trace_files(request: Asked, organisation: Organisation, line: Line, of: Of = "") -> Stream:  # noqa: ARG001
    """Return the batteries that hang together with a lot or a battery as a file."""
    registry = registry_of(request)
    registry.lines.follow()
    _check_access(request, organisation)
    asked = _looked_for(of)
    if not asked:
        raise UsageError("line.of", "It is not said what to look for.", "Give of: a lot or a battery's code.")
    tree = registry.lines.trace(organisation, asked)
    rows: list[Row] = [
        (one.code, one.level, one.model, one.parent, tree.outer.get(one.code)) for one in tree.parts.values()
    ]

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - read before
        title = page.say(later("In what {name} is"), name=asked)
        return Sheet("line-trace", title, _PARTS, [rows], stands="followed")

    return take_away(request, making)


# ------------------------------------------------------------------------- who, and what


def _whose(request: Asked) -> str | None:
    """Return whose lines somebody sees; None for all of them, and for who is not signed in."""
    if reader_of(request).audience in SEES_ALL or person_of(request) is None:
        return None
    return reading(request).organisation


def _check_access(request: Asked, organisation: str) -> None:
    """Raise AccessError unless somebody may see an organisation's lines."""
    if reader_of(request).audience in SEES_ALL:
        return
    if reading(request).organisation != organisation:
        raise AccessError(
            "access.line",
            "What a line yields is told to whoever runs it.",
            "Sign in for that organisation, or ask it. /technology/lines lists your own lines.",
        )


def _followed(request: Asked, organisation: str, line: str, since: date | None) -> tuple[list[Told], int]:
    registry_of(request).lines.follow()
    return _told(request, organisation, line, since)


def _told(request: Asked, organisation: str, line: str, since: date | None) -> tuple[list[Told], int]:
    """Return the reports of a line and how many there are. Raises AccessError, NotFound, UsageError."""
    _check_access(request, organisation)
    if "\0" in organisation + line:
        raise UsageError("usage.text", "U+0000 stands in what is asked for.", "Leave it out: no name has it.")
    begin = None if since is None else datetime.combine(since, time(), CHINA)
    return registry_of(request).lines.told(organisation, line, begin)


def _looked_for(of: str) -> str:
    """Return the name of a lot as it is, a code as the record writes it. Raises UsageError, CodeError."""
    asked = of.strip()
    if len(asked) > _LONGEST or "\0" in asked:
        raise UsageError(
            "line.of",
            "That is neither the name of a lot nor a battery's code.",
            "A lot is ORGANISATION/NAME, a code has 24 characters.",
        )
    return asked if not asked or "/" in asked else parse(asked).text


def _charts(told: list[Worked]) -> tuple[list[Chart], list[dict[str, Any]]]:
    """Return the charts of all readings, and those that have none yet with the reason."""
    charts, few = [], []
    for (step, quantity), points in measured(told).items():
        try:
            charts.append(control(step, quantity, points))
        except UsageError as error:
            few.append({"step": step, "quantity": quantity, "reports": len(points), "why": error.message})
    return charts, few


def _falls(steps: tuple[Any, ...]) -> list[tuple[float, float]]:
    """Return of each step what was left before it and after it, of 1 that began."""
    left, found = 1.0, []
    for one in steps:
        after = left * (one.fraction.middle if one.fraction is not None else 1.0)
        found.append((left, after))
        left = after
    return found


def _words(page: Page) -> Any:
    """Return what names steps and readings in the language of a page; what no table knows is as reported."""

    def word(name: str) -> str:
        known = STEPS.get(name) or QUANTITIES.get(name)
        if known is None:
            return name.replace("_", " ")
        named = known.zh if page.language == "zh" else known.en
        unit = known.unit if name in QUANTITIES else ""
        return f"{named} ({unit})" if unit else named

    return word


def _report(one: Told) -> Row:
    event = one.event
    reasons = None if event.scrapped is None else "; ".join(f"{k} {v:g}" for k, v in event.scrapped.items())
    lost = None if event.scrapped is None else sum(event.scrapped.values())
    return (
        one.index, event.occurred_at, event.step, event.unit, event.entered, event.good, lost, reasons,
        event.lot, event.product,
    )  # fmt: skip


ROUTES: Final = (
    production_lines,
    production_line,
    *step_files,
    *reading_files,
    line_trace,
    *trace_files,
)
