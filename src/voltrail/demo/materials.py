"""
Where recovered metal goes: cathode material at the supplier, cells and packs at battery makers.

One of the supplier's sites keeps recycled material apart (segregation), the other reckons it by mass balance.
What is lacking is bought: primary lots join the record too.
"""

from __future__ import annotations

import random
from typing import Final

from voltrail.demo.books import Books, half_year_end
from voltrail.demo.cast import Member
from voltrail.demo.diary import DAY, Diary, moment
from voltrail.demo.matter import CATHODES, PURE, Elements, Lot, times
from voltrail.demo.packs import Pack

_KEPT_FROM: Final = moment(2022)
_KEPT: Final = 2  # packs of a maker, a chemistry and a month whose making is told in this
_MOST_SPENT: Final = 12  # packs for which one lot of cells is spent
_CELLS_SHARE: Final = 0.6  # of a pack's mass
_LASTS: Final = 0.988  # of each element, from salts to cathode material and from that to cells
_FOILS: Final = (("graphite", 0.55), ("copper", 0.28), ("aluminium", 0.16))
"""What goes into cells beside cathode material, by the mass of that."""
_LEAST_GRAMS: Final = 20_000
_RECKONED: Final = 0.9  # of what may count as recycled, by who reckons it by mass balance


class Materials:
    """Takes the products of plants, and tells what is made of them."""

    def __init__(self, diary: Diary, rng: random.Random) -> None:
        self._diary, self._rng = diary, rng
        self._supplier = diary.cast.one("supplier")
        self._bought: dict[tuple[int, str, str], list[Lot]] = {}  # the half-year's end, site, chemistry
        self._packs: dict[tuple[int, str], list[tuple[int, str, int]]] = {}  # maker, chemistry
        self._last: dict[tuple[int, str], tuple[int, int]] = {}
        self.shown: dict[str, list[str]] = {}  # stops of the tour

    def see(self, pack: Pack, since: int | None) -> None:
        """Take note of a pack, the next by when it was made, that is on the road for good."""
        if since is None or pack.made < _KEPT_FROM or pack.design.chemistry not in CATHODES:
            return
        key, month = (pack.maker.rank, pack.design.chemistry), pack.made // (30 * DAY)
        before, number = self._last.get(key, (month, 0))
        number = number + 1 if before == month else 1
        self._last[key] = (month, number)
        if number <= _KEPT:
            grams = round(pack.design.mass_kg.value * 1_000 * _CELLS_SHARE)
            self._packs.setdefault(key, []).append((pack.made, pack.code, grams))

    def sold(self, seller: Member, chemistry: str, lot: Lot, when: int) -> None:
        """Tell how a product went to the supplier, if it still did."""
        site = self._supplier.sites[self._rng.randrange(len(self._supplier.sites))]
        if Books(self._diary, self._rng, seller, lot.site, when).move(lot, self._supplier, site, when):
            self._bought.setdefault((half_year_end(when), site, chemistry), []).append(lot)

    def tell(self) -> None:
        """Tell what was made of all that was sold."""
        makers = self._diary.cast.of("battery_maker")
        for number, key in enumerate(sorted(self._bought)):
            end, site, chemistry = key
            when = end + 10 * DAY
            if when + 60 * DAY > self._diary.until:
                continue
            lots = self._bought[key]
            if sum(lot.grams for lot in lots) >= _LEAST_GRAMS:
                maker = makers[number % len(makers)]
                for cathode in self._cathode(site, chemistry, lots, when):
                    self._cells(maker, chemistry, cathode, when + 8 * DAY)

    def _cathode(self, site: str, chemistry: str, lots: list[Lot], when: int) -> list[Lot]:
        """Tell how cathode material was made of recovered lots and of primary ones; return what it gave."""
        shares = CATHODES[chemistry]
        recovered = _sum(lots)
        grams = round(
            max(recovered.get(name, 0.0) * _LASTS / share for name, share in shares.items())
            * self._rng.uniform(1.3, 3.0)
        )
        lacking = {n: share * grams / _LASTS - recovered.get(n, 0.0) for n, share in shares.items()}
        primary = self._primary(site, lacking, when - 5 * DAY)
        books = Books(self._diary, self._rng, self._supplier, site, when)
        content = books.take([*lots, *primary])
        self.shown.setdefault("lot", [lots[0].name])
        if books.of is not None:
            self.shown["lot"] = [next(lot.name for lot in lots if lot.of is not None)]
        made = times({name: content[name] for name in shares}, _LASTS)
        by_balance = site == self._supplier.sites[-1]
        first = round(grams * 0.4)
        parts = [first, grams - first] if by_balance else [grams]
        given = []
        for part in parts:
            recycled = None
            if by_balance:
                whole = part is parts[0]
                recycled = {
                    name: _RECKONED * min(recovered[name], made[name] * part / grams) if whole else 0.0
                    for name in shares
                    if name in recovered
                }
            share = times(made, part / grams)
            given.append(books.give("cathode_material", part, share, recycled=recycled))
        books.lose("gas", round(books.gap * 0.3))
        books.lose("wastewater", books.gap)
        custody = "mass_balance" if by_balance else "segregation"
        books.process("synthesise", custody=custody)
        return given

    def _primary(self, site: str, lacking: Elements, when: int) -> list[Lot]:
        """Tell which primary lots were bought for what is lacking."""
        found = []
        needs = dict(lacking)
        for substance in (
            "lithium_carbonate", "nickel_sulfate", "cobalt_sulfate", "manganese_sulfate", "iron_phosphate",
        ):  # fmt: skip
            pure = PURE[substance]
            name = next(iter(pure))
            grams = round(needs.get(name, 0.0) / pure[name])
            if grams > 0:
                books = Books(self._diary, self._rng, self._supplier, site, when)
                lot = books.create(
                    substance, grams, times(pure, grams), "primary", supplier_name="示例矿业 Sample Mining"
                )
                found += [lot] if lot is not None else []
        return found

    def _cells(self, maker: Member, chemistry: str, cathode: Lot, when: int) -> None:
        """Tell how cathode material went to a battery maker, into cells, and those into packs."""
        books = Books(self._diary, self._rng, self._supplier, cathode.site, when)
        if not books.move(cathode, maker, maker.sites[0], when):
            return
        books = Books(self._diary, self._rng, maker, maker.sites[0], when + 10 * DAY)
        content = times(books.take([cathode]), _LASTS)
        for substance, share in _FOILS:
            grams = round(cathode.grams * share)
            added = times(PURE[substance], grams)
            books.add(substance, grams, added)
            content |= times(added, _LASTS)
        books.add("electrolyte", round(cathode.grams * 0.35))
        books.lose("residue", round(books.gap * 0.02))
        cells = books.give("cells", books.gap, content)
        books.process("make_cells", custody="segregation")
        self._spend(maker, chemistry, cells)

    def _spend(self, maker: Member, chemistry: str, cells: Lot) -> None:
        """Tell which packs were made with the cells of a lot, as long as there are any."""
        packs = self._packs.get((maker.rank, chemistry), [])
        later = [one for one in packs if one[0] > cells.made + DAY][:_MOST_SPENT]
        left = cells.grams
        for one in later:
            made, code, grams = one
            if grams > left:
                break
            left -= grams
            packs.remove(one)
            books = Books(self._diary, self._rng, maker, cells.site, made + 1_800)
            books.tell("credit_spent", code=code, lot=cells.name, mass_kg=grams / 1_000, site=cells.site)
            self.shown.setdefault("content", [code, cells.name])
            if cells.of is not None:
                self.shown |= {"metal": [cells.of], "content": [code, cells.name]}


def _sum(lots: list[Lot]) -> Elements:
    found: Elements = {}
    for lot in lots:
        for name, grams in lot.content.items():
            found[name] = found.get(name, 0.0) + grams
    return found
