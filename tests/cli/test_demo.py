"""`voltrail demo`: made once, served again at once, and never mixed with another world."""

import json
import socket

import pytest
from click.testing import CliRunner

import voltrail
from voltrail.accounts.applications import Applications
from voltrail.cli import main
from voltrail.ledger.keys import Signer
from voltrail.registry.settings import initialise

PACKS, SEED = "40", "5"


def demo(data, *more):
    return CliRunner().invoke(main, ["demo", "--packs", PACKS, "--seed", SEED, "--data", str(data), *more])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a small sample world, and what was said when it was made."""
    data = tmp_path_factory.mktemp("demo") / "data"
    return data, demo(data, "--no-serve")


def test_it_makes_a_world_and_says_what_to_try(made):
    """What it prints names a battery that is there, and the tour stands in the folder."""
    data, told = made
    assert told.exit_code == 0, told.output
    assert "Lives" in told.output
    assert "Reports" in told.output
    stops = json.loads((data / "tour.json").read_bytes())["stops"]
    assert f"battery {stops['verify'][0]} --data" in told.output


def test_three_wait_to_be_let_in(made):
    """The authority has something to decide, and the key to do it with; once, however often it is made."""
    data, _ = made
    with voltrail.open(data) as registry:
        waiting = Applications(registry).waiting()
        assert [one.asked.login for one in waiting] == ["swap-three", "outlet-three", "utilisation-three"]
        assert Signer.from_pem((data / "authority.pem").read_text()).vkey in registry.settings.authorities


def test_a_world_that_is_there_is_not_told_again(made):
    """The second start goes straight to the registry."""
    data, _ = made
    told = demo(data, "--no-serve")
    assert told.exit_code == 0, told.output
    assert "Lives" not in told.output


def test_a_world_that_was_broken_off_is_taken_up_again(made):
    """Without its last file the same world is reported again, and nothing is there twice."""
    data, _ = made
    (data / "tour.json").unlink()
    told = demo(data, "--no-serve")
    assert told.exit_code == 0, told.output
    assert "Reports" in told.output
    assert (data / "tour.json").exists()
    with voltrail.open(data) as registry:
        assert len(Applications(registry).waiting()) == 3
    audited = CliRunner().invoke(main, ["log", "audit", "--data", str(data)])
    assert "no difference" in audited.output


def test_another_world_does_not_go_into_the_same_folder(made):
    """Another size would need other entries at the same places."""
    data, _ = made
    told = CliRunner().invoke(main, ["demo", "--packs", "41", "--data", str(data), "--no-serve"])
    assert told.exit_code == 1
    assert "Name another folder" in told.output


def test_a_registry_in_earnest_is_left_alone(tmp_path, made):
    """Sample reports never go into another registry."""
    vkey = (made[0] / "authority.vkey").read_text().strip()
    initialise(tmp_path / "data", "registry.example/log", [vkey])
    told = demo(tmp_path / "data", "--no-serve")
    assert told.exit_code == 1
    assert "another registry" in told.output


def test_a_port_that_is_taken_is_said_first(tmp_path):
    """Nobody waits for a world to learn that it cannot be served."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        told = demo(tmp_path / "data", "--port", str(other.getsockname()[1]))
    assert told.exit_code == 1
    assert "--port" in told.output
    assert not (tmp_path / "data").exists()
