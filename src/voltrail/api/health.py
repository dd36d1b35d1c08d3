"""/b/{code}/health: how healthy a battery is, month by month, from what its vehicle sends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from voltrail.api.access import reader_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import CodeText
from voltrail.api.take_away import take_away, taken
from voltrail.codes import parse
from voltrail.errors import NotFound
from voltrail.gateway.cells import cells_of
from voltrail.gateway.folder import Folder
from voltrail.gateway.health_store import HealthStore
from voltrail.organisations.access import BATTERY, Reader
from voltrail.registry.decisions import condition_hidden
from voltrail.registry.registry import Registry
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page
from voltrail.web import health as words
from voltrail.web.catalogue import later
from voltrail.web.heat import Heat
from voltrail.web.heat import draw as draw_heat
from voltrail.web.sheets import Column, Row, Sheet

SESSIONS_ON_PAGE: Final = 15
SESSIONS_DRAWN: Final = 500
EVENTS: Final = 500
_TO_THE_END: Final = timedelta(seconds=1)
_LATER: Final = 2**62  # an entry that comes after all others

_CUSTODY: Final = ("vin", "odometer_km")  # of a row, for who may see where the battery was then
_OF_MONTH: Final = (
    "month",
    "soh_fraction",
    "soh_low",
    "soh_high",
    "capacity_ah",
    "refusal",
    "sessions",
    "used",
    "rows",
    "driven_km",
    "charged_kwh",
    "probe_mean_c",
    "probe_max_c",
    "spread_mv",
    "weakest_cell",
    "weakest_share",
    "alarms",
    "method",
    "method_version",
    "trace_digest",
)
_OF_SESSION: Final = (
    "soc_from_percent",
    "soc_to_percent",
    "charge_ah",
    "energy_kwh",
    "capacity_ah",
    "capacity_sd_ah",
    "refusal",
    "probe_min_c",
    "probe_max_c",
    "rows",
)

Number = Annotated[int | None, QueryParameter(ge=1, le=2**31, description="the number of a charging session")]
Before = Annotated[int | None, QueryParameter(ge=1, le=2**31, description="`next` of the page before")]


@get("/b/{code:str}/health", sync_to_thread=True, summary="How healthy a battery is, month by month")
def health(request: Asked, code: CodeText, session: Number = None, before: Before = None) -> Response[bytes]:
    """
    Return a battery's state of health by month with its interval, and its charging sessions, the last first.

    For those who may see how worn it is: its holder, owner, who has a grant, authorities. `session` shows the
    cells in one session; without it they are those of the last that is on the page.
    """
    registry, text = registry_of(request), parse(code).text
    battery, known = _shown(request, text)
    earlier = [one for one in reversed(known.sessions) if before is None or one["number"] < before]
    shown = earlier[:SESSIONS_ON_PAGE]
    following = shown[-1]["number"] if len(earlier) > len(shown) else None
    if session is not None and session > len(known.sessions):
        raise NotFound(
            "health.session",
            f"{text} has {len(known.sessions):,} charging sessions; there is no number {session:,}.",
            f"They are listed at /b/{text}/health.",
        )
    if not wants_page(request):
        return as_json({"code": text, "months": known.months, "sessions": shown, "next": following})
    told = registry.history(text, reader_of(request), EVENTS, order="life")["events"]
    events = [one for one in told if one["corrected_by"] is None and one["kind"] != "corrected"]
    number = session or (shown[0]["number"] if shown else None)
    return as_page(
        page_for(request),
        "health",
        battery=battery,
        chemistry=battery.get("chemistry") or (battery.get("model") or {}).get("chemistry"),
        months=known.months,
        sessions=shown,
        count=len(known.sessions),
        before=before,
        following=following,
        events=events,
        life=words.life(known.months, events),
        capacities=words.capacities(known.whole[-SESSIONS_DRAWN:]),
        chosen=known.sessions[number - 1] if number else None,
        heat=_heat(registry, text, known.whole[number - 1]) if number else None,
        words=words,
    )


class _Known:
    """
    What telemetry says of one battery, as a reader may see it; sessions are numbered from the first.

    Who had it then sees when it charged and in which vehicle; others see the day.
    """

    def __init__(self, registry: Registry, code: str, reader: Reader) -> None:
        with registry.database.pool.connection() as connection:
            self._sight = registry.sights(connection).sight(code, reader)
        store = HealthStore(Folder.of(registry.data))
        self.whole = sorted(store.sessions(code).to_pylist(), key=lambda one: one["began_at"])
        self.sessions = [self._session(number, row) for number, row in enumerate(self.whole, 1)]
        self.months = [self._month(row) for row in store.months(code).to_pylist()]

    def _session(self, number: int, row: dict[str, Any]) -> dict[str, Any]:
        began: datetime = row["began_at"]
        seen = {"number": number, "day": began.date()} | {name: row[name] for name in _OF_SESSION}
        if self._had_it(began):
            seen |= {name: row[name] for name in ("began_at", "ended_at", *_CUSTODY)}
        return seen

    def _month(self, row: dict[str, Any]) -> dict[str, Any]:
        seen = {name: row[name] for name in _OF_MONTH}
        if self._had_it(datetime.combine(row["month"], time(), UTC)):
            seen |= {name: row[name] for name in _CUSTODY}
        return seen

    def _had_it(self, at: datetime) -> bool:
        return self._sight.event("measured", _LATER, _ms(at), "").see(BATTERY, "vin")


def _shown(request: Asked, code: str) -> tuple[dict[str, Any], _Known]:
    """Return a battery and what is known of its health. Raises AccessError for who may not see that."""
    registry, reader = registry_of(request), reader_of(request)
    battery = registry.battery(code, reader=reader)
    if "soh_fraction" not in battery:
        raise condition_hidden()
    return battery, _Known(registry, battery["code"], reader)


def _heat(registry: Registry, code: str, row: dict[str, Any]) -> Heat | None:
    """Return the picture of the cells in a session."""
    cells = cells_of(registry, code, row["vin"], row["began_at"], row["ended_at"] + _TO_THE_END)
    return draw_heat(*cells) if cells is not None else None


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@taken("/b/{code:str}/health/months", summary="A battery's health by month, as a file")
def months_file(request: Asked, code: CodeText) -> Stream:
    """Return a battery's state of health by month; for those who may see how worn it is."""
    return _file(
        request, code, "health", later("Health of {code} by month"), _MONTHS, lambda known: known.months
    )


@taken("/b/{code:str}/health/sessions", summary="A battery's charging sessions, as a file")
def sessions_file(request: Asked, code: CodeText) -> Stream:
    """Return a battery's charging sessions, the first first; for those who may see how worn it is."""
    return _file(
        request,
        code,
        "sessions",
        later("Charging sessions of {code}"),
        _SESSIONS,
        lambda known: known.sessions,
    )


def _file(
    request: Asked,
    code: str,
    name: str,
    title: str,
    columns: tuple[Column, ...],
    rows_of: Callable[[_Known], Sequence[dict[str, Any]]],
) -> Stream:
    text = parse(code).text
    _, known = _shown(request, text)
    runs: list[list[Row]] = [[tuple(row.get(one.name) for one in columns) for row in rows_of(known)]]

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - it is no part of the record
        return Sheet(f"{text}-{name}", page.say(title, code=text), columns, runs, stands="beside")

    return take_away(request, making)


_MONTHS: Final = (
    Column("month", "day", "Month"),
    Column("soh_fraction", "number"),
    Column("soh_low", "number"),
    Column("soh_high", "number"),
    Column("capacity_ah", "number"),
    Column("refusal", heading="Why there is no figure"),
    Column("sessions", "integer", "Charging sessions"),
    Column("used", "integer", "of them used"),
    Column("rows", "integer", "Reports it rests on"),
    Column("driven_km", "number", "Driven (km)"),
    Column("charged_kwh", "number", "Charged (kWh)"),
    Column("probe_mean_c", "number", "Temperature, mean (°C)"),
    Column("probe_max_c", "integer", "Temperature, highest (°C)"),
    Column("spread_mv", "number", "Cell spread (mV)"),
    Column("weakest_cell", "integer", "Weakest cell"),
    Column("weakest_share", "number", "how often it is the lowest"),
    Column("alarms", "integer", "Reports with an alarm"),
    Column("method"),
    Column("method_version"),
    Column("trace_digest"),
    Column("vin"),
    Column("odometer_km", "number"),
)
_SESSIONS: Final = (
    Column("number", "integer", "Number"),
    Column("day", "day", "Day"),
    Column("began_at", "time", "Began"),
    Column("ended_at", "time", "Ended"),
    Column("soc_from_percent", "integer", "Charge at the beginning (%)"),
    Column("soc_to_percent", "integer", "Charge at the end (%)"),
    Column("charge_ah", "number", "Charged (Ah)"),
    Column("energy_kwh", "number", "Charged (kWh)"),
    Column("capacity_ah", "number"),
    Column("capacity_sd_ah", "number", "its standard deviation (Ah)"),
    Column("refusal", heading="Why there is no figure"),
    Column("probe_min_c", "integer", "Temperature, lowest (°C)"),
    Column("probe_max_c", "integer", "Temperature, highest (°C)"),
    Column("rows", "integer", "Reports it rests on"),
    Column("vin"),
    Column("odometer_km", "number"),
)

ROUTES: Final = (health, *months_file, *sessions_file)
