"""Finds English on a Chinese page that no Chinese leads to."""

from __future__ import annotations

import re
from html.parser import HTMLParser

ENGLISH = re.compile(r"[A-Za-z]{2,}[,;:]?(?: [\w`'’“”-]+[,;:]?){3,}", re.ASCII)  # four words in a row
CHINESE = re.compile(r"[一-鿿][^。]{3,}。")  # a sentence; a label is not enough
COMMAND = re.compile(r"voltrail [a-z -]+")  # which Chinese sentences name too
BLOCKS = {"main", "aside", "section", "li", "tr", "header", "footer"}
VOID = {"meta", "link", "input", "br", "hr", "img", "path"}
SPOKEN = {"aria-label", "alt", "placeholder", "title"}
NOT_READ = {"script", "style", "pre", "code", "textarea"}  # commands, bytes, lines as they were sent


class Reader(HTMLParser):
    """Reads a page as a person does: `unled` are the English sentences that are not Chinese first."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.unled: list[str] = []

    def handle_starttag(self, tag, attributes):
        spoken = [text or "" for name, text in attributes if name in SPOKEN]
        self.unled += [text for text in spoken if ENGLISH.search(COMMAND.sub("", text))]
        if tag not in VOID:
            self.open.append((tag, dict(attributes), []))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        while self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if any(tag in NOT_READ or "mono" in (named.get("class") or "") for tag, named, _ in self.open):
            return
        languages = [named["lang"] for _, named, _ in self.open if "lang" in named]
        if ENGLISH.search(COMMAND.sub("", data)) and not (languages[-1:] == ["en-GB"] and self._is_led()):
            self.unled.append(data.strip())
        for _, _, said in self.open:
            said.append(data)

    def _is_led(self) -> bool:
        """Return whether the nearest block that says anything before this says it in Chinese."""
        block = next(said for tag, _, said in reversed(self.open) if tag in BLOCKS and "".join(said).strip())
        return CHINESE.search("".join(block)) is not None


def unled(html: str) -> list[str]:
    """Return the English sentences of a Chinese page that have no Chinese before them."""
    reader = Reader()
    reader.feed(html)
    return reader.unled
