"""The words of the pages: every sentence has its translation, and every translation its sentence."""

import ast
import re
from importlib.resources import files

import pytest
from jinja2 import nodes

from voltrail.outlook.parameters import parameters
from voltrail.outlook.scenario import named, names
from voltrail.outlook.tables import QUANTITIES
from voltrail.web import page
from voltrail.web.catalogue import CATALOGUES, read

PLACES = re.compile(r"{\w+}")


def said_in_templates():
    """Yield the first argument of each t(...) of the templates."""
    for template in page._environment.list_templates():
        source = files("voltrail.web").joinpath("templates", template).read_text()
        for call in page._environment.parse(source).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t" and call.args:
                yield template, call.args[0]


def said_in_python():
    """Yield the text of each say("...") of our code, and what each route and its parameters are for."""
    for path in files("voltrail").rglob("*.py"):
        is_route = is_documented if path.parent.name == "api" else lambda _: False
        has_sheets = path.parent.name != "technology"  # a Column there is one of a cycler's file
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                map(is_route, call.decorator_list)
            ):
                yield ast.get_docstring(call)
            if not isinstance(call, ast.Call):
                continue
            if getattr(call.func, "attr", "") == "say":
                yield from (one.value for one in call.args[:1] if isinstance(one, ast.Constant))
            if is_route(call):
                yield from (one.value.value for one in call.keywords if one.arg == "summary" and is_said(one))
            if getattr(call.func, "id", "") == "later":
                yield from (one.value for one in call.args[:1] if is_words(one))
            if getattr(call.func, "id", "") == "Column" and has_sheets:
                yield from (one.value for one in call.args[2:3] if isinstance(one, ast.Constant))
                yield from (one.value.value for one in call.keywords if one.arg == "heading" and is_said(one))
            if getattr(call.func, "id", "") in {"PathParameter", "QueryParameter"}:
                yield from (one.value.value for one in call.keywords if one.arg == "description")


def said_of_the_outlook():
    """Yield the words of its tables: parameters and quantities with their units, names of scenarios."""
    for one in parameters().values():
        yield from (one.word, one.unit)
    for one in QUANTITIES.values():
        yield from (one.word, one.unit)
    for name in names():
        yield from (named(name).name, named(name).note)


def said_of_cyclers():
    """Yield what the checks of a cycler's file say: the sentences of each Check, and those named `said`."""
    tree = ast.parse(files("voltrail.technology").joinpath("cycler_checks.py").read_text())
    for node in ast.walk(tree):
        parts = []
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Check":
            parts = node.args[2:3]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "said":
            parts = [node.value]
        for part in parts:
            chosen = [part.body, part.orelse] if isinstance(part, ast.IfExp) else [part]
            yield from (one.value for one in chosen if isinstance(one, ast.Constant))


def is_words(node):
    """Return whether an argument is a sentence: the simulator has a `later` of its own, of times."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_said(keyword):
    """Return whether a text is given as it is, and not by a name."""
    return isinstance(keyword.value, ast.Constant)


def is_documented(node):
    """Return whether this is @get(...), @taken(...) or another of a route that /docs shows."""
    if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in {
        "get",
        "post",
        "put",
        "patch",
        "delete",
        "taken",
    }:
        return False
    return all(one.arg != "include_in_schema" for one in node.keywords)


@pytest.fixture(scope="module")
def said():
    """Every sentence that the pages can say."""
    texts = {text.value for _, text in said_in_templates() if isinstance(text, nodes.Const)}
    return texts | set(said_in_python()) | set(said_of_the_outlook()) | set(said_of_cyclers())


@pytest.fixture(scope="module")
def catalogue():
    """The Chinese catalogue."""
    return read("zh")


def test_every_sentence_is_translated(said, catalogue):
    """None is missing, empty, or marked as doubtful."""
    assert len(said) > 50
    assert said - {entry.msgid for entry in catalogue.translated_entries()} == set()
    assert [entry.msgid for entry in catalogue.fuzzy_entries() + catalogue.obsolete_entries()] == []


def test_no_translation_is_left_over(said, catalogue):
    """What no page says any more is taken out."""
    assert {entry.msgid for entry in catalogue} - said == set()


@pytest.mark.parametrize("name", ["voltrail", "rules"])
def test_nothing_is_translated_twice(name):
    """Of two translations of a sentence one would be said, and perhaps not the one that was looked at."""
    entries = [(entry.msgctxt, entry.msgid) for entry in read("zh", name)]
    assert len(entries) == len(set(entries))


def test_the_places_to_fill_are_the_same(catalogue):
    """A translation names the values of its sentence and no others."""
    for entry in catalogue:
        assert sorted(PLACES.findall(entry.msgid)) == sorted(PLACES.findall(entry.msgstr)), entry.msgid


def test_a_page_speaks_from_the_catalogue():
    """Without a build step: the file that people edit is the one that is read."""
    assert CATALOGUES["zh"].gettext("Search") == "查询"
    assert page.Page("zh").say("Found for “{q}”", q="9ZZ") == "“9ZZ”的查询结果"
    assert page.Page("en").say("Found for “{q}”", q="9ZZ") == "Found for “9ZZ”"
