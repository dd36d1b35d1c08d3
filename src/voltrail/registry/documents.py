"""
Files of documents, kept by their digest: what the record names, and here is.

The record has only the digest (`document_added`); whoever has the file can check that it is the one. A file
is kept before it is named, so what nobody names in the end may be removed.
"""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Final

from voltrail.errors import NotFound, UsageError
from voltrail.lifecycle import Model
from voltrail.registry.files import sync, write_private

MAX_BYTES: Final = 32 << 20
# What a file may be, by how it begins: it is handed out as that, and as nothing that a browser would run.
TYPES: Final = {b"%PDF-": "application/pdf", b"PK\x03\x04": "application/zip"}
READERS: Final = {
    "disassembly": frozenset({"vehicle_dismantler", "utilisation_enterprise", "collection_outlet"}),
    "repair": frozenset(
        {"repair_enterprise", "vehicle_dismantler", "utilisation_enterprise", "swap_operator"}
    ),
    "safety": None,
    "composition": frozenset(
        {"repair_enterprise", "vehicle_dismantler", "utilisation_enterprise", "collection_outlet"}
    ),
    "carbon_footprint": None,
    "recycled_content": None,
    "performance": None,
    "label": None,
    "due_diligence": None,
    "conformity": None,
    "test_report": frozenset(),
}
"""In which roles each purpose is read; None: by everybody. Source: Regulation (EU) 2023/1542, Annex XIII."""

_DIGEST: Final = re.compile("[0-9a-f]{64}")


class Documents:
    """The files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, content: bytes) -> str:
        """Keep a file; return its SHA-256 in hex. Raises UsageError for what is none."""
        if type_of(content) is None:
            message = "This is neither a PDF file nor a zip of files."
            raise UsageError("document.type", message, "Send one of these.")
        if len(content) > MAX_BYTES:
            raise UsageError("document.too_large", f"More than {MAX_BYTES >> 20} MiB.", "Make it smaller.")
        digest = sha256(content).hexdigest()
        path = self._path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            part = path.with_suffix(".part")
            part.unlink(missing_ok=True)
            write_private(part, content)
            part.replace(path)
            sync(path.parent)
        return digest

    def has(self, digest: str) -> bool:
        """Return whether a file is here."""
        return _DIGEST.fullmatch(digest) is not None and self._path(digest).exists()

    def read(self, digest: str) -> bytes:
        """Return a file. Raises NotFound where it is not here, or is not the one any more."""
        content = self._path(digest).read_bytes() if self.has(digest) else b""
        if sha256(content).hexdigest() != digest:
            raise NotFound(
                "document.unknown",
                "This registry does not have the file.",
                "Ask the model's maker; its digest is on record.",
            )
        return content

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def type_of(content: bytes) -> str | None:
    """Return the media type of a file by how it begins; None for one that is not kept."""
    return next((kind for start, kind in TYPES.items() if content.startswith(start)), None)


def may_read(
    model: Model, digest: str, organisation: str | None, roles: frozenset[str], *, everything: bool
) -> bool:
    """
    Return whether somebody may read a document of a model; `everything` for authorities and auditors.

    Whoever made the model reads its own.
    """
    purposes = {one.purpose for one in model.documents if one.digest == digest}
    if not purposes:
        return False
    if everything or (organisation is not None and organisation == model.maker):
        return True
    return any((allowed := READERS[purpose]) is None or roles & allowed for purpose in purposes)
