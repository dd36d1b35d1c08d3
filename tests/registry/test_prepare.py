"""What is done with a report before its turn is the same with the compiled lanes and without."""

import json
import subprocess
import sys

import pytest

from tests.registry import sample
from voltrail.errors import LineError
from voltrail.ledger.reports import ReportFile
from voltrail.registry import prepare

MAKER = sample.signer(sample.MAKER)
WITHOUT = """
import sys
from voltrail.ledger.reports import ReportFile
from voltrail.registry.prepare import prepare
data = sys.stdin.buffer.read()
prepared = prepare(ReportFile.parse(data), sys.argv[1], "valid")
assert len(prepared.lines) == 300
print("numba" in sys.modules)
"""


def lines(count):
    """Return lines of all forms: flat, nested, with escapes, in other scripts, on many, and no events."""
    when = "2026-04-21T09:00:00+08:00"
    codes = [sample.pack(n + 1) for n in range(count)]
    forms = [
        lambda code: sample.line("measured", when, code=code, soh_fraction=0.93, method="BMS"),
        lambda code: sample.line("measured", when, code=code, note="检测记录", soh_fraction=0.5),
        lambda code: sample.line("retired", when, code=code, codes=codes[:3]),
        lambda code: sample.line(
            "serviced", when, code=code, work="inspection", extra={"a": [1, {"b": None}]}
        ),
        lambda code: b'{"kind":"found","occurred_at":"2026-04-21T09:00:00+08:00","note":"\\u00e9"}',
        lambda code: b"{}",
        lambda code: sample.line("nothing", when, code=code),
    ]
    return [forms[n % len(forms)](code) for n, code in enumerate(codes)]


@pytest.mark.parametrize("count", [1, 31, 32, 33, 700])
def test_lanes_prepare_what_the_plain_path_prepares(count, monkeypatch):
    """Commitments, events, refusals, subjects, blinds, rows and tree: nothing depends on how it is done."""
    file = ReportFile.parse(sample.report(MAKER, lines(count)))
    prepare.warm()
    side_by_side = prepare.prepare(file, sample.ORIGIN, "valid")
    monkeypatch.setattr(prepare, "FEW_LINES", 1_000_000)
    assert side_by_side == prepare.prepare(file, sample.ORIGIN, "valid")


@pytest.mark.parametrize("wrong", [b'{"a":1e5}', b'{"a":"\xff"}', b""])
def test_a_line_in_the_wrong_form_is_named(wrong):
    """Whichever way lines are split, the number of the first wrong one is told, counting from 1."""
    prepare.warm()
    many = lines(100)
    many[76] = wrong
    with pytest.raises(LineError) as refused:
        prepare.commit_all(bytes(16), many)
    assert refused.value.line == 77


def test_a_command_for_one_file_does_not_wait_for_the_lanes():
    """A process that has not loaded the lanes prepares a report of some hundred lines without them."""
    file = sample.report(MAKER, lines(300))
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, sample.ORIGIN], input=file, capture_output=True, check=True
    )
    assert json.loads(ran.stdout.lower()) is False
