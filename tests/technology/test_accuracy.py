"""Accuracy: what is fitted is found again, a row never fits itself, and files of another form are refused."""

import msgspec
import pytest

from voltrail.errors import TableError
from voltrail.technology import accuracy
from voltrail.technology.accuracy import HOW, NEEDED, tables, written
from voltrail.technology.range import FACTORS, read_factors

HEAD = ",".join(NEEDED["vehicles.csv"])
WINTER = "vehicle,retention\nOne,0.6\nTwo,0.64\n"


def vehicles(**kilometres):
    """A file of cars by WLTP and trucks, with these ranges."""
    kinds = {row: "truck" if HOW[row].cycle == "truck-80" else "car" for row in kilometres}
    rows = [f"{row},{row},{kinds[row]},test,{km},100,,,,100,derived,high," for row, km in kilometres.items()]
    return "\n".join([HEAD, *rows])


TRUCKS = {"catl-tectrans-1000": 70, "eactros600": 90}
CARS = {"cla350": 800, "lucid-gt": 820, "zeekr001-140": 830}


def test_a_row_does_not_fit_itself():
    """Moving what is stated of one car moves the predictions of the others, never its own."""
    one, other = (tables(vehicles(**{**CARS, "cla350": km}, **TRUCKS), WINTER).cars for km in (800, 1200))
    before, after = ({row.row: row.predicted for row in rows} for rows in (one, other))
    assert before["cla350"] == after["cla350"]
    assert before["lucid-gt"] != after["lucid-gt"]


def test_a_fit_leaves_no_mean_error():
    """With the factor fitted to all rows the logarithms of their errors add up to nothing."""
    told = tables(vehicles(**CARS, **TRUCKS), WINTER)
    stated = [accuracy._stated(row) for row in accuracy._read(vehicles(**CARS), "vehicles.csv")]
    off = [accuracy._log_error(one, told.factors) for one in stated]
    assert sum(off) == pytest.approx(0, abs=1e-3)
    assert accuracy.keeps(told.factors) == pytest.approx(0.62, abs=1e-3)


def test_factors_are_read_as_they_were_written():
    """`--refit` writes what `calibration.csv` holds, commas and all."""
    assert read_factors(written(FACTORS)) == FACTORS


def test_a_row_of_low_confidence_is_judged_and_not_fitted_to():
    """A claim of little weight moves nobody's prediction, and is shown with its own error."""
    low = vehicles(**CARS, **TRUCKS).replace(
        "test,830,100,,,,100,derived,high", "test,200,100,,,,100,derived,low"
    )
    told, without = (
        tables(text, WINTER).cars for text in (low, vehicles(**dict(list(CARS.items())[:2]), **TRUCKS))
    )
    assert not told[-1].fitted
    assert told[0].predicted == without[0].predicted


@pytest.mark.parametrize(
    ("text", "winter", "rule"),
    [
        ("", WINTER, "accuracy.columns"),
        ("id,name\nx,y", WINTER, "accuracy.columns"),
        (vehicles(**CARS), "vehicle\nOne", "accuracy.columns"),
        (vehicles(**CARS).replace("cla350,cla350", "unheard,of"), WINTER, "accuracy.row"),
        (vehicles(**CARS).replace("800", "nan"), WINTER, "accuracy.number"),
        (vehicles(**CARS).replace("800", "many"), WINTER, "accuracy.number"),
        (vehicles(**CARS).replace("800", ""), WINTER, "accuracy.row"),
        (vehicles(**CARS, **TRUCKS), "vehicle,retention\nOne,much", "accuracy.number"),
        (vehicles(**CARS), WINTER, "accuracy.few"),
        (vehicles(cla350=800, **TRUCKS), WINTER, "accuracy.few"),
    ],
)
def test_files_of_another_form_are_refused_in_words(text, winter, rule):
    """Whoever gives the wrong folder reads what is wrong with which file."""
    with pytest.raises(TableError) as told:
        tables(text, winter)
    assert told.value.rule == rule


def test_each_row_is_predicted_by_what_there_is():
    """`judged.csv` names vehicles, cells, designs and cycles that stand in their files."""
    from voltrail.technology.cell import CELLS
    from voltrail.technology.cycles import CYCLES
    from voltrail.technology.pack import DESIGNS
    from voltrail.technology.vehicle import VEHICLES

    for one in HOW.values():
        assert one.vehicle in VEHICLES
        assert one.cell in CELLS
        assert one.design in DESIGNS
        assert one.cycle in CYCLES
    assert msgspec.to_builtins(next(iter(HOW.values())))["judged_on"] == "range"
