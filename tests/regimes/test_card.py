"""The digital ID card: every event of a battery has its link in the chain."""

import pytest

from voltrail.events.table import KINDS, TRUST_KINDS
from voltrail.regimes.china.card import LINKS, OTHER, by_link, link_of

WITHOUT = {"stocktaken", "ownership_transferred", "responsibility_transferred", "exported", "destroyed"}
WITHOUT |= {"lost", "found", "corrected", "passport_issued", "passport_ceased", "transferred_in"}
WITHOUT |= {"lot_created", "lot_processed", "lot_moved", "credit_spent"}
WITHOUT |= {"campaign_opened", "test_reported", "step_reported"}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - TRUST_KINDS))
def test_every_kind_has_its_link(kind):
    """Each in one, but for those that no link of the regime names; who may report it is among its roles."""
    found = [link for link in LINKS if kind in link.kinds]
    assert len(found) == (kind not in WITHOUT | {"installed", "removed"})
    assert link_of(kind, {}) is (found[0] if found else LINKS[1] if kind == "installed" else OTHER)


@pytest.mark.parametrize(
    ("reason", "link"),
    [("new", 1), ("replacement", 3), ("warranty", 3), ("loan", 3), ("scrapping", 4)],
)
def test_fitting_goes_by_its_reason(reason, link):
    """A battery taken out of a scrapped vehicle belongs to the scrapping, one replaced to the repair."""
    for kind in ("installed", "removed"):
        assert link_of(kind, {"reason": reason}) is LINKS[link]


def test_every_link_is_there_and_nothing_is_lost():
    """Also those of which nothing was reported."""
    events = [{"kind": kind, "members": {}} for kind in ("manufactured", "swapped", "lost", "swapped")]
    links = by_link(events)
    assert [link.name for link, _ in links] == [link.name for link in (*LINKS, OTHER)]
    assert sum(len(told) for _, told in links) == len(events)
    assert len(by_link([])) == len(LINKS)
