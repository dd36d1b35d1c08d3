"""The names of the record in two languages: kinds, members, phases. Sentences are in `catalogue`."""

from __future__ import annotations

from typing import Final

from voltrail.events.table import KINDS
from voltrail.organisations.trust import ROLES_ZH
from voltrail.web.language import Language

# Names of the record: members, phases, ends, places, findings, roles of data.
NAMES_ZH: Final[dict[str, str]] = {
    "pack": "电池包",
    "module": "模组",
    "cell": "单体",
    "unknown": "未知",
    "original": "原始使用",
    "re_used": "再使用",
    "repurposed": "梯次利用",
    "remanufactured": "再制造",
    "waste": "废旧",
    "ended": "已终结",
    "dismantled": "已拆解",
    "recycled": "已再生利用",
    "succeeded": "已由新编码承接",
    "exported": "已出口",
    "destroyed": "已销毁",
    "reuse": "再使用",
    "repurpose": "梯次利用",
    "recycle": "再生利用",
    "label": "标签",
    "photo": "照片",
    "gap": "缺漏",
    "conflict": "冲突",
    "late": "逾期",
    "breach": "违规",
    "organisation": "企业",
    "model": "型号",
    "place": "位置",
    "holder": "持有者",
    "owner": "所有者",
    "operator": "责任经营者",
    "vin": "车辆识别代号",
    "system": "储能系统",
    "site": "场所",
    "soh_fraction": "健康度",
    "measured_at": "测量时间",
    "parent": "所属电池",
    "reporter": "报送者",
    "station": "换电站",
    "to": "接收方",
    "from": "发送方",
    "carrier": "承运方",
    "odometer_km": "里程 (km)",
    "taken_out": "换下电池",
    "put_in": "换上电池",
    "energy_out_kwh": "换下电量 (kWh)",
    "energy_in_kwh": "换上电量 (kWh)",
    "energy_kwh": "能量 (kWh)",
    "capacity_ah": "容量 (Ah)",
    "mass_kg": "质量 (kg)",
    "voltage_v": "电压 (V)",
    "cycles": "循环次数",
    "distance_km": "行驶里程 (km)",
    "resistance_mohm": "内阻 (mΩ)",
    "method": "方法",
    "model_id": "型号",
    "codes": "相关电池",
    "code": "电池编码",
    "into": "新编码",
    "use": "用途",
    "reason": "原因",
    "reasons": "理由",
    "decision": "结论",
    "basis": "依据",
    "phase": "阶段",
    "manufactured_on": "生产日期",
    "photo_digest": "照片摘要",
    "batch": "批次",
    "note": "备注",
    "line": "更正内容",
    "corrects": "更正条目",
    "void": "作废",
    "country": "国家",
    "cleared_at": "清关时间",
    "campaign": "召回编号",
    "risk": "风险",
    "incident": "事故",
    "severity": "严重程度",
    "work": "维修内容",
    "process": "工艺",
    "how": "方式",
    "right": "正确编码",
    "certificate_no": "合格证编号",
    "certificate_date": "证明日期",
    "buyer_region": "购买地区",
    "evidence": "证明材料",
    "LFP": "磷酸铁锂",
    "NCM": "三元",
    "NCA": "三元",
    "LMO": "锰酸锂",
    "LTO": "钛酸锂",
    "NiMH": "镍氢",
    **ROLES_ZH,
    "in_stock": "在库",
    "in_transit": "在途",
    "in_parent": "装于上级电池",
    "in_vehicle": "装车",
    "in_swap_station": "在换电站",
    "in_storage_system": "在储能系统",
    "missing": "去向不明",
    "gone": "已离场",
    "disputed": "位置存疑",
    "unrecorded": "位置未记载",
    "plant": "工厂",
    "outlet": "回收服务网点",
    "depot": "仓储场站",
    "storage": "储能场所",
}
_NAMES_EN: Final = {
    "soh_fraction": "state of health",
    "vin": "vehicle",
    "model_id": "model",
    "codes": "batteries",
    "into": "new codes",
    "energy_kwh": "energy (kWh)",
    "mass_kg": "mass (kg)",
    "capacity_ah": "capacity (Ah)",
    "voltage_v": "voltage (V)",
    "odometer_km": "odometer (km)",
    "distance_km": "distance (km)",
    "resistance_mohm": "resistance (mΩ)",
    "energy_out_kwh": "energy out (kWh)",
    "energy_in_kwh": "energy in (kWh)",
    "re_used": "re-used",
}


def event_word(kind: str, language: Language) -> str:
    """Return the word for a kind of event."""
    row = KINDS.get(kind)
    if language == "zh" and row is not None:
        return row.zh
    return kind.replace("_", " ").capitalize()


def name_word(name: str, language: Language) -> str:
    """Return the word for a name of the record; one without a word stays as it is written there."""
    if language == "zh":
        return NAMES_ZH.get(name, name)
    return _NAMES_EN.get(name, name.replace("_", " "))
