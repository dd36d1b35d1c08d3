r"""
Paths to one element of a document: singular queries of JSONPath, RFC 9535, section 2.3.5.1.

    >>> read_path("$.battery['mass']")
    ('battery', 'mass')

A path that may lead to several elements is none here: `*`, `..`, `?`, slices and lists of selectors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from voltrail.errors import UsageError

MAX_CHARACTERS: Final = 500
_STEP: Final = re.compile(
    r"""\.(?P<plain>[A-Za-z_\x80-\U0010FFFF][A-Za-z0-9_\x80-\U0010FFFF]*)"""
    r"""|\[[ \t\r\n]*(?:'(?P<one>[^'\\]*)'|"(?P<two>[^"\\]*)"|(?P<place>0|-?[1-9][0-9]{0,15}))[ \t\r\n]*\]"""
)


def read_path(text: str) -> tuple[str, ...]:
    """Return the names on the way from the root; a place in a list is one, too. Raises UsageError."""
    if len(text) > MAX_CHARACTERS or not text.startswith("$"):
        raise _wrong(text, "A path begins with $, and has at most 500 characters.")
    steps, at = [], 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise _wrong(
                text, f"From character {at + 1} on it leads to no one element: {text[at : at + 20]!r}."
            )
        steps.append(next(one for one in found.groups() if one is not None))
        at = found.end()
    if not steps:
        raise _wrong(text, "The root is the passport itself.")
    return tuple(steps)


def written_path(steps: Iterable[str]) -> str:
    """Return the path of names that need no quotes."""
    return ".".join(("$", *steps))


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(
        "passport.path",
        f"{text[:60]!r} is no path to one element. {why}",
        "Write names only, as $.battery.mass or $['battery']['mass'].",
        source="RFC 9535, section 2.3.5.1",
    )
