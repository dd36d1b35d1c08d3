"""
Which events are to be submitted: those that meet a duty of who reported them, as the record counts them now.

Files for a rule and the outbox to the national platform go by this alone. A late event or a correction may
change it for events from before, so it is asked of whole chains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from voltrail.database.database import Connection
from voltrail.events import decode
from voltrail.events.kinds import Corrected
from voltrail.lifecycle.fold import last_corrections
from voltrail.regimes import Rule, meetings
from voltrail.registry.duties import roles_in, steps_of
from voltrail.registry.following import Known
from voltrail.registry.rulebook import Rulebook
from voltrail.registry.sent import Stored

# Kinds that turn the phase of a battery: reported late, they change which rules others' events meet.
TURNING: Final = (
    "collected", "destroyed", "dismantled", "enrolled", "exported", "handed_over", "prepared_for_reuse",
    "recycled", "remanufactured", "repurposed", "retired", "vehicle_scrapped",
)  # fmt: skip

_ABOUT: Final = ("battery", "vehicle", "model")  # what bears a duty
_SUBJECTS: Final = "select distinct name from event, unnest(subjects) name where seq = any(%s)"
_LINES: Final = "select seq, line from event where seq = any(%s)"


class Met(msgspec.Struct, frozen=True, gc=False):
    """
    That an event meets a rule: `root` is the entry by which it was reported.

    `entry` says what of it counts now: that entry, or the last correction of it.
    """

    rule: Rule
    organisation: str
    root: int
    entry: int


class Submissions(msgspec.Struct, frozen=True):
    """What some subjects' events meet, and of events of theirs that were corrected the last correction."""

    met: tuple[Met, ...]
    corrected: dict[int, int]


def submissions(
    connection: Connection, authorities: frozenset[str], rulebook: Rulebook, subjects: Iterable[str]
) -> Submissions:
    """Return which events in these subjects' chains meet which rules of who reported them."""
    known = Known(connection, authorities)
    met: dict[tuple[str, str, int], Met] = {}
    corrected: dict[int, int] = {}

    named = [one for one in subjects if one.partition(":")[0] in _ABOUT]
    known.read_chains(named)
    for subject in named:
        chain = known.with_corrected({one.index: one for one, _ in known.chain(subject)})
        last = last_corrections({one.index: one for one in chain})
        corrected |= {root: one.index for root, one in last.items()}
        for one in meetings(subject, steps_of(subject, chain), rulebook.rules_of, roles_in(known)):
            by = one.by
            if by is not None and by.reporter == one.opened.reporter:
                entry = last[by.index].index if by.index in last else by.index
                met[one.rule.id, by.reporter, by.index] = Met(one.rule, by.reporter, by.index, entry)
    return Submissions(tuple(met.values()), corrected)


def kinds_submitted(rules: Iterable[Rule]) -> frozenset[str]:
    """Return the kinds of event that may meet one of these rules, or begin what another meets."""
    return frozenset(kind for one in rules if one.about == "deadline" for kind in (*one.kinds, *one.met_by))


def under_rule(
    authorities: frozenset[str], rulebook: Rulebook, rule: str, connection: Connection, run: Sequence[Stored]
) -> list[Stored]:
    """Return those of an organisation's events that meet a rule, each as it counts now."""
    indices = [row[0] for row in run]
    touched = [name for (name,) in connection.execute(_SUBJECTS, (indices,))]
    found = submissions(connection, authorities, rulebook, touched)
    entries = {one.root: one.entry for one in found.met if one.rule.id == rule}
    wanted = {entry for root, entry in entries.items() if entry != root}
    lines = {seq: bytes(line) for seq, line in connection.execute(_LINES, (sorted(wanted),), binary=True)}
    return [
        row if entries[row[0]] == row[0] else _as_corrected(row, lines[entries[row[0]]])
        for row in run
        if row[0] in entries
    ]


def _as_corrected(row: Stored, correction: bytes) -> Stored:
    """Return an event as its last correction has it."""
    line = counted_line(correction) or b""
    event = decode(line)
    index, _, _, received_ms, reporter, _, findings = row
    return index, event.kind, event.occurred_at, received_ms, reporter, line, findings


def counted_line(line: bytes) -> bytes | None:
    """Return the line that an entry has count: its own, or of a correction the one in it; None for a void."""
    event = decode(line)
    if not isinstance(event, Corrected):
        return line
    return None if event.line is None else event.line.encode()
