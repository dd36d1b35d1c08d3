"""
The archive: what vehicles said, as Parquet by hour of the vehicle's clock, in whatever order it came.

    archive/reports/day=2026-11-30/hour=09/SEGMENT-0000.parquet    what one part of a segment had of the hour
    archive/reports/day=2026-11-30/hour=09/all-DIGEST.parquet      several of those in one

Every file is sorted by KEYS and has each key once. Of rows with the same key the one counts that was
received first; of those received in the same millisecond a report before a re-issued one, then the lower
source, then one that follows from the rows alone. So the archive reads the same whatever order files came in,
however often, merged or not. A file appears whole, by a rename, and goes only when another that holds its
rows is on the disk: a kill leaves rows twice at worst, and readers take each once.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from voltrail.errors import RegistryError
from voltrail.ledger.lanes import kernel
from voltrail.registry.files import sync
from voltrail.telematics.signals import KEYS, TABLES, keys_of

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
MANY_FILES: Final = 8  # of an hour to which more may come, before some become one
GROUP_ROWS: Final = 1 << 15  # what is read of a file for one vehicle
MERGED_ROWS: Final = 1 << 18  # as many rows at once as have a few hundred megabytes of cells
# Neighbours are alike: kept by their differences, lists are a quarter smaller and written faster. After that
# zstd makes them a twentieth smaller than lz4 does, and reading takes half as long again.
_LISTS: Final = ("cell_mv.list.element", "probe_c.list.element")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
log = logging.getLogger(__name__)
_ORDER: Final = ("received_ms", "reissued", "source", "edition")  # what rows with the same key are told by


class Archive:
    """The tables of an archive by their names: reports, cells, logins (`telematics.signals.TABLES`)."""

    def __init__(self, folder: Path) -> None:
        self._root = folder
        # Hours that may have several files, and whether rows came since they were looked at; None before.
        self._unmerged: dict[tuple[str, datetime], bool] | None = None
        self._there: set[Path] = set()  # folders that are known to be on the disk

    def put(self, tables: Mapping[str, pa.Table], name: str) -> None:
        """Keep rows, on the disk when this returns; what was kept under this name is written over."""
        for table, rows in tables.items():
            hours = rows["at"].to_numpy().astype("datetime64[h]")
            for hour in np.unique(hours):
                inside = hours == hour
                some = rows if inside.all() else rows.filter(pa.array(inside))
                begin = _EPOCH + int(hour.astype(np.int64)) * HOUR
                into = self._folder(table, begin)
                into.mkdir(parents=True, exist_ok=True)
                if self._unmerged is not None:
                    self._unmerged[table, begin] = True
                _write(into / f"{name}.parquet", table, _in_groups(table, some))
                self._sync_up(into)

    def read(
        self,
        table: str,
        columns: Sequence[str] | None,
        start: datetime,
        stop: datetime,
        vins: Sequence[str] | None = None,
    ) -> pa.Table:
        """
        Return the rows from `start` to before `stop`, of some vehicles or all, sorted by KEYS.

        Raises RegistryError (`archive.damaged`) for a file that cannot be read.
        """
        wanted = list(TABLES[table].names if columns is None else columns)
        found = list(self.hours(table, list(dict.fromkeys((*KEYS[table], *wanted))), start, stop, vins))
        if not found:
            return pa.schema([TABLES[table].field(name) for name in wanted]).empty_table()
        rows = pa.concat_tables(found)
        return rows.take(np.argsort(_keys(table, rows), kind="stable")).select(wanted)

    def hours(
        self,
        table: str,
        columns: Sequence[str] | None,
        start: datetime,
        stop: datetime,
        vins: Sequence[str] | None = None,
    ) -> Iterator[pa.Table]:
        """Yield the same hour by hour, each sorted by KEYS; hours without rows are left out."""
        wanted = list(TABLES[table].names if columns is None else columns)
        for hour in self._hours(table, start, stop):
            inside = start <= hour and hour + HOUR <= stop
            rows = self._hour(
                table, hour, wanted if inside else list({**dict.fromkeys(wanted), "at": 0}), vins
            )
            if not inside:
                at = _seconds(rows)
                kept = (at >= start.timestamp()) & (at < stop.timestamp())
                rows = rows.filter(pa.array(kept)).select(wanted)
            if len(rows):
                yield rows

    def compact(self, now: datetime) -> int:
        """
        Merge the files of hours that are over; return how many hours were merged.

        Of an hour to which rows still come, which are those that are not over and those put to since the last
        call, files are merged once there are many, the small ones first: each row is written a few times at
        most. Other processes may read meanwhile; one at a time may put and compact.
        """
        if self._unmerged is None:
            self._unmerged = {(table, hour): False for table in TABLES for hour in self._hours(table)}
        merged = 0
        for (table, hour), still in sorted(self._unmerged.items()):
            folder = self._folder(table, hour)
            for left in folder.glob("*.new"):
                left.unlink()
            files = _files(folder)
            # What lies a day ahead came by a clock that is wrong: there is nothing to wait for.
            still_open = still or now - HOUR < hour < now + DAY
            if still_open:
                files = _small(files) if len(files) > MANY_FILES else []
            try:
                if len(files) > 1:
                    _merge(table, folder, files)
                    merged += 1
            except pa.ArrowInvalid:
                # The others go on; whoever reads this hour is told.
                log.exception("The files in %s are not merged, since one is damaged.", folder)
            if still_open:
                self._unmerged[table, hour] = False
            else:
                del self._unmerged[table, hour]
        return merged

    def _hour(self, table: str, hour: datetime, columns: list[str], vins: Sequence[str] | None) -> pa.Table:
        folder = self._folder(table, hour)
        while True:
            # A file that was merged and taken away meanwhile: then another holds its rows.
            with suppress(FileNotFoundError):
                try:
                    return _read(table, _files(folder), columns, vins)
                except pa.ArrowInvalid as why:
                    raise RegistryError(
                        "archive.damaged",
                        f"A file in {folder.relative_to(self._root)} of the archive cannot be read: {why}",
                        "Take it from a backup, or remove it and archive its segment again: segments/done.",
                    ) from why

    def _sync_up(self, folder: Path) -> None:
        """Sync the folders above one, which may be new."""
        if folder in self._there:
            return
        self._there.add(folder)
        while folder != self._root:
            folder = folder.parent
            sync(folder)

    def _hours(
        self, table: str, start: datetime | None = None, stop: datetime | None = None
    ) -> list[datetime]:
        """Return the hours that have files, all or those with a part of a time, the first first."""
        found = []
        for day in sorted((self._root / table).glob("day=*")):
            begin = datetime.fromisoformat(day.name[4:]).replace(tzinfo=UTC)
            if (stop is None or begin < stop) and (start is None or begin + DAY > start):
                found += [begin + int(hour.name[5:]) * HOUR for hour in sorted(day.glob("hour=*"))]
        return [
            hour for hour in found if (stop is None or hour < stop) and (start is None or hour + HOUR > start)
        ]

    def _folder(self, table: str, hour: datetime) -> Path:
        return self._root / table / f"day={hour:%Y-%m-%d}" / f"hour={hour:%H}"


def _files(folder: Path) -> list[Path]:
    """Return the files of an hour; listed until twice the same, lest one be missed that just took a place."""
    before: list[Path] | None = None
    while (files := sorted(folder.glob("*.parquet"))) != before:
        before = files
    return files


def _small(files: list[Path]) -> list[Path]:
    """Return the smallest files, two at least, and each further one that is no larger than those together."""
    taken: list[Path] = []
    held = 0
    for size, path in sorted((path.stat().st_size, path) for path in files):
        if len(taken) > 1 and size > held:
            break
        taken.append(path)
        held += size
    return taken


def _read(table: str, files: list[Path], columns: list[str], vins: Sequence[str] | None) -> pa.Table:
    """Return the rows of some files, each key once; of one file no column is read but those asked for."""
    schema = pa.schema([TABLES[table].field(name) for name in columns])
    if not files:
        return schema.empty_table()
    needed = columns if len(files) == 1 else TABLES[table].names
    filters = None if vins is None else [("vin", "in", list(vins))]
    with ExitStack() as opened:
        # Opened before any is read: what is open stays readable when it is taken away.
        sources = [opened.enter_context(pa.OSFile(str(path))) for path in files]
        parts = [
            pq.read_table(one, columns=list(needed), filters=filters, partitioning=None).cast(
                pa.schema([TABLES[table].field(name) for name in needed])
            )
            for one in sources
        ]
    if len(parts) == 1:
        return parts[0]
    return _once(table, pa.concat_tables(parts)).select(columns)


def _merge(table: str, folder: Path, files: list[Path]) -> None:
    """Put one file in the place of several; it is named after them, so that it is written anew if it must."""
    name = hashlib.sha256("\n".join(path.name for path in files).encode()).hexdigest()[:16]
    new = folder / f"all-{name}.parquet"
    with ExitStack() as opened:
        _write(new, table, _merged(table, [opened.enter_context(pq.ParquetFile(path)) for path in files]))
    for path in files:
        path.unlink()
    sync(folder)


def _merged(table: str, files: list[pq.ParquetFile]) -> Iterator[pa.Table]:
    """Yield the rows of files in order, by ranges of VINs, so that memory holds for any hour."""
    groups = [
        (_bounds(file, number), file, number) for file in files for number in range(file.num_row_groups)
    ]
    begins = sorted((low, file.metadata.row_group(number).num_rows) for (low, _), file, number in groups)
    limits, held = [begins[0][0]], 0
    for low, rows in begins:
        if held >= MERGED_ROWS and low > limits[-1]:
            limits.append(low)
            held = 0
        held += rows
    for low, high in zip(limits, [*limits[1:], None], strict=True):
        parts = []
        for (first, last), file, number in groups:
            if last >= low and (high is None or first < high):
                rows = file.read_row_group(number).cast(TABLES[table])
                if first < low or (high is not None and last >= high):
                    within = pc.greater_equal(rows["vin"], low)
                    rows = rows.filter(
                        within if high is None else pc.and_(within, pc.less(rows["vin"], high))
                    )
                parts.append(rows)
        yield from _in_groups(table, pa.concat_tables(parts))


def _bounds(file: pq.ParquetFile, number: int) -> tuple[str, str]:
    """Return the first and the last VIN of a group: its rows are in their order."""
    vins = file.read_row_group(number, columns=["vin"])["vin"]
    return vins[0].as_py(), vins[-1].as_py()


def _write(path: Path, table: str, parts: Iterator[pa.Table]) -> None:
    new = path.with_suffix(".new")
    schema = TABLES[table]
    lists = [name for name in _LISTS if name.split(".")[0] in schema.names]
    with pq.ParquetWriter(
        new,
        schema,
        compression=dict.fromkeys(schema.names, "zstd") | dict.fromkeys(lists, "lz4"),
        use_dictionary=["vin"],
        column_encoding=dict.fromkeys(lists, "DELTA_BINARY_PACKED"),
        write_statistics=["vin", "at"],
    ) as writer:
        for rows in parts:
            writer.write_table(rows, row_group_size=GROUP_ROWS)
    sync(new)
    new.replace(path)
    sync(path.parent)


def _keys(table: str, rows: pa.Table) -> NDArray[np.int64]:
    """Return a number for each row, in the order of KEYS."""
    vins = rows["vin"].combine_chunks()
    keys = keys_of(vins.chunk(0) if isinstance(vins, pa.ChunkedArray) else vins, _seconds(rows))
    return keys << 8 | rows["pack_no"].to_numpy() if "pack_no" in KEYS[table] else keys


def _seconds(rows: pa.Table) -> NDArray[np.int64]:
    """Return the time of each row in seconds since 1970."""
    at: NDArray[np.datetime64] = rows["at"].to_numpy()
    return at.astype("datetime64[s]").view(np.int64)


def _once(table: str, rows: pa.Table) -> pa.Table:
    """Return rows in the order of KEYS, of each key the one that counts."""
    order = _order(table, rows)
    return rows if order is None else _taker(rows)(order)


def _in_groups(table: str, rows: pa.Table) -> Iterator[pa.Table]:
    """Yield the same in parts, which cost memory that is in the cache, where the whole would be new to it."""
    order = _order(table, rows)
    if order is None:
        yield rows
        return
    take = _taker(rows)
    for first in range(0, len(order), GROUP_ROWS):
        yield take(order[first : first + GROUP_ROWS])


Take = Callable[[NDArray[np.int64]], Any]


def _taker(rows: pa.Table) -> Take:
    """Return what gives rows by their places. Arrow takes lists value by value, longer than decoding them."""
    columns: list[Take] = []
    for column in rows.combine_chunks().columns:
        array = column.chunk(0)
        numbers = pa.types.is_list(array.type) and pa.types.is_integer(array.type.value_type)
        columns.append(_list_taker(array) if numbers else array.take)
    return lambda order: pa.table([take(order) for take in columns], schema=rows.schema)


def _list_taker(lists: pa.Array) -> Take:
    starts = lists.offsets.to_numpy()[:-1]
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    valid = lists.is_valid().to_numpy(zero_copy_only=False)
    values = pc.fill_null(lists.values, 0).to_numpy()
    ok = lists.values.is_valid().to_numpy(zero_copy_only=False)

    def take(order: NDArray[np.int64]) -> pa.Array:
        firsts = np.concatenate([[0], np.cumsum(sizes[order])])
        into, into_ok = np.empty(firsts[-1], values.dtype), np.empty(firsts[-1], np.bool_)
        _copy(starts[order], firsts, values, ok, into, into_ok)
        child = pa.Array.from_buffers(lists.type.value_type, len(into), [_bits(into_ok), pa.py_buffer(into)])
        places = pa.py_buffer(firsts.astype(np.int32))
        return pa.Array.from_buffers(lists.type, len(order), [_bits(valid[order]), places], children=[child])

    return take


def _bits(flags: NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


@kernel
def _copy(starts: Any, firsts: Any, values: Any, ok: Any, into: Any, into_ok: Any) -> None:
    """Copy lists that begin at `starts` one after another."""
    for row in range(len(starts)):
        first, size = firsts[row], firsts[row + 1] - firsts[row]
        into[first : first + size] = values[starts[row] : starts[row] + size]
        into_ok[first : first + size] = ok[starts[row] : starts[row] + size]


def _order(table: str, rows: pa.Table) -> NDArray[np.int64] | None:
    """Return the places of the rows that count in the order of KEYS, None if they stand so."""
    keys = _keys(table, rows)
    if (keys[1:] > keys[:-1]).all():
        return None
    order = np.argsort(keys, kind="stable")
    same = np.diff(keys[order]) == 0
    if same.any():
        doubted = np.concatenate([same, [False]]) | np.concatenate([[False], same])
        some = order[doubted]
        told = rows.take(some)
        by = [told[name].to_numpy() for name in _ORDER if name in told.column_names]
        some = some[np.lexsort((_contents(told), *reversed(by), keys[some]))]
        first = np.diff(keys[some], prepend=-1) != 0
        order = np.concatenate([order[~doubted], some[first]])
        order = order[np.argsort(keys[order], kind="stable")]
    return order


def _contents(rows: pa.Table) -> NDArray[np.uint64]:
    """Return a number that follows from what a row says, for rows that nothing else tells apart."""
    told = np.zeros(len(rows), np.uint64)
    for column in rows.drop_columns(["vin", "at", "received_ms"]).itercolumns():
        array = column.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        if pa.types.is_list(array.type):
            sizes = pc.list_value_length(array)
            lengths = pc.fill_null(sizes, 0).to_numpy().astype(np.int64)
            _mix_lists(told, lengths, _words(array.flatten()))
            array = sizes
        _mix(told, _words(array))
    return told


def _words(array: pa.Array) -> NDArray[np.uint64]:
    """Return a number for each value; for nothing one that no value has by itself."""
    if pa.types.is_string(array.type):
        digests = (hashlib.sha256(repr(one).encode("utf-8", "replace")).digest() for one in array.to_pylist())
        return np.array([int.from_bytes(one[:8], "big") for one in digests], np.uint64)
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    values = pc.fill_null(array, 0).to_numpy()
    bits = values.view(f"u{values.itemsize}").astype(np.uint64)
    return np.where(array.is_null().to_numpy(zero_copy_only=False), np.uint64(_NOTHING), bits)


_NOTHING: Final = 0x9E3779B97F4A7C15


@kernel
def _mixed(told: Any, word: Any) -> Any:
    """Return a number that follows from two, and from their order (after splitmix64)."""
    z = (told ^ word) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def _mix(told: Any, words: Any) -> None:
    for row in range(len(told)):
        told[row] = _mixed(told[row], words[row])


@kernel
def _mix_lists(told: Any, lengths: Any, words: Any) -> None:
    at = 0
    for row in range(len(told)):
        for _ in range(lengths[row]):
            told[row] = _mixed(told[row], words[at])
            at += 1
