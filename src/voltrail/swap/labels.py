"""
The search for the quickest way over stations: labels, the better ones kept.

A label is a truck that leaves a place: a moment, the swaps so far, the energy on board. One that is no better
than another of its place in any of the three is dropped; since whoever comes later to a station leaves no
earlier, nothing is lost by it. The label first looked at is that with the earliest possible end, so the first
that comes to the destination has the least time, and of those the fewest swaps.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

import numpy as np

from voltrail.swap.forecast import Clock, Step
from voltrail.swap.network import StationThere
from voltrail.swap.way import Way

ROUNDING_KWH: Final = 1e-9
READY: Final = attrgetter("ready")
NONE_YET: Final[Mapping[int, list[Label]]] = {}


class Place(NamedTuple):
    """A station by the way: where on it (km), how far off (km, one way), and what can be had there."""

    station: StationThere
    at_km: float
    off_km: float
    steps: dict[str, tuple[Step, ...]]
    clock: Clock


class Label(NamedTuple):
    """A truck that leaves a place: minutes from now, swaps so far, kWh on board, and how it got there."""

    leaves: float
    swaps: int
    kwh: float
    full: float
    place: int
    before: Label | None
    pack_type: str
    step: Step | None
    arrives: float
    starts: float
    had: float


class Search:
    """
    One journey over the stations by its way, in their order; of each charge `reserve` is kept.

    Places are counted from 0, the start is -1, the destination `end`.
    """

    def __init__(self, way: Way, places: list[Place], start: Label, reserve: float) -> None:
        self.way, self.places, self.start, self.reserve = way, places, start, reserve
        self.at = [place.at_km for place in places]
        self.end = len(places)
        at = np.array([0.0, *self.at, way.length])
        off_km = np.array([0.0, *(place.off_km for place in places), 0.0])
        self._minutes = np.interp(at, way.km, way.minutes)
        self._kwh = np.interp(at, way.km, way.kwh)
        self._off_min, self._off_kwh = off_km * way.off_min_km, off_km * way.off_kwh_km
        self._behind: dict[int, tuple[list[float], list[float], list[float]]] = {}
        # What is left to drive from each place, in minutes and kWh, and what a swap can bring.
        self._rest: list[float] = (self._minutes[-1] - self._minutes + self._off_min).tolist()
        self._lacks: list[float] = (self._kwh[-1] - self._kwh + self._off_kwh).tolist()
        self._best_kwh = [max(steps[-1].kwh for steps in place.steps.values()) for place in places]
        self._most = max(self._best_kwh, default=0.0) * (1 - reserve)
        self._quickest = min((place.station.swap_min for place in places), default=0.0)

    def behind(self, place: int) -> tuple[list[float], list[float], list[float]]:
        """
        Return, from a place to each behind it, the most kWh gone on the way, kWh gone on arrival, minutes.

        Both detours are in it. What a descent gives back is not counted beyond what was there when leaving.
        """
        if place not in self._behind:
            here = place + 1
            km = self.way.km
            first = int(np.searchsorted(km, self.at[place] if place >= 0 else 0.0, side="right"))
            worst = np.maximum.accumulate(np.concatenate((self._kwh[here : here + 1], self.way.kwh[first:])))
            ends = self._kwh[here + 1 :]
            passed = np.searchsorted(km[first:], [*self.at[here:], self.way.length], side="right")
            off = self._off_kwh[here] + self._off_kwh[here + 1 :]
            most = np.maximum(worst[passed], ends) - self._kwh[here] + off
            gone = ends - self._kwh[here] + off
            minutes = self._minutes[here + 1 :] - self._minutes[here]
            minutes += self._off_min[here] + self._off_min[here + 1 :]
            self._behind[place] = (
                np.maximum(most, 0).tolist(),
                np.maximum(gone, 0).tolist(),
                minutes.tolist(),
            )
        return self._behind[place]

    def best(self, without: int | None = None) -> Label | None:
        """Return the label at the destination with the least (time, swaps), None where there is none."""
        kept: dict[int, list[Label]] = {}
        number = 0
        queue = [(0.0, 0, 0, self.start)]
        while queue:
            _, _, _, label = heapq.heappop(queue)
            if label.place == self.end:
                return label
            if label.place >= 0 and not any(one is label for one in kept[label.place]):
                continue  # a better one came since
            for after in self.extend(label, without, kept):
                if _keep(kept.setdefault(after.place, []), after):
                    number += 1
                    heapq.heappush(queue, (self._bound(after), after.swaps, number, after))
        return None

    def extend(
        self, label: Label, without: int | None = None, kept: Mapping[int, list[Label]] = NONE_YET
    ) -> Iterator[Label]:
        """
        Yield where a truck can get from a place without another swap, and what it can leave with.

        Not where a label is kept that is better than all that could come, even without any wait.
        """
        usable = self.usable(label) + ROUNDING_KWH
        behind = zip(*self.behind(label.place), strict=True)
        for to, (most, gone, minutes) in enumerate(behind, label.place + 1):
            if most > usable:
                continue
            arrives = label.leaves + minutes
            has = label.kwh - gone
            if to == self.end:
                yield Label(
                    arrives,
                    label.swaps,
                    has,
                    label.full,
                    to,
                    label,
                    label.pack_type,
                    None,
                    arrives,
                    arrives,
                    has,
                )
            elif to != without and not self._is_hopeless(to, arrives, label.swaps + 1, kept.get(to, ())):
                yield from self._swaps(label, to, arrives, has)

    def _is_hopeless(self, to: int, arrives: float, swaps: int, kept: Sequence[Label]) -> bool:
        leaves, most = arrives + self.places[to].station.swap_min, self._best_kwh[to]
        return any(one.leaves <= leaves and one.swaps <= swaps and one.kwh >= most for one in kept)

    def _swaps(self, label: Label, to: int, arrives: float, has: float) -> Iterator[Label]:
        place = self.places[to]
        in_bay = arrives + place.clock.wait(arrives)
        for pack_type, steps in place.steps.items():
            at_once = bisect_right(steps, in_bay, key=READY) - 1
            for step in steps[max(at_once, 0) :]:
                starts = max(in_bay, step.ready)
                leaves = starts + place.station.swap_min
                yield Label(
                    leaves,
                    label.swaps + 1,
                    step.kwh,
                    step.kwh,
                    to,
                    label,
                    pack_type,
                    step,
                    arrives,
                    starts,
                    has,
                )

    def _bound(self, label: Label) -> float:
        """Return the earliest moment at which one may be there: the drive, and the swaps that are left."""
        if label.place == self.end:
            return label.leaves
        lacks = self._lacks[label.place + 1] - self.usable(label)
        swaps = math.ceil(lacks / self._most - 1e-9) if lacks > 1e-9 and self._most > 0 else 0
        return label.leaves + self._rest[label.place + 1] + swaps * self._quickest

    def stops(self, label: Label) -> list[Label]:
        """Return the swaps on the way to a label, in their order."""
        found = []
        one: Label | None = label
        while one is not None:
            if one.step is not None:
                found.append(one)
            one = one.before
        return found[::-1]

    def furthest(self) -> tuple[Label, int, float]:
        """
        Where there is no way: return the label from which nothing further is reached that leads on.

        And the place behind it that comes first of those it cannot reach, with the kWh that this takes.
        """
        reached = {-1: self.start}
        queue = [self.start]
        while queue:
            for one in self.extend(queue.pop()):
                known = reached.get(one.place)
                if one.place != self.end and (known is None or self.usable(one) > self.usable(known)):
                    reached[one.place] = one
                    queue.append(one)
        per_km = max(self.way.off_kwh_km, 1e-9)
        last = max(reached.values(), key=lambda one: self.at_km(one) + self.usable(one) / per_km)
        most, _, _ = self.behind(last.place)
        offset = next(number for number, need in enumerate(most) if need > self.usable(last) + ROUNDING_KWH)
        return last, last.place + 1 + offset, most[offset]

    def usable(self, label: Label) -> float:
        """Return the kWh beside the reserve."""
        return float(label.kwh - self.reserve * label.full)

    def at_km(self, label: Label) -> float:
        """Return where on the way a label is."""
        if label.place < 0:
            return 0.0
        return self.at[label.place] if label.place < self.end else self.way.length


def _keep(kept: list[Label], label: Label) -> bool:
    """Keep a label of a place unless another is as good in all three: moment, swaps, energy on board."""
    leaves, swaps, kwh = label.leaves, label.swaps, label.kwh
    for one in kept:
        if one.leaves <= leaves and one.swaps <= swaps and one.kwh >= kwh:
            return False
    kept[:] = [one for one in kept if one.leaves < leaves or one.swaps < swaps or one.kwh > kwh]
    kept.append(label)
    return True
