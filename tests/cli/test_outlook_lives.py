"""Lives from the command line: as fitted, as published, and by a record, of which no battery is named."""

import json
import tomllib
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.cli.test_flow import run  # noqa: F401 - a fixture
from tests.registry import sample
from tests.registry.conftest import empty, postgres, registry  # noqa: F401 - fixtures
from voltrail.codes import build
from voltrail.outlook.lives import FEWEST
from voltrail.outlook.scenario import read

# ruff: noqa: F811 - fixtures of another module

MADE = date(2020, 2, 1)
FITTED = datetime(2020, 3, 1, tzinfo=UTC)
MODEL = {"model_id": "S-60", "name": "示例", "level": "pack", "chemistry": "LFP", "energy_kwh": 60.0}


def code(serial):
    return build(maker="9ZZ", level="pack", battery_type="B", production_date=MADE, serial=serial)


def put(registry, who, lines):
    receipt = json.loads(registry.report(sample.report(sample.signer(who), lines)))
    assert not receipt["refused"], receipt["refused"][:1]


def lead(registry, batteries, ends):
    """Fit so many batteries of one model, the first of which end one after another."""
    of = range(1, batteries + 1)
    made = [
        sample.line(kind, f"2020-02-{day}T10:00:00+00:00", code=code(one), **members)
        for one in of
        for kind, day, members in (
            ("manufactured", "01", {"model_id": "S-60"}),
            ("shipped", "02", {"to": sample.CARMAKER}),
        )
    ]
    put(
        registry, sample.MAKER, [sample.line("model_registered", "2020-02-01T00:00:00+00:00", **MODEL), *made]
    )
    lines = []
    for one in of:
        vin = f"LSVAA4187E21{one:05}"
        lines += [
            sample.line("received", "2020-02-12T10:00:00+00:00", code=code(one), from_=sample.MAKER),
            sample.line("installed", FITTED.isoformat(), code=code(one), vin=vin, reason="new"),
        ]
        if one <= ends:
            when = FITTED + timedelta(days=300 + 1700 * one / ends)
            lines.append(sample.line("retired", when.isoformat(timespec="seconds"), code=code(one)))
    put(registry, sample.CARMAKER, lines)


@pytest.fixture
def told(run, registry):
    """Run the command on the record of a registry."""

    def command(*arguments):
        dsn = registry.database.pool.conninfo
        return run("outlook", "lives", "--data", registry.data, "--database", dsn, *arguments)

    return command


def test_the_fit_stands_beside_what_was_published(run):
    """Without a record the fit is told with each figure it used, its status, and published lives."""
    words = run("outlook", "lives")
    assert words.exit_code == 0, words.output
    assert "recalled_unverified" in words.output
    found = json.loads(run("outlook", "lives", "--json").output)
    assert found["record"] == {}
    fitted = found["fitted"]["vehicle_years"]
    assert fitted["low"] < fitted["middle"] < fitted["high"]
    assert {"Battery, worldwide", "Vehicle, worldwide"} <= {one["what"] for one in found["published"]}


def test_a_record_tells_its_curve_and_no_battery(told, registry):
    """Of many batteries the curve and the law are told, as words, JSON and a scenario; never a code."""
    lead(registry, batteries=80, ends=60)
    words, asked = told(), told("--json")
    assert words.exit_code == 0, words.output
    assert "80, of which 60 ended" in words.output
    assert "0 have ended: too few" in words.output  # of heavy packs
    found = json.loads(asked.output)["record"]
    assert found["car"]["batteries"] == 80
    assert found["car"]["share"][0] == 1
    assert found["commercial"]["error"]["rule"] == "outlook.few_lives"
    assert not any(code(one) in words.output + asked.output for one in range(1, 81))
    scenario = told("--toml").output
    assert tomllib.loads(scenario)["set"]["car"].keys() == {"battery_years"}
    assert read(scenario).given["car.battery_years"] == pytest.approx(
        found["car"]["mean_years"]["middle"], abs=0.01
    )


def test_a_few_ends_are_not_told(told, registry):
    """With a record of few ends no scenario is printed: the error says how many there are."""
    lead(registry, batteries=FEWEST + 5, ends=FEWEST - 1)
    refused = told("--toml")
    assert refused.exit_code == 1
    assert f"{FEWEST - 1} have ended" in refused.output


def test_what_a_scenario_goes_by_must_be_named(run):
    """Asked for a scenario without a record, the command says what is lacking."""
    refused = run("outlook", "lives", "--toml")
    assert refused.exit_code == 1
    assert "--data" in refused.output
