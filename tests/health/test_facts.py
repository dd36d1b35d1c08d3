"""What is known of a battery: read from its events, the last word counting, and nothing filled in."""

from datetime import date

import pytest

from tests.lifecycle.strategies import PACKS, START, at, recorded
from voltrail.events import kinds
from voltrail.health.facts import Assessment, facts_of
from voltrail.lifecycle import Model, fold

PACK = PACKS[0]
FOUND = {"soh_low": 0.7, "soh_high": 0.8, "life_years_low": 4, "life_years_high": 6}


def known(*events, model=None):
    """Return what is known after these events of one organisation."""
    life = [recorded(event, index) for index, event in enumerate(events)]
    return facts_of(fold(f"battery:{PACK}", life), life, model)


def made(**more):
    """Return the event by which it begins."""
    return kinds.Manufactured(occurred_at=START, code=PACK, **more)


def retired(hours=1):
    """Return its retirement."""
    return kinds.Retired(occurred_at=at(hours), code=PACK)


def assessed(hours=2, decision="repurpose", **more):
    """Return an assessment."""
    return kinds.Assessed(occurred_at=at(hours), code=PACK, decision=decision, **more)


def test_a_life_without_a_word_gives_nothing():
    """What nobody said is None, and not a guess."""
    found = known(made(), retired())
    assert (found.is_retired, found.waits, found.looked_at) == (True, True, False)
    assert (found.soh, found.life, found.test, found.energy_kwh, found.chemistry) == (None,) * 5
    assert not known(made()).is_retired


def test_the_last_assessment_counts():
    """Each interval with the entry that says it; a later one takes its place, with how it was found."""
    found = known(made(), retired(), assessed(test="capacity", **FOUND))
    assert (found.soh, found.life) == (Assessment(0.7, 0.8, 2), Assessment(4, 6, 2))
    wider = known(
        made(), retired(), assessed(test="capacity", **FOUND), assessed(3, soh_low=0.5, soh_high=0.9)
    )
    assert (wider.soh, wider.life, wider.test) == (Assessment(0.5, 0.9, 3), Assessment(4, 6, 2), None)


def test_what_was_found_before_it_was_used_again_is_gone():
    """A pack that was made ready, used and retired once more has to be looked at anew."""
    again = kinds.PreparedForReuse(occurred_at=at(3), code=PACK)
    found = known(made(), retired(), assessed(transport="normal", **FOUND), again, retired(5))
    assert (found.soh, found.looked_at, found.decided) == (None, False, None)


def test_a_measurement_outside_the_interval_takes_it_away():
    """Two that contradict each other are no knowledge; a further assessment settles it."""
    measured = kinds.Measured(occurred_at=at(3), code=PACK, soh_fraction=0.6)
    found = known(made(), retired(), assessed(**FOUND), measured)
    assert (found.soh, found.contradicted) == (None, True)
    inside = kinds.Measured(occurred_at=at(3), code=PACK, soh_fraction=0.75)
    assert known(made(), retired(), assessed(**FOUND), inside).soh is not None
    vague = kinds.Measured(occurred_at=at(3), code=PACK, soh_fraction=0.6, soh_low=0.5, soh_high=0.75)
    assert known(made(), retired(), assessed(**FOUND), vague).soh is not None, "the intervals meet"
    settled = known(made(), retired(), assessed(**FOUND), measured, assessed(4, soh_low=0.58, soh_high=0.62))
    assert (settled.soh.low, settled.contradicted) == (0.58, False)


def test_a_test_that_was_ordered_is_awaited():
    """The decision stands on what is known, and it waits until a further one."""
    ordered = known(made(), retired(), assessed(test="visual", test_ordered="capacity", **FOUND))
    assert (ordered.decided.decision, ordered.waits) == ("repurpose", True)
    done = known(
        made(), retired(), assessed(test_ordered="capacity"), assessed(3, "recycle", test="capacity", **FOUND)
    )
    assert (done.decided.decision, done.decided.index, done.waits) == ("recycle", 3, False)


def test_an_incident_asks_for_another_look():
    """Who looked before knows nothing of it; as what it travels follows from the incident meanwhile."""
    fire = kinds.IncidentReported(occurred_at=at(3), code=PACK, incident="fire")
    found = known(made(), retired(), assessed(transport="normal"), fire)
    assert (found.looked_at, found.travels, found.incidents) == (False, "critical", (("fire", 3),))
    looked = known(made(), retired(), assessed(transport="normal"), fire, assessed(4, transport="damaged"))
    assert (looked.looked_at, looked.travels) == (True, "damaged")


@pytest.mark.parametrize("energy", [None, 40.0])
def test_what_it_is_comes_from_its_making_and_its_model(energy):
    """The battery's own word before its model's; the day from when it was made."""
    model = Model("S-102", chemistry="LFP", energy_kwh=55.0, mass_kg=350.0, composition={"Li": 5.0})
    found = known(made(model_id="S-102", energy_kwh=energy), model=model)
    assert (found.energy_kwh, found.mass_kg) == (energy or 55.0, 350.0)
    assert (found.chemistry, found.elements_kg) == ("LFP", {"Li": 5.0})
    assert found.made_on == START.date()
    older = kinds.Enrolled(
        occurred_at=START, code=PACK, place="in_stock", basis="label", manufactured_on="2019-03-04"
    )
    found = known(older)
    assert (found.made_on, found.history_before) == (date(2019, 3, 4), "unknown")
