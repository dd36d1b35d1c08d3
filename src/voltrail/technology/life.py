"""
How long a battery lasts: what is left of its capacity after years of a duty, and when it is too little.

    >>> from voltrail.technology.duty import months_of
    >>> car = life("LFP", DUTIES["private-car"], months_of("guangzhou"))
    >>> round(car.first.middle)
    15

Two losses add up: of the calendar, as a power of time, and of cycling, as a power of full cycles. Each is
told of one condition at which it was measured, and multiplied for others:

    calendar   loss (t / t0)^z    by temperature (Arrhenius) and mean state of charge
    cycling    loss (n / n0)^y    by depth, rate of charging, and temperature on both sides of an optimum

Where conditions change over a year, each month goes on from the loss that there is (Schmalstieg et al. 2014):
loss^(1/z) grows by what the month adds, so that a year has one rate and no step of time is needed.

`life.csv` has each parameter in a row of its own with its source, how sure it is, and where nine of ten draws
lie. A law ends where it was measured: what lies beyond is carried on and said so. No knee is modelled: none
of these laws has one, and where cells have one hangs on their make (Attia et al. 2022,
doi 10.1149/1945-7111/ac6d13). Of cells with a solid electrolyte or a metal anode no law of ageing is public,
so that nothing is said of them.
"""

from __future__ import annotations

import csv
import zlib
from importlib.resources import files
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from voltrail.errors import UsageError
from voltrail.technology.catalogue import TECHNOLOGIES, Figure
from voltrail.technology.cell import CELLS
from voltrail.technology.duty import COLDEST_C, DUTIES, HOTTEST_C, Duty

Numbers = NDArray[np.float64]

LONGEST_YEARS: Final = 60.0
"""Years are reckoned so far."""
SAID_YEARS: Final = 20.0
"""What lasts longer is told as more than this: no law here was measured for nearly so long."""
_TOLD_YEARS: Final = 40
DRAWS: Final = 1000
DRAWS_MOST: Final = 5_000
OPTIMUM_C: Final = 25.0
_ZERO_C_K: Final = 273.15
_REFERENCE_K: Final = OPTIMUM_C + _ZERO_C_K
_RATE_C: Final = 0.5  # at which cycling is told
_RATE_PLATED_C: Final = 1.0  # at which the effect of cold was measured
_NINETY: Final = 1.6448536269514722
_HALVINGS: Final = 50  # of an interval of years: to less than a second


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `life.csv`: a number and, where it has one, the interval that holds nine of ten draws."""

    chemistry: str
    parameter: str
    value: float
    low: float | None
    high: float | None
    unit: str
    standing: str
    source: str
    note: str


class Interval(NamedTuple):
    """A middle and where nine of ten draws lie."""

    middle: float
    low: float
    high: float


class Law(msgspec.Struct, frozen=True):
    """How cells of one chemistry age: its rows by their name."""

    chemistry: str
    rows: dict[str, Parameter]

    def value(self, name: str) -> float:
        """Return the value of a row."""
        return self.rows[name].value

    def anchors(self, beginning: str) -> tuple[Numbers, Numbers]:
        """Return where a factor is told, as fractions, and the factor there."""
        found = [
            (float(name.removeprefix(beginning)) / 100, row.value)
            for name, row in self.rows.items()
            if name.startswith(beginning)
        ]
        at, factor = zip(*found, strict=True)
        return np.array(at), np.array(factor)

    @property
    def tells_resistance(self) -> bool:
        """Whether its source says how resistance grows."""
        return "resistance_calendar" in self.rows

    def draw(self, name: str, draws: int, seed: int) -> Numbers:
        """
        Return a parameter's draws, (draws,), the first its own value.

        On each side of it the logarithm is normal, with five of a hundred beyond `low` and beyond `high`; a
        side where they are the value has none. A parameter has its own stream of chance, the same of all
        chemistries, so that chemistries and duties are compared draw by draw.
        """
        row = self.rows[name]
        if row.low is None or row.high is None:
            return np.full(draws, row.value)
        normal = np.random.default_rng((seed, zlib.crc32(name.encode()))).standard_normal(draws)
        normal[0] = 0.0
        side = np.where(normal < 0, row.low, row.high)
        if min(row.low, row.value) <= 0:  # from nothing on: half a normal
            return row.value + np.maximum(normal, 0) / _NINETY * (row.high - row.value)
        drawn: Numbers = row.value * (side / row.value) ** (np.abs(normal) / _NINETY)
        return drawn


class Ageing(NamedTuple):
    """
    The rates of one law under one duty, (draws,) each.

    After t years the calendar has taken (calendar t)^z, cycling (cycling t)^y; with what was there before as
    z-th and y-th root of it added.
    """

    calendar: Numbers
    z: Numbers
    cycling: Numbers
    y: Numbers
    resistance_calendar: Numbers | None
    resistance_exponent: float
    resistance_cycling: Numbers | None

    def lost(self, years: Numbers, before: tuple[Numbers, Numbers] | None = None) -> tuple[Numbers, Numbers]:
        """Return what the calendar and what cycling took, as fractions of the capacity when new."""
        by_time, by_cycles = before or (np.zeros_like(self.z), np.zeros_like(self.y))
        return (
            (by_time ** (1 / self.z) + self.calendar * years) ** self.z,
            (by_cycles ** (1 / self.y) + self.cycling * years) ** self.y,
        )

    def until(self, left: Numbers | float, before: tuple[Numbers, Numbers] | None = None) -> Numbers:
        """Return after how many years so much of the capacity is left, at most LONGEST_YEARS."""
        low, high = np.zeros_like(self.z), np.full_like(self.z, LONGEST_YEARS)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            is_over = 1 - sum(self.lost(middle, before)) < left
            low, high = np.where(is_over, low, middle), np.where(is_over, middle, high)
        return np.where(1 - sum(self.lost(high, before)) > left, LONGEST_YEARS, high)


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """
    What becomes of a battery.

    `years` is (N,), 0 to 40; `capacity`, `by_calendar` (the part of the loss) and `resistance` are (3, N):
    middle, low, high. Resistance is by how much it is more than when new, None where the law does not tell.
    `first` is when `end_first` of the capacity is left, `second` how many years more until `end_second`
    under the second duty. `shares` is how much of the loss at the end of the first life is of the calendar.
    `beyond` says in what the law was carried on beyond what was measured: `years`, `capacity`, `cold`,
    `heat`, `charging` (faster than its source knows).
    """

    chemistry: str
    duty: str
    end_first: float
    end_second: float
    full_a_year: float
    years: Numbers
    capacity: Numbers
    by_calendar: Numbers
    resistance: Numbers | None
    first: Interval
    second: Interval
    calendar_share: Interval
    beyond: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return it as JSON has it: arrays as lists, intervals as objects."""
        found: dict[str, object] = {}
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Interval):
                value = value._asdict()
            elif isinstance(value, np.ndarray):
                value = (
                    value.tolist()
                    if value.ndim == 1
                    else dict(zip(Interval._fields, value.tolist(), strict=True))
                )
            found[name] = value
        return found


def name_of(chemistry: str) -> str | None:
    """Return by which law a chemistry ages; the numbers of an NMC do not matter. None where there is none."""
    name = "NMC" if chemistry.startswith("NMC") and chemistry[3:].isdigit() else chemistry
    return name if name in LAWS else None


def chemistry_of(name: str) -> str:
    """
    Return by which law a cell of `CELLS`, or a chemistry, ages.

    Raises UsageError: `life.unknown` where no law is public for it, `life.cell` for what is neither.
    """
    cell = CELLS.get(name)
    chemistry = cell.chemistry if cell is not None else name
    if cell is None and name_of(name) is None and name not in {one.chemistry for one in CELLS.values()}:
        raise UsageError(
            "life.cell",
            f"There is no cell and no chemistry {name[:40]!r}.",
            f"Take one of {', '.join((*LAWS, *CELLS))}.",
        )
    if cell is not None and cell.electrolyte != "liquid":
        chemistry = f"{cell.electrolyte} {chemistry}"
    return law_of(chemistry).chemistry


def claimed_cycles() -> tuple[Figure, ...]:
    """Return the cycle lives that the catalogue holds: most are claims, and none says how a cell ages."""
    return tuple(one for each in TECHNOLOGIES.values() for one in each.figures if one.metric == "cycle_life")


def law_of(chemistry: str) -> Law:
    """
    Return the law of a chemistry, by `name_of`.

    Raises UsageError (`life.unknown`) where no law is public, and does not guess.
    """
    if (name := name_of(chemistry)) is not None:
        return LAWS[name]
    raise UsageError(
        "life.unknown",
        f"No law of ageing is public for {chemistry[:40]!r} cells: how long they last is not known.",
        f"There are laws for {', '.join(LAWS)}. For others there are only cycle lives that makers claim.",
    )


def ageing(law: Law, duty: Duty, months_c: Numbers, draws: int = DRAWS, seed: int = 1) -> Ageing:
    """Return the rates of a law under a duty, where the air is so warm by month, (12,) °C."""
    air_c = np.clip(months_c + duty.warmer_k, COLDEST_C, HOTTEST_C)
    kept_c = np.clip(air_c, duty.warm_low_c, duty.warm_high_c)
    rest_k = (kept_c if duty.kept_at_rest else air_c) + _ZERO_C_K
    z, y = (law.draw(name, draws, seed) for name in ("calendar_exponent", "cycle_exponent"))

    inverse = 1 / _REFERENCE_K - 1 / rest_k
    warm = np.exp(law.draw("calendar_activation_k", draws, seed)[:, None] * inverse)
    at_soc = np.interp(duty.rest_soc, *law.anchors("calendar_at_soc_"))
    taken = law.draw("calendar_loss", draws, seed)[:, None] * warm * at_soc
    calendar = np.mean(taken ** (1 / z[:, None]), axis=1) / law.value("calendar_years")

    cycled = law.draw("cycle_loss", draws, seed) * np.interp(duty.depth, *law.anchors("cycle_at_depth_"))
    by_rate = 0.0
    for rate, share in ((duty.slow_c, 1 - duty.fast_share), (duty.fast_c, duty.fast_share)):
        faster = np.maximum(1 + law.draw("cycle_per_c", draws, seed) * (rate - _RATE_C), 0.05)
        part = cycled[:, None] * faster[:, None] * _by_warmth(law, kept_c, rate, draws, seed)
        by_rate = by_rate + share * np.mean(part ** (1 / y[:, None]), axis=1)
    cycling = by_rate * duty.full_a_year / law.value("cycle_full")

    more = by_full = None
    exponent = law.value("resistance_calendar_exponent") if law.tells_resistance else 1.0
    if law.tells_resistance:
        hotter = np.mean(np.exp(law.value("resistance_activation_k") * inverse) ** (1 / exponent))
        more = law.draw("resistance_calendar", draws, seed) ** (1 / exponent) * hotter
        by_full = law.draw("resistance_cycle", draws, seed) * duty.full_a_year / 1000
    return Ageing(calendar, z, np.asarray(cycling), y, more, exponent, by_full)


def _by_warmth(law: Law, cell_c: Numbers, rate_c: float, draws: int, seed: int) -> Numbers:
    """
    Return by how much cycling ages more, (draws, 12), at these temperatures than at the optimum.

    Above it by Arrhenius. Below it lithium plates, so by Arrhenius the other way (Waldmann et al. 2014); that
    was seen at 1 C and counts in proportion to the rate of charging, which is an assumption.
    """
    inverse = 1 / _REFERENCE_K - 1 / (cell_c + _ZERO_C_K)
    hot = np.exp(law.draw("cycle_hot_k", draws, seed)[:, None] * np.maximum(inverse, 0))
    cold = np.exp(law.draw("cycle_cold_k", draws, seed)[:, None] * np.maximum(-inverse, 0))
    return np.asarray(hot + min(rate_c / _RATE_PLATED_C, 1.0) * (cold - 1))


def life(
    chemistry: str,
    duty: Duty,
    months_c: Numbers,
    *,
    then: Duty | None = None,
    end_first: float = 0.8,
    end_second: float = 0.6,
    draws: int = DRAWS,
    seed: int = 1,
) -> Life:
    """
    Return how long a battery lasts under a duty, and `then` under another.

    Raises UsageError (`life.unknown`, `life.ends`, `life.draws`).
    """
    if not 0.3 <= end_second < end_first <= 0.95:
        raise UsageError(
            "life.ends",
            f"A first life to {100 * end_first:g} % and a second one to {100 * end_second:g} % cannot be.",
            "Give ends from 95 % down to 30 %, the second below the first.",
        )
    if not 1 <= draws <= DRAWS_MOST:
        raise UsageError("life.draws", f"{draws} draws.", f"Take from 1 to {DRAWS_MOST:,}.")
    law = law_of(chemistry)
    own = ageing(law, duty, months_c, draws, seed)
    second_duty = then or DUTIES["second-life"]
    later = ageing(law, second_duty, months_c, draws, seed)
    first = own.until(end_first)
    at_end = own.lost(first)
    second = later.until(end_second, at_end)
    share = at_end[0] / np.maximum(at_end[0] + at_end[1], 1e-12)
    told = interval(first)
    years = np.arange(_TOLD_YEARS + 1.0)
    lost = [own.lost(np.full(draws, one)) for one in years]
    capacity = np.maximum(1 - np.array([one[0] + one[1] for one in lost]), 0)
    return Life(
        chemistry=law.chemistry,
        duty=duty.id,
        end_first=end_first,
        end_second=end_second,
        full_a_year=duty.full_a_year,
        years=years,
        capacity=_bands(capacity),
        by_calendar=_bands(np.array([one[0] for one in lost])),
        resistance=None if (more := _resistance(own, years)) is None else _bands(more),
        first=told,
        second=interval(second),
        calendar_share=interval(share),
        beyond=_beyond(law, duty, months_c, told.middle, end_second),
    )


def remaining(
    chemistry: str,
    first: Duty,
    then: Duty,
    months_c: Numbers,
    *,
    soh: tuple[float, float],
    end: float,
    draws: int = 400,
    seed: int = 1,
) -> Interval:
    """
    Return how many years a used battery lasts under a duty until `end` of its capacity is left.

    `soh` is where nine of ten times what it has left lies. How much of its loss is of the calendar follows
    from the duty that it had first. Raises UsageError (`life.unknown`).
    """
    law = law_of(chemistry)
    own, later = (ageing(law, one, months_c, draws, seed) for one in (first, then))
    middle, half = (soh[0] + soh[1]) / 2, (soh[1] - soh[0]) / 2
    normal = np.random.default_rng((seed, zlib.crc32(b"soh"))).standard_normal(draws)
    normal[0] = 0.0
    left = np.clip(middle + half * normal / _NINETY, 0.0, 1.0)
    by_time, by_cycles = own.lost(own.until(left))
    scale = (1 - left) / np.maximum(by_time + by_cycles, 1e-12)  # where it took longer than is told
    return interval(later.until(end, (by_time * scale, by_cycles * scale)))


def interval(drawn: Numbers) -> Interval:
    """Return the first draw, and where nine of ten lie."""
    low, high = np.percentile(drawn, (5, 95))
    return Interval(float(drawn[0]), float(min(low, drawn[0])), float(max(high, drawn[0])))


def _bands(drawn: Numbers) -> Numbers:
    """Return middle, low, high, (3, N), of (N, draws)."""
    low, high = np.percentile(drawn, (5, 95), axis=1)
    middle = drawn[:, 0]
    return np.array([middle, np.minimum(low, middle), np.maximum(high, middle)])


def _resistance(own: Ageing, years: Numbers) -> Numbers | None:
    if own.resistance_calendar is None or own.resistance_cycling is None:
        return None
    of_time = (own.resistance_calendar * years[:, None]) ** own.resistance_exponent
    return np.asarray(of_time + own.resistance_cycling * years[:, None])


def _beyond(law: Law, duty: Duty, months_c: Numbers, years: float, left: float) -> tuple[str, ...]:
    rest_c = months_c + duty.warmer_k
    if duty.kept_at_rest:
        rest_c = np.clip(rest_c, duty.warm_low_c, duty.warm_high_c)
    found = {
        "years": years > law.value("calendar_years"),
        "capacity": left < law.value("measured_to"),
        "cold": rest_c.min() < law.value("measured_low_c"),
        "heat": rest_c.max() > law.value("measured_high_c"),
    }
    return tuple(name for name, is_so in found.items() if is_so)


def _read() -> dict[str, Law]:
    text = files(__package__).joinpath("life.csv").read_text("utf-8")
    found: dict[str, dict[str, Parameter]] = {}
    for row in csv.DictReader(text.splitlines()):
        given = {**row, "low": row["low"] or None, "high": row["high"] or None}
        one = msgspec.convert(given, Parameter, strict=False)
        found.setdefault(one.chemistry, {})[one.parameter] = one
    return {name: Law(name, rows) for name, rows in found.items()}


LAWS: Final = _read()
