"""What concerns many batteries at once: recalls by makers, stocktakings by keepers."""

from __future__ import annotations

from typing import Final

from voltrail.demo.diary import DAY, Diary, moment
from voltrail.demo.ends import Stay
from voltrail.demo.packs import Pack

RECALL_EVERY: Final = 600  # packs in the world for one recall
RECALL_SIZE: Final = 40
STRAYS: Final = 3


def recall(diary: Diary, packs: list[Pack]) -> None:
    """Tell of recalls: packs of one maker and a few months, all on the road by then."""
    recent = diary.until - 210 * DAY
    for number in range(1 + len(packs) // RECALL_EVERY):
        maker = diary.pick(diary.cast.of("battery_maker"))
        made = sorted((pack.made, pack.code) for pack in packs if pack.maker is maker and pack.made < recent)
        first = diary.rng.randrange(max(1, len(made) - RECALL_SIZE))
        chosen = made[first : first + RECALL_SIZE]
        if not chosen:
            continue
        when = chosen[-1][0] + diary.some(90, 200)
        codes = [code for _, code in chosen]
        diary.tell(
            maker,
            when,
            "recalled",
            late=0.0,
            code=codes[0],
            codes=codes[1:],
            campaign=f"SAMPLE-RECALL-{number + 1}",
            risk="示例 sample: a seam may leak",
        )


def stocktake(diary: Diary, stays: list[Stay], living: list[tuple[str, int]]) -> None:
    """Tell of stocktakings, half-yearly; a few count a battery that the record has in a car."""
    strays = living[:: max(1, len(living) // STRAYS)][:STRAYS]
    last = int((diary.until - moment(2017)) // (182 * DAY))
    for number in range(1, last + 1):
        when = moment(2017) + number * 182 * DAY
        for keeper in diary.cast.of("utilisation_enterprise"):
            codes = [
                stay.code
                for stay in stays
                if stay.keeper is keeper and stay.since + 5 * DAY < when < stay.until - DAY
            ]
            if codes and strays and strays[-1][1] < when:
                codes.append(strays.pop()[0])
            if codes:
                site = keeper.sites[0]
                diary.tell(keeper, when, "stocktaken", late=0.0, site=site, codes=codes)
