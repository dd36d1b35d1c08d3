"""Swap networks as they follow from the record, and what stations say of themselves."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.registry import sample
from tests.registry.swapping import (
    BANK,
    OTHER,
    RIVAL,
    STATION,
    SWAPPER,
    VINS,
    at,
    begin,
    send,
    swapped,
)
from voltrail.errors import AccessError, NotFound, UsageError

PACKS = [sample.pack(serial) for serial in range(201, 207)]
OUT, _, _, FIRST, SECOND, THIRD = PACKS
NOW = datetime(2026, 5, 6, tzinfo=UTC)


@pytest.fixture
def network(registry):
    """Three trucks with their packs, three packs in a station; a swap was told."""
    begin(registry, PACKS)
    registry.first = send(
        registry,
        SWAPPER,
        swapped(8, VINS[0], OUT, FIRST, energy_out_kwh=40.25, energy_in_kwh=270.5, odometer_km=1_200),
    )
    bring_up(registry)
    return registry


def bring_up(registry):
    while registry.stations.follow(7):
        pass


def codes(registry, site=STATION):
    return [pack.code for pack in registry.stations.one(site).packs]


def say(registry, word, site=STATION, organisation=SWAPPER, now=NOW):
    return registry.stations.say(site, organisation, "clerk", json.dumps(word).encode(), now)


def test_a_swap_moves_two_packs(network):
    """The pack taken out stands in the station, the one put in no more; the swap says whose they were."""
    assert codes(network) == sorted([OUT, SECOND, THIRD])
    assert codes(network, OTHER) == []
    (swap,), following = network.stations.swaps(station=STATION)
    assert following is None
    assert (swap.vin, swap.taken_out, swap.put_in) == (VINS[0], OUT, FIRST)
    assert (swap.energy_out_wh, swap.energy_in_wh) == (40_250, 270_500)
    assert (swap.owner_out, swap.owner_in) == (BANK, BANK)


def test_a_correction_replaces_or_voids_a_swap(network):
    """What is put right stands in the place of what was told; what is void is gone, the packs are back."""
    line = swapped(8, VINS[0], OUT, SECOND).decode()
    about = {"codes": [OUT, FIRST, SECOND], "vin": VINS[0], "corrects": network.first}
    fixed = send(network, SWAPPER, sample.line("corrected", at(9), **about, line=line))
    bring_up(network)
    (swap,), _ = network.stations.swaps()
    assert (swap.index, swap.vin, swap.put_in) == (network.first, VINS[0], SECOND)
    about["corrects"] = fixed
    send(network, SWAPPER, sample.line("corrected", at(10), **about, void=True))
    bring_up(network)
    assert network.stations.swaps() == ([], None)
    assert codes(network) == sorted([FIRST, SECOND, THIRD])


def test_a_late_swap_comes_into_its_place(network):
    """A swap told after a later one stands before it; an owner is the one of the time of the swap."""
    to = sample.line("ownership_transferred", at(7.5), code=OUT, to=RIVAL)
    send(network, BANK, to)
    send(network, SWAPPER, swapped(7, VINS[1], PACKS[1], SECOND))
    bring_up(network)
    found, _ = network.stations.swaps()
    assert [one.put_in for one in found] == [FIRST, SECOND]
    assert [one.owner_out for one in found] == [RIVAL, BANK]
    assert [one.put_in for one in network.stations.swaps(seen_by=RIVAL)[0]] == [FIRST]


def test_pages_go_through_all_swaps_once(network):
    """Page by page each swap comes once, the last first."""
    send(
        network, SWAPPER, *(swapped(20 + n, VINS[0], *((FIRST, OUT), (OUT, FIRST))[n % 2]) for n in range(6))
    )
    bring_up(network)
    every, before = [], None
    while True:
        found, before = network.stations.swaps(before=before, limit=2)
        every += found
        if before is None:
            break
    assert len(every) == 7
    assert [one.at for one in every] == sorted({one.at for one in every}, reverse=True)


def test_there_puts_the_record_and_the_last_word_together(network):
    """Charge and queue are as the station says, who is there as the record has it."""
    ready = (NOW + timedelta(minutes=12)).isoformat()
    said = {SECOND: {"charge": 0.8, "ready_at": ready, "slot": 2}, THIRD: {"charge": 1}}
    word = {"at": NOW.isoformat(), "queue": 3, "packs": said}
    assert say(network, word)[1] == []
    one, other = network.stations.there(NOW)
    assert (one.site, one.operator, one.queue, one.said_ms) == (
        STATION,
        SWAPPER,
        3,
        int(NOW.timestamp() * 1000),
    )
    there = {pack.code: pack for pack in one.packs}
    assert (there[SECOND].charge, there[SECOND].ready_min, there[SECOND].energy_kwh) == (0.8, 12, 282)
    assert there[THIRD].ready_min == 0
    assert (there[OUT].charge, there[OUT].ready_min) == (None, None)
    assert sum(one.per_hour) == pytest.approx(1 / 28)
    assert one.per_hour[16] > 0  # 8 o'clock UTC
    assert (other.packs, other.said_ms) == ((), None)


def test_a_word_counts_only_for_packs_that_were_there(network):
    """A pack that came after the word was said is not what the word was about; what left is not shown."""
    word = {"at": NOW.isoformat(), "queue": 0, "packs": {SECOND: {"charge": 1}}}
    say(network, word)
    send(network, SWAPPER, swapped(48.5, VINS[1], PACKS[1], SECOND))
    send(network, SWAPPER, swapped(49, VINS[1], SECOND, THIRD))
    bring_up(network)
    there = {pack.code: pack for pack in network.stations.there(NOW)[0].packs}
    assert there[SECOND].charge is None
    assert THIRD not in there


REFUSED = {
    "request.invalid": [
        b"",
        b"[]",
        b'{"queue": 1}',
        b'{"at": "2026-05-06T00:00:00", "queue": 1}',
        b'{"at": "2026-05-06T00:00:00Z", "queue": -1}',
        b'{"at": "2026-05-06T00:00:00Z", "queue": 1e99}',
        b'{"at": "2026-05-06T00:00:00Z", "queue": 1, "more": 1}',
        b'{"at": "2026-05-06T00:00:00Z", "queue": 1, "packs": {"X": {"charge": NaN}}}',
        b'{"at": "2026-05-06T00:00:00Z", "queue": 1, "packs": {"X": {"charge": 1.01}}}',
        b'{"at": "2026-05-06T00:00:00Z", "queue": 1, "packs": {"X": {"ready_at": 5}}}',
    ],
    "station.future": [b'{"at": "2026-05-06T00:06:00Z", "queue": 1}'],
    "station.unknown_pack": [b'{"at": "2026-05-06T00:00:00Z", "queue": 1, "packs": {"X": {}}}'],
    "station.slot": [
        b'{"at": "2026-05-06T00:00:00Z", "queue": 1, "packs": {"X": {"slot": 3}, "Y": {"slot": 3}}}',
    ],
}


def test_what_cannot_be_so_is_refused(network):
    """A word that is none, from the future, of packs nobody knows: named, with what to do; nothing kept."""
    for rule, bodies in REFUSED.items():
        for body in bodies:
            with pytest.raises(UsageError) as error:
                network.stations.say(STATION, SWAPPER, "clerk", body, NOW)
            assert error.value.rule == rule, body
            assert error.value.fix
    assert network.stations.one(STATION).word is None


def test_who_says_what_of_which_station(network):
    """Others' stations are not theirs to speak of, a site that is none has no state, and time goes on."""
    word = {"at": NOW.isoformat(), "queue": 1}
    with pytest.raises(AccessError, match="who runs it"):
        say(network, word, organisation=RIVAL)
    with pytest.raises(NotFound):
        say(network, word, site="ST-9")
    say(network, word)
    say(network, word)  # the same again
    with pytest.raises(UsageError, match="said more since"):
        say(network, word | {"at": at(0)})
    assert network.stations.one(STATION).word.queue == 1


def test_a_pack_that_stands_elsewhere_is_named(network):
    """What the station has and the record has elsewhere is not shown, and the station is told."""
    word = {"at": NOW.isoformat(), "queue": 0, "packs": {FIRST: {"charge": 0.5}}}
    assert say(network, word)[1] == [FIRST]
    assert FIRST not in codes(network)
