"""
The 34 province-level regions of GB/T 2260 by their two digits, and where each has its tile on a map of equal
tiles.

The tiles show roughly who lies beside whom, and no borders.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Province(msgspec.Struct, frozen=True):
    """
    A region: its digits, names and letters (ISO 3166-2:CN), and its tile by row and column from the north-
    west.
    """

    code: str
    zh: str
    en: str
    short: str
    row: int
    column: int


_TABLE: Final = (
    ("11", "北京", "Beijing", "BJ", 2, 5),
    ("12", "天津", "Tianjin", "TJ", 2, 6),
    ("13", "河北", "Hebei", "HE", 3, 5),
    ("14", "山西", "Shanxi", "SX", 2, 4),
    ("15", "内蒙古", "Inner Mongolia", "NM", 1, 5),
    ("21", "辽宁", "Liaoning", "LN", 1, 6),
    ("22", "吉林", "Jilin", "JL", 1, 7),
    ("23", "黑龙江", "Heilongjiang", "HL", 0, 7),
    ("31", "上海", "Shanghai", "SH", 4, 7),
    ("32", "江苏", "Jiangsu", "JS", 4, 6),
    ("33", "浙江", "Zhejiang", "ZJ", 5, 6),
    ("34", "安徽", "Anhui", "AH", 4, 5),
    ("35", "福建", "Fujian", "FJ", 6, 5),
    ("36", "江西", "Jiangxi", "JX", 5, 5),
    ("37", "山东", "Shandong", "SD", 3, 6),
    ("41", "河南", "Henan", "HA", 3, 4),
    ("42", "湖北", "Hubei", "HB", 4, 4),
    ("43", "湖南", "Hunan", "HN", 5, 4),
    ("44", "广东", "Guangdong", "GD", 6, 4),
    ("45", "广西", "Guangxi", "GX", 6, 3),
    ("46", "海南", "Hainan", "HI", 7, 3),
    ("50", "重庆", "Chongqing", "CQ", 4, 3),
    ("51", "四川", "Sichuan", "SC", 4, 2),
    ("52", "贵州", "Guizhou", "GZ", 5, 3),
    ("53", "云南", "Yunnan", "YN", 5, 2),
    ("54", "西藏", "Tibet", "XZ", 4, 0),
    ("61", "陕西", "Shaanxi", "SN", 3, 3),
    ("62", "甘肃", "Gansu", "GS", 2, 2),
    ("63", "青海", "Qinghai", "QH", 3, 1),
    ("64", "宁夏", "Ningxia", "NX", 2, 3),
    ("65", "新疆", "Xinjiang", "XJ", 2, 0),
    ("71", "台湾", "Taiwan", "TW", 6, 7),
    ("81", "香港", "Hong Kong", "HK", 7, 5),
    ("82", "澳门", "Macao", "MO", 7, 4),
)
PROVINCES: Final = {row[0]: Province(*row) for row in _TABLE}
TILE_ROWS: Final = 8
TILE_COLUMNS: Final = 8


def province_of(region: str | None) -> str:
    """
    Return the two digits of the province that a region lies in, "" where its text does not say.

    A region is a GB/T 2260 code of two to six digits, or an address in Chinese or English that begins with
    it.
    """
    text = (region or "").strip()
    if text[:2].isdigit() and text[:6].isdigit():
        return text[:2] if text[:2] in PROVINCES else ""
    for one in PROVINCES.values():
        if text.startswith(one.zh) or text.casefold().startswith(one.en.casefold()):
            return one.code
    return ""
