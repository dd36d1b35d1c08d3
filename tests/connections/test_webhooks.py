"""Webhooks: what is told to whom, and that it comes, in order and signed, whatever the receiver does."""

import json
import socket
import threading
import time
from base64 import b64encode
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.browser.serving import free_port
from tests.client.conftest import serving
from tests.registry import sample
from voltrail.client import verify_webhook
from voltrail.client.signatures import PREFIX, write_secret
from voltrail.connections import webhooks as sending
from voltrail.connections.exchange import Unanswered
from voltrail.connections.follower import Follower
from voltrail.connections.networks import Networks, is_public
from voltrail.connections.rounds import wait_s
from voltrail.connections.webhooks import Deliverer
from voltrail.errors import NotFound, UsageError, VerificationError
from voltrail.registry import outbox
from voltrail.registry.outbox import TYPES
from voltrail.registry.sights import Sinces
from voltrail.registry.webhooks import EVENTS_AT_ONCE, MAX_WEBHOOKS

PACK = sample.pack(1)
HERE = ["127.0.0.0/8"]
MAKER, CARMAKER, RECYCLER = sample.MAKER, sample.CARMAKER, sample.RECYCLER


def report(registry, organisation, *lines):
    receipt = json.loads(registry.report(sample.report(sample.signer(organisation), list(lines))))
    assert not receipt["refused"], receipt["refused"]
    while registry.holdings.follow():
        pass
    return receipt


def at(day, kind, **members):
    return sample.line(kind, f"2026-05-{day:02}T10:00:00+08:00", **members)


class Receiver:
    """A program that takes webhooks on loopback; `answer` may be changed."""

    def __init__(self):
        self.requests, self.answer = [], lambda handler: handler.say(200, b"thanks")
        self.secrets = []

    def take(self, handler):
        headers, body = dict(handler.headers), handler.body
        for secret in self.secrets:
            verify_webhook(secret, headers, body)
        self.requests.append((headers, json.loads(body)))
        self.answer(handler)

    @property
    def events(self):
        return [event for _, body in self.requests for event in body["events"]]


@pytest.fixture
def receiver():
    one = Receiver()
    with serving(one.take) as url:
        one.url = url + "/hook"
        yield one


@pytest.fixture
def deliverer(registry):
    return Deliverer(registry, Networks(HERE))


def deliver(deliverer, rounds=50):
    """Send what is due, one batch after the other; return the attempts."""
    found = []
    while len(found) < rounds and (batch := deliverer._webhooks.claim()) is not None:
        found.append(deliverer.deliver(batch))
    return found


def subscribe(registry, receiver, organisation=CARMAKER, types=TYPES):
    number, key = registry.webhooks.add(organisation, receiver.url, types, "clerk")
    receiver.secrets.append(write_secret(key))
    return number


def be_due(registry, **ago):
    """Let time pass: what was tried is due again, and has been failing for so long."""
    with registry.database.pool.connection() as connection:
        connection.execute(
            "update webhook set not_before = now(), failing_since = failing_since - %s", (timedelta(**ago),)
        )


# ---------------------------------------------------------------- what is told


def test_an_organisation_is_told_what_concerns_it(registry, receiver, deliverer):
    """What is shipped to it, what others report of what it holds, its reports, its findings; nothing else."""
    subscribe(registry, receiver)
    report(registry, MAKER, *sample.first_life(PACK), *sample.first_life(sample.pack(2))[:1])
    report(registry, CARMAKER, sample.line("received", "2026-04-20T10:00:00+08:00", code=PACK, from_=MAKER))
    report(registry, MAKER, at(1, "recalled", code=PACK, campaign="R-1", risk="fire"))
    report(
        registry, CARMAKER, at(3, "removed", code=sample.pack(2), vin="LSVAA4187E2184847", reason="scrapping")
    )
    deliver(deliverer)
    told = [(one["type"], one["kind"], one["code"]) for one in receiver.events]
    assert ("battery.event", "shipped", PACK) in told
    assert ("battery.recalled", "recalled", PACK) in told
    assert ("report.finding", "removed", sample.pack(2)) in told
    assert sum(kind == "report.taken" for kind, *_ in told) == 2
    assert ("battery.event", "received", PACK) not in told  # it said so itself
    assert not [one for one in told if one[1] == "manufactured" and one[2] == sample.pack(2)]
    assert [one["index"] for one in receiver.events] == sorted(one["index"] for one in receiver.events)
    assert len({one["id"] for one in receiver.events}) == len(receiver.events)
    assert all(set(one) == {"type", "id", "at", "index", "kind", "code", "url"} for one in receiver.events)


def test_who_hands_a_battery_on_is_told_that_it_came(registry, receiver, deliverer):
    """The step by which a battery leaves somebody's hands is told to him; what comes after is not."""
    report(registry, MAKER, *sample.first_life(PACK))
    subscribe(registry, receiver, MAKER, ["battery.event"])
    report(registry, CARMAKER, sample.fitted(PACK)[0])
    report(registry, CARMAKER, sample.fitted(PACK)[1])
    deliver(deliverer)
    assert [one["kind"] for one in receiver.events] == ["received"]


def test_only_what_the_table_shows_is_told(registry, receiver, deliverer):
    """A stocktaking names batteries that are not public: who has one hears of it, who expects one not."""
    subscribe(registry, receiver, types=["battery.event"])
    report(registry, MAKER, *sample.first_life(PACK))
    report(registry, MAKER, at(3, "stocktaken", site="S-1", codes=[PACK]))
    report(registry, CARMAKER, at(4, "received", code=PACK, from_=MAKER))
    soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()  # since it has it, as the record knows
    receipt = report(registry, MAKER, sample.line("stocktaken", soon, site="S-1", codes=[PACK]))
    deliver(deliverer)
    told = [(one["kind"], one["index"]) for one in receiver.events]
    assert [kind for kind, _ in told] == ["shipped", "stocktaken"]
    assert told[1][1] == receipt["first_index"]


def test_types_that_were_not_chosen_are_not_told(registry, receiver, deliverer):
    """Whoever wants recalls alone hears of nothing else."""
    subscribe(registry, receiver, types=["battery.recalled"])
    report(registry, MAKER, *sample.first_life(PACK))
    report(registry, MAKER, at(1, "recalled", code=PACK, campaign="R-1", risk="fire"))
    deliver(deliverer)
    assert [one["type"] for one in receiver.events] == ["battery.recalled"]


def test_nothing_from_before_the_subscription_is_told(registry, receiver, deliverer):
    """Though the log may not have been followed yet when it was made."""
    registry.report(sample.report(sample.signer(MAKER), sample.first_life(PACK)))
    subscribe(registry, receiver)
    while registry.holdings.follow():
        pass
    assert not deliver(deliverer)


def test_where_nobody_subscribes_nothing_is_kept(registry):
    """No message is written, and a step reads no event for it."""
    report(registry, MAKER, *sample.first_life(PACK))
    with registry.database.pool.connection() as connection:
        assert connection.execute("select count(*) from webhook_message").fetchone() == (0,)
        telling = outbox.Telling(connection, registry.authorities, Sinces(), 0, 10)
    assert (telling._entries, telling._codes) == ([], [])


def test_any_steps_tell_the_same(registry, receiver, deliverer):
    """However the log is cut into steps, each message comes, and none under two ids."""
    subscribe(registry, receiver)
    packs = [sample.pack(number) for number in range(1, 8)]
    for organisation, lines in (
        (MAKER, [one for pack in packs for one in sample.first_life(pack)]),
        (CARMAKER, [sample.fitted(pack)[0] for pack in packs]),
        (MAKER, [at(1, "recalled", code=pack, campaign="R-1", risk="fire") for pack in packs]),
    ):
        registry.report(sample.report(sample.signer(organisation), lines))
    while registry.holdings.follow(3):
        pass
    deliver(deliverer)
    recalled = [one["code"] for one in receiver.events if one["type"] == "battery.recalled"]
    shipped = [one["code"] for one in receiver.events if one["kind"] == "shipped"]
    assert (recalled, shipped) == (packs, packs)
    assert len({one["id"] for one in receiver.events}) == len(receiver.events)


# ---------------------------------------------------------------- how it comes


def test_it_is_signed_and_names_itself(registry, receiver, deliverer):
    """Headers as the standard has them; the receiver checks them with the secret that was shown."""
    subscribe(registry, receiver)
    report(registry, MAKER, *sample.first_life(PACK))
    [sent] = deliver(deliverer)
    assert (sent.status, sent.said) == (200, "thanks")
    [(headers, body)] = receiver.requests
    assert body["log"] == sample.ORIGIN
    assert headers["webhook-id"].startswith("wh_")
    raw = msg = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    with pytest.raises(VerificationError):
        verify_webhook(PREFIX + b64encode(bytes(32)).decode(), headers, raw)
    assert verify_webhook(receiver.secrets[0], headers, msg)


def test_a_receiver_that_is_down_for_a_day_loses_nothing(registry, deliverer, monkeypatch):
    """It is tried again with longer and longer rests; back again it gets all of it, in order, each once."""
    receiver, port = Receiver(), free_port()
    receiver.url = f"http://127.0.0.1:{port}/hook"
    number = subscribe(registry, receiver)
    packs = [sample.pack(n) for n in range(1, 131)]
    for hour in range(24):
        some = packs[hour * 5 : hour * 5 + 5]
        report(registry, MAKER, *(line for pack in some for line in sample.first_life(pack)))
        [attempt] = deliver(deliverer)
        assert attempt.status is None
        be_due(registry, hours=1)
    one = registry.webhooks.one(CARMAKER, number)
    assert (one.state, one.attempts, one.waiting) == ("active", 24, 120)
    with serving(receiver.take, port):
        deliver(deliverer)
    assert [one["code"] for one in receiver.events] == packs[:120]
    one = registry.webhooks.one(CARMAKER, number)
    assert (one.waiting, one.attempts, one.failing_since) == (0, 0, None)
    assert max(len(body["events"]) for _, body in receiver.requests) == EVENTS_AT_ONCE


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
def test_what_is_not_2xx_is_tried_again_as_the_same(registry, receiver, deliverer, status):
    """The batch keeps id and messages in every attempt, though more has come; redirects lead nowhere."""
    elsewhere = []
    subscribe(registry, receiver)
    report(registry, MAKER, *sample.first_life(PACK))
    with serving(lambda handler: elsewhere.append(1) or handler.say(200)) as other:
        receiver.answer = lambda handler: handler.say(status, b"no", Location=other)
        assert [one.status for one in deliver(deliverer)] == [status]
        report(registry, MAKER, *sample.first_life(sample.pack(2)))
        be_due(registry)
        receiver.answer = lambda handler: handler.say(204)
        deliver(deliverer)
    first, again, rest = receiver.requests
    assert first[0]["webhook-id"] == again[0]["webhook-id"] != rest[0]["webhook-id"]
    assert first[1] == again[1]
    assert not elsewhere


def test_a_receiver_says_when_it_wants_to_be_asked(registry, receiver, deliverer):
    """Retry-After is heeded; without it the first rest is some seconds, and none is longer than a quarter."""
    number = subscribe(registry, receiver)
    receiver.answer = lambda handler: handler.say(503, Retry_After="1800")
    report(registry, MAKER, *sample.first_life(PACK))
    deliver(deliverer)
    one = registry.webhooks.one(CARMAKER, number)
    assert timedelta(minutes=29) < one.not_before - one.failing_since < timedelta(minutes=31)
    assert all(2.5 <= wait_s(1, later) <= 5 for later in ("", "soon", "-1", "１"))
    assert all(450 <= wait_s(100, "") <= 900 for _ in range(50))
    assert wait_s(1, "99999") == 3600


def test_one_that_is_gone_is_switched_off(registry, receiver, deliverer):
    """410 ends it at once; on again, it is told from where on nothing was kept."""
    number = subscribe(registry, receiver)
    receiver.answer = lambda handler: handler.say(410)
    report(registry, MAKER, *sample.first_life(PACK))
    deliver(deliverer)
    one = registry.webhooks.one(CARMAKER, number)
    assert (one.state, one.why, one.waiting) == ("off", "gone", 1)
    report(registry, MAKER, *sample.first_life(sample.pack(2)))
    assert registry.webhooks.one(CARMAKER, number).waiting == 1
    registry.webhooks.resume(CARMAKER, number)
    receiver.requests.clear()
    receiver.answer = lambda handler: handler.say(200)
    report(registry, MAKER, *sample.first_life(sample.pack(3)))
    deliver(deliverer)
    assert [(one["type"], one["code"]) for one in receiver.events] == [
        ("battery.event", PACK),
        ("webhook.missed", None),
        ("battery.event", sample.pack(3)),
    ]
    assert receiver.events[1]["index"] == one.off_index


def test_days_of_failure_switch_it_off(registry, receiver, deliverer):
    """Three days, and not before; what waits is kept for a month."""
    number = subscribe(registry, receiver)
    receiver.answer = lambda handler: handler.say(500)
    report(registry, MAKER, *sample.first_life(PACK))
    for days in (0, 2.9, 0.2):
        be_due(registry, days=days)
        assert registry.webhooks.one(CARMAKER, number).state == "active"
        deliver(deliverer)
    assert registry.webhooks.one(CARMAKER, number).why == "failing"
    registry.webhooks.let_go()
    assert registry.webhooks.one(CARMAKER, number).waiting == 1
    with registry.database.pool.connection() as connection:
        connection.execute("update webhook set off_at = now() - interval '31 days'")
    registry.webhooks.let_go()
    assert registry.webhooks.one(CARMAKER, number).waiting == 0


def test_too_many_messages_switch_it_off(registry, receiver, monkeypatch):
    """The queue of one receiver is bounded: it is said, and others go on."""
    monkeypatch.setattr(outbox, "MAX_WAITING", 5)
    number = subscribe(registry, receiver)
    other = registry.webhooks.add(MAKER, "https://other.example", TYPES, "clerk")[0]
    report(registry, MAKER, *(line for n in range(1, 11) for line in sample.first_life(sample.pack(n))))
    assert registry.webhooks.one(CARMAKER, number).why == "full"
    assert registry.webhooks.one(MAKER, other).state == "active"


def test_a_pause_keeps_what_happens(registry, receiver, deliverer):
    """Paused, nothing is sent; switched on, all of it is, and nothing was missed."""
    number = subscribe(registry, receiver)
    registry.webhooks.pause(CARMAKER, number)
    report(registry, MAKER, *sample.first_life(PACK))
    assert not deliver(deliverer)
    registry.webhooks.resume(CARMAKER, number)
    deliver(deliverer)
    assert [one["type"] for one in receiver.events] == ["battery.event"]


def test_a_secret_is_changed_without_a_gap(registry, receiver, deliverer):
    """For a day the old secret verifies as well as the new one; then the new one alone."""
    number = subscribe(registry, receiver)
    receiver.secrets.append(write_secret(registry.webhooks.rotate(CARMAKER, number)))
    report(registry, MAKER, *sample.first_life(PACK))
    deliver(deliverer)
    assert len(receiver.requests) == 1  # verified with both
    with registry.database.pool.connection() as connection:
        connection.execute("update webhook set former_until = now()")
    old = receiver.secrets.pop(0)
    report(registry, MAKER, *sample.first_life(sample.pack(2)))
    deliver(deliverer)
    headers, body = receiver.requests[-1]
    with pytest.raises(VerificationError):
        verify_webhook(old, headers, json.dumps(body, separators=(",", ":")).encode())
    with registry.database.pool.connection() as connection:  # who reads the database has no secret
        rows = connection.execute("select webhook::text from webhook").fetchall()
    assert all(secret.removeprefix(PREFIX) not in str(rows) for secret in (old, *receiver.secrets))


def test_a_server_that_stops_in_between_sends_the_same_again(registry, receiver, deliverer):
    """A batch that was claimed and never settled is sent by another after a minute, under the same id."""
    subscribe(registry, receiver)
    report(registry, MAKER, *sample.first_life(PACK))
    first = registry.webhooks.claim()
    assert registry.webhooks.claim() is None  # one server at a time
    with registry.database.pool.connection() as connection:
        connection.execute("update webhook set claimed_until = now() - interval '1 s'")
    again = registry.webhooks.claim()
    assert (again.id, again.bodies) == (first.id, first.bodies)
    deliverer.deliver(again)
    assert registry.webhooks.claim() is None


def test_a_slow_receiver_is_cut_off_and_others_are_not_kept_waiting(registry, monkeypatch):
    """One that sends a byte now and then has its seconds and no more; the thread serves others meanwhile."""
    monkeypatch.setattr(sending, "DEADLINE_S", 1)
    fast = Receiver()

    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            try:
                handler.wfile.write(b".")
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.1)

    slow = Receiver()
    slow.answer = drip
    deliverer, follower = Deliverer(registry, Networks(HERE)), Follower(registry)
    with serving(slow.take) as slow.url, serving(fast.take) as fast.url:
        dripping, quick = subscribe(registry, slow), subscribe(registry, fast)
        deliverer.start()
        follower.start()
        try:
            registry.report(sample.report(sample.signer(MAKER), sample.first_life(PACK)))
            until = time.monotonic() + 60
            while time.monotonic() < until and not (
                fast.requests and registry.webhooks.deliveries(CARMAKER, dripping)
            ):
                time.sleep(0.05)
        finally:
            deliverer.close()
            follower.close()
    assert len(fast.events) == 1
    [attempt] = registry.webhooks.deliveries(CARMAKER, dripping)
    assert attempt.status is None
    assert "within 1 s" in attempt.said
    assert registry.webhooks.one(CARMAKER, quick).waiting == 0


def test_an_answer_without_end_is_cut(registry, receiver, deliverer):
    """64 KiB are read and no more; of what is kept, nothing disturbs a page."""
    subscribe(registry, receiver)
    receiver.answer = lambda handler: handler.say(200, b"x" * (1 << 20))
    report(registry, MAKER, *sample.first_life(PACK))
    [attempt] = deliver(deliverer)
    assert attempt.status is None
    assert "65,536" in attempt.said
    be_due(registry)
    receiver.answer = lambda handler: handler.say(400, b"\x1b[2J\x00\xff<script>" + b"y" * 5000)
    [attempt] = deliver(deliverer)
    assert attempt.said.startswith("\ufffd[2J\ufffd\ufffd<script>")
    assert len(attempt.said) == sending.MAX_SAID


def test_a_trial_shows_what_came_back(registry, receiver, deliverer):
    """A test message is sent at once, signed, and nothing of the queue is touched."""
    number = subscribe(registry, receiver)
    receiver.answer = lambda handler: handler.say(202, b"seen")
    attempt = deliverer.test(CARMAKER, number)
    assert (attempt.status, attempt.said) == (202, "seen")
    assert [one["type"] for one in receiver.events] == ["webhook.test"]
    assert len(registry.webhooks.deliveries(CARMAKER, number)) == 1
    for _ in range(sending.TESTS_AT_ONCE):
        deliverer._tests.acquire()
    with pytest.raises(UsageError):
        deliverer.test(CARMAKER, number)


def test_attempts_are_kept_up_to_a_hundred(registry, receiver, deliverer):
    """The page shows the last ones; the table does not grow."""
    number = subscribe(registry, receiver)
    attempt = deliverer.test(CARMAKER, number)
    for _ in range(110):
        registry.webhooks.note_delivery(number, attempt)
    with registry.database.pool.connection() as connection:
        assert connection.execute("select count(*) from webhook_delivery").fetchone() == (100,)


# ---------------------------------------------------------------- where it may go


INSIDE = """
    127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 255.255.255.255 224.0.0.1
    192.0.2.1 198.18.0.1 240.0.0.1 :: ::1 fe80::1 fc00::1 fd00:ec2::254 ff02::1 ::ffff:127.0.0.1
    ::ffff:10.0.0.1 2002:7f00:1:: 2002:a00:1:: 64:ff9b::a00:1 64:ff9b::7f00:1 2001:db8::1 ::127.0.0.1
""".split()  # noqa: SIM905 - reads better


@pytest.mark.parametrize("address", INSIDE)
def test_inside_addresses_are_none_of_the_public_internet(address):
    """Loopback, private, link-local, multicast, documentation, and any of them wrapped in another."""
    assert not is_public(ip_address(address))


@given(st.integers(0, 2**32 - 1))
def test_wrapping_an_address_opens_nothing(number):
    """An IPv4 address that is refused is refused in each IPv6 form that leads to it."""
    plain = ip_address(number)
    if not is_public(plain):
        wrapped = (0xFFFF << 32 | number, 0x2002 << 112 | number << 80, 0x64FF9B << 96 | number)
        assert not any(is_public(ip_address(one.to_bytes(16, "big"))) for one in wrapped)


def test_public_addresses_may_be_asked():
    """Those that stand for a name are not in the way."""
    assert is_public(ip_address("8.8.8.8"))
    assert is_public(ip_address("2606:4700::1111"))
    assert Networks().locate("8.8.8.8", 443) == "8.8.8.8"


def test_our_own_network_is_refused_at_the_connection(registry, receiver):
    """Unless the operator names the network, nothing comes to a receiver inside."""
    subscribe(registry, receiver)
    report(registry, MAKER, *sample.first_life(PACK))
    [attempt] = deliver(Deliverer(registry, Networks()))
    assert attempt.status is None
    assert "no address of the public internet" in attempt.said
    assert not receiver.requests


def test_the_name_is_looked_up_once(registry, receiver, deliverer, monkeypatch):
    """A name that means another address a moment later leads nowhere: what was checked is what is asked."""
    asked = defaultdict(int)
    real = socket.getaddrinfo

    def lookup(host, *rest, **named):
        if host != "rebind.example":
            return real(host, *rest, **named)
        asked[host] += 1
        return real("127.0.0.1" if asked[host] == 1 else "10.0.0.1", *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    receiver.url = receiver.url.replace("127.0.0.1", "rebind.example")
    subscribe(registry, receiver)
    report(registry, MAKER, *sample.first_life(PACK))
    [attempt] = deliver(deliverer)
    assert (attempt.status, asked["rebind.example"]) == (200, 1)
    assert receiver.requests[0][0]["Host"].startswith("rebind.example")


def test_one_address_inside_among_several_is_enough(monkeypatch):
    """A name that has an address of ours among others is not asked at all."""
    found = [(2, 1, 6, "", (one, 443)) for one in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Unanswered, match=r"10\.0\.0\.1"):
        Networks().locate("mixed.example", 443)


def test_plain_http_goes_to_named_networks_alone():
    """Nothing is told in the clear over the public internet."""
    with pytest.raises(Unanswered, match="https"):
        Networks(HERE).locate("8.8.8.8", 80, secure=False)
    assert Networks(HERE).locate("127.0.0.1", 80, secure=False) == "127.0.0.1"
    with pytest.raises(UsageError):
        Networks(["10.0.0.0/33"])


# ---------------------------------------------------------------- whose it is


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://x.example",
        "https://",
        "https://u:p@x.example",
        "https://x.example/#a",
        "https://x.example:70000",
        "https://x.example/\r\nHost: y",
        "https://x.example/ a",
        "https://é.example",
        "https://x.example/" + "a" * 500,
    ],
)
def test_what_is_no_address_is_refused(registry, url):
    """Before it is kept, with what to do."""
    with pytest.raises(UsageError) as told:
        registry.webhooks.add(MAKER, url, TYPES, "clerk")
    assert told.value.rule == "webhook.url"


def test_webhooks_are_their_organisations_alone(registry):
    """Nobody sees, changes or removes another's; there are ten of each at most."""
    number, _ = registry.webhooks.add(MAKER, "https://x.example", TYPES, "clerk")
    for does in (
        registry.webhooks.one,
        registry.webhooks.pause,
        registry.webhooks.resume,
        registry.webhooks.rotate,
        registry.webhooks.retry,
        registry.webhooks.delete,
        registry.webhooks.test,
        registry.webhooks.deliveries,
    ):
        with pytest.raises(NotFound):
            does(CARMAKER, number)
    assert [one.state for one in registry.webhooks.of(MAKER)] == ["active"]
    for wrong in ([], ["battery.event", "battery.event"], ["everything"]):
        with pytest.raises(UsageError):
            registry.webhooks.add(MAKER, "https://x.example", wrong, "clerk")
    for _ in range(MAX_WEBHOOKS - 1):
        registry.webhooks.add(MAKER, "https://x.example", TYPES, "clerk")
    with pytest.raises(UsageError) as told:
        registry.webhooks.add(MAKER, "https://x.example", TYPES, "clerk")
    assert told.value.rule == "webhook.many"


def test_threads_claim_different_batches(registry, receiver):
    """Eight at once, and never two of one webhook."""
    for _ in range(5):
        subscribe(registry, receiver)
    report(registry, MAKER, *sample.first_life(PACK))
    claimed = []
    threads = [threading.Thread(target=lambda: claimed.append(registry.webhooks.claim())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [one.webhook for one in claimed if one is not None]
    assert len(set(numbers)) == len(numbers) <= 5
