"""What pages do with text: all of it escaped, commands shown as code."""

import ast
import re
from importlib.resources import files

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from voltrail.cli import main
from voltrail.web.catalogue import read
from voltrail.web.page import marked

BARE = re.compile(rf"(?<!`)\bvoltrail ({'|'.join(main.commands)})\b")


def test_what_stands_between_backticks_is_code():
    """A command in a sentence; a backtick alone stays what it is, and an empty pair too."""
    assert marked("Run: `voltrail log heads`.") == "Run: <code>voltrail log heads</code>."
    assert marked("`a` or `b`") == "<code>a</code> or <code>b</code>"
    for text in ("one ` alone", "``", ""):
        assert marked(text) == text


@given(st.text(alphabet="`<>&\"'ab /", max_size=40))
def test_nothing_else_becomes_markup(text):
    """Whatever a message quotes: of tags there is none but ours, and the words stay what they were."""
    html = marked(text)
    assert isinstance(html, Markup)
    assert set(re.findall("<[^>]*>", html)) <= {"<code>", "</code>"}
    assert html.count("<code>") == html.count("</code>")
    assert Markup(re.sub("</?code>", "`", html)).unescape() == text


def test_commands_are_marked():
    """Wherever a sentence of a page or what an error says to do names a command, it stands in backticks."""
    said = [
        text for name in ("voltrail", "rules") for one in read("zh", name) for text in (one.msgid, one.msgstr)
    ]
    for path in files("voltrail").rglob("*.py"):
        if path.parent.name not in {"cli", "voltrail"}:
            said += [text for call in calls(ast.parse(path.read_text())) for text in texts(call)]
    assert sum("`voltrail " in text for text in said) > 40
    assert [text for text in said if BARE.search(text)] == []


def calls(tree):
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def texts(call):
    """Yield the strings among the arguments of a call, those of f-strings too."""
    for argument in call.args:
        for node in ast.walk(argument):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
