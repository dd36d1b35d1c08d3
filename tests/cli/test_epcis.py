"""EPCIS from the command line: a file is checked, turned into lines, reported, and given out again."""

import json

import pytest

from tests.cli.test_flow import begun, run  # noqa: F401 - fixtures
from tests.events.epcis_strategies import CONTEXT, document
from tests.registry import sample
from tests.registry.conftest import postgres  # noqa: F401 - a fixture
from voltrail.events.epcis import read_document

PACK = sample.pack(1)
MADE = {
    "type": "ObjectEvent",
    "eventTime": "2026-04-12T10:00:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "epcList": [f"urn:voltrail:battery:{PACK}"],
    "action": "ADD",
    "bizStep": "commissioning",
    "ilmd": {"ex:line": 7},
}


@pytest.fixture
def file(tmp_path):
    def write(*events, **more):
        path = tmp_path / "made.jsonld"
        path.write_text(json.dumps(document(list(events)) | more))
        return path

    return write


def test_check_says_what_is_wrong_and_what_the_record_needs(run, file):  # noqa: F811
    """Exit code 0 with the hashes, 1 with paths and fixes; with an organisation, what it could not report."""
    good = run("epcis", "check", file(MADE))
    assert (good.exit_code, "ni:///sha-256;" in good.stdout) == (0, True)
    wrong = run("epcis", "check", file(MADE, {**MADE, "eventTime": "22-07-2026"}))
    assert wrong.exit_code == 1
    assert "$.epcisBody.eventList[1].eventTime: '22-07-2026' is no time." in wrong.stderr
    told = json.loads(run("epcis", "check", file({**MADE, "bizStep": "loading"}), "--json").stdout)
    assert (told["events"], told["troubles"]) == (1, [])
    asked = ("epcis", "check", file({**MADE, "bizStep": "loading"}), "--organisation", sample.MAKER, "--json")
    told = json.loads(run(*asked).stdout)
    assert told["troubles"][0]["rule"] == "epcis.kind"
    assert run("epcis", "check", "nothing.jsonld").exit_code == 2


def test_import_report_export_gives_the_document_again(run, begun, file, tmp_path):  # noqa: F811
    """What went in comes out, with its place in the log; a second import writes nothing over."""
    path = file(MADE)
    done = run("epcis", "import", path, "--key", tmp_path / "maker.pem", touches=True)
    assert done.exit_code == 0, done.output
    lines = path.with_suffix(".jsonl")
    assert json.loads(lines.read_bytes())["code"] == PACK
    assert run("report", lines, "--key", tmp_path / "maker.pem", touches=True).exit_code == 0
    out = run("epcis", "export", PACK, touches=True)
    assert out.exit_code == 0, out.output
    found = read_document(out.stdout.encode())
    assert found.troubles == ()
    (event,) = found.events
    assert {name: event.value[name] for name in MADE} == MADE
    assert event.value["@context"] == CONTEXT
    assert run("epcis", "import", path, "--key", tmp_path / "maker.pem", touches=True).exit_code == 0
    other = run(
        "epcis", "import", file({**MADE, "eventTime": "2026-04-12T11:00:00Z"}), "--organisation", sample.MAKER
    )
    assert other.exit_code == 1
    assert "is there already" in other.output
    assert run("epcis", "export", sample.pack(2), touches=True).exit_code == 1


def test_import_takes_all_or_nothing(run, file, tmp_path):  # noqa: F811
    """One event that cannot be taken, and no line is written."""
    path = file(MADE, {**MADE, "epcList": ["urn:epc:id:sscc:4012345.0000000333"]})
    done = run("epcis", "import", path, "--organisation", sample.MAKER, "--json")
    assert done.exit_code == 1
    (trouble,) = json.loads(done.stdout)["troubles"]
    assert (trouble["event"], trouble["rule"]) == (2, "epcis.subject")
    assert not path.with_suffix(".jsonl").exists()
    assert run("epcis", "import", path).exit_code == 1  # nobody says who reports
