"""
Swap networks: stations, the packs in them and on trucks, swaps; they follow from the record (`following.py`).

A swap is kept by the entry of its first report, as its last correction has it; one told late stands at its
own time. Of packs that were swapped or stand in a station there is also who came to own them when, and what
was measured of them: settlement needs both as of each swap.

What a station says of itself (charge, queue) is no record. Its last word is kept beside, and `there` puts
both together. A word about a pack counts only where the record had it there when the word was said.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from voltrail.database.database import Connection, Database, Texts
from voltrail.errors import AccessError, NotFound
from voltrail.lifecycle import Model, decode_state
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.following import Copy, Row, Step, difference
from voltrail.registry.station_rows import (
    HOURLY,
    PACKS,
    STATIONS,
    SWAPS,
    TELLING,
    TOLD,
    hour_of,
    packs_of,
    station_of,
    swap_of,
    swaps_standing,
    told_of,
)
from voltrail.registry.station_words import (
    NOTHING,
    PackWord,
    Word,
    decode_word,
    keep_word,
    note_change,
    read_word,
)
from voltrail.swap.network import HOURS, PackThere, StationThere
from voltrail.swap.settlement import Swap

MAX_FOUND: Final = 500
DAYS_LOOKED_BACK: Final = 28  # for how many trucks a station expects at what hour
SWAP_MIN: Final = 5.0  # minutes, where nothing else is known

_SWAPPED: Final = """
select code from unnest(%s::text[]) asked (code) where exists (select from swap where taken_out = code)
    or exists (select from swap where put_in = code)
"""
_WITH_MODELS: Final = "select distinct station from swap_pack where model = any(%s) and station is not null"
_SWAPS_AWAY: Final = "delete from swap where seq = any(%s) returning " + ", ".join(SWAPS.columns)  # noqa: S608
_OWNER_AT: Final = (
    "(select t.owner from swap_pack_told t where t.code = s.{code} and t.owner is not null"
    " and (t.at, t.seq) <= (s.at, s.seq) order by t.at desc, t.seq desc limit 1)"
)
SWAP_COLUMNS: Final = (
    "s.seq as index, s.at, s.operator, s.station, s.vin, s.taken_out, s.put_in, s.energy_out_wh,"
    f" s.energy_in_wh, s.odometer_km, {_OWNER_AT.format(code='taken_out')} as owner_out,"
    f" {_OWNER_AT.format(code='put_in')} as owner_in"
)
_PER_HOUR: Final = """
select station, extract(hour from hour at time zone 'Asia/Shanghai')::int, sum(number)::float8
from swap_hour where hour >= %s and hour < %s group by 1, 2
"""
_CHANGED: Final = "select site from station_change where number > %s"


class Station(msgspec.Struct, frozen=True):
    """A station as its operator registered it: degrees (WGS 84), kW; None where it did not say."""

    site: str
    operator: str
    name: str | None
    region: str | None
    address: str | None
    phone: str | None
    hours: str | None
    latitude: float | None
    longitude: float | None
    interfaces: tuple[str, ...]
    bays: int | None
    slots: int | None
    chargers: int | None
    charger_kw: float | None


class Pack(msgspec.Struct, frozen=True):
    """
    A pack in a station, by the record: since when, whose; `soh` from 0 to 1 as last measured.

    `pack_type` is the standardized pack that its model is, None where it names none; `refused` why it may not
    be put in (a word of `swap.fitness`), None where it may.
    """

    code: str
    model: str | None
    pack_type: str | None
    energy_kwh: float | None
    station: str
    since: datetime | None
    holder: str | None
    owner: str | None
    soh: float | None
    refused: str | None


class Here(msgspec.Struct, frozen=True):
    """A station, the packs in it by the record, and its last word."""

    station: Station
    packs: tuple[Pack, ...]
    word: Word | None

    def said_of(self, pack: Pack) -> PackWord:
        """Return what was said of a pack that was there by then; nothing otherwise."""
        if self.word is None or (pack.since is not None and pack.since > self.word.at):
            return NOTHING
        return self.word.packs.get(pack.code, NOTHING)


class _Kept(msgspec.Struct, frozen=True):
    """All stations, as of a number of changes."""

    number: int
    here: dict[str, Here]


class Stations(Copy):
    """The swap networks of one database; threads and servers may share it."""

    upto = "station_upto"

    def __init__(self, database: Database, authorities: frozenset[str]) -> None:
        super().__init__(database, authorities)
        self._lock = threading.Lock()
        self._kept = _Kept(-1, {})
        self._there: dict[str, tuple[datetime, Here, StationThere]] = {}
        self._per_hour: tuple[datetime, dict[str, tuple[float, ...]]] | None = None

    def bring_up(self, step: Step) -> None:
        """Copy the stations, swaps and packs that a step touches."""
        _bring_up_swaps(step)
        changed = set(_bring_up_stations(step)) | set(_bring_up_packs(step))
        note_change(step.connection, changed)  # last: nobody can say anything from here to the commit

    # ------------------------------------------------------------------ reading

    def all(self) -> list[Here]:
        """Return all stations with the packs in them and their last words, in the order of their sites."""
        return list(self._now().here.values())

    def one(self, site: str) -> Here:
        """Return one station. Raises NotFound."""
        found = self._now().here.get(site)
        if found is None:
            raise NotFound(
                "station.unknown",
                "The record has no station of that identifier.",
                "Look for it at /stations; its operator registers it as a site of the type station.",
            )
        return found

    def there(self, now: datetime) -> tuple[StationThere, ...]:
        """
        Return the network as it stands, to the minute; what is ready within this one is ready.

        Stations that never said where they are cannot be planned with: they are left out.
        """
        minute = _next_minute(now)
        per_hour, kept = self._expected(now), self._there
        none = (0.0,) * HOURS
        found: dict[str, tuple[datetime, Here, StationThere]] = {}
        for site, here in self._now().here.items():
            one = kept.get(site)
            if one is not None and one[0] == minute and one[1] is here:
                found[site] = one
            elif here.station.latitude is not None and here.station.longitude is not None:
                found[site] = minute, here, _there(here, per_hour.get(site, none), minute)
        self._there = found
        return tuple([one for _, _, one in found.values()])

    def swaps(
        self,
        *,
        station: str | None = None,
        seen_by: str | None = None,
        before: tuple[datetime, int] | None = None,
        limit: int = 50,
    ) -> tuple[list[Swap], tuple[datetime, int] | None]:
        """
        Return swaps, the last first, and where the next page goes on or None.

        Those at a station; those that an organisation reported, or of which a pack was its own then.
        """
        limit = max(1, min(limit, MAX_FOUND))
        conditions = []
        values: dict[str, object] = {"station": station, "of": seen_by, "limit": limit + 1}
        if station is not None:
            conditions.append("station = %(station)s")
        if seen_by is not None:
            conditions.append("%(of)s in (operator, owner_out, owner_in)")
        if before is not None:
            conditions.append("(at, index) < (%(at)s, %(index)s)")
            values |= {"at": before[0], "index": before[1]}
        where = f" where {' and '.join(conditions)}" if conditions else ""
        names = ", ".join(Swap.__struct_fields__)
        query = (
            f"select {names} from (select {SWAP_COLUMNS} from swap s) s{where}"  # noqa: S608 - our own words
            " order by at desc, index desc limit %(limit)s"
        )
        with self._database.pool.connection() as connection:
            found = [Swap(*row) for row in connection.execute(query, values, binary=True)]
        if len(found) <= limit:
            return found, None
        return found[:limit], (found[limit - 1].at, found[limit - 1].index)

    # ---------------------------------------------------------------- no record

    def say(
        self, site: str, organisation: str, login: str, body: bytes, now: datetime
    ) -> tuple[Word, list[str]]:
        """
        Keep what a station says of itself; return it, and the packs that the record has elsewhere.

        Raises NotFound for no station, AccessError for another's; UsageError for what does not read, a time
        in the future or before the last word, codes that the record does not know, a slot or a charger that
        is named twice or is not there.
        """
        here = self.one(site)
        if here.station.operator != organisation:
            raise AccessError(
                "station.not_yours",
                "What stands in a station is said by who runs it.",
                f"Sign in for {here.station.operator}, or use a token of it.",
            )
        word = read_word(body, here.station.slots, here.station.chargers, now)
        with self._database.pool.connection() as connection:
            keep_word(connection, site, login, word)
        return word, sorted(set(word.packs) - {pack.code for pack in here.packs})

    # ------------------------------------------------------------------ kept

    def _now(self) -> _Kept:
        """Return all stations; what changed since they were read last is read again."""
        with self._database.pool.connection() as connection:
            row = connection.execute("select number from station_changes").fetchone()
            assert row is not None  # noqa: S101 - for the type checker
            number = int(row[0])
            if self._kept.number >= number:
                return self._kept
            with self._lock:  # the others wait for it rather than read the same
                if self._kept.number < number:
                    self._kept = _Kept(number, _read_changed(connection, self._kept))
                return self._kept

    def _expected(self, now: datetime) -> dict[str, tuple[float, ...]]:
        """Return how many trucks come to each station in each hour, by the whole days before today."""
        today = now.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
        kept = self._per_hour
        if kept is not None and kept[0] == today:
            return kept[1]
        counts: dict[str, list[float]] = defaultdict(lambda: [0.0] * HOURS)
        since = today - timedelta(days=DAYS_LOOKED_BACK)
        with self._database.pool.connection() as connection:
            for station, hour, number in connection.execute(_PER_HOUR, (since, today), binary=True):
                counts[station][hour] = number / DAYS_LOOKED_BACK
        found = {station: tuple(hours) for station, hours in counts.items()}
        self._per_hour = today, found
        return found


# ------------------------------------------------------------------- what follows


def _bring_up_swaps(step: Step) -> None:
    connection, standing = step.connection, swaps_standing(step)
    if not standing:
        return
    gone: list[Row] = connection.execute(_SWAPS_AWAY, (list(standing),), binary=True).fetchall()
    told = (swap_of(one) for one in standing.values() if one is not None)
    new = [row for row in told if row is not None]
    SWAPS.put(connection, (), new, keep=True)
    HOURLY.add(connection, difference(gone, new, hour_of))


def _bring_up_stations(step: Step) -> Iterator[str]:
    """Bring up stations; yield those that changed, or whose packs are of a model that did."""
    known = step.known
    names = {name for one in step.entries for name in one.subjects}
    sites = sorted(name for name in names if name.startswith("site:"))
    if sites:
        known.load(sites)
        found = (row for name in sites if (row := station_of(known.state(name))) is not None)
        gone, new = STATIONS.put(step.connection, [name.removeprefix("site:") for name in sites], found)
        yield from (row[0] for row in gone | new)
    models = Texts(name.removeprefix("model:") for name in names if name.startswith("model:"))
    yield from (site for (site,) in step.connection.execute(_WITH_MODELS, (models,)))


def _bring_up_packs(step: Step) -> Iterator[str]:
    """Bring up packs and what was told of them; yield the stations in which something changed."""
    connection, known, codes = step.connection, step.known, step.codes
    if not codes:
        return
    swapped = {code for (code,) in connection.execute(_SWAPPED, (Texts(codes),))}
    gone, new = PACKS.put(connection, codes, packs_of(known, codes, swapped))
    yield from {row[3] for row in gone | new if row[3] is not None}
    before, after = {row[0] for row in gone}, {row[0] for row in new}
    telling = {
        name[8:]
        for one in step.entries
        if one.recorded.event.kind in TELLING
        for name in one.subjects
        if name.startswith("battery:")
    }
    packs = {row[0] for row in PACKS.read(connection, sorted(telling))}
    fresh = sorted(packs | (after - before))
    known.read_chains("battery:" + code for code in fresh)
    TOLD.put(connection, sorted({*fresh, *(before - after)}), told_of(known, fresh))


# ------------------------------------------------------------------- what is there


def _read_changed(connection: Connection, kept: _Kept) -> dict[str, Here]:
    """Return all stations: what changed since is read."""
    sites = {site for (site,) in connection.execute(_CHANGED, (kept.number,))}
    packs: dict[str, list[Pack]] = defaultdict(list)
    named = Texts(sites)
    query = (
        "select code, model, station, since, holder, owner, soh, refused from swap_pack"
        " where station = any(%s) order by code"
    )
    found = connection.execute(query, (named,), binary=True).fetchall()
    models = _models(connection, {row[1] for row in found})
    for code, model, *row in found:
        packs[row[0]].append(Pack(code, model, *models.get(model, (None, None)), *row))
    query = "select site, word from station_word where site = any(%s)"
    words = {
        site: decode_word(bytes(word)) for site, word in connection.execute(query, (named,), binary=True)
    }
    query = f"select {', '.join(Station.__struct_fields__)} from station where site = any(%s)"  # noqa: S608
    stations = [_station(row) for row in connection.execute(query, (named,), binary=True)]
    here = {site: one for site, one in kept.here.items() if site not in sites}
    here |= {one.site: Here(one, tuple(packs[one.site]), words.get(one.site)) for one in stations}
    return dict(sorted(here.items()))


def _station(row: Any) -> Station:
    cells = dict(zip(Station.__struct_fields__, row, strict=True))
    return Station(**cells | {"interfaces": tuple(cells["interfaces"])})


def _models(
    connection: Connection, names: Collection[str | None]
) -> dict[str | None, tuple[str | None, float | None]]:
    """Return of models which standardized pack they are, and how much energy they hold."""
    wanted = Texts(f"model:{name}" for name in names if name is not None)
    found: dict[str | None, tuple[str | None, float | None]] = {}
    for subject, state in connection.execute("select id, state from subject where id = any(%s)", (wanted,)):
        model = decode_state(subject, bytes(state))
        if isinstance(model, Model):
            found[subject.removeprefix("model:")] = (getattr(model, "swap_pack", None), model.energy_kwh)
    return found


def _next_minute(now: datetime) -> datetime:
    """Return the next full minute; `now` where it is one."""
    whole = now.replace(second=0, microsecond=0)
    return whole if whole == now else whole + timedelta(minutes=1)


def _there(here: Here, per_hour: tuple[float, ...], now: datetime) -> StationThere:
    station, word = here.station, here.word
    assert station.latitude is not None  # noqa: S101 - for the type checker
    assert station.longitude is not None  # noqa: S101
    return StationThere(
        site=station.site,
        name=station.name or station.site,
        operator=station.operator,
        latitude=station.latitude,
        longitude=station.longitude,
        interfaces=station.interfaces,
        bays=station.bays or 1,
        slots=station.slots,
        chargers=station.chargers,
        charger_kw=station.charger_kw,
        swap_min=SWAP_MIN,
        packs=packs_there(here, now),
        queue=word.queue if word is not None else 0,
        per_hour=per_hour,
        said_ms=int(word.at.timestamp() * 1_000) if word is not None else None,
    )


def packs_there(here: Here, now: datetime) -> tuple[PackThere, ...]:
    """Return the packs of a station as they stand, in the order of its `packs`."""
    return tuple([_pack(pack, here.said_of(pack), now) for pack in here.packs])


def _pack(pack: Pack, said: PackWord, now: datetime) -> PackThere:
    ready = None
    if said.ready_at is not None:
        ready = max((said.ready_at - now).total_seconds() / 60, 0.0)
    elif said.charge == 1:
        ready = 0.0
    return PackThere(
        code=pack.code,
        pack_type=pack.pack_type,
        energy_kwh=pack.energy_kwh,
        charge=said.charge,
        ready_min=ready,
        health=pack.soh,
        refused=pack.refused,
    )
