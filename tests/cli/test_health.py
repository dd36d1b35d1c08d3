"""State of health from the command line: reckoned out of an archive, shown, reported once."""

import json

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.cli.test_flow import PACK, begun, postgres, run  # noqa: F401 - fixtures
from tests.health.traces import DAY, OCTOBER, charging, driving, table
from tests.registry import sample
from voltrail.gateway.folder import Folder
from voltrail.telematics.signals import REPORTS

# ruff: noqa: F811 - fixtures of another module

VIN = "LSVAA4187E2184847"
OTHER = "LTESTVIN000000001"


def archived(data, rows):
    """Write reports as the archive has them: by hour, all columns."""
    told = table(rows)
    filled = {
        field.name: told[field.name]
        if field.name in told.column_names
        else pa.nulls(len(told), field.type)
        if field.nullable
        else pa.array([0] * len(told)).cast(field.type)
        for field in REPORTS
    }
    whole = pa.table(filled).cast(REPORTS)
    hours = pc.strftime(whole["at"], "day=%Y-%m-%d/hour=%H")
    for hour in pc.unique(hours).to_pylist():
        folder = Folder.of(data).archive / "reports" / hour
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(whole.filter(pc.equal(hours, hour)), folder / "SEGMENT-0000.parquet")


@pytest.fixture
def driven(run, begun, tmp_path):
    """A registry with a pack in a vehicle, and a month of what that vehicle sent, and one nobody knows."""
    when = "2026-04-{:02}T10:00:00+08:00".format
    model = {"model_id": "S-102", "chemistry": "LFP", "capacity_ah": 157.0}
    (tmp_path / "role.jsonl").write_bytes(sample.registrations(sample.MAKER, "vehicle_maker")[1] + b"\n")
    told = run("report", tmp_path / "role.jsonl", "--key", tmp_path / "authority.pem", touches=True)
    assert told.exit_code == 0, told.output
    lines = [
        sample.line("model_registered", when(1), **model),
        sample.line("manufactured", when(12), code=PACK, model_id="S-102"),
        sample.line("installed", when(13), code=PACK, vin=VIN, reason="new"),
    ]
    (tmp_path / "life.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    told = run("report", tmp_path / "life.jsonl", "--key", tmp_path / "maker.pem", touches=True)
    assert told.exit_code == 0, told.output
    rows = [
        row | {"vin": vin, "odometer_km": 12_000.0 + day * 50}
        for vin in (VIN, OTHER)
        for day in range(0, 30, 3)
        for row in charging(OCTOBER + day * DAY, step_s=60) + driving(OCTOBER + day * DAY + 20_000, 5)
    ]
    archived(tmp_path / "d", rows)


def test_a_month_is_reckoned_shown_and_reported_once(run, driven, tmp_path):
    """The record then has the state of health with its interval and digest, and again it is only known."""
    said = run("health", "month", "2026-10", touches=True)
    assert said.exit_code == 0, said.output
    assert "2026-10: 2 batteries" in said.stdout
    assert "1 have none. It is not known for certain which battery" in said.stdout
    told = json.loads(run("health", "month", "2026-10", "--json", touches=True).stdout)
    assert (told["with_soh"], told["sessions"], told["refused"]) == (1, 20, {"health.battery": 1})

    shown = run("health", "show", PACK, "--data", tmp_path / "d")
    assert shown.exit_code == 0, shown.output
    assert "2026-10" in shown.stdout
    one = json.loads(run("health", "show", PACK, "--data", tmp_path / "d", "--json").stdout)
    [month] = one["months"]
    assert (month["used"], month["odometer_km"]) == (10, 13_350.0)
    assert month["soh_low"] < 1 < month["soh_high"]

    report = ("health", "report", "2026-10", "--organisation", sample.MAKER)
    said = run(*report, "--key", tmp_path / "maker.pem", touches=True)
    assert said.exit_code == 0, said.output
    assert "1 taken, 0 known before, 0 refused." in said.stdout
    again = run(*report, "--key", tmp_path / "maker.pem", "--json", touches=True)
    [receipt] = json.loads(again.stdout)["receipts"]
    assert len(receipt["accepted"]) == 1, "the same receipt as before"
    history = json.loads(run("battery", PACK, "--audience", "authority_cn", "--json", touches=True).stdout)[
        "history"
    ]
    [event] = [one for one in history if one["kind"] == "measured"]
    assert event["members"]["trace_digest"] == month["trace_digest"]
    assert event["members"]["sessions"] == 10
    assert event["members"]["measured_from"] == "2026-10-01T00:00:00Z"
    assert event["occurred_at"].startswith("2026-11-01T00:00:00")


def test_what_cannot_be_done_is_told_with_what_to_do(run, driven, tmp_path):
    """Another spelling of a month, one not reckoned or not over, a battery unknown, another's key."""
    report = ("health", "report", "2026-10", "--organisation", sample.MAKER)
    for rule, arguments in {
        "health.month": ("health", "month", "10/2026"),
        "health.not_reckoned": report,
        "health.not_over": ("health", "report", "2098-01", "--organisation", sample.MAKER),
    }.items():
        said = run(*arguments, "--json", touches=True)
        assert (said.exit_code, json.loads(said.stdout)["error"]["rule"]) == (1, rule), said.output
    said = run("health", "show", PACK, "--data", tmp_path / "d", "--json")
    assert json.loads(said.stdout)["error"]["rule"] == "health.nothing"
    run("health", "month", "2026-10", touches=True)
    said = run(*report[:-1], sample.CARMAKER, "--key", tmp_path / "maker.pem", "--json", touches=True)
    assert json.loads(said.stdout)["error"]["rule"] == "health.key"
