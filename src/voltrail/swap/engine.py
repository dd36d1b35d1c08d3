"""
A station's life event by event, in plain Python: what `kernel` must equal, swap for swap.

Three things happen: a truck arrives, a pack is full, a swap ends. After each, as many swaps begin as there
are trucks, bays and full packs for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from voltrail.swap.draws import ARRIVALS, CHARGES, SWAPS, Stream, later
from voltrail.swap.station import ONE, Demand, Fleet, Open, Station, between, rates


class Swap(NamedTuple):
    """When a truck came, and when its swap began and ended."""

    arrived_min: float
    began_min: float
    ended_min: float


class Life:
    """
    A station from the moment when all its packs are full; `swaps()` goes on for ever.

    `charging_min` is how long the charges begun so far take, `driving_min` the drives of a fleet.
    """

    def __init__(self, station: Station, demand: Demand, seed: int) -> None:
        self.station, self.demand = station, demand
        self.charging_min = self.driving_min = 0.0
        self._draws = {stream: Stream(seed, stream) for stream in (ARRIVALS, CHARGES, SWAPS)}
        self._arrivals: list[float] = []
        self._charging: list[float] = []
        self._swapping: list[float] = []
        self._depleted = 0
        self._full = station.packs
        self._waiting: deque[float] = deque()
        for _ in range(demand.trucks if isinstance(demand, Fleet) else 1):
            self._set_out(0.0)

    def swaps(self) -> Iterator[Swap]:
        """Yield the swaps in the order in which they begin."""
        while True:
            now = self._happen()
            while self._waiting and self._full and len(self._swapping) < self.station.bays:
                ends = now + self._draws[SWAPS].time(self.station.swap)
                self._full -= 1
                heappush(self._swapping, ends)
                yield Swap(self._waiting.popleft(), now, ends)

    def _happen(self) -> float:
        """Let the next thing happen, and return when: of several at once a swap's end first, then a pack."""
        ends = self._swapping[0] if self._swapping else float("inf")
        full = self._charging[0] if self._charging else float("inf")
        comes = self._arrivals[0] if self._arrivals else float("inf")
        if ends <= full and ends <= comes:
            heappop(self._swapping)
            if self.station.hand_over == "swap":
                self._hand_over(ends)
            if isinstance(self.demand, Fleet):
                self._set_out(ends)
            return ends
        if full <= comes:
            heappop(self._charging)
            self._full += 1
            if self._depleted:
                self._depleted -= 1
                self._plug_in(full)
            return full
        heappop(self._arrivals)
        self._waiting.append(comes)
        if self.station.hand_over == "arrival":
            self._hand_over(comes)
        if isinstance(self.demand, Open):
            self._set_out(comes)
        return comes

    def _set_out(self, now: float) -> None:
        """Draw when the next truck comes, or when this one comes back."""
        draws, demand = self._draws[ARRIVALS], self.demand
        if isinstance(demand, Fleet):
            drive = draws.time(demand.drive)
            self.driving_min += drive
            heappush(self._arrivals, now + drive)
        elif demand.by_hour:
            heappush(self._arrivals, later(now, draws.time(ONE), rates(demand)))
        else:
            heappush(self._arrivals, now + draws.time(between(demand)))

    def _hand_over(self, now: float) -> None:
        if len(self._charging) < self.station.chargers:
            self._plug_in(now)
        else:
            self._depleted += 1

    def _plug_in(self, now: float) -> None:
        charge = self._draws[CHARGES].time(self.station.charge)
        self.charging_min += charge
        heappush(self._charging, now + charge)
