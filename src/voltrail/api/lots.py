"""/lots: lots of material, what made each and what it went into; and where one battery went."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.params import PathParameter, QueryParameter
from litestar.response import Stream

from voltrail.api.access import reader_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import After, CodeText
from voltrail.api.take_away import take_away, taken
from voltrail.api.work import reading
from voltrail.codes import parse
from voltrail.errors import AccessError, NotFound, UsageError
from voltrail.events.kinds import CreditSpent, LotCreated, LotProcessed, Recycled
from voltrail.events.masses import MG_PER_KG, kilograms, milligrams
from voltrail.events.structs import Substance
from voltrail.lifecycle.state import Lot
from voltrail.recycling.record import Material, Run
from voltrail.recycling.trail import SHOWN, Trail, elements_kg, follow
from voltrail.registry.lots import Listed, Wanted
from voltrail.registry.registry import Registry
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page
from voltrail.web.sheets import Column, Row, Sheet

ON_PAGE: Final = 50
SUBSTANCES: Final[tuple[str, ...]] = Substance.__args__  # type: ignore[attr-defined]
_SEE_ALL: Final = frozenset({"authority_cn", "auditor"})
_COLUMNS: Final = (
    Column("lot"),
    Column("substance", "name"),
    Column("mass_kg", "number"),
    Column("left_kg", "number", "Left (kg)"),
    Column("holder"),
    Column("maker", heading="Made by"),
    Column("site"),
    Column("origin", "name"),
    Column("waste", "flag"),
    Column("made_at", "time", "Made"),
    Column("findings", "integer", "Findings"),
)

Organisation = Annotated[str, PathParameter(description="who made the lot: the first part of its name")]
Number = Annotated[str, PathParameter(description="the second part of its name")]
SubstanceAsked = Annotated[str | None, QueryParameter(description="such as black_mass")]
Made = Annotated[bool, QueryParameter(description="those that the organisation made, whoever has them")]
Left = Annotated[bool, QueryParameter(description="only those of which something is left")]


@get("/lots", sync_to_thread=True, summary="Lots of material")
def lots(
    request: Asked,
    substance: SubstanceAsked = None,
    made: Made = False,
    left: Left = False,
    after: After = None,
) -> Response[bytes]:
    """Return the lots that an organisation has, or made; to authorities and auditors all of them."""
    registry = registry_of(request)
    behind = registry.lots.follow()
    wanted, everything = _wanted(request, substance, made, left)
    found, following = registry.lots.page(wanted, ON_PAGE, after)
    if not wants_page(request):
        return as_json({"lots": [_listed(one) for one in found], "next": following, "entries_behind": behind})
    asked = {"substance": wanted.substance, "made": int(made) or None, "left": int(left) or None}
    return as_page(
        page_for(request),
        "lots",
        found=found,
        following=following,
        after=after,
        count=registry.lots.count(wanted),
        asked=asked,
        everything=everything,
        substances=SUBSTANCES,
        names=registry.names({one.holder for one in found if one.holder}),
        kg=kilograms,
        behind=behind,
    )


@taken("/lots", summary="Lots of material, as a file")
def lot_files(
    request: Asked, substance: SubstanceAsked = None, made: Made = False, left: Left = False
) -> Stream:
    """Return all lots that such a page lists as a file."""
    registry = registry_of(request)
    wanted, _ = _wanted(request, substance, made, left)

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - of the registry's own books
        runs = ([_cells(one) for one in run] for run in registry.lots.all(wanted))
        return Sheet("lots", page.say("Lots of material"), _COLUMNS, runs, stands="beside")

    return take_away(request, making)


@get("/lots/{organisation:str}/{number:str}", sync_to_thread=True, summary="One lot of material")
def lot(request: Asked, organisation: Organisation, number: Number) -> Response[bytes]:
    """Return a lot: what it is, what made it, what it went into, and what is left of it."""
    registry, name = registry_of(request), f"{organisation}/{number}"
    behind = registry.lots.follow()
    found, around = seen_lot(request, name)
    made, used = _parted(around, found)
    if not wants_page(request):
        return as_json(_told(found, made, used) | {"entries_behind": behind})
    told = around.lots.get(name)
    return as_page(
        page_for(request),
        "lot",
        lot=found,
        elements=[] if told is None else list(elements_kg(told).items()),
        assays=() if told is None else told.assays,
        made=made,
        used=used,
        ways=_ways(made, found),
        names=registry.names(
            {one for one in (found.holder, found.maker, *(run.reporter for run in around.runs)) if one}
        ),
        kg=kilograms,
        mg=milligrams,
        ended=Recycled,
        created=LotCreated,
        spent=CreditSpent,
        behind=behind,
    )


@get("/b/{code:str}/materials", sync_to_thread=True, summary="Where a battery's materials went")
def materials(request: Asked, code: CodeText) -> Response[bytes]:
    """
    Return where the materials of a battery went that was recycled: its share of each lot, by element.

    For its owner, the last vehicle's too, whoever recycled it, authorities and auditors.
    """
    registry, text = registry_of(request), parse(code).text
    found, trail, whole = _trail(request, registry, text)
    if not wants_page(request):
        return as_json({"code": text, "trail": None if trail is None else _share_told(trail), "whole": whole})
    return as_page(
        page_for(request),
        "materials",
        battery=found,
        trail=trail,
        whole=whole,
        lying={} if trail is None else trail.in_lots_kg,
        elements=[] if trail is None else [one for one in SHOWN if _has(trail, one)],
        names=registry.names(
            {share.lot.maker for share in trail.shares} | {trail.run.reporter} if trail is not None else set()
        ),
    )


def _trail(request: Asked, registry: Registry, code: str) -> tuple[dict[str, Any], Trail | None, bool]:
    """Return a battery, where it went as far as is on record, and whether that is all. Raises AccessError."""
    registry.lots.follow()
    found, reader = registry.battery(code, reader=reader_of(request)), reader_of(request)
    index = registry.lots.ended(code)
    if index is None:
        return found, None, True
    told = registry.history(code, reader, 1, index + 1)["events"]
    shown = bool(told) and not {"outputs", "site"} & set(told[0]["withheld"])
    if not shown and reader.claim is not None:
        with registry.database.pool.connection() as connection:
            shown = registry.sights(connection).was_owner(code, reader.claim)
    if not shown:
        raise AccessError(
            "access.materials",
            "Where the materials of a battery went is told to its owner and to whoever recycled it.",
            "Sign in, or show the claim token of the vehicle at /owner.",
        )
    material, whole = registry.lots.after(index)
    model = found["model"]["model_id"] if found.get("model") else None
    return found, follow(material, index, model), whole


def _has(trail: Trail, element: str) -> bool:
    held = (trail.composition or {}).get(element) or any(one.made_kg.get(element) for one in trail.shares)
    return bool(held)


def _share_told(trail: Trail) -> dict[str, Any]:
    return {
        "entry": trail.run.index,
        "recycler": trail.run.reporter,
        "occurred_at": trail.run.event.occurred_at,
        "composition_kg": trail.composition,
        "lots": [
            {
                "lot": one.lot.lot,
                "substance": one.lot.substance,
                "waste": one.lot.waste,
                "made_kg": one.made_kg,
                "left_kg": one.left_kg,
            }
            for one in trail.shares
        ],
        "in_new_batteries_kg": trail.in_batteries_kg,
        "in_waste_kg": trail.in_waste_kg,
        "lost_kg": trail.lost_kg if trail.composition else None,
    }


def _wanted(request: Asked, substance: str | None, made: bool, left: bool) -> tuple[Wanted, bool]:
    """Return which lots somebody may list, and whether those are all. Raises AccessError, UsageError."""
    person, reader = reading(request), reader_of(request)
    if substance and substance not in SUBSTANCES:
        raise UsageError(
            "usage.choice",
            f"There is no substance {substance[:40]!r}.",
            f"Use one of {', '.join(SUBSTANCES)}.",
        )
    if reader.audience in _SEE_ALL:
        return Wanted(substance=substance or None, left=left), True
    who = {"maker": person.organisation} if made else {"holder": person.organisation}
    return Wanted(**who, substance=substance or None, left=left), False


def seen_lot(request: Asked, name: str) -> tuple[Lot, Material]:
    """Return a lot and the runs around it. Raises NotFound for what does not exist or may not be seen."""
    registry = registry_of(request)
    found = registry.lots.find(name)
    around = registry.lots.around(name) if found is not None else None
    if found is None or around is None or not _may_see(request, found, around):
        raise NotFound(
            "lot.unknown",
            f"There is no lot {name[:90]!r} that you may see.",
            "Whoever made it or has it sees it, and the authority. /lots lists yours.",
        )
    return found, around


def _may_see(request: Asked, found: Lot, around: Material) -> bool:
    """Return whether somebody sees a lot: who made, has or used it, authorities and auditors."""
    reader = reader_of(request)
    if reader.audience in _SEE_ALL:
        return True
    parties = {found.maker, found.holder, *(run.reporter for run in around.runs)}
    return reader.organisation is not None and reader.organisation in parties


def _parted(around: Material, lot: Lot) -> tuple[Run | None, list[tuple[Run, int]]]:
    """Return the run that made a lot, and those that took of it with how much, in milligrams."""
    made, used = None, []
    for run in around.runs:
        if run.index == lot.made:
            made = run
        if isinstance(run.event, CreditSpent):
            if run.event.lot == lot.lot:
                used.append((run, milligrams(run.event.mass_kg)))
        elif isinstance(run.event, LotProcessed):
            used += [(run, milligrams(one.mass_kg)) for one in run.event.inputs if one.lot == lot.lot]
    return made, used


def _ways(made: Run | None, lot: Lot) -> int:
    """Return of how many batteries the run that made a lot was."""
    return sum(made.models.values()) if made is not None and lot.made is not None else 0


def _told(found: Lot, made: Run | None, used: list[tuple[Run, int]]) -> dict[str, Any]:
    return {
        "lot": found.lot,
        "substance": found.substance,
        "mass_kg": kilograms(found.mass_mg),
        "left_kg": kilograms(found.left_mg),
        "moisture_fraction": found.moisture_fraction,
        "assays": [
            {"element": element, "fraction": fraction, "uncertainty": uncertainty}
            for element, fraction, uncertainty in found.assays
        ],
        "origin": found.origin,
        "waste": found.waste,
        "waste_code": found.waste_code,
        "maker": found.maker,
        "holder": found.holder,
        "site": found.site,
        "country": found.country,
        "made_at": found.made_at,
        "made_by": None if made is None else _run_told(made),
        "went_into": [{**_run_told(run), "mass_kg": taken / MG_PER_KG} for run, taken in used],
        "findings": [{"kind": one.kind, "rule": one.rule, "message": one.message} for one in found.findings],
    }


def _run_told(run: Run) -> dict[str, Any]:
    event: Any = run.event
    return {
        "entry": run.index,
        "kind": event.kind,
        "process": getattr(event, "process", None),
        "reporter": run.reporter,
        "occurred_at": event.occurred_at,
        "batch": event.batch,
        "inputs": [msgspec.to_builtins(one) for one in getattr(event, "inputs", ())],
        "outputs": [one.lot for one in getattr(event, "outputs", ())],
        "batteries": sum(run.models.values()),
    }


def _listed(one: Listed) -> dict[str, Any]:
    return dict(zip((column.name for column in _COLUMNS), _cells(one), strict=True))


def _cells(one: Listed) -> Row:
    made: datetime | None = one.made_at
    return (
        one.lot,
        one.substance,
        kilograms(one.mass_mg),
        kilograms(one.left_mg),
        one.holder,
        one.maker,
        one.site,
        one.origin,
        one.waste,
        made,
        one.findings,
    )


ROUTES: Final = (lots, *lot_files, lot, materials)
