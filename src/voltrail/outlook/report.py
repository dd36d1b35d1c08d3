"""
A report of a scenario: what was asked, the answer, what it stands on, and how to get it again.

It is a tree of parts, in the words of a voice; numbers stay numbers until shown (`written`). The page
and the PDF are made of the same tree. There is no time in it: the same scenario gives the same report.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from voltrail.outlook import tables
from voltrail.outlook.adoption import Told
from voltrail.outlook.book import Row, Source, book, defined, sources
from voltrail.outlook.classes import FIRST, GROUPS, LAST, YEARS
from voltrail.outlook.doubt import WEAK, ground
from voltrail.outlook.parameters import Parameter, parameters
from voltrail.outlook.published import OURS, published
from voltrail.outlook.published import Figure as Published
from voltrail.outlook.retired import Summary, summary
from voltrail.outlook.run import Band, Outcome, band
from voltrail.outlook.scenario import Scenario, as_toml
from voltrail.outlook.sensitivity import Answer, what_matters

FloatArray = npt.NDArray[np.float64]

ASKED_YEAR: Final = 2030
ANSWER: Final = f"left_{ASKED_YEAR}"  # of which is said what would change it most
_TOLD_YEARS: Final = (LAST, 2030, 2035, 2040, 2050)
_INFLUENCES: Final = 8
WEAK_MARK: Final = "*"


class Voice(Protocol):
    """Who says it, in one language; a page is one."""

    @property
    def language(self) -> Literal["en", "zh"]:
        """The language."""

    def say(self, text: str, **values: Any) -> str:
        """Return an English sentence in this language, its places filled."""

    def number(self, value: float) -> str:
        """Return a number with its thousands separated."""


class Figure(msgspec.Struct, frozen=True):
    """A number, and from where to where it may lie."""

    middle: float
    low: float | None = None
    high: float | None = None


class Heading(msgspec.Struct, frozen=True, tag="heading"):
    """Words over what follows; an `appendix` is long, and folded where paper is no matter."""

    text: str
    appendix: bool = False


class Paragraph(msgspec.Struct, frozen=True, tag="paragraph"):
    """Sentences; `small` those that explain, `code` what a machine is told, kept as it stands."""

    text: str
    kind: Literal["plain", "lead", "small", "code"] = "plain"


class Curve(msgspec.Struct, frozen=True):
    """A line over years with its band; the label is in the words of the voice."""

    label: str
    years: list[int]
    middle: list[float]
    low: list[float]
    high: list[float]


class Chart(msgspec.Struct, frozen=True, tag="chart"):
    """Curves from zero up, in a unit; `since` is the last year of history."""

    title: str
    unit: str
    curves: list[Curve]
    since: int = LAST


class Table(msgspec.Struct, frozen=True, tag="table"):
    """
    Rows of cells under headings.

    `weak` are the numbers of rows that stand on what is not sure, `quoted` of columns that are as they were
    published, in English.
    """

    title: str
    columns: list[str]
    rows: list[list[str | Figure]]
    weak: list[int] = []
    quoted: list[int] = []


Part = Heading | Paragraph | Chart | Table


class Report(msgspec.Struct, frozen=True):
    """A report: its title, and its parts in their order."""

    title: str
    language: Literal["en", "zh"]
    parts: list[Part]


class Said(NamedTuple):
    """The answer: GWh that leave vehicles and tonnes of lithium in the year asked for, rounded."""

    year: int
    gwh: tuple[float, float, float]
    times: float
    lithium_t: float
    recovered_t: float


def headline(outcome: Outcome) -> Said:
    """Return the answer to the question of the outlook."""
    at = ASKED_YEAR - FIRST
    left = band_of(outcome, "left")
    lithium, won = band_of(outcome, "metal_left", "Li"), band_of(outcome, "metal_recovered", "Li")
    return Said(
        ASKED_YEAR,
        (rounded(left.middle[at]), rounded(left.low[at]), rounded(left.high[at])),
        rounded(left.middle[at] / max(left.middle[LAST - FIRST], 1e-9)),
        rounded(lithium.middle[at]),
        rounded(won.middle[at]),
    )


def rounded(value: float, digits: int = 2) -> float:
    """Return a number as one says it when it is not sure: to two digits that tell."""
    if not value or not math.isfinite(value):
        return 0
    return round(float(value), digits - 1 - math.floor(math.log10(abs(value))))


def band_of(outcome: Outcome, what: str, part: str = "") -> Band:
    """Return the band of a quantity, or of a part of it, by year."""
    for one in tables.series(outcome, [what]):
        if part == one.segment + one.chemistry + one.metal:
            return band(one.draws)
    raise KeyError(what, part)


def written(voice: Voice, cell: str | Figure) -> str:
    """Return a cell as it is read: a number to three digits that tell, and from where to where it may lie."""
    if isinstance(cell, str):
        return cell
    middle = _number(voice, cell.middle)
    if cell.low is None or cell.high is None or cell.low == cell.high:
        return middle
    return f"{middle} ({_number(voice, cell.low)}–{_number(voice, cell.high)})"


def _number(voice: Voice, value: float) -> str:
    return voice.number(rounded(value, 3)) if math.isfinite(value) else "–"


def report(voice: Voice, name: str, outcome: Outcome, tested: Sequence[tuple[str, Told]]) -> Report:
    """
    Return the report of a scenario that is called `name`, in the words of a voice.

    `tested` are backtests by what their share is called.
    """
    scenario = outcome.scenario
    rows = ground(book(), scenario.known_at).rows
    whole = summary(outcome, outcome.metals)
    beside = published(book(), dict(zip(YEARS.tolist(), whole.kg_per_kwh.tolist(), strict=True)))
    parts = (
        *_said(voice, outcome),
        *_asked(voice, scenario),
        *_answered(voice, outcome),
        *_compared(voice, whole, beside),
        *_changed(voice, what_matters(scenario, ANSWER)),
        *_tested(voice, tested),
        *_method(voice),
        *_figures(voice, rows),
        *_numbers(voice, scenario),
        *_sources(voice, [*(one.source for one in rows), *(one.source for one in beside)]),
        *_again(voice, scenario),
    )
    return Report(voice.say("{name}: the wave that is coming", name=name), voice.language, list(parts))


def _said(voice: Voice, outcome: Outcome) -> Iterator[Part]:
    said = headline(outcome)
    yield Paragraph(
        voice.say(
            "In {year} between {low} and {high} GWh of batteries leave vehicles",
            year=said.year,
            low=voice.number(said.gwh[1]),
            high=voice.number(said.gwh[2]),
        ),
        "lead",
    )
    yield Paragraph(
        voice.say(
            "Most likely about {gwh} GWh, {times} times as much as in 2025, with {lithium} tonnes of lithium "
            "inside, of which {recovered} are won back. Nine of ten draws lie in between.",
            gwh=voice.number(said.gwh[0]),
            times=voice.number(said.times),
            lithium=voice.number(said.lithium_t),
            recovered=voice.number(said.recovered_t),
        )
    )


def _asked(voice: Voice, scenario: Scenario) -> Iterator[Part]:
    yield Heading(voice.say("What was asked"))
    if scenario.note:
        yield Paragraph(voice.say(scenario.note))
    own: dict[str, Figure] = {one: Figure(value) for one, value in scenario.given.items()}
    own |= {one: Figure(of.value, of.low, of.high) for one, of in scenario.ranges.items()}
    if own:
        yield Table(
            voice.say("What differs from the default"),
            [
                voice.say("Parameter"),
                voice.say("Unit"),
                voice.say("In this scenario"),
                voice.say("By default"),
            ],
            [
                [voice.say(one.word), voice.say(one.unit), own[one.id], _spread(one)]
                for one in parameters().values()
                if one.id in own
            ],
        )
    else:
        yield Paragraph(
            voice.say("Nothing differs from the default: each number has its own value and spread.")
        )
    known = scenario.known_at or voice.say("the latest")
    yield Paragraph(
        voice.say(
            "Draws: {draws}; seed: {seed}; figures as known at: {known}.",
            draws=voice.number(scenario.draws),
            seed=scenario.seed,
            known=known,
        ),
        "small",
    )


def _spread(one: Parameter) -> Figure:
    return Figure(one.value, one.low, one.high)


def _answered(voice: Voice, outcome: Outcome) -> Iterator[Part]:
    yield Heading(voice.say("The answer"))
    groups = {
        "car": voice.say("Cars"),
        "van": voice.say("Vans"),
        "bus": voice.say("Buses"),
        "truck": voice.say("Heavy trucks"),
    }
    yield Chart(
        voice.say("What leaves vehicles, is collected, is processed"),
        voice.say("GWh a year"),
        [
            _curve(voice.say("left vehicles"), outcome, "left"),
            _curve(voice.say("collected"), outcome, "collected"),
            _curve(voice.say("processed"), outcome, "processed"),
        ],
    )
    yield Chart(
        voice.say("New-energy vehicles in sales"),
        voice.say("% of sales at home"),
        [_curve(groups[group], outcome, "share", group) for group in GROUPS],
    )
    yield Chart(
        voice.say("Lithium needed, and won back"),
        voice.say("tonnes of lithium a year"),
        [
            _curve(voice.say("needed for new batteries"), outcome, "metal_needed", "Li"),
            _curve(voice.say("won back"), outcome, "metal_recovered", "Li"),
        ],
    )
    yield Chart(
        voice.say("Price of a battery pack"),
        voice.say("dollars of 2025 a kWh"),
        [_curve("", outcome, "price")],
    )
    yield Table(
        voice.say("In figures"),
        [voice.say("Quantity"), voice.say("Unit"), *map(str, _TOLD_YEARS)],
        [_row(voice, outcome, what, part, word) for what, part, word in _rows(voice, groups)],
    )
    yield Paragraph(
        voice.say("The middle of all draws, and in brackets from where to where nine of ten of them lie."),
        "small",
    )


def _rows(voice: Voice, groups: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for what in ("left", "collected", "processed", "in_second_life", "stock", "fitted", "replacements"):
        yield what, "", voice.say(tables.QUANTITIES[what].word)
    for what in ("metal_needed", "metal_left", "metal_recovered"):
        yield what, "Li", f"{voice.say(tables.QUANTITIES[what].word)} · {voice.say('lithium')}"
    for group in GROUPS:
        yield "share", group, f"{voice.say(tables.QUANTITIES['share'].word)} · {groups[group]}"
    for what in ("output", "price"):
        yield what, "", voice.say(tables.QUANTITIES[what].word)


def _row(voice: Voice, outcome: Outcome, what: str, part: str, word: str) -> list[str | Figure]:
    told = band_of(outcome, what, part)
    figures = [Figure(*(float(each[year - FIRST]) for each in told)) for year in _TOLD_YEARS]
    return [word, voice.say(tables.QUANTITIES[what].unit), *figures]


def _curve(label: str, outcome: Outcome, what: str, part: str = "") -> Curve:
    told = band_of(outcome, what, part)
    return Curve(label, YEARS.tolist(), told.middle.tolist(), told.low.tolist(), told.high.tolist())


def _compared(voice: Voice, whole: Summary, beside: Sequence[Published]) -> Iterator[Part]:
    meanings = {
        "retired": voice.say("left vehicles"),
        "recycled": voice.say("counted as recycled"),
        "used_up": voice.say("used up by firms that report"),
        "retired_until": voice.say("all that left until then"),
    }
    yield Heading(voice.say("Beside what others published"))
    yield Table(
        voice.say("GWh in the year, each beside ours of the nearest meaning"),
        [
            voice.say("Published by"),
            voice.say("Vintage"),
            voice.say("Year"),
            voice.say("What it counts"),
            voice.say("How sure"),
            voice.say("Theirs"),
            voice.say("Ours"),
        ],
        [
            [
                one.who,
                one.vintage or "–",
                str(one.year),
                meanings[one.meaning],
                _sure(voice, one.status),
                Figure(one.gwh),
                _ours(whole, one),
            ]
            for one in beside
        ],
        _weak(one.status for one in beside),
        [0],
    )
    yield Paragraph(
        voice.say(
            "They differ because they count different things: what leaves vehicles, what firms report, what "
            "is recycled with the scrap of factories. What was published in tonnes alone is converted by "
            "the mass of a kWh that leaves in that year here."
        ),
        "small",
    )


def _ours(whole: Summary, one: Published) -> Figure:
    """Return what ours says of a published figure; of a sum over years the middles alone can be added."""
    told, at = whole.whole["kwh"][OURS[one.meaning]], one.year - FIRST
    if one.meaning == "retired_until":
        return Figure(float(told.middle[: at + 1].sum()) / 1e6)
    return Figure(*(float(each[at]) / 1e6 for each in told))


def _changed(voice: Voice, answer: Answer) -> Iterator[Part]:
    yield Heading(voice.say("What would change this most"))
    yield Table(
        voice.say("GWh that leave in {year}", year=answer.output.year),
        [
            voice.say("If this were"),
            voice.say("Segment"),
            voice.say("Unit"),
            voice.say("at its low end"),
            voice.say("at its high end"),
            voice.say("GWh at the low end"),
            voice.say("GWh at the high end"),
        ],
        [
            [
                *_called(voice, one.parameter),
                voice.say(one.parameter.unit).replace("times ", "× "),
                Figure(one.low),
                Figure(one.high),
                Figure(one.at_low),
                Figure(one.at_high),
            ]
            for one in answer.influences[:_INFLUENCES]
        ],
        _weak(one.parameter.status for one in answer.influences[:_INFLUENCES]),
        [1],
    )
    yield Paragraph(voice.say("One thing is moved at a time, all else stays in the middle."), "small")


def _tested(voice: Voice, told: Sequence[tuple[str, Told]]) -> Iterator[Part]:
    yield Heading(voice.say("How such forecasts have done"))
    yield Paragraph(
        voice.say(
            "Each share of electric vehicles was forecast at every cut-off from 2019 on with what was known "
            "then, and held against what came and against the forecast that nothing changes. Losses are "
            "told too."
        )
    )
    rows: list[list[str | Figure]] = []
    for name, one in told:
        score = None if one.forecast is None else one.forecast.backtest.score()
        if score is None:
            rows.append([name, *[voice.say("too few figures")], *["–"] * 5])
            continue
        rows.append(
            [
                name,
                Figure(score.trials),
                Figure(100 * score.error),
                Figure(100 * score.no_change_error),
                Figure(score.better),
                Figure(score.worse),
                f"{score.held}/{score.intervals}",
            ]
        )
    yield Table(
        voice.say("Errors in points, up to five steps ahead"),
        [
            voice.say("Share"),
            voice.say("Forecasts"),
            voice.say("Mean error"),
            voice.say("Error of no change"),
            voice.say("Nearer than no change"),
            voice.say("Farther"),
            voice.say("Within the interval of 80 %"),
        ],
        rows,
    )


def _method(voice: Voice) -> Iterator[Part]:
    yield Heading(voice.say("Method"))
    for text in (
        voice.say(
            "History is what was published: vehicles registered at home by segment, the energy of their "
            "batteries, and their chemistry. Every figure keeps its source, how sure it is, and its "
            "vintage; how far each may be off is drawn with all else."
        ),
        voice.say(
            "From then on policy, cost and exports feed each other, year by year: policy and what a vehicle "
            "saves move adoption, adoption adds to what was ever made, that lowers the price of a pack, and "
            "the price moves adoption and exports."
        ),
        voice.say(
            "Each year’s vehicles are followed as a cohort. Vehicle and battery have lifetimes of their "
            "own; a battery that fails before its vehicle may be replaced; what leaves is collected, goes "
            "into a second life, abroad, or into processing. Nothing is lost on the way."
        ),
        voice.say(
            "Metals are what a kWh of each chemistry holds; what is won back is what is processed, times "
            "the share that a process recovers."
        ),
        voice.say(
            "All is computed in many draws of all that is not sure, from a Latin hypercube. What is told is "
            "the middle, and where nine of ten draws lie. That spread holds only what was put in: a "
            "surprise that nobody thought of is not in it."
        ),
    ):
        yield Paragraph(text)


def _figures(voice: Voice, rows: Sequence[Row]) -> Iterator[Part]:
    yield Heading(voice.say("Figures it stands on"), appendix=True)
    of: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        of.setdefault((row.series, row.segment), []).append(row)
    yield Table(
        voice.say("Series, with the sources below"),
        [
            voice.say("Series"),
            voice.say("Segment"),
            voice.say("Periods"),
            voice.say("How many"),
            voice.say("How sure"),
            voice.say("Vintages"),
            voice.say("Sources"),
        ],
        [
            [
                _name(voice, series, segment),
                segment,
                _range(sorted(row.period for row in each)),
                Figure(len(each)),
                ", ".join(_sure(voice, one) for one in dict.fromkeys(row.status for row in each)),
                _range(sorted({row.vintage for row in each if row.vintage})) or "–",
                ", ".join(dict.fromkeys(row.source for row in each)),
            ]
            for (series, segment), each in of.items()
        ],
        [place for place, each in enumerate(of.values()) if any(row.status in WEAK for row in each)],
        [1, 6],
    )
    yield Paragraph(WEAK_MARK + " " + voice.say("stands on figures that are not sure."), "small")


def _name(voice: Voice, series: str, segment: str) -> str:
    found = defined(series, segment)
    return found.name_zh if voice.language == "zh" else found.name


def _numbers(voice: Voice, scenario: Scenario) -> Iterator[Part]:
    yield Heading(voice.say("Numbers it takes"), appendix=True)
    every = [one for one in parameters().values() if one.id not in scenario.given]
    yield Table(
        voice.say("All that this scenario leaves at its default"),
        [
            voice.say("Parameter"),
            voice.say("Value"),
            voice.say("Unit"),
            voice.say("How sure"),
            voice.say("Sources"),
        ],
        [
            [
                voice.say(one.word),
                _spread(one),
                voice.say(one.unit),
                _sure(voice, one.status),
                one.source,
            ]
            for one in every
        ],
        _weak(one.status for one in every),
        [4],
    )


def _sources(voice: Voice, named: Sequence[str]) -> Iterator[Part]:
    yield Heading(voice.say("Sources"), appendix=True)
    used = dict.fromkeys([*named, *(one.source for one in parameters().values())])
    known = sources()
    yield Table(
        voice.say("What the short names stand for"),
        [voice.say("Source"), voice.say("Title"), voice.say("Address"), voice.say("Licence")],
        [
            [one.id, one.title, one.url or "–", one.licence or "–"]
            for one in (known.get(name, Source(id=name, title=name, url="", licence="")) for name in used)
        ],
        quoted=[0, 1, 2, 3],
    )


def _again(voice: Voice, scenario: Scenario) -> Iterator[Part]:
    yield Heading(voice.say("How to get this again"))
    yield Paragraph(
        voice.say("Save this as scenario.toml; the command gives the same report, byte for byte.")
    )
    language = "" if voice.language == "en" else f" --language {voice.language}"
    command = f"voltrail outlook report scenario.toml --out report.pdf{language}"
    yield Paragraph(command, "code")
    yield Paragraph(as_toml(scenario).rstrip(), "code")


def _sure(voice: Voice, status: str) -> str:
    """Return in words how sure a figure is."""
    return {
        "verified": voice.say("verified"),
        "derived": voice.say("computed"),
        "compiled": voice.say("compiled by others"),
        "estimate": voice.say("estimate"),
        "forecast": voice.say("forecast"),
        "target": voice.say("target"),
        "company claim": voice.say("company’s claim"),
        "recalled_unverified": voice.say("from memory, not checked"),
        "missing": voice.say("missing"),
        "assumption": voice.say("assumption"),
    }[status]


def _called(voice: Voice, one: Parameter) -> tuple[str, str]:
    """Return what a parameter is called; the error of figures as their series is, and of which segment."""
    if not one.id.startswith("figures/"):
        return voice.say(one.word), ""
    _, series, segment = one.id.split("/", 2)
    return f"{voice.say('Error of figures:')} {_name(voice, series, segment)}", segment


def _weak(statuses: Iterable[str]) -> list[int]:
    return [place for place, status in enumerate(statuses) if status in WEAK]


def _range(ordered: Sequence[str]) -> str:
    return "" if not ordered else ordered[0] if ordered[0] == ordered[-1] else f"{ordered[0]} – {ordered[-1]}"
