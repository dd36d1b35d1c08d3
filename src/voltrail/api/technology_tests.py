"""/technology/tests: models under qualification, their tests gate by gate, and the certificate of a stage."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import PathParameter, QueryParameter

from voltrail.api.access import reader_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.errors import NotFound
from voltrail.registry.qualification import told
from voltrail.technology.gates import STAGES
from voltrail.technology.protocols import PROTOCOLS, TestProtocol
from voltrail.web import Page

ON_PAGE: Final = 50

After = Annotated[str | None, QueryParameter(max_length=256, description="`next` of the page before")]
ModelId = Annotated[str, PathParameter(description="the model's id, as its tests name it")]
OfCampaign = Annotated[str | None, QueryParameter(max_length=256, description="only this campaign")]


@get("/technology/tests", sync_to_thread=True, summary="Models under qualification")
def under_test(request: Asked, after: After = None) -> Response[bytes]:
    """Return the models with a campaign: the stage that each has reached, and what its next gate lacks."""
    registry, now = registry_of(request), datetime.now(UTC)
    found, following = registry.qualifications.under(after, ON_PAGE)
    models = registry.qualifications.declared(one.model_id for one in found)
    rows = [
        {
            "model_id": one.model_id,
            "name": models[one.model_id].name if one.model_id in models else None,
            "maker": one.maker,
            "stage": one.stage,
            "next": one.following,
            "lacking": [
                {
                    "protocol": met.requirement.protocol,
                    "found": met.samples,
                    "samples": met.requirement.samples,
                }
                for met in (one.gate(one.following, now).lacking if one.following else ())
            ],
            "campaigns": len(one.campaigns),
            "tests": len(one.tests),
            "failed": sum(test.event.outcome == "failed" for test in one.tests),
        }
        for one in found
    ]
    if not wants_page(request):
        return as_json({"models": rows, "next": following})
    page = page_for(request)
    return as_page(
        page,
        "technology_tests",
        found=rows,
        following=following,
        after=after,
        names=registry.names(filter(None, (one.maker for one in found))),
        protocol=lambda name: protocol_name(page, name),
    )


@get("/technology/tests/{model_id:path}", sync_to_thread=True, summary="How far a model has come")
def one_under_test(request: Asked, model_id: ModelId, campaign: OfCampaign = None) -> Response[bytes]:
    """
    Return a model's campaigns, tests and gates, stage by stage.

    Everybody sees campaigns, protocols, outcomes and stages; results, conditions and raw data those to whom
    the table of access shows them: the model's maker, and who reported a test, all of it.
    """
    registry, reader = registry_of(request), reader_of(request)
    found = registry.qualifications.of(str(model_id).removeprefix("/"))
    shown = told(found, reader, datetime.now(UTC))
    if campaign is not None:
        shown["campaigns"] = [one for one in shown["campaigns"] if one["campaign"] == campaign]
        if not shown["campaigns"]:
            raise NotFound(
                "stage.campaign",
                f"There is no campaign {campaign[:80]} of {found.model_id[:80]} on record.",
                "Look at the model's page for those there are.",
            )
    if not wants_page(request):
        return as_json(shown)
    page = page_for(request)
    model = registry.qualifications.declared([found.model_id]).get(found.model_id)
    return as_page(
        page,
        "technology_test",
        model_id=found.model_id,
        name=model.name if model is not None else None,
        campaign=campaign,
        told=shown,
        stages=STAGES,
        protocols=PROTOCOLS,
        protocol=lambda name: protocol_name(page, name),
        names=registry.names(_named(shown)),
        grant_of={one["stage"]: one for one in shown["grants"]},
    )


def _named(shown: dict[str, Any]) -> set[str]:
    """Return the organisations that a page names."""
    tests = [test for campaign in shown["campaigns"] for test in campaign["tests"]]
    found = [shown["maker"], *(one["by"] for one in shown["grants"]), *(one["reporter"] for one in tests)]
    return set(filter(None, (*found, *(one.get("reporter") for one in shown["campaigns"]))))


def protocol_name(page: Page, name: str) -> str:
    """Return the name of a protocol in the page's language; its own id where it is none of ours."""
    known: TestProtocol | None = PROTOCOLS.get(name)
    if known is None:
        return name
    return known.name_zh if page.language == "zh" else known.name


ROUTES: Final = (under_test, one_under_test)
