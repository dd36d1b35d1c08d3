"""Identifiers of organisations and places: check characters catch a slip of the hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import IdentityError
from voltrail.organisations.identifiers import (
    CREDIT_ALPHABET,
    check_credit_code,
    check_gln,
    check_lei,
    check_organisation,
    credit_code,
)

PUBLISHED_CREDIT_CODE = "91350100M000100Y43"
PUBLISHED_LEI = "5493001KJTIIGC8Y1R12"
PUBLISHED_GLN = "4012345000009"

bodies = st.builds(
    lambda head, region, tail: head + region + tail,
    st.text(CREDIT_ALPHABET, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(CREDIT_ALPHABET, min_size=9, max_size=9),
)


@pytest.mark.parametrize(
    "text", [PUBLISHED_CREDIT_CODE, PUBLISHED_LEI, "voltrail.example/log/host", "localhost:8000/host"]
)
def test_taken_unchanged(text):
    """Each kind of identifier comes back byte for byte: it is hashed later."""
    assert check_organisation(text) == text


@given(bodies)
def test_completed_credit_code(body):
    """A body completed with its check character is a credit code."""
    assert check_credit_code(credit_code(body))[:17] == body


@given(bodies, st.integers(0, 17), st.sampled_from(CREDIT_ALPHABET))
def test_one_wrong_character(body, at, character):
    """No single wrong character of a credit code goes unseen."""
    right = credit_code(body)
    wrong = right[:at] + character + right[at + 1 :]
    if wrong != right:
        with pytest.raises(IdentityError):
            check_organisation(wrong)


@given(bodies, st.integers(8, 16))
def test_two_swapped_characters(body, at):
    """No swap of two neighbours in a credit code goes unseen."""
    right = credit_code(body)
    wrong = right[:at] + right[at + 1] + right[at] + right[at + 2 :]
    if wrong != right:
        with pytest.raises(IdentityError):
            check_organisation(wrong)


@given(st.integers(0, 19), st.sampled_from("0123456789ABCXYZ"))
def test_one_wrong_character_of_an_lei(at, character):
    """No digit read as another digit, no letter as another letter, goes unseen in an LEI (mod 97)."""
    right = PUBLISHED_LEI[at]
    wrong = PUBLISHED_LEI[:at] + character + PUBLISHED_LEI[at + 1 :]
    if character != right and character.isdigit() == right.isdigit():
        with pytest.raises(IdentityError):
            check_lei(wrong)


@given(st.integers(0, 12), st.sampled_from("0123456789"))
def test_gln(at, digit):
    """A GLN is taken with its own check digit and no other."""
    assert check_gln(PUBLISHED_GLN) == PUBLISHED_GLN
    wrong = PUBLISHED_GLN[:at] + digit + PUBLISHED_GLN[at + 1 :]
    if wrong != PUBLISHED_GLN:
        with pytest.raises(IdentityError):
            check_gln(wrong)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("91350100M000100Y44", "it would be 3"),
        ("91350100M0001O0Y43", "Was 0 meant?"),
        ("91350100m000100Y43", "capital letters"),
        ("9135010AM000100Y43", "six digits of the region"),
        ("Example Battery Ltd", "a credit code has 18 and an LEI 20"),
        ("5493001KJTIIGC8Y1R13", "check digits"),
        ("5493001kjtiigc8y1r12", "capital letters"),
        ("https://voltrail.example/host", "not the host of a registry"),
        ("voltrail.example/log", "not the host of a registry"),
        ("voltrail.example/a b/host", "not the host of a registry"),
    ],
)
def test_words_that_teach(text, words):
    """A refused identifier says what is wrong and what to do."""
    with pytest.raises(IdentityError) as caught:
        check_organisation(text)

    assert words in str(caught.value)
    assert caught.value.rule == "identity.organisation"


@given(st.text(max_size=300))
def test_any_text_gets_an_answer(text):
    """Whatever a person types, the answer is the identifier or an IdentityError."""
    try:
        assert check_organisation(text) == text
    except IdentityError as error:
        assert error.message
