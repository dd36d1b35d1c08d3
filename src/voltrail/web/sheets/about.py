"""On what a file stands: what it is, who took it, when, and the checkpoint of the log its rows are of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

import msgspec

from voltrail.regimes.deadlines import CHINA
from voltrail.registry.snapshot import Standing
from voltrail.web.page import Page
from voltrail.web.sheets.sheet import Stands


class About(msgspec.Struct, frozen=True):
    """
    What a file says of itself.

    `title` is in words; `reader` is the organisation that took it, None for the public. `filters` are those
    of the list, `stands` says what the rows are to the checkpoint.
    """

    title: str
    reader: str | None
    filters: Mapping[str, str]
    standing: Standing
    stands: Stands = "exactly"

    @property
    def incomplete(self) -> int | None:
        """Up to which entry the rows surely go, where that is not all of the log; None where it is."""
        behind = self.stands == "followed" and not self.standing.followed
        return self.standing.followed_to if behind else None

    def told(self, page: Page) -> list[tuple[str, str]]:
        """Return it in the words of a page, each thing with its name."""
        standing = self.standing
        lines = [
            (page.say("Table"), self.title),
            (page.say("Read at"), f"{standing.at.astimezone(CHINA):%Y-%m-%d %H:%M:%S} (UTC+8)"),
            (page.say("Reader"), self.reader or page.say("the public")),
        ]
        if self.filters:
            chosen = ", ".join(f"{name}={value}" for name, value in self.filters.items())
            lines.append((page.say("Only"), chosen))
        lines += [
            (page.say("Log"), standing.origin),
            (page.say("Entries of the log"), str(standing.size)),
            (page.say("Root hash"), standing.root64),
            (page.say("What that means"), self._meaning(page)),
        ]
        if standing.note is not None:
            lines.append((page.say("Signed checkpoint"), standing.note))
        return lines

    def in_one_line(self, page: Page) -> str:
        """Return it as one line, without the checkpoint's signature."""
        told = self.told(page)
        kept = told[:-1] if self.standing.note is not None else told
        return " · ".join(f"{name}: {value}" for name, value in kept)

    def for_programs(self) -> dict[str, str]:
        """Return it by names that do not change, each as text."""
        standing = self.standing
        told = {
            "title": self.title,
            "read_at": standing.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "reader": self.reader or "public",
            "origin": standing.origin,
            "size": str(standing.size),
            "root": standing.root64,
            "stands": "exactly" if self.stands == "followed" and self.standing.followed else self.stands,
        }
        if self.incomplete is not None:
            told["complete_to_index"] = str(self.incomplete)
        if standing.note is not None:
            told["checkpoint"] = standing.note
        return told | {f"filter.{name}": value for name, value in self.filters.items()}

    def _meaning(self, page: Page) -> str:
        if self.stands == "beside":
            return page.say(
                "These rows are from the registry's own books, which are not in the log."
                " So stood the log when they were read."
            )
        if self.stands == "at_least":
            return page.say("The rows are the record as it stood with these entries, and perhaps some more.")
        if self.incomplete is not None:
            return page.say(
                "The rows were read at one moment, when the log had so many entries. They have all"
                " that was entered below index {index}; of the entries since, some may be lacking.",
                index=self.incomplete,
            )
        return page.say(
            "The rows are the record as it stood with exactly these entries, all read at one moment."
        )
