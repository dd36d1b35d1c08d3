"""One page, in one language: it finds the words, writes the addresses, and renders a template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from voltrail.web import figures, life
from voltrail.web.language import Language
from voltrail.web.static import ASSETS
from voltrail.web.words import ROUTES_ZH, ZH, event_word, name_word

_environment: Final = Environment(
    loader=PackageLoader("voltrail.web"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals["assets"] = ASSETS


class Page:
    """
    What a template speaks through, as `page`.

    `query` are the parameters the page was asked with; `asked` says whether
    the language was among them, and so goes along in every link.
    """

    def __init__(self, language: Language, path: str = "/", query: Iterable[tuple[str, str]] = ()) -> None:
        self.language, self.path = language, path
        self.query = [(name, value) for name, value in query if name != "lang"]
        self.asked = any(name == "lang" for name, _ in query)

    def render(self, template: str, **values: Any) -> str:
        """Return the HTML of a template."""
        return _environment.get_template(f"{template}.html").render(page=self, t=self.say, **values)

    @property
    def tag(self) -> str:
        """The language for the `lang` attribute."""
        return "zh-CN" if self.language == "zh" else "en-GB"

    def say(self, text: str, **values: Any) -> str:
        """Return an English sentence of the templates in the page's language, its places filled."""
        words = ZH[text] if self.language == "zh" else text
        return words.format(**values) if values else words

    def event(self, kind: str) -> str:
        """Return the word for a kind of event."""
        return event_word(kind, self.language)

    def tell(self, kind: str, members: Mapping[str, Any], code: str) -> str:
        """Return in a sentence what an event says about the battery of this code."""
        return life.tell(kind, members, code, self.language)

    def name(self, name: str) -> str:
        """Return the word for a member, a phase or another name of the record."""
        return name_word(name, self.language)

    def route(self, summary: str) -> str:
        """Return what an address is for."""
        return ROUTES_ZH[summary] if self.language == "zh" else summary

    def number(self, value: float) -> str:
        """Return a number with its thousands separated."""
        return figures.number(value, self.language)

    def day(self, text: str) -> str:
        """Return the day of a time, as people write it."""
        return figures.day(text, self.language)

    def moment(self, text: str) -> str:
        """Return a time to the minute, with its zone."""
        return figures.moment(text, self.language)

    def value(self, value: Any) -> str:
        """Return a value of a member, for reading."""
        return figures.value(value, self.language)

    def link(self, path: str, **query: Any) -> str:
        """Return an address on this host; the language goes along when it was asked for."""
        pairs = [(name, str(value)) for name, value in query.items() if value not in {None, ""}]
        if self.asked:
            pairs.append(("lang", self.language))
        return quote(path, safe="/-._~") + (f"?{urlencode(pairs)}" if pairs else "")

    @property
    def other(self) -> str:
        """The address of this page in the other language."""
        language = "en" if self.language == "zh" else "zh"
        return f"{quote(self.path, safe='/-._~')}?{urlencode([*self.query, ('lang', language)])}"
