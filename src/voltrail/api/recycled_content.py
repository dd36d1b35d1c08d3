"""/b/{code}/recycled-content: which share of a battery is recycled, and from which lots."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get

from voltrail.api.access import reader_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import CodeText
from voltrail.codes import parse
from voltrail.events.masses import kilograms
from voltrail.events.points import POINTS
from voltrail.recycling.content import SOURCES
from voltrail.recycling.share import Share
from voltrail.recycling.targets import TARGETS, Target
from voltrail.registry.recycled_content import Told
from voltrail.registry.sights import SEES_ALL


@get("/b/{code:str}/recycled-content", sync_to_thread=True, summary="Which share of a battery is recycled")
def recycled_content(request: Asked, code: CodeText) -> Response[bytes]:
    """
    Return which share of each element is recycled, worked out from the lots that went in.

    To who may see where the battery was, and to its maker, also the lots it comes of, in kilograms, and what
    does not add up.
    """
    registry, text, reader = registry_of(request), parse(code).text, reader_of(request)
    told, sees_lots = registry.recycled_content(text, reader)
    minima = _minima()
    if not wants_page(request):
        return as_json(
            {"code": text, **_told(told, sees_lots), "minima": [one for _, row in minima for one in row]}
        )
    return as_page(
        page_for(request),
        "recycled_content",
        code=text,
        told=told,
        sees_lots=sees_lots,
        minima={element: {one.valid_from: one for one in row} for element, row in minima},
        days=sorted({one.valid_from for _, row in minima for one in row}),
        elements=sorted({name for stage in told.stages for name in stage.percent}, key=_rank) if told else (),
        points=POINTS,
        names=registry.names({stage.lot.maker for stage in told.stages}) if told and sees_lots else {},
        kg=kilograms,
        reader=reader,
        sees_all=SEES_ALL,
    )


def _minima() -> list[tuple[str, list[Target]]]:
    """Return by element what the EU asks for, and from when."""
    found: dict[str, list[Target]] = {}
    for one in TARGETS:
        if one.metric == "recycled_content" and one.element is not None:
            found.setdefault(one.element, []).append(one)
    return list(found.items())


_FIRST: Final = ("Ni", "Co", "Li", "Mn")


def _rank(element: str) -> tuple[int, str]:
    return (_FIRST.index(element) if element in _FIRST else len(_FIRST)), element


def _told(told: Told | None, sees_lots: bool) -> dict[str, Any]:
    if told is None:
        return {"shares": [], "points": {}, "entries": [], "withheld": []}
    known: dict[str, Any] = {
        "shares": [_share(one, sees_lots) for one in told.content.shares],
        "points": told.content.points(),
        "entries": told.content.entries,
    }
    if not sees_lots:
        return known | {"withheld": ["lots", "findings"]}
    return known | {
        "lots": [
            {
                "lot": stage.lot.lot,
                "steps": stage.steps,
                "substance": stage.lot.substance,
                "maker": stage.lot.maker,
                "origin": stage.lot.origin,
                "mass_kg": kilograms(stage.lot.mass_mg),
                "recycled_percent": stage.percent,
            }
            for stage in told.stages
        ],
        "findings": told.doubts,
        "withheld": [],
    }


def _share(share: Share, sees_lots: bool) -> dict[str, Any]:
    known: dict[str, Any] = {
        "element": share.element,
        "percent": share.percent,
        "pre_percent": share.pre_percent,
        "post_percent": share.post_percent,
    }
    if sees_lots:
        known["recycled_kg"] = dict(zip(SOURCES, map(kilograms, share.recycled), strict=True))
        known["traced_kg"] = kilograms(share.traced)
        known["in_model_kg"] = None if share.declared is None else kilograms(share.declared)
    return known


ROUTES: Final = (recycled_content,)
