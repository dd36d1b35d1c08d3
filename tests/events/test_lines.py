"""The strict form of a line: what is split, and what is refused by which rule."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import LineError
from voltrail.events.lines import MAX_LINE_BYTES, split

LINE = b'{"kind":"measured","code":"X","soh_fraction":0.93,"codes":["A","B"],"n":null,"t":true}'


def test_members_are_exact_bytes():
    """Each member runs from the key's opening quote to the end of its value."""
    assert split(LINE) == [
        b'"kind":"measured"',
        b'"code":"X"',
        b'"soh_fraction":0.93',
        b'"codes":["A","B"]',
        b'"n":null',
        b'"t":true',
    ]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"", "line.empty"),
        (b"\xef\xbb\xbf{}", "line.bom"),
        (b" {}", "line.whitespace"),
        (b'{"a": 1}', "line.whitespace"),
        (b'{"a":1}\r', "line.whitespace"),
        (b'{"a":[1, 2]}', "line.whitespace"),
        (b'{"a":1,"a":2}', "line.key_twice"),
        (b'{"a":{"b":1,"b":2}}', "line.key_twice"),
        (b'{"a":[{"b":1,"b":2}]}', "line.key_twice"),
        (b'{"\\u0061":1}', "line.key"),
        (b'{"\xc3\xa9":1}', "line.key"),
        (b'{"a":1e5}', "line.number"),
        (b'{"a":1E5}', "line.number"),
        (b'{"a":01}', "line.number"),
        (b'{"a":+1}', "line.number"),
        (b'{"a":.5}', "line.number"),
        (b'{"a":5.}', "line.number"),
        (b'{"a":1234567890123456}', "line.number"),
        (b'{"a":1.234567890123456}', "line.number"),
        (b'{"a":"\xff"}', "line.utf8"),
        (b'{"a":"' + b"x" * MAX_LINE_BYTES + b'"}', "line.too_long"),
        (b'{"a":' * 10_000, "line.too_deep"),
        (b'{"a":' + b"[" * 10_000, "line.too_deep"),
        (b"[1]", "line.json"),
        (b'{"a":1}{}', "line.json"),
        (b'{"a":1,}', "line.json"),
        (b'{"a":1', "line.json"),
        (b'{"a"', "line.json"),
        (b'{"a":nul}', "line.json"),
        (b'{"a":"\x01"}', "line.json"),
        (b'{"a":"\\x"}', "line.json"),
        (b'{"a":"\\ud83d"}', "line.json"),
        (b'{"a":"\\udc00"}', "line.json"),
    ],
)
def test_what_is_not_in_the_form_is_refused_with_words(line, rule):
    """Every way out of the form has its rule, a message and what to do."""
    with pytest.raises(LineError) as caught:
        split(line)

    assert caught.value.rule == rule
    assert caught.value.message
    assert caught.value.fix


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b'{"a":[]}',
        b'{"a":{}}',
        b'{"a":{"b":[1,{"c":"d"}]},"e":-0.5}',
        b'{"a":0.000000000000012345}',
        b'{"a":123456789012345}',
        b'{"a":"\\ud83d\\ude00"}',
        '{"a":"电池"}'.encode(),
        b'{"a":"x,y\\"},{","b":"\\\\"}',
        b'{"a":"' + b"x" * (MAX_LINE_BYTES - 8) + b'"}',
    ],
)
def test_what_is_in_the_form_is_split(line):
    """Nested values, small numbers, escapes and Chinese are all in the form."""
    assert b"{" + b",".join(split(line)) + b"}" == line


keys = st.from_regex(r"[A-Za-z0-9_]{1,8}", fullmatch=True)
numbers = st.integers(-(10**15) + 1, 10**15 - 1) | st.integers(-999, 999).map(lambda n: n / 8)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, max_size=8), st.booleans())
def test_compact_json_is_in_the_form_and_joins_again(data, ascii_only):
    """What a JSON writer gives without spaces is taken, and its members joined are the line."""
    line = json.dumps(data, separators=(",", ":"), ensure_ascii=ascii_only).encode()

    members = split(line)

    assert b"{" + b",".join(members) + b"}" == line
    assert [json.loads(b"{" + member + b"}") for member in members] == [{k: v} for k, v in data.items()]


@given(
    st.binary(max_size=60) | st.text('{}[]":,\\0123456789.eE-+ truefalsnul\n', max_size=60).map(str.encode)
)
def test_any_bytes_are_split_or_refused(data):
    """Nothing but LineError comes out, and what is taken is JSON with the same members."""
    try:
        members = split(data)
    except LineError:
        return
    assert b"{" + b",".join(members) + b"}" == data
    assert len(json.loads(data)) == len(members)
