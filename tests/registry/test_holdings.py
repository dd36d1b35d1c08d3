"""What workspaces list is what the states say, whenever it was brought up, and pages of it are whole."""

from itertools import product

import pytest

from tests.registry import sample
from voltrail.accounts import Accounts, Followed
from voltrail.accounts.trail import Actor
from voltrail.errors import NotFound, UsageError
from voltrail.lifecycle import decode_state
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.audit import audit
from voltrail.registry.holdings import Wanted
from voltrail.registry.lately import MAX_NEWS, find_lately, read_news
from voltrail.registry.sent import list_reports, read_report

ORGANISATIONS = (sample.MAKER, sample.CARMAKER, sample.RECYCLER)


def say(registry, organisation, *lines):
    """Report lines with an organisation's key."""
    return registry.report(sample.report(sample.signer(organisation), list(lines)))


def bring_up(registry, most=7):
    """Follow the log to its end, by small steps."""
    while registry.holdings.follow(most):
        pass


def held(registry, organisation, **wanted):
    """Return the codes that an organisation has, by pages of three."""
    codes, after = [], None
    while True:
        page, after = registry.holdings.page(organisation, Wanted(**wanted), 3, after)
        codes += [one.code for one in page]
        if after is None:
            return codes


def by_the_states(registry):
    """Return what each organisation has, read from the states alone: each with its last event."""
    with registry.database.pool.connection() as connection:
        rows = connection.execute("select id, state, seq from subject where id like 'battery:%'").fetchall()
    found = {organisation: [] for organisation in ORGANISATIONS}
    for name, data, seq in rows:
        state = decode_state(name, bytes(data))
        for organisation in {claim.holder for claim in state.claims} & set(ORGANISATIONS):
            found[organisation].append((state, seq))
    return found


@pytest.fixture
def stocked(registry):
    """A registry in which packs were made, shipped, fitted, retired, disputed and sold."""
    codes = [sample.pack(serial) for serial in range(1, 15)]
    made = [line for code in codes for line in sample.first_life(code)]
    say(registry, sample.MAKER, *made[:16], *(line for line in made[16:] if b"shipped" not in line))
    fitted = [line for code in codes[:5] for line in sample.fitted(code, f"LSVAA4187E21848{code[-2:]}")]
    fitted += [sample.fitted(codes[5])[0], sample.line("retired", "2026-04-25T10:00:00+08:00", code=codes[5])]
    fitted.append(
        sample.line("installed", "2026-05-01T10:00:00+08:00", code=codes[0], vin="LSVAA4187E2184999")
    )
    vin = f"LSVAA4187E21848{codes[1][-2:]}"
    fitted.append(sample.line("sold", "2026-05-02T10:00:00+08:00", vin=vin, codes=[codes[1]]))
    say(registry, sample.CARMAKER, *fitted)
    bring_up(registry)
    return registry


def test_it_is_what_the_states_say(stocked):
    """For every organisation and every filter the list is what a look at each state gives."""
    for organisation, states in by_the_states(stocked).items():
        letters = {"pack": "P", "module": "M", None: None}
        for place, phase, (level, model), findings, part in product(
            (None, "in_stock", "in_transit", "in_vehicle", "disputed"),
            (None, "original", "waste"),
            ((None, None), ("pack", "S-102"), ("module", None), (None, "S-1")),
            (False, True),
            (None, "000000001", "%"),
        ):
            expected = sorted(
                state.code
                for state, _ in states
                if place in {None, state.place}
                and phase in {None, state.phase}
                and letters[level] in {None, state.code[3]}
                and (state.findings or not findings)
                and model in {None, state.model_id}
                and (part or "") in state.code
            )
            wanted = {"place": place, "phase": phase, "level": level, "findings": findings}
            wanted |= {"model": model, "part": part}
            assert held(stocked, organisation, **wanted) == expected, wanted
            if not expected:
                continue
            assert stocked.holdings.count(organisation, Wanted(**wanted)) == len(expected)
        lately = sorted(states, key=lambda one: (one[1], one[0].code), reverse=True)
        assert held(stocked, organisation, sort="last") == [state.code for state, _ in lately]
        counted = {(place, phase): n for place, phase, n in stocked.holdings.counts(organisation)}
        assert sum(counted.values()) == len(states)
        for (place, phase), number in counted.items():
            assert number == sum((one.place, one.phase) == (place, phase) for one, _ in states)
    assert len(by_the_states(stocked)[sample.CARMAKER]) > 3


def test_both_who_dispute_a_battery_have_it(stocked):
    """A battery that stands in two places is listed as disputed, where it would otherwise be nobody's."""
    assert held(stocked, sample.CARMAKER, place="disputed") == [sample.pack(1)]
    assert held(stocked, sample.CARMAKER, findings=True) == [sample.pack(1)]


def test_what_was_sold_or_handed_on_is_no_longer_there(stocked):
    """Who hands a battery on has it until it is received, and then no more; a sold vehicle's is nobody's."""
    assert sample.pack(1) not in held(stocked, sample.MAKER)
    assert sample.pack(8) in held(stocked, sample.MAKER, place="in_transit")
    assert sample.pack(2) not in held(stocked, sample.CARMAKER)
    incoming, _ = stocked.holdings.incoming(sample.CARMAKER, 50)
    assert [one.code for one in incoming] == [sample.pack(7), sample.pack(8)]
    assert {one.holder for one in incoming} == {sample.MAKER}
    assert stocked.holdings.count_incoming(sample.CARMAKER) == 2
    say(stocked, sample.CARMAKER, sample.fitted(sample.pack(7))[0])
    bring_up(stocked)
    assert stocked.holdings.count_incoming(sample.CARMAKER) == 1
    assert sample.pack(7) in held(stocked, sample.CARMAKER, place="in_stock")
    assert sample.pack(7) not in held(stocked, sample.MAKER)


@pytest.mark.parametrize("steps", [[1] * 12, [1000], [9, 1, 2, 8, 3, 7]], ids=["one", "all", "any"])
def test_it_does_not_matter_by_which_steps_it_follows(stocked, steps):
    """Made again from nothing, by steps of any size with reports between, it comes to the same."""
    with stocked.database.pool.connection() as connection:
        connection.execute("update holding_upto set upto = 0")
        connection.execute("truncate holding, holding_count")
    for serial, most in enumerate(steps, 100):
        stocked.holdings.follow(most)
        say(stocked, sample.MAKER, sample.first_life(sample.pack(serial))[0])
    bring_up(stocked)
    for organisation, states in by_the_states(stocked).items():
        assert held(stocked, organisation) == sorted(state.code for state, _ in states)
    assert list(audit(stocked)) == []


def test_pages_neither_skip_nor_repeat_while_reports_come_in(stocked):
    """By code, what stays with the organisation is on exactly one page, though it all changes meanwhile."""
    before = held(stocked, sample.MAKER)
    seen, after = [], None
    while True:
        page, after = stocked.holdings.page(sample.MAKER, Wanted(), 2, after)
        seen += [one.code for one in page]
        if after is None:
            break
        now = f"2026-06-{len(seen) + 1:02}T10:00:00+08:00"
        lines = [sample.line("measured", now, code=code, soh_fraction=0.9) for code in before]
        say(stocked, sample.MAKER, *lines)
        bring_up(stocked)
    assert seen == before


def test_by_last_event_nothing_is_repeated(stocked):
    """What something new happens to moves to the front; further pages do not bring it again."""
    first, after = stocked.holdings.page(sample.MAKER, Wanted(sort="last"), 3)
    untouched = held(stocked, sample.MAKER, sort="last")[3:-1]
    moved = held(stocked, sample.MAKER, sort="last")[-1]
    say(stocked, sample.MAKER, sample.line("measured", "2026-06-01T10:00:00+08:00", code=moved))
    bring_up(stocked)
    rest, after_rest = stocked.holdings.page(sample.MAKER, Wanted(sort="last"), 50, after)
    assert [one.code for one in rest] == untouched
    assert after_rest is None
    assert len(first) == 3


def test_the_audit_finds_what_is_wrong_in_it(stocked):
    """A battery listed for another, missing, or not in the record at all is named."""
    assert list(audit(stocked)) == []
    with stocked.database.pool.connection() as connection:
        connection.execute("update holding set place = 'missing' where code = %s", (sample.pack(3),))
        connection.execute("delete from holding where code = %s", (sample.pack(4),))
        connection.execute("update holding set code = 'NC-1' where code = %s", (sample.pack(9),))
    named = {(one.what, one.where.partition("/")[0]) for one in audit(stocked)}
    codes = [sample.pack(serial) for serial in (3, 4, 9)]
    assert {where for what, where in named if what == "holding"} == {"NC-1", *codes}
    assert "holding_count" in {what for what, _ in named}


@pytest.mark.parametrize("wanted", [{"place": "x' or 1=1"}, {"phase": "\0"}, {"level": "P"}, {"sort": "seq"}])
def test_what_no_battery_can_be_is_refused(stocked, wanted):
    """Nobody is given an empty list for a filter that does not exist."""
    with pytest.raises(UsageError) as raised:
        stocked.holdings.page(sample.MAKER, Wanted(**wanted), 3)
    assert raised.value.rule == "usage.choice"


@pytest.mark.parametrize(
    ("sort", "after"), [("last", "x"), ("last", "9" * 30), ("code", "\0"), ("last", "-1")]
)
def test_what_is_no_place_in_a_list_is_refused(stocked, sort, after):
    """A page that was not given out does not become an error of the database."""
    with pytest.raises(UsageError) as raised:
        stocked.holdings.page(sample.MAKER, Wanted(sort=sort), 3, after)
    assert raised.value.rule == "usage.after"


def test_reports_are_told_to_whoever_sent_them(stocked):
    """The last first, page by page, with what became of the lines; nobody reads another's."""
    late = sample.line("received", "2026-05-03T10:00:00+08:00", code=sample.pack(8), from_=sample.MAKER)
    future = sample.line("received", "2096-05-03T10:00:00+08:00", code=sample.pack(8))
    receipt = say(stocked, sample.CARMAKER, late, future)
    found, following = list_reports(stocked.database, sample.CARMAKER, 1)
    assert [(one.lines, one.accepted, one.refused, one.found) for one in found] == [(2, 1, 1, 0)]
    rest, end = list_reports(stocked.database, sample.CARMAKER, 5, following)
    assert end is None
    assert all(one.id < found[0].id for one in rest)
    digest = bytes.fromhex(found[0].report)
    again, lines = read_report(stocked.database, sample.CARMAKER, digest, stocked.logs)
    assert (again, lines) == (receipt, [late, b""])
    for organisation, asked in ((sample.MAKER, digest), (sample.CARMAKER, b"x")):
        with pytest.raises(NotFound):
            read_report(stocked.database, organisation, asked, stocked.logs)


def test_who_follows_a_battery_is_told_what_happened_since(stocked):
    """Only events from then on, the last first and bounded; what was looked at is told no more."""
    accounts, followed = Accounts(stocked.database), Followed(stocked.database)
    accounts.add("watcher", sample.RECYCLER, "member", Actor())
    (account,) = (one.id for one in accounts.page())
    code, start = sample.pack(3), stocked.counts()["entries"]
    followed.add(account, code, start)
    assert read_news(stocked.database, code, start) == []
    days = [f"2026-07-{day:02}T10:00:00+08:00" for day in range(1, 26)]
    say(stocked, sample.CARMAKER, *(sample.line("measured", day, code=code) for day in days))
    news = read_news(stocked.database, code, followed.of(account)[code])
    assert [one.index for one in news] == list(range(start + 24, start + 24 - MAX_NEWS, -1))
    assert news[0].occurred_at == days[-1]
    followed.look(account, start + 25)
    assert read_news(stocked.database, code, followed.of(account)[code]) == []
    followed.look(account, start)  # a page that was made before does not undo it
    assert followed.of(account) == {code: start + 25}
    followed.end(account, code)
    assert not followed.has(account, code)


def test_findings_lately_are_counted_by_kind_and_organisation(stocked):
    """Each event once for each kind of finding it showed, with the last place in the log."""
    found = find_lately(stocked.database, stocked.counts()["entries"])
    conflict = [one for one in found if one.kind == "conflict"]
    assert [(one.rule, one.organisation, one.number) for one in conflict] == [
        ("lifecycle.two_places", sample.CARMAKER, 1)
    ]
    assert find_lately(stocked.database, 0) == []


def test_times_are_those_of_the_record(stocked):
    """Since when a battery is where it is, and when its last event happened."""
    say(stocked, sample.MAKER, sample.line("measured", "2026-06-01T10:00:00+08:00", code=sample.pack(9)))
    bring_up(stocked)
    found, _ = stocked.holdings.page(sample.MAKER, Wanted(part=sample.pack(9)), 50)
    times = [when.astimezone(CHINA).isoformat() for one in found for when in (one.since, one.latest)]
    assert times == ["2026-04-12T10:00:00+08:00", "2026-06-01T10:00:00+08:00"]
