"""
Reservations: packs in a station that are held for a truck for a while.

A pack is held from the moment of the reservation until its window is over, and `GRACE` more: whoever took it
before would leave the truck without. That nobody else holds it meanwhile is the key of `reservation_pack`; a
row whose time is over counts for nothing and is taken over by the next. So nothing has to run for a
reservation to expire. It is released when it is cancelled, or when the record says that a pack has left the
station (`following.py`): `swapped` when it went into this very truck, else `gone`.

The same request with the same key is the same reservation, whatever became of it; another request with that
key is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from voltrail.database.database import Connection
from voltrail.errors import NotFound, UsageError
from voltrail.events import kinds
from voltrail.events.checks import bad_vin
from voltrail.events.reading import VIN
from voltrail.lifecycle import Battery
from voltrail.registry.following import Copy, Step
from voltrail.swap.catalogue import TRUCKS, Truck
from voltrail.swap.dispatch import Held
from voltrail.swap.forecast import misfit, ready_min, unfit
from voltrail.swap.network import PackThere, StationThere

GRACE: Final = timedelta(minutes=15)  # after its window
LONGEST: Final = timedelta(hours=6)  # a window
AHEAD: Final = timedelta(hours=48)  # how long before its end it can be made
MOST_HELD: Final = 500  # by one organisation at once; of the packs at a station of others, half
ON_PAGE: Final = 200
_LOCK: Final = 0x52657376  # "Resv"

Status = Literal["held", "swapped", "gone", "cancelled", "expired"]

_MAKE: Final = """
insert into reservation (
    organisation, key, digest, site, operator, truck, vin, codes, from_at, until_at, ends_at, made_at, made_by
) values (
    %(organisation)s, %(key)s, %(digest)s, %(site)s, %(operator)s, %(truck)s, %(vin)s, '{}', %(from_at)s,
    %(until_at)s, %(ends_at)s, %(now)s, %(login)s
) returning id
"""
_HOLD: Final = """
insert into reservation_pack as p values (%(code)s, %(id)s, %(ends_at)s) on conflict (code)
do update set reservation = excluded.reservation, ends_at = excluded.ends_at where p.ends_at <= %(now)s
returning 1
"""
_LEFT: Final = (
    "select p.code, r.id, r.site, r.vin from reservation_pack p join reservation r on r.id = p.reservation"
    " where p.code = any(%s)"
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What is asked for: at a station, for a truck, within a window, `blocks` packs.

    Either these `packs` by code, or any of the type `pack_type`. `key` is the caller's own name for it.
    """

    key: Annotated[str, Meta(min_length=1, max_length=100)]
    site: Annotated[str, Meta(max_length=256)]
    truck: Annotated[str, Meta(max_length=100)]
    vin: Annotated[str, Meta(max_length=17)]
    packs: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=8)] = ()
    pack_type: Annotated[str, Meta(max_length=100)] | None = None
    blocks: Annotated[int, Meta(ge=1, le=8)] | None = None
    from_at: Annotated[datetime, Meta(tz=True)]
    until_at: Annotated[datetime, Meta(tz=True)]


class Reservation(msgspec.Struct, frozen=True):
    """A reservation as it is now; `ends_at` is the end of its window with the grace."""

    id: int
    organisation: str
    key: str
    site: str
    operator: str
    truck: str
    vin: str
    codes: list[str]
    from_at: datetime
    until_at: datetime
    ends_at: datetime
    made_at: datetime
    status: Status


_NAMES: Final = Reservation.__struct_fields__
_SHOWN: Final = ", ".join((*_NAMES[:-1], "why"))


class Reservations(Copy):
    """The reservations of one database; threads and servers may share it."""

    upto = "reservation_upto"

    def bring_up(self, step: Step) -> None:
        """Release what is held of packs that have left their stations."""
        connection, known = step.connection, step.known
        held = connection.execute(_LEFT, (step.codes,)).fetchall() if step.codes else []
        into = {
            (one.recorded.event.put_in, one.recorded.event.vin)
            for one in step.entries
            if isinstance(one.recorded.event, kinds.Swapped)
        }
        for code, number, site, vin in held:
            battery = known.slot("battery:" + code).state
            claim = battery.whereabouts if isinstance(battery, Battery) else None
            if claim is None or claim.place != "in_swap_station" or claim.site != site:
                _release(connection, number, "swapped" if (code, vin) in into else "gone")

    def make(
        self,
        organisation: str,
        login: str,
        wanted: Wanted,
        network: Sequence[StationThere],
        now: datetime,
        seen: Collection[str] | None = None,
    ) -> Reservation:
        """
        Hold packs for a truck; return the reservation, that of before where the same was asked before.

        Only packs in `seen` can be named by code, any where it is None: where others are nobody learns so.
        Raises UsageError (`reservation.*`) for a key that stands for something else, a window that is none, a
        station or pack that does not fit, and packs that are not there, may not be put in or are held.
        """
        digest = sha256(msgspec.json.encode(wanted)).digest()
        if not wanted.key.isprintable():
            raise _wrong("key", "The key has characters that are none to read", "Use letters and digits.")
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", (_LOCK, organisation))
            before = self._before(connection, organisation, wanted.key, digest, now)
            if before is not None:
                return before
            station, candidates, count = _check(wanted, network, now, seen)
            self._check_number(connection, organisation, now)
            ends_at = wanted.until_at + GRACE
            values = {
                **{name: getattr(wanted, name) for name in ("key", "truck", "vin", "from_at", "until_at")},
                "organisation": organisation,
                "digest": digest,
                "ends_at": ends_at,
                "now": now,
                "site": station.site,
                "operator": station.operator,
                "login": login,
            }
            number = int(connection.execute(_MAKE, values).fetchall()[0][0])
            # One station after the other, so that two requests for the same packs do not wait for each other.
            connection.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", (_LOCK + 1, station.site))
            if organisation != station.operator:
                _check_share(connection, organisation, wanted, station, count, now)
            codes = _hold(connection, number, candidates, count, ends_at, now)
            if len(codes) < count:
                raise _taken(wanted, candidates, codes)
            connection.execute("update reservation set codes = %s where id = %s", (sorted(codes), number))
            return _one(connection, number, now)

    @staticmethod
    def _check_number(connection: Connection, organisation: str, now: datetime) -> None:
        query = "select id from reservation where organisation = %s and why is null and ends_at > %s"
        held = len(connection.execute(query, (organisation, now)).fetchall())
        if held >= MOST_HELD:
            raise _wrong("many", f"{held} reservations are held already", "Cancel what is not needed.")

    @staticmethod
    def _before(
        connection: Connection, organisation: str, key: str, digest: bytes, now: datetime
    ) -> Reservation | None:
        row = connection.execute(
            "select id, digest from reservation where organisation = %s and key = %s", (organisation, key)
        ).fetchone()
        if row is None:
            return None
        if bytes(row[1]) != digest:
            raise _wrong(
                "key", f"The key {key!r} stands for another request", "Use a new key for a new reservation."
            )
        return _one(connection, row[0], now)

    def cancel(self, organisation: str, number: int, now: datetime) -> Reservation:
        """Release a reservation of an organisation; one that holds nothing any more stays as it is."""
        with self._database.pool.connection() as connection, connection.transaction():
            one = _one(connection, number, now, organisation)
            if one.status == "held":
                _release(connection, number, "cancelled", now)
            return _one(connection, number, now)

    def one(self, organisation: str, number: int, now: datetime) -> Reservation:
        """Return a reservation to who made it or runs the station. Raises NotFound for all others."""
        with self._database.pool.connection() as connection:
            return _one(connection, number, now, organisation, at_station=True)

    def of(
        self, organisation: str, now: datetime, *, held: bool = False, before: int | None = None
    ) -> list[Reservation]:
        """Return reservations that an organisation made, or at its stations, the last first; those `held`."""
        query = (
            f"select {_SHOWN} from reservation where %(of)s in (organisation, operator)"  # noqa: S608 - our words
            " and (%(before)s::bigint is null or id < %(before)s)"
            + (" and why is null and ends_at > %(now)s" if held else "")
            + " order by id desc limit %(limit)s"
        )
        values = {"of": organisation, "before": before, "now": now, "limit": ON_PAGE}
        with self._database.pool.connection() as connection:
            return [_told(row, now) for row in connection.execute(query, values)]

    def held(self, now: datetime, organisation: str | None = None, ours: Collection[int] = ()) -> list[Held]:
        """Return all that is held now; `ours` are those of the organisation that a plan is made for."""
        with self._database.pool.connection() as connection:
            found = connection.execute(
                "select id, site, codes, organisation from reservation where why is null and ends_at > %s"
                " order by id",
                (now,),
            ).fetchall()
        return [
            Held(id=number, site=site, codes=tuple(codes), ours=of == organisation and number in ours)
            for number, site, codes, of in found
        ]


def _check(
    wanted: Wanted, network: Sequence[StationThere], now: datetime, seen: Collection[str] | None
) -> tuple[StationThere, list[str], int]:
    """Return the station, the packs that would do, those first that are full first, and how many it takes."""
    if VIN.fullmatch(wanted.vin) is None:
        raise bad_vin(wanted.vin)
    _check_window(wanted, now)
    truck = TRUCKS.get(wanted.truck)
    if truck is None:
        raise _wrong("truck", f"There is no truck {wanted.truck!r}", f"Use one of {', '.join(TRUCKS)}.")
    station = next((one for one in network if one.site == wanted.site), None)
    if station is None:
        raise NotFound(
            "reservation.station",
            "The record has no station of that identifier that can be planned with.",
            "Look for it at /stations.",
        )
    why = misfit(station, truck)
    if why is not None:
        raise _wrong("misfit", why.rstrip("."), "Reserve at a station that swaps such packs.")
    count = len(wanted.packs) or wanted.blocks or 1
    if not truck.blocks_low <= count <= truck.blocks_high:
        raise _wrong(
            "packs",
            f"{truck.name} takes from {truck.blocks_low} to {truck.blocks_high} packs, not {count}",
            "Reserve what one truck takes at once.",
        )
    if wanted.packs:
        return station, _named(wanted, station, truck, seen), count
    if wanted.pack_type is None:
        raise _wrong("packs", "No pack is named", "Name `packs` by code, or a `pack_type` and `blocks`.")
    found = [one for one in station.packs if one.pack_type == wanted.pack_type]
    refused = [(one.code, why) for one in found if (why := unfit(one, truck)) is not None]
    fit = sorted((ready_min(one, station), one.code) for one in found if unfit(one, truck) is None)
    if len(fit) < count:
        said = f": {refused[0][1].rstrip('.')}" if refused else ""
        raise _wrong(
            "no_pack",
            f"{count} packs {wanted.pack_type} are wanted, {len(fit)} may be put in{said}",
            "Reserve another type of pack, or elsewhere.",
        )
    return station, [code for _, code in fit], count


def _check_share(
    connection: Connection,
    organisation: str,
    wanted: Wanted,
    station: StationThere,
    count: int,
    now: datetime,
) -> None:
    """Leave others half of the packs that do, so that nobody empties a rival's station; one truck always."""
    rows = connection.execute(
        "select 1 from reservation_pack p join reservation r on r.id = p.reservation"
        " where r.organisation = %s and r.site = %s and p.ends_at > %s",
        (organisation, station.site, now),
    ).fetchall()
    do = sum(unfit(one, TRUCKS[wanted.truck]) is None for one in station.packs)
    if rows and 2 * (len(rows) + count) > do + 1:
        raise _wrong(
            "many",
            f"{len(rows)} packs at {station.name} are held for you; {count} more are over half of {do}",
            "Cancel what is not needed, or reserve when a truck of yours has swapped.",
        )


def _named(wanted: Wanted, station: StationThere, truck: Truck, seen: Collection[str] | None) -> list[str]:
    there = {one.code: one for one in station.packs if seen is None or one.code in seen}
    if len(set(wanted.packs)) != len(wanted.packs):
        raise _wrong("packs", "A pack is named twice", "Name each once.")
    if wanted.pack_type is not None or wanted.blocks not in {None, len(wanted.packs)}:
        raise _wrong("packs", "Packs are named by code and otherwise", "Leave out `pack_type` and `blocks`.")
    for code in wanted.packs:
        pack: PackThere | None = there.get(code)
        if pack is None:
            raise _wrong("not_there", f"{code} is not in {station.name}", "Ask for a plan again.")
        why = unfit(pack, truck)
        if why is not None:
            raise _wrong("unfit", f"{code} may not be put in: {why.rstrip('.')}", "Reserve another pack.")
    return sorted(wanted.packs)


def _check_window(wanted: Wanted, now: datetime) -> None:
    if wanted.until_at <= wanted.from_at or wanted.until_at <= now:
        raise _wrong(
            "window", "The window is over or ends before it begins", "Give `from_at` and `until_at`."
        )
    if wanted.until_at - wanted.from_at > LONGEST:
        hours = LONGEST // timedelta(hours=1)
        raise _wrong("window", f"The window is longer than {hours} hours", "Reserve a shorter one.")
    if wanted.until_at > now + AHEAD:
        hours = AHEAD // timedelta(hours=1)
        raise _wrong("window", f"The window ends in more than {hours} hours", "Reserve when it is nearer.")


def _hold(
    connection: Connection,
    number: int,
    candidates: list[str],
    count: int,
    ends_at: datetime,
    now: datetime,
) -> list[str]:
    """Hold the first of some packs that nobody holds; return which."""
    codes: list[str] = []
    for code in candidates:
        if len(codes) == count:
            break
        values: dict[str, Any] = {"code": code, "id": number, "ends_at": ends_at, "now": now}
        if connection.execute(_HOLD, values).fetchone() is not None:
            codes.append(code)
    return codes


def _taken(wanted: Wanted, candidates: list[str], codes: list[str]) -> UsageError:
    held = [code for code in candidates if code not in codes]
    if wanted.packs:
        return _wrong("held", f"{held[0]} is reserved already", "Ask for a plan again: it names others.")
    return _wrong(
        "held",
        f"{len(held)} of the {len(candidates)} packs that would do are reserved already",
        "Ask for a plan again: it goes elsewhere.",
    )


def _release(connection: Connection, number: int, why: str, now: datetime | None = None) -> None:
    connection.execute("delete from reservation_pack where reservation = %s", (number,))
    connection.execute(
        "update reservation set released_at = coalesce(%s, now()), why = %s where id = %s and why is null"
        " and ends_at > coalesce(%s, now())",
        (now, why, number, now),
    )


def _one(
    connection: Connection,
    number: int,
    now: datetime,
    organisation: str | None = None,
    *,
    at_station: bool = False,
) -> Reservation:
    row = connection.execute(f"select {_SHOWN} from reservation where id = %s", (number,)).fetchone()  # noqa: S608
    if row is None or (
        organisation is not None and organisation != row[1] and not (at_station and organisation == row[4])
    ):
        raise NotFound(
            "reservation.unknown",
            "There is no such reservation of yours.",
            "Look for it at /stations/reservations.",
        )
    return _told(row, now)


def _told(row: Sequence[Any], now: datetime) -> Reservation:
    given: list[Any] = [one.astimezone(UTC) if isinstance(one, datetime) else one for one in row]
    why = given.pop()
    status: Status = why or ("held" if row[10] > now else "expired")
    return Reservation(**dict(zip(_NAMES, (*given, status), strict=True)))


def _wrong(what: str, message: str, fix: str) -> UsageError:
    return UsageError(f"reservation.{what}", f"{message}.", fix)
