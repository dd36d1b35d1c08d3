"""Health out of what modelled vehicles report, whose capacity and weakest cell are known."""

import numpy as np
import pyarrow as pa
import pytest

from tests.health.test_monthly import LFP, MONTH, NUMBERS
from tests.health.traces import DAY, NOVEMBER, OCTOBER, SCHEMA
from voltrail.demo.market import LFP as LFP_CAR
from voltrail.demo.market import NCM as NCM_CAR
from voltrail.demo.vehicles import Fleet, Vehicle
from voltrail.health.monthly import reckon
from voltrail.health.sessions import Sessions


def reports(fleet):
    """Return a month of a fleet as the archive has it: values in the steps of GB/T 32960.3."""
    told = fleet.at(*fleet.moments(30, OCTOBER, NOVEMBER))
    columns = {
        "vin": np.array([one.vin for one in fleet.vehicles])[told.vehicle],
        "at": told.at_s,
        "charging_status": told.charging_status,
        "speed_kmh": np.round(told.speed_kmh, 1),
        "odometer_km": np.round(told.odometer_km, 1),
        "voltage_v": np.round(told.voltage_v, 1),
        "current_a": np.round(told.current_a, 1),
        "soc_percent": np.floor(told.soc * 100 + 0.5),
        "alarm_level": told.alarm_level,
        "packs": np.ones(len(told.at_s)),
        "cell_max_mv": told.cell_mv.max(axis=1).round(),
        "cell_min_mv": told.cell_mv.min(axis=1).round(),
        "cell_min_no": told.cell_mv.argmin(axis=1) + 1,
        "probe_max_c": told.probe_c.max(axis=1),
        "probe_min_c": told.probe_c.min(axis=1),
    }
    order = np.lexsort((columns["at"], columns["vin"]))
    return pa.table({f.name: pa.array(columns[f.name][order]).cast(f.type) for f in SCHEMA}, schema=SCHEMA)


@pytest.mark.parametrize("design", [LFP_CAR, NCM_CAR], ids=lambda one: one.chemistry)
def test_what_a_pack_can_hold_is_found(design):
    """Within one percent where the vehicle measures without error, inside the interval; and the weak cell."""
    vehicles = [
        Vehicle(f"LTESTVIN{n:09d}", soh=0.7 + 0.03 * n, weak_cell=17 + n, weak_by=0.05) for n in range(10)
    ]
    fleet = Fleet(design, vehicles, OCTOBER - DAY, 33, seed=3, nights=3)
    battery = LFP._replace(chemistry=design.chemistry, capacity_ah=fleet.rated_ah)
    seen = Sessions(lambda vin: [battery._replace(code=vin)], OCTOBER, NOVEMBER, NUMBERS)
    seen.take(reports(fleet))
    seen.end()
    months = reckon(seen, MONTH).months.sort_by("vin").to_pylist()
    for number, month in enumerate(months):
        true = float(fleet.capacity_ah(np.array(OCTOBER + 15 * DAY), number)) / fleet.rated_ah
        assert month["soh_fraction"] == pytest.approx(true, rel=0.01), month
        assert month["soh_low"] < true < month["soh_high"]
        assert month["driven_km"] > 0
        if month["weakest_cell"] is not None:
            assert month["weakest_cell"] == fleet.weakest_cell(number)
    assert sum(month["used"] for month in months) > 40
