"""
What stations say of themselves, which is no record: read strictly, and kept as the last word of each.

`station_change` says of each station when something of it changed last, as a number that only grows: what is
kept in memory of the others still holds (`stations.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from voltrail.database.database import Connection, Texts
from voltrail.errors import UsageError
from voltrail.lifecycle.judge import FUTURE_ALLOWANCE_MS

Share = Annotated[float, Meta(ge=0, le=1)]
Moment = Annotated[datetime, Meta(tz=True)]
Place = Annotated[int, Meta(ge=1, le=10_000)]


class PackWord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a station says of one pack: its charge from 0 to 1, when it will be full, where it stands."""

    charge: Share | None = None
    ready_at: Moment | None = None
    slot: Place | None = None
    charger: Place | None = None


class Word(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a station says of itself at a moment: how many trucks wait, and each of its packs by code."""

    at: Moment
    queue: Annotated[int, Meta(ge=0, le=10_000)]
    packs: Annotated[dict[str, PackWord], Meta(max_length=2_000)] = {}


LONGEST_CHARGE: Final = timedelta(days=7)  # what is to be full later is told later
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)  # what is said to be older has no date

NOTHING: Final = PackWord()

decode_word = msgspec.json.Decoder(Word).decode


def read_word(body: bytes, slots: int | None, chargers: int | None, now: datetime) -> Word:
    """
    Return what a station with so many slots and chargers says of itself.

    Raises UsageError for what does not read, a time in the future or long ago, a place that is named twice
    or is not there.
    """
    try:
        word = decode_word(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise UsageError(
            "request.invalid",
            f"The body does not read: {str(error)[:200]}.",
            'Send {"at": "2026-05-03T08:00:00+08:00", "queue": 2, "packs": {CODE: {"charge": 0.8,'
            ' "ready_at": "2026-05-03T08:20:00+08:00", "slot": 3, "charger": 3}}}.',
        ) from error
    if word.at > now + timedelta(milliseconds=FUTURE_ALLOWANCE_MS):
        raise UsageError(
            "station.future",
            f"{word.at.isoformat()} is more than five minutes from now.",
            "Set the station's clock, and send the state again.",
        )
    if word.at < _FIRST:
        raise UsageError(
            "station.earlier",
            f"{word.at.isoformat()} is before there was a record.",
            "Set the station's clock, and send the state again.",
        )
    late = [
        code for code, said in word.packs.items() if said.ready_at and said.ready_at > now + LONGEST_CHARGE
    ]
    if late:
        raise UsageError(
            "station.future",
            f"{late[0][:64]!r} is to be ready in more than {LONGEST_CHARGE.days} days.",
            "Leave out `ready_at` of what does not charge.",
        )
    _check_places("slot", "station.slot", slots, word.packs)
    _check_places("charger", "station.charger", chargers, word.packs)
    return word


def _check_places(name: str, rule: str, most: int | None, packs: Mapping[str, PackWord]) -> None:
    taken: dict[int, str] = {}
    for code, said in packs.items():
        place = getattr(said, name)
        if place is None:
            continue
        if most is not None and place > most:
            raise UsageError(
                rule,
                f"{code[:64]!r} is at {name} {place}; the station is registered with {most}.",
                f"Number them from 1, or register the site again with the right number of {name}s.",
            )
        if place in taken:
            raise UsageError(
                rule,
                f"{taken[place][:64]!r} and {code[:64]!r} are both at {name} {place}.",
                "Say of each where it stands; leave out what is not known.",
            )
        taken[place] = code


def keep_word(connection: Connection, site: str, login: str, word: Word) -> None:
    """
    Keep the last word of a station.

    Raises UsageError for codes that the record does not know, and when the station has said more since.
    """
    unknown = set(word.packs) - _known(connection, word.packs)
    if unknown:
        raise UsageError(
            "station.unknown_pack",
            f"The record knows no battery {min(unknown)[:64]!r}, which the station says it has.",
            "Check the code; a battery older than the record is brought in with `enrolled`.",
        )
    note_change(connection, {site})  # first: from here on nobody else writes until this is done
    last = connection.execute("select at from station_word where site = %s", (site,)).fetchone()
    if last is not None and last[0] > word.at:
        raise UsageError(
            "station.earlier",
            f"The station has said more since: at {last[0].astimezone(UTC).isoformat()}.",
            "Send its newest state; what was before is not kept.",
        )
    connection.execute(
        "insert into station_word (site, at, login, word) values (%s, %s, %s, %s) on conflict (site)"
        " do update set at = excluded.at, login = excluded.login, word = excluded.word",
        (site, word.at, login, msgspec.json.encode(word)),
    )


def note_change(connection: Connection, sites: Collection[str]) -> None:
    """Note that something of some stations changes; who notes it has the number until the commit."""
    if not sites:
        return
    connection.execute(
        "with next as (update station_changes set number = number + 1 returning number)"
        " insert into station_change (site, number) select site, number from unnest(%s::text[]) t (site)"
        " cross join next"
        " on conflict (site) do update set number = excluded.number",
        (Texts(sorted(sites)),),
    )


def _known(connection: Connection, codes: Collection[str]) -> set[str]:
    query = "select substr(id, 9) from subject where id = any(%s)"
    ids = Texts("battery:" + code for code in codes if "\0" not in code)  # which the database would not take
    found = connection.execute(query, (ids,))
    return {code for (code,) in found}
