"""The worked example of the formats: its entries under its checkpoint, and its range proofs."""

import json
from base64 import b64decode

from voltrail.ledger import merkle


def test_worked_example(reference):
    """The example's entries have its checkpoint's root, and its reports' range proofs come out as given."""
    example = json.loads((reference / "formats/example.json").read_text())
    entries = [b64decode(entry["entry"]) for entry in example["entries"]]
    entries.append(b64decode(example["heads"]["entry"]))
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    assert merkle.root(leaves) == b64decode(example["checkpoint"].split("\n")[2])
    for report in example["reports"]:
        first, size = report["first_index"], report["size_after"]
        nodes, _ = merkle.extend(0, (), leaves[:size])
        places = {place: nodes[32 * place : 32 * place + 32] for place in range(len(nodes) // 32)}
        assert merkle.range_proof(first, size, size, places) == [b64decode(h) for h in report["range_proof"]]
