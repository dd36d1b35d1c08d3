"""
How many packs of each maker the record holds, and their energy, for the outlook: totals, no codes.

Anybody may see them: `/models` tells the same of each model. Counting reads the index of models from end to
end, so what was counted is kept for ten minutes, and one counts while the others wait.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import Final

import msgspec

from voltrail.database.database import Database
from voltrail.lifecycle import Model, Organisation, decode_state

FRESH_S: Final = 600.0


class Recorded(msgspec.Struct, frozen=True):
    """
    Packs of a maker on record, whatever became of them, and their energy, kWh.

    `untold` packs are of models that do not tell their energy, and not in it.
    """

    maker: str
    name: str
    packs: int
    energy_kwh: float
    untold: int


class OutlookMakers:
    """The makers on record in one database; threads and servers may share it."""

    def __init__(self, database: Database) -> None:
        self._database, self._lock = database, Lock()
        self._found: list[Recorded] = []
        self._read_at = float("-inf")

    def recorded(self) -> list[Recorded]:
        """Return what `read_makers` found, not longer ago than ten minutes."""
        with self._lock:
            if time.monotonic() - self._read_at > FRESH_S:
                self._found = read_makers(self._database)
                self._read_at = time.monotonic()
            return self._found


def read_makers(database: Database) -> list[Recorded]:
    """Return what the record holds of each maker, most energy first; packs without a model are nobody's."""
    with database.pool.connection() as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        numbers = dict(
            connection.execute(
                "select model, count(*) from subject where model is not null group by model"
            ).fetchall()
        )

        def states(kind: str, names: list[str]) -> list[object]:
            query = "select id, state from subject where id = any(%s)"
            told = connection.execute(query, ([f"{kind}:{name}" for name in names],), binary=True)
            return [decode_state(name, bytes(state)) for name, state in told]

        models = [
            one
            for one in states("model", list(numbers))
            if isinstance(one, Model) and one.level == "pack" and one.maker is not None
        ]
        makers = {one.maker for one in models if one.maker is not None}
        names = {
            one.identifier: one.name
            for one in states("organisation", list(makers))
            if isinstance(one, Organisation)
        }
    found = []
    for maker in makers:
        told = [(numbers[one.model_id], one.energy_kwh) for one in models if one.maker == maker]
        found.append(
            Recorded(
                maker,
                names.get(maker) or maker,
                sum(number for number, _ in told),
                float(sum(number * energy for number, energy in told if energy is not None)),
                sum(number for number, energy in told if energy is None),
            )
        )
    return sorted(found, key=lambda one: (-one.energy_kwh, -one.packs, one.maker))
