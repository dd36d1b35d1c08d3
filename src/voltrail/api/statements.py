"""/stations/statements: who used, charged and wore out what, for each that swaps packs."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from voltrail.api.access import reader_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.take_away import take_away, taken
from voltrail.api.work import reading
from voltrail.errors import UsageError
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.settlements import read_settlement
from voltrail.registry.sights import SEES_ALL
from voltrail.registry.snapshot import Snapshot
from voltrail.swap.settlement import OFS, Account, Of, Settlement, accounts, reconcile
from voltrail.web import Page
from voltrail.web.catalogue import later
from voltrail.web.sheets import Column, Sheet

OPEN_SHOWN: Final = 200

OfAsked = Annotated[str, QueryParameter(name="of", description="`truck`, `station` or `owner`")]
From = Annotated[date | None, QueryParameter(name="from", description="the first day; else of last month")]
Until = Annotated[date | None, QueryParameter(description="the day after the last; else of last month")]

_ROWS: Final = (
    Column("key", heading="Whose"),
    Column("settled", "integer", "Stays settled"),
    Column("open", "integer", "Stays open"),
    Column("used_wh", "integer", "Used (Wh)"),
    Column("charged_wh", "integer", "Charged (Wh)"),
    Column("in_wh", "integer", "Came in packs (Wh)"),
    Column("out_wh", "integer", "Left in packs (Wh)"),
    Column("before_wh", "integer", "There before (Wh)"),
    Column("after_wh", "integer", "Not settled yet (Wh)"),
    Column("unmatched_wh", "integer", "Left without a beginning (Wh)"),
    Column("lost_ppb", "integer", "Health lost (billionths)"),
)


@get("/stations/statements", sync_to_thread=True, summary="Statements of swapped energy and health")
def statements(
    request: Asked, of: OfAsked = "truck", since: From = None, until: Until = None
) -> Response[bytes]:
    """
    Return what each truck used, each station charged, or each owner's packs gave and took, in a period.

    Each organisation sees the stays of packs at its stations and of packs that are its own, authorities all.
    What is `open` names its reason; `reconciles` says that all statements add up to the swaps.
    """
    reading(request)
    kind, first, last = _of(of), *_period(since, until)
    registry = registry_of(request)
    left = registry.stations.follow()
    with registry.database.pool.connection() as connection:
        whole, own, swaps = read_settlement(connection, _begin(first), _begin(last), _whose(request))
    found = accounts(own, kind)
    holds = all(one.holds for one in reconcile(whole, swaps))
    if not wants_page(request):
        return as_json(
            {
                "of": kind,
                "from": first.isoformat(),
                "until": last.isoformat(),
                "statements": found,
                "open": open_of(own),
                "losses": losses_of(own),
                "reconciles": holds,
                "entries_behind": left,
            }
        )
    return as_page(
        page_for(request),
        "statements",
        of=kind,
        ofs=OFS,
        first=first.isoformat(),
        last=last.isoformat(),
        found=found,
        open=open_of(own)[:OPEN_SHOWN],
        holds=holds,
        names=registry.names({one.key for one in found if one.key}) if kind == "owner" else {},
        left=left,
    )


@taken("/stations/statements", summary="Statements of swapped energy and health, as a file")
def statement_files(request: Asked, of: OfAsked = "truck", since: From = None, until: Until = None) -> Stream:
    """Return the statements as a table, a row for each truck, station or owner."""
    reading(request)
    kind, first, last = _of(of), *_period(since, until)
    whose = _whose(request)
    registry_of(request).stations.follow()

    def making(snapshot: Snapshot, page: Page) -> Sheet:
        _, own, _ = read_settlement(snapshot.connection, _begin(first), _begin(last), whose)
        rows = [_row(one) for one in accounts(own, kind)]
        title = page.say(later("Statements of swapped energy and health"))
        return Sheet(f"statements-{kind}", title, _ROWS, [rows], stands="followed")

    return take_away(request, making)


def open_of(settlement: Settlement) -> list[dict[str, Any]]:
    """Return the stays that are open, for programs and pages: which, where, why, since or until when."""
    return [
        {
            "pack": one.pack,
            "place": one.place,
            "where": one.where,
            "reason": one.reason,
            "began": msgspec.to_builtins(one.began),
            "ended": msgspec.to_builtins(one.ended),
        }
        for one in settlement.stays
        if one.reason is not None
    ]


def losses_of(settlement: Settlement) -> list[dict[str, Any]]:
    """Return what packs lost in health and how it is shared, for programs."""
    return [
        {
            "pack": one.pack,
            "from": one.began.isoformat(),
            "until": one.ended.isoformat(),
            "lost_ppb": one.lost_ppb,
            "unshared": one.unshared,
            "shares": [
                {"place": stay.place, "where": stay.where, "wh": stay.wh, "lost_ppb": ppb}
                for stay, ppb in one.shares
            ],
        }
        for one in settlement.losses
    ]


def _row(one: Account) -> list[Any]:
    cells = [getattr(one, column.name) for column in _ROWS]
    cells[2] = sum(one.open.values())
    return cells


def _whose(request: Asked) -> str | None:
    reader = reader_of(request)
    return None if reader.audience in SEES_ALL else reading(request).organisation


def _of(asked: str) -> Of:
    for one in OFS:
        if asked == one:
            return one
    raise UsageError(
        "usage.choice", f"There are no statements of {asked[:40]!r}.", f"Use one of {', '.join(OFS)}."
    )


def _period(since: date | None, until: date | None) -> tuple[date, date]:
    """
    Return the days asked for; last month, where none are, and a month from one that is alone.

    Raises UsageError (`settlement.period`) at the ends of the calendar.
    """
    try:
        if since is None:
            this = (until or datetime.now(CHINA).date()).replace(day=1)
            since = (this - timedelta(days=1)).replace(day=1) if until is None or until == this else this
            until = until or this
        return since, until or (since.replace(day=1) + timedelta(days=32)).replace(day=1)
    except OverflowError:
        raise UsageError(
            "settlement.period",
            "There are no months beyond that day.",
            "Give `from` and a later `until`, of a time when packs were swapped.",
        ) from None


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), CHINA)


ROUTES: Final = (statements, *statement_files)
