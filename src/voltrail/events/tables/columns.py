"""
The one table of columns: what each member is called at the head of a spreadsheet, in English and Chinese.

`member_of` finds the member a header means; `document()` prints the same table for readers.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache
from typing import Final, Literal

import msgspec

from voltrail.events.structs import STRUCTS
from voltrail.events.table import KINDS
from voltrail.events.words import NAMES_ZH

Language = Literal["en", "zh"]


class Column(msgspec.Struct, frozen=True):
    """One row of the table. `unit` is that of its numbers; `also` are further headers that mean it."""

    member: str
    en: str
    zh: str
    unit: str | None = None
    also: tuple[str, ...] = ()

    def header(self, language: Language) -> str:
        """Return the header in a language, with the unit."""
        return self.zh if language == "zh" else self.en


# member, English header, further headers parted by |
_ROWS: Final = (
    ("kind", "Event", "Event kind|Event type|Type of event|事件类型|事件种类|报送类型"),
    ("occurred_at", "Occurred at", ("Date|Time|When|Date and time|Event time|Event date|Timestamp|时间|日期|"
     "事件时间|发生日期|事件日期|生产时间|发货时间|发货日期|收货时间|收货日期|入库时间|出库时间")),
    ("code", "Battery code", ("Battery ID|Battery|Code|GB/T 34014 code|Pack code|Traceability code|编码|"
     "电池码|电池包编码|电池编号|电池代码|溯源编码|动力电池编码|动力蓄电池编码|蓄电池编码|国标码")),
    ("codes", "Related batteries", ("Batteries|Battery codes|Codes|Parts|Modules|模组编码|电芯编码|单体编码|"
     "包含电池|电池编码列表|旧编码|原编码")),
    ("model_id", "Model", "Model number|Battery model|Battery type|电池型号|产品型号|规格型号"),
    ("mass_kg", "Mass (kg)", "Weight|重量"),
    ("energy_kwh", "Energy (kWh)", "Rated energy|Nominal energy|额定能量|电量|电池能量|标称能量"),
    ("site", "Site", "Location|Plant|Factory|Warehouse|地点|工厂|仓库|网点|站点"),
    ("place", "Place", "当前位置|所在位置"),
    ("basis", "Basis", "补录依据"),
    ("photo_digest", "Photo digest (SHA-256)", ""),
    ("vin", "VIN", "Vehicle|Vehicle identification number|Chassis number|车架号|车辆识别码|车辆识别号|VIN码"),
    ("system", "Storage system", "System|储能系统编号"),
    ("manufactured_on", "Manufactured on", "Date of manufacture|Manufacturing date|出厂日期|制造日期"),
    ("phase", "Phase", "所处阶段|生命周期阶段"),
    ("right", "Right code", "Correct code|正确的编码"),
    ("to", "To", "Receiver|Recipient|Consignee|Customer|收货方|收货单位|接收单位|接收企业|收货企业|购买方"),
    ("carrier", "Carrier", "Haulier|承运方|承运人|运输企业|运输单位|物流公司"),
    ("packing", "Packing instruction", "Packing|包装方式|包装说明"),
    ("from", "From", "Sender|Supplier|Consignor|发货方|发货单位|交货方|来源|移交方|移交单位"),
    ("station", "Station", "Swap station|换电站编号"),
    ("reason", "Reason", "更换原因|拆卸原因|退役原因"),
    ("odometer_km", "Odometer (km)", "Mileage|Odometer reading|里程表读数|总里程"),
    ("taken_out", "Taken out", "Battery out|Old battery|换下电池编码|卸下电池"),
    ("put_in", "Put in", "Battery in|New battery|换上电池编码|装上电池"),
    ("energy_out_kwh", "Energy out (kWh)", ""),
    ("energy_in_kwh", "Energy in (kWh)", ""),
    ("certificate_no", "Certificate number", "Certificate no|合格证号"),
    ("buyer_region", "Buyer's region", "Region of the buyer|销售地区|销往地区"),
    ("country", "Country", "Country code|国家代码|出口国|目的国"),
    ("consent", "Consent number", "Consent|Notification number|通知单编号|许可编号"),
    ("cleared_at", "Cleared at", "Customs clearance|Clearance time|清关日期|放行时间"),
    ("certificate_date", "Certificate date", "Date of certificate|注销证明日期"),
    ("soh_fraction", "State of health", "SOH|Health|健康状态|电池健康度"),
    ("capacity_ah", "Capacity (Ah)", "Measured capacity|Rated capacity|额定容量|实测容量"),
    ("cycles", "Cycles", "Cycle count|Charging cycles|循环数|充放电次数"),
    ("distance_km", "Distance (km)", "Distance driven|已行驶里程"),
    ("method", "Method", "Test method|检测方法|测试方法"),
    ("resistance_mohm", "Resistance (mΩ)", "Internal resistance|直流内阻"),
    ("work", "Work done", "Work|Repair|维修项目|维修工作"),
    ("campaign", "Campaign", "Recall|Recall campaign|Recall number|召回编码|召回活动"),
    ("risk", "Risk", ""),
    ("incident", "Incident", "事故类型"),
    ("severity", "Severity", "严重性"),
    ("transport", "Transport state", "State for transport|运输状况"),
    ("decision", "Decision", "评估结论|处置结论"),
    ("reasons", "Reasons", "评估理由"),
    ("soh_low", "State of health, from", "SOH low|Lowest SOH|SOH 下限"),
    ("soh_high", "State of health, to", "SOH high|Highest SOH|SOH 上限"),
    ("method_version", "Version of the method", "Method version|方法版本"),
    ("measured_from", "Measured from", "Data from|测量开始时间|数据起"),
    ("measured_until", "Measured until", "Data until|测量结束时间|数据止"),
    ("sessions", "Charging sessions", "Sessions|充电会话数"),
    ("trace_digest", "Digest of the trace (SHA-256)", "Trace digest|数据轨迹摘要"),
    ("alarm_level", "Alarm level", "报警等级|最高报警等级"),
    ("alarms", "Alarms", "报警项目"),
    ("life_years_low", "Remaining life, from (years)", "寿命下限"),
    ("life_years_high", "Remaining life, to (years)", "寿命上限"),
    ("test", "Test done", "Test|检测项目"),
    ("test_ordered", "Test ordered", "待做检测"),
    ("stage", "Stage", "Development stage|技术阶段"),
    ("protocol", "Test protocol", "Protocol|试验规程编号"),
    ("protocols", "Test protocols", "Protocols"),
    ("campaigns", "Test campaigns", "Campaigns"),
    ("outcome", "Outcome of the test", "Test result|试验结论"),
    ("instrument", "Instrument", "Test equipment|设备编号"),
    ("calibrated_on", "Calibrated on", "Date of calibration|校准日期"),
    ("deviations", "Deviations", "Deviations from the protocol|偏差说明"),
    ("signed_off_by", "Signed off by", "Approved by|批准人"),
    ("plan", "Digest of the plan (SHA-256)", "Plan digest|计划摘要值"),
    ("data", "Digests of the data (SHA-256)", "Data digests|数据摘要值"),
    ("production_line", "Production line", "Pilot line|产线"),
    ("step", "Step of the line", "Process step|Step|工序名称"),
    ("unit", "Unit counted", "Counted in|计数单位"),
    ("entered", "Entered the step", "Input quantity|投入数量"),
    ("good", "Good", "Good quantity|Output quantity|合格数"),
    ("product", "Product", "Product made|所产型号"),
    ("into", "New codes", "Into|New batteries|新电池编码|新电池"),
    ("use", "Use", "Application|应用场景"),
    ("standard", "Standard of use", "Standard|标准|执行标准|适用标准"),
    ("process", "Process", "再生工艺"),
    ("how", "How", "丢失方式"),
    ("organisation", "Organisation", "Organization|Company|Enterprise|统一社会信用代码|企业代码"),
    ("corrects", "Corrects entry", "Corrects|被更正条目"),
    ("void", "Void", "是否作废"),
    ("line", "Right line", "正确内容"),
    ("name", "Name", "企业名称|场所名称"),
    ("former", "Former organisation", "Predecessor"),
    ("role", "Role", "企业角色"),
    ("until", "Until", "有效期至|截止日期"),
    ("evidence", "Supporting documents", "Evidence|证明文件"),
    ("key_id", "Key ID", "密钥标识"),
    ("algorithm", "Algorithm", "签名算法"),
    ("public_key", "Public key", ""),
    ("host_may_sign", "Host may sign", ""),
    ("compromised_since", "Compromised since", ""),
    ("region", "Region", "所在地区|区域"),
    ("site_type", "Type of site", "Site type"),
    ("makers", "Takes back for", "Makers|代收生产企业"),
    ("address", "Address", "Street|详细地址|网点地址"),
    ("phone", "Telephone", "Phone|Telephone number|联系电话|电话号码"),
    ("hours", "Opening hours", "Hours|开放时间"),
    ("latitude", "Latitude", "Degrees north|北纬"),
    ("longitude", "Longitude", "Degrees east|东经"),
    ("closed", "Closed", "已关闭"),
    ("interfaces", "Swap interfaces", "Interfaces|换电接口型号"),
    ("bays", "Bays", "Swap bays|换电工位"),
    ("slots", "Slots", "Pack slots|电池仓位|仓位数"),
    ("chargers", "Chargers", "充电机数量"),
    ("charger_kw", "Charger power (kW)", "Power of a charger (kW)|单机功率"),
    ("swap_pack", "Standardized pack", "Swap pack|标准电池包"),
    ("swap_interface", "Swap interface of the vehicle", "Vehicle interface|车端换电接口"),
    ("level", "Level", "电池层级"),
    ("chemistry", "Chemistry", "Cell chemistry|电池类型|化学类型|材料体系"),
    ("voltage_v", "Voltage (V)", "Rated voltage|Nominal voltage|额定电压|标称电压"),
    ("form_factor", "Form factor", "Shape|外形|形状"),
    ("certificate", "Certificate", "证书编号"),
    ("certified_on", "Certified on", "Date of certification|发证日期"),
    ("purpose", "Purpose of the document", "文件类别"),
    ("title", "Title", "文件名称|标题名称"),
    ("digest", "Digest (SHA-256)", "文件摘要值"),
    ("points", "Data points", "Passport data points|护照数据项"),
    ("part", "Part", "Component|Part name|零部件|部件名称"),
    ("supplier_name", "Name of the supplier", "答复供应商"),
    ("supplier_id", "Identifier of the supplier", "供应商代码"),
    ("answer", "Signed answer", ""),
    ("signature", "Signature", "签名值"),
    ("issuer", "Issuer", "出具单位|签发单位"),
    ("number", "Passport number", "护照序号"),
    ("log", "Log before", "原日志"),
    ("events", "Events there", "原日志事件数"),
    ("head", "Head of its chain", "链头摘要"),
    ("operator", "Economic operator", "责任经营者"),
    ("issued_on", "Issued on", "出具日期|签发日期"),
    ("lot", "Lot of material", "Lot number|批次编号"),
    ("lots", "Lots of material", ""),
    ("substance", "Substance", "Material|物料名称|物质"),
    ("origin", "Origin of the material", "原料来源"),
    ("moisture_fraction", "Moisture", "Moisture content|水分"),
    ("parts_mass_kg", "Mass of the parts (kg)", ""),
    ("tolerance_fraction", "Tolerance", "Tolerance of the balance|误差"),
    ("custody", "Chain of custody", "Custody model|监管链"),
    ("waste", "Is waste", "是否废物"),
    ("waste_code", "Waste code", "EWC code|危废代码"),
    ("from_country", "From country", "Country of dispatch|起运国代码"),
    ("batch", "Batch", "Batch number|批号|批次号"),
    ("note", "Note", "Notes|Remark|Remarks|Comment|Comments|说明"),
)  # fmt: skip

_UNITS: Final = {
    "kg": ("kg", "千克", "公斤"),
    "kwh": ("kWh", "度", "千瓦时"),
    "ah": ("Ah", "安时"),
    "km": ("km", "千米", "公里"),
    "v": ("V", "伏"),
    "mohm": ("mΩ", "mohm", "毫欧"),
    "fraction": ("%",),
}
"""By the end of a member's name: its unit, and further ways to write it."""

OTHER_UNITS: Final = frozenset(
    "g t lb 吨 克 斤 wh mwh j mah a mv kv mi m Ω ohm μω 里 英里".casefold().split()
)


def unit_of(member: str) -> tuple[str, ...]:
    """Return how the unit of a member may be written, the usual way first; nothing where it has none."""
    return _UNITS.get(member.rpartition("_")[2], ()) if "_" in member else ()


COLUMNS: Final[dict[str, Column]] = {
    member: Column(
        member, en, NAMES_ZH[member], (unit_of(member) or (None,))[0], tuple(filter(None, also.split("|")))
    )
    for member, en, also in _ROWS
}


def members_of(kind: str) -> tuple[str, ...]:
    """Return the members of a kind that a spreadsheet can hold, in the order of a template."""
    names = STRUCTS[kind].__struct_encode_fields__
    common = ("batch", "note")
    own = [name for name in names if name in COLUMNS and name not in (*common, "occurred_at")]
    return ("occurred_at", *own, *common)


def member_of(header: str) -> str | None:
    """Return the member that a header means, in its exact words; None where it means none."""
    key, units = _key(header)
    member = _by_key().get(key)
    return member if member is not None and _same_unit(member, units) else None


def member_near(header: str, allowed: frozenset[str]) -> str | None:
    """Return the one of the allowed members whose header is nearly this; None where none is near."""
    key, units = _key(header)
    if not (3 if not key.isascii() else 5) <= len(key) <= _MAX_NEAR:
        return None
    known = {name: member for name, member in _by_key().items() if member in allowed}
    near = get_close_matches(key, known, n=2, cutoff=0.8)
    alike = {known[name] for name in near if _likeness(key, name) == _likeness(key, near[0])}
    member = alike.pop() if len(alike) == 1 else None
    return member if member is not None and _same_unit(member, units) else None


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, other, one).ratio()


def _same_unit(member: str, units: list[str]) -> bool:
    """Return whether the units that a header names are those of the member, or none is named."""
    known = {unit.casefold() for unit in unit_of(member)}
    return not any(unit in OTHER_UNITS or (unit in all_units() and unit not in known) for unit in units)


@lru_cache(maxsize=1)
def all_units() -> frozenset[str]:
    """Return all ways to write the units of members."""
    return frozenset(unit.casefold() for units in _UNITS.values() for unit in units)


_MAX_NEAR = 40
_BRACKETS = re.compile(r"[(\[{<【「]([^)\]}>】」]*)[)\]}>】」]")
_BEHIND = re.compile(r"[/,:_ ]\s*([^/,:_ ]{1,4})\s*$")
_NO_WORD = re.compile(r"[\W_]+")


def _key(header: str) -> tuple[str, list[str]]:
    """Return what two headers have in common that mean the same, and the units that it names."""
    text = unicodedata.normalize("NFKC", header[:200]).casefold().strip()
    units = [unit.strip() for unit in _BRACKETS.findall(text)]
    text = _BRACKETS.sub(" ", text).strip()
    behind = _BEHIND.search(text)
    if behind and (behind[1] in all_units() or behind[1] in OTHER_UNITS):
        units.append(behind[1])
        text = text[: behind.start()]
    return _NO_WORD.sub("", text), units


@lru_cache(maxsize=1)
def _by_key() -> dict[str, str]:
    """Return the members by the keys of all their headers and of their own names."""
    found: dict[str, str] = {}
    for column in COLUMNS.values():
        for header in (column.member, column.en, column.zh, *column.also):
            found.setdefault(_key(header)[0], column.member)
    return found


_HEAD: Final = """\
# Columns of spreadsheets

Printed from `voltrail/events/tables/columns.py`; do not edit.

| Member | English header | 中文表头 | Also understood |
|---|---|---|---|
"""


def document() -> str:
    """Return docs/columns.md."""
    return _HEAD + "".join(
        f"| `{column.member}` | {column.en} | {column.zh} | {', '.join(column.also)} |\n"
        for column in COLUMNS.values()
    )


def kind_of(text: str) -> str | None:
    """Return the kind that a cell names, in English, Chinese or as the record writes it."""
    return _kinds().get(_key(text)[0])


@lru_cache(maxsize=1)
def _kinds() -> dict[str, str]:
    found = {}
    for kind in KINDS.values():
        found[_key(kind.kind)[0]] = kind.kind
        found[_key(kind.zh)[0]] = kind.kind
    return found
