"""Activations and signed reports of the 2025 edition: whose key is kept, and what it must sign."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.gateway.test_gateway import refusals
from tests.gateway.vehicles import BEGUN, OTHER, VIN, Peer, kept, login, report
from voltrail.telematics.gbt32960.frame import read_frame
from voltrail.telematics.gbt32960.sealing import sign
from voltrail.telematics.gbt32960.writing import make_frame, raw_of

ECC, OTHER_ECC = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
RSA = rsa.generate_private_key(65537, 2048)


def shown(key):
    """Return a public key as a terminal sends it: the point of an ECC key, an RSA key as DER."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def activation(key, vin=VIN, chip="CHIP000000000001", signed_by=None):
    record = {"time": BEGUN, "chip_id": chip, "public_key": shown(key), "vin": vin}
    return sign(make_frame(2025, 9, vin, record), signed_by or key)


def activated(port, frame):
    """Return how an activation is answered: command, acknowledgement, and what it says."""
    with Peer(port) as terminal:
        terminal.send(frame)
        [told] = terminal.answers(1)
    record = raw_of(read_frame(told).record)
    return told[2], told[3], record.get("activation_status"), record.get("info")


def test_an_activated_terminal_signs(start, folder):
    """Its key is kept once; afterwards what is not signed by it is refused, and what is, is kept."""
    gateway = start()
    taken = [activation(ECC), activation(ECC), activation(RSA, OTHER, "CHIP000000000002")]
    for frame in taken:
        assert activated(gateway.port, frame) == (10, 1, 1, 0)
    assert activated(gateway.port, activation(OTHER_ECC)) == (10, 3, 2, 2)
    assert activated(gateway.port, activation(RSA, OTHER)) == (10, 2, 2, 1)
    assert activated(gateway.port, activation(ECC, signed_by=OTHER_ECC))[:2] == (9, 5)
    assert activated(gateway.port, activation(ECC, "LUNKNOWN000000001", "CHIP3"))[:2] == (9, 4)

    for vin, key in ((VIN, ECC), (OTHER, RSA)):
        good = [login(vin, edition=2025), sign(report(1, vin, 2025), key), sign(report(2, vin, 2025), key)]
        with Peer(gateway.port) as vehicle:
            assert vehicle.asked(good[0]) == (1, 1)
            vehicle.send(good[1])
            assert vehicle.asked(sign(report(3, vin, 2025), OTHER_ECC)) == (2, 5)
            assert vehicle.asked(report(4, vin, 2025)) == (2, 5)
            assert vehicle.asked(report(5, vin, 2016)) == (2, 2)
            vehicle.send(good[2])
            assert vehicle.asked(make_frame(2025, 7, vin)) == (7, 1)
        taken += good
    assert refusals(folder) == {
        "gateway.activated": 1,
        "gateway.chip": 1,
        "gateway.signature": 3,
        "gateway.vin_unknown": 1,
        "gateway.unsigned": 4,
    }
    assert kept(folder.segments) == [(0, frame) for frame in taken]
