"""
Cells from their porous electrodes, by PyBaMM: the extra `physics`.

`discharge` runs a published set of parameters through a model of electrodes: SPMe (a particle for each
electrode, with electrolyte), DFN (Doyle, Fuller, Newman), or the half-cell of either where the set is one.
What a set cannot know is said beside the result: no public set is of a solid electrolyte, and some have no
law of temperature at all, or only for some of their numbers: then the cold is too mild.

PyBaMM is imported when it is used, and asked to send nothing to anyone.
"""

from __future__ import annotations

import os
from typing import Any, Final

import msgspec
import numpy as np

from voltrail.errors import UsageError
from voltrail.technology.cell import CellType

ZERO_C_K: Final = 273.15
MODELS: Final = ("SPMe", "DFN")
OTHER: Final = frozenset(
    {"Bonkile2024", "Chayambuka2022", "Chen2020_composite", "ECM_Example", "MSMR_Example", "Sulzer2019"}
)
"""Sets of PyBaMM that are no lithium-ion cells, or of electrodes of two materials: not for these models."""
HALF: Final = ("halfcell", "Xu2019")
# What follows the temperature in a cell that does, by the names of PyBaMM.
LAWS: Final = ("diffusivity", "conductivity", "exchange-current density")
PARTS: Final = ("electrode", "particle", "electrolyte")
ASIDE: Final = ("sei", "plat", "dead", "crack", "thermal", "activation", "electrode cond")
COLDEST_C: Final = -40.0
HOTTEST_C: Final = 60.0
LEAST_RATE: Final = 0.02
MOST_RATE: Final = 5.0
LONGEST: Final = 1.3  # times the nominal hours: it ends before, at the least voltage


class Discharge(msgspec.Struct, frozen=True, kw_only=True):
    """
    A discharge from full to the least voltage, at a steady current, the cell held at a temperature.

    `warnings` say what the set of parameters cannot know. In a half-cell the counter electrode is lithium,
    and `voltage_v` is that against it.
    """

    parameters: str
    model: str
    temperature_c: float
    c_rate: float
    capacity_ah: float
    energy_wh: float
    mean_v: float
    time_h: list[float]
    voltage_v: list[float]
    warnings: list[str]


def sets() -> tuple[str, ...]:
    """
    Return the names of the sets of parameters that `discharge` takes.

    Raises UsageError (`technology.physics`) where PyBaMM is not installed.
    """
    return tuple(name for name in sorted(_pybamm().parameter_sets) if name not in OTHER)


def discharge(
    parameters: str, *, temperature_c: float = 25.0, c_rate: float = 1 / 3, model: str = "SPMe"
) -> Discharge:
    """
    Return a discharge of a published set of parameters.

    Raises UsageError: `technology.physics` where PyBaMM is not installed, `technology.physics_set` for a set
    or a model that is not known, `technology.physics_range` for a rate or a temperature beyond what such
    models are for, `technology.physics_solved` where it does not solve.
    """
    pybamm = _pybamm()
    if parameters not in sets() or model not in MODELS:
        raise UsageError(
            "technology.physics_set",
            f"There is no set {parameters!r} with a model {model!r}.",
            f"Sets: {', '.join(sets())}. Models: {', '.join(MODELS)}.",
        )
    if not (COLDEST_C <= temperature_c <= HOTTEST_C and LEAST_RATE <= c_rate <= MOST_RATE):
        raise UsageError(
            "technology.physics_range",
            f"A discharge at {temperature_c:g} °C and {c_rate:g} C cannot be computed.",
            f"Give {COLDEST_C:g} to {HOTTEST_C:g} °C and {LEAST_RATE:g} to {MOST_RATE:g} C.",
        )
    values = pybamm.ParameterValues(parameters)
    kelvin = temperature_c + ZERO_C_K
    values.update({"Ambient temperature [K]": kelvin, "Initial temperature [K]": kelvin})
    half = any(part in parameters for part in HALF)
    kind = getattr(pybamm.lithium_ion, model)
    built = kind({"working electrode": "positive"} if half else {})
    simulation = pybamm.Simulation(built, parameter_values=values, C_rate=c_rate)
    try:
        seconds = np.linspace(0, 3600 * LONGEST / c_rate, 400)
        solution = simulation.solve(seconds, initial_soc=1.0)
    except Exception as error:  # whatever PyBaMM raises is told as what it is: no solution
        raise UsageError(
            "technology.physics_solved",
            f"{model} of {parameters} does not solve at {temperature_c:g} °C and {c_rate:g} C: {error}",
            "Try a lower rate, a warmer cell, or another set or model.",
        ) from error
    hours = solution["Time [h]"].entries
    volts = solution["Voltage [V]"].entries
    amperes = solution["Current [A]"].entries
    mean_v, mean_a = (volts[1:] + volts[:-1]) / 2, (amperes[1:] + amperes[:-1]) / 2
    energy_wh = float((mean_v * mean_a) @ np.diff(hours))
    charge_ah = float(mean_a @ np.diff(hours))
    return Discharge(
        parameters=parameters,
        model=model + (" half-cell" if half else ""),
        temperature_c=temperature_c,
        c_rate=c_rate,
        capacity_ah=charge_ah,
        energy_wh=energy_wh,
        mean_v=energy_wh / charge_ah,
        time_h=hours.tolist(),
        voltage_v=volts.tolist(),
        warnings=_warnings(values, parameters, temperature_c),
    )


def warnings_for(cell: CellType, parameters: str) -> list[str]:
    """Return why a set says little of a type of cell: empty where both are of a liquid electrolyte."""
    if cell.electrolyte == "liquid":
        return []
    said = (
        f"{cell.name} has a {cell.electrolyte} electrolyte; {parameters} is a cell with a liquid one, as all "
        "public sets are. Its curve says nothing of contact, pressure or a solid's conduction in the cold."
    )
    return [said]


def _warnings(values: Any, parameters: str, temperature_c: float) -> list[str]:
    """Return what the set does not know: which of its numbers stay the same in the cold."""
    still = [name for name in values.keys() if _is_law(name) and not _moves(values, name)]  # noqa: SIM118
    if not still:
        return []
    said = "nothing" if len(still) == sum(map(_is_law, values.keys())) else "not everything"
    away = "" if abs(temperature_c - 25) < 1 else f" At {temperature_c:g} °C the losses are likely too small."
    return [
        f"In {parameters} {said} follows the temperature; these do not: {', '.join(sorted(still))}.{away}"
    ]


def _is_law(name: str) -> bool:
    name = name.lower()
    wanted = any(law in name for law in LAWS) and any(part in name for part in PARTS)
    return wanted and not any(part in name for part in ASIDE)


def _moves(values: Any, name: str) -> bool:
    """Whether a number of a set is another in the cold; a plain number is not."""
    law = values[name]
    if not callable(law):
        return False
    pybamm = _pybamm()
    count = law.__code__.co_argcount - 1  # the last is the temperature
    arguments = {1: [1000.0], 2: [0.5, 0.0], 3: [1000.0, 10_000.0, 30_000.0]}.get(count, [0.5] * count)
    told: list[float] = []
    for kelvin in (298.15, 253.15):
        found = law(*map(pybamm.Scalar, arguments), pybamm.Scalar(kelvin))
        told.append(float(np.ravel(values.evaluate(found) if hasattr(found, "evaluate") else found)[0]))
    return abs(told[0] - told[1]) > 1e-6 * abs(told[0])


def _pybamm() -> Any:
    # Without this it would ask on a terminal, write to the home folder, and send what is used to its makers.
    os.environ["PYBAMM_DISABLE_TELEMETRY"] = "true"
    try:
        import pybamm
    except ImportError as missing:
        raise UsageError(
            "technology.physics",
            "PyBaMM is not installed.",
            "Install voltrail with its extra physics: pip install 'voltrail[physics]'.",
        ) from missing
    return pybamm
