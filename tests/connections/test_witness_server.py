"""A witness over HTTP: the statuses of the specification, and a memory that nothing takes back."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from litestar.testing import TestClient

from tests.ledger.test_witness import LEAVES, LOG, OTHER, proof, tree
from voltrail.connections.witness_server import Witness, create_witness
from voltrail.connections.witness_store import WitnessStore
from voltrail.errors import RegistryError, UsageError, WitnessError
from voltrail.ledger import merkle
from voltrail.ledger.keys import Signer
from voltrail.ledger.notes import Checkpoint, open_note
from voltrail.ledger.witness import Cosigner, Request, known_logs, origin_hash, read_answer

KEY = Cosigner(Signer.from_seed("w.example", b"\x03" * 32))
LOGS = known_logs([LOG.verifier])
LAST = f"/{origin_hash('example.com/log')}/checkpoint"


@pytest.fixture
def store(tmp_path):
    """A witness's store."""
    store = WitnessStore(tmp_path / "w")
    yield store
    store.close()


@pytest.fixture
def client(store):
    """A client of the witness over that store."""
    with TestClient(create_witness(Witness(KEY, store, LOGS)), raise_server_exceptions=False) as client:
        yield client


def asking(old, size, leaves=LEAVES, key=LOG):
    """Return the body that asks for a cosignature on a tree."""
    return Request(old, proof(old, size, leaves), key.sign(tree(size, leaves).text)).body


def test_what_is_cosigned_is_shown(client):
    """A cosigned checkpoint stands at its log's address with both signatures, none before the first."""
    assert client.get(LAST).status_code == 404
    answer = client.post("/add-checkpoint", content=asking(0, 5))
    assert answer.status_code == 200
    assert read_answer(answer.content, tree(5).text, KEY.verifier).line == answer.text
    assert len(open_note(client.get(LAST).text, [LOG.verifier, KEY.verifier]).verified) == 2
    assert client.get("/0/checkpoint").status_code == 404
    assert KEY.vkey in client.get("/").text
    assert client.get("/healthz").status_code == 200
    assert 'voltrail_witness_size{origin="example.com/log"} 5.0' in client.get("/metrics").text


def test_every_refusal_has_its_status(client):
    """A conflict is answered with the known size in its own type, a fork with 422; the memory stays."""
    assert client.post("/add-checkpoint", content=asking(0, 5)).status_code == 200
    conflict = client.post("/add-checkpoint", content=asking(3, 7))
    assert (conflict.status_code, conflict.text) == (409, "5\n")
    assert conflict.headers["content-type"].partition(";")[0] == "text/x.tlog.size"
    forked = [merkle.leaf_hash(b"forked"), *LEAVES[1:]]
    other = Signer.from_seed("other.example/log", b"\x01" * 32)
    unknown = Request(0, (), other.sign(tree(1).text.replace("example.com", "other.example"))).body
    for body, status in (
        (asking(5, 7, forked), 422),
        (asking(5, 5, forked), 422),
        (asking(5, 7, key=OTHER), 403),
        (unknown, 404),
        (b"old 9\n\n" + LOG.sign(tree(7).text).encode(), 400),
        (b"hello", 400),
        (bytes(1 << 18), 413),
    ):
        answer = client.post("/add-checkpoint", content=body)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.text.strip()
    assert client.get("/add-checkpoint").status_code == 405
    assert client.post("/add-checkpoint", content=asking(5, 5)).status_code == 200
    assert client.post("/add-checkpoint", content=asking(5, 7)).status_code == 200


def test_of_many_at_once_one_passes(tmp_path):
    """Of histories that all begin at the same size, one only is cosigned, even through two stores."""
    stores = [WitnessStore(tmp_path / "w") for _ in range(2)]
    witnesses = [Witness(KEY, store, LOGS) for store in stores]
    leaves = []
    for step in range(5):
        forks = [[*leaves, *[merkle.leaf_hash(b"%d %d" % (step, n))] * 3] for n in range(6)]
        bodies = [asking(len(leaves), len(fork), fork) for fork in forks]
        passed = all_at_once([partial(answers, witnesses[n % 2], body) for n, body in enumerate(bodies)])
        assert sum(passed) == 1
        leaves = forks[passed.index(True)]
        kept = open_note(stores[step % 2].last("example.com/log"), [LOG.verifier])
        assert Checkpoint.parse(kept.text) == tree(len(leaves), leaves)
    for store in stores:
        store.close()


def answers(witness, body):
    """Return whether the witness cosigns."""
    try:
        return bool(witness.add_checkpoint(body))
    except WitnessError:
        return False


def all_at_once(calls):
    """Make these calls in threads that start together; return what each returns."""
    start = threading.Barrier(len(calls))
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: (start.wait(), call())[1], calls))


def test_time_never_runs_back(store):
    """A clock that is set back, or stands at nothing, gives no cosignature older than the one before."""
    witness = Witness(KEY, store, LOGS)
    times = []
    for size, now in enumerate((0, 1_775_000_100, 1_775_000_000, 5, 1_775_000_200), 1):
        store.now_s = lambda now=now: now
        line = witness.add_checkpoint(asking(size - 1, size))
        times.append(read_answer(line.encode(), tree(size).text, KEY.verifier).time)
    assert times == [1, 1_775_000_100, 1_775_000_100, 1_775_000_100, 1_775_000_200]


def test_what_cannot_be_a_witness(tmp_path, store):
    """A witness without logs, with a log's own key, or with a broken store does not start, and says why."""
    with pytest.raises(UsageError):
        Witness(KEY, store, {})
    with pytest.raises(UsageError):
        Witness(Cosigner(LOG), store, LOGS)
    (tmp_path / "witness.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(RegistryError) as caught:
        WitnessStore(tmp_path)
    assert "older copy" in caught.value.fix
