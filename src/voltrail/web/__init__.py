"""
Pages for people: templates, words in two languages, one style sheet.

Values in, HTML out; whole without scripts, and nothing is loaded from another host.
"""

from voltrail.web.language import Language, choose
from voltrail.web.page import THEMES, Page, Theme
from voltrail.web.static import ASSETS, Asset

__all__ = ["ASSETS", "THEMES", "Asset", "Language", "Page", "Theme", "choose"]
