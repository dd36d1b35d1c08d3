"""Vehicles that send together, and what goes wrong with some of them on purpose."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from voltrail.codes import parse
from voltrail.demo.convoy import FAULTS, Convoy, Held, invented, reissued
from voltrail.demo.frames import REISSUED
from voltrail.telematics.gbt32960.frame import Frame, read_frame
from voltrail.telematics.gbt32960.stream import split
from voltrail.telematics.gbt32960.writing import raw_of

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()


def convoy(*faults: str, number: int = 20) -> Convoy:
    """Return invented vehicles of both editions, the first of which has a fault."""
    return Convoy(invented(number, "mixed", 1), NOW, 1, faults)


def item(frame: Frame, name: str) -> dict:
    """Return the raw values of an item."""
    return raw_of(next(one.record for one in frame.items if one.name == name))


def codes(frame: Frame) -> list[str]:
    """Return the batteries that a login names."""
    raw = raw_of(frame.record)
    return [bytes(one).decode() for one in raw.get("ress_codes", raw.get("pack_codes"))]


def test_every_vehicle_has_a_battery_and_reports_in_its_edition() -> None:
    """Each login names a battery code that reads, each report is whole, and none has the VIN of another."""
    cars = convoy(number=40)
    seen = set()
    for row, report in enumerate(cars.reports(0, NOW)):
        login, frame = read_frame(cars.login(row, NOW)), read_frame(report)
        assert login.vehicle == frame.vehicle == cars.members[row].vehicle.vin
        assert login.edition == frame.edition == cars.members[row].edition
        assert not frame.troubles
        assert frame.time == datetime.fromtimestamp(NOW, UTC)
        (code,) = codes(login)
        assert parse(code).level == "pack"
        seen.add((frame.vehicle, code))
    assert len({vin for vin, _ in seen}) == len({code for _, code in seen}) == 40
    assert {member.edition for member in cars.members} == {2016, 2025}


def test_the_same_seed_gives_the_same_reports() -> None:
    """What is simulated can be simulated again."""
    assert convoy().reports(7, NOW) == convoy().reports(7, NOW)
    assert convoy().reports(7, NOW) != convoy().reports(60, NOW)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_befalls_few(fault: str) -> None:
    """One of fifty vehicles has a fault, and at least one; all others are as they would be without."""
    with_it, without = convoy(fault, number=100), convoy(number=100)
    assert set(with_it.faults) == {0, 1}
    assert with_it.reports(25, NOW)[2:] == without.reports(25, NOW)[2:]


def test_another_pack_is_named_by_one_and_the_same_by_two() -> None:
    """One vehicle's login names a pack that nobody beside it has; another names that of its neighbour."""
    cars, honest = convoy("other_pack", "two_vehicles"), convoy()
    named = [codes(read_frame(cars.login(row, NOW)))[0] for row in range(20)]
    right = [member.vehicle.codes[0] for member in honest.members]
    assert named[0] not in right
    assert parse(named[0]).level == "pack"
    assert named[1] == named[2] == right[2]
    assert named[2:] == right[2:]


def test_a_clock_runs_ahead() -> None:
    """Login and reports of a vehicle with a wrong clock lie 400 days ahead."""
    cars = convoy("clock")
    for data in (cars.login(0, NOW), cars.reports(0, NOW)[0]):
        told = read_frame(data).time
        assert told is not None
        assert (told - datetime.fromtimestamp(NOW, UTC)).days == 400
    assert read_frame(cars.reports(0, NOW)[1]).time == datetime.fromtimestamp(NOW, UTC)


def test_an_alarm_of_level_three_comes_and_goes() -> None:
    """Twenty seconds of each minute the alarm stands in the reports."""
    cars = convoy("alarm")
    levels = [
        item(read_frame(cars.reports(after, NOW)[0]), "alarm")["max_alarm_level"]
        for after in range(0, 60, 10)
    ]
    assert levels.count(3) == 2
    assert levels[0] < 3


def test_a_pack_runs_hot() -> None:
    """In a thermal event a probe climbs above 80 °C, a cell falls to nothing, and the alarm says so."""
    cars = convoy("thermal")
    before, after = (read_frame(cars.reports(at, NOW)[0]) for at in (0, 300))
    hot = item(after, "ress_temperature")["subsystems"][0]["probe_temps"]
    assert hot[0] - 40 > 80
    assert max(hot[1:]) < hot[0]
    assert item(after, "ress_voltage")["subsystems"][0]["cell_voltages"][0] == 0
    assert item(after, "alarm")["max_alarm_level"] == 3
    assert item(after, "alarm")["general_alarm_flags"] & (1 << 1 | 1 << 23)
    assert item(before, "alarm")["max_alarm_level"] < 3


def told_by(fault: str, number: int) -> tuple[list[bytes], list[bytes]]:
    """Return the reports of a vehicle, and what it sends instead."""
    cars, held = convoy(fault), Held()
    reports = [cars.reports(10 * n, NOW + 10 * n)[0] for n in range(number)]
    return reports, [data for n, one in enumerate(reports) for data in held.sent(fault, one, n)]


@pytest.mark.parametrize(("fault", "rule"), [("bcc", "frame.bcc"), ("cut", "frame.length")])
def test_damage_costs_nobody_else(fault: str, rule: str) -> None:
    """Every third report is damaged; the others of the stream are read."""
    reports, sent = told_by(fault, 8)
    data = b"".join(sent)
    found = split(data)
    assert [data[start:stop] for start, stop in found.frames] == [
        one for n, one in enumerate(reports) if n % 3 != 1
    ]
    assert len(found.refused) == 3
    if fault == "bcc":
        assert {one.rule for one in found.refused} == {rule}


def test_reports_come_in_wrong_order() -> None:
    """Of two reports the later comes first, and none is lost."""
    reports, sent = told_by("order", 6)
    assert sent == [reports[n] for n in (1, 0, 3, 2, 5, 4)]


def test_what_was_held_back_is_reissued() -> None:
    """After a gap of three reports they come as re-issued ones, in their order."""
    reports, sent = told_by("gap", 8)
    assert sent == [*reports[:4], reports[7], *(reissued(one) for one in reports[4:7])]
    again = read_frame(reissued(reports[4]))
    assert again.command == REISSUED
    assert again.time == read_frame(reports[4]).time


def test_a_flood_is_the_same_report_many_times() -> None:
    """A vehicle that floods sends each report 500 times."""
    reports, sent = told_by("flood", 2)
    assert sent == [reports[0]] * 500 + [reports[1]] * 500
