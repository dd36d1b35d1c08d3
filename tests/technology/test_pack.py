"""Packs: the laws that mass and volume keep, sizes that are none, and packs that were announced."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.technology.cell import CELLS
from voltrail.technology.pack import ANCHORS, DESIGNS, PARAMETERS, pack_of, parameter, per_kwh

cells = st.sampled_from(list(CELLS.values()))
designs = st.sampled_from(DESIGNS)
energies = st.floats(1, 5_000)


def anchor(name, key):
    """Return what was announced of a pack."""
    return next(one.middle for one in ANCHORS if (one.subject, one.parameter) == (f"anchor:{name}", key))


@given(cells, designs, energies, st.floats(1.01, 2))
def test_more_energy_weighs_and_takes_more(cell, design, kwh, more):
    """Mass and volume rise with energy, and with them both ends of their intervals."""
    small, large = (pack_of(cell, energy_kwh=one, design=design) for one in (kwh, kwh * more))
    for name in ("mass_kg", "volume_l"):
        assert all(b > a for a, b in zip(getattr(small, name), getattr(large, name), strict=True))


@given(cells, designs, energies)
def test_a_pack_holds_less_than_its_cells(cell, design, kwh):
    """Its Wh/kg and Wh/l lie between 0 and those of its cells in every draw, and its parts add up."""
    pack, each = pack_of(cell, energy_kwh=kwh, design=design), per_kwh(cell, design)
    assert np.all(each.cells_kg < each.kg)
    assert 0 < pack.wh_per_kg < cell.wh_per_kg[1]
    assert 0 < pack.wh_per_l < cell.wh_per_l[1]
    parts = pack.cells_kg + pack.structure_kg + pack.cooling_kg + pack.pressure_kg
    assert parts == pytest.approx(pack.mass_kg.middle)
    assert pack.mass_kg.low <= pack.mass_kg.middle <= pack.mass_kg.high


@given(cells, designs)
def test_pressure_never_makes_a_pack_lighter(cell, design):
    """Liquid, hybrid, solid: the more a cell is pressed, the more its pack weighs and takes up, each draw."""
    liquid, hybrid, solid = (
        per_kwh(msgspec.structs.replace(cell, electrolyte=one), design)
        for one in ("liquid", "hybrid", "solid")
    )
    for less, more in ((liquid, hybrid), (hybrid, solid)):
        assert np.all(more.kg >= less.kg)
        assert np.all(more.litres >= less.litres)
    assert solid.pressure_kg[0] > 0


@given(cells, designs, st.floats(10, 10_000))
def test_a_mass_and_a_volume_are_met(cell, design, size):
    """A pack that is asked for by mass or by volume has it."""
    assert pack_of(cell, mass_kg=size, design=design).mass_kg.middle == pytest.approx(size)
    assert pack_of(cell, volume_l=size, design=design).volume_l.middle == pytest.approx(size)


@pytest.mark.parametrize(
    "size",
    [
        {},
        {"energy_kwh": 80, "mass_kg": 500},
        {"energy_kwh": 0},
        {"energy_kwh": -5},
        {"energy_kwh": math.nan},
        {"mass_kg": math.inf},
        {"volume_l": 1e9},
    ],
)
def test_what_is_no_size_is_refused(size):
    """No size, two, nothing, less than nothing, no number, or more than any pack: told in words."""
    with pytest.raises(UsageError) as refused:
        pack_of(CELLS["nmc-liquid"], **size)
    assert refused.value.rule == "pack.size"


def test_an_unknown_design_is_refused():
    """The designs that there are stand in the error."""
    with pytest.raises(UsageError, match="cell_to_pack and module") as refused:
        pack_of(CELLS["nmc-liquid"], energy_kwh=80, design="magic")
    assert refused.value.rule == "pack.design"


def test_announced_packs_lie_within_the_intervals():
    """NIO's pack does; Gotion's only if its solid cells were not pressed; Volvo's is a pack with modules."""
    nio = per_kwh(CELLS["nio-welion-150"], "cell_to_pack")
    low, high = np.quantile(1000 / nio.kg, (0.05, 0.95))
    assert low < anchor("nio-150", "pack_wh_per_kg") < high
    gotion = CELLS["gotion-gemstone"]
    pressed = 1000 / np.quantile(per_kwh(gotion, "cell_to_pack").kg, 0.05)
    loose = msgspec.structs.replace(gotion, electrolyte="liquid")
    unpressed = 1000 / np.quantile(per_kwh(loose, "cell_to_pack").kg, 0.05)
    assert pressed < anchor("gotion-gemstone", "pack_wh_per_kg") < unpressed
    assert anchor("qilin", "volume_ratio") <= parameter("cell_to_pack", "volume_ratio").high


def test_each_parameter_says_how_sure_it_is():
    """Every row has its order, a standing and a source."""
    for one in PARAMETERS:
        assert one.low <= one.middle <= one.high
        assert one.standing in {"assumption", "recalled", "reported", "derived", "claimed", "constant"}
        assert one.source
