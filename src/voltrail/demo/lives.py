"""The first lives of packs in cars: made, fitted, sold, and on the road."""

from __future__ import annotations

from typing import Final

import msgspec

from voltrail.demo.cast import Member
from voltrail.demo.diary import DAY, Bag, Diary, moment, stamp
from voltrail.demo.ends import Ends
from voltrail.demo.moves import fit, hand_over, sample_vin
from voltrail.demo.packs import Pack, Parts, Serials, make
from voltrail.demo.road import Road
from voltrail.demo.rounds import Stocktakings

_PIONEERS: Final = 4
_FATES: Final = {
    "plain": 61,
    "replaced_module": 4,
    "repaired": 5,
    "untold_receipt": 3,
    "lost": 2,
    "stolen": 1,
    "spare_abroad": 2,
    "spare_returns": 1,
    "foreign": 3,
    "vehicle_abroad": 3,
    "vehicle_returns": 2,
    "mistaken": 3,
    "misread": 4,
    "burnt": 2,
    "vanished": 2,
    "examined": 2,
}


class Lives:
    """Tells the lives of packs in cars."""

    def __init__(self, diary: Diary, serials: Serials, ends: Ends, stocktakings: Stocktakings) -> None:
        self.diary = diary
        self._stocktakings = stocktakings
        self._road = Road(diary, serials, ends)
        self._fates = Bag(diary.rng, **diary.conduct.weights(**_FATES))
        self._parts = Bag(diary.rng, none=37, modules=2, cells=1)
        self._pioneers = _PIONEERS
        self._driving: list[tuple[int, Pack]] = []

    def car(self, pack: Pack) -> int | None:
        """
        Tell the life of one pack from the factory on. Raises NotYet where the sample world ends.

        Return since when it is on the road, where it stays there until then.
        """
        pack.pioneer, self._pioneers = self._pioneers > 0, self._pioneers - 1
        fate = "plain" if pack.pioneer else self._fates.draw()
        maker = self.diary.pick(self.diary.cast.of("vehicle_maker")[:2])
        pack.fitted_by = maker
        sender, when = self._begin(pack, fate)
        untold = "received" if fate == "untold_receipt" else ""
        when = hand_over(self.diary, pack.code, sender, maker, when, untold=untold)
        if fate in {"lost", "stolen"}:
            when = self._missing(pack, maker, when, found=fate == "lost")
        vin = sample_vin(pack.serial)
        shows = "lifecycle.receipt_not_reported" if untold else ""
        since = self._travel(pack, vin, fit(self.diary, pack.code, maker, vin, when, shows), fate)
        if since is not None:
            self._driving.append((since, pack))
        return since

    def copied(self, pack: Pack) -> None:
        """Tell of a further pack under the code of one on the road, where a maker does that."""
        conduct, made = self.diary.conduct, pack.made + DAY
        if not conduct.takes("copies", pack.maker, made):
            return
        ours = (one.code for since, one in self._driving if one.maker is pack.maker and since < made)
        code = next(ours, None)
        if code is None:
            return
        self._driving = [one for one in self._driving if one[1].code != code]
        maker = self.diary.pick(self.diary.cast.of("vehicle_maker")[:2])
        make(self.diary, msgspec.structs.replace(pack, code=code, made=made, modules=[]), "none")
        when = hand_over(self.diary, code, pack.maker, maker, made + self.diary.some(2, 20))
        fit(self.diary, code, maker, sample_vin(70_000_000 + pack.serial), when)

    def legacy(self, pack: Pack) -> None:
        """Tell the life of a pack that is older than the record."""
        diary = self.diary
        vin, when = sample_vin(pack.serial), moment(2018) + diary.some(0, 700)
        keeper = diary.pick((*diary.cast.of("repair_enterprise"), *diary.cast.of("vehicle_maker")[:2]))
        diary.tell(
            keeper,
            when,
            "enrolled",
            code=pack.code,
            place="in_vehicle",
            basis="vin",
            vin=vin,
            manufactured_on=stamp(pack.made)[:10],
        )
        self._travel(pack, vin, when, "plain")

    def _travel(self, pack: Pack, vin: str, when: int, fate: str) -> int | None:
        """Tell what happens on the road; one of no other fate may live on."""
        if self._road.travel(pack, vin, when, fate) or fate != "plain":
            return None
        self._stocktakings.live_on(pack.code, when)
        return when

    def _begin(self, pack: Pack, fate: str) -> tuple[Member, int]:
        """Tell how a pack came to be, and return who has it then, and since when."""
        when = pack.made + self.diary.some(2, 20)
        importer = self.diary.cast.one("importer")
        if fate == "foreign":
            self.diary.tell(
                importer, when, "imported", code=pack.code, cleared_at=stamp(when - DAY), country="KR"
            )
            return importer, when + self.diary.some(1, 5)
        make(self.diary, pack, self._parts_of(fate))
        if fate not in {"spare_abroad", "spare_returns"}:
            return pack.maker, when
        self.diary.tell(pack.maker, when, "exported", code=pack.code, country="DE")
        when += self.diary.some(60, 200)
        if fate == "spare_abroad":
            when = self.diary.until + 1  # it never comes back
        cleared = stamp(when - DAY)
        about = {"code": pack.code, "cleared_at": cleared, "country": "DE"}
        self.diary.tell(importer, when, "imported", late=0.0, **about)
        return importer, when + self.diary.some(1, 5)

    def _parts_of(self, fate: str) -> Parts:
        """Return which parts of a pack are on the record."""
        drawn = self._parts.draw()
        if drawn == "cells":
            return "cells"
        return "modules" if drawn == "modules" or fate == "replaced_module" else "none"

    def _missing(self, pack: Pack, maker: Member, when: int, *, found: bool) -> int:
        """Tell how a pack went missing at the vehicle maker's, and perhaps came back."""
        when += self.diary.some(1, 10)
        self.diary.tell(maker, when, "lost", code=pack.code, how="lost" if found else "stolen")
        when = when + self.diary.some(10, 60) if found else self.diary.until + 1
        self.diary.tell(maker, when, "found", code=pack.code, site=maker.sites[0])
        return when
