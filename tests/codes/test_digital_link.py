"""A GS1 Digital Link is read as it stands, or refused in one way, whatever somebody printed."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codes import strategies
from voltrail.codes import gs1_url, parse, tidy
from voltrail.codes.carriers import CARRIERS
from voltrail.codes.digital_link import IDENTIFIERS, MAX_LINK, check_digit, is_gtin, read_link
from voltrail.codes.labels import SIZES, make, read_list
from voltrail.codes.scanned import read_label
from voltrail.errors import IdentityError, UsageError

GTIN = "09520123456788"

PIECES = st.sampled_from(
    [
        "https://",
        "http://",
        "a",
        "/",
        "?",
        "#",
        "&",
        "=",
        "%",
        "%00",
        "%2f",
        "+",
        ".",
        "[",
        "]",
        "é",
        "\0",
        "^",
    ]
)
NUMBERS = st.sampled_from(sorted(IDENTIFIERS)) | st.from_regex(r"[0-9]{1,20}", fullmatch=True)


@given(st.text(max_size=200) | st.lists(PIECES | NUMBERS, max_size=20).map("".join))
@settings(max_examples=500)
def test_any_text_is_a_link_or_this_error(text):
    """Whatever stands there, no other error comes of it."""
    for options in ({}, {"words": True, "short": True, "unknown": True}):
        with suppress(IdentityError):
            assert read_link(text, **options).elements


@given(st.sampled_from(sorted(IDENTIFIERS)), st.text(max_size=95), st.text(max_size=40))
@settings(max_examples=500)
def test_any_value_is_taken_whole_or_refused(ai, value, other):
    """In a path and in a query: what is taken is what was escaped there."""
    escaped = "".join(f"%{octet:02X}" for octet in value.encode(errors="replace"))
    more = "".join(f"%{octet:02X}" for octet in other.encode(errors="replace"))
    for uri in (f"https://a/{ai}/{escaped}", f"https://a/01/09520123456788?{ai}={escaped}&98={more}"):
        with suppress(IdentityError):
            assert read_link(uri).value(ai) == value


@given(st.integers(0, 10**13 - 1))
def test_a_gtin_checks_itself(number):
    """One digit changed anywhere, it is none."""
    gtin = f"{number:013d}" + check_digit(f"{number:013d}")
    assert is_gtin(gtin)
    for at in range(14):
        assert not is_gtin(gtin[:at] + str((int(gtin[at]) + 1) % 10) + gtin[at + 1 :])


@pytest.mark.parametrize(
    "uri",
    [
        "https://user@a/01/09520123456788",
        "ftp://a/01/09520123456788",
        "https://a/01/09520123456789",  # check digit
        "https://a/01/09520123456788/21/A/10/B",  # in the wrong order
        "https://a/01/09520123456788/235/A/21/B",  # two orders mixed
        "https://a/01/09520123456788/21/" + "A" * 21,
        "https://a/01/09520123456788?17=261301",  # no such month
        "https://a/01/09520123456788?21=A",  # a qualifier is of the path
        "https://a/8006/095201234567880201",  # the second piece of one
        "https://a/01/09520123456788/21/%C3%A9",
        "https://a/01/09520123456788?" + "x" * MAX_LINK,
    ],
)
def test_what_is_wrong_is_refused(uri):
    """With words that say what stands there."""
    with pytest.raises(IdentityError) as caught:
        read_link(uri)
    assert caught.value.rule == "identity.digital_link"
    assert len(caught.value.message) < 300


def test_other_parameters_are_handed_back():
    """What is not of GS1 stands beside the elements."""
    link = read_link("HTTPS://ID.Example.org/shop/01/09520123456788/21/A%2FB?lang=zh&head=9ZZP&17=261200#x")
    assert link.host == "id.example.org"
    assert link.elements == (("01", "09520123456788"), ("21", "A/B"), ("17", "261200"))
    assert link.parameters == (("lang", "zh"), ("head", "9ZZP"))


# ------------------------------------------------------------------ a code as a Digital Link


@given(code=strategies.codes, host=st.sampled_from(["a.example", "registry.example.org:8443"]))
def test_a_code_comes_back_from_its_link_alone(code, host):
    """Whatever the host, in capitals or small letters: no registry is needed; and it is a link of GS1's."""
    link = gs1_url(code, GTIN, host)
    said = read_link(link)
    assert said.value("01") == GTIN
    assert len(said.value("21")) <= 20
    for text in (link, link.lower(), link.upper(), link + ("&" if "?" in link else "?") + "lang=zh#life"):
        assert read_label(text) == (code, host)
        assert tidy(text) == code
    assert read_list(link, 1) == [code]


@given(code=strategies.codes, other=strategies.codes)
def test_two_codes_have_two_links(code, other):
    """No two codes of one model share a link."""
    same = gs1_url(code, GTIN, "a.example") == gs1_url(other, GTIN, "a.example")
    assert same == (code == other)


@given(code=strategies.no_codes)
def test_what_is_too_long_for_a_serial_number_has_no_link(code):
    """An id of a battery without a code keeps to the address with it."""
    with pytest.raises(UsageError) as caught:
        gs1_url(code, GTIN, "a.example")
    assert caught.value.rule == "label.no_link"


def test_a_wrong_gtin_makes_no_label():
    """Its check digit is looked at before anything is printed."""
    with pytest.raises(UsageError) as caught:
        make("9ZZPB240000003G4C0221953", "qr", SIZES["100x50"], "a.example", gtin="09520123456789")
    assert caught.value.rule == "label.gtin"


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("size", ["100x50", "100x150", "a4-2x7"])
def test_a_label_with_a_link_says_it(carrier, size):
    """In its symbol, but for Code 128, which has the code alone; and in words."""
    code = "9ZZPB240000003G4C0221953"
    made = make(code, carrier, SIZES[size], "registry.example.org", gtin=GTIN)
    link = f"https://registry.example.org/01/{GTIN}/21/{code[4:]}?head={code[:4]}"
    assert made.symbol.content == (code if carrier == "code128" else link)
    assert "".join(one.text for one in made.words if not one.bold) == link
    assert parse(code).text == code
