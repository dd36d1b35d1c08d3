"""A receipt holds for the log that signed it, its own bytes, and the entries it speaks of."""

import json

import msgspec
import pytest

from tests.ledger import world
from tests.ledger.world import LOG_KEY
from voltrail.errors import Refusal, VerificationError
from voltrail.ledger import entries, merkle, receipts
from voltrail.ledger.receipts import (
    KnownLine,
    LinkedSubject,
    Receipt,
    RefusedLine,
    parse_receipt,
    sign_receipt,
    verify_receipt,
)

replace = msgspec.structs.replace


def a_receipt():
    """Return a receipt for two of four lines, and the leaf hashes of their entries."""
    log = world.an_ordinary_log()
    nodes = world.nodes_by_position(log.leaf_hashes)
    refusal = Refusal("identity.code", "…", "…")
    subject = LinkedSubject(f"battery:{world.CODE}", 1, bytes(32))
    receipt = Receipt(
        report="00" * 32,
        lines=4,
        first_index=2,
        accepted=[0, 2],
        known=[KnownLine(3, 1)],
        subjects=[[subject], [replace(subject, k=2)]],
        refused=[RefusedLine.of(1, refusal)],
        findings=[receipts.FoundLine(2, "gap", "lifecycle.gap", "…")],
        checkpoint=log.checkpoint(),
        range_proof=merkle.range_proof(2, 4, 4, nodes),
    )
    return receipt, log.leaf_hashes[2:4]


def refused(data, rule, *leaves):
    with pytest.raises(VerificationError) as caught:
        verify_receipt(data, LOG_KEY.verifier, *leaves)
    assert caught.value.rule == rule


def test_a_receipt_holds():
    """A receipt verifies, with its entries and without, and reads back as it was made."""
    receipt, leaves = a_receipt()
    data = sign_receipt(receipt, LOG_KEY)
    assert verify_receipt(data, LOG_KEY.verifier, leaves) == receipt
    assert verify_receipt(data + b"\n", LOG_KEY.verifier) == parse_receipt(data) == receipt


def test_members_stand_in_the_order_of_the_format():
    """The members of a receipt are those of the formats, in their order."""
    data = json.loads(sign_receipt(a_receipt()[0], LOG_KEY))
    first = "format report lines first_index accepted known subjects refused"
    assert " ".join(data) == f"{first} findings checkpoint range_proof signature"
    assert " ".join(data["refused"][0]) == "line rule message fix source"


def test_the_signature_covers_what_stands_before_it():
    """The signature is the log key's over the bytes before the member `signature`, closed with a brace."""
    data = sign_receipt(a_receipt()[0], LOG_KEY)
    before = data[: data.index(b',"signature"')] + b"}"
    signature = receipts.decode64(json.loads(data)["signature"])
    assert LOG_KEY.verifier.holds(before, signature)


def test_every_byte_counts():
    """A receipt with any byte changed is refused."""
    receipt, leaves = a_receipt()
    data = sign_receipt(receipt, LOG_KEY)
    for place in range(0, len(data), 7):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(VerificationError):
            verify_receipt(changed, LOG_KEY.verifier, leaves)
    for cut in (b"", data[:-1], data + b"\n\n", data.replace(b',"signature":', b', "signature":')):
        refused(cut, "receipt.form")
    with pytest.raises(VerificationError):
        verify_receipt(data, world.ROOT_KEY.verifier)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"first_index": 1}, "receipt.range"),
        ({"first_index": 3}, "receipt.range"),
        ({"first_index": None}, "receipt.lines"),
        ({"range_proof": []}, "receipt.range"),
        ({"lines": 5}, "receipt.lines"),
        ({"accepted": [2, 0]}, "receipt.lines"),
        ({"accepted": [0, 1, 2]}, "receipt.lines"),
        ({"subjects": []}, "receipt.lines"),
        ({"known": []}, "receipt.lines"),
        ({"checkpoint": world.MAKER_KEY.sign("x\n")}, "receipt.checkpoint"),
        ({"checkpoint": LOG_KEY.sign("x\n0\n" + "A" * 43 + "=\n")}, "receipt.checkpoint"),
    ],
)
def test_a_signed_receipt_that_does_not_hold(changes, rule):
    """Even a log that signs it cannot make a receipt hold that contradicts itself."""
    receipt, leaves = a_receipt()
    refused(sign_receipt(replace(receipt, **changes), LOG_KEY), rule, leaves)


def test_other_entries_are_refused():
    """A receipt does not hold for other entries, or for more or fewer."""
    receipt, leaves = a_receipt()
    data = sign_receipt(receipt, LOG_KEY)
    for wrong in (leaves[::-1], leaves[:1], [merkle.leaf_hash(entries.NO_HEAD)] * 2):
        refused(data, "receipt.range", wrong)


def test_nothing_new():
    """Where every line was known, there is no index and no range."""
    receipt = replace(
        a_receipt()[0],
        lines=1,
        first_index=None,
        accepted=[],
        known=[KnownLine(0, 3)],
        subjects=[],
        refused=[],
        findings=[],
        range_proof=[],
    )
    assert verify_receipt(sign_receipt(receipt, LOG_KEY), LOG_KEY.verifier, []) == receipt
