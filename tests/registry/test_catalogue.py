"""Models: what their makers declare, and how many batteries name them."""

import pytest

from tests.registry import sample
from voltrail.errors import NotFound, UsageError
from voltrail.registry import catalogue


def declare(registry, identifier, **members):
    line = sample.line("model_registered", "2026-01-05T08:00:00+08:00", model_id=identifier, **members)
    registry.report(sample.report(sample.signer(sample.MAKER), [line]))


def make(registry, *serials):
    lines = [sample.first_life(sample.pack(serial))[0] for serial in serials]
    registry.report(sample.report(sample.signer(sample.MAKER), lines))


def test_a_model_is_what_its_maker_declared(registry):
    """With its maker, what it is, its certificates, and its batteries counted by phase."""
    declare(
        registry, "S-102", name="Sample", level="pack", chemistry="LFP", energy_kwh=60, form_factor="flat"
    )
    certified = {"model_id": "S-102", "certificate": "C-1", "certified_on": "2026-01-06"}
    line = sample.line("model_certified", "2026-01-06T08:00:00+08:00", **certified)
    registry.report(sample.report(sample.signer(sample.MAKER), [line]))
    make(registry, 1, 2)
    retired = sample.line("retired", "2026-05-01T08:00:00+08:00", code=sample.pack(2))
    registry.report(sample.report(sample.signer(sample.MAKER), [retired]))
    told = registry.model("S-102")
    assert (told["maker"], told["energy_kwh"], told["form_factor"]) == (sample.MAKER, 60, "flat")
    assert told["certificates"] == [{"certificate": "C-1", "certified_on": "2026-01-06"}]
    assert told["batteries"] == {"count": 2, "or_more": False, "phases": {"original": 1, "waste": 1}}
    assert told["declared"]


def test_a_model_that_only_batteries_name(registry):
    """It is known by its id alone; one that nobody names is not known at all."""
    make(registry, 1)
    told = registry.model("S-102")
    assert not told["declared"]
    assert told["batteries"]["count"] == 1
    assert registry.models() == ([], None)
    with pytest.raises(NotFound):
        registry.model("nobody")
    with pytest.raises(UsageError):
        registry.model("\0")


def test_many_batteries_are_not_counted_to_the_end(registry, monkeypatch):
    """A page never waits for a count of millions."""
    monkeypatch.setattr(catalogue, "MAX_COUNTED", 2)
    make(registry, 1, 2, 3)
    assert registry.model("S-102")["batteries"] == {"count": 2, "or_more": True, "phases": None}


def test_models_page_by_page(registry, monkeypatch):
    """In the order of their ids, none twice and none left out, however few are read at once."""
    ids = [f"M-{number:02}" for number in range(7)]
    for identifier in ids:
        declare(registry, identifier)
    for step, limit in ((1, 1), (2, 3), (3, 7), (500, 100)):
        monkeypatch.setattr(catalogue, "_STEP", step)
        for maker, expected in ((None, ids), (sample.MAKER, ids), (sample.CARMAKER, [])):
            found, after = [], None
            while True:
                page, after = registry.models(maker, limit, after)
                found += [one["model_id"] for one in page]
                if after is None:
                    break
            assert found == expected


def test_looking_for_a_makers_models_ends(registry, monkeypatch):
    """One request looks at so many models and no more; the next goes on from there."""
    monkeypatch.setattr(catalogue, "_STEP", 2)
    monkeypatch.setattr(catalogue, "MAX_WALKED", 4)
    for number in range(7):
        declare(registry, f"M-{number}")
    assert registry.models(sample.CARMAKER) == ([], "M-3")
    assert registry.models(sample.CARMAKER, after="M-3") == ([], None)


def test_batteries_of_a_model(registry):
    """In the order of their codes, page by page; those of other models are not among them."""
    make(registry, 1, 2, 3)
    other = sample.line("manufactured", "2026-04-12T10:00:00+08:00", code=sample.pack(4), model_id="other")
    registry.report(sample.report(sample.signer(sample.MAKER), [other]))
    first = registry.batteries(model="S-102", limit=2)
    rest = registry.batteries(model="S-102", after=first[-1]["code"])
    assert [one["code"] for one in first + rest] == [sample.pack(number) for number in (1, 2, 3)]
    assert registry.batteries(level="cell", model="S-102") == []


def test_a_models_batteries_are_found_by_an_index(registry):
    """Which an append can afford: by model alone, and not for what has none."""
    with registry.database.pool.connection() as connection:
        (index,) = connection.execute(
            "select indexdef from pg_indexes where indexname = 'subject_model'"
        ).fetchone()
    assert index.endswith("(model) WHERE (model IS NOT NULL)")
