"""Whoever breaks the law in a sample world is found by what is missing, and nobody else is accused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import voltrail
from tests import dice
from tests.demo.watch import TODAY, watched
from voltrail.demo import World
from voltrail.regimes.missing import TERMS, opened_by

PACKS = 4_000  # so that each has occasion enough for a habit: of 1,600 one world in twenty leaves one without
FEW = 1_600  # for worlds in which nobody is to be found
DRAWN = dice.of_run("offenders")
SEEDS = [*range(101, 116), *(DRAWN.randrange(10**9) for _ in range(5))]
print(f"Sample worlds with offenders: seeds {', '.join(map(str, SEEDS[-5:]))} were drawn for this run.")


@pytest.mark.parametrize("seed", SEEDS[:])
def test_every_offender_is_found_and_nobody_else_accused(seed: int) -> None:
    """By kind of case and organisation; with the seed in the name, so that a failure can be told again."""
    print(f"seed {seed}")
    world = World(PACKS, seed, manner="offenders")
    found = watched(world).suspicions()

    assert world.planted
    assert world.planted <= {(one.kind, one.organisation) for one in found}
    assert {one.organisation for one in found} == {organisation for _, organisation in world.planted}


@pytest.mark.parametrize("seed", [1, 2, DRAWN.randrange(10**9)])
def test_a_world_without_fault_gives_no_finding(seed: int) -> None:
    """Nothing stands open once its term is over, the record has no finding at all, and nobody is accused."""
    memory = watched(World(FEW, seed, manner="faultless"))

    assert memory.standing == set()
    assert not memory.judged
    assert [one for one in memory.cases() if one.at <= opened_by(TERMS[one.kind], TODAY)] == []
    assert memory.suspicions() == []


@pytest.mark.parametrize("seed", [1, 2, 3, DRAWN.randrange(10**9)])
def test_lawful_lateness_and_gaps_accuse_nobody(seed: int) -> None:
    """Reports months late, steps left untold and honest mistakes are listed as cases, and that is all."""
    memory = watched(World(FEW, seed, manner="lawful"))
    kinds = {one.kind for one in memory.cases() if one.at <= opened_by(TERMS[one.kind], TODAY)}

    assert {"late", "not_received", "two_places"} <= kinds
    assert memory.suspicions() == []


def test_a_large_lawful_world_accuses_nobody() -> None:
    """What happens to everybody does not become a habit because there is more of it."""
    assert watched(World(8_000, 5, manner="lawful")).suspicions() == []


def test_only_this_test_reads_who_was_planted() -> None:
    """No module of the package but the planter names the list."""
    root = Path(voltrail.__file__).parent
    named = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"\.planted\b", path.read_text(encoding="utf-8"))
    }
    assert named == {"demo/world.py"}
