"""Trees, notes and cosignatures of other logs; each vector's source is in tlog/SOURCES.md."""

import json
from base64 import b64decode

import pytest

from voltrail.errors import NoteError, ProofError
from voltrail.ledger import merkle
from voltrail.ledger.notes import Checkpoint, Policy, Verifier, open_note, parse_note

TESSERA = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


@pytest.fixture(scope="module")
def tlog(reference):
    return reference / "tlog"


def cases(folder):
    found = [(path, json.loads(path.read_text())) for path in sorted(folder.rglob("*.json"))]
    assert found
    return found


def hashes_of(case, *names):
    """Return the hashes of a case by name, None as nothing, and its proof."""
    return [b64decode(case[name] or "") for name in names], [b64decode(h) for h in case["proof"] or []]


def test_reference_tree(tlog):
    """Leaves, inner nodes and roots are those of the reference tree, at every size."""
    given = json.loads((tlog / "rfc6962/reference-tree.json").read_text())
    leaves = [merkle.leaf_hash(bytes.fromhex(data)) for data in given["leaf_inputs_hex"]]
    nodes, _ = merkle.extend(0, (), leaves)
    for level, hashes in enumerate(given["node_hashes_hex_by_level"]):
        for index, expected in enumerate(hashes):
            at = 32 * merkle.position(level, index)
            assert nodes[at : at + 32].hex() == expected
    for size, expected in enumerate(given["root_hashes_hex_by_size"]):
        assert merkle.root(leaves[:size]).hex() == expected


def test_inclusion_vectors(tlog):
    """Every inclusion proof is taken or refused as its author says."""
    for path, case in cases(tlog / "rfc6962/inclusion"):
        (root, leaf), proof = hashes_of(case, "root", "leafHash")
        args = (leaf, case["leafIdx"], case["treeSize"], proof, root)
        check(path, case, merkle.verify_inclusion, args)


def test_consistency_vectors(tlog):
    """Every consistency proof is taken or refused as its author says."""
    for path, case in cases(tlog / "rfc6962/consistency"):
        (old_root, root), proof = hashes_of(case, "root1", "root2")
        args = (case["size1"], old_root, case["size2"], root, proof)
        check(path, case, merkle.verify_consistency, args)


def check(path, case, verify, args):
    try:
        verify(*args)
    except ProofError:
        assert case["wantErr"], path
    else:
        assert not case["wantErr"], path


def test_signed_note_example(tlog):
    """The example of the signed-note specification opens with its key, and not when a byte is changed."""
    note = (tlog / "signed-note/example-foo.note").read_text(encoding="utf-8")
    verifier = Verifier((tlog / "signed-note/example-foo.vkey").read_text().strip())
    assert open_note(note, [verifier]).text == "This is an example message.\n"
    with pytest.raises(NoteError):
        open_note(note.replace("example message", "exemplar"), [verifier])


@pytest.mark.parametrize("name", ["checkpoint-example", "cosigned-checkpoint-example", "quasimodo"])
def test_notes_without_published_keys(tlog, name):
    """Examples whose keys are unknown read, and no known key opens them."""
    note = (tlog / f"signed-note/{name}.note").read_text(encoding="utf-8")
    parsed = parse_note(note)
    assert len(parsed.signatures) == 1 + name.startswith("cosigned")
    if "checkpoint" in name:
        assert Checkpoint.parse(parsed.text).size == 20_852_163
    with pytest.raises(NoteError) as caught:
        open_note(note, [Verifier(TESSERA)])
    assert caught.value.rule == "note.unknown"


def test_tessera_checkpoints(tlog):
    """Every checkpoint of the tessera log opens, and its root is that of the leaves in its tile."""
    found = sorted((tlog / "tlog-tiles/tessera").glob("checkpoint*"))
    assert len(found) == 9
    for path in found:
        opened = Checkpoint.parse(open_note(path.read_text(encoding="utf-8"), [Verifier(TESSERA)]).text)
        tile = tlog / f"tlog-tiles/tessera/tile/0/000.p/{opened.size}"
        if tile.exists():
            leaves = tile.read_bytes()
            parts = [leaves[at : at + 32] for at in range(0, len(leaves), 32)]
            assert merkle.root(parts) == opened.root


@pytest.mark.parametrize(
    ("checkpoint", "about"),
    [
        ("witness/sunlight-witness-checkpoint", "witness/sunlight-witness.v0.json"),
        ("tlog-tiles/sunlight-mirror/checkpoint", "tlog-tiles/sunlight-mirror/mirror.v0.json"),
    ],
)
def test_sunlight_cosignatures(tlog, checkpoint, about):
    """Cosignatures by a witness and a mirror of another implementation hold, with the time in them."""
    (vkey,) = json.loads((tlog / about).read_text())["verifier_keys"]
    note = (tlog / checkpoint).read_text(encoding="utf-8")
    opened = open_note(note, [Verifier(vkey)])
    assert Checkpoint.parse(opened.text).size == 300
    with pytest.raises(NoteError):
        open_note(note.replace("\n300\n", "\n301\n"), [Verifier(vkey)])
    with pytest.raises(NoteError) as caught:
        Policy.parse(f"witness w {vkey}\nquorum w\n").check(note)
    assert caught.value.rule == "note.log"
