"""Who may see which member of which kind of event."""

from datetime import UTC, datetime

import pytest

from voltrail.errors import AccessError
from voltrail.events.kinds import STRUCTS, member_names
from voltrail.organisations.access import (
    AUDIENCES,
    BATTERY,
    TABLE,
    disclose,
    may_leave,
    may_see,
    member_audiences,
)

AT = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", sorted(STRUCTS))
def test_every_member_of_every_kind_is_in_the_table(kind):
    """A new member must be given its audiences."""
    for member in ("kind", *member_names(kind)):
        assert (kind, member) in TABLE, (kind, member)


@pytest.mark.parametrize("member", ["vin", "site", "odometer_km", "system", "note", "batch"])
def test_the_public_does_not_see_where_a_battery_is(member):
    """The public sees what a battery is and its steps, not where it is or in which vehicle."""
    assert not may_see("public", "installed", member, AT)
    assert may_see("authority_cn", "installed", member, AT)


def test_the_public_sees_public_members():
    """Of an installation: that it was, when, and of which batteries."""
    names = ["kind", "occurred_at", "code", "codes", "vin", "odometer_km"]

    assert disclose("public", "installed", names, AT) == ("kind", "occurred_at", "code", "codes")


def test_condition_is_for_legitimate_interest_and_not_for_eu_authorities():
    """Annex XIII.4: legitimate interest sees the health, EU authorities only what the public sees."""
    assert may_see("legitimate_interest", "measured", "soh_fraction", AT)
    assert not may_see("authority_eu", "measured", "soh_fraction", AT)
    for kind in STRUCTS:
        for member in member_names(kind):
            assert may_see("authority_eu", kind, member) == may_see("public", kind, member)


def test_authority_cn_and_auditors_see_everything():
    """Each pack is followed; audit checks every member. Who reported an event knows what it said."""
    for kind, member in TABLE:
        assert {"authority_cn", "auditor"} <= member_audiences(kind, member)
        assert kind == BATTERY or "reporter" in member_audiences(kind, member)


def test_a_correction_does_not_show_what_its_line_hides():
    """The whole line inside a correction is closed to everyone who may not see all of it."""
    assert member_audiences("corrected", "line") == {"authority_cn", "auditor", "reporter"}


def test_what_is_not_in_the_table_is_closed():
    """Unknown members, and times before the first row, are seen by nobody."""
    assert not may_see("authority_cn", "installed", "brand_new", AT)
    assert not may_see("authority_cn", "installed", "vin", datetime(2010, 1, 1, tzinfo=UTC))


def test_whereabouts_do_not_leave_the_country():
    """What only those at home may see may not leave; public members may."""
    assert may_leave("EU", "installed", "code", AT)
    assert not may_leave("EU", "installed", "vin", AT)


def test_an_unknown_audience_is_an_error():
    """A wrong name is no audience with no rights, but a mistake to be told."""
    with pytest.raises(AccessError) as caught:
        may_see("publik", "installed", "code", AT)
    assert all(audience in caught.value.fix for audience in AUDIENCES)
