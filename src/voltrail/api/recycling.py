"""/recycling: what plants won back, what is missing, and who says that more came out than went in."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, NamedTuple, cast

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from voltrail.api.access import reader_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.take_away import take_away, taken
from voltrail.api.work import reading
from voltrail.errors import NotFound, UsageError
from voltrail.events.masses import kilograms
from voltrail.recycling.balance import Balance, By, Sheet, balance
from voltrail.recycling.contents import METALS
from voltrail.recycling.rates import Judged, Rate
from voltrail.recycling.record import Material
from voltrail.recycling.targets import TARGETS
from voltrail.recycling.ways import ways
from voltrail.registry.lots import Scope
from voltrail.registry.registry import Registry
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page, sankey
from voltrail.web.rates import over_time
from voltrail.web.sheets import Column, Row
from voltrail.web.sheets import Sheet as File

SHOWN: Final = ("Li", "Ni", "Co", "Mn", "Cu", "Al")
STAGES: Final = ("whole", "refining", "separation")  # the most telling first
MOST_BATCHES: Final = 25
_SEE_ALL: Final = frozenset({"authority_cn", "auditor"})
_KEPT: Final = 8
_COLUMNS: Final = (
    Column("site"),
    Column("organisation"),
    Column("batches", "integer", "Runs"),
    Column("batteries", "integer", "Batteries"),
    Column("in_kg", "number", "Mass in (kg)"),
    Column("out_kg", "number", "Mass out (kg)"),
    Column("recovery_li", "number", "Recovery of Li"),
    Column("recovery_ni", "number", "Recovery of Ni"),
    Column("recovery_co", "number", "Recovery of Co"),
    Column("recovery_mn", "number", "Recovery of Mn"),
    Column("recovery_cu", "number", "Recovery of Cu"),
    Column("recovery_al", "number", "Recovery of Al"),
    Column("claims_more", "flag", "Claims more than came in"),
)

Element = Annotated[str, QueryParameter(description="Li, Ni, Co, Mn, Cu or Al")]
Day = Annotated[date | None, QueryParameter(description="a day, as 2026-05-31; it is included")]
Chemistry = Annotated[str | None, QueryParameter(max_length=40, description="such as LFP; mixed, unknown")]
Site = Annotated[str, QueryParameter(max_length=256, description="the site; without one, its organisation")]
Organisation = Annotated[str | None, QueryParameter(max_length=40, description="for who may see all")]


class Question(NamedTuple):
    """Of what a balance is asked: whose, where, when, of what chemistry, and by what."""

    by: By
    organisation: str | None
    site: str | None
    since: date | None
    until: date | None
    chemistry: str | None


class Kept:
    """
    The last balances that were asked for: each is reckoned from all runs, and changes only with the record.

    One for each server; threads share it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._upto = -1
        self._sheets: OrderedDict[Question, Sheet] = OrderedDict()
        self._material: OrderedDict[str | None, Material] = OrderedDict()

    def material(self, registry: Registry, organisation: str | None) -> Material:
        """Return all runs of an organisation, or of all."""
        with self._lock:
            self._forget(registry)
            if organisation not in self._material:
                self._material[organisation] = registry.lots.material(Scope(organisation=organisation))
                while len(self._material) > 2:
                    self._material.popitem(last=False)
            return self._material[organisation]

    def sheet(self, registry: Registry, question: Question) -> Sheet:
        """Return the balances that are asked for."""
        material = self.material(registry, question.organisation)
        with self._lock:
            if question not in self._sheets:
                self._sheets[question] = balance(material, **question._asdict())
                while len(self._sheets) > _KEPT:
                    self._sheets.popitem(last=False)
            self._sheets.move_to_end(question)
            return self._sheets[question]

    def _forget(self, registry: Registry) -> None:
        upto = registry.lots.reached()
        if upto != self._upto:
            self._sheets.clear()
            self._material.clear()
            self._upto = upto


@get("/recycling", sync_to_thread=True, summary="What plants won back")
def recycling(
    request: Asked,
    since: Day = None,
    until: Day = None,
    element: Element = "Li",
    chemistry: Chemistry = None,
) -> Response[bytes]:
    """
    Return the balance of each site: what went in, what was won back, whether it reaches the targets.

    For an organisation of its own sites; for authorities and auditors of all.
    """
    registry, behind = registry_of(request), registry_of(request).lots.follow()
    question, everything = _asked(request, since, until, chemistry, element)
    kept = _kept(request)
    sheet = kept.sheet(registry, question)
    if not wants_page(request):
        return as_json(told(sheet) | {"entries_behind": behind})
    months = kept.sheet(registry, question._replace(by="month"))
    material = kept.material(registry, question.organisation)
    rows = list(sheet)
    named = {one.organisation for one in rows if one.organisation}
    return as_page(
        page_for(request),
        "recycling",
        rows=[one for one in rows if one.batteries or _recovers(one)],
        others=[one for one in rows if not (one.batteries or _recovers(one))],
        claiming=set(sheet.claiming_sites),
        element=element,
        elements=SHOWN,
        picture=_picture(material, element),
        size=(sankey.WIDTH, sankey.HEIGHT, sankey.BAR, sankey.REST),
        chart=over_time(_months(months, element)),
        months=_months(months, element),
        asked=_query(since, until, chemistry),
        everything=everything,
        names=registry.names(named),
        best=best,
        stage=stage_of(element),
        behind=behind,
    )


@get("/recycling/site", sync_to_thread=True, summary="One plant's balance")
def site(
    request: Asked,
    site: Site,
    organisation: Organisation = None,
    since: Day = None,
    until: Day = None,
    element: Element = "Li",
) -> Response[bytes]:
    """Return the balance of one site with the numbers behind each rate, its runs and what does not add up."""
    registry, behind = registry_of(request), registry_of(request).lots.follow()
    question, everything = _asked(request, since, until, None, element)
    question = question._replace(
        site=site, organisation=organisation if everything else question.organisation
    )
    found = list(_kept(request).sheet(registry, question))
    if not found:
        raise NotFound(
            "recycling.site",
            f"No run of the site {site[:60]!r} is on record that you may see.",
            "/recycling lists the sites that have runs.",
        )
    one = found[0]
    if not wants_page(request):
        return as_json(msgspec.to_builtins(one) | {"entries_behind": behind})
    batches = _kept(request).sheet(registry, question._replace(by="batch"))
    material = _kept(request).material(registry, question.organisation)
    scope = Scope(site=site, organisation=one.organisation)
    return as_page(
        page_for(request),
        "plant",
        one=one,
        rates=[rate for rate in one.rates if rate.high or rate.value is not None],
        element=element,
        elements=SHOWN,
        batches=sorted(batches, key=lambda batch: batch.last, reverse=True)[:MOST_BATCHES],
        count=len(batches),
        picture=_picture(registry.lots.material(scope), element),
        size=(sankey.WIDTH, sankey.HEIGHT, sankey.BAR, sankey.REST),
        substances={name: lot.substance for name, lot in material.lots.items()},
        names=registry.names({one.organisation} if one.organisation else set()),
        asked={**_query(since, until, None), "site": site, "organisation": one.organisation},
        everything=everything,
        claims=[finding for finding in one.findings if finding.rule == "recycling.more_than_came_in"],
        others=[finding for finding in one.findings if finding.rule != "recycling.more_than_came_in"],
        best=best,
        kg=kilograms,
        behind=behind,
    )


@taken("/recycling", summary="What plants won back, as a file")
def files(request: Asked, since: Day = None, until: Day = None, chemistry: Chemistry = None) -> Stream:
    """Return the balances of such a page as a file, a row for each site; recovery as a fraction."""
    registry = registry_of(request)
    question, _ = _asked(request, since, until, chemistry, "Li")

    def making(snapshot: Snapshot, page: Page) -> File:  # noqa: ARG001 - of the registry's own books
        sheet = _kept(request).sheet(registry, question)
        claiming = set(sheet.claiming_sites)
        rows = [_cells(one, claiming) for one in sheet]
        return File("recycling", page.say("What plants won back"), _COLUMNS, [rows], stands="beside")

    return take_away(request, making)


def told(sheet: Sheet) -> dict[str, Any]:
    """Return balances for programs, without the numbers behind each rate: those are told of one site."""
    return {
        "claims_more_than_came_in": list(sheet.claiming_sites),
        "balances": [
            msgspec.to_builtins(
                msgspec.structs.replace(
                    one, rates=tuple(msgspec.structs.replace(rate, numbers=()) for rate in one.rates)
                )
            )
            for one in sheet
        ],
    }


def best(one: Balance, element: str) -> tuple[Rate, Judged | None] | None:
    """Return the recovery of an element that tells most, and the target by which it is judged hardest."""
    found = {
        rate.stage: rate
        for rate in one.rates
        if rate.metric == "recovery" and rate.element == element and rate.value is not None
    }
    stages = [stage for stage in STAGES if stage in found]
    judged = {stage: _hardest(found[stage]) for stage in stages}
    stage = next((stage for stage in stages if judged[stage] is not None), next(iter(stages), None))
    return None if stage is None else (found[stage], judged[stage])


def _hardest(rate: Rate) -> Judged | None:
    order = {"impossible": 0, "missed": 1, "too_close": 2, "open": 3, "met": 4}
    counting = [judged for judged in rate.targets if judged.counts]
    return min(counting, key=lambda judged: order[judged.verdict], default=None)


def _recovers(one: Balance) -> bool:
    """Return whether a site wins anything back, and does not only make new material."""
    return any(rate.metric == "recovery" and rate.value is not None for rate in one.rates)


def _months(sheet: Sheet, element: str) -> list[tuple[str, float, float, float | None]]:
    """Return month, recovery in the stage of the norm, its uncertainty and the target then, oldest first."""
    stage = stage_of(element)
    return [
        (
            one.name,
            rate.value,
            rate.uncertainty,
            max((judged.target.value / 100 for judged in rate.targets if judged.counts), default=None),
        )
        for one in sheet
        for rate in one.rates
        if rate.metric == "recovery"
        and (rate.element, rate.stage) == (element, stage)
        and rate.value is not None
    ]


def stage_of(element: str) -> str:
    """Return the stage for which the norm has a rate of an element: one stage, so that months compare."""
    stages = [one.stage for one in TARGETS if one.metric == "recovery" and one.element == element]
    return stages[0] if stages else "whole"


def _picture(material: Material, element: str) -> sankey.Sankey | None:
    """Return the ways of an element, in grams, so that small ones are not lost."""
    return sankey.draw([(way, round(kg * 1000)) for way, kg in ways(material, element).items()])


def _cells(one: Balance, claiming: set[str]) -> Row:
    recovery = [found[0].value if (found := best(one, element)) else None for element in SHOWN]
    return (
        one.site or one.name,
        one.organisation,
        one.batches,
        one.batteries,
        one.mass.in_kg,
        one.mass.out_kg,
        *recovery,
        (one.site or one.name) in claiming,
    )


def _asked(
    request: Asked, since: date | None, until: date | None, chemistry: str | None, element: str
) -> tuple[Question, bool]:
    """Return of what a balance is asked, and whether who asks sees all. Raises AccessError, UsageError."""
    person, reader = reading(request), reader_of(request)
    if element not in METALS:
        raise UsageError("usage.choice", f"There is no element {element[:20]!r}.", f"Use {', '.join(SHOWN)}.")
    if since is not None and until is not None and until < since:
        raise UsageError("usage.day", f"{until} is before {since}.", "Give the earlier day as since.")
    everything = reader.audience in _SEE_ALL
    mine = None if everything else person.organisation
    return Question("site", mine, None, since, until, chemistry or None), everything


def _query(since: date | None, until: date | None, chemistry: str | None) -> Mapping[str, Any]:
    return {"since": since, "until": until, "chemistry": chemistry}


def _kept(request: Asked) -> Kept:
    return cast("Kept", request.app.state.balances)


ROUTES: Final = (recycling, *files, site)
