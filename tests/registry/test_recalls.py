"""Recalls: what the record says of them is counted, and follows every late event and correction."""

import json
from datetime import date

import pytest

from tests.registry import sample
from voltrail.errors import AccessError, NotFound, UsageError
from voltrail.lifecycle import recalls_in
from voltrail.registry.audit import audit
from voltrail.registry.recall_rows import read_backlog
from voltrail.registry.recalls import Scope, Words, all_members
from voltrail.registry.world import World

WORDS = Words("R-1", "A seam may leak", "Fire, in the worst case.", "Do not charge; call a workshop.")


def make(registry, *serials):
    lines = [one for serial in serials for one in sample.first_life(sample.pack(serial))[:1]]
    return send(registry, sample.MAKER, *lines)


def send(registry, organisation, *lines):
    receipt = json.loads(registry.report(sample.report(sample.signer(organisation), list(lines))))
    assert not receipt["refused"]
    return receipt


def recalled(serial, day=1, campaign="R-1", **members):
    when = f"2026-05-{day:02}T08:00:00+08:00"
    return sample.line("recalled", when, code=sample.pack(serial), campaign=campaign, **members)


def serviced(serial, day=10, campaign="R-1"):
    when = f"2026-05-{day:02}T08:00:00+08:00"
    return sample.line("serviced", when, code=sample.pack(serial), campaign=campaign)


def declare(registry, *models):
    lines = [sample.line("model_registered", "2026-01-05T08:00:00+08:00", model_id=one) for one in models]
    send(registry, sample.MAKER, *lines)


def counted(registry, campaign="R-1"):
    one = registry.recalls.read(campaign)
    return one.batteries, one.done, one.ended, one.remaining


def held(registry, campaign="R-1"):
    return {one.organisation: one.batteries for one in registry.recalls.holders(campaign)}


def check_tables(registry):
    """The rows and every count are what the chains say, whatever came before in which order."""
    with registry.database.pool.connection() as connection:
        world = World(connection, registry.authorities)
        names = connection.execute("select id from subject where id like 'battery:%'").fetchall()
        expected, totals, asked, owned = set(), {}, {}, {}
        for (name,) in names:
            slot = world.slot(name)
            for one in recalls_in(world.life(slot).events).values():
                assert (one.serviced is None) == (one.campaign in slot.state.campaigns)
                stands = "done" if one.serviced is not None else "ended" if slot.state.end else "open"
                expected.add(
                    (name.removeprefix("battery:"), one.campaign, one.recalled, one.serviced, stands)
                )
                whole = totals.setdefault(one.campaign, {"all": 0, "done": 0, "ended": 0, "open": 0})
                whole["all"] += 1
                whole[stands] += 1
                who = slot.state.holder or slot.state.owner
                if stands == "open" and who:
                    asked[one.campaign, who] = asked.get((one.campaign, who), 0) + 1
                owner = slot.state.owner
                if stands == "open" and owner not in {None, who}:
                    owned[one.campaign, owner] = owned.get((one.campaign, owner), 0) + 1
        rows = connection.execute(
            "select code, campaign, recalled, serviced, stands from campaign_battery"
        ).fetchall()
        assert set(rows) == expected
        for name, *numbers in connection.execute("select id, batteries, done, ended from campaign"):
            whole = totals.get(name, {"all": 0, "done": 0, "ended": 0})
            assert numbers == [whole["all"], whole["done"], whole["ended"]]
        kept = connection.execute("select * from campaign_holder").fetchall()
        assert {(name, who): number for name, who, number, _ in kept if number} == asked
        assert {(name, who): number for name, who, _, number in kept if number} == owned


def test_what_remains_falls_with_the_work(registry):
    """Recalled, then serviced for that campaign: nothing remains; other work changes nothing."""
    make(registry, 1, 2, 3)
    send(registry, sample.MAKER, recalled(1), recalled(2), recalled(3))
    assert counted(registry) == (3, 0, 0, 3)
    plain = sample.line("serviced", "2026-05-09T08:00:00+08:00", code=sample.pack(1), work="seal")
    send(registry, sample.MAKER, plain, serviced(1, campaign="other"), serviced(2))
    assert counted(registry) == (3, 1, 0, 2)
    done, _ = registry.recalls.members("R-1", "done", 10)
    assert [one.code for one in done] == [sample.pack(2)]
    check_tables(registry)


def test_a_battery_that_ended_does_not_remain(registry):
    """It is counted by itself: it was never worked on, and nobody has to."""
    make(registry, 1, 2)
    send(registry, sample.MAKER, recalled(1), recalled(2))
    gone = sample.line("destroyed", "2026-05-20T08:00:00+08:00", code=sample.pack(1), reason="fire")
    send(registry, sample.MAKER, gone)
    assert counted(registry) == (2, 0, 1, 1)
    check_tables(registry)


def test_the_holder_is_followed(registry):
    """Who has to see to it is who has it now, along the way of the battery."""
    make(registry, 1)
    send(registry, sample.MAKER, recalled(1, day=1))
    assert held(registry) == {sample.MAKER: 1}
    on_the_way = sample.line("shipped", "2026-05-03T08:00:00+08:00", code=sample.pack(1), to=sample.CARMAKER)
    send(registry, sample.MAKER, on_the_way)
    there = sample.line("received", "2026-05-04T08:00:00+08:00", code=sample.pack(1), from_=sample.MAKER)
    send(registry, sample.CARMAKER, there)
    assert held(registry) == {sample.CARMAKER: 1}
    send(registry, sample.MAKER, serviced(1))
    assert held(registry) == {}
    check_tables(registry)


def test_late_and_corrected_events_count_where_they_belong(registry):
    """Work reported before its recall arrives, work made void, a recall made void: the counts follow."""
    make(registry, 1, 2, 3)
    receipt = send(registry, sample.MAKER, serviced(1, day=10))
    assert receipt["accepted"] == [0]
    send(registry, sample.MAKER, recalled(1, day=1), recalled(2, day=1), recalled(3, day=12))
    assert counted(registry) == (3, 1, 0, 2)  # the work on 1 was reported first
    check_tables(registry)
    work = send(registry, sample.MAKER, serviced(2, day=11))["first_index"]
    assert counted(registry) == (3, 2, 0, 1)
    void(registry, 2, work)
    assert counted(registry) == (3, 1, 0, 2)
    check_tables(registry)
    send(registry, sample.MAKER, serviced(3, day=11))  # before its recall: does not count for it
    assert counted(registry) == (3, 1, 0, 2)
    first = registry.recalls.of_battery(sample.pack(2))
    assert [one.campaign for one in first] == ["R-1"]
    index = index_of(registry, 2, "recalled")
    void(registry, 2, index)
    assert registry.recalls.of_battery(sample.pack(2)) == []
    assert counted(registry) == (2, 1, 0, 1)
    void(registry, 1, index_of(registry, 1, "recalled"))  # one that was done
    assert counted(registry) == (1, 0, 0, 1)
    check_tables(registry)


def void(registry, serial, index):
    line = sample.line(
        "corrected", "2026-05-28T08:00:00+08:00", code=sample.pack(serial), corrects=index, void=True
    )
    send(registry, sample.MAKER, line)


def index_of(registry, serial, kind):
    events = registry.history(sample.pack(serial))["events"]
    return next(one["index"] for one in events if one["kind"] == kind)


def test_recalled_again_after_the_work(registry):
    """The work was not enough: the battery remains until it is serviced once more."""
    make(registry, 1)
    send(registry, sample.MAKER, recalled(1, day=1), serviced(1, day=5), recalled(1, day=9))
    assert counted(registry) == (1, 0, 0, 1)
    send(registry, sample.MAKER, serviced(1, day=12))
    assert counted(registry) == (1, 1, 0, 0)
    check_tables(registry)


def test_a_report_that_is_taken_back_leaves_no_count(registry):
    """mode=all: what was undone is not counted, and what the same transaction took is."""
    make(registry, 1, 2)
    bad = sample.line("recalled", "2036-05-01T08:00:00+08:00", code=sample.pack(2), campaign="R-1")
    file = sample.report(sample.signer(sample.MAKER), [recalled(1), bad])
    with pytest.raises(Exception, match="five minutes"):
        registry.report(file, "all")
    with pytest.raises(NotFound):
        registry.recalls.read("R-1")
    send(registry, sample.MAKER, recalled(1))
    check_tables(registry)


def test_an_older_record_is_read_once(registry):
    """A database from before these tables: its recalls are read from the chains when the log is opened."""
    make(registry, 1, 2)
    send(registry, sample.MAKER, recalled(1), recalled(2), serviced(2))
    with registry.database.pool.connection() as connection, connection.transaction():
        for table in ("campaign_battery", "campaign_holder", "campaign"):
            connection.execute("truncate " + table + " cascade")
        connection.execute(
            "insert into recall_backlog select distinct unnest(subjects) from event where kind = 'recalled'"
        )
        read_backlog(connection, registry.authorities)
        assert connection.execute("select count(*) from recall_backlog").fetchone() == (0,)
    assert counted(registry) == (2, 1, 0, 1)
    check_tables(registry)


def test_a_scope_is_models_dates_and_codes(registry):
    """In any combination; dates are those in the codes, the 31st too."""
    declare(registry, "S-102", "S-9")
    codes = {
        day: sample.build(
            maker="9ZZ", level="pack", battery_type="B", production_date=date(2026, month, day), serial=7
        )
        for month, day in ((3, 30), (3, 31), (4, 1))
    }
    lines = [
        sample.line("manufactured", "2026-04-12T10:00:00+08:00", code=code, model_id="S-9")
        for code in codes.values()
    ]
    send(registry, sample.MAKER, *lines)
    make(registry, 1)

    def plan(**scope):
        return registry.recalls.plan(Scope(**scope), sample.MAKER, is_authority=False)

    assert plan(models=("S-9",)).batteries == 3
    assert plan(models=("S-9",), made_from=date(2026, 3, 31)).first == sorted([codes[31], codes[1]])
    assert plan(made_until=date(2026, 3, 31)).first == sorted([codes[30], codes[31]])
    both = plan(models=("S-9",), made_until=date(2026, 3, 30), codes=(sample.pack(1), codes[30]))
    assert both.first == sorted([codes[30], sample.pack(1)])
    for wrong, rule in (
        ({}, "recall.scope"),
        ({"models": ("S-9",), "made_from": date(2027, 1, 1)}, "recall.nothing"),
        ({"made_from": date(2026, 2, 2), "made_until": date(2026, 1, 1)}, "recall.dates"),
        ({"codes": (sample.pack(99),)}, "recall.unknown_codes"),
    ):
        with pytest.raises(UsageError) as caught:
            plan(**wrong)
        assert caught.value.rule == rule


def test_one_recalls_ones_own(registry):
    """Others' models and batteries one has never reported of are refused; an authority may recall any."""
    declare(registry, "S-102")
    make(registry, 1, 2)
    send(registry, sample.MAKER, sample.first_life(sample.pack(1))[1])
    send(registry, sample.CARMAKER, *sample.fitted(sample.pack(1)))
    plan = registry.recalls.plan
    with pytest.raises(AccessError) as caught:
        plan(Scope(models=("S-102",)), sample.CARMAKER, is_authority=False)
    assert caught.value.rule == "recall.not_your_model"
    assert plan(Scope(codes=(sample.pack(1),)), sample.CARMAKER, is_authority=False).batteries == 1
    with pytest.raises(AccessError) as caught:
        plan(Scope(codes=(sample.pack(1), sample.pack(2))), sample.CARMAKER, is_authority=False)
    assert caught.value.rule == "recall.not_yours"
    assert plan(Scope(models=("S-102",)), sample.AUTHORITY, is_authority=True).batteries == 2
    registry.recalls.check_may_open(sample.MAKER, is_authority=False)
    with pytest.raises(AccessError):
        registry.recalls.check_may_open(sample.RECYCLER, is_authority=False)


def opened(registry, *serials):
    declare(registry, "S-102")
    make(registry, *serials)
    plan = registry.recalls.plan(Scope(models=("S-102",)), sample.MAKER, is_authority=False)
    return registry.recalls.open(WORDS, plan, sample.MAKER, "clerk")


def test_a_campaign_goes_on_after_a_stop(registry):
    """Its lines are the same whenever they are made; what is on record is not asked for again."""
    campaign = opened(registry, 1, 2, 3, 4, 5)
    assert counted(registry) == (0, 0, 0, 0)
    first = registry.recalls.lines(campaign, 2)
    send(registry, sample.MAKER, *first)
    rest = registry.recalls.lines(campaign)
    assert len(rest) == 3
    again = send(registry, sample.MAKER, *first, *rest)
    assert [one["line"] for one in again["known"]] == [0, 1]
    assert registry.recalls.lines(campaign) == []
    assert counted(registry) == (5, 0, 0, 5)
    assert [one.title for one in registry.recalls.of_battery(sample.pack(3))] == [WORDS.title]
    check_tables(registry)


def test_an_id_is_used_once_and_words_are_needed(registry):
    """Also one that the record alone knows, but to who recalled under it."""
    opened(registry, 1)
    plan = registry.recalls.plan(Scope(models=("S-102",)), sample.MAKER, is_authority=False)
    send(registry, sample.CARMAKER, recalled(1, campaign="R-2"))
    send(registry, sample.MAKER, recalled(1, campaign="R-4"))
    for words, rule in (
        (WORDS, "recall.taken"),
        (Words("R-2", "t", "r", "a"), "recall.taken"),
        (Words("a/b", "t", "r", "a"), "recall.id"),
        (Words("new", "t", "r", "a"), "recall.id"),
        (Words("R-3", "", "r", "a"), "recall.words"),
        (Words("R-3", "t", "r\0", "a"), "recall.words"),
        (Words("R-3", "t" * 201, "r", "a"), "recall.words"),
    ):
        with pytest.raises(UsageError) as caught:
            registry.recalls.open(words, plan, sample.MAKER, "clerk")
        assert caught.value.rule == rule
    known = registry.recalls.open(Words("R-4", "title", "r", "a"), plan, sample.MAKER, "clerk")
    assert (known.title, known.batteries, known.planned) == ("title", 1, 1)


def test_nobody_speaks_under_anothers_campaign(registry):
    """A stranger's recall with a maker's id shows none of the maker's words."""
    opened(registry, 1, 2)
    stranger = sample.line("recalled", "2026-05-01T08:00:00+08:00", code=sample.pack(2), campaign="R-1")
    send(registry, sample.CARMAKER, stranger)
    (one,) = registry.recalls.of_battery(sample.pack(2))
    assert (one.organisation, one.title, one.advice) == (sample.CARMAKER, None, None)


def test_holders_and_owners_are_told(registry):
    """Each of its own batteries: shown once, acknowledged once; the first time counts."""
    campaign = opened(registry, 1, 2, 3)
    over = sample.line(
        "ownership_transferred", "2026-04-20T08:00:00+08:00", code=sample.pack(3), to=sample.RECYCLER
    )
    send(registry, sample.MAKER, sample.first_life(sample.pack(1))[1], over)
    send(registry, sample.CARMAKER, sample.fitted(sample.pack(1))[0])
    send(registry, sample.MAKER, *registry.recalls.lines(campaign))
    recalls = registry.recalls
    assert {
        who: [one.batteries for one in recalls.notices_for(who)]
        for who in (sample.MAKER, sample.CARMAKER, sample.RECYCLER, sample.AUTHORITY)
    } == {sample.MAKER: [2], sample.CARMAKER: [1], sample.RECYCLER: [1], sample.AUTHORITY: []}
    assert recalls.mine(sample.RECYCLER, "R-1", 10) == ([sample.pack(3)], None)
    assert recalls.mine(sample.MAKER, "R-1", 1) == ([sample.pack(2)], sample.pack(2))
    assert recalls.told("R-1") == 0
    recalls.note_shown(sample.CARMAKER, ["R-1"])
    assert recalls.told("R-1") == 1
    (before,) = recalls.notices_for(sample.CARMAKER)
    recalls.acknowledge(sample.CARMAKER, "R-1", "clerk")
    recalls.note_shown(sample.CARMAKER, ["R-1"])
    recalls.acknowledge(sample.CARMAKER, "R-1", "another")
    (after,) = recalls.notices_for(sample.CARMAKER)
    assert before.shown_at == after.shown_at
    assert after.acknowledged_at is not None
    assert [(one.organisation, one.batteries) for one in recalls.acknowledged("R-1")] == [
        (sample.CARMAKER, 1)
    ]
    told, _ = recalls.members("R-1", "told", 10)
    assert [(one.code, one.holder) for one in told] == [(sample.pack(1), sample.CARMAKER)]
    with pytest.raises(NotFound):
        recalls.acknowledge(sample.AUTHORITY, "R-1", "x")
    send(registry, sample.MAKER, serviced(3, day=30))  # before the recall, which was opened today
    assert recalls.mine(sample.RECYCLER, "R-1", 10) == ([sample.pack(3)], None)
    check_tables(registry)


def test_pages_of_a_campaign(registry):
    """In the order of the codes, none twice and none left out."""
    opened(registry, *range(1, 8))
    send(registry, sample.MAKER, *[recalled(serial) for serial in range(1, 8)])
    found, after = [], ""
    while after is not None:
        members, after = registry.recalls.members("R-1", "remaining", 3, after)
        found += [one.code for one in members]
    assert found == [sample.pack(serial) for serial in range(1, 8)]
    with registry.snapshot() as snapshot:
        runs = all_members(snapshot, "R-1", "remaining")
        assert [one.code for run in runs for one in run] == found
    first, following = registry.recalls.page(1)
    assert [one.id for one in first] == ["R-1"]
    assert following is None
    assert registry.recalls.totals() == (1, 7)


def test_an_audit_finds_no_difference(registry):
    """Work for a recall changes the state as folding its chain does."""
    make(registry, 1, 2)
    send(registry, sample.MAKER, recalled(1), recalled(2), serviced(2))
    assert list(audit(registry)) == []


CHANGES = [
    "update campaign_battery set recalled = recalled + 1 where campaign = 'R-1'",
    f"update campaign_battery set recalled_by = '{sample.CARMAKER}' where campaign = 'R-1'",
    "update campaign_battery set serviced_at = serviced_at + interval '1 second'",
    "update campaign_battery set stands = 'done' where stands = 'open'",
    "update campaign_battery set holder = null where holder is not null",
    "update campaign_battery set owner = 'X' where stands = 'open'",
    f"insert into campaign_battery values ('{sample.pack(2)}', 'R-1', 1, 'X', null, null, 'open')",
    "delete from campaign_battery where stands = 'done'",
    "update campaign set batteries = batteries + 1",
    "update campaign set done = done + 1",
    "delete from campaign_holder",
    "update campaign_holder set owned = owned + 1",
]
TABLES = ("campaign", "campaign_battery", "campaign_holder")


def test_the_audit_names_what_was_changed(registry):
    """Rows and counts of recalls are held against the chains: late, corrected, worked on and void ones."""
    make(registry, 1, 2, 3, 4)
    send(registry, sample.MAKER, recalled(1), recalled(3), serviced(3), recalled(4, campaign="R-2"))
    void = send(registry, sample.MAKER, recalled(2))["first_index"]
    when = "2026-05-20T08:00:00+08:00"
    instead = recalled(4, campaign="R-3").decode()
    send(
        registry,
        sample.MAKER,
        recalled(2, campaign="late", day=1),
        sample.line("corrected", when, code=sample.pack(2), corrects=void, void=True),
        sample.line("corrected", when, code=sample.pack(4), corrects=void - 1, line=instead),
    )
    assert list(audit(registry)) == []
    with registry.database.connect() as connection:
        for table in TABLES:
            connection.execute(f"create table kept_{table} as table {table}")
        for statement in CHANGES:
            assert connection.execute(statement).rowcount, statement
            connection.commit()
            assert {"recall"} == {difference.what for difference in audit(registry)}, statement
            connection.execute("delete from campaign_code; delete from campaign_told; delete from campaign")
            for table in TABLES:
                connection.execute(f"delete from {table}")
                connection.execute(f"insert into {table} overriding system value table kept_{table}")
        connection.commit()
    assert list(audit(registry)) == []
