"""Codes against the reference facts of GB/T 34014-2017, each read anew from its file."""

import json
import re
from datetime import date

import pytest

from voltrail.codes import is_code, parse, tables
from voltrail.errors import CodeError


@pytest.fixture(scope="module")
def standard(reference):
    return json.loads((reference / "china" / "gbt34014.json").read_text(encoding="utf-8"))


def test_examples_decode_as_published(standard):
    """Every published code gives the parts that its publisher says it has."""
    for example in standard["examples"]:
        code, decoded = parse(example["code"]), example["decoded"]
        segments = {name: text for name, text, _ in code.segments}

        assert decoded["production_date"] == code.production_date.isoformat()
        assert decoded["date"] == segments["production date"]
        assert (decoded["manufacturer"], decoded["battery_type"]) == (code.maker, code.battery_type)
        assert (decoded["spec"], decoded["trace"]) == (code.specification, code.traceability)
        assert (decoded["product_type"], decoded["serial"]) == (segments["product type"], code.serial)


def test_invalid_examples_are_refused(standard):
    """Every published wrong code is refused, and never lets is_code through."""
    for example in standard["invalid_examples"]:
        assert not is_code(example["code"])
        with pytest.raises(CodeError):
            parse(example["code"])


def test_halves_of_the_published_label(standard):
    """The published label joined in the wrong order gives back the published code."""
    swapped = next(e["code"] for e in standard["invalid_examples"] if "halves" in e["why"])
    with pytest.raises(CodeError, match="joined in the wrong order") as caught:
        parse(swapped)

    assert caught.value.suggestion in {e["code"] for e in standard["examples"]}


def test_battery_types_and_their_confidence(standard):
    """No letter's meaning is surer, or other, than the reference says."""
    stated = {k: v for k, v in standard["battery_type_codes"].items() if not k.startswith("_")}
    ours = {
        letter: {"meaning": fact.meaning, "confidence": fact.confidence}
        for letter, fact in tables.BATTERY_TYPES.items()
    }

    assert stated == ours


def test_date_alphabet(standard):
    """Years, months and days have the characters of the reference, and no others."""
    stated = standard["date_code"]

    assert stated["year"] == {c: 2011 + i for i, c in enumerate(tables.YEARS)}
    assert stated["month"] == {c: 1 + i for i, c in enumerate(tables.MONTHS)}
    assert stated["day"] == {c: 1 + i for i, c in enumerate(tables.DAYS)}


def test_strict_patterns_agree(standard):
    """A code with a real date and serial passes exactly when the reference's strict pattern does."""
    patterns = [re.compile(standard["regex"][f"strict_{life}_life"]) for life in ("first", "second")]
    for day in (date(2011, 1, 1), date(2024, 2, 29), date(2040, 12, 31)):
        for tail in ("0000001", "9999999"):
            dated = tables.encode_date(day) + tail
            for text in (f"9ZZPB24AAAAAAA{dated}", f"9ZZPB24{dated}RP", f"9ZZXB24{dated}RP"):
                assert is_code(text) == any(p.fullmatch(text) for p in patterns)


def test_observed_makers(standard):
    """Maker codes seen in use carry the reference's names and stay marked as observed."""
    stated = standard["observed_manufacturer_codes"]

    assert set(stated) == set(tables.OBSERVED_MAKERS)
    for code, fact in tables.OBSERVED_MAKERS.items():
        assert stated[code].startswith(fact.meaning)
        assert fact.confidence == "observed"
