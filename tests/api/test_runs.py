"""The clerk's form of a run: what is typed becomes a line, to the milligram, and half a row is told."""

import json

import pytest

from voltrail.api.runs import line_of, read_assays
from voltrail.errors import EventError, UsageError
from voltrail.organisations.identifiers import credit_code

PLANT = credit_code("91000000MA0000003")
WHEN = {"when": "2026-06-03T10:00"}


def said(**typed):
    """Return what the line says that a form becomes."""
    return json.loads(line_of(WHEN | typed, PLANT))


def test_a_run_with_batteries_is_recycled():
    """Codes are tidied, the lot gets the plant's name before it, percent become shares."""
    told = said(
        process="recycled",
        codes=" 9ZZPB240000003G4C0221953\n9zzpb240000003g4c0221954 ",
        mass_kg="825,5",
        out_name_1="2026-041",
        out_substance_1="black_mass",
        out_mass_1="400",
        out_moisture_1="12.5",
        out_assays_1="Li 4.1 ± 0.1; Ni 20%",
        out_waste_1="1",
        loss_substance_1="gas",
        loss_mass_1="425.5",
        tolerance="1",
    )
    assert told == {
        "kind": "recycled",
        "occurred_at": "2026-06-03T10:00:00+08:00",
        "code": "9ZZPB240000003G4C0221953",
        "codes": ["9ZZPB240000003G4C0221954"],
        "mass_kg": 825.5,
        "outputs": [
            {
                "lot": f"{PLANT}/2026-041",
                "substance": "black_mass",
                "mass_kg": 400.0,
                "moisture_fraction": 0.125,
                "assays": [
                    {"element": "Li", "fraction": 0.041, "uncertainty": 0.001},
                    {"element": "Ni", "fraction": 0.2},
                ],
                "waste": True,
            }
        ],
        "emissions": [{"substance": "gas", "mass_kg": 425.5}],
        "tolerance_fraction": 0.01,
    }


def test_a_run_of_lots_is_a_process():
    """What goes in is named with its mass."""
    told = said(
        process="leach", in_lot_1=f"{PLANT}/1", in_mass_1="10", add_substance_1="reagent", add_mass_1="5"
    )
    assert (told["kind"], told["process"]) == ("lot_processed", "leach")
    assert told["inputs"] == [{"lot": f"{PLANT}/1", "mass_kg": 10.0}]
    assert told["additions"] == [{"substance": "reagent", "mass_kg": 5.0}]


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        ({"process": "melt"}, "run.field"),
        ({"process": "leach", "in_lot_1": f"{PLANT}/1"}, "run.row"),
        ({"process": "leach", "out_name_2": "7", "out_mass_2": "3"}, "run.row"),
        ({"process": "leach", "in_lot_1": f"{PLANT}/1", "in_mass_1": "-3"}, "run.field"),
        ({"process": "leach", "in_lot_1": f"{PLANT}/1", "in_mass_1": "nan"}, "run.field"),
        ({"process": "leach", "in_lot_1": f"{PLANT}/1", "in_mass_1": "many"}, "run.field"),
        ({"process": "leach", "tolerance": "300"}, "run.field"),
        ({"process": "recycled", "when": "yesterday"}, "request.time"),
    ],
)
def test_what_cannot_be_read_is_told(typed, rule):
    """Nothing that was typed is left out in silence."""
    with pytest.raises(UsageError) as raised:
        said(**typed)
    assert raised.value.rule == rule


def test_what_cannot_be_is_told_before_it_is_sent():
    """The line is held against the same rules as any other."""
    with pytest.raises(EventError):
        said(process="leach", in_lot_1="nobody/1", in_mass_1="3")
    with pytest.raises(EventError):
        said(process="recycled", codes="9ZZ")


@pytest.mark.parametrize("text", ["Li", "5.2", "Li 5.2 Ni 3", "Li -3", "lithium 5", "Li 5.2 ± x"])
def test_assays_that_do_not_read(text):
    """The form asks again, and guesses nothing."""
    with pytest.raises(UsageError, match="assay"):
        read_assays(text)


def test_assays_as_people_write_them():
    """With a decimal comma, a percent sign, either sign of uncertainty, in lines or with semicolons."""
    assert read_assays("Li: 5,2 % +/- 0,1\nNi=20；Co 7") == [
        {"element": "Li", "fraction": 0.052, "uncertainty": 0.001},
        {"element": "Ni", "fraction": 0.2},
        {"element": "Co", "fraction": 0.07},
    ]
