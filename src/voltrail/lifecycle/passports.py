"""
The lives of EU passports: when one begins and ends, who may issue it, and which passports it leads to.

A passport is `CODE/number`. Numbers are said by who issues them, and only grow: so a correction renumbers
nothing that others already hold. What the record knows ends a passport by itself: a second life, taking
apart, recycling. A battery that only left the country keeps its passport.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from voltrail.errors import Refusal
from voltrail.events import kinds
from voltrail.lifecycle.claims import Turn
from voltrail.lifecycle.state import Battery, Issued, Recorded

MAX_KIN: Final = 500  # batteries looked at for the links of one passport
_SOURCE: Final = "Regulation (EU) 2023/1542, Article 77"


def passport_id(code: str, number: int) -> str:
    """Return the id of a passport."""
    return f"{code}/{number}"


# ------------------------------------------------------------------ what events do


def issue(turn: Turn) -> None:
    """Begin a passport; one that is still in force ends, and one of a battery that ended is over at once."""
    battery, event = turn.battery, turn.event
    if not battery.claims:
        turn.stay()
    known = battery.passports
    if known and event.number <= known[-1].number:
        turn.find(
            "conflict",
            "lifecycle.passport_number",
            f"Passport {passport_id(battery.code, event.number)} was issued after {known[-1].number}.",
            "Correct the number, or the time.",
        )
        return
    if known and known[-1].until is None:
        known = (*known[:-1], _ended(known[-1], turn, "replaced"))
        turn.find(
            "gap",
            "lifecycle.passport_end_not_reported",
            f"A passport of {battery.code} was issued while {known[-1].number} was in force.",
            "Report `passport_ceased`, or what began the battery's further life.",
        )
    begun = Issued(event.number, turn.when, turn.reporter, turn.index)
    if battery.end not in {None, "exported"}:
        begun = _ended(begun, turn, str(battery.end))
    turn.changes["passports"] = (*known, begun)


def carry(turn: Turn) -> None:
    """Go on with the passport that was in force in another log."""
    if not turn.battery.passports:
        carried = Issued(turn.event.number, turn.when, turn.event.operator or turn.reporter, turn.index)
        turn.changes["passports"] = (carried,)


def cease(turn: Turn) -> None:
    """End a passport; the first end of one stands."""
    battery, event = turn.battery, turn.event
    if not battery.claims:
        turn.stay()
    known = battery.passports
    if event.number not in {one.number for one in known}:
        turn.find(
            "gap",
            "lifecycle.passport_not_issued",
            f"Passport {passport_id(battery.code, event.number)} ceased, and was never issued.",
            "Who issued it reports `passport_issued`, or the number is corrected.",
        )
        return
    turn.changes["passports"] = tuple(
        _ended(one, turn, event.reason) if one.number == event.number and one.until is None else one
        for one in known
    )


def end(turn: Turn) -> None:
    """End the passport in force, where an event says of the battery what ends one."""
    last = turn.battery.passports[-1]
    if last.until is not None or "passports" in turn.changes:
        return
    ended = turn.changes.get("end")
    if isinstance(turn.event, kinds.PreparedForReuse):
        why = "re_used"
    elif ended is not None and ended != "exported":
        why = turn.event.kind if ended == "succeeded" else ended
    else:
        return
    turn.changes["passports"] = (*turn.battery.passports[:-1], _ended(last, turn, why))


def _ended(one: Issued, turn: Turn, why: str) -> Issued:
    return replace(one, until=turn.when, why=why, ended_by=turn.index)


# ------------------------------------------------------------------ who may


def answers_for(events: Iterable[Recorded]) -> str | None:
    """
    Return who answers for a battery's passport: who made it, or made it ready for a further life, or was
    given the responsibility, whatever came last. None where the record does not say.
    """
    found = None
    for one in events:
        event: Any = one.event
        if isinstance(event, kinds.ResponsibilityTransferred):
            found = event.to
        elif isinstance(event, kinds.TransferredIn):
            found = event.operator or found
        elif isinstance(event, _BEGINNINGS):
            found = one.reporter
    return found


_BEGINNINGS: Final = (kinds.Manufactured, kinds.PreparedForReuse, kinds.Repurposed, kinds.Remanufactured)


def not_theirs(event: Any, reporter: str, answering: str | None, battery: Battery | None) -> Refusal | None:
    """Return why a passport is not this reporter's to issue or to end, or None."""
    may = {answering}
    if isinstance(event, kinds.PassportCeased) and battery is not None:
        may |= {one.by for one in battery.passports if one.number == event.number}
    if reporter in may:
        return None
    who = f"{answering} does" if answering is not None else "the record does not say who does"
    return Refusal(
        "passport.not_operator",
        f"{reporter} does not answer for {event.code}: {who}.",
        "Whoever answers for a battery issues its passport; who hands that on reports"
        " `responsibility_transferred` first.",
        source=_SOURCE,
    )


def out_of_order(event: Any, battery: Battery | None) -> Refusal | None:
    """Return why a passport cannot begin with this number then, or why there is none to end; or None."""
    known = battery.passports if battery is not None else ()
    named = passport_id(event.code, event.number)
    if isinstance(event, kinds.PassportCeased):
        if event.number in {one.number for one in known}:
            return None
        return Refusal(
            "passport.unknown",
            f"There is no passport {named} to end.",
            "Name one that was issued; the page of the battery's passport shows them.",
        )
    if known and event.number <= known[-1].number:
        return Refusal(
            "passport.number",
            f"{named} was issued already, or a later one was.",
            f"The next number is {known[-1].number + 1}.",
        )
    if known and event.occurred_at < known[-1].since:
        last = passport_id(event.code, known[-1].number)
        return Refusal(
            "passport.order",
            f"{last} was issued on {known[-1].since.date()}, after that.",
            "A further passport is issued after the one before: check occurred_at.",
        )
    return None


# ------------------------------------------------------------------ what leads where


class Kin(msgspec.Struct, frozen=True):
    """What the links of passports are found from: a battery's passports, and its events that count."""

    passports: tuple[Issued, ...]
    events: Sequence[Recorded]


Lookup = Callable[[str], Kin | None]
Steps = set[tuple[str, datetime | None]]  # to a battery at a time; None for where the way began


def previous(code: str, number: int, kin: Lookup) -> list[str]:
    """
    Return the passports that a passport follows: the one before of the same battery, and the last of each
    battery from which this one came since then, as of each time: made from it, or taken out of it.
    """
    own = kin(code)
    at = _place(own, number)
    if own is None or at is None:
        return []
    before = own.passports[at - 1] if at else None
    found = [] if before is None else [passport_id(code, before.number)]
    until, after = own.passports[at].since, before.since if before is not None else None
    found += _back(code, own, until, after, kin, {(code, None)})
    return list(dict.fromkeys(found))


def following(code: str, number: int, kin: Lookup) -> list[str]:
    """Return the passports that follow a passport: those of which it is a previous one."""
    own = kin(code)
    at = _place(own, number)
    if own is None or at is None:
        return []
    after = own.passports[at + 1] if at + 1 < len(own.passports) else None
    found = [] if after is None else [passport_id(code, after.number)]
    until = after.since if after is not None else None
    found += _forth(code, own, own.passports[at].since, until, kin, {(code, None)})
    return list(dict.fromkeys(found))


def _place(own: Kin | None, number: int) -> int | None:
    passports = own.passports if own is not None else ()
    return next((place for place, one in enumerate(passports) if one.number == number), None)


def _back(
    code: str, own: Kin, until: datetime, after: datetime | None, kin: Lookup, seen: Steps
) -> Iterator[str]:
    """Yield the passports of what a battery came from up to a time; a battery without one leads on."""
    for origin, when in _origins(code, own.events):
        if when > until or (after is not None and when <= after) or _known(origin, when, seen):
            continue
        from_ = kin(origin)
        if from_ is None:
            continue
        last = _at(from_, when)
        if last is not None:
            yield passport_id(origin, last.number)
        else:
            yield from _back(origin, from_, when, None, kin, seen)


def _forth(
    code: str, own: Kin, since: datetime, until: datetime | None, kin: Lookup, seen: Steps
) -> Iterator[str]:
    """Yield the first passports of what came from a battery from a time on; one without leads on."""
    for heir, when in _heirs(code, own.events):
        if when < since or (until is not None and when >= until) or _known(heir, when, seen):
            continue
        to = kin(heir)
        if to is None:
            continue
        first = next((one for one in to.passports if one.since >= when), None)
        if first is not None:
            yield passport_id(heir, first.number)
        without = next((one.since for one in to.passports), None)  # what left before its first goes on
        yield from _forth(heir, to, when, without, kin, seen)


def _known(code: str, when: datetime, seen: Steps) -> bool:
    """Return whether a step was taken already, leads back to where it began, or is one too many; note it."""
    if (code, None) in seen or (code, when) in seen or len(seen) > MAX_KIN:
        return True
    seen.add((code, when))
    return False


def _at(own: Kin, when: datetime) -> Issued | None:
    """Return the last passport that was issued up to a time."""
    found = [one for one in own.passports if one.since <= when]
    return found[-1] if found else None


def _origins(code: str, events: Iterable[Recorded]) -> Iterator[tuple[str, datetime]]:
    """Yield the batteries that one came from, each with when."""
    for one in events:
        event: Any = one.event
        if isinstance(event, _REBORN) and code in event.into:
            yield from ((old, event.occurred_at) for old in event.codes if old not in event.into)
        elif isinstance(event, _APART) and code != event.code:
            yield event.code, event.occurred_at


def _heirs(code: str, events: Iterable[Recorded]) -> Iterator[tuple[str, datetime]]:
    """Yield the batteries that came from one, each with when."""
    for one in events:
        event: Any = one.event
        if isinstance(event, _REBORN) and code not in event.into:
            yield from ((new, event.occurred_at) for new in event.into)
        elif isinstance(event, _APART) and code == event.code:
            yield from ((part, event.occurred_at) for part in event.codes)


_REBORN: Final = (kinds.Repurposed, kinds.Remanufactured)
_APART: Final = (kinds.Disassembled, kinds.Dismantled)
