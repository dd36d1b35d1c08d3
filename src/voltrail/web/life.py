"""What each kind of event says about a battery, in a sentence of each language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from voltrail.web.language import Language

# Where an event says different things about its batteries, the second is under `kind:part`, for the battery
# that is not its first: built into another, taken out of it, or made new from old ones.
SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "manufactured": (
        "Made, and in stock at its maker or importer.",
        "已生产下线，存放于生产者或进口者处。",
    ),
    "enrolled": ("Joined the record; what went before is unknown.", "已补录入册；此前历史不详。"),
    "identified": (
        "Its code was found to be another code of the same battery.",
        "经确认，此编码与另一编码为同一电池。",
    ),
    "identified:part": (
        "Another code was found to be this same battery.",
        "经确认，另一编码所指即为本电池。",
    ),
    "shipped": ("Sent to another organisation.", "已发货，运往另一企业。"),
    "received": ("Arrived; whoever reported this has it now.", "已收货，由报送者持有。"),
    "assembled": ("Parts were built into it.", "部件已装入本电池。"),
    "assembled:part": ("Built into a larger battery.", "已装入上级电池。"),
    "disassembled": ("Parts were taken out of it.", "部件已从本电池拆出。"),
    "disassembled:part": ("Taken out of the battery it was part of.", "已从所属电池中拆出。"),
    "installed": ("Fitted into a vehicle or a storage system.", "已装入车辆或储能系统。"),
    "removed": ("Taken out of a vehicle or a storage system.", "已从车辆或储能系统中拆下。"),
    "swapped": (
        "Swapped at a station: one pack out of the vehicle, another in.",
        "在换电站换电：一块换下，一块换上。",
    ),
    "vehicle_certified": ("Its vehicle got its certificate of conformity.", "所在车辆已取得合格证。"),
    "sold": ("Sold with its vehicle.", "已随车售出。"),
    "vehicle_exported": ("Left the country with its vehicle.", "已随车出口。"),
    "vehicle_imported": ("Came into the country with its vehicle.", "已随车进口。"),
    "vehicle_scrapped": (
        "Its vehicle was scrapped; the dismantler has the battery.",
        "所在车辆已报废，电池由报废机动车回收拆解企业持有。",
    ),
    "ownership_transferred": (
        "It belongs to another owner now; it did not move.",
        "所有权已转移，位置不变。",
    ),
    "responsibility_transferred": (
        "Another economic operator answers for its EU passport.",
        "欧盟电池护照的责任经营者已变更。",
    ),
    "measured": ("Its condition was measured.", "已检测电池状态。"),
    "serviced": ("Work was done on it.", "已进行维修。"),
    "recalled": ("It is part of a recall.", "已列入召回。"),
    "incident_reported": ("An incident was reported.", "已报送一起事故。"),
    "stocktaken": ("Found at a site in a stocktaking; it did not move.", "盘点时在册在场，位置不变。"),
    "retired": ("It is waste from now on.", "自此列为废旧动力电池。"),
    "collected": ("Taken in as waste.", "已作为废旧动力电池回收。"),
    "handed_over": ("Handed over as waste to another organisation.", "已作为废旧动力电池移交另一企业。"),
    "assessed": ("It was decided what it is still good for.", "经评估，已确定后续用途。"),
    "prepared_for_reuse": ("Ready for its old use again; no longer waste.", "已可恢复原用途，不再列为废旧。"),
    "repurposed": (
        "Its life under this code ended; it went into new batteries for another use.",
        "此编码下的生命周期终结，用于制成其他用途的新电池。",
    ),
    "repurposed:part": ("Made from retired batteries, for another use.", "由退役电池梯次利用而成。"),
    "remanufactured": (
        "Its life under this code ended; it went into new batteries for the same use.",
        "此编码下的生命周期终结，用于再制造同一用途的新电池。",
    ),
    "remanufactured:part": ("Made anew from old batteries.", "由旧电池再制造而成。"),
    "dismantled": (
        "Taken apart: it ended, and its parts go on under their own codes.",
        "已拆解：本电池终结，各部件以自身编码继续使用。",
    ),
    "dismantled:part": (
        "Set free when the battery it was part of was taken apart.",
        "所属电池已拆解，本部件单独存续。",
    ),
    "recycled": ("Turned back into materials.", "已再生利用，转化为材料。"),
    "campaign_opened": ("It was chosen as a sample for tests.", "已选为试验样品。"),
    "test_reported": ("It was tested.", "已完成试验。"),
    "step_reported": ("It went through a step of a production line.", "已通过一道生产工序。"),
    "lot_created": ("This material came onto the record.", "该物料已登记。"),
    "lot_processed": ("It went through a process at a plant.", "已在工厂经过加工。"),
    "lot_moved": ("It went to another organisation or site.", "已转移至另一企业或场所。"),
    "credit_spent": ("Material with a record was used in making it.", "制造时使用了可追溯批次的材料。"),
    "exported": ("Left the country.", "已出口。"),
    "imported": ("Came into the country; in stock at its importer.", "已进口，存放于进口者处。"),
    "destroyed": ("It is no more, and its materials were not won back.", "已灭失，材料未能回收。"),
    "lost": ("Nobody knows where it is.", "去向不明。"),
    "found": ("It turned up again.", "已寻回。"),
    "passport_issued": ("An EU passport was issued for it.", "已为其签发欧盟电池护照。"),
    "passport_ceased": ("Its EU passport is no longer in force.", "其欧盟电池护照已终止。"),
    "transferred_in": (
        "Its record goes on here; what came before was handed over by another host, with its proofs.",
        "其档案自此在本平台延续；此前记录由另一平台连同证明一并移交。",
    ),
    "corrected": ("An earlier report was wrong; this says what is right.", "此前报送有误，以本条为准。"),
}


def tell(kind: str, members: Mapping[str, Any], code: str, language: Language) -> str:
    """Return in a sentence what an event says about the battery of this code."""
    variant = f"{kind}:part" if _is_part(kind, members, code) else kind
    english, chinese = SENTENCES.get(variant) or SENTENCES.get(kind) or ("", "")
    return chinese if language == "zh" else english


def _is_part(kind: str, members: Mapping[str, Any], code: str) -> bool:
    if kind in {"repurposed", "remanufactured"}:
        return code in members.get("into", ())
    if kind == "identified":
        return bool(members.get("right") == code)
    first = members.get("code")
    return kind in {"assembled", "disassembled", "dismantled"} and first not in {None, code}
