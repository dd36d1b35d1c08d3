"""
What a maker of the sample world asks of its suppliers: for two coming models that share a cell.

One request is open, the answer to one waits for review, and one was accepted. All of it is invented.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from voltrail.accounts.supplier_requests import Asked, SupplierRequests
from voltrail.accounts.trail import Actor
from voltrail.demo.cast import Cast, Member
from voltrail.demo.dossier import declared
from voltrail.demo.market import DESIGNS
from voltrail.events import split
from voltrail.ledger.keys import Signer, encode64
from voltrail.ledger.reports import sign_report
from voltrail.passport.answering import Entry, draft_of, text_of
from voltrail.registry.registry import Registry

MODELS: Final = ("SAMPLE-NEXT-75", "SAMPLE-NEXT-100")
CELL: Final = "cell LFP-157"
_KNOWN: Final = (
    "category", "chemistry", "manufacturer_web", "manufacturer_email", "manufacturing_place", "mass_kg",
    "voltage_min_v", "voltage_nominal_v", "voltage_max_v", "warranty_years", "extinguishing_agent",
    "extinguishing_class", "collection_symbol", "metal_symbols", "label_meanings",
)  # fmt: skip
_OF_THE_CELL: Final = ("cathode_material", "anode_material", "electrolyte_material", "rated_capacity_ah")
_ASKED: Final = (
    (CELL, "示例材料供应商 Sample Supplier", _OF_THE_CELL, "accepted"),
    (
        "cell LFP-157, ageing",
        "示例检测所 Sample Testing Lab",
        ("life_cycles", "life_years", "cycle_test", "cycle_test_c_rate", "exhaustion_percent"),
        "answered",
    ),
    (
        "cathode powder",
        "示例粉体厂 Sample Powders",
        ("recycled_lithium_pre_percent", "recycled_lithium_post_percent", "critical_raw_materials"),
        "asked",
    ),
)


def ask_suppliers(registry: Registry, requests: SupplierRequests, seed: int) -> None:
    """Declare the coming models, ask, answer and accept; once for a world."""
    cast = Cast(seed)
    maker, supplier = cast.one("battery_maker"), cast.one("supplier")
    if registry.declared(MODELS[0]) is not None:
        return
    actor, today = Actor(login="maker", organisation=maker.identifier), datetime.now(UTC)
    points = declared(maker.rank, DESIGNS[0], MODELS[0])
    lines: list[dict[str, Any]] = []
    for model, energy in zip(MODELS, (75.0, 100.0), strict=True):
        name = f"示例新型号 {energy:g} kWh (sample)"
        lines += [
            {"kind": "model_registered", "model_id": model, "name": name, "level": "pack"},
            {
                "kind": "points_declared",
                "model_id": model,
                "points": {one: points[one] for one in _KNOWN} | {"certified_energy_kwh": energy},
            },
        ]
    _report(registry, maker, [_line(one, today) for one in lines])
    for days, (part, name, wanted, until) in enumerate(_ASKED, 12):
        due = (today + timedelta(days=days)).date()
        asked = Asked(MODELS, part, name, "passport@supplier.sample.example", tuple(wanted), due)
        opened = requests.ask(actor, asked)
        if until == "asked" or opened.token is None:
            continue
        own = until == "accepted"
        key = supplier.signer if own else Signer.from_seed("answers/lab", bytes(range(32)))
        _answer(registry, requests, opened.token, points, key, supplier.identifier if own else None)
        if own and opened.request is not None:
            _report(registry, maker, requests.lines(maker.identifier, opened.request, datetime.now(UTC)))
            requests.settle(opened.request)


def _answer(
    registry: Registry,
    requests: SupplierRequests,
    token: str,
    points: dict[str, Any],
    key: Signer,
    organisation: str | None,
) -> None:
    """Answer a request as its supplier would: with a method, signed by its key."""
    request = requests.by_token(token)
    if request is None:
        return
    entries = {name: Entry(points[name], method="sample test report 7") for name in request.points}
    given = {"supplier": request.supplier, "points": msgspec.to_builtins(entries)}
    draft = draft_of(given, request.points)
    at = datetime.now(UTC)
    text = text_of(draft, registry.origin, str(request.id), request.maker, request.part, request.revision, at)
    public, signature = encode64(key.verifier.public_key), encode64(key.sign_bytes(text.encode()))
    requests.send(request, text, key.algorithm, public, signature, organisation, "terminal")


def _line(said: dict[str, Any], at: datetime) -> bytes:
    return msgspec.json.encode(said | {"occurred_at": at.isoformat(timespec="seconds")})


def _report(registry: Registry, maker: Member, lines: list[bytes]) -> None:
    members = [split(line) for line in lines]
    file = sign_report(registry.origin, maker.signer, secrets.token_bytes(16), lines, members)
    registry.report(file.encode(), "all")
