"""GS1 Digital Links against the cases of GS1's own syntax engine, and its dictionary of identifiers."""

import json
import re

import pytest

from voltrail.codes.digital_link import IDENTIFIERS, read_link
from voltrail.errors import IdentityError


@pytest.fixture(scope="module")
def folder(reference):
    return reference / "eu/gs1-digital-link"


def test_every_parse_case(folder):
    """Each address gives the element string that GS1's engine gives, or our error where it refuses."""
    cases = json.loads((folder / "digital-link-parse-cases.json").read_bytes())["cases"]
    assert len(cases) > 50
    wrong = []
    for case in cases:
        assert case["permitUnknownAIs"] or case["rejectUnknownAIAsAttribute"]
        try:
            said = read_link(
                case["uri"],
                words=case["permitConvenienceAlphas"],
                short=case["permitZeroSuppressedGTIN"],
                unknown=case["permitUnknownAIs"],
            ).element_string
        except IdentityError:
            said = None
        if said != case["expect"]:
            wrong.append((case["uri"], said, case["expect"]))
    assert wrong == []


def test_every_identifier_stands_in_the_table_as_the_dictionary_has_it(folder):
    """Its parts, whether its length is fixed, whether it may stand in a query, and what may follow a key."""
    seen = set()
    for line in (folder / "gs1-syntax-dictionary.txt").read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        first, _, last = words[0].partition("-")
        flags = words[1] if re.fullmatch(r"[*?]+", words[1]) else ""
        parts = [one for one in words[1:] if re.fullmatch(r"\[?[NXYZ][.0-9]+\]?(,\w+)*", one)]
        keys = [one for one in words if one.startswith("dlpkey")]
        follow = [one.split(",") if one else [] for one in keys[0][7:].split("|")] if keys else None
        for number in range(int(first), int(last or first) + 1):
            known = IDENTIFIERS[f"{number:0{len(first)}d}"]
            seen.add(f"{number:0{len(first)}d}")
            assert list(known.parts) == parts, line
            assert (known.fixed, known.attribute) == ("*" in flags, "?" in flags), line
            assert (known.qualifiers and [list(one) for one in known.qualifiers]) == follow, line
    assert seen == IDENTIFIERS.keys()
