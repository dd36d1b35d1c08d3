"""
Search that forgives how people type, by the index of subjects alone.

What was typed is looked for as it stands, as the beginning of a code and then as its end; then with
characters that are easily misread; then with two halves of a code joined the other way round. Each is a walk
down an index, character by character, along beginnings that the record has, so it costs as much among ten
million batteries as among ten. Ends have a table of their own, added to once a day (`note_ends`), so that no
report pays for it. Vehicles are not searched: which vehicle carries a battery is not public.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from voltrail.codes import tidy
from voltrail.database.database import Connection, Database
from voltrail.events.reading import VIN
from voltrail.lifecycle import Organisation, decode_state

MAX_TYPED: Final = 100  # characters; the longest identifier is shorter
SHORTEST_END: Final = 4  # characters; fewer end too many codes
_CODE_LENGTHS: Final = (24, 19)
_MIXED_UP: Final = ("0OQD", "1IL", "2Z", "5S", "8B", "UV")

# From each beginning that the record has to those with one more character. "order by ... limit 1" is how
# PostgreSQL is made to look into the index once, whatever it thinks of the number of rows behind.
_WALK_IN: Final = r"""
    with recursive live (at, beginning) as (
        select 0, %(kind)s::text
      union all
        select at + 1, beginning || one
        from live, unnest(string_to_array((%(readings)s::text[])[at + 1], null)) one
        where (select id from {table} where id >= beginning || one order by id limit 1)
            < beginning || one || U&'\FFFF'
    )
    select found.id from live, lateral (
        select id from {table} where id >= beginning and id < beginning || U&'\FFFF'
        order by id limit %(limit)s
    ) found
    where at = cardinality(%(readings)s::text[]) order by found.id limit %(limit)s
"""
_WALK: Final = _WALK_IN.format(table="subject")
_WALK_BACK: Final = _WALK_IN.format(table="code_end")

_NOTE_ENDS: Final = """
    with known as (select coalesce((select upto from code_end_known), 0) as upto),
    added as (
        insert into code_end
        select reverse(substr(id, length('battery:') + 1)) as id from subject, known
        where subject.id > 'battery:' and subject.id < 'battery;' and seq >= upto
        order by 1 on conflict do nothing
    )
    insert into code_end_known (upto) select base + size from log
    on conflict (only_row) do update set upto = excluded.upto
"""

Readings = Callable[[str], str]


class Search:
    """Finds batteries, organisations and models; threads may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: tuple[int, dict[str, str]] = (-1, {})  # of organisations, as of a count of trust events

    def find(self, text: str, limit: int) -> list[dict[str, Any]]:
        """
        Return what a text may mean, each by `kind` and `id`, batteries first.

        `match` says how: `beginning`; `end`, of a code on record at the last `note_ends`; `misread` and
        `end_misread`, a character for one that looks like it; `halves`, joined the other way round; `name`,
        of an organisation.
        """
        if not (plain := tidy(text)) or len(text) > MAX_TYPED:
            return []
        with self._database.pool.connection() as connection:
            found = _rows("battery", "beginning", _walk(connection, "battery", plain, _as_typed, limit))
            found += self._organisations(connection, text.strip(), limit)
            models = _walk(connection, "model", text.strip(), _either_case, limit)
            found += _rows("model", "beginning", models)
            return (found or _forgiven(connection, plain, limit))[:limit]

    def _organisations(self, connection: Connection, text: str, limit: int) -> list[dict[str, Any]]:
        """Return organisations whose identifier begins with a text, then those with it in their name."""
        names = self._names_now(connection)
        begin = _walk(connection, "organisation", text, _either_case, limit)
        part = text.casefold()
        called = [one for one, name in names.items() if part in name.casefold() and one not in begin]
        rows = _rows("organisation", "beginning", begin)
        rows += _rows("organisation", "name", called[:limit] if len(text) > 1 else [])
        return [row | {"name": names.get(row["id"])} for row in rows]

    def _names_now(self, connection: Connection) -> dict[str, str]:
        """Return the names of all organisations; read again only when an event was about trust."""
        row = connection.execute("select trust from log").fetchone()
        trust, (known, names) = row[0] if row else 0, self._names
        if known != trust:
            rows = connection.execute(
                "select id, state from subject where id > 'organisation:' and id < 'organisation;'"
                " order by id",
                binary=True,
            )
            states = [decode_state(name, bytes(state)) for name, state in rows]
            names = {one.identifier: one.name or "" for one in states if isinstance(one, Organisation)}
            self._names = (trust, names)
        return names


def note_ends(connection: Connection) -> None:
    """Have the batteries that came on record since the last time found by the ends of their codes too."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        connection.execute(_NOTE_ENDS)


def looks_like_vin(text: str) -> bool:
    """Return whether a text may be a vehicle's identification number; the record is not asked."""
    return VIN.fullmatch(tidy(text)) is not None


def _forgiven(connection: Connection, plain: str, limit: int) -> list[dict[str, Any]]:
    """Return batteries for a text that no code begins with."""
    if found := _walk_back(connection, plain, _as_typed, limit):
        return _rows("battery", "end", found)
    if found := _walk(connection, "battery", plain, _misread, limit):
        return _rows("battery", "misread", found)
    cuts = range(1, len(plain)) if len(plain) in _CODE_LENGTHS else ()
    turned = [plain[cut:] + plain[:cut] for cut in cuts]
    whole = {code for one in turned for code in _walk(connection, "battery", one, _misread, limit)}
    if whole:
        return _rows("battery", "halves", sorted(whole))
    return _rows("battery", "end_misread", _walk_back(connection, plain, _misread, limit))


def _walk(connection: Connection, kind: str, text: str, reading: Readings, limit: int) -> list[str]:
    """Return what of a kind the record has that begins with a text, each character in its readings."""
    values = {"kind": f"{kind}:", "readings": [reading(one) for one in text], "limit": limit}
    return [name.partition(":")[2] for (name,) in connection.execute(_WALK, values)]


def _walk_back(connection: Connection, text: str, reading: Readings, limit: int) -> list[str]:
    """Return the codes that end in a text, each character in its readings."""
    if len(text) < SHORTEST_END:
        return []
    values = {"kind": "", "readings": [reading(one) for one in reversed(text)], "limit": limit}
    return sorted(name[::-1] for (name,) in connection.execute(_WALK_BACK, values))


def _rows(kind: str, match: str, names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"kind": kind, "id": name, "match": match} for name in names]


def _as_typed(character: str) -> str:
    return character


def _either_case(character: str) -> str:
    return "".join({character, character.upper()[:1], character.lower()[:1]})


def _misread(character: str) -> str:
    return next((group for group in _MIXED_UP if character in group), character)
