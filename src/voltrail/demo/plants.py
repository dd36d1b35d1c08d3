"""
Plants that take batteries and scrap, and make black mass of them, and papers of everything.

Packs are taken in runs: those of a month, a site and a chemistry. Some plants only shred and sell black mass;
others leach it, their own and what they buy (`leaching`). What a plant wins depends on how it is run; what it
claims to have won, on whether it is honest (`conduct`). Down the line everybody reckons with the papers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from voltrail.demo.books import Books, month_end
from voltrail.demo.cast import Member
from voltrail.demo.diary import DAY, NEGLIGENT, Diary, moment, stamp
from voltrail.demo.founding import model_id
from voltrail.demo.leaching import Leaching
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
from voltrail.demo.plant import Plant

SCRAP_EVERY: Final = 50  # packs of the world for one lot of scrap from making
_SCRAP_SINCE: Final = moment(2021, 7)
_SCRAP_GRAMS: Final = (600_000, 2_400_000)
DISCHARGED: Final = 3  # one of so many packs has its discharge on record
MOST_CODES: Final = 1_000  # in one line of a run
_MODEL_SPREAD: Final = 0.01  # packs of a model hold more or less than was declared, all alike
_PACK_SPREAD: Final = 0.004
_POWDER: Final = ("Li", "Ni", "Co", "Mn", "P", "C", "Na")

_STOPS: Final = ("metal", "content", "lot")

_Key = tuple[int, str, str]  # the end of the month, site, chemistry


class _Taken(NamedTuple):
    """What went into a run together: batteries of a pack; `of` is the pack, where its model is on record."""

    codes: tuple[str, ...]
    of: str | None
    grams: int
    content: Elements
    delay: int


class Plants:
    """Takes what utilisation enterprises recycle and dismantle, and tells what becomes of it."""

    def __init__(self, diary: Diary, seed: int) -> None:
        self.diary = diary
        self._seed, self._rng = seed, random.Random(f"plants/{seed}")
        utilisers = diary.cast.of("utilisation_enterprise")
        self.all = {site: Plant(diary, one, site, self._rng) for one in utilisers for site in one.sites}
        self._runs: dict[_Key, list[_Taken]] = {}
        self._feed: dict[_Key, list[Lot]] = {}
        self._spread: dict[str, Elements] = {}
        self.materials = Materials(diary, random.Random(f"materials/{seed}"))
        self._leaching = Leaching(diary, random.Random(f"leaching/{seed}"), self.materials)

    @property
    def claiming(self) -> frozenset[str]:
        """At which sites more metal was claimed than came in."""
        return frozenset(site for site, plant in self.all.items() if plant.has_claimed)

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
        """Return whether what was a pack goes into a run, which ends before the world does."""
        return pack.design.chemistry in CATHODES and month_end(when) <= self.diary.until

    def site_of(self, utiliser: Member, pack: Pack) -> str:
        """Return at which of its sites an enterprise treats a pack."""
        return utiliser.sites[pack.serial % len(utiliser.sites)]

    def recycle(self, utiliser: Member, pack: Pack, codes: tuple[str, ...], grams: int, when: int) -> None:
        """Put a pack, or its modules, into the run of the month, some discharged before."""
        key = (month_end(when), self.site_of(utiliser, pack), pack.design.chemistry)
        delay = self.diary.delay(utiliser, when, NEGLIGENT)
        if pack.serial % DISCHARGED == 0:
            about = {**_named(codes), "site": key[1], "batch": _batch(key)}
            self.diary.tell(utiliser, when, "lot_processed", 0.0, process="discharge", **about)
        content, of = self._content(pack), pack.code if pack.modelled else None
        if codes[0] != pack.code:
            content = less(content, case(content))
        self._runs.setdefault(key, []).append(_Taken(codes, of, grams, content, delay))

    def dismantle(self, utiliser: Member, pack: Pack, when: int) -> dict[str, Any]:
        """
        Return what a report of taking a pack apart says of masses and lots.

        Where its modules are not on the record, its cells are a lot, which goes into the run of the month.
        """
        site, content = self.site_of(utiliser, pack), self._content(pack)
        grams = round(pack.design.mass_kg.value * 1_000)
        books = Books(self.diary, self._rng, utiliser, site, when)
        books.into, books.of = grams, pack.code if pack.modelled else None
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
                self._leaching.campaigns(plant)
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
        batch = _batch(key)
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
        if not taken[0].delay:
            books.of = next((one.of for one in taken if one.codes == (one.of,)), None)
        for one in taken:
            books.into += one.grams
            content = plus(content, one.content)
        black = self._separate(plant, books, content)
        about: dict[str, Any] = {"site": plant.site, "batch": batch, "process": "破碎分选 shred and separate"}
        parts = list(_parts(taken))
        for part in parts:
            named = _named([code for one in part for code in one.codes])
            mass: dict[str, Any] = {"mass_kg": sum(one.grams for one in part) / 1_000}
            streams = books.streams() if part is parts[-1] else {}
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
        said = won if plant.leaches else plant.said(powder, won, plant.claimed)
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

    def _pick(self, among: Any) -> Any:
        return among[self._rng.randrange(len(among))]


def _batch(key: _Key) -> str:
    """Return the name of a run."""
    when, site, chemistry = key
    return f"{site}/{stamp(when)[:7]}/{chemistry}"


def _named(codes: Sequence[str]) -> dict[str, Any]:
    """Return the members that name batteries."""
    code, *more = codes
    return {"code": code, "codes": more} if more else {"code": code}


def _parts(taken: list[_Taken]) -> Iterator[list[_Taken]]:
    """Yield what goes into each line of a run."""
    part: list[_Taken] = []
    for one in taken:
        if part and sum(len(each.codes) for each in (*part, one)) > MOST_CODES:
            yield part
            part = []
        part.append(one)
    yield part
