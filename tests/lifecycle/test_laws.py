"""The laws of the fold, as properties over random histories."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from tests.lifecycle.strategies import CODES, PACKS, VINS, at, histories, recorded
from voltrail.events import kinds, subjects
from voltrail.lifecycle import (
    Life,
    Recorded,
    decode_state,
    effective,
    effective_events,
    encode_state,
    fold,
    in_order,
    recalls_in,
    step,
)
from voltrail.lifecycle.state import PLACES, empty

SUBJECTS = [*(f"battery:{code}" for code in CODES), *(f"vehicle:{vin}" for vin in VINS)]
subjects_of = st.sampled_from(SUBJECTS)


def chain(subject, history):
    """Return the events of one subject."""
    return [one for one in history if subject in subjects(one.event)]


def content(state):
    """Return what a state says of the world, without the bookkeeping of its chain."""
    if state is None:
        return None
    fields = asdict(state)
    for name in ("count", "latest", "mended"):
        fields.pop(name)
    fields["findings"] = [(f.kind, f.rule, f.message) for f in fields["findings"]]
    if "passports" in fields:
        fields["passports"] = [replace(one, index=0, ended_by=None) for one in fields["passports"]]
    return fields


@given(histories(), subjects_of)
def test_the_fold_names_exactly_one_place_or_disputed(history, subject):
    """Whatever is reported, a battery is in one place, or it is disputed and every claim is named."""
    battery = fold(subject, chain(subject, history))
    if battery is None or not subject.startswith("battery:"):
        return
    known = [one for one in effective_events(history, subject) if one.event.kind != "identified"]
    if not known:
        assert battery.place == "unrecorded"
    elif len(battery.claims) == 1:
        assert battery.place in PLACES
    else:
        assert battery.place == "disputed"
        assert len({claim.identity for claim in battery.claims}) == len(battery.claims) > 1
        assert any(finding.kind == "conflict" for finding in battery.findings)


@given(histories(), subjects_of, st.data())
def test_the_order_of_arrival_does_not_matter(history, subject, data):
    """The same events reported in another order give the same state, findings in the same words."""
    first = [one for one in history if one.event.kind != "corrected"]
    corrections = [one for one in history if one.event.kind == "corrected"]
    arrived = data.draw(st.permutations(first)) + corrections
    index_of = {one.index: new for new, one in enumerate(arrived)}
    again = [
        replace(
            one,
            index=index_of[one.index],
            event=replace(one.event, corrects=index_of[one.event.corrects])
            if one.event.kind == "corrected"
            else one.event,
        )
        for one in arrived
    ]

    before, after = fold(subject, history), fold(subject, data.draw(st.permutations(again)))

    assert content(before) == content(after)


@given(histories(corrections=False), subjects_of, st.data())
def test_a_void_correction_equals_the_event_never_having_been(history, subject, data):
    """An event that is void leaves nothing behind but the count of its chain."""
    wrong = data.draw(st.sampled_from(history))
    vin = getattr(wrong.event, "vin", None)
    void = kinds.Corrected(
        occurred_at=at(2_000), code=CODES[0], codes=CODES[1:], vin=vin, corrects=wrong.index, void=True
    )

    with_void = fold(subject, chain(subject, [*history, recorded(void, 99, wrong.reporter)]))
    without = fold(subject, chain(subject, [one for one in history if one is not wrong]))

    if with_void is not None:
        assert content(with_void) == content(without or empty(subject))
    else:
        assert without is None


@given(histories())
def test_parts_follow_their_parent(history):
    """A part built into a parent is where the parent is, held by whoever holds it, ended if it ended."""
    states = {code: fold(f"battery:{code}", chain(f"battery:{code}", history)) for code in CODES}
    for battery in states.values():
        if battery is None or battery.place != "in_parent":
            continue
        part = effective(battery, states.get)
        parent = states[battery.claims[0].parent]
        above = effective(parent, states.get)
        if "disputed" in {part.place, above.place}:
            assert part.place == above.place or _circular(battery, states)
        else:
            assert (part.place, part.holder, part.vin, part.end) == (
                above.place,
                above.holder,
                above.vin,
                above.end,
            )


def _circular(battery, states):
    """Return whether following parents comes round to a battery seen before."""
    seen = set()
    while battery is not None and battery.place == "in_parent":
        if battery.code in seen:
            return True
        seen.add(battery.code)
        battery = states[battery.claims[0].parent]
    return False


@given(histories(), subjects_of)
def test_steps_in_order_give_what_the_whole_fold_gives(history, subject):
    """One step more, where it is in order, is the same as folding everything again, to the byte."""
    state, so_far = None, []
    for one in chain(subject, history):
        so_far.append(one)
        state = step(subject, state, one) if in_order(state, one) else fold(subject, so_far)
        assert encode_state(state) == encode_state(fold(subject, so_far))
        assert encode_state(decode_state(subject, encode_state(state))) == encode_state(state)


@given(histories(max_size=30), subjects_of)
def test_a_life_gives_what_the_whole_fold_gives(history, subject):
    """Late events folded in one after another give what folding everything again gives, to the byte."""
    so_far, life = [], None
    for one in history:
        so_far.append(one)
        if subject not in subjects(one.event):
            continue
        if life is None or one.event.kind == "corrected":
            life = Life(subject, chain(subject, so_far))
            state = life.state
        else:
            state = life.insert(one)
        assert encode_state(state) == encode_state(fold(subject, chain(subject, so_far)))


def test_a_late_event_costs_what_it_changes():
    """A thousand measurements that arrive with the newest first are not folded a thousand times each."""
    made = recorded(kinds.Manufactured(occurred_at=at(0), code=PACKS[0]), 0)
    measured = [
        recorded(kinds.Measured(occurred_at=at(1000 - n), code=PACKS[0], soh_fraction=0.9), n)
        for n in range(1, 1000)
    ]
    life = Life(f"battery:{PACKS[0]}", [made])
    for one in measured:
        life.insert(one)
    assert life.turns < 3_000
    assert life.state == fold(f"battery:{PACKS[0]}", [made, *measured])


@given(histories(max_size=30), subjects_of, st.randoms(use_true_random=False))
def test_the_fold_never_raises(history, subject, random):
    """Any events at all give a state: out of order, in pieces, corrected in circles."""
    pieces = [one for one in history if random.random() < 0.7]
    circle = [
        replace(one, event=replace(one.event, corrects=random.randrange(40)))
        if isinstance(one.event, kinds.Corrected)
        else one
        for one in pieces
    ]
    fold(subject, circle)
    state = None
    for one in circle:
        state = step(subject, state, Recorded(one.index, one.event, one.reporter, one.received_ms))


def test_a_part_built_into_itself_is_disputed():
    """Two batteries each reported to be part of the other have no place."""
    pack, other = PACKS[:2]
    history = [
        recorded(kinds.Assembled(occurred_at=at(1), code=pack, codes=(other,)), 0),
        recorded(kinds.Assembled(occurred_at=at(2), code=other, codes=(pack,)), 1),
    ]
    states = {code: fold(f"battery:{code}", history) for code in (pack, other)}

    assert effective(states[pack], states.get).place == "disputed"


@given(histories(max_size=20), st.sampled_from(CODES))
def test_recalls_are_open_until_the_work_is_reported(history, code):
    """What a state has as campaigns are the recalls without work; taken one by one they come out the same."""
    battery = fold(f"battery:{code}", history)
    counting = effective_events(history, f"battery:{code}")
    recalls = recalls_in(counting)
    one_by_one = {}
    for recorded_event in counting:
        one_by_one = recalls_in([recorded_event], one_by_one.values())
    assert one_by_one == recalls
    unserviced = {one.campaign for one in recalls.values() if one.serviced is None}
    assert unserviced == set(battery.campaigns if battery is not None else ())
