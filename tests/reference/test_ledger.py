"""The worked example of the formats: every value in it comes out as given, and its evidence verifies."""

import json
import random
from base64 import b64decode
from hashlib import sha256

import msgspec
import pytest

from voltrail.errors import VerificationError
from voltrail.ledger import commitments, entries, evidence, heads, merkle, reports, trust
from voltrail.ledger.notes import Checkpoint, Policy, Signer
from voltrail.ledger.verify import verify


@pytest.fixture(scope="module")
def example(reference):
    return json.loads((reference / "formats/example.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def signers(example):
    names = {role: vkey.partition("+")[0] for role, vkey in example["vkeys"].items()}
    return {
        role: Signer.from_seed(names[role], bytes([number]) * 32)
        for number, role in enumerate(("log", "authority", "maker"), 1)
    }


@pytest.fixture(scope="module")
def data(example):
    return json.dumps(example["evidence"], ensure_ascii=False, separators=(",", ":")).encode()


@pytest.fixture(scope="module")
def policy(example):
    return Policy.parse(f"log {example['vkeys']['log']}\nquorum none\n")


def members_of(line):
    """Split a line of the example, whose values are all flat, into its members."""
    return [
        f'"{key}":{json.dumps(value, ensure_ascii=False)}'.encode() for key, value in json.loads(line).items()
    ]


def log_of(example):
    return [b64decode(e["entry"]) for e in example["entries"]] + [b64decode(example["heads"]["entry"])]


def nodes_of(leaf_hashes):
    nodes, _ = merkle.extend(0, (), leaf_hashes)
    return {place: nodes[32 * place : 32 * place + 32] for place in range(len(nodes) // 32)}


def test_keys(example, signers):
    """The vkeys are those of the seeds."""
    assert {role: signer.vkey for role, signer in signers.items()} == example["vkeys"]


def test_reports(example, signers):
    """Each report's note, digest and commitments come from its key, secret and lines."""
    for report, signer in zip(example["reports"], (signers["authority"], signers["maker"]), strict=True):
        lines, secret = [line.encode() for line in report["lines"]], b64decode(report["secret"])
        members = [members_of(line) for line in report["lines"]]
        file = reports.sign_report(example["origin"], signer, secret, lines, members)
        assert file.note == report["note"]
        assert reports.ReportFile.parse(file.encode()) == file
        note = reports.parse_report_note(file.note, example["origin"])
        assert (note.digest, note.organisation) == (report["digest"], report["organisation"])
        assert commitments.commit_lines(secret, members) == [b64decode(c) for c in report["c"]]
        note.verify(signer.verifier)


def test_entries_and_proofs(example):
    """Links, entries and range proofs come from the secrets, the subjects and the chains so far."""
    chains, given = {}, iter(example["entries"])
    leaves = [merkle.leaf_hash(entry) for entry in log_of(example)]
    for report in example["reports"]:
        for number, c in enumerate(report["c"]):
            expected = next(given)
            (subject,) = expected["subjects"]
            k, head = chains.get(subject, (0, entries.NO_HEAD))
            blinds = entries.link_blinds(b64decode(report["secret"]), number, [subject])
            links = entries.links_root(blinds, [k + 1], [head])
            assert links == b64decode(expected["L"])
            entry = b64decode(expected["entry"])
            received_ms = entries.parse_event(entry).received_ms
            assert entries.event_entry(received_ms, b64decode(c), links) == entry
            chains[subject] = (k + 1, entries.chain(head, entry))
        first, size = report["first_index"], report["size_after"]
        proof = merkle.range_proof(first, size, size, nodes_of(leaves[:size]))
        assert proof == [b64decode(h) for h in report["range_proof"]]
        merkle.verify_range(leaves[first:size], first, size, proof, merkle.root(leaves[:size]))


def test_heads(example):
    """The leaves of the heads tree and its entry come from the chains and the tree's secret."""
    chains, log = {}, log_of(example)
    for given in example["entries"]:
        for subject in given["subjects"]:
            k, head = chains.get(subject, (0, entries.NO_HEAD))
            chains[subject] = (k + 1, entries.chain(head, b64decode(given["entry"])))
    secret = b64decode(example["heads"]["tree_secret"])
    places = {heads.head_place(subject): chain for subject, chain in chains.items()}
    leaves = [heads.head_leaf(a, heads.head_salt(secret, a), *places[a]) for a in sorted(places)]
    assert leaves == [b64decode(leaf) for leaf in example["heads"]["leaves"]]
    root = merkle.root([merkle.leaf_hash(leaf) for leaf in leaves])
    index = example["heads"]["index"]
    assert entries.heads_entry(index, len(leaves), root) == log[index]


def test_checkpoint(example, signers):
    """The checkpoint is the log key's over the root of all entries."""
    root = merkle.root([merkle.leaf_hash(entry) for entry in log_of(example)])
    assert signers["log"].sign(Checkpoint(example["origin"], 5, root).text) == example["checkpoint"]


def test_evidence_is_built_as_given(example):
    """Salts, t, digests and proofs in the evidence come from the secrets and the tree."""
    given, log = example["evidence"], log_of(example)
    nodes = nodes_of([merkle.leaf_hash(entry) for entry in log])
    reported = {report["digest"]: report for report in example["reports"]}
    for event in [*given["events"], *given["signers"][0]["events"]]:
        report, position = reported[event["report"]], event["position"]
        secret, members = b64decode(report["secret"]), members_of(report["lines"][position])
        salts = commitments.salts(secret, position, len(members))
        for salt, member, shown in zip(salts, members, event["members"], strict=True):
            if "bytes" in shown:
                assert (salt, member) == (b64decode(shown["salt"]), b64decode(shown["bytes"]))
            else:
                assert commitments.member_digest(salt, member) == b64decode(shown["withheld"])
        assert entries.link_ts(secret, position, 1) == [b64decode(event["link"]["t"])]
        path = merkle.inclusion_proof(event["index"], len(log), nodes)
        assert path == [b64decode(h) for h in event["proof"]]
        leaves = nodes_of([merkle.leaf_hash(b64decode(c)) for c in report["c"]])
        path = merkle.inclusion_proof(position, len(report["c"]), leaves)
        assert path == [b64decode(h) for h in event["report_proof"]]


def test_evidence_verifies(example, data, policy):
    """The evidence holds under the log's policy and the authority's key, also one for these entries alone."""
    verified = verify(data, policy, [example["vkeys"]["authority"]])
    assert [event.index for event in verified.events] == [2, 3]
    assert [event.signature for event in verified.events] == [trust.PROVED] * 2
    assert verified.complete
    assert verified.events[1].withheld == ("access",)
    assert verify(data, policy, [(example["vkeys"]["authority"], 0, 1)]) == verified


def test_evidence_is_written_in_the_order_of_the_formats(example, data):
    """What we write has the example's values, with the members in the order of the formats."""
    written = json.loads(evidence.encode(evidence.decode(data)))
    assert written == example["evidence"]
    assert " ".join(written) == "format subject checkpoint reports events head signers"
    inner = zip(written["events"], example["evidence"]["events"], strict=True)
    assert all(json.dumps(ours) == json.dumps(theirs) for ours, theirs in inner)


def test_any_byte_changed_is_noticed(example, data, policy):
    """Of 500 random changes of one byte, outside the reason for withholding, each is refused."""
    rng = random.Random(20_261_124)
    reason = data.index(b'"why":"') + 7
    tried = 0
    while tried < 500:
        place, value = rng.randrange(len(data)), rng.randrange(256)
        if data[place] == value or reason <= place < reason + 6:
            continue
        tried += 1
        changed = data[:place] + bytes([value]) + data[place + 1 :]
        with pytest.raises(VerificationError):
            verify(changed, policy, [example["vkeys"]["authority"]])


def test_digest_is_of_the_note_body(example):
    """A report is known by the SHA-256 of its note up to the empty line, final newline included."""
    for report in example["reports"]:
        assert sha256(report["note"].split("\n\n")[0].encode() + b"\n").hexdigest() == report["digest"]


def test_a_head_is_needed_for_completeness(example, data, policy):
    """Without its head the same evidence verifies, and is not called complete."""
    given = msgspec.structs.replace(evidence.decode(data), head=None)
    assert not verify(evidence.encode(given), policy, [example["vkeys"]["authority"]]).complete
