"""The stand-in for the EU registry, and handing over, from the command line."""

from tests.cli.test_flow import begun, run
from tests.registry.conftest import postgres

__all__ = ["begun", "postgres", "run"]


def test_what_the_stand_in_cannot_use_is_said(run, tmp_path):
    """A store that is no file of ours, and a fault that there is not."""
    (tmp_path / "no.sqlite").write_text("not a database, but long enough to be looked at as one " * 10)
    told = run("eu-registry", "stand-in", "--store", tmp_path / "no.sqlite", "--port", "0")
    assert told.exit_code == 1
    assert "--store" in told.output
    assert run("eu-registry", "stand-in", "--fault", "meteor").exit_code == 2


def test_handing_over_asks_what_and_whence(run, tmp_path):
    """Neither all nor an operator, both, and a folder that nobody wrote."""
    told = run("handover", "export", tmp_path / "to", "--data", tmp_path / "none")
    assert told.exit_code == 1
    (tmp_path / "policy.txt").write_text("nothing")
    asked = ("--policy", tmp_path / "policy.txt", "--authority", "x", "--data", tmp_path / "none")
    assert run("handover", "import", tmp_path / "from", *asked).exit_code == 1
