"""How far models have come, as readers are told it: campaigns, tests, gates; folded from their chains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import NotFound, UsageError
from voltrail.lifecycle import Model
from voltrail.lifecycle.stages import qualification_of
from voltrail.organisations.access import BATTERY, Eyes, Reader, Sight, Standing
from voltrail.registry.snapshot import Snapshot
from voltrail.registry.world import World
from voltrail.technology.gates import STAGES
from voltrail.technology.qualification import (
    Campaign,
    Gate,
    Grant,
    Met,
    Qualification,
    Test,
)

MAX_MODELS: Final = 100
OPEN_REMARKS: Final = frozenset(
    {"test.protocol", "test.campaign", "test.sample", "test.reporter", "test.unsaid"}
)
"""What is wrong with a test by what everybody sees of it; the rest would tell its results."""

_MODELS: Final = """
select id from (
    select distinct substr(s, 7) collate "C" as id from event e cross join lateral unnest(e.subjects) s
    where e.kind = 'campaign_opened' and s like 'model:%%'
) named where id > %s order by id limit %s
"""
_IS_TESTED: Final = "select exists (select from event where kind = 'campaign_opened' and subjects @> %s)"


class Qualifications:
    """The models of one database that are, or were, tested; threads and servers may share it."""

    def __init__(self, database: Database, authorities: frozenset[str]) -> None:
        self._database, self._authorities = database, authorities

    def of(self, model_id: str) -> Qualification:
        """Return what the record says of a model's way. Raises NotFound for one that nothing names."""
        with self._database.pool.connection() as connection:
            return self.read(connection, model_id)

    def read(self, connection: Connection, model_id: str) -> Qualification:
        """Return the same, through a connection."""
        _check(model_id)
        world = World(connection, self._authorities)
        if world.slot("model:" + model_id).last < 0:
            raise NotFound(
                "model.unknown",
                f"The record does not know a model {model_id[:80]}.",
                "Check its id; GET /models lists those that are declared.",
            )
        return qualification_of(model_id, world)

    def is_tested(self, model_id: str) -> bool:
        """Return whether a campaign of a model is on record."""
        with self._database.pool.connection() as connection:
            row = connection.execute(_IS_TESTED, (["model:" + model_id],)).fetchone()
        return bool(row and row[0])

    def under(self, after: str | None, limit: int) -> tuple[list[Qualification], str | None]:
        """Return the models with a campaign in the order of their ids, and the next `after` or None."""
        _check(after or "")
        limit = max(1, min(limit, MAX_MODELS))
        with self._database.pool.connection() as connection:
            names = [name for (name,) in connection.execute(_MODELS, (after or "", limit + 1)).fetchall()]
            found = [self.read(connection, name) for name in names[:limit]]
        return found, names[limit - 1] if len(names) > limit else None

    def all_under(self, snapshot: Snapshot) -> Iterator[list[Qualification]]:
        """Yield all models with a campaign in the order of their ids, some at a time."""
        after = ""
        while names := [
            name for (name,) in snapshot.connection.execute(_MODELS, (after, MAX_MODELS)).fetchall()
        ]:
            yield [self.read(snapshot.connection, name) for name in names]
            after = names[-1]

    def declared(self, names: Iterable[str]) -> dict[str, Model]:
        """Return what is declared of models, by their ids."""
        with self._database.pool.connection() as connection:
            world = World(connection, self._authorities)
            states = {name: world.state("model:" + name) for name in names}
        return {name: state for name, state in states.items() if isinstance(state, Model)}


def sight_of(maker: str | None, reader: Reader) -> Sight:
    """Return as whom somebody reads the events of a model: its maker as if it had reported them all."""
    own = maker is not None and reader.organisation == maker
    return Sight(reader, (Standing("reporter"),) if own else ())


def granted(found: Qualification, stage: str) -> Grant:
    """Return the last grant of a stage that rests on what still stands; UsageError where there is none."""
    grants = [one for one in found.grants if one.event.stage == stage and one.stands]
    if not grants:
        raise UsageError(
            "stage.none",
            f"{found.model_id} has not been granted {stage[:40]} on what still stands.",
            f"Look at what its gate lacks: `voltrail technology qualify MODEL --stage {STAGES[0]}`",
        )
    return grants[-1]


def named_in(found: Qualification, grant: Grant, authorities: frozenset[str]) -> list[str]:
    """Return the subjects whose evidence proves a grant: the model, and whoever tested or granted."""
    testers = {one.reporter for one in found.tests if one.parts & {"lab", "vehicle_maker"}}
    others = (testers | {grant.reporter}) - authorities
    return ["model:" + found.model_id, *("organisation:" + one for one in sorted(others))]


def _check(text: str) -> None:
    if "\0" in text:
        raise UsageError("usage.text", "U+0000 stands in what is asked for.", "Leave it out: no name has it.")


# ------------------------------------------------------------------ as told


def told(found: Qualification, reader: Reader, at: datetime) -> dict[str, Any]:
    """
    Return a model's way as a reader may know it: everybody campaigns, protocols, outcomes, gates and stages.

    What was measured, under which conditions and with what, is for those to whom the table shows it.
    """
    sight = sight_of(found.maker, reader)
    return {
        "model_id": found.model_id,
        "maker": found.maker,
        "stage": found.stage,
        "next": found.following,
        "stages": [gate_told(found.gate(stage, at)) for stage in STAGES],
        "grants": [grant_told(one) for one in found.grants],
        "campaigns": [campaign_told(one, sight) for one in found.campaigns],
    }


def gate_told(gate: Gate) -> dict[str, Any]:
    """Return a gate with what it asks for itself and what lacks of it and of those before."""
    return {
        "stage": gate.stage,
        "open": gate.open,
        "lacking": len(gate.to_do),
        "to_do": [_met(one) for one in gate.to_do],
        "requirements": [_met(one) for one in gate.requirements if one.requirement.stage == gate.stage],
    }


def _met(one: Met) -> dict[str, Any]:
    asked = one.requirement
    return {
        "protocol": asked.protocol,
        "samples": asked.samples,
        "by": sorted(asked.by),
        "valid_from": asked.valid_from,
        "standing": asked.standing,
        "source": asked.source or None,
        "found": one.samples,
        "met": one.met,
        "entries": one.entries,
        "failed": one.failed,
    }


def grant_told(one: Grant) -> dict[str, Any]:
    """Return a stage that was granted, and whether what it was granted on still stands."""
    return {
        "stage": one.event.stage,
        "index": one.index,
        "by": one.reporter,
        "occurred_at": one.event.occurred_at.isoformat(),
        "campaigns": one.event.campaigns,
        "certificate": one.event.certificate,
        "stands": one.stands,
        "lacks": [_met(met) for met in one.gate.lacking],
    }


def campaign_told(one: Campaign, sight: Sight) -> dict[str, Any]:
    """Return a campaign with its tests."""
    opened = one.opened
    known: dict[str, Any] = {
        "campaign": one.campaign,
        "index": one.index,
        "tests": [test_told(test, sight) for test in one.tests],
    }
    if opened is None or one.index is None or one.reporter is None:
        return known
    eyes = _eyes(sight, opened, one.index, one.reporter)
    return known | {
        **_seen(opened, eyes, "stage", "protocols", "codes", "site", "plan"),
        "opened_at": opened.occurred_at.isoformat(),
        "reporter": one.reporter if eyes.see(BATTERY, "reporter") else None,
        "outstanding": one.outstanding,
    }


def test_told(one: Test, sight: Sight) -> dict[str, Any]:
    """Return a test; what is wrong with it as far as that tells nothing of what may not be seen."""
    event = one.event
    eyes = _eyes(sight, event, one.index, one.reporter)
    sees = eyes.see(event.kind, "results")
    measured = ("results", "conditions", "data", "instrument", "calibrated_on", "deviations", "signed_off_by")
    return {
        "index": one.index,
        "occurred_at": event.occurred_at.isoformat(),
        **_seen(event, eyes, "protocol", "codes", "outcome", *measured),
        "by": sorted(one.parts),
        "reporter": one.reporter if eyes.see(BATTERY, "reporter") else None,
        "counts": one.counts,
        "unsaid": one.unsaid,
        "again": one.again,
        "remarks": [
            {"rule": it.rule, "spoils": it.spoils}
            | ({"about": it.about, "message": it.message, "fix": it.fix} if sees else {})
            for it in one.remarks
            if sees or it.rule in OPEN_REMARKS
        ],
        "withheld": [name for name in measured if not eyes.see(event.kind, name)],
    }


def _eyes(sight: Sight, event: Any, index: int, reporter: str) -> Eyes:
    return sight.event(event.kind, index, int(event.occurred_at.timestamp() * 1000), reporter)


def _seen(event: Any, eyes: Eyes, *names: str) -> dict[str, Any]:
    """Return those members of an event that may be seen."""
    return {name: msgspec.to_builtins(getattr(event, name)) for name in names if eyes.see(event.kind, name)}
