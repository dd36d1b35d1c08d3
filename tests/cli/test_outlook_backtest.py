"""`voltrail outlook backtest`: every cut and horizon printed, losses included, as computed."""

import json

import pytest
from click.testing import CliRunner

from voltrail.cli.outlook import outlook
from voltrail.outlook.adoption import SERIES, look_ahead, series_of, trials_of
from voltrail.outlook.book import book


def said(*arguments, width="200"):
    result = CliRunner(env={"COLUMNS": width}).invoke(outlook, ["backtest", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_table_is_what_was_computed():
    """Each trial has its line with model, errors and who was nearer, and the last line sums them up."""
    told = look_ahead(book(), series_of("nev"))
    lines = [line.split() for line in said("nev").splitlines()]
    printed = [line for line in lines if line and line[0].isdigit()]
    trials = trials_of(told)
    assert len(printed) == len(trials) == 20
    for line, one in zip(printed, trials, strict=True):
        assert line[:3] == [one["cut"], str(one["steps"]), one["model"]]
        assert line[3:7] == [
            f"{100 * one[name]:.1f}" for name in ("said", "came", "error", "no_change_error")
        ]
        assert (
            " ".join(line[7:])
            == {"model": "the model", "no_change": "no-change", "neither": "—"}[one["nearer"]]
        )
    score = told.forecast.backtest.score()
    summed = next(line for line in lines if line and line[0] == "nev" and len(line) > 1)
    assert summed[1:4] == [str(score.better), str(score.worse), str(score.same)]
    assert summed[7] == f"{score.ratio:.2f}"


def test_losses_are_printed():
    """Where no-change was nearer it says so: the share of trucks has such lines, and its sum says worse."""
    output = said("truck")
    losses = output.count("no-change")
    score = look_ahead(book(), series_of("truck")).forecast.backtest.score()
    assert score.worse > 0
    assert losses >= score.worse
    assert f"{score.ratio:.2f}" in output


def test_all_series_are_told_within_a_terminal():
    """Without a name all series come, each with its line in the summary, uncut at 80 columns."""
    output = said(width="80")
    for one in SERIES:
        assert f"\n{one.id} " in output
    assert "…" not in output
    assert "too few points" in output


def test_programs_get_the_same():
    """JSON has the trials up to the horizon asked for, the score and the errors of all models."""
    (told,) = json.loads(said("car", "--horizon", "2", "--json"))
    assert {one["steps"] for one in told["trials"]} == {1, 2}
    assert told["score"]["trials"] == len(told["trials"])
    assert set(told["errors"]) >= {"no_change", "trend", "logistic", "gompertz", "bass", "median"}


@pytest.mark.parametrize("arguments", [["ships"], ["ships", "--json"]])
def test_an_unknown_share_is_refused(arguments):
    """A share that is not followed is refused with those that are."""
    result = CliRunner().invoke(outlook, ["backtest", *arguments])
    assert result.exit_code == 1
    assert "heavy_truck_months" in result.output
