"""
Lines that leach black mass: solutions, salts of nickel, cobalt and manganese, lithium carbonate, graphite.

Each campaign takes a quarter's black mass of one chemistry. A good line wins what the norm asks for or more.
"""

from __future__ import annotations

import random
from typing import Final

from voltrail.demo.books import Books, quarter_end, quarter_of
from voltrail.demo.diary import DAY, Diary
from voltrail.demo.materials import Materials
from voltrail.demo.matter import CATHODES, FE_PER_P, PURE, Elements, Lot, less, times
from voltrail.demo.plant import Plant

_LEAST_POWDER: Final = 50_000  # grams for which a line is started
_SALTS: Final = {"Ni": "nickel_sulfate", "Co": "cobalt_sulfate", "Mn": "manganese_sulfate"}
_SOLVED: Final = {"Li": (0.966, (0.78, 0.88)), **dict.fromkeys(_SALTS, (0.9945, (0.93, 0.97)))}
"""What leaching wins of each: at a good line, at a poor one."""


class Leaching:
    """Tells of the campaigns of all lines."""

    def __init__(self, diary: Diary, rng: random.Random, materials: Materials) -> None:
        self._diary, self._rng, self._materials = diary, rng, materials

    def campaigns(self, plant: Plant) -> None:
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
                if end + 12 * DAY > self._diary.until:
                    break
                plant.campaigns += 1
                self._leach(plant, chemistry, now, end)

    def _leach(self, plant: Plant, chemistry: str, lots: list[Lot], end: int) -> None:
        """Tell of one campaign: blended, leached, precipitated, refined; and what was sold."""
        batch = f"{plant.site}/{quarter_of(end)}/{chemistry}"
        when = end + DAY
        if len(lots) > 1:
            lots = [self._blended(plant, batch, lots, when)]
        books = Books(self._diary, self._rng, plant.member, plant.site, when + DAY)
        feed = books.take(lots)
        books.add("reagent", round(books.into * 1.3))
        books.add("water", books.into * 2)
        solved = {name: feed[name] * plant.wins(*wins) for name, wins in _SOLVED.items() if name in feed}
        left, products = less(feed, solved), []
        if chemistry == "LFP":
            part = times({"Fe": feed["P"] * FE_PER_P, "P": feed["P"]}, plant.wins(0.985, (0.85, 0.93)))
            grams = round(part["P"] / PURE["iron_phosphate"]["P"])
            products.append(books.give("iron_phosphate", grams, part))
            left = less(left, part)
        carbon = {"C": feed["C"] * plant.wins(0.97, (0.8, 0.9))}
        books.give("graphite", round(carbon["C"] / PURE["graphite"]["C"]), carbon)
        left = less(left, carbon)
        books.give("residue", round(sum(left.values()) * 1.35), left, waste=True)
        solution = books.give("solution", books.gap, solved)
        books.process("leach", batch=batch)
        if chemistry == "NCM":
            solution, salts = self._precipitated(plant, batch, feed, solution, when + 3 * DAY)
            products += salts
        carbonate = self._refined(plant, batch, feed, solution, when + 6 * DAY)
        products.append(
            self._split(plant, carbonate, when + 7 * DAY) if plant.campaigns % 3 == 0 else carbonate
        )
        for lot in products:
            self._materials.sold(plant.member, chemistry, lot, when + 10 * DAY)

    def _blended(self, plant: Plant, batch: str, lots: list[Lot], when: int) -> Lot:
        """Tell how lots of black mass were made one."""
        books = Books(self._diary, self._rng, plant.member, plant.site, when)
        content = books.take(lots)
        moisture = round(1 - sum(lot.dry_grams for lot in lots) / books.into, 4)
        blend = books.give("black_mass", books.gap, content, moisture=moisture)
        books.process("blend", batch=batch)
        return blend

    def _precipitated(
        self, plant: Plant, batch: str, feed: Elements, solution: Lot, when: int
    ) -> tuple[Lot, list[Lot]]:
        """Tell how the salts of nickel, cobalt and manganese were won; return what is left, and them."""
        books = Books(self._diary, self._rng, plant.member, plant.site, when)
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
        books.process("precipitate", batch=batch)
        return rest, salts

    def _refined(self, plant: Plant, batch: str, feed: Elements, solution: Lot, when: int) -> Lot:
        """Tell how lithium carbonate was won."""
        books = Books(self._diary, self._rng, plant.member, plant.site, when)
        solved = books.take([solution])
        won = {"Li": solved["Li"] * plant.wins(0.957, (0.77, 0.9))}
        said = plant.said(feed, won, plant.claimed)
        weighed = (said if plant.hidden == "reagent" else won)["Li"]
        grams, true = (round(li / PURE["lithium_carbonate"]["Li"]) for li in (weighed, won["Li"]))
        books.add("reagent", round(true * 1.45) + grams - true)
        carbonate = books.give("lithium_carbonate", grams, said)
        books.lose("wastewater", books.gap, {"Li": solved["Li"] - won["Li"]})
        books.process("refine", batch=batch)
        return carbonate

    def _split(self, plant: Plant, lot: Lot, when: int) -> Lot:
        """Tell how a lot was divided; return the part that is for sale."""
        books = Books(self._diary, self._rng, plant.member, plant.site, when)
        content = books.take([lot])
        share = self._rng.uniform(0.5, 0.8)
        part = round(lot.grams * share)
        sold = books.give(lot.substance, part, times(content, part / lot.grams))
        books.give(lot.substance, books.gap, times(content, 1 - part / lot.grams))
        books.process("split")
        return sold
