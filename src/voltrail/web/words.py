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
    "Take the evidence": "下载证据",
    "It names who reported each event, which this page does not: a signature cannot hide its signer.": (
        "证据文件载明每个事件的报送者，本页则不显示：签名无法隐去签名者。"
    ),
    "Family": "谱系",
    "Parts": "组成部分",
    "Made from": "来源电池",
    "Made into": "去向电池",
    "Same battery as": "与下列编码为同一电池",
    "No parts, predecessors or successors on record.": "没有组成部分、来源或去向的记录。",
    "and {number} more": "另有 {number} 个",
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
    # The battery's page: verification, one event, the family.
    "Where it is": "所在位置",
    "Who has it": "持有者",
    "State of health": "健康度",
    "not public": "不公开",
    "See it": "查看",
    "Entry {index} is void.": "第 {index} 条作废。",
    "Another line stands in place of entry {index}.": "以新内容替代第 {index} 条。",
    "checked in your browser": "已由浏览器核验",
    "Marked events are in the evidence that your browser has checked.": (
        "带此标记的事件均载于浏览器已核验的证据中。"
    ),
    "This history does not hold.": "该履历未通过验证。",
    "Do not rely on what this page shows. Keep the evidence, and ask the registry and its authority.": (
        "请勿采信本页内容。请保存证据文件，并向登记方及其主管部门查询。"
    ),
    "Check it in your browser": "在浏览器中验证",
    "Check it now": "立即验证",
    "The evidence is large: {number} events.": "证据较大：共 {number} 个事件。",
    "Verified in your browser": "已由浏览器验证",
    "Refused in your browser": "浏览器验证未通过",
    "Not verified here": "此处未作验证",
    "Scripts are off, so nothing was checked here."
    " Take the evidence and check it offline, with the command below.": (
        "脚本已停用，此处未作任何验证。请下载证据文件，用下方命令离线验证。"
    ),
    "The registry has bound itself to these {events} events and no others up to entry {last};"
    " anyone holding a receipt for another can prove it wrong.": (
        "登记方已承诺：截至第 {last} 条，该电池仅有这 {events} 个事件，别无其他；"
        "持有其他事件回执者，均可证明其失信。"
    ),
    "No head was given: there may be further events, and these may have been corrected since.": (
        "尚无链首承诺：可能还有其他事件，以上事件此后也可能已被更正。"
    ),
    "Newer events, which the next daily heads will bind: {after}.": (
        "另有 {after} 个较新事件，将由下一次每日链首承诺确认。"
    ),
    "Events that do not show which battery they name: {unnamed}.": "未公开所涉电池的事件：{unnamed} 个。",
    "Not computed here: ": "此处未计算：",
    "Built into": "所属电池",
    "Not all could be computed here, so nothing is concluded. Check the evidence offline, as below.": (
        "部分步骤无法在此计算，因此不作结论。请按下方命令离线验证。"
    ),
    "The evidence could not be fetched, so nothing was checked: ": "无法取得证据，未作任何验证：",
    "The page shows entry {index} otherwise than the evidence does.": "本页所示第 {index} 条与证据不一致。",
    "Step {number} does not hold. ": "第 {number} 步未通过。",
    "The evidence is in its one form": "证据格式唯一",
    "{bytes} bytes of evidence, in which each one counts": "证据共 {bytes} 字节，改动任何一字节均可发现",
    "The log signed its checkpoint": "日志已签署检查点",
    "{size} entries, under the log’s signature": "日志共 {size} 条，签名有效",
    "Witnesses who saw it: {witnesses}": "见证人联署：{witnesses} 个",
    "Each entry is in the log": "各条目均在日志中",
    "{entries} entries: each is in the log": "{entries} 个条目均在日志中",
    "Each is as it was reported": "与报送内容一致",
    "Each is as it was reported; members withheld: {withheld}": "均与报送内容一致，其中 {withheld} 项不公开",
    "None is missing in between": "中间无缺漏",
    "Numbered 1 to {events}: none is missing or repeated": "编号 1 至 {events}，无缺漏、无重复",
    "None is left out at the end": "末尾无遗漏",
    "No others up to entry {last}": "截至第 {last} 条，别无其他事件",
    "Signed by keys that counted then": "签名密钥当时有效",
    "Keys that signed: {signers}; each counted then": "由 {signers} 个密钥签名，签名时均有效",
    "Keys that signed: {signers}; not of each is it shown that it counted then": (
        "由 {signers} 个密钥签名，其中部分未能证明签名时有效"
    ),
    "SHA-256 of the evidence": "证据文件的 SHA-256",
    "Key of the log": "日志密钥",
    "A server’s own page cannot vouch for that server. Take the history away, and check it offline:": (
        "服务器的网页不能为服务器自己作证。请下载证据文件，离线验证："
    ),
    "A careful reader takes policy and authority keys from elsewhere, such as the authority’s own site."
    " Those used here came from this server:": (
        "谨慎的读者应从他处（如主管部门网站）取得验证策略和主管部门密钥。此处所用的均来自本服务器："
    ),
    "Keys of the authority": "主管部门密钥",
    "Show the whole tree": "查看完整谱系",
    "Family of {code}": "{code} 的谱系",
    "What it is built from, what it was made from, and what was made from it."
    " Each battery is unfolded once.": ("组成部分、来源电池与去向电池。每个电池只展开一次。"),
    "Back to the battery": "返回电池页面",
    "What was reported: these bytes": "报送内容：逐字节",
    "Each member was hashed under a salt of its own, so that one can be withheld and the rest still holds:": (
        "每一项各以独立的盐值计算哈希，因此可单独隐去某一项，其余仍可验证："
    ),
    "Member": "项目",
    "Salt": "盐值",
    "withheld from the public": "不向公众公开",
    "erased": "已删除",
    "What was signed: the report": "签名内容：报送",
    "Digest of the report": "报送摘要",
    "Place in the report": "在报送中的位置",
    "line {number} of {lines}": "第 {number} 行，共 {lines} 行",
    "Name of the key": "密钥名称",
    "The signature is over the first three lines: whose report, how many lines,"
    " and the root of the tree over their commitments.": (
        "签名覆盖前三行：报送者、行数，以及各行承诺值所成哈希树的根。"
    ),
    "What stands in the log: the entry": "日志内容：条目",
    "Index": "序号",
    "Commitment": "承诺值",
    "Entry, 73 bytes:": "条目，73 字节：",
    "Hash of the entry, a leaf of the log:": "条目哈希，即日志的叶：",
    "Number in the battery’s chain": "在该电池链中的编号",
    "Chain before it": "此前的链值",
    "Chain after it:": "此后的链值：",
    "Proof that it is in the log": "条目在日志中的证明",
    "Back to the life": "返回全生命周期",
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
    "in_stock": "在库",
    "in_transit": "在途",
    "in_parent": "装于上级电池",
    "in_vehicle": "装车",
    "in_swap_station": "在换电站",
    "in_storage_system": "在储能系统",
    "missing": "去向不明",
    "gone": "已离场",
    "disputed": "位置存疑",
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
    "One event, and what was signed of it": "单个事件及其签名内容",
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
    "The authority's keys, by which signatures are judged": "主管部门密钥，据以判断签名",
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
