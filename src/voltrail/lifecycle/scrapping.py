"""With which of its batteries a vehicle comes to be scrapped."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

from voltrail.events import kinds
from voltrail.lifecycle.state import Recorded
from voltrail.regimes.rules import REPLACEMENT, SWAP_MODEL

_DOCUMENTED: Final = frozenset({"replacement", "warranty"})
_FITTED: Final = (kinds.Installed, kinds.VehicleCertified, kinds.Sold, kinds.VehicleImported)


def left_behind(
    event: kinds.VehicleScrapped, life: Iterable[Recorded], exceptions: Collection[str]
) -> tuple[str, ...] | None:
    """
    Return the batteries that a vehicle had and is scrapped without; None when it comes with them.

    `life` are the vehicle's events that count, in their order; what came after the scrapping is passed
    over. Empty: no battery is named, and the record has had none in it. Two exceptions may be made.
    `swap_model`: a vehicle whose packs were swapped is left out. `replacement`: one taken out with the
    reason replacement or warranty, after which another was installed, need not come. One taken out for
    scrapping has come.
    """
    fitted: dict[str, datetime] = {}
    out: dict[str, tuple[datetime, str | None]] = {}
    installed_at: datetime | None = None
    for one in life:
        told: Any = one.event
        if told.occurred_at > event.occurred_at:
            break
        if isinstance(told, kinds.Swapped) and SWAP_MODEL in exceptions:
            return None
        codes = _codes(told)
        if isinstance(told, kinds.Removed):
            out.update(dict.fromkeys(codes, (told.occurred_at, told.reason)))
        elif isinstance(told, _FITTED) or getattr(told, "place", "") == "in_vehicle":
            fitted.update(dict.fromkeys(codes, told.occurred_at))
            for code in codes:
                out.pop(code, None)
            if isinstance(told, kinds.Installed):
                installed_at = told.occurred_at

    def has_come(code: str) -> bool:
        if code in event.codes:
            return True
        removed_at, reason = out.get(code, (None, None))
        if removed_at is None:
            return False
        replaced = installed_at is not None and installed_at >= removed_at and reason in _DOCUMENTED
        return reason == "scrapping" or (replaced and REPLACEMENT in exceptions)

    lacking = tuple(code for code in {**fitted, **out} if not has_come(code))
    if lacking:
        return lacking
    brought = event.codes or any(reason == "scrapping" for _, reason in out.values())
    return None if brought else ()


def _codes(event: Any) -> tuple[str, ...]:
    """Return the batteries that an event on a vehicle names."""
    code = getattr(event, "code", None)
    return (code, *getattr(event, "codes", ())) if code is not None else tuple(getattr(event, "codes", ()))
