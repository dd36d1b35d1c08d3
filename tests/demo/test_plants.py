"""Plants of the sample world: every gram is accounted for, and who claims more than came in is found."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

import voltrail
from tests import dice
from tests.demo.material import ended_by, material
from tests.demo.memory import Memory, remembered
from voltrail.demo import World, plants
from voltrail.demo.market import DESIGNS
from voltrail.demo.matter import composition
from voltrail.events.kinds import CreditSpent, Dismantled, LotCreated, LotProcessed, Recycled, lots
from voltrail.events.masses import milligrams
from voltrail.lifecycle.lots import making, masses, taking
from voltrail.lifecycle.state import Lot as LotState
from voltrail.recycling.balance import balance
from voltrail.recycling.content import content
from voltrail.recycling.record import Lot, Material, Run

PACKS = 2_000
DRAWN = dice.of_run("plants")
SEEDS = [*range(201, 216), *(DRAWN.randrange(10**9) for _ in range(5))]
print(f"Sample worlds with plants: seeds {', '.join(map(str, SEEDS[-5:]))} were drawn for this run.")


@pytest.fixture(
    scope="module", params=[(PACKS, 20261, "offenders"), (700, 3, "sample"), (900, 4, "faultless")]
)
def memory(request: pytest.FixtureRequest) -> Memory:
    """A record in memory of a whole world."""
    packs, seed, manner = request.param
    return remembered(World(packs, seed, manner=manner))


def processes(told: Material) -> list[Run]:
    """Return the runs that say what came out."""
    return [
        run
        for run in told.runs
        if isinstance(run.event, LotProcessed | Recycled | Dismantled) and run.event.outputs
    ]


def test_what_came_out_is_what_went_in() -> None:
    """To the milligram, run by run, whatever its plant claims: what was lost is named."""
    for seed in (1, 2, 3):
        for run in processes(material(World(800, seed))):
            into, out = masses(run.event)
            assert into == out, run


def test_a_run_of_many_lines_balances_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """More batteries than one line takes are several events that share a batch; one gives the lots."""
    monkeypatch.setattr(plants, "MOST_CODES", 1)
    told = material(World(1_600, 1, manner="faultless"))
    lines: defaultdict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in told.runs:
        if isinstance(run.event, Recycled) and run.event.batch is not None:
            lines[run.batch].append(run)
    assert max(map(len, lines.values())) > 1
    for runs in lines.values():
        assert sum(bool(run.event.outputs) for run in runs) == 1  # type: ignore[union-attr]
        into, out = (sum(sides) for sides in zip(*(masses(run.event) for run in runs), strict=True))
        assert into == out


def test_no_lot_is_overdrawn_or_used_by_who_has_it_not(memory: Memory) -> None:
    """Every lot on record was made once, has nothing less than none left, and shows no finding."""
    known = [state for state in memory.states.values() if isinstance(state, LotState)]
    assert known
    assert memory.refused == []
    for lot in known:
        assert lot.made is not None
        assert lot.left_mg >= 0
        assert lot.findings == ()


def test_nothing_is_consumed_twice(memory: Memory) -> None:
    """A battery ends in one run, and of a lot all takes together are at most what was made."""
    ended = Counter(code for one in memory.log for code in ended_by(one.event))
    assert ended
    assert max(ended.values()) == 1
    made: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for one in memory.log:
        for name in lots(one.event):
            begun = making(one.event, name)
            made[name] += milligrams(begun.mass_kg) if begun is not None else 0
            taken[name] += taking(one.event, name) or 0
    assert made
    assert all(taken[name] <= made[name] for name in taken)


def test_every_step_from_pack_to_pack_occurs() -> None:
    """Packs and scrap become black mass, solutions, salts, cathode material, cells and packs again."""
    told = material(World(PACKS, 20261, manner="offenders"))
    kinds = Counter(run.event.process for run in told.runs if isinstance(run.event, LotProcessed))
    assert kinds.keys() >= {
        "discharge", "shred", "blend", "leach", "precipitate", "refine", "split", "synthesise", "make_cells",
    }  # fmt: skip
    assert {run.event.origin for run in told.runs if isinstance(run.event, LotCreated)} == {
        "primary",
        "manufacturing_waste",
    }
    custody = {run.event.custody for run in told.runs if isinstance(run.event, LotProcessed)}
    assert custody == {None, "segregation", "mass_balance"}
    assert any(isinstance(run.event, CreditSpent) for run in told.runs)
    assert any(isinstance(run.event, Dismantled) and run.event.parts_mass_kg for run in told.runs)


def test_no_more_is_declared_recycled_than_was_won() -> None:
    """Who reckons by mass balance gives away at most what came in from recovered lots, element by element."""
    told = material(World(PACKS, 20261))
    found = 0
    for run in processes(told):
        said: Counter[str] = Counter()
        for out in run.event.outputs:  # type: ignore[union-attr]
            said.update(out.recycled_kg or {})
        if not said:
            continue
        found += 1
        came: Counter[str] = Counter()
        for taken in run.event.inputs:  # type: ignore[union-attr]
            if told.lots[taken.lot].origin != "primary":
                came.update(_elements(told.lots[taken.lot]))
        assert all(kg <= came[element] for element, kg in said.items())
    assert found


def test_honest_makers_declare_what_counts() -> None:
    """Where nobody claims too much nothing of what they declare is cut, and some packs have some."""
    found = content(material(World(PACKS, 1, manner="faultless")))
    assert found.credits
    rounded_mg = 3  # each of three sources of recycled material is rounded down
    cut = [said - counts for lot in found.cut.values() for said, counts in lot.values()]
    assert all(one < rounded_mg for one in cut)
    assert not found.circular
    assert not any(one.cut for one in found.credits.values())
    lithium = [sum(one.recycled["Li"]) / one.traced["Li"] for one in found.credits.values()]
    assert min(lithium) == 0
    assert 0.1 < sum(lithium) / len(lithium) < 0.9


@pytest.mark.parametrize("design", DESIGNS, ids=lambda one: f"{one.name} {one.chemistry}")
def test_a_pack_is_not_lighter_than_what_it_is_made_of(design) -> None:
    """The elements that a maker declares leave room for oxygen, electrolyte and plastics."""
    declared = composition(design)
    assert 0.4 * design.mass_kg.value < sum(declared.values()) < 0.85 * design.mass_kg.value


@pytest.mark.parametrize("seed", SEEDS[:])
def test_the_planted_sites_are_those_that_claim_too_much(seed: int) -> None:
    """With the seed in the name, so that a failure can be told again; honest and poor plants are not."""
    print(f"seed {seed}")
    world = World(PACKS, seed)
    assert frozenset(balance(material(world)).claiming_sites) == world.claiming


@pytest.mark.parametrize("manner", ["faultless", "lawful"])
def test_a_world_without_them_names_none(manner) -> None:
    """Poor plants there are in a lawful world too; none claims anything."""
    world = World(PACKS, DRAWN.randrange(10**9), manner=manner)
    assert world.claiming == frozenset()
    assert balance(material(world)).claiming_sites == ()


def test_some_worlds_have_them_and_some_have_none() -> None:
    """The seed says how many: so that naming nobody is not always right, nor naming somebody."""
    numbers = {len(World(600, seed).claiming) for seed in range(8)}
    assert numbers == {0, 1, 2}


def test_only_this_test_reads_who_claims_too_much() -> None:
    """No module of the package but the planter names the list."""
    root = Path(voltrail.__file__).parent
    named = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"\.claiming\b", path.read_text(encoding="utf-8"))
    }
    assert named == {"demo/world.py"}


def _elements(lot: Lot) -> dict[str, float]:
    """Return what a lot's papers say is in it, in kg."""
    return {one.element: one.fraction * lot.dry_mg / 1_000_000 for one in lot.assays}
