"""The sample world: whole lives of invented batteries, from a seed, without a clock."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from voltrail.demo.cast import Cast, Member
from voltrail.demo.conduct import Conduct, Manner
from voltrail.demo.delivery import Report, deliver
from voltrail.demo.diary import DAY, Diary, Life, moment
from voltrail.demo.ends import Ends
from voltrail.demo.founding import found
from voltrail.demo.lives import Lives
from voltrail.demo.market import (
    LEGACY_SHARE,
    LFP,
    LFP_CITY,
    NCM,
    NCM_LONG,
    OTHER_SIZE_SHARE,
    SODIUM,
    SODIUM_SHARE,
    SODIUM_SINCE,
    SWAP_SHARE,
    TRUCK,
    VEHICLES_SOLD,
    Design,
    lfp_share,
)
from voltrail.demo.packs import Pack, Serials, design_pack
from voltrail.demo.pilot import PilotLine
from voltrail.demo.plants import Plants
from voltrail.demo.rounds import Recalls, Stocktakings
from voltrail.demo.spool import Spool
from voltrail.demo.swaps import PER_FLEET, Fleet
from voltrail.demo.tour import Tour
from voltrail.errors import UsageError
from voltrail.ledger.keys import Signer

UNTIL: Final = datetime(2026, 11, 1, tzinfo=UTC)
_EARLIEST: Final = datetime(2018, 1, 1, tzinfo=UTC)
_TRUCKS_SINCE: Final = 2020
_TICK: Final = 100  # packs from one word of progress to the next

Progress = Callable[[int, int], None]


class World:
    """
    The sample world of a seed: the same seed, the same lines, byte for byte.

    `packs` is how many packs it has, `until` when it ends: nothing in it
    happened later. `reports` gives all reports in the order they arrive.
    `progress` is told packs done and packs in all while their lives are told. `manner` is how its
    organisations behave: see `conduct`.
    """

    def __init__(
        self,
        packs: int,
        seed: int,
        until: datetime = UNTIL,
        progress: Progress | None = None,
        manner: Manner = "sample",
    ) -> None:
        if packs < 1:
            raise UsageError("demo.packs", f"A world of {packs} packs has no lives.", "Ask for one or more.")
        if until < _EARLIEST:
            raise UsageError("demo.until", "The sample world begins in 2017.", "Let it end in 2018 or later.")
        self.packs = packs
        self.seed = seed
        self._cast = Cast(seed)
        self._until = int(until.timestamp())
        self._spool, self._tour = Spool(), Tour()
        self._conduct = Conduct(manner, self._cast, seed, self._until)
        self._diary = Diary(random.Random(seed), self._cast, self._until, self._conduct, self._keep)
        plants = _tell(self._diary, packs, seed, progress)
        pilot = PilotLine(self._diary, seed)
        pilot.tell(packs)
        self._claiming, self._shown = plants.claiming, plants.shown | pilot.shown

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
        return self._spool.lines

    @property
    def tour(self) -> dict[str, list[str]]:
        """The stops of the guided tour, each with the codes of its batteries, its lots or its plant."""
        return self._tour.stops | self._shown

    @property
    def planted(self) -> frozenset[tuple[str, str]]:
        """
        Who breaks the law here, by kind of case and organisation: read by the test of the detection alone.
        """
        return self._conduct.planted

    @property
    def claiming(self) -> frozenset[str]:
        """At which sites more metal is claimed than came in: read by the test of the balance alone."""
        return self._claiming

    @property
    def meant(self) -> frozenset[tuple[str, str]]:
        """The findings that the record is meant to show once all is told: rule and battery."""
        return frozenset(self._diary.meant)

    @property
    def mended(self) -> frozenset[tuple[str, str]]:
        """The findings that the record is meant to show until they are corrected."""
        return frozenset(self._diary.mended)

    @property
    def delayed(self) -> frozenset[str]:
        """The batteries of which something is reported months late, so that what follows it finds a gap."""
        return frozenset(self._diary.delayed)

    def reports(self, first_index: int = 0) -> Iterator[Report]:
        """
        Yield the reports in the order they arrive.

        Corrections name the index of what they correct: `first_index` is the
        one that the first line gets in the log. The first report corrects nothing.
        """
        return deliver(self._spool, self._cast, self._until, self.seed, first_index)

    def _keep(self, life: Life) -> None:
        self._tour.see(life)
        for told in life.told:
            self._spool.put(told)


def _tell(diary: Diary, packs: int, seed: int, progress: Progress | None) -> Plants:
    """Tell all that happens in a world, that of the plants last."""
    serials, stocktakings, recalls = Serials(), Stocktakings(diary), Recalls(diary)
    plants = Plants(diary, seed)
    with diary.life():
        found(diary, diary.cast, seed)
    ends = Ends(diary, serials, stocktakings, plants)
    lives = Lives(diary, serials, ends, stocktakings)
    legacy, trucks = round(packs * LEGACY_SHARE.value), round(packs * SWAP_SHARE.value)
    done = 0
    for pack in _legacy_packs(diary, serials, legacy):
        with diary.life():
            lives.legacy(pack)
        done = _tick(progress, done + 1, packs)
    for pack in _new_packs(diary, serials, packs - legacy - trucks):
        since = None
        with diary.life():
            since = lives.car(pack)
        with diary.life():
            lives.copied(pack)
        recalls.see(pack, since)
        plants.materials.see(pack, since)
        done = _tick(progress, done + 1, packs)
    for fleet in _fleets(diary, serials, ends, trucks):
        with diary.life():
            fleet.run()
        recalls.see_fleet(fleet)
        done = _tick(progress, done + len(fleet.packs), packs)
    stocktakings.tell()
    plants.tell(packs)
    return plants


def _tick(progress: Progress | None, done: int, packs: int) -> int:
    """Tell how far it is, now and then; return how far."""
    if progress is not None and (done % _TICK == 0 or done == packs):
        progress(done, packs)
    return done


def _fleets(diary: Diary, serials: Serials, ends: Ends, trucks: int) -> Iterator[Fleet]:
    """Yield the fleets, each with packs of about the same age."""
    packs = _truck_packs(diary, serials, trucks)
    operators = diary.cast.of("swap_operator")
    for number, fleet in enumerate(iter(lambda: list(islice(packs, PER_FLEET)), [])):
        operator = operators[number % len(operators)]
        yield Fleet(diary, ends, operator, fleet, number // len(operators), is_recalled=number == 0)


def _legacy_packs(diary: Diary, serials: Serials, number: int) -> Iterator[Pack]:
    """Yield packs made before the record began."""
    for _ in range(number):
        made = moment(2014) + diary.some(0, 1_000)
        yield _pack(diary, serials, made, diary.pick((LFP, NCM)))


def _new_packs(diary: Diary, serials: Serials, number: int) -> Iterator[Pack]:
    """Yield packs for cars, in the order they were made: as many each year as the market had its share."""
    for made in _made(diary, number, min(VEHICLES_SOLD)):
        year = datetime.fromtimestamp(made, UTC).year
        yield _pack(diary, serials, made, _design(diary.rng, year))


def _design(rng: random.Random, year: int) -> Design:
    """Return what a pack of a year is like."""
    if year >= SODIUM_SINCE and rng.random() < SODIUM_SHARE.value:
        return SODIUM
    iron, other = rng.random() < lfp_share(year), rng.random() < OTHER_SIZE_SHARE.value
    if iron:
        return LFP_CITY if other else LFP
    return NCM_LONG if other else NCM


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
