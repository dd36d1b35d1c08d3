"""Sights: what was found in a chain counts for that chain alone."""

from tests.registry import sample
from voltrail.organisations.access import Reader

WHEN = "2026-05-{:02}T10:00:00+08:00"


def since(registry, code, organisation):
    """Return the entry from which on an organisation sees a battery as its holder, or None; asked twice."""
    found = set()
    for _ in range(2):
        with registry.database.pool.connection() as connection:
            sight = registry.sights(connection).sight(code, Reader(organisation=organisation))
        found.add(next((one.since.index for one in sight.standings if one.audience == "holder"), None))
    [index] = found
    return index


def test_a_standing_moves_with_the_chain(registry):
    """Who gives a battery away sees no more as its holder until it comes back, whoever asked before."""
    code = sample.pack(900)
    maker, carmaker = sample.signer(sample.MAKER), sample.signer(sample.CARMAKER)
    first = registry.counts()["entries"]
    registry.report(sample.report(maker, sample.first_life(code)))
    assert since(registry, code, sample.MAKER) == first  # until another receives it
    registry.report(sample.report(carmaker, sample.fitted(code)[:1]))
    assert since(registry, code, sample.MAKER) is None
    assert since(registry, code, sample.CARMAKER) == first + 2
    back = sample.line("shipped", WHEN.format(1), code=code, to=sample.MAKER)
    registry.report(sample.report(carmaker, [back]))
    registry.report(sample.report(maker, [sample.line("received", WHEN.format(2), code=code)]))
    assert since(registry, code, sample.MAKER) == first + 4
    assert since(registry, code, sample.CARMAKER) is None


def test_a_chain_is_folded_once(registry, monkeypatch):
    """A long life is not folded again for each look at it."""
    code = sample.pack(901)
    registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(code)))
    since(registry, code, sample.MAKER)
    monkeypatch.setattr("voltrail.registry.sights.since_when", None)
    assert since(registry, code, sample.MAKER) is not None
