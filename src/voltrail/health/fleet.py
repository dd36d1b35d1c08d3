"""
The health of many batteries, as Ibis expressions: written once, for DuckDB here and for Spark elsewhere.

Tables go in (`tables.MONTHS`, `tables.BATTERIES`) and expressions come out; nothing is run. States of health
are fractions, ages years since a battery was made, distances km. A month that was refused says nothing. No
figure is given of fewer batteries than `Limits.group_least`: what few have in common says little of a kind
and much of each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import ibis
import msgspec
from ibis import _

from voltrail.health.normal import Z95
from voltrail.health.tables import STANDINGS

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from voltrail.health.policy import Table

By = Literal["model", "age", "mileage", "province", "climate"]
Over = Literal["age", "mileage"]
OVER: Final[tuple[Over, ...]] = ("age", "mileage")
BY: Final[tuple[By, ...]] = ("model", "age", "mileage", "province", "climate")
BAND_KM: Final = 20_000
PEER_KM: Final = 50_000  # wider, so that there are peers
QUANTILES: Final = (("low", 0.1), ("middle", 0.5), ("high", 0.9))

_YEAR_DAYS: Final = 365.25
_MOST_SOH: Final = 1.5  # nothing holds more, whatever a table says
_MAD: Final = 1.4826  # the standard deviation of a normal distribution, in median deviations
_LEAST_YEARS: Final = 0.25  # of driving, before it says how much is driven in a year
_KEYS: Final = {"model": "model", "age": "half_years", "mileage": "band_km", "province": "province"}
_PEERS: Final = ("model", "half_years", "peer_km")


class Limits(msgspec.Struct, frozen=True):
    """The limits that a policy sets."""

    warranty_years: float
    warranty_km: float
    warranty_soh: float
    group_least: int
    peers_least: int
    outlier_z: float
    sd_least: float
    months_least: int

    @classmethod
    def of(cls, table: Table) -> Limits:
        """Return those in force. The policy that comes with Voltrail has a row for each."""

        def value(name: str) -> float:
            row = table.row(name)
            return row.value if row is not None and row.value is not None else 0.0

        return cls(
            value("warranty.years"),
            value("warranty.distance_km"),
            value("warranty.soh_least"),
            round(value("fleet.group_least")),
            round(value("fleet.peers_least")),
            value("fleet.outlier_z"),
            value("fleet.sd_least"),
            max(3, round(value("fleet.months_least"))),  # through two points a line always goes
        )


def told(months: ir.Table, batteries: ir.Table) -> ir.Table:
    """
    Return what months tell of batteries, a row for each: state of health, age, distance.

    Months that were refused, and those of batteries that are not among `batteries`, are left out.
    """
    kept = months.filter(_.code.notnull(), _.refusal.isnull(), _.soh_fraction.between(0, _MOST_SOH))
    kept = kept.select(
        "code", "vin", "month", "used", "odometer_km",
        soh=_.soh_fraction, soh_low=_.soh_low, soh_high=_.soh_high,
        sd=ibis.coalesce((_.soh_high - _.soh_low) / (2 * Z95), 0.0),
    )  # fmt: skip
    joined = kept.inner_join(batteries, "code")
    begun = ibis.coalesce(joined.made_on, joined.sold_on)
    return joined.mutate(
        age_years=_years(joined.month, begun), sold_years=_years(joined.month, joined.sold_on)
    )


def latest(known: ir.Table) -> ir.Table:
    """Return the latest of what is told of each battery, with the bands in which it is."""
    last = ibis.window(group_by="code", order_by=[ibis.desc("month"), ibis.desc("used"), "vin"])
    return (
        known.mutate(place=ibis.row_number().over(last))
        .filter(_.place == 0)
        .drop("place")
        .mutate(
            half_years=_band(_.age_years, 0.5),
            band_km=_band(_.odometer_km, BAND_KM) * BAND_KM,
            peer_km=_band(_.odometer_km, PEER_KM) * PEER_KM,
        )
    )


def grouped(last: ir.Table, by: By, limits: Limits) -> ir.Table:
    """
    Return how many batteries there are of each kind, and the quantiles of their state of health.

    `group` is what they have in common: a model, province or climate; half years of age, from 0; the km from
    which a band of `BAND_KM` goes. It is null where the record does not say.
    """
    return _quantiles(last.mutate(group=last[_KEYS.get(by, by)]).group_by("group"), limits).order_by(
        _.group.asc(nulls_first=False)
    )


def whole(last: ir.Table, limits: Limits) -> ir.Table:
    """Return the same of all of them, as one row, or none where there are none."""
    return _quantiles(last.mutate(group=ibis.literal("all")).group_by("group"), limits)


def curve(known: ir.Table, over: Over, limits: Limits) -> ir.Table:
    """
    Return the quantiles of the state of health over age or distance, by `group` as `grouped` has it.

    A battery counts once in each band that it went through, by the mean of its months there.
    """
    place = _band(_.age_years, 0.5) if over == "age" else _band(_.odometer_km, BAND_KM) * BAND_KM
    each = known.mutate(group=place).filter(_.group.notnull()).group_by("group", "code").agg(soh=_.soh.mean())
    return _quantiles(each.group_by("group"), limits).order_by("group")


def judged(last: ir.Table, limits: Limits) -> ir.Table:
    """
    Return how far each battery is from its peers of the same model, age and distance, if they are enough.

    `z` is the distance from their median, in the larger of two deviations: that of the peers (by the median
    deviation, which a few that are broken do not move) and what is not known of the battery itself.
    """
    some = last.filter(*(last[name].notnull() for name in _PEERS))
    middle = some.group_by(*_PEERS).agg(peers=_.count(), median=_.soh.median())
    with_median = some.join(middle.filter(_.peers >= limits.peers_least), _PEERS)
    spread = with_median.group_by(*_PEERS).agg(mad=(_.soh - _.median).abs().median())
    return with_median.join(spread, _PEERS).mutate(
        z=(_.soh - _.median) / ibis.greatest(_.mad * _MAD, _.sd, limits.sd_least)
    )


def outliers(last: ir.Table, limits: Limits) -> ir.Table:
    """Return the batteries that stand out from their peers, the furthest first."""
    return (
        judged(last, limits)
        .filter(_.z.abs() >= limits.outlier_z)
        .order_by(_.z.abs().desc(), "code")
        .select(
            "code", "model", "month", "soh", "soh_low", "soh_high",
            "half_years", "peer_km", "peers", "median", "z", "shown",
        )
    )  # fmt: skip


def warranty(known: ir.Table, last: ir.Table, limits: Limits) -> ir.Table:
    """
    Return how each battery stands to the limit of the warranty, and where its trend leads at its end.

    The end is after the years since the vehicle was sold, or earlier where the distance runs out at the pace
    so far. `standing`: below already; will_be, may_be below at the end by the interval of 95 %, or kept;
    too_few months for a trend; not_known when it was sold; over. The worst come first.
    """
    fits = _lines(known, limits)
    pace = last.odometer_km / ibis.greatest(last.sold_years, _LEAST_YEARS)
    runs_out = ibis.ifelse(pace > 0, limits.warranty_km / pace.nullif(0), limits.warranty_years)
    each = last.mutate(
        end_years=ibis.least(limits.warranty_years, ibis.coalesce(runs_out, limits.warranty_years))
    ).left_join(fits, "code")
    level_var = ibis.greatest(each.level_var, each.sd * each.sd)  # what the months share does not average out
    ahead = each.end_years - each.level_at
    at_end = each.level + each.slope * ahead
    sd = (level_var + each.slope_var * ahead * ahead).sqrt()
    found = each.mutate(at_end=at_end, at_end_low=at_end - Z95 * sd, at_end_high=at_end + Z95 * sd)
    limit = limits.warranty_soh
    is_over = (found.sold_years >= limits.warranty_years) | (
        ibis.coalesce(found.odometer_km, 0) >= limits.warranty_km
    )
    standing = ibis.cases(
        (found.sold_years.isnull(), "not_known"),
        (is_over, "over"),
        (found.soh_high < limit, "below"),
        (found.at_end.isnull(), "too_few"),
        (found.at_end_high < limit, "will_be"),
        (found.at_end_low < limit, "may_be"),
        else_="kept",
    )
    worst_first = _.standing.cases(*((name, place) for place, name in enumerate(STANDINGS)))
    return (
        found.mutate(standing=standing)
        .order_by(worst_first, "soh", "code")
        .select(
            "code", "model", "month", "soh", "soh_low", "soh_high", "sold_on", "odometer_km", "standing",
            "end_years", "at_end", "at_end_low", "at_end_high", "shown",
        )
    )  # fmt: skip


def _lines(known: ir.Table, limits: Limits) -> ir.Table:
    """
    Return the line through the months of each battery: weighted least squares over the years since its sale.

    Its slope is drawn towards that of its model, the more the less it is known: the slopes of a model scatter
    around one another by what their own doubt does not explain (DerSimonian and Laird 1986).
    """
    aged = known.filter(_.sold_years.notnull()).mutate(sd=ibis.greatest(_.sd, limits.sd_least))
    aged = aged.mutate(w=1 / (aged.sd * aged.sd), x=aged.sold_years, y=aged.soh)
    sums = aged.group_by("code", "model").agg(
        n=_.month.nunique(), w=_.w.sum(), x=(_.w * _.x).sum() / _.w.sum(), y=(_.w * _.y).sum() / _.w.sum()
    )
    # Around their means, in a second pass: squares of large numbers would leave nothing of small differences.
    around = aged.join(sums.select("code", at_x="x", at_y="y"), "code")
    around = around.mutate(dx=around.x - around.at_x, dy=around.y - around.at_y)
    squares = around.group_by("code").agg(
        sxx=(_.w * _.dx * _.dx).sum(), sxy=(_.w * _.dx * _.dy).sum(), syy=(_.w * _.dy * _.dy).sum()
    )
    own = sums.join(squares, "code").filter(_.n >= limits.months_least, _.sxx > 0)
    own = own.mutate(
        own=own.sxy / own.sxx,
        scatter=ibis.greatest(1.0, (own.syy - own.sxy * own.sxy / own.sxx) / (own.n - 2)),
    )
    own = own.mutate(v=own.scatter / own.sxx, level_var=own.scatter / own.w)
    of_model = own.group_by("model").agg(
        k=_.count(), s=(1 / _.v).sum(), s2=(1 / (_.v * _.v)).sum(), m=(_.own / _.v).sum() / (1 / _.v).sum()
    )
    with_mean = own.select("model", "own", "v").join(of_model.select("model", "m"), "model")
    q = with_mean.group_by("model").agg(q=((_.own - _.m) * (_.own - _.m) / _.v).sum())
    of_model = of_model.filter(_.k >= limits.group_least).join(q, "model")
    of_model = of_model.select(
        "model", "m",
        prior=ibis.greatest(0.0, (of_model.q - (of_model.k - 1)) / (of_model.s - of_model.s2 / of_model.s))
        + 1 / of_model.s,
    )  # fmt: skip
    both = own.left_join(of_model, "model")
    weight = 1 / both.v + ibis.coalesce(1 / both.prior, 0.0)
    return both.select(
        "code",
        level_at=both.x,
        level=both.y,
        level_var=both.level_var,
        slope=(both.own / both.v + ibis.coalesce(both.m / both.prior, 0.0)) / weight,
        slope_var=1 / weight,
    )


def _quantiles(groups: ir.GroupedTable, limits: Limits) -> ir.Table:
    counted = groups.agg(batteries=_.count(), **{name: _.soh.quantile(share) for name, share in QUANTILES})
    enough = counted.batteries >= limits.group_least
    return counted.mutate(**{name: ibis.ifelse(enough, counted[name], None) for name, _share in QUANTILES})


def _years(month: ir.DateValue, begun: ir.DateValue) -> ir.FloatingValue:
    """Return the years from a day to the middle of a month; 0 where that came first."""
    return ibis.ifelse(
        begun.isnull(), None, ibis.greatest(0.0, (month.delta(begun, unit="day") + 15) / _YEAR_DAYS)
    )


def _band(value: ir.NumericValue, step: float) -> ir.IntegerValue:
    return (value / step).floor().cast("int64")
