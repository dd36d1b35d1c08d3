"""The compiled reader takes flat lines in the strict form, and finds in them what `split` finds."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voltrail.errors import LineError
from voltrail.events import scan, split
from voltrail.events.lines import MAX_DIGITS, MAX_LINE_BYTES

LINE = '{"kind":"measured","soh_fraction":-0.93,"n":0,"t":true,"codes":["甲","\\n"],"e":[]}'.encode()
BY_NUMBER = re.compile(rb"(?<!\\)(?:\\\\)*\\u")

AT_A_TIME = """
import json, sys
from voltrail.events import scan
for line in sys.stdin:
    lines = [one.encode() for one in json.loads(line)]
    found = scan.find_members(b"\\n".join(lines), scan.ends_of(lines))
    print(json.dumps([list(map(int, part)) for part in found]))
"""


def found(lines):
    """Return the members of each line that was taken, None for the others."""
    data = b"\n".join(lines)
    starts, stops, firsts = scan.find_members(data, scan.ends_of(lines))
    members = [data[start:stop] for start, stop in zip(starts, stops, strict=True)]
    return [members[low:high] or None for low, high in pairwise(firsts)]


def is_flat(line):
    """Return whether a line that holds is one for the compiled reader: no nesting, nothing by number."""
    values = json.loads(line)
    return (
        0 < len(values) <= scan.MAX_MEMBERS
        and not BY_NUMBER.search(line)
        and not any(isinstance(value, dict) for value in values.values())
        and all(isinstance(one, str) for v in values.values() if isinstance(v, list) for one in v)
    )


def expected(line):
    """Return what the compiled reader must find in a line: what `split` finds, or None to leave it alone."""
    try:
        members = split(line)
    except LineError:
        return None
    return members if is_flat(line) else None


def check(lines):
    """Assert that each line is read as `expected`, alone and among the others."""
    assert found(lines) == [expected(line) for line in lines]
    assert [found([line])[0] for line in lines] == found(lines)


found([LINE])  # compiled now, so that no example seems slow

keys = st.from_regex(r"[A-Za-z0-9_]{1,12}", fullmatch=True)
characters = st.characters(exclude_characters='"\\', min_codepoint=0x20, exclude_categories=("Cs",))
strings = st.lists(characters | st.sampled_from([rf"\{c}" for c in '"\\/bfnrt']), max_size=12).map(
    lambda parts: '"' + "".join(parts) + '"'
)
numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,7})(\.[0-9]{1,7})?", fullmatch=True)
arrays = st.lists(strings, max_size=4).map(lambda values: "[" + ",".join(values) + "]")
values = strings | numbers | arrays | st.sampled_from(["true", "false", "null"])
flat = st.dictionaries(keys, values, min_size=1, max_size=12).map(
    lambda members: "{" + ",".join(f'"{key}":{value}' for key, value in members.items()) + "}"
)
flat_lines = flat.map(str.encode)


@given(st.lists(flat_lines, max_size=8))
def test_flat_lines_are_taken(lines):
    """Every flat line in the strict form is taken, and its members are those of `split`, byte for byte."""
    assert found(lines) == [split(line) for line in lines]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "}",
        "{}",
        '{"a":{}}',
        '{"a":{"b":1}}',
        '{"a":[1]}',
        '{"a":[["b"]]}',
        '{"a":[null]}',
        '{"a":["b",]}',
        '{"a":[,"b"]}',
        '{"a":["b""c"]}',
        '{"a":["b"',
        '{"a":[',
        '{"a":["b"]',
        ' {"a":1}',
        '{"a":1} ',
        '{ "a":1}',
        '{"a" :1}',
        '{"a": 1}',
        '{"a":1 }',
        '{"a":1, "b":2}',
        '{"a":["b", "c"]}',
        '{"a":1}\r',
        '{"a":1}\t',
        '{"a":1,"a":2}',
        '{"ab":1,"a":2,"ab":3}',
        '{"a":1,"b":2,"c":3,"b":"x"}',
        '{"\\u0061":1}',
        '{"a":"\\u0041"}',
        '{"a":"\\\\\\u0041"}',
        '{"a":"\\ud83d"}',
        '{"a":"\\x"}',
        '{"a":"\\',
        '{"a":"\\"}',
        '{"":1}',
        '{"é":1}',
        '{"a b":1}',
        '{"a\\"b":1}',
        "{a:1}",
        "{'a':1}",
        '{"a":1e5}',
        '{"a":1E5}',
        '{"a":1.5e-3}',
        '{"a":1234567890123456}',
        '{"a":-1234567890123456}',
        '{"a":1.234567890123456}',
        '{"a":0.1234567890123456}',
        '{"a":01}',
        '{"a":-01}',
        '{"a":00}',
        '{"a":00.5}',
        '{"a":-}',
        '{"a":+1}',
        '{"a":.5}',
        '{"a":5.}',
        '{"a":-.5}',
        '{"a":1.2.3}',
        '{"a":--1}',
        '{"a":0x1}',
        '{"a":NaN}',
        '{"a":tru}',
        '{"a":truer}',
        '{"a":nul',
        '{"a":n}',
        '{"a":_}',
        '{"a":"\x01"}',
        '{"a":"\x1f"}',
        '{"a":"\x00"}',
        '{"a":"b\tc"}',
        '{"a":1,}',
        '{,"a":1}',
        '{"a":1,,"b":2}',
        '{"a":1}{}',
        '{"a":1}}',
        '{"a":}',
        '{"a":,"b":1}',
        '{"a"}',
        '{"a":1',
        '{"a":"b',
        '{"a":"b"',
        '{"a":tr',
        '{"a":-',
        '{"a":1.',
        '{"a"',
        '{"a',
        '{"',
        '["a"]',
        '"a"',
        "\ufeff{}",
    ],
)
def test_what_is_not_flat_and_strict_is_left_to_split(line):
    """Nothing out of the form is taken, so `split` alone decides on it; the lines around it are taken."""
    assert found([LINE, line.encode(), LINE]) == [split(LINE), None, split(LINE)]
    assert found([line.encode()]) == [None]


@pytest.mark.parametrize("line", ['{"a":"b\\\\u0041"}', '{"a":0}', '{"a":-0}', '{"a":-0.0}', '{"_":"\x7f"}'])
def test_what_only_looks_odd_is_taken(line):
    """What the strict form allows is taken, odd as it looks."""
    check([line.encode()])
    assert found([line.encode()]) != [None]


def test_digits_are_counted_as_split_counts_them():
    """Fifteen digits in all are taken, with or without sign and point; one more never."""
    for digits in range(1, MAX_DIGITS + 3):
        for point in range(digits):
            for sign in ("", "-"):
                number = ("1" * digits)[: digits - point] + ("." if point else "") + "2" * point
                line = f'{{"a":{sign}{number}}}'.encode()
                assert (found([line]) == [None]) == (digits > MAX_DIGITS)
                check([line])


def test_members_and_bytes_are_bounded():
    """64 members and 65,536 bytes are taken; one more is left to `split`."""
    for count in (1, 63, 64, 65, 200):
        line = ("{" + ",".join(f'"k{n}":{n}' for n in range(count)) + "}").encode()
        assert found([line, LINE]) == [split(line) if count <= scan.MAX_MEMBERS else None, split(LINE)]
    for length in (MAX_LINE_BYTES, MAX_LINE_BYTES + 1):
        line = b'{"a":"' + b"x" * (length - 8) + b'"}'
        assert found([line, LINE]) == [split(line) if length <= MAX_LINE_BYTES else None, split(LINE)]


@given(st.lists(flat, min_size=1, max_size=3), st.data())
def test_changed_lines_are_read_as_split_reads_them(lines, data):
    """After any change to good lines, what is taken is what `split` takes, and its members are the same."""
    alphabet = st.sampled_from([*'{}[]":,\\u0019-.eE+ \n\t\x00tfn_aé', '"a":', '{"a":1}', "true", "\\u0041"])
    changed = []
    for line in lines:
        text = line
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(text)))
            upto = data.draw(st.integers(at, min(len(text), at + 3)))
            text = text[:at] + data.draw(alphabet | st.just("")) + text[upto:]
        changed.append(text.replace("\n", "").encode())
    check(changed)


@given(flat)
@example('{"a":true,"b":["c"],"d":-1.5}')
def test_cut_lines_are_never_taken(line):
    """A line cut anywhere is not taken, though the line after it may complete it."""
    whole = line.encode()
    cuts = [whole[:at].decode(errors="ignore").encode() for at in range(len(whole))]
    assert found(cuts) == [None] * len(cuts)
    for at in range(len(whole)):
        first, second = whole[:at], whole[at:]
        if second[:1] < b"\x80":  # not within a character
            assert found([first, second])[0] is None


def test_no_byte_is_read_beyond_the_data():
    """Run uncompiled, where each index is checked, it finds the same in whole, cut and broken lines."""
    text = LINE.decode()
    cuts = [text[:at] for at in range(len(text))] + [text[at:] for at in range(len(text))]
    odd = [text[:at] + c + text[at + 1 :] for at in range(len(text)) for c in '"\\,]}']
    several = [cuts[at : at + 5] for at in range(0, len(cuts), 5)]
    sent = [[line] for line in (text, *cuts, *odd)] + several + [[]]
    ran = subprocess.run(
        [sys.executable, "-c", AT_A_TIME],
        input="\n".join(map(json.dumps, sent)),
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(answers) == len(sent)
    for lines, (starts, stops, firsts) in zip(sent, answers, strict=True):
        encoded = [line.encode() for line in lines]
        members = scan.find_members(b"\n".join(encoded), scan.ends_of(encoded))
        assert list(members.firsts) == firsts
        taken = firsts[-1]
        assert (list(members.starts[:taken]), list(members.stops[:taken])) == (starts[:taken], stops[:taken])
