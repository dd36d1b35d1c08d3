"""Production lines as they follow from the record: steps as they count now, and what is in what."""

import pytest

from tests.registry import sample
from tests.registry.making import (
    CELLS,
    FIRST,
    LINE,
    LONE,
    MAKER,
    MODULE,
    OTHER,
    PACK,
    SECOND,
    begin,
    follow,
    say,
    step,
)
from voltrail.errors import NotFound
from voltrail.registry import lines as lines_module
from voltrail.registry.audit import audit
from voltrail.registry.lines import worked
from voltrail.technology.line import line_yield


@pytest.fixture
def line(registry):
    begin(registry)
    return registry


def told(registry):
    return [(one.event.step, one.event.good) for one in registry.lines.told(MAKER, LINE)[0]]


def test_a_line_is_what_its_steps_reported(line):
    """Its reports stand in the order of time, and their figures give the yield; others have no such line."""
    assert told(line) == [("coating", 96), ("formation", 9), ("formation", 9), ("grading", 9)]
    (found,) = line.lines.all(MAKER)
    assert (found.line, found.reports, found.steps) == (LINE, 4, 3)
    assert line.lines.all(sample.CARMAKER) == []
    rolled = line_yield(worked(line.lines.told(MAKER, LINE)[0])).rolled
    assert rolled.middle == pytest.approx(0.96 * 0.9 * 0.9)
    for of, name in ((MAKER, "Pilot 2"), (sample.CARMAKER, LINE)):
        with pytest.raises(NotFound) as caught:
            line.lines.told(of, name)
        assert caught.value.rule == "line.unknown"


def test_a_lot_leads_up_to_the_packs_that_hold_it(line):
    """Through the lots made of it, cells by step or credit, and what they are built into now."""
    tree = line.lines.trace(MAKER, FIRST)
    assert tree.outer == {PACK: 3, CELLS[0]: 1}
    assert tree.lots == {FIRST: (), SECOND: (FIRST,)}
    assert tree.parts[CELLS[1]].parent == MODULE
    assert {one.step for one in tree.steps} == {"coating", "formation", "grading"}
    assert tree.whole
    assert line.lines.trace(MAKER, SECOND).outer == {PACK: 2}
    assert line.lines.trace(MAKER, OTHER).outer == {PACK: 2}


def test_a_pack_leads_down_to_its_lots(line):
    """To every lot in it and those that they were made of, with their steps; a part leads to its own."""
    tree = line.lines.trace(MAKER, PACK)
    assert set(tree.parts) == {PACK, MODULE, *CELLS[1:6]}
    assert tree.lots == {FIRST: (), SECOND: (FIRST,), OTHER: ()}
    assert [one.step for one in tree.steps] == ["coating", "formation", "formation", "grading"]
    assert set(line.lines.trace(MAKER, CELLS[4]).lots) == {OTHER}


def test_what_was_taken_out_is_in_it_no_more(line):
    """A recall asks where cells are now: one that left its module is found by itself."""
    say(line, sample.line("disassembled", "2026-04-20T10:00:00+08:00", code=MODULE, codes=[CELLS[1]]))
    follow(line)
    assert line.lines.trace(MAKER, FIRST).outer == {PACK: 2, CELLS[0]: 1, CELLS[1]: 1}


def test_only_who_reported_it_finds_it(line):
    """A search is of one organisation's reports; what it told nothing of is not found."""
    for of, start in ((sample.CARMAKER, FIRST), (MAKER, f"{MAKER}/EL-77"), (MAKER, LONE), (MAKER, "X/Y")):
        with pytest.raises(NotFound) as caught:
            line.lines.trace(of, start)
        assert caught.value.rule == "line.nothing"


def test_a_correction_counts(line):
    """What is put right counts, lot and batteries too; what is void is gone; the audit agrees."""
    index = next(one.index for one in line.lines.told(MAKER, LINE)[0] if one.event.lot == SECOND)
    right = step("formation", 7, OTHER, CELLS[2:3], good=8, scrapped={"leak": 2}).decode()
    about = {"code": CELLS[2], "codes": [CELLS[3]], "lots": [SECOND, OTHER], "corrects": index}
    fixed = say(line, sample.line("corrected", "2026-04-21T10:00:00+08:00", **about, line=right))
    follow(line)
    assert ("formation", 8) in told(line)
    assert line.lines.trace(MAKER, OTHER).outer == {PACK: 3}
    with pytest.raises(NotFound):
        line.lines.trace(MAKER, SECOND)
    assert list(audit(line)) == []
    say(line, sample.line("corrected", "2026-04-22T10:00:00+08:00", **about | {"corrects": fixed}, void=True))
    follow(line)
    assert told(line) == [("coating", 96), ("formation", 9), ("grading", 9)]
    assert list(audit(line)) == []


def test_any_steps_of_following_give_the_same(line):
    """Made again from the first entry, an entry at a time, each row is what it was."""
    tables = {"line_step": "seq", "line_battery": "code, seq"}

    def rows():
        with line.database.pool.connection() as connection:
            ask = connection.execute
            return [ask(f"select * from {one} order by {by}").fetchall() for one, by in tables.items()]

    before = rows()
    with line.database.pool.connection() as connection:
        connection.execute("truncate line_step, line_battery")
        connection.execute("update line_upto set upto = 0")
    while line.lines.follow(1):
        pass
    assert rows() == before
    assert list(audit(line)) == []


def test_a_search_ends_where_there_is_too_much(line, monkeypatch):
    """A search takes so many batteries and lots and says that it is not whole."""
    monkeypatch.setattr(lines_module, "MOST_PARTS", 3)
    assert not line.lines.trace(MAKER, FIRST).whole
    assert not line.lines.trace(MAKER, PACK).whole
