"""What rules say in Chinese: every rule of our code, no others, and on pages before any English."""

import re

import pytest

from tests.web.chinese import unled
from tests.web.rules import every_rule
from voltrail.errors import VoltrailError
from voltrail.web.catalogue import read
from voltrail.web.outcome import Glimpse, Outcome, Row, Said
from voltrail.web.page import Page, marked

ENGLISH = ("The third of these words is wrong.", "Put the right one in its place.")
RULES = every_rule()


def outcome(rules, recorded):
    """Return what became of a report whose lines were refused by these rules, and had such findings."""
    said = [[Said(rule, *ENGLISH, "ISO 1"), Said(rule, *ENGLISH, None, "gap")] for rule in rules]
    rows = [Row(number, "refused", both, None, "{}", Glimpse()) for number, both in enumerate(said, 1)]
    return Outcome(recorded, len(rows), {"refused": len(rows), "found": 0, "known": 0, "taken": 0}, rows)


def report_page(language, **shown):
    values = {"error": None, "text": None, "outcome": None, "origin": "a.example/log", "host": "http://a"}
    values |= {"signs": False}
    return Page(language, "/report").render("report", **values | shown)


def error_page(language, rule, sought=None):
    error = VoltrailError(rule, *ENGLISH, 3, "ISO 1")
    return Page(language, "/b/x").render("error", error=error, number=400, meant=None, sought=sought)


@pytest.fixture(scope="module")
def words():
    """Return the sentences of the catalogue: by rule, what is wrong and what to do."""
    said = {}
    for entry in read("zh", "rules").translated_entries():
        said.setdefault(entry.msgid, {})[entry.msgctxt] = entry.msgstr
    return said


def test_the_source_is_read():
    """Rules of every sort are found where they are said: plain, handed on, from a table, put together."""
    assert {"identity.code", "report.root", "route.unknown", "evidence.quorum", "log.fork"} <= set(RULES)
    assert {"lifecycle.not_owner", "lifecycle.import_not_reported", "duty.o73-04"} <= set(RULES)
    assert len(RULES) > 200


def test_every_rule_has_its_chinese(words):
    """What is wrong and what to do, as sentences, for every rule that our code raises or finds."""
    assert {rule: RULES[rule] for rule in set(RULES) - set(words)} == {}
    for rule, said in words.items():
        assert set(said) == {"message", "fix"}, rule
        for sentence in said.values():
            assert re.search(r"[一-鿿].*。$", sentence), (rule, sentence)
    assert read("zh", "rules").fuzzy_entries() == []


def test_no_rule_is_left_over(words):
    """What no code raises any more is taken out."""
    assert set(words) - set(RULES) == set()


@pytest.mark.parametrize("rule", sorted(RULES))
def test_an_error_page_is_chinese_first(words, rule):
    """Both sentences stand before the English of the error, and the English says that it is."""
    html = error_page("zh", rule)
    assert unled(html) == []
    said = [html.index(marked(words[rule][name])) for name in ("message", "fix")]
    assert said == sorted(said)
    assert said[-1] < html.index(ENGLISH[0])


@pytest.mark.parametrize("recorded", [False, True])
def test_what_became_of_lines_is_chinese_first(words, recorded):
    """Refused lines and findings on the page for reporting, whatever the rule."""
    html = report_page("zh", outcome=outcome(RULES, recorded))
    assert unled(html) == []
    assert [rule for rule in RULES if html.count(marked(words[rule]["message"])) < 2] == []


def test_a_report_that_fails_as_a_whole_is_chinese_first(words):
    """With the line at fault."""
    html = report_page("zh", error=VoltrailError("report.root", *ENGLISH, 3))
    assert unled(html) == []
    assert f"第 3 行 · {words['report.root']['message']}" in html


def test_english_pages_say_what_the_error_says():
    """In its own words, once."""
    for html in (error_page("en", "report.root"), report_page("en", outcome=outcome(["report.root"], True))):
        assert re.search(r"[一-鿿]", html.replace(">中文<", "")) is None
        assert ENGLISH[0] in html
        assert ENGLISH[1] in html
    assert error_page("en", "report.root").count(ENGLISH[0]) == 1


def test_a_rule_from_elsewhere_is_told_in_its_own_words():
    """Such as one of a newer registry: in English, marked as English."""
    html = error_page("zh", "other.rule")
    assert f'<h1 lang="en-GB">{ENGLISH[0]}</h1>' in html
    assert len(unled(html)) == 2
