"""
Who acts in the sample world. Every organisation is invented and says so.

Their keys come from the seed, so anyone can make them again: they protect nothing.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from voltrail.ledger.keys import Signer
from voltrail.organisations.identifiers import credit_code

# name, English name, roles, maker code ("" = none)
_ORGANISATIONS: Final = (
    ("示例主管部门", "Sample Authority", "authority", ""),
    ("示例电池一厂", "Sample Cells One", "battery_maker", "9Z0"),
    ("示例电池二厂", "Sample Cells Two", "battery_maker", "9Z1"),
    ("示例电池三厂", "Sample Cells Three", "battery_maker", "9Z2"),
    ("示例进口商", "Sample Importer", "importer", "9Z3"),
    ("示例汽车一厂", "Sample Cars One", "vehicle_maker", ""),
    ("示例汽车二厂", "Sample Cars Two", "vehicle_maker", ""),
    ("示例卡车厂", "Sample Trucks", "vehicle_maker", ""),
    ("示例电池银行", "Sample Battery Bank", "battery_owner", ""),
    ("示例换电一公司", "Sample Swap One", "swap_operator", ""),
    ("示例换电二公司", "Sample Swap Two", "swap_operator", ""),
    ("示例维修一店", "Sample Repairs One", "repair_enterprise", ""),
    ("示例维修二店", "Sample Repairs Two", "repair_enterprise", ""),
    ("示例检测所", "Sample Testing Lab", "testing_lab", ""),
    ("示例拆解厂", "Sample Dismantlers", "vehicle_dismantler", ""),
    ("示例回收一点", "Sample Outlet One", "collection_outlet", ""),
    ("示例回收二点", "Sample Outlet Two", "collection_outlet", ""),
    ("示例综合利用一厂", "Sample Utilisation One", "utilisation_enterprise", "9Z8"),
    ("示例综合利用二厂", "Sample Utilisation Two", "utilisation_enterprise", "9Z9"),
    ("示例储能公司", "Sample Storage", "storage_operator", ""),
    ("示例承运公司", "Sample Carrier", "carrier", ""),
    ("示例材料供应商", "Sample Supplier", "supplier", ""),
    ("示例审计所", "Sample Auditors", "auditor", ""),
    ("示例固态电池厂", "Sample Solid Cells", "battery_maker", "9Z4"),
)
_PILOT: Final = len(_ORGANISATIONS) - 1  # makes cells on a pilot line, and no packs of the market

_SITES: Final = {
    "swap_operator": 4,
    "utilisation_enterprise": 3,
    "supplier": 2,
    "authority": 0,
    "auditor": 0,
}
KEY_ID: Final = "sample-1"
CLERK: Final = "Sample Outlet One"  # has no key at hand: the host signs what it reports
CARELESS: Final = "Sample Outlet Two"  # had to have its key revoked, and has another since
LEAKED: Final = 1_688_140_800  # 1 July 2023, midnight in China


class Member(msgspec.Struct, frozen=True):
    """An organisation of the sample world; `rank` orders reports of the same days."""

    rank: int
    identifier: str
    name: str
    role: str
    maker: str
    signer: Signer
    sites: tuple[str, ...]
    second: Signer | None = None

    def signer_at(self, when: int) -> Signer:
        """Return the key that it signs with at a moment."""
        return self.second if self.second is not None and when >= LEAKED else self.signer

    @property
    def by_host(self) -> bool:
        """Whether it reports through the host."""
        return self.name.endswith(CLERK)


class Cast:
    """All organisations, found by role; but for `pilot`, which has a story of its own."""

    def __init__(self, seed: int) -> None:
        self.all = tuple(_member(seed, rank) for rank in range(len(_ORGANISATIONS)))
        self.authority, self.pilot = self.all[0], self.all[_PILOT]
        self._of: dict[str, tuple[Member, ...]] = {}
        for member in self.all[:_PILOT]:
            self._of[member.role] = (*self._of.get(member.role, ()), member)

    def of(self, role: str) -> tuple[Member, ...]:
        """Return the organisations in a role."""
        return self._of[role]

    def one(self, role: str) -> Member:
        """Return the first organisation in a role."""
        return self._of[role][0]

    def truck_maker(self) -> Member:
        """Return the maker of the trucks that exchange their packs."""
        return self._of["vehicle_maker"][-1]


def secret(seed: int, *parts: object) -> bytes:
    """Return 32 bytes that follow from the seed and these words."""
    return sha256("/".join(map(str, ("voltrail sample", seed, *parts))).encode()).digest()


def _member(seed: int, rank: int) -> Member:
    chinese, english, role, maker = _ORGANISATIONS[rank]
    identifier = credit_code(f"91000000XDEM{rank:05d}")  # no region has the number 000000
    signer = Signer.from_seed(f"{identifier}/{KEY_ID}", secret(seed, "key", rank))
    count = _SITES.get(role, 1)
    sites = tuple(f"SAMPLE-{rank:02d}-{number}" for number in range(1, count + 1))
    second = None
    if english == CARELESS:
        second = Signer.from_seed(f"{identifier}/sample-2", secret(seed, "second key", rank))
    return Member(rank, identifier, f"{chinese} {english}", role, maker, signer, sites, second)
