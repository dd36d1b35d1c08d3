"""Trucks that exchange their packs at stations: more packs than trucks, many exchanges."""

from __future__ import annotations

import heapq
from collections import deque
from typing import Any, Final

from voltrail.demo.cast import Member
from voltrail.demo.diary import DAY, YEAR, Diary, NotYet
from voltrail.demo.ends import Ends
from voltrail.demo.moves import fit, hand_over, sample_vin
from voltrail.demo.packs import Pack, make
from voltrail.demo.rounds import barred_in

PER_FLEET: Final = 12
ON_TRUCKS: Final = 0.6  # of a fleet's packs; the rest wait at its stations
EVERY: Final = (6, 24)  # days between the exchanges that are told; true ones are daily
UNTOLD: Final = 0.001
LATE: Final = 0.004


class Fleet:
    """One operator's trucks and packs at its two stations."""

    def __init__(
        self,
        diary: Diary,
        ends: Ends,
        operator: Member,
        packs: list[Pack],
        number: int,
        *,
        is_recalled: bool = False,
    ) -> None:
        self.diary = diary
        self.ends = ends
        self.operator = operator
        self.packs = packs
        self.stations = operator.sites[:2] if number % 2 else operator.sites[2:]
        self.is_recalled = is_recalled
        self._barred: dict[str, tuple[int, float]] = {}
        self._waiting = {station: deque[Pack]() for station in self.stations}
        self._on: dict[str, Pack] = {}
        self._life: dict[str, int] = {}
        self._astray: set[str] = set()  # of which an exchange was not told, so that the record is wrong

    def run(self) -> None:
        """Tell the life of the fleet until its packs are gone, or the sample world ends."""
        trucks = max(1, round(len(self.packs) * ON_TRUCKS))
        queue = []
        for number, pack in enumerate(self.packs):
            try:
                since = self._begin(pack, on_truck=number < trucks)
            except NotYet:
                continue
            if number < trucks:
                queue.append((since + self.diary.some(*EVERY), sample_vin(pack.serial)))
        self._barred = barred_in(self) if self.is_recalled else {}
        heapq.heapify(queue)
        while queue and queue[0][0] <= self.diary.until:
            when, vin = heapq.heappop(queue)
            self._swap(when, vin)
            heapq.heappush(queue, (when + self.diary.some(*EVERY), vin))

    def has(self, pack: Pack, when: int) -> bool:
        """Return whether a pack of the fleet is not worn out yet at a moment."""
        return when < self._life[pack.code]

    def _begin(self, pack: Pack, *, on_truck: bool) -> int:
        """Tell how a pack came to the fleet: on a truck, or to a station."""
        diary, bank = self.diary, self.diary.cast.one("battery_owner")
        scale, shape = pack.design.years.value * YEAR, pack.design.shape.value
        self._life[pack.code] = pack.made + max(int(diary.rng.weibullvariate(scale, shape)), YEAR)
        make(diary, pack, "none")
        when = pack.made + diary.some(2, 20)
        owner: dict[str, Any] = {"code": pack.code, "to": bank.identifier}
        if not on_truck:
            station = diary.pick(self.stations)
            diary.tell(pack.maker, when, "ownership_transferred", **owner)
            when = hand_over(diary, pack.code, pack.maker, self.operator, when + 60, station=station)
            self._waiting[station].append(pack)
            return when
        maker = diary.cast.truck_maker()
        when = hand_over(diary, pack.code, pack.maker, maker, when)
        when = fit(diary, pack.code, maker, sample_vin(pack.serial), when, interface="qiji")
        diary.tell(maker, when + DAY, "ownership_transferred", **owner)
        self._on[sample_vin(pack.serial)] = pack
        return when + DAY

    def _swap(self, when: int, vin: str) -> None:
        """Tell one exchange, if the station has a pack that has arrived."""
        station = self.diary.pick(self.stations)
        waiting = self._waiting[station]
        put_in = next((pack for pack in waiting if not self._is_barred(pack, when)), None)
        if put_in is None or put_in.made + 60 * DAY > when:
            return
        waiting.remove(put_in)
        taken_out = self._on[vin]
        self._on[vin] = put_in
        both = {taken_out.code, put_in.code}
        if self.diary.rng.random() < UNTOLD and self.diary.conduct.errs and not both & self._astray:
            self._astray |= both
        else:
            self.diary.tell(
                self.operator,
                when,
                "swapped",
                late=LATE,
                codes=[taken_out.code, put_in.code],
                taken_out=taken_out.code,
                put_in=put_in.code,
                vin=vin,
                station=station,
                energy_out_kwh=round(self.diary.rng.uniform(15, 60), 1),
                energy_in_kwh=round(self.diary.rng.uniform(150, 168), 1),
            )
            for code in sorted(both & self._astray):
                self._astray.remove(code)
                self.diary.mean("lifecycle.two_places", code)
        if when < self._life[taken_out.code]:
            waiting.append(taken_out)
            return
        try:
            shows = "lifecycle.removal_not_reported" if taken_out.code in self._astray else ""
            self.ends.of_stock(taken_out, self.operator, when + self.diary.some(1, 9), shows)
        except NotYet:
            return

    def _is_barred(self, pack: Pack, when: int) -> bool:
        since, until = self._barred.get(pack.code, (0, 0))
        return since <= when < until
