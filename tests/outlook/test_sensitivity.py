"""What an outlook hangs on: direction and size, by three ways that agree."""

import numpy as np
import pytest

from voltrail.errors import UsageError
from voltrail.outlook.run import run
from voltrail.outlook.scenario import Scenario, scenario_of
from voltrail.outlook.sensitivity import sensitivity, what_matters

# Its own plots are imported with SALib, and these with what others have deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:SALib", "ignore::FutureWarning:SALib")


def test_lives_matter_to_what_leaves_and_the_longer_the_less():
    """What leaves vehicles in 2030 hangs on lives first, and falls as these get longer."""
    answer = what_matters(Scenario(), "left_2030")
    first = answer.influences[0]
    assert first.parameter.id == "car.battery_years"
    assert first.at_low > answer.middle > first.at_high
    assert "the higher, the less" in answer.words()[0]
    assert [one.size for one in answer.influences] == sorted(
        (one.size for one in answer.influences), reverse=True
    )


def test_the_ends_are_those_of_a_run_with_the_value_given():
    """The output at a parameter's low end is what a scenario says that sets it there."""
    answer = what_matters(Scenario(), "collected_2035")
    one = next(each for each in answer.influences if each.parameter.id == "collection_2035_percent")
    outcome = run(scenario_of({"collection_2035_percent": one.low}, draws=1))
    assert answer.output.values(outcome)[0] == pytest.approx(one.at_low)
    assert answer.middle == pytest.approx(answer.output.values(run(Scenario(draws=1)))[0])


def test_what_is_given_has_no_influence():
    """A parameter that a scenario sets is certain; one with a spread of its own moves by that."""
    scenario = scenario_of(
        {"car.battery_years": 12, "car.vehicle_years": {"value": 13, "low": 12, "high": 14}}
    )
    found = {one.parameter.id: one for one in what_matters(scenario, "left_2030").influences}
    assert "car.battery_years" not in found
    assert (found["car.vehicle_years"].low, found["car.vehicle_years"].high) == pytest.approx((12, 14))


def test_figures_are_among_what_matters_to_history():
    """What was sold in a year that is over hangs on figures alone."""
    (first, *_) = what_matters(Scenario(), "vehicles_2024").influences
    assert first.parameter.id.startswith("figures/")
    assert first.size > 0


@pytest.mark.parametrize(("method", "samples"), [("morris", 6), ("sobol", 32)])
def test_methods_agree_on_the_first(method, samples):
    """Morris and Sobol put the same parameter first as one at a time does; the seed gives it again."""
    heard = []
    answer = sensitivity(
        Scenario(), "left_2030", method, samples, progress=lambda done, total: heard.append((done, total))
    )
    assert answer.influences[0].parameter.id == "car.battery_years"
    assert answer.influences[0].total_off >= 0
    assert heard[0] == (0, answer.runs)
    assert heard[-1] == (answer.runs, answer.runs)
    assert sensitivity(Scenario(), "left_2030", method, samples) == answer


def test_shares_of_variance_of_a_known_sum():
    """Collected over collection alone is linear in the rate: nearly all variance is that rate's, by Sobol."""
    lives = {
        name: one.value
        for name, one in run(Scenario(draws=1)).parameters.items()
        if not name.startswith("figures/") and name not in ("collection_2035_percent", "exported_percent")
    }
    answer = sensitivity(scenario_of(lives), "collected_2035", "sobol", 64)
    first = answer.influences[0]
    assert first.parameter.id == "collection_2035_percent"
    assert first.first == pytest.approx(first.total, abs=0.1)
    assert first.total > 0.8
    assert np.isclose(sum(one.first for one in answer.influences), 1, atol=0.15)


def test_nothing_to_ask_is_said():
    """An output that nothing moves has no words and no indices that are no numbers."""
    answer = sensitivity(Scenario(), "stock_2011", "sobol", 2)
    assert all(one.total is None or np.isfinite(one.total) for one in answer.influences)


@pytest.mark.parametrize(("method", "samples"), [("morris", 1), ("sobol", 100), ("sobol", 2**20)])
def test_samples_are_bounded(method, samples):
    """Too few, too many or, for Sobol, no power of two are refused with what to take."""
    with pytest.raises(UsageError) as error:
        sensitivity(Scenario(), "left_2030", method, samples)
    assert error.value.rule == "outlook.samples"
    assert error.value.fix
