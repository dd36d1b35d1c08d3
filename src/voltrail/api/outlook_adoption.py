"""/outlook/adoption: shares of electric vehicles, what curves say of them, how such forecasts have done."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.take_away import take_away, taken
from voltrail.errors import UsageError
from voltrail.outlook import adoption
from voltrail.outlook.book import Book, Row, defined, sources
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page
from voltrail.web.catalogue import later
from voltrail.web.outlook_adoption import HEIGHT, MODELS, SERIES, WIDTH, draw
from voltrail.web.sheets import Column, Sheet

Named = Annotated[str | None, QueryParameter(max_length=40, description="a share, by its name in the answer")]

_FIRST: Final = adoption.SERIES[0].id
_TRIALS: Final = (
    Column("series", heading=later("Share")),
    Column("cut", heading=later("Cut")),
    Column("steps", "integer", later("Steps ahead")),
    Column("period", heading=later("Forecast for")),
    Column("model", heading=later("Forecast by")),
    Column("said", "number", later("Said")),
    Column("low", "number", later("At least (80 %)")),
    Column("high", "number", later("At most (80 %)")),
    Column("came", "number", later("Came")),
    Column("error", "number", later("Error")),
    Column("no_change_error", "number", later("Error of no change")),
    Column("nearer", heading=later("Nearer")),
    Column("held", "flag", later("Within the interval")),
)


@lru_cache(4)
def _told(rows: tuple[Row, ...]) -> dict[str, adoption.Told]:
    """Return all series with their forecasts, from these figures: those brought along and those added."""
    found = Book(rows)
    return {one.id: adoption.look_ahead(found, one) for one in adoption.SERIES}


@get("/outlook/adoption", sync_to_thread=True, summary="How fast vehicles electrify")
def outlook_adoption(request: Asked, series: Named = None) -> Response[bytes]:
    """
    Return each share with its forecast and its score in the backtest, and of one of them every forecast.

    A forecast is told with its interval of 80 %. Shares are from 0 to 1.
    """
    found = registry_of(request).outlook_figures.book()
    told, error = _told(found.rows), None
    try:
        chosen = adoption.series_of(series or _FIRST)
    except UsageError as raised:
        tell_programs(request, raised)
        chosen, error = adoption.series_of(_FIRST), raised
    here = told[chosen.id]
    trials = adoption.trials_of(here)
    if not wants_page(request):
        return as_json(
            {"shares": [adoption.summary_of(one) for one in told.values()], "of": chosen.id, "trials": trials}
        )
    rows = chosen.rows(found)
    targets, expected = adoption.targets_of(found, chosen), adoption.expected(found, chosen)
    return as_page(
        page_for(request),
        "outlook_adoption",
        200 if error is None else status_of(error),
        error=error,
        told=told,
        here=here,
        words=SERIES,
        models=MODELS,
        picture=draw(here, [target for target, _ in targets], [point for point, _ in expected])
        if here.forecast
        else None,
        extent=(WIDTH, HEIGHT),
        trials=trials,
        targets=[(target, sources().get(row.source)) for target, row in targets],
        expected=[(point, row, sources().get(row.source)) for point, row in expected],
        unseen=adoption.unseen(found, chosen),
        used=[defined(name) for name in dict.fromkeys(name for name, _ in chosen.uses)],
        of_memory=sum(row.status == "recalled_unverified" for row in rows),
        figures=len(rows),
        sources=[sources()[one] for one in dict.fromkeys(row.source for row in rows) if one in sources()],
        period=adoption.period,
    )


@taken("/outlook/adoption", summary="Forecasts of shares and what came of them, as a file")
def adoption_files(request: Asked, series: Named = None) -> Stream:
    """Return the backtest of one share or of all as a file: a row for each cut and horizon."""
    told = _told(registry_of(request).outlook_figures.book().rows)
    asked = [told[adoption.series_of(series).id]] if series else list(told.values())
    trials = [trial for one in asked for trial in adoption.trials_of(one)]

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - nothing of it is on record
        rows: list[Any] = [[trial[column.name] for column in _TRIALS] for trial in trials]
        return Sheet(
            "adoption",
            page.say(later("Forecasts of shares")),
            _TRIALS,
            [rows],
            count=lambda most: min(most, len(rows)),
            stands="beside",
        )

    return take_away(request, making)


ROUTES: Final = (outlook_adoption, *adoption_files)
