"""
What somebody set where the law's own is not known: terms, an authority for all or an organisation for itself;
and what gates have as their value, an authority alone.

A setting says from when on it counts, under which article, and who says so; a rule keeps what it is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, get_args

import msgspec

from voltrail.errors import UsageError
from voltrail.regimes.deadlines import Calendar, Unit, Year
from voltrail.regimes.rules import GATES, Gate, Rule, Rules, RuleUnit

MAX_TERM = 3_650
MAX_WORDS = 50  # of a gate
MAX_WORD = 64


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The term of a deadline, or the words of a gate, from a day to a day (both included), as somebody set it.

    `enforced` makes findings of it; an authority's alone may be. `source` says who says so.
    """

    rule: str
    value: int | tuple[str, ...]
    unit: RuleUnit
    valid_from: date
    source: str
    valid_to: date | None = None
    article: str | None = None
    enforced: bool = False

    def check(self, rules: Rules, *, own: bool) -> None:
        """
        Raise UsageError for what cannot be set; `own`: by an organisation, for itself alone.

        What the law's text supports is not set anew.
        """
        rule = next((one for one in rules.all if one.id == self.rule), None)
        if rule is None:
            raise UsageError(
                "rule.unknown", f"There is no rule {self.rule[:40]!r}.", "The page /rules lists them."
            )
        if rule.enforced:
            raise UsageError(
                "rule.confirmed",
                f"{rule.id} is confirmed: {rule.term or rule.duty} by {rule.article}.",
                "Only what is not configured or advisory can be set.",
            )
        gate = GATES.get(rule.about)
        if gate is None:
            self._check_term()
        elif own:
            raise UsageError(
                "rule.gate",
                "What may not be done is the same for all.",
                "An authority sets it; an organisation sets terms for itself.",
            )
        else:
            self._check_words(gate)
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise UsageError("rule.days", "The term would end before it begins.", "Exchange the two days.")
        if self.valid_from < rule.valid_from or (
            rule.valid_to is not None and self.valid_from > rule.valid_to
        ):
            raise UsageError(
                "rule.days",
                f"{rule.id} is in force from {rule.valid_from} to {rule.valid_to or 'now'}.",
                "Let the term begin within that.",
            )
        if not _is_said(self.source, 3, 2_000) or not _is_said(self.article or "", 0, 256):
            raise UsageError(
                "rule.source",
                "Who says so, or the article, is missing, far too long, or holds what no text has.",
                "Name the source in words.",
            )
        if own and self.enforced:
            raise UsageError(
                "rule.enforced",
                "What an organisation sets for itself makes no findings.",
                "Leave `enforced` out; an authority may enforce a term.",
            )

    def _check_term(self) -> None:
        if (
            isinstance(self.value, tuple)
            or self.unit not in get_args(Unit)
            or not 1 <= self.value <= MAX_TERM
        ):
            raise UsageError(
                "rule.term",
                f"{self.value} {self.unit} is no term.",
                "Give a number of at least 1 in days, working days or months.",
            )

    def _check_words(self, gate: Gate) -> None:
        words = self.value if isinstance(self.value, tuple) else ()
        wrong = [one for one in words if (one not in gate.words if gate.words else not _is_word(one))]
        among = f"some of {', '.join(gate.words)}" if gate.words else f"each of up to {MAX_WORD} characters"
        if not words or len(words) > MAX_WORDS or wrong or self.unit != gate.unit:
            about = f"{wrong[0][:40]!r}" if wrong else f"With {len(words)} words and the unit {self.unit}, it"
            raise UsageError(
                "rule.words",
                f"{about} is not what this rule can say: {gate.value}.",
                f"Give 1 to {MAX_WORDS} words, {among}; the unit is {gate.unit}.",
            )


def _is_said(text: str, least: int, most: int) -> bool:
    return least <= len(text.strip()) <= most and "\0" not in text


def _is_word(text: str) -> bool:
    return 0 < len(text) <= MAX_WORD and text.isprintable() and text == text.strip()


class SetYear(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The working days of a year by its notice: weekdays off, weekend days worked, as MM-DD; its source."""

    year: int
    off: tuple[str, ...]
    work: tuple[str, ...]
    source: str

    def check(self) -> None:
        """Raise UsageError for days that are none."""
        if not 2018 <= self.year <= 2100 or not _is_said(self.source, 3, 2_000):
            raise UsageError("rule.year", "The year or its source is missing.", "Give both.")
        try:
            Calendar({self.year: Year(self.off, self.work)})
        except ValueError as error:
            raise UsageError(
                "rule.year", str(error), "Write days as MM-DD, as the notice has them."
            ) from None


def read_settings(data: bytes) -> tuple[list[Setting], list[SetYear]]:
    """
    Return the settings and years of a file: a JSON list, each with the members of Setting or of SetYear.

    Raises UsageError, which says which one of the list does not read.
    """
    try:
        given = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=list[dict[str, Any]])
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise UsageError(
            "rule.file", f"The file is no list of settings: {error}.", "Write a JSON list of objects."
        ) from None
    settings: list[Setting] = []
    years: list[SetYear] = []
    for number, one in enumerate(given, 1):
        try:
            if "year" in one:
                years.append(msgspec.convert(one, SetYear))
            else:
                settings.append(msgspec.convert(one, Setting))
        except msgspec.ValidationError as error:
            raise UsageError(
                "rule.file",
                f"Number {number} of the list does not read: {error}.",
                "Mend it; nothing was set.",
            ) from None
    return settings, years


def with_settings(
    rules: Rules, settings: Iterable[Setting], years: Mapping[int, Year] | None = None
) -> Rules:
    """Return the rules with what was set in place of their own while it counts; the last setting wins."""
    found = list(rules.all)
    for setting in settings:
        found = [piece for rule in found for piece in _with(rule, setting)]
    calendar = rules.calendar if not years else Calendar(rules.calendar.years | dict(years))
    return Rules(found, calendar)


def _with(rule: Rule, setting: Setting) -> list[Rule]:
    """Return a rule cut in up to three pieces: before a setting counts, while it does, and after."""
    since = max(rule.valid_from, setting.valid_from)
    until = min(rule.valid_to or date.max, setting.valid_to or date.max)
    if rule.id != setting.rule or since > until:
        return [rule]
    day = timedelta(days=1)
    pieces = []
    if rule.valid_from < since:
        pieces.append(msgspec.structs.replace(rule, valid_to=since - day))
    pieces.append(
        msgspec.structs.replace(
            rule,
            value=setting.value,
            unit=setting.unit,
            valid_from=since,
            valid_to=None if until == date.max else until,
            article=setting.article or rule.article,
            article_zh=setting.article or rule.article_zh,
            source=setting.source,
            confidence="configured",
            enforced=setting.enforced,
            gap=None,
            gap_zh=None,
        )
    )
    if until < (rule.valid_to or date.max):
        pieces.append(msgspec.structs.replace(rule, valid_from=until + day))
    return pieces
