"""/fleet: the health of many batteries, for those who have them, made them, or look after all."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from voltrail.api.access import reader_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.take_away import take_away, taken
from voltrail.api.work import reading
from voltrail.errors import UsageError
from voltrail.gateway.fleet_health import FleetHealth, Wanted, reckon
from voltrail.gateway.folder import Folder
from voltrail.gateway.health_store import HealthStore
from voltrail.health.tables import STANDINGS
from voltrail.regimes.china.provinces import PROVINCES
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page, spread, tiles
from voltrail.web.catalogue import later
from voltrail.web.sheets import Column, Row, Sheet

ON_PAGE: Final = 50
FIRST: Final = 10  # of a list, on the overview
MOST_ROWS: Final = 10_000_000
_STEPS: Final = {"age": 1, "mileage": 20_000}
_FIGURES: Final = (
    Column("group", heading="Group"),
    Column("batteries", "integer", "Batteries"),
    Column("low", "number", "State of health, 10 % are below"),
    Column("middle", "number", "State of health, half are below"),
    Column("high", "number", "State of health, 90 % are below"),
)
_GROUPS: Final = (Column("by", heading="By"), *_FIGURES)
_OUTLIERS: Final = (
    Column("code", heading="Code"),
    Column("model", heading="Model"),
    Column("month", "day", "Month"),
    Column("soh", "number", "State of health"),
    Column("soh_low", "number", "State of health, from"),
    Column("soh_high", "number", "State of health, to"),
    Column("peers", "integer", "Peers"),
    Column("median", "number", "Median of the peers"),
    Column("z", "number", "Deviations from the median"),
)
_WARRANTY: Final = (
    *_OUTLIERS[:6],
    Column("sold_on", "day", "Sold on"),
    Column("odometer_km", "number", "Distance (km)"),
    Column("standing", heading="Standing"),
    Column("ends_on", "day", "Warranty ends"),
    Column("at_end", "number", "State of health then"),
    Column("at_end_low", "number", "State of health then, from"),
    Column("at_end_high", "number", "State of health then, to"),
)

ModelAsked = Annotated[
    str | None, QueryParameter(max_length=256, description="only batteries of this model; - for none")
]
ChemistryAsked = Annotated[
    str | None, QueryParameter(max_length=64, description="only of this chemistry, such as LFP; - for none")
]
ProvinceAsked = Annotated[
    str | None, QueryParameter(max_length=2, description="two digits of GB/T 2260; - for none")
]
MonthAsked = Annotated[
    str | None, QueryParameter(max_length=7, description="as of this month, such as 2026-10; else the latest")
]
StandingAsked = Annotated[
    str | None,
    QueryParameter(max_length=20, description="below, will_be, may_be, kept, too_few, not_known, over"),
]
RowAsked = Annotated[int, QueryParameter(ge=0, le=MOST_ROWS, description="the `next` of the page before")]


@get("/fleet", sync_to_thread=True, summary="Health of a fleet")
def fleet(
    request: Asked,
    model: ModelAsked = None,
    chemistry: ChemistryAsked = None,
    province: ProvinceAsked = None,
    month: MonthAsked = None,
) -> Response[bytes]:
    """Return the health of batteries by what they have in common, which stand out, and their warranty."""
    wanted = _wanted(model, chemistry, province, month)
    found, batteries, left = _reckoned(request, wanted)
    if not wants_page(request):
        return as_json(
            {
                "batteries": found.batteries,
                "known": found.whole,
                "months": [f"{one:%Y-%m}" for one in found.months],
                "groups": found.groups,
                "curves": found.curves,
                "judged": found.judged,
                "outliers": found.standing_out,
                "warranty": found.standings,
                "limits": msgspec.to_builtins(found.limits),
                "entries_behind": left,
            }
        )
    by_province = {row["group"]: row for row in found.groups["province"] if row["group"]}
    lost = {
        code: max(1, round(1_000 * (1 - row["middle"])))
        for code, row in by_province.items()
        if row["middle"] is not None
    }
    return as_page(
        page_for(request),
        "fleet",
        everything=_is_of_authority(request),
        found=found,
        by_model=sorted(found.groups["model"], key=lambda row: (-row["batteries"], row["group"] or "")),
        first=FIRST,
        wanted=wanted,
        asked=msgspec.structs.asdict(wanted),
        models=_names(batteries, "model"),
        chemistries=_names(batteries, "chemistry"),
        provinces=PROVINCES,
        pictures={over: spread.draw(rows, _STEPS[over]) for over, rows in found.curves.items()},
        size=(spread.WIDTH, spread.HEIGHT),
        tiles=tiles.draw(lost),
        by_province=by_province,
        map_size=(tiles.WIDTH, tiles.HEIGHT, tiles.SIDE),
        scales={name: spread.bounds(rows) for name, rows in (found.groups | found.curves).items()},
        standings=STANDINGS,
        outliers=_outliers(found.outliers.slice(0, FIRST)),
        warranty=_warranty(found.warranty.slice(0, FIRST)),
        left=left,
    )


@get("/fleet/outliers", sync_to_thread=True, summary="Batteries that stand out")
def outliers(
    request: Asked,
    model: ModelAsked = None,
    chemistry: ChemistryAsked = None,
    province: ProvinceAsked = None,
    month: MonthAsked = None,
    after: RowAsked = 0,
) -> Response[bytes]:
    """Return the batteries whose health is far from that of their peers, the furthest first."""
    wanted = _wanted(model, chemistry, province, month)
    found, _, _ = _reckoned(request, wanted)
    rows = _outliers(found.outliers.slice(after, ON_PAGE))
    return _listed(request, "outliers", wanted, found, rows, after, found.outliers.num_rows)


@get("/fleet/warranty", sync_to_thread=True, summary="Batteries and their warranty")
def warranty(
    request: Asked,
    model: ModelAsked = None,
    chemistry: ChemistryAsked = None,
    province: ProvinceAsked = None,
    month: MonthAsked = None,
    standing: StandingAsked = None,
    after: RowAsked = 0,
) -> Response[bytes]:
    """Return how batteries stand to the limit of their warranty, and where their trend leads, worst first."""
    wanted = _wanted(model, chemistry, province, month)
    found, _, _ = _reckoned(request, wanted)
    table = _standing(found.warranty, standing)
    rows = _warranty(table.slice(after, ON_PAGE))
    return _listed(request, "warranty", wanted, found, rows, after, table.num_rows, standing or None)


@taken("/fleet", summary="Health of a fleet, as a file")
def group_files(
    request: Asked,
    model: ModelAsked = None,
    chemistry: ChemistryAsked = None,
    province: ProvinceAsked = None,
    month: MonthAsked = None,
) -> Stream:
    """Return the health by model, age, distance, province and climate as a file."""
    found, _, _ = _reckoned(request, _wanted(model, chemistry, province, month))
    rows = [(by, *_figures(row)) for by, group in found.groups.items() for row in group]
    return _file(request, "fleet", later("Health of a fleet"), _GROUPS, rows)


@taken("/fleet/curves", summary="Health of a fleet over age and distance, as a file")
def curve_files(
    request: Asked,
    model: ModelAsked = None,
    chemistry: ChemistryAsked = None,
    province: ProvinceAsked = None,
    month: MonthAsked = None,
) -> Stream:
    """Return the curves of the state of health over half-years of age and bands of distance as a file."""
    found, _, _ = _reckoned(request, _wanted(model, chemistry, province, month))
    rows = [(over, *_figures(row)) for over, curve in found.curves.items() for row in curve]
    return _file(request, "fleet-curves", later("Health of a fleet"), _GROUPS, rows)


@taken("/fleet/outliers", summary="Batteries that stand out, as a file")
def outlier_files(
    request: Asked,
    model: ModelAsked = None,
    chemistry: ChemistryAsked = None,
    province: ProvinceAsked = None,
    month: MonthAsked = None,
) -> Stream:
    """Return all batteries whose health is far from that of their peers as a file."""
    found, _, _ = _reckoned(request, _wanted(model, chemistry, province, month))
    rows = [[row[column.name] for column in _OUTLIERS] for row in _outliers(found.outliers)]
    return _file(request, "fleet-outliers", later("Batteries that stand out"), _OUTLIERS, rows)


@taken("/fleet/warranty", summary="Batteries and their warranty, as a file")
def warranty_files(
    request: Asked,
    model: ModelAsked = None,
    chemistry: ChemistryAsked = None,
    province: ProvinceAsked = None,
    month: MonthAsked = None,
    standing: StandingAsked = None,
) -> Stream:
    """Return how batteries stand to the limit of their warranty as a file."""
    found, _, _ = _reckoned(request, _wanted(model, chemistry, province, month))
    table = _standing(found.warranty, standing)
    rows = [[row[column.name] for column in _WARRANTY] for row in _warranty(table)]
    return _file(request, "fleet-warranty", later("Batteries and their warranty"), _WARRANTY, rows)


def _wanted(model: str | None, chemistry: str | None, province: str | None, month: str | None) -> Wanted:
    """Return what was asked for; an empty field of a form asks for nothing."""
    wanted = Wanted(model or None, chemistry or None, province or None, month or None)
    wanted.check()
    return wanted


def _reckoned(request: Asked, wanted: Wanted) -> tuple[FleetHealth, pa.Table, int]:
    """Return what is known of a reader's batteries, those batteries, and how many entries are left."""
    reading(request)
    registry = registry_of(request)
    left = registry.fleet.follow()
    batteries = registry.fleet.batteries(reader_of(request))
    store = HealthStore(Folder.of(registry.data))
    return reckon(store, batteries, wanted, datetime.now(CHINA).date()), batteries, left


def _is_of_authority(request: Asked) -> bool:
    return reading(request).organisation in registry_of(request).authorities


def _standing(table: pa.Table, standing: str | None) -> pa.Table:
    if not standing:
        return table
    if standing not in STANDINGS:
        raise UsageError(
            "usage.choice", f"There is no standing {standing[:40]!r}.", f"Use one of {', '.join(STANDINGS)}."
        )
    return table.filter(pc.equal(table["standing"], standing))


def _outliers(table: pa.Table) -> list[dict[str, Any]]:
    return list(table.to_pylist())


def _warranty(table: pa.Table) -> list[dict[str, Any]]:
    return [row | {"ends_on": _ends_on(row)} for row in table.to_pylist()]


def _ends_on(row: dict[str, Any]) -> date | None:
    """Return the day on which a warranty ends by its years, or by the distance at the pace so far."""
    if row["sold_on"] is None:
        return None
    found: date = row["sold_on"] + timedelta(days=round(row["end_years"] * 365.25))
    return found


def _figures(row: dict[str, Any]) -> Row:
    group = row["group"]
    return (None if group is None else str(group), row["batteries"], row["low"], row["middle"], row["high"])


def _names(batteries: pa.Table, column: str) -> list[str]:
    return sorted(name for name in pc.unique(batteries[column]).to_pylist() if name is not None)


def _listed(
    request: Asked,
    name: str,
    wanted: Wanted,
    found: FleetHealth,
    rows: list[dict[str, Any]],
    after: int,
    count: int,
    standing: str | None = None,
) -> Response[bytes]:
    following = after + ON_PAGE if after + ON_PAGE < count else None
    if not wants_page(request):
        return as_json({name: rows, "next": following})
    return as_page(
        page_for(request),
        "fleet_batteries",
        everything=_is_of_authority(request),
        name=name,
        found=found,
        rows=rows,
        asked=msgspec.structs.asdict(wanted) | ({"standing": standing} if standing else {}),
        standing=standing,
        standings=STANDINGS,
        after=after,
        following=following,
        count=count,
    )


def _file(request: Asked, name: str, title: str, columns: tuple[Column, ...], rows: list[Any]) -> Stream:
    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - of what telemetry says
        return Sheet(
            name, page.say(title), columns, [rows], count=lambda most: min(most, len(rows)), stands="beside"
        )

    return take_away(request, making)


ROUTES: Final = (
    *(fleet, outliers, warranty),
    *(*group_files, *curve_files, *outlier_files, *warranty_files),
)
