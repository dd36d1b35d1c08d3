"""Which language a page is in: asked for by `?lang=`, else by the browser, else English."""

from __future__ import annotations

from typing import Final, Literal

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")


def choose(asked: str | None, accept_language: str) -> Language:
    """Return the language of a page; the first that we speak among those the browser likes best."""
    for language in LANGUAGES:
        if asked == language:
            return language
    for tag in preferred(accept_language):
        for language in LANGUAGES:
            if tag.partition("-")[0] == language:
                return language
    return "en"


def preferred(header: str) -> list[str]:
    """Return the values of an Accept header of any kind, in lower case, the most liked first."""
    weighed = []
    for part in header.split(","):
        value, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        if value and weight > 0:
            weighed.append((-weight, value.strip().lower()))
    return [value for _, value in sorted(weighed, key=lambda pair: pair[0])]


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
