"""Signed notes, keys and checkpoints read in one form only, and hold for the keys that signed them."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import NoteError
from voltrail.ledger import keys, notes
from voltrail.ledger.notes import ED25519, P256, Checkpoint, Signer, Verifier, open_note, parse_note

SIGNER = Signer.from_seed("example.com/a", b"\x01" * 32)
OTHER = Signer.from_seed("example.com/b", b"\x02" * 32)
TEXT = "example.com/a\n5\nuECksd8AcsdPFNdSJl/4DOIRLElqer1/UvSTMuijlG4=\n"
NOTE = SIGNER.sign(TEXT)
SIGNATURE = NOTE.split("\n\n")[1]


def rule_of(call, *args):
    with pytest.raises(NoteError) as caught:
        call(*args)
    return caught.value.rule


@pytest.mark.parametrize("algorithm", [ED25519, P256])
def test_a_key_survives_its_file(algorithm):
    """A key written as PEM reads back with its name, and signs what its vkey verifies."""
    signer = Signer.generate("91000000MA0000000X/line-1", algorithm)
    again = Signer.from_pem(signer.pem)
    assert signer.pem.startswith("Voltrail-Key: 91000000MA0000000X/line-1\n-----BEGIN PRIVATE KEY-----\n")
    assert (again.name, again.vkey, again.algorithm) == (signer.name, signer.vkey, algorithm)
    verifier = Verifier(signer.vkey)
    assert verifier.holder == "91000000MA0000000X"
    assert Verifier.of(verifier.name, algorithm, verifier.public_key).vkey == signer.vkey
    assert open_note(again.sign(TEXT), [verifier]).verified == (verifier,)


def test_p256_keys_have_a_longer_type():
    """The vkey of a P-256 key carries the type byte 0xff, the algorithm's name and the point."""
    signer = Signer.generate("a", P256)
    material = keys.decode64(signer.vkey.split("+", 2)[2])
    assert material == b"\xffecdsa-p256-sha256" + signer.verifier.public_key
    assert len(signer.verifier.public_key) == 65


def test_key_files_that_do_not_read():
    """A file without a name, without a key, with another kind of key or a password is refused."""
    rsa_key = rsa.generate_private_key(65537, 2048)
    p384 = ec.generate_private_key(ec.SECP384R1())
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    plain, locked = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"x")
    for key in (rsa_key, p384):
        text = "Voltrail-Key: a\n" + key.private_bytes(pem, pkcs8, plain).decode()
        assert rule_of(Signer.from_pem, text) == "key.algorithm"
    body = SIGNER.pem.split("\n", 1)[1]
    secret = "Voltrail-Key: a\n" + p384.private_bytes(pem, pkcs8, locked).decode()
    for text in (
        body,
        body + "Voltrail-Key: a\n",
        "Voltrail-Key: a\n",
        "Voltrail-Key: a\n" + body[:80],
        secret,
    ):
        assert rule_of(Signer.from_pem, text) == "key.pem"
    for algorithm in ("rsa", "cosignature/v1"):
        assert rule_of(Signer.generate, "a", algorithm) == "key.algorithm"


def test_vkeys_that_do_not_read():
    """A vkey with another id, type, length or spelling is refused."""
    name, key_id, key = SIGNER.vkey.split("+", 2)
    material = keys.decode64(key)
    assert rule_of(Verifier, f"{name}+00000000+{key}") == "key.id"
    assert rule_of(Verifier, f"{name}+{key_id.upper()}+{key}") == "key.id"
    assert rule_of(Verifier, f"other+{key_id}+{key}") == "key.id"
    assert rule_of(Verifier, f"+{key_id}+{key}") == "key.name"
    assert rule_of(Verifier, f"a b+{key_id}+{key}") == "key.name"
    assert rule_of(Verifier, f"{name}+{key_id}+{keys.encode64(b'x' + material)}") == "key.algorithm"
    assert rule_of(Verifier, f"{name}+{key_id}+{keys.encode64(material[:-1])}") == "key.length"
    assert rule_of(Verifier, f"{name}+{key_id}+{key} ") == "note.base64"
    assert rule_of(Verifier.of, name, P256, bytes(65)) == "key.value"
    assert rule_of(Verifier.of, name, "rsa", bytes(32)) == "key.algorithm"


@given(st.binary(max_size=40))
def test_base64_reads_in_one_form(data):
    """What is written reads back; with padding taken off or put on it does not."""
    text = keys.encode64(data)
    assert keys.decode64(text) == data
    for wrong in (text + "=", text + "\n", text[:-1] if text else "A"):
        assert rule_of(keys.decode64, wrong) == "note.base64"


def test_stray_bits_are_refused():
    """Base64 whose last character carries bits that nothing reads is refused."""
    assert keys.decode64("AA==") == b"\0"
    assert rule_of(keys.decode64, "AB==") == "note.base64"


def test_unknown_signatures_are_passed_over():
    """A note by two keys opens for whoever knows one of them; for one who knows neither it does not."""
    both = NOTE + OTHER.sign(TEXT).split("\n\n")[1]
    assert open_note(both, [OTHER.verifier]).verified == (OTHER.verifier,)
    assert len(open_note(both, [OTHER.verifier, SIGNER.verifier]).verified) == 2
    stranger = Signer.from_seed("example.com/a", b"\x03" * 32)
    assert rule_of(open_note, both, [stranger.verifier]) == "note.unknown"
    assert rule_of(open_note, both, []) == "note.unknown"


def test_a_known_signature_that_fails_refuses_the_note():
    """One good signature does not save a note with a bad one by a known key."""
    bad = f"\u2014 {OTHER.name} {keys.encode64(OTHER.verifier.key_id + bytes(64))}\n"
    assert rule_of(open_note, NOTE + bad, [SIGNER.verifier, OTHER.verifier]) == "note.signature"
    assert open_note(NOTE + bad, [SIGNER.verifier]).verified == (SIGNER.verifier,)
    assert rule_of(open_note, NOTE.replace("\n5\n", "\n6\n"), [SIGNER.verifier]) == "note.signature"


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        TEXT + "\n",
        NOTE[:-1],
        NOTE + "\n",
        "\n\n" + SIGNATURE,
        NOTE.replace("\u2014", "-"),
        NOTE.replace("\u2014 ", "\u2014  "),
        NOTE.replace("\n5", "\t\n5"),
        NOTE.replace("\n", "\r\n"),
        NOTE.replace(SIGNER.name, "example.com/a+b"),
        NOTE.replace("\u2014 example.com/a ", "\u2014 example.com/a\u00a0"),
        NOTE[:-3] + "\n",
        TEXT + "\n\u2014 example.com/a AAAAAA==\n",
        "\ud800" + NOTE,
        "x" * (1 << 20) + NOTE,
        TEXT + "\n" + SIGNATURE * 101,
    ],
)
def test_malformed_notes_are_refused(note):
    """What is not text, an empty line and signature lines, in UTF-8 without controls, does not read."""
    assert rule_of(parse_note, note) in {"note.malformed", "note.base64", "key.name"}


def test_a_note_may_hold_empty_lines():
    """The text goes up to the last empty line (C2SP signed-note, "Format")."""
    assert parse_note(SIGNER.sign("a\n\nb\n")).text == "a\n\nb\n"


@given(st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_reads_back(size, root):
    """What a checkpoint states is read back from its text."""
    stated = Checkpoint("example.com/log", size, root)
    assert Checkpoint.parse(stated.text) == stated


@pytest.mark.parametrize(
    "text",
    [
        TEXT[:-1],
        TEXT + "\n",
        TEXT.replace("\n5\n", "\n05\n"),
        TEXT.replace("\n5\n", "\n+5\n"),
        TEXT.replace("\n5\n", "\n\u0665\n"),
        TEXT.replace("\n5\n", "\n18446744073709551616\n"),
        TEXT.replace("\n5\n", "\n\n"),
        TEXT.replace("lG4=", "lG5="),
        "a\n5\nAAAA\n",
        "a\n5\n",
        TEXT.removeprefix("example.com/a"),
    ],
)
def test_malformed_checkpoints_are_refused(text):
    """There is one way only to write a checkpoint."""
    assert rule_of(Checkpoint.parse, text) in {"note.checkpoint", "note.base64", "note.malformed"}


def test_limits_of_the_specification_are_met():
    """At least sixteen signatures are read (C2SP signed-note)."""
    assert len(parse_note(TEXT + "\n" + SIGNATURE * 16).signatures) == 16
    assert notes.MAX_SIGNATURES >= 16
