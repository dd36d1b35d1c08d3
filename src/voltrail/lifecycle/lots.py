"""
Lots: what each event does to one, what cannot be said of one, and whether a process adds up by itself.

A lot begins once, in the name of who made it, and is used up by what goes into processes and batteries.
Nothing is taken that is not there: where the record knows the lot, more than is left of it is refused; where
it was taken before the lot was heard of, and turns out too much, that is a finding. What is won from what,
and where it went, is read from all events together (`voltrail.recycling`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from voltrail.errors import Refusal
from voltrail.events import Event, kinds
from voltrail.events.masses import kilograms, milligrams
from voltrail.events.structs import LotCreated, Yield
from voltrail.lifecycle.claims import MAX_FINDINGS
from voltrail.lifecycle.state import Finding, Lot, Recorded
from voltrail.lifecycle.world import World

MAX_TAKES: Final = 50  # that a lot's state names, the newest
_SOURCE: Final = "docs/events.md"

Making: TypeAlias = LotCreated | Yield


# ---------------------------------------------------------------------- fold


def turn_lot(lot: Lot, recorded: Recorded) -> dict[str, Any]:
    """Return what an event changes in the state of a lot. Total: it never refuses."""
    event = recorded.event
    if isinstance(event, kinds.LotMoved):
        return _moved(lot, recorded, event)
    changes: dict[str, Any] = {}
    found = list(_not_theirs(lot, recorded))
    made = making(event, lot.lot)
    if made is not None:
        if lot.made is None:
            changes = _begun(lot, recorded, made)
            lot = replace(lot, **changes)
        else:
            found.append(
                _finding(
                    "conflict",
                    "lot.made_twice",
                    f"{lot.lot} is said to be made twice.",
                    recorded,
                    "Whoever was wrong corrects it.",
                )
            )
    taken = taking(event, lot.lot)
    if taken is not None:
        takes = (*lot.takes, (recorded.index, taken, _whither(event)))[-MAX_TAKES:]
        changes |= {"takes": takes, "taken_mg": lot.taken_mg + taken}
        if lot.made is None:
            found.append(
                _finding(
                    "gap",
                    "lot.not_made",
                    f"{event.kind} takes of {lot.lot}, which had not begun.",
                    recorded,
                    "Its maker reports how it came to be.",
                )
            )
        lot = replace(lot, **changes)
    if lot.made is not None and (made is not None or taken is not None) and lot.left_mg < 0:
        found.append(
            _finding(
                "conflict",
                "lot.overdrawn",
                f"{kilograms(-lot.left_mg):g} kg more were taken of {lot.lot} than there were.",
                recorded,
                "Whoever said a wrong mass corrects it.",
            )
        )
    if found:
        changes["findings"] = (*lot.findings, *found)[-MAX_FINDINGS:]
    return changes


def _begun(lot: Lot, recorded: Recorded, made: Making) -> dict[str, Any]:
    event: Any = recorded.event
    return {
        "made": recorded.index,
        "made_at": event.occurred_at,
        "maker": recorded.reporter,
        "substance": made.substance,
        "mass_mg": milligrams(made.mass_kg),
        "moisture_fraction": made.moisture_fraction,
        "assays": tuple((one.element, one.fraction, one.uncertainty) for one in made.assays),
        "origin": event.origin if isinstance(event, LotCreated) else None,
        "waste": bool(made.waste),
        "waste_code": made.waste_code,
        "holder": lot.holder or recorded.reporter,
        "site": lot.site or event.site,
        "country": lot.country or getattr(event, "country", None),
    }


def _moved(lot: Lot, recorded: Recorded, event: kinds.LotMoved) -> dict[str, Any]:
    changes: dict[str, Any] = {"holder": event.to, "site": event.site}
    if event.country is not None:
        changes["country"] = event.country
    found = list(_not_theirs(lot, recorded))
    if found:
        changes["findings"] = (*lot.findings, *found)[-MAX_FINDINGS:]
    return changes


def _not_theirs(lot: Lot, recorded: Recorded) -> Iterator[Finding]:
    """Yield a gap where somebody used a lot that another is known to have."""
    if lot.holder is not None and lot.holder != recorded.reporter and making(recorded.event, lot.lot) is None:
        yield _finding(
            "gap",
            "lot.not_holder",
            f"{recorded.event.kind} of {lot.lot} was not reported by its holder, {lot.holder}.",
            recorded,
            "Its holder reports lot_moved first.",
        )


def _finding(kind: Any, rule: str, message: str, recorded: Recorded, fix: str = "") -> Finding:
    return Finding(kind, rule, message, fix, recorded.index)


def making(event: Event, lot: str) -> Making | None:
    """Return what an event says of a lot that it makes; None where it does not make it."""
    if isinstance(event, LotCreated):
        return event
    return next((one for one in getattr(event, "outputs", ()) if one.lot == lot), None)


def takings(event: Any) -> tuple[tuple[str, int], ...]:
    """Return the lots that went into an event, each with how much of it, in milligrams."""
    if isinstance(event, kinds.CreditSpent):
        return ((event.lot, milligrams(event.mass_kg)),)
    return tuple((one.lot, milligrams(one.mass_kg)) for one in getattr(event, "inputs", ()))


def taking(event: Event, lot: str) -> int | None:
    """Return how much an event takes of a lot, in milligrams; None where it takes nothing of it."""
    return dict(takings(event)).get(lot)


def _whither(event: Event) -> str:
    return event.process if isinstance(event, kinds.LotProcessed) else "battery"


# --------------------------------------------------------------------- judge


def refusal(event: Event, reporter: str, world: World, standing: Event | None = None) -> Refusal | None:
    """
    Return why lots cannot be as an event says, or None.

    `standing` is the event in whose place it would stand: what that made and took does not count.
    """
    for lot in kinds.lots(event):
        state = world.state("lot:" + lot)
        known = _without(state, standing) if isinstance(state, Lot) else Lot(lot)
        why = _made_wrongly(event, lot, known, reporter) or _taken_wrongly(event, lot, known)
        if why is not None:
            return why
    return None


def _made_wrongly(event: Event, lot: str, known: Lot, reporter: str) -> Refusal | None:
    made = making(event, lot)
    if made is None:
        return None
    if lot.partition("/")[0] != reporter:
        return Refusal(
            "lot.name",
            f"{lot} is not a name that {reporter} can give.",
            f"A lot's name begins with who made it: {reporter}/ and a number of your own.",
            source=_SOURCE,
        )
    if known.made is not None:
        return Refusal(
            "lot.exists",
            f"{lot} is on record since {_day(known.made_at)}.",
            "Each lot begins once: choose another number, or correct what was reported.",
            source=_SOURCE,
        )
    if known.taken_mg > milligrams(made.mass_kg):
        return Refusal(
            "lot.overdrawn",
            f"{kilograms(known.taken_mg)} kg of {lot} were used already, more than {made.mass_kg} kg.",
            "Check the mass; if it is right, whoever reported its use corrects that first.",
            source=_SOURCE,
        )
    return None


def _taken_wrongly(event: Event, lot: str, known: Lot) -> Refusal | None:
    taken = taking(event, lot)
    if taken is None or known.made is None or taken <= known.left_mg:
        return None
    return Refusal(
        "lot.overdrawn",
        f"{kilograms(taken)} kg are taken of {lot}, of which {kilograms(max(known.left_mg, 0))} kg are left.",
        "Each kilogram is used once: check the lot and the mass.",
        source=_SOURCE,
    )


def _without(lot: Lot, standing: Event | None) -> Lot:
    """Return a lot without what one event made of it and took from it."""
    if standing is None or lot.lot not in kinds.lots(standing):
        return lot
    if making(standing, lot.lot) is not None:
        lot = replace(lot, made=None)
    return replace(lot, taken_mg=lot.taken_mg - (taking(standing, lot.lot) or 0))


def _day(when: datetime | None) -> str:
    return "an earlier day" if when is None else str(when.date())


def findings(event: Event) -> Iterator[Finding]:
    """
    Yield a conflict where a process does not balance within its tolerance.

    Those that share a batch balance together, which is not seen of one of them.
    """
    if event.batch is not None or not isinstance(
        event, (kinds.LotProcessed, kinds.Recycled, kinds.Dismantled)
    ):
        return
    if not event.outputs and not takings(event):
        return
    into, out = masses(event)
    gap = into - out
    if abs(gap) > (event.tolerance_fraction or 0) * into:
        more = "went in than came out" if gap > 0 else "came out than went in"
        yield Finding(
            "conflict",
            "lot.mass_gap",
            f"{kilograms(abs(gap))} kg more {more}: {kilograms(into)} kg in, {kilograms(out)} kg out.",
            "Correct the masses, or name what was lost among the emissions.",
        )


def masses(event: Event) -> tuple[int, int]:
    """Return what went into a process and what came out of it, in milligrams."""
    said: Any = event
    into = sum(mg for _, mg in takings(event)) + sum(milligrams(one.mass_kg) for one in said.additions)
    out = sum(milligrams(one.mass_kg) for one in (*said.outputs, *said.emissions))
    if not isinstance(event, kinds.LotProcessed):
        into += milligrams(said.mass_kg or 0)
        out += milligrams(getattr(said, "parts_mass_kg", None) or 0)
    return into, out
