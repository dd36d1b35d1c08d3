"""A scenario in TOML becomes what is simulated, or an error that says what to write."""

import pytest

from voltrail.errors import UsageError
from voltrail.swap.scenario import Scenario, example, model_of, read_scenario
from voltrail.swap.simulate import simulate_scenario
from voltrail.swap.station import Fleet, Law, Open, Station


def test_times_and_energy_follow_from_pack_and_charger():
    """A charge takes as long as the charger needs to draw what the pack lacks and what is lost on the way."""
    model = model_of(
        read_scenario(
            """
            [station]
            packs = 9
            chargers = 4
            charger_kw = 200
            bays = 2
            swap_min = 4
            hand_over = "arrival"
            [pack]
            energy_kwh = 300
            arrives_at = 0.2
            leaves_at = 0.9
            efficiency = 0.875
            [demand]
            swaps_per_day = 48
            """
        )
    )
    assert (model.pack_kwh, model.grid_kwh) == pytest.approx((210, 240))
    assert model.station.charge.mean_min == pytest.approx(72)
    assert model.station == Station(
        packs=9, chargers=4, charge=model.station.charge, bays=2, swap=Law("fixed", 4), hand_over="arrival"
    )
    assert model.demand == Open(2)


def test_what_is_not_said_has_a_default():
    """An empty scenario is one too: a station, 282 kWh packs and 150 swaps a day."""
    assert read_scenario("") == Scenario()
    assert model_of(Scenario()).demand == Open(6.25)


@pytest.mark.parametrize(("grid_kw", "chargers", "charge_min"), [(1000, 3, 60), (300, 1, 60), (150, 1, 120)])
def test_a_grid_that_bounds_them_lets_fewer_chargers_run(grid_kw, chargers, charge_min):
    """As many chargers run at once as the grid feeds at full power, or one with what there is."""
    model = model_of(
        read_scenario(
            f"""
            station = {{chargers = 8, charger_kw = 300, grid_kw = {grid_kw}}}
            pack = {{energy_kwh = 300, arrives_at = 0, efficiency = 1}}
            """
        )
    )
    assert model.station.chargers == chargers
    assert model.station.charge.mean_min == pytest.approx(charge_min)


def test_a_fleet_comes_back():
    """Trucks and how long they drive make a fleet."""
    model = model_of(read_scenario("demand = {trucks = 20, drive_min = 120}"))
    assert model.demand == Fleet(20, Law("exponential", 120))


def test_hours_that_weigh_alike_are_as_if_not_given():
    """Hours of one weight take the quick way; others are kept as given."""
    weights = [1.0] * 23 + [5.0]
    assert model_of(read_scenario(f"demand = {{swaps_per_day = 24, by_hour = {[3] * 24}}}")).demand == Open(1)
    assert model_of(read_scenario(f"demand = {{swaps_per_day = 24, by_hour = {weights}}}")).demand == Open(
        1, tuple(weights)
    )


def test_a_type_has_the_energy_of_the_catalogue():
    """A standardized pack need not be described again; one whose energy nobody published is given it."""
    assert model_of(read_scenario('pack = {type = "qiji-171", arrives_at = 0}')).pack_kwh == 171
    given = read_scenario('pack = {type = "qiji-75", energy_kwh = 100, arrives_at = 0}')
    assert model_of(given).pack_kwh == 100


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("stations = 3", "--example"),
        ("[station]\npacks = 0", "--example"),
        ("[station]\npacks = 2.5", "--example"),
        ("[station]\ncharger_kw = nan", "--example"),
        ("[station]\ncharger_kw = inf", "--example"),
        ("[demand]\nby_hour = [1, 2]", "--example"),
        ("packs: 3", "--example"),
        ("a = " + "[" * 100_000, "--example"),
        ('pack = {type = "none-such"}', "frame-282"),
        ('pack = {type = "qiji-75"}', "energy_kwh"),
        ('pack = {type = "qiji-171", energy_kwh = 100}', "energy_kwh"),
        ("pack = {arrives_at = 0.3}", "energy_kwh"),
        ("pack = {energy_kwh = 100, arrives_at = 1}", "arrives_at"),
        ("demand = {}", "swaps_per_day"),
        ("demand = {trucks = 3}", "drive_min"),
        ("demand = {swaps_per_day = 3, trucks = 3, drive_min = 60}", "swaps_per_day"),
        (f"demand = {{trucks = 3, drive_min = 60, by_hour = {list(range(24))}}}", "by_hour"),
    ],
)
def test_what_cannot_be_read_says_what_to_write(text, fix):
    """Whatever is wrong with a scenario, the error names it and what to do."""
    with pytest.raises(UsageError) as caught:
        model_of(read_scenario(text))
    assert caught.value.rule == "swap.scenario"
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("station = {chargers = 2}", "chargers serve"),
        ("station = {grid_kw = 300}", "chargers serve"),
        ("station = {packs = 3}", "packs serve"),
        ("station = {swap_min = 12}", "bays serve"),
        (f"demand = {{swaps_per_day = 24, by_hour = {[0] * 24}}}", "weights"),
        ("demand = {swaps_per_day = 1e-6}", "trucks an hour"),
        ("pack = {energy_kwh = 1e9, efficiency = 1e-320}", "cannot be simulated"),
    ],
)
def test_what_cannot_be_met_says_what_is_short(text, why):
    """More trucks than the station can serve are refused with what there is too little of."""
    with pytest.raises(UsageError, match=why) as caught:
        simulate_scenario(read_scenario(text))
    assert caught.value.rule == "swap.number"


def test_energy_is_that_of_the_swaps():
    """A day's energy is what a swap draws, times the swaps of a day, with the same certainty."""
    outcome = simulate_scenario(read_scenario(example()), 20_000, 3)
    day = outcome.result.swaps_per_hour.times(24)
    assert outcome.mwh_per_day.mean == pytest.approx(day.mean * outcome.model.grid_kwh / 1000)
    assert outcome.gwh_per_year.half_width / outcome.gwh_per_year.mean == pytest.approx(
        day.half_width / day.mean
    )
