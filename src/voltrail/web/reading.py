"""A battery's code read out: its segments with a short caption each, in two languages."""

from __future__ import annotations

from typing import Final, NamedTuple

from voltrail.codes import Code
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


class Part(NamedTuple):
    """A segment as the page shows it; `meaning` is the sentence of the standard's tables, in English."""

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
            segment.meaning,
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
