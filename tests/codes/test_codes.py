"""Codes: what parses, what is built, and that the two agree."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.codes.strategies import codes, days, first_life, free, no_codes, parts, second_life
from voltrail.codes import build, is_code, issue, parse, tables, url, without_code
from voltrail.errors import CodeError, UsageError

CELL = "001CB240000003B3C0221953"
A_DAY = {"maker": "9ZZ", "level": "pack", "battery_type": "B", "production_date": date(2026, 4, 12)}


def test_a_cell():
    """A cell's label says maker, level, chemistry, day and serial."""
    code = parse(CELL)

    assert (code.text, code.maker, code.level, code.serial) == (CELL, "001", "cell", "0221953")
    assert (code.chemistry, code.chemistry_confidence) == ("lithium iron phosphate", "confirmed")
    assert code.production_date == date(2021, 3, 12)
    assert not code.second_life


def test_unconfirmed_chemistry_says_so():
    """A letter whose meaning nobody could confirm is never shown as a fact."""
    code = parse("X12MCPM27KLPCLX2M2382320")

    assert code.chemistry_confidence == "unconfirmed"
    assert "unconfirmed" in next(meaning for name, _, meaning in code.segments if name == "battery type")


@given(parts, free)
def test_build_then_parse(given_parts, traceability):
    """What goes into a code comes out of it."""
    code = parse(build(**given_parts, traceability=traceability))

    assert {name: getattr(code, name) for name in given_parts} == given_parts | {"serial": code.serial}
    assert int(code.serial) == given_parts["serial"]
    assert code.traceability == traceability


@given(codes)
def test_parse_then_build(text):
    """A code built from another's parts is that code."""
    code = parse(text)
    again = build(
        maker=code.maker,
        level=code.level,
        battery_type=code.battery_type,
        specification=code.specification,
        traceability=code.traceability or "0000000",
        production_date=code.production_date,
        serial=int(code.serial),
        second_life=parse_level(text[-1]) if code.second_life else None,
    )

    assert again == text


def parse_level(letter):
    return tables.LEVELS[letter]


@given(second_life)
def test_second_life(text):
    """The 19-character form has no traceability and is known as second life."""
    code = parse(text)

    assert (len(text), code.second_life, code.traceability) == (19, True, None)


@given(no_codes)
def test_battery_without_a_code(text):
    """An NC- id names who gave it and claims nothing else."""
    code = parse(text)

    assert code.level == "unknown"
    assert text == without_code(code.organisation, code.serial)
    assert (code.maker, code.chemistry, code.production_date) == (None, None, None)


@given(codes)
def test_segments_cover_the_code(text):
    """Pages that show the parts of a code show all of it, in order."""
    assert "".join(part for _, part, _ in parse(text).segments) == text


@given(days)
def test_every_day_of_the_cycle(day):
    """Three characters name each day from 2011 to 2040."""
    assert tables.decode_date(tables.encode_date(day)) == day


@given(
    first_life,
    st.sampled_from(tables.YEARS),
    st.sampled_from(tables.MONTHS),
    st.sampled_from(tables.DAYS),
)
def test_is_code_knows_the_calendar(text, year, month, day):
    """The hot path takes a date exactly when the calendar has it."""
    dated = text[:14] + year + month + day + text[17:]
    try:
        tables.decode_date(year + month + day)
    except ValueError:
        assert not is_code(dated)
    else:
        assert is_code(dated)


@given(codes | st.text(max_size=30) | no_codes)
def test_is_code_is_exact(text):
    """What is_code lets through, parse takes; what it stops, parse refuses."""
    try:
        parse(text)
    except CodeError:
        assert not is_code(text)
    else:
        assert is_code(text)


def test_issue_a_day():
    """Codes issued in bulk are as many as asked for, different, and rise by one."""
    issued = list(issue(**A_DAY, count=1000, first_serial=41))

    assert len(set(issued)) == 1000
    assert [parse(code).serial for code in issued[:2]] == ["0000041", "0000042"]
    assert issued == sorted(issued)


def test_issue_does_not_spill_into_the_next_day():
    """A day has 9,999,999 serials: more are refused before the first code is given."""
    assert len(list(issue(**A_DAY, count=2, first_serial=9_999_998))) == 2
    with pytest.raises(CodeError, match="do not fit a day"):
        issue(**A_DAY, count=3, first_serial=9_999_998)


@pytest.mark.parametrize(
    "wrong",
    [
        {"maker": "9Z"},
        {"maker": "9zz"},
        {"level": "unknown"},
        {"battery_type": "H"},
        {"production_date": date(2010, 12, 31)},
        {"production_date": date(2041, 1, 1)},
        {"serial": 0},
        {"serial": 10_000_000},
        {"specification": "2"},
        {"traceability": "12345678"},
    ],
)
def test_build_refuses_what_no_code_can_say(wrong):
    """Parts that do not make a code are refused, never cut or padded."""
    with pytest.raises(CodeError):
        build(**{**A_DAY, "serial": 1} | wrong)


@pytest.mark.parametrize("text", ["NC-91350100M000100Y43-", "NC-9135-1", "NC-91350100M000100Y43-_"])
def test_wrong_no_code(text):
    """An NC- id needs the organisation's 18 or 20 characters and a plain serial."""
    with pytest.raises(CodeError, match="not an NC- id"):
        parse(text)


def test_url():
    """A label carries the code as an https address of the host."""
    assert url(CELL, "voltrail.example") == f"https://voltrail.example/b/{CELL}"
    assert url(parse(CELL), "localhost:8000") == f"https://localhost:8000/b/{CELL}"
    with pytest.raises(UsageError):
        url(CELL, "https://voltrail.example/")
    with pytest.raises(CodeError):
        url("A765101015", "voltrail.example")
