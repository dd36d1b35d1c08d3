"""
Voltrail: a digital ID for every power battery, and its whole life on a record that anyone can verify.

Three doors:

- `voltrail.open(folder)` gives a `Registry`;
- `Registry.report(file)` writes, and answers with a receipt;
- `voltrail.verify(evidence, policy, authorities)` checks a history without any server.
"""

from pathlib import Path

from voltrail.ledger.verify import verify
from voltrail.registry.registry import Registry

__all__ = ["Registry", "open", "verify"]


def open(data: str | Path, database: str | None = None) -> Registry:
    """
    Return the registry in a folder made by `voltrail init`.

    It starts the embedded PostgreSQL in that folder, or uses the one that
    `database` (a DSN) names. Close it, or use it in a `with` statement.
    Raises RegistryError when there is none, RegistryClosed when it must not be written.
    """
    return Registry(Path(data), database)
