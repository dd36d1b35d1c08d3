"""The doctor: what may be wrong with an installation, each with what to do about it."""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from voltrail.errors import RegistryError, VoltrailError
from voltrail.registry import settings
from voltrail.registry.registry import Registry

ENOUGH_FREE_BYTES = 2 << 30


class Check(msgspec.Struct, frozen=True):
    """One thing looked at; `fix` says what to do when it is not right."""

    name: str
    ok: bool
    message: str
    fix: str = ""


def diagnose(data: Path, database: str | None = None) -> Iterator[Check]:
    """Look at Python, disk, keys, settings, database and log, in the order in which they are needed."""
    yield _python()
    yield _disk(data)
    steps: tuple[tuple[str, Callable[[], str]], ...] = (
        ("settings", lambda: f"The log is {settings.load(data).origin}."),
        ("keys", lambda: _keys(data)),
        ("log", lambda: _log(data, database)),
    )
    for name, step in steps:
        try:
            yield Check(name, ok=True, message=step())
        except VoltrailError as error:
            yield Check(name, ok=False, message=error.message, fix=error.fix)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the doctor names it
            yield Check(
                name, ok=False, message=f"{type(error).__name__}: {error}", fix="See the database's log."
            )
            return


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check("python", sys.version_info >= (3, 11), f"Python {version}.", "Install Python 3.11 or later.")


def _disk(data: Path) -> Check:
    there = next(folder for folder in (data, *data.resolve().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    message = f"{free / (1 << 30):.1f} GiB free."
    return Check("disk", free >= ENOUGH_FREE_BYTES, message, "Free some space: 2 GiB at least.")


def _keys(data: Path) -> str:
    settings.Keys(data / "keys", settings.load(data).origin)
    for path in (data / "keys").iterdir():
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise RegistryError("key.readable", f"Others may read {path.name}.", f"Run: chmod 600 {path}")
    return "The log's two keys, the host's key and its secret are there, and only you may read them."


def _log(data: Path, database: str | None) -> str:
    with Registry(data, database) as registry:
        registry.check_open()
        sizes = registry.metrics()
    return f"{sizes['log_size']:,} entries; database and anchor agree."
