"""
Parquet, row group by row group, for programs: names and values as the record has them, in no language.

PyArrow is loaded when the first such file is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Final

from voltrail.web.page import Page
from voltrail.web.sheets.about import About
from voltrail.web.sheets.pipe import Pipe
from voltrail.web.sheets.sheet import Sheet

GROUP_ROWS: Final = 50_000  # in memory at a time


def write_parquet(sheet: Sheet, about: About, page: Page) -> Iterator[bytes]:
    """
    Yield a Parquet file (Zstandard), a piece for each row group.

    Times are in UTC to the microsecond, days are dates, names of the record are dictionaries. What the file
    stands on is in its metadata, under keys that begin with `voltrail.`; `heading` of each column is the word
    for it in the words of the page. `voltrail.rows` counts the rows, so none is lacking.
    """
    pq = _arrow("pyarrow.parquet")
    schema, target = _schema(sheet, about, page), Pipe()
    number = 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for rows in _groups(sheet):
            number += len(rows)
            writer.write_table(_table(rows, schema), row_group_size=GROUP_ROWS)
            yield target.taken()
        writer.add_key_value_metadata({"voltrail.rows": str(number)})
    yield target.taken()


def _groups(sheet: Sheet) -> Iterator[list[Sequence[Any]]]:
    """Yield the rows in groups of at least as many as a row group holds, but for the last."""
    kept: list[Sequence[Any]] = []
    for run in sheet.runs:
        kept.extend(run)
        while len(kept) >= GROUP_ROWS:
            yield kept[:GROUP_ROWS]
            del kept[:GROUP_ROWS]
    if kept:
        yield kept


def _schema(sheet: Sheet, about: About, page: Page) -> Any:
    pa = _arrow("pyarrow")
    forms = {
        "text": pa.string(),
        "name": pa.dictionary(pa.int32(), pa.string()),
        "kind": pa.dictionary(pa.int32(), pa.string()),
        "integer": pa.int64(),
        "number": pa.float64(),
        "flag": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
        "day": pa.date32(),
        "texts": pa.list_(pa.string()),
        "names": pa.list_(pa.string()),
    }
    fields = [
        pa.field(column.name, forms[column.form], metadata={"heading": column.word(page)})
        for column in sheet.columns
    ]
    return pa.schema(fields, {f"voltrail.{name}": value for name, value in about.for_programs().items()})


def _table(rows: Sequence[Sequence[Any]], schema: Any) -> Any:
    pa = _arrow("pyarrow")
    columns = zip(*rows, strict=True)
    return pa.table(
        [_array(list(cells), field.type) for cells, field in zip(columns, schema, strict=True)], schema=schema
    )


def _array(cells: list[Any], kind: Any) -> Any:
    pa = _arrow("pyarrow")
    if pa.types.is_dictionary(kind):
        return pa.array(cells, pa.string()).dictionary_encode()
    return pa.array(cells, kind)


@cache
def _arrow(module: str) -> Any:
    """Return a module of PyArrow, which says nothing of its types."""
    return import_module(module)
