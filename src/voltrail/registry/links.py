"""Codes and the GTINs of their models: the record behind a GS1 Digital Link."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from voltrail.codes.building import HEAD
from voltrail.database.database import Connection
from voltrail.lifecycle import Battery, decode_state
from voltrail.registry.catalogue import read_model

MAX_HEADS: Final = 10_000  # makers' codes times levels

# Each step looks once into the index for the next code that begins otherwise, so it costs as much as there
# are beginnings, whatever the number of batteries behind.
_HEADS: Final = r"""
    with recursive heads (id) as (
        (select id from subject where id > 'battery:' and id < 'battery;' order by id limit 1)
      union all
        select (
            select id from subject
            where id > left(heads.id, %(length)s) || U&'\FFFF' and id < 'battery;' order by id limit 1
        )
        from heads where heads.id is not null
    )
    select left(id, %(length)s) from heads where id is not null limit %(most)s
"""
_STATES: Final = "select id, state from subject where id = any(%s) order by id"


def codes_of(connection: Connection, gtin: str, serial: str) -> list[str]:
    """Return the codes on record that end in a serial number, and whose model declares a GTIN."""
    length = len("battery:") + HEAD
    rows = connection.execute(_HEADS, {"length": length, "most": MAX_HEADS}).fetchall()
    wanted = [f"battery:{serial}", *(head + serial for (head,) in rows)]
    return [code for code, found in gtins_of(connection, wanted).items() if found == gtin]


def gtins_of(connection: Connection, subjects: Collection[str]) -> dict[str, str | None]:
    """Return by code the GTIN of the model of each battery that is on record; None where there is none."""
    found: dict[str, str | None] = {}
    models: dict[str, str | None] = {}
    for name, state in connection.execute(_STATES, (list(subjects),), binary=True).fetchall():
        battery = decode_state(name, bytes(state))
        if not isinstance(battery, Battery):
            continue
        model_id = battery.model_id
        if model_id is not None and model_id not in models:
            model = read_model(connection, model_id)
            said = model.points.get("gtin") if model is not None else None
            models[model_id] = str(said.value) if said is not None else None
        found[battery.code] = models[model_id] if model_id is not None else None
    return found
