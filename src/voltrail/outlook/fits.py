"""
How adoption answered to cost and time up to 2025: fits to history, which `calibrate_loop` finds.

`fits.csv` holds 101 of each group, from the slowest to the fastest to come: a draw takes one of them by its
`pace`, 0 to 100. So what belongs together in a fit stays together. The file is what `written` gives of
`calibrate_loop.calibrated(markets.past(book()))`, and is made anew when figures of history change.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Fits = dict[str, FloatArray]
"""By group: (MEMBERS, 4) of speed, a year; middle and width, shares of the fossil vehicle's cost; drift of
the middle, a year."""

MEMBERS: Final = 101
COLUMNS: Final = ("speed", "middle", "width", "drift")


@cache
def fits() -> Fits:
    """Return the fits to all of history."""
    text = (files("voltrail.outlook") / "fits.csv").read_text(encoding="utf-8")
    read: dict[str, list[list[float]]] = {}
    for row in csv.DictReader(text.splitlines()):
        read.setdefault(row["group"], []).append([float(row[one]) for one in COLUMNS])
    return {group: np.array(rows) for group, rows in read.items()}


def chosen(of: Fits, group: str, pace: FloatArray) -> FloatArray:
    """Return the fits at paces from 0 (the slowest) to 100: (D, 4)."""
    member = np.rint(np.clip(pace, 0, 100) * (MEMBERS - 1) / 100).astype(int)
    return np.asarray(of[group][member])


def written(of: Fits) -> str:
    """Return fits as CSV."""
    rows = (f"{group}," + ",".join(f"{one:.4f}" for one in row) for group in of for row in of[group])
    return "\n".join((f"group,{','.join(COLUMNS)}", *rows, ""))
