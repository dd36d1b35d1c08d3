"""
The capacity that one charging session shows, and how uncertain it is; or why it shows none.

    capacity = |∫ I dt| / ΔSOC        between the first and the last step of the state of charge

Vehicles round their state of charge to whole percent. At the moment it steps, what it was rounded from is
known, so both ends are taken at steps: what rounding leaves is the charge that passed between the two reports
around a step, evenly spread. This also leaves out what flows while 100 % are shown already.

Random, each session its own: the error of the vehicle's state of charge at either end, both steps, and what
flowed while nothing was reported. Systematic, the same in each session of a vehicle: gain and offset of its
current sensor, and the scale of its state of charge. The numbers stand in `measuring.csv`; all are taken as
normal and as knowing nothing of each other.
"""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from voltrail.errors import Refusal
from voltrail.health.policy import Policy, Table, read_rows

METHOD: Final = "coulomb count over state of charge"
METHOD_VERSION: Final = "1"
POLICY: Final = Policy(read_rows(files(__package__).joinpath("measuring.csv").read_text("utf-8"), ours=True))
"""The numbers of the method, by day."""

REFUSALS: Final = (
    Refusal(
        "health.several_packs",
        "The vehicle has several batteries, and reports one current for all.",
        "Nothing follows for one of them until the current of each is reported.",
    ),
    Refusal(
        "health.battery",
        "It is not known for certain which battery was in the vehicle.",
        "The vehicle's login must give its code, or the record its installation, and both must agree.",
    ),
    Refusal(
        "health.chemistry",
        "The chemistry of the model is not declared, or is none whose errors are known.",
        "The maker registers the model with its chemistry: LFP, NCM or NCA.",
    ),
    Refusal(
        "health.model_capacity",
        "The model's capacity is not declared, so there is nothing to hold the measured one against.",
        "The maker registers the model with capacity_ah.",
    ),
    Refusal(
        "health.current_sign",
        "The reported current says that the battery was discharged while it charged.",
        "The vehicle must report current as positive while discharging, as GB/T 32960.3 has it.",
    ),
    Refusal(
        "health.soc_span",
        "The session charged less than 40 % of the battery.",
        "A session is needed that begins lower or ends higher.",
    ),
    Refusal(
        "health.soc_jump",
        "The vehicle corrected its state of charge during the session, by more than what was charged.",
        "A session without such a leap is needed.",
    ),
    Refusal(
        "health.gaps",
        "Too much of the charge flowed while nothing was reported.",
        "A session is needed whose reports are at most a minute apart.",
    ),
    Refusal(
        "health.cold",
        "The battery was colder than 0 °C, where it gives less than it holds.",
        "A session of a warmer battery is needed.",
    ),
    Refusal(
        "health.no_session",
        "The vehicle was not charged in this month, or did not report it.",
        "A month is needed in which it reports while it charges.",
    ),
    Refusal(
        "health.implausible",
        "Sessions show far more than the model's capacity: that of the model, or the battery, is another.",
        "Compare the capacity_ah of the model with its data sheet, and the code with the battery.",
    ),
)
"""Why there is no capacity, in the order in which it is looked for; the last two are of months alone."""

RULES: Final = tuple(refusal.rule for refusal in REFUSALS)
PLACE: Final = {rule: place for place, rule in enumerate(RULES)}
OK: Final = -1

Columns = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


class Measuring(msgspec.Struct, frozen=True):
    """The numbers of the method in force on a day; chemistries by their name."""

    gap_most_s: float
    known_s: float
    bridged_sd: float
    bridged_most: float
    span_least: float
    jump_most: float
    soc_sd: dict[str, float]
    scale_sd: float
    gain_sd: float
    offset_sd_a: float
    coldest_c: float
    blind: dict[str, tuple[float, float]]
    rest_c_rate: float
    discharged_soc: float
    cell_rows_least: float
    soh_most: float


def measuring(day: date, policy: Policy = POLICY) -> Measuring:
    """Return the numbers in force on a day."""
    table = policy.at(day)
    soc_sd = {name.rpartition(".")[2]: _number(table, name) for name in table.named("soc.error.")}
    blind = {
        chemistry: (_number(table, f"{begin}_from"), _number(table, f"{begin}_to"))
        for chemistry in soc_sd
        if table.has(f"{(begin := f'voltage.{chemistry}.blind')}_from")
    }
    return Measuring(
        gap_most_s=_number(table, "session.gap_most"),
        known_s=_number(table, "session.known"),
        bridged_sd=_number(table, "session.bridged_sd"),
        bridged_most=_number(table, "session.bridged_most"),
        span_least=_number(table, "soc.span_least"),
        jump_most=_number(table, "soc.jump_most"),
        soc_sd=soc_sd,
        scale_sd=_number(table, "soc.scale_sd"),
        gain_sd=_number(table, "current.gain_sd"),
        offset_sd_a=_number(table, "current.offset_sd"),
        coldest_c=_number(table, "temperature.least"),
        blind=blind,
        rest_c_rate=_number(table, "rest.c_rate"),
        discharged_soc=_number(table, "discharged.soc_most"),
        cell_rows_least=_number(table, "cells.rows_least"),
        soh_most=_number(table, "soh.most"),
    )


def _number(table: Table, name: str) -> float:
    found = table.normal(name)
    assert found is not None, name  # noqa: S101 - a row of ours
    return found.mean


class Capacities(msgspec.Struct, frozen=True):
    """
    What sessions show, each in its place: capacity and its random standard deviation in Ah.

    `offset_sd` is what the offset of the current sensor makes of it, as a share: systematic. `refusal` is the
    place in REFUSALS, or OK; where it is not OK the numbers mean nothing.
    """

    capacity_ah: Floats
    sd_ah: Floats
    offset_sd: Floats
    refusal: npt.NDArray[np.int8]


def capacities(sessions: Columns, whose: Columns, numbers: Measuring) -> Capacities:
    """
    Return what sessions show (`sessions.SESSION`), given whose they are (`sessions.WHOSE`), row by row.

    Charge in coulomb, states of charge in percent.
    """
    charge = sessions["edge_charge"]
    span = sessions["edge_to"] - sessions["edge_from"]
    with np.errstate(divide="ignore", invalid="ignore"):
        capacity = charge / 36.0 / span  # C / 3600 / (percent / 100)
        relative = (
            2 * (whose["soc_sd"] / span) ** 2
            + (sessions["from_width"] ** 2 + sessions["to_width"] ** 2) / 12 / charge**2
            + numbers.bridged_sd**2 * sessions["bridged_square"] / charge**2
        )
        offset = numbers.offset_sd_a * sessions["edge_s"] / charge
        bridged = sessions["bridged"] / charge
    refusal = np.full(len(sessions), OK, np.int8)
    for rule, fails in (
        ("health.several_packs", (whose["packs"] > 1) | (sessions["packs"] > 1)),
        ("health.battery", ~whose["known"]),
        ("health.chemistry", ~(whose["soc_sd"] > 0)),
        ("health.model_capacity", ~(whose["capacity_ah"] > 0)),
        ("health.current_sign", sessions["charge"] <= 0),
        ("health.soc_span", ~(span >= numbers.span_least)),
        ("health.current_sign", ~(charge > 0)),
        ("health.soc_jump", sessions["jump"] > numbers.jump_most),
        ("health.gaps", bridged > numbers.bridged_most),
        ("health.cold", sessions["probe_min"] < numbers.coldest_c),
    ):
        refusal[(refusal == OK) & fails] = PLACE[rule]
    return Capacities(capacity, capacity * np.sqrt(relative), offset, refusal)
