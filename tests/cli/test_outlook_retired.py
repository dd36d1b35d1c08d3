"""`voltrail outlook retired` and `materials`: a scenario in, what retires and the metals in it out."""

import csv
import io
import json

import pytest
from click.testing import CliRunner

from voltrail.cli import main
from voltrail.outlook.classes import METALS, YEARS


@pytest.fixture
def run(tmp_path):
    """Run a command of the outlook on a scenario of few draws."""
    path = tmp_path / "scenario.toml"
    path.write_text('name = "few"\ndraws = 20\n', encoding="utf-8")

    def run(command, *given):
        return CliRunner().invoke(main, ["outlook", command, str(path), *map(str, given)])

    return run


def table(told):
    """The rows of what was printed as CSV."""
    return list(csv.DictReader(io.StringIO(told.stdout)))


def test_people_read_some_years_with_their_spread(run):
    """All three meanings, in GWh; no province is spoken of where none was asked for."""
    told = run("retired")
    assert told.exit_code == 0
    for words in ("left", "collected", "processed", "2030", "2050", "GWh", "from", "to"):
        assert words in told.stdout
    assert "population" not in told.stdout


def test_programs_read_all_years_told_apart(run):
    """By what was asked for, in the unit asked for; the same with the same seed."""
    told = run("retired", "--by", "chemistry,segment", "--definition", "left", "--unit", "packs", "--json")
    rows = json.loads(told.stdout)
    assert len(rows) == 36 * len(YEARS)
    assert rows[0].keys() == {
        "year", "definition", "segment", "chemistry", "middle", "low", "high", "unit",
    }  # fmt: skip
    assert {row["unit"] for row in rows} == {"packs"}
    again = run("retired", "--by", "chemistry,segment", "--definition", "left", "--unit", "packs", "--json")
    assert again.stdout == told.stdout


def test_own_weights_say_where(run, tmp_path):
    """What a province has is its weight's share of the whole, and the assumption is told with the table."""
    weights = tmp_path / "weights.csv"
    weights.write_text("province,weight\n44,3\n11,1\n", encoding="utf-8")
    given = ("--by", "province", "--definition", "left", "--csv")
    rows = table(run("retired", *given, "--weights", weights))
    assert {row["province"] for row in rows} == {"11", "44"}
    last = {row["province"]: float(row["middle"]) for row in rows if row["year"] == "2030"}
    assert last["44"] == pytest.approx(3 * last["11"], rel=1e-4)
    assert len(table(run("retired", *given))) == 31 * len(YEARS)
    assert "assumption" in run("retired", "--by", "province", "--definition", "left").stdout


@pytest.mark.parametrize(
    ("given", "rule"),
    [(("--by", "colour"), "colour"), (("--weights", "nowhere.csv"), "nowhere.csv")],
)
def test_what_cannot_be_told_is_said_in_words(run, given, rule):
    """Exit code 1, and what to do; never a traceback."""
    told = run("retired", *given)
    assert told.exit_code == 1
    assert rule in told.stderr
    assert "Traceback" not in told.output


def test_metals_are_printed_and_what_is_unknown_is_said(run):
    """Needed, retiring, won back, worth and covered; aluminium lacks NMC811, graphite a price."""
    told = run("materials")
    assert told.exit_code == 0
    for words in ("Li", "graphite", "2030", "not known", "NMC811"):
        assert words in told.stdout


def test_a_process_and_prices_are_taken(run, tmp_path):
    """A price of nought makes lithium worth nothing; the norm wins back 90 % of what is processed."""
    prices = tmp_path / "prices.csv"
    prices.write_text("name,value,unit\nmetal.Li,0,USD/kg\n", encoding="utf-8")
    told = json.loads(run("materials", "--process", "norm", "--prices", prices, "--json").stdout)
    assert len(told["rows"]) == len(METALS) * len(YEARS)
    lithium = next(row for row in told["rows"] if (row["year"], row["metal"]) == (2030, "Li"))
    assert lithium["worth_musd"] == [0, 0, 0]
    assert lithium["recovered"][0] == pytest.approx(0.9 * lithium["processed"][0])
    graphite = next(row for row in told["rows"] if (row["year"], row["metal"]) == (2030, "C"))
    assert graphite["recovered"] == [None, None, None]


def test_prices_in_another_currency_are_refused(run, tmp_path):
    """They would be taken for dollars."""
    prices = tmp_path / "prices.csv"
    prices.write_text("name,value,unit\nmetal.Li,500,CNY/kg\n", encoding="utf-8")
    told = run("materials", "--prices", prices)
    assert told.exit_code == 1
    assert "USD/kg" in told.stderr
