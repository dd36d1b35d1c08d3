"""What concerns many batteries at once: recalls by makers, stocktakings by keepers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from voltrail.demo.cast import Member
from voltrail.demo.diary import DAY, Diary, moment
from voltrail.demo.packs import Pack

if TYPE_CHECKING:
    from voltrail.demo.swaps import Fleet  # which has ends, which have stocktakings

_RECALL_EVERY: Final = 600  # packs in the world for one recall
_RECALL_FIRST: Final = 60
_RECALL_SIZE: Final = 40
_FLEET_AGE: Final = 200 * DAY
FLEET_CAMPAIGN: Final = "SAMPLE-RECALL-TRUCKS"
RISK: Final = "示例 sample: a seam may leak"

_SINCE: Final = moment(2017)
_APART: Final = 182 * DAY
_STRAY_EVERY: Final = 400  # packs that live on for one that is counted where it is not
_STRAY_FIRST: Final = 50
_STRAY_AGE: Final = 30 * DAY


class Recalls:
    """
    Tells of recalls, and of the work that some batteries had for them.

    Those of cars: the packs that one maker made last, all on the road by then. One of trucks: the packs of
    one maker in the first fleet.
    """

    def __init__(self, diary: Diary) -> None:
        self._diary = diary
        self._packs, self._recalls = 0, 0
        self._last: dict[int, deque[tuple[str, int | None]]] = {}

    def see(self, pack: Pack, since: int | None) -> None:
        """Take note of a pack, the next by when it was made; `since` when it is on the road for good."""
        self._packs += 1
        mine = self._last.setdefault(pack.maker.rank, deque(maxlen=_RECALL_SIZE))
        mine.append((pack.code, since))
        if self._packs % _RECALL_EVERY == _RECALL_FIRST:
            self._recalls += 1
            when = pack.made + self._diary.some(90, 200)
            on_the_road = [code for code, since in mine if since is not None and since < when]
            with self._diary.life():
                campaign = f"SAMPLE-RECALL-{self._recalls}"
                self._recall(campaign, pack.maker, when, [code for code, _ in mine])
                self._work(campaign, self._diary.cast.of("repair_enterprise"), when, on_the_road[::2])

    def see_fleet(self, fleet: Fleet) -> None:
        """Take note of a fleet, when its life is told."""
        if not fleet.is_recalled:
            return
        maker, when, codes = recalled_in(fleet)
        if codes:
            with self._diary.life():
                self._recall(FLEET_CAMPAIGN, maker, when, codes)
                self._work(FLEET_CAMPAIGN, (fleet.operator,), when, codes[: len(codes) // 3])

    def _recall(self, campaign: str, maker: Member, when: int, codes: list[str]) -> None:
        about = {"code": codes[0], "codes": codes[1:], "campaign": campaign, "risk": RISK}
        self._diary.tell(maker, when, "recalled", late=0.0, **about)

    def _work(self, campaign: str, workers: Sequence[Member], when: int, codes: list[str]) -> None:
        """Tell of the work, battery by battery, a few days apart."""
        for number, code in enumerate(codes):
            by, at = workers[number % len(workers)], when + worked_on_after(number)
            about = {"code": code, "work": "密封圈更换 seal replaced", "campaign": campaign}
            self._diary.tell(by, at, "serviced", late=0.0, **about)


def recalled_in(fleet: Fleet) -> tuple[Member, int, list[str]]:
    """Return which packs of a fleet are recalled, by whom and when; the first third will be worked on."""
    maker = fleet.packs[0].maker
    when = max(pack.made for pack in fleet.packs) + _FLEET_AGE
    packs = [pack for pack in fleet.packs if pack.maker is maker and fleet.has(pack, when + _FLEET_AGE)]
    return maker, when, [pack.code for pack in packs]


def barred_in(fleet: Fleet) -> dict[str, tuple[int, float]]:
    """Return from when until when packs of a fleet must not be put in: recalled and not repaired."""
    _, when, codes = recalled_in(fleet)
    done = len(codes) // 3
    return {
        code: (when, when + worked_on_after(number) if number < done else math.inf)
        for number, code in enumerate(codes)
    }


def worked_on_after(number: int) -> int:
    """Return how long after a recall the so-manyth battery has had its work."""
    return (7 + 3 * number) * DAY


class Stocktakings:
    """Tells of half-yearly stocktakings; a few count a battery that the record has in a car."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary
        self._shelves: dict[tuple[int, int], list[str]] = {}
        self._living = 0
        self._strays: list[tuple[int, str]] = []

    def keep(self, keeper: Member, code: str, since: int, until: int) -> None:
        """Take note of a battery on a keeper's shelf."""
        for number in range((since + 5 * DAY - _SINCE) // _APART + 1, (until - DAY - _SINCE) // _APART + 1):
            self._shelves.setdefault((number, keeper.rank), []).append(code)

    def live_on(self, code: str, since: int) -> None:
        """Take note of a battery that is in a car from some time to the end of the world."""
        self._living += 1
        if self._diary.conduct.errs and self._living % _STRAY_EVERY == _STRAY_FIRST:
            self._strays.append((since, code))

    def tell(self) -> None:
        """Tell of all stocktakings, once everything else has been told."""
        strays = iter(sorted(self._strays))
        stray = next(strays, None)
        for number, rank in sorted(self._shelves):
            keeper, when = self._diary.cast.all[rank], _SINCE + number * _APART
            codes = self._shelves[number, rank]
            counted, stray = (stray, next(strays, None)) if _is_on_the_road(stray, when) else (None, stray)
            with self._diary.life():
                extra = [counted[1]] if counted is not None else []
                site = keeper.sites[0]
                self._diary.tell(keeper, when, "stocktaken", late=0.0, site=site, codes=[*codes, *extra])
                for code in extra:
                    self._diary.mean("lifecycle.stock_differs", code)


def _is_on_the_road(stray: tuple[int, str] | None, when: int) -> bool:
    return stray is not None and stray[0] + _STRAY_AGE < when
