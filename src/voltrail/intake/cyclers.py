"""
Files as the makers of cyclers write them, read by cellpy: the extra `cyclers`, imported only here.

cellpy reads by path; what it finds comes out as `technology.cycler.Cycling`, in SI units.
Tables with headers (Arbin and Neware CSV, Maccor text) need no cellpy: `technology.cycler.read` reads them.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np

from voltrail.errors import RegistryError, TableError, UsageError
from voltrail.technology.cycler import Cycling, from_columns

INSTRUMENTS: Final = {
    "arbin_sql_csv": None,
    "arbin_sql_h5": None,
    "arbin_sql_xlsx": None,
    "biologics_mpr": None,
    "maccor_txt": "one",
    "neware_nda": None,
    "neware_txt": "one",
    "neware_xlsx": None,
    "pec_csv": None,
}
"""What cellpy reads without tools of the system, by its names, and its model of each where it asks."""

_NAMES: Final = {
    "test_time": "time",
    "voltage": "voltage",
    "current": "current",
    "cycle_index": "cycle",
    "step_index": "step",
    "charge_capacity": "charge",
    "discharge_capacity": "discharge",
    "charge_energy": "charge_energy",
    "discharge_energy": "discharge_energy",
    "temperature": "temperature",
}
_FACTORS: Final = {
    "A": 1,
    "mA": 1e-3,
    "Ah": 1,
    "mAh": 1e-3,
    "V": 1,
    "mV": 1e-3,
    "Wh": 1,
    "mWh": 1e-3,
    "sec": 1,
}
_UNIT_OF: Final = {
    "charge": "charge",
    "discharge": "charge",
    "charge_energy": "energy",
    "discharge_energy": "energy",
}


def read_vendor(path: Path, instrument: str) -> Cycling:
    """
    Return what a maker's file holds, by cellpy.

    Raises RegistryError (`cycler.extra`) where cellpy is not installed, UsageError for an instrument that is
    none of `INSTRUMENTS`, TableError where cellpy does not read the file or lost a cycle's current.
    """
    if instrument not in INSTRUMENTS:
        raise UsageError(
            "cycler.instrument",
            f"There is no instrument {instrument[:40]!r}.",
            f"Take one of {', '.join(INSTRUMENTS)}.",
        )
    try:
        import cellpy
    except ImportError:
        raise RegistryError(
            "cycler.extra",
            "Files of makers are read by cellpy, which is not installed.",
            "Install the extra: `pip install 'voltrail[cyclers]'`, or export the file as CSV.",
        ) from None
    model = INSTRUMENTS[instrument]
    with _quietly():
        try:
            cell = cellpy.get(
                str(path),
                instrument=instrument,
                auto_summary=False,
                testing=True,
                refuse_copying=True,
                **({"model": model} if model else {}),
            )
            raw, units = cell.data.raw, cell.data.raw_units
        # cellpy lets through whatever its parsers raise.
        except Exception as error:
            raise TableError(
                "cycler.vendor",
                f"cellpy does not read it as {instrument}: {str(error)[:160]}",
                "Check which cycler wrote it, or export it as CSV.",
            ) from error
    found = {
        ours: np.asarray(raw[theirs], float) * _factor(ours, units)
        for theirs, ours in _NAMES.items()
        if theirs in raw.columns
    }
    cycling = from_columns(
        found, f"cellpy {cellpy.__version__} {instrument}", sha256(path.read_bytes()).digest()
    )
    _check_current(cycling)
    return cycling


def _factor(quantity: str, units: Any) -> float:
    """Return by what cellpy's unit of a quantity is multiplied."""
    if quantity in {"cycle", "step", "temperature"}:
        return 1.0
    unit = str(getattr(units, _UNIT_OF.get(quantity, quantity)))
    if unit not in _FACTORS:
        raise TableError(
            "cycler.unit", f"cellpy gives {quantity} in {unit[:20]!r}.", "Export the file as CSV."
        )
    return float(_FACTORS[unit])


def _check_current(cycling: Cycling) -> None:
    """
    Raise TableError where a whole cycle has no current.

    cellpy gives a current without a sign its sign by the step's name. Where that fails it leaves zeros, and
    says so in its log alone (seen with 1.0.3 and Maccor text).
    """
    if cycling.cycle is None:
        return
    for number in np.unique(cycling.cycle[np.isfinite(cycling.cycle)]).tolist():
        if not np.any(cycling.current_a[cycling.cycle == number]):
            raise TableError(
                "cycler.vendor",
                f"cellpy gives no current in cycle {number:g}.",
                "Give the table with its headers without --instrument: `voltrail technology cycler FILE`",
            )


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep cellpy's log and warnings to itself, and leave the process's own as they were."""
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)
