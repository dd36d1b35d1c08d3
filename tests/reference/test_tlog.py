"""Trees, notes and cosignatures of other logs; each vector's source is in tlog/SOURCES.md."""

import json
import re
from base64 import b64decode
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from voltrail.errors import NoteError, ProofError
from voltrail.ledger import merkle
from voltrail.ledger.notes import Checkpoint, Policy, Verifier, open_note, parse_note

TESSERA = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


NO_COSE = """
Our receipts are JSON and our notes are C2SP: COSE is neither made nor read. Of this one neither the leaf nor
the key was published, so nothing but the length of its path could be checked.
"""
NO_CANONICAL_JSON = """
Canonical JSON is for those who encode again before they hash. We hash the bytes received (invariant 1), so a
line with its members in another order is another line.
"""

# Every file of reference/tlog: first the test that reads it, or `None` and why none does.
READ_BY = {
    "SOURCES.md": (None, "says where the others are from"),
    "rfc6962/reference-tree.json": ("test_reference_tree",),
    "rfc6962/inclusion/*": ("test_inclusion_vectors",),
    "rfc6962/consistency/*": ("test_consistency_vectors",),
    "rfc6962/subtreeinclusion/*": ("test_subtree_inclusion_vectors",),
    "rfc6962/subtreeconsistency/*": ("test_subtree_consistency_vectors",),
    "signed-note/example-foo.*": ("test_signed_note_example",),
    "signed-note/checkpoint-example.note": ("test_notes_without_published_keys",),
    "signed-note/cosigned-checkpoint-example.note": ("test_notes_without_published_keys",),
    "signed-note/quasimodo.note": ("test_notes_without_published_keys",),
    "tlog-tiles/tessera/checkpoint*": ("test_tessera_checkpoints",),
    "tlog-tiles/tessera/tile/*": ("test_tiles.py",),
    "tlog-tiles/sunlight-mirror/checkpoint": ("test_sunlight_cosignatures",),
    "tlog-tiles/sunlight-mirror/mirror.v0.json": ("test_sunlight_cosignatures",),
    "tlog-tiles/sunlight-mirror/tile/*": ("test_tiles.py",),
    "witness/sunlight-witness*": ("test_sunlight_cosignatures",),
    "witness/add-checkpoint-cases.json": ("test_witness.py",),
    "rekor-v2/*/bundle.sigstore.json": ("test_rekor_entries",),
    "rekor-v2/*/trusted_root.json": ("test_rekor_entries",),
    "rekor-v2/*/README": (None, "says in words what the bundle beside it is for"),
    "cose-receipts/inclusion-receipt.cbor": (None, NO_COSE),
    "cose-receipts/inclusion-receipt.diag": (None, "the same receipt, printed for people"),
    "cose-receipts/*.cddl": (None, "grammars of COSE structures, and no instance of them"),
    "jcs/*": (None, NO_CANONICAL_JSON),
}

# Of the Rekor bundles, what is about a log is checked; these are wrong in what is not.
NOT_ABOUT_THE_LOG = {
    "rekor2-dsse-mismatch-envelope_fail": "the envelope beside the entry is not the one logged (sigstore)",
    "rekor2-timestamp-payload-mismatch_fail": "the RFC 3161 timestamp is of another signature (sigstore)",
}


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


def test_every_file_is_read_or_says_why_not(tlog):
    """Each vector is in the table once, and the table names nothing that is not there."""
    files = [str(path.relative_to(tlog)) for path in tlog.rglob("*") if path.is_file()]
    for file in files:
        matching = [pattern for pattern in READ_BY if fnmatchcase(file, pattern)]
        assert len(matching) == 1, (file, matching)
    for pattern, (test, *why) in READ_BY.items():
        assert any(fnmatchcase(file, pattern) for file in files), pattern
        if test is None:
            assert all(why)
        elif test.endswith(".py"):
            found = Path(__file__).with_name(test)
            assert not found.exists() or pattern.split("/")[0] in found.read_text(encoding="utf-8"), pattern
        else:
            assert callable(globals()[test]), pattern


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


def test_subtree_inclusion_vectors(tlog):
    """
    Inclusion in a subtree [start, end) is inclusion in the tree of its leaves.

    What a subtree is (start a multiple of the power of two not below its
    size) is for whoever names one; we name none but those from 0 on.
    """
    for path, case in cases(tlog / "rfc6962/subtreeinclusion"):
        (root, leaf), proof = hashes_of(case, "root", "leafHash")
        start, size = case["start"], case["end"] - case["start"]
        args = (leaf, case["leafIdx"] - start, size, proof, root)
        if not is_subtree(start, size):
            assert case["wantErr"], path
        else:
            check(path, case, merkle.verify_inclusion, args)


def test_subtree_consistency_vectors(tlog):
    """
    A subtree from 0 on is an older tree, and its proof is one of consistency.

    The two cases that begin at 1 are no subtrees, and are not put to us: a
    checkpoint is of a tree from its first leaf.
    """
    skipped = []
    for path, case in cases(tlog / "rfc6962/subtreeconsistency"):
        (old_root, root), proof = hashes_of(case, "root1", "root2")
        if case["start"]:
            assert case["wantErr"], path
            assert not is_subtree(case["start"], case["end"] - case["start"])
            skipped.append(path.name)
            continue
        args = (case["end"], old_root, case["size"], root, proof)
        check(path, case, merkle.verify_consistency, args)
    assert skipped == ["invalid-subtree.json"] * 2


def is_subtree(start, size):
    return size > 0 and start % (1 << (size - 1).bit_length()) == 0


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


def test_rekor_entries(tlog):
    """
    Rekor's checkpoints open with its Ed25519 keys, its entries are in its tree, wrong ones are refused.

    The key ids are ours, as in C2SP: the first bytes of a log's id. Lines by
    keys that the trusted root does not hold (a second key of the log, and all
    witnesses) are passed over as unknown: their cosignatures cannot be checked.
    """
    refused = {}
    for folder in sorted((tlog / "rekor-v2").iterdir()):
        keys, entry = rekor(folder)
        proof = entry["inclusionProof"]
        note = proof["checkpoint"]["envelope"]
        try:
            opened = open_note(note, keys)
            checkpoint = Checkpoint.parse(opened.text)
        except NoteError as error:
            refused[folder.name] = error.rule
            continue
        assert [key.name for key in opened.verified] == [checkpoint.origin]
        assert (checkpoint.size, checkpoint.root) == (int(proof["treeSize"]), b64decode(proof["rootHash"]))
        leaf = merkle.leaf_hash(b64decode(entry["canonicalizedBody"]))
        path = [b64decode(h) for h in proof["hashes"]]
        merkle.verify_inclusion(leaf, int(proof["logIndex"]), checkpoint.size, path, checkpoint.root)
        with pytest.raises(ProofError):
            merkle.verify_inclusion(leaf, int(proof["logIndex"]) - 1, checkpoint.size, path, checkpoint.root)
        with pytest.raises(NoteError):
            open_note(note.replace(f"\n{checkpoint.size}\n", f"\n{checkpoint.size + 1}\n"), keys)
    assert refused == {
        "rekor2-checkpoint-missing-log-signature_fail": "note.malformed",
        "rekor2-checkpoint-missing-root-hash_fail": "note.signature",
    }
    meant = {folder.name for folder in (tlog / "rekor-v2").iterdir() if folder.name.endswith("_fail")}
    assert meant == refused.keys() | NOT_ABOUT_THE_LOG.keys()


def rekor(folder):
    """Return the verifiers of the trusted root's Ed25519 logs, and the entry of the bundle."""
    trusted = json.loads((folder / "trusted_root.json").read_text())
    keys = []
    for log in trusted["tlogs"]:
        if log["publicKey"]["keyDetails"] == "PKIX_ED25519":
            public_key = b64decode(log["publicKey"]["rawBytes"])[-32:]  # the end of its SPKI
            key = Verifier.of(re.sub("^https://", "", log["baseUrl"]), "ed25519", public_key)
            assert b64decode(log["logId"]["keyId"]).startswith(key.key_id)
            keys.append(key)
    (entry,) = json.loads((folder / "bundle.sigstore.json").read_text())["verificationMaterial"][
        "tlogEntries"
    ]
    return keys, entry
