"""Two witnesses and a log, each a process of its own: a log that forks is caught, whatever is killed when."""

import json
import random
import shutil
import signal
import threading
import time
from http.client import HTTPException

import pytest

import voltrail
from tests.faults import load
from tests.faults.test_restored import copy_of
from tests.faults.witnesses import Process, free_port, key_file
from tests.registry import sample
from voltrail.connections.exchange import Unanswered, exchange
from voltrail.errors import WitnessError
from voltrail.ledger import merkle
from voltrail.ledger.keys import Signer
from voltrail.ledger.notes import Checkpoint, Policy, open_note
from voltrail.ledger.witness import Request, origin_hash, parse_size, read_answer
from voltrail.registry.settings import initialise

LOG = Signer.from_seed("killed.example/log", b"\x07" * 32)


def witness(folder, number, log_vkey, port=None):
    """Start a witness over its folder."""
    _, pem = key_file(folder, number)
    data = folder / f"w{number}"
    return Process(data, "witness", "--key", pem, "--log", log_vkey, "--data", data, port=port)


def report(data, *numbers):
    """Report to a registry that no server holds, and stop its PostgreSQL."""
    with voltrail.open(data) as registry:
        for number in numbers:
            registry.report(load.report_of(number)[0])
    load.stop(data / "pg")


def until(done):
    """Wait until this is so; the test's own timeout ends the wait."""
    while not (found := done()):
        time.sleep(0.1)
    return found


@pytest.fixture
def running():
    """A list: what is put into it is stopped in the end."""
    processes = []
    yield processes
    for one in processes:
        one.stop(signal.SIGKILL)


@pytest.mark.timeout(300)
def test_a_log_that_forks_is_caught_by_its_witnesses(tmp_path, running):
    """
    A log and two witnesses run; then an older copy of the log, its anchor put back too, grows another way.

    Nothing on the log's own machine is amiss then. Its witnesses refuse it; it hears of it and closes.
    """
    keys = [key_file(tmp_path, number)[0] for number in (1, 2)]
    ports = [free_port(), free_port()]
    data = tmp_path / "data"
    named = [f"{key.vkey} http://127.0.0.1:{port}/" for key, port in zip(keys, ports, strict=True)]
    initialise(data, sample.ORIGIN, [sample.authority().vkey], named)
    policy = (data / "policy.txt").read_text()
    log_vkey = Policy.parse(policy).logs[0].vkey
    try:
        report(data, 0, 1)
        older = copy_of(data, tmp_path / "older")
        report(data, 2)
        witnesses = [witness(tmp_path, n, log_vkey, port) for n, port in zip((1, 2), ports, strict=True)]
        running += witnesses
        log = Process(tmp_path / "log", "serve", "--data", data)
        running.append(log)
        until(lambda: log.json("/log/witnesses")["witnessed_size"] == log.json("/log/witnesses")["size"])
        note = log.get("/log/checkpoint/witnessed")
        assert Policy.parse(policy).open(note).witnesses == ("w1.example", "w2.example")
        pack = sample.pack(10)
        verified = voltrail.verify(
            log.get(f"/b/{pack}/evidence").encode(), Policy.parse(policy), [sample.authority().vkey]
        )
        assert verified.witnessed == "witnessed"
        log.stop()
        load.stop(data / "pg")

        shutil.rmtree(data)
        older.rename(data)
        report(data, 3, 5)  # where report 2 stood
        with voltrail.open(data) as registry:
            assert registry.closed is None  # nothing here knows better
        load.stop(data / "pg")
        forked = Process(tmp_path / "forked", "serve", "--data", data)
        running.append(forked)
        until(lambda: "The log has forked" in forked.words)
        told = until(lambda: [w for w in forked.json("/log/witnesses")["witnesses"] if w["error"]])
        assert any("forked" in one["error"] for one in told)
        assert json.loads(forked.get("/log/checkpoint", known=True))["error"]["rule"] == "log.fork"
        kept = open_note((data / "anchor/fork").read_text(), [Policy.parse(policy).logs[0]])
        of_witness = witnesses[0].get(f"/{origin_hash(sample.ORIGIN)}/checkpoint")
        assert kept.text == open_note(of_witness, [keys[0].verifier]).text
        forked.stop()
    finally:
        load.stop(data / "pg")


def leaves_of(history, size):
    """Return the leaf hashes of one of many histories, all the same in the beginning."""
    return [merkle.leaf_hash(f"{n} {history if n >= 5 else 0}".encode()) for n in range(size)]


def asking(history, old, size):
    """Return what a log asks that tells this history."""
    leaves = leaves_of(history, size)
    nodes, _ = merkle.extend(0, (), leaves)
    places = {p: nodes[32 * p : 32 * p + 32] for p in merkle.consistency_nodes(old, size)}
    text = Checkpoint(LOG.name, size, merkle.root(leaves)).text
    proof = tuple(merkle.consistency_proof(old, size, places))
    return text, Request(old, proof, LOG.sign(text)).body


def fork_at(url, history, cosigned, key, stop):
    """Ask for ever for cosignatures on one history, and keep all that are given."""
    old = 0
    while not stop.is_set():
        size = old + 1
        text, body = asking(history, old, size)
        try:
            answer = exchange("POST", f"{url}/add-checkpoint", body)
            if answer.status == 200:
                read_answer(answer.body, text, key.verifier)
                cosigned.append(Checkpoint.parse(text))
                old = size
            elif answer.status == 409:
                old = parse_size(answer.body.decode().strip())
            else:
                stop.wait(0.01)
                old = max(old - 1, 0) if answer.status == 400 else old
        except (Unanswered, WitnessError, OSError, HTTPException):
            stop.wait(0.02)


@pytest.mark.timeout(600)
def test_a_killed_witness_never_cosigns_two_histories(tmp_path, running, kills):
    """Two logs with one key fight for a witness that is killed again and again: one history is cosigned."""
    key, _ = key_file(tmp_path, 1)
    port, stop = free_port(), threading.Event()
    one = witness(tmp_path, 1, LOG.vkey, port)
    running.append(one)
    cosigned = {0: [], 1: []}
    threads = [
        threading.Thread(target=fork_at, args=(one.url, history, cosigned[history], key, stop))
        for history in cosigned
    ]
    for thread in threads:
        thread.start()
    chance = random.Random(7)
    try:
        for _ in range(max(3, kills // 4)):
            before = sum(map(len, cosigned.values()))
            until(lambda before=before: sum(map(len, cosigned.values())) > before + 2)
            time.sleep(chance.uniform(0, 0.2))
            one.stop(signal.SIGKILL)
            running.append(one := witness(tmp_path, 1, LOG.vkey, port))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    both = sorted(cosigned[0] + cosigned[1], key=lambda checkpoint: checkpoint.size)
    largest = both[-1].size
    histories = [
        history
        for history in cosigned
        if all(merkle.root(leaves_of(history, one.size)) == one.root for one in both)
    ]
    assert histories, f"two histories were cosigned, up to {largest} entries"
    last = Checkpoint.parse(open_note(one.get(f"/{origin_hash(LOG.name)}/checkpoint"), [key.verifier]).text)
    assert last.size >= largest
    assert last.root == merkle.root(leaves_of(histories[0], last.size))
