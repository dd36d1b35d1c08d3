"""Models: as their makers declare them, and how many batteries of each there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from voltrail.database.database import Connection
from voltrail.lifecycle import Model, Organisation, decode_state
from voltrail.registry.snapshot import Snapshot

MAX_COUNTED: Final = 10_000  # batteries of a model; beyond, counting would take too long for a page
MAX_WALKED: Final = 5_000  # models looked at for those of one maker, in one request
_STEP: Final = 500


def read_model(connection: Connection, identifier: str) -> Model | None:
    """Return what the record says of a model, or None where nobody has declared it."""
    row = connection.execute(
        "select id, state from subject where id = %s", (f"model:{identifier}",), binary=True
    ).fetchone()
    return _decode(*row) if row else None


def list_models(
    connection: Connection, maker: str | None, limit: int, after: str | None
) -> tuple[list[Model], str | None]:
    """
    Return models in the order of their ids, after one, and the `after` of the next page or None.

    Those of a maker are picked from at most 5,000 models a time, so a page may hold fewer than there are.
    """
    found: list[Model] = []
    last, walked = after or "", 0
    while walked < MAX_WALKED:
        rows = connection.execute(
            "select id, state from subject where id > %s and id < 'model;' order by id limit %s",
            ("model:" + last, _STEP),
            binary=True,
        ).fetchall()
        for model in (_decode(*row) for row in rows):
            if maker is None or model.maker == maker:
                if len(found) == limit:
                    return found, last
                found.append(model)
            last = model.model_id
        if len(rows) < _STEP:
            return found, None
        walked += len(rows)
    return found, last


def all_models(snapshot: Snapshot, maker: str | None) -> Iterator[list[Model]]:
    """Yield all models in the order of their ids, of one maker or all."""
    query = "select id, state from subject where id > 'model:' and id < 'model;' order by id"
    for run in snapshot.rows(query):
        models = [_decode(*row) for row in run]
        yield [model for model in models if maker is None or model.maker == maker]


def all_organisations(snapshot: Snapshot) -> Iterator[list[Organisation]]:
    """Yield all organisations in the order of their identifiers."""
    query = "select id, state from subject where id > 'organisation:' and id < 'organisation;' order by id"
    for run in snapshot.rows(query):
        states = [decode_state(name, bytes(state)) for name, state in run]
        yield [state for state in states if isinstance(state, Organisation)]


def count_batteries(connection: Connection, identifier: str) -> dict[str, Any]:
    """Return how many batteries are of a model, by phase; beyond 10,000 only that there are more."""
    rows = connection.execute(
        "select coalesce(phase, 'unknown'), count(*) from"
        " (select phase from subject where model = %s limit %s) as counted group by 1 order by 2 desc, 1",
        (identifier, MAX_COUNTED + 1),
    ).fetchall()
    count = sum(number for _, number in rows)
    if count > MAX_COUNTED:
        return {"count": MAX_COUNTED, "or_more": True, "phases": None}
    return {"count": count, "or_more": False, "phases": dict(rows)}


def _decode(name: str, state: bytes) -> Model:
    return cast("Model", decode_state(name, bytes(state)))  # the id's prefix says so
