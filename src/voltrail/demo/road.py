"""What happens to a pack while it is in a car."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from voltrail.codes import without_code
from voltrail.demo.cast import Member, secret
from voltrail.demo.diary import DAY, YEAR, Bag, Diary, NotYet, stamp
from voltrail.demo.dossier import rated_ah
from voltrail.demo.ends import Ends
from voltrail.demo.founding import module_id
from voltrail.demo.moves import hand_over, health, sample_vin
from voltrail.demo.packs import Pack, Serials, part_codes

_SOON: Final = (20, 120)  # days on the road until a chapter begins
_PIONEERS_LIFE: Final = 4 * YEAR
_UNTIL_SCRAPPED: Final = (300, 1_200)
_UNSEEN: Final = (60, 300)  # days that a pack is nobody knows where


class Road:
    """Tells what happens between the sale of a car and the end of its pack's first life."""

    def __init__(self, diary: Diary, serials: Serials, ends: Ends) -> None:
        self.diary = diary
        self.serials = serials
        self.ends = ends
        self._measured = Bag(diary.rng, yes=3, no=7)
        self._voided = Bag(diary.rng, yes=2, no=1)
        self._chapters: dict[str, Callable[[Pack, str, int], int]] = {
            "replaced_module": self._replaced_module,
            "repaired": self._repaired,
            "vehicle_abroad": self._vehicle_abroad,
            "vehicle_returns": self._vehicle_returns,
            "mistaken": self._mistaken,
            "misread": self._misread,
            "burnt": self._burnt,
            "examined": self._examined,
        }

    def travel(self, pack: Pack, vin: str, when: int, fate: str) -> bool:
        """Tell the time on the road and what follows; return whether the pack's life is over."""
        design = pack.design
        lived = self.diary.rng.weibullvariate(design.years.value * YEAR, design.shape.value)
        life = _PIONEERS_LIFE if pack.pioneer else max(int(lived), YEAR)
        chapter = self._chapters.get(fate)
        if chapter is not None:
            when = chapter(pack, vin, when + self.diary.some(*_SOON))
        if when > self.diary.until:
            return True
        end = max(pack.made + life, when + self.diary.some(30, 60))
        try:
            if fate == "vanished":
                self._vanished(pack, vin, when + self.diary.some(*_UNTIL_SCRAPPED))
            else:
                self._measure(pack, when, end, life)
                self.ends.of_car(pack, vin, end)
        except NotYet:
            return fate == "vanished" or end <= self.diary.until
        return True

    def _measure(self, pack: Pack, when: int, end: int, life: int) -> None:
        """Tell of the yearly examinations that some packs have."""
        if self._measured.draw() == "no" and not pack.pioneer:
            return
        by = self.diary.pick((*self.diary.cast.of("repair_enterprise"), self.diary.cast.one("testing_lab")))
        for at in range(when + YEAR, min(end - DAY, self.diary.until), YEAR):
            left = health(self.diary, at - pack.made, life)
            self.diary.tell(
                by,
                at,
                "measured",
                code=pack.code,
                soh_fraction=left,
                capacity_ah=round(left * rated_ah(pack.design), 1),
                energy_kwh=round(left * pack.design.energy_kwh.value, 1),
                distance_km=round((at - when) / YEAR * 16_000),
            )

    # ---------------------------------------------------------------- chapters

    def _repairer(self) -> Member:
        return self.diary.pick(self.diary.cast.of("repair_enterprise"))

    def _repaired(self, pack: Pack, vin: str, when: int) -> int:
        """Tell of a repair: out, worked on, measured, in again."""
        repairer = self._repairer()
        self.diary.tell(repairer, when, "removed", code=pack.code, vin=vin, reason="warranty")
        self.diary.tell(repairer, when + DAY, "serviced", code=pack.code, work="密封圈更换 seal replaced")
        when += self.diary.some(2, 10)
        self.diary.tell(repairer, when, "installed", code=pack.code, vin=vin, reason="warranty")
        return when

    def _replaced_module(self, pack: Pack, vin: str, when: int) -> int:
        """Tell of a repair in which one module took the place of another."""
        repairer = self._repairer()
        spare = part_codes(pack, "module", 9, when - 30 * DAY)[-1]
        model = module_id(pack.maker, pack.design)
        self.diary.tell(pack.maker, when - 30 * DAY, "manufactured", code=spare, model_id=model)
        hand_over(self.diary, spare, pack.maker, repairer, when - 20 * DAY)
        self.diary.tell(repairer, when, "removed", code=pack.code, vin=vin, reason="warranty")
        old = pack.modules.pop(0)
        self.diary.tell(repairer, when + DAY, "disassembled", code=pack.code, codes=[old])
        self.diary.tell(repairer, when + 2 * DAY, "assembled", code=pack.code, codes=[spare])
        pack.modules.append(spare)
        self.diary.tell(repairer, when + 3 * DAY, "serviced", code=pack.code, work="模组更换 module replaced")
        when += 4 * DAY
        self.diary.tell(repairer, when, "installed", code=pack.code, vin=vin, reason="warranty")
        return when

    def _examined(self, pack: Pack, vin: str, when: int) -> int:
        """Tell of an incident after which the pack was found sound."""
        kind = self.diary.pick(("collision", "flood", "leak"))
        self.diary.tell(
            self._repairer(), when, "incident_reported", code=pack.code, incident=kind, severity="minor"
        )
        lab = self.diary.cast.one("testing_lab")
        when += self.diary.some(2, 9)
        self.diary.tell(
            lab, when, "measured", code=pack.code, soh_fraction=0.97, method=f"after an incident, {vin}"
        )
        return when

    def _burnt(self, pack: Pack, vin: str, when: int) -> int:
        """Tell of a fire, as the maker of the car reports it; nothing follows."""
        maker = pack.fitted_by or self.diary.cast.one("vehicle_maker")
        self.diary.tell(
            maker, when, "incident_reported", code=pack.code, incident="fire", severity="total loss"
        )
        self.diary.tell(maker, when + DAY, "destroyed", code=pack.code, reason=f"vehicle fire, {vin}")
        return self.diary.until + 1

    def _vehicle_abroad(self, pack: Pack, vin: str, when: int) -> int:
        """Tell of a car that was exported, who answers for its battery in the European Union, and its end."""
        importer, maker = self.diary.cast.one("importer"), pack.maker
        given = self.diary.tell(
            maker, when - DAY, "responsibility_transferred", code=pack.code, to=importer.identifier
        )
        self.diary.issue(importer, when - 3_600, pack.code, given)
        self.diary.tell(importer, when, "vehicle_exported", vin=vin, codes=[pack.code], country="NO")
        about = {"code": pack.code, "number": 1, "reason": "recycled"}
        self.diary.tell(importer, when + 2 * YEAR, "passport_ceased", 0.0, **about)
        return self.diary.until + 1

    def _vehicle_returns(self, pack: Pack, vin: str, when: int) -> int:
        """Tell of a car that was exported and came back."""
        importer = self.diary.cast.one("importer")
        self.diary.tell(importer, when, "vehicle_exported", vin=vin, codes=[pack.code], country="KZ")
        when += self.diary.some(60, 150)
        cleared = stamp(when - DAY)
        about = {"vin": vin, "codes": [pack.code], "cleared_at": cleared}
        self.diary.tell(importer, when, "vehicle_imported", late=0.0, **about)
        return when

    def _mistaken(self, pack: Pack, vin: str, when: int) -> int:
        """Tell of a repairer that reported the wrong code: a conflict, mostly corrected."""
        other = sample_vin(90_000_000 + int(vin[-8:]))
        wrong = self.diary.tell(
            self._repairer(), when, "installed", late=0.0, code=pack.code, vin=other, reason="replacement"
        )
        when += self.diary.some(5, 40)
        if self._voided.draw() == "yes" and when <= self.diary.until:
            self.diary.correct(wrong, when, None)
            self.diary.mended.add(("lifecycle.two_places", pack.code))
        else:
            self.diary.mean("lifecycle.two_places", pack.code)
        return when

    def _misread(self, pack: Pack, vin: str, when: int) -> int:
        """Tell of a measurement with a slipped digit, and its correction."""
        lab = self.diary.cast.one("testing_lab")
        wrong = self.diary.tell(lab, when, "measured", late=0.0, code=pack.code, soh_fraction=0.09)
        when += self.diary.some(2, 30)
        self.diary.correct(wrong, when, {"soh_fraction": 0.99, "note": f"slipped digit, {vin}"})
        return when

    def _vanished(self, pack: Pack, vin: str, when: int) -> None:
        """
        Tell of a pack that nobody saw leave its scrapped car.

        Months later an outlet has it, out of a back yard and without a readable label.
        """
        dismantler = self.diary.cast.one("vehicle_dismantler")
        self.diary.tell(
            dismantler,
            when,
            "vehicle_scrapped",
            vin=vin,
            codes=[pack.code],
            certificate_date=stamp(when)[:10],
        )
        outlet = self.diary.pick(self.diary.cast.of("collection_outlet"))
        alias = without_code(outlet.identifier, f"SAMPLE-{self.serials.next()}")
        when += self.diary.some(*_UNSEEN)
        self.diary.tell(
            outlet,
            when,
            "enrolled",
            code=alias,
            place="in_stock",
            basis="photo",
            photo_digest=secret(pack.serial, "photo").hex(),
            phase="waste",
            site=outlet.sites[0],
            note="来自一处无证作坊 sample: from an unlicensed back yard",
        )
        when += self.diary.some(3, 20)
        self.diary.tell(outlet, when, "collected", code=pack.code, site=outlet.sites[0])
        self.diary.mean("lifecycle.removal_not_reported", pack.code)
        self.diary.tell(outlet, when + 60, "identified", code=alias, codes=[pack.code], right=pack.code)
        self.ends.from_outlet(pack, outlet, when + self.diary.some(2, 20))
