"""Lives of batteries out of the record: when they begin, what ends them, from when they are known of."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import numpy as np
import pytest

from tests.registry import sample
from voltrail.codes import build
from voltrail.registry.outlook_lives import read_lives

YEAR = 365.25


def pack(serial):
    """Return the code of a pack made in February 2020."""
    made = date(2020, 2, 1)
    return build(maker="9ZZ", level="pack", battery_type="B", production_date=made, serial=serial)


def vin(serial):
    return f"LSVAA4187E21{serial:05}"


def days(first, last):
    """Return the years between two times of day zero."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).days / YEAR


def put(registry, who, lines):
    """Report lines; return the receipt, in which nothing is refused."""
    receipt = json.loads(registry.report(sample.report(sample.signer(who), lines)))
    assert not receipt["refused"], receipt["refused"]
    return receipt


def drive(registry, serial, *after):
    """Make a pack and fit it into a vehicle; then what the car maker reports of it."""
    code = pack(serial)
    made = sample.line("manufactured", "2020-02-01T10:00:00+00:00", code=code, model_id="S-102")
    shipped = sample.line("shipped", "2020-02-10T10:00:00+00:00", code=code, to=sample.CARMAKER)
    put(registry, sample.MAKER, [made, shipped])
    lines = [
        sample.line("received", "2020-02-12T10:00:00+00:00", code=code, from_=sample.MAKER),
        sample.line("installed", "2020-03-01T00:00:00+00:00", code=code, vin=vin(serial), reason="new"),
    ]
    return put(registry, sample.CARMAKER, [*lines, *after])


def lives(registry):
    return read_lives(registry.database, registry.authorities)


def retired(serial, when):
    return sample.line("retired", f"{when}T00:00:00+00:00", code=pack(serial))


def test_a_life_goes_from_fitting_to_waste(registry):
    """Years count from when a battery was fitted, not made, and end when it becomes waste."""
    drive(registry, 1, retired(1, "2024-03-01"))
    found = lives(registry)
    assert found.ended.tolist() == [True]
    assert found.until[0] == pytest.approx(days("2020-03-01", "2024-03-01"), abs=0.01)
    assert found.entry.tolist() == [0]
    assert np.isnan(found.energy_kwh).all()


def test_what_is_still_there_is_known_up_to_now(registry):
    """A battery in use has not ended; what was never in a vehicle has no life yet."""
    drive(registry, 1)
    put(
        registry,
        sample.MAKER,
        [sample.line("manufactured", "2020-02-01T10:00:00+00:00", code=pack(2), model_id="S-102")],
    )
    found = lives(registry)
    now = datetime.now(UTC).replace(tzinfo=None).isoformat()
    assert found.ended.tolist() == [False]
    assert found.until[0] == pytest.approx(days("2020-03-01", now), abs=0.01)


def test_one_enrolled_late_is_known_from_then(registry):
    """An older battery begins when it was made, by its code or by who enrolled it, and is known of later."""
    told = {"place": "in_vehicle", "basis": "label"}
    when = "2023-01-02T00:00:00+00:00"
    put(
        registry,
        sample.CARMAKER,
        [
            sample.line("enrolled", when, code=pack(1), vin=vin(1), **told),
            sample.line("enrolled", when, code=pack(2), vin=vin(2), manufactured_on="2020-07-02", **told),
            sample.line("enrolled", when, code=pack(3), **(told | {"place": "in_stock"})),
        ],
    )
    found = lives(registry)
    first, second = sorted(found.entry, reverse=True)
    assert first == pytest.approx(days("2020-02-01", "2023-01-02"), abs=0.01)
    assert second == pytest.approx(days("2020-07-02", "2023-01-02"), abs=0.01)
    assert not found.ended.any()


def test_a_pack_that_goes_with_its_vehicle_has_not_failed(registry):
    """Where the vehicle ended, or went abroad, the pack's own life is only known to be longer."""
    scrapped = {"vin": vin(1), "codes": [pack(1)], "certificate_date": "2024-03-01"}
    drive(
        registry,
        1,
        sample.line("vehicle_scrapped", "2024-03-01T00:00:00+00:00", **scrapped),
        retired(1, "2024-05-01"),
    )
    drive(
        registry, 2, sample.line("vehicle_exported", "2023-03-01T00:00:00+00:00", vin=vin(2), codes=[pack(2)])
    )
    found = lives(registry)
    assert not found.ended.any()
    assert sorted(found.until) == pytest.approx(
        [days("2020-03-01", "2023-03-01"), days("2020-03-01", "2024-03-01")], abs=0.01
    )


def test_what_was_corrected_counts_as_corrected(registry):
    """A retirement that was withdrawn, or dated anew, does not end a life where it first said."""
    for serial in (1, 2):
        drive(registry, serial, retired(serial, "2022-03-01"))
    with registry.database.pool.connection() as connection:
        query = "select seq from event where kind = 'retired' order by seq"
        first, second = (seq for (seq,) in connection.execute(query))
    when, anew = "2024-04-01T00:00:00+00:00", retired(2, "2024-03-01").decode()
    put(
        registry,
        sample.CARMAKER,
        [
            sample.line("corrected", when, corrects=first, code=pack(1), void=True),
            sample.line("corrected", when, corrects=second, code=pack(2), line=anew),
        ],
    )
    found = lives(registry)
    assert sorted(found.ended.tolist()) == [False, True]
    assert found.until[found.ended][0] == pytest.approx(days("2020-03-01", "2024-03-01"), abs=0.01)
