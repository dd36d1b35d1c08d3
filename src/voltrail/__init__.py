"""
Voltrail: a digital ID for every power battery, and its whole life on a record that anyone can verify.

Four doors:

- `voltrail.open(folder)` gives a `Registry`;
- `Registry.report(file)` writes, and answers with a receipt;
- `voltrail.Client(url)` does so, and reads, where the registry is elsewhere;
- `voltrail.verify(evidence, policy, authorities)` checks a history without any server.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltrail.ledger.verify import verify

if TYPE_CHECKING:
    from voltrail.client import Client
    from voltrail.registry.registry import Registry

__all__ = ["Client", "Registry", "open", "verify"]

# Loaded when they are used: who reports from a machine at the line needs no database.
_LATER = {"Client": "voltrail.client", "Registry": "voltrail.registry.registry"}


def __getattr__(name: str) -> Any:
    """Return a door that was not opened yet."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)


def open(data: str | Path, database: str | None = None) -> Registry:
    """
    Return the registry in a folder made by `voltrail init`.

    It starts the embedded PostgreSQL in that folder, or uses the one that
    `database` (a DSN) names. Close it, or use it in a `with` statement.
    Raises RegistryError when there is none, RegistryClosed when it must not be written.
    """
    from voltrail.registry.registry import Registry

    return Registry(Path(data), database)
