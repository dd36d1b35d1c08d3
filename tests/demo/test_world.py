"""The sample world obeys the law, shows every kind, and is the same for the same seed."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.demo.memory import Memory, remembered
from voltrail.demo import World, spool
from voltrail.demo.delivery import MOST
from voltrail.demo.world import UNTIL
from voltrail.errors import UsageError
from voltrail.events import decode
from voltrail.events.table import KINDS
from voltrail.lifecycle import Battery

SEED = 20261101


@pytest.fixture(scope="module")
def world() -> World:
    return World(2_000, SEED)


@pytest.fixture(scope="module")
def memory(world: World) -> Memory:
    return remembered(world)


def test_nothing_is_refused(memory: Memory, world: World) -> None:
    assert memory.refused == []
    assert len(memory.log) == world.lines


def test_every_kind_occurs(memory: Memory) -> None:
    """But for answers, which the demo asks of suppliers, and what comes from another host."""
    assert set(KINDS) - set(memory.kinds) == {"answer_accepted", "transferred_in"}


def test_findings_of_every_kind_occur_and_most_lives_have_none(memory: Memory) -> None:
    batteries = [state for state in memory.states.values() if isinstance(state, Battery)]
    standing = Counter(finding.kind for battery in batteries for finding in battery.findings)
    assert {"gap", "conflict"} <= set(standing)
    assert {"duty", "breach"} <= {rule.partition(".")[0] for rule in memory.judged}
    assert sum(1 for battery in batteries if battery.findings) < len(batteries) / 10


@pytest.mark.parametrize(("packs", "seed"), [(2_000, SEED), (2_000, 20261), (700, 3)])
def test_every_finding_was_meant(packs: int, seed: int) -> None:
    """What the record shows in the end is what the world meant it to show, battery by battery."""
    world = World(packs, seed)
    memory = remembered(world)
    standing = {(rule, code) for rule, code in world.meant if not rule.startswith("breach.")}
    assert memory.standing == standing
    breaches = Counter(rule for rule, _ in world.meant if rule.startswith("breach."))
    assert {rule: n for rule, n in memory.judged.items() if rule.startswith("breach.")} == breaches


def test_what_was_found_and_is_mended_came_late(memory: Memory, world: World) -> None:
    """A step that was found missing at first was reported late; and only late reports pass deadlines."""
    found = {(rule, code) for rule, code in memory.found if not rule.startswith("breach.")}
    assert world.mended
    assert world.mended <= found
    passing = {code for _, code in found - world.meant - world.mended}
    assert passing
    assert passing <= world.delayed


def test_lives_end_in_every_way(memory: Memory) -> None:
    ends = Counter(state.end for state in memory.states.values() if isinstance(state, Battery))
    assert {"recycled", "dismantled", "succeeded", "exported", "destroyed"} <= set(ends)


def test_a_small_part_arrives_out_of_order(memory: Memory) -> None:
    assert 0 < memory.disorder < len(memory.log) / 5


def test_a_larger_world_takes_hardly_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lives go to a file as they are told and come back by rounds: memory does not grow with them."""
    monkeypatch.setattr(spool, "_PIECE", 4)
    monkeypatch.setattr(spool, "_IN_MEMORY_BYTES", 1)
    small, large = _held_bytes(400), _held_bytes(3_200)
    assert large < 3.5 * small  # of eight times the packs


def _held_bytes(packs: int) -> int:
    """Return the most memory that a world held while it was told and delivered."""
    tracemalloc.start()
    try:
        for _ in World(packs, SEED).reports():
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_no_line_is_reported_twice(world: World) -> None:
    lines = [(report.signer.name, line) for report in world.reports() for line in report.lines]
    assert len(set(lines)) == len(lines)


def test_reports_are_not_long_and_come_in_rounds(world: World) -> None:
    """No report is longer than a clerk would send, and all of one round arrive at one moment."""
    reports = list(world.reports())
    assert max(len(report.lines) for report in reports) <= MOST
    times = [report.received_ms for report in reports]
    assert times == sorted(times)
    assert max(times) <= UNTIL.timestamp() * 1000


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("packs", [1, 30, 300])
def test_smaller_worlds_obey_the_law_too(packs: int, seed: int) -> None:
    assert remembered(World(packs, seed)).refused == []


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, other = list(World(120, 7).reports()), list(World(120, 7).reports())
    assert [(r.signer.vkey, r.lines, r.secret) for r in one] == [
        (r.signer.vkey, r.lines, r.secret) for r in other
    ]


def test_another_seed_gives_another_world() -> None:
    one, other = World(120, 7), World(120, 8)
    assert [r.lines for r in one.reports()] != [r.lines for r in other.reports()]
    assert one.authority.vkey != other.authority.vkey


def test_nothing_happens_after_the_end() -> None:
    until = datetime(2022, 5, 1, tzinfo=UTC)
    world = World(200, 5, until)
    events = [decode(line) for report in world.reports() for line in report.lines]
    assert max(event.occurred_at for event in events) <= until
    assert remembered(world).refused == []


def test_everybody_says_that_they_are_samples(world: World) -> None:
    assert all("示例" in member.name and "Sample" in member.name for member in world.organisations)


def test_a_world_without_packs_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        World(0, 1)
    assert caught.value.rule == "demo.packs"


def test_a_world_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        World(1, 1, datetime(2010, 1, 1, tzinfo=UTC))
    assert caught.value.rule == "demo.until"
