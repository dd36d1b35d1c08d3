"""EN 18223 loses nothing: what stands in a passport stands in both of its forms, and is read back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.passport.telling import HOST, told_to
from voltrail.errors import CodeError, UsageError
from voltrail.events.points import MAX_TEXT, POINTS
from voltrail.organisations.access import AUDIENCES
from voltrail.passport import FORMS, en18223, identifiers
from voltrail.passport.paths import read_path
from voltrail.passport.rulesets import EU_GUIDANCE

CODE = "9ZZPB240000003G4C0221953"
TYPES = {
    "number": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
    "integer": st.integers(-(2**53), 2**53),
}
TEXTS = st.text(min_size=1, max_size=MAX_TEXT)
VALUES = st.fixed_dictionaries({}, optional={one.name: TYPES.get(one.type, TEXTS) for one in POINTS.values()})


def test_every_point_has_its_place_and_no_two_share_one():
    """The table is of the whole catalogue; names are names that a path needs no quotes for."""
    assert sorted(one.point for one in en18223.PLACES) == sorted(POINTS)
    assert len({one.steps for one in en18223.PLACES}) == len(POINTS)
    reserved = {*en18223.SECTIONS, en18223.WITHHELD, en18223.ELEMENTS}
    assert not reserved & {one.element for one in en18223.PLACES if one.section is None}
    for one in en18223.PLACES:
        assert read_path(one.path) == one.steps
        assert en18223.find(one.path).points == (one.point,)


@pytest.mark.parametrize("full", [False, True])
@given(values=VALUES, withheld=st.sets(st.sampled_from(sorted(POINTS))))
def test_values_to_document_to_values_is_identity(full, values, withheld):
    """Through JSON, compressed and in full, whatever the values; partial or not."""
    document = en18223.written(values, withheld, full=full)
    assert en18223.read(json.loads(json.dumps(document))) == values
    assert document.get("withheld", []) == [one.path for one in en18223.PLACES if one.point in withheld]


@pytest.mark.parametrize("full", [False, True])
@given(values=VALUES)
def test_each_element_alone_says_the_same(full, values):
    """A point by its path, and by the path of its value; a section by its own."""
    for place in en18223.PLACES:
        if place.point in values:
            value = {place.point: values[place.point]}
            paths = [place.path] + ([f"{place.path}.value"] if POINTS[place.point].unit else [])
            for found in map(en18223.find, paths):
                assert en18223.read_element(found, en18223.element(found, values, full=full)) == value
    for section in en18223.SECTIONS:
        found = en18223.find(f"$.{section}")
        of = {name: value for name, value in values.items() if name in found.points}
        if of:
            assert en18223.read_element(found, en18223.element(found, values, full=full)) == of


def test_an_element_in_full_says_its_type_and_unit(passports):
    """Each of a real passport: a value of its XSD type, or a resource with its address."""
    passport = next(iter(passports.values()))
    values = passport.plain
    for section in FORMS["en18223-full"].write(told_to("operator", passport))["elements"]:
        assert section["objectType"] == "DataElementCollection"
        for one in section["elements"]:
            place = next(p for p in en18223.PLACES if p.steps == (section["elementId"], one["elementId"]))
            point = POINTS[place.point]
            assert one.get("unit") == point.unit
            assert one["dictionaryReference"] == f"https://{HOST}/points#{point.name}"
            assert one["url" if one["objectType"] == "RelatedResource" else "value"] == values[point.name]
            assert (point.type == "uri") == (one["objectType"] == "RelatedResource")
            assert point.type == "uri" or one["valueDataType"].startswith("xsd:")


@pytest.mark.parametrize("form", ["en18223", "en18223-full"])
@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_document_holds_what_its_audience_sees_and_names_the_rest(passports, audience, form):
    """Exactly the points that the access table opens, but for those that must be absent."""
    one = next(iter(passports.values()))
    told = told_to(audience, one)
    document = FORMS[form].write(told)
    barred = EU_GUIDANCE.bars(one.category)
    assert set(en18223.read(document)) == set(told.values) - barred
    hidden = {en18223.find(path).points[0] for path in document.get("withheld", ())}
    assert hidden == set(one.values) - set(told.values) - barred


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$.a", ("a",)),
        ("$.a.b_2.ç", ("a", "b_2", "ç")),
        ("$['a'][\"b c\"]", ("a", "b c")),
        ("$[ 'a' ].b[0][-1]", ("a", "b", "0", "-1")),
        ("$['it.s a \"name\"']", ('it.s a "name"',)),
    ],
)
def test_a_singular_path_is_read(path, steps):
    """RFC 9535: names with and without quotes, and places."""
    assert read_path(path) == steps


@pytest.mark.parametrize(
    "path",
    ["", "a", "$", "$.", "$..a", "$.*", "$[*]", "$['a','b']", "$[0:1]", "$[?@.a]", "$.a ", "$ .a", "$.1a",
     "$.a-b", "$['a]", "$[a]", "$[01]", "$[-0]", "$.a\n", "@.a", "$['a\\'b']", "$" + ".a" * 300],
)  # fmt: skip
def test_what_may_lead_elsewhere_is_no_path(path):
    """To several elements, to none, or further than we read."""
    with pytest.raises(UsageError) as raised:
        read_path(path)
    assert raised.value.rule == "passport.path"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (CODE, None),
        (f"{CODE}/3", 3),
        (f"https://any.example/b/{CODE}", None),
        (f"https://any.example:8443/b/{CODE}/", None),
        (f"http://any.example/b/{CODE}/passport", None),
        (f"https://any.example/b/{CODE}/passport/12", 12),
        (f"https%3A%2F%2Fany.example%2Fb%2F{CODE}%2Fpassport%2F2", 2),
        (f"{CODE}%2F2", 2),
    ],
)
def test_whatever_names_a_passport_is_read(text, number):
    """An address on any host, its beginning left out, percent-encoded or not."""
    assert identifiers.read(text) == identifiers.Named(CODE, number)


@pytest.mark.parametrize(
    "text",
    ["", "/", f"{CODE}/", f"{CODE}/0", f"{CODE}/01", f"{CODE}/-1", f"{CODE}/x", f"{CODE}/1/2",
     f"{CODE}/9999999999", f"{CODE}?n=1", f"{CODE}#1", f"ftp://h/b/{CODE}", f"https://h/c/{CODE}", f"https:///b/{CODE}",
     f"https://h/b/{CODE}/life", f"https://h/b/{CODE}?x=1", f"https://h/b/{CODE}/passport/1/2", f" {CODE}",
     f"{CODE}\n", CODE.lower(), "x" * 501, "%FF", "https://h h/b/" + CODE, f"{CODE}/２"],
)  # fmt: skip
def test_what_names_none_is_refused(text):
    """In words: no number that is none, no other address, nothing around it."""
    with pytest.raises((UsageError, CodeError)):
        identifiers.read(text)


NAMES = ["elements", "elementId", "value", "unit", "url", "battery", "mass", "withheld"]
SENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner),
    max_leaves=20,
)


@given(SENT)
def test_reading_what_others_send_is_total(given):
    """It is a document, or it is refused by name."""
    for read in (en18223.read, lambda one: en18223.read_element(en18223.find("$.battery.mass"), one),
                 lambda one: en18223.read_element(en18223.find("$.battery"), one)):  # fmt: skip
        try:
            found = read(given)
        except UsageError as error:
            assert error.fix
        else:
            assert set(found) <= set(POINTS)
