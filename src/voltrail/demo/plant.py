"""A plant of the sample world: how it is run, and what it says."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Final

from voltrail.demo.cast import Member
from voltrail.demo.diary import Diary
from voltrail.demo.matter import Elements, Lot

_CLAIMED: Final = (("Li",), ("Li", "Ni"), ("Li", "Ni", "Co", "Mn"))
_NOISE: Final = 0.002
_EXCESS: Final = (0.12, 0.40)
_EXCESS_OF_MILLS: Final = (0.22, 0.40)  # what a pack holds is known less well than what a lot does


class Plant:
    """
    One site: whether it leaches, how well it is run, and what it claims.

    `excess` is how much more of the elements in `claimed` comes out than went in, by its papers. That is
    `hidden` in an assay, or in mass that went in as reagent, or as the moisture of what it calls dry.
    """

    def __init__(self, diary: Diary, member: Member, site: str, rng: random.Random) -> None:
        self.member, self.site, self.rng = member, site, rng
        self.leaches = site != member.sites[-1]
        self.handling = diary.conduct.handling(site)
        self.hidden = rng.choice(("assay", "reagent" if self.leaches else "moisture"))
        self.claimed = rng.choice(_CLAIMED)
        self.excess = rng.uniform(*(_EXCESS if self.leaches else _EXCESS_OF_MILLS))
        self.has_claimed = False
        self.campaigns = 0
        self.stock: list[tuple[str, Lot]] = []  # black mass that waits, with its chemistry

    def wins(self, good: float, poor: tuple[float, float]) -> float:
        """Return which share of something a step wins, now."""
        drawn, noise = self.rng.uniform(*poor), self.rng.gauss(0, _NOISE)
        return drawn if self.handling == "poor" else good + max(-2 * _NOISE, min(2 * _NOISE, noise))

    def said(self, feed: Elements, won: Elements, elements: Iterable[str]) -> Elements:
        """Return what the papers say was won: as it was, or more of some elements than went in."""
        if self.handling != "claims":
            return won
        self.has_claimed = True
        more = {name: feed[name] * (1 + self.excess) for name in elements if name in won and name in feed}
        return {**won, **more}
