"""Signatures and encrypted data units: what is closed opens, and nothing else does."""

import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.telematics.strategies import FRAMES, VIN
from voltrail.errors import FrameError
from voltrail.telematics.gbt32960.frame import check, read_frame
from voltrail.telematics.gbt32960.sealing import Sm2Key, UnitKey, seal, sign, unseal, verify
from voltrail.telematics.gbt32960.writing import make_frame, raw_of, write_frame

TIME = {"time": bytes([26, 11, 30, 9, 0, 0])}
REPORT = make_frame(2025, 2, VIN, TIME, [(4, {"crankshaft_speed": 0})])
ACTIVATION = make_frame(
    2025, 9, VIN, TIME | {"chip_id": "1234567812345678", "public_key": b"\1\2\3", "vin": VIN}
)
# The example key pair of GB/T 32918.5, annex A.
SM2_SECRET = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
SM2_PUBLIC = bytes.fromhex(
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
RSA_KEY, OTHER_RSA = (rsa.generate_private_key(65537, 2048) for _ in range(2))
ECC_KEY, OTHER_ECC = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
SM2_KEY = Sm2Key(SM2_PUBLIC, SM2_SECRET)
KEYS = {
    "RSA": (RSA_KEY, RSA_KEY.public_key(), OTHER_RSA.public_key()),
    "ECC": (ECC_KEY, ECC_KEY.public_key(), OTHER_ECC.public_key()),
    "SM2": (SM2_KEY, Sm2Key(SM2_PUBLIC), None),
}


def changed(frame, at):
    """Return a frame with one bit of its data unit turned and a right check."""
    data = bytearray(frame)
    data[at] ^= 1
    data[-1] = check(data)
    return bytes(data)


@pytest.mark.parametrize("data", [REPORT, ACTIVATION], ids=["report", "activation"])
@pytest.mark.parametrize("name", KEYS)
def test_a_signature_holds_for_what_was_signed_alone(name, data):
    """Under its key and no other, and not with one bit of the data or of the signature changed."""
    if name == "SM2":
        pytest.importorskip("gmalg")
    private, public, other = KEYS[name]
    frame = sign(data, private)
    assert verify(frame, public).vehicle == VIN
    assert write_frame(read_frame(frame)) == frame
    item = read_frame(frame).items[-1]
    assert raw_of(item.record)["algorithm"] == ["SM2", "RSA", "ECC"].index(name) + 1
    refused = [(changed(frame, 26), public), (changed(frame, item.record["r"].offset + 5), public)]
    refused += [(frame, other)] if other else []
    refused += [(frame, key) for told, (_, key, _) in KEYS.items() if told not in {name, "SM2"}]
    for one, key in refused:
        with pytest.raises(FrameError) as error:
            verify(one, key)
        assert error.value.rule == "frame.signature"


def test_what_has_no_signature_is_named():
    """An unsigned frame is not the same as one whose signature is wrong."""
    with pytest.raises(FrameError) as refused:
        verify(REPORT, RSA_KEY.public_key())
    assert refused.value.rule == "frame.unsigned"


@pytest.mark.parametrize(
    "data",
    [sign(REPORT, ECC_KEY), make_frame(2016, 2, VIN, TIME), make_frame(2025, 7, VIN)],
    ids=["signed", "of 2016", "heartbeat"],
)
def test_what_is_not_signed(data):
    """Frames of 2016, heartbeats, and what has a signature already."""
    with pytest.raises(FrameError) as refused:
        sign(data, ECC_KEY)
    assert refused.value.rule == "frame.signable"


def test_without_the_extra_sm2_says_what_to_install(monkeypatch):
    """A clear word, and no traceback of an import."""
    monkeypatch.setitem(sys.modules, "gmalg", None)
    with pytest.raises(FrameError) as refused:
        sign(REPORT, SM2_KEY)
    assert refused.value.rule == "frame.sm2"
    assert "voltrail[china]" in refused.value.fix


PLAIN = FRAMES.filter(lambda frame: frame[21] == 1)


@given(PLAIN, st.sampled_from(["AES", "SM4"]), st.binary(min_size=16, max_size=16), st.booleans())
@settings(deadline=None)
def test_what_is_sealed_opens(frame, cipher, key, chained):
    """Byte for byte, in both modes; and until then its items are not read as if they were plain."""
    held = UnitKey(cipher, key, bytes(16) if chained else None)
    if cipher == "SM4" and frame[:2] == b"##":
        with pytest.raises(FrameError) as refused:
            seal(frame, held)
        assert refused.value.rule == "frame.cipher"
        return
    sealed = seal(frame, held)
    assert unseal(sealed, held) == frame
    read = read_frame(sealed)
    assert [trouble.rule for trouble in read.troubles] == ["frame.encrypted"]
    assert write_frame(read) == sealed


def test_a_wrong_cipher_does_not_open():
    """Nor does a frame that is not encrypted, or a key of another length."""
    key = UnitKey("AES", bytes(16))
    for data, other in ((seal(REPORT, key), UnitKey("SM4", bytes(16))), (REPORT, key)):
        with pytest.raises(FrameError) as refused:
            unseal(data, other)
        assert refused.value.rule == "frame.decryption"
    with pytest.raises(FrameError) as refused:
        seal(REPORT, UnitKey("AES", b"short"))
    assert refused.value.rule == "frame.key"
    with pytest.raises(FrameError) as refused:
        seal(seal(REPORT, key), key)
    assert refused.value.rule == "frame.sealed"
