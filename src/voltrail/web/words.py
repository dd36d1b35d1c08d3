"""The words of the pages in Chinese, beside their English, and the names of the record in both."""

from __future__ import annotations

from typing import Final

from voltrail.events.table import KINDS
from voltrail.organisations.trust import ROLES_ZH
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
    # organisations and models
    "Organisations": "企业",
    "{number} organisations are on record. Each reports what it did, signed with its own key.": (
        "在册企业 {number} 家。各企业用自己的密钥签名，报送自己所做的事。"
    ),
    "Name": "名称",
    "Identifier": "统一社会信用代码或其他代码",
    "Roles": "角色",
    "Role": "角色",
    "none": "无",
    "There are no more.": "没有更多了。",
    "From the beginning": "从头查看",
    "No organisation is on record yet.": "尚无企业在册。",
    "The authority brings the first one in: it reports organisation_registered, role_granted and key_added, "
    "signed with its key.": (
        "首家企业由主管部门登记：由其签名报送 organisation_registered、role_granted 和 key_added。"
    ),
    "{since} to {until}": "{since}至{until}",
    "since {since}": "{since}起",
    "entry {index}": "第 {index} 条",
    "What it may report as": "报送角色",
    "Valid": "有效期",
    "It has no role, so it can report nothing yet. The authority grants roles.": (
        "该企业尚无角色，暂不能报送。角色由主管部门授予。"
    ),
    "Keys it signs with": "签名密钥",
    "revoked": "已吊销",
    "valid": "有效",
    "Counts after": "生效于",
    "Until": "失效于",
    "Kind": "算法",
    "Public key": "公钥",
    "The host of this registry may sign for it too.": "本登记系统的主机也可代其签名。",
    "No key is on record.": "没有密钥在册。",
    "Models it has declared": "申报的型号",
    "All its models": "该企业的全部型号",
    "None. Makers declare their models with model_registered.": "无。生产企业以 model_registered 申报型号。",
    "Entries about it": "有关条目",
    "Successor of": "承继自",
    "What is public": "公开范围",
    "Name, roles, keys and models: without them nobody could check a signature.": (
        "名称、角色、密钥和型号公开：没有这些，谁也无法核对签名。"
    ),
    "Not public: which batteries it holds or owns, where they are, and what it hands to whom.": (
        "不公开：其持有或所有的电池、电池所在位置，以及移交情况。"
    ),
    "Models": "型号",
    "Models of {maker}": "{maker}的型号",
    "About the maker": "企业信息",
    "Models of all makers": "全部企业的型号",
    "Maker": "生产企业",
    "No model is declared here.": "没有已申报的型号。",
    "Makers declare their models with model_registered.": "生产企业以 model_registered 申报型号。",
    "Batteries name this model, and no maker has declared it: what it is, is not on record.": (
        "有电池使用该型号，但尚无企业申报；其参数未在册。"
    ),
    "Chemistry": "化学体系",
    "Voltage": "额定电压",
    "Capacity": "额定容量",
    "Form": "形态",
    "Batteries of this model": "该型号的电池",
    "None has been reported yet.": "尚无报送。",
    "How many": "数量",
    "more than {number}": "超过 {number}",
    "So many are not counted by phase on this page.": "数量较多，本页不按阶段统计。",
    "Composition": "材料组成",
    "Certificates": "认证",
    # reporting
    "Report what happened": "报送",
    "Choose a file first.": "请先选择文件。",
    "The file cannot be read any more: it was changed or moved. Choose it again.": (
        "文件已改动或移走，无法读取。请重新选择。"
    ),
    "The file is empty. Write one event a line.": "文件是空的。请每行写一个事件。",
    "This is no file of lines; perhaps a spreadsheet. Save the events as .jsonl, one a line.": (
        "这不是按行书写的文件，可能是电子表格。请将事件另存为 .jsonl，每行一个事件。"
    ),
    "The file is larger than 64 MiB. Send several reports.": "文件超过 64 MiB，请分多次报送。",
    "A report has at most 100,000 lines. Send several reports.": "一次报送最多 100 000 行，请分多次报送。",
    "The last line does not end in a line feed; the file may have been cut. Look at its end.": (
        "最后一行没有换行符，文件可能不完整。请检查文件末尾。"
    ),
    "The file begins with a byte order mark, as some editors write it.": (
        "文件以字节顺序标记（BOM）开头，这是某些编辑器加上的。"
    ),
    "The lines end in carriage returns, as Windows editors write them.": (
        "各行以回车符结尾，这是 Windows 编辑器的写法。"
    ),
    "There are empty lines.": "文件中有空行。",
    "This line is longer than 65,536 bytes. Make several events that share a batch.": (
        "该行超过 65 536 字节。请拆成多个事件，共用一个批次（batch）。"
    ),
    "These lines are not signed yet. Choose your key.": "这些行尚未签名。请选择您的密钥。",
    "This is no private key that reads. Choose the PEM file that voltrail key new made.": (
        "无法读取为私钥。请选择 voltrail key new 生成的 PEM 文件。"
    ),
    "The key has a password. Take it off with openssl pkcs8, then choose the file anew.": (
        "该密钥设有口令。请先用 openssl pkcs8 去除口令，再重新选择。"
    ),
    "The key file does not say whose key it is. Its first line must be: Voltrail-Key: ORGANISATION/KEY_ID": (
        "密钥文件未注明归属。首行应为：Voltrail-Key: 企业代码/密钥编号"
    ),
    "Only Ed25519 and P-256 keys sign reports.": "报送签名只支持 Ed25519 和 P-256 密钥。",
    "Browsers sign only on pages that come over https or from this machine. Sign on the command line.": (
        "浏览器只能在 https 或本机页面上签名。请改用命令行签名。"
    ),
    "The registry did not answer. Send again: nothing is taken twice.": (
        "登记系统没有应答。请重新发送，不会重复收录。"
    ),
    "Something went wrong in this page itself. Load it again; nothing was sent.": (
        "本页自身出错。请重新加载；尚未发送任何内容。"
    ),
    "Line {number}": "第 {number} 行",
    "Reading the file": "正在读取文件",
    "Signing line {done} of {of}": "正在签名：第 {done} 行，共 {of} 行",
    "Asking the registry": "正在核查",
    "Sending to the registry": "正在报送",
    "Choose the file of the day. You are told for each line what became of it.": (
        "选择当日的报送文件，逐行告知处理结果。"
    ),
    "a .report file, or plain lines (.jsonl)": ".report 文件，或未签名的 .jsonl",
    "You can also drop it here.": "也可以拖放到这里。",
    "Without scripts this page takes .report files only: it cannot sign.": (
        "未启用脚本时无法签名，只接受 .report 文件。"
    ),
    "Your key": "您的密钥",
    "for plain lines; it stays in this browser": "用于未签名的文件，只留在本浏览器内",
    "The PEM file that voltrail key new made. It is read here to sign, and sent nowhere.": (
        "voltrail key new 生成的 PEM 文件。仅在此处用于签名，不会发送到任何地方。"
    ),
    "Take that out": "去除",
    "Check first": "先核查",
    "Send": "报送",
    "Checking records nothing; do it as often as you like.": "核查不留记录，可反复进行。",
    "Two kinds of file": "两种文件",
    "Plain lines, .jsonl": "未签名的行，.jsonl",
    "One event a line. You choose your key; the browser signs and sends.": (
        "每行一个事件。选择密钥后，由浏览器签名并报送。"
    ),
    "Signed, .report": "已签名，.report",
    "Signed before, on the command line:": "事先用命令行签名：",
    "Sent something wrong?": "报送有误？",
    "Nothing is ever deleted. A further line says that an entry is void, or what should stand in its place; "
    "the battery's page then shows both.": (
        "记录从不删除。另报一行，说明某条目作废，或以何内容代替；电池页面会同时显示两者。"
    ),
    "ENTRY": "条目号",
    "The number of the entry, and the line ready to report, stand below each line that was taken.": (
        "每一已收录的行下方都有条目号，以及可直接报送的更正行。"
    ),
    "Answer lost?": "没有收到答复？",
    "Send the same file again. What was taken is known, is not taken twice, and you get the same receipt.": (
        "重新报送同一文件即可。已收录的行会被识别，不会重复收录，并得到同一回执。"
    ),
    "Refused": "未收录",
    "Would be refused": "将不予收录",
    "Taken, with findings": "已收录，有疑点",
    "Would be taken, with findings": "将收录，有疑点",
    "Known before": "此前已收录",
    "Taken": "已收录",
    "Would be taken": "将收录",
    "Not yet: {number} of {of} lines would be refused": "尚不可报送：{of} 行中有 {number} 行将不予收录",
    "All {of} lines would be taken": "全部 {of} 行均可收录",
    "All {of} lines are on record": "全部 {of} 行均已在册",
    "{number} of {of} lines are on record": "{of} 行中有 {number} 行已在册",
    "In the log from entry {first} to {last}. This is promised and durable.": (
        "位于日志第 {first} 至 {last} 条，已持久保存并作出承诺。"
    ),
    "Keep the receipt": "保存回执",
    "The log's signed promise: with it you can prove that you reported.": (
        "回执是日志签名的承诺，可凭以证明您已报送。"
    ),
    "The receipt is too large for a page. Send the same file with voltrail report --to to get it.": (
        "回执过大，无法在页面提供。用 voltrail report --to 报送同一文件，可得到同一回执。"
    ),
    "Nothing is recorded yet. Each line was looked at by itself, against the record as it stands now: where "
    "lines of this file build on each other, a finding may go away when they are sent together.": (
        "尚未留下任何记录。各行均单独与当前记录核对：同一文件中前后相关的行，一并报送后疑点可能消除。"
    ),
    "Mend what was refused": "修改未收录的行",
    "Change the lines, then sign and send them again. What was taken stays taken.": (
        "修改后重新签名并报送。已收录的行不受影响。"
    ),
    "Send again": "重新报送",
    "Take them as a file": "下载为文件",
    "Take the refused lines as a file": "下载未收录的行",
    "Mend them, then choose that file above.": "修改后，在上方选择该文件。",
    "The refused lines are too many to hand back here. Mend your file, and send all of it again.": (
        "未收录的行太多，无法在此提供。请修改原文件后整份重新报送。"
    ),
    "The line as it was sent": "报送的原行",
    "Was it wrong? Then report this line": "报错了？报送这一行即可作废",
    "the receipt names every line": "回执列明每一行",
    "Nothing was taken": "未收录任何内容",
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
    "LFP": "磷酸铁锂",
    "NCM": "三元",
    "NCA": "三元",
    "LMO": "锰酸锂",
    "LTO": "钛酸锂",
    "NiMH": "镍氢",
    **ROLES_ZH,
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
    "List models": "型号列表",
    "One model": "单个型号",
    "Report what happened": "报送事件",
    "The page for reporting": "报送页面",
    "Report from the page": "从页面报送",
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
