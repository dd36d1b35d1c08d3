"""/outlook/makers: who makes the cells of the world, how concentrated that is, what is to come of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from litestar import Response, get
from litestar.response import Stream

from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.take_away import take_away, taken
from voltrail.outlook.book import Book, Row, book, sources
from voltrail.outlook.makers import SERIES, TOTAL, Look, look, told
from voltrail.registry.registry import Registry
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page
from voltrail.web.catalogue import later
from voltrail.web.outlook import COLOURS, Drawn, Line, Mark, chart
from voltrail.web.outlook_adoption import MODELS
from voltrail.web.sheets import Column, Sheet
from voltrail.web.sheets import Row as Cells

_COLUMNS: Final = (
    Column("maker", heading=later("Maker")),
    Column("year", "integer", later("Year")),
    Column("usage_gwh", "number", "GWh"),
    Column("share", "number", later("Share")),
    Column("low", "number", later("At least (80 %)")),
    Column("high", "number", later("At most (80 %)")),
    Column("status", heading=later("How sure")),
    Column("vintage", heading=later("Published")),
    Column("source", heading=later("Source")),
    Column("note", heading=later("Note")),
)


@lru_cache(1)
def _brought() -> Look:
    return look(book())


def _look(registry: Registry) -> Look:
    """Return the makers; of figures that users added anew, of those that Voltrail brings along once."""
    found: Book = registry.outlook_figures.book()
    return _brought() if found is book() else look(found)


@get("/outlook/makers", sync_to_thread=True, summary="Who makes the cells")
def outlook_makers(request: Asked) -> Response[bytes]:
    """
    Return makers with their shares of the batteries of the world, concentration by year, and forecasts.

    No forecast without its score. Shares are from 0 to 1. `record` is what this registry holds of each maker;
    it is no part of the world's figures and no share of them.
    """
    registry = registry_of(request)
    found, record = _look(registry), registry.outlook_makers.recorded()
    if not wants_page(request):
        return as_json(told(found) | {"record": record})
    page = page_for(request)
    last = found.years[-1]
    latest = {row.segment: row for row in found.rows if row.period == str(last.year)}
    return as_page(
        page,
        "outlook_makers",
        found=found,
        last=last,
        latest=latest,
        world=latest.get(TOTAL),
        six=last.six_published or last.six_chinese,
        drawn=_draw(found, page),
        ahead=[(one, found.ahead[one.name]) for one in found.top if one.name in found.ahead],
        models=MODELS | {"damped": later("trend that fades")},
        sources=sources(),
        told_of=[
            sources()[one] for one in dict.fromkeys(row.source for row in found.rows) if one in sources()
        ],
        record=record,
        energy=sum(one.energy_kwh for one in record),
    )


def _draw(found: Look, page: Page) -> Drawn | None:
    """Return the picture of the largest makers' shares; a year without a figure is a gap."""
    years = [one.year for one in found.years]
    lines = [
        Line(one.name, years, [100 * one.share.get(year, float("nan")) for year in years])
        for one in found.top[:COLOURS]
    ]
    alone = [  # between gaps, where no line is
        Mark("", year, 100 * one.share[year])
        for one in found.top[:COLOURS]
        for year in one.share
        if year - 1 not in one.share and year + 1 not in one.share
    ]
    return chart(lines, page.say("% of the world"), marks=alone)


@taken("/outlook/makers", summary="Makers of cells, as a file")
def makers_files(request: Asked) -> Stream:
    """Return each maker's figure and share by year, and the forecasts, as a file."""
    found = _look(registry_of(request))

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - nothing of it is on record
        rows = list(_rows(found))
        return Sheet("makers", page.say("Who makes the cells"), _COLUMNS, [rows], stands="beside")

    return take_away(request, making)


def _rows(found: Look) -> Iterator[Cells]:
    """Yield figures, an empty cell for what is missing, then forecasts."""
    shares = {one.name: one.share for one in found.makers}
    figures: list[Row] = sorted(found.rows, key=lambda row: (row.segment, row.period))
    for row in figures:
        share = shares.get(row.segment, {}).get(int(row.period))
        yield (
            row.segment, int(row.period), row.value, share, None, None,
            row.status, row.vintage, row.source, row.note,
        )  # fmt: skip
    for name, made in found.ahead.items():
        for at, *lies in zip(made.now.at, made.now.middle, made.now.low, made.now.high, strict=True):
            yield name, int(at), None, *lies, "forecast", "", SERIES, made.now.model


ROUTES: Final = (outlook_makers, *makers_files)
