"""A database that is not the one the log has made promises from is never written."""

import json
import shutil
import subprocess

import pytest

import voltrail
from tests.faults import load
from tests.registry import sample
from voltrail.database import embedded
from voltrail.errors import RegistryClosed, RegistryError, ReportError
from voltrail.ledger.notes import Policy
from voltrail.registry.audit import audit
from voltrail.registry.succession import succeed


def copy_of(source, target):
    """Copy a folder with owners and modes, as a backup does."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    return target


def written(data, *numbers):
    """Report what has these numbers and stop PostgreSQL, so that the folder can be copied."""
    with voltrail.open(data) as registry:
        for number in numbers:
            registry.report(load.report_of(number)[0])
    load.stop(data / "pg")


def put_back(data, older):
    """Put another copy of the database in the place of the one that stands."""
    load.stop(data / "pg")
    shutil.rmtree(data / "pg")
    copy_of(older, data / "pg")


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A stopped registry of three reports, from which each test goes its own way."""
    folder = tmp_path_factory.mktemp("begun") / "data"
    load.begin(folder)
    written(folder, 0, 1, 2)
    return folder


@pytest.fixture
def data(begun, tmp_path):
    """A copy of that registry."""
    folder = copy_of(begun, tmp_path / "data")
    yield folder
    load.stop(folder / "pg")


def size_of(registry):
    """Return the entries that the database holds, whatever the registry thinks of it."""
    with registry.database.connect() as connection:
        return [
            connection.execute(f"select count(*) from {table}").fetchone() for table in ("event", "report")
        ]


def refuses(registry, words, rule="log.closed"):
    """Assert that neither a new report nor a known one is taken, and that it is said why and what to do."""
    size, anchor = size_of(registry), registry.anchor.path
    before = anchor.read_bytes() if anchor.exists() else None
    for number in (1, 3, 5):
        with pytest.raises(RegistryClosed) as closed:
            registry.report(load.report_of(number)[0])
        assert closed.value.rule == rule
        assert words in closed.value.message
        assert "successor" in closed.value.fix
    assert size_of(registry) == size
    assert (anchor.read_bytes() if anchor.exists() else None) == before


def check_closed(data, words, rule="log.closed"):
    """Assert that the registry in a folder opens for reading only, says so, and gives out no checkpoint."""
    with voltrail.open(data) as registry:
        assert registry.closed.rule == rule
        assert words in registry.closed.message
        refuses(registry, words, rule)
        with pytest.raises(RegistryClosed):
            registry.checkpoint()


def test_an_older_copy(begun, data):
    """Put back from an older copy, the log is closed: it has promised more than the database holds."""
    written(data, 3, 4)
    put_back(data, begun / "pg")
    check_closed(data, "older copy")


def test_the_newest_copy_opens_it_again(begun, data):
    """Once the newest copy is back, the log goes on as if nothing had been."""
    written(data, 3, 4)
    newest = copy_of(data / "pg", data / "newest")
    put_back(data, begun / "pg")
    check_closed(data, "older copy")
    put_back(data, newest)
    with voltrail.open(data) as registry:
        assert registry.closed is None
        received = {number: registry.report(load.report_of(number)[0]) for number in range(6)}
        load.check_kept(registry, received)


def test_an_empty_database(data):
    """A new, empty database under an old anchor is not taken for a new log."""
    load.stop(data / "pg")
    shutil.rmtree(data / "pg")
    check_closed(data, "older copy")


def test_restored_while_open(begun, data):
    """Restored under a running registry, the log is closed at the next report, before anything is written."""
    with voltrail.open(data) as registry:
        for number in (3, 4):
            registry.report(load.report_of(number)[0])
        put_back(data, begun / "pg")
        embedded.start(data / "pg")
        with pytest.raises(RegistryError):  # the connection broke; from the next on it is known why
            registry.report(load.report_of(5)[0])
        refuses(registry, "older copy")


@pytest.mark.parametrize("others", [[13], [13, 14, 15]], ids=["as long", "longer"])
def test_a_copy_that_went_another_way(data, tmp_path, others):
    """A copy in which other reports were taken since is another history, however long it is."""
    twin = copy_of(data, tmp_path / "twin")
    written(twin, *others)
    written(data, 6 + others[0])  # 19 has as many lines as 13 has modulo 7: 13 % 7 == 6, 19 % 7 == 5
    put_back(data, twin / "pg")
    check_closed(data, "another history")


@pytest.mark.parametrize("others", [[13], [13, 14, 15]], ids=["as long", "longer"])
def test_another_history_while_open(data, tmp_path, others):
    """The same under a running registry: however long the other history is, the log is not forked."""
    twin = copy_of(data, tmp_path / "twin")
    written(twin, *others)
    with voltrail.open(data) as registry:
        registry.report(load.report_of(27)[0])
        put_back(data, twin / "pg")
        embedded.start(data / "pg")
        with pytest.raises(RegistryError):
            registry.report(load.report_of(5)[0])
        refuses(registry, "another history")


@pytest.mark.parametrize("while_open", [False, True])
def test_the_anchor_is_missing(data, while_open):
    """Without the anchor nobody can say whether the database is the newest: the log is closed."""
    if while_open:
        with voltrail.open(data) as registry:
            registry.report(load.report_of(3)[0])
            (data / "anchor" / "checkpoint").unlink()
            refuses(registry, "missing")
    (data / "anchor" / "checkpoint").unlink(missing_ok=True)
    check_closed(data, "missing")


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-20],
        lambda whole: whole.replace(b"\n", b"\n1", 1),
        lambda whole: b"\xff\xfe" + whole,
        lambda whole: b"\0" * len(whole),
    ],
    ids=["empty", "cut", "size", "not text", "zeros"],
)
@pytest.mark.parametrize("while_open", [False, True])
def test_the_anchor_is_damaged(data, damage, while_open):
    """An anchor that is not a checkpoint of this log closes it, and the right one opens it again."""
    anchor = data / "anchor" / "checkpoint"
    if while_open:
        with voltrail.open(data) as registry:
            registry.report(load.report_of(3)[0])
            whole = anchor.read_bytes()
            anchor.write_bytes(damage(whole))
            refuses(registry, "not a checkpoint", "anchor.damaged")
    else:
        whole = anchor.read_bytes()
        anchor.write_bytes(damage(whole))
    check_closed(data, "not a checkpoint", "anchor.damaged")
    anchor.write_bytes(whole)
    with voltrail.open(data) as registry:
        assert registry.closed is None
        registry.report(load.report_of(5)[0])
        assert list(audit(registry)) == []


def test_a_half_written_anchor_does_no_harm(data):
    """What a stop leaves beside the anchor, before it was put in its place, is written over."""
    (data / "anchor" / "checkpoint.new").write_bytes(b"half")
    with voltrail.open(data) as registry:
        assert registry.closed is None
        registry.report(load.report_of(3)[0])
        assert not (data / "anchor" / "checkpoint.new").exists()
        assert registry.anchor.path.stat().st_size > 100


def test_the_record_goes_on_in_a_successor(begun, data):
    """Restored behind its promise, the log closes; a successor begins, and what was lost is told for ever."""
    written(data, 3, 4)
    with voltrail.open(data) as registry:
        registry.enter_heads()
        promised, size = registry.anchor.read()
    put_back(data, begun / "pg")
    check_closed(data, "older copy")
    done = succeed(data, sample.ORIGIN)
    assert done.closed.promised == promised
    assert done.closed.lost == size.size - done.closed.size > 0
    with voltrail.open(data) as registry:
        assert registry.closed is None
        assert (data / "anchor" / "closed-1" / "checkpoint").read_text() == promised
        assert list(audit(registry)) == []
        for number in (0, 1, 2):
            assert registry.report(load.report_of(number)[0])  # what is there gets its receipt again
        for number in (3, 4):
            file, secret, lines = load.report_of(number)
            with pytest.raises(ReportError) as closed:
                registry.report(file)
            assert closed.value.rule == "report.log_closed"
            key = sample.signer(sample.MAKER if number % 2 else sample.CARMAKER)
            receipt = json.loads(registry.report(sample.report(key, lines, secret, origin=registry.origin)))
            assert len(receipt["accepted"]) == len(lines)
        registry.enter_heads()
        policy, keys = Policy.parse(registry.policy), registry.settings.authorities
        for battery in registry.batteries():
            assert voltrail.verify(registry.evidence(battery["code"]), policy, keys).complete
        assert list(audit(registry)) == []


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_successor_needs_no_anchor(data, damage):
    """Where the anchor is lost or damaged, a successor begins on what the database holds."""
    anchor = data / "anchor" / "checkpoint"
    anchor.unlink() if damage == "missing" else anchor.write_bytes(anchor.read_bytes()[:-20])
    check_closed(
        data,
        "missing" if damage == "missing" else "not a checkpoint",
        "log.closed" if damage == "missing" else "anchor.damaged",
    )
    assert succeed(data, sample.ORIGIN).closed.promised is None
    with voltrail.open(data) as registry:
        assert registry.closed is None
        assert list(audit(registry)) == []
