"""Simulated vehicles and a real gateway: what is sent, answered, kept and refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.registry.conftest import postgres
from voltrail.cli import main
from voltrail.cli.simulate import simulate
from voltrail.database.database import Database
from voltrail.gateway.folder import Folder
from voltrail.gateway.processes import Gateway, Settings
from voltrail.gateway.segments import read
from voltrail.registry.admission import Admission
from voltrail.telematics.gbt32960.frame import Frame, read_frame
from voltrail.telematics.gbt32960.stream import split

__all__ = ["postgres"]


@pytest.fixture
def database(postgres: Callable[[], str]) -> Iterator[Database]:
    """A database without vehicles."""
    with Database(None, postgres()) as opened:
        yield opened


@pytest.fixture
def gateway(database: Database, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that lets any vehicle in."""
    with Gateway(Settings(tmp_path, database.dsn, "127.0.0.1", 0, "any")) as running:
        yield running


def run(gateway: Gateway, *words: str, **env: str) -> dict[str, Any]:
    """Let vehicles send for some seconds, and return what was told of it."""
    address = f"127.0.0.1:{gateway.port}"
    given = ["--connect", address, "--period", "1", "--json", *words]
    result = CliRunner().invoke(main, ["gateway", "simulate", *given], env=env)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def kept(folder: Path) -> list[Frame]:
    """Return the frames in segments, in the order in which they were kept."""
    found = []
    for path in sorted(Folder(folder).segments.rglob("*.seg")):
        for record in read(path):
            found += [read_frame(record.frames[start:stop]) for start, stop in split(record.frames).frames]
    return found


def by_command(frames: list[Frame], command: int) -> list[Frame]:
    """Return the frames of a command."""
    return [frame for frame in frames if frame.command == command]


def test_vehicles_log_in_report_and_leave(gateway: Gateway, tmp_path: Path) -> None:
    """Vehicles of both editions are let in, all that they send is kept, and their logouts are answered."""
    told = run(gateway, "--vehicles", "12", "--seconds", "8")
    assert told["logged_in"] == 12
    assert told["answers"] == {"vehicle_login: success": 12, "vehicle_logout: success": 12}
    assert told["closed"] == told["unreachable"] == 0
    frames = kept(tmp_path)
    assert len(frames) == told["frames"]
    assert len({frame.vin for frame in by_command(frames, 2)}) == 12
    assert {frame.edition for frame in frames} == {2016, 2025}
    assert not any(frame.troubles for frame in frames)
    of_one = [frame.time for frame in by_command(frames, 2) if frame.vin == frames[0].vin]
    assert of_one == sorted(set(of_one))


def test_a_platform_is_answered_for_every_report(
    gateway: Gateway, database: Database, tmp_path: Path
) -> None:
    """Over one connection, with the password from the environment, each report has its answer."""
    password = Admission(database.pool).add_platform("FLEET1", "91000000XDEM00001P")
    told = run(
        gateway,
        *("--vehicles", "30", "--seconds", "3", "--platform", "FLEET1", "--edition", "2016"),
        VOLTRAIL_PLATFORM_PASSWORD=password,
    )
    reports = by_command(kept(tmp_path), 2)
    assert told["logged_in"] == 30
    assert told["answers"]["report: success"] == len(reports) > 30
    assert told["answers"]["platform_logout: success"] == 1
    assert told["answer_ms"]["median"] > 0


def test_a_wrong_password_is_told(gateway: Gateway) -> None:
    """A platform that is not let in sends nothing, and the answer says so."""
    told = run(
        gateway,
        *("--vehicles", "2", "--seconds", "6", "--platform", "FLEET1", "--edition", "2016"),
        VOLTRAIL_PLATFORM_PASSWORD="wrong",
    )
    assert told["logged_in"] == 0
    assert set(told["answers"]) == {"platform_login: error"}  # once, or again after some seconds


def test_faults_do_not_touch_the_others(gateway: Gateway, tmp_path: Path) -> None:
    """Beside vehicles with each of the faults, those without are kept report by report."""
    told = run(gateway, "--vehicles", "20", "--seconds", "9", "--faults", "all")
    frames = kept(tmp_path)
    reports = by_command(frames, 2)
    honest = {f"ZZZSAMPLE{90_000_000 + row:08d}" for row in range(11, 20)}
    counts = {vin: sum(frame.vehicle == vin for frame in reports) for vin in honest}
    assert min(counts.values()) >= 6
    assert max(counts.values()) - min(counts.values()) <= 1
    assert by_command(frames, 3)
    assert told["answers"]["report: error"] >= 1  # of the wrong check


def test_nobody_listens(tmp_path: Path) -> None:
    """Where no gateway is, the command says so and fails, instead of counting nothing for ever."""
    result = CliRunner().invoke(
        main, ["gateway", "simulate", "--connect", "127.0.0.1:1", "--seconds", "1", "--json"]
    )
    assert result.exit_code == 1
    assert "usage.address" in result.stdout


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("--connect", "nowhere"), "usage.address"),
        (("--connect", "127.0.0.1:99999"), "usage.address"),
        (("--faults", "bcc,unheard"), "usage.choice"),
    ],
)
def test_wrong_words_are_told(words: tuple[str, ...], rule: str) -> None:
    """An address or a fault that is none is refused before anything is sent."""
    result = CliRunner().invoke(main, ["gateway", "simulate", "--json", *words])
    assert result.exit_code == 1
    assert rule in result.stdout


def test_more_connections_than_the_machine_allows() -> None:
    """Whoever asks for more connections than a process may have is told, and no vehicle is begun."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > 50_000:
        pytest.skip("this machine allows any number")
    result = CliRunner().invoke(main, ["gateway", "simulate", "--json", "--vehicles", str(hard)])
    assert result.exit_code == 1
    assert "usage.limit" in result.stdout
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == soft


def test_the_command_is_part_of_the_gateway() -> None:
    """It stands beside the command that it sends to."""
    from voltrail.cli.gateway import gateway

    assert gateway.commands["simulate"] is simulate
