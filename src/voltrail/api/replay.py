"""/stations/replay: one simulated day of a swap station, to be watched."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Final, get_args, get_type_hints

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from voltrail.api.answers import Asked, as_json, as_page, page_for, tell_programs, wants_page
from voltrail.api.planning import FORM, Wanted
from voltrail.errors import UsageError
from voltrail.swap.replay import Replay, day
from voltrail.swap.scenario import ChargingPart, Scenario
from voltrail.web.planning import SLIDERS
from voltrail.web.replay import BAY, CURVES, WIDTH, by_hour, draw

MOST_SWAPS: Final = 600  # a day that are drawn, and can be told apart
MOST_PACKS: Final = 120
MOST_SEED: Final = 2**31
_KEPT: Final = 32  # days that were asked for last
_FIELDS: Final = ("swaps_per_day", "packs", "chargers", "charger_kw")
_POLICIES: Final[tuple[str, ...]] = get_args(get_type_hints(ChargingPart)["policy"])

Policy = Annotated[
    str | None,
    QueryParameter(
        max_length=30, description="when packs charge: as_soon_as_possible, valley_only or planned"
    ),
]
Seed = Annotated[
    str | None, QueryParameter(max_length=12, description="of chance: the same gives the same day")
]


@get("/stations/replay", sync_to_thread=True, dependencies=FORM, summary="A day of a swap station, replayed")
def replay(
    request: Asked, wanted: NamedDependency[Wanted], policy: Policy = None, seed: Seed = None
) -> Response[bytes]:
    """
    Return one simulated day: every truck, every pack in its slot with its charge, power and queue.

    Lines are breakpoints of minute and value. Numbers that are not given are those of an example.
    """
    wrong, found = dict(wanted.wrong), None
    number = _seed(seed, wrong)
    if (policy := policy or _POLICIES[0]) not in _POLICIES:
        wrong["policy"] = UsageError(
            "usage.choice", f"{policy!r} is no choice.", f"Take one of {', '.join(_POLICIES)}."
        )
    scenario = wanted.scenario or Scenario()
    error = next(iter(wrong.values()), None)
    if error is None:
        try:
            found = _day(_with_policy(scenario, policy), number)
        except UsageError as raised:
            error = raised
    tell_programs(request, error)
    if not wants_page(request):
        return as_json({"scenario": scenario, "day": found})
    shown = {**wanted.shown(), "policy": policy, "seed": str(number)}
    return as_page(
        page_for(request),
        "replay",
        400 if wrong else 200,
        error=error,
        wrong=wrong,
        day=found,
        picture=draw(found) if found else None,
        hours=by_hour(found) if found else [],
        policies=_POLICIES,
        sliders=[one for one in SLIDERS if one.name in _FIELDS],
        hidden=[name for name in wanted.shown() if name not in _FIELDS],
        shown=shown,
        planned=wanted.shown(),
        width=WIDTH,
        curves=CURVES,
        bay=BAY,
    )


@lru_cache(_KEPT)
def _day(scenario: Scenario, seed: int) -> Replay:
    if scenario.station.packs > MOST_PACKS or (scenario.demand.swaps_per_day or 0) > MOST_SWAPS:
        raise UsageError(
            "swap.number",
            f"{scenario.demand.swaps_per_day:g} swaps with {scenario.station.packs} packs are not drawn.",
            f"Give up to {MOST_SWAPS} swaps a day and {MOST_PACKS} packs.",
        )
    return day(scenario, seed)


def _with_policy(scenario: Scenario, policy: Any) -> Scenario:
    charging = msgspec.structs.replace(scenario.charging, policy=policy)
    return msgspec.structs.replace(scenario, charging=charging)


def _seed(text: str | None, wrong: dict[str, UsageError]) -> int:
    text = (text or "1").strip()
    if text.isascii() and text.isdigit() and int(text) < MOST_SEED:
        return int(text)
    wrong["seed"] = UsageError(
        "swap.number", f"{text!r} is no seed.", f"Give a number from 0 to {MOST_SEED - 1}."
    )
    return 1


ROUTES: Final = (replay,)
