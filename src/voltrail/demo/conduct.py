"""
How the organisations of a sample world behave: as it shows most, without a fault, within the law, or not.

Who breaks the law is drawn from the seed, apart from all other draws. Nobody but the test of the detection is
told.
"""

from __future__ import annotations

import random
from typing import Final, Literal

from voltrail.demo.cast import Cast, Member

Manner = Literal["sample", "faultless", "lawful", "offenders"]
Handling = Literal["honest", "poor", "claims"]
Offence = Literal["late", "silent", "nowhere", "leaves", "inflates", "copies"]

MONTH: Final = 2_629_746
SHARE: Final = 0.9  # of the occasions that offenders take
COPIED: Final = 0.6  # of what a maker makes, by one that uses codes twice
_PLANTED: Final = 0.8  # how likely each offence is in a world
_SINCE: Final = (38, 46)  # months before the end of the world
_FALLS_SILENT: Final = (18, 30)
_BREACHES: Final = frozenset({"dealer", "bicycle"})
_UNTOLD: Final = frozenset({"untold_receipt", "scrapped_untold", "mistaken", "vanished"})
# What each offence shows as.
_SHOWS: Final[dict[Offence, str]] = {
    "late": "late",
    "silent": "not_received",
    "nowhere": "nowhere",
    "leaves": "scrapped_without",
    "inflates": "mass_above",
    "copies": "two_places",
}


class Conduct:
    """
    How everybody behaves in one world.

    `sample` has reports that come late, steps left untold and a few breaches, by anybody. `lawful` has no
    breaches, `faultless` nothing of all that. In `offenders` everybody is lawful but a few, from some day on.
    """

    def __init__(self, manner: Manner, cast: Cast, seed: int, until: int) -> None:
        self.manner = manner
        self._rng = random.Random(f"conduct/{seed}")
        self._planted = _plant(self._rng, cast, until) if manner == "offenders" else {}
        self._handlings = _handlings(manner, cast, random.Random(f"handling/{seed}"))

    @property
    def planted(self) -> frozenset[tuple[str, str]]:
        """Who breaks the law, and as what kind of case that shows: for the test of the detection alone."""
        return frozenset((_SHOWS[what], member.identifier) for what, (member, _) in self._planted.items())

    def lateness(self, reporter: Member, when: int, share: float) -> float:
        """Return which share of an organisation's reports arrives months late."""
        if self.manner == "faultless":
            return 0.0
        return SHARE if share and self._is("late", reporter, when) else share

    def is_silent(self, reporter: Member, when: int) -> bool:
        """Return whether an organisation does not report any more."""
        return self._is("silent", reporter, when)

    def takes(self, offence: Offence, member: Member, when: int) -> bool:
        """Return whether an organisation commits an offence on this occasion."""
        return self._is(offence, member, when) and self._rng.random() < (
            COPIED if offence == "copies" else SHARE
        )

    def weights(self, **weights: int) -> dict[str, int]:
        """Return how often each thing happens here, of those with weights."""
        left: frozenset[str] = frozenset()
        if self.manner != "sample":
            left |= _BREACHES
        if self.manner == "faultless":
            left |= _UNTOLD
        return {name: 0 if name in left else weight for name, weight in weights.items()}

    def handling(self, site: str) -> Handling:
        """Return how a plant is run: well, poorly, or as one that claims more metal than came in."""
        return self._handlings.get(site, "honest")

    @property
    def errs(self) -> bool:
        """Whether things are told wrongly now and then, or not at all."""
        return self.manner != "faultless"

    def _is(self, offence: Offence, member: Member, when: int) -> bool:
        if offence not in self._planted:
            return False
        offender, since = self._planted[offence]
        return offender is member and when >= since


def _handlings(manner: Manner, cast: Cast, rng: random.Random) -> dict[str, Handling]:
    """Draw which plants are run poorly, and which claim too much; the others are honest."""
    if manner == "faultless":
        return {}
    sites = [site for member in cast.of("utilisation_enterprise") for site in member.sites]
    rng.shuffle(sites)
    claims = 0 if manner == "lawful" else rng.choice((0, 1, 1, 2))
    poor = rng.choice((1, 2))
    drawn: dict[str, Handling] = dict.fromkeys(sites[:claims], "claims")
    return drawn | dict.fromkeys(sites[claims : claims + poor], "poor")


def _plant(rng: random.Random, cast: Cast, until: int) -> dict[Offence, tuple[Member, int]]:
    """Draw who commits what, and since when: each somebody else."""
    utilisers = rng.sample(cast.of("utilisation_enterprise"), 2)
    outlets = rng.sample(cast.of("collection_outlet"), 2)
    stops = rng.choice((outlets[0], *cast.of("vehicle_maker")[:2]))
    who: dict[Offence, Member] = {
        "late": utilisers[0],
        "silent": stops,
        "nowhere": outlets[1],
        "leaves": cast.one("vehicle_dismantler"),
        "inflates": utilisers[1],
        "copies": rng.choice(cast.of("battery_maker")),
    }
    chosen = [what for what in who if rng.random() < _PLANTED] or ["nowhere"]
    spans = {what: _FALLS_SILENT if what == "silent" else _SINCE for what in who}
    return {what: (who[what], until - rng.randrange(*spans[what]) * MONTH) for what in who if what in chosen}
