"""Borders: each side's rule of the day, the stricter of both, and nothing allowed that no rule answers."""

from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.events.structs import Substance
from voltrail.regimes import RULES
from voltrail.regimes.border import (
    BATTERIES,
    RULES_OF_BORDERS,
    WASTE_CODES,
    Shipment,
    answer_as_told,
    check_goods,
    judge_shipment,
    plain,
    read_assays,
)
from voltrail.regimes.configured import Setting, with_settings
from voltrail.regimes.countries import GROUPS, check_country, is_among
from voltrail.regimes.rules import rules_at

BEFORE, SINCE = date(2026, 11, 8), date(2026, 11, 9)
TERNARY = (("Ni", 0.2), ("Co", 0.08), ("Li", 0.04), ("P", 0.002))
PHOSPHATE = (("Li", 0.025), ("P", 0.12), ("Fe", 0.2))
POOR = (("Ni", 0.03), ("Co", 0.01), ("Li", 0.01), ("P", 0.02), ("Fe", 0.05))


def asked(what="black_mass", day=SINCE, origin="DE", destination="CN", **more):
    """Return the answer on a shipment by the rules as they are shipped."""
    return judge_shipment(Shipment(what, day, origin, destination, **more), RULES.all)


def said(answer):
    """Return the verdict, and by which rule each side says what."""
    return answer.verdict, [(side.verdict, side.rule.id if side.rule else None) for side in answer.sides]


@pytest.mark.parametrize("goods", [{"what": "black_mass"}, {"what": "lithium_batteries", "waste": True}])
@pytest.mark.parametrize("destination", ["CN", "IN", "MY", "BR", "ZA"])
def test_the_eu_bans_waste_lithium_batteries_and_black_mass_for_states_outside_the_oecd(goods, destination):
    """From 9 November 2026, whatever the other side says; the day before, consent was all it asked."""
    assert asked(**goods, destination=destination).verdict == "forbidden"
    before = asked(**goods, day=BEFORE, destination=destination)
    assert before.sides[0].verdict == "consent"
    assert before.verdict != "forbidden" or destination == "CN"


@pytest.mark.parametrize("destination", ["FR", "RO", "NO", "LI", "KR", "US", "CO"])
def test_within_the_union_and_to_the_oecd_consent_is_needed(destination):
    """Romania is not in the OECD, but in the Union; Liechtenstein in neither, but in the EEA."""
    assert said(asked(destination=destination)) == (
        "consent",
        [("consent", "eu-consent"), ("consent", "basel-consent")],
    )


def test_membership_is_dated():
    """The United Kingdom left the Union after 31 January 2020; Colombia joined the OECD in April 2020."""
    assert is_among("GB", ("EU",), date(2020, 1, 31))
    assert not is_among("GB", ("EU",), date(2020, 2, 1))
    assert is_among("CO", ("-OECD",), date(2020, 4, 27))
    assert not is_among("CO", ("-OECD",), date(2020, 4, 28))
    assert [len([m for m in GROUPS[name].members if GROUPS[name].has(m[0], SINCE)]) for name in GROUPS] == [
        27,
        30,
        38,
    ]


def test_china_takes_conforming_black_mass_since_1_august_2025():
    """As a product, whatever it is called; the day before it was waste, and so is what does not conform."""
    for assays in (TERNARY, PHOSPHATE):
        for waste in (None, True, False):
            answer = asked(origin="KR", day=date(2025, 8, 1), assays=assays, waste=waste)
            assert said(answer)[1][1] == ("allowed", "cn-black-mass")
            assert answer.verdict == "consent"
    assert said(asked(origin="KR", day=date(2025, 7, 31), assays=TERNARY))[1][1] == (
        "forbidden",
        "cn-black-mass-ban",
    )
    assert said(asked(origin="KR", assays=POOR)) == (
        "forbidden",
        [("consent", "basel-consent"), ("forbidden", "cn-black-mass")],
    )


def test_what_was_not_assayed_does_not_conform_by_itself():
    """Without all assays China's side is not known; one limit broken in each table decides."""
    for assays in ((), TERNARY[:2], TERNARY[:3]):
        side = asked(origin="KR", assays=assays).sides[1]
        assert side.verdict == "unknown"
        assert any(one.kept is None for one in side.held)
    assert asked(origin="KR", assays=(("Li", 0.01),)).sides[1].verdict == "forbidden"
    assert asked(origin="KR", assays=(("Ni", 0.3), ("Li", 0.04), ("P", 0.001))).sides[1].verdict == "allowed"


def test_waste_batteries_do_not_enter_china():
    """Solid waste may not be imported since 2021; batteries that are no waste are not spoken of."""
    assert said(asked("lithium_batteries", origin="KR", waste=True)) == (
        "forbidden",
        [("consent", "basel-consent"), ("forbidden", "cn-waste")],
    )
    for waste in (False, None):
        answer = asked("lithium_batteries", origin="KR", waste=waste)
        assert said(answer) == ("unknown", [("unknown", None), ("unknown", None)])
        assert answer.classes == ()


def test_what_is_not_configured_is_named():
    """China's own rule for what leaves it is not known: the treaty answers, and it is said what is open."""
    side = asked("lithium_batteries", origin="CN", destination="KR", waste=True).sides[0]
    assert (side.verdict, side.rule.id) == ("consent", "basel-consent")
    assert [one.id for one in side.open] == ["cn-export"]
    slag = asked("slag", waste=True).sides[0]
    assert (slag.verdict, [one.id for one in slag.open]) == ("consent", ["eu-waste"])


@pytest.mark.parametrize(
    ("code", "means"),
    [("16 06 07*", "lithium_batteries"), ("160607", "lithium_batteries"), ("19 14 02*", "black_mass")],
)
def test_a_waste_code_decides_what_goods_are(code, means):
    """Under whatever name they go; written with or without spaces and star. Another code makes it waste."""
    answer = asked("other", waste_code=code)
    assert means in answer.classes
    assert answer.verdict == "forbidden"
    assert asked("other", waste_code="99 99 99").classes == ("other", "waste")
    assert asked("black_mass", waste_code="99 99 99").verdict == "forbidden"


def test_one_country_is_no_border():
    """Within a country its own rules hold; nothing is answered."""
    with pytest.raises(UsageError, match="no border"):
        asked(destination="DE")


@pytest.mark.parametrize("text", ["", "D", "EU", "ZZ", "Germany", "德国", "D\0", "UK"])
def test_what_is_no_country_is_refused(text):
    """A group is no country; one that is often meant is named."""
    with pytest.raises(UsageError) as error:
        check_country(text)
    assert error.value.rule == "border.country"
    assert ("GB" in error.value.fix) == (text == "UK")
    assert check_country(" de ") == "DE"


def test_assays_are_read_as_people_write_them():
    """Fractions and percent; what is no share, or stands there twice, is refused."""
    assert read_assays("Ni=0.2, Co 8%；Li：4 %、") == (("Ni", 0.2), ("Co", 0.08), ("Li", 0.04))
    assert read_assays(" ") == ()
    for wrong in ("Ni=20", "Ni", "=0.2", "Ni=0.2, Ni=0.1", "Ni=1e-3", "Ni=-0.1", "Ni=101%"):
        with pytest.raises(UsageError):
            read_assays(wrong)


def test_goods_are_substances_or_batteries():
    """Anything else is refused with what can be said."""
    assert check_goods("black_mass") == "black_mass"
    with pytest.raises(UsageError, match="neither"):
        check_goods("Black mass")


COUNTRIES = st.sampled_from(["DE", "RO", "NO", "CN", "KR", "US", "IN", "GB", "LI"])
SHIPMENTS = st.builds(
    Shipment,
    st.sampled_from([*BATTERIES, *get_args(Substance)]),
    st.dates(date(2018, 1, 1), date(2040, 1, 1)),
    COUNTRIES,
    COUNTRIES,
    st.sampled_from([None, True, False]),
    st.sampled_from([None, "", "16 06 07*", "19 14 02*", "20 01 43", "99"]),
    st.sampled_from([(), TERNARY, PHOSPHATE, POOR, TERNARY[:2]]),
).filter(lambda one: one.origin != one.destination)


@given(SHIPMENTS)
def test_nothing_is_allowed_that_a_rule_does_not_allow(shipment):
    """Whatever the shipment: the strictest side counts, each verdict has its rule in force, or is unknown."""
    answer = judge_shipment(shipment, RULES.all)
    order = ("forbidden", "unknown", "consent", "allowed")
    assert answer.verdict == min((side.verdict for side in answer.sides), key=order.index)
    for side in answer.sides:
        assert side.rule is not None or side.verdict == "unknown"
        for rule in (*([side.rule] if side.rule else []), *side.open):
            assert rule.holds(shipment.day)
            assert rule.border.side in {side.side, "both"}
        if side.verdict == "allowed":
            assert side.rule.value == ("allowed",)
    assert answer_as_told(answer)["verdict"] == answer.verdict


@given(SHIPMENTS)
def test_calling_goods_no_waste_never_opens_a_border_to_black_mass(shipment):
    """What is black mass by its substance stays so, however it is declared."""
    assert (
        shipment.what != "black_mass"
        or shipment.day < SINCE
        or not is_among(shipment.origin, ("EU",), shipment.day)
        or not is_among(shipment.destination, ("-OECD", "-EEA"), shipment.day)
        or judge_shipment(shipment, RULES.all).verdict == "forbidden"
    )


def test_an_authority_sets_what_is_not_configured():
    """Through the same settings as any rule; then its side answers."""
    setting = Setting(
        rule="cn-export",
        value=("forbidden",),
        unit="verdict",
        valid_from=date(2026, 1, 1),
        source="Notice 1",
        enforced=True,
    )
    setting.check(RULES, own=False)
    rules = with_settings(RULES, [setting])
    answer = judge_shipment(Shipment("black_mass", SINCE, "CN", "KR"), rules.all)
    assert said(answer)[1][0] == ("forbidden", "cn-export")
    assert "cn-export" in [one.id for one in rules.of("lot_moved", setting_time(SINCE))]
    with pytest.raises(UsageError):
        Setting(
            **{name: getattr(setting, name) for name in setting.__struct_fields__} | {"value": ("perhaps",)}
        ).check(RULES, own=False)


def setting_time(day):
    """Return a moment of a day."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def test_a_rule_of_the_eu_counts_by_the_days_of_the_eu():
    """At 20:00 UTC on 8 November it is the 9th in China, and not yet in the Union."""
    late = datetime(2026, 11, 8, 20, tzinfo=UTC)
    assert "eu-ban" not in [one.id for one in RULES.of("lot_moved", late)]
    assert "eu-ban" in [one.id for one in RULES.of("lot_moved", late + timedelta(hours=3))]


def test_every_rule_says_where_it_is_from():
    """A source, a confidence, and what is not known; enforced is only what is confirmed."""
    assert {one.id for one in RULES_OF_BORDERS if one.enforced} == {"eu-ban"}
    for rule in RULES_OF_BORDERS:
        assert rule.source
        assert rule.enforced or rule.gap, rule.id
        assert rule in RULES.all
        for word in (*rule.border.from_, *rule.border.to):
            assert word.removeprefix("-") in GROUPS or check_country(word) == word
    assert {plain(one.code) for one in WASTE_CODES} == {"160607", "200143", "1914"}
    assert {"eu-ban", "cn-black-mass"} <= {one.id for one in rules_at(SINCE)}
