"""When cases count against somebody: more than chance, never by one other's word alone."""

from datetime import date, timedelta
from math import comb

from hypothesis import given
from hypothesis import strategies as st

from voltrail.regimes.china.provinces import PROVINCES, TILE_COLUMNS, TILE_ROWS, province_of
from voltrail.regimes.missing import (
    CHANCE,
    KINDS,
    LEAST,
    MONTHS,
    TERMS,
    Tally,
    chance,
    is_beyond,
    months,
    opened_by,
    suspicions,
)

MONTH = date(2026, 1, 1)


def weigh(*tallies, silent=None):
    found = suspicions(
        [Tally(*one) for one in tallies],
        TERMS,
        is_known=lambda name: not name.startswith("unknown"),
        silent_since=(silent or {}).get,
    )
    return {(one.organisation, one.side) for one in found}


def sent(sender, receiver, cases, of, month=MONTH):
    return ("not_received", sender, receiver, month, cases, of)


def test_every_kind_has_its_term():
    """None is left without a number of days, and only lists have no share."""
    assert set(TERMS) == set(KINDS)
    assert {kind for kind, one in TERMS.items() if one.tolerance is None} == {
        "counted_elsewhere",
        "seen_elsewhere",
    }


@given(st.integers(1, 200), st.integers(0, 200), st.floats(0.001, 0.999))
def test_chance_is_the_tail_of_the_binomial(of, cases, share):
    """As summed term by term with whole numbers."""
    cases = min(cases, of)
    tail = sum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(cases, of + 1))
    expected = 1.0 if cases <= share * of else tail
    assert abs(chance(cases, of, share) - expected) < 1e-9


@given(st.integers(1, 5_000), st.integers(0, 5_000), st.sampled_from([0.01, 0.03, 0.05, 0.1]))
def test_more_cases_never_clear_and_fewer_never_accuse(of, cases, share):
    """Of as much done, whoever has more cases is under suspicion whenever one with fewer is."""
    cases = min(cases, of)
    if is_beyond(cases, of, share):
        assert cases >= LEAST
        assert cases > share * of
        assert is_beyond(min(cases + 1, of), of, share)
    if not is_beyond(cases, of, share) and cases:
        assert not is_beyond(cases - 1, of, share)


def test_what_is_tolerated_stays_tolerated_however_much_it_is():
    """A million at exactly the share accuse nobody; a hundredth above it does, and one or two never do."""
    assert not is_beyond(50_000, 1_000_000, 0.05)
    assert is_beyond(60_000, 1_000_000, 0.05)
    assert not is_beyond(2, 2, 0.01)
    assert CHANCE < 0.001


def test_one_silent_receiver_does_not_taint_its_senders():
    """What it explains counts against nobody else, though each sender alone would be beyond chance."""
    pairs = [sent(f"S{number}", "R", 6, 6) for number in range(5)]
    pairs += [sent(f"S{number}", "other", 0, 4) for number in range(5)]
    pairs += [sent("S0", "third", 0, 4)]
    assert weigh(*pairs) == {("R", "receiver")}


def test_one_that_ships_nothing_does_not_taint_its_receivers():
    """Several receivers who get from others what is sent to them are believed."""
    pairs = [sent("S", f"R{number}", 5, 5) for number in range(6)]
    pairs += [sent("honest", f"R{number}", 0, 30) for number in range(6)]
    assert weigh(*pairs) == {("S", "sender")}


def test_one_word_against_another_accuses_nobody():
    """A sender and a receiver that stand against each other alone are listed, and that is all."""
    assert weigh(sent("S", "R", 40, 40), sent("S", "other", 0, 3), sent("else", "R", 0, 3)) == set()


def test_whom_the_record_does_not_know_is_not_expected_to_report():
    """Then it is with who sends there."""
    pairs = [sent(sender, "unknown", 9, 9) for sender in ("A", "B")]
    pairs += [sent("A", "unknown2", 9, 9), sent("A", "R", 0, 2)]
    assert weigh(*pairs) == {("A", "sender")}


def test_who_fell_silent_is_weighed_since_then():
    """Years of receiving before do not hide that nothing of what came after was received."""
    before = [sent(f"S{number}", "R", 0, 500, date(2025, 3, 1)) for number in range(3)]
    after = [sent(f"S{number}", "R", 2, 2, date(2026, 3, 1)) for number in range(3)]
    assert weigh(*before, *after) == set()
    assert weigh(*before, *after, silent={"R": date(2026, 2, 1)}) == {("R", "receiver")}


def test_kinds_that_accuse_nobody_accuse_nobody():
    """Whatever their number."""
    assert weigh(("counted_elsewhere", "A", "", MONTH, 1_000, 1_000)) == set()


@given(st.dates(date(2020, 1, 1), date(2039, 12, 31)), st.sampled_from(sorted(TERMS)))
def test_only_whole_months_whose_terms_are_over_are_weighed(today, kind):
    """The last day of the last month is open; there are as many months as said."""
    first, last = months(TERMS[kind], today)
    assert first.day == last.day == 1
    assert (last.year - first.year) * 12 + last.month - first.month == MONTHS - 1
    end = (last + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    assert TERMS[kind].term_days == 0 or end <= opened_by(TERMS[kind], today)


def test_each_province_has_a_tile_of_its_own():
    """34 of them, with the names and letters of each once, on the map."""
    assert len(PROVINCES) == 34
    for names in zip(
        *((one.zh, one.en, one.short, (one.row, one.column)) for one in PROVINCES.values()), strict=True
    ):
        assert len(set(names)) == 34
    assert all(one.row < TILE_ROWS and one.column < TILE_COLUMNS for one in PROVINCES.values())


def test_a_region_says_its_province():
    """By code or by an address in either language; what says none has none."""
    told = {
        "440300": "44",
        "44": "44",
        "广东省深圳市": "44",
        "Guangdong, Shenzhen": "44",
        "内蒙古自治区": "15",
    }
    told |= {
        "山西": "14",
        "陕西 示例甲市": "61",
        "Shaanxi": "61",
        "990000": "",
        "示例省": "",
        "": "",
        "4": "",
        "١١": "",
    }
    assert {text: province_of(text) for text in told} == told
    assert province_of(None) == ""
