"""Passports from the record: what is kept between two readings is never old, and all are as each alone."""

import json
from datetime import UTC, datetime

import pytest

from tests.registry import sample
from voltrail.errors import UsageError
from voltrail.organisations.access import PUBLIC, Reader
from voltrail.passport import FORMS
from voltrail.registry import passports

MODEL, SITE = "P-1", "PLANT-1"
OPERATOR = Reader("operator")
WHEN = "2026-05-01T08:00:00+08:00"


def put(registry, key, *lines):
    assert not json.loads(registry.report(sample.report(key, list(lines))))["refused"]


def declare(registry, when=WHEN, **points):
    put(
        registry,
        sample.signer(sample.MAKER),
        sample.line("points_declared", when, model_id=MODEL, points=points),
    )


def site(registry, address):
    line = sample.line(
        "site_registered",
        WHEN,
        site=SITE,
        organisation=sample.MAKER,
        name="P",
        site_type="plant",
        address=address,
    )
    put(registry, sample.authority(), line)


@pytest.fixture
def codes(registry):
    """Three packs of a model, one of them measured and one corrected."""
    maker = sample.signer(sample.MAKER)
    site(registry, "first place")
    put(registry, maker, sample.line("model_registered", WHEN, model_id=MODEL, level="pack", chemistry="LFP"))
    codes = [sample.pack(number) for number in (1, 2, 3)]
    made = [
        sample.line("manufactured", WHEN, code=code, model_id=MODEL, site=SITE, mass_kg=400) for code in codes
    ]
    put(registry, maker, *made)
    measured = sample.line("measured", WHEN, code=codes[1], cycles=5)
    first = json.loads(registry.report(sample.report(maker, [measured])))
    right = sample.line("measured", WHEN, code=codes[1], cycles=7).decode()
    put(
        registry,
        maker,
        sample.line("corrected", WHEN, code=codes[1], corrects=first["first_index"], line=right),
    )
    return codes


def said(registry, code, name, **at):
    known = registry.passport(code, OPERATOR, **at).values.get(name)
    return known and known.value


def test_what_changes_elsewhere_shows_at_the_next_reading(registry, codes):
    """A model's points, its maker's name and a plant's address are kept, and read again once they change."""
    code = codes[0]
    assert (said(registry, code, "warranty_years"), said(registry, code, "manufacturing_place")) == (
        None,
        "first place",
    )
    declare(registry, warranty_years=8)
    assert said(registry, code, "warranty_years") == 8
    site(registry, "second place")
    assert said(registry, code, "manufacturing_place") == "second place"
    assert said(registry, code, "manufacturer_name") == "示例企业"
    again = sample.line("organisation_registered", WHEN, organisation=sample.MAKER, name="改名企业")
    put(registry, sample.authority(), again)
    assert said(registry, code, "manufacturer_name") == "改名企业"
    declare(registry, warranty_years=10)
    assert said(registry, codes[1], "warranty_years") == 10


def test_it_is_as_it_stood(registry, codes):
    """A point declared later is not in the passport of before."""
    declare(registry, "2026-06-01T08:00:00+08:00", warranty_years=8)
    before = datetime(2026, 5, 20, tzinfo=UTC)
    assert said(registry, codes[0], "warranty_years", as_of=before) is None
    assert said(registry, codes[0], "warranty_years") == 8


def test_a_correction_counts(registry, codes):
    """What was corrected is not in it, and what corrects it is."""
    assert said(registry, codes[1], "cycles") == 7
    assert said(registry, codes[0], "cycles") is None


@pytest.mark.parametrize("reader", [PUBLIC, OPERATOR], ids=["public", "operator"])
@pytest.mark.parametrize("alone_below", [0, 1_000], ids=["workers", "alone"])
@pytest.mark.parametrize("form", FORMS)
def test_all_of_them_are_as_each_alone(registry, codes, monkeypatch, form, reader, alone_below):
    """Line by line by the order of codes, made by workers or not; of another model there are none."""
    declare(registry, warranty_years=8, category="ev")
    monkeypatch.setattr(passports, "ALONE_BELOW", alone_below)
    *_, (done, total, _) = runs = list(registry.export_passports(form, reader))
    assert done == total == 3
    lines = b"".join(lines for _, _, lines in runs).splitlines()
    if "jwt" in FORMS[form].media_type:  # which says when it was signed
        assert len(set(lines)) == 3
        return
    alone = [FORMS[form].written(registry.passport(code, reader)) for code in sorted(codes)]
    assert lines == alone
    of_none = registry.export_passports(form, reader, "P-2")
    assert b"".join(lines for _, _, lines in of_none) == b""


def test_a_form_that_is_none_is_refused(registry, codes):
    """Before anything is read."""
    with pytest.raises(UsageError, match="There is no form"):
        list(registry.export_passports("xml", PUBLIC))
