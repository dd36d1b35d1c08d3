"""/authority/flows: where packs are by province, maker, year and status, and how many should have retired."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import After
from voltrail.api.missing import for_authority
from voltrail.api.take_away import take_away, taken
from voltrail.lifecycle.flows import GROUPS, STATUSES, Flow
from voltrail.lifecycle.missing import day_of
from voltrail.lifecycle.retirement import LIVES, Expected, expected, summed
from voltrail.regimes.china.provinces import PROVINCES
from voltrail.registry.flows import Wanted
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page, sankey, tiles
from voltrail.web.sheets import Column, Row, Sheet

ON_PAGE: Final = 50
ORDER: Final = ("in_use", "on_hand", "waste", "ended", "unclear")
_LEFT: Final = frozenset({"exported"})  # they retire elsewhere
_RETIRED: Final = frozenset({"waste", "dismantled", "recycled", "succeeded", "destroyed"})
_COLUMNS: Final = ("province", "maker", "status")
_COUNTED: Final = (
    Column("province", heading="Province"),
    Column("maker", heading="Maker"),
    Column("status", "name", "Status"),
    Column("packs", "integer", "Packs"),
)
_PACKS: Final = (
    Column("code", heading="Code"),
    Column("province", heading="Province"),
    Column("maker", heading="Maker"),
    Column("year", "integer", "Year made"),
    Column("status", "name", "Status"),
)
_RETIREMENT: Final = (
    Column("year", "integer", "Year made"),
    Column("type", heading="Battery type"),
    Column("packs", "integer", "Packs"),
    Column("retired", "integer", "Retired by the record"),
    Column("likely", "integer", "Likely"),
    Column("low", "integer", "At least"),
    Column("high", "integer", "At most"),
)

ProvinceAsked = Annotated[
    str | None,
    QueryParameter(max_length=2, description="two digits of GB/T 2260; - where the record does not say"),
]
MakerAsked = Annotated[
    str | None,
    QueryParameter(max_length=3, description="the maker's part of the code; - for an id without one"),
]
YearAsked = Annotated[
    int | None, QueryParameter(ge=0, le=9999, description="the year of making; 0 where the code does not say")
]
StatusAsked = Annotated[str | None, QueryParameter(description="such as in_vehicle, waste or recycled")]


@get("/authority/flows", sync_to_thread=True, summary="Where packs are")
def flows(
    request: Asked,
    province: ProvinceAsked = None,
    maker: MakerAsked = None,
    year: YearAsked = None,
    status: StatusAsked = None,
) -> Response[bytes]:
    """
    Return how many packs there are by province, maker and status, and by year, of those that are asked for.
    """
    registry, _ = registry_of(request), for_authority(request)
    wanted, left = _wanted(province, maker, year, status), registry.flows.follow()
    by_year = registry.flows.counts(wanted, "year")
    if not wants_page(request):
        counted = registry.flows.counts(wanted, *_COLUMNS)
        return as_json(
            {
                "flows": [dict(zip((*_COLUMNS, "packs"), row, strict=True)) for row in counted],
                "years": [{"year": year, "packs": number} for year, number in by_year],
                "entries_behind": left,
            }
        )
    sums = {name: _sums(registry.flows.counts(wanted, name)) for name in _COLUMNS}
    makers, provinces = (sankey.largest(sums[name]) for name in ("maker", "province"))
    ways = registry.flows.ways(wanted, makers, provinces, sankey.REST)
    grouped = [((maker, province, GROUPS[status]), number) for (maker, province, status), number in ways]
    return as_page(
        page_for(request),
        "flows",
        wanted=wanted,
        asked=_asked(wanted),
        packs=sum(sums["status"].values()),
        groups=_grouped(sums["status"]),
        groups_of=GROUPS,
        picture=sankey.draw(grouped, ORDER),
        size=(sankey.WIDTH, sankey.HEIGHT, sankey.BAR, sankey.REST),
        tiles=tiles.draw(sums["province"]),
        map_size=(tiles.WIDTH, tiles.HEIGHT, tiles.SIDE),
        sums=sums | {"year": dict(by_year)},
        provinces=PROVINCES,
        statuses=STATUSES,
        makers=[maker for maker, _ in registry.flows.counts(Wanted(), "maker")],
        years=[year for year, _ in registry.flows.counts(Wanted(), "year")],
        maker_names=_named(registry, registry.flows.makers()),
        left=left,
    )


@get("/authority/flows/batteries", sync_to_thread=True, summary="The packs behind a number")
def batteries(
    request: Asked,
    province: ProvinceAsked = None,
    maker: MakerAsked = None,
    year: YearAsked = None,
    status: StatusAsked = None,
    after: After = None,
) -> Response[bytes]:
    """Return the packs that are asked for, one by one; `next` is the `after` of the next page."""
    registry, _ = registry_of(request), for_authority(request)
    wanted = _wanted(province, maker, year, status)
    found, following = registry.flows.page(wanted, ON_PAGE, after)
    if not wants_page(request):
        return as_json({"batteries": [msgspec.structs.asdict(one) for one in found], "next": following})
    return as_page(
        page_for(request),
        "flow_batteries",
        found=found,
        wanted=wanted,
        asked=_asked(wanted),
        following=following,
        after=after,
        count=sum(row[-1] for row in registry.flows.counts(wanted, "status")),
        provinces=PROVINCES,
        maker_names=_named(registry, registry.flows.makers()),
    )


@taken("/authority/flows", summary="Where packs are, as a file")
def flow_files(
    request: Asked,
    province: ProvinceAsked = None,
    maker: MakerAsked = None,
    year: YearAsked = None,
    status: StatusAsked = None,
) -> Stream:
    """Return the numbers of such a page as a file: province, maker, status, packs."""
    registry, _ = registry_of(request), for_authority(request)
    wanted = _wanted(province, maker, year, status)

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - of the registry's own books
        counted = registry.flows.counts(wanted, *_COLUMNS)
        return Sheet("flows", page.say("Where packs are"), _COUNTED, [counted], stands="beside")

    return take_away(request, making)


@taken("/authority/flows/batteries", summary="The packs behind a number, as a file")
def pack_files(
    request: Asked,
    province: ProvinceAsked = None,
    maker: MakerAsked = None,
    year: YearAsked = None,
    status: StatusAsked = None,
) -> Stream:
    """Return all packs that are asked for as a file."""
    registry, _ = registry_of(request), for_authority(request)
    wanted = _wanted(province, maker, year, status)

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - of the registry's own books
        runs = ([_cells(one) for one in run] for run in registry.flows.all(wanted))
        return Sheet("packs", page.say("Packs"), _PACKS, runs, stands="beside")

    return take_away(request, making)


@get("/authority/flows/retirement", sync_to_thread=True, summary="What should have retired by now")
def retirement(request: Asked) -> Response[bytes]:
    """
    Return an estimate of how many packs should have retired by now, with its interval, and how many did by
    the record.
    """
    registry, _ = registry_of(request), for_authority(request)
    left = registry.flows.follow()
    found = _estimate(registry)
    whole = summed(found)
    if not wants_page(request):
        return as_json(
            {
                "estimate": msgspec.to_builtins(whole),
                "cohorts": [msgspec.to_builtins(one) for one in found],
                "model": [msgspec.to_builtins(one) for one in LIVES.values()],
                "entries_behind": left,
            }
        )
    years: dict[int, list[Expected]] = defaultdict(list)
    for one in found:
        if one.likely is not None:
            years[one.year].append(one)
    by_year = [msgspec.structs.replace(summed(ours), year=year) for year, ours in sorted(years.items())]
    return as_page(
        page_for(request),
        "retirement",
        whole=whole,
        by_year=by_year,
        most=max([one.high or 0 for one in by_year] + [float(one.retired) for one in by_year] + [1.0]),
        without=sum(one.packs for one in found if one.likely is None),
        lives=LIVES.values(),
        left=left,
    )


@taken("/authority/flows/retirement", summary="What should have retired by now, as a file")
def retirement_files(request: Asked) -> Stream:
    """Return the estimate by year of making and battery type as a file."""
    registry, _ = registry_of(request), for_authority(request)

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - of the registry's own books
        rows = [
            (
                one.year,
                one.type,
                one.packs,
                one.retired,
                *(_rounded(each) for each in (one.likely, one.low, one.high)),
            )
            for one in _estimate(registry)
        ]
        title = page.say("What should have retired by now")
        return Sheet("retirement", title, _RETIREMENT, [rows], stands="beside")

    return take_away(request, making)


def _estimate(registry: Any) -> list[Expected]:
    packs: dict[tuple[int, str], tuple[int, int]] = {}
    for year, letter, status, number in registry.flows.counts(Wanted(), "year", "type", "status"):
        if status in _LEFT:
            continue
        before = packs.get((year, letter), (0, 0))
        packs[year, letter] = (before[0] + number, before[1] + number * (status in _RETIRED))
    return expected(packs, day_of(datetime.now(UTC)))


def _rounded(number: float | None) -> int | None:
    return None if number is None else round(number)


def _wanted(province: str | None, maker: str | None, year: int | None, status: str | None) -> Wanted:
    """Return what was asked for; an empty field of a form asks for nothing."""
    wanted = Wanted(province or None, maker or None, year, status or None)
    wanted.check()
    return wanted


def _asked(wanted: Wanted) -> dict[str, Any]:
    return msgspec.structs.asdict(wanted)


def _sums(counted: list[tuple[Any, ...]]) -> dict[Any, int]:
    """Return numbers by name, the largest first."""
    return dict(sorted(counted, key=lambda pair: (-pair[1], str(pair[0]))))


def _grouped(statuses: dict[str, int]) -> dict[str, int]:
    sums = dict.fromkeys(ORDER, 0)
    for status, number in statuses.items():
        sums[GROUPS[status]] += number
    return sums


def _named(registry: Any, makers: dict[str, str]) -> dict[str, str]:
    names = registry.names(set(makers.values()))
    return {maker: names.get(organisation) or organisation for maker, organisation in makers.items()}


def _cells(one: Flow) -> Row:
    return (one.code, one.province, one.maker, one.year or None, one.status)


ROUTES: Final = (flows, batteries, *flow_files, *pack_files, retirement, *retirement_files)
