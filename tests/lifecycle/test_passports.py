"""Passports in a battery's life: when one begins and ends, who may issue it, and where it leads."""

from hypothesis import given
from hypothesis import strategies as st

from tests.lifecycle.strategies import (
    CODES,
    MODULES,
    ORGANISATIONS,
    PACKS,
    VINS,
    at,
    build_event,
    histories,
    recorded,
)
from voltrail.events import kinds as k
from voltrail.lifecycle import effective_events, fold
from voltrail.lifecycle.fold import stages
from voltrail.lifecycle.passports import Kin, answers_for, following, passport_id, previous

PACK, SECOND, THIRD = PACKS
MAKER, UTILISER, OTHER = ORGANISATIONS


def of(code, history):
    """Return a battery after what happened."""
    return fold("battery:" + code, history)


def kin_of(history):
    """Return what the links of passports are found from, in a history."""

    def kin(code):
        battery = of(code, [one for one in history if code in k.batteries(one.event)])
        if battery is None:
            return None
        return Kin(battery.passports, effective_events(history, "battery:" + code))

    return kin


LIVES = ["passport_issued", "repurposed", "dismantled", "disassembled", "prepared_for_reuse", "recycled"]


@st.composite
def lives(draw):
    """Return histories in which passports begin and end, and batteries come from one another."""
    hours = draw(st.lists(st.integers(0, 500), min_size=4, max_size=16, unique=True))
    history = []
    for index, hour in enumerate(hours):
        one, other = draw(st.lists(st.sampled_from(CODES), min_size=2, max_size=2, unique=True))
        kind = draw(st.sampled_from(["passport_issued", *LIVES]))
        event = build_event(kind, one, other, MAKER, VINS[0], at(hour), draw(st.integers(1, 4)))
        history.append(recorded(event, index))
    return history


def told(*events):
    """Return events in the order of the log, an hour apart."""
    return [
        recorded(event(at(hour)), hour, reporter)
        for hour, (event, reporter) in enumerate(
            one if isinstance(one, tuple) else (one, MAKER) for one in events
        )
    ]


def made(code):
    return lambda when: k.Manufactured(occurred_at=when, code=code)


def issued(code, number=1):
    return lambda when: k.PassportIssued(occurred_at=when, code=code, number=number)


def does(struct, **members):
    return lambda when: struct(occurred_at=when, **members)


def statuses(battery):
    return [(one.number, one.status, one.why) for one in battery.passports]


def test_a_passport_is_in_force_until_the_record_ends_it():
    """Recycling archives it, a further life and taking apart end it; nobody reports that again."""
    begun = (made(PACK), issued(PACK))
    assert statuses(of(PACK, told(*begun))) == [(1, "active", None)]
    for ending, status, why in (
        (does(k.Recycled, code=PACK), "archived", "recycled"),
        (does(k.Dismantled, code=PACK), "inactive", "dismantled"),
        (does(k.Destroyed, code=PACK, reason="fire"), "inactive", "destroyed"),
        (does(k.PreparedForReuse, code=PACK), "inactive", "re_used"),
        (does(k.Repurposed, codes=(PACK, SECOND), into=(SECOND,)), "inactive", "repurposed"),
        (does(k.Remanufactured, codes=(PACK, SECOND), into=(SECOND,)), "inactive", "remanufactured"),
        (does(k.PassportCeased, code=PACK, number=1, reason="recycled"), "archived", "recycled"),
    ):
        assert statuses(of(PACK, told(*begun, ending))) == [(1, status, why)]


def test_what_left_the_country_keeps_its_passport():
    """It is abroad that the passport is read; what ends it there is reported."""
    history = told(made(PACK), issued(PACK), does(k.Exported, code=PACK, country="DE"))
    assert statuses(of(PACK, history)) == [(1, "active", None)]
    gone = told(made(PACK), does(k.Exported, code=PACK, country="DE"), issued(PACK))
    assert (of(PACK, gone).place, statuses(of(PACK, gone))) == ("gone", [(1, "active", None)])


def test_a_further_life_has_the_next_passport_which_leads_back():
    """Prepared for reuse the same code has its second; both lead to one another."""
    history = told(
        made(PACK),
        issued(PACK),
        does(k.Retired, code=PACK),
        (does(k.PreparedForReuse, code=PACK), UTILISER),
        (issued(PACK, 2), UTILISER),
    )
    assert statuses(of(PACK, history)) == [(1, "inactive", "re_used"), (2, "active", None)]
    assert previous(PACK, 2, kin_of(history)) == [passport_id(PACK, 1)]
    assert following(PACK, 1, kin_of(history)) == [passport_id(PACK, 2)]


def test_modules_of_a_pack_lead_several_second_lives_back_to_it():
    """Pack, modules without passports, two packs made of them: each leads to the first, and back."""
    one, other = MODULES
    history = told(
        made(PACK),
        does(k.Assembled, code=PACK, codes=MODULES),
        issued(PACK),
        (does(k.Dismantled, code=PACK, codes=MODULES), UTILISER),
        (does(k.Repurposed, codes=(one, SECOND), into=(SECOND,)), UTILISER),
        (does(k.Repurposed, codes=(other, THIRD), into=(THIRD,)), UTILISER),
        (issued(SECOND), UTILISER),
        (issued(THIRD), UTILISER),
    )
    kin, first = kin_of(history), passport_id(PACK, 1)
    assert previous(SECOND, 1, kin) == previous(THIRD, 1, kin) == [first]
    assert following(PACK, 1, kin) == [passport_id(SECOND, 1), passport_id(THIRD, 1)]
    with_own = [*history[:4], recorded(issued(one)(at(3.5)), 8, UTILISER), *history[4:]]
    kin = kin_of(with_own)
    assert previous(one, 1, kin) == [first]
    assert previous(SECOND, 1, kin) == [passport_id(one, 1)]
    assert following(PACK, 1, kin) == [passport_id(one, 1), passport_id(THIRD, 1)]


def test_a_correction_of_what_ended_a_passport_lets_it_go_on():
    """The recycling never was: the passport is in force, as if nothing had been said."""
    history = told(made(PACK), issued(PACK), does(k.Recycled, code=PACK))
    void = k.Corrected(occurred_at=at(9), code=PACK, corrects=2, void=True)
    assert statuses(of(PACK, [*history, recorded(void, 3)])) == [(1, "active", None)]


def test_who_answers_is_who_made_it_or_made_it_ready_or_was_given_it():
    """Whatever came last; an enrolment says nothing."""

    def answers(*events):
        return answers_for(effective_events(told(*events), f"battery:{PACK}"))

    given = does(k.ResponsibilityTransferred, code=PACK, to=OTHER)
    assert answers(does(k.Enrolled, code=PACK, place="in_stock", basis="label")) is None
    assert answers(made(PACK)) == MAKER
    assert answers(made(PACK), given) == OTHER
    assert answers(made(PACK), given, (does(k.PreparedForReuse, code=PACK), UTILISER)) == UTILISER


@given(st.one_of(lives(), histories()), st.sampled_from(CODES))
def test_at_most_one_passport_is_in_force_and_numbers_grow(history, code):
    """Whatever is reported and corrected; only the last, and none of a battery that ended here."""
    battery = of(code, [one for one in history if code in k.batteries(one.event)])
    if battery is None:
        return
    numbers = [one.number for one in battery.passports]
    assert numbers == sorted(set(numbers))
    assert all(one.until is not None for one in battery.passports[:-1])
    if battery.end not in {None, "exported"}:
        assert all(one.until is not None for one in battery.passports)
    assert all(one.since <= one.until for one in battery.passports if one.until is not None)


@given(st.one_of(lives(), histories(max_size=20, corrections=False)))
def test_passports_are_issued_one_after_another(history):
    """The passports that stand only ever grow by one as events come in their order."""
    for code in CODES:
        before = ()
        for _, state in stages("battery:" + code, history):
            now = state.passports
            assert [one.number for one in now[: len(before)]] == [one.number for one in before]
            assert len(now) - len(before) in {0, 1}
            before = now


def test_what_left_a_battery_twice_leads_back_to_both_its_passports():
    """A part taken out, put back and taken out again came from its pack under either passport, both ways."""
    apart = does(k.Disassembled, code=PACK, codes=(MODULES[0],))
    kin = kin_of(told(issued(PACK), apart, issued(PACK, 2), apart, issued(MODULES[0])))
    of_pack = [passport_id(PACK, number) for number in (1, 2)]
    assert previous(MODULES[0], 1, kin) == of_pack
    for number in (1, 2):
        assert passport_id(MODULES[0], 1) in following(PACK, number, kin)


@given(lives(), st.data())
def test_links_lead_both_ways(history, data):
    """One is among the previous of another if and only if that is among those which follow it."""
    kin = kin_of(history)
    passports = [(code, one.number) for code in CODES if (own := kin(code)) for one in own.passports]
    if not passports:
        return
    code, number = data.draw(st.sampled_from(passports))
    for other, its in passports:
        leads = passport_id(other, its) in previous(code, number, kin)
        assert leads == (passport_id(code, number) in following(other, its, kin))


@given(lives(), st.sampled_from(CODES))
def test_a_void_issue_leaves_no_passport(history, code):
    """Every issue corrected away: the battery has none, whatever else was said."""
    chain = [one for one in history if code in k.batteries(one.event)]
    issues = [one for one in chain if one.event.kind == "passport_issued"]
    voids = [
        recorded(k.Corrected(occurred_at=at(1_000), code=code, corrects=one.index, void=True), 100 + place)
        for place, one in enumerate(issues)
    ]
    battery = of(code, [*chain, *voids])
    assert battery is None or battery.passports == ()
