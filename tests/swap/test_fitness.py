"""What speaks against putting a pack in, and the catalogue by which it is known."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from voltrail.events.words import NAMES_ZH
from voltrail.regimes.rules import GATES
from voltrail.swap.catalogue import FIGURES, INTERFACES, PACKS, TRUCKS, figure
from voltrail.swap.fitness import LIMITS, MISFITS, SENTENCES, UNFITS, Condition, misfits, unfits

known = st.sampled_from([*INTERFACES])
anything = st.one_of(st.none(), known, st.text(max_size=5))


@given(st.one_of(st.none(), st.sampled_from([*PACKS]), st.text(max_size=5)), anything, st.lists(anything))
def test_what_is_unknown_is_never_a_reason(pack, vehicle, station):
    """Only interfaces that are known and differ keep a pack out: no other word ever does."""
    found = misfits(pack, vehicle, [one for one in station if one is not None])
    interface = PACKS[pack].interface if pack in PACKS else None
    assert ("vehicle_interface" in found) == (None not in {interface, vehicle} and vehicle != interface)
    handles = {one for one in station if one is not None}
    assert ("station_interface" in found) == (interface is not None and bool(handles - {interface}) and
                                              interface not in handles)  # fmt: skip
    assert misfits(None, vehicle, ()) == ()


def test_every_condition_has_its_reason():
    """Each by itself keeps a pack out, all together are named, and a sound pack has none."""
    flaws = ("is_out_of_use", "is_disputed", "is_damaged", "is_recalled")
    for held in product((False, True), repeat=4):
        worn = Condition(**dict(zip(flaws, held, strict=True)), soh_fraction=0.1)
        assert unfits(worn) == (
            *(reason for reason, is_so in zip(UNFITS, held, strict=False) if is_so),
            "worn",
        )
    least = LIMITS["soh_least"].value
    assert unfits(Condition()) == unfits(Condition(soh_fraction=least)) == ()
    assert unfits(Condition(soh_fraction=least - 0.001)) == ("worn",)


def test_every_reason_has_its_words():
    """The rules, the sentences and the Chinese name the same reasons."""
    assert GATES["swap"].words == (*MISFITS, *UNFITS) == tuple(SENTENCES)
    assert set(SENTENCES) <= set(NAMES_ZH)


def test_the_catalogue_holds_together():
    """Packs and trucks name interfaces that are there; a truck takes only packs of its own interface."""
    assert all(pack.interface in INTERFACES for pack in PACKS.values())
    for truck in TRUCKS.values():
        assert {PACKS[one].interface for one in truck.packs} == {truck.interface}
        assert 1 <= truck.blocks_low <= truck.blocks_high
    rows = [*INTERFACES.values(), *PACKS.values(), *TRUCKS.values()]
    assert len({row.id for row in rows}) == len(rows), "figures.csv finds a row by its id alone"
    for row in [*rows, *FIGURES.values(), *LIMITS.values()]:
        assert bool(row.note) == bool(row.note_zh)
        if row.standing in {"verified", "company_claim"}:
            assert row.source


def test_figures_speak_of_what_is_there():
    """A figure that is less sure than its row exists; what nobody published is empty, as of the #75 block."""
    rows = INTERFACES | PACKS | TRUCKS
    for (identifier, member), one in FIGURES.items():
        assert getattr(rows[identifier], member) is not None
        assert figure(rows[identifier], member) is one
    block = PACKS["qiji-75"]
    assert (block.energy_kwh, block.voltage_v, block.mass_kg, block.cycle_life, block.chemistry) == (
        None,
    ) * 5
    assert figure(PACKS["qiji-171"], "energy_kwh").standing == "verified"
    assert figure(PACKS["qiji-171"], "mass_kg").standing == "estimate"
