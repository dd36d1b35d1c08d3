"""The command line reads, checks and issues codes, and its exit codes serve scripts."""

import json

from click.testing import CliRunner

from voltrail.cli import main

CELL = "001CB240000003B3C0221953"


def run(*arguments):
    return CliRunner().invoke(main, ["code", *arguments])


def test_parse_as_json():
    """A script gets level, chemistry and date of a code as JSON."""
    answer = json.loads(run("parse", CELL, "--json").stdout)
    assert (
        answer["level"],
        answer["chemistry"],
        answer["production_date"],
    ) == ("cell", "lithium iron phosphate", "2021-03-12")


def test_parse_for_people():
    """A person sees each segment of the code beside its meaning."""
    result = run("parse", CELL)
    assert result.exit_code == 0
    assert "0221953" in result.stdout
    assert "12 March 2021" in result.stdout or "2021-03-12" in result.stdout


def test_a_wrong_code_is_refused_with_what_to_do():
    """Swapped label halves exit with 1 and name the right code."""
    result = run("parse", "JBC4000090304QCB76836300")
    assert result.exit_code == 1
    assert "04QCB76836300JBC40000903" in result.output


def test_check_tells_right_from_wrong():
    """One wrong code among right ones makes the exit code 1."""
    assert run("check", CELL).exit_code == 0
    result = run("check", CELL, "A765101015", "--json")
    assert result.exit_code == 1
    assert [answer["right"] for answer in json.loads(result.stdout)] == [True, False]


def test_issue_gives_codes_that_check():
    """Codes issued by the command are codes, one a line, with consecutive serials."""
    result = run(
        "issue",
        "--maker",
        "9ZZ",
        "--battery-type",
        "B",
        "--date",
        "2026-04-12",
        "--count",
        "3",
        "--first",
        "41",
    )
    codes = result.stdout.split()
    assert [text[-7:] for text in codes] == ["0000041", "0000042", "0000043"]
    assert run("check", *codes).exit_code == 0


def test_wrong_use_exits_with_two():
    """A missing option is wrong use, not a refusal."""
    assert run("issue", "--maker", "9ZZ").exit_code == 2
