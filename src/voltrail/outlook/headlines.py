"""The figures that everybody quotes, computed from the rows, each with what it counts and stands on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from voltrail.errors import UsageError
from voltrail.outlook.book import Book, Row
from voltrail.outlook.checks import Quantity, at_home, combine, quantity, share
from voltrail.outlook.classes import LAST

CHINESE: Final = frozenset({"CATL", "BYD", "CALB", "Gotion", "EVE", "Sunwoda", "SVOLT", "Farasis"})
"""The Chinese makers that have been among the ten largest."""

_QUARTERS: Final = {"Q1": (1, 2, 3), "Q2": (4, 5, 6), "Q3": (7, 8, 9), "Q4": (10, 11, 12)}
_SIX: Final = 6


class Headline(msgspec.Struct, frozen=True, kw_only=True):
    """
    A figure with its definition; `rows` are what it stands on.

    `published` is what a source says of the same, where one does and ours is computed; `least` says that
    ours is without a figure that is missing, and so the least that it can be.
    """

    id: str
    name: str
    name_zh: str
    definition: str
    definition_zh: str
    period: str
    value: float
    unit: str
    status: str
    rows: tuple[Row, ...]
    published: float | None = None
    least: bool = False


def headlines(book: Book, known_at: str = "9999") -> list[Headline]:
    """Return the headline figures, but those for which a figure was not known at `known_at`."""

    def one(series: str, segment: str, period: str) -> Quantity:
        for row in book.of(series, segment, known_at=known_at):
            if row.period == period:
                return quantity(row)
        raise UsageError(
            "outlook.missing",
            f"{series} {segment} of {period} is missing.",
            "Add it, or take another period.",
        )

    last = str(LAST)
    following = str(LAST + 1)

    def all_sold() -> Quantity:
        return one("vehicle_sales", "all incl. exports", last)

    def new_sold() -> Quantity:
        return one("nev_sales", "all incl. exports", last)

    def home_share() -> Quantity:
        return share(
            at_home(new_sold(), one("nev_exports", "all", last)),
            at_home(all_sold(), one("vehicle_exports", "all", last)),
        )

    def quarter(name: str) -> Quantity:
        months = [f"{last}-{month:02}" for month in _QUARTERS[name]]
        new, every = (
            combine(
                [one(series, "domestic registrations", month) for month in months],
                f"{last}-{name}",
                series,
            )
            for series in ("ne_hdt_sales", "hdt_sales")
        )
        return share(new, every)

    wanted: list[tuple[str, Callable[[], Quantity], tuple[str, str, str] | None]] = [
        ("production", lambda: one("vehicle_production", "all", last), None),
        ("sales", all_sold, None),
        ("nev_sales", new_sold, None),
        ("nev_share", lambda: share(new_sold(), all_sold()), ("nev_share_all", "incl. exports", last)),
        ("nev_share_home", home_share, ("nev_share_domestic", "domestic (excl. exports)", last)),
        ("caam_forecast", lambda: one("caam_forecast", "NEV sales", following), None),
        *(
            (
                f"trucks_{name}",
                lambda name=name: quarter(name),
                ("ne_hdt_share", "domestic registrations", f"{last}-{name}"),
            )
            for name in _QUARTERS
        ),
    ]
    found = []
    for key, compute, elsewhere in wanted:
        try:
            got = compute()
            said = one(*elsewhere).value if elsewhere else None
        except UsageError as error:
            if error.rule != "outlook.missing":
                raise
            continue
        found.append(_headline(key, got, said))
    return found + [each for year in range(2022, LAST + 1) for each in _six(book, year, known_at)]


def six_makers(book: Book, year: int, known_at: str = "9999") -> tuple[Quantity | None, list[str]]:
    """
    Return the share of the six Chinese makers among the ten largest, and whose figure is missing in it.

    None where the rows do not hold ten makers of one vintage with their total.
    """
    rows = [row for row in book.of("sne_usage", known_at=known_at) if row.period == str(year)]
    makers = [row for row in rows if row.segment != "TOTAL"]
    vintages = {row.vintage for row in makers}
    six = [row for row in makers if row.segment in CHINESE]
    if len(makers) < 10 or len(six) != _SIX or len(vintages) != 1:
        return None, []
    totals = [row for row in book.vintages("sne_usage", str(year), "TOTAL") if row.vintage in vintages]
    known = [quantity(row) for row in six if row.value is not None]
    if not totals or not known:
        return None, []
    together = combine(known, str(year), "six Chinese makers")
    return share(together, quantity(totals[-1])), [row.segment for row in six if row.value is None]


def _six(book: Book, year: int, known_at: str) -> list[Headline]:
    said = [
        row
        for row in book.of("sne_share_six_chinese", known_at=known_at)
        if row.period == str(year) and row.value is not None
    ]
    computed, missing = six_makers(book, year, known_at)
    if computed is None and said:
        return [_headline("six_makers", quantity(said[0]), None)]
    if computed is None:
        return []
    published = said[0].value if said else None
    return [_headline("six_makers", computed, published, least=bool(missing))]


def _headline(key: str, got: Quantity, published: float | None, *, least: bool = False) -> Headline:
    name, name_zh, definition, definition_zh = _WORDS[key.partition("_Q")[0]]
    return Headline(
        id=key if key != "six_makers" else f"six_makers_{got.period}",
        name=name,
        name_zh=name_zh,
        definition=definition,
        definition_zh=definition_zh,
        period=got.period,
        value=got.value,
        unit=got.unit,
        status=got.status,
        rows=got.rows,
        published=published,
        least=least,
    )


_WORDS: Final = {
    "production": (
        "Vehicles made",
        "汽车产量",
        "All motor vehicles made in China (CAAM).",
        "中国境内生产的全部汽车（中汽协）。",
    ),
    "sales": (
        "Vehicles sold",
        "汽车销量",
        "All motor vehicles, wholesale, exports inside (CAAM).",
        "全部汽车批发销量，含出口（中汽协）。",
    ),
    "nev_sales": (
        "New-energy vehicles sold",
        "新能源汽车销量",
        "Battery-electric, plug-in hybrid and fuel-cell vehicles, wholesale, exports inside (CAAM).",
        "纯电动、插电式混合动力和燃料电池汽车批发销量，含出口（中汽协）。",
    ),
    "nev_share": (
        "New-energy share, exports inside",
        "新能源汽车占比（含出口）",
        "New-energy vehicles sold over all vehicles sold, both with exports.",
        "新能源汽车销量除以汽车总销量，两者均含出口。",
    ),
    "nev_share_home": (
        "New-energy share at home",
        "新能源汽车占比（国内）",
        "New-energy vehicles sold over all vehicles sold, exports taken off both.",
        "新能源汽车销量除以汽车总销量，两者均扣除出口。",
    ),
    "caam_forecast": (
        "New-energy sales that CAAM expects",
        "中汽协预测新能源汽车销量",
        "CAAM’s forecast of wholesale, exports inside.",
        "中汽协对批发销量（含出口）的预测。",
    ),
    "trucks": (
        "New-energy share of heavy trucks",
        "新能源重卡渗透率",
        "New-energy heavy trucks over all heavy trucks registered at home, summed over the months.",
        "国内上险的新能源重卡除以全部重卡，按月累加。",
    ),
    "six_makers": (
        "Six Chinese makers’ share of the world’s batteries",
        "六家中国企业的全球份额",
        "Chinese makers among the ten largest, over all batteries in vehicles registered in the world (SNE).",
        "前十名中的中国企业，占全球登记车辆所装电池的份额（SNE）。",
    ),
}
