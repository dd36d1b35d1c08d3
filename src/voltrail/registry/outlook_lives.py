"""
The lives of all batteries that the record has in vehicles, for the outlook: ages alone, no codes.

A life begins when the battery is first fitted into a vehicle; of one that was enrolled, when it was made, and
it is known of only from when the record has it in a vehicle. It ends when the battery becomes waste, or
something else is made of it. It is known up to then and not to its end where the vehicle ends first, where
the battery leaves the country or is lost, and where it is still there. What follows from corrected events is
read from chains, of all others from one pass over the events.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np

from voltrail.codes import parse
from voltrail.database.database import Connection, Database
from voltrail.errors import CodeError
from voltrail.events import subjects
from voltrail.lifecycle import Model, Recorded, decode_state
from voltrail.lifecycle.state import from_ms
from voltrail.outlook.lives import Seen
from voltrail.registry import rows
from voltrail.registry.following import Known

_FITTED: Final = ("installed", "swapped", "vehicle_certified", "sold", "enrolled")
_ENDED: Final = (
    "retired", "collected", "handed_over", "repurposed", "remanufactured", "dismantled", "recycled",
    "destroyed",
)  # fmt: skip
_LEFT: Final = ("exported", "vehicle_exported", "lost")
_KINDS: Final = (*_FITTED, *_ENDED, *_LEFT, "vehicle_scrapped", "corrected")
_WITH_VEHICLE: Final = timedelta(days=180)  # a pack that is retired so long before its vehicle went with it
_YEAR: Final = timedelta(days=365.25)
_CHAINS_AT_ONCE: Final = 1_000
_QUERY: Final = """
with of_subjects as (
    select s.subject, e.kind, e.occurred_at,
        exists (select from unnest(e.subjects) v where v like 'vehicle:%%') as in_vehicle,
        case when e.kind = 'enrolled'
            then convert_from(e.line, 'UTF8')::jsonb ->> 'manufactured_on' end as made_on
    from event e cross join lateral unnest(e.subjects) s(subject)
    where e.kind = any(%(kinds)s) and s.subject like 'battery:%%'
)
select o.subject,
    min(occurred_at) filter (where kind = any(%(fitted)s) and in_vehicle) as fitted,
    bool_or(kind = 'enrolled') as enrolled,
    min(made_on) as made_on,
    min(occurred_at) filter (where kind = any(%(ended)s)) as ended,
    min(occurred_at) filter (where kind = any(%(left)s)) as gone,
    min(occurred_at) filter (where kind = 'vehicle_scrapped') as scrapped,
    bool_or(kind = 'corrected') as corrected,
    min(b.model) as model
from of_subjects o left join subject b on b.id = o.subject
group by o.subject
"""


class _Times(NamedTuple):
    """When what happened first to a battery."""

    fitted: datetime | None
    enrolled: bool
    made_on: str | None
    ended: datetime | None
    gone: datetime | None
    scrapped: datetime | None


def read_lives(database: Database, authorities: Collection[str]) -> Seen:
    """Return the lives of all batteries that were in vehicles, up to the last entry of the record."""
    with database.pool.connection() as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        until = from_ms(rows.one(connection, "select received_ms from log")[0])
        asked = {"kinds": list(_KINDS), "fitted": list(_FITTED), "ended": list(_ENDED), "left": list(_LEFT)}
        found: dict[str, _Times] = {}
        models: dict[str, str] = {}
        corrected: list[str] = []
        for subject, *times, is_corrected, model in connection.execute(_QUERY, asked, binary=True):
            found[subject] = _Times(*times)
            if is_corrected:
                corrected.append(subject)
            if model is not None:
                models[subject] = model
        known = Known(connection, authorities)
        for first in range(0, len(corrected), _CHAINS_AT_ONCE):
            some = corrected[first : first + _CHAINS_AT_ONCE]
            known.read_chains(some)
            found |= {subject: _times_of(known.events(subject)) for subject in some}
        energies = _energies(connection)
    table = [
        (*life, energies.get(models.get(subject, ""), np.nan))
        for subject, times in found.items()
        if (life := _life(subject, times, until)) is not None
    ]
    entry, last, ended, energy = np.array(table, float).reshape(-1, 4).T
    return Seen(entry, last, ended.astype(bool), energy)


def _life(subject: str, times: _Times, until: datetime) -> tuple[float, float, bool] | None:
    """Return a battery's entry, last known age and whether it ended then; None of what was in no vehicle."""
    known = times.fitted
    born = _made(subject.removeprefix("battery:"), times.made_on) if times.enrolled else known
    if born is None or known is None:
        return None
    ended, scrapped = times.ended, times.scrapped
    if ended is not None and scrapped is not None and scrapped <= ended + _WITH_VEHICLE:
        ended = None
    last = min(one for one in (times.ended, scrapped, times.gone, until) if one is not None)
    entry = max((known - born) / _YEAR, 0.0)
    if last <= max(known, born):
        return None
    return entry, (last - born) / _YEAR, ended is not None and ended == last


def _times_of(events: Sequence[Recorded]) -> _Times:
    """Return when what happened first to a subject, by those of its events that count, in their order."""

    def first(kinds: Collection[str], *, in_vehicle: bool = False) -> datetime | None:
        return min(
            (
                one.event.occurred_at
                for one in events
                if one.event.kind in kinds and (not in_vehicle or _has_vehicle(one))
            ),
            default=None,
        )

    made_on = (getattr(one.event, "manufactured_on", None) for one in events if one.event.kind == "enrolled")
    return _Times(
        fitted=first(_FITTED, in_vehicle=True),
        enrolled=first({"enrolled"}) is not None,
        made_on=next((str(one) for one in made_on if one is not None), None),
        ended=first(_ENDED),
        gone=first(_LEFT),
        scrapped=first({"vehicle_scrapped"}),
    )


def _has_vehicle(one: Recorded) -> bool:
    return any(name.startswith("vehicle:") for name in subjects(one.event))


def _made(code: str, made_on: str | None) -> datetime | None:
    """Return when a battery was made, by its enrolment or its code."""
    try:
        day = date.fromisoformat(made_on) if made_on is not None else parse(code).production_date
    except (CodeError, ValueError):
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day is not None else None


def _energies(connection: Connection) -> dict[str, float]:
    """Return the energy of a battery of each model that tells it, kWh."""
    found = {}
    query = "select id, state from subject where id > 'model:' and id < 'model;'"
    for subject, state in connection.execute(query, binary=True):
        model = decode_state(subject, bytes(state))
        if isinstance(model, Model) and model.energy_kwh is not None:
            found[model.model_id] = model.energy_kwh
    return found
