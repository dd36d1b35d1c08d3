"""A passport as a credential from the command line: issued, checked offline, handed on in part."""

import json

import pytest

from tests.cli.test_flow import PACK, begun, postgres, run  # noqa: F401 - fixtures

# ruff: noqa: F811 - fixtures of another module


@pytest.fixture
def issued(run, begun, tmp_path):
    """The files of an SD-JWT and of its host's key."""
    report = ("report", tmp_path / "life.jsonl", "--key", tmp_path / "maker.pem")
    assert run(*report, touches=True).exit_code == 0
    made = run("passport", PACK, "--as", "sd-jwt", "--audience", "operator", touches=True)
    assert made.exit_code == 0, made.output
    (tmp_path / "battery.sd-jwt").write_text(made.stdout)
    line = json.loads((tmp_path / "d/host-trust.jsonl").read_bytes().splitlines()[1])
    x = line["public_key"].rstrip("=").replace("+", "-").replace("/", "_")
    key = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": f"{line['organisation']}/{line['key_id']}"}
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key]}))
    return tmp_path / "battery.sd-jwt"


def test_it_is_checked_without_the_registry(run, issued, tmp_path):
    """Each point is printed as verified; one changed character, and nothing is."""
    check = ("credential", "verify", issued, "--jwks", tmp_path / "jwks.json")
    said = run(*check)
    assert said.exit_code == 0, said.output
    assert f"✓ Serial number: {PACK}" in said.stdout
    told = json.loads(run(*check, "--json").stdout)
    assert told["points"]["serial_number"] == PACK
    assert told["hidden"] == 0
    text = issued.read_text()
    for place in (5, 200, len(text) // 2, len(text) - 5):
        issued.write_text(text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :])
        refused = run(*check)
        assert refused.exit_code == 1, place
        assert "✓" not in refused.output


def test_its_holder_hands_on_less(run, issued, tmp_path):
    """Only the points he names; that more were signed is told."""
    part = run("credential", "present", issued, "chemistry", "serial_number")
    assert part.exit_code == 1, "it has no chemistry: nobody declared the model's points"
    assert "serial_number" in part.output
    part = run("credential", "present", issued, "serial_number")
    (tmp_path / "part").write_text(part.stdout)
    said = run("credential", "verify", tmp_path / "part", "--jwks", tmp_path / "jwks.json", "--json")
    told = json.loads(said.stdout)
    assert told["points"] == {"serial_number": PACK}
    assert told["hidden"] > 3


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", "电池".encode()])
def test_a_file_that_is_none_is_refused_in_words(run, issued, tmp_path, content):
    """Whatever it holds; and without a key nothing is believed."""
    issued.write_bytes(content)
    refused = run("credential", "verify", issued, "--jwks", tmp_path / "jwks.json")
    assert refused.exit_code == 1
    assert refused.output
    assert "Traceback" not in refused.output
    assert "jwks" in run("credential", "verify", issued).output
