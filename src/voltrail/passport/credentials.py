"""
Passports as credentials that the host signs: an SD-JWT, and a W3C Verifiable Credential.

The SD-JWT has all points of the passport, each disclosed for itself: whoever sees fewer gets the same digests
with fewer disclosures. The Verifiable Credential has the points that its reader sees and no others.
Source: RFC 9901; Verifiable Credentials Data Model 2.0; Securing Verifiable Credentials using JOSE and COSE.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any, Final

from voltrail.errors import VerificationError
from voltrail.events.points import POINTS
from voltrail.passport import json_ld, jws, sd_jwt
from voltrail.passport.rulesets import EU_GUIDANCE
from voltrail.passport.told import Told

SD_JWT_TYPE: Final = "battery-passport+sd-jwt"
VC_TYPE: Final = "vc+jwt"
POINTS_CLAIM: Final = "points"
_CREDENTIALS: Final = "https://www.w3.org/ns/credentials/v2"


def as_sd_jwt(told: Told) -> str:
    """Return the SD-JWT: in `points` a digest for each, and the disclosures of those that the reader sees."""
    barred = EU_GUIDANCE.bars(told.whole.category)
    salt_of = told.by.salts(told.whole)
    disclosures = {
        name: sd_jwt.disclose(salt_of(name), name, known.value)
        for name, known in told.whole.values.items()
        if name not in barred
    }
    claims = {**_registered(told), POINTS_CLAIM: sd_jwt.conceal(disclosures.values())}
    if told.by.as_of is not None:
        claims["as_of"] = told.by.as_of.isoformat()
    shown = [one for name, one in disclosures.items() if name in told.values]
    return sd_jwt.issue(told.by.signer, SD_JWT_TYPE, claims, shown)


def as_verifiable_credential(told: Told) -> str:
    """Return the Verifiable Credential as a JWT: of the battery, with the points that are seen."""
    document = json_ld.written(told)
    terms = document.pop("@context")
    subject = {"id": document.pop("@id"), "type": document.pop("@type"), **document}
    credential = {
        "@context": [_CREDENTIALS, terms],
        "type": ["VerifiableCredential"],
        "issuer": told.by.address,
        "validFrom": told.by.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "credentialSubject": subject,
    }
    return jws.sign(told.by.signer, {"typ": VC_TYPE, "cty": "vc"}, {**_registered(told), **credential})


def points_of(verified: sd_jwt.Verified) -> dict[str, Any]:
    """
    Return the points that a credential which was verified discloses, of either form.

    Raises VerificationError where it is no passport (`credential.type`), or where a host's key signed it for
    another host (`credential.issuer`).
    """
    issuer = f"https://{verified.key.partition('/')[0]}"
    if [verified.claims.get("iss"), verified.claims.get("issuer", issuer)] != [issuer, issuer]:
        raise VerificationError(
            "credential.issuer",
            f"It is signed by a key of {issuer}, and says that {verified.claims.get('iss')!r:.80} issues it.",
            "Do not believe it.",
        )
    if verified.type == SD_JWT_TYPE:
        points = verified.claims.get(POINTS_CLAIM)
        return _in_order(points) if isinstance(points, dict) else {}
    subject = verified.claims.get("credentialSubject")
    if verified.type != VC_TYPE or not isinstance(subject, dict):
        raise VerificationError(
            "credential.type",
            f"It is of the type {verified.type!r:.60}, and is no passport.",
            f"Passports are {SD_JWT_TYPE} and {VC_TYPE}.",
        )
    return {
        name: value["value"] if isinstance(value, dict) and "value" in value else value
        for name, value in _in_order(subject).items()
        if name in POINTS
    }


def _in_order(points: dict[str, Any]) -> dict[str, Any]:
    """Return points in the order of the catalogue, then what it does not have: digests come in none."""
    return {name: points[name] for name in POINTS if name in points} | points


def _registered(told: Told) -> dict[str, Any]:
    """Return who says it, of which battery, and when; it ends never: so the record was then."""
    return {
        "iss": told.by.address,
        "sub": json_ld.address_of(told),
        "iat": int(told.by.at.timestamp()),
    }
