"""A fit finds the cell that made the runs, and says how sure it is and how far it may be believed."""

import msgspec
import numpy as np
import pytest

from voltrail.errors import UsageError
from voltrail.technology.circuit import HIGH_SOC, LOW_SOC, POINTS, Circuit, simulate
from voltrail.technology.circuit_fit import NCA_GRAPHITE, Trace, fit

PLACES = (0.85, 0.37, 0.90)  # negative full, positive full and empty
OCV_V = NCA_GRAPHITE.ocv(np.linspace(LOW_SOC, HIGH_SOC, POINTS), *PLACES)
TRUE = Circuit(ocv_v=OCV_V, capacity_ah=3.0, r0_ohm=0.03, r0_activation_k=1800.0)


def run(name, ambient_c, seconds=1200):
    time_s = np.arange(0.0, seconds)
    current = -np.random.default_rng(5).uniform(0.0, 3.0, seconds // 20).repeat(20)
    told = simulate(TRUE, time_s, current, ambient_c=ambient_c)
    return Trace(
        name=name,
        time_s=time_s,
        current_a=current,
        voltage_v=told.voltage_v[0],
        temperature_c=told.temperature_c[0],
        ambient_c=ambient_c,
    )


@pytest.mark.timeout(120)
def test_a_fit_finds_the_cell_and_predicts_another_temperature():
    """Fitted at 25 and -10 °C it is right at 5 °C, which it has not seen, and warns of -40 °C."""
    fitted = fit(
        [run("warm", 25.0), run("cold", -10.0)], NCA_GRAPHITE, capacity_ah=(3.0, 0.015), heat_j_per_k=45.0
    )
    assert max(fitted.off_v.values()) < 0.01
    between = run("between", 5.0)
    told = simulate(fitted.circuit, between.time_s, between.current_a, ambient_c=5.0)
    assert np.sqrt(np.mean((told.voltage_v[0] - between.voltage_v) ** 2)) < 0.01
    value, deviation = fitted.numbers["r0_ohm"]
    assert abs(value - TRUE.r0_ohm) < 0.5 * TRUE.r0_ohm
    assert 0 < deviation < value
    assert fitted.warning(5.0) is None
    assert "Arrhenius" in fitted.warning(-40.0)


def test_the_electrodes_make_a_cell_of_four_volts():
    """OCV rises with charge, from the voltage of empty to that of full."""
    soc = np.linspace(0, 1, 101)
    volts = NCA_GRAPHITE.ocv(soc, *PLACES)
    assert (np.diff(volts) > 0).all()
    assert volts[0] == pytest.approx(2.5, abs=0.01)
    assert 3.9 < volts[-1] < 4.3


def test_runs_that_say_nothing_are_refused():
    """Too short, not finite, twice the same name, or none: no fit is made up."""
    whole = run("whole", 25.0, 100)
    broken = msgspec.structs.replace(whole, voltage_v=np.full(100, np.nan))
    for traces in ([], [whole.first(10)], [broken], [whole, whole]):
        with pytest.raises(UsageError) as told:
            fit(traces, NCA_GRAPHITE, capacity_ah=(3.0, 0.015), heat_j_per_k=45.0)
        assert told.value.rule == "technology.fit"
