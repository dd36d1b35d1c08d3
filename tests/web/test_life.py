"""What a life says in words: each kind, in both languages, from where the battery stands."""

from voltrail.events.kinds import STRUCTS
from voltrail.events.table import TRUST_KINDS
from voltrail.web.life import SENTENCES, tell


def test_every_kind_about_a_battery_has_its_sentence():
    """In English and in Chinese; none is left over."""
    kinds = set(STRUCTS) - TRUST_KINDS
    assert {name.partition(":")[0] for name in SENTENCES} == kinds
    for kind in kinds:
        english, chinese = (tell(kind, {}, "A", language) for language in ("en", "zh"))
        assert english.endswith(".")
        assert chinese.endswith("。")
        assert english != chinese


def test_parts_are_told_their_own_side():
    """What is built in, set free, made new or found to be the right code is not told what the other is."""
    for kind, members, part in [
        ("assembled", {"code": "PACK", "codes": ["A"]}, "A"),
        ("disassembled", {"code": "PACK", "codes": ["A"]}, "A"),
        ("dismantled", {"code": "PACK", "codes": ["A"]}, "A"),
        ("repurposed", {"codes": ["PACK", "A"], "into": ["A"]}, "A"),
        ("remanufactured", {"codes": ["PACK", "A"], "into": ["A"]}, "A"),
        ("identified", {"code": "PACK", "codes": ["A"], "right": "A"}, "A"),
    ]:
        for language in ("en", "zh"):
            assert tell(kind, members, "PACK", language) != tell(kind, members, part, language)
