"""What the EU registry is told: each passport once, its changes, its proof every 90 days."""

import json
import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from tests.registry import sample
from voltrail.connections.eu_registry import BackUp, Gateway, Registrar, Setting, adapter_of
from voltrail.connections.eu_stand_in import FAULTS, StandIn
from voltrail.connections.networks import Networks
from voltrail.errors import UsageError
from voltrail.organisations.access import PUBLIC
from voltrail.passport import FORMS
from voltrail.registry.eu_registry import PROOF_HOLDS

MAKER, CARMAKER, RECYCLER = sample.MAKER, sample.CARMAKER, sample.RECYCLER
DAY = timedelta(days=1)
NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
HERE = Networks(["127.0.0.0/8"])


def report(registry, organisation, *lines):
    receipt = json.loads(registry.report(sample.report(sample.signer(organisation), list(lines))))
    assert not receipt["refused"], receipt["refused"]
    while registry.follow():
        pass
    return receipt["first_index"]


def at(day, kind, month=5, **members):
    return sample.line(kind, f"2026-{month:02}-{day:02}T10:00:00+08:00", **members)


def issued(number=1, serial=1, day=2):
    """The lines by which a maker makes a pack and issues its passport."""
    code = sample.pack(serial)
    made = [sample.first_life(code)[0]] if number == 1 else []
    return [*made, at(day, "passport_issued", code=code, number=number)]


@pytest.fixture
def service(tmp_path):
    """A stand-in for the registry, on loopback."""
    one = StandIn(tmp_path / "eu.sqlite", "secret-token")
    thread = threading.Thread(target=one.run, daemon=True)
    thread.start()
    yield one
    one.close()
    thread.join()


class Clock:
    """A time that is given as data."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def registrar(registry, service, clock):
    gateway = Gateway(service.address, HERE, "secret-token")
    back_up = BackUp("91000000MA00000099", "https://copy.example/b/{code}/passport")
    return Registrar(registry, gateway, back_up, clock)


def tell(registrar, clock, rounds=20):
    """Tell what is due, again and again, as if time went by; return how many requests that took."""
    for number in range(rounds):
        sending = registrar.claim()
        if sending is None:
            later = registrar._registry.database
            with later.pool.connection() as connection:
                due = connection.execute(
                    "select min(due_at) from eu_registration where refused is null and doing is not null"
                ).fetchone()[0]
            if due is None:
                return number
            clock.now = max(clock.now, due) + timedelta(seconds=61)
            continue
        registrar.tell(sending)
    raise AssertionError("it never ends")


def test_a_passport_is_registered_with_the_hash_of_what_the_public_reads(registry, service, registrar, clock):
    """Ids, who answers, where the back-up is; whoever fetches the document as of then has the same hash."""
    report(registry, MAKER, *issued())
    assert tell(registrar, clock) == 1
    code = sample.pack(1)
    [(registration, entry)] = service.held().items()
    document = FORMS["batterypass-ready"].written(registry.passport(code, PUBLIC, NOW, 1))
    assert entry == {
        "uniqueProductIdentifier": f"https://sample.example/b/{code}",
        "digitalProductPassportId": f"https://sample.example/b/{code}/passport/1",
        "uniqueEconomicOperatorIdentifier": MAKER,
        "dppApiEndpoint": "https://sample.example/v1/dpps",
        "status": "active",
        "backupUniqueEconomicOperatorIdentifier": "91000000MA00000099",
        "backupUrl": f"https://copy.example/b/{code}/passport",
        "contentHash": f"sha256:{sha256(document).hexdigest()}",
        "contentUrl": f"https://sample.example/b/{code}/passport/1"
        "?form=batterypass-ready&as_of=2026-06-01T08:00:00Z",
        "provedAt": "2026-06-01T08:00:00Z",
        "proofValidUntil": "2026-08-30T08:00:00Z",
    }
    one = registry.eu_registry.one(code, 1)
    assert (one.state, one.registration, one.hash) == ("registered", registration, entry["contentHash"])
    assert one.proof_due == NOW + PROOF_HOLDS
    assert tell(registrar, clock) == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_goes_wrong_it_is_registered_once(registry, service, registrar, clock, fault, monkeypatch):
    """A line that is cut, a late answer, nonsense, 429 and 503: the same request again, one registration."""
    monkeypatch.setattr("voltrail.connections.eu_registry.DEADLINE_S", 0.5)
    service.slow_s = 1.0
    service.plan.append(fault)
    report(registry, MAKER, *issued())
    registrar.tell(registrar.claim())
    one = registry.eu_registry.one(sample.pack(1), 1)
    assert (one.state, one.doing, one.attempts) == ("waiting", "register", 1)
    assert one.said
    tell(registrar, clock)
    one = registry.eu_registry.one(sample.pack(1), 1)
    assert (one.state, one.failing_since, one.said) == ("registered", None, None)
    assert list(service.held()) == [one.registration]


def test_a_stop_after_the_request_was_made_sends_the_same_again(registry, service, registrar, clock):
    """Nobody noted the answer: once the lease is over the same bytes go under the same key."""
    report(registry, MAKER, *issued())
    first = registrar.claim()
    registrar._adapter.tell(first)
    assert registrar.claim() is None
    clock.now += timedelta(seconds=61)
    again = registrar.claim()
    assert (again.key, again.body) == (first.key, first.body)
    registrar.tell(again)
    assert len(service.held()) == 1


def test_the_proof_is_renewed_after_ninety_days_and_not_before(registry, service, registrar, clock):
    """Time alone makes it due; each renewal holds another 90 days."""
    report(registry, MAKER, *issued())
    tell(registrar, clock)
    clock.now = NOW + PROOF_HOLDS - timedelta(seconds=1)
    assert registrar.claim() is None
    for times in (1, 2):
        clock.now = NOW + times * PROOF_HOLDS
        sending = registrar.claim()
        assert sending.doing == "renew"
        registrar.tell(sending)
        assert registrar.claim() is None
    [entry] = service.held().values()
    assert datetime.fromisoformat(entry["provedAt"]) == NOW + 2 * PROOF_HOLDS
    assert datetime.fromisoformat(entry["proofValidUntil"]) == NOW + 3 * PROOF_HOLDS


def test_what_ends_a_passport_is_told_and_its_proof_rests(registry, service, registrar, clock):
    """Recycled, it is archived there too; nothing is renewed any more."""
    report(registry, MAKER, *issued())
    tell(registrar, clock)
    report(registry, RECYCLER, at(9, "recycled", code=sample.pack(1)))
    assert tell(registrar, clock) == 1
    [entry] = service.held().values()
    assert (entry["status"], "proofValidUntil" in entry) == ("archived", False)
    one = registry.eu_registry.one(sample.pack(1), 1)
    assert (one.state, one.told, one.proof_due) == ("ended", "archived", None)
    clock.now += 3 * PROOF_HOLDS
    assert registrar.claim() is None


def test_a_correction_undoes_what_was_told(registry, service, registrar, clock):
    """The recycling never was: in force again. The issue never was: withdrawn."""
    first = report(registry, MAKER, *issued())
    ended = report(registry, RECYCLER, at(9, "recycled", code=sample.pack(1)))
    tell(registrar, clock)
    assert service.held() == {}  # it was over before it was registered
    code = sample.pack(1)
    report(registry, RECYCLER, at(10, "corrected", code=code, corrects=ended, void=True))
    tell(registrar, clock)
    assert [one["status"] for one in service.held().values()] == ["active"]
    report(registry, MAKER, at(11, "corrected", code=code, corrects=first + 1, void=True))
    tell(registrar, clock)
    assert [one["status"] for one in service.held().values()] == ["withdrawn"]


def test_who_answers_is_told_when_it_changes(registry, service, registrar, clock):
    """Responsibility handed on: the entry names the new operator, under the same registration."""
    report(registry, MAKER, *issued())
    tell(registrar, clock)
    report(registry, MAKER, at(8, "responsibility_transferred", code=sample.pack(1), to=CARMAKER))
    assert tell(registrar, clock) == 1
    [entry] = service.held().values()
    assert entry["uniqueEconomicOperatorIdentifier"] == CARMAKER
    assert [one.code for one in registry.eu_registry.page(CARMAKER, 10)[0]] == [sample.pack(1)]
    assert registry.eu_registry.page(MAKER, 10)[0] == []


def test_what_is_refused_waits_for_a_person(registry, service, registrar, clock):
    """Somebody else registered it: the reason is shown, nothing is sent until that was looked at."""
    code = sample.pack(1)
    report(registry, MAKER, *issued())
    taken = registrar.claim()
    registrar._adapter.tell(
        type(taken)(code, 1, "register", None, "another-key", taken.body, 1)
    )  # under another key
    registrar.tell(taken)
    one = registry.eu_registry.one(code, 1)
    assert (one.state, one.doing) == ("refused", None)
    assert "registered already" in one.refused
    assert tell(registrar, clock) == 0
    assert [it.code for it in registry.eu_registry.page(MAKER, 10, "refused")[0]] == [code]
    with pytest.raises(UsageError):
        registry.eu_registry.again(CARMAKER, code, 1)
    registry.eu_registry.again(MAKER, code, 1)
    assert tell(registrar, clock) == 1
    assert registry.eu_registry.one(code, 1).state == "refused"


def test_a_wrong_token_refuses_no_passport(registry, service, clock):
    """It is a matter of the server: nothing is decided, and it goes on when the token is mended."""
    report(registry, MAKER, *issued())
    wrong = Registrar(registry, Gateway(service.address, HERE, "guess"), None, clock)
    wrong.tell(wrong.claim())
    one = registry.eu_registry.one(sample.pack(1), 1)
    assert (one.state, one.said[:13]) == ("waiting", "It answered 4")
    right = Registrar(registry, Gateway(service.address, HERE, "secret-token"), None, clock)
    tell(right, clock)
    assert registry.eu_registry.one(sample.pack(1), 1).state == "registered"


def test_a_list_is_read_page_by_page(registry, registrar, clock):
    """By code and number; each state narrows it; the next life's passport stands beside the first."""
    report(registry, MAKER, *issued(), *issued(serial=2), *issued(serial=3))
    report(registry, MAKER, *issued(2, serial=2, day=3))
    tell(registrar, clock)
    seen, after = [], ("", 0)
    while after is not None:
        found, after = registry.eu_registry.page(MAKER, 2, after=after)
        seen += [(one.code, one.number, one.state) for one in found]
    one, two, three = map(sample.pack, (1, 2, 3))
    assert seen == [
        (one, 1, "registered"),
        (two, 1, "ended"),
        (two, 2, "registered"),
        (three, 1, "registered"),
    ]
    assert [it.number for it in registry.eu_registry.page(MAKER, 9, "registered")[0]] == [1, 2, 1]


@pytest.mark.parametrize(
    "setting",
    [
        Setting("ftp://registry.example"),
        Setting("ministry"),
        Setting("https://registry.example", BackUp("X", "https://copy.example/")),
    ],
)
def test_what_cannot_be_used_is_said_before_the_server_starts(registry, setting):
    """No address, no adapter of that name, a back-up that does not say where a battery is."""
    with pytest.raises(UsageError):
        adapter_of(registry, setting, HERE)
