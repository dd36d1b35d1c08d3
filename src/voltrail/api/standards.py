"""/stations/standards: standardized packs, the interfaces they are swapped by, and trucks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar import Response, get

from voltrail.api.answers import Asked, as_json, as_page, page_for, wants_page
from voltrail.swap.catalogue import FIGURES, INTERFACES, PACKS, TRUCKS, Interface, PackType, Truck, figure
from voltrail.swap.fitness import LIMITS

_ROWS: Final[dict[str, Mapping[str, Interface | PackType | Truck]]] = {
    "packs": PACKS,
    "interfaces": INTERFACES,
    "trucks": TRUCKS,
}


@get("/stations/standards", sync_to_thread=True, summary="Standardized packs")
def standards(request: Asked) -> Response[bytes]:
    """
    Return packs, interfaces and trucks with their sources; what is null was not published.

    `figures` are those members of a row that are less sure than the row.
    """
    if not wants_page(request):
        told: dict[str, Any] = {name: [_told(row) for row in rows.values()] for name, rows in _ROWS.items()}
        return as_json(told | {"limits": [*LIMITS.values()]})
    return as_page(
        page_for(request),
        "standards",
        packs=PACKS,
        interfaces=INTERFACES,
        trucks=TRUCKS,
        limits=LIMITS,
        figure=figure,
    )


def _told(row: Interface | PackType | Truck) -> dict[str, Any]:
    """Return a row as a program reads it."""
    less_sure = {
        member: {"standing": one.standing, "source": one.source, "note": one.note}
        for (identifier, member), one in FIGURES.items()
        if identifier == row.id
    }
    return msgspec.structs.asdict(row) | {"figures": less_sure}


ROUTES: Final = (standards,)
