"""The table of kinds and the document printed from it."""

from pathlib import Path

from voltrail.events import kinds
from voltrail.events.table import KINDS, ROLES, document

DOCUMENT = Path(__file__).parents[2] / "docs" / "events.md"


def test_the_document_is_what_the_table_prints():
    """docs/events.md is printed, never edited: write document() into it."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_every_kind_has_a_row():
    """No struct without a row, no row without a struct, no role that does not exist."""
    assert set(KINDS) == set(kinds.STRUCTS)
    assert all(kind.roles and kind.roles <= ROLES for kind in KINDS.values())
    assert all(kind.subjects and kind.zh and kind.effect for kind in KINDS.values())
