"""A battery's code read out: its segments with a short caption each, in two languages."""

from __future__ import annotations

from typing import Final, NamedTuple

from voltrail.codes import Code
from voltrail.codes.code import Segment
from voltrail.codes.tables import BATTERY_TYPES, OBSERVED_MAKERS
from voltrail.web.figures import day
from voltrail.web.language import Language

_STYLES: Final = {
    "manufacturer": "maker",
    "product type": "type",
    "battery type": "chem",
    "specification": "spec",
    "traceability": "trace",
    "production date": "date",
    "serial number": "serial",
    "second life": "chem",
    "no code": "type",
    "organisation": "maker",
}
_NAMES_ZH: Final = {
    "manufacturer": "厂商代码",
    "product type": "产品类型",
    "battery type": "电池类型",
    "specification": "规格代码",
    "traceability": "追溯信息",
    "production date": "生产日期",
    "serial number": "序列号",
    "second life": "梯次利用",
    "no code": "无可读编码",
    "organisation": "企业",
}
_SHORT: Final = {
    "manufacturer": "maker",
    "specification": "spec",
    "serial number": "serial",
}
_SHORT_ZH: Final = {"manufacturer": "厂商", "specification": "规格", "traceability": "追溯"}
_LEVELS_ZH: Final = {"pack": "电池包", "module": "模组", "cell": "单体", "unknown": "未知"}
_CHEMISTRY: Final = {
    "ternary (NCM/NCA)": ("NCM/NCA", "三元"),
    "lithium iron phosphate": ("LFP", "磷酸铁锂"),
    "lithium manganese oxide": ("LMO", "锰酸锂"),
    "lithium cobalt oxide": ("LCO", "钴酸锂"),
    "lithium titanate": ("LTO", "钛酸锂"),
    "nickel-metal hydride": ("NiMH", "镍氢"),
}

_TYPES_ZH: Final = {
    "ternary (NCM/NCA)": "三元电池（NCM/NCA）",
    "lithium iron phosphate": "磷酸铁锂电池",
    "lithium manganese oxide": "锰酸锂电池",
    "lithium cobalt oxide": "钴酸锂电池",
    "lithium titanate": "钛酸锂电池",
    "nickel-metal hydride": "镍氢电池",
    "supercapacitor": "超级电容器",
    "other": "其他",
}
_OWN_ZH: Final = {
    "specification": "由厂商自定，随厂商代码备案",
    "traceability": "由厂商自定，随厂商代码备案",
    "no code": "没有可读编码的电池",
    "organisation": "给出此编号的企业",
    "serial number": "由该企业自定",
}


class Part(NamedTuple):
    """A segment as the page shows it, with what it means."""

    style: str
    text: str
    caption: str
    name: str
    meaning: str


def read_out(code: Code, language: Language) -> list[Part]:
    """Return the parts of a code in order."""
    return [
        Part(
            _STYLES.get(segment.name, "trace"),
            segment.text,
            _caption(code, segment.name, language),
            _NAMES_ZH.get(segment.name, segment.name) if language == "zh" else segment.name,
            _meaning_zh(code, segment) if language == "zh" else segment.meaning,
        )
        for segment in code.segments
    ]


def level_word(level: str, language: Language) -> str:
    """Return the word for a pack, a module or a cell."""
    return _LEVELS_ZH.get(level, level) if language == "zh" else level


def chemistry_word(chemistry: str, language: Language) -> str:
    """Return the short word for a chemistry."""
    english, chinese = _CHEMISTRY.get(chemistry, (chemistry, chemistry))
    return chinese if language == "zh" else english


def title(code: Code, language: Language) -> str:
    """Return what the battery is, in a few words: `Battery pack · LFP`."""
    if code.level == "unknown":
        return "无可读编码的电池" if language == "zh" else "Battery without a readable code"
    what = level_word(code.level, language)
    what = f"动力电池 · {what}" if language == "zh" else f"Battery {what}"
    return f"{what} · {chemistry_word(code.chemistry, language)}" if code.chemistry else what


def _meaning_zh(code: Code, segment: Segment) -> str:
    """Return what `Segment.meaning` says, in Chinese."""
    match segment.name:
        case "manufacturer":
            fact = OBSERVED_MAKERS.get(segment.text)
            return f"{fact.meaning}（见于公开资料，未经登记机构证实）" if fact else "统一分配；登记表不公开"
        case "product type":
            return level_word(code.level, "zh")
        case "battery type":
            fact = BATTERY_TYPES[segment.text]
            doubt = "" if fact.confidence == "confirmed" else "（未经证实，以 GB/T 34014-2017 为准）"
            return _TYPES_ZH[fact.meaning] + doubt
        case "production date":
            return segment.meaning
        case "serial number" if code.organisation is None:
            return f"当日第 {int(segment.text)} 个"
        case "second life":
            return f"梯次利用产品；{level_word(code.level, 'zh')}（该字母的含义未经证实）"
        case name:
            return _OWN_ZH[name]


def _caption(code: Code, name: str, language: Language) -> str:
    if name == "product type":
        return level_word(code.level, language)
    if name == "battery type" and code.chemistry:
        doubt = "" if code.chemistry_confidence == "confirmed" else "?"
        return chemistry_word(code.chemistry, language) + doubt
    if name == "production date" and code.production_date:
        return day(code.production_date.isoformat(), language)
    if language == "zh":
        return _SHORT_ZH.get(name, _NAMES_ZH.get(name, name))
    return _SHORT.get(name, name)
