"""The sample world: whole lives of invented batteries, from a seed, without a clock."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from voltrail.demo.cast import Cast, Member
from voltrail.demo.delivery import Report, deliver
from voltrail.demo.diary import DAY, Diary, NotYet, Told, moment
from voltrail.demo.ends import Ends
from voltrail.demo.founding import found
from voltrail.demo.lives import Lives
from voltrail.demo.market import LEGACY_SHARE, LFP, NCM, SWAP_SHARE, TRUCK, VEHICLES_SOLD, Design, lfp_share
from voltrail.demo.packs import Pack, Serials, design_pack
from voltrail.demo.rounds import recall, stocktake
from voltrail.demo.swaps import PER_FLEET, Fleet
from voltrail.errors import UsageError
from voltrail.ledger.keys import Signer

UNTIL: Final = datetime(2026, 11, 1, tzinfo=UTC)
_EARLIEST: Final = datetime(2018, 1, 1, tzinfo=UTC)
_TRUCKS_SINCE: Final = 2020


class World:
    """
    The sample world of a seed: the same seed, the same lines, byte for byte.

    `packs` is how many packs it has, `until` when it ends: nothing in it
    happened later. `reports` gives all reports in the order they arrive.
    """

    def __init__(self, packs: int, seed: int, until: datetime = UNTIL) -> None:
        if packs < 1:
            raise UsageError("demo.packs", f"A world of {packs} packs has no lives.", "Ask for one or more.")
        if until < _EARLIEST:
            raise UsageError("demo.until", "The sample world begins in 2017.", "Let it end in 2018 or later.")
        self.packs = packs
        self.seed = seed
        self._cast = Cast(seed)
        self._told = _tell(packs, seed, int(until.timestamp()), self._cast)

    @property
    def authority(self) -> Signer:
        """The key of the sample authority, which the registry must be started with."""
        return self._cast.authority.signer

    @property
    def organisations(self) -> tuple[Member, ...]:
        """Everyone who acts, the authority first."""
        return self._cast.all

    @property
    def lines(self) -> int:
        """How many lines all reports have together."""
        return len(self._told)

    def reports(self, first_index: int = 0) -> Iterator[Report]:
        """
        Yield the reports in the order they arrive.

        Corrections name the index of what they correct: `first_index` is the
        one that the first line gets in the log. The first report corrects nothing.
        """
        return deliver(self._told, self.seed, first_index)


def _tell(packs: int, seed: int, until: int, cast: Cast) -> list[Told]:
    """Return all that happened in a world."""
    rng = random.Random(seed)
    diary, serials = Diary(rng, cast, until), Serials()
    found(diary, cast, seed)
    ends = Ends(diary, serials)
    lives = Lives(diary, serials, ends)
    legacy, trucks = round(packs * LEGACY_SHARE.value), round(packs * SWAP_SHARE.value)
    for pack in _legacy_packs(diary, serials, legacy):
        with suppress(NotYet):
            lives.legacy(pack)
    new = list(_new_packs(diary, serials, packs - legacy - trucks))
    for pack in new:
        with suppress(NotYet):
            lives.car(pack)
    _run_fleets(diary, serials, ends, trucks)
    recall(diary, new)
    stocktake(diary, ends.stays, lives.living)
    return diary.told


def _run_fleets(diary: Diary, serials: Serials, ends: Ends, trucks: int) -> None:
    """Tell of the fleets, each with packs of about the same age."""
    packs = _truck_packs(diary, serials, trucks)
    operators = diary.cast.of("swap_operator")
    for number, fleet in enumerate(iter(lambda: list(islice(packs, PER_FLEET)), [])):
        Fleet(diary, ends, operators[number % len(operators)], fleet, number // len(operators)).run()


def _legacy_packs(diary: Diary, serials: Serials, number: int) -> Iterator[Pack]:
    """Yield packs made before the record began."""
    for _ in range(number):
        made = moment(2014) + diary.some(0, 1_000)
        yield _pack(diary, serials, made, diary.pick((LFP, NCM)))


def _new_packs(diary: Diary, serials: Serials, number: int) -> Iterator[Pack]:
    """Yield packs for cars, in the order they were made: as many each year as the market had its share."""
    for made in _made(diary, number, min(VEHICLES_SOLD)):
        year = datetime.fromtimestamp(made, UTC).year
        yield _pack(diary, serials, made, LFP if diary.rng.random() < lfp_share(year) else NCM)


def _truck_packs(diary: Diary, serials: Serials, number: int) -> Iterator[Pack]:
    """Yield packs for trucks, in the order they were made."""
    for made in _made(diary, number, _TRUCKS_SINCE):
        yield _pack(diary, serials, made, TRUCK)


def _pack(diary: Diary, serials: Serials, made: int, design: Design) -> Pack:
    maker = diary.pick(diary.cast.of("battery_maker"))
    return design_pack(maker, design, made, serials.next())


def _made(diary: Diary, number: int, since: int) -> list[int]:
    """Return when so many packs were made, sorted: years in proportion to vehicles sold."""
    spans, weights = [], []
    for year, sold in VEHICLES_SOLD.items():
        begin, end = moment(year), min(moment(year + 1), diary.until)
        if year < since or begin >= end - 10 * DAY:
            continue
        spans.append((begin + 5 * DAY, end))
        weights.append(sold.value * (end - begin) / (moment(year + 1) - begin))
    chosen = diary.rng.choices(spans, weights, k=number) if spans else []
    return sorted(diary.rng.randrange(*span) for span in chosen)
