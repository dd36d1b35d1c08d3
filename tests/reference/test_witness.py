"""Requests that another implementation of a witness answers; their source is in tlog/SOURCES.md."""

import json

import pytest
from litestar.testing import TestClient

from voltrail.connections.witness_server import Witness, create_witness
from voltrail.connections.witness_store import WitnessStore
from voltrail.ledger.keys import ED25519, Signer, Verifier
from voltrail.ledger.notes import Checkpoint, Policy, open_note
from voltrail.ledger.witness import Cosigner, known_logs

ORIGIN = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
# The key is not in the vectors, but in the same script, in `witnessctl add-sigsum-log -key=`.
LOG = Verifier.of(
    ORIGIN, ED25519, bytes.fromhex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f")
)
KEY = Cosigner(Signer.from_seed("example.com/witness", bytes(range(32))))


@pytest.fixture
def client(tmp_path):
    """A witness that knows the log of the vectors."""
    store = WitnessStore(tmp_path)
    with TestClient(create_witness(Witness(KEY, store, known_logs([LOG])))) as client:
        yield client
    store.close()


def test_add_checkpoint_cases(reference, client):
    """
    Each request is answered with the same status, in order, from a witness with a memory.

    But for the unknown log: the vectors are of a time when 403 was given, and the specification now says 404.
    """
    cases = json.loads((reference / "tlog/witness/add-checkpoint-cases.json").read_text())
    assert len(cases) == 4
    for case in sorted(cases, key=lambda case: case["order"]):
        answer = client.post("/add-checkpoint", content=case["request_body"].encode())
        unknown = "unknown log" in case["asserts"]
        assert answer.status_code == (404 if unknown else case["http_status"]), case["order"]
        if answer.status_code == 200:
            assert answer.text.startswith("\u2014 example.com/witness ")
            text = case["request_body"].removeprefix("old 0\n\n").partition("\n\n")[0] + "\n"
            assert open_note(f"{text}\n{answer.text}", [KEY.verifier]).verified == (KEY.verifier,)


def test_a_witness_of_another_kind_shows_its_checkpoint(reference):
    """What another witness gives out at its monitoring address is read as ours is."""
    folder = reference / "tlog/witness"
    about = json.loads((folder / "sunlight-witness.v0.json").read_text())
    [vkey] = about["verifier_keys"]
    note = (folder / "sunlight-witness-checkpoint").read_text(encoding="utf-8")
    opened = open_note(note, [Verifier(vkey)])
    assert Checkpoint.parse(opened.text).size == 300
    assert Policy.parse(f"witness w {vkey} {about['submission_url']}\nquorum none\n").urls == {
        "w": about["submission_url"]
    }
