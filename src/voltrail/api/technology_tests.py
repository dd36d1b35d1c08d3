"""/technology/tests: models under qualification, their tests gate by gate, and the certificate of a stage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import PathParameter, QueryParameter
from litestar.response import Stream

from voltrail.api.access import reader_of
from voltrail.api.answers import NEGOTIATED, Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.take_away import take_away, taken
from voltrail.errors import NotFound, UsageError
from voltrail.registry.qualification import told
from voltrail.registry.snapshot import Snapshot
from voltrail.technology.gates import GATES, STAGES
from voltrail.technology.protocols import PROTOCOLS
from voltrail.technology.qualification import Qualification
from voltrail.web import Page, technology_tests
from voltrail.web.catalogue import later
from voltrail.web.sheets import Column, Row, Sheet
from voltrail.web.technology_tests import protocol_name

ON_PAGE: Final = 50

After = Annotated[str | None, QueryParameter(max_length=256, description="`next` of the page before")]
ModelId = Annotated[str, PathParameter(description="the model's id, as its tests name it")]
OfCampaign = Annotated[str | None, QueryParameter(max_length=256, description="only this campaign")]
OfModel = Annotated[str, QueryParameter(max_length=256, description="the model's id")]
OfStage = Annotated[str, QueryParameter(max_length=40, description="the stage, such as pilot_line")]

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")
_COLUMNS: Final = (
    Column("model_id", heading=later("Model")),
    Column("campaign", heading=later("Campaign of tests")),
    Column("index", "integer", later("Entry")),
    Column("occurred_at", "time", later("When it happened")),
    Column("protocol", heading=later("Protocol")),
    Column("samples", "integer", later("Samples")),
    Column("outcome", heading=later("Outcome")),
    Column("counts", "flag", later("Counts at a gate")),
    Column("by", heading=later("Shown by")),
)


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
                for met in (one.gate(one.following, now).to_do if one.following else ())
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
        protocol=partial(protocol_name, page),
        protocols=PROTOCOLS,
        gates=GATES,
        shown=technology_tests,
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
    way = told(found, reader, datetime.now(UTC))
    if campaign is not None:
        way["campaigns"] = [one for one in way["campaigns"] if one["campaign"] == campaign]
        if not way["campaigns"]:
            raise NotFound(
                "stage.campaign",
                f"There is no campaign {campaign[:80]} of {found.model_id[:80]} on record.",
                "Look at the model's page for those there are.",
            )
    if not wants_page(request):
        return as_json(way)
    page = page_for(request)
    model = registry.qualifications.declared([found.model_id]).get(found.model_id)
    tests = [test for one in way["campaigns"] for test in one["tests"]]
    return as_page(
        page,
        "technology_test",
        model_id=found.model_id,
        name=model.name if model is not None else None,
        campaign=campaign,
        told=_for_page(way, page),
        stages=STAGES,
        standing={one["stage"]: one for one in way["grants"] if one["stands"]},
        fallen={one["stage"] for one in way["grants"] if not one["stands"]},
        lacking=_lacking(way, page),
        sees=all("results" not in one["withheld"] for one in tests),
        protocol=partial(protocol_name, page),
        names=registry.names(_named(way)),
        shown=technology_tests,
    )


def _for_page(way: dict[str, Any], page: Page) -> dict[str, Any]:
    """Return a model's way with what a grant lacks in words."""
    comma = page.say(", ")
    for one in way["grants"]:
        one["lacking"] = comma.join(protocol_name(page, met["protocol"]) for met in one["lacks"])
    return way


def _lacking(way: dict[str, Any], page: Page) -> list[dict[str, Any]]:
    """Return what the next gate lacks, of itself and of those before, with who may show it in words."""
    either = f" {page.say('or')} "
    return [
        one | {"who": either.join(page.say(technology_tests.WHO[name]) for name in one["by"])}
        for gate in way["stages"]
        if gate["stage"] == way["next"]
        for one in gate["to_do"]
    ]


def _named(way: dict[str, Any]) -> set[str]:
    """Return the organisations that a page names."""
    tests = [test for campaign in way["campaigns"] for test in campaign["tests"]]
    found = [way["maker"], *(one["by"] for one in way["grants"]), *(one["reporter"] for one in tests)]
    return set(filter(None, found))


@get("/technology/certificate", sync_to_thread=True, summary="The certificate of a stage")
def stage_certificate(request: Asked, model: OfModel, stage: OfStage) -> Response[bytes]:
    """
    Return a file that proves offline that a model has reached a stage.

    What the reader may not see is withheld. `voltrail technology verify` checks it; without the results it
    says that it does not prove the stage.
    """
    if stage not in STAGES:
        raise UsageError("usage.choice", f"{stage!r} is no stage.", f"Give one of {', '.join(STAGES)}.")
    name = _NO_NAME.sub("-", model)[:80].strip("-") or "model"
    return Response(
        registry_of(request).stage_certificate(model, stage, reader_of(request)),
        media_type="application/json",
        headers=NEGOTIATED
        | {
            "Content-Disposition": f'attachment; filename="{name}.{stage}.certificate.json"',
            "Cache-Control": "no-store",
        },
    )


@taken("/technology/tests", summary="All tests, as a file")
def tests_files(request: Asked) -> Stream:
    """Return every test of every model with a campaign: protocol, outcome, whether it counts, as a file."""
    qualifications = registry_of(request).qualifications

    def making(snapshot: Snapshot, page: Page) -> Sheet:
        runs = ([row for one in run for row in _rows(one)] for run in qualifications.all_under(snapshot))
        return Sheet("tests", page.say("Models under qualification"), _COLUMNS, runs, stands="beside")

    return take_away(request, making)


def _rows(found: Qualification) -> Iterator[Row]:
    for campaign in found.campaigns:
        for test in campaign.tests:
            event = test.event
            yield (
                *(found.model_id, campaign.campaign, test.index, event.occurred_at, event.protocol),
                *(len(event.codes), event.outcome, test.counts, " ".join(sorted(test.parts))),
            )


ROUTES: Final = (under_test, one_under_test, stage_certificate, *tests_files)
