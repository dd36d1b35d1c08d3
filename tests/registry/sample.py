"""A small sample world that signs its own reports, for tests against a real registry."""

import json
import secrets
from base64 import b64encode

from voltrail.codes import build
from voltrail.events import answers, split
from voltrail.events.answers import Answer, PointAnswer
from voltrail.events.points import POINTS
from voltrail.ledger.keys import Signer
from voltrail.ledger.reports import sign_report
from voltrail.organisations.identifiers import credit_code

ORIGIN = "sample.example/log"
AUTHORITY = credit_code("91000000MA0000000")
MAKER = credit_code("91000000MA0000001")
CARMAKER = credit_code("91000000MA0000002")
RECYCLER = credit_code("91000000MA0000003")
ROLES = {MAKER: "battery_maker", CARMAKER: "vehicle_maker", RECYCLER: "utilisation_enterprise"}


def signer(organisation, key_id="line-1"):
    """Return the organisation's key, the same in every run."""
    return Signer.from_seed(f"{organisation}/{key_id}", (organisation + key_id).encode().ljust(32, b".")[:32])


def authority():
    """Return the authority's key, which every sample registry is begun with."""
    return signer(AUTHORITY, "root-1")


def line(kind, occurred_at, **members):
    """Return one event line; `from_` stands for the member `from`."""
    named = {"kind": kind, "occurred_at": occurred_at, **{k.rstrip("_"): v for k, v in members.items()}}
    return json.dumps(named, ensure_ascii=False, separators=(",", ":")).encode()


def report(key, lines, secret=None, organisation=None, origin=ORIGIN):
    """Return the bytes of a signed report file."""
    secret = secret or secrets.token_bytes(16)
    return sign_report(origin, key, secret, lines, [split(one) for one in lines], organisation).encode()


def registrations(organisation, role, key=None, **key_members):
    """Return the lines by which the authority registers an organisation, with its role and key."""
    key = key or signer(organisation)
    since = "2020-01-01T00:00:00+08:00"
    return [
        line("organisation_registered", since, organisation=organisation, name="示例企业"),
        line("role_granted", since, organisation=organisation, role=role),
        line(
            "key_added",
            since,
            organisation=organisation,
            key_id=key.name.rpartition("/")[2],
            algorithm=key.algorithm,
            public_key=b64encode(key.verifier.public_key).decode(),
            **key_members,
        ),
    ]


def pack(serial):
    """Return the code of a sample pack."""
    from datetime import date

    return build(
        maker="9ZZ", level="pack", battery_type="B", production_date=date(2026, 4, 12), serial=serial
    )


def cell(serial):
    """Return the code of a sample cell."""
    from datetime import date

    return build(
        maker="9ZZ", level="cell", battery_type="B", production_date=date(2026, 4, 12), serial=serial
    )


def first_life(code, day=12):
    """Return the lines of a maker's part of a life: made, and shipped to the car maker."""
    return [
        line("manufactured", f"2026-04-{day:02}T10:00:00+08:00", code=code, model_id="S-102", mass_kg=612.5),
        line("shipped", f"2026-04-{day + 1:02}T10:00:00+08:00", code=code, to=CARMAKER),
    ]


def fitted(code, vin="LSVAA4187E2184847", day=20):
    """Return the lines of a car maker's part: received, and installed."""
    return [
        line("received", f"2026-04-{day:02}T10:00:00+08:00", code=code, from_=MAKER),
        line("installed", f"2026-04-{day + 1:02}T10:00:00+08:00", code=code, vin=vin, reason="new"),
    ]


def answered(values, asked_by, part="cell LFP-157", key=None, request="1", revision=1, name="示例电芯"):
    """Return the members of `answer_accepted` for what a supplier answered and signed."""
    key = key or Signer.from_seed("supplier/key", bytes(range(32)))
    points = tuple(PointAnswer(point, value, POINTS[point].unit) for point, value in values.items())
    when = "2026-04-21T09:00:00+08:00"
    text = answers.write(Answer(1, ORIGIN, request, asked_by, part, name, revision, when, points))
    return {
        "part": part,
        "supplier_name": name,
        "points": values,
        "answer": text,
        "algorithm": key.algorithm,
        "public_key": b64encode(key.verifier.public_key).decode(),
        "signature": b64encode(key.sign_bytes(text.encode())).decode(),
    }
