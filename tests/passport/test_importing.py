"""A passport made by others is read into our points; what is wrong in it is told, and nothing is guessed."""

import io
import json
import zipfile
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.errors import PassportError
from voltrail.events import decode
from voltrail.events.points import POINTS
from voltrail.passport import batterypass_ready
from voltrail.passport.importing import FORMS, Imported, read_passport
from voltrail.passport.loading import MAX_BYTES, MAX_DEPTH, MAX_FILES, MAX_VALUES, load
from voltrail.passport.proposal import compared, lines_of

NOW = "2026-11-30T09:00:00+08:00"
NOT_A_NUMBER = ["import.nan", "import.number"]
ROUNDED = {"ah", "kwh", "watt", "watts", "watt_per_wh", "ohm", "celsius", "co2", "ah_or_mah", "warranty_end"}


def general(**members):
    return {"productIdentifier": "P1", "batteryCategory": "ev", "batteryMass": 450} | members


def read(value, name="a.json", encoding="utf-8") -> Imported:
    text = value if isinstance(value, str) else json.dumps(value)
    return read_passport([(name, text.encode(encoding))])


def rules(found: Imported):
    return [one.said.rule for one in found.troubles]


# ------------------------------------------------------------------ there and back


def test_our_own_documents_come_back(passports):
    """Each value, but for what BatteryPass-Ready rounds; written again, the document is the same."""
    shape = {point: one.as_ for one in batterypass_ready.MEMBERS for point in one.points}
    for one in passports.values():
        plain = one.plain | {"passport_status": "active"}  # the form has no word for a draft
        document = batterypass_ready.written(plain)
        found = read(document)
        assert found.forms == (("a.json", "BatteryPass-Ready 1.0"),)
        assert found.code == one.code
        assert (found.troubles, found.left) == ((), ())
        back = {name: each.value for name, each in found.found.items()}
        assert batterypass_ready.written(back) == document
        assert back.keys() == {name for name in shape if name in plain}
        for name, value in back.items():
            if shape[name] not in ROUNDED and name != "chemistry":
                assert value == plain[name], name
        assert all(each.agrees for each in compared(found, plain))


def test_what_the_record_has_otherwise_differs(passports):
    """A value beyond what the form rounds is shown as a difference, and no other."""
    one = next(iter(passports.values()))
    found = read(batterypass_ready.written(one.plain | {"mass_kg": one.plain["mass_kg"] + 1}))
    assert [each.point for each in compared(found, one.plain) if not each.agrees] == ["mass_kg"]


def test_a_partial_document_of_ours_is_read(passports):
    """What it withholds is no trouble, and nothing that is left over."""
    one = next(iter(passports.values()))
    seen = {name: value for name, value in one.plain.items() if POINTS[name].audience == "public"}
    found = read(batterypass_ready.written(seen, tuple(set(one.plain) - set(seen))))
    assert (found.troubles, found.left) == ((), ())


def test_what_was_read_becomes_lines_that_are_events(passports):
    """What is declared for the model, what is measured at the time that the document says; no more."""
    one = next(iter(passports.values()))
    found = read(batterypass_ready.written(one.plain))
    lines = lines_of(found, "M-1", found.code, NOW)
    said = [msgspec.json.decode(line) for line in lines]
    assert [each["kind"] for each in said] == ["points_declared", "measured"]
    assert said[0]["points"].keys() == found.of("declared").keys()
    assert said[1]["points"].keys() == found.of("measured").keys()
    assert said[1]["occurred_at"] == one.plain["updated_at"]
    for line in lines:
        decode(line)
    assert lines_of(found, None, None, NOW) == []


# ------------------------------------------------------------------ as files come


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", []),
        ("utf-8-sig", ["import.encoding"]),
        ("utf-16", ["import.encoding"]),
        ("utf-16-le", ["import.encoding"]),
        ("utf-16-be", ["import.encoding"]),
        ("utf-32", ["import.encoding"]),
        ("gb18030", ["import.encoding"]),
    ],
)
def test_any_encoding_is_read_and_told(encoding, told):
    """With and without a mark; Chinese names come through."""
    found = read(
        json.dumps(general(manufacturerInformation={"contactName": "示例电池"}), ensure_ascii=False),
        encoding=encoding,
    )
    assert found.found["manufacturer_name"].value == "示例电池"
    assert rules(found) == told
    assert all(one.taken for one in found.troubles)


@pytest.mark.parametrize(
    ("member", "value", "point", "taken", "told"),
    [
        ("batteryMass", "450", "mass_kg", 450, ["import.text_number"]),
        ("batteryMass", "450,5", "mass_kg", 450.5, ["import.text_number"]),
        ("batteryMass", "450.5 kg", "mass_kg", 450.5, ["import.text_number"]),
        ("batteryMass", "450500 g", "mass_kg", 450.5, ["import.text_number"]),
        ("batteryMass", "1,450", "mass_kg", None, ["import.ambiguous"]),
        ("batteryMass", "heavy", "mass_kg", None, ["import.number"]),
        ("batteryMass", True, "mass_kg", None, ["import.number"]),
        ("batteryMass", 1e38, "mass_kg", None, ["import.noise"]),
        ("batteryMass", -5, "mass_kg", None, ["import.value"]),
        ("batteryMass", "450 stone", "mass_kg", None, ["import.text_number", "import.unit"]),
        ("batteryMass", None, "mass_kg", None, []),
        ("batteryCategory", "EV ", "category", "ev", []),
        ("batteryCategory", "Light means of transport battery", "category", "lmt", ["import.spelling"]),
        ("batteryCategory", "starter", "category", None, ["import.choice"]),
        ("batteryStatus", "ORIGINAL", "status", "original", ["import.spelling"]),
        ("manufacturingDate", "2025-06-17T11:14:27.698+02:00", "manufactured_on", "2025-06-17", []),
        ("manufacturingDate", "17.06.2025", "manufactured_on", None, ["import.day"]),
        ("warrentyPeriod", "--06", "warranty_years", None, ["import.period"]),
        ("warrantyPeriod", "P8Y", "warranty_years", 8, ["import.name"]),
        ("manufacturingPlace", {"streetAddress": "A", "postalCode": "1"}, "manufacturing_place", "A, 1", []),
    ],
)  # fmt: skip
def test_a_value_is_taken_told_or_both(member, value, point, taken, told):
    """As it is meant where that is certain, with its place; else left out."""
    found = read(general(**{member: value}))
    assert (found.found[point].value if point in found.found else None) == taken
    assert rules(found) == told
    assert all(one.where.startswith(f"a.json#/{member}") for one in found.troubles)


@pytest.mark.parametrize(
    ("unit", "value", "taken"),
    [("Ah", 190, 190), ("mAh", 190_000, 190), ("MAH", 190_000, 190), ("ah", 190, 190), ("Wh", 1, None)],
)
def test_units_are_brought_into_ours(unit, value, taken):
    """Thousandths too, and capitals where there is but one meaning."""
    member = {"amperehourMiliamperehourValue": value, "ampereHourMiliamperehour": unit}
    found = read({"Battery_Passport": {"PerformanceAndDurability": {"RatedCapacity": member}}})
    assert (found.found["rated_capacity_ah"].value if found.found else None) == taken
    assert rules(found) == ([] if taken else ["import.unit"])


@pytest.mark.parametrize(
    ("unit", "taken"),
    [("kWh", 75), ("KWH", 75), ("Wh", 0.075), ("mWh", 0.000075), ("MWh", 75_000), ("MWH", None)],
)
def test_a_thousandth_is_no_million(unit, taken):
    """Neither is taken for the other: which of the two MWH is, nobody knows."""
    member = {"kilowattHourValue": 75, "kilowattHour": unit}
    found = read({"Battery_Passport": {"PerformanceAndDurability": {"CertifiedUsableBatteryEnergy": member}}})
    assert (found.found["certified_energy_kwh"].value if found.found else None) == taken


@pytest.mark.parametrize(
    ("text", "told", "taken"),
    [
        ('{"productIdentifier": "P1", "batteryMass": 450,}', ["import.comma"], 450),
        ('{"productIdentifier": "P,}1", "batteryMass": 450, }', ["import.comma"], 450),
        ('{"productIdentifier": "P1", "batteryMass": NaN}', NOT_A_NUMBER, None),
        ('{"productIdentifier": "P1", "batteryMass": -Infinity}', NOT_A_NUMBER, None),
        ('{"productIdentifier": "P1", "batteryMass": 1, "batteryMass": 2}', ["import.twice"], None),
        ('{"batteryStatus": "", "batteryMass": 1E99999999999999999}', ["import.noise"], None),
        ('{"batteryStatus": "", "batteryMass": 1E9999999999999999999}', NOT_A_NUMBER, None),
    ],
)  # fmt: skip
def test_json_that_is_nearly_json(text, told, taken):
    """Read where nothing is lost by it; of two values neither is taken."""
    found = read(text)
    assert rules(found) == told
    assert (found.found["mass_kg"].value if "mass_kg" in found.found else None) == taken


def packed(**files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def test_several_payloads_in_a_zip_are_one_passport():
    """Each in its own form; a file of another sort is told, what a computer adds by itself is not."""
    files = {
        "general.json": json.dumps(general()),
        "carbon.json": json.dumps({"batteryCarbonFootprint": 65}).encode("utf-16"),
        "read me.txt": "hello",
        "__MACOSX/._general.json": b"\0",
    }
    found = read_passport([("all.zip", packed(**files))])
    assert [name for name, _ in found.forms] == ["general.json", "carbon.json"]
    assert found.found["footprint_kg_per_kwh"].where == "carbon.json#/batteryCarbonFootprint"
    assert rules(found) == ["import.encoding", "import.other_file"]


def test_files_that_contradict_each_other():
    """Neither value is taken, and both are named."""
    given = [
        (name, json.dumps(general(batteryMass=mass)).encode())
        for name, mass in (("a", 1), ("b", 2), ("c", 1))
    ]
    found = read_passport(given)
    assert "mass_kg" not in found.found
    assert set(rules(found)) == {"import.contradiction"}
    assert "category" in found.found


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "import.json"),
        (b"hello", "import.json"),
        (b"{}", "import.form"),
        (b"[1, 2]", "import.form"),
        (b"\xff\xfe{", "import.encoding"),
        (b"\xfe\xff\xd8\x00", "import.encoding"),
        (b"PK\x03\x04 and no more", "import.zip"),
        (b"[" * (MAX_DEPTH + 1), "import.too_deep"),
        (b"[" + b"1," * (MAX_VALUES + 1) + b"1]", "import.too_large"),
        (b" " * (MAX_BYTES + 1), "import.too_large"),
        (b"[" + b"{}," * MAX_FILES + b"{}]", "import.too_large"),
        (b'{"a":"' + b'\\"' * 4_000_000 + b"}", "import.json"),  # a string that does not end
        (packed(**{f"{n}.json": "{}" for n in range(MAX_FILES + 1)}), "import.too_large"),
        (packed(**{"a.json": b" " * (MAX_BYTES + 1)}), "import.too_large"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_cannot_be_read_as_a_whole(content, rule):
    """Empty, no JSON, of no form, cut off, or larger than anything of this sort."""
    with pytest.raises(PassportError) as caught:
        read_passport([("a.json", content)])
    assert caught.value.rule == rule
    assert caught.value.fix


KEYS = st.sampled_from(
    sorted(
        {
            step.split("[")[0].split("|")[0]
            for form in FORMS
            for row in form.rows
            for step in row.path.split("/")
        }
    )
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["1,5", "P8Y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=30,
)


@given(st.dictionaries(KEYS, VALUES, max_size=8))
@settings(max_examples=300, deadline=None)
def test_any_document_is_read_or_refused(value):
    """Whatever stands in the members of any form: what is taken may be, and becomes events."""
    with suppress(PassportError):
        found = read(value)
        for name, one in found.found.items():
            assert POINTS[name].wrong(one.value) is None
        for line in lines_of(found, "M-1", "9ZZPB240000003G4C0221953", NOW):
            decode(line)


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(content):
    """No other error comes of them, as a file or at the end of a zip."""
    for given_bytes in (content, b"PK\x03\x04" + content):
        with suppress(PassportError):
            load("a.json", given_bytes)


def test_each_row_of_the_tables_names_a_point_and_its_unit():
    """So that none is read into another unit than it is kept in."""
    for form in FORMS:
        for row in form.rows:
            assert row.unit in {None, POINTS[row.point].unit}, row
            if row.as_ == "" and POINTS[row.point].unit:
                assert row.unit, row
