"""Claims reckoned again: known verdicts, bounds that no claim passes, and figures that stay what they are."""

from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.technology.catalogue import TECHNOLOGIES
from voltrail.technology.claims import VERDICTS, all_checks, checks, limit, reached
from voltrail.technology.thousand import BOUNDS

GOTION = TECHNOLOGIES["gotion-gemstone"]


def of(technology, rule):
    """Return the checks of a technology by a rule."""
    return [one for one in checks(TECHNOLOGIES[technology]) if one.rule == rule]


def with_figure(technology, metric, level, value):
    """Return a technology of whose figures one says something else."""
    figures = tuple(
        msgspec.structs.replace(one, value=value) if (one.metric, one.level) == (metric, level) else one
        for one in technology.figures
    )
    return msgspec.structs.replace(technology, figures=figures)


@pytest.mark.parametrize(
    ("technology", "rule", "verdict"),
    [
        ("gac-60ah", "cell_of_pack", "does_not"),
        ("ref-liquid-ncm", "cell_of_pack", "only_if"),
        ("gotion-gemstone", "pack", "only_if"),
        ("nio-welion-150", "pack", "adds_up"),
        ("nio-welion-150", "trip", "adds_up"),
        ("chery-assb", "limit", "only_if"),
        ("chery-assb", "range", "only_if"),
        ("quantumscape-qse5", "density", "adds_up"),
        ("samsung-sdi-asb", "density", "cannot"),
        ("dongfeng-ssb-350", "cold", "cannot"),
        ("mg4-semi-solid", "limit", "cannot"),
        ("toyota-idemitsu", "range_energy", "cannot"),
        ("toyota-idemitsu", "charge_power", "only_if"),
        ("donutlab", "charge", "only_if"),
        ("factorial-fest", "trip", "cannot"),
    ],
)
def test_verdicts_of_known_claims(technology, rule, verdict):
    """Each claim that somebody would ask about first has the verdict that its arithmetic gives."""
    assert {one.verdict for one in of(technology, rule)} == {verdict}


def test_what_cannot_be_checked_says_what_is_missing():
    """The rate of the cold figure, the level of MG4's, what Samsung's cells hold by mass; never nothing."""
    assert of("dongfeng-ssb-350", "cold")[0].missing == ("c_rate",)
    assert of("mg4-semi-solid", "limit")[0].missing == ("level",)
    assert of("samsung-sdi-asb", "density")[0].missing == ("specific_energy",)
    assert all(one.missing for one in all_checks() if one.verdict == "cannot")


def test_a_check_makes_no_fact_of_a_claim():
    """Whatever adds up, the figure is the catalogue's own, of the kind it was; what is worst comes first."""
    for one in all_checks():
        assert one.figure in TECHNOLOGIES[one.technology].figures
        assert all(beside in TECHNOLOGIES[one.technology].figures for beside in one.beside)
    order = [VERDICTS.index(one.verdict) for one in all_checks()]
    assert order == sorted(order)
    assert not {"verified", "fact"} & set(VERDICTS)


@given(st.floats(1.0, 3.0))
def test_a_pack_that_holds_more_than_its_cells_never_adds_up(times):
    """At and above the Wh/kg of its cells, whatever the design."""
    told = checks(with_figure(GOTION, "specific_energy", "pack", 350.0 * times))
    assert [one.verdict for one in told if one.rule == "pack"] == ["does_not"]


@given(st.floats(1.001, 10.0))
def test_more_than_electrodes_hold_never_adds_up(times):
    """No cell holds more than lithium metal and NMC811 alone."""
    most = limit("Li-metal").wh_per_kg
    told = checks(with_figure(GOTION, "specific_energy", "cell", most * times))
    assert [one.verdict for one in told if one.rule == "limit"] == ["does_not"]


@pytest.mark.parametrize(
    ("wh_per_l", "verdict"), [(300.0, "does_not"), (800.0, "adds_up"), (2000.0, "does_not")]
)
def test_a_density_that_no_cell_has_does_not_add_up(wh_per_l, verdict):
    """Wh/l over Wh/kg is kg/l: under 1 and over 5 are no cells."""
    told = checks(with_figure(GOTION, "energy_density", "cell", wh_per_l))
    assert [one.verdict for one in told if one.rule == "density"] == [verdict]


def test_a_faster_charge_than_its_rate_does_not_add_up():
    """80 % at 11 times the capacity an hour take 4.36 min, and no less."""
    donut = TECHNOLOGIES["donutlab"]
    told = checks(with_figure(donut, "charge_time", "cell", 4.0))
    assert [one.verdict for one in told if one.rule == "charge"] == ["does_not"]
    assert of("donutlab", "charge")[0].numbers["rate"] == pytest.approx(0.8 / (4.5 / 60))


def test_the_limits_are_faradays():
    """Graphite 372, LFP 170, silicon 3,579, lithium 3,862 mAh/g, as textbooks have them."""
    graphite = limit("LFP")
    assert graphite.anode_mah_per_g == pytest.approx(372, abs=1)
    assert graphite.cathode_mah_per_g == pytest.approx(170, abs=1)
    assert limit("NMC-Si").anode_mah_per_g == pytest.approx(3579, abs=2)
    assert limit("Li-metal").anode_mah_per_g == pytest.approx(3862, abs=2)
    assert 0.4 < reached() < 0.7
    assert limit("Na-ion") is None


def test_the_driven_range_is_reckoned_from_what_was_told():
    """1,044 km by 13.2 kWh/100 km are 137.8 kWh, which with 3 % left is 142 of 150."""
    (trip,) = of("nio-welion-150", "trip")
    numbers = SimpleNamespace(**trip.numbers)
    assert numbers.taken == pytest.approx(137.8, abs=0.1)
    assert numbers.full == pytest.approx(142.1, abs=0.1)
    assert numbers.low < 1044 < numbers.high


def test_each_bound_says_where_it_comes_from():
    """Every row has its order, a standing and a source."""
    for one in BOUNDS.values():
        assert one.low <= one.middle <= one.high
        assert one.standing in {"assumption", "recalled", "reported", "constant"}
        assert one.source
