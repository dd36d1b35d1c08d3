"""/technology: the catalogue of cells and technologies, what is claimed of them and what was shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.params import PathParameter, QueryParameter
from litestar.response import Stream

from voltrail.api.answers import Asked, as_json, as_page, page_for, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.take_away import take_away, taken
from voltrail.errors import UsageError, VoltrailError
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.snapshot import Snapshot
from voltrail.technology import catalogue
from voltrail.technology.catalogue import (
    EVIDENCE,
    HORIZON,
    KINDS,
    RULES,
    SOURCES,
    TECHNOLOGIES,
    TYPES,
    Technology,
    Unverified,
    Verified,
)
from voltrail.technology.cell import CELLS
from voltrail.technology.qualification import STAGES
from voltrail.web import Page
from voltrail.web import technology_catalogue as shown
from voltrail.web.sheets import Sheet

MOST: Final = 4  # side by side

Type = Annotated[
    str | None,
    QueryParameter(
        name="type",
        max_length=40,
        description="only this declared type: all_solid_state, solid_state, semi_solid or liquid",
    ),
]
Stage = Annotated[str | None, QueryParameter(max_length=40, description="only where this is the last stage")]
Evidence = Annotated[
    str | None,
    QueryParameter(
        max_length=40,
        description="only with this evidence at best: third_party, maker, words or nothing",
    ),
]
Organisation = Annotated[
    str | None, QueryParameter(max_length=100, description="only of this organisation, as the list has it")
]
Cell = Annotated[str, PathParameter(description="the name of a technology")]
With = Annotated[
    list[str] | None,
    QueryParameter(name="with", max_items=20, description="a technology to compare, by its name; up to four"),
]


@get("/technology", sync_to_thread=True, summary="Cells and technologies")
def technology(
    request: Asked,
    type_: Type = None,
    stage: Stage = None,
    evidence: Evidence = None,
    organisation: Organisation = None,
) -> Response[bytes]:
    """
    Return technologies with their figures, each with its kind, conditions, source and date.

    A figure is claimed, a target, measured by the maker, measured by somebody else (`by`), derived or
    reported. `verified` is apart from what is declared.
    """
    asked = {"type": type_, "stage": stage, "evidence": evidence, "organisation": organisation}
    found, today = _chosen(asked), _today()
    figures = [figure for one in found for figure in one.figures]
    kinds = Counter(one.kind for one in figures)
    if not wants_page(request):
        return as_json(
            {
                "technologies": [_told(one, today) for one in found],
                "kinds": {kind: kinds[kind] for kind in KINDS},
                "rules": _rules_told(today),
                "sources": SOURCES,
                "read_until": HORIZON,
            }
        )
    return _page(
        request,
        "technology",
        found=found,
        figures=figures,
        kinds=[(kind, kinds[kind], shown.share(kind, figures)) for kind in KINDS],
        asked=asked,
        types=TYPES,
        stages=STAGES,
        evidences=EVIDENCE,
        organisations=_organisations(),
        energy=shown.strip(found, "specific_energy"),
    )


@taken("/technology", summary="Figures of cells and technologies, as a file")
def technology_files(
    request: Asked,
    type_: Type = None,
    stage: Stage = None,
    evidence: Evidence = None,
    organisation: Organisation = None,
) -> Stream:
    """Return each figure of the catalogue with its kind, conditions, date and source, as a file."""
    found = _chosen({"type": type_, "stage": stage, "evidence": evidence, "organisation": organisation})

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - nothing of it is on record
        rows = [shown.figure_row(page, one, figure) for one in found for figure in one.figures]
        return Sheet("technology", page.say("Catalogue"), shown.FIGURE_COLUMNS, [rows], stands="beside")

    return take_away(request, making)


@get("/technology/cells/{cell:str}", sync_to_thread=True, summary="A cell or technology")
def technology_cell(request: Asked, cell: Cell) -> Response[bytes]:
    """
    Return one technology: figures, declared type beside verified class, stages, and what is not stated.

    Raises NotFound for one that is not in the catalogue.
    """
    one, today = catalogue.technology(cell), _today()
    if not wants_page(request):
        return as_json({"technology": _told(one, today), "rules": _rules_told(today), "sources": SOURCES})
    return _page(
        request,
        "technology_cell",
        one=one,
        groups=list(catalogue.by_metric(one.figures)),
        missing=[metric for metric in shown.SOUGHT if all(each.metric != metric for each in one.figures)],
        drawn=shown.lanes([one]),
        modelled=next((each.id for each in CELLS.values() if each.technology == one.id), None),
    )


@get("/technology/compare", sync_to_thread=True, summary="Cells side by side")
def technology_compare(request: Asked, with_: With = None) -> Response[bytes]:
    """Return up to four technologies side by side, quantity by quantity, each figure with its kind."""
    found, error = [], None
    names = list(dict.fromkeys(one for one in with_ or () if one))
    try:
        found = [catalogue.technology(name) for name in names]
        if len(found) > MOST:
            raise UsageError(
                "technology.many", f"These are {len(found)} technologies.", f"Compare {MOST} at most."
            )
    except VoltrailError as raised:
        tell_programs(request, raised)
        error, found = raised, found[:MOST]
    today = _today()
    if not wants_page(request):
        return as_json({"technologies": [_told(one, today) for one in found], "sources": SOURCES})
    given = {figure.metric for one in found for figure in one.figures}
    return _page(
        request,
        "technology_compare",
        200 if error is None else status_of(error),
        error=error,
        found=found,
        every=list(TECHNOLOGIES.values()),
        most=MOST,
        rows=[metric for metric in shown.METRICS if metric in given or metric in shown.SOUGHT],
    )


@get("/technology/timeline", sync_to_thread=True, summary="Stages of all technologies, by year")
def technology_timeline(request: Asked) -> Response[bytes]:
    """
    Return each step from the laboratory to mass production, with who says so and when.

    Dates to come are `announced`; a stage is `reached` where a source other than the maker's word shows it.
    """
    every = list(TECHNOLOGIES.values())
    if not wants_page(request):
        return as_json({"steps": [_step(step) for one in every for step in one.steps], "sources": SOURCES})
    return _page(request, "technology_timeline", every=every, drawn=shown.lanes(every), stages=STAGES)


@taken("/technology/timeline", summary="Stages of all technologies, as a file")
def timeline_files(request: Asked) -> Stream:
    """Return each step with its standing, date and source, as a file."""

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - nothing of it is on record
        rows = [shown.step_row(page, one, step) for one in TECHNOLOGIES.values() for step in one.steps]
        return Sheet("timeline", page.say("Timeline"), shown.STEP_COLUMNS, [rows], stands="beside")

    return take_away(request, making)


def _page(request: Asked, template: str, status: int = 200, **values: Any) -> Response[bytes]:
    today = _today()
    return as_page(
        page_for(request),
        template,
        status,
        shown=shown,
        sources=SOURCES,
        rules=list(RULES.values()),
        today=today,
        verified=lambda one: _verified(one, today),
        horizon=HORIZON,
        **values,
    )


def _verified(one: Technology, on: date) -> Verified | Unverified:
    return catalogue.verified_class(catalogue.weighed(one), on)


def _told(one: Technology, on: date) -> dict[str, Any]:
    """Return a technology for programs; `verified` says which class was shown, by whom, or why none is."""
    found = _verified(one, on)
    verified = (
        {"class": None, "why": found.why}
        if isinstance(found, Unverified)
        else {
            "class": found.verified_class,
            "rule": found.rule.id,
            "weight_loss_fraction": found.weighing.weight_loss_fraction,
            "by": found.weighing.by,
        }
    )
    told: dict[str, Any] = msgspec.to_builtins(one)
    return told | {
        "evidence": one.evidence,
        "verified": verified,
        "steps": [_step(step) for step in one.steps],
        "figures": [msgspec.to_builtins(figure) | {"unstated": figure.unstated} for figure in one.figures],
    }


def _step(step: catalogue.Step) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(step)
    return told | {"standing": step.standing}


def _rules_told(on: date) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(one) | {"applies": one.applies(on)} for one in RULES.values()]


def _chosen(asked: dict[str, str | None]) -> list[Technology]:
    """Return what a list was narrowed to. Raises UsageError for a value that there is none of."""
    known: dict[str, Sequence[str]] = {
        "type": TYPES,
        "stage": STAGES,
        "evidence": EVIDENCE,
        "organisation": _organisations(),
    }
    for name, value in asked.items():
        if value and value not in known[name]:
            raise UsageError(
                "technology.filter",
                f"There is no {name} {value[:100]!r} in the catalogue.",
                f"Take one of: {', '.join(known[name])}.",
            )
    return [
        one
        for one in TECHNOLOGIES.values()
        if asked["type"] in {None, "", one.declared_type}
        and asked["stage"] in {None, "", one.furthest.stage if one.furthest else None}
        and asked["evidence"] in {None, "", one.evidence}
        and asked["organisation"] in {None, "", one.organisation}
    ]


def _organisations() -> list[str]:
    return list(dict.fromkeys(one.organisation for one in TECHNOLOGIES.values()))


def _today() -> date:
    return datetime.now(CHINA).date()


ROUTES: Final = (
    technology,
    *technology_files,
    technology_cell,
    technology_compare,
    technology_timeline,
    *timeline_files,
)
