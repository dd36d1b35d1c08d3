"""Lines by which organisations, keys and sites come on record: in the strict form, or refused in words."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import EventError, IdentityError, VoltrailError
from voltrail.events import decode, split
from voltrail.ledger.keys import P256, Signer
from voltrail.organisations.identifiers import check_region, credit_code
from voltrail.organisations.statements import (
    check_day,
    key_added,
    key_of,
    line_of,
    midnight,
    same_but_for_time,
    site_registered,
)

ORGANISATION = credit_code("91310115MA0000001")
NOW = datetime(2026, 5, 3, tzinfo=UTC)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200))
def test_any_name_makes_a_line_in_the_strict_form(name):
    """Quotes, line feeds, other scripts: what comes back is what went in, on one line."""
    line = line_of("organisation_registered", NOW, organisation=ORGANISATION, name=name, country=None)
    split(line)
    assert decode(line).name == name
    assert "country" not in json.loads(line)


@pytest.mark.parametrize("algorithm", ["ed25519", P256])
def test_a_key_comes_on_record_as_it_was_given(algorithm):
    """Its name, algorithm and bytes are those of the public key that `voltrail key new` prints."""
    key = Signer.generate(f"{ORGANISATION}/line.1", algorithm)
    event = decode(key_added(key_of(ORGANISATION, f" {key.vkey}\n"), NOW))
    assert (event.key_id, event.algorithm, event.host_may_sign) == ("line.1", algorithm, None)


@given(st.text(max_size=120))
def test_any_text_for_a_key_gets_an_answer(text):
    """Whatever is pasted, it is refused in words of ours."""
    with pytest.raises(VoltrailError):
        key_of(ORGANISATION, text)


@given(st.from_regex(r"[0-9]{0,7}", fullmatch=True))
def test_a_region_has_six_digits_and_a_province(text):
    """What is taken begins with a province of GB/T 2260, and no county stands without its city."""
    try:
        assert check_region(text) == text
    except IdentityError as error:
        assert error.rule == "identity.region"
    else:
        assert len(text) == 6
        assert text[2:] == "0000" or text[2:4] != "00"


@pytest.mark.parametrize("text", ["110000", "310115", "440300", "659001", "710000", "820000"])
def test_regions_that_there_are(text):
    """Provinces, cities, counties, and those that are governed directly."""
    assert check_region(text) == text


def test_a_site_of_thirteen_digits_is_a_gln():
    """Its check digit is checked; any other identifier is its owner's matter."""
    line = site_registered(ORGANISATION, NOW, "6901234567892", "", "310115", "outlet")
    assert decode(line).site == "6901234567892"
    assert decode(site_registered(ORGANISATION, NOW, "690123456789", "", "310115", "outlet")).name is None
    with pytest.raises(IdentityError, match="check digit"):
        site_registered(ORGANISATION, NOW, "6901234567893", "", "310115", "outlet")


@given(st.text(max_size=12) | st.dates().map(str))
def test_a_day_is_written_one_way(text):
    """Year, month, day, with hyphens; the record counts days in China."""
    try:
        assert midnight(check_day(text)) == f"{text}T00:00:00+08:00"
    except EventError as error:
        assert error.rule == "event.day"


def test_two_events_may_differ_in_time_alone():
    """The same said on another day is the same; with another member it is not."""
    said = {"organisation": ORGANISATION, "role": "carrier"}
    first, later = (decode(line_of("role_granted", when, **said)) for when in (NOW, NOW.replace(day=4)))
    assert same_but_for_time(first, later)
    assert not same_but_for_time(first, decode(line_of("role_granted", NOW, **said, batch="a")))
    assert not same_but_for_time(first, decode(line_of("role_revoked", NOW, **said)))
