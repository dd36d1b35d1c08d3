"""
Regions by their codes in GB/T 2260: two digits of the province, two of the prefecture, two of the county.

Provinces are named here: the 34 of GB/T 2260-2007, table 1. Prefectures and counties are taken by the form of
their codes, since they change every year.
"""

from __future__ import annotations

from typing import Final

from voltrail.errors import IdentityError
from voltrail.organisations.identifiers import REGION_SOURCE, check_region

PROVINCES: Final[dict[str, tuple[str, str]]] = {
    "11": ("北京市", "Beijing"),
    "12": ("天津市", "Tianjin"),
    "13": ("河北省", "Hebei"),
    "14": ("山西省", "Shanxi"),
    "15": ("内蒙古自治区", "Inner Mongolia"),
    "21": ("辽宁省", "Liaoning"),
    "22": ("吉林省", "Jilin"),
    "23": ("黑龙江省", "Heilongjiang"),
    "31": ("上海市", "Shanghai"),
    "32": ("江苏省", "Jiangsu"),
    "33": ("浙江省", "Zhejiang"),
    "34": ("安徽省", "Anhui"),
    "35": ("福建省", "Fujian"),
    "36": ("江西省", "Jiangxi"),
    "37": ("山东省", "Shandong"),
    "41": ("河南省", "Henan"),
    "42": ("湖北省", "Hubei"),
    "43": ("湖南省", "Hunan"),
    "44": ("广东省", "Guangdong"),
    "45": ("广西壮族自治区", "Guangxi"),
    "46": ("海南省", "Hainan"),
    "50": ("重庆市", "Chongqing"),
    "51": ("四川省", "Sichuan"),
    "52": ("贵州省", "Guizhou"),
    "53": ("云南省", "Yunnan"),
    "54": ("西藏自治区", "Tibet"),
    "61": ("陕西省", "Shaanxi"),
    "62": ("甘肃省", "Gansu"),
    "63": ("青海省", "Qinghai"),
    "64": ("宁夏回族自治区", "Ningxia"),
    "65": ("新疆维吾尔自治区", "Xinjiang"),
    "71": ("台湾省", "Taiwan"),
    "81": ("香港特别行政区", "Hong Kong"),
    "82": ("澳门特别行政区", "Macao"),
}
"""The names of the provinces, in Chinese and in English, by the first two digits."""

_WHOLE: Final = frozenset({"11", "12", "31", "50", "71", "81", "82"})
"""Municipalities and others that are not divided into prefectures: they are one area."""


def region_of(text: str | None) -> tuple[str, str | None] | None:
    """
    Return the province (two digits) and the prefecture (four, None where not said) that a text is the code
    of. None for what is no code of two, four or six digits: names are not looked up. A municipality is one
    area: `310115` gives `31` and `3100`.
    """
    if text is None or len(text) not in {2, 4, 6} or not (text.isascii() and text.isdigit()):
        return None
    province, prefecture = text[:2], text[2:4]
    if province not in PROVINCES:
        return None
    if province in _WHOLE:
        return province, province + "00"
    return province, province + prefecture if prefecture.strip("0") else None


def check_area(text: str) -> str:
    """
    Return the code of a province, prefecture or county unchanged. Raises IdentityError (`identity.region`).

    Two, four or six digits.
    """
    if region_of(text) is None or (len(text) == 6 and check_region(text) != text):
        raise IdentityError(
            "identity.region",
            f"{text[:40]!r} is not the code of a region: two, four or six digits, a province's first.",
            "Such as 31 for Shanghai, 3201 for Nanjing, 310115 for Pudong.",
            source=REGION_SOURCE,
        )
    return text
