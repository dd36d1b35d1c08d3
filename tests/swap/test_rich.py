"""A life with all its particulars: the plain one where it has none, and physically right where it has."""

import math
from itertools import islice

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.swap.test_simulate import DEMAND, STATIONS
from voltrail.errors import UsageError
from voltrail.swap import engine
from voltrail.swap.charging import AsSoonAsPossible, Held, Planned, ValleyOnly
from voltrail.swap.rich import Life
from voltrail.swap.rules import DAY_MIN, Rules, Timetable, read_times, rules_of, trucks_by_hour
from voltrail.swap.runs import compare, needs_rich, simulate_rich
from voltrail.swap.scenario import (
    AgeingPart,
    BalkingPart,
    ChargingPart,
    DemandPart,
    FailuresPart,
    PackPart,
    Scenario,
    StationPart,
    read_scenario,
)
from voltrail.swap.simulate import simulate_scenario
from voltrail.swap.station import Fleet, Law


@settings(max_examples=100, deadline=None)
@given(STATIONS, DEMAND, st.integers(0, 2**64 - 1))
def test_without_particulars_it_is_the_plain_life(station, demand, seed):
    """Whatever the station and whoever comes, the swaps are those of the plain engine, to the last bit."""
    rules = Rules(station=station, demand=demand, scenario=Scenario(), pack_kwh=282.0)
    life, swaps = Life(rules, AsSoonAsPossible(), seed), 80
    while len(life.exchanges) < swaps:
        life.step()
    lived = [(one.came_min, one.began_min, one.ended_min) for one in life.exchanges[:swaps]]
    assert lived == [tuple(one) for one in islice(engine.Life(station, demand, seed).swaps(), swaps)]


PARTS = {
    "station": st.builds(
        StationPart,
        packs=st.integers(1, 8),
        chargers=st.integers(1, 5),
        charger_kw=st.sampled_from([60.0, 300.0]),
        bays=st.integers(1, 2),
        swap_min=st.sampled_from([0.5, 5.0, 30.0]),
        hand_over=st.sampled_from(["arrival", "swap"]),
        grid_kw=st.none() | st.sampled_from([50.0, 400.0]),
    ),
    "pack": st.builds(
        PackPart,
        energy_kwh=st.just(282.0),
        arrives_at=st.sampled_from([0.0, 0.3]),
        leaves_at=st.sampled_from([0.9, 1.0]),
        efficiency=st.sampled_from([0.93, 1.0]),
    ),
    "demand": st.one_of(
        st.builds(DemandPart, swaps_per_day=st.sampled_from([5.0, 60.0])),
        st.builds(DemandPart, trucks=st.integers(1, 6), drive_min=st.sampled_from([20.0, 300.0])),
        st.builds(
            DemandPart,
            times=st.lists(st.floats(0, 2000), min_size=1, max_size=12).map(
                lambda times: tuple(sorted(times))
            ),
        ),
    ),
    "charging": st.builds(
        ChargingPart,
        curve=st.sampled_from([((1.0, 1.0),), ((0.5, 1.0), (0.8, 0.5), (1.0, 0.2))]),
        goes_out_from=st.none() | st.just(0.6),
    ),
    "failures": st.none() | st.builds(FailuresPart, days_between=st.just(0.2), repair_hours=st.just(3.0)),
    "balking": st.none() | st.builds(BalkingPart, patience_min=st.sampled_from([1.0, 45.0])),
}
SCENARIOS = st.builds(Scenario, **PARTS)
POLICIES = st.sampled_from(["as soon as possible", "valley only", "planned"])


def policy_for(name, rules):
    """Return a policy by name; a plan that keeps to something, chosen or not."""
    if name == "planned":
        return Planned(rules, Held(200.0, 40.0))
    return ValleyOnly(rules.scenario.cost.energy_by_hour) if name == "valley only" else AsSoonAsPossible()


@settings(max_examples=50, deadline=None)
@given(SCENARIOS, POLICIES, st.integers(0, 99))
def test_after_each_event_the_station_is_possible(scenario, name, seed):
    """
    No pack is made or lost, none is charged beyond its bounds, no charger and no grid gives more than it can,
    and nobody waits while a pack is ready and a bay free.
    """
    rules = rules_of(scenario)
    policy = policy_for(name, rules)
    life = Life(rules, policy, seed)
    station, limit = scenario.station, scenario.station.grid_kw or math.inf
    for _ in range(250):
        life.step()
        packs = life.packs()
        assert len({pack.number for pack in packs}) == len(packs)
        held = sum(truck.pack is not None for truck in life.queue)
        held += sum(1 + (truck.pack is not None) for *_, truck, _ in life.swapping)
        here = len(life.full) + len(life.depleted) + len(life.plugged)
        assert here + held == station.packs + len(life.queue) + len(life.swapping)
        at_chargers = [(charger, life.charge_at(charger)) for charger in life.plugged]
        assert all(-1e-12 <= charge <= scenario.pack.leaves_at + 1e-12 for _, charge in at_chargers)
        assert all(charger.works and 0 <= charger.rate <= 1 + 1e-9 for charger in life.plugged)
        assert all(one.full_kw * one.rate <= station.charger_kw * (1 + 1e-9) for one in life.plugged)
        assert life.power_kw <= limit * (1 + 1e-9)
        if name == "planned":
            assert life.power_kw <= max(policy.held.peak_kw, 0) * (1 + 1e-9) + 1e-9
        assert len(life.plugged) <= station.chargers
        assert not (life.queue and life.ready and len(life.swapping) < station.bays)


@settings(max_examples=60, deadline=None)
@given(SCENARIOS, POLICIES, st.integers(0, 99))
def test_energy_is_neither_made_nor_lost(scenario, name, seed):
    """What the grid gave, less what was lost on the way, is in packs; what trucks took is missing here."""
    scenario = msgspec.structs.replace(
        scenario, charging=msgspec.structs.replace(scenario.charging, goes_out_from=None)
    )
    rules = rules_of(scenario)
    life, full, kwh = Life(rules, policy_for(name, rules), seed), scenario.pack.leaves_at, 282.0
    life.run(3 * DAY_MIN)
    charges = [life.charge_at(charger) for charger in life.plugged]
    charges += [pack.charge for pack in (*life.full, *life.depleted)]
    taken_in = len(life.exchanges) - len(life.swapping)
    if scenario.station.hand_over == "arrival":
        taken_in += len(life.swapping) + len(life.queue)
    into_packs = sum(charges) - scenario.station.packs * full
    into_packs += len(life.exchanges) * full - taken_in * scenario.pack.arrives_at
    assert sum(life.drawn_kwh) * scenario.pack.efficiency == pytest.approx(into_packs * kwh, abs=1e-6)


def test_a_pack_charges_by_its_curve():
    """A step at half power takes twice as long, so a pack is full when the steps say by hand."""
    scenario = Scenario(
        station=StationPart(packs=1, chargers=1),
        demand=DemandPart(times=(0.0, 10.0)),
        charging=ChargingPart(curve=((0.8, 1.0), (1.0, 0.5))),
    )
    life = Life(rules_of(scenario), AsSoonAsPossible(), 1)
    life.run(300)
    first, second = life.exchanges
    minutes = 60 * 282 / 0.93 / 300 * (0.5 + 0.2 / 0.5)
    assert second.began_min == pytest.approx(first.ended_min + minutes)


def test_a_pack_may_go_out_early():
    """A truck that waits takes a pack from the least charge on at which it may go, and no earlier."""
    scenario = Scenario(
        station=StationPart(packs=1, chargers=1),
        demand=DemandPart(times=(0.0, 10.0)),
        charging=ChargingPart(goes_out_from=0.65),
    )
    life = Life(rules_of(scenario), AsSoonAsPossible(), 1)
    life.run(300)
    assert life.exchanges[1].began_min == pytest.approx(5 + 60 * 282 / 0.93 / 300 * 0.35)


def test_a_grid_is_shared():
    """Two packs on a grid for one and a half are full when their energy says, the first first."""
    scenario = Scenario(
        station=StationPart(packs=2, chargers=2, bays=2, grid_kw=450.0),
        demand=DemandPart(times=(0.0, 0.0, 10.0, 11.0)),
    )
    life = Life(rules_of(scenario), AsSoonAsPossible(), 1)
    life.run(300)
    need = 282 / 0.93 * 0.7
    hours = need / 300
    left = need - 150 * hours
    assert [one.began_min for one in life.exchanges[2:]] == pytest.approx(
        [5 + 60 * hours, 5 + 60 * (hours + left / 300)]
    )


def test_chargers_fail_as_often_as_said():
    """Over a long time, each charger stands still for its share: repair over working and repair."""
    scenario = Scenario(
        station=StationPart(chargers=40),
        demand=DemandPart(swaps_per_day=1),
        failures=FailuresPart(days_between=1, repair_hours=8),
    )
    life, still, days = Life(rules_of(scenario), AsSoonAsPossible(), 5), 0, 200
    for day in range(3, 3 + days):
        life.run(day * DAY_MIN)
        still += sum(not charger.works for charger in life.chargers)
    assert still / (40 * days) == pytest.approx(8 / 32, rel=0.1)


def test_impatient_trucks_drive_on():
    """With less patience more drive on, and those who stay wait no longer than they were told to expect."""
    told = []
    for patience in (5.0, 20.0, 1e6):
        scenario = Scenario(
            station=StationPart(packs=4, chargers=4),
            demand=DemandPart(swaps_per_day=120),
            balking=BalkingPart(patience_min=patience),
        )
        life = Life(rules_of(scenario), AsSoonAsPossible(), 2)
        life.run(5 * DAY_MIN)
        told.append((len(life.refused), max(one.began_min - one.came_min for one in life.exchanges)))
    assert told[0][0] > told[1][0] > told[2][0] == 0
    assert told[0][1] <= 5 + 5  # the bay's last swap may go on while a pack gets ready
    assert told[1][1] <= 20 + 5 < told[2][1]


def test_worn_packs_are_replaced():
    """A pack that comes back at the floor leaves for good, and a new one comes for it."""
    scenario = Scenario(ageing=AgeingPart(cycle_life=8, rate_wear=0, calendar_per_year=0))
    life = Life(rules_of(scenario), AsSoonAsPossible(), 2)
    life.run(10 * DAY_MIN)
    floor = scenario.ageing.health_floor
    assert life.replaced > 0
    assert all(pack.health >= floor - 0.2 / 8 for pack in life.packs())
    # Each full cycle costs an eighth of the way, and a charge is seven tenths of one.
    charges = sum(one.ended_min <= life.now_min for one in life.exchanges)
    assert life.replaced == pytest.approx(charges * 0.7 / 8, rel=0.5)


def test_a_timetable_comes_again():
    """Measured times of two days repeat from the third on, each truck with the charge it came with."""
    scenario = Scenario(demand=DemandPart(times=(60.0, 1500.0), charges=(0.2, 0.5)))
    life = Life(rules_of(scenario), AsSoonAsPossible(), 1)
    life.run(4 * DAY_MIN)
    assert [(one.came_min, one.charge) for one in life.exchanges] == [
        (60.0, 0.2),
        (1500.0, 0.5),
        (2940.0, 0.2),
        (4380.0, 0.5),
    ]
    assert trucks_by_hour(rules_of(scenario))[1] == 1  # one each second day at 1 o'clock, twice


def test_it_agrees_with_the_compiled_simulator():
    """A scenario without particulars waits as long in both, as far as chance lets them tell."""
    scenario = Scenario(station=StationPart(packs=10, chargers=6))
    rich = simulate_rich(scenario, days=20, seed=3).figures
    plain = simulate_scenario(scenario, 400_000, seed=3)
    assert not needs_rich(scenario)
    apart = rich["wait_min"].mean - plain.result.wait_min.mean
    assert abs(apart) < 2 * (rich["wait_min"].half_width + plain.result.wait_min.half_width)
    assert rich["energy_kwh"].mean == pytest.approx(1000 * plain.mwh_per_day.mean, rel=0.03)


@pytest.mark.parametrize(
    "part",
    [
        {"failures": FailuresPart(days_between=30)},
        {"ageing": AgeingPart()},
        {"balking": BalkingPart(patience_min=30)},
        {"demand": DemandPart(times=(1.0,))},
        {"charging": ChargingPart(policy="planned")},
        {"charging": ChargingPart(goes_out_from=0.9)},
    ],
)
def test_particulars_need_the_rich_life(part):
    """Each particular is one that the compiled simulator cannot tell, so it is not asked."""
    assert needs_rich(Scenario(**part))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[pack]\ntype = 'qiji-75'", "not known"),
        ("[pack]\nenergy_kwh = 282\narrives_at = 1.0", "full"),
        ("[charging]\ncurve = [[0.9, 1.0], [0.8, 0.5]]", "curve"),
        ("[charging]\ncurve = [[0.9, 1.0]]", "curve"),
        ("[charging]\ncurve = []", "length"),
        ("[charging]\nchance = 1.0", "chance"),
        ("[demand]\ntimes = [9.0, 1.0]", "order"),
        ("[demand]\ntimes = [1.0]\ntrucks = 4", "fleet"),
        ("[demand]\ntimes = [1.0]\ncharges = [0.1, 0.2]", "2 charges"),
        ("[demand]\ncharges = [0.1]", "no times"),
        ("[demand]\nfile = 'arrivals.csv'", "file"),
        ("[demand]\ntimes = [1e9]", "year"),
        ("[station]\npacks = 5000", "too long"),
        ("[failures]\nrepair_hours = 3", "days_between"),
        ("[balking]\npatience_min = -1", "patience_min"),
    ],
)
def test_a_scenario_that_is_none_is_told(text, said):
    """What contradicts itself is refused with what to change, before anything is simulated."""
    with pytest.raises(UsageError) as caught:
        rules_of(read_scenario(text))
    assert caught.value.rule == "swap.scenario"
    assert said in str(caught.value)


def test_times_are_read_from_a_table():
    """A table of arrivals may be out of order, and gives each truck its charge."""
    scenario = read_times(Scenario(demand=DemandPart(file="x")), "minute,charge\n90,0.4\n30.5,0.2\n")
    assert scenario.demand.times == (30.5, 90.0)
    assert scenario.demand.charges == (0.2, 0.4)
    assert rules_of(scenario).demand == Timetable((30.5, 90.0), (0.2, 0.4), DAY_MIN)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("time\n3\n", 1),
        ("minute\nten\n", 2),
        ("minute\n-1\n", 2),
        ("minute\nnan\n", 2),
        ("minute,charge\n1,0.5\n2,70\n", 3),
        ("minute,charge\n1\n", 2),
        ("minute\n", None),
    ],
)
def test_a_table_that_is_none_is_told(text, line):
    """A cell that is no time or no charge is named with its line."""
    with pytest.raises(UsageError) as caught:
        read_times(Scenario(), text)
    assert caught.value.rule == "swap.times"
    assert caught.value.line == line


def test_too_much_is_refused():
    """What would run for hours or can never be served is refused at once: days, trucks, a fleet, a grid."""
    fleet = Scenario(
        demand=DemandPart(trucks=5000, drive_min=1), station=StationPart(swap_min=0.001, bays=2000)
    )
    grid = Scenario(station=StationPart(grid_kw=1000.0))
    busy = Scenario(demand=DemandPart(times=tuple(float(minute) for minute in range(1440))))
    for scenario, days in ((Scenario(), 0), (Scenario(), 400), (fleet, 30), (grid, 1), (busy, 1)):
        with pytest.raises(UsageError) as caught:
            simulate_rich(scenario, days)
        assert caught.value.rule == "swap.number"


def test_policies_meet_the_same_trucks():
    """Who comes when does not depend on the policy, so a difference is the policy's."""
    came = []
    for name in ("as soon as possible", "valley only", "planned"):
        rules = rules_of(Scenario(failures=FailuresPart(days_between=2)))
        life = Life(rules, policy_for(name, rules), 4)
        life.run(2 * DAY_MIN)
        came.append([one.came_min for one in life.exchanges])
    alike = min(len(times) for times in came)
    assert alike > 60
    assert came[0][:alike] == came[1][:alike] == came[2][:alike]


def test_planning_saves_and_keeps_its_chance():
    """
    Planned charging is cheaper than charging as soon as possible, beyond chance, and at least as many trucks
    as promised find a pack, on days that were not those on which it learned.
    """
    scenario = Scenario(charging=ChargingPart(chance=0.9))
    found = compare(scenario, days=3, seed=8)
    soon, _, planned = found.results
    assert found.more[2]["yuan"].high < 0
    assert found.more[2]["energy_yuan"].high < 0
    assert planned.figures["found"].high > 0.9
    assert found.more[2]["wait_min"].mean < 1
    assert soon.seed == planned.seed == 8


def test_a_fleet_is_forecast_by_its_round():
    """A fleet is expected evenly, as often as it drives round."""
    rules = rules_of(Scenario(demand=DemandPart(trucks=30, drive_min=295)))
    assert rules.demand == Fleet(30, Law("exponential", 295))
    assert trucks_by_hour(rules) == [6.0] * 24


def test_a_charger_may_fail_as_its_pack_gets_full():
    """A pack that is full at the very moment when its charger fails is ready, and is not charged again."""
    scenario = Scenario(
        station=StationPart(packs=1, chargers=1, hand_over="swap"),
        demand=DemandPart(times=(0.0,)),
        failures=FailuresPart(days_between=100),
    )
    life = Life(rules_of(scenario), AsSoonAsPossible(), 1)
    life.run(6)
    [charger] = life.plugged
    life._turns = [(charger.ends_min - 1e-13, 0)]
    life.run(300)
    assert len(life.full) == 1
    assert not life.depleted
