"""Our ageing beside BLAST-Lite's, under the same days: other code, and for most cells other laws."""

import msgspec
import numpy as np
import pytest

from voltrail.technology.duty import DUTIES, months_of
from voltrail.technology.life import ageing, interval, law_of

YEARS = 5
TOLERANCE = 0.05  # of the capacity when new, beyond where nine of ten of our draws lie
OF_NCA = 0.02  # of our middle, whose law is a fit to the same tests
DAYS = [(0.0, 0.2), (0.4, 0.2), (0.8, 0.3)]  # depth of a cycle a day, and its rate
CELLS = [
    ("LFP", "Lfp_Gr_SonyMurata3Ah_Battery"),
    ("LFP", "Lfp_Gr_250AhPrismatic"),
    ("NMC", "Nmc622_Gr_DENSO50Ah_Battery"),
    ("NMC", "NMC_Gr_50Ah_B1"),
    ("NMC", "Nmc111_Gr_Kokam75Ah_Battery"),
    ("NMC", "NMC_Gr_75Ah_A"),
    ("NCA", "Nca_Gr_Panasonic3Ah_Battery"),
    ("LTO", "Nmc_Lto_10Ah_Battery"),
]
"""All of chemistries that both know, but the small NMC cell of 2014, which ages faster than any since."""


@pytest.fixture(scope="module")
def models():
    """The models of BLAST-Lite, which calls NumPy by a name that it had once."""
    patch = pytest.MonkeyPatch()
    patch.setattr(np, "trapz", np.trapezoid, raising=False)
    yield pytest.importorskip("blast.models")
    patch.undo()


def ours(chemistry, temperature_c, depth, rate):
    duty = msgspec.structs.replace(
        DUTIES["storage"],
        depth=max(depth, 0.01),
        cycles_a_day=1.0 if depth else 0.0,
        slow_c=rate,
        warmer_k=0.0,
        warm_low_c=-40.0,
        warm_high_c=60.0,
    )
    own = ageing(law_of(chemistry), duty, months_of(temperature_c))
    return interval(1 - sum(own.lost(np.full_like(own.z, float(YEARS)))))


def theirs(models, name, temperature_c, depth, rate):
    hours = np.linspace(0, 24, 145)
    low, high, takes = 0.5 - depth / 2, 0.5 + depth / 2, depth / rate
    soc = np.interp(hours, [0, 2, 2 + takes, 14, 14 + takes, 24], [low, low, high, high, low, low])
    model = getattr(models, name)()
    series = {"Time_s": hours * 3600, "SOC": soc, "Temperature_C": np.full(145, temperature_c)}
    model.simulate_battery_life(series, threshold_time=YEARS, is_constant_input=True)
    return float(np.interp(YEARS * 365.25, model.stressors["t_days"], model.outputs["q"]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("temperature_c", [15.0, 25.0, 35.0])
@pytest.mark.parametrize(("chemistry", "name"), CELLS)
def test_theirs_lies_by_our_interval(models, chemistry, name, temperature_c):
    """After five years what is left of their cell lies within our interval, or five points outside."""
    for depth, rate in DAYS:
        own = ours(chemistry, temperature_c, depth, rate)
        other = theirs(models, name, temperature_c, depth, rate)
        assert own.low - TOLERANCE <= other <= own.high + TOLERANCE, (depth, own, other)
        if chemistry == "NCA":
            assert other == pytest.approx(own.middle, abs=OF_NCA)
