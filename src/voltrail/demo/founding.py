"""Before any battery: organisations, roles, keys and sites by the authority; models by their makers."""

from __future__ import annotations

from typing import Any, Final

from voltrail.demo.cast import LEAKED, Cast, Member, secret
from voltrail.demo.diary import DAY, Diary, moment
from voltrail.demo.market import DESIGNS, Design
from voltrail.ledger.keys import Signer, encode64

FOUNDED: Final = moment(2016)
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


def model_id(maker: Member, design: Design) -> str:
    """Return the identifier of a maker's model of a design."""
    return f"SAMPLE-{maker.maker}-{design.chemistry}-{round(design.energy_kwh.value)}"


def _register(diary: Diary, authority: Member, member: Member) -> None:
    about: dict[str, Any] = {"organisation": member.identifier}
    trust: dict[str, Any] = {"late": 0.0}
    diary.tell(authority, FOUNDED, "organisation_registered", **trust, **about, name=member.name)
    since = "2016-01-01T00:00:00+08:00"
    diary.tell(authority, FOUNDED, "role_granted", **trust, **about, role=member.role, from_=since)
    if member is not authority:
        _add_key(diary, authority, member, member.signer, FOUNDED)
    for number, site in enumerate(member.sites, 1):
        diary.tell(
            authority,
            FOUNDED,
            "site_registered",
            **trust,
            site=site,
            organisation=member.identifier,
            name=f"{member.name} {number} (sample)",
            region=_REGIONS[(member.rank + number) % len(_REGIONS)],
            site_type=_SITE_TYPES.get(member.role, "plant"),
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
