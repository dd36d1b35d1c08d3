"""What the record says of one organisation beyond its state: who said what of it, and its sites."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from voltrail.lifecycle import decode_state
from voltrail.organisations.trust import Site
from voltrail.registry.registry import Registry
from voltrail.registry.world import World

MAX_SITES: Final = 1_000


class Told(NamedTuple):
    """An event about an organisation: its entry in the record, who reported it, and what it says."""

    entry: int
    reporter: str
    event: Any


def told_of(registry: Registry, organisation: str) -> list[Told]:
    """Return what was reported about an organisation, in the order of the record."""
    with registry.database.pool.connection() as connection:
        chain = World(connection, registry.authorities).chain(f"organisation:{organisation}")
    return [Told(recorded.index, recorded.reporter, recorded.event) for recorded, _ in chain]


def sites_of(registry: Registry, organisation: str) -> list[Site]:
    """
    Return the sites of an organisation in the order of their identifiers, up to 1,000.

    There is no index by organisation: sites are few beside batteries, and PostgreSQL looks through their
    states for the identifier.
    """
    with registry.database.pool.connection() as connection:
        rows = connection.execute(
            "select id, state from subject where id > 'site:' and id < 'site;'"
            " and position(%s::bytea in state) > 0 order by id limit %s",
            (organisation.encode(), MAX_SITES),
            binary=True,
        ).fetchall()
    states = [decode_state(name, bytes(state)) for name, state in rows]
    return [one for one in states if isinstance(one, Site) and one.organisation == organisation]
