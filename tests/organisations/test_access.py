"""Who may see which member of which kind of event."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from voltrail.errors import AccessError
from voltrail.events.kinds import STRUCTS, member_names
from voltrail.events.points import POINTS
from voltrail.organisations.access import (
    AUDIENCES,
    BATTERY,
    EVERYONE,
    PASSPORT,
    TABLE,
    Disclosure,
    Eyes,
    Reader,
    Sight,
    Since,
    Standing,
    disclose,
    document,
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
    of_models = {"points_declared.points", "answer_accepted.points", "answer_accepted.answer"}
    for kind, member in TABLE:
        if kind != PASSPORT and f"{kind}.{member}" not in of_models:  # Annex XIII.2 and 3
            assert may_see("authority_eu", kind, member) == may_see("public", kind, member)
    dynamic = [name for name, point in POINTS.items() if point.audience == "condition"]
    assert not any(may_see("authority_eu", PASSPORT, name) for name in dynamic)


def test_authority_cn_and_auditors_see_everything():
    """Each pack is followed; audit checks every member. Who reported an event knows what it said."""
    for kind, member in TABLE:
        assert {"authority_cn", "auditor"} <= member_audiences(kind, member)
        assert kind in {BATTERY, PASSPORT} or "reporter" in member_audiences(kind, member)


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


def test_the_document_is_printed_from_the_table():
    """The table in docs/access.md is printed, never edited: write document() at its end."""
    text = (Path(__file__).parents[2] / "docs" / "access.md").read_text()
    assert text.endswith("\n" + document())
    assert "## Audiences" in text.removesuffix(document())


def test_every_set_of_audiences_is_a_column_of_the_document():
    """No member is left out of it."""
    text = document()
    for kind, member in TABLE:
        assert re.search(rf"^\| {kind} \|.*[ ,|]{member}[ ,|]", text, re.MULTILINE), (kind, member)


def test_a_row_counts_from_its_day(monkeypatch):
    """Which row is in force is chosen by the time at which somebody looks, not by which was written last."""
    opened = Disclosure(EVERYONE, frozenset({"CN", "EU"}), datetime(2030, 1, 1, tzinfo=UTC))
    monkeypatch.setitem(TABLE, ("installed", "vin"), (opened, *TABLE["installed", "vin"]))
    before, after = datetime(2029, 12, 31, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC)

    assert not Reader(at=before).eyes.see("installed", "vin")
    assert Reader(at=after).eyes.see("installed", "vin")
    assert may_leave("EU", "installed", "vin", after)
    assert not may_leave("EU", "installed", "vin", before)


def test_several_audiences_see_what_any_of_them_sees():
    """A lattice: holder and operator at once lose nothing."""
    eyes = Eyes(frozenset({"public", "operator", "reporter"}))
    for kind, member in TABLE:
        assert eyes.see(kind, member) == any(may_see(one, kind, member) for one in eyes.audiences)
    with pytest.raises(AccessError):
        may_see(frozenset({"public", "everybody"}), "installed", "vin")


def test_standings_count_from_where_they_begin():
    """Later in the log and in time: holder. Earlier in either, or a correction: condition alone."""
    sight = Sight(Reader(organisation="X"), (Standing("holder", Since(10, 5_000, 6_000)),))

    assert "holder" in sight.event("removed", 10, 5_000, "Y").audiences
    for kind, index, when in (("removed", 9, 9_000), ("removed", 11, 4_999), ("corrected", 11, 9_000)):
        assert sight.event(kind, index, when, "Y").audiences == {"public", "legitimate_interest"}
    assert "reporter" in sight.event("removed", 1, 1, "X").audiences
    assert "holder" in sight.state().audiences
    assert "holder" not in sight.state(5_999).audiences
    assert "holder" in sight.state(6_000).audiences
