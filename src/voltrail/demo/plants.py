"""
Plants that take batteries and scrap, and make black mass of them, salts of that, and papers of everything.

Packs are taken in runs: those of a month, a site and a chemistry. Some plants only shred and sell black mass;
others leach it, their own and what they buy. What a plant wins depends on how it is run; what it claims to
have won, on whether it is honest (`conduct`). Down the line everybody reckons with what the papers say.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from voltrail.demo.books import Books, month_end, quarter_end
from voltrail.demo.cast import Member
from voltrail.demo.diary import DAY, NEGLIGENT, Diary, moment, stamp
from voltrail.demo.founding import model_id
from voltrail.demo.materials import Materials
from voltrail.demo.matter import (
    CATHODES,
    ELECTRODES,
    FE_PER_P,
    MODULES_SHARE,
    PURE,
    Elements,
    Lot,
    case,
    composition,
    less,
    plus,
    powder_grams,
    times,
)
from voltrail.demo.packs import Pack

SCRAP_EVERY: Final = 50  # packs of the world for one lot of scrap from making
_SCRAP_SINCE: Final = moment(2021, 7)
_SCRAP_GRAMS: Final = (600_000, 2_400_000)
DISCHARGED: Final = 3  # one of so many packs has its discharge on record
MOST_CODES: Final = 1_000  # in one line of a run
_MODEL_SPREAD: Final = 0.01  # packs of a model hold more or less than was declared, all alike
_PACK_SPREAD: Final = 0.004
_LEAST_POWDER: Final = 50_000  # grams for which a line is started
_POWDER: Final = ("Li", "Ni", "Co", "Mn", "P", "C", "Na")
_SALTS: Final = {"Ni": "nickel_sulfate", "Co": "cobalt_sulfate", "Mn": "manganese_sulfate"}
_CLAIMED: Final = (("Li",), ("Li", "Ni"), ("Li", "Ni", "Co", "Mn"))

_STOPS: Final = ("metal", "content", "lot")

_Key = tuple[int, str, str]  # the end of the month, site, chemistry


class _Taken(NamedTuple):
    """What went into a run together: batteries of a pack."""

    codes: tuple[str, ...]
    grams: int
    content: Elements
    delay: int


class Plant:
    """One site: whether it leaches, how well it is run, and what it claims."""

    def __init__(self, diary: Diary, member: Member, site: str, rng: random.Random) -> None:
        self.member, self.site, self.rng = member, site, rng
        self.leaches = site != member.sites[-1]
        self.handling = diary.conduct.handling(site)
        self.hidden = rng.choice(("assay", "reagent" if self.leaches else "moisture"))
        self.claimed = rng.choice(_CLAIMED)
        self.excess = rng.uniform(0.12, 0.40) if self.leaches else rng.uniform(0.22, 0.40)
        self.campaigns = 0
        self.stock: list[tuple[str, Lot]] = []  # black mass that waits, with its chemistry

    def wins(self, good: float, poor: tuple[float, float]) -> float:
        """Return which share of something a step wins, now."""
        drawn, noise = self.rng.uniform(*poor), self.rng.gauss(0, 0.002)
        return drawn if self.handling == "poor" else good + max(-0.004, min(0.004, noise))

    def said(self, feed: Elements, won: Elements, elements: Iterable[str]) -> Elements:
        """Return what the papers say was won: as it was, or more of some elements than went in."""
        if self.handling != "claims":
            return won
        more = {name: feed[name] * (1 + self.excess) for name in elements if name in won and name in feed}
        return {**won, **more}


class Plants:
    """Takes what utilisation enterprises recycle and dismantle, and tells what becomes of it."""

    def __init__(self, diary: Diary, seed: int) -> None:
        self.diary = diary
        self.claiming: set[str] = set()
        self._seed, self._rng = seed, random.Random(f"plants/{seed}")
        utilisers = diary.cast.of("utilisation_enterprise")
        self.all = {site: Plant(diary, one, site, self._rng) for one in utilisers for site in one.sites}
        self._runs: dict[_Key, list[_Taken]] = {}
        self._feed: dict[_Key, list[Lot]] = {}
        self._spread: dict[str, Elements] = {}
        self.materials = Materials(diary, random.Random(f"materials/{seed}"))

    @property
    def shown(self) -> dict[str, list[str]]:
        """The stops of the tour: packs that became metal and are made of it, a lot, an honest plant."""
        stops: dict[str, list[str]] = {
            name: self.materials.shown[name] for name in _STOPS if name in self.materials.shown
        }
        honest = (site for site, plant in self.all.items() if plant.campaigns and plant.handling == "honest")
        site = max(honest, key=lambda one: self.all[one].campaigns, default=None)
        return stops | {"plant": [site]} if site is not None else stops

    # ----------------------------------------------------------- from the lives

    def takes(self, pack: Pack, when: int) -> bool:
        """Return whether a pack goes into a run, which ends before the world does."""
        return pack.modelled and pack.design.chemistry in CATHODES and month_end(when) <= self.diary.until

    def site_of(self, utiliser: Member, pack: Pack) -> str:
        """Return at which of its sites an enterprise treats a pack."""
        return utiliser.sites[pack.serial % len(utiliser.sites)]

    def recycle(self, utiliser: Member, pack: Pack, codes: tuple[str, ...], grams: int, when: int) -> None:
        """Put a pack, or its modules, into the run of the month, some discharged before."""
        key = (month_end(when), self.site_of(utiliser, pack), pack.design.chemistry)
        delay = self.diary.delay(utiliser, when, NEGLIGENT)
        if pack.serial % DISCHARGED == 0:
            code, *more = codes
            about: dict[str, Any] = {"code": code, "codes": more} if more else {"code": code}
            self.diary.tell(utiliser, when, "lot_processed", 0.0, process="discharge", site=key[1], **about)
        content = self._content(pack)
        if codes[0] != pack.code:
            content = less(content, case(content))
        self._runs.setdefault(key, []).append(_Taken(codes, grams, content, delay))

    def dismantle(self, utiliser: Member, pack: Pack, when: int) -> dict[str, Any]:
        """
        Return what a report of taking a pack apart says of masses and lots.

        Where its modules are not on the record, its cells are a lot, which goes into the run of the month.
        """
        site, content = self.site_of(utiliser, pack), self._content(pack)
        grams = round(pack.design.mass_kg.value * 1_000)
        books = Books(self.diary, self._rng, utiliser, site, when)
        books.into, books.of = grams, pack.code
        outer = case(content)
        parts = round(grams * MODULES_SHARE) if pack.modules else 0
        wiring = {"Cu": outer["Cu"]}
        casings = less(outer, wiring)
        books.give("casings", round(sum(casings.values()) / 0.97), casings)
        books.give("copper", round(outer["Cu"] / PURE["copper"]["Cu"]), wiring)
        if not pack.modules:
            rest = less(content, outer)
            cells = books.give("cells", round(books.gap * 0.98), rest)
            self._feed.setdefault((month_end(when), site, pack.design.chemistry), []).append(cells)
        books.lose("plastics", books.gap - parts)
        said: dict[str, Any] = {"site": site, "mass_kg": grams / 1_000, **books.streams()}
        return {**said, "parts_mass_kg": parts / 1_000} if parts else said

    def _content(self, pack: Pack) -> Elements:
        """Return what is in a pack, in grams: what was declared, a little off, as all of its model are."""
        model = model_id(pack.maker, pack.design)
        if model not in self._spread:
            rng = random.Random(f"content/{self._seed}/{model}")
            declared = composition(pack.design)
            self._spread[model] = {
                element: 1_000 * kg * (1 + rng.gauss(0, _MODEL_SPREAD)) for element, kg in declared.items()
            }
        return times(self._spread[model], self._rng.gauss(1, _PACK_SPREAD))

    # ------------------------------------------------------------ when all is told

    def tell(self, packs: int) -> None:
        """Tell of scrap, of all runs, of the lines that leach, and of what is made of their products."""
        self._scrap(packs // SCRAP_EVERY)
        for key in sorted({*self._runs, *self._feed}):
            self._run(key)
        for plant in self.all.values():
            if plant.leaches:
                self._campaigns(plant)
        self.materials.tell()

    def _scrap(self, number: int) -> None:
        """Tell of what battery makers cut off electrodes, and to which plants it went."""
        span, sites = self.diary.until - _SCRAP_SINCE, list(self.all)
        for each in range(number if span > 0 else 0):
            when = _SCRAP_SINCE + span * each // number + self._rng.randrange(5 * DAY)
            maker, plant = self._pick(self.diary.cast.of("battery_maker")), self.all[sites[each % len(sites)]]
            chemistry = self._rng.choice(sorted(ELECTRODES))
            grams = self._rng.randrange(*_SCRAP_GRAMS)
            books = Books(self.diary, self._rng, maker, maker.sites[0], when)
            content = times(ELECTRODES[chemistry], grams * self._rng.gauss(1, 0.001))
            lot = books.create("electrodes", grams, content, "manufacturing_waste", waste=True)
            if lot is None or not books.move(lot, plant.member, plant.site, when + 3 * DAY):
                continue
            end = month_end(when + 3 * DAY)
            if end <= self.diary.until:
                self._feed.setdefault((end, plant.site, chemistry), []).append(lot)

    def _run(self, key: _Key) -> None:
        """Tell of one run: batteries that are recycled, then lots that are shredded with them."""
        when, site, chemistry = key
        plant = self.all[site]
        batch = f"{site}/{stamp(when)[:7]}/{chemistry}"
        taken, lots = self._runs.get(key, []), self._feed.get(key, [])
        made = []
        if taken:
            made.append(self._recycled(plant, when, batch, taken))
        if lots:
            made.append(self._shredded(plant, when - 3_600, batch, lots))
        for black in made:
            self._on_its_way(plant, chemistry, black)

    def _recycled(self, plant: Plant, when: int, batch: str, taken: list[_Taken]) -> Lot:
        """Tell how packs were recycled: as late as the first of them would have been told."""
        books = Books(self.diary, self._rng, plant.member, plant.site, when)
        content: Elements = {}
        books.of = next((one.codes[0] for one in taken if not one.delay and len(one.codes) == 1), None)
        for one in taken:
            books.into += one.grams
            content = plus(content, one.content)
        black = self._separate(plant, books, content)
        about: dict[str, Any] = {"site": plant.site, "batch": batch, "process": "破碎分选 shred and separate"}
        parts = list(_parts(taken))
        for part in parts:
            code, *codes = (code for one in part for code in one.codes)
            mass: dict[str, Any] = {"mass_kg": sum(one.grams for one in part) / 1_000}
            streams = books.streams() if part is parts[-1] else {}
            named: dict[str, Any] = {"code": code, "codes": codes} if codes else {"code": code}
            books.tell("recycled", taken[0].delay, **named, **about, **mass, **streams)
        return black

    def _shredded(self, plant: Plant, when: int, batch: str, lots: list[Lot]) -> Lot:
        """Tell how scrap and cells were shredded."""
        books = Books(self.diary, self._rng, plant.member, plant.site, when)
        black = self._separate(plant, books, books.take(lots))
        books.process("shred", batch=batch)
        return black

    def _separate(self, plant: Plant, books: Books, content: Elements) -> Lot:
        """Enter what a mill makes of what was put in; return the black mass."""
        powder: Elements = {name: content[name] for name in _POWDER if name in content}
        if "P" in content:
            powder["Fe"] = FE_PER_P * content["P"]
        wins = plant.wins(0.988, (0.86, 0.93))
        won = times(powder, wins) | {"Cu": content["Cu"] * 0.008, "Al": content["Al"] * 0.01}
        claims = plant.handling == "claims" and not plant.leaches
        said = plant.said(powder, won, plant.claimed) if claims else won
        dry = powder_grams(said if plant.hidden == "moisture" else won)
        wet = round(dry / (1 - (moisture := round(plant.rng.uniform(0.01, 0.04), 3))))
        books.add("water", wet - round(powder_grams(won)))
        black = books.give("black_mass", wet, said, moisture=moisture)
        lost = less(powder, times(powder, wins))
        for metal, substance in (("Cu", "copper"), ("Al", "aluminium")):
            part = content[metal] * plant.wins(0.987, (0.85, 0.93))
            books.give(substance, round(part / PURE[substance][metal]), {metal: part})
            lost = plus(lost, {metal: content[metal] - part - won[metal]})
        steel = content.get("Fe", 0.0) - powder.get("Fe", 0.0)
        if steel > 1_000:
            part = steel * plant.wins(0.985, (0.9, 0.95))
            books.give("steel", round(part / PURE["steel"]["Fe"]), {"Fe": part})
            lost = plus(lost, {"Fe": steel - part})
        books.lose("residue", round(books.gap * 0.3) + round(sum(lost.values())), lost)
        books.give("plastics", round(books.gap * 0.5), {})
        books.lose("electrolyte", round(books.gap * 0.7))
        books.lose("gas", books.gap)
        if claims:
            self.claiming.add(plant.site)
        return black

    def _on_its_way(self, plant: Plant, chemistry: str, black: Lot) -> None:
        """Leave black mass where it is, or tell how it was sold to who leaches it."""
        if black.of is not None:
            self.materials.shown.setdefault("metal", [black.of])
        if plant.leaches:
            plant.stock.append((chemistry, black))
            return
        buyer = self._pick([one for one in self.all.values() if one.leaches])
        books = Books(self.diary, self._rng, plant.member, plant.site, black.made)
        if books.move(black, buyer.member, buyer.site, black.made + 8 * DAY):
            buyer.stock.append((chemistry, black))

    # ------------------------------------------------------------ hydrometallurgy

    def _campaigns(self, plant: Plant) -> None:
        """Tell of the campaigns of a line, each of a quarter's black mass of one chemistry."""
        for chemistry in sorted(CATHODES):
            waiting = sorted(
                (lot for kind, lot in plant.stock if kind == chemistry), key=lambda lot: (lot.made, lot.name)
            )
            while waiting:
                end = quarter_end(waiting[0].made)
                now = [lot for lot in waiting if lot.made <= end]
                while sum(lot.grams for lot in now) < _LEAST_POWDER and len(now) < len(waiting):
                    now = waiting[: len(now) + 1]
                    end = quarter_end(now[-1].made)
                waiting = waiting[len(now) :]
                if end + 12 * DAY > self.diary.until:
                    break
                plant.campaigns += 1
                self._leach(plant, chemistry, now, end + DAY)

    def _leach(self, plant: Plant, chemistry: str, lots: list[Lot], when: int) -> None:
        """Tell of one campaign: blended, leached, precipitated, refined; and what was sold."""
        if len(lots) > 1:
            lots = [self._blended(plant, lots, when)]
        books = Books(self.diary, self._rng, plant.member, plant.site, when + DAY)
        feed = books.take(lots)
        books.add("reagent", round(books.into * 1.3))
        books.add("water", books.into * 2)
        good = {"Li": 0.966, **dict.fromkeys(("Ni", "Co", "Mn"), 0.9945)}
        bad = {"Li": (0.78, 0.88), **dict.fromkeys(("Ni", "Co", "Mn"), (0.93, 0.97))}
        solved = {name: feed[name] * plant.wins(good[name], bad[name]) for name in good if name in feed}
        left = less(feed, solved)
        if chemistry == "LFP":
            part = times({"Fe": feed["P"] * FE_PER_P, "P": feed["P"]}, plant.wins(0.985, (0.85, 0.93)))
            phosphate = books.give("iron_phosphate", round(part["P"] / PURE["iron_phosphate"]["P"]), part)
            left = less(left, part)
        carbon = {"C": feed["C"] * plant.wins(0.97, (0.8, 0.9))}
        books.give("graphite", round(carbon["C"] / PURE["graphite"]["C"]), carbon)
        left = less(left, carbon)
        books.give("residue", round(sum(left.values()) * 1.35), left, waste=True)
        solution = books.give("solution", books.gap, solved)
        books.process("leach")
        products = [] if chemistry == "NCM" else [phosphate]
        if chemistry == "NCM":
            solution, salts = self._precipitated(plant, feed, solution, when + 3 * DAY)
            products += salts
        carbonate = self._refined(plant, feed, solution, when + 6 * DAY)
        products.append(
            self._split(plant, carbonate, when + 7 * DAY) if plant.campaigns % 3 == 0 else carbonate
        )
        if plant.handling == "claims":
            self.claiming.add(plant.site)
        for lot in products:
            self.materials.sold(plant.member, chemistry, lot, when + 10 * DAY)

    def _blended(self, plant: Plant, lots: list[Lot], when: int) -> Lot:
        books = Books(self.diary, self._rng, plant.member, plant.site, when)
        content = books.take(lots)
        moisture = round(1 - sum(lot.dry_grams for lot in lots) / books.into, 4)
        blend = books.give("black_mass", books.gap, content, moisture=moisture)
        books.process("blend")
        return blend

    def _precipitated(self, plant: Plant, feed: Elements, solution: Lot, when: int) -> tuple[Lot, list[Lot]]:
        """Tell how the salts of nickel, cobalt and manganese were won; return what is left, and them."""
        books = Books(self.diary, self._rng, plant.member, plant.site, when)
        solved = books.take([solution])
        won = {name: solved[name] * plant.wins(0.9945, (0.94, 0.98)) for name in _SALTS}
        said = plant.said(feed, won, plant.claimed)
        books.add("reagent", round(sum(won.values()) * 3))
        salts = []
        for name, substance in _SALTS.items():
            weighed = said if plant.hidden == "reagent" else won
            grams = round(weighed[name] / PURE[substance][name])
            books.add("reagent", max(0, round(grams - won[name] / PURE[substance][name])))
            salts.append(books.give(substance, grams, {name: said[name]}))
        lost = less({name: solved[name] for name in _SALTS}, won)
        books.lose("wastewater", round(books.gap * 0.4), lost)
        rest = books.give("solution", books.gap, {"Li": solved["Li"]})
        books.process("precipitate")
        return rest, salts

    def _refined(self, plant: Plant, feed: Elements, solution: Lot, when: int) -> Lot:
        """Tell how lithium carbonate was won."""
        books = Books(self.diary, self._rng, plant.member, plant.site, when)
        solved = books.take([solution])
        won = {"Li": solved["Li"] * plant.wins(0.957, (0.77, 0.9))}
        said = plant.said(feed, won, plant.claimed)
        weighed = (said if plant.hidden == "reagent" else won)["Li"]
        grams, true = (round(li / PURE["lithium_carbonate"]["Li"]) for li in (weighed, won["Li"]))
        books.add("reagent", round(true * 1.45) + grams - true)
        carbonate = books.give("lithium_carbonate", grams, said)
        books.lose("wastewater", books.gap, {"Li": solved["Li"] - won["Li"]})
        books.process("refine")
        return carbonate

    def _split(self, plant: Plant, lot: Lot, when: int) -> Lot:
        """Tell how a lot was divided; return the part that is for sale."""
        books = Books(self.diary, self._rng, plant.member, plant.site, when)
        content = books.take([lot])
        share = self._rng.uniform(0.5, 0.8)
        part = round(lot.grams * share)
        sold = books.give(lot.substance, part, times(content, part / lot.grams))
        books.give(lot.substance, books.gap, times(content, 1 - part / lot.grams))
        books.process("split")
        return sold

    def _pick(self, among: Any) -> Any:
        return among[self._rng.randrange(len(among))]


def _parts(taken: list[_Taken]) -> Iterator[list[_Taken]]:
    """Yield what goes into each line of a run."""
    part: list[_Taken] = []
    for one in taken:
        if part and sum(len(each.codes) for each in (*part, one)) > MOST_CODES:
            yield part
            part = []
        part.append(one)
    yield part
