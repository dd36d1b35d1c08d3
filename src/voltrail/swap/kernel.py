"""
What `engine` does, compiled: millions of swaps a second.

Times that lie ahead stand in arrays in falling order, so the next is the last: taking it is one step, and
putting one in moves the few that come before it. Nothing but sums is kept of a swap.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import float64, int64, njit, uint64
from numpy.typing import NDArray

from voltrail.ledger.lanes import kernel
from voltrail.swap.draws import (
    ARRIVALS,
    CHARGES,
    EXPONENTIAL,
    FIRST,
    FIXED,
    GOLDEN,
    SECOND,
    SWAPS,
    Stream,
    begin,
    later,
)
from voltrail.swap.station import LAWS, ONE, Demand, Fleet, Station, between, rates

# What is summed of swaps: minutes but for AT_ONCE, STOCK in pack-minutes.
WAITED, AT_ONCE, SPAN, CHARGED, DROVE, STOCK = range(6)
SUMS: Final = 6
BINS: Final = 2_048  # of a histogram of waits: the first up to 2**-11 min, then 64 to each doubling

_CHARGERS, _BAYS, _AT_SWAP, _TRUCKS = range(4)  # the numbers of a station
_CHARGE, _SWAP, _DRIVE = range(3)  # its laws
_COMING, _CHARGING, _SWAPPING, _HEAD, _TAIL, _DEPLETED, _FULL = range(7)  # how many there are
_NOW = 0
_SHIFT: Final = 46  # a double without its last 46 bits has 6 behind the point left: 64 to a doubling
_FIRST_BIN: Final = (1023 - 11) << 6

_later: Any = njit(later)


@njit(inline="always")
def _share(states: Any, stream: Any) -> Any:
    state = states[stream] + uint64(GOLDEN)
    states[stream] = state
    state = (state ^ (state >> uint64(30))) * uint64(FIRST)
    state = (state ^ (state >> uint64(27))) * uint64(SECOND)
    state ^= state >> uint64(31)
    return (float64(int64(state >> uint64(11))) + 1.0) * 2.0**-53


@njit(inline="always")
def _time(states: Any, stream: Any, law: Any, mean: Any) -> Any:
    if law == FIXED:
        return mean
    if law == EXPONENTIAL:
        return -np.log(_share(states, stream)) * mean
    return 2.0 * _share(states, stream) * mean


@njit(inline="always")
def _put(ahead: Any, count: Any, time: Any) -> None:
    """Put a time among `count` in falling order; of equal ones it comes after those that stand."""
    at = count
    while at > 0 and ahead[at - 1] <= time:
        ahead[at] = ahead[at - 1]
        at -= 1
    ahead[at] = time


@kernel
def _live(
    numbers: NDArray[np.int64],
    laws: NDArray[np.int64],
    means: NDArray[np.float64],
    per_min: NDArray[np.float64],
    states: NDArray[np.uint64],
    counts: NDArray[np.int64],
    clock: NDArray[np.float64],
    ahead: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    queue: NDArray[np.float64],
    number: int,
    sums: NDArray[np.float64],
    bins: NDArray[np.int64],
    waits: NDArray[np.float64],
) -> int:
    """Go on until `number` more swaps have begun; return how many are left when the queue is full before."""
    chargers, bays = numbers[_CHARGERS], numbers[_BAYS]
    at_swap, trucks, hourly = numbers[_AT_SWAP], numbers[_TRUCKS], per_min.size > 0
    charge_law, swap_law, drive_law = laws[_CHARGE], laws[_SWAP], laws[_DRIVE]
    charge_mean, swap_mean, drive_mean = means[_CHARGE], means[_SWAP], means[_DRIVE]
    coming, charging, swapping = ahead
    n_coming, n_charging, n_swapping = counts[_COMING], counts[_CHARGING], counts[_SWAPPING]
    head, tail, depleted, full = counts[_HEAD], counts[_TAIL], counts[_DEPLETED], counts[_FULL]
    mask, left, last_bin = queue.size - 1, int64(number), int64(bins.size - 1)
    now, since = clock[_NOW], clock[_NOW]
    waited, at_once, charged, drove, stock = 0.0, 0.0, 0.0, 0.0, -full * since
    bits = np.empty(1, np.float64)
    words = bits.view(np.int64)
    while left > 0:
        if head < tail and full > 0 and n_swapping < bays:
            wait = now - queue[head & mask]
            head += 1
            full -= 1
            stock += now
            _put(swapping, n_swapping, now + _time(states, SWAPS, swap_law, swap_mean))
            n_swapping += 1
            if number - left < waits.size:
                waits[number - left] = wait
            if wait == 0.0:
                at_once += 1.0
                bins[0] += 1
            else:
                waited += wait
                bits[0] = wait
                bins[max(min((words[0] >> _SHIFT) - (_FIRST_BIN - 1), last_bin), 0)] += 1
            left -= 1
            continue
        ends = swapping[n_swapping - 1] if n_swapping else np.inf
        comes = coming[n_coming - 1] if n_coming else np.inf
        done = charging[n_charging - 1] if n_charging else np.inf
        plugs = False
        if ends <= done and ends <= comes:
            now = ends
            n_swapping -= 1
            plugs = at_swap == 1
            if trucks:
                drive = _time(states, ARRIVALS, drive_law, drive_mean)
                drove += drive
                _put(coming, n_coming, now + drive)
                n_coming += 1
        elif done <= comes:
            now = done
            n_charging -= 1
            full += 1
            stock -= now
            if depleted:
                depleted -= 1
                plugs = True
        else:
            if tail - head > mask:
                break
            now = comes
            queue[tail & mask] = now
            tail += 1
            plugs = at_swap == 0
            if trucks:
                n_coming -= 1
            elif hourly:
                coming[0] = _later(now, -np.log(_share(states, ARRIVALS)), per_min)
            else:
                coming[0] = now + _time(states, ARRIVALS, drive_law, drive_mean)
        if plugs:
            if n_charging < chargers:
                charge = _time(states, CHARGES, charge_law, charge_mean)
                charged += charge
                _put(charging, n_charging, now + charge)
                n_charging += 1
            else:
                depleted += 1
    counts[_COMING], counts[_CHARGING], counts[_SWAPPING] = n_coming, n_charging, n_swapping
    counts[_HEAD], counts[_TAIL], counts[_DEPLETED], counts[_FULL] = head, tail, depleted, full
    clock[_NOW] = now
    sums[WAITED] += waited
    sums[AT_ONCE] += at_once
    sums[SPAN] += now - since
    sums[CHARGED] += charged
    sums[DROVE] += drove
    sums[STOCK] += stock + full * now
    return int(left)


class Life:
    """A station from the moment when all its packs are full, as `engine.Life`; only sums are told of it."""

    def __init__(self, station: Station, demand: Demand, seed: int) -> None:
        trucks, drive = (demand.trucks, demand.drive) if isinstance(demand, Fleet) else (0, between(demand))
        per_min = () if isinstance(demand, Fleet) else rates(demand)
        laws = (station.charge, station.swap, drive)
        at_swap = station.hand_over == "swap"
        # Those who come first are drawn here; then the kernel goes on where the stream stands.
        stream = Stream(seed, ARRIVALS)
        if per_min:
            first = [later(0.0, stream.time(ONE), per_min)]
        else:
            first = [stream.time(drive) for _ in range(max(trucks, 1))]
        self._numbers = np.array((station.chargers, station.bays, at_swap, trucks), np.int64)
        self._laws = np.array([LAWS.index(law.kind) for law in laws], np.int64)
        self._means = np.array([law.mean_min for law in laws])
        self._per_min = np.array(per_min)
        self._states = np.array([stream.state, begin(seed, CHARGES), begin(seed, SWAPS)], np.uint64)
        self._counts = np.array((len(first), 0, 0, 0, 0, 0, station.packs), np.int64)
        self._clock = np.zeros(1)
        self._ahead = tuple(np.empty(room + 1) for room in (len(first), station.chargers, station.bays))
        self._ahead[0][: len(first)] = sorted(first, reverse=True)
        self._queue = np.empty(1 << max(10, trucks.bit_length()))

    @property
    def waiting(self) -> int:
        """How many trucks wait now."""
        return int(self._counts[_TAIL] - self._counts[_HEAD])

    def swaps(
        self, number: int, sums: NDArray[np.float64], bins: NDArray[np.int64], waits: NDArray[np.float64]
    ) -> None:
        """
        Let so many swaps begin, adding to `sums` (SUMS) and `bins` (BINS) what is to be known of them.

        `waits` takes their waits in minutes, of the first as many as it holds.
        """
        left = number
        while left:
            waits = waits[number - left :]
            number = left
            left = _live(
                self._numbers,
                self._laws,
                self._means,
                self._per_min,
                self._states,
                self._counts,
                self._clock,
                self._ahead,
                self._queue,
                number,
                sums,
                bins,
                waits,
            )
            if left:
                self._lengthen()

    def _lengthen(self) -> None:
        """Give those who wait twice the room."""
        longer = np.empty(2 * self._queue.size)
        places = np.arange(self._counts[_HEAD], self._counts[_TAIL])
        longer[places & (longer.size - 1)] = self._queue[places & (self._queue.size - 1)]
        self._queue = longer


def quantile(bins: NDArray[np.int64], share: float) -> float:
    """Return what so large a share of the waits does not exceed, in minutes, to 1.6 %."""
    sought = share * int(bins.sum())
    cumulated = np.cumsum(bins)
    place = int(np.searchsorted(cumulated, sought))
    if place == 0:
        return 0.0
    low, high = (np.array([_FIRST_BIN + place - 1, _FIRST_BIN + place]) << _SHIFT).view(np.float64)
    return float(low + (high - low) * (sought - cumulated[place - 1]) / bins[place])
