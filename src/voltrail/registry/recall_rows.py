"""
Which batteries are recalled, counted as the record moves: what a transaction writes beside its states.

The rows follow from the chains and nothing else, so they can be made anew. `stands` says how a recall of a
battery stands: `open`, `done` once the work is reported, `ended` when the battery ended before that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from voltrail.database.database import Connection
from voltrail.events.kinds import Recalled, Serviced
from voltrail.lifecycle import Battery, Recall, Recorded, recalls_in
from voltrail.registry.world import Slot, World

Stands = Literal["open", "done", "ended"]

_UPSERT: Final = """
insert into campaign_battery select * from unnest(%s::text[], %s::text[], %s::bigint[], %s::text[],
    %s::bigint[], %s::timestamptz[], %s::text[], %s::text[], %s::text[])
on conflict (code, campaign) do update set recalled = excluded.recalled, recalled_by = excluded.recalled_by,
    serviced = excluded.serviced, serviced_at = excluded.serviced_at, stands = excluded.stands,
    holder = excluded.holder, owner = excluded.owner
"""
# What is kept of a battery, as one text: the audit holds it against `as_text`.
KEPT: Final = """(
    select string_agg(concat_ws('|',
        campaign, recalled, recalled_by, coalesce(serviced, -1),
        coalesce((extract(epoch from serviced_at) * 1000000)::bigint, 0), stands,
        coalesce(holder, ''), coalesce(owner, '')), E'\\n' order by campaign)
    from campaign_battery where code = substr(id, 9) and id like 'battery:%%')"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BACKLOG_STEP: Final = 1_000


class Row(msgspec.Struct, frozen=True):
    """One recall of one battery, as it is kept."""

    recall: Recall
    stands: Stands
    holder: str | None
    owner: str | None

    @property
    def asked(self) -> str | None:
        """Who has to see to it: the holder; where the record names none, the owner."""
        return self.holder or self.owner

    @property
    def columns(self) -> tuple[Any, ...]:
        """What is kept of it, behind code and campaign."""
        one = self.recall
        done = (one.serviced, one.serviced_at)
        return (one.recalled, one.recalled_by, *done, self.stands, self.holder, self.owner)


Key = tuple[str, str]  # code and campaign


def write_recalls(connection: Connection, world: World) -> None:
    """Bring the recalls of all batteries that a transaction touched up to their states."""
    noted = _noted(world)
    touched = [slot for slot in world.slots.values() if slot.subject in noted or _concerns_recalls(slot)]
    if touched:
        _write(connection, world, touched, noted)


def read_backlog(connection: Connection, authorities: Iterable[str]) -> None:
    """Read from a record that is older than these tables what it says of recalls; under the log's lock."""
    while True:
        found = connection.execute(
            "delete from recall_backlog where subject in (select subject from recall_backlog limit %s)"
            " returning subject",
            (_BACKLOG_STEP,),
        ).fetchall()
        if not found:
            return
        world = World(connection, authorities)
        world.load(subject for (subject,) in found)
        batteries = [slot for slot in world.slots.values() if isinstance(slot.state, Battery)]
        for slot in batteries:
            slot.refolded = True
        _write(connection, world, batteries, {})


def as_text(recalls: Iterable[Recall], state: Battery) -> str | None:
    """Return what must be kept of a battery with these recalls, as `KEPT` reads it."""
    told = []
    for one in sorted(recalls, key=lambda one: one.campaign):
        row, at = _row(one, state), one.serviced_at
        done = (
            -1 if one.serviced is None else one.serviced,
            0 if at is None else (at - _EPOCH) // timedelta(microseconds=1),
        )
        kept = (one.campaign, one.recalled, one.recalled_by, *done, row.stands)
        told.append("|".join(map(str, (*kept, row.holder or "", row.owner or ""))))
    return "\n".join(told) or None


def _noted(world: World) -> dict[str, list[Recorded]]:
    """Return the events of a transaction that recall or answer a recall, by battery, in the log's order."""
    noted: dict[str, list[Recorded]] = {}
    for pending in world.pending.values():
        event = pending.recorded.event
        if isinstance(event, Recalled) or (isinstance(event, Serviced) and event.campaign is not None):
            for subject in pending.subjects:
                noted.setdefault(subject, []).append(pending.recorded)
    return noted


def _concerns_recalls(slot: Slot) -> bool:
    """Return whether the recalls of a battery that was touched may stand otherwise than they did."""
    if not slot.dirty or type(slot.state) is not Battery:
        return False
    was = slot.was.campaigns if isinstance(slot.was, Battery) else ()
    return bool(slot.state.campaigns or was or (slot.refolded and slot.state.mended))


def _write(connection: Connection, world: World, slots: list[Slot], noted: dict[str, list[Recorded]]) -> None:
    standing = _read(connection, [_code(slot) for slot in slots])
    rows: dict[Key, Row] = {}
    for slot in slots:
        code, state = _code(slot), slot.state
        if slot.refolded:
            recalls = recalls_in(world.life(slot).events)
        else:
            before = [row.recall for row in standing.get(code, {}).values()]
            recalls = recalls_in(noted.get(slot.subject, ()), before)
        if isinstance(state, Battery):
            rows |= {(code, one.campaign): _row(one, state) for one in recalls.values()}
    old = {(code, name): row for code, found in standing.items() for name, row in found.items()}
    changed = {key: row for key, row in rows.items() if key not in old or old[key].columns != row.columns}
    gone = [key for key in old if key not in rows]
    if changed or gone:
        _count(connection, _moves(old, changed, gone))
        _store(connection, changed, gone)


def _row(recall: Recall, state: Battery) -> Row:
    if recall.serviced is not None:
        return Row(recall, "done", None, None)
    if state.end is not None:
        return Row(recall, "ended", None, None)
    return Row(recall, "open", state.holder, state.owner)


def _read(connection: Connection, codes: list[str]) -> dict[str, dict[str, Row]]:
    """Return the rows of these batteries as they were, by code and campaign."""
    found: dict[str, dict[str, Row]] = {}
    for code, name, recalled, by, serviced, at, stands, holder, owner in connection.execute(
        "select * from campaign_battery where code = any(%s)", (codes,)
    ):
        recall = Recall(name, recalled, by, _EPOCH, None, serviced, at)
        found.setdefault(code, {})[name] = Row(recall, stands, holder, owner)
    return found


def _moves(old: dict[Key, Row], changed: dict[Key, Row], gone: list[Key]) -> Iterator[tuple[str, Row, int]]:
    """Yield each row that is to be counted off, and on: campaign, row, and by how much."""
    for key in (*changed, *gone):
        if key in old:
            yield key[1], old[key], -1
    for key, row in changed.items():
        yield key[1], row, 1


def _count(connection: Connection, moves: Iterable[tuple[str, Row, int]]) -> None:
    """Move the counts of campaigns and of who has to see to them; what is new to the tables begins."""
    first: dict[str, Recall] = {}
    totals: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    owned: Counter[tuple[str, str]] = Counter()
    for name, row, by in moves:
        first.setdefault(name, row.recall)
        totals[name, row.stands] += by
        totals[name, "all"] += by
        if row.asked is not None:
            asked[name, row.asked] += by
        if row.owner is not None and row.owner != row.asked:
            owned[name, row.owner] += by
    if names := sorted(first):
        begun = [first[name] for name in names]
        connection.execute(
            "insert into campaign (id, organisation, opened_at, risk, batteries, done, ended)"
            " select * from unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[],"
            " %s::bigint[], %s::bigint[], %s::bigint[]) on conflict (id) do update set"
            " batteries = campaign.batteries + excluded.batteries, done = campaign.done + excluded.done,"
            " ended = campaign.ended + excluded.ended, risk = coalesce(campaign.risk, excluded.risk)",
            (
                names,
                *([getattr(one, what) for one in begun] for what in ("recalled_by", "recalled_at", "risk")),
                *([totals[name, what] for name in names] for what in ("all", "done", "ended")),
            ),
        )
    counted = sorted(key for key in asked.keys() | owned.keys() if asked[key] or owned[key])
    if counted:
        connection.execute(
            "insert into campaign_holder"
            " select * from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[])"
            " on conflict (campaign, organisation) do update"
            " set batteries = campaign_holder.batteries + excluded.batteries,"
            " owned = campaign_holder.owned + excluded.owned",
            (
                [name for name, _ in counted],
                [organisation for _, organisation in counted],
                [asked[key] for key in counted],
                [owned[key] for key in counted],
            ),
        )


def _store(connection: Connection, changed: dict[Key, Row], gone: list[Key]) -> None:
    if changed:
        values = [(*key, *row.columns) for key, row in changed.items()]
        connection.execute(_UPSERT, [list(column) for column in zip(*values, strict=True)])
    if gone:
        connection.execute(
            "delete from campaign_battery where (code, campaign) in"
            " (select * from unnest(%s::text[], %s::text[]))",
            ([code for code, _ in gone], [name for _, name in gone]),
        )


def _code(slot: Slot) -> str:
    return slot.subject.removeprefix("battery:")
