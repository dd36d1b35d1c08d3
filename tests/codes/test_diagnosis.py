"""A wrong code answers with where it is wrong and what would be right."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.codes.strategies import codes, first_life
from voltrail.codes import is_code, parse, rotations
from voltrail.errors import CodeError

CELL = "001CB240000003B3C0221953"
EVE = "04QCB76836300JBC40000903"


def error_of(text):
    with pytest.raises(CodeError) as caught:
        parse(text)
    assert caught.value.rule == "identity.code"
    return caught.value


@given(codes, st.data())
def test_one_wrong_character(text, data):
    """One wrong character gives another code, or an error that names its position."""
    at = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. aé零\n") | st.characters())
    wrong = text[:at] + character + text[at + 1 :]
    if is_code(wrong):
        assert parse(wrong).text == wrong
    else:
        assert at + 1 in error_of(wrong).positions


@given(first_life, st.sampled_from([10, 12, 13, 14]))
@example(EVE, 13)
def test_halves_in_the_wrong_order(text, cut):
    """Both lines of a label, joined the wrong way round, lead back to the code."""
    swapped = text[cut:] + text[:cut]
    if not is_code(swapped):
        assert text in rotations(swapped)
        assert text in error_of(swapped).fix


def test_position_and_what_may_stand_there():
    """The words name the position from 1, what stands there and what may."""
    error = error_of("001XB240000003B3C0221953")

    assert error.positions == (4,)
    assert "Position 4 (product type) is 'X'" in error.message
    assert "P (pack), M (module) or C (cell)" in error.message


@pytest.mark.parametrize("day", ["B20", "B2Y", "B2X", "B40", "E20"])
def test_a_day_the_calendar_does_not_have(day):
    """31 February is refused, whatever else is right."""
    error = error_of(CELL[:14] + day + CELL[17:])

    assert error.positions == (15, 16, 17)
    assert "no such day" in error.message


def test_leap_day():
    """29 February is a day in leap years only."""
    assert parse(CELL[:14] + "E2X" + CELL[17:]).production_date.isoformat() == "2024-02-29"


def test_serial_zero():
    """The serials of a day begin at one."""
    assert "0000001" in error_of(CELL[:17] + "0000000").message


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (CELL.lower(), CELL),
        (f" {CELL}\n", CELL),
        ("001C B240 0000 03B3 C022 1953", CELL),
        (f"https://voltrail.example/b/{CELL}", CELL),
        ("００１CB240000003B3C0221953", CELL),
        ("001CB240000003B3CO221953", CELL),
        ("001C8240000003B3C0221953", None),
    ],
)
def test_what_was_probably_meant(wrong, right):
    """Spaces, small letters, wide digits and an O for a zero lead to the code that was meant."""
    assert error_of(wrong).suggestion == right


def test_length():
    """A code of the wrong length says how long it is and how long it may be."""
    assert "has 10 characters; a code has 24, or 19" in error_of("A765101015").message


@given(st.text(max_size=2000))
def test_any_text_gets_an_answer(text):
    """Whatever a scanner sends, the answer is a code or a CodeError with words."""
    try:
        parse(text)
    except CodeError as error:
        assert error.message
        assert len(error.message) < 500
