"""The worked example of the formats: commitments, report roots and entries come out as given."""

import json
from base64 import b64decode

from voltrail.ledger import commitments, entries, merkle


def members_of(line):
    """Split a line of the example, whose values are all flat, into its members."""
    return [
        f'"{key}":{json.dumps(value, ensure_ascii=False)}'.encode() for key, value in json.loads(line).items()
    ]


def test_worked_example(reference):
    """Every commitment, report root and log entry of the example is computed from its secrets and lines."""
    example = json.loads((reference / "formats/example.json").read_text())
    chains = {}
    given = iter(example["entries"])
    for report in example["reports"]:
        secret = b64decode(report["secret"])
        committed = commitments.commit_lines(secret, [members_of(line) for line in report["lines"]])
        assert committed == [b64decode(c) for c in report["c"]]
        root = merkle.root([merkle.leaf_hash(c) for c in committed])
        assert root == b64decode(report["note"].split("\n")[2])
        for number, commitment in enumerate(committed):
            expected = next(given)
            before = [chains.get(subject, (0, entries.NO_HEAD)) for subject in expected["subjects"]]
            blinds = entries.link_blinds(secret, number, expected["subjects"])
            links = entries.links_root(blinds, [k + 1 for k, _ in before], [h for _, h in before])
            received_ms = int.from_bytes(b64decode(expected["entry"])[1:9], "big")
            entry = entries.event_entry(received_ms, commitment, links)
            assert entry == b64decode(expected["entry"])
            for subject, (k, head) in zip(expected["subjects"], before, strict=True):
                chains[subject] = (k + 1, entries.chain(head, entry))
