"""The log's ML-DSA-44 key signs checkpoints as C2SP tlog-cosignature says, beside the Ed25519 key."""

from base64 import b64decode
from hashlib import sha256

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from tests.ledger import world
from voltrail.errors import NoteError, VerificationError
from voltrail.ledger import evidence
from voltrail.ledger.keys import ML_DSA_44, Signer, Verifier
from voltrail.ledger.notes import Checkpoint, Policy, open_note, parse_note
from voltrail.ledger.verify import verify

ORIGIN = "example.com/log"
FIRST = Signer.from_seed(ORIGIN, b"\x01" * 32)
SECOND = Signer.generate(ORIGIN, ML_DSA_44)
TEXT = Checkpoint(ORIGIN, 20_852_163, sha256(b"root").digest()).text
BOTH = FIRST.sign(TEXT) + SECOND.signature_line(TEXT)


def policy(*keys):
    return Policy.parse("".join(f"log {key.vkey}\n" for key in keys) + "quorum none\n")


def test_the_signed_bytes_are_those_of_the_specification():
    """Built here by hand from the structure in C2SP: label, names, times, range, root."""
    line = SECOND.signature_line(TEXT)
    assert line.startswith(f"\u2014 {ORIGIN} ")
    signature = b64decode(line.split(" ")[2])
    public_key = SECOND.verifier.public_key
    assert signature[:4] == sha256(ORIGIN.encode() + b"\n\x06" + public_key).digest()[:4]
    assert len(signature) == 4 + 8 + 2420
    name = bytes([len(ORIGIN)]) + ORIGIN.encode()
    message = b"subtree/v1\n\0" + name + signature[4:12] + name + bytes(8)
    message += (20_852_163).to_bytes(8, "big") + sha256(b"root").digest()
    MLDSA44PublicKey.from_public_bytes(public_key).verify(signature[12:], message)


def test_each_policy_finds_its_key():
    """Who knows one key takes the note for it and passes over the other; who knows both checks both."""
    for keys in ([FIRST], [SECOND], [FIRST, SECOND], [SECOND, FIRST]):
        assert policy(*keys).open(BOTH).log.vkey == keys[0].vkey
        assert len(open_note(BOTH, [key.verifier for key in keys]).verified) == len(keys)
    with pytest.raises(NoteError) as caught:
        policy(SECOND).check(FIRST.sign(TEXT))
    assert caught.value.rule == "note.unknown"


def test_a_changed_signature_refuses_the_note():
    """For who knows the key: one bit of the signature, its time, or the text."""
    lines = BOTH.rstrip("\n").split("\n")
    parsed = parse_note(BOTH)
    raw = bytearray(parsed.signatures[1].signature)
    for at in (0, 7, 8, 1000, len(raw) - 1):
        changed = bytes(raw[:at]) + bytes([raw[at] ^ 1]) + bytes(raw[at + 1 :])
        assert not SECOND.verifier.holds(TEXT.encode(), changed)
    for wrong in (b"", bytes(raw[:8]), bytes(raw[:-1]), bytes(raw) + b"\0"):
        assert not SECOND.verifier.holds(TEXT.encode(), wrong)
    other = "\n".join(lines).replace("20852163", "20852164") + "\n"
    with pytest.raises(NoteError):
        policy(SECOND).check(other)


@pytest.mark.parametrize("text", ["hello\n", "a\nb\nc\n", "a\n12345678901234567890123\nAAAA\n", "a\n1\n!\n"])
def test_only_checkpoints_are_signed(text):
    """The form of the signature has no place for another text."""
    with pytest.raises(NoteError):
        SECOND.signature_line(text)
    assert not SECOND.verifier.holds(text.encode(), bytes(2428))


def test_the_key_file_reads_back():
    """The key is kept as a PEM file with its name, as the others are."""
    again = Signer.from_pem(SECOND.pem)
    assert (again.vkey, again.algorithm) == (SECOND.vkey, ML_DSA_44)
    assert Verifier(again.vkey).holds(TEXT.encode(), parse_note(BOTH).signatures[1].signature)


def test_a_witness_may_have_such_a_key():
    """C2SP lets witnesses cosign with it too."""
    witness = Signer.generate("witness.example", ML_DSA_44)
    text = f"log {FIRST.vkey}\nwitness w {witness.vkey}\nquorum w\n"
    note = FIRST.sign(TEXT) + witness.signature_line(TEXT)
    assert Policy.parse(text).open(note).witnesses == ("w",)


def test_names_and_keys_that_cannot_be():
    """The signed structure has one byte for the length of a name; a key has 1,312 bytes."""
    with pytest.raises(NoteError) as caught:
        Signer.generate("n" * 256, ML_DSA_44)
    assert caught.value.rule == "key.name"
    with pytest.raises(NoteError) as caught:
        Verifier.of("n", ML_DSA_44, bytes(1311))
    assert caught.value.rule == "key.length"


def test_evidence_under_both_signatures():
    """It verifies for who knows either key or both; who knows both finds what is altered in either line."""
    log = world.an_ordinary_log()
    second = Signer.generate(world.ORIGIN, ML_DSA_44)
    text = parse_note(log.checkpoint()).text
    note = log.checkpoint() + second.signature_line(text)

    def proved(note, *keys):
        given = evidence.encode(msgspec.structs.replace(log.evidence(), checkpoint=note))
        return verify(given, policy(*keys), [world.ROOT_KEY.vkey])

    for keys in ([world.LOG_KEY], [second], [world.LOG_KEY, second]):
        assert proved(note, *keys).checkpoint.text == text
    assert proved(log.checkpoint(), world.LOG_KEY, second)  # either is enough, as C2SP tlog-policy has it
    begin = note.index("\u2014")
    for at in [
        *range(begin, begin + 60),
        *range(begin + 150, begin + 260),
        *range(len(note) - 60, len(note) - 1),
    ]:
        changed = note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1 :]
        with pytest.raises(VerificationError):
            proved(changed, world.LOG_KEY, second)
