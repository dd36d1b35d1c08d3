"""`voltrail outlook series` and `headlines` as a planner types them."""

import json

import pytest
from click.testing import CliRunner

from tests.registry.conftest import empty, postgres
from voltrail.cli import main

__all__ = ["empty", "postgres"]

HEAD = "series,period,segment,value,unit,status,vintage,source,note\n"
SOLD = "nev_sales,2025,all incl. exports,16.6,million,verified,2026-06,a bulletin,\n"


def run(*args):
    """Run a command of the outlook."""
    return CliRunner().invoke(main, ["outlook", *map(str, args)])


def test_the_series_and_one_of_them():
    """All of them with what they are; one with its figures, sources and vintages."""
    told = run("series")
    assert told.exit_code == 0, told.output
    assert "Power batteries installed in China" in told.stdout
    one = run("series", "sne_usage", "--segment", "TOTAL")
    assert "894.4" in one.stdout
    assert "publicpurview-sne-2025: " in one.stdout
    then = json.loads(run("series", "sne_usage", "--known-at", "2024-12", "--json").stdout)
    totals = {row["period"]: row["value"] for row in then["figures"] if row["segment"] == "TOTAL"}
    assert totals == {"2021": 301.5, "2022": 517.9, "2023": 705.5}
    assert then["definition"]["scope"] == "world"


def test_the_headlines():
    """With what is published beside what was computed."""
    told = run("headlines")
    assert told.exit_code == 0, told.output
    assert "2025-Q4: 40.43 % (derived, published as 40.43)" in told.stdout
    assert "at least 67.75 % (derived, published as 70.4)" in told.stdout
    assert len(json.loads(run("headlines", "--json").stdout)["headlines"]) == 14


def test_csv_goes_in_again(tmp_path):
    """What is printed as CSV is read as figures: it stands already, and changes nothing."""
    file = tmp_path / "all.csv"
    file.write_text(run("series", "--csv").stdout)
    kept = [line for line in file.read_text().splitlines() if ",recalled," not in line]
    kept = [kept[0], *(line for line in kept if line.startswith("nev_parc,2025"))]
    file.write_text("\n".join(kept))
    told = run("headlines", "--figures", file)
    assert told.exit_code == 0, told.output
    assert told.stderr.count("stands already") == 2


def test_figures_of_a_file_count_this_once(tmp_path):
    """They are checked like any, and kept nowhere."""
    file = tmp_path / "june.csv"
    file.write_text(HEAD + SOLD)
    assert "48.26 %" in run("headlines", "--figures", file).stdout
    assert "47.94 %" in run("headlines").stdout
    file.write_text(HEAD + SOLD.replace("16.6", "-16.6"))
    wrong = run("headlines", "--figures", file)
    assert wrong.exit_code == 1
    assert "Line 2: the value -16.6 is negative." in wrong.stderr


@pytest.mark.parametrize(
    "args",
    [("series", "nothing"), ("series", "nev_sales", "--known-at", "soon"), ("headlines", "--known-at", "x")],
)
def test_what_is_not_there_is_said(args):
    """Exit code 1, and what to do."""
    wrong = run(*args)
    assert wrong.exit_code == 1
    assert "Write 2026-01" in wrong.stderr or "voltrail outlook series" in wrong.stderr


def test_figures_are_added_to_a_registry_and_taken_back(empty, tmp_path):
    """All of a file or nothing; without a registry there is nothing to add to."""
    file = tmp_path / "june.csv"
    file.write_text(HEAD + SOLD)
    where = ("--data", empty.data, "--database", empty.database.dsn)
    assert run("series", "--add", file).exit_code == 2
    added = run("series", "--add", file, *where)
    assert added.exit_code == 0, added.output
    assert "1 figures added" in added.stdout
    assert "16.6 million" in run("headlines", *where).stdout
    number = empty.outlook_figures.files()[0].id
    assert "taken back" in run("series", "--take-back", number, *where).stdout
    assert "16.49 million" in run("headlines", *where).stdout
    assert run("series", "--take-back", number, *where).exit_code == 1
