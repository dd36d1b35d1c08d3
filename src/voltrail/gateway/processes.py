"""
The processes of a gateway: one that looks after the others, several that share a port, one that archives.

A process that dies is started again; what it had not answered is sent again by whoever sent it. When the
parent ends, in order or not, the others make durable what has come, answer it, and end.
"""

from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
import os
import resource
import signal
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

import msgspec
import uvloop
from psycopg_pool import ConnectionPool

from voltrail.database.database import Connection
from voltrail.errors import RegistryError, UsageError
from voltrail.gateway import archiving, live
from voltrail.gateway.folder import Folder
from voltrail.gateway.limits import DEFAULT, Limits
from voltrail.gateway.server import Server, listen
from voltrail.registry.admission import Admission, Admit

DATABASE_S: Final = 2.0  # for a question to the database
LOOK_S: Final = 0.1
START_S: Final = 120.0  # what is compiled at the first start takes some seconds
END_S: Final = 30.0
ORPHAN_S: Final = 1.0  # how soon a process notices that its parent has gone
AGAIN_S: Final = 1.0  # before a process that died is started again

_spawn = multiprocessing.get_context("spawn")


class Tls(msgspec.Struct, frozen=True):
    """Files of PEM: our certificate chain and its key, and who must have signed those of who connects."""

    certificate: str
    key: str
    clients: str | None = None

    def context(self) -> ssl.SSLContext:
        """Return what encrypts; raises UsageError (`usage.tls`) for files that do not fit together."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            made.load_cert_chain(self.certificate, self.key)
            if self.clients is not None:
                made.load_verify_locations(self.clients)
                made.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ValueError) as error:
            raise UsageError(
                "usage.tls",
                f"{self.certificate} and {self.key} are no certificate and key that can be used: {error}.",
                "Give the chain, its own certificate first, its key without a password, and the authority's"
                " certificate for those of who connects.",
            ) from error
        return made


class Archiving(msgspec.Struct, frozen=True):
    """Which registry what came is tied to, and who reports the alarms of vehicles connected by themselves."""

    data: Path
    database: str | None = None
    organisation: str | None = None


class Settings(msgspec.Struct, frozen=True):
    """What the processes of a gateway are told; without `archiving` segments are left as they are."""

    root: Path
    dsn: str
    host: str
    port: int
    admit: Admit = "recorded"
    tls: Tls | None = None
    limits: Limits = DEFAULT
    archiving: Archiving | None = None


class Gateway:
    """Starts the processes, and those again that die; used as a context, it ends them in order."""

    def __init__(self, settings: Settings, processes: int = 1) -> None:
        """Raise UsageError (`gateway.port`, `usage.tls`), RegistryError (`gateway.running`)."""
        if settings.tls is not None:
            settings.tls.context()
        self._lock = _only_one(settings.root)
        try:
            self._held = _hold(settings.host, settings.port)
        except UsageError:
            self._lock.close()
            raise
        self.port: int = self._held.getsockname()[1]
        self._settings = msgspec.structs.replace(settings, port=self.port)
        self._mail = tempfile.TemporaryDirectory(prefix="voltrail-")
        self._ready = _spawn.Semaphore(0)
        self._children: list[SpawnProcess] = []
        self._processes = processes
        self._died_at: list[float] = []

    def __enter__(self) -> Self:
        live.clear(Folder(self._settings.root))
        self._children = [self._start(number) for number in range(self._processes)]
        if self._settings.archiving is not None:
            self._children.append(self._start(self._processes))
        self._died_at = [0.0] * len(self._children)
        until = time.monotonic() + START_S
        for _ in range(self._processes):
            while not self._ready.acquire(timeout=LOOK_S):
                if time.monotonic() > until or not all(child.is_alive() for child in self._children):
                    self.__exit__()
                    raise RegistryError(
                        "gateway.start",
                        "A process of the gateway did not start.",
                        "Its own words stand before this line.",
                    )
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            if child.pid is not None and child.is_alive():
                child.terminate()
        until = time.monotonic() + END_S
        for child in self._children:
            child.join(max(0.0, until - time.monotonic()))
            if child.is_alive():
                child.kill()
                child.join()
        self._held.close()
        self._mail.cleanup()
        self._lock.close()

    @property
    def pids(self) -> list[int]:
        """The processes that share the port."""
        return [child.pid for child in self._children[: self._processes] if child.pid is not None]

    def look(self) -> None:
        """Start again what has died; to be called every now and then."""
        for number, child in enumerate(self._children):
            if not child.is_alive() and time.monotonic() - self._died_at[number] > AGAIN_S:
                self._died_at[number] = time.monotonic()
                self._children[number] = self._start(number)

    def _start(self, number: int) -> SpawnProcess:
        """Start a process that shares the port, or, by the number behind theirs, the one that archives."""
        told = self._settings.archiving
        if number == self._processes and told is not None:
            args = (self._settings.root, told.data, told.database, told.organisation)
            child = _spawn.Process(target=archiving.run, args=args)
        else:
            mailbox = Path(self._mail.name) / f"{number}.sock"
            child = _spawn.Process(target=_serve, args=(self._settings, mailbox, self._ready))
        child.start()
        return child


def _serve(settings: Settings, mailbox: Path, ready: Semaphore) -> None:
    """Be one of the processes, until told to end or left alone."""
    _more_files()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us in order
    pool: ConnectionPool[Connection] = ConnectionPool(
        settings.dsn,
        min_size=1,
        max_size=4,
        timeout=DATABASE_S,
        open=True,
        kwargs={"autocommit": True, "connect_timeout": 2},
        check=ConnectionPool.check_connection,
    )
    try:
        uvloop.run(_run(settings, pool, mailbox, ready))
    finally:
        pool.close(timeout=1)


async def _run(settings: Settings, pool: ConnectionPool[Connection], mailbox: Path, ready: Semaphore) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    parent = os.getppid()

    def watch() -> None:
        if os.getppid() == parent:
            loop.call_later(ORPHAN_S, watch)
        else:
            stop.set()

    watch()
    server = Server(Folder(settings.root), Admission(pool, settings.admit), os.getpid(), settings.limits)
    tls = None if settings.tls is None else settings.tls.context()
    with listen(settings.host, settings.port, shared=True) as listening:
        await server.run(listening, stop, tls=tls, mailbox=mailbox, ready=ready.release)


@contextmanager
def told_to_end() -> Iterator[list[int]]:
    """Give a list that has the signal in it once this process is told to end (SIGTERM, Ctrl-C)."""
    told: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    before: dict[int, Any] = {one: signal.signal(one, hear) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _only_one(root: Path) -> BufferedWriter:
    """Return what holds the folder for one gateway; two would archive the same segments."""
    root.mkdir(parents=True, exist_ok=True)
    lock = (root / "gateway.lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise RegistryError(
            "gateway.running",
            f"A gateway already keeps what it is sent in {root}.",
            "End it first, or give this one a registry of its own.",
        ) from None
    return lock


def _hold(host: str, port: int) -> Any:
    """Return a socket that holds a port, bound and not listening, for the processes to share."""
    try:
        with listen(host, port, shared=False):
            pass  # nobody else listens: those who share a port would share it with another program too
        return listen(host, port, shared=True)
    except OSError as error:
        raise UsageError(
            "gateway.port",
            f"{host}:{port} cannot be listened on: {error.strerror}.",
            "Choose another address or port, or end what listens there.",
        ) from error


def _more_files() -> None:
    """Let this process have as many sockets as the system allows it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
