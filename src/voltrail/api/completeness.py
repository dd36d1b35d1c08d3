"""/completeness: what a model's passport data lacks, point by point, and who was asked for it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import QueryParameter

from voltrail.accounts import Person
from voltrail.api.access import supplier_requests_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.models import ModelAfter
from voltrail.api.work import reading
from voltrail.errors import AccessError, NotFound, UsageError
from voltrail.events.points import POINTS
from voltrail.lifecycle import Model
from voltrail.passport import EU_GUIDANCE, RULE_SETS, RuleSet
from voltrail.passport.completeness import STANDINGS, Line, board, counted
from voltrail.regimes.deadlines import CHINA

MODELS_ON_PAGE: Final = 50

ModelId = Annotated[str | None, QueryParameter(max_length=256, description="the board of this model")]
Rules = Annotated[str | None, QueryParameter(max_length=60, description="a rule set, as eu-guidance-1.0")]


@get("/completeness", sync_to_thread=True, summary="What passports of a model lack")
def completeness(
    request: Asked, model: ModelId = None, rules: Rules = None, after: ModelAfter = None
) -> Response[bytes]:
    """
    Return the board of a model: each point of a rule set, whether it is there, who was asked, until when.

    For its maker and authorities. Without `model`, the models of one's own organisation, each with a count.
    """
    person = reading(request)
    chosen = RULE_SETS.get(rules or EU_GUIDANCE.id)
    if chosen is None:
        raise UsageError(
            "usage.choice", f"There is no rule set {rules!r:.60}.", f"Use one of {', '.join(RULE_SETS)}."
        )
    if model:
        return _board(request, owned(request, person, model), chosen)
    registry = registry_of(request)
    found, following = registry.own_models(person.organisation, MODELS_ON_PAGE, after)
    told = [(one, *counted(lines_of(request, one, chosen))) for one in found]
    if not wants_page(request):
        listed = [
            {"model_id": one.model_id, "name": one.name, "there": there, "wanted": wanted}
            for one, there, wanted in told
        ]
        return as_json({"rule_set": chosen.id, "models": listed, "next": following})
    waiting, overdue = supplier_requests_of(request).counts(person.organisation, datetime.now(CHINA).date())
    return as_page(
        page_for(request),
        "completeness_models",
        found=told,
        following=following,
        after=after,
        rules=chosen,
        rule_sets=RULE_SETS.values(),
        waiting=waiting,
        overdue=overdue,
    )


def owned(request: Asked, person: Person, model_id: str) -> Model:
    """Return a model that is one's own, or any for an authority. Raises NotFound, AccessError."""
    registry = registry_of(request)
    known = registry.declared(model_id)
    if known is None:
        message = f"The record does not know a model {model_id[:80]}."
        raise NotFound("model.unknown", message, "Check its id; GET /models lists those that are declared.")
    if person.organisation not in {known.maker, *registry.authorities}:
        raise AccessError(
            "access.model_board",
            "How complete a model's data is, its maker and authorities see.",
            "Sign in for the organisation that declared the model.",
        )
    return known


def lines_of(request: Asked, model: Model, rules: RuleSet) -> list[Line]:
    """Return the board of a model as it stands today."""
    asked = supplier_requests_of(request).of_model(model)
    values = registry_of(request).model_values(model)
    return board(model, values, rules, asked, datetime.now(CHINA).date())


def _board(request: Asked, model: Model, rules: RuleSet) -> Response[bytes]:
    lines = lines_of(request, model, rules)
    there, wanted = counted(lines)
    if not wants_page(request):
        return as_json(
            {
                "model_id": model.model_id,
                "maker": model.maker,
                "rule_set": rules.id,
                "there": there,
                "wanted": wanted,
                "points": [_told(one) for one in lines],
            }
        )
    page, registry = page_for(request), registry_of(request)
    return as_page(
        page,
        "completeness",
        model=model,
        maker=registry.names(filter(None, [model.maker])).get(model.maker or ""),
        mine=page.person is not None and page.person.organisation == model.maker,
        rules=rules,
        rule_sets=RULE_SETS.values(),
        there=there,
        wanted=wanted,
        groups=[
            (standing, rows)
            for standing in STANDINGS
            if (rows := [o for o in lines if o.standing == standing])
        ],
        points=POINTS,
        askable={one.point for one in lines if POINTS[one.point].by == "declared"},
    )


def _told(line: Line) -> dict[str, Any]:
    """Return a line of the board as JSON has it."""
    told: dict[str, Any] = {
        "nr": line.nr,
        "point": line.point,
        "unit": POINTS[line.point].unit,
        "source": line.source,
        "status": line.applies.status,
        "condition": line.applies.if_,
        "standing": line.standing,
        "overdue": line.overdue,
    }
    if line.known is not None:
        told |= {"value": line.known.value, "entries": line.known.entries, "by": line.by}
    if line.asking is not None:
        told |= {
            "request": line.asking.request,
            "supplier": line.asking.supplier,
            "due": line.asking.due,
        }
    return {name: value for name, value in told.items() if value is not None}


ROUTES: Final = (completeness,)
