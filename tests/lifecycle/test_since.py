"""From where on a battery has been somebody's: nobody brings it forward by his own word."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.lifecycle.strategies import ORGANISATIONS, PACKS, VINS, at, build_event, histories
from voltrail.events import encode, kinds, subjects
from voltrail.lifecycle import Battery, Finding, Recorded, Whereabouts
from voltrail.lifecycle.since import Being, effective_since, sale_of, since_when
from voltrail.lifecycle.told import told_to_reporter, without_step
from voltrail.organisations.access import Since

ONE, OTHER = PACKS[:2]
OLD, NEW, ME = ORGANISATIONS
LATE_MS = 10**13


def ms(when):
    return int(when.timestamp() * 1000)


def said(index, event, reporter, received=None):
    """Return an event as the log has it; received when it occurred, or later."""
    return Recorded(index, event, reporter, received or ms(event.occurred_at))


def held_by(who):
    return Being("holder", who)


def make(kind, when, to=NEW, code=ONE):
    return build_event(kind, code, OTHER, to, VINS[0], when)


def life():
    """Made by OLD, shipped to NEW, received there, measured, owned by ME since hour 5 as OLD said."""
    return [
        said(0, make("manufactured", at(0)), OLD),
        said(1, make("shipped", at(1)), OLD),
        said(2, make("received", at(2)), NEW, ms(at(3))),
        said(3, make("ownership_transferred", at(5), ME), OLD, ms(at(6))),
        said(4, make("measured", at(7)), OLD),
    ]


def test_a_standing_begins_with_what_made_it_so():
    """One's own word counts from when it was received, another's from when it says that it was."""
    assert since_when(ONE, life(), held_by(NEW), NEW) == Since(2, ms(at(3)), ms(at(3)))
    assert since_when(ONE, life(), Being("owner", ME), ME) == Since(3, ms(at(5)), ms(at(6)))
    assert since_when(ONE, life(), held_by(OLD), OLD) is None


def test_a_break_begins_it_anew():
    """Who had a battery, gave it away and has it again, does not see where it was between."""
    chain = [
        *life(),
        said(5, make("shipped", at(8), OLD), NEW),
        said(6, make("received", at(9)), OLD),
        said(7, make("shipped", at(10), NEW), OLD),
        said(8, make("received", at(11)), NEW),
    ]
    assert since_when(ONE, chain, held_by(NEW), NEW).index == 8


def test_a_correction_of_ones_own_counts_from_then_on():
    """An old event turned into a receipt afterwards opens nothing of the time between."""
    line = encode(make("received", at(2))).decode()
    chain = [
        said(0, make("manufactured", at(0)), OLD),
        said(1, make("shipped", at(1), ME), OLD),
        said(2, make("measured", at(2)), ME),
        said(3, make("measured", at(4)), OLD),
        said(4, kinds.Corrected(occurred_at=at(5), code=ONE, corrects=2, line=line), ME, LATE_MS),
    ]
    since = since_when(ONE, chain, held_by(ME), ME)
    assert (since.index, since.from_ms) == (4, LATE_MS)


@given(histories(), st.sampled_from(PACKS), st.data())
def test_nobody_brings_a_standing_forward(history, code, data):
    """Whatever others reported, whatever time is claimed: a holder sees nothing of before his word."""
    others = [
        Recorded(one.index, one.event, OLD if one.reporter == ME else one.reporter, one.received_ms)
        for one in history
        if f"battery:{code}" in subjects(one.event) and not isinstance(one.event, kinds.Corrected)
    ]
    claims = ("received", "removed", "installed", "found", "collected", "imported", "enrolled")
    kind = data.draw(st.sampled_from(claims))
    when = at(0) + timedelta(hours=data.draw(st.integers(-500, 500)))
    index = max((one.index for one in others), default=0) + 1
    chain = [*others, said(index, make(kind, when, code=code), ME, LATE_MS)]
    since = since_when(code, chain, held_by(ME), ME)
    assert since is None or (since.index, since.from_ms) >= (index, LATE_MS)


def test_a_part_counts_from_the_later_of_being_in_it_and_its_being_held():
    """Through what it is built into: both must be so."""
    part = OTHER
    chains = {
        part: [
            said(1, kinds.Manufactured(occurred_at=at(0), code=part), OLD),
            said(4, kinds.Assembled(occurred_at=at(4), code=ONE, codes=(part,)), OLD),
        ],
        ONE: [*life()[:3], said(4, kinds.Assembled(occurred_at=at(4), code=ONE, codes=(part,)), OLD)],
    }

    def through(who):
        return effective_since(
            part, (ONE,), held_by(who), lambda code, being: since_when(code, chains[code], being, who)
        )

    assert through(NEW) == Since(4, ms(at(4)), ms(at(4)))
    assert through(ME) is None


def test_what_may_be_so_of_a_battery():
    """Its holder, owner and operator by its state; its parent and vehicle by where it is."""
    inside = Battery(ONE, claims=(Whereabouts("in_parent", None, parent=OTHER),), owner=ME, operator=OLD)
    driven = Battery(ONE, claims=(Whereabouts("in_vehicle", NEW, vin=VINS[0]),))
    lost = Battery(ONE, claims=(Whereabouts("missing", NEW, vin=VINS[0]),))
    assert Being("parent", OTHER).of(inside)
    assert Being("owner", ME).of(inside)
    assert Being("operator", OLD).of(inside)
    assert Being("holder", NEW).of(driven)
    assert Being("vehicle", VINS[0]).of(driven)
    assert not Being("vehicle", VINS[0]).of(lost)
    assert not Being("parent", ONE).of(inside)


def test_the_last_sale_that_counts():
    """A void one does not."""
    sold = [said(n, make("sold", at(n)), OLD) for n in (1, 2)]
    void = kinds.Corrected(occurred_at=at(3), vin=VINS[0], codes=(ONE,), corrects=2, void=True)
    assert sale_of(VINS[0], sold).index == 2
    assert sale_of(VINS[0], [*sold, said(3, void, OLD)]).index == 1
    assert sale_of(VINS[0], []) is None


def test_a_reporter_is_told_no_names_of_what_is_not_his():
    """In full for who had it or was to have it, in order; else which step, and of a check not even that."""
    found = Finding(
        "gap", "lifecycle.removal_not_reported", f"It is in vehicle {VINS[0]}, by {OLD}.", index=9
    )
    state = Battery(ONE, claims=(Whereabouts("in_vehicle", OLD, vin=VINS[0]),), latest=at(5))
    for reporter, when, full in ((OLD, at(6), True), (ME, at(6), False), (OLD, at(4), False)):
        [told] = told_to_reporter(said(9, make("received", when), reporter), [found], [state])
        assert (told == found) == full
        assert full or (VINS[0] not in told.message and OLD not in told.message)
        assert told.rule == found.rule
    assert without_step(found).rule == "lifecycle.step_not_reported"
    for rule in ("two_places", "stock_differs", "not_holder", "not_owner", "not_operator"):
        one = Finding("gap", f"lifecycle.{rule}", f"{OLD} {VINS[0]}")
        [told] = told_to_reporter(said(9, make("received", at(6)), ME), [one], [state])
        assert OLD not in told.message
    vehicle = Finding("gap", "vehicle.batteries_differ", ONE)
    [told] = told_to_reporter(said(9, make("sold", at(6)), OLD), [vehicle], [state])
    assert ONE not in told.message
