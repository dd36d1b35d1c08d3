"""One log closes, the next begins: chains go on, what was proved stays proved, and what is lost is told."""

import json
import random
import shutil

import pytest

import voltrail
from tests.independent import verifier
from tests.registry import sample
from voltrail.errors import (
    NotFound,
    RegistryClosed,
    RegistryError,
    ReportError,
    UsageError,
    VerificationError,
)
from voltrail.events import decode, subjects
from voltrail.ledger.notes import Checkpoint, Policy, parse_note
from voltrail.ledger.receipts import verify_receipt
from voltrail.ledger.succession import first_origin, next_origin, number_of
from voltrail.organisations.access import Reader
from voltrail.registry.audit import audit
from voltrail.registry.publish import check_folder, publish
from voltrail.registry.settings import initialise
from voltrail.registry.succession import succeed

SECOND = sample.ORIGIN + "/2"
PACK, LATER, UNTOUCHED = sample.pack(1), sample.pack(2), sample.pack(3)
AUTHORITY = [sample.authority().vkey]


class Home:
    """A registry's folder and database, opened anew as often as is asked."""

    def __init__(self, data, dsn):
        self.data, self.dsn = data, dsn

    def open(self):
        return voltrail.open(self.data, self.dsn)

    def succeed(self, closing=sample.ORIGIN):
        return succeed(self.data, closing, self.dsn)

    def report(self, *lines, key=None, origin=None):
        with self.open() as registry:
            file = sample.report(
                key or sample.signer(sample.MAKER), list(lines), origin=origin or registry.origin
            )
            receipt = json.loads(registry.report(file))
            assert not receipt["refused"], receipt["refused"]
            return file, receipt

    def query(self, text, *values):
        with self.open() as registry, registry.database.connect() as connection:
            found = connection.execute(text, values)
            return found.fetchall() if found.description else None


@pytest.fixture
def home(tmp_path, postgres):
    """A registry with the sample's organisations, and two packs of which the maker has reported."""
    home = Home(tmp_path / "data", postgres())
    initialise(home.data, sample.ORIGIN, AUTHORITY)
    lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
    lines += (home.data / "host-trust.jsonl").read_bytes().splitlines()
    home.report(*lines, key=sample.authority())
    home.report(*sample.first_life(PACK), *sample.first_life(UNTOUCHED))
    return home


def verified(evidence, policy):
    """Return what both verifiers say of evidence; they must agree."""
    found = voltrail.verify(evidence, Policy.parse(policy), AUTHORITY, lambda line: subjects(decode(line)))
    words = verifier.verify(evidence, policy, AUTHORITY)
    assert len(words) == len(found.events) + 2
    return found


def test_the_chains_go_on(home):
    """A life goes on under k and head where it stood, and its evidence proves both halves."""
    with home.open() as registry:
        registry.enter_heads()
        old, old_policy = registry.evidence(PACK), registry.policy
        size = registry.counts()["entries"]
    done = home.succeed()
    assert (done.origin, done.closed.size, done.closed.lost) == (SECOND, size, 0)
    _, receipt = home.report(*sample.fitted(PACK), key=sample.signer(sample.CARMAKER))
    assert [link["k"] for links in receipt["subjects"] for link in links if PACK in link["subject"]] == [3, 4]
    with home.open() as registry:
        assert registry.origin == SECOND
        assert registry.counts()["entries"] == size + 3  # the successor's own first entry among them
        registry.enter_heads()
        found = verified(registry.evidence(PACK), registry.policy)
        assert found.checkpoint.origin == SECOND
        assert [event.k for event in found.events] == [1, 2, 3, 4]
        assert [event.index for event in found.events][2:] == [size + 1, size + 2]
        assert found.complete
        assert f"no others up to entry {size + 2}" in found.head
        assert "follows on" in found.steps[0]
        assert verified(registry.evidence(UNTOUCHED), registry.policy).complete
        assert verified(old, old_policy).complete  # what was given out before still proves what it proved
        with pytest.raises(VerificationError):
            verified(old, registry.policy)
        assert list(audit(registry)) == []
        assert registry.battery(PACK)["phase"] == "original"


def test_what_the_old_log_took_gets_its_receipt_again(home):
    """A report to the closed log, sent again, gives the same receipt; a new one is told to be signed anew."""
    with home.open() as registry:
        file = sample.report(sample.signer(sample.MAKER), sample.first_life(LATER))
        receipt, key = registry.report(file), registry.keys.log.verifier
    home.succeed()
    with home.open() as registry:
        assert registry.report(file) == receipt
        verify_receipt(receipt, key)
        other = sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(9)))
        with pytest.raises(ReportError) as closed:
            registry.report(other)
        assert closed.value.rule == "report.log_closed"
        assert SECOND in closed.value.fix
        again = sample.report(sample.signer(sample.MAKER), sample.first_life(LATER), origin=SECOND)
        known = json.loads(registry.report(again))
        assert (known["accepted"], len(known["known"])) == ([], 2)


def test_receipts_of_the_successor_are_proved(home):
    """A receipt of the new log says where its entries stand in the record, and proves it in the log."""
    home.succeed()
    file, said = home.report(*sample.first_life(LATER))
    with home.open() as registry:
        base = registry.logs.newest.base
        assert said["base"] == base
        assert said["first_index"] == base + 1
        hashes = registry.log.tile(tile_of(registry))
        leaves = [hashes[32 * n : 32 * n + 32] for n in (1, 2)]
        receipt = registry.report(file)
        assert verify_receipt(receipt, registry.keys.log.verifier, leaves).first_index == base + 1
        with pytest.raises(VerificationError):
            verify_receipt(receipt, registry.keys.log.verifier, leaves[::-1])


def tile_of(registry):
    """Return the first tile of the newest log's hashes."""
    from voltrail.ledger.tiles import Tile

    return Tile(0, 0, registry.log.published()[1].size)


def test_corrections_and_revocations_reach_across(home):
    """An event of the closed log is corrected by its index, and a key revoked in the new one is void."""
    with home.open() as registry:
        made = registry.history(PACK)["events"][-1]["index"]
    home.succeed()
    line = sample.line("corrected", "2026-06-01T10:00:00+08:00", code=PACK, corrects=made, void=True)
    home.report(line)
    revoked = sample.line(
        "key_revoked", "2026-06-01T10:00:00+08:00", organisation=sample.MAKER, key_id="line-1"
    )
    home.report(revoked, key=sample.authority())
    with home.open() as registry:
        assert registry.history(PACK)["events"][-1]["corrected_by"] is not None
        with pytest.raises(ReportError, match="no valid key"):
            registry.report(
                sample.report(sample.signer(sample.MAKER), sample.first_life(LATER), origin=SECOND)
            )
        registry.enter_heads()
        assert verified(registry.evidence(PACK), registry.policy).complete
        assert list(audit(registry)) == []


def test_a_third_log_follows(home):
    """Logs follow one another as often as it takes; evidence joins all of them."""
    home.succeed()
    home.report(*sample.fitted(PACK), key=sample.signer(sample.CARMAKER))
    done = home.succeed(SECOND)
    assert done.origin == sample.ORIGIN + "/3"
    home.report(*sample.first_life(LATER))
    with home.open() as registry:
        registry.enter_heads()
        assert [event.k for event in verified(registry.evidence(PACK), registry.policy).events] == [
            1,
            2,
            3,
            4,
        ]
        assert verified(registry.evidence(LATER), registry.policy).complete
        assert list(audit(registry)) == []


def test_lost_keys(home):
    """With all private keys lost a successor begins under new ones; the authority brings in the host's."""
    shutil.rmtree(home.data / "keys")
    with pytest.raises(RegistryError, match="cannot be read"):
        home.open()
    done = home.succeed()
    assert done.host_is_new
    trust = (home.data / "host-trust.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["key_id"] for line in trust] == ["host-2"]
    home.report(*trust, key=sample.authority())
    with home.open() as registry:
        registry.enter_heads()
        assert verified(registry.evidence(PACK), registry.policy).complete
        assert list(audit(registry)) == []


@pytest.mark.parametrize("stopped_at", ["keys", "commit", "anchor", "policy"])
def test_a_run_that_was_stopped_is_gone_on_with(home, monkeypatch, stopped_at):
    """Stopped anywhere, the same command brings it to its end, and nothing is entered twice."""
    from voltrail.registry import settings, succession

    class Stop(Exception):
        pass

    def stop(*_):
        raise Stop

    where = {
        "keys": (succession, "_close"),
        "commit": (succession, "_put_in_place"),
        "anchor": (settings, "policy_of"),
        "policy": (settings, "save"),
    }[stopped_at]
    with monkeypatch.context() as patch:
        patch.setattr(*where, stop)
        with pytest.raises(Stop):
            home.succeed()
    if stopped_at != "keys":
        with pytest.raises(RegistryClosed, match="settings name"):
            home.open()
    keys = {path.name: path.read_bytes() for path in (home.data / "keys").iterdir()}
    assert home.succeed().origin == SECOND
    assert {path.name: path.read_bytes() for path in (home.data / "keys").iterdir()} == keys
    home.report(*sample.fitted(PACK), key=sample.signer(sample.CARMAKER))
    with home.open() as registry:
        registry.enter_heads()
        assert verified(registry.evidence(PACK), registry.policy).complete
        assert list(audit(registry)) == []
    with pytest.raises(UsageError, match="has closed already"):
        home.succeed()


def test_a_server_that_runs_stops_writing(home):
    """A registry that was open when its log closed refuses to write, and says why."""
    with home.open() as running:
        home.succeed()
        with pytest.raises(RegistryClosed) as closed:
            running.report(sample.report(sample.signer(sample.MAKER), sample.first_life(LATER)))
        assert closed.value.rule == "log.origin"
        with pytest.raises(RegistryClosed):
            running.enter_heads()
        with pytest.raises(RegistryClosed):
            running.checkpoint()


def test_what_is_no_log_to_close(home, tmp_path, postgres):
    """Another origin, an empty registry, a root that was changed: each is refused, and nothing is done."""
    with pytest.raises(UsageError, match="is not the log of this folder"):
        home.succeed("other.example/log")
    empty = Home(tmp_path / "empty", postgres())
    initialise(empty.data, sample.ORIGIN, AUTHORITY)
    empty.open().close()
    with pytest.raises(RegistryError, match="nothing to go on from"):
        empty.succeed()
    home.query("select 1")
    with home.open() as registry, registry.database.connect() as connection:
        connection.execute("update log set root = sha256('x') where true")
    with pytest.raises(RegistryError, match="does not hold"):
        home.succeed()
    with pytest.raises(UsageError, match="successor log"):
        initialise(tmp_path / "named", SECOND, AUTHORITY)


def test_the_audit_names_what_was_changed_about_closed_logs(home):
    """A closed log's row, its tree, a checkpoint, the successor's first entry: the audit names each."""
    home.succeed()
    home.report(*sample.fitted(PACK), key=sample.signer(sample.CARMAKER))
    changes = {
        "log": "update closed_log set size = size - 1",
        "closed log": "update closed_log set note = replace(note, ' ', '  ')",
        "successor": "update mark set entry = set_byte(entry, 5, get_byte(entry, 5) # 1)"
        " where get_byte(entry, 0) = 3",
        "checkpoint": "update checkpoint set note = 'x' where upto = (select size from closed_log)",
        "node 3": "update tree set nodes = set_byte(nodes, 96, get_byte(nodes, 96) # 1) where chunk = 0",
        "node 1": "update tree set nodes = set_byte(nodes, 32, get_byte(nodes, 32) # 1)"
        " where chunk = (select first_chunk from log)",
    }
    for named, change in changes.items():
        with home.open() as registry, registry.database.connect() as connection:
            connection.execute(change)
            connection.commit()
            found = [f"{one.what} {one.where}" for one in audit(registry)]
            assert any(named in one for one in found), (named, found)
            undo(connection, change)
            assert list(audit(registry)) == [], named


def undo(connection, change):
    """Make good what a change of the test above did."""
    if "#" in change:
        connection.execute(change)
    elif "size - 1" in change:
        connection.execute("update closed_log set size = size + 1")
    elif "closed_log" in change and "replace" in change:
        connection.execute("update closed_log set note = replace(note, '  ', ' ')")
    else:
        connection.execute("update checkpoint set note = c.note from closed_log c where upto = c.size")
    connection.commit()


def test_the_closed_log_stays_public(home, tmp_path):
    """The closed log is published and checked as before, beside the new one in a folder of its own."""
    with home.open() as registry:
        publish(registry.log, tmp_path / "first")
        checkpoint = registry.checkpoint()
    home.succeed()
    home.report(*sample.first_life(LATER))
    with home.open() as registry:
        closed = registry.closed_log(1)
        assert (
            Checkpoint.parse(parse_note(closed.published()[0]).text).root
            == Checkpoint.parse(parse_note(checkpoint).text).root
        )
        publish(closed, tmp_path / "first")
        publish(closed, tmp_path / "anew")
        publish(registry.log, tmp_path / "second")
        for log, name in ((closed, "first"), (closed, "anew"), (registry.log, "second")):
            assert check_folder(log, tmp_path / name) == []
        with pytest.raises(UsageError, match="not one of"):
            publish(registry.log, tmp_path / "first")
        with pytest.raises(NotFound):
            registry.closed_log(2)
        assert registry.log_at(0).place.number == 1
        assert registry.log_at(registry.logs.newest.base).place.number == 2


def test_changed_evidence_of_two_logs_fails_both(home):
    """Each of 300 random changes to evidence over two logs fails both verifiers."""
    from tests.independent.test_verifier import mutate

    home.succeed()
    home.report(*sample.fitted(PACK), key=sample.signer(sample.CARMAKER))
    with home.open() as registry:
        registry.enter_heads()
        data, policy = registry.evidence(PACK, reader=Reader("auditor")), registry.policy
        other = registry.evidence(UNTOUCHED, reader=Reader("auditor"))
    verified(data, policy)
    rng = random.Random(3)
    for _ in range(300):
        changed = mutate(rng, data, other)
        with pytest.raises(Exception):  # noqa: B017 - any refusal will do
            voltrail.verify(changed, Policy.parse(policy), AUTHORITY)
        with pytest.raises(Exception):  # noqa: B017
            verifier.verify(changed, policy, AUTHORITY)


def test_a_log_left_out_is_missed(home):
    """Evidence that leaves out the closed logs, or names others, proves nothing."""
    home.succeed()
    with home.open() as registry:
        data, policy = json.loads(registry.evidence(PACK)), registry.policy
    closed = data.pop("closed")
    without, empty, twice = data, data | {"closed": []}, data | {"closed": closed * 2}
    for changed in (without, empty, twice):
        written = json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode()
        with pytest.raises(VerificationError):
            voltrail.verify(written, Policy.parse(policy), AUTHORITY)
        with pytest.raises((ValueError, LookupError)):
            verifier.verify(written, policy, AUTHORITY)


def test_origins_are_counted():
    """The second log has /2, and so on; a first log's origin ends in no such number."""
    assert [number_of(name) for name in ("a/log", "a/log/2", "a/log/10", "a/log/1", "a/log/02")] == [
        1,
        2,
        10,
        1,
        1,
    ]
    assert next_origin("a/log") == "a/log/2"
    assert next_origin("a/log/9") == "a/log/10"
    assert first_origin("a/log/12") == "a/log"
