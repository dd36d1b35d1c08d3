"""Before any battery: organisations, roles, keys and sites by the authority; models by their makers."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from voltrail.demo.cast import LEAKED, Cast, Member, secret
from voltrail.demo.diary import DAY, Diary, moment
from voltrail.demo.dossier import declared, rated_ah
from voltrail.demo.market import DESIGNS, TRUCK, Design
from voltrail.demo.matter import MODULES, MODULES_SHARE, composition, module_composition
from voltrail.ledger.keys import Signer, encode64

FOUNDED: Final = moment(2016)
_PLACES: Final = (
    ("110105", "北京市朝阳区示例路", 39.92, 116.44),
    ("310115", "上海市浦东新区示例路", 31.22, 121.54),
)
"""Where outlets are: regions that exist, streets that do not. None is in Shenzhen, where cars are sold."""
_CORRIDOR: Final = (
    ("440000", 22.68, 113.81),
    ("440000", 23.13, 113.27),
    ("440000", 24.81, 113.60),
    ("430000", 25.77, 113.02),
    ("430000", 26.89, 112.57),
    ("430000", 28.23, 112.94),
    ("430000", 29.36, 113.13),
    ("420000", 30.59, 114.30),
)
"""Towns along the G4 from Shenzhen to Wuhan, where swap stations are; the stations are invented."""
STATION_SLOTS: Final = 24
STATION_CHARGERS: Final = 12
_REGIONS: Final = ("440000", "320000", "330000", "370000", "510000", "420000", "340000", "610000")
_SITE_TYPES: Final = {
    "swap_operator": "station",
    "collection_outlet": "outlet",
    "storage_operator": "storage",
    "carrier": "depot",
}


def found(diary: Diary, cast: Cast, seed: int) -> None:
    """Tell what the authority puts on the record, and the models."""
    for member in cast.all:
        _register(diary, cast.authority, member)
    _change(diary, cast, seed)
    for maker in (*cast.of("battery_maker"), cast.one("importer")):
        for design in DESIGNS:
            _declare(diary, maker, design)
    _open_outlets(diary, cast)


def model_id(maker: Member, design: Design) -> str:
    """Return the identifier of a maker's model of a design."""
    return f"SAMPLE-{maker.maker}-{design.chemistry}-{round(design.energy_kwh.value)}"


def module_id(maker: Member, design: Design) -> str:
    """Return the identifier of a maker's model of the modules of a design."""
    return f"{model_id(maker, design)}-MODULE"


def _register(diary: Diary, authority: Member, member: Member) -> None:
    about: dict[str, Any] = {"organisation": member.identifier}
    trust: dict[str, Any] = {"late": 0.0}
    named: dict[str, Any] = {"name": member.name, "address": f"示例路 {member.rank} 号, 440000, CN"}
    diary.tell(authority, FOUNDED, "organisation_registered", **trust, **about, **named)
    since = "2016-01-01T00:00:00+08:00"
    diary.tell(authority, FOUNDED, "role_granted", **trust, **about, role=member.role, from_=since)
    if member is not authority:
        _add_key(diary, authority, member, member.signer, FOUNDED)
    for number, site in enumerate(member.sites, 1):
        kind = _SITE_TYPES.get(member.role, "plant")
        diary.tell(
            authority,
            FOUNDED,
            "site_registered",
            **trust,
            site=site,
            organisation=member.identifier,
            name=f"{member.name} {number} (sample)",
            site_type=kind,
            **_place(member, number, kind),
        )


def _place(member: Member, number: int, kind: str) -> dict[str, Any]:
    """Return where a site is, as far as somebody needs to find it."""
    if kind == "outlet":
        return _outlet(member.rank, member.rank)
    return _station(member, number) if kind == "station" else _elsewhere(member.rank + number)


def _station(member: Member, number: int) -> dict[str, Any]:
    """Return what a swap station has, and where it is: those of two operators stand in turn."""
    region, latitude, longitude = _CORRIDOR[(2 * (number - 1) + member.rank) % len(_CORRIDOR)]
    return {
        "region": region,
        "latitude": latitude,
        "longitude": longitude,
        "interfaces": ["qiji"],
        "bays": 1,
        "slots": STATION_SLOTS,
        "chargers": STATION_CHARGERS,
        "charger_kw": 300,
    }


def _elsewhere(number: int) -> dict[str, Any]:
    """Return in which province a site is that nobody needs to find."""
    return {"region": _REGIONS[number % len(_REGIONS)]}


def _outlet(number: int, place: int) -> dict[str, Any]:
    """Return what an owner needs to find an outlet; address and telephone number are invented."""
    region, street, latitude, longitude = _PLACES[place % len(_PLACES)]
    return {
        "region": region,
        "address": f"{street} {number} 号 (sample)",
        "phone": f"000 0000 {number:04d}",
        "hours": "09:00-17:00",
        "latitude": round(latitude + number / 1_000, 3),
        "longitude": round(longitude + number / 1_000, 3),
    }


def _open_outlets(diary: Diary, cast: Cast) -> None:
    """Tell of the outlets at which makers take batteries back; Cars Two lets another's do so."""
    one, two, trucks = cast.of("vehicle_maker")
    for number, (maker, place) in enumerate(
        ((one, 0), (one, 1), (trucks, 1), (cast.one("battery_maker"), 0))
    ):
        diary.tell(
            maker,
            FOUNDED + 3 * DAY,
            "site_registered",
            late=0.0,
            site=f"SAMPLE-{maker.rank:02d}-OUTLET-{place + 1}",
            organisation=maker.identifier,
            name=f"{maker.name} 回收点 outlet {place + 1} (sample)",
            site_type="outlet",
            **_outlet(60 + number, place),
            **({"makers": [two.identifier]} if maker is one and not place else {}),
        )


def _add_key(diary: Diary, authority: Member, member: Member, signer: Signer, when: int) -> None:
    clerk: dict[str, Any] = {"host_may_sign": True} if member.by_host else {}
    diary.tell(
        authority,
        when,
        "key_added",
        late=0.0,
        organisation=member.identifier,
        key_id=signer.name.rpartition("/")[2],
        algorithm=signer.algorithm,
        public_key=encode64(signer.verifier.public_key),
        **clerk,
    )


def _revoke_key(diary: Diary, authority: Member, member: Member, signer: Signer, when: int) -> None:
    key_id = signer.name.rpartition("/")[2]
    diary.tell(authority, when, "key_revoked", late=0.0, organisation=member.identifier, key_id=key_id)


def _change(diary: Diary, cast: Cast, seed: int) -> None:
    """Tell of keys that were revoked, one with another after it, and of a role that was."""
    maker, outlet = cast.of("vehicle_maker")[0], cast.of("collection_outlet")[1]
    spare = Signer.from_seed(f"{maker.identifier}/sample-0", secret(seed, "spare key"))
    _add_key(diary, cast.authority, maker, spare, FOUNDED)
    _revoke_key(diary, cast.authority, maker, spare, FOUNDED + DAY)
    for member in cast.all:
        if member.second is not None and diary.until > LEAKED:
            _add_key(diary, cast.authority, member, member.second, LEAKED)
            _revoke_key(diary, cast.authority, member, member.signer, LEAKED + 60)
    role: dict[str, Any] = {"organisation": outlet.identifier, "role": "repair_enterprise"}
    diary.tell(cast.authority, FOUNDED, "role_granted", late=0.0, **role)
    diary.tell(cast.authority, FOUNDED + DAY, "role_revoked", late=0.0, **role)


def _declare(diary: Diary, maker: Member, design: Design) -> None:
    identifier = model_id(maker, design)
    diary.tell(
        maker,
        FOUNDED + DAY,
        "model_registered",
        late=0.0,
        model_id=identifier,
        name=f"示例 Sample {design.name} {design.chemistry}",
        level="pack",
        chemistry=design.chemistry,
        energy_kwh=design.energy_kwh.value,
        mass_kg=design.mass_kg.value,
        capacity_ah=rated_ah(design),
        composition=composition(design),
        **({"swap_pack": "qiji-171"} if design is TRUCK else {}),
    )
    diary.tell(
        maker,
        FOUNDED + DAY,
        "model_registered",
        late=0.0,
        model_id=module_id(maker, design),
        name=f"示例 Sample {design.name} {design.chemistry} 模组 module",
        level="module",
        chemistry=design.chemistry,
        energy_kwh=round(design.energy_kwh.value / MODULES, 3),
        mass_kg=round(design.mass_kg.value * MODULES_SHARE / MODULES, 3),
        composition=module_composition(design),
    )
    diary.tell(
        maker,
        FOUNDED + 2 * DAY,
        "model_certified",
        late=0.0,
        model_id=identifier,
        certificate=f"SAMPLE-CERT-{identifier}",
        certified_on="2016-01-03",
    )
    diary.tell(
        maker,
        FOUNDED + 40 * DAY,
        "document_added",
        late=0.0,
        model_id=identifier,
        purpose="disassembly",
        title=f"示例拆解手册 Disassembly {design.name} (sample)",
        digest=sha256(identifier.encode()).hexdigest(),
    )
    diary.tell(
        maker,
        FOUNDED + 41 * DAY,
        "points_declared",
        late=0.0,
        model_id=identifier,
        points=declared(maker.rank, design, identifier),
        issuer=maker.name,
    )
