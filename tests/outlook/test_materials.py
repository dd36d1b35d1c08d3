"""Metals: what is won back is part of what was processed, and what nobody knows is never a nought."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import TableError, UsageError
from voltrail.health.policy import POLICY
from voltrail.outlook.book import book
from voltrail.outlook.classes import CHEMISTRIES, METALS, SEGMENTS
from voltrail.outlook.materials import (
    PROCESSES,
    Metals,
    kg_per_kwh,
    lacking,
    metals,
    prices_in,
    recovery_by,
    recovery_of,
    worth,
)
from voltrail.outlook.parameters import draw, parameters
from voltrail.outlook.stock import Flows
from voltrail.recycling.contents import CONTENTS

LI = METALS.index("Li")


def flows_of(chemistry, kwh, years=2):
    """All flows with this energy of one chemistry in one segment, in each year."""
    flow = np.zeros((1, years, len(SEGMENTS), len(CHEMISTRIES)))
    flow[:, :, 0, CHEMISTRIES.index(chemistry)] = kwh
    return Flows(**dict.fromkeys(Flows._fields, flow) | {"reused": 0 * flow})


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
def test_a_kwh_holds_what_the_table_of_contents_says(chemistry):
    """Tonnes are kWh times kg a kWh over a thousand: no unit is lost between them."""
    found = metals(flows_of(chemistry, 1e6), np.ones(len(METALS)))
    for column, metal in enumerate(METALS):
        held = CONTENTS.kg_per_kwh[chemistry].get(metal)
        if held is not None:
            assert found.left[0, 0, column] == pytest.approx(held * 1000)
            assert found.recovered[0, 0, column] == pytest.approx(held * 1000)


@given(st.floats(0, 1), st.sampled_from(CHEMISTRIES), st.floats(1, 1e9))
def test_no_more_is_won_back_than_was_processed(share, chemistry, kwh):
    """Whatever the rate: recovered / processed is the rate."""
    found = metals(flows_of(chemistry, kwh), np.full(len(METALS), share))
    assert np.all(found.recovered <= found.processed + 1e-9)
    assert np.allclose(found.recovered, share * found.processed)


def test_contents_that_nobody_knows_are_named():
    """Aluminium of NMC811 is in no table, so a sum of aluminium must be said to lack it."""
    assert lacking() == {"Al": ("NMC811",)}
    assert np.isnan(kg_per_kwh()[CHEMISTRIES.index("NMC811"), METALS.index("Al")])


def test_what_a_process_does_not_say_stays_unknown():
    """A leading plant claims Ni, Co, Mn and Li; the rest is no number, in mass, worth and share alike."""
    found = metals(flows_of("NMC622", 1e6), recovery_by("leading_plant", book()))
    known = [metal for metal, value in zip(METALS, found.recovered[0, 0], strict=True) if not np.isnan(value)]
    assert known == ["Li", "Ni", "Co", "Mn"]
    drawn = draw({}, 1, 1)
    assert np.isnan(worth(found, drawn)[0, 0, METALS.index("Cu")])
    assert np.isnan(found.covered[0, 0, METALS.index("C")])


def test_graphite_has_no_price():
    """Nobody says what it is worth, so it is worth nothing that can be told, and not nothing."""
    found = metals(flows_of("LFP", 1e6), np.ones(len(METALS)))
    worths = worth(found, draw({}, 1, 1))[0, 0]
    assert np.isnan(worths[METALS.index("C")])
    assert worths[LI] == pytest.approx(found.recovered[0, 0, LI] * 60 / 1000)  # 60 $/kg, in million dollars


def test_a_price_has_one_home():
    """What decisions on batteries take for a price or a rate, the outlook takes too."""
    told = {row.name: row for row in POLICY.rows}
    for metal in ("Li", "Ni", "Co", "Mn", "Cu", "Al"):
        price, rate = parameters()[f"metal.{metal}_usd_per_kg"], parameters()[f"recovery.{metal}_percent"]
        assert (price.value, price.low, price.high) == tuple(
            getattr(told[f"metal.{metal}"], name) for name in ("value", "low", "high")
        )
        assert rate.value == pytest.approx(told[f"recovery.{metal}"].value * 100)
        assert rate.status == told[f"recovery.{metal}"].confidence


def test_recovery_is_drawn_within_its_interval():
    """In the order of METALS, a share from 0 to 1, the first draw being the middle."""
    drawn = recovery_of(draw({}, 50, 1))
    assert drawn.shape == (50, len(METALS))
    assert np.all((drawn >= 0) & (drawn <= 1))
    assert drawn[0, LI] == pytest.approx(0.65)
    assert np.ptp(drawn[:, LI]) > 0.1


def test_the_norm_is_that_of_the_targets():
    """Its rates stand once, as recycling is held against them."""
    assert recovery_by("norm", book()).tolist()[:6] == [0.9, 0.98, 0.98, 0.98, 0.98, 0.98]


@pytest.mark.parametrize("process", PROCESSES)
def test_every_process_has_rates(process):
    """Each is a share, known for lithium at least."""
    rates = recovery_by(process, book())
    assert 0 <= rates[LI] <= 1
    assert np.all(np.isnan(rates) | ((rates >= 0) & (rates <= 1)))


def test_an_unknown_process_is_refused():
    """With the names of those that there are."""
    with pytest.raises(UsageError) as error:
        recovery_by("magic", book())
    assert error.value.rule == "outlook.process"
    assert "norm" in error.value.fix


def test_what_needs_nothing_covers_nothing():
    """Before there were batteries no share is known."""
    nothing = np.zeros((1, 1, len(METALS)))
    assert np.isnan(Metals(nothing, nothing, nothing, nothing).covered).all()


def test_own_prices_are_parameters():
    """A clerk's table may hold other rows of the policy; only metals matter here."""
    found = prices_in("name,value,unit\nmetal.Li,80,USD/kg\nrecycling.cost,1,USD/kg\n")
    assert found == {"metal.Li_usd_per_kg": 80}


@pytest.mark.parametrize(
    ("table", "rule"),
    [
        ("name,value,unit\nrecycling.cost,1,USD/kg\n", "outlook.prices"),
        ("name,value,unit\nmetal.Li,500,CNY/kg\n", "outlook.prices"),
        ("name,value,unit\nmetal.Xx,1,USD/kg\n", "policy.unknown"),
        ("name,value\nmetal.Li,1\n", "policy.header"),
        ("name,value,unit\nmetal.Li,free,USD/kg\n", "policy.row"),
        ("", "policy.header"),
    ],
)
def test_a_wrong_table_of_prices_is_refused(table, rule):
    """Above all one in another currency, whose numbers would be taken for dollars."""
    with pytest.raises((UsageError, TableError)) as error:
        prices_in(table)
    assert error.value.rule == rule
