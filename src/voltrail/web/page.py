"""One page, in one language: it finds the words, writes the addresses, and renders a template."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from voltrail.web import figures, life
from voltrail.web.catalogue import CATALOGUES, RULES, Words
from voltrail.web.chart import Unit
from voltrail.web.language import Language
from voltrail.web.static import ASSETS
from voltrail.web.words import event_word, name_word

Theme = Literal["auto", "light", "dark"]
THEMES: Final[tuple[Theme, ...]] = ("auto", "light", "dark")
CHOICES: Final = {"lang", "theme"}  # of the reader: no part of what a page shows
_MARKED: Final = re.compile("`([^`]+)`")

_environment: Final = Environment(
    loader=PackageLoader("voltrail.web"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals["assets"] = ASSETS


def marked(text: str) -> Markup:
    """Return a text for a page: all of it escaped, what stands between backticks as code."""
    return Markup(_MARKED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


_environment.filters["marked"] = marked


class SignedIn(Protocol):
    """Who is signed in, as far as pages say it."""

    @property
    def login(self) -> str:
        """The name to sign in with."""

    @property
    def organisation(self) -> str:
        """For which organisation."""

    @property
    def administers(self) -> bool:
        """Whether it looks after accounts."""

    @property
    def csrf(self) -> str:
        """What forms send along."""


class Page:
    """
    What a template speaks through, as `page`.

    `query` are the parameters the page was asked with; `asked` says whether
    the language was among them, and so goes along in every link. `theme` is
    light or dark, or auto: as the reader's system is. `person` is who is signed in; `owns`
    says whether a claim token was shown.
    `arriving` is who comes from elsewhere: the style sheet comes with the page then, so that a phone that has
    scanned a code waits for one answer and not for two. Within the site it is loaded once and kept.
    """

    def __init__(
        self,
        language: Language,
        path: str = "/",
        query: Iterable[tuple[str, str]] = (),
        theme: Theme = "auto",
        person: SignedIn | None = None,
        *,
        arriving: bool = False,
    ) -> None:
        self.language, self.path, self.theme, self.person = language, path, theme, person
        self.owns = False
        self.arriving = arriving
        self.query = [(name, value) for name, value in query if name not in CHOICES]
        self.asked = any(name == "lang" for name, _ in query)

    def render(self, template: str, **values: Any) -> str:
        """Return the HTML of a template."""
        return _environment.get_template(f"{template}.html").render(page=self, t=self.say, **values)

    @property
    def tag(self) -> str:
        """The language for the `lang` attribute."""
        return "zh-CN" if self.language == "zh" else "en-GB"

    @property
    def is_known(self) -> bool:
        """Whether the reader may be more than the public."""
        return self.owns or self.person is not None

    @property
    def gap(self) -> str:
        """What stands between two sentences."""
        return "" if self.language == "zh" else " "

    def say(self, text: str, **values: Any) -> str:
        """Return an English sentence in the page's language, its places filled."""
        words = CATALOGUES[self.language].gettext(text)
        return words.format(**values) if values else words

    def rule(self, rule: str | None) -> Words | None:
        """Return what a rule says in the page's language; None where its error says it."""
        return RULES[self.language].get(rule or "")

    def rules(self, *families: str) -> dict[str, str]:
        """Return what the rules of these families say is wrong, for scripts."""
        said = RULES[self.language].items()
        return {rule: words.message for rule, words in said if rule.partition(".")[0] in families}

    def event(self, kind: str) -> str:
        """Return the word for a kind of event."""
        return event_word(kind, self.language)

    def tell(self, kind: str, members: Mapping[str, Any], code: str) -> str:
        """Return in a sentence what an event says about the battery of this code."""
        return life.tell(kind, members, code, self.language)

    def name(self, name: str) -> str:
        """Return the word for a member, a phase or another name of the record."""
        return name_word(name, self.language)

    def number(self, value: float) -> str:
        """Return a number with its thousands separated."""
        return figures.number(value, self.language)

    def day(self, text: str) -> str:
        """Return the day of a time, as people write it."""
        return figures.day(text, self.language)

    def month(self, text: str) -> str:
        """Return the month of a time, as people write it."""
        return figures.month(text, self.language)

    def moment(self, text: str) -> str:
        """Return a time to the minute, with its zone."""
        return figures.moment(text, self.language)

    def clock(self, text: str, unit: Unit) -> str:
        """Return a time to this unit: the day, or the time of day."""
        return self.day(text) if unit == "day" else figures.clock(text, seconds=unit == "second")

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
        return self._again(("lang", "en" if self.language == "zh" else "zh"))

    def themed(self, theme: Theme) -> str:
        """Return the address of this page in another theme, which the browser then remembers."""
        return self._again(*([("lang", self.language)] if self.asked else []), ("theme", theme))

    def _again(self, *choices: tuple[str, str]) -> str:
        return f"{quote(self.path, safe='/-._~')}?{urlencode([*self.query, *choices])}"
