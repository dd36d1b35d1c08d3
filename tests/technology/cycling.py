"""Files as a cycler would write them, of a cell that is an open-circuit voltage and a resistance."""

import numpy as np

CAPACITY_AH = 2.0
OHM = 0.03
HEADERS = ("Test Time / s", "Voltage / V", "Current / A", "Cycle Count / 1", "Surface Temperature T1 / degC")


def ocv(share):
    """Return the open-circuit voltage at a state of charge."""
    return 3.0 + 1.1 * share


def course(steps, step_s=10.0, start=0.0, temperature_c=25.0):
    """
    Return time, voltage, current, temperature of steps of (amperes, seconds); charging is positive.

    The cell begins at `start` of its charge; each step's current is there from its first sample to its last.
    """
    current = np.concatenate([np.full(round(seconds / step_s), amps) for amps, seconds in steps])
    time = np.arange(len(current)) * step_s
    share = (
        start + np.concatenate(([0], np.cumsum(current[1:] + current[:-1]) / 2 * step_s)) / 3600 / CAPACITY_AH
    )
    return (
        time,
        ocv(share) + OHM * current,
        current,
        np.full(len(time), temperature_c) + 0.5 * np.sin(time / 900),
    )


def csv(headers, *columns, delimiter=","):
    """Return a table as text."""
    rows = zip(*(np.asarray(one).tolist() for one in columns), strict=True)
    lines = [delimiter.join(headers), *(delimiter.join(map(repr, row)) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def bdf(cycles=3, c_rate=1 / 3, temperature_c=25.0, fade=0.0):
    """Return a BDF file of full cycles: charged, discharged, each `fade` of the capacity less."""
    amps = c_rate * CAPACITY_AH
    steps, numbers = [], []
    for cycle in range(cycles):
        seconds = round(3600 / c_rate * (1 - fade * cycle) / 10) * 10
        mine = [(0.0, 300), (amps, seconds), (0.0, 300), (-amps, seconds)]
        steps += mine
        numbers += [cycle + 1] * sum(round(one / 10) for _, one in mine)
    time, voltage, current, warmth = course([*steps, (0.0, 300)], temperature_c=temperature_c)
    numbers += [cycles] * 30
    return csv(HEADERS, time, voltage.round(5), current, numbers, warmth.round(3))
