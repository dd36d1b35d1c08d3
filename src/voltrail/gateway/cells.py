"""The cells of one battery in a stretch of time, out of the archive."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from voltrail.gateway.archive import Archive
from voltrail.gateway.folder import Folder
from voltrail.registry.registry import Registry

_COLUMNS: Final = ("at", "pack_no", "cell_mv")


class Cells(NamedTuple):
    """Times in seconds, ascending, and a row of millivolts for each; NaN where a cell has none."""

    at_s: NDArray[np.int64]
    cell_mv: NDArray[np.float64]


def cells_of(registry: Registry, code: str, vin: str, start: datetime, stop: datetime) -> Cells | None:
    """
    Return the cells of a battery, from `start` to before `stop`, when it was in a vehicle; None where the
    archive has none.

    Where a vehicle has several packs and never said which of them this is, it is none of them.
    """
    archive = Archive(Folder.of(registry.data).archive)
    found = archive.read("cells", _COLUMNS, start, stop, [vin])
    packs = pc.unique(found["pack_no"]).to_pylist()
    pack_no = packs[0] if len(packs) == 1 else _pack_no(registry, code, vin)
    found = found.filter(pc.equal(found["pack_no"], pack_no or 0))
    return _matrix(found) if found.num_rows else None


def _pack_no(registry: Registry, code: str, vin: str) -> int | None:
    """Return which of its packs a vehicle last said this is."""
    said = registry.vehicle_packs.of_battery(code)
    return next((one.pack_no for one in said if (one.vin, one.code) == (vin, code)), None)


def _matrix(found: pa.Table) -> Cells:
    """Return the rows that have as many cells as most have."""
    counts = pc.list_value_length(found["cell_mv"]).fill_null(0).to_numpy()
    usual = int(np.bincount(counts).argmax())
    kept = found.filter(pa.array(counts == usual))
    flat = pc.list_flatten(kept["cell_mv"]).cast(pa.float64()).to_numpy()
    seconds = kept["at"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy()
    return Cells(seconds, flat.reshape(kept.num_rows, usual))
