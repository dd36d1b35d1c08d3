"""Reports that can be made again from their number alone, and what must hold of all that got a receipt."""

import json
import os
import signal
from contextlib import suppress
from hashlib import sha256
from time import sleep

import psutil

from tests.registry import sample
from voltrail.events import split
from voltrail.ledger import merkle
from voltrail.ledger.commitments import commit_lines
from voltrail.ledger.entries import event_entry
from voltrail.ledger.notes import Checkpoint, open_note
from voltrail.ledger.receipts import verify_receipt
from voltrail.registry import rows
from voltrail.registry.audit import audit
from voltrail.registry.settings import initialise

EVENTS = "select seq, received_ms, c, links, line from event order by seq"


def begin(folder):
    """Make a registry's folder."""
    initialise(folder, sample.ORIGIN, [sample.authority().vkey])


def report_of(number):
    """
    Return the file and the lines of the report with this number, always the same.

    Number 0 registers the organisations. Then by turns: a maker makes and
    ships packs; a car maker fits them, often before their maker has reported.
    """
    if number == 0:
        key = sample.authority()
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
    elif number % 2:
        key = sample.signer(sample.MAKER)
        packs = [sample.pack(10 * number + n) for n in range(1 + number % 7)]
        lines = [one for pack in packs for one in sample.first_life(pack)]
    else:
        key = sample.signer(sample.CARMAKER)
        packs = [sample.pack(10 * (number - 1) + n) for n in range(3)]
        lines = [line for pack in packs for line in sample.fitted(pack, f"LSVAA4187E{number:07}")]
    secret = sha256(f"secret {number}".encode()).digest()[:16]
    return sample.report(key, lines, secret), secret, lines


def server_of(pg):
    """Return the processes of the PostgreSQL over this folder, the postmaster first, or none."""
    with suppress(FileNotFoundError, psutil.NoSuchProcess):
        process = psutil.Process(int((pg / "postmaster.pid").read_text().split()[0]))
        if process.name() == "postgres" and alive(process) and pg.samefile(process.cwd()):
            return [process, *process.children(recursive=True)]
    return []


def alive(process):
    """Return whether a process still runs: a zombie does not."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def gone(processes):
    """Wait until none of them runs."""
    while any(alive(process) for process in processes):
        sleep(0.01)


def stop(pg, how=signal.SIGINT):
    """End the PostgreSQL over this folder: in order, or with SIGKILL to all its processes."""
    processes = server_of(pg)
    for process in processes if how == signal.SIGKILL else processes[:1]:
        with suppress(psutil.NoSuchProcess):
            os.kill(process.pid, how)
    gone(processes)


def check_kept(registry, received):
    """Assert that the record keeps every promise in these receipts, by number, and agrees with itself."""
    log = registry.keys.log.verifier
    final = Checkpoint.parse(open_note(registry.checkpoint(), [log]).text)
    with registry.database.connect() as connection:
        events = connection.execute(EVENTS, binary=True).fetchall()
        assert [event[0] for event in events] == list(range(final.size))
        leaves = [merkle.leaf_hash(event_entry(ms, bytes(c), bytes(links))) for _, ms, c, links, _ in events]
        assert merkle.root(leaves) == final.root
        promised = {}
        for number, receipt in received.items():
            said = json.loads(receipt)
            first, accepted = said["first_index"], said["accepted"]
            assert not said["refused"]
            stand = range(first, first + len(accepted)) if accepted else range(0)
            verify_receipt(receipt, log, [leaves[index] for index in stand])
            _, secret, lines = report_of(number)
            commitments = commit_lines(secret, [split(line) for line in lines])
            for index, position in zip(stand, accepted, strict=True):
                assert (bytes(events[index][2]), events[index][4]) == (commitments[position], lines[position])
            checkpoint = Checkpoint.parse(open_note(said["checkpoint"], [log]).text)
            assert promised.setdefault(checkpoint.size, checkpoint.root) == checkpoint.root
        for size, root in promised.items():
            nodes = rows.read_nodes(connection, merkle.consistency_nodes(size, final.size), 0)
            proof = merkle.consistency_proof(size, final.size, nodes)
            merkle.verify_consistency(size, root, final.size, final.root, proof)
    for number, receipt in received.items():
        assert registry.report(report_of(number)[0]) == receipt
    assert registry.checkpoint().startswith(registry.anchor.read()[0])  # then comes the second signature
    assert list(audit(registry)) == []
