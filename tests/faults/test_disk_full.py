"""The disk is full: whoever reports hears of it in plain words, and what was promised is still there."""

import os
import shutil
import subprocess
import sys

import pytest

import voltrail
from tests.faults import load
from voltrail.errors import RegistryError

ENOUGH = 400 << 20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 MB, which only root may make."""
    if os.geteuid() or not sys.platform.startswith("linux"):
        message = "NOT TESTED: a full disk needs a file system of its own, which only root may mount."
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ENOUGH}", "tmpfs", str(folder)], check=True)
    folder.chmod(0o755)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder, leave=0):
    """Take all of a disk but so many bytes; return the file that does."""
    ballast = folder / "ballast"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - leave)
    return ballast


def move_anchor(data, folder):
    """Put a registry's anchor on another disk."""
    (data / "anchor").mkdir(exist_ok=True)
    shutil.move(data / "anchor", folder / "anchor")
    (data / "anchor").symlink_to(folder / "anchor")


def test_the_database_has_no_room(small_disk, tmp_path):
    """PostgreSQL cannot write its log: nothing is half done, and with room again everything goes on."""
    data = small_disk / "data"
    load.begin(data)
    move_anchor(data, tmp_path)  # which is written after the database
    try:
        received, failed = {}, None
        with voltrail.open(data) as registry:
            ballast = fill(small_disk, leave=1 << 20)
            for number in range(20_000):
                try:
                    received[number] = registry.report(load.report_of(number)[0])
                except RegistryError as error:
                    failed = error
                    break
        assert failed is not None
        assert failed.rule.startswith("database.")
        assert "again" in failed.fix
        ballast.unlink()
        load.stop(data / "pg")
        with voltrail.open(data) as registry:
            load.check_kept(registry, received)
            for number in range(len(received) + 3):
                received[number] = registry.report(load.report_of(number)[0])
            load.check_kept(registry, received)
    finally:
        load.stop(data / "pg")


def test_the_anchor_has_no_room(small_disk, data):
    """The anchor cannot be written: nobody is answered, and the same report gets its receipt later."""
    with voltrail.open(data) as registry:
        received = {0: registry.report(load.report_of(0)[0])}
    move_anchor(data, small_disk)
    with voltrail.open(data) as registry:
        ballast = fill(small_disk)
        with pytest.raises(RegistryError) as failed:
            registry.report(load.report_of(1)[0])
        assert failed.value.rule == "anchor.not_written"
        assert "No space left" in failed.value.message
        ballast.unlink()
        for number in (1, 2):
            received[number] = registry.report(load.report_of(number)[0])
        load.check_kept(registry, received)
