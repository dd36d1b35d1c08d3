"""
The sentences of the pages in other languages than English: gettext catalogues, read at start as they are.

    locale/zh/LC_MESSAGES/voltrail.po

Any gettext editor opens them. A sentence without a translation, or with one marked fuzzy, appears in English;
a test sees that there is none.
"""

from __future__ import annotations

from gettext import GNUTranslations, NullTranslations
from importlib.resources import as_file, files
from io import BytesIO
from typing import Final

import polib

from voltrail.web.language import LANGUAGES, Language


def read(language: Language) -> polib.POFile:
    """Return the catalogue of a language, entry by entry."""
    folder = files("voltrail.web").joinpath("locale", language, "LC_MESSAGES")
    with as_file(folder.joinpath("voltrail.po")) as path:
        return polib.pofile(str(path), check_for_duplicates=True)


def _translations(language: Language) -> NullTranslations:
    if language == "en":  # the sentences themselves
        return NullTranslations()
    return GNUTranslations(BytesIO(read(language).to_binary()))


CATALOGUES: Final[dict[Language, NullTranslations]] = {one: _translations(one) for one in LANGUAGES}
