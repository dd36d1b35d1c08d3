"""/stations/planning: a swap station on paper, simulated while its numbers are moved."""

from __future__ import annotations

import math
import time
from functools import lru_cache
from threading import BoundedSemaphore
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter

from voltrail.api.answers import Asked, as_json, as_page, page_for, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.errors import UsageError
from voltrail.swap.planning import PROFILES, UPTO_MIN, Outlook, cheapest, look_ahead, whatever_stands
from voltrail.swap.scenario import Scenario, as_toml, scenario_of
from voltrail.swap.sizing import Sized
from voltrail.web.planning import HEIGHT, SLIDERS, WIDTH, Curve, Slider, draw

HandOver = Annotated[
    str | None,
    QueryParameter(max_length=20, description="when the truck’s pack is plugged in: swap or arrival"),
]
Hours = Annotated[
    str | None,
    QueryParameter(max_length=20, description="how trucks spread over the day: even, by_day or two_rushes"),
]


_SIZING: Final = BoundedSemaphore(2)  # stations that are sized at a time: each takes a core
_PATIENCE_S: Final = 4.0
_KEPT: Final = 256  # sizes that were found last: moving packs, chargers or bays does not change them
CHOICES: Final = {"hand_over": ("swap", "arrival"), "hours": tuple(PROFILES)}


Size = Annotated[
    str | None, QueryParameter(max_length=8, description="cheapest: say which size would be the cheapest")
]


class Wanted(msgspec.Struct, frozen=True):
    """What was asked for, as it was typed; the scenario, unless something of it is wrong."""

    typed: dict[str, str]
    wrong: dict[str, UsageError]
    scenario: Scenario | None

    def shown(self) -> dict[str, str]:
        """Return what stands in the fields: what was typed, else what the scenario has."""
        return _shown(self.scenario or Scenario()) | self.typed


def _wanted(
    packs: Annotated[
        str | None, QueryParameter(max_length=20, description="packs beside those in trucks")
    ] = None,
    chargers: Annotated[str | None, QueryParameter(max_length=20, description="how many chargers")] = None,
    charger_kw: Annotated[str | None, QueryParameter(max_length=20, description="kW of a charger")] = None,
    bays: Annotated[str | None, QueryParameter(max_length=20, description="how many bays")] = None,
    swap_min: Annotated[str | None, QueryParameter(max_length=20, description="minutes of a swap")] = None,
    hand_over: HandOver = None,
    hours: Hours = None,
    energy_kwh: Annotated[str | None, QueryParameter(max_length=20, description="kWh of a pack")] = None,
    arrives_percent: Annotated[
        str | None, QueryParameter(max_length=20, description="charge of a pack when it arrives, in per cent")
    ] = None,
    swaps_per_day: Annotated[str | None, QueryParameter(max_length=20, description="trucks a day")] = None,
    mean_wait_min: Annotated[
        str | None, QueryParameter(max_length=20, description="minutes that trucks may wait on average")
    ] = None,
    p95_wait_min: Annotated[
        str | None,
        QueryParameter(max_length=20, description="minutes that 95 of 100 trucks may wait at most"),
    ] = None,
) -> Wanted:
    """Read the numbers of a form; those that are not given are those of an example."""
    given = dict(locals())
    typed = {name: text.strip() for name, text in given.items() if text and text.strip()}
    values: dict[str, dict[str, Any]] = {}
    wrong: dict[str, UsageError] = {}
    for slider in SLIDERS:
        if slider.name in typed:
            try:
                number = _number(slider, typed[slider.name])
            except UsageError as error:
                wrong[slider.name] = error
            else:
                values.setdefault(slider.part, {})[slider.member] = number
    for name, choices in CHOICES.items():
        if (chosen := typed.get(name, choices[0])) not in choices:
            wrong[name] = UsageError(
                "usage.choice", f"{chosen!r} is no choice.", f"Take one of {', '.join(choices)}."
            )
    values.setdefault("station", {})["hand_over"] = typed.get("hand_over", "swap")
    values.setdefault("demand", {})["by_hour"] = PROFILES.get(typed.get("hours", "even"), ())
    values.setdefault("pack", {}).setdefault("energy_kwh", 282)
    values.setdefault("demand", {}).setdefault("swaps_per_day", 150)
    return Wanted(typed, wrong, None if wrong else scenario_of(values))


FORM: Final = {"wanted": Provide(_wanted, sync_to_thread=False)}


@get("/stations/planning", sync_to_thread=True, dependencies=FORM, summary="Plan a swap station")
def planning(request: Asked, wanted: NamedDependency[Wanted], size: Size = None) -> Response[bytes]:
    """
    Return what a station would do: waits, use of chargers, energy and cost.

    Each answer is a simulation of 200,000 swaps with its interval. Numbers that are not given are an
    example's. With `size=cheapest` also the cheapest size that meets the target, and what less waiting costs.
    """
    for wrong in wanted.wrong.values():
        tell_programs(request, wrong)
    error = next(iter(wanted.wrong.values()), None)
    found = sized = not_sized = None
    scenario = wanted.scenario or Scenario()
    if size not in {None, "", "cheapest"}:
        error = UsageError("usage.choice", f"{size!r} is no choice.", "Take cheapest, or leave it out.")
        tell_programs(request, error)
    if error is None:
        try:
            found = look_ahead(scenario)
            sized = _cheapest(whatever_stands(scenario)) if size == "cheapest" else None
        except UsageError as raised:
            tell_programs(request, raised)
            error, not_sized = (raised, None) if found is None else (None, raised)
    if not wants_page(request):
        return as_json({"scenario": scenario, **_told(found, sized)} if found else {})
    return as_page(
        page_for(request),
        "planning",
        200 if error is None else status_of(error),
        error=error,
        wrong=wanted.wrong,
        scenario=scenario,
        shown=wanted.shown(),
        sliders=SLIDERS,
        found=found,
        upto=UPTO_MIN,
        sized=sized,
        not_sized=not_sized,
        curve=_curve(scenario, found, sized) if found and sized else None,
        extent=(WIDTH, HEIGHT),
        toml=as_toml(scenario),
    )


@get("/stations/planning.toml", sync_to_thread=False, dependencies=FORM, summary="A swap station to simulate")
def planning_toml(wanted: NamedDependency[Wanted]) -> Response[bytes]:
    """Return the scenario of the planning page, for `voltrail swap simulate`."""
    for wrong in wanted.wrong.values():
        raise wrong
    return Response(
        as_toml(wanted.scenario or Scenario()).encode(),
        media_type="application/toml",
        headers={"Content-Disposition": 'attachment; filename="scenario.toml"'},
    )


@lru_cache(_KEPT)
def _cheapest(scenario: Scenario) -> Sized:
    """Return the cheapest size. Raises UsageError when it takes longer than one waits for a page."""
    if not _SIZING.acquire(timeout=_PATIENCE_S):
        raise UsageError("swap.busy", "Other stations are being sized.", "Ask again in a moment.")
    until = time.monotonic() + _PATIENCE_S

    def hurry() -> None:
        if time.monotonic() > until:
            raise TimeoutError  # no UsageError, which would only say that a size does not do

    try:
        return cheapest(scenario, hurry)
    except TimeoutError:
        raise UsageError(
            "swap.size",
            "This station takes longer to size than one waits for a page.",
            "Take the scenario away, and run `voltrail swap size scenario.toml`.",
        ) from None
    finally:
        _SIZING.release()


def _curve(scenario: Scenario, found: Outlook, sized: Sized) -> Curve:
    p95_min = found.result.wait_p95_min.mean if found.result is not None else None
    return draw(sized, scenario.station, found.yearly.total, p95_min, scenario.target.p95_wait_min)


def _told(found: Outlook, sized: Sized | None) -> dict[str, Any]:
    """Return an outlook for programs."""
    waits = zip([*UPTO_MIN, None], found.waits, strict=False)
    return {
        "result": found.result,
        "refused": found.refused.message if found.refused else None,
        "waits": [{"upto_min": upto, "share": share} for upto, share in waits],
        "kwh_per_swap": found.kwh_per_swap,
        "kwh_per_year": found.kwh_per_year,
        "yearly": {**msgspec.to_builtins(found.yearly), "total": found.yearly.total},
        "cheapest": sized,
    }


def _shown(scenario: Scenario) -> dict[str, str]:
    """Return what stands in the fields."""
    by_hour = next((name for name, weights in PROFILES.items() if weights == scenario.demand.by_hour), "even")
    shown = {"hand_over": scenario.station.hand_over, "hours": by_hour}
    for one in SLIDERS:
        value = getattr(getattr(scenario, one.part), one.member) or 0
        shown[one.name] = f"{round(value * one.times, 6):g}"
    return shown


def _number(slider: Slider, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    whole = slider.step >= 1 and slider.unit == "" and slider.name != "swaps_per_day"
    if not slider.low <= number <= slider.high or (whole and number % 1):
        raise UsageError(
            "swap.number",
            f"{slider.word}: {text!r} cannot be simulated here.",
            f"Give a {'whole ' if whole else ''}number from {slider.low:g} to {slider.high:g}.",
        )
    return int(number) if whole else number / slider.times


ROUTES: Final = (planning, planning_toml)
