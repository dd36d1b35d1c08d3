"""`voltrail outlook run`, `levers` and `sensitivity`: a scenario in, figures with their spread out."""

import csv
import json

import pytest
from click.testing import CliRunner

from voltrail.cli import main
from voltrail.outlook.parameters import parameters
from voltrail.outlook.scenario import read

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:SALib", "ignore::FutureWarning:SALib")


def outlook(*given):
    return CliRunner().invoke(main, ["outlook", *map(str, given)], env={"COLUMNS": "140"})


def test_people_read_a_table_with_seed_and_grounds():
    """The years to 2035, 2040 and 2050, how sure they are, the seed, and how much of it is assumed."""
    told = outlook("run", "baseline", "--draws", 40, "--seed", 9)
    assert told.exit_code == 0, told.output
    for words in ("2025", "2035", "2040", "2050", "Left", "Li won back", "seed 9", "are assumptions"):
        assert words in told.stdout
    assert told.stderr == ""


def test_programs_read_the_whole_table_that_a_seed_gives_again():
    """JSON has the scenario as it was played and every line of the table; the same seed gives the same."""
    one, same, other = (
        outlook("run", "baseline", "--draws", 20, "--seed", seed, "--json") for seed in (1, 1, 2)
    )
    assert one.stdout == same.stdout != other.stdout
    told = json.loads(one.stdout)
    assert told["scenario"]["draws"] == 20
    assert {"year", "what", "segment", "chemistry", "unit", "middle", "low", "high"} <= set(told["table"][0])


def test_two_scenarios_stand_side_by_side_in_pairs(tmp_path):
    """Of two scenarios the difference is told, and that it is sure though each alone is not."""
    short = tmp_path / "short.toml"
    short.write_text("name = 'Short lives'\nseed = 77\n[set]\ncar.battery_years = 7\n", encoding="utf-8")
    told = outlook("run", "baseline", short, "--draws", 40)
    assert told.exit_code == 0, told.output
    assert "Short lives" in told.stdout
    assert "100 more" in told.stdout
    assert "same seed 1" in told.stdout
    both = json.loads(outlook("run", "baseline", short, "--draws", 40, "--json").stdout)
    left = next(one for one in both["differences"] if (one["what"], one["year"]) == ("left", 2028))
    assert left["more"] == 1
    assert left["by"]["low"] > 0


def test_files_to_take_away_play_the_same_again(tmp_path):
    """--csv writes the table and the scenario; that scenario gives that table; nothing is overwritten."""
    folder = tmp_path / "out"
    assert outlook("run", "baseline", "--draws", 20, "--seed", 3, "--csv", folder).exit_code == 0
    scenario = folder / "baseline.toml"
    assert read(scenario.read_text(encoding="utf-8")).seed == 3
    assert outlook("run", scenario, "--csv", tmp_path / "again").exit_code == 0
    tables = [(tmp_path / name / "baseline.csv").read_text(encoding="utf-8") for name in ("out", "again")]
    assert tables[0] == tables[1]
    assert len(list(csv.DictReader(tables[0].splitlines()))) > 1000
    refused = outlook("run", "baseline", "--csv", folder)
    assert refused.exit_code == 1
    assert "baseline.csv" in refused.stderr
    assert (folder / "baseline.csv").read_text(encoding="utf-8") == tables[0]


def test_the_example_runs(tmp_path):
    """What --example prints is a scenario that plays."""
    file = tmp_path / "mine.toml"
    file.write_text(outlook("run", "--example").stdout, encoding="utf-8")
    assert outlook("run", file, "--draws", 5).exit_code == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["basline"], "baseline"),
        (["baseline", "--draws", "0"], "draws"),
        (["baseline", "--draws", "999999"], "5,000"),
    ],
)
def test_mistakes_end_in_words(given, words):
    """A wrong name or number of draws is answered with what may be given, and exit code 1."""
    told = outlook("run", *given)
    assert told.exit_code == 1
    assert words in told.stderr


@pytest.mark.parametrize("names", [[], ["baseline"] * 3])
def test_one_scenario_or_two(names):
    """None or three scenarios are a mistake of usage."""
    assert outlook("run", *names).exit_code == 2


def test_levers_are_all_parameters():
    """Each parameter is printed with value, range and status; JSON has all that the table of them has."""
    told = outlook("levers").stdout
    assert all(name in told for name in ("car.battery_years", "assumption", "lognormal"))
    assert [one["id"] for one in json.loads(outlook("levers", "--json").stdout)] == list(parameters())


def test_what_would_change_this_most():
    """The first five stand in words with direction and size; JSON has all, most influential first."""
    told = outlook("sensitivity", "baseline", "--of", "left_2030", "--samples", 3)
    assert told.exit_code == 0, told.output
    assert "1. A battery in a car lasts" in told.stdout
    assert "the higher, the less" in told.stdout
    assert "seed 1" in told.stdout
    both = json.loads(
        outlook("sensitivity", "baseline", "--method", "sobol", "--samples", 16, "--json").stdout
    )
    totals = [one["total"] for one in both["influences"]]
    assert totals == sorted(totals, reverse=True)
    assert outlook("sensitivity", "baseline", "--of", "lift_2030").exit_code == 1
