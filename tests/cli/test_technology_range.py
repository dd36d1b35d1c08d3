"""`voltrail technology range` and `accuracy`: plain words, the same as JSON, and clear refusals."""

import json

import pytest
from click.testing import CliRunner

from voltrail.cli import main
from voltrail.technology.accuracy import NEEDED
from voltrail.technology.range import FACTORS, read_factors


def run(*given):
    return CliRunner().invoke(main, ["technology", *given])


ASKED = ("range", "--cell", "nmc-liquid", "--vehicle", "car-saloon", "--temperature", "-20")


def test_a_range_is_told_with_its_interval_and_where_the_energy_goes():
    """A person reads km, from where to where, each part, and that the trace is reconstructed."""
    told = run(*ASKED)
    assert told.exit_code == 0, told.output
    for words in ("km", "nine times in ten", "reconstructed", "Cabin", "Tyres", "From the cells"):
        assert words in told.stdout


def test_programs_are_told_the_same():
    """JSON has the interval, parts that add up, and what the cycle stands on."""
    told = json.loads(run(*ASKED, "--json").stdout)
    assert told["km"]["low"] < told["km"]["middle"] < told["km"]["high"]
    parts = sum(told["parts_kwh_per_100km"].values())
    assert parts == pytest.approx(told["kwh_per_100km"]["middle"])
    assert told["cycle"]["reconstructed"] is True
    assert {one["standing"] for one in told["cycle"]["characteristics"]} == {"recalled", "assumption"}


def test_a_warm_cabin_a_lighter_car_and_a_larger_pack_go_further():
    """Each option does what it says."""

    def km(*more):
        return json.loads(run(*ASKED, *more, "--json").stdout)["km"]["middle"]

    plain = km()
    assert km("--cabin", "preheated") > plain
    assert km("--cabin", "off") > km("--cabin", "preheated")
    assert km("--mass", "1500") > plain > km("--mass", "3000")
    assert km("--energy-kwh", "120") > plain > km("--pack-mass", "200")


def test_a_cycle_of_ones_own_is_read_from_its_file(tmp_path):
    """A CSV of a route stands for a cycle, and by its name."""
    path = tmp_path / "to-work.csv"
    path.write_text("time_s,speed_km_h\n0,0\n20,60\n200,60\n220,0\n", encoding="utf-8")
    told = json.loads(run(*ASKED, "--cycle", str(path), "--json").stdout)
    assert told["cycle"]["name"] == "to-work"
    assert told["cycle"]["distance_km"] == pytest.approx(3.333, abs=0.01)


def test_ids_are_listed():
    """Whoever knows none finds cells, vehicles and cycles."""
    told = json.loads(run("range", "--list", "--json").stdout)
    assert "CLTC" in told["cycles"]
    assert "nmc-liquid" in told["cells"]
    assert "eactros600" in told["vehicles"]
    assert "eactros600" in run("range", "--list").stdout


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("range",), "one of both is missing"),
        (("range", "--cell", "nmc", "--vehicle", "car-saloon"), "nmc-liquid"),
        ((*ASKED[:5], "--temperature", "nan"), "no estimate at nan"),
        ((*ASKED, "--cycle", "nowhere.csv"), "cannot be read"),
        ((*ASKED, "--cycle", "CLTP"), "CLTC"),
        ((*ASKED, "--energy-kwh", "-4"), "no size of a pack"),
        ((*ASKED, "--energy-kwh", "80", "--pack-mass", "400"), "2 sizes"),
        ((*ASKED, "--mass", "inf"), "no mass of a vehicle"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(given, words):
    """A slip is told with what to do, and no traceback."""
    told = run(*given)
    assert told.exit_code in {1, 2}
    assert words in " ".join(told.output.split())
    assert "Traceback" not in told.output


def reference(folder):
    cars, trucks = ("cla350", "lucid-gt", "zeekr001-140"), ("eactros600", "tesla-semi-lr")
    lines = [",".join(NEEDED["vehicles.csv"])]
    for kind, rows in (("car", cars), ("truck", trucks)):
        lines += [f"{row},{row},{kind},test,800,100,,,,120,derived,high," for row in rows]
    (folder / "vehicles.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "naf_winter_2026.csv").write_text("vehicle,retention\nOne,0.6\nTwo,0.6\n", encoding="utf-8")


def test_accuracy_prints_every_row_and_writes_the_factors(tmp_path):
    """The tables are Markdown for the guide, and the factors a file of the form that is in use."""
    reference(tmp_path)
    told = run("accuracy", "--reference", str(tmp_path), "--refit", str(tmp_path / "fitted.csv"))
    assert told.exit_code == 0, told.output
    assert "| cla350 | test | 800 km |" in told.stdout
    assert "### Trucks" in told.stdout
    fitted = read_factors((tmp_path / "fitted.csv").read_text("utf-8"))
    assert set(fitted) == set(FACTORS)
    assert fitted["road_car"].value != FACTORS["road_car"].value
    rows = json.loads(run("accuracy", "--reference", str(tmp_path), "--json").stdout)
    assert [one["row"] for one in rows["trucks"]] == ["eactros600", "tesla-semi-lr"]


def test_a_folder_without_the_files_is_refused(tmp_path):
    """The wrong folder is said to be one."""
    told = run("accuracy", "--reference", str(tmp_path))
    assert told.exit_code in {1, 2}
    assert "vehicles.csv cannot be read" in told.output
