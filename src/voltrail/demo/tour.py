"""
The guided tour: which batteries of a sample world show best what a record is for.

They are chosen while their lives are told, from what is told. `write_tale` leaves
them in the data folder, where the front page looks for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from voltrail.demo.diary import YEAR, Life, Told

TOUR_FILE: Final = "tour.json"

_LONG: Final = frozenset({"manufactured", "sold", "retired", "repurposed", "removed", "recycled"})
_NO_MORE: Final = frozenset(
    {"destroyed", "vehicle_exported", "exported", "vehicle_scrapped", "retired", "lost"}
)
_YEARS_DRIVEN: Final = 3  # at least, by a pack to follow
_MOST_EVENTS: Final = 60  # of a pack on the tour: a page that one can take in

Candidate = tuple[int, list[str]]


class Tour:
    """Sees every life and keeps, for each stop, the batteries that show it best; the first of equals."""

    def __init__(self) -> None:
        self._best: dict[str, Candidate] = {}

    @property
    def stops(self) -> dict[str, list[str]]:
        """The stops that this world has, in order, each with the codes of its batteries."""
        return {name: self._best[name][1] for name in _CHOICES if name in self._best}

    def see(self, life: Life) -> None:
        """Hold a life against the best so far; one with late reports tells another story."""
        kinds = Counter(told.kind for told in life.told)
        if not kinds["swapped"] and any(told.delayed for told in life.told):
            return
        for name, choose in _CHOICES.items():
            found = choose(life, kinds)
            if found is not None and found[0] > self._best.get(name, (0, []))[0]:
                self._best[name] = found


class Tale(msgspec.Struct, frozen=True):
    """Which world a data folder holds, and the stops of its tour."""

    packs: int
    seed: int
    stops: dict[str, list[str]]


def write_tale(folder: Path, tale: Tale) -> None:
    """Leave word in the data folder that all of a world is there, for the front page and the next start."""
    (folder / TOUR_FILE).write_bytes(msgspec.json.encode(tale))


def read_tale(folder: Path) -> Tale | None:
    """Return which world has been reported to a data folder, None while there is no whole one."""
    try:
        return msgspec.json.decode((folder / TOUR_FILE).read_bytes(), type=Tale)
    except (OSError, msgspec.DecodeError):
        return None


def _life(life: Life, kinds: Counter[str]) -> Candidate | None:
    """A pack that was made, driven, retired, used again in a storage system, and recycled."""
    if life.meant or not kinds.keys() >= _LONG or kinds["swapped"]:
        return None
    if _first(life, "retired").arrives - _first(life, "sold").arrives < _YEARS_DRIVEN * YEAR:
        return None
    new = _first(life, "repurposed").members["into"]
    return len(life.told), [_pack(life), *new]


def _vanished(life: Life, kinds: Counter[str]) -> Candidate | None:
    """A pack that nobody saw leave its scrapped car, and that came up without a label."""
    if not kinds["identified"] or not kinds["vehicle_scrapped"]:
        return None
    identified = _first(life, "identified").members
    return 10 * bool(kinds["recycled"]) + len(life.told), [identified["right"], identified["code"]]


def _verify(life: Life, kinds: Counter[str]) -> Candidate | None:
    """A pack on the road, of which several organisations have told."""
    if life.meant or not kinds["sold"] or kinds.keys() & _NO_MORE or kinds["corrected"] or kinds["swapped"]:
        return None
    if len(life.told) > _MOST_EVENTS:
        return None
    return 10 * len({told.reporter.rank for told in life.told}) + len(life.told), [_pack(life)]


def _correction(life: Life, kinds: Counter[str]) -> Candidate | None:
    """A pack on the road with a line that another line has replaced."""
    replaced = any(told.corrects is not None and "line" in told.members for told in life.told)
    if not replaced or life.meant or kinds.keys() & _NO_MORE:
        return None
    return len(life.told), [_pack(life)]


def _swapped(life: Life, kinds: Counter[str]) -> Candidate | None:
    """A truck pack with many exchanges, as far as its page shows them all, that is on a truck now."""
    if not kinds["swapped"]:
        return None
    mine: dict[str, list[Told]] = {}
    for told in life.told:
        for code in told.codes:
            mine.setdefault(code, []).append(told)
    best, astray = None, {code for _, code in life.meant}
    for code, events in mine.items():
        if code in astray or len(events) > _MOST_EVENTS or any(told.delayed for told in events):
            continue
        if events[-1].members.get("put_in") == code and (best is None or len(events) > best[0]):
            best = (len(events), [code])
    return best


def _conflict(life: Life, kinds: Counter[str]) -> Candidate | None:
    """A pack that two organisations have in two vehicles, which nobody has corrected."""
    if ("lifecycle.two_places", _pack(life)) not in life.meant or kinds["swapped"] or kinds.keys() & _NO_MORE:
        return None
    return len(life.told), [_pack(life)]


_CHOICES: Final[dict[str, Callable[[Life, Counter[str]], Candidate | None]]] = {
    "life": _life,
    "vanished": _vanished,
    "verify": _verify,
    "correction": _correction,
    "swapped": _swapped,
    "conflict": _conflict,
}


def _first(life: Life, kind: str) -> Told:
    return next(told for told in life.told if told.kind == kind)


def _pack(life: Life) -> str:
    """Return the pack that a life is about: the one sold in a vehicle, else none."""
    return next((told.codes[0] for told in life.told if told.kind == "sold"), "")
