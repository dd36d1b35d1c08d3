"""The guide of pilot lines: its lines are reported and its commands run as they stand, in their order."""

import re
import shlex

import pytest
from click.testing import CliRunner

import voltrail
from tests.docs.test_docs import FENCE, ROOT
from tests.registry import sample
from tests.registry.conftest import postgres
from voltrail.cli import main
from voltrail.organisations.identifiers import credit_code
from voltrail.registry.settings import initialise

__all__ = ["postgres"]

GUIDE = ROOT / "docs/guides/pilot-line.md"
LAB = credit_code("91000000MA0000009")


@pytest.fixture
def folder(tmp_path, postgres, monkeypatch):
    """A folder with the registry of get-started: the maker and a laboratory are known, with their keys."""
    monkeypatch.chdir(tmp_path)
    database = postgres()
    monkeypatch.setenv("VOLTRAIL_DATABASE", database)
    initialise(tmp_path / "data", sample.ORIGIN, [sample.authority().vkey])
    lines = [
        one
        for name, role in ((sample.MAKER, "battery_maker"), (LAB, "testing_lab"))
        for one in sample.registrations(name, role)
    ]
    with voltrail.open(tmp_path / "data", database) as registry:
        registry.report(sample.report(sample.authority(), lines))
    (tmp_path / "maker.pem").write_text(sample.signer(sample.MAKER).pem)
    (tmp_path / "lab.pem").write_text(sample.signer(LAB).pem)
    return tmp_path


def test_the_guide_runs_as_written(folder):
    """From the first lot to the passport of a pack: all lines are taken, each command shows what it says."""
    text, _, line = GUIDE.read_text().partition("## Test campaigns")
    names = iter(re.findall(r"`(\w+\.jsonl)`", text))
    said = []
    for marked, body in FENCE.findall(text):
        if marked == "json":
            (folder / next(names)).write_text(body)
        elif not marked:
            for call in body.splitlines():
                done = CliRunner().invoke(main, shlex.split(call)[1:])
                assert done.exit_code == 0, (call, done.output)
                assert " report " not in call or " 0 refused" in done.output, done.output
                said.append(done.output)
    shown = "\n".join(said)
    assert "isostatic_pressing" in shown
    assert f"Lots: {sample.MAKER}/EL-0412." in shown
    assert sample.pack(1) in shown
    (call,) = re.findall(r"^voltrail technology line drift .*$", line, re.MULTILINE)
    done = CliRunner().invoke(main, shlex.split(call)[1:])
    assert done.exit_code == 0, done.output
    assert "a control chart takes 26 to 5000" in done.output
