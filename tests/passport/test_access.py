"""
Article 77(2): each reader's document, in each form, says what the access table opens to him alone.

Two laws, for every point, audience and form, forms that come later among them. *A value that he may not see
has no influence*: put another in its place, and his document is the same, so nothing that is computed from it
is in there either. *One that he may see has*, wherever the document of who sees everything depends on it.
"""

import json
from base64 import urlsafe_b64decode
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest

from tests.passport.telling import told_to
from voltrail.events.points import POINTS
from voltrail.organisations.access import AUDIENCES, PASSPORT, may_see, member_audiences
from voltrail.passport import CATEGORIES, EU_GUIDANCE, FORMS, Known, Passport

WHOLE = ("json-ld", "sd-jwt", "vc")
"""The forms that have a place for every point."""

OF_THE_GUIDANCE = tuple(dict.fromkeys(point for row in EU_GUIDANCE.rows for point in row.points))
DAY = date(2024, 1, 1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def marker(name, turn=0):
    """Return a value that no other point has; for each turn another, so far off that rounding shows it."""
    point, number = POINTS[name], list(POINTS).index(name)
    match point.type:
        case "choice":
            return point.choices[turn % len(point.choices)]
        case "day":
            return (DAY + timedelta(days=number + 200 * turn)).isoformat()
        case "moment":
            return (NOON + timedelta(days=number + 200 * turn)).isoformat()
        case "uri":
            return f"https://marker.example/{name}/{turn}"
        case "email":
            return f"{turn}@{name}.example"
        case "integer":
            return 100_003 + number * 10 + turn
        case "number":
            return round(5 + number * 0.15 + turn * 20 + number / 10_000, 4)
    return f"marker of {name} {turn}"


def passport_with(category="ev", **others):
    """Return a passport that has every point, each with its marker."""
    values = {name: marker(name) for name in POINTS} | {"category": category} | others
    return Passport("9ZZPB240000003G4C0221953", {name: Known(one, (1,)) for name, one in values.items()}, {})


def read(part):
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def seen_in(form, audience, passport):
    """Return what a reader can read out of a document: of a signed one what its parts say, but no digests."""
    document = FORMS[form].written(told_to(audience, passport))
    if "jwt" not in FORMS[form].media_type:
        return document
    token, *disclosures = document.decode().split("~")
    claims = read(token.split(".")[1])
    if "_sd" in claims.get("points", {}):
        claims["points"] = len(claims["points"]["_sd"])
    return json.dumps([claims, [read(one)[1:] for one in disclosures if one]]).encode()


@cache
def influencing(form, audience, category="ev"):
    """Return the points whose value makes a difference to what an audience reads in a form."""
    before = seen_in(form, audience, passport_with(category))
    return {
        name
        for name in POINTS
        if name != "category"
        and seen_in(form, audience, passport_with(category, **{name: marker(name, 1)})) != before
    }


@pytest.mark.parametrize("name", OF_THE_GUIDANCE)
def test_markers_are_values_that_the_point_can_have(name):
    """Else these tests would show nothing."""
    assert POINTS[name].wrong(marker(name)) is None
    assert POINTS[name].wrong(marker(name, 1)) is None
    assert marker(name) != marker(name, 1)


@pytest.mark.parametrize("audience", AUDIENCES)
@pytest.mark.parametrize("form", FORMS)
def test_a_reader_s_document_depends_on_what_he_may_see_and_on_nothing_else(form, audience):
    """For each point: exactly those that the table opens, of those that the form has a place for."""
    everything = influencing(form, "operator")
    opened = {name for name in everything if may_see(audience, PASSPORT, name)}
    assert influencing(form, audience) == opened


@pytest.mark.parametrize("audience", AUDIENCES)
@pytest.mark.parametrize("form", FORMS)
def test_no_value_that_is_withheld_stands_in_the_document(form, audience):
    """Byte by byte, where the value is like no other; one that may be seen does, where the form has it."""
    whole = passport_with()
    document, all_of_it = seen_in(form, audience, whole), seen_in(form, "operator", whole)
    for name, known in whole.values.items():
        if POINTS[name].type in {"choice", "day"}:
            continue
        text = json.dumps(known.value, ensure_ascii=False).strip('"').encode()
        if not may_see(audience, PASSPORT, name):
            assert text not in document, name
        elif text in all_of_it:
            assert text in document, name


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("form", WHOLE)
def test_these_forms_have_every_point_of_the_guidance(form, category):
    """But for those that must not stand in a passport, or not yet."""
    wanted = set(OF_THE_GUIDANCE) - EU_GUIDANCE.bars(category) - {"category"}
    assert wanted <= influencing(form, "operator", category)


def test_every_point_of_the_guidance_stands_in_some_form():
    """What must wait in ours, such as the carbon footprint, others have asked for."""
    everywhere = set().union(*(influencing(form, "operator") for form in FORMS))
    assert set(OF_THE_GUIDANCE) - everywhere <= {"category", "instructions"}


@pytest.mark.parametrize(
    ("computed", "sources"),
    [
        ("capacity_fade_percent", ("capacity_ah", "rated_capacity_ah")),
        ("power_fade_percent", ("power_now_at_80_w", "power_at_80_w")),
        ("efficiency_fade_percent", ("efficiency_now_percent", "efficiency_percent")),
        ("energy_state_percent", ("energy_kwh", "certified_energy_kwh")),
        ("resistance_increase_percent", ("resistance_ohm", "resistance_pack_ohm")),
    ],
)
def test_what_is_computed_tells_nobody_what_he_may_not_see(computed, sources):
    """Whoever sees a fade could reckon back: he must see what it was computed from."""
    for source in sources:
        assert member_audiences(PASSPORT, computed) <= member_audiences(PASSPORT, source)
