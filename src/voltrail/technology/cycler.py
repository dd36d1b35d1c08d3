r"""
What a cycler wrote: bytes of a file in, columns in SI units out. Nothing is repaired; what is odd is told.

    >>> told = read(b"Test Time / s,Voltage / V,Current / A\n0,3.30,-1.0\n10,3.29,-1.0\n")
    >>> told.form, told.rows, float(told.time_s[-1])
    ('bdf', 2, 10.0)

Read are the Battery Data Format of the Battery Data Alliance (preferred labels, or its machine-readable
names), as CSV or Parquet, each also under gzip, and any other table whose headers say what a column is, in
English or Chinese, by `cycler_columns.csv`. A unit is taken from the header and converted; where a header
states none, the column is taken as SI and `Column.stated` is False. Lines before the header are passed over.

Source: https://github.com/battery-data-alliance/battery-data-format, README, "Defining the BDF".
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from voltrail.errors import TableError, UsageError
from voltrail.events.tables.text import find_encoding

MOST_BYTES: Final = 4 << 30
"""Of a file as text, and of its columns as numbers."""
MOST_COLUMNS: Final = 512
LARGEST: Final = 1e12  # beyond it a number is none that was measured, and squares would not hold
NEEDED: Final = ("time", "voltage", "current")

_HEAD_BYTES: Final = 65_536  # within which the header stands
_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_ZIP: Final = b"PK\x03\x04"
_DELIMITERS: Final = (",", ";", "\t")
_PIECE_BYTES: Final = 1 << 24
_MOST_STATES: Final = 100  # names of steps; with more of them it is another column
_UNITS: Final[dict[str, dict[str, float]]] = {
    "time": {"s": 1, "sec": 1, "second": 1, "seconds": 1, "ms": 1e-3, "min": 60, "h": 3600, "hour": 3600},
    "voltage": {"v": 1, "volt": 1, "mv": 1e-3},
    "current": {"a": 1, "ampere": 1, "ma": 1e-3, "ua": 1e-6},
    "count": {"1": 1, "": 1},
    "name": {"": 1},
    "temperature": {"degc": 1, "°c": 1, "℃": 1, "c": 1, "celsius": 1, "degree celsius": 1},
    "charge": {"ah": 1, "mah": 1e-3, "as": 1 / 3600},
    "energy": {"wh": 1, "mwh": 1e-3, "kwh": 1e3, "j": 1 / 3600},
}
_DIMENSIONS: Final = {
    "time": "time",
    "unix_time": "time",
    "voltage": "voltage",
    "current": "current",
    "cycle": "count",
    "step": "count",
    "state": "name",
    "temperature": "temperature",
    "ambient": "temperature",
    "charge": "charge",
    "discharge": "charge",
    "net_charge": "charge",
    "charge_energy": "energy",
    "discharge_energy": "energy",
    "net_energy": "energy",
}
_BDF: Final = {  # preferred label, machine-readable name
    "Test Time / s": ("test_time_second", "time"),
    "Unix Time / s": ("unix_time_second", "unix_time"),
    "Voltage / V": ("voltage_volt", "voltage"),
    "Current / A": ("current_ampere", "current"),
    "Cycle Count / 1": ("cycle_count", "cycle"),
    "Step Count / 1": ("step_count", "step"),
    "Ambient Temperature / degC": ("ambient_temperature_celsius", "ambient"),
    "Surface Temperature T1 / degC": ("temperature_t1_celsius", "temperature"),
    "Charging Capacity / Ah": ("charging_capacity_ah", "charge"),
    "Discharging Capacity / Ah": ("discharging_capacity_ah", "discharge"),
    "Net Capacity / Ah": ("net_capacity_ah", "net_charge"),
    "Charging Energy / Wh": ("charging_energy_wh", "charge_energy"),
    "Discharging Energy / Wh": ("discharging_energy_wh", "discharge_energy"),
    "Net Energy / Wh": ("net_energy_wh", "net_energy"),
}
_BY_LABEL: Final = {
    name: quantity for label, (machine, quantity) in _BDF.items() for name in (label, machine)
}
_HEADER: Final = re.compile(
    r"(?P<name>[^/(\[（【]*?)\s*(?:/\s*(?P<slash>[^/()\[\]]+)|[(\[（【]\s*(?P<in>[^)\]）】]*)[)\]）】])?\s*"
)
_NOTHING: Final = ("", "NaN", "nan", "NA", "N/A", "null", "NULL", "-", "--")
_CLOCK_UNIT: Final = "h:min:s"
_CLOCK: Final = r"^\s*(?:(?P<d>\d+)d\s+)?(?P<h>\d+):(?P<m>\d{1,2}):(?P<s>\d{1,2}(?:\.\d+)?)\s*$"
_OUT: Final = re.compile(r"^d$|dchg|dis|放电", re.IGNORECASE)
_INTO: Final = re.compile(r"^c$|chg|charge|充电", re.IGNORECASE)

Numbers = NDArray[np.float64]


class Column(msgspec.Struct, frozen=True):
    """A column that was read: header, quantity, the unit it came in, and whether its header states that."""

    header: str
    quantity: str
    unit: str
    factor: float = 1.0
    stated: bool = True


class Cycling(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a cycler wrote of one cell: a row for each sample; s, V, A, °C, Ah, Wh as arrays of one length.

    The sign of the current is that of the file; where it has none, that of the column which names each step
    (`by_state`, its header). A value that is missing, infinite or absurd is NaN.
    `counters` are the cycler's own sums by quantity. `line` is the line of the file in which the first row
    stands (of Parquet the row, from 1). `left` are the headers of columns that were not read.
    """

    form: str
    digest: bytes
    columns: tuple[Column, ...]
    left: tuple[str, ...]
    line: int
    time_s: Numbers
    voltage_v: Numbers
    current_a: Numbers
    cycle: Numbers | None = None
    step: Numbers | None = None
    temperature_c: Numbers | None = None
    ambient_c: Numbers | None = None
    counters: dict[str, Numbers] = {}
    by_state: str | None = None

    @property
    def rows(self) -> int:
        """How many samples there are."""
        return len(self.time_s)


def read(data: bytes, *, most_bytes: int = MOST_BYTES) -> Cycling:
    """
    Return what a cycler wrote.

    Raises TableError for bytes that are no such table, with the line where there is one, and UsageError
    (`cycler.large`) for more than `most_bytes`, unpacked or as numbers.
    """
    digest = sha256(data).digest()
    if data.startswith(_GZIP):
        data = _unpacked(data, most_bytes)
    if len(data) > most_bytes:
        raise too_large(most_bytes)
    if data.startswith(_PARQUET):
        table, columns, left = _parquet(data, most_bytes)
        return _made(table, columns, left, digest, 1)
    table, columns, left, line = _text(data, most_bytes)
    return _made(table, columns, left, digest, line)


def from_columns(found: Mapping[str, Numbers], form: str, digest: bytes) -> Cycling:
    """
    Return what another reader found, by quantity as in `cycler_columns.csv` and in SI units.

    Raises TableError where time, voltage or current is missing or there are no rows.
    """
    columns = tuple(Column(name, name, "", 1.0) for name in found)
    _check_needed(columns)
    return _cycling({one: np.asarray(values, float) for one, values in found.items()}, form, digest, columns)


# --------------------------------------------------------------------- headers


def column_of(header: str) -> Column | None:
    """
    Return what a header says of its column, None where it names nothing that is read.

    Raises TableError for a unit that is not known.
    """
    text = header.strip().lstrip("\ufeff")
    if text in _BY_LABEL:
        return Column(text, _BY_LABEL[text], "")
    name, unit = _split(text)
    if name not in _NAMES:
        return None
    quantity = _NAMES[name]
    known = _UNITS[_DIMENSIONS[quantity]]
    if unit is None:
        # `ah` and `wh` are their own units, counts have none.
        stated = _DIMENSIONS[quantity] in {"count", "name"} or name in known
        return Column(text, quantity, "", 1.0, stated)
    # Of the prefixes only milli and mega differ by case alone, and no cycler writes megavolts.
    factor = known.get(re.sub(r"[µμ]", "u", unit.strip().lower()))
    if factor is None:
        if _DIMENSIONS[quantity] == "time" and ":" in unit:  # h:min:s.ms
            return Column(text, quantity, _CLOCK_UNIT)
        raise TableError(
            "cycler.unit",
            f"The unit {unit.strip()[:20]!r} of the column {text[:60]!r} is not known.",
            f"Write one of {', '.join(one for one in known if one)}.",
        )
    return Column(text, quantity, unit.strip(), factor)


def _columns(headers: list[str]) -> tuple[tuple[Column | None, ...], tuple[str, ...]]:
    """Return the column of each header, None where it is not read: no quantity twice, BDF first."""
    found = [column_of(one) for one in headers]
    chosen: dict[str, int] = {}
    for at, column in enumerate(found):
        if column is None:
            continue
        before = chosen.get(column.quantity)
        if before is None or _rank(column.header) < _rank(headers[before].strip()):
            chosen[column.quantity] = at
    kept = tuple(one if one and chosen[one.quantity] == at else None for at, one in enumerate(found))
    return kept, tuple(
        header for header, one in zip(headers, kept, strict=True) if one is None and header.strip()
    )


def _rank(header: str) -> int:
    """Return how plainly a header names its quantity: BDF first, then as `cycler_columns.csv` has them."""
    return 0 if header in _BY_LABEL else 1 + list(_NAMES).index(_split(header.lstrip("\ufeff"))[0])


def _check_needed(columns: tuple[Column | None, ...]) -> None:
    there = {one.quantity for one in columns if one is not None}
    if "unix_time" in there:
        there.add("time")
    missing = [one for one in NEEDED if one not in there]
    if missing:
        raise TableError(
            "cycler.columns",
            f"There is no column of {', '.join(missing)}.",
            "Export time, voltage and current, with headers such as Test Time / s, Voltage / V, Current / A.",
            source="Battery Data Format",
        )


# ------------------------------------------------------------------------ text


def _text(
    data: bytes, most_bytes: int
) -> tuple[dict[str, Numbers], tuple[Column, ...], tuple[str, ...], int]:
    if not data.strip():
        raise TableError("cycler.empty", "The file is empty.", "Choose the file that the cycler exported.")
    if data.startswith(_ZIP):
        raise TableError(
            "cycler.form",
            "This is a workbook or an archive.",
            "Export it as CSV from the cycler's program, or save the sheet as CSV UTF-8.",
        )
    encoding = find_encoding(io.BytesIO(data))
    if encoding.startswith("utf-16"):
        data, encoding = data.decode(encoding).encode(), "utf-8"
    skipped, header, first, delimiter, decimal = _head(data, encoding)
    columns, left = _columns(header)
    _check_needed(columns)
    columns = tuple(
        msgspec.structs.replace(one, unit=_CLOCK_UNIT, factor=1.0, stated=True)
        if one and one.quantity == "time" and at < len(first) and ":" in first[at]
        else one
        for at, one in enumerate(columns)
    )
    if len(header) > MOST_COLUMNS:
        raise TableError("cycler.columns", f"There are {len(header):,} columns.", f"Keep {MOST_COLUMNS}.")
    if data.count(b"\n") * 8 * sum(one is not None for one in columns) > most_bytes:
        raise too_large(most_bytes)
    names = [f"c{at}" for at in range(len(header))]
    kinds = {
        name: pa.string() if one.unit == _CLOCK_UNIT or one.quantity == "state" else pa.float64()
        for name, one in zip(names, columns, strict=True)
        if one
    }
    converting = pa_csv.ConvertOptions(
        column_types=kinds, include_columns=list(kinds), decimal_point=decimal, null_values=list(_NOTHING)
    )

    def table_of(*, threads: bool) -> pa.Table:
        return pa_csv.read_csv(
            pa.BufferReader(data),
            pa_csv.ReadOptions(
                skip_rows=skipped,
                column_names=names,
                encoding="utf8" if "utf" in encoding else encoding,
                use_threads=threads,
            ),
            pa_csv.ParseOptions(delimiter=delimiter),
            converting,
        )

    try:
        try:
            table = table_of(threads=True)
        except pa.ArrowInvalid:
            table = table_of(threads=False)  # which says the row
    except (pa.ArrowException, UnicodeError) as error:
        raise _broken(str(error), header) from None
    found = {
        one.quantity: _numbers(table.column(name), one)
        for name, one in zip(names, columns, strict=True)
        if one
    }
    return found, tuple(one for one in columns if one), left, skipped + 1


def _head(data: bytes, encoding: str) -> tuple[int, list[str], list[str], str, str]:
    """
    Return how the table begins: lines up to the header and with it, the header, the cells of the first row.

    And its delimiter and decimal mark.
    """
    lines = data[:_HEAD_BYTES].decode(encoding, "replace").splitlines()
    if len(data) > _HEAD_BYTES:
        lines = lines[:-1]
    best: list[str] = []
    for number, line in enumerate(lines, 1):
        for delimiter in _DELIMITERS:
            if delimiter not in line:
                continue
            cells = [one.strip() for one in next(csv.reader([line], delimiter=delimiter))]
            named = {one.quantity for cell in cells if (one := _known(cell))}
            if {"voltage", "current"} <= named and named & {"time", "unix_time"}:
                after = next((one for one in lines[number:] if one.strip()), "")
                commas = delimiter != "," and re.search(r"\d,\d", after) and "." not in after
                first = next(csv.reader([after], delimiter=delimiter), [])
                return number, cells, first, delimiter, "," if commas else "."
            if len(named) > len(best):
                best = sorted(named)
    if not best:
        raise TableError(
            "cycler.columns",
            "No line of the file names columns of time, voltage and current.",
            "Export a table with headers such as Test Time / s, Voltage / V, Current / A.",
            source="Battery Data Format",
        )
    missing = [one for one in NEEDED if one not in best and not (one == "time" and "unix_time" in best)]
    raise TableError(
        "cycler.columns",
        f"There is no column of {', '.join(missing)}.",
        "Export time, voltage and current, with headers such as Test Time / s, Voltage / V, Current / A.",
        source="Battery Data Format",
    )


def _known(cell: str) -> Column | None:
    """Return what a cell names, whatever its unit: which unit it is counts once this is the header."""
    try:
        return column_of(cell)
    except TableError:
        return Column(cell, _NAMES[_split(cell.strip().lstrip("\ufeff"))[0]], "")


def _split(header: str) -> tuple[str, str | None]:
    """Return the name that a header has and its unit, None where it states none."""
    matched = _HEADER.fullmatch(header)
    name, unit = (matched["name"], matched["slash"] or matched["in"]) if matched else (header, None)
    name = re.sub(r"[\W_]+", " ", name.lower()).strip()
    if name not in _NAMES and unit is None:  # batt_temp_c, current_mA: the unit stands last
        stem, _, last = name.rpartition(" ")
        if stem in _NAMES and last in _UNITS[_DIMENSIONS[_NAMES[stem]]]:
            return stem, last
    return name, unit


def _broken(said: str, header: list[str]) -> TableError:
    """Return the error for a table that Arrow does not read, in our words and with the file's line."""
    row = re.search(r"[Rr]ow #(\d+)", said)
    line = int(row[1]) if row else None  # Arrow counts the lines that were passed over
    if value := re.search(r"column #(\d+).*invalid value '(.*)'", said, re.DOTALL):
        at = int(value[1])
        name = header[at] if at < len(header) else f"{at + 1}"
        return TableError(
            "cycler.value",
            f"{value[2][:40]!r} in the column {name[:60]!r} is no number.",
            "Mend the line, or export the file anew.",
            line,
        )
    if width := re.search(r"Expected (\d+) columns, got (\d+)", said):
        return TableError(
            "cycler.width",
            f"A line has {int(width[2]):,} cells where the header has {int(width[1]):,}.",
            "Export the file anew: it may have been cut off.",
            line,
        )
    return TableError("cycler.value", f"The table does not read: {said[:200]}", "Export the file anew.", line)


def _numbers(column: pa.ChunkedArray, about: Column) -> Numbers:
    """Return a column in SI units; NaN is what is missing, infinite or absurd."""
    if about.quantity == "state":
        return _directions(column)
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if is_text and about.quantity == "time":
        return _clock(column)
    if pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type):
        column = pc.divide(column.cast(pa.int64()), _per_second(column.type))
    try:
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        raise TableError(
            "cycler.value",
            f"The column {about.header[:60]!r} holds no numbers: {str(error)[:120]}",
            "Export numbers.",
        ) from None
    values = np.array(values, float) * about.factor if about.factor != 1 else np.array(values, float)
    values[~(np.abs(values) <= (LARGEST if about.quantity != "unix_time" else 1e300))] = np.nan
    return values


def _clock(column: pa.ChunkedArray) -> Numbers:
    """Return seconds of times written as h:min:s, with days before them or not: 0d 00:01:00.50."""
    right = pc.fill_null(pc.match_substring_regex(column, _CLOCK), False)
    wrong = pc.index(right, False).as_py()
    if wrong >= 0:
        raise TableError(
            "cycler.value",
            f"{str(column[wrong].as_py())[:40]!r} is no time.",
            "Export the time in seconds, or as hours:minutes:seconds.",
        )
    parts = pc.extract_regex(column, _CLOCK).combine_chunks()
    total = np.zeros(len(column))
    for name, seconds in (("d", 86_400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0)):
        part = pc.struct_field(parts, name)
        part = pc.if_else(pc.equal(part, ""), "0", part).cast(pa.float64())
        total += seconds * part.to_numpy(zero_copy_only=False)
    return total


def _directions(column: pa.ChunkedArray) -> Numbers:
    """Return 1 where a step's name says that it charges, -1 where it discharges, 0 where neither."""
    coded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    names = [str(one) for one in coded.dictionary.to_pylist()]
    if len(names) > _MOST_STATES:
        return np.zeros(len(column))
    ways = np.array(
        [-1.0 if _OUT.search(one) else 1.0 if _INTO.search(one) else 0.0 for one in names] + [0.0]
    )
    found: Numbers = ways[pc.fill_null(coded.indices, len(names)).to_numpy(zero_copy_only=False)]
    return found


def _per_second(kind: pa.DataType) -> int:
    return {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]


# --------------------------------------------------------------------- Parquet


def _parquet(data: bytes, most_bytes: int) -> tuple[dict[str, Numbers], tuple[Column, ...], tuple[str, ...]]:
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        schema, rows = file.schema_arrow, file.metadata.num_rows
        if len(schema) > MOST_COLUMNS:
            raise TableError("cycler.columns", f"There are {len(schema):,} columns.", f"Keep {MOST_COLUMNS}.")
        columns, left = _columns(list(schema.names))
        _check_needed(columns)
        wanted = [one for one in columns if one]
        if rows * 8 * len(wanted) > most_bytes:  # a run of equal values packs into almost nothing
            raise too_large(most_bytes)
        table = file.read(columns=[one.header for one in wanted])
        found = {one.quantity: _numbers(table.column(one.header), one) for one in wanted}
    except (pa.ArrowException, KeyError, OSError) as error:
        raise TableError(
            "cycler.form", f"The Parquet file does not read: {str(error)[:120]}", "Export the file anew."
        ) from None
    return found, tuple(wanted), left


# ---------------------------------------------------------------------- common


def _made(
    found: dict[str, Numbers], columns: tuple[Column, ...], left: tuple[str, ...], digest: bytes, line: int
) -> Cycling:
    is_bdf = all(one.header in _BY_LABEL for one in columns if one.quantity in NEEDED)
    return _cycling(found, "bdf" if is_bdf else "table", digest, columns, left, line)


def _cycling(
    found: dict[str, Numbers],
    form: str,
    digest: bytes,
    columns: tuple[Column, ...],
    left: tuple[str, ...] = (),
    line: int = 1,
) -> Cycling:
    if "time" not in found:
        unix = found["unix_time"]
        found["time"] = unix - (unix[np.isfinite(unix)][:1] if np.isfinite(unix).any() else 0)
    current, by_state = found["current"], None
    if "state" in found and (found["state"] < 0).any() and not (current < 0).any():
        current = np.where(found["state"] < 0, -current, current)
        by_state = next(one.header for one in columns if one.quantity == "state")
    if len(found["time"]) < 2:
        raise TableError(
            "cycler.empty",
            "The table has fewer than two rows.",
            "Choose the file that the cycler exported.",
        )
    return Cycling(
        form=form,
        digest=digest,
        columns=columns,
        left=left,
        line=line,
        time_s=found["time"],
        voltage_v=found["voltage"],
        current_a=current,
        cycle=found.get("cycle"),
        step=found.get("step"),
        temperature_c=found.get("temperature"),
        ambient_c=found.get("ambient"),
        counters={
            one: values for one, values in found.items() if _DIMENSIONS.get(one) in {"charge", "energy"}
        },
        by_state=by_state,
    )


def _unpacked(data: bytes, most_bytes: int) -> bytes:
    """Return what gzip holds, all its members, and no more than may be."""
    pieces, size = [], 0
    while data:
        packed = zlib.decompressobj(wbits=31)
        while not packed.eof:
            if not data:
                raise _cut()
            try:
                piece = packed.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                raise TableError(
                    "cycler.form", f"The gzip file does not read: {error}.", "Send the file again, whole."
                ) from None
            data = packed.unconsumed_tail
            pieces.append(piece)
            size += len(piece)
            if size > most_bytes:
                raise too_large(most_bytes)
        data = packed.unused_data.lstrip(b"\x00")
    return b"".join(pieces)


def _cut() -> TableError:
    return TableError("cycler.form", "The gzip file ends too early.", "Send the file again, whole.")


def too_large(most_bytes: int) -> UsageError:
    """Return the error for a file that holds more than is taken."""
    return UsageError(
        "cycler.large",
        f"The file holds more than {most_bytes >> 20:,} MB.",
        "Send a shorter one, of fewer cycles or columns; `voltrail technology cycler` takes larger ones.",
    )


def _read_names() -> dict[str, str]:
    text = files(__package__).joinpath("cycler_columns.csv").read_text("utf-8")
    names: dict[str, Any] = {row["name"]: row["quantity"] for row in csv.DictReader(text.splitlines())}
    return names


_NAMES: Final = _read_names()
