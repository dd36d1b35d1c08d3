"""A scenario in TOML becomes what is asked, or an error that says what to write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.outlook.parameters import parameters
from voltrail.outlook.scenario import (
    DRAWS_MOST,
    Range,
    Scenario,
    as_toml,
    example,
    named,
    names,
    parameters_of,
    read,
    scenario_of,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@st.composite
def scenarios(draw):
    """Any scenario that may be written."""
    given_values, ranges = {}, {}
    for name in draw(st.lists(st.sampled_from(sorted(parameters())), unique=True, max_size=6)):
        one = parameters()[name]
        inside = st.floats(one.least, one.most)
        if draw(st.booleans()):
            given_values[name] = draw(inside)
        else:
            low, value, high = sorted(draw(st.lists(inside, min_size=3, max_size=3)))
            if low < high:
                ranges[name] = Range(value=value, low=low, high=high)
    return Scenario(
        name=draw(TEXT),
        note=draw(TEXT),
        draws=draw(st.integers(1, DRAWS_MOST)),
        seed=draw(st.integers(0, 2**53)),
        known_at=draw(st.sampled_from(["", "2025-06", "2019-12"])),
        law=draw(st.sampled_from(["weibull", "normal", "lognormal"])),
        given=given_values,
        ranges=ranges,
    )


@given(scenarios())
def test_what_is_written_reads_as_the_same(scenario):
    """A scenario as TOML, with its comments, reads as the same scenario again, to the last digit."""
    assert read(as_toml(scenario)) == scenario


def test_the_example_is_a_scenario_that_sets_nothing_and_names_everything():
    """What --example prints sets nothing; each parameter in it can be set by taking the # away."""
    assert read(example()).given == {}
    lines = [line.removeprefix("# ") for line in example().splitlines() if line.startswith("# ")]
    taken = [line for line in lines if line.split(" ")[0] in parameters()]
    assert set(read("[set]\n" + "\n".join(taken)).given) == set(parameters())


def test_tables_and_dotted_keys_say_the_same():
    """`[set.car]` and `car.` are two ways of writing one thing."""
    one = read("[set]\ncar.battery_years = 11\ncar.vehicle_years = {value = 12, low = 11, high = 14}")
    other = read("[set.car]\nbattery_years = 11\n[set.car.vehicle_years]\nvalue = 12\nlow = 11\nhigh = 14")
    assert one == other
    own = parameters_of(one)["car.vehicle_years"]
    assert (own.low, own.value, own.high) == (11, 12, 14)


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("name = ", "outlook.toml", "line 1"),
        ("[set]\ncar.battery_years = 1\ncar.battery_years = 2", "outlook.toml", "line 3"),
        ("x = " + "[" * 30_000, "outlook.toml", "no TOML"),
        ("seed = 1" + "0" * 5_000, "outlook.toml", "no TOML"),
        ("note = '" + "x" * 70_000 + "'", "outlook.toml", "characters"),
        ("drows = 3", "outlook.scenario", "drows"),
        ("given = {}", "outlook.scenario", "given"),
        ("set = 3", "outlook.scenario", "set"),
        ("draws = 1.5", "outlook.scenario", "draws"),
        ("draws = true", "outlook.scenario", "draws"),
        ("draws = 0", "outlook.draws", "0"),
        ("draws = -1", "outlook.draws", "-1"),
        ("draws = 1000000", "outlook.draws", "1000000"),
        ("seed = -1", "outlook.scenario", "seed"),
        ("name = 3", "outlook.scenario", "name"),
        ("name = '" + "x" * 300 + "'", "outlook.scenario", "name"),
        ("known_at = '2025-13'", "outlook.known_at", "2025-13"),
        ("known_at = 2025-06-01", "outlook.scenario", "known_at"),
        ('law = "weibul"', "outlook.scenario", "lognormal"),
        ("law = 3", "outlook.scenario", "lognormal"),
        ("[set]\ncar.batery_years = 9", "outlook.parameter", "car.batery_years"),
        ("[set]\n'" + "x" * 9_000 + "' = 9", "outlook.parameter", "..."),
        ("[set]\n" + ".".join("a" * 9_000) + " = 9", "outlook.scenario", "tables"),
        ("[set]\ncar.battery_years = '9'", "outlook.number", "car.battery_years"),
        ("[set]\ncar.battery_years = true", "outlook.number", "True"),
        ("[set]\ncar.battery_years = nan", "outlook.number", "nan"),
        ("[set]\ncar.battery_years = inf", "outlook.number", "4 to 25"),
        ("[set]\ncar.battery_years = 1e300", "outlook.number", "years"),
        ("[set]\ncar.battery_years = [9]", "outlook.number", "[9]"),
        ("[set]\ncar.battery_years = 2025-01-01", "outlook.number", "date"),
        ("[set]\ncar.battery_years = {value = 9}", "outlook.range", "car.battery_years"),
        ("[set]\ncar.battery_years = {value = 9, low = 9, high = 9}", "outlook.range", "9"),
        ("[set]\ncar.battery_years = {value = 9, low = 10, high = 12}", "outlook.range", "10 and 12"),
        ("[set]\ncar.battery_years = {value = 9, low = nan, high = 12}", "outlook.number", "low"),
    ],
)
def test_bad_input_is_named(text, rule, words):
    """Whatever a clerk or an attacker writes, the error names it shortly and says what to do."""
    with pytest.raises(UsageError) as error:
        read(text)
    assert error.value.rule == rule
    assert words in str(error.value)
    assert error.value.fix
    assert len(str(error.value)) < 700


def test_what_a_page_gives_is_checked_alike():
    """Values that do not come from a file pass the same checks."""
    with pytest.raises(UsageError):
        scenario_of({"car.battery_years": 400.0})
    assert scenario_of({"car.battery_years": 10}, draws=200).given == {"car.battery_years": 10.0}


def test_scenarios_that_are_brought_along_all_read():
    """Each has a name and says in its note what it asks; no name leads out of their folder."""
    assert names()[0] == "baseline"
    for name in names():
        scenario = named(name)
        assert scenario is not None
        assert scenario.name
        assert scenario.note
    assert named("../scenarios/baseline") is None
    assert named("") is None
