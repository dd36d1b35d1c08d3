"""The vehicles of the sample world, and the frames they send."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.demo.frames import REISSUED, Writer, login, times, vins_of
from voltrail.demo.market import DESIGNS, LFP, NCM, SODIUM, Design
from voltrail.demo.vehicles import CHARGE, DRIVE, Alarm, Fleet, Vehicle
from voltrail.telematics.gbt32960.batch import Decoder
from voltrail.telematics.gbt32960.frame import BEIJING, read_frame
from voltrail.telematics.gbt32960.layout import EDITIONS, Edition, Status
from voltrail.telematics.gbt32960.writing import make_frame, raw_of

SINCE = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
DAYS = 40
MONTH = 30 * 86_400


def fleet(design: Design, *vehicles: Vehicle, seed: int = 1) -> Fleet:
    """Return vehicles over some days of summer."""
    return Fleet(design, vehicles or (Vehicle("ZZZSAMPLE00000001"),), SINCE, DAYS, seed)


@pytest.mark.parametrize("design", [LFP, NCM, SODIUM], ids=lambda one: one.chemistry)
def test_what_is_charged_is_what_the_pack_can_hold(design: Design) -> None:
    """The integral of a charge's current over its true change of charge is the true capacity."""
    cars = fleet(design, Vehicle("ZZZSAMPLE00000001", soh=0.87))
    charges = [span for span in cars.spans(0) if span[0] == CHARGE]
    assert len(charges) >= 3
    for _, begin, end in charges:
        at = np.arange(begin, end)
        told = cars.at(np.zeros(len(at), int), at)
        assert (told.current_a < 0).all()
        assert (told.charging_status == 1).all()
        change = told.soc[-1] - told.soc[0]
        assert change > 0.4
        held = -(told.current_a[1:] + told.current_a[:-1]).sum() / 2 / 3_600 / change
        assert held == pytest.approx(cars.capacity_ah(at[0], 0), rel=1e-3)


def test_a_pack_fades() -> None:
    """What a pack can hold falls by its yearly fade, from what it could at the beginning."""
    cars = fleet(LFP, Vehicle("ZZZSAMPLE00000001", soh=0.9, fade_per_year=0.06))
    assert cars.capacity_ah(SINCE, 0) == pytest.approx(0.9 * cars.rated_ah)
    assert cars.capacity_ah(SINCE + 31_556_952, 0) == pytest.approx(0.84 * cars.rated_ah)


@pytest.mark.parametrize("design", [LFP, NCM], ids=lambda one: one.chemistry)
def test_the_weak_cell_is_empty_first(design: Design) -> None:
    """Near the end of a discharge the weak cell is the lowest, and not where all are full."""
    cars = fleet(design, Vehicle("ZZZSAMPLE00000001", weak_cell=17, weak_by=0.06))
    assert cars.weakest_cell(0) == 17
    who, at = cars.moments(60, SINCE, SINCE + MONTH)
    told = cars.at(who, at)
    low = (told.soc < 0.3) & (told.current_a > 0)
    assert low.any()
    assert (told.cell_mv[low].argmin(axis=1) == 16).mean() > 0.9


def test_a_vehicle_is_the_same_in_any_company() -> None:
    """What a vehicle tells follows from the seed and its VIN; another seed tells of other drives."""
    one, two = Vehicle("ZZZSAMPLE00000001"), Vehicle("ZZZSAMPLE00000002")
    alone, beside = fleet(LFP, one), fleet(LFP, two, one)
    who, at = alone.moments(60, SINCE, SINCE + MONTH)
    mine, theirs = alone.at(who, at), beside.at(who + 1, at)
    for name in ("soc", "current_a", "cell_mv", "probe_c", "odometer_km"):
        assert np.array_equal(getattr(mine, name), getattr(theirs, name)), name
    assert fleet(LFP, one, seed=2).spans(0) != alone.spans(0)


def test_the_odometer_never_runs_back() -> None:
    """Way and speed agree, and the way grows through drives and nights."""
    cars = fleet(NCM)
    who, at = cars.moments(10, SINCE, SINCE + MONTH)
    told = cars.at(who, at)
    assert (np.diff(told.odometer_km) >= 0).all()
    _, begin, end = next(span for span in cars.spans(0) if span[0] == DRIVE)
    seconds = np.arange(begin, end)
    drive = cars.at(np.zeros(len(seconds), int), seconds)
    way = drive.speed_kmh.sum() / 3_600
    assert way == pytest.approx(drive.odometer_km[-1] - drive.odometer_km[0], rel=1e-2)
    assert way > 5


def test_winter_is_colder_in_the_north() -> None:
    """Probes follow season and province."""
    vehicles = (Vehicle("ZZZSAMPLE00000001", province="44"), Vehicle("ZZZSAMPLE00000002", province="21"))
    july = int(datetime(2026, 7, 10, tzinfo=UTC).timestamp())
    january = int(datetime(2026, 1, 10, tzinfo=UTC).timestamp())
    means = [
        Fleet(LFP, vehicles, since, 1, 1).at(np.arange(2), np.full(2, since)).probe_c.mean(axis=1)
        for since in (july, january)
    ]
    assert means[0][1] > means[1][1] + 15
    assert means[1][0] > means[1][1] + 10


def test_an_alarm_is_told_by_the_second() -> None:
    """Around an alarm there is a report each second, and the alarm stands in those of its time alone."""
    begin = fleet(LFP).spans(0)[1][1] + 600
    cars = fleet(LFP, Vehicle("ZZZSAMPLE00000001", alarm=Alarm(begin, 20, 3, 1 << 10)))
    who, at = cars.moments(60, SINCE, SINCE + MONTH)
    told = cars.at(who, at)
    assert set(range(begin - 30, begin + 50)) <= set(at.tolist())
    assert at[told.alarm_level == 3].tolist() == list(range(begin, begin + 20))
    assert (told.alarm_flags[told.alarm_level == 3] & (1 << 10)).all()


def test_underway_leaves_out_what_lies_between_drives() -> None:
    """Whoever sends without a pause is driving or charging at each moment, and a second later a second on."""
    cars = fleet(LFP, *(Vehicle(f"ZZZSAMPLE{number:08d}") for number in range(50)))
    everybody = np.arange(50)
    before = cars.underway(0)
    for after in range(1, 400, 20):
        now = cars.at(everybody, cars.underway(after))
        assert (now.is_on | (now.charging_status == 1)).all()
    assert ((cars.underway(1) - before) >= 1).mean() > 0.9


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("design", DESIGNS, ids=lambda one: f"{one.name} {one.chemistry}")
def test_frames_are_those_that_the_codec_writes(edition: Edition, design: Design) -> None:
    """A frame written in columns is byte for byte what make_frame gives for the values it reads as."""
    cars = fleet(design, Vehicle("ZZZSAMPLE00000001"), Vehicle("ZZZSAMPLE00000002"))
    who, at = cars.moments(900, SINCE, SINCE + 10 * 86_400)
    told = cars.at(who, at)
    frames = Writer(edition, cars.cells).write(told, vins_of(cars.vehicles)[who], at)
    for row in range(0, len(frames), 7):
        data = frames[row].tobytes()
        frame = read_frame(data)
        assert not frame.troubles
        assert all(reading.status is Status.OK for _, reading in frame.readings())
        again = make_frame(
            edition,
            2,
            frame.vehicle,
            raw_of(frame.record),
            [(item.code, raw_of(item.record)) for item in frame.items],
        )
        assert again == data
        assert frame.time == datetime.fromtimestamp(int(at[row]), UTC)
        assert frame.vehicle == cars.vehicles[who[row]].vin


@pytest.mark.parametrize("edition", EDITIONS)
def test_frames_say_what_was_measured(edition: Edition) -> None:
    """What the columns of the codec give back is what the model measured, to the step of each field."""
    cars = fleet(NCM)
    who, at = cars.moments(60, SINCE, SINCE + 5 * 86_400)
    told = cars.at(who, at)
    frames = Writer(edition, cars.cells).write(told, vins_of(cars.vehicles)[who], at, REISSUED)
    batch = Decoder().decode(frames.tobytes())
    table = batch.table(edition, "vehicle")
    for column, measured, step in (
        ("total_current_a", told.current_a, 0.1),
        ("total_voltage_v", told.voltage_v, 0.1),
        ("speed_km_h", told.speed_kmh, 0.1),
        ("odometer_km", told.odometer_km, 0.1),
        ("soc_percent", 100 * told.soc, 1),
    ):
        read = table.column(next(n for n in table.schema.names if n.startswith(column.rsplit("_", 1)[0])))
        assert np.allclose(read.to_numpy(zero_copy_only=False), measured, atol=step / 2 + 1e-3), column
    name, field = (
        ("ress_voltage", "cell_voltages") if edition == 2016 else ("min_parallel_unit_voltage", "unit_")
    )
    cells = batch.table(edition, name)
    column = next(n for n in cells.schema.names if n.startswith(field[:5]) and n.endswith("_mv"))
    assert np.array_equal(np.stack(cells.column(column).to_numpy(zero_copy_only=False)), told.cell_mv)


@given(st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)))  # noqa: DTZ001 - given a zone below
@settings(max_examples=300, deadline=None)
def test_times_are_those_of_the_codec(moment: datetime) -> None:
    """The six bytes of a time are Beijing's, on every day of the century."""
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    there = moment.astimezone(BEIJING)
    written = times(np.array([int(moment.timestamp())]))[0]
    assert written.tolist() == [there.year - 2000, *there.timetuple()[1:6]]


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("codes", [(), ("0" * 24,), ("1" * 24, "2" * 24)])
def test_a_login_carries_the_codes(edition: Edition, codes: tuple[str, ...]) -> None:
    """A login names each battery of the vehicle by its 24 characters."""
    frame = read_frame(login(edition, Vehicle("ZZZSAMPLE00000001", codes), SINCE))
    assert not frame.troubles
    named = raw_of(frame.record)["ress_codes" if edition == 2016 else "pack_codes"]
    assert [one.decode() for one in map(bytes, named)] == list(codes)
    assert frame.time == datetime.fromtimestamp(SINCE, UTC)
