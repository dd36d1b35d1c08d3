"""What retires adds up, in every unit, and each meaning is within the wider one."""

import numpy as np
import pytest

from voltrail.errors import UsageError
from voltrail.outlook.book import book
from voltrail.outlook.classes import CHEMISTRIES, FIRST, METALS, SEGMENTS, YEARS
from voltrail.outlook.provinces import by_population
from voltrail.outlook.retired import BYS, DEFINITIONS, UNITS, amounts, bys, kg_per_kwh, retired_in, summary
from voltrail.outlook.run import run
from voltrail.outlook.scenario import Scenario
from voltrail.recycling.contents import CONTENTS


@pytest.fixture(scope="module")
def outcome():
    """A baseline of few draws."""
    return run(Scenario(draws=20))


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("by", [(), ("segment",), ("chemistry",), ("province",), BYS])
def test_parts_add_up_to_the_whole(outcome, unit, by):
    """However it is told apart, in the middle draw nothing is lost and nothing counted twice."""
    one = outcome._replace(drawn={name: values[:1] for name, values in outcome.drawn.items()})
    one = one._replace(
        course=type(one.course)(*(values[:1] for values in one.course)),
        flows=type(one.flows)(*(values[:1] for values in one.flows)),
    )
    flows = retired_in(unit, one)
    found = [each for each in amounts(flows, by, ("left",), by_population(book())) if each.year == 2030]
    assert sum(each.middle for each in found) == pytest.approx(flows.left[0, 2030 - FIRST].sum())
    assert all((each.segment is None) == ("segment" not in by) for each in found)


@pytest.mark.parametrize("unit", UNITS)
def test_each_meaning_is_within_the_wider_one(outcome, unit):
    """What is collected had left, in every year and draw, and all of it is a number of nought or more."""
    flows = retired_in(unit, outcome)
    assert np.all(flows.collected <= flows.left * (1 + 1e-9) + 1e-9)
    for one in DEFINITIONS:
        assert np.all(getattr(flows, one) >= 0)
        assert np.isfinite(getattr(flows, one)).all()


def test_a_pack_weighs_what_its_year_says(outcome):
    """Packs that leave weigh as in the table or, made early, up to `old_pack_percent` more."""
    kwh, tonnes = retired_in("kwh", outcome).left, retired_in("tonnes", outcome).left
    lfp = CHEMISTRIES.index("LFP")
    weighs = 1000 * tonnes[:, 4:, :, lfp].sum(axis=2) / kwh[:, 4:, :, lfp].sum(axis=2)
    today = CONTENTS.pack_kg_per_kwh["LFP"]
    most = today * (1 + outcome.drawn["old_pack_percent"] / 100)
    assert np.all(weighs >= today * (1 - 1e-9))
    assert np.all(weighs <= most[:, None] * (1 + 1e-9))
    assert np.all(weighs[:, 2020 - FIRST - 4] > weighs[:, -1])
    assert weighs[0, -1] == pytest.approx(today, rel=0.01)


def test_packs_are_those_that_the_stock_counts(outcome):
    """Two ways to the same number: packs followed as energy is, and packs counted beside it."""
    assert np.allclose(retired_in("packs", outcome).left.sum(axis=3), outcome.flows.packs)


def test_a_chemistry_without_a_mass_has_that_of_its_neighbours():
    """NMC532 is in no table of masses; the others have theirs."""
    masses = dict(zip(CHEMISTRIES, kg_per_kwh(), strict=True))
    assert masses["NMC622"] < masses["NMC532"] < masses["NMC111"]
    assert masses["LFP"] == CONTENTS.pack_kg_per_kwh["LFP"]


def test_names_of_what_is_told_apart():
    """In one order, each once; a name that means nothing is refused."""
    assert bys("province, segment,segment") == ("segment", "province")
    assert bys("") == ()
    with pytest.raises(UsageError) as error:
        bys("segment,colour")
    assert error.value.rule == "outlook.by"


def test_a_summary_tells_what_the_flows_do(outcome):
    """The page's bands are those of the outcome, and plants are tonnes over what a plant takes."""
    told = summary(outcome, outcome.metals)
    left = outcome.flows.left.sum(axis=(2, 3))
    assert np.allclose(told.whole["kwh"]["left"].middle, np.median(left, axis=0))
    assert told.segments["packs"]["left"].middle.shape == (len(YEARS), len(SEGMENTS))
    assert told.metals["needed"].middle.shape == (len(YEARS), len(METALS))
    tonnes = retired_in("tonnes", outcome).processed.sum(axis=(2, 3))
    plants = tonnes / outcome.drawn["plant_kt"][:, None] / 1000
    assert np.allclose(told.plants["processed"].high, np.quantile(plants, 0.95, axis=0))
    assert 4 < told.kg_per_kwh[2030 - FIRST] < 12
