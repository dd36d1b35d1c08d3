"""What is handed to the national platform: what becomes an item, and that it comes there once."""

import json
import sqlite3
import threading
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.browser.serving import free_port
from tests.client.conftest import serving
from tests.registry import sample
from voltrail.client.signatures import write_secret
from voltrail.connections.networks import Networks
from voltrail.connections.platform import Adapters, NotNow, Submitter
from voltrail.connections.platform_stand_in import FAULTS, StandIn
from voltrail.errors import NotFound, UsageError
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.batches import Answer
from voltrail.registry.platform import FILES, HTTP

MAKER, CARMAKER, RECYCLER = sample.MAKER, sample.CARMAKER, sample.RECYCLER
HERE = ["127.0.0.0/8"]
SOLD, CERTIFIED = "o73-02-sale", "o73-02"


def at(day, kind, month=5, **members):
    return sample.line(kind, f"2026-{month:02}-{day:02}T10:00:00+08:00", **members)


def report(registry, organisation, *lines):
    receipt = json.loads(registry.report(sample.report(sample.signer(organisation), list(lines))))
    assert not receipt["refused"], receipt["refused"]
    return receipt["first_index"]


def made(number, day=12):
    return sample.first_life(sample.pack(number), day)[0]


def void(entry, code, day=20):
    return at(day, "corrected", code=code, corrects=entry, void=True)


def instead(entry, code, line, day=20):
    return at(day, "corrected", code=code, corrects=entry, line=line.decode())


@pytest.fixture
def service(tmp_path):
    """A stand-in for the platform, on loopback."""
    one = StandIn(tmp_path / "platform.sqlite")
    thread = threading.Thread(target=one.run, daemon=True)
    thread.start()
    yield one
    one.close()
    thread.join()


@pytest.fixture
def submitter(registry):
    return Submitter(registry, Adapters(Networks(HERE)))


def connect(registry, service, organisation=MAKER, since=None):
    """Switch an outbox on that speaks to the stand-in."""
    key = registry.platform.switch_on(organisation, "clerk", HTTP, service.url, since)
    if key is not None:
        service.secret = write_secret(key)


def follow(registry, most=5_000):
    while registry.platform.follow(most):
        pass


def send(registry, submitter, rounds=30):
    """Send what waits, again and again, as if time went by; return how many requests that took."""
    follow(registry)
    for number in range(rounds):
        with registry.database.pool.connection() as connection:
            connection.execute("update platform_batch set not_before = now(), claimed_until = null")
        batch = submitter._claim()
        if batch is None:
            return number
        submitter.submit(batch)
    raise AssertionError("it never ends")


def states(registry, organisation=MAKER):
    """What stands how: (rule, entry, state), without those that a correction replaced."""
    found, _ = registry.platform.items(organisation, 1_000)
    counts = {one.rule: one for one in registry.platform.counts(organisation)}
    for rule, count in counts.items():
        for state in ("waiting", "sent", "accepted", "refused"):
            counted = sum(one.rule == rule and one.state == state for one in found)
            assert getattr(count, state) == counted, (rule, state)
    return [(one.rule, one.entry, one.state) for one in found if one.state != "superseded"]


def truth(service):
    """What the platform holds in the end, by rule and first entry: the last of each chain of receipts."""
    chain = {}
    for one in service.store.held():
        root = chain[one.corrects][0] if one.corrects else (one.rule, one.entry)
        chain[one.receipt] = (root, one.event)
    held = dict(chain.values())
    return {root: event for root, event in held.items() if event is not None}


# ---------------------------------------------------------------- what becomes an item


def test_an_event_is_an_item_of_each_duty_that_it_meets(registry):
    """Made: the production information. A label, which is no report, is none; nor what no duty asks for."""
    registry.platform.switch_on(MAKER, "clerk", FILES)
    entry = report(registry, MAKER, *sample.first_life(sample.pack(1)))
    follow(registry)
    assert states(registry) == [("o73-06", entry, "waiting")]


def test_a_further_report_meets_what_another_began(registry):
    """The codes of a vehicle are met by its certificate, the date of sale by the sale."""
    registry.platform.switch_on(CARMAKER, "clerk", FILES)
    vehicle = {"vin": "LSVAA4187E2184801", "codes": [sample.pack(1)]}
    certified = report(registry, CARMAKER, at(1, "vehicle_certified", **vehicle))
    sold = report(registry, CARMAKER, at(4, "sold", **vehicle), at(9, "sold", **vehicle))
    follow(registry)
    assert states(registry, CARMAKER) == [(CERTIFIED, certified, "waiting"), (SOLD, sold, "waiting")]


def test_the_rules_of_the_day_of_the_event_count(registry):
    """Taken in as waste in March, it is due under the provisions of 2018, in April under the new measures."""
    registry.platform.switch_on(RECYCLER, "clerk", FILES)
    entries = [
        report(
            registry, RECYCLER, sample.line("collected", f"2026-{day}T10:00:00+08:00", code=sample.pack(n))
        )
        for n, day in ((1, "03-31"), (2, "04-01"))
    ]
    follow(registry)
    assert states(registry, RECYCLER) == [
        ("t18-11", entries[0], "waiting"),
        ("o73-04", entries[1], "waiting"),
    ]


def test_only_ones_own_events_are_handed_over(registry):
    """Each outbox has what its organisation reported, and where none is on there is nothing."""
    registry.platform.switch_on(CARMAKER, "clerk", FILES)
    report(registry, MAKER, made(1))
    follow(registry)
    assert states(registry) == states(registry, CARMAKER) == []


def test_what_others_report_late_makes_an_item(registry):
    """A battery that was received turns out to have been waste: the holder told so later."""
    registry.platform.switch_on(RECYCLER, "clerk", FILES)
    code = sample.pack(1)
    report(registry, CARMAKER, at(1, "enrolled", code=code, place="in_stock", basis="label"))
    entry = report(registry, RECYCLER, at(9, "received", code=code, from_=CARMAKER))
    follow(registry)
    assert states(registry, RECYCLER) == []
    report(registry, CARMAKER, at(5, "retired", code=code))
    follow(registry)
    assert states(registry, RECYCLER) == [("o73-04", entry, "waiting")]


def test_from_a_day_on_the_past_is_filled_in(registry):
    """What was taken in before that day is not; what was, in the order of the log; and nothing twice."""
    before = report(registry, MAKER, made(1))
    first = report(registry, MAKER, made(2), made(3))
    day = timedelta(days=1)
    with registry.database.pool.connection() as connection:  # the first was taken in two days ago
        connection.execute(
            "update event set received_ms = received_ms - %s where seq <= %s", (2 * 86_400_000, before)
        )
    registry.platform.switch_on(MAKER, "clerk", FILES)
    report(registry, MAKER, made(4))
    follow(registry)
    assert [entry for _, entry, _ in states(registry)] == [first + 2]
    today = datetime.now(CHINA).date()
    registry.platform.switch_on(MAKER, "clerk", FILES, since=today - day)
    follow(registry, 1)
    assert sorted(entry for _, entry, _ in states(registry)) == [first, first + 1, first + 2]
    registry.platform.switch_on(MAKER, "clerk", FILES, since=date(2020, 1, 1))
    follow(registry)
    assert sorted(entry for _, entry, _ in states(registry)) == [before, first, first + 1, first + 2]


def test_off_and_on_again_leaves_nothing_out(registry):
    """What happened meanwhile is made up for, unless a later day is named."""
    registry.platform.switch_on(MAKER, "clerk", FILES)
    registry.platform.switch_off(MAKER, "clerk")
    entry = report(registry, MAKER, made(1))
    follow(registry)
    assert states(registry) == []
    registry.platform.switch_on(MAKER, "clerk", FILES)
    follow(registry)
    assert states(registry) == [("o73-06", entry, "waiting")]


def test_a_later_day_leaves_out_what_lies_between_but_no_correction(registry, service, submitter):
    """What was handed over before is still corrected; what else happened meanwhile was not asked for."""
    connect(registry, service)
    first = report(registry, MAKER, made(1))
    send(registry, submitter)
    registry.platform.switch_off(MAKER, "clerk")
    report(registry, MAKER, made(2), void(first, sample.pack(1)))
    later = report(registry, MAKER, made(3))
    with registry.database.pool.connection() as connection:  # all but the last was taken in two days ago
        connection.execute(
            "update event set received_ms = received_ms - %s where seq < %s", (2 * 86_400_000, later)
        )
    connect(registry, service, since=datetime.now(CHINA).date() - timedelta(days=1))
    send(registry, submitter)
    assert list(truth(service)) == [("o73-06", later)]
    assert [held.corrects for held in service.store.held()] == [None, "STANDIN-00000001", None]


def test_an_outbox_that_fills_in_the_past_does_not_hold_up_others(registry):
    """They have come further, and each sees every entry once."""
    report(registry, MAKER, *[made(number) for number in range(1, 6)])
    registry.platform.switch_on(CARMAKER, "clerk", FILES)
    registry.platform.switch_on(MAKER, "clerk", FILES, since=date(2020, 1, 1))
    vehicle = {"vin": "LSVAA4187E2184801", "codes": [sample.pack(1)]}
    report(registry, CARMAKER, at(1, "vehicle_certified", **vehicle))
    report(registry, MAKER, made(9))
    follow(registry, 2)
    assert len(states(registry)) == 6
    assert [rule for rule, *_ in states(registry, CARMAKER)] == [CERTIFIED]


@pytest.mark.parametrize("steps", [1, 2, 1_000])
def test_any_steps_give_the_same_in_the_end(registry, steps):
    """However the log is cut into steps, what counts now waits once, and what is void does not."""
    registry.platform.switch_on(MAKER, "clerk", FILES)
    first = report(registry, MAKER, *[made(number) for number in range(1, 5)])
    report(registry, MAKER, void(first, sample.pack(1)))
    changed = report(registry, MAKER, instead(first + 1, sample.pack(2), made(2, 13)))
    follow(registry, steps)
    registry.platform.counts(MAKER)
    number = registry.batches.make(MAKER, "o73-06")
    sent = [(one.index, one.do) for one in registry.batches.content(MAKER, number).items]
    assert sent == [(first + 2, "submit"), (first + 3, "submit"), (changed, "submit")]


# ---------------------------------------------------------------- how it gets there


def test_an_event_gets_the_platforms_receipt(registry, service, submitter):
    """From the report to the receipt: signed, in the form of the contract, the line as it was reported."""
    connect(registry, service)
    entry = report(registry, MAKER, made(1))
    assert send(registry, submitter) == 1
    [item], _ = registry.platform.items(MAKER, 10)
    assert (item.state, item.receipt) == ("accepted", "STANDIN-00000001")
    [held] = service.store.held()
    assert (held.entry, held.organisation, held.rule) == (entry, MAKER, "o73-06")
    assert held.event == json.loads(made(1))
    [batch], _ = registry.batches.page(MAKER, 10)
    assert (batch.state, batch.items, batch.accepted, batch.refused) == ("done", 1, 1, 0)
    assert service.seen == [batch.key]


def test_a_correction_corrects_what_was_handed_over(registry, service, submitter):
    """It names the receipt of what it corrects; a void withdraws; the platform holds what the record says."""
    connect(registry, service)
    first = report(registry, MAKER, made(1), made(2), made(3))
    send(registry, submitter)
    one = report(registry, MAKER, instead(first, sample.pack(1), made(1, 13)))
    report(registry, MAKER, void(first + 1, sample.pack(2)))
    send(registry, submitter)
    report(registry, MAKER, instead(one, sample.pack(1), made(1, 14), 21))
    send(registry, submitter)
    corrects = [held.corrects for held in service.store.held()]
    assert corrects == [None, None, None, "STANDIN-00000001", "STANDIN-00000002", "STANDIN-00000004"]
    assert truth(service) == {
        ("o73-06", first): json.loads(made(1, 14)),
        ("o73-06", first + 2): json.loads(made(3)),
    }


def test_what_the_platform_never_had_is_not_withdrawn(registry, service, submitter):
    """An event that is void before it was sent is not sent at all; one that is replaced goes as new."""
    connect(registry, service)
    first = report(registry, MAKER, made(1), made(2))
    follow(registry)
    report(registry, MAKER, void(first, sample.pack(1)), instead(first + 1, sample.pack(2), made(2, 13)))
    send(registry, submitter)
    assert [(held.corrects, held.event) for held in service.store.held()] == [(None, json.loads(made(2, 13)))]
    assert [state for *_, state in states(registry)] == ["accepted"]


def test_a_correction_waits_for_the_answer_to_what_it_corrects(registry, service, submitter):
    """While a batch is under way nothing else of its rule is: the correction then knows the receipt."""
    connect(registry, service)
    service.plan.append("lost")
    first = report(registry, MAKER, made(1))
    follow(registry)
    submitter.submit(submitter._claim())
    report(registry, MAKER, instead(first, sample.pack(1), made(1, 13)))
    follow(registry)
    assert submitter._claim() is None
    send(registry, submitter)
    assert [held.corrects for held in service.store.held()] == [None, "STANDIN-00000001"]


def test_a_correction_takes_the_place_of_what_was_refused(registry, service, submitter):
    """It goes as new, and what was refused needs nobody any more."""
    connect(registry, service)
    code = f"NC-{MAKER}-1"
    first = report(registry, MAKER, at(1, "manufactured", code=code, model_id="S-102"))
    send(registry, submitter)
    [item], _ = registry.platform.items(MAKER, 10, state="refused")
    assert "GB/T 34014" in item.reason
    better = at(1, "manufactured", code=sample.pack(1), model_id="S-102")
    fixed = report(
        registry,
        MAKER,
        at(2, "corrected", code=code, codes=[sample.pack(1)], corrects=first, line=better.decode()),
    )
    send(registry, submitter)
    assert states(registry) == [("o73-06", fixed, "accepted")]
    assert truth(service) == {("o73-06", fixed): json.loads(better)}


def test_what_was_refused_is_sent_again_when_somebody_says_so(registry, service, submitter):
    """In a batch of its own, under another key; not before all of its first batch is answered."""
    connect(registry, service)
    report(registry, MAKER, at(1, "manufactured", code=f"NC-{MAKER}-1", model_id="S-102"), made(2))
    service.plan.append("half")
    follow(registry)
    submitter.submit(submitter._claim())
    with pytest.raises(UsageError, match="not all answered"):
        registry.batches.again(MAKER)
    send(registry, submitter)
    [item], _ = registry.platform.items(MAKER, 10, state="refused")
    assert registry.batches.again(MAKER, item=item.id) == 1
    send(registry, submitter)
    assert len(set(service.seen)) == 2
    assert [state for *_, state in states(registry)] == ["refused", "accepted"]
    registry.batches.accept(MAKER, item.id, " P-17 ")
    assert [one.receipt for one in registry.platform.items(MAKER, 10)[0]] == ["P-17", "STANDIN-00000001"]
    with pytest.raises(UsageError):
        registry.batches.accept(MAKER, item.id, "P-18")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_takes_nothing_twice_and_leaves_nothing_out(registry, service, submitter, fault):
    """The same batch is sent again, key and bytes; the platform holds each event once."""
    service.slow_s = 0
    connect(registry, service)
    service.plan.append(fault)
    first = report(registry, MAKER, *[made(number) for number in range(1, 8)])
    send(registry, submitter)
    assert [held.entry for held in sorted(service.store.held(), key=lambda one: one.entry)] == list(
        range(first, first + 7)
    )
    assert len(set(service.seen)) == 1
    assert {state for *_, state in states(registry)} == {"accepted"}


def test_an_answer_that_comes_too_late_is_asked_for_again(registry, service, submitter, monkeypatch):
    """The deadline is for the whole of it."""
    monkeypatch.setattr("voltrail.connections.platform.DEADLINE_S", 0.5)
    service.slow_s = 2
    connect(registry, service)
    service.plan.append("slow")
    report(registry, MAKER, made(1))
    follow(registry)
    submitter.submit(submitter._claim())
    [batch], _ = registry.batches.page(MAKER, 10)
    assert (batch.state, batch.attempts) == ("open", 1)
    assert "within 0.5 s" in batch.said
    send(registry, submitter)
    assert len(service.store.held()) == 1


def test_who_asks_for_time_gets_it(registry, submitter):
    """Retry-After counts; until then the batch is not claimed."""
    with serving(lambda handler: handler.say(429, b"not now", Retry_After="1200"), free_port()) as url:
        registry.platform.switch_on(MAKER, "clerk", HTTP, url)
        report(registry, MAKER, made(1))
        follow(registry)
        submitter.submit(submitter._claim())
    [batch], _ = registry.batches.page(MAKER, 10)
    assert batch.said == "It answered 429. not now"
    assert 1_100 < (batch.not_before - datetime.now(UTC)).total_seconds() < 1_201
    assert submitter._claim() is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"[]", "does not read"),
        (b'{"items":[{"index":%d,"state":"accepted"}]}', "no receipt"),
        (b'{"items":[{"index":%d,"state":"refused","reason":" "}]}', "no reason"),
        (b'{"items":[{"index":%d,"state":"fine"}]}', "does not read"),
        (b'{"items":[%s,%s]}' % ((b'{"index":%d,"state":"accepted","receipt":"1"}',) * 2), "an item twice"),
        (b'{"items":[{"index":999999,"state":"accepted","receipt":"1"}]}', ""),
        (b'{"items":[{"index":%d,"state":"later"}]}', ""),
    ],
)
def test_a_wrong_answer_decides_nothing(registry, submitter, answer, said):
    """What is no answer of the contract, or speaks of other entries, leaves the batch as it was."""
    entry = report(registry, MAKER, made(1)) + 1
    with serving(
        lambda handler: handler.say(200, answer.replace(b"%d", str(entry).encode())), free_port()
    ) as url:
        registry.platform.switch_on(MAKER, "clerk", HTTP, url)
        report(registry, MAKER, made(2))
        follow(registry)
        submitter.submit(submitter._claim())
    [batch], _ = registry.batches.page(MAKER, 10)
    assert (batch.state, batch.accepted, batch.refused) == ("open", 0, 0)
    assert said in batch.said


def test_only_the_public_internet_is_asked(registry, submitter):
    """An address of our own machines gets nothing, where the operator named no network."""
    asked = []
    with serving(lambda handler: asked.append(1) or handler.say(200, b"{}"), free_port()) as url:
        registry.platform.switch_on(MAKER, "clerk", HTTP, url)
        report(registry, MAKER, made(1))
        follow(registry)
        outside = Submitter(registry, Adapters(Networks()))
        outside.submit(outside._claim())
    [batch], _ = registry.batches.page(MAKER, 10)
    assert "no address of the public internet" in batch.said
    assert not asked


class Stopped(BaseException):
    """The process ends here."""


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_exactly_once_whatever_happens(tmp_path_factory, postgres, data):
    """
    Reports, corrections, faults and stops in any order: in the end the platform holds what the record counts.

    Each event that counts once, in its last form; none that is void; each batch under one key.
    """
    import voltrail
    from voltrail.registry.settings import initialise

    folder = tmp_path_factory.mktemp("outbox")
    initialise(folder / "data", sample.ORIGIN, [sample.authority().vkey])
    service = StandIn(folder / "platform.sqlite")
    service.slow_s = 0
    thread = threading.Thread(target=service.run, daemon=True)
    thread.start()
    dsn = postgres()
    registry = voltrail.open(folder / "data", dsn)
    lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
    registry.report(sample.report(sample.authority(), lines))
    connect(registry, service)
    counting, serial = {}, 0  # what the record counts: by first entry, the last entry and the line
    try:
        for _ in range(data.draw(st.integers(4, 14))):
            act = data.draw(
                st.sampled_from(["make", "make", "correct", "void", "send", "send", "stop", "restart"])
            )
            fault = data.draw(st.sampled_from([None, None, *FAULTS]))
            if fault is not None:
                service.plan.append(fault)
            submitter = Submitter(registry, Adapters(Networks(HERE)))
            if act == "make":
                number = data.draw(st.integers(1, 4))
                fresh = [made(serial + one) for one in range(1, number + 1)]
                first = report(registry, MAKER, *fresh)
                for place, line in enumerate(fresh):
                    counting[first + place] = (first + place, sample.pack(serial + place + 1), line)
                serial += number
            elif act in {"correct", "void"} and counting:
                root = data.draw(st.sampled_from(sorted(counting)))
                last, code, line = counting[root]
                if line is None and act == "void":
                    continue
                day = data.draw(st.integers(13, 28))
                new = sample.first_life(code, 12)[0].replace(
                    b"612.5", str(data.draw(st.integers(1, 999))).encode()
                )
                if act == "void":
                    counting[root] = (report(registry, MAKER, void(last, code, day)), code, None)
                elif new != line:
                    counting[root] = (report(registry, MAKER, instead(last, code, new, day)), code, new)
            elif act == "send":
                registry.platform.follow(data.draw(st.integers(1, 50)))
                with registry.database.pool.connection() as connection:
                    connection.execute("update platform_batch set not_before = now()")
                if (batch := registry.batches.claim([HTTP])) is not None:
                    submitter.submit(batch)
            elif act == "stop":  # sent, and never noted: the server ended before
                registry.platform.follow()
                with registry.database.pool.connection() as connection:
                    connection.execute("update platform_batch set not_before = now()")
                batch = registry.batches.claim([HTTP])
                if batch is not None:
                    with suppress(NotNow):
                        submitter._adapters.machines[HTTP].submit(batch)
            elif act == "restart":
                registry.close()
                registry = voltrail.open(folder / "data", dsn)
        service.plan.clear()
        send(registry, Submitter(registry, Adapters(Networks(HERE))), 60)
        held = service.store.held()
        assert len({(one.rule, one.entry) for one in held}) == len(held)
        wanted = sorted(json.dumps(json.loads(line)) for _, _, line in counting.values() if line is not None)
        assert sorted(json.dumps(event) for event in truth(service).values()) == wanted
        assert {state for *_, state in states(registry)} <= {"accepted"}
    finally:
        registry.close()
        service.close()
        thread.join()


def test_two_servers_send_each_batch_once(registry, service, submitter):
    """What one has claimed the other leaves alone for a minute; then it goes on under the same key."""
    connect(registry, service)
    report(registry, MAKER, made(1))
    follow(registry)
    other = Submitter(registry, Adapters(Networks(HERE)))
    first = submitter._claim()
    assert other._claim() is None
    with registry.database.pool.connection() as connection:
        connection.execute("update platform_batch set claimed_until = now() - interval '1 second'")
    again = other._claim()
    assert (again.key, again.document(), again.attempt) == (first.key, first.document(), 2)
    assert submitter.submit(first) == 1
    assert other.submit(again) == 0  # the stand-in says the same, and it is known
    assert len(service.store.held()) == 1


def test_it_goes_by_itself_while_a_server_runs(registry, service, submitter):
    """Followed, put into a batch, sent, and noted, without anybody asking."""
    connect(registry, service)
    submitter.start()
    try:
        report(registry, MAKER, made(1))
        waited = threading.Event()
        for _ in range(600):
            if any(one.accepted for one in registry.platform.counts(MAKER)):
                break
            waited.wait(0.1)
    finally:
        submitter.close()
    assert [state for *_, state in states(registry)] == ["accepted"]


# ---------------------------------------------------------------- by hand


def test_a_clerk_takes_files_and_types_what_the_platform_said(registry, submitter):
    """No server sends them; the receipt of all, and the reasons of some, end the batch."""
    registry.platform.switch_on(MAKER, "clerk", FILES)
    first = report(registry, MAKER, made(1), made(2), made(3))
    follow(registry)
    assert submitter._claim() is None
    number = registry.batches.make(MAKER, "o73-06")
    with pytest.raises(UsageError, match="under way"):
        registry.batches.make(MAKER, "o73-06")
    assert submitter._claim() is None
    registry.batches.answer(MAKER, number, [Answer(first + 1, reason="编码有误")], "clerk")
    with pytest.raises(UsageError, match="Nothing was noted"):
        registry.batches.answer(
            MAKER, number, [Answer(first, receipt="A"), Answer(first + 1, receipt="A")], "clerk"
        )
    assert registry.batches.open_of(MAKER, number) == [first, first + 2]
    registry.batches.answer(
        MAKER,
        number,
        [Answer(one, receipt="A-1") for one in registry.batches.open_of(MAKER, number)],
        "clerk",
    )
    batch = registry.batches.one(MAKER, number)
    assert (batch.state, batch.accepted, batch.refused, batch.answered_by) == ("done", 2, 1, "clerk")
    with pytest.raises(UsageError, match="answered"):
        registry.batches.answer(MAKER, number, [Answer(first, receipt="B")], "clerk")


@pytest.mark.parametrize("text", ["", " ", "x" * 201, "two\nlines", "nul\0"])
def test_what_is_no_receipt_number_is_not_noted(registry, text):
    """The error says what one looks like; nothing is changed."""
    registry.platform.switch_on(MAKER, "clerk", FILES)
    first = report(registry, MAKER, made(1))
    follow(registry)
    number = registry.batches.make(MAKER, "o73-06")
    with pytest.raises(UsageError, match="no receipt number"):
        registry.batches.answer(MAKER, number, [Answer(first, receipt=text)], "clerk")
    assert [state for *_, state in states(registry)] == ["sent"]


def test_a_batch_that_was_not_uploaded_is_taken_back(registry):
    """Its items wait again; one of which something is answered stays."""
    registry.platform.switch_on(MAKER, "clerk", FILES)
    first = report(registry, MAKER, made(1), made(2))
    follow(registry)
    registry.batches.take_back(MAKER, registry.batches.make(MAKER, "o73-06"))
    assert [state for *_, state in states(registry)] == ["waiting", "waiting"]
    number = registry.batches.make(MAKER, "o73-06")
    registry.batches.answer(MAKER, number, [Answer(first, receipt="A")], "clerk")
    with pytest.raises(UsageError, match="answered already"):
        registry.batches.take_back(MAKER, number)


def test_a_batch_goes_by_no_other_way_than_its_first(registry, service, submitter):
    """What may have reached one platform is not sent to another address: a clerk says what became of it."""
    connect(registry, service)
    service.plan.append("lost")
    entry = report(registry, MAKER, made(1))
    follow(registry)
    submitter.submit(submitter._claim())
    [batch], _ = registry.batches.page(MAKER, 1)
    with pytest.raises(UsageError, match="comes by itself"):
        registry.batches.answer(MAKER, batch.id, [Answer(entry, receipt="A")], "clerk")
    registry.platform.switch_on(MAKER, "clerk", HTTP, "https://elsewhere.example/")
    with registry.database.pool.connection() as connection:
        connection.execute("update platform_batch set not_before = now()")
    assert submitter._claim() is None
    registry.batches.answer(MAKER, batch.id, [Answer(entry, receipt="STANDIN-00000001")], "clerk")
    assert [state for *_, state in states(registry)] == ["accepted"]


def test_nobody_touches_anothers(registry):
    """A batch, an item, a secret of another organisation are answered as none."""
    registry.platform.switch_on(MAKER, "clerk", FILES)
    report(registry, MAKER, made(1))
    follow(registry)
    number = registry.batches.make(MAKER, "o73-06")
    [item], _ = registry.platform.items(MAKER, 1)
    for act in (
        lambda: registry.batches.one(CARMAKER, number),
        lambda: registry.batches.content(CARMAKER, number),
        lambda: registry.batches.take_back(CARMAKER, number),
        lambda: registry.batches.answer(CARMAKER, number, [Answer(item.entry, receipt="A")], "x"),
        lambda: registry.platform.switch_off(CARMAKER, "x"),
    ):
        with pytest.raises(NotFound):
            act()
    for act in (
        lambda: registry.batches.again(CARMAKER, item=item.id),
        lambda: registry.batches.accept(CARMAKER, item.id, "A"),
        lambda: registry.batches.make(CARMAKER, "o73-06"),
        lambda: registry.platform.rotate(CARMAKER),
    ):
        with pytest.raises(UsageError):
            act()
    assert registry.platform.items(CARMAKER, 10) == ([], None)
    assert registry.batches.page(CARMAKER, 10) == ([], None)


# ---------------------------------------------------------------- other adapters, the stand-in


def test_an_operator_installs_an_adapter(registry, tmp_path, monkeypatch):
    """A package that names it in the entry point group is all it takes; its answers are noted as any."""
    (tmp_path / "their_adapter.py").write_text(
        "from voltrail.registry.batches import Answer\n"
        "class Theirs:\n"
        "    def submit(self, batch):\n"
        "        return [Answer(one.index, receipt=f'T-{one.index}') for one in batch.items]\n"
        "class Broken:\n"
        "    def __init__(self):\n"
        "        raise RuntimeError('no certificate')\n"
        "class Empty:\n"
        "    pass\n"
    )
    points = tmp_path / "their_adapter-1.dist-info"
    points.mkdir()
    (points / "METADATA").write_text("Metadata-Version: 2.1\nName: their-adapter\nVersion: 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(text):
        (points / "entry_points.txt").write_text(f"[voltrail.platform_adapters]\n{text}\n")
        return Adapters(Networks(HERE))

    adapters = installed("theirs = their_adapter:Theirs")
    assert adapters.names == (FILES, HTTP, "theirs")
    adapters.check("theirs")
    with pytest.raises(UsageError, match="ask the operator"):
        adapters.check("ours")
    registry.platform.switch_on(MAKER, "clerk", "theirs")
    entry = report(registry, MAKER, made(1))
    submitter = Submitter(registry, adapters)
    send(registry, submitter)
    assert [one.receipt for one in registry.platform.items(MAKER, 10)[0]] == [f"T-{entry}"]
    for text, why in (
        ("http = their_adapter:Theirs", "taken"),
        ("x = their_adapter:Broken", "no certificate"),
        ("x = their_adapter:Empty", "no method submit"),
        ("x = nowhere:Thing", "nowhere"),
    ):
        with pytest.raises(UsageError, match=why) as error:
            installed(text)
        assert "their-adapter" in error.value.message


def test_an_adapter_that_fails_stops_nothing(registry, submitter):
    """The batch comes again, and the page says so; the rest goes on."""

    class Failing:
        def submit(self, batch):
            raise ZeroDivisionError

    submitter._adapters._ours["failing"] = Failing()
    registry.platform.switch_on(MAKER, "clerk", "failing")
    report(registry, MAKER, made(1))
    follow(registry)
    submitter.submit(submitter._claim())
    [batch], _ = registry.batches.page(MAKER, 1)
    assert batch.said == "The adapter failed: ZeroDivisionError."


def test_the_stand_in_keeps_what_it_took(tmp_path, registry, service, submitter):
    """Begun again on its file it knows the keys, so a batch sent again gets the same receipts."""
    connect(registry, service)
    service.plan.append("lost")
    report(registry, MAKER, made(1))
    follow(registry)
    batch = submitter._claim()
    submitter.submit(batch)
    again = StandIn(tmp_path / "platform.sqlite", service.secret)
    try:
        assert len(again.store.held()) == 1
    finally:
        again.store.close()
        again._server.server_close()
    with sqlite3.connect(tmp_path / "platform.sqlite") as connection:
        assert connection.execute("select count(*) from decided").fetchone() == (1,)


def test_the_stand_in_refuses_what_came_before(registry, service, submitter, postgres):
    """The same entry under another key, as after a restored backup, gets a reason and is not held twice."""
    connect(registry, service)
    report(registry, MAKER, made(1))
    send(registry, submitter)
    with registry.database.pool.connection() as connection:
        connection.execute("delete from platform_item")
        connection.execute("delete from platform_batch")
        connection.execute("update platform_count set waiting = 0, sent = 0, accepted = 0, refused = 0")
        connection.execute("update platform_outbox set upto = since")
    send(registry, submitter)
    [item], _ = registry.platform.items(MAKER, 10)
    assert item.state == "refused"
    assert "STANDIN-00000001" in item.reason
    assert len(service.store.held()) == 1


def test_the_stand_in_takes_only_what_is_signed(registry, service, submitter):
    """Another's secret gets 400, and the batch is sent again later."""
    connect(registry, service)
    service.secret = write_secret(b"x" * 32)
    report(registry, MAKER, made(1))
    follow(registry)
    submitter.submit(submitter._claim())
    assert "It answered 400." in registry.batches.page(MAKER, 1)[0][0].said
    service.secret = write_secret(registry.platform.rotate(MAKER))
    send(registry, submitter)
    assert len(service.store.held()) == 1
