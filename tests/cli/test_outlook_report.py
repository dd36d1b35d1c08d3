"""`voltrail outlook report` as a planner types it."""

import pytest
from click.testing import CliRunner

from voltrail.cli import main

SMALL = 'name = "Ours, changed"\ndraws = 20\n[set]\nlfp_percent = 70\n'


def run(*args):
    """Run the command."""
    return CliRunner().invoke(main, ["outlook", "report", *map(str, args)])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_writes_what_its_name_ends_in(tmp_path, language):
    """PDF or HTML, in the language that was asked for, of a file or of a scenario by its name."""
    scenario = tmp_path / "ours.toml"
    scenario.write_text(SMALL)
    told = run(scenario, "--out", tmp_path / "ours.pdf", "--language", language)
    assert told.exit_code == 0, told.output
    assert (tmp_path / "ours.pdf").read_bytes().startswith(b"%PDF-")
    assert run(scenario, "--out", tmp_path / "ours.HTML", "--language", language).exit_code == 0
    said = (tmp_path / "ours.HTML").read_text()
    assert {"en": "Method", "zh": "方法"}[language] in said
    assert "https://" not in said.split("<body>")[0]


@pytest.mark.parametrize(
    ("scenario", "out", "says"),
    [
        ("baseline", "report.doc", "End it in .pdf or .html."),
        ("no_such", "report.pdf", "There is no scenario and no file"),
        ("baseline", "there.pdf", "Name another file."),
        ("bad.toml", "report.pdf", "no TOML"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(tmp_path, monkeypatch, scenario, out, says):
    """An unknown ending, no such scenario, a file that is there already, a broken one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.pdf").write_bytes(b"precious")
    (tmp_path / "bad.toml").write_text("draws = = 1")
    told = run(scenario, "--out", out)
    assert told.exit_code != 0
    assert says in told.output
    assert (tmp_path / "there.pdf").read_bytes() == b"precious"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bad.toml", "there.pdf"]
