"""What the sample world's swap stations say of themselves: invented, and no part of the record."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import msgspec

from voltrail.demo.founding import STATION_CHARGERS, STATION_SLOTS
from voltrail.registry.registry import Registry
from voltrail.registry.station_words import PackWord, Word


def say_states(registry: Registry, now: datetime) -> None:
    """Let each station say how it stands: seven of ten packs are full, the others will be within the hour."""
    while registry.stations.follow():
        pass
    for here in registry.stations.all():
        site = here.station.site
        rng = random.Random(site)
        packs = {
            pack.code: _word(rng, number, now) for number, pack in enumerate(here.packs[:STATION_SLOTS], 1)
        }
        word = Word(at=now, queue=rng.choice((0, 0, 0, 1, 2)), packs=packs)
        registry.stations.say(site, here.station.operator, "sample", msgspec.json.encode(word), now)


def _word(rng: random.Random, slot: int, now: datetime) -> PackWord:
    if rng.random() < 0.7:
        return PackWord(charge=1.0, ready_at=now, slot=slot)
    missing = rng.uniform(0.1, 0.9)
    charger = slot if slot <= STATION_CHARGERS else None
    ready = now + timedelta(minutes=60 * missing)
    return PackWord(charge=round(1 - missing, 3), ready_at=ready, slot=slot, charger=charger)
