"""
Adapters to services outside whose interface is not ours: small, replaceable, found by entry point.

To install a package is to trust it, and there is nothing to configure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from voltrail.errors import UsageError


class NotNow(Exception):
    """The service did not decide; `later` says after how many seconds it wants to be asked, if it did."""

    def __init__(self, message: str, later: str = "") -> None:
        super().__init__(message)
        self.message, self.later = message, later


def installed(group: str, method: str, taken: Collection[str]) -> Iterator[tuple[str, Any]]:
    """
    Yield what an entry point group names, made: each must have the method, and a name that is not taken.

    Raises UsageError for one that cannot be used.
    """
    for entry in entry_points(group=group):
        if entry.name in taken:
            raise _unusable(entry, "that name is taken by one that comes with Voltrail")
        try:
            adapter = entry.load()()
        except Exception as error:
            raise _unusable(entry, str(error) or repr(error)) from error
        if not callable(getattr(adapter, method, None)):
            raise _unusable(entry, f"what it makes has no method {method}")
        yield entry.name, adapter


def _unusable(entry: EntryPoint, why: str) -> UsageError:
    package = entry.dist.name if entry.dist is not None else "unknown"
    return UsageError(
        "adapter.unusable",
        f"The adapter {entry.name} ({entry.value}, package {package}) cannot be used: {why}.",
        "Mend the package, or take it away from this server.",
    )
