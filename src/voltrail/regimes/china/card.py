"""
The digital ID card of a battery as China's regime sees it: its life by the links of the chain that report it.

The links are those that the regime names for the digital ID; which event belongs to which follows from its
kind, and where a battery is fitted or taken out, from the reason. Source: Order No. 73 as the press has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple


class Link(NamedTuple):
    """One link: its name in English and Chinese, the roles that report it, and by which kinds."""

    name: str
    zh: str
    roles: tuple[str, ...]
    kinds: frozenset[str]
    reasons: frozenset[str] = frozenset()


_MOVED: Final = frozenset({"installed", "removed"})
_REPLACED: Final = frozenset({"replacement", "warranty", "loan"})

LINKS: Final = (
    Link(
        "production",
        "生产",
        ("battery_maker", "importer"),
        frozenset({"manufactured", "enrolled", "identified", "assembled", "disassembled", "imported"}),
    ),
    Link(
        "fitting and sale",
        "装车与销售",
        ("vehicle_maker", "importer"),
        frozenset(
            {"shipped", "received", "vehicle_certified", "sold", "vehicle_exported", "vehicle_imported"}
        ),
        frozenset({"new"}),
    ),
    Link("swap", "换电", ("swap_operator", "battery_owner"), frozenset({"swapped"})),
    Link(
        "repair and replacement",
        "维修与更换",
        ("repair_enterprise", "vehicle_maker"),
        frozenset({"serviced", "measured", "recalled", "incident_reported"}),
        _REPLACED,
    ),
    Link(
        "vehicle scrapping",
        "车辆报废",
        ("vehicle_dismantler",),
        frozenset({"vehicle_scrapped"}),
        frozenset({"scrapping"}),
    ),
    Link(
        "collection",
        "回收",
        ("collection_outlet", "battery_maker", "vehicle_maker"),
        frozenset({"retired", "collected", "handed_over"}),
    ),
    Link(
        "utilisation",
        "综合利用",
        ("utilisation_enterprise",),
        frozenset(
            {"assessed", "prepared_for_reuse", "repurposed", "remanufactured", "dismantled", "recycled"}
        ),
    ),
)
OTHER: Final = Link("other", "其他", (), frozenset())


def link_of(kind: str, members: Mapping[str, Any]) -> Link:
    """Return the link to which an event belongs, by its kind and its reason; OTHER for none of them."""
    reason = members.get("reason", "new" if kind == "installed" else None)
    for link in LINKS:
        if kind in link.kinds or (kind in _MOVED and reason in link.reasons):
            return link
    return OTHER


def by_link(events: Sequence[Mapping[str, Any]]) -> list[tuple[Link, list[Mapping[str, Any]]]]:
    """
    Return a battery's events by the links of the chain, each with what it reported, in the order given.

    Every link is there, the others only where there are such. Events have `kind` and `members`.
    """
    found: dict[str, list[Mapping[str, Any]]] = {link.name: [] for link in (*LINKS, OTHER)}
    for event in events:
        found[link_of(event["kind"], event["members"]).name].append(event)
    return [(link, found[link.name]) for link in (*LINKS, OTHER) if link is not OTHER or found[link.name]]
