"""
The catalogue of cells and technologies: what is claimed, what was measured and by whom, how far they came.

    >>> qse5 = TECHNOLOGIES["quantumscape-qse5"]
    >>> [(one.value, one.unit, one.kind) for one in qse5.figures if one.metric == "specific_energy"]
    [(301.0, 'Wh/kg', 'measured_by_maker')]
    >>> verified_class(weighed(qse5), date(2026, 12, 1))
    Unverified(why='no_measurement')

A claim stays a claim. What a maker declares (`declared_type`) and what was verified are apart, and a class is
no field that could be filled in: `Verified` has none but a `Weighing` and a rule, and its class follows from
both. A `Weighing` comes of a figure that a third party measured (`weighed`) or of a laboratory's test on
record (`weighed_in`), and of nothing else.

`catalogue/*.csv` has the figures with their sources, the stages and the rules; dates there are as exact as
their source: 2026, 2026-09, 2027-Q4 or a day.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta
from importlib.resources import files
from types import NoneType
from typing import Any, Final, Literal, Protocol, TypeVar, get_args

import msgspec

from voltrail.errors import NotFound
from voltrail.events.kinds import TestReported
from voltrail.technology.qualification import STAGES

Kind = Literal["claimed", "target", "measured_by_maker", "measured_by_third_party", "derived", "reported"]
KINDS: Final[tuple[Kind, ...]] = (
    "measured_by_third_party",
    "measured_by_maker",
    "reported",
    "derived",
    "claimed",
    "target",
)
"""By how much they show, the most first."""

Level = Literal[
    "material", "electrode", "cell", "pack", "vehicle", "line", "supply", "industry", "not_stated"
]
Type = Literal["liquid", "semi_solid", "solid_state", "all_solid_state"]
TYPES: Final[tuple[Type, ...]] = ("all_solid_state", "solid_state", "semi_solid", "liquid")

Read = TypeVar("Read", bound=msgspec.Struct)

Evidence = Literal["third_party", "maker", "words", "nothing"]
EVIDENCE: Final[tuple[Evidence, ...]] = ("third_party", "maker", "words", "nothing")

WEIGHT_LOSS: Final = (
    "weight_loss"  # the metric of a figure, the protocol of a test and the metric of its result
)
HORIZON: Final = "2026-06"  # until when what is written here was read, about


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where something was read; `url` is empty where no address was kept."""

    id: str
    publisher: str
    url: str


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """
    A figure with its kind and under what it holds; what is not stated is None or empty.

    Either `value` or `low` and `high`, in `unit`; `bound` where more or less than the value is meant. `by` is
    who measured. Temperatures in °C, `c_rate` in 1/h, charge and other shares from 0 to 1, `pressure_mpa`
    on the cell, `duration_h` the length of the test. `doubt` is what speaks against it.
    """

    technology: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    bound: Literal["", "more_than", "at_least", "up_to"]
    unit: str
    level: Level
    kind: Kind
    by: str
    temperature_c: float | None
    temperature_high_c: float | None
    c_rate: float | None
    soc_from: float | None
    soc_to: float | None
    pressure_mpa: float | None
    duration_h: float | None
    sample: str
    sample_zh: str
    procedure: str
    procedure_zh: str
    date: str
    source: str
    note: str
    note_zh: str
    doubt: str
    doubt_zh: str

    def __post_init__(self) -> None:
        if self.kind.startswith("measured") and not self.by:
            raise ValueError(f"{self.metric} of {self.technology}: who measured it is not named")
        if (self.value is None) == (self.low is None or self.high is None):
            raise ValueError(f"{self.metric} of {self.technology}: one value, or from where to where")

    @property
    def least(self) -> float:
        """The value, or the lower of two."""
        return self.value if self.value is not None else (self.low or 0.0)

    @property
    def most(self) -> float:
        """The value, or the higher of two."""
        return self.value if self.value is not None else (self.high or 0.0)

    @property
    def unstated(self) -> tuple[str, ...]:
        """Names of the conditions that matter to such a metric and that are not stated."""
        return tuple(one for one in CONDITIONS.get(self.metric, ()) if getattr(self, one) in {None, ""})


CONDITIONS: Final[dict[str, tuple[str, ...]]] = {
    "specific_energy": ("temperature_c", "c_rate", "pressure_mpa", "sample"),
    "energy_density": ("temperature_c", "c_rate", "pressure_mpa", "sample"),
    "energy": ("temperature_c", "c_rate", "pressure_mpa", "sample"),
    "capacity": ("temperature_c", "c_rate", "pressure_mpa", "sample"),
    "areal_capacity": ("temperature_c", "c_rate"),
    "cycle_life": ("temperature_c", "c_rate", "soc_from", "soc_to", "pressure_mpa", "sample"),
    "charge_time": ("temperature_c", "c_rate", "pressure_mpa", "sample"),
    "cold_retention": ("temperature_c", "c_rate", "sample"),
    "hot_retention": ("temperature_c", "c_rate", "sample"),
    "charge_kept": ("temperature_c", "soc_from", "sample"),
    "cold_gain": ("temperature_c", "procedure", "sample"),
    "range": ("procedure", "temperature_c", "sample"),
    "hot_box_pass": ("duration_h", "soc_to", "sample"),
    "thermal_abuse_pass": ("duration_h", "soc_to", "sample"),
    "electrolyte_conductivity": ("temperature_c", "pressure_mpa"),
    "liquid_share": ("procedure",),
    "operating_range": ("c_rate",),
    "line_yield": ("sample",),
    WEIGHT_LOSS: ("procedure", "sample"),
}
"""What one must know of a metric to compare it: conditions whose silence is told."""

Standing = Literal["announced", "said", "reached"]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """
    A stage on the way to the line: when (`on`, perhaps `until`), who says so and when (`date`).

    An announced date is a target. A stage counts as reached where somebody measured or an outlet reported it,
    not before it was; where only the maker says so, or no source was kept, it is said.
    """

    technology: str
    stage: str
    on: str
    until: str
    kind: Kind
    date: str
    source: str
    note: str
    note_zh: str

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise ValueError(f"{self.technology}: there is no stage {self.stage}")

    @property
    def standing(self) -> Standing:
        """Whether the stage is announced, said to be reached, or reached by what the source shows."""
        if self.kind == "target":
            return "announced"
        if self.kind == "claimed" or not self.source or not self.date:
            return "said"
        if self.on and first_day(self.on) > last_day(self.date):
            return "said"  # told before it was
        return "reached"


class Technology(msgspec.Struct, frozen=True, kw_only=True):
    """A type of cell or a technology; `detail` is what is said of its electrolyte and electrodes."""

    id: str
    organisation: str
    organisation_zh: str
    name: str
    name_zh: str
    declared_type: Type
    detail: str
    detail_zh: str
    note: str
    note_zh: str
    figures: tuple[Figure, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def evidence(self) -> Evidence:
        """The best that there is for any of its figures."""
        kinds = {one.kind for one in self.figures}
        if "measured_by_third_party" in kinds:
            return "third_party"
        if "measured_by_maker" in kinds:
            return "maker"
        return "words" if kinds else "nothing"

    @property
    def furthest(self) -> Step | None:
        """The last stage that is reached, or else said to be; None where none is."""
        for standing in ("reached", "said"):
            steps = [one for one in self.steps if one.standing == standing]
            if steps:
                return max(steps, key=lambda one: STAGES.index(one.stage))
        return None

    @property
    def side_by_side(self) -> tuple[tuple[Figure, ...], ...]:
        """Figures of one metric, at the same temperature, of which values or levels differ."""
        return tuple(
            group
            for group in by_metric(self.figures)
            if len({(one.least, one.most, one.level) for one in group}) > 1
        )


def by_metric(figures: Iterable[Figure]) -> Iterator[tuple[Figure, ...]]:
    """Yield figures that one may hold against each other: of one metric at one temperature and charge."""
    order: dict[tuple[Any, ...], list[Figure]] = {}
    for one in figures:
        order.setdefault((one.metric, one.temperature_c, one.soc_from), []).append(one)
    yield from (tuple(group) for group in order.values())


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """
    A standard that cells are held against, as of its dates; `sources` are ids,
    apart by spaces.

    With a `limit` on the weight loss it says what may be called by the type it `names`. Without a day from
    which it is in force it is not configured, and holds against nobody.
    """

    id: str
    code: str
    title: str
    title_zh: str
    metric: str
    limit: float | None
    inclusive: bool
    names: str
    status: Literal["in_force", "draft"]
    in_force_from: str
    in_force_until: str
    confidence: str
    confidence_zh: str
    sources: str
    note: str
    note_zh: str

    def applies(self, on: date) -> bool:
        """Return whether it is in force on a day; where only a year is known, from the end of that year."""
        if self.status != "in_force" or not self.in_force_from:
            return False
        ended = self.in_force_until and on > last_day(self.in_force_until)
        return last_day(self.in_force_from) <= on and not ended

    def met(self, weight_loss_fraction: float) -> bool:
        """Return whether a weight loss is within the limit."""
        if self.limit is None:
            return False
        return weight_loss_fraction < self.limit or (self.inclusive and weight_loss_fraction == self.limit)


class Tested(Protocol):
    """A test on record; `qualification.Test` is one."""

    @property
    def index(self) -> int: ...  # noqa: D102
    @property
    def reporter(self) -> str: ...  # noqa: D102
    @property
    def event(self) -> TestReported: ...  # noqa: D102


class Published(msgspec.Struct, frozen=True):
    """A weight loss that a third party measured and that was published; ValueError for any other figure."""

    technology: Technology
    figure: Figure

    def __post_init__(self) -> None:
        one = self.figure
        if one not in self.technology.figures or one.metric != WEIGHT_LOSS or one.unit != "fraction":
            raise ValueError("only a weight loss of this technology, as a fraction, verifies a class")
        if one.kind != "measured_by_third_party" or one.by in self.technology.organisation.split(" / "):
            raise ValueError("only what a third party measured verifies a class")
        if not one.procedure or not one.date or not 0 <= one.most <= 1:
            raise ValueError(
                "a weight loss verifies a class by a stated protocol, on a stated date, from 0 to 1"
            )

    @property
    def weight_loss_fraction(self) -> float:
        """The share of its mass that was lost, from 0 to 1; of several the most."""
        return self.figure.most

    @property
    def by(self) -> str:
        """Who measured."""
        return self.figure.by

    @property
    def on(self) -> date:
        """On which day, at the latest."""
        return last_day(self.figure.date)


class OnRecord(msgspec.Struct, frozen=True):
    """
    A weight loss in a test on record by a laboratory; ValueError for any other test.

    `laboratories` are the organisations that have the role `testing_lab`, as the record has it.
    """

    test: Any  # a Tested; msgspec takes no protocols for fields
    laboratories: frozenset[str]

    def __post_init__(self) -> None:
        event = self.test.event
        if not isinstance(event, TestReported) or event.protocol != WEIGHT_LOSS or event.outcome == "aborted":
            raise ValueError("only a test of the weight loss that was finished verifies a class")
        if self.test.reporter not in self.laboratories:
            raise ValueError("only a testing laboratory verifies a class")
        if event.deviations:
            raise ValueError("a test that deviated from its protocol verifies no class")
        if not self._losses or not all(0 <= one <= 1 for one in self._losses):
            raise ValueError("the test states no weight loss from 0 to 1")

    @property
    def _losses(self) -> tuple[float, ...]:
        return tuple(one.value for one in self.test.event.results if one.metric == "weight_loss_fraction")

    @property
    def weight_loss_fraction(self) -> float:
        """The share of its mass that was lost, from 0 to 1; of several samples the most."""
        return max(self._losses)

    @property
    def by(self) -> str:
        """Which laboratory."""
        return str(self.test.reporter)

    @property
    def on(self) -> date:
        """On which day."""
        day: date = self.test.event.occurred_at.date()
        return day


Weighing = Published | OnRecord


class Verified(msgspec.Struct, frozen=True):
    """A class that somebody other than the maker showed, under the rule in force on a day."""

    weighing: Weighing
    rule: Rule
    on: date

    def __post_init__(self) -> None:
        if not isinstance(self.weighing, Published | OnRecord):
            raise TypeError("a class is verified by a weighing and by nothing else")
        if not self.rule.applies(self.on) or self.rule.limit is None or self.weighing.on > self.on:
            raise ValueError("the rule is not in force on that day, or the weighing came later")

    @property
    def verified_class(self) -> str:
        """The type that the rule names, or `not_` before it where the weight loss is beyond its limit."""
        met = self.rule.met(self.weighing.weight_loss_fraction)
        return self.rule.names if met else f"not_{self.rule.names}"


class Unverified(msgspec.Struct, frozen=True):
    """Why no class is verified: nobody weighed, not until that day, or no rule was in force then."""

    why: Literal["no_measurement", "no_rule"]


def rule_on(on: date) -> Rule | None:
    """Return the rule of classes in force on a day, the youngest of several; None where none was."""
    found = [one for one in RULES.values() if one.limit is not None and one.applies(on)]
    return max(found, key=lambda one: last_day(one.in_force_from), default=None)


def verified_class(weighing: Weighing | None, on: date) -> Verified | Unverified:
    """Return the class that a weighing shows under the rule in force on a day, whatever is declared."""
    if weighing is None or weighing.on > on:
        return Unverified("no_measurement")
    rule = rule_on(on)
    return Unverified("no_rule") if rule is None else Verified(weighing, rule, on)


def weighed(technology: Technology) -> Published | None:
    """Return the last weight loss that a third party published of it, the greatest of a day; or None."""
    found = []
    for figure in technology.figures:
        try:
            found.append(Published(technology, figure))
        except ValueError:
            continue  # a claim, or another metric
    return max(found, key=lambda one: (one.on, one.weight_loss_fraction), default=None)


def weighed_in(tests: Iterable[Tested], laboratories: Collection[str]) -> OnRecord | None:
    """Return the last weighing by a laboratory among tests on record, the greatest of a day; or None."""
    found = []
    for test in tests:
        try:
            found.append(OnRecord(test, frozenset(laboratories)))
        except ValueError:
            continue
    return max(found, key=lambda one: (one.on, one.weight_loss_fraction), default=None)


def first_day(text: str) -> date:
    """Return the first day of a year, a quarter, a month or a day."""
    year, _, rest = text.partition("-")
    if not rest:
        return date(int(year), 1, 1)
    if rest.startswith("Q"):
        return date(int(year), 3 * int(rest[1:]) - 2, 1)
    month, _, day = rest.partition("-")
    return date(int(year), int(month), int(day or 1))


def last_day(text: str) -> date:
    """Return the last day of a year, a quarter, a month or a day."""
    begun = first_day(text)
    months = {4: 12, 7: 1 if "Q" not in text else 3}.get(len(text))
    if months is None:
        return begun
    years, month = divmod(begun.month - 1 + months, 12)
    return date(begun.year + years, month + 1, 1) - timedelta(days=1)


def technology(name: str) -> Technology:
    """Return one of the catalogue. Raises NotFound."""
    found = TECHNOLOGIES.get(name)
    if found is None:
        raise NotFound(
            "technology.unknown",
            f"There is no technology {name[:80]!r} in the catalogue.",
            "Take its name from the list: `voltrail technology list`.",
        )
    return found


def _read(name: str, into: type[Read]) -> Iterator[Read]:
    """Yield the rows of a file; an empty cell is None where its field may be."""
    text = files(__package__).joinpath("catalogue", f"{name}.csv").read_text("utf-8")
    optional = {one.name for one in msgspec.structs.fields(into) if NoneType in get_args(one.type)}
    for row in csv.DictReader(text.splitlines()):
        given = {key: value or None if key in optional else value for key, value in row.items()}
        yield msgspec.convert(given, into, strict=False)


def _technologies() -> Iterator[Technology]:
    figures, steps = list(_read("figures", Figure)), list(_read("stages", Step))
    for one in _read("technologies", Technology):
        yield msgspec.structs.replace(
            one,
            figures=tuple(each for each in figures if each.technology == one.id),
            steps=tuple(each for each in steps if each.technology == one.id),
        )


SOURCES: Final = {one.id: one for one in _read("sources", Source)}
RULES: Final = {one.id: one for one in _read("standards", Rule)}
TECHNOLOGIES: Final = {one.id: one for one in _technologies()}
