"""
The packs of a fleet as the record has them: model, maker, when made and sold, where; for whoever may know.

It follows from the record (`following.py`). An authority or an auditor reads all; anybody else the packs
that they hold, own or operate, and those of the models that are theirs. Of the latter, which others have, a
maker learns what many have in common and nothing of one by itself (`shown`): the state of health of a single
battery is its holder's to show (docs/access.md). Read in bulk, as Arrow.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from voltrail.codes import parse
from voltrail.database.database import Connection
from voltrail.errors import CodeError
from voltrail.health.tables import BATTERIES
from voltrail.lifecycle import Battery, Model, Vehicle, decode_state
from voltrail.lifecycle.flows import flow_of, needed_for
from voltrail.lifecycle.missing import day_of
from voltrail.organisations.access import Reader
from voltrail.regimes.china.climates import CLIMATES
from voltrail.registry.following import Copy, Known, Row, Step, Table, Then
from voltrail.registry.sights import SEES_ALL

TABLE: Final = Table(
    "fleet",
    {
        "code": "text",
        "model": "text",
        "province": "text",
        "made_on": "date",
        "sold_on": "date",
        **dict.fromkeys(("holder", "owner", "operator"), "text"),
    },
    key=1,
    by="code",
)
_READ: Final = ("code", "model", "province", "made_on", "sold_on", "shown")
_HAVE: Final = "coalesce(%(of)s in (holder, owner, operator), false)"
_QUERY: Final = """
copy (
    select code, model, province, made_on, sold_on, {shown} from fleet{condition} order by code
) to stdout (format csv)
"""  # a bare empty cell is nothing, a quoted one text
_THEIRS: Final = " where holder = %(of)s or owner = %(of)s or operator = %(of)s or model = any(%(models)s)"


class Fleet(Copy):
    """The packs of one database; threads and servers may share it."""

    upto = "fleet_upto"

    def bring_up(self, step: Step) -> None:
        """Copy what the record says of the packs that a step touches."""
        TABLE.put(step.connection, step.touched, packs_of(step.known, step.touched))

    def batteries(self, reader: Reader) -> pa.Table:
        """Return the packs that a reader may know of, in the order of their codes, as BATTERIES."""
        if reader.audience not in SEES_ALL and reader.organisation is None:
            return BATTERIES.empty_table()
        with self._database.pool.connection() as connection:
            models = {model.model_id: model for model in _models(connection)}
            theirs = [name for name, model in models.items() if model.maker == reader.organisation]
            sees_all = reader.audience in SEES_ALL
            query = _QUERY.format(shown="true" if sees_all else _HAVE, condition="" if sees_all else _THEIRS)
            with connection.cursor().copy(query, {"of": reader.organisation, "models": theirs}) as found:
                read = _read(b"".join(found))
        return pa.table(
            [
                read["code"],
                read["model"],
                _told(read["model"], {name: model.chemistry for name, model in models.items()}),
                _told(read["model"], {name: model.maker for name, model in models.items()}),
                read["made_on"],
                read["sold_on"],
                pc.if_else(pc.equal(read["province"], ""), None, read["province"]),
                _told(read["province"], {code: climate.zone for code, climate in CLIMATES.items()}),
                read["shown"],
            ],
            schema=BATTERIES,
        )


def packs_of(known: Known, codes: Sequence[str]) -> Iterator[Row]:
    """Yield what packs are to a fleet, as rows; their states are loaded. Modules and cells are none."""
    slots = [slot for code in codes if isinstance((slot := known.slot("battery:" + code)).state, Battery)]
    known.load(name for slot in slots if isinstance(slot.state, Battery) for name in needed_for(slot.state))
    for slot in slots:
        battery = slot.state
        assert isinstance(battery, Battery)  # noqa: S101 - for the type checker
        then = Then(known, slot.last)
        flow = flow_of(battery, then.state)
        if flow is None:
            continue
        claim = battery.whereabouts
        vehicle = then.state(f"vehicle:{claim.vin}") if claim is not None and claim.vin is not None else None
        sold_at = vehicle.sold_at if isinstance(vehicle, Vehicle) else None
        yield (
            battery.code,
            battery.model_id,
            flow.province,
            _made_on(battery.code),
            day_of(sold_at) if sold_at is not None else None,
            *(battery.holder, battery.owner, battery.operator),
        )


def _made_on(code: str) -> object:
    try:
        return parse(code).production_date
    except CodeError:
        return None


def _models(connection: Connection) -> Iterator[Model]:
    query = "select id, state from subject where id > 'model:' and id < 'model;' order by id"
    for subject, state in connection.execute(query, binary=True):
        model = decode_state(subject, bytes(state))
        if isinstance(model, Model):
            yield model


def _read(written: bytes) -> pa.Table:
    names = list(_READ)
    if not written:
        return pa.table({name: pa.array([], BATTERIES.field(name).type) for name in names})
    return pyarrow.csv.read_csv(
        io.BytesIO(written),
        read_options=pyarrow.csv.ReadOptions(column_names=names),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name: BATTERIES.field(name).type for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
    )


def _told(column: pa.ChunkedArray, by: dict[str, str | None]) -> pa.ChunkedArray:
    """Return what is told of each name in a column; names are looked up once each."""
    if len(column) == 0:
        return pa.chunked_array([pa.array([], pa.string())])
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    words = pa.array([by.get(name) for name in encoded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([words.take(encoded.indices)])
