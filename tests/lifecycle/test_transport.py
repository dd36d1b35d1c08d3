"""As what a battery travels: by its incidents and recalls, until somebody who looked at it says otherwise."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lifecycle.strategies import PACKS, at, recorded
from voltrail.events import kinds
from voltrail.lifecycle.fold import effective_events
from voltrail.lifecycle.transport import travel_state
from voltrail.regimes import RULES
from voltrail.regimes.transport import RULES_OF_TRANSPORT, family_of, goods_of, packing_of

PACK = PACKS[0]


def incident(hours, what="collision", **more):
    return kinds.IncidentReported(occurred_at=at(hours), code=PACK, incident=what, **more)


def recalled(hours, campaign="R-1", risk="may catch fire"):
    return kinds.Recalled(occurred_at=at(hours), code=PACK, campaign=campaign, risk=risk)


def serviced(hours, campaign="R-1"):
    return kinds.Serviced(occurred_at=at(hours), code=PACK, campaign=campaign)


def assessed(hours, transport=None):
    return kinds.Assessed(occurred_at=at(hours), code=PACK, decision="recycle", transport=transport)


def state_of(*events):
    """Return the state after events in the order of their times."""
    chain = [recorded(event, index) for index, event in enumerate(events)]
    return travel_state(effective_events(chain, f"battery:{PACK}"))


@pytest.mark.parametrize(
    ("events", "state", "because"),
    [
        ((), "normal", "nothing"),
        ((assessed(1),), "normal", "nothing"),
        ((incident(1),), "damaged", "incident"),
        ((incident(1, "leak"),), "damaged", "incident"),
        ((incident(1, "flood"),), "damaged", "incident"),
        ((incident(1, "fire"),), "critical", "incident"),
        ((incident(1, "fire", severity="minor"),), "critical", "incident"),
        ((incident(1, "collision", severity="Serious"),), "critical", "incident"),
        ((incident(1, "collision", severity="minor"),), "damaged", "incident"),
        ((incident(1, "other", severity="minor"),), "normal", "nothing"),
        ((incident(1, "other", severity="轻微"),), "normal", "nothing"),
        ((incident(1, "other"),), "damaged", "incident"),
        ((incident(1, "fire"), incident(2, "collision")), "critical", "incident"),
        ((incident(1, "fire"), assessed(2)), "critical", "incident"),
        ((incident(1, "fire"), assessed(2, "normal")), "normal", "said"),
        ((incident(1, "fire"), assessed(2, "damaged"), assessed(3, "normal")), "normal", "said"),
        ((incident(1, "fire"), incident(2, "other", transport="damaged")), "damaged", "said"),
        ((assessed(1, "normal"), incident(2, "leak")), "damaged", "incident"),
        ((assessed(1, "critical"),), "critical", "said"),
        ((recalled(1),), "damaged", "recall"),
        ((recalled(1, risk=None),), "normal", "nothing"),
        ((recalled(1), serviced(2)), "normal", "nothing"),
        ((recalled(1), serviced(2, "R-2")), "damaged", "recall"),
        ((recalled(1), recalled(2, "R-2"), serviced(3)), "damaged", "recall"),
        ((recalled(1), assessed(2, "normal")), "normal", "said"),
        ((assessed(1, "normal"), recalled(2)), "damaged", "recall"),
        ((recalled(1), incident(2, "fire")), "critical", "incident"),
    ],
)
def test_the_latest_word_counts(events, state, because):
    """What happened counts until somebody says what follows from it; a recall until the work was done."""
    found = state_of(*events)
    assert (found.state, found.because) == (state, because)
    assert (found.index is None) == (because == "nothing")


def test_the_state_says_which_event_made_it():
    """So that a page leads to it: the first recall that is open, or the gravest incident."""
    found = state_of(recalled(1), recalled(2, "R-2"), serviced(3))
    assert (found.campaign, found.index) == ("R-2", 1)
    assert state_of(incident(1, "fire"), incident(2, "leak")).index == 0
    assert state_of(incident(1, "leak"), incident(2, "flood")).index == 1


EVENTS = st.lists(
    st.one_of(
        st.builds(incident, st.integers(0, 99), st.sampled_from(["fire", "leak", "other"])),
        st.builds(recalled, st.integers(0, 99), st.sampled_from(["R-1", "R-2"])),
        st.builds(serviced, st.integers(0, 99), st.sampled_from(["R-1", "R-2"])),
        st.builds(assessed, st.integers(0, 99), st.sampled_from([None, "normal", "damaged", "critical"])),
    ),
    max_size=6,
    unique_by=lambda event: event.occurred_at,
)


@given(EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_reports_changes_nothing(events, random):
    """What happened decides, not when it was told."""
    mixed = list(events)
    random.shuffle(mixed)
    one, other = state_of(*events), state_of(*mixed)
    assert (one.state, one.because, one.at) == (other.state, other.because, other.at)


@given(EVENTS)
def test_a_word_ends_all_before_it(events):
    """After somebody said that it is in order, it is, until something else happens."""
    assert state_of(*events, assessed(100, "normal")).state == "normal"
    assert state_of(*events, assessed(100, "normal"), incident(101, "fire")).state == "critical"


def test_a_correction_takes_an_incident_back():
    """An incident that never was makes nothing travel as damaged."""
    chain = [
        recorded(incident(1, "fire"), 0),
        recorded(kinds.Corrected(occurred_at=at(2), code=PACK, corrects=0, void=True), 1),
    ]
    assert travel_state(effective_events(chain, f"battery:{PACK}")).state == "normal"


@pytest.mark.parametrize(
    ("chemistry", "family"),
    [
        ("LFP", "lithium"),
        ("NCM523", "lithium"),
        ("Li-ion NMC", "lithium"),
        ("lithium iron phosphate", "lithium"),
        ("磷酸铁锂", "lithium"),
        ("三元", "lithium"),
        ("Na-ion", "sodium"),
        ("sodium-ion", "sodium"),
        ("钠离子", "sodium"),
        ("NiMH", None),
        ("lead-acid", None),
        ("", None),
    ],
)
def test_the_model_says_of_which_chemistry_a_battery_is(chemistry, family):
    """In whatever words; what is neither lithium nor sodium is not guessed."""
    assert family_of(PACK, chemistry) == family


def test_a_code_says_it_only_where_its_letter_is_confirmed():
    """A letter whose meaning nobody confirmed, and a battery without a code, say nothing."""
    assert family_of(PACK) == "lithium"
    assert family_of("NC-91000000MA0000001R-X1") is None
    assert family_of("nonsense") is None


@pytest.mark.parametrize(
    ("family", "place", "day", "un"),
    [
        ("lithium", "in_stock", date(2026, 5, 1), "UN 3480"),
        ("lithium", None, date(2026, 5, 1), "UN 3480"),
        ("lithium", "in_storage_system", date(2026, 5, 1), "UN 3481"),
        ("lithium", "in_vehicle", date(2024, 12, 31), "UN 3171"),
        ("lithium", "in_vehicle", date(2025, 1, 1), "UN 3556"),
        ("sodium", "in_stock", date(2024, 12, 31), None),
        ("sodium", "in_stock", date(2025, 1, 1), "UN 3551"),
        ("sodium", "in_vehicle", date(2026, 5, 1), "UN 3558"),
        (None, "in_stock", date(2026, 5, 1), None),
    ],
)
def test_the_un_number_is_that_of_the_day(family, place, day, un):
    """By chemistry and by where the battery is built in; what is not known has none."""
    found = goods_of(family, place, day)
    assert (found.un if found else None) == un


def test_packing_follows_the_state_and_the_country():
    """In the EEA by ADR, which counts; elsewhere by the UN's model, which warns."""
    day = date(2026, 5, 1)
    found = {
        (state, country): packing_of(state, country, RULES.all, day)
        for state in ("normal", "damaged", "critical")
        for country in ("DE", "CN", None)
    }
    assert {key: rule.value for key, rule in found.items()} == {
        **{("normal", country): ("P903", "LP903") for country in ("DE", "CN", None)},
        **{("damaged", country): ("P908", "LP904") for country in ("DE", "CN", None)},
        **{("critical", country): ("P911", "LP906") for country in ("DE", "CN", None)},
    }
    assert [found["critical", country].standing for country in ("DE", "CN", None)] == [
        "enforced",
        "advisory",
        "advisory",
    ]
    assert {one.id for one in RULES_OF_TRANSPORT if one.enforced} == {"adr-damaged", "adr-critical"}
