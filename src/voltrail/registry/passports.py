"""
Passports from the record: what a reader may see of one, as it stands or as it stood; and all of them.

Most of a passport is said of its model, so models, organisations and sites are kept between two readings: one
query tells whether any has a new event since.
"""

from __future__ import annotations

import hmac
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, Final, Self

import msgspec
import psycopg
from msgspec.structs import replace

from voltrail.database.database import Connection, Database, Texts
from voltrail.errors import NotFound
from voltrail.events.kinds import CreditSpent
from voltrail.events.points import POINTS
from voltrail.ledger.keys import ED25519, Signer, Verifier, decode64
from voltrail.lifecycle import (
    Battery,
    Issued,
    Model,
    Organisation,
    Recorded,
    decode_state,
    effective_events,
    fold,
)
from voltrail.lifecycle.passports import Kin, passport_id, previous
from voltrail.lifecycle.passports import following as next_ones
from voltrail.organisations.access import PASSPORT, Audiences, Eyes
from voltrail.organisations.trust import Site
from voltrail.passport import Edition, Issuer, Known, Passport, Sources, Told, compose, form, of_model
from voltrail.recycling.content import Content
from voltrail.registry import following
from voltrail.registry.handed import Handed
from voltrail.registry.lookup import Lookup
from voltrail.registry.recycled_content import content_of, contents
from voltrail.registry.settings import Keys
from voltrail.registry.world import Slot, World, to_recorded

AT_ONCE: Final = 500  # passports of a file that a worker makes in one go
WORKERS: Final = 2
ALONE_BELOW: Final = 20_000  # batteries: below this, starting worker processes takes longer than they save
MAX_KEPT: Final = 5_000  # models, organisations and sites: some 20 MB

# A battery's row and its chain, by one question; the state comes with its last event alone.
_BATTERY: Final = """
select s.k, s.h, s.seq, s.latest_us, case when coalesce(w.seq, s.seq) = s.seq then s.state end,
    w.seq, w.line, r.organisation, w.received_ms
from subject s left join lateral (
    with recursive walk as (
        select e.seq, e.report, e.line, e.received_ms,
               e.before[array_position(e.subjects, s.id)] as previous
        from event e where e.seq = s.seq
      union all
        select e.seq, e.report, e.line, e.received_ms, e.before[array_position(e.subjects, s.id)]
        from walk p join event e on e.seq = p.previous
    ) select * from walk
) w on true left join report r on r.id = w.report
where s.id = %s
"""


def issuer(host: str, keys: Keys, as_of: datetime | None = None) -> Issuer:
    """Return the host as it gives passports now."""
    secret = hmac.digest(keys.host_secret, b"voltrail.passports", "sha256")
    return Issuer(host, keys.host, secret, datetime.now(UTC), as_of)


def issuing_keys(lookup: Lookup, organisation: str, own: Verifier) -> list[Verifier]:
    """Return the keys by which a host's credentials verify: on record and not revoked, and its own."""
    found = lookup.organisation(organisation)
    on_record = {key.key_id: key for key in found.keys if key.algorithm == ED25519} if found else {}
    keys = [
        Verifier.of(f"{organisation}/{name}", key.algorithm, decode64(key.public_key))
        for name, key in on_record.items()
        if key.revoked is None
    ]
    return keys if own.name.rpartition("/")[2] in on_record else [*keys, own]


def values_of(lookup: Lookup, model: Model, host: str) -> dict[str, Known]:
    """Return what passports say the same of each battery of a model."""
    return of_model(model, lookup.organisation, host)


# Which events each subject ends in, and whether another host handed over something of it.
_NEWEST: Final = """
select id, seq, false from subject where id = any(%b)
union all select subject, 0, true from handed where subject = any(%b)
"""


class Passports:
    """The passports of one registry; threads may share it. Recycled content is read anew each time."""

    def __init__(
        self, authorities: frozenset[str], host: str, follow: Callable[[], object] = lambda: None
    ) -> None:
        self._authorities, self._host = authorities, host
        self._follow = follow  # brings up the rows of lots
        self._kept: dict[str, Slot] = {}
        self._same: dict[tuple[str, int, int], dict[str, Known]] = {}  # of a model and its maker as they were

    def tell(
        self,
        connection: Connection,
        code: str,
        eyes: Eyes,
        as_of: datetime | None = None,
        number: int | None = None,
    ) -> Told | None:
        """
        Return the passport of a battery for certain eyes; None where the record has no such battery.

        Without a number it is the last that was issued. One that ended is told as it stood before its end;
        `as_of` leaves out what happened later. Raises NotFound for one that was not issued.
        """
        told = self._tell_now(connection, code, eyes, number) if as_of is None else None
        return told or self._tell_then(connection, code, eyes, as_of, number)

    def _tell_now(self, connection: Connection, code: str, eyes: Eyes, number: int | None) -> Told | None:
        """Return a passport that is in force and all of this log; None for any other."""
        world = World(connection, self._authorities)
        subject = f"battery:{code}"
        chain = _read(world, subject)
        battery = world.state(subject)
        if not isinstance(battery, Battery):
            return None
        issued = _issued(battery, number)
        if issued is not None and issued.until is not None:
            return None
        events = effective_events(world.with_corrected({one.index: one for one in chain}), subject)
        if self._know(world, battery, events):
            return None
        edition = _edition(battery, issued, events, Lookup(connection, self._authorities, None, None), None)
        recycled = self._recycled(connection, battery, events, world.state)
        return _told(self._composed(world, battery, events, recycled), eyes, edition)

    def _tell_then(
        self,
        connection: Connection,
        code: str,
        eyes: Eyes,
        until: datetime | None,
        number: int | None,
    ) -> Told | None:
        """Return a passport as it stood at a time, or before its end; one that another host handed over."""
        lookup = Lookup(connection, self._authorities, until, None, Handed.reader(connection))
        battery = lookup.battery(code)
        if battery is None:
            return None
        host = Handed.host(connection, code) or self._host
        events = _events(lookup, code, until)
        issued, then, ended_at = _issued(battery, number), battery, None
        edition = _edition(battery, issued, events, lookup, until)
        if issued is not None and issued.until is not None:
            events = _before(events, issued.ended_by)
            then, ended_at = _state(battery, events), issued.until
        sources = _sources(
            then, events, lambda name: lookup.state(name, ended_at), lookup.organisation, host, issued
        )
        recycled = self._recycled(connection, then, events, lookup.state)
        whole = compose(replace(sources, recycled=recycled))
        whole = replace(whole, values={name: _of_this_log(one) for name, one in whole.values.items()})
        return _told(whole, eyes, edition)

    def tell_many(self, connection: Connection, codes: Sequence[str], eyes: Eyes) -> Iterator[Told]:
        """Yield the passports of batteries on record, in their order; their chains are read at once."""
        known = following.Known(connection, self._authorities)
        subjects = [f"battery:{code}" for code in codes]
        known.read_chains(subjects)
        lookup = Lookup(connection, self._authorities, None, None)
        handed = bool(known.rows("select exists (select from handed)", ())[0][0])
        content = contents(connection, codes)
        for subject in subjects:
            battery = known.state(subject)
            assert isinstance(battery, Battery)  # noqa: S101 - it is on record
            chain = {one.index: one for one, _ in known.chain(subject)}
            events = effective_events(known.with_corrected(chain), subject)
            issued = _issued(battery, None)
            if handed or (issued is not None and issued.until is not None):
                told = self._tell_then(connection, battery.code, eyes, None, None)
                assert told is not None  # noqa: S101 - it is on record
                yield told
                continue
            edition = _edition(battery, issued, events, lookup, None)
            recycled = self._recycled(connection, battery, events, known.state, content)
            yield _told(self._composed(known, battery, events, recycled), eyes, edition)

    def _recycled(
        self,
        connection: Connection,
        battery: Battery,
        events: Sequence[Recorded],
        state: Callable[[str], Any],
        told: Content | None = None,
    ) -> dict[str, Known]:
        """
        Return what the record shows of a battery's recycled content, by point.

        Only credits among these events count of its own. Those of its parts count as far as the tables of
        lots were followed, so that a battery without any waits for nothing. `told` is as for `content_of`.
        """
        own = {one.index for one in events if isinstance(one.event, CreditSpent)}
        if not own and not battery.parts:
            return {}
        if own:
            self._follow()
        model = state("model:" + battery.model_id) if battery.model_id else None
        composition = model.composition if isinstance(model, Model) else None
        found = content_of(connection, battery, composition, own, told)
        if found is None:
            return {}
        return {name: Known(value, found.entries, derived=True) for name, value in found.points().items()}

    def _composed(
        self, world: World, battery: Battery, events: Sequence[Recorded], recycled: Mapping[str, Known]
    ) -> Passport:
        sources = _sources(battery, events, world.state, world.organisation, self._host)
        sources = replace(sources, recycled=recycled)
        model = sources.model
        if model is None:
            return compose(sources)
        maker = world.slot(f"organisation:{model.maker}").last if model.maker is not None else -1
        key = model.model_id, world.slot(f"model:{model.model_id}").last, maker
        same = self._same.get(key)
        if same is None:
            if len(self._same) >= MAX_KEPT:
                self._same.clear()
            same = self._same[key] = of_model(model, sources.organisation, self._host)
        return compose(sources, same)

    def _know(self, world: World, battery: Battery, events: Sequence[Recorded]) -> bool:
        """
        Bring what a passport says of others than the battery into a world, kept or read.

        Return whether another host handed over something of it, which is not known then.
        """
        names = {f"site:{site}" for one in events if (site := getattr(one.event, "site", None)) is not None}
        if battery.operator is not None:
            names.add(f"organisation:{battery.operator}")
        if battery.model_id is not None:
            names.add(name := f"model:{battery.model_id}")
            names |= _maker(self._kept.get(name))
        handed = self._read_kept(world, names | {f"battery:{battery.code}"})
        maker = _maker(world.slots.get(f"model:{battery.model_id}")) - names
        return handed or (bool(maker) and self._read_kept(world, maker))

    def _read_kept(self, world: World, names: set[str]) -> bool:
        """
        Take what is kept and has no new event since; read the rest, and keep it.

        Return whether any of it was handed over by another host.
        """
        found = world.rows(_NEWEST, (Texts(names), Texts(names)))
        if any(handed for *_, handed in found):
            return True
        newest = {name: last for name, last, _ in found if not name.startswith("battery:")}
        for name, last in newest.items():
            kept = self._kept.get(name)
            if kept is not None and kept.last == last:
                world.slots[name] = kept
        missing = names - world.slots.keys()
        world.load(missing)
        if len(self._kept) + len(missing) > MAX_KEPT:
            self._kept.clear()
        self._kept |= {name: world.slots[name] for name in missing & newest.keys()}
        return False


def _maker(slot: Slot | None) -> set[str]:
    state = slot.state if slot is not None else None
    return {f"organisation:{state.maker}"} if isinstance(state, Model) and state.maker is not None else set()


def _read(world: World, subject: str) -> list[Recorded]:
    """Read a battery's row into a world and return its chain, in the order of the log."""
    slot = world.slots[subject] = Slot(subject)
    chain = []
    for row in world.rows(_BATTERY, (subject,)):
        if row[4] is not None:
            slot.k, slot.h, slot.last, slot.latest_us = row[:4]
            slot.state = decode_state(subject, row[4])
        if row[5] is not None:
            chain.append(to_recorded(row[5:]))
    return sorted(chain, key=lambda one: one.index)


def _sources(
    battery: Battery,
    events: Sequence[Recorded],
    state: Callable[[str], Any],
    organisation: Callable[[str], Organisation | None],
    host: str,
    issued: Issued | None = None,
) -> Sources:
    """Bring together what a passport is composed of; `issued` is the one meant, else the battery's last."""
    model = state("model:" + battery.model_id) if battery.model_id else None

    def site_of(identifier: str) -> Site | None:
        found = state("site:" + identifier)
        return found if isinstance(found, Site) else None

    known = model if isinstance(model, Model) else None
    return Sources(battery, events, known, organisation, site_of, host, issued)


def _edition(
    battery: Battery,
    issued: Issued | None,
    events: Sequence[Recorded],
    lookup: Lookup,
    until: datetime | None,
) -> Edition:
    """Return which passport it is, and which it follows and leads to; these are read where there are any."""

    @cache
    def kin(code: str) -> Kin | None:
        if code == battery.code:
            return Kin(battery.passports, events)
        found = lookup.battery(code)
        return None if found is None else Kin(found.passports, _events(lookup, code, until))

    links = (
        [] if issued is None else [lead(battery.code, issued.number, kin) for lead in (previous, next_ones)]
    )
    return Edition.of(battery.code, issued, *links)


def _events(lookup: Lookup, code: str, until: datetime | None) -> list[Recorded]:
    subject = "battery:" + code
    events = effective_events(lookup.chain(subject), subject)
    return events if until is None else [one for one in events if one.event.occurred_at <= until]


def _issued(battery: Battery, number: int | None) -> Issued | None:
    """Return the passport of a battery that has a number; where none was issued the first is a draft."""
    known = battery.passports
    if number is None or (number == 1 and not known):
        return known[-1] if known else None
    found = next((one for one in known if one.number == number), None)
    if found is None:
        there = ", ".join(str(one.number) for one in known) or "none"
        raise NotFound(
            "passport.unknown",
            f"There is no passport {passport_id(battery.code, number)}.",
            f"Of this battery there were issued: {there}.",
        )
    return found


def _of_this_log(known: Known) -> Known:
    """Return a value with the entries of this log alone: those that were handed over have others."""
    if all(index >= 0 for index in known.entries):
        return known
    return replace(known, entries=tuple(index for index in known.entries if index >= 0))


def _before(events: list[Recorded], index: int | None) -> list[Recorded]:
    place = next((place for place, one in enumerate(events) if one.index == index), len(events))
    return events[:place]


def _state(battery: Battery, events: list[Recorded]) -> Battery:
    found = fold("battery:" + battery.code, events)
    return found if isinstance(found, Battery) else battery


def _told(whole: Passport, eyes: Eyes, edition: Edition) -> Told:
    shown = _shown(eyes.audiences, eyes.at)
    seen = {name: one for name, one in whole.values.items() if name in shown}
    return Told(seen, tuple(name for name in whole.values if name not in shown), whole, edition)


@lru_cache(256)
def _shown(audiences: Audiences, at: datetime | None) -> frozenset[str]:
    eyes = Eyes(audiences, at)
    return frozenset(name for name in POINTS if eyes.see(PASSPORT, name))


# --------------------------------------------------------------------- all of them, as a file


class Export(msgspec.Struct, frozen=True):
    """What workers need to make documents: a snapshot of the database, who gives them, to whom, how."""

    dsn: str
    snapshot: str
    authorities: frozenset[str]
    host: str
    key: str  # PEM
    secret: bytes
    at: datetime
    form: str
    eyes: Eyes
    model: str | None


def export(
    database: Database, authorities: frozenset[str], by: Issuer, name: str, eyes: Eyes, model: str | None
) -> Iterator[tuple[int, int, bytes]]:
    """
    Yield the passports of all batteries, or of those of a model, as lines of JSON by the order of codes.

    In one snapshot of the record; each time with how many batteries were looked at, and of how many.
    """
    with database.connect() as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        (snapshot,) = connection.execute("select pg_export_snapshot()").fetchone() or ("",)
        (total,) = connection.execute("select batteries from log").fetchone() or (0,)
        key = by.signer.pem
        setting = Export(
            database.dsn, snapshot, authorities, by.host, key, by.secret, by.at, form(name).name, eyes, model
        )
        runs = _runs(connection)
        made = _alone(setting, runs) if total < ALONE_BELOW else _shared(setting, runs)
        done = 0
        for number, lines in made:
            done += number
            yield done, max(total, done), lines


def _runs(connection: Connection) -> Iterator[list[str]]:
    """Yield the codes of all batteries, in order, some at a time."""
    with connection.cursor("codes") as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(
            "select substr(id, 9) from subject where id >= 'battery:' and id < 'battery;' order by id"
        )
        while run := cursor.fetchmany(AT_ONCE):
            yield [code for (code,) in run]


def _alone(setting: Export, runs: Iterator[list[str]]) -> Iterator[tuple[int, bytes]]:
    with _Maker(setting) as maker:
        for run in runs:
            yield len(run), maker.make(run)


def _shared(setting: Export, runs: Iterator[list[str]]) -> Iterator[tuple[int, bytes]]:
    """Let worker processes make the documents; yield them in order, few of them waiting in memory."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, context, _start_worker, (setting,)) as pool:
        waiting: deque[tuple[int, Future[bytes]]] = deque()
        try:
            for run in runs:
                waiting.append((len(run), pool.submit(_work, run)))
                if len(waiting) > 2 * WORKERS:
                    number, lines = waiting.popleft()
                    yield number, lines.result()
            while waiting:
                number, lines = waiting.popleft()
                yield number, lines.result()
        finally:
            for _, unneeded in waiting:
                unneeded.cancel()


class _Maker:
    """Makes documents, through a connection of its own that sees the snapshot."""

    def __init__(self, setting: Export) -> None:
        self._setting = setting
        self._passports = Passports(setting.authorities, setting.host)
        self._form = form(setting.form)
        self._issuer = Issuer(setting.host, Signer.from_pem(setting.key), setting.secret, setting.at)
        self._connection: Connection = psycopg.connect(setting.dsn)
        self._connection.execute("set transaction isolation level repeatable read, read only")
        self._connection.execute(f"set transaction snapshot '{setting.snapshot}'")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def make(self, codes: list[str]) -> bytes:
        """Return the documents of these batteries, each on a line."""
        wanted = self._setting.model
        told = self._passports.tell_many(self._connection, codes, self._setting.eyes)
        return b"".join(
            self._form.written(one.given_by(self._issuer)) + b"\n"
            for one in told
            if wanted is None or _model_of(one.whole.values) == wanted
        )


def _model_of(values: Mapping[str, Known]) -> object:
    known = values.get("model_id")
    return known.value if known is not None else None


_worker: _Maker | None = None


def _start_worker(setting: Export) -> None:
    global _worker  # noqa: PLW0603 - a worker process is there for one export
    _worker = _Maker(setting)


def _work(codes: list[str]) -> bytes:
    assert _worker is not None  # noqa: S101 - the pool has started it
    return _worker.make(codes)
