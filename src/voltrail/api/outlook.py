"""
/outlook: what is coming, by scenario. A scenario is asked for by name and by what it sets otherwise.

Other pages of the outlook read it from their addresses in the same way: `asked` and `played`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from threading import BoundedSemaphore
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from voltrail.api.answers import Asked, as_json, as_page, page_for, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.take_away import take_away, taken
from voltrail.errors import UsageError
from voltrail.outlook import adoption, tables
from voltrail.outlook.backtest import Score
from voltrail.outlook.book import book
from voltrail.outlook.classes import YEARS
from voltrail.outlook.parameters import parameters
from voltrail.outlook.report import ANSWER, headline
from voltrail.outlook.run import Outcome, run
from voltrail.outlook.scenario import Scenario, as_toml, named, names, scenario_of
from voltrail.outlook.sensitivity import Answer, what_matters
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page
from voltrail.web.outlook_scenario import (
    CHANGED,
    COMPARED,
    PARTS,
    Named,
    groups,
    pictures,
    results,
    shown,
)
from voltrail.web.page import CHOICES
from voltrail.web.sheets import Column, Sheet

DRAWS: Final = 200  # of a page; a command takes as many as one waits for
MOST: Final = 3  # scenarios side by side
_PLAYING: Final = BoundedSemaphore(2)  # scenarios that are played at a time: each takes a core
_PATIENCE_S: Final = 5.0
_KEPT: Final = 4  # outcomes, of which each takes some 25 MB

Of = Annotated[
    str | None,
    QueryParameter(
        name="scenario", max_length=60, description="the name of a scenario that is brought along"
    ),
]
KnownAt = Annotated[
    str | None,
    QueryParameter(max_length=20, description="the month up to which figures are known, such as 2025-06"),
]
With = Annotated[
    list[str] | None,
    QueryParameter(
        name="with",
        max_items=20,
        description="a scenario beside it: its name, and what it sets, such as baseline,learning_percent:15",
    ),
]


class Wanted(msgspec.Struct, frozen=True):
    """What an address asks for: as it was typed, what is wrong of it, and the scenarios, where nothing is."""

    typed: dict[str, str]
    wrong: dict[str, UsageError]
    base: Named
    scenario: Scenario | None
    beside: tuple[Named, ...] = ()

    @property
    def query(self) -> dict[str, str]:
        """What leads here again: what was typed, and the scenario's name unless it is the baseline."""
        name = {} if self.base.id == BASELINE else {"scenario": self.base.id}
        return name | self.typed

    @property
    def as_one(self) -> str:
        """The scenario in one word, as `with` takes it."""
        return ",".join([self.base.id, *(f"{name}:{value}" for name, value in self.typed.items())])


BASELINE: Final = "baseline"


def asked(request: Asked, others: Collection[str] = ()) -> Wanted:
    """
    Read the scenario that an address asks for; `others` are names of the route's own.

    What is wrong is kept with it, by the name of its field; a name that means nothing is wrong too.
    """
    query = [(name, text.strip()) for name, text in request.query_params.multi_items() if text.strip()]
    wrong: dict[str, UsageError] = {}
    base = _named(BASELINE)
    typed: dict[str, str] = {}
    beside: list[Named] = []
    for name, text in query:
        try:
            if name == "scenario":
                base = _named(text)
            elif name == "with":
                if text not in {one.id for one in beside}:
                    beside.append(_beside(text))
            elif name in parameters() or name == "known_at":
                typed[name] = text[:40]
            elif name not in CHOICES and name not in others:
                scenario_of({name: 0.0})  # says that there is none, and where they stand
        except UsageError as error:
            wrong[name] = error
    if len(beside) >= MOST:
        wrong["with"] = UsageError(
            "outlook.many", f"These are {len(beside) + 1} scenarios.", f"Compare {MOST} at most."
        )
    scenario, found = _overlaid(base.scenario, typed)
    wrong |= found
    return Wanted(typed, wrong, base, None if wrong else scenario, tuple(beside))


def played(scenario: Scenario) -> Outcome:
    """Return the outcome of a scenario. Raises UsageError when others are played and one waits too long."""
    return _played(msgspec.json.encode(scenario, order="sorted"))


@lru_cache(_KEPT)
def _played(scenario: bytes) -> Outcome:
    with turn():
        return run(msgspec.json.decode(scenario, type=Scenario))


@contextmanager
def turn() -> Iterator[None]:
    """Do what takes a core, at most two at a time. Raises UsageError when one waits too long."""
    if not _PLAYING.acquire(timeout=_PATIENCE_S):
        raise UsageError("outlook.busy", "Other scenarios are being played.", "Ask again in a moment.")
    try:
        yield
    finally:
        _PLAYING.release()


@cache
def _tested() -> dict[str, Score]:
    """Return of each group how forecasts of its share have done; no forecast is told without."""
    scores = {group: one.backtest.score() for group, one in adoption.reference(book()).items()}
    return {group: score for group, score in scores.items() if score is not None}


@get("/outlook", sync_to_thread=True, summary="What is coming")
def outlook(request: Asked, of: Of = None, known_at: KnownAt = None, beside: With = None) -> Response[bytes]:
    """
    Return what a scenario says of each year up to 2050: the middle, and where nine of ten draws lie.

    Each parameter of `voltrail outlook levers` may be given by its name, such as `truck.ceiling_percent=92`;
    what is not given keeps its spread. With it how forecasts of shares have done since 2019.
    """
    del of, known_at, beside  # read by `asked`, which knows the parameters too
    wanted = asked(request)
    for wrong in wanted.wrong.values():
        tell_programs(request, wrong)
    error = next(iter(wanted.wrong.values()), None)
    outcomes: list[tuple[Named, Outcome]] = []
    matters: Answer | None = None
    if wanted.scenario is not None:
        try:
            every = [Named(wanted.base.id, wanted.scenario, own=bool(wanted.typed)), *wanted.beside]
            outcomes = [(one, played(one.scenario)) for one in every]
            matters = what_matters(wanted.scenario, ANSWER)
        except UsageError as raised:
            tell_programs(request, raised)
            error = raised
    compared = [
        (one, list(tables.differences(outcomes[0][1], outcome, *COMPARED))) for one, outcome in outcomes[1:]
    ]
    if not wants_page(request):
        return as_json(_told(outcomes, compared, matters))
    page = page_for(request)
    return as_page(
        page,
        "outlook",
        200 if error is None else status_of(error),
        error=error,
        wanted=wanted,
        names=[_named(name) for name in names()],
        most=MOST,
        groups=groups(),
        shown=shown(wanted.base.scenario),
        said=headline(outcomes[0][1]) if outcomes else None,
        pictures=pictures(page, outcomes) if outcomes else {},
        compared=compared,
        matters=matters,
        tested=_tested(),
        quantities=tables.QUANTITIES,
        parts=PARTS,
        toml=as_toml(wanted.scenario) if wanted.scenario else "",
    )


@get("/outlook.toml", sync_to_thread=False, summary="A scenario to play")
def outlook_toml(request: Asked, of: Of = None, known_at: KnownAt = None) -> Response[bytes]:
    """Return the scenario of the outlook’s page, for `voltrail outlook run`: it gives the same numbers."""
    del of, known_at
    scenario = right(asked(request))
    return Response(
        as_toml(scenario).encode(),
        media_type="application/toml",
        headers={"Content-Disposition": 'attachment; filename="scenario.toml"'},
    )


_COLUMNS: Final = (
    Column("scenario", "text", "Scenario"),
    Column("year", "integer", "Year"),
    Column("what", "text", "Quantity"),
    Column("segment", "text", "Segment"),
    Column("chemistry", "text", "Chemistry"),
    Column("metal", "text", "Metal"),
    Column("unit", "text", "Unit"),
    Column("middle", "number", "Middle"),
    Column("low", "number", "Low"),
    Column("high", "number", "High"),
)


@taken("/outlook", summary="What is coming, as a file")
def outlook_file(request: Asked, of: Of = None, known_at: KnownAt = None, beside: With = None) -> Stream:
    """Return all that a scenario says, a row for each quantity, part and year; scenarios beside it too."""
    del of, known_at, beside
    wanted = asked(request)
    first = Named(wanted.base.id, right(wanted), own=bool(wanted.typed))
    outcomes = [(one, played(one.scenario)) for one in (first, *wanted.beside)]

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - of no record
        runs = ([(one.word(page), *row) for row in tables.lines(outcome)] for one, outcome in outcomes)
        return Sheet("outlook", page.say("Outlook"), _COLUMNS, runs, stands="beside")

    return take_away(request, making)


_BANDS: Final = ("one", "other", "by")
_ENDS: Final = ("low", "high", "at_low", "at_high")


def _told(
    outcomes: list[tuple[Named, Outcome]],
    compared: list[tuple[Named, list[tables.Difference]]],
    matters: Answer | None,
) -> dict[str, Any]:
    """Return what programs are told."""
    return {
        "years": YEARS.tolist(),
        "scenarios": [
            {
                "name": one.id,
                "scenario": outcome.scenario,
                "results": [
                    {"what": what, "part": part, "unit": unit, **told}
                    for what, part, unit, told in results(outcome)
                ],
            }
            for one, outcome in outcomes
        ],
        "differences": [
            {"with": one.id, **row._asdict(), **{name: getattr(row, name)._asdict() for name in _BANDS}}
            for one, found in compared
            for row in found
        ],
        "matters": [
            {"parameter": one.parameter.id, **{name: getattr(one, name) for name in _ENDS}}
            for one in (matters.influences[:5] if matters is not None else ())
        ],
        "backtest": {group: score._asdict() for group, score in _tested().items()},
    }


def right(wanted: Wanted) -> Scenario:
    """Return the scenario of an address. Raises UsageError that says what is wrong of it."""
    for wrong in wanted.wrong.values():
        raise wrong
    return wanted.scenario or wanted.base.scenario


def _named(name: str) -> Named:
    """Return a scenario that is brought along, with the draws of a page. Raises UsageError."""
    found = named(name)
    if found is None:
        raise UsageError(
            "outlook.named", f"There is no scenario {name[:60]!r}.", f"Take one of {', '.join(names())}."
        )
    return Named(name, msgspec.structs.replace(found, draws=DRAWS))


def _beside(text: str) -> Named:
    """Return a scenario given in one word: its name, and what it sets otherwise. Raises UsageError."""
    name, *rest = text.split(",")
    base = _named(name)
    typed = dict(one.partition(":")[::2] for one in rest)
    scenario, wrong = _overlaid(base.scenario, typed)
    for error in wrong.values():
        raise error
    return Named(text, scenario, own=bool(rest))


def _overlaid(base: Scenario, typed: dict[str, str]) -> tuple[Scenario, dict[str, UsageError]]:
    """Return a scenario with what was typed over it, and what of that is wrong, which is left out."""
    wrong: dict[str, UsageError] = {}
    values: dict[str, Any] = {**base.ranges, **base.given}
    head = {name: getattr(base, name) for name in ("name", "draws", "seed", "known_at")}
    if not typed:
        return base, wrong
    head["name"] = base.name + CHANGED
    for name, text in typed.items():
        try:
            if name == "known_at":
                head[name] = scenario_of({}, known_at=text).known_at
            else:
                values |= scenario_of({name: _number(text)}).given
        except UsageError as error:
            wrong[name] = error
    return scenario_of(values, **head), wrong


def _number(text: str) -> float | str:
    """Return a number, or the text that is none: then it is told as it was typed."""
    try:
        return float(text) if text.isascii() and "_" not in text else text
    except ValueError:
        return text


ROUTES: Final = (outlook, outlook_toml, *outlook_file)
