"""How first lives end, and what comes after: waste, second lives, materials."""

from __future__ import annotations

from random import Random
from typing import Any, Final

from voltrail.demo.cast import Member
from voltrail.demo.diary import DAY, NEGLIGENT, YEAR, Bag, Diary, moment, stamp
from voltrail.demo.matter import MODULES_SHARE
from voltrail.demo.moves import hand_over, health, sample_vin
from voltrail.demo.packs import Pack, Serials, second_life_code
from voltrail.demo.plants import Plants
from voltrail.demo.rounds import Stocktakings
from voltrail.organisations.identifiers import credit_code

PACK_CODE: Final = 24  # characters of a code of a first life
TOO_MUCH: Final = 1.6  # of the mass, by whoever says more than went in
NOBODY: Final = credit_code("91000000XDEM99999")  # is on no record
ORDER_73: Final = moment(2026, 4, 1)  # since then waste may only go to whom the law names


class Ends:
    """Tells the ends of lives. Raises NotYet where the sample world ends first."""

    def __init__(self, diary: Diary, serials: Serials, stocktakings: Stocktakings, plants: Plants) -> None:
        self.diary = diary
        self.serials = serials
        self._plants = plants
        self._stocktakings = stocktakings
        rng = diary.rng
        conduct = diary.conduct
        self._ways = Bag(rng, **conduct.weights(scrapped=5, outlet=4, scrapped_untold=1))
        self._uses = Bag(rng, recycled=6, dismantled=4, repurposed=4, remanufactured=2, reused=2)
        self._barred = Bag(rng, **conduct.weights(none=4, dealer=2, bicycle=2))

    def of_car(self, pack: Pack, vin: str, when: int) -> None:
        """Tell the end of a pack's life in a car, and what follows."""
        way = "outlet" if pack.pioneer else self._ways.draw()
        if way == "outlet":
            self._by_outlet(pack, vin, when)
        else:
            self._by_scrapping(pack, vin, when, told=way == "scrapped")

    def of_stock(self, pack: Pack, holder: Member, when: int, shows: str = "") -> None:
        """Tell the end of a pack that is on its holder's shelf: straight to utilisation."""
        self.diary.tell(holder, when, "retired", code=pack.code, reason="容量不足 capacity too low")
        utiliser = self._utiliser()
        when += self.diary.some(2, 20)
        when = hand_over(self.diary, pack.code, holder, utiliser, when, shows=shows)
        self._use(pack, utiliser, when, barred=False)

    def from_outlet(self, pack: Pack, outlet: Member, when: int) -> None:
        """Tell what follows when an outlet has a waste pack: on to utilisation, or to whom it must not."""
        if self.diary.conduct.takes("nowhere", outlet, when):
            self.diary.tell(outlet, when, "handed_over", code=pack.code, to=NOBODY)
            return
        barred = self._barred.draw() if when >= ORDER_73 else "none"
        if barred == "dealer":
            dealer = self.diary.cast.one("carrier")
            self.diary.tell(outlet, when, "handed_over", code=pack.code, to=dealer.identifier)
            self.diary.mean("breach.o73-a19", pack.code)
            return
        utiliser = self._utiliser()
        when = hand_over(self.diary, pack.code, outlet, utiliser, when, how="handed_over")
        self._use(pack, utiliser, when, barred=barred == "bicycle")

    # ------------------------------------------------------------ to utilisation

    def _utiliser(self) -> Member:
        return self.diary.pick(self.diary.cast.of("utilisation_enterprise"))

    def _by_outlet(self, pack: Pack, vin: str, when: int) -> None:
        """Tell how a repairer took a pack out and an outlet took it in."""
        repairer = self.diary.pick(self.diary.cast.of("repair_enterprise"))
        outlet = self.diary.pick(self.diary.cast.of("collection_outlet"))
        self.diary.tell(repairer, when, "removed", code=pack.code, vin=vin, reason="replacement")
        self.diary.tell(repairer, when + 3_600, "retired", code=pack.code, reason="里程衰减 range too short")
        when = hand_over(
            self.diary, pack.code, repairer, outlet, when + self.diary.some(1, 9), taken="collected"
        )
        self.from_outlet(pack, outlet, when + self.diary.some(3, 30))

    def _by_scrapping(self, pack: Pack, vin: str, when: int, *, told: bool) -> None:
        """Tell how a car was scrapped; when `removed` is not told, that stays a gap."""
        dismantler, utiliser = self.diary.cast.one("vehicle_dismantler"), self._utiliser()
        certificate: dict[str, Any] = {"certificate_date": stamp(when)[:10]}
        if self.diary.conduct.takes("leaves", dismantler, when):
            self.diary.tell(dismantler, when, "vehicle_scrapped", NEGLIGENT, vin=vin, codes=[], **certificate)
            return
        self.diary.tell(
            dismantler, when, "vehicle_scrapped", NEGLIGENT, vin=vin, codes=[pack.code], **certificate
        )
        when += self.diary.some(1, 10)
        if told:
            self.diary.tell(dismantler, when, "removed", code=pack.code, vin=vin, reason="scrapping")
        when += self.diary.some(1, 15)
        shows = "" if told else "lifecycle.removal_not_reported"
        when = hand_over(self.diary, pack.code, dismantler, utiliser, when, how="handed_over", shows=shows)
        self._use(pack, utiliser, when, barred=False)

    # --------------------------------------------------------------- utilisation

    def _use(self, pack: Pack, utiliser: Member, when: int, *, barred: bool) -> None:
        """Tell what a utilisation enterprise makes of a pack."""
        use = "repurposed" if barred or pack.pioneer else self._uses.draw()
        arrived, when = when, when + self.diary.some(5, 25)
        self._assess(pack.code, utiliser, arrived, when, use)
        when += self.diary.some(5, 40)
        self._stocktakings.keep(utiliser, pack.code, arrived, when)
        if use == "recycled":
            self._recycle(pack, (pack.code,), utiliser, when, pack.design.mass_kg.value)
        elif use == "dismantled":
            self._dismantle(pack, utiliser, when)
        elif use == "reused":
            self._reuse(pack, utiliser, when)
        elif use == "remanufactured":
            self._remanufacture(pack, utiliser, when)
        else:
            self._repurpose(pack, utiliser, when, barred=barred)

    def _assess(self, code: str, utiliser: Member, arrived: int, when: int, use: str) -> None:
        """Tell what was found of a pack: first by looking at it, and then by a test."""
        decisions = {"reused": "reuse", "repurposed": "repurpose", "remanufactured": "repurpose"}
        soh = health(self.diary, 1, 1) if use in decisions else 0.6
        rng = Random(f"assessed {code}")  # of its own, so that what is found moves no life
        said: dict[str, Any] = {
            "code": code,
            "decision": decisions.get(use, "recycle"),
            "transport": "damaged" if use not in decisions and rng.random() < 0.2 else "normal",
        }
        seen: dict[str, Any] = {"test": "visual", "test_ordered": "capacity"}
        self.diary.tell(utiliser, arrived + 3_600, "assessed", late=0.0, **said, **seen, **_found(soh, 0.1))
        said |= {"soh_fraction": soh, "reasons": ["容量 capacity", "绝缘 insulation"], "test": "capacity"}
        self.diary.tell(utiliser, when, "assessed", **said, **_found(soh, 0.02))

    def _recycle(self, pack: Pack, codes: tuple[str, ...], utiliser: Member, when: int, mass: float) -> None:
        """Put a pack, or its modules, into the month's run; by itself where that cannot be, or is a lie."""
        inflated = self.diary.conduct.takes("inflates", utiliser, when)
        if not inflated and self._plants.takes(pack, when) and len(codes[0]) == PACK_CODE:
            self._plants.recycle(utiliser, pack, codes, round(mass * 1_000), when)
            return
        further: dict[str, Any] = {"codes": list(codes[1:])} if codes[1:] else {}
        self.diary.tell(
            utiliser,
            when,
            "recycled",
            NEGLIGENT,
            code=codes[0],
            **further,
            process="湿法 hydrometallurgical",
            mass_kg=round(mass * TOO_MUCH) if inflated else mass,
            site=utiliser.sites[0],
        )

    def _dismantle(self, pack: Pack, utiliser: Member, when: int) -> None:
        """Tell how a pack was taken apart, and its modules recycled."""
        parts: dict[str, Any] = {"codes": list(pack.modules)} if pack.modules else {}
        said: dict[str, Any] = {"site": utiliser.sites[0]}
        if self._plants.takes(pack, when):
            said = self._plants.dismantle(utiliser, pack, when)
        self.diary.tell(utiliser, when, "dismantled", code=pack.code, **parts, **said)
        if pack.modules:
            mass = round(pack.design.mass_kg.value * MODULES_SHARE)
            self._recycle(pack, tuple(pack.modules), utiliser, when + self.diary.some(3, 20), mass)

    def _reuse(self, pack: Pack, utiliser: Member, when: int) -> None:
        """Tell how a pack went back into a car."""
        repairer = self.diary.pick(self.diary.cast.of("repair_enterprise"))
        self.diary.tell(utiliser, when, "prepared_for_reuse", code=pack.code, site=utiliser.sites[0])
        when = hand_over(self.diary, pack.code, utiliser, repairer, when + self.diary.some(1, 9))
        vin = sample_vin(80_000_000 + pack.serial)
        self.diary.tell(repairer, when + DAY, "installed", code=pack.code, vin=vin, reason="replacement")

    def _remanufacture(self, pack: Pack, utiliser: Member, when: int) -> None:
        """Tell how a pack was made new, and fitted again."""
        new = self._second_life("remanufactured", pack, utiliser, when, "vehicle")
        repairer = self.diary.pick(self.diary.cast.of("repair_enterprise"))
        when = hand_over(self.diary, new, utiliser, repairer, when + self.diary.some(2, 20))
        vin = sample_vin(80_000_000 + pack.serial)
        self.diary.tell(repairer, when + DAY, "installed", code=new, vin=vin, reason="replacement")

    def _repurpose(self, pack: Pack, utiliser: Member, when: int, *, barred: bool) -> None:
        """Tell of a second life in a storage system, and its end; one barred use is a breach."""
        use = "electric bicycle" if barred else "stationary storage"
        new = self._second_life("repurposed", pack, utiliser, when, use)
        if barred:
            self.diary.mean("breach.o73-a22", pack.code)
            return
        keeper = self.diary.cast.one("storage_operator")
        when = hand_over(self.diary, new, utiliser, keeper, when + self.diary.some(2, 20))
        system = f"SAMPLE-STORAGE-{pack.serial % 5 + 1}"
        when += self.diary.some(1, 9)
        self.diary.tell(keeper, when, "installed", code=new, system=system)
        self.diary.tell(keeper, when + 180 * DAY, "measured", code=new, soh_fraction=0.7)
        when += 2 * YEAR + self.diary.some(0, 700)
        self.diary.tell(keeper, when, "removed", code=new, system=system)
        self.diary.tell(keeper, when + 60, "retired", code=new)
        when = hand_over(self.diary, new, keeper, utiliser, when + self.diary.some(1, 20))
        self._recycle(pack, (new,), utiliser, when + self.diary.some(5, 25), pack.design.mass_kg.value)

    def _second_life(self, kind: str, pack: Pack, utiliser: Member, when: int, use: str) -> str:
        """Tell how an old pack became a new product, and return its code."""
        new = second_life_code(utiliser, pack.design, when, self.serials.next())
        made = self.diary.tell(
            utiliser, when, kind, codes=[pack.code, new], into=[new], use=use, site=utiliser.sites[0]
        )
        if pack.pioneer:
            self.diary.issue(utiliser, when + 3_600, new, made)
        return new


def _found(soh: float, doubt: float) -> dict[str, float]:
    """Return the intervals of a state of health, and of the years that a pack has left."""
    years = max(1.0, 20 * (soh - 0.45))
    return {
        "soh_low": round(max(0.0, soh - doubt), 3),
        "soh_high": round(soh + doubt, 3),
        "life_years_low": round(years * 0.7, 1),
        "life_years_high": round(years * 1.3, 1),
    }
