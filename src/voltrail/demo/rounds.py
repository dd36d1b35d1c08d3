"""What concerns many batteries at once: recalls by makers, stocktakings by keepers."""

from __future__ import annotations

from collections import deque
from typing import Final

from voltrail.demo.cast import Member
from voltrail.demo.diary import DAY, Diary, moment
from voltrail.demo.packs import Pack

_RECALL_EVERY: Final = 600  # packs in the world for one recall
_RECALL_FIRST: Final = 60
_RECALL_SIZE: Final = 40

_SINCE: Final = moment(2017)
_APART: Final = 182 * DAY
_STRAY_EVERY: Final = 400  # packs that live on for one that is counted where it is not
_STRAY_FIRST: Final = 50
_STRAY_AGE: Final = 30 * DAY


class Recalls:
    """Tells of recalls: the packs that one maker made last, all on the road by then."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary
        self._packs, self._recalls = 0, 0
        self._last: dict[int, deque[str]] = {}

    def see(self, pack: Pack) -> None:
        """Take note of a pack, the next by when it was made."""
        self._packs += 1
        mine = self._last.setdefault(pack.maker.rank, deque(maxlen=_RECALL_SIZE))
        mine.append(pack.code)
        if self._packs % _RECALL_EVERY == _RECALL_FIRST:
            with self._diary.life():
                self._recall(pack, list(mine))

    def _recall(self, pack: Pack, codes: list[str]) -> None:
        self._recalls += 1
        when = pack.made + self._diary.some(90, 200)
        self._diary.tell(
            pack.maker,
            when,
            "recalled",
            late=0.0,
            code=codes[0],
            codes=codes[1:],
            campaign=f"SAMPLE-RECALL-{self._recalls}",
            risk="示例 sample: a seam may leak",
        )


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
        if self._living % _STRAY_EVERY == _STRAY_FIRST:
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
