"""Words for names that stand in tables and are no names of the record: where something stands, as what."""

from __future__ import annotations

from typing import Final

from voltrail.web.catalogue import later
from voltrail.web.page import Page

_WORDS: Final = {
    "accepted": later("taken"),
    "taken": later("taken"),
    "found": later("taken, with findings"),
    "known": later("known before"),
    "refused": later("refused"),
    "open": later("open"),
    "done": later("done"),
    "waiting": later("waiting"),
    "approved": later("approved"),
    "administrator": later("administrator"),
    "member": later("member"),
    "battery": later("battery"),
    "part": later("part"),
    "predecessor": later("made from"),
    "successor": later("made into"),
    "legitimate_interest": later("legitimate interest"),
}


def word_for(name: str, page: Page) -> str:
    """Return the word for a name in the words of a page."""
    return page.say(_WORDS[name]) if name in _WORDS else page.name(name)
