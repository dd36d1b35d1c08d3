"""
Signatures of the 2025 edition, and data units under AES or SM4: frames in, frames out.

What is signed begins with the time and ends before the signature; the mark before a report's signature is not
part of it. An RSA signature (PKCS #1 v1.5, SHA-256) stands whole in R, and S is empty; those of ECC (ECDSA,
SHA-256) and SM2 (SM3, the usual identifier) are two numbers. A unit is encrypted before the check is made, so
it is checked before it is opened. SM2 needs the extra `china`.
Sources: GB/T 32960.3-2025, tables 8 and B.3; GB/T 32918; signed frames that others published.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from voltrail.errors import FrameError
from voltrail.telematics.gbt32960.frame import HEADER_BYTES, Frame, Item, edition_of, read_frame
from voltrail.telematics.gbt32960.layout import PLAIN, SIGNATURE, Body, layout
from voltrail.telematics.gbt32960.writing import framed, raw_of

SM2, RSA, ECC = 1, 2, 3
SM2_IDENTIFIER: Final = b"1234567812345678"
_BLOCK_BITS: Final = 128
_WAYS: Final = {"AES": 3, "SM4": 5}


class Sm2Key(msgspec.Struct, frozen=True):
    """A key of SM2 as bytes: the public point, x and y of 32 bytes each; the secret number to sign with."""

    public: bytes
    secret: bytes = b""


class UnitKey(msgspec.Struct, frozen=True):
    """
    What opens and closes data units.

    The standard names the cipher and leaves the mode to the parties. Without `iv` each block stands alone
    (ECB), with one they are chained (CBC); the last block is filled as in PKCS #7.
    """

    cipher: Literal["AES", "SM4"]
    key: bytes
    iv: bytes | None = None


PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | Sm2Key
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Sm2Key


def read_key(data: bytes, algorithm: int) -> PublicKey:
    """
    Return the public key that an activation brings, for the algorithm that its signature names.

    The standard says nothing of its form: taken are the point of an ECC (P-256) or SM2 key, x and y of 32
    bytes each, with the byte 04 before them or without, and for RSA and ECC DER (SubjectPublicKeyInfo).
    Raises FrameError (`frame.public_key`).
    """
    point = data[1:] if len(data) == 65 and data[0] == 4 else data
    try:
        if algorithm == SM2 and len(point) == 64:
            return Sm2Key(point)
        if algorithm == ECC and len(point) == 64:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\4" + point)
        key = load_der_public_key(data) if algorithm in (RSA, ECC) else None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, rsa.RSAPublicKey if algorithm == RSA else ec.EllipticCurvePublicKey):
        return key
    raise FrameError(
        "frame.public_key",
        f"These {len(data)} bytes are no public key of the algorithm that the signature names.",
        "Send an ECC or SM2 key as x and y of 32 bytes each, an RSA key as DER (SubjectPublicKeyInfo).",
        source="GB/T 32960.3-2025, table B.3",
    )


def sign(data: bytes, key: PrivateKey) -> bytes:
    """
    Return a report or activation of the 2025 edition with its signature; one that has one is refused.

    Raises FrameError (`frame.signable`, `frame.too_long`, or as `read_frame`).
    """
    frame = read_frame(data)
    rules = layout(frame.edition)
    body = rules.commands.get(frame.command, Body())
    if rules.signature is None or _signature(frame) or not (body.items or body.signed):
        raise FrameError(
            "frame.signable",
            "Only reports and activations of the 2025 edition are signed, and only once.",
            "Write it as a frame of that edition and without a signature.",
            source="GB/T 32960.3-2025, table 8",
        )
    said = data[HEADER_BYTES:-1]
    algorithm, r, s = _signed(said, key)
    sizes = len(r).to_bytes(2, "big"), len(s).to_bytes(2, "big")
    mark = bytes([SIGNATURE]) if body.items else b""
    unit = said + mark + bytes([algorithm]) + sizes[0] + r + sizes[1] + s
    return framed(rules, frame.command, frame.ack, frame.vin, frame.encryption, unit)


def verify(data: bytes, key: PublicKey) -> Frame:
    """
    Return the report or activation whose signature holds under a key.

    Raises FrameError (`frame.unsigned`, `frame.signature`, or as `read_frame`).
    """
    frame = read_frame(data)
    item = _signature(frame)
    if item is None:
        raise FrameError(
            "frame.unsigned",
            "The frame has no signature.",
            "Ask the vehicle's maker whether its terminals sign; only those of the 2025 edition do.",
        )
    raw = raw_of(item.record)
    if not _holds(data[HEADER_BYTES : item.offset], raw["algorithm"], raw["r"], raw["s"], key):
        raise FrameError(
            "frame.signature",
            f"The signature of {frame.vehicle} does not hold under this key.",
            "Take the key of the terminal's last activation; if it fails too, the frame is another's.",
            source="GB/T 32960.3-2025, table 8",
        )
    return frame


def _signature(frame: Frame) -> Item | None:
    return next((item for item in frame.items if item.name == "signature"), None)


def _signed(said: bytes, key: PrivateKey) -> tuple[int, bytes, bytes]:
    if isinstance(key, rsa.RSAPrivateKey):
        return RSA, key.sign(said, PKCS1v15(), hashes.SHA256()), b""
    if isinstance(key, Sm2Key):
        r, s = _sm2(key).sign(said)
        return SM2, r, s
    one, two = decode_dss_signature(key.sign(said, ec.ECDSA(hashes.SHA256())))
    size = (key.curve.key_size + 7) // 8
    return ECC, one.to_bytes(size, "big"), two.to_bytes(size, "big")


def _holds(said: bytes, algorithm: int, r: bytes, s: bytes, key: PublicKey) -> bool:
    try:
        if isinstance(key, Sm2Key):
            return algorithm == SM2 and len(r) == len(s) == 32 and bool(_sm2(key).verify(said, r, s))
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(r, said, PKCS1v15(), hashes.SHA256())
            return algorithm == RSA and not s
        numbers = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        key.verify(numbers, said, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return algorithm == ECC


def _sm2(key: Sm2Key) -> Any:
    try:
        import gmalg
    except ImportError as missing:
        raise FrameError(
            "frame.sm2",
            "SM2 is not installed.",
            "Install voltrail with its extra china: pip install 'voltrail[china]'.",
        ) from missing
    return gmalg.SM2(sk=key.secret or None, uid=SM2_IDENTIFIER, pk=b"\4" + key.public)


def seal(data: bytes, key: UnitKey) -> bytes:
    """
    Return a plain frame with its data unit encrypted.

    Raises FrameError (`frame.sealed`, `frame.cipher`, `frame.key`, or as `read_frame`).
    """
    rules = layout(edition_of(data))
    if data[21] != PLAIN:
        raise FrameError(
            "frame.sealed", "The data unit is encrypted already.", "Open it first, or leave it as it is."
        )
    if _WAYS[key.cipher] not in rules.encryptions:
        raise FrameError(
            "frame.cipher",
            f"The edition of {rules.edition} does not know {key.cipher}.",
            "Encrypt with AES, or write a frame of the 2025 edition.",
            source=rules.standard,
        )
    cipher, filled = _cipher(key), padding.PKCS7(_BLOCK_BITS).padder()
    whole = filled.update(data[HEADER_BYTES:-1]) + filled.finalize()
    closing = cipher.encryptor()
    unit = closing.update(whole) + closing.finalize()
    return framed(rules, data[2], data[3], data[4:21], _WAYS[key.cipher], unit)


def unseal(data: bytes, key: UnitKey) -> bytes:
    """
    Return the plain frame of one whose data unit is encrypted.

    Raises FrameError (`frame.key`, `frame.decryption`, or as `read_frame`). Only a wrong key that leaves no
    right filling is noticed here, and any other by what cannot be read afterwards: neither cipher is sealed.
    """
    rules = layout(edition_of(data))
    opening, unfilled = _cipher(key).decryptor(), padding.PKCS7(_BLOCK_BITS).unpadder()
    # What is encrypted in another way, or not at all, opens as little as with a wrong key.
    held = data[HEADER_BYTES:-1] if data[21] == _WAYS[key.cipher] else b""
    try:
        whole = opening.update(held) + opening.finalize()
        unit = unfilled.update(whole) + unfilled.finalize()
    except ValueError as why:
        raise FrameError(
            "frame.decryption",
            f"The data unit does not open with this key of {key.cipher}.",
            "Take the key that was exchanged last, and the mode that was agreed on.",
            source=rules.standard,
        ) from why
    return framed(rules, data[2], data[3], data[4:21], PLAIN, unit)


def _cipher(key: UnitKey) -> Cipher[Any]:
    if len(key.key) != 16 or (key.iv is not None and len(key.iv) != 16):
        raise FrameError(
            "frame.key",
            f"A key of {key.cipher} has 16 bytes, and so has what the chain begins with.",
            "Give the 16 bytes themselves, not their hexadecimal digits.",
        )
    algorithm = algorithms.AES(key.key) if key.cipher == "AES" else algorithms.SM4(key.key)
    return Cipher(algorithm, modes.ECB() if key.iv is None else modes.CBC(key.iv))  # noqa: S305 - the parties' choice
