"""The words of the pages in Chinese, beside their English, and the names of the record in both."""

from __future__ import annotations

from typing import Final

from voltrail.events.table import KINDS
from voltrail.web.language import Language

# The sentences of the templates. A test sees that none is missing and none is left over.
ZH: Final[dict[str, str]] = {
    "Skip to the content": "跳到正文",
    "Main": "主导航",
    "Batteries": "电池",
    "Log": "日志",
    "API": "接口",
    "Code": "电池编码",
    "Search": "查询",
    "Code, model or organisation": "电池编码、型号或企业代码",
    "You see what the public may see.": "您看到的是可向公众公开的信息。",
    "The record of {origin}.": "{origin} 的溯源记录。",
    "Every power battery has a code. Its life is on record, and anyone can check it.": (
        "一块电池，一个编码，一生可查，人人可验。"
    ),
    "Battery code": "电池编码",
    "24 characters on the label; 19 for a second-life product. The first few are enough.": (
        "标签上的24位编码；梯次利用产品为19位。只输入前几位也可查询。"
    ),
    "Look it up": "查询",
    "On record": "记录概况",
    "batteries": "电池",
    "events and other entries": "日志条目",
    "reports": "报送",
    "organisations": "企业",
    "Some packs on record": "部分在册电池包",
    "All batteries": "全部电池",
    "Nothing has been reported yet.": "尚无报送记录。",
    "A step before this one has not been reported.": "此前有环节尚未报送。",
    "Reported after its deadline.": "逾期报送。",
    "This log is closed: its database is not the one it made its promises from. The operator knows.": (
        "本日志已关闭：数据库与其作出承诺时不一致，已告知运营者。"
    ),
    "This contradicts another report.": "与其他报送相互矛盾。",
    "Report a first file: voltrail report FILE.jsonl --key KEY.pem": (
        "报送第一份文件：voltrail report FILE.jsonl --key KEY.pem"
    ),
    "The log stands at": "日志当前位置",
    "{size} entries under the signed checkpoint": "签名检查点之下共 {size} 条",
    "Checkpoint": "检查点",
    "Policy": "验证策略",
    "Batteries on record": "在册电池",
    "Found for “{q}”": "“{q}”的查询结果",
    "Nothing on record begins with “{q}”.": "没有以“{q}”开头的记录。",
    "Check the code on the label; 0 and O, 1 and I are often confused.": (
        "请核对标签上的编码；0 与 O、1 与 I 容易混淆。"
    ),
    "Phase": "阶段",
    "Events": "事件",
    "All": "全部",
    "Next page": "下一页",
    "Earlier events": "更早的事件",
    "Latest events": "最新的事件",
    "What it is": "类别",
    "What each part of the code means": "编码各段含义",
    "Part": "名称",
    "Characters": "字符",
    "Meaning": "含义",
    "Model": "型号",
    "Energy": "额定能量",
    "Mass": "质量",
    "Made": "生产日期",
    "complete since enrolment; what went before is unknown": "补录以来完整；此前历史不详",
    "Life": "全生命周期",
    "log entry": "日志条目",
    "received": "收到于",
    "reported late": "补报",
    "What happened later had been received before.": "其后发生的事件已先行收到。",
    "corrected by entry {index}": "已由第 {index} 条更正",
    "Not shown to the public: ": "不向公众公开：",
    "Finding": "疑点",
    "As the world was at {time}, as known now.": "{time} 当时的情况（按现有记录）。",
    "What the record knew at {time}.": "{time} 时记录所载的情况。",
    "The life below goes beyond that time.": "下方的生命周期不限于该时间。",
    "Show it as of today": "查看当前情况",
    "Evidence": "证据",
    "Take the history away and check it without this server.": "下载证据文件，离开本服务器也能独立验证。",
    "Take the evidence": "下载证据",
    "It names who reported each event, which this page does not: a signature cannot hide its signer.": (
        "证据文件载明每个事件的报送者，本页则不显示：签名无法隐去签名者。"
    ),
    "Then, offline:": "离线验证命令：",
    "Take the policy from someone you trust, not only from here: a server cannot vouch for itself.": (
        "验证策略应取自您信任的来源，而不应只取自本处：服务器不能为自己作证。"
    ),
    "The policy this server gives": "本服务器提供的验证策略",
    "Family": "谱系",
    "Parts": "组成部分",
    "Made from": "来源电池",
    "Made into": "去向电池",
    "Same battery as": "与下列编码为同一电池",
    "No parts, predecessors or successors on record.": "没有组成部分、来源或去向的记录。",
    "and {number} more": "另有 {number} 个",
    "Show the whole tree (JSON)": "查看完整谱系（JSON）",
    "Not public": "不公开",
    "The public does not see: ": "公众不可见：",
    "They are on record, and shown to those entitled to them.": "以上信息均已记录，仅向有权查看者提供。",
    "What to do": "怎么办",
    "Rule": "规则",
    "Source": "依据",
    "Line": "行",
    "This cannot be shown": "无法显示",
    "To the front page": "返回首页",
    "The interface for programs": "程序接口",
    "Every address of this server, with an example. Programs read the same at": (
        "本服务器的全部地址，各附示例。程序可读取同一说明："
    ),
    "Every error has one shape:": "所有错误均为同一格式：",
    "Parameter": "参数",
    "needed": "必填",
    "Addresses": "地址",
    "Example": "示例",
    # The guided tour of a sample world.
    "A short tour: batteries worth a look": "导览：值得一看的几块电池",
    "This is a sample world: every company, vehicle and battery in it is invented.": (
        "这是一个示例世界：其中的企业、车辆和电池均为虚构。"
    ),
    "Follow this pack": "跟随这块电池包走完一生",
    "Made, driven for years, retired, used again as storage and in the end recycled: each "
    "company signed its own step. The second life has a code of its own, and the two stay "
    "linked, so that its origin can always be asked for.": (
        "生产、装车行驶多年、退役、梯次利用于储能，最终再生利用，每一步都由经手企业签名报送。梯次产品"
        "另有新编码，新旧编码始终关联，来源随时可查。"
    ),
    "Its second life": "它的梯次利用产品",
    "A pack that vanished": "一块去向不明的电池包",
    "Its car was scrapped, nobody reported taking the pack out, and months later it came up "
    "without a readable label. The gap stays on record, with the date of each report around it, "
    "so that someone can be asked.": (
        "车辆已报废，却没有企业报送拆卸，数月后它再次出现时标签已无法辨认。缺失的环节连同前后各次报送"
        "的日期一并留在记录中，有据可追问。"
    ),
    "As it was found": "被发现时的记录",
    "Verify this one": "亲自验证这一块",
    "Take its evidence and check it yourself: who signed, that nothing was changed, that nothing "
    "was left out. You need not trust this server, because a single changed character is found "
    "out.": (
        "下载它的证据，自己动手核验：由谁签名、有无改动、有无遗漏。您不必信任本服务器，哪怕改动一个字"
        "符也会被发现。"
    ),
    "A correction": "一次更正",
    "A laboratory mistyped a result and put it right days later. The right line counts "
    "and the wrong one stays in sight: a record can be mended, but nothing in it can be made to "
    "disappear.": (
        "检测所录错了一项结果，数日后作了更正。以更正后的内容为准，原来的错误仍然可见：记录可以更正，但"
        "不能抹去。"
    ),
    "A truck pack that is swapped": "一块不断换车的卡车电池包",
    "It moves from truck to truck at exchange stations, and each exchange is one event about two "
    "packs. So the record knows which pack is in which truck, although no truck keeps its own.": (
        "它在换电站之间流转，装过一辆又一辆卡车，每次换电都是一条同时涉及两块电池包的事件。因此，即使"
        "车电分离，也始终清楚哪块电池包在哪辆车上。"
    ),
    "Caught twice: a conflict": "一包两车：相互矛盾的报送",
    "Two reports put this pack into two vehicles at the same time. The record takes neither "
    "side: both reports stand, and its place is disputed until one of them is corrected.": (
        "两份报送称这块电池包同时装在两辆车上。记录不偏向任何一方：两份报送都保留，位置标为存疑，直到"
        "其中一份得到更正。"
    ),
}

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


ROUTES_ZH: Final[dict[str, str]] = {
    "What the record holds": "记录概况",
    "Search by the beginning of a code or identifier": "按编码或代码开头查询",
    "One battery": "单个电池",
    "A battery's events": "电池的事件",
    "A battery's family": "电池的谱系",
    "A battery's evidence, as a file": "电池的证据文件",
    "List batteries": "电池列表",
    "List organisations": "企业列表",
    "One organisation": "单个企业",
    "Report what happened": "报送事件",
    "Ask whether something may be done": "事前查询是否允许",
    "The log's last checkpoint": "日志的最新检查点",
    "The last checkpoint that witnesses cosigned": "见证人联署的最新检查点",
    "The witnesses, and how far they are": "各见证人及其进度",
    "The policy by which the log is verified": "日志的验证策略",
    "A tile of the log's tree, or of its entries": "日志的分片：哈希树或条目",
    "Proof that the log has only been added to": "日志只增不改的证明",
    "Proof that an entry is in the log": "条目在日志中的证明",
    "Whether the registry answers": "服务是否正常",
    "Numbers for Prometheus": "Prometheus 指标",
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
