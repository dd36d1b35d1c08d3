"""
How long trucks wait where one thing alone holds them up, exactly: no station does better.

Trucks come by chance and evenly, and all times are fixed. With bays without number and each depleted pack
handed over at arrival, `N`, the packs not full, is the number in M/D/c: after each charge's time those that
were in the chargers are full, and those that came since are not. A truck waits for a pack while `N` is at
least the packs there are. With packs without number it is the bays that are the servers.
A hand-over after the swap, bays, and demand that comes in waves only make waits longer.

Sources: Crommelin, Post Office Electrical Engineers' Journal 26 (1934), for M/D/c; Tijms, A First Course in
Stochastic Models (2003), 9.6.2; for waves (the mean) Jensen's inequality, as in Rolski, Math. Oper. Res. 6
(1981).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voltrail.ledger.lanes import kernel

_STEPS: Final = 400
_STATES: Final = 512
_SETTLED: Final = 1e-10


class Waits:
    """
    Waits at a station that has `servers`, each busy for `time_min`, by how many `packs` there are.

    Where the queue is long and settles slowly the waits told are too short, and never too long: the queue is
    followed from empty, and what goes beyond the states that are kept is put into the last of them.
    """

    def __init__(self, per_min: float, time_min: float, servers: int) -> None:
        self._per_min, self._time_min, self._servers = per_min, time_min, servers
        come = poisson(per_min * time_min)
        self._queue = _settled(come, servers, max(_STATES, 2 * (servers + come.size)))

    def mean_min(self) -> NDArray[np.float64]:
        """Return the mean wait for 0, 1, 2 ... packs."""
        over = _over(np.convolve(self._queue, poisson(self._per_min * self._time_min)))
        waiting = np.cumsum(over[::-1])[::-1] - over  # the mean of N - packs, where above none
        return waiting / self._per_min  # Little's law

    def longer(self, wait_min: float) -> NDArray[np.float64]:
        """
        Return the share that waits longer than so, for 0, 1, 2 ... packs.

        Of what is not full when a truck comes, so many chargefuls are full by then, and nothing else came.
        """
        turns = int(wait_min / self._time_min)
        left = poisson(self._per_min * ((turns + 1) * self._time_min - wait_min))
        over = _over(np.convolve(self._queue, left))
        return over[min(turns * self._servers, over.size - 1) :]

    def fewest(self, mean_min: float, p95_min: float | None) -> int:
        """Return the fewest packs with which neither the mean nor 95 of 100 wait longer; None for any."""
        fewest = int(np.argmax(self.mean_min() <= mean_min))
        return fewest if p95_min is None else max(fewest, int(np.argmax(self.longer(p95_min) <= 0.05)))


def poisson(mean: float) -> NDArray[np.float64]:
    """Return the chances of 0, 1, 2 ... up to where what is left is less than one in 10^12."""
    if mean == 0:
        return np.ones(1)
    numbers = np.arange(int(mean + 8 * math.sqrt(mean) + 20))
    logs = np.concatenate(([0.0], np.cumsum(np.log(numbers[1:]))))
    chances: NDArray[np.float64] = np.exp(numbers * math.log(mean) - mean - logs)
    return chances


def _over(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chance of at least 0, 1, 2 ..."""
    at_least = np.cumsum(chances[::-1])[::-1]
    return np.append(at_least, 0.0)


def _settled(come: NDArray[np.float64], servers: int, states: int) -> NDArray[np.float64]:
    """Return the chances that 0, 1, 2 ... are left over when all that were served go."""
    queue = np.zeros(states)
    queue[0] = 1.0
    _settle(queue, come, servers, _STEPS)
    return queue


@kernel
def _settle(queue: NDArray[np.float64], come: NDArray[np.float64], servers: int, steps: int) -> None:
    last = queue.size - 1
    there = np.empty(queue.size + come.size)
    for _ in range(steps):
        there[:] = 0.0
        top = last
        while queue[top] < 1e-16:
            top -= 1
        for waiting in range(top + 1):
            share = queue[waiting]
            for number in range(come.size):
                there[waiting + number] += share * come[number]
        moved = 0.0
        first = 0.0
        for number in range(servers + 1):
            first += there[number]
        moved += abs(first - queue[0])
        queue[0] = first
        for waiting in range(1, last):
            share = there[waiting + servers] if waiting + servers < there.size else 0.0
            moved += abs(share - queue[waiting])
            queue[waiting] = share
        beyond = 0.0
        for number in range(last + servers, there.size):
            beyond += there[number]
        queue[last] = beyond
        if moved < _SETTLED:
            return
