"""`voltrail report` with spreadsheets, documents, long files and folders: each row has its answer."""

import json
import os

from tests.cli.test_epcis import MADE, file  # noqa: F401 - a fixture
from tests.cli.test_flow import begun, run  # noqa: F401 - fixtures
from tests.client.conftest import serving
from tests.registry import sample
from tests.registry.conftest import postgres  # noqa: F401 - a fixture

HEADER = "Battery code,Occurred at,Mass (kg)\n"


def table(tmp_path, *rows):
    path = tmp_path / "made.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def key(tmp_path):
    return ("--key", tmp_path / "maker.pem")


def test_a_table_is_reported_and_its_wrong_cells_told(run, begun, tmp_path):  # noqa: F811
    """Rows that hold are taken; of another the row, the column, the value and what to do are said."""
    path = table(
        tmp_path, f"{sample.pack(1)},2026-04-12 10:00,612.5", f"{sample.pack(2)},2026-04-12 10:00,heavy"
    )
    told = run("report", path, *key(tmp_path), "--kind", "manufactured", touches=True)
    assert told.exit_code == 1
    assert "1 taken, 0 known before, 1 refused." in told.output
    assert "Line 3, Mass (kg) ('heavy')" in told.output
    assert not list(tmp_path.glob("made*.report"))
    told = run("report", path, *key(tmp_path), "--kind", "manufactured", "--json", touches=True)
    receipt, refused = map(json.loads, told.stdout.splitlines())
    assert receipt["accepted"] == [0]
    [why] = refused["refused_rows"]
    assert (why["row"], why["column"], why["value"]) == (3, "Mass (kg)", "heavy")


def test_all_or_nothing_sends_nothing_of_a_table(run, begun, tmp_path):  # noqa: F811
    """One cell that does not read, and with --mode all no row is taken."""
    path = table(
        tmp_path, f"{sample.pack(1)},2026-04-12 10:00,612.5", f"{sample.pack(2)},2026-04-12 10:00,heavy"
    )
    told = run("report", path, *key(tmp_path), "--kind", "manufactured", "--mode", "all", touches=True)
    assert told.exit_code == 1
    assert run("battery", sample.pack(1), touches=True).exit_code == 1


def test_columns_of_any_name_are_named_in_a_file(run, begun, tmp_path):  # noqa: F811
    """A mapping says which column is what; without one it is said which member is lacking."""
    path = tmp_path / "own.csv"
    path.write_text(f"Wo,Was,Wann\nHalle 3,{sample.pack(1)},2026-04-12 10:00\n")
    lacking = run("report", path, *key(tmp_path), "--kind", "manufactured", "--json", touches=True)
    assert json.loads(lacking.stdout)["error"]["rule"] == "table.lacking"
    columns = tmp_path / "columns.json"
    columns.write_text('{"kind":"manufactured","columns":[null,"code","occurred_at"]}')
    told = run("report", path, *key(tmp_path), "--columns", columns, touches=True)
    assert told.exit_code == 0, told.output
    columns.write_text("{")
    told = run("report", path, *key(tmp_path), "--columns", columns, "--json", touches=True)
    assert json.loads(told.stdout)["error"]["rule"] == "usage.columns"


def test_a_template_is_filled_in_and_reported(run, begun, tmp_path):  # noqa: F811
    """The headers it has are those that are read, in both languages; it never overwrites."""
    for language in ("en", "zh"):
        path = tmp_path / f"{language}.csv"
        assert run("template", "manufactured", "--out", path, "--language", language).exit_code == 0
        header = path.read_text("utf-8-sig").splitlines()[0].split(",")
        assert run("template", "manufactured", "--out", path).exit_code == 1
        row = dict.fromkeys(header, "") | {
            header[0]: "manufactured",
            header[1]: "2026-04-12 10:00",
            header[2]: sample.pack(1 if language == "en" else 2),
        }
        path.write_text(",".join(header) + "\n" + ",".join(row.values()) + "\n")
        told = run("report", path, *key(tmp_path), touches=True)
        assert told.exit_code == 0, told.output
    assert run("template", "manufactured", "--out", tmp_path / "a.pdf").exit_code == 1
    assert run("template", "nothing", "--out", tmp_path / "a.csv").exit_code == 1
    assert run("template", "shipped", "--out", tmp_path / "a.xlsx").exit_code == 0


def test_an_epcis_document_is_reported(run, begun, file, tmp_path):  # noqa: F811
    """Events of other systems go in as they came; one that is wrong is named by its path."""
    told = run("report", file(MADE), *key(tmp_path), touches=True)
    assert told.exit_code == 0, told.output
    assert run("battery", sample.pack(1), touches=True).exit_code == 0
    wrong = run("report", file({**MADE, "eventTime": "22-07-2026"}), *key(tmp_path), touches=True)
    assert wrong.exit_code == 1
    assert "eventTime" in wrong.output


def test_a_long_file_goes_in_several_reports(run, begun, tmp_path):  # noqa: F811
    """More than 10,000 lines: each report has its receipt, and sent again they are the same."""
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"".join(sample.first_life(sample.pack(n))[0] + b"\n" for n in range(1, 10_051)))
    broken = run("report", path, *key(tmp_path), "--to", "http://127.0.0.1:1")
    assert broken.exit_code == 1
    first = run("report", path, *key(tmp_path), "--json", touches=True)
    again = run("report", path, *key(tmp_path), "--json", touches=True)
    assert first.stdout == again.stdout
    assert [json.loads(one)["lines"] for one in first.stdout.splitlines()] == [10_000, 50]
    assert not list(tmp_path.glob("long*.report"))
    told = run("report", path, *key(tmp_path), touches=True)
    assert "In all 10,050 taken" in told.output


def test_a_folder_is_handed_in_once(run, begun, tmp_path):  # noqa: F811
    """--once takes what is there and ends with an exit code; --json tells each file on a line."""
    line = tmp_path / "line"
    line.mkdir()
    (line / "a.jsonl").write_bytes(sample.first_life(sample.pack(1))[0] + b"\n")
    told = run("report", "--watch", line, "--once", "--json", *key(tmp_path), touches=True)
    assert told.exit_code == 0, told.output
    assert [json.loads(one)["state"] for one in told.stdout.splitlines()] == ["taken"]
    (line / "b.jsonl").write_bytes(b"{}\n")
    told = run("report", "--watch", line, "--once", *key(tmp_path), touches=True)
    assert told.exit_code == 1
    assert "refused  b.jsonl" in told.output
    assert (line / "refused/b.jsonl.reasons.csv").exists()
    assert run("report", touches=True).exit_code == 1
    assert run("report", line / "b.jsonl", "--watch", line).exit_code in {1, 2}


def test_a_token_is_read_from_where_nobody_else_looks(run, begun, tmp_path, monkeypatch):  # noqa: F811
    """From a file that is closed to others, or from the environment; over HTTP to elsewhere it never goes."""
    seen = []
    (tmp_path / "a.jsonl").write_bytes(sample.first_life(sample.pack(1))[0] + b"\n")
    token = tmp_path / "token.txt"
    token.write_text("vt_secret\n")
    token.chmod(0o644)
    told = run("report", tmp_path / "a.jsonl", "--token", token, "--to", "https://x.example", "--json")
    assert json.loads(told.stdout)["error"]["rule"] == "usage.token"
    token.chmod(0o600)
    told = run("report", tmp_path / "a.jsonl", "--token", token, "--to", "http://x.example", "--json")
    assert json.loads(told.stdout)["error"]["rule"] == "usage.tls"
    told = run("report", tmp_path / "a.jsonl", "--token", token, "--json", touches=True)
    assert json.loads(told.stdout)["error"]["rule"] == "usage.token"
    with serving(lambda one: seen.append(one.headers["Authorization"]) or one.say(404)) as url:
        run("report", tmp_path / "a.jsonl", "--token", token, "--to", url)
        monkeypatch.setenv("VOLTRAIL_TOKEN", "vt_other")
        run("report", tmp_path / "a.jsonl", "--to", url)
    assert {"Bearer vt_secret", "Bearer vt_other"} == set(seen)
    assert os.environ["VOLTRAIL_TOKEN"]
