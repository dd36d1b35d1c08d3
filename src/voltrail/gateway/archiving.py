"""The process of a gateway that archives: segments become rows, logins and alarms are tied to the record."""

from __future__ import annotations

import logging
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Final

import psycopg

from voltrail.errors import RegistryError, VoltrailError
from voltrail.gateway.archiver import Archiver
from voltrail.gateway.binding import Binder
from voltrail.gateway.folder import Folder
from voltrail.registry.registry import Registry

ALARMS_S: Final = 5.0  # between two looks at which alarms are to be reported
AGAIN_S: Final = 5.0  # before another that archives is waited for again

_log = logging.getLogger(__name__)


def archive(root: Path, data: Path, database: str | None, organisation: str | None, stop: Event) -> None:
    """
    Archive what closes and report alarms until `stop` is set; `organisation` reports for single vehicles.

    What the database does not take is held back and tried again.
    """
    folder = Folder(root)
    with Registry(data, database) as registry:
        binder = Binder(registry, folder, organisation)
        while not stop.is_set():
            try:
                archiver = Archiver(folder, [binder.see])
            except RegistryError as busy:  # by hand, at this moment
                _log.warning("%s", busy)
                stop.wait(AGAIN_S)
                continue
            with archiver:
                archiving = Thread(target=archiver.run, args=(stop,), name="archiver")
                archiving.start()
                while archiving.is_alive() and not stop.wait(ALARMS_S):
                    _report(binder)
                archiving.join()


def _report(binder: Binder) -> None:
    try:
        binder.report_alarms(datetime.now(UTC))
    except (VoltrailError, psycopg.Error, OSError) as error:
        _log.warning("Alarms wait to be reported: %s", error)


def run(root: Path, data: Path, database: str | None, organisation: str | None) -> None:
    """Be the process that archives, until SIGTERM, or until the parent has gone."""
    stop, parent = Event(), os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us in order
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def watch() -> None:
        while not stop.wait(1.0):
            if os.getppid() != parent:
                stop.set()

    Thread(target=watch, daemon=True, name="parent").start()
    archive(root, data, database, organisation, stop)
