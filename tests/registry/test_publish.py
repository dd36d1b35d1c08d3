"""A published folder is whole at every moment and holds what the database holds; what is wrong is named."""

import os
import resource
import shutil
import subprocess
import sys
from itertools import count

import pytest

import voltrail
from tests.registry import sample
from voltrail.errors import RegistryError, UsageError
from voltrail.ledger import tiles
from voltrail.ledger.entries import parse_event, parse_heads
from voltrail.ledger.notes import Checkpoint, Policy
from voltrail.ledger.tiles import ENTRIES, Tile
from voltrail.registry.publish import check_folder, publish
from voltrail.registry.settings import initialise

KILLED = """
import os, signal, sys
from pathlib import Path
import voltrail
from voltrail.registry.publish import publish

data, dsn, folder, steps = sys.argv[1:]
left = int(steps)
with voltrail.open(data, dsn) as registry:

    def hook(event, arguments):
        global left
        touches = event in {"os.rename", "os.remove", "os.rmdir", "os.mkdir"} or (
            event == "open" and arguments[1] not in {"r", "rb"}
        )
        if touches and folder in str(arguments[0]):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    publish(registry.log, Path(folder))
"""

serials = count(1)


def grow(registry, packs):
    """Report so many packs as made: an entry each."""
    lines = [
        sample.line("manufactured", "2026-04-12T10:00:00+08:00", code=sample.pack(next(serials)))
        for _ in range(packs)
    ]
    registry.report(sample.report(sample.signer(sample.MAKER), lines))
    return Checkpoint.parse(registry.checkpoint().partition("\n\n")[0] + "\n").size


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def paths(size):
    return {tile.path for tile in tiles.tiles_between(0, size)}


def test_what_is_published(registry, tmp_path):
    """The same bytes as over HTTP, the checkpoint that is served, and nothing else in the folder."""
    size = grow(registry, 300)
    told = []
    done = publish(registry.log, tmp_path / "www", progress=lambda *n: told.append(n))
    assert (done.before, done.size, done.written, done.removed) == (0, size, len(paths(size)), 0)
    assert told[-1] == (done.written, done.written)
    assert files_in(tmp_path / "www") == paths(size) | {"checkpoint"}
    for tile in tiles.tiles_between(0, size):
        assert (tmp_path / "www" / tile.path).read_bytes() == registry.log.tile(tile)
    Policy.parse(registry.policy).check((tmp_path / "www/checkpoint").read_text())
    assert check_folder(registry.log, tmp_path / "www") == []


def test_only_what_is_new_is_written(registry, tmp_path):
    """A second run writes nothing; as the log grows, partial tiles stay until their full ones are there."""
    folder, sizes = tmp_path / "www", [grow(registry, 1)]
    publish(registry.log, folder)
    first = (folder / "checkpoint").read_bytes()
    assert publish(registry.log, folder).written == 0
    assert (folder / "checkpoint").read_bytes() == first
    sizes.append(grow(registry, 1))
    assert publish(registry.log, folder).written == 2
    assert paths(sizes[0]) | paths(sizes[1]) | {"checkpoint"} == files_in(folder)
    size = grow(registry, 260)
    done = publish(registry.log, folder)
    assert (done.written, done.removed) == (5, 4)
    assert files_in(folder) == paths(size) | {"checkpoint"}


def test_entries_that_are_no_events_are_published(registry, tmp_path):
    """Heads stand in the log beside events; their whole entry is in the bundle, at its index."""
    grow(registry, 3)
    at = registry.enter_heads()
    size = grow(registry, 3)
    publish(registry.log, tmp_path / "www")
    assert check_folder(registry.log, tmp_path / "www") == []
    bundle = Tile(ENTRIES, 0, size)
    entries = tiles.entries_in(bundle, (tmp_path / "www" / bundle.path).read_bytes())
    assert parse_heads(entries.pop(at)).size == at
    assert all(parse_event(entry) for entry in entries)


def test_killed_at_any_moment(registry, tmp_path):
    """Whenever the run is killed, folder and checkpoint agree, and the next run ends where it would have."""
    folder = tmp_path / "www"
    grow(registry, 240)
    publish(registry.log, folder)
    size = grow(registry, 300)
    shutil.copytree(folder, tmp_path / "before")
    killed = 0
    for steps in range(0, 60, 3):
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "before", folder)
        arguments = [registry.data, registry.database.dsn, folder, steps]
        run = subprocess.run([sys.executable, "-c", KILLED, *map(str, arguments)], check=False)
        assert check_folder(registry.log, folder) == []
        killed += run.returncode != 0
        assert publish(registry.log, folder).size == size
        assert files_in(folder) == paths(size) | {"checkpoint"}
        assert check_folder(registry.log, folder) == []
        if run.returncode == 0:
            break
    assert run.returncode == 0
    assert killed > 8


@pytest.fixture
def published(registry, tmp_path):
    """A folder with two full tiles and an edge."""
    size = grow(registry, 600)
    publish(registry.log, tmp_path / "www")
    return tmp_path / "www", size


@pytest.mark.parametrize("level", [ENTRIES, 0])
def test_deleted_tiles_are_named_and_mended(registry, published, level):
    """Tiles deleted, inside or at the edge: the check names each, --mend writes them anew."""
    folder, size = published
    inside, edge = Tile(level, 0), Tile(level, size // 256, size % 256)
    for tile in (inside, edge):
        (folder / tile.path).unlink()
    told = {(fault.path, fault.message) for fault in check_folder(registry.log, folder)}
    assert told == {(inside.path, "is missing"), (edge.path, "is missing")}
    with pytest.raises(RegistryError, match="--mend") as caught:
        publish(registry.log, folder)
    assert caught.value.rule == "publish.damaged"
    assert edge.path in caught.value.message
    assert publish(registry.log, folder, mend=True).written == 2
    assert check_folder(registry.log, folder) == []


def test_changed_tiles_are_named_and_mended(registry, published):
    """One byte in a full tile, in a bundle, and at the edge."""
    folder, size = published
    changed = [Tile(0, 1), Tile(ENTRIES, 0), Tile(0, size // 256, size % 256)]
    for tile in changed:
        data = bytearray((folder / tile.path).read_bytes())
        data[40] ^= 1
        (folder / tile.path).write_bytes(data)
    assert {fault.path for fault in check_folder(registry.log, folder)} == {tile.path for tile in changed}
    with pytest.raises(RegistryError) as caught:
        publish(registry.log, folder)
    assert caught.value.rule == "publish.damaged"
    assert publish(registry.log, folder, mend=True).written == 3
    assert check_folder(registry.log, folder) == []


def test_folders_of_something_else(registry, published, tmp_path, postgres):
    """Another log's folder, one with other files, a checkpoint nobody signed: refused, nothing touched."""
    folder, _ = published
    initialise(tmp_path / "other", "other.example/log", [sample.authority().vkey])
    with voltrail.open(tmp_path / "other", postgres()) as other:
        other.report(_report_to(other))
        with pytest.raises(UsageError) as caught:
            publish(other.log, folder)
        assert caught.value.rule == "publish.other_log"
        assert "other.example/log" in caught.value.message
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letter.txt").write_text("dear")
    with pytest.raises(UsageError) as caught:
        publish(registry.log, tmp_path / "home")
    assert caught.value.rule == "publish.folder"
    assert files_in(tmp_path / "home") == {"letter.txt"}
    (folder / "checkpoint").write_text("nonsense")
    for refused in (publish, check_folder):
        with pytest.raises(voltrail.errors.VoltrailError):
            refused(registry.log, folder)


def _report_to(registry):
    from voltrail.events import split
    from voltrail.ledger.reports import sign_report

    lines = sample.registrations(sample.MAKER, "battery_maker")
    key = sample.authority()
    return sign_report(registry.origin, key, bytes(16), lines, [split(one) for one in lines]).encode()


def test_another_history(registry, published):
    """A folder further than the registry, or with another root, is not continued."""
    folder, size = published
    log = registry.keys.log
    for checkpoint, rule in [
        (Checkpoint(registry.origin, size + 1, bytes(32)), "publish.ahead"),
        (Checkpoint(registry.origin, size - 1, bytes(32)), "publish.history"),
    ]:
        (folder / "checkpoint").write_text(log.sign(checkpoint.text))
        with pytest.raises(RegistryError) as caught:
            publish(registry.log, folder)
        assert caught.value.rule == rule


def test_a_damaged_database_is_not_published(registry, tmp_path):
    """An event that is not the one in the tree, or is gone, stops the run before its bundle is written."""
    grow(registry, 3)
    for statement, rule in [
        ("update event set received_ms = received_ms + 1 where seq = 5", "log.entry_wrong"),
        ("delete from event where seq = 5", "log.entry_missing"),
    ]:
        with registry.database.connect() as connection:
            connection.execute(statement)
            connection.commit()
        with pytest.raises(RegistryError) as caught:
            publish(registry.log, tmp_path / "www")
        assert caught.value.rule == rule
    assert not files_in(tmp_path / "www")


def test_a_full_disk_is_told_in_words(registry, tmp_path):
    """When a file cannot be written the command says which folder and why; the next run goes on."""
    grow(registry, 300)
    folder = tmp_path / "www"
    command = [sys.executable, "-m", "voltrail.cli", "log", "publish", str(folder)]
    command += ["--data", str(registry.data), "--database", registry.database.dsn]

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))  # a full tile has 8,192 bytes

    done = subprocess.run(command, check=False, capture_output=True, text=True, preexec_fn=small_files)
    assert done.returncode == 1
    assert f"{folder} cannot be used: File too large" in done.stderr
    assert "goes on where it stopped" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "checkpoint").exists()
    publish(registry.log, folder)
    assert check_folder(registry.log, folder) == []


def test_two_runs_at_once(registry, published):
    """The second is told that one is enough."""
    import fcntl

    folder, _ = published
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(RegistryError) as caught:
        publish(registry.log, folder)
    os.close(descriptor)
    assert caught.value.rule == "publish.busy"
