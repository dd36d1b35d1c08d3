"""The circuit beside a measured cell in the cold: the rest of each run from its first 60 %."""

import pytest

from voltrail.errors import UsageError
from voltrail.technology.circuit_fit import COLD_RUNS, cold_table


@pytest.mark.timeout(240)
def test_the_rest_of_each_run_is_predicted_as_the_guide_says(reference):
    """Voltage off by what the guide prints, misses included; the cell's warmth within 2 K, energy 2 %."""
    folder = reference / "cells" / "cold_18650pf"
    rows = cold_table({name: (folder / name).read_text("utf-8") for name in COLD_RUNS})
    assert [one.limit_mv for one in rows] == [30, 50, 100]
    assert [one.voltage_rmse_mv for one in rows] == pytest.approx([31.8, 58.1, 65.2], abs=1.5)
    for one in rows:
        assert one.temperature_rmse_k < 2
        assert abs(one.energy_error_percent) < 2
        assert one.seconds_fitted > one.seconds_judged


def test_a_file_that_is_missing_or_of_another_form_is_told():
    """No table comes of half the runs."""
    for texts in ({}, dict.fromkeys(COLD_RUNS, "a,b\n1,2\n"), dict.fromkeys(COLD_RUNS, "time_s\nx\n")):
        with pytest.raises(UsageError) as told:
            cold_table(texts)
        assert told.value.rule == "technology.trace_file"
