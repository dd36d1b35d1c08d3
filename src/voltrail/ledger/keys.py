"""
Keys and their names: base64, vkeys, signing and verifying.

Sources: C2SP signed-note, tlog-cosignature; FIPS 204 for ML-DSA. P-256 is not
assigned by C2SP, so it has the type byte 0xff and a longer identifier.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from voltrail.errors import NoteError

ED25519 = "ed25519"
P256 = "ecdsa-p256-sha256"
COSIGNATURE = "cosignature/v1"
ML_DSA_44 = "ml-dsa-44"

TYPES = {
    ED25519: b"\x01",
    COSIGNATURE: b"\x04",
    ML_DSA_44: b"\x06",
    P256: b"\xff" + P256.encode(),
}
KEY_BYTES = {ED25519: 32, COSIGNATURE: 32, ML_DSA_44: 1312, P256: 65}
ID_BYTES = 4
TIME_BYTES = 8
MAX_SUBTREE_NAME_BYTES = 255

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | MLDSA44PrivateKey
PublicKey = Ed25519PublicKey | ec.EllipticCurvePublicKey | MLDSA44PublicKey

NOTE_SOURCE = "C2SP signed-note"
SUBTREE_SOURCE = "C2SP tlog-cosignature"

_NAME_LINE = re.compile(r"^Voltrail-Key: (\S+)$", re.MULTILINE)
_PEM_BEGIN = "-----BEGIN"


def encode64(data: bytes) -> str:
    """Return base64 with padding (RFC 4648, section 4)."""
    return b64encode(data).decode()


def decode64(text: str) -> bytes:
    """Return the bytes of canonical base64: with padding, no stray bits and no other characters."""
    try:
        data = a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError):
        data = b""
    if encode64(data) != text:
        raise NoteError("note.base64", f"{text[:80]!r} is not base64 in its one canonical form.")
    return data


def key_id(name: str, algorithm: str, public_key: bytes) -> bytes:
    """
    Return the four bytes that stand for a key in signatures (C2SP signed-note, "Signatures").

    SHA-256(name ‖ 0x0A ‖ type ‖ public key)[:4]. For P-256 the type is 0xff ‖
    `ecdsa-p256-sha256` and the public key its 65 uncompressed bytes.
    """
    return sha256(name.encode() + b"\n" + TYPES[algorithm] + public_key).digest()[:ID_BYTES]


class Verifier:
    """
    A public key that is known by name, read from its vkey.

    A vkey is NAME+ID+KEY: eight hex digits, then base64 of type and public
    key (C2SP signed-note, "Verifier keys").
    """

    def __init__(self, vkey: str) -> None:
        name, _, rest = vkey.partition("+")
        given, _, encoded = rest.partition("+")
        check_name(name)
        if not encoded:
            raise NoteError(
                "key.form",
                f"{vkey[:60]!r} is not a public key: NAME+ID+KEY.",
                "Give the whole line that `voltrail key new` printed.",
                source=NOTE_SOURCE,
            )
        material = decode64(encoded)
        algorithm = next((a for a, t in TYPES.items() if material.startswith(t)), None)
        if algorithm is None:
            raise NoteError("key.algorithm", f"The key {name} has a type that is not known here.")
        self.vkey, self.name, self.algorithm = vkey, name, algorithm
        self.public_key = material[len(TYPES[algorithm]) :]
        self._key = _load_public(name, algorithm, self.public_key)
        self.key_id = key_id(name, algorithm, self.public_key)
        if given != self.key_id.hex():
            raise NoteError("key.id", f"The key {name} does not have the id {given!r}.", source=NOTE_SOURCE)

    @classmethod
    def of(cls, name: str, algorithm: str, public_key: bytes) -> Self:
        """Return the verifier for a key given in parts, as in the record: `ed25519`, `ecdsa-p256-sha256`."""
        if algorithm not in TYPES:
            raise NoteError("key.algorithm", f"The algorithm {algorithm!r} is not known here.")
        encoded = encode64(TYPES[algorithm] + public_key)
        return cls(f"{name}+{key_id(name, algorithm, public_key).hex()}+{encoded}")

    @property
    def holder(self) -> str:
        """The organisation that holds the key: its name up to the last slash."""
        return self.name.rpartition("/")[0]

    def holds(self, message: bytes, signature: bytes) -> bool:
        """
        Return whether this key made this signature over these bytes, of a note's text or others.

        Cosignatures, those of ML-DSA-44 keys among them, begin with their time and are only over checkpoints.
        """
        try:
            if self.algorithm in {COSIGNATURE, ML_DSA_44}:
                time, signature = int.from_bytes(signature[:TIME_BYTES], "big"), signature[TIME_BYTES:]
                of_ed25519 = self.algorithm == COSIGNATURE
                message = cosigned(time, message) if of_ed25519 else subtree(self.name, time, message)
            if isinstance(self._key, ec.EllipticCurvePublicKey):
                self._key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
            else:
                self._key.verify(signature, message)
        except (InvalidSignature, NoteError):
            return False
        return True


class Signer:
    """A private key with its name. Make one by `generate`, `from_seed` or `from_pem`."""

    def __init__(self, name: str, key: PrivateKey) -> None:
        self.name = name
        self._key = key
        self.algorithm = _algorithm(key)
        self.verifier = Verifier.of(name, self.algorithm, _public_bytes(key))
        self.vkey = self.verifier.vkey

    @classmethod
    def generate(cls, name: str, algorithm: str = ED25519) -> Self:
        """Return a new key, drawn from the system's randomness."""
        if algorithm == P256:
            return cls(name, ec.generate_private_key(ec.SECP256R1()))
        if algorithm == ML_DSA_44:
            return cls(name, MLDSA44PrivateKey.generate())
        if algorithm != ED25519:
            raise NoteError("key.algorithm", f"Keys for {algorithm!r} cannot be made here.")
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """Return the Ed25519 key with this seed of 32 bytes (RFC 8032, 5.1.5)."""
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def from_pem(cls, pem: str) -> Self:
        """Return the key of a PEM file: a line `Voltrail-Key: NAME`, then PKCS #8 without a password."""
        name = _NAME_LINE.search(pem)
        begin = pem.find(_PEM_BEGIN)
        if name is None or not name.start() < begin:
            fix = "Write one above BEGIN: `Voltrail-Key: ORGANISATION/KEY_ID`"
            raise NoteError("key.pem", "The key file has no line that names the key.", fix)
        try:
            key = serialization.load_pem_private_key(pem[begin:].encode(), password=None)
        except (ValueError, TypeError) as error:
            raise NoteError("key.pem", "The key file does not hold a private key that reads.") from error
        other_curve = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name != "secp256r1"
        if other_curve or not isinstance(key, PrivateKey):
            raise NoteError("key.algorithm", "The key is none of Ed25519, P-256 and ML-DSA-44.")
        return cls(name[1], key)

    @property
    def pem(self) -> str:
        """The private key as a PEM file with its name; keep it readable to yourself only (0600)."""
        body = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return f"Voltrail-Key: {self.name}\n{body.decode()}"

    def sign_bytes(self, message: bytes) -> bytes:
        """Return the bare signature over these bytes: 64 bytes, DER for P-256, 2,420 for ML-DSA-44."""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(message, ec.ECDSA(hashes.SHA256()))
        return self._key.sign(message)

    def sign(self, text: str) -> str:
        """Return the signed note over this text, which ends in a newline."""
        return f"{text}\n{self.signature_line(text)}"

    def signature_line(self, text: str) -> str:
        """
        Return the line by which this key signs a note's text.

        ML-DSA-44 keys sign checkpoints only, as C2SP tlog-cosignature has it, with a time of 0: nothing is
        said about when.
        """
        if self.algorithm == ML_DSA_44:
            signature = bytes(TIME_BYTES) + self.sign_bytes(subtree(self.name, 0, text.encode()))
        else:
            signature = self.sign_bytes(text.encode())
        return f"\u2014 {self.name} {encode64(self.verifier.key_id + signature)}\n"


def cosigned(time: int, text: bytes) -> bytes:
    """Return what a witness signs (C2SP tlog-cosignature, "Ed25519 signed message")."""
    return b"cosignature/v1\ntime %d\n%b" % (time, text)


def subtree(cosigner: str, time: int, text: bytes) -> bytes:
    """
    Return what an ML-DSA-44 key signs for a checkpoint (C2SP tlog-cosignature, "ML-DSA-44 signed message").

    It commits to the first three lines of the text: origin, size and root. NoteError when they are not that.
    """
    origin, size, root, *_ = [*text.split(b"\n"), b"", b""]
    name = cosigner.encode()
    if max(len(name), len(origin)) > MAX_SUBTREE_NAME_BYTES or not size.isdigit() or len(size) > 19:
        message = "An ML-DSA-44 key signs only checkpoints, of an origin of at most 255 bytes."
        raise NoteError("key.subtree", message, source=SUBTREE_SOURCE)
    return b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(name)]) + name,
            time.to_bytes(8, "big"),
            bytes([len(origin)]) + origin,
            bytes(8),  # start: a checkpoint begins at 0
            int(size).to_bytes(8, "big"),
            decode64(root.decode(errors="replace")),
        )
    )


def check_name(name: str) -> None:
    """Raise unless this can be the name of a key (C2SP signed-note, "Format")."""
    if not name or "+" in name or any(character.isspace() or character < " " for character in name):
        message = f"The key name {name[:80]!r} is empty, or has a space or a plus sign."
        raise NoteError("key.name", message, source=NOTE_SOURCE)


def _load_public(name: str, algorithm: str, public_key: bytes) -> PublicKey:
    """Return the key to verify with; P-256 points are uncompressed and on the curve."""
    if len(public_key) != KEY_BYTES[algorithm]:
        raise NoteError("key.length", f"The key {name} must have {KEY_BYTES[algorithm]} bytes.")
    if algorithm == ML_DSA_44 and len(name.encode()) > MAX_SUBTREE_NAME_BYTES:
        message = f"The name of an ML-DSA-44 key has at most {MAX_SUBTREE_NAME_BYTES} bytes."
        raise NoteError("key.name", message, source=SUBTREE_SOURCE)
    try:
        if algorithm == P256:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        if algorithm == ML_DSA_44:
            return MLDSA44PublicKey.from_public_bytes(public_key)
        return Ed25519PublicKey.from_public_bytes(public_key)
    except ValueError as error:
        raise NoteError("key.value", f"The key {name} is not a point on its curve.") from error


def _algorithm(key: PrivateKey) -> str:
    if isinstance(key, MLDSA44PrivateKey):
        return ML_DSA_44
    return ED25519 if isinstance(key, Ed25519PrivateKey) else P256


def _public_bytes(key: PrivateKey) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
    return key.public_key().public_bytes_raw()
