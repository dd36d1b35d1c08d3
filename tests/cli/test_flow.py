"""A start in earnest from the command line: keys, init, report, battery, evidence, verify, audit."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner
from litestar.testing import TestClient

import voltrail
from tests.registry import sample
from tests.registry.conftest import postgres  # noqa: F401 - a fixture
from voltrail.api import create_app
from voltrail.cli import main
from voltrail.ledger.keys import Signer

PACK = sample.pack(1)


@pytest.fixture
def run(tmp_path, postgres):  # noqa: F811
    """Run a command in a folder of its own, on a database of its own."""
    dsn = postgres()

    def command(*arguments, touches=False):
        where = ["--data", str(tmp_path / "d"), "--database", dsn] if touches else []
        return CliRunner().invoke(main, [*map(str, arguments), *where])

    command.dsn = dsn
    return command


@pytest.fixture
def begun(run, tmp_path):
    """A registry begun with `init`, that knows a maker."""
    made = run("key", "new", f"{sample.AUTHORITY}/root-1", "--out", tmp_path / "authority.pem", "--json")
    vkey = json.loads(made.stdout)["vkey"]
    assert run("init", "--origin", "example/log", "--authority", vkey, touches=True).exit_code == 0
    made = run("key", "new", f"{sample.MAKER}/line-1", "--out", tmp_path / "maker.pem", "--json")
    maker = json.loads(made.stdout)
    lines = sample.registrations(sample.MAKER, "battery_maker")[:2]
    lines.append(
        sample.line(
            "key_added",
            "2026-01-01T08:00:00+08:00",
            **{name: maker[name] for name in ("organisation", "key_id", "algorithm", "public_key")},
        )
    )
    (tmp_path / "trust.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    told = run("report", tmp_path / "trust.jsonl", "--key", tmp_path / "authority.pem", touches=True)
    assert told.exit_code == 0, told.output
    (tmp_path / "life.jsonl").write_bytes(b"".join(line + b"\n" for line in sample.first_life(PACK)))
    return vkey


def test_from_keys_to_verified_evidence(run, begun, tmp_path):
    """The README's commands in order: the same receipt twice, evidence that verifies, a clean audit."""
    report = ("report", tmp_path / "life.jsonl", "--key", tmp_path / "maker.pem", "--json")
    first, again = run(*report, touches=True), run(*report, touches=True)
    assert first.exit_code == 0, first.output
    assert first.stdout == again.stdout
    assert not (tmp_path / "life.report").exists()
    evidence = run("evidence", PACK, touches=True)
    (tmp_path / "e.json").write_text(evidence.stdout)
    verify = ("verify", tmp_path / "e.json", "--policy", tmp_path / "d/policy.txt", "--authority", begun)
    assert run(*verify).exit_code == 0
    content = (tmp_path / "e.json").read_bytes()
    for place in range(0, len(content) - 1, 97):
        changed = bytearray(content)
        changed[place] ^= 1
        (tmp_path / "e.json").write_bytes(changed)
        assert run(*verify).exit_code == 1, place
    audit = run("log", "audit", "--json", touches=True)
    assert (audit.exit_code, json.loads(audit.stdout)["differences"]) == (0, [])
    assert run("doctor", touches=True).exit_code == 0


def test_a_check_refuses_what_a_report_would_take_with_a_gap(run, begun, tmp_path):
    """Asking first answers no, with what to do; nothing is recorded."""
    line = sample.line("shipped", "2026-04-13T10:00:00+08:00", code=PACK, to=sample.CARMAKER)
    (tmp_path / "ask.jsonl").write_bytes(line + b"\n")
    asked = run("report", tmp_path / "ask.jsonl", "--key", tmp_path / "maker.pem", "--check", touches=True)
    assert asked.exit_code == 1
    assert "no." in asked.stdout
    assert run("battery", PACK, touches=True).exit_code == 1


def test_a_server_that_is_away_is_named(run, begun, tmp_path):
    """A server that cannot be reached is a refusal in words, with what to do."""
    told = run(
        "report",
        tmp_path / "life.jsonl",
        "--key",
        tmp_path / "maker.pem",
        "--to",
        "http://127.0.0.1:9",
        "--json",
    )
    assert told.exit_code == 1
    assert "http.unreachable" in told.output


def test_init_never_overwrites(run, begun):
    """A second init on the same folder is refused; the keys stay as they are."""
    again = run("init", "--origin", "example/log", "--authority", begun, touches=True)
    assert again.exit_code == 1
    assert "already holds" in again.output


def test_another_report_beside_the_file_is_not_written_over(run, begun, tmp_path):
    """A .report of that name that holds something else stays as it is; what is kept is for its owner only."""
    kept = tmp_path / "life.report"
    kept.write_bytes(b"another report, not yet answered")
    report = ("report", tmp_path / "life.jsonl", "--key", tmp_path / "maker.pem")
    refused = run(*report, touches=True)
    assert refused.exit_code == 1
    assert "holds another report" in refused.output
    assert kept.read_bytes() == b"another report, not yet answered"
    kept.unlink()
    broken = run(*report, "--to", "http://127.0.0.1:1")
    assert broken.exit_code == 1
    assert run(*report, touches=True).exit_code == 0


@pytest.fixture
def between(run, begun, tmp_path):
    """A server of the registry, and a stranger between it and its reporters who may change its answers."""
    change = {"receipt": lambda body: body}
    with voltrail.open(tmp_path / "d", run.dsn) as registry, TestClient(create_app(registry)) as client:

        class Stranger(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(client.get(self.path))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told = {"Content-Type": self.headers["Content-Type"]}
                self.answer(client.post(self.path, content=body, headers=told), change["receipt"])

            def answer(self, found, change=lambda body: body):
                self.send_response(found.status_code)
                self.end_headers()
                self.wfile.write(change(found.content))

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}", change
        server.shutdown()
        server.server_close()


def test_a_receipt_that_is_not_the_logs_is_not_believed(run, between, tmp_path):
    """Until the log itself has answered for these lines, the signed file is kept; then it is let go of."""
    url, change = between
    kept = tmp_path / "life.report"
    report = ("report", tmp_path / "life.jsonl", "--key", tmp_path / "maker.pem", "--to", url)
    change["receipt"] = lambda body: body.replace(b'"known":[]', b'"known":[{"line":9,"index":9}]')
    refused = run(*report)
    assert refused.exit_code == 1
    assert "does not hold" in refused.output
    assert "kept" in refused.output
    assert kept.exists()
    change["receipt"] = lambda _: b"<html>Welcome</html>"
    assert run(*report).exit_code == 1
    assert kept.exists()
    other = tmp_path / "other.txt"
    other.write_text(f"log {Signer.generate('another.example/log').vkey}\nquorum none\n")
    change["receipt"] = lambda body: body
    assert "no Ed25519 key" in run(*report, "--policy", other).output
    assert kept.exists()
    own = run(*report, "--policy", tmp_path / "d/policy.txt")
    assert own.exit_code == 0, own.output
    assert not kept.exists()


def test_the_receipt_of_another_report_is_not_believed(run, between, tmp_path):
    """One that the log did sign, for other lines, is no answer to these."""
    url, change = between
    answers = []
    change["receipt"] = lambda body: answers.append(body) or answers[0]
    (tmp_path / "next.jsonl").write_bytes(sample.first_life(sample.pack(2))[0] + b"\n")
    key = ("--key", tmp_path / "maker.pem", "--to", url)
    assert run("report", tmp_path / "life.jsonl", *key).exit_code == 0
    refused = run("report", tmp_path / "next.jsonl", *key)
    assert refused.exit_code == 1
    assert "another report" in refused.output
    assert (tmp_path / "next.report").exists()


def test_a_server_that_is_no_registry_is_named(run, begun, tmp_path):
    """An answer that is not Voltrail's is said to be none, whatever it is."""

    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Welcome</html>")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}"
        told = run("report", tmp_path / "life.jsonl", "--key", tmp_path / "maker.pem", "--to", url)
        server.shutdown()
    assert told.exit_code == 1
    assert "does not answer as a registry does" in told.output


def test_a_report_is_signed_for_another_day(run, begun, tmp_path):
    """With --out nothing is handed in; the file it writes can be, later, and other files are left alone."""
    life, out = tmp_path / "life.jsonl", tmp_path / "day.report"
    signed = run("report", life, "--key", tmp_path / "maker.pem", "--out", out, touches=True)
    assert signed.exit_code == 0, signed.output
    assert out.stat().st_mode & 0o777 == 0o600
    assert run("battery", PACK, touches=True).exit_code == 1
    life.write_bytes(life.read_bytes().splitlines(keepends=True)[0])
    again = run("report", life, "--key", tmp_path / "maker.pem", "--out", out, touches=True)
    assert again.exit_code == 1
    told = run("report", out, "--json", touches=True)
    assert json.loads(told.stdout)["accepted"] == [0, 1]


def test_a_passport_is_told_to_programs(run, begun, tmp_path):
    """As JSON: its points, and what a rule set says of it; a label's address does for a code."""
    run("report", tmp_path / "life.jsonl", "--key", tmp_path / "maker.pem", touches=True)
    told = json.loads(run("passport", PACK, "--json", touches=True).stdout)
    assert told["points"]["serial_number"]["value"] == PACK
    for rules in ("eu-guidance-1.0", "din-dke-spec-99100"):
        checked = run("passport", PACK, "--check", rules, "--on", "2027-03-01", "--json", touches=True)
        assert checked.exit_code == 1
        assert {"verdict", "point", "message"} <= set(json.loads(checked.stdout)["judgements"][0])
    address = run("battery", f"https://gone.example/b/{PACK}?lang=zh", "--json", touches=True)
    assert json.loads(address.stdout)["code"] == PACK
