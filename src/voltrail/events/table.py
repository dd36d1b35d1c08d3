"""
The one table of event kinds: who may report each, what it is about, what follows from it.

`KINDS` is data for programs; `document()` prints the same as docs/events.md.
"""

from __future__ import annotations

from typing import Final, get_args

import msgspec

from voltrail.events.structs import STRUCTS, Role

ROLES: Final = frozenset(get_args(Role))
HOLDING_ROLES: Final = ROLES - {"authority", "auditor", "supplier"}
"""The roles in which an organisation may have batteries in its hands."""

ANYONE: Final = ROLES


class Kind(msgspec.Struct, frozen=True):
    """One row of the table. `roles` are those that may ever report the kind."""

    kind: str
    zh: str
    roles: frozenset[str]
    who: str
    effect: str
    struct: type[msgspec.Struct]

    @property
    def subjects(self) -> tuple[str, ...]:
        """Return what the kind is about, as members of its lines."""
        names = self.struct.__struct_encode_fields__
        about = ["code", "codes", "vin"]
        if self.kind in _ABOUT:
            about += _ABOUT[self.kind]
        return tuple(name for name in about if name in names)


_ABOUT: Final = {
    "corrected": ["organisation", "model_id", "lots", "site"],
    "lot_created": ["lot"],
    "lot_moved": ["lot"],
    "credit_spent": ["lot"],
    "lot_processed": ["inputs", "outputs"],
    "dismantled": ["outputs"],
    "recycled": ["outputs"],
    "organisation_registered": ["organisation"],
    "role_granted": ["organisation"],
    "role_revoked": ["organisation"],
    "key_added": ["organisation"],
    "key_revoked": ["organisation"],
    "site_registered": ["site"],
    "model_registered": ["model_id"],
    "model_certified": ["model_id"],
    "campaign_opened": ["model_id"],
    "test_reported": ["model_id"],
    "stage_granted": ["model_id"],
    "step_reported": ["lot"],
    "document_added": ["model_id"],
    "points_declared": ["model_id"],
    "answer_accepted": ["model_id"],
}

_MAKERS = "battery_maker importer"
_PART_WORKERS = "battery_maker vehicle_maker repair_enterprise utilisation_enterprise"
_FITTERS = (
    "vehicle_maker repair_enterprise vehicle_dismantler swap_operator storage_operator utilisation_enterprise"
)
_VEHICLE = "vehicle_maker importer authority"
_SERVICE = "battery_maker vehicle_maker swap_operator storage_operator repair_enterprise testing_lab"
_WASTE = "collection_outlet battery_maker vehicle_maker vehicle_dismantler utilisation_enterprise"
_JUDGES = "utilisation_enterprise repair_enterprise testing_lab"
_ISSUERS = "battery_maker importer vehicle_maker utilisation_enterprise repair_enterprise"
_MATERIAL = "utilisation_enterprise battery_maker importer supplier"
_TESTERS = "battery_maker vehicle_maker testing_lab"
_HOLDERS = " ".join(sorted(HOLDING_ROLES))
_HOLDER_OR_AUTHORITY = f"{_HOLDERS} authority"

# kind, Chinese, roles, who in words ("" = the roles, listed), effect
_ROWS: Final[tuple[tuple[str, str, str, str, str], ...]] = (
    ("manufactured", "生产", _MAKERS, "", "none → in_stock at the reporter"),
    (
        "enrolled",
        "补录",
        _HOLDERS,
        "any role that may hold batteries",
        "none → the place stated; what went before is unknown",
    ),
    (
        "identified",
        "身份关联",
        _HOLDER_OR_AUTHORITY,
        "holder, maker, authority",
        "links two codes of one battery; both chains stay",
    ),
    ("shipped", "发货", _HOLDERS, "holder", "in_stock → in_transit"),
    (
        "received",
        "收货",
        _HOLDERS,
        "receiver; the sender may receive back",
        "in_transit → in_stock, or in_swap_station when a station is named; custody moves",
    ),
    ("assembled", "装配", _HOLDERS, "maker, repairer, utiliser, holder of the parent", "parts → in_parent"),
    (
        "disassembled",
        "拆出",
        _HOLDERS,
        "maker, repairer, utiliser, holder of the parent",
        "parts in_parent → in_stock at the reporter",
    ),
    ("installed", "装车", _FITTERS, "", "in_stock → in_vehicle or in_storage_system"),
    ("removed", "拆卸", _FITTERS, "", "in_vehicle or in_storage_system → in_stock at the reporter"),
    (
        "swapped",
        "换电",
        "swap_operator",
        "",
        "taken_out: in_vehicle → in_swap_station; put_in: in_swap_station → in_vehicle",
    ),
    ("vehicle_certified", "车辆合格证", _VEHICLE, "", "place stays; dates the vehicle"),
    ("sold", "车辆销售", _VEHICLE, "", "place stays; the batteries go with the vehicle"),
    ("vehicle_exported", "车辆出口", _VEHICLE, "", "the batteries with it: gone, end exported"),
    ("vehicle_imported", "车辆进口", _VEHICLE, "", "the batteries with it: in_vehicle"),
    (
        "vehicle_scrapped",
        "车辆报废",
        f"{_VEHICLE} vehicle_dismantler",
        "",
        "place stays; the batteries with it: phase waste, held by the reporter",
    ),
    ("ownership_transferred", "所有权转移", _HOLDERS, "owner", "owner changes; place stays"),
    (
        "responsibility_transferred",
        "责任转移",
        f"{_HOLDERS} supplier",
        "operator",
        "EU economic operator changes; place stays",
    ),
    ("measured", "检测", _SERVICE, "", "place stays; condition known"),
    (
        "campaign_opened",
        "试验计划",
        _TESTERS,
        "",
        "place stays; the model has the plan",
    ),
    (
        "test_reported",
        "试验结果",
        _TESTERS,
        "",
        "place stays; the model has the result",
    ),
    (
        "step_reported",
        "工序报送",
        "battery_maker supplier",
        "",
        "place stays; yield and readings of the step are known",
    ),
    (
        "serviced",
        "维修",
        _SERVICE,
        "",
        "place stays; with a campaign, nothing remains to be done for that recall",
    ),
    (
        "recalled",
        "召回",
        f"{_SERVICE} importer authority",
        "",
        "place stays; open until serviced with the same campaign",
    ),
    ("incident_reported", "事故", _SERVICE, "", "place stays"),
    ("stocktaken", "盘点", _HOLDERS, "holder", "changes nothing, makes findings"),
    ("retired", "退役", _HOLDERS, "holder", "phase waste; place stays"),
    ("collected", "回收", _WASTE, "", "in_stock at the reporter, phase waste"),
    ("handed_over", "移交", _WASTE, "", "in_stock → in_transit, phase waste"),
    ("assessed", "评估", _JUDGES, "", "place stays; decision with its reasons"),
    ("prepared_for_reuse", "再使用准备", _JUDGES, "", "phase waste → re_used; place stays"),
    (
        "repurposed",
        "梯次再利用",
        "utilisation_enterprise",
        "",
        "old batteries end as succeeded; new ones in_stock, phase repurposed",
    ),
    (
        "remanufactured",
        "再制造",
        "utilisation_enterprise",
        "",
        "old batteries end as succeeded; new ones in_stock, phase remanufactured",
    ),
    ("dismantled", "拆解", "utilisation_enterprise", "", "the pack ends; its parts in_stock at the reporter"),
    ("recycled", "再生利用", "utilisation_enterprise", "", "the batteries end; lots begin"),
    ("lot_created", "批次登记", _MATERIAL, "", "the lot begins, with what it was said to be"),
    (
        "lot_processed",
        "批次加工",
        _MATERIAL,
        "",
        "so much of each input is gone; the outputs begin, held by the reporter",
    ),
    ("lot_moved", "批次转移", f"{_MATERIAL} carrier collection_outlet", "holder of the lot", "custody moves"),
    (
        "credit_spent",
        "再生料投用",
        "battery_maker importer",
        "who made the batteries",
        "so much of the lot is gone into these batteries; they have its recycled content",
    ),
    ("exported", "出口", _HOLDER_OR_AUTHORITY, "holder, authority", "gone, end exported"),
    ("imported", "进口", _HOLDER_OR_AUTHORITY, "holder, authority", "in_stock at the reporter"),
    ("destroyed", "灭失", _HOLDER_OR_AUTHORITY, "holder, authority", "gone, end destroyed"),
    ("lost", "丢失", _HOLDER_OR_AUTHORITY, "holder, authority", "missing"),
    ("found", "寻回", _HOLDER_OR_AUTHORITY, "holder, authority", "missing → in_stock at the reporter"),
    (
        "passport_issued",
        "签发护照",
        f"{_ISSUERS} authority",
        "whoever answers for the battery: its operator, or who made it or made it ready for a further life",
        "the battery has this EU passport; the one before, if it is still in force, ends",
    ),
    (
        "passport_ceased",
        "护照终止",
        f"{_ISSUERS} authority",
        "who issued it, whoever answers for the battery; authority",
        "the passport is no longer in force; second lives and recycling on record end it by themselves",
    ),
    (
        "transferred_in",
        "档案转入",
        f"{_ISSUERS} authority",
        "authority, or who issues passports, once what another host handed over was verified",
        "the battery's record goes on here after that of the log named; place stays",
    ),
    (
        "corrected",
        "更正",
        " ".join(sorted(ANYONE)),
        "first reporter, its registered successor, authority",
        "the event corrected is void, or the line given stands in its place; the last of a chain counts",
    ),
    ("organisation_registered", "企业注册", "authority", "", "the organisation is on the record"),
    ("role_granted", "授予角色", "authority", "", "the organisation may act in the role"),
    ("role_revoked", "撤销角色", "authority", "", "the organisation no longer acts in the role"),
    (
        "key_added",
        "添加密钥",
        " ".join(sorted(ANYONE)),
        "authority; an organisation for itself",
        "the organisation signs with the key",
    ),
    (
        "key_revoked",
        "吊销密钥",
        " ".join(sorted(ANYONE)),
        "authority; an organisation for itself",
        "the key no longer counts",
    ),
    (
        "site_registered",
        "场所登记",
        " ".join(sorted(ANYONE)),
        "authority; an organisation for itself",
        "the organisation has the site",
    ),
    ("model_registered", "型号登记", f"{_MAKERS} authority", "", "the model is declared"),
    (
        "model_certified",
        "型号认证",
        f"{_MAKERS} testing_lab authority",
        "maker; testing_lab, where no maker has declared the model; authority",
        "the model has the certificate",
    ),
    (
        "stage_granted",
        "阶段认定",
        "testing_lab authority",
        "testing_lab, authority",
        "the model has reached the stage, once what its gate asks for is on record",
    ),
    (
        "document_added",
        "添加文件",
        f"{_MAKERS} vehicle_maker authority",
        "maker; vehicle_maker and importer, where no maker has declared the model; authority",
        "the model has the document",
    ),
    (
        "points_declared",
        "申报数据项",
        f"{_MAKERS} vehicle_maker authority",
        "maker; vehicle_maker and importer, where no maker has declared the model; authority",
        "the model has these data points",
    ),
    (
        "answer_accepted",
        "采纳答复",
        f"{_MAKERS} vehicle_maker authority",
        "maker; authority",
        "the model has these data points, as a supplier said and signed them",
    ),
)

KINDS: Final[dict[str, Kind]] = {
    kind: Kind(kind, zh, frozenset(roles.split()), who or ", ".join(roles.split()), effect, STRUCTS[kind])
    for kind, zh, roles, who, effect in _ROWS
}

TRUST_KINDS: Final = frozenset(
    kind
    for kind, about in _ABOUT.items()
    if not {"lot", "lots", "outputs"} & set(about) and kind not in {"campaign_opened", "test_reported"}
)
"""The kinds about organisations, sites and models; each has its own rule of who may report it."""

LOT_KINDS: Final = frozenset({"lot_created", "lot_moved"})
"""The kinds about material alone."""

_HEAD = """\
# Events

Printed from `voltrail/events/table.py`; do not edit.

Every line has `kind` and `occurred_at` and may have `batch`, `note` and `epcis`. `?` marks what may be left
out. `epcis` is the event of EPCIS that the line came from, up to 16,000 characters: see [epcis.md](epcis.md).
Several roles may report some kinds only for themselves: the column names who.

| Kind | 中文 | Reported by | Subjects | Members | Effect |
|---|---|---|---|---|---|
"""


def document() -> str:
    """Return docs/events.md."""
    return _HEAD + "".join(map(_row, KINDS.values()))


def _row(kind: Kind) -> str:
    """Return one row of the document."""
    cells = (kind.kind, kind.zh, kind.who, ", ".join(kind.subjects), _members(kind), kind.effect)
    return "| " + " | ".join(cells) + " |\n"


def _members(kind: Kind) -> str:
    """Return the members that a kind has beside those of every kind."""
    common = {"occurred_at", "batch", "note", "epcis"}
    return ", ".join(
        f"{field.encode_name}{'' if field.required else '?'}"
        for field in msgspec.structs.fields(kind.struct)
        if field.encode_name not in common
    )
