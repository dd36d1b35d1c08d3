"""
The sentences of the pages in other languages than English: gettext catalogues, read at start as they are.

    locale/zh/LC_MESSAGES/voltrail.po    each sentence of a page, by its English
    locale/zh/LC_MESSAGES/rules.po       what each rule says is wrong, and what to do, by the rule

Any gettext editor opens them. A sentence without a translation, or with one marked fuzzy, appears in English,
and a rule in the words of its error; tests see that there is none.
"""

from __future__ import annotations

from gettext import GNUTranslations, NullTranslations
from importlib.resources import as_file, files
from io import BytesIO
from typing import Final, NamedTuple

import polib

from voltrail.web.language import LANGUAGES, Language


class Words(NamedTuple):
    """What is said of a rule: what is wrong, and what to do. They are named as the fields of an error are."""

    message: str
    fix: str


def read(language: Language, name: str = "voltrail") -> polib.POFile:
    """Return a catalogue of a language, entry by entry."""
    folder = files("voltrail.web").joinpath("locale", language, "LC_MESSAGES")
    with as_file(folder.joinpath(f"{name}.po")) as path:
        return polib.pofile(str(path))


def _translations(language: Language) -> NullTranslations:
    if language == "en":  # the sentences themselves
        return NullTranslations()
    return GNUTranslations(BytesIO(read(language).to_binary()))


def _rules(language: Language) -> dict[str, Words]:
    if language == "en":  # the errors themselves
        return {}
    said = {(one.msgctxt, one.msgid): one.msgstr for one in read(language, "rules").translated_entries()}
    return {rule: Words(said["message", rule], said["fix", rule]) for _, rule in said}


CATALOGUES: Final[dict[Language, NullTranslations]] = {one: _translations(one) for one in LANGUAGES}
RULES: Final[dict[Language, dict[str, Words]]] = {one: _rules(one) for one in LANGUAGES}


def later(text: str) -> str:
    """Return an English sentence of the catalogue as it is: it is said once its page is known."""
    return text
