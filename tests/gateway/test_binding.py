"""From segments to the record: logins and alarms of frames, whatever comes twice or is killed."""

# ruff: noqa: F811 - fixtures of another module are imported

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.registry import sample
from tests.registry.conftest import empty, postgres, registry  # noqa: F401
from tests.registry.test_missing import send
from voltrail.gateway.archiver import Archiver
from voltrail.gateway.binding import Binder, _window, believed, cut, trace_path
from voltrail.gateway.folder import Folder
from voltrail.gateway.segments import Record, Writer
from voltrail.organisations.access import Reader
from voltrail.registry.vehicle_alarms import AlarmRow
from voltrail.telematics.gbt32960.stream import split
from voltrail.telematics.gbt32960.writing import make_frame
from voltrail.telematics.signals import LOGINS, REPORTS

VIN, OTHER = "LSVAA4187E2184847", "LSVAA4187E2184848"
BEGAN = datetime(2026, 5, 2, 8, tzinfo=UTC)
LATER = BEGAN + timedelta(hours=1)


def s(seconds):
    return BEGAN + timedelta(seconds=seconds)


def ms(when):
    return int(when.timestamp() * 1000)


def table(schema, rows):
    """Return rows, each with the members that matter, as a table of the archive."""
    full = {"edition": 2025, "source": 0, "reissued": False, "marks": 0}
    told = [full | {"received_ms": ms(row["at"])} | row for row in rows]
    return pa.Table.from_pylist([{n: row.get(n) for n in schema.names} for row in told], schema=schema)


def logins(*rows):
    return {"logins": table(LOGINS, [dict(zip(("vin", "at", "codes"), row, strict=True)) for row in rows])}


def reports(*rows, **all_of_them):
    names = ("vin", "at", "alarm_level", "alarm_flags")
    return {"reports": table(REPORTS, [dict(zip(names, row, strict=True)) | all_of_them for row in rows])}


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "telemetry")


@pytest.fixture
def code(registry):
    """A pack in a vehicle, by the record."""
    code = sample.pack(1)
    send(registry, sample.MAKER, *sample.first_life(code))
    send(registry, sample.CARMAKER, *sample.fitted(code, VIN))
    return code


@pytest.fixture
def binder(registry, folder):
    """A binder in whose name the car maker lets the host sign."""
    line = sample.registrations(
        sample.CARMAKER, "vehicle_maker", sample.signer(sample.CARMAKER, "line-2"), host_may_sign=True
    )[-1]
    assert not json.loads(registry.report(sample.report(sample.authority(), [line])))["refused"]
    return Binder(registry, folder, sample.CARMAKER)


def alarms(registry):
    return registry.vehicle_alarms.page()[0][::-1]


def incidents(registry, code):
    history = registry.history(code, Reader("authority_cn"), limit=1_000)["events"]
    return [one["members"] for one in history if one["kind"] == "incident_reported"]


def test_an_alarm_becomes_an_incident_of_the_battery_that_was_in_the_vehicle(registry, binder, code):
    """Once, with level, names and time of the first frame; said again it is known."""
    binder.see(logins((VIN, s(-600), [code])))
    binder.see(reports((VIN, s(0), 3, 0b10), (VIN, s(10), 4, 1 << 11), (VIN, s(20), 2, 0b1)))
    assert binder.report_alarms(s(60)) == 0  # it may go on
    assert binder.report_alarms(LATER) == 1
    expected = {
        "incident": "other",
        "alarm_level": 4,
        "alarms": ["battery high temperature", "insulation resistance failure"],
        "occurred_at": "2026-05-02T08:00:00+00:00",
    }
    (told,) = incidents(registry, code)
    assert {name: told[name] for name in expected} == expected
    (alarm,) = alarms(registry)
    assert alarm.codes == (code,)
    assert alarm.index is not None
    binder.see(reports((VIN, s(0), 3, 0b10), (VIN, s(10), 4, 1 << 11)))
    assert binder.report_alarms(LATER + timedelta(days=1)) == 0
    assert len(incidents(registry, code)) == 1


def test_from_a_segment_by_way_of_the_archive_to_the_record(registry, binder, code, folder):
    """Login and alarm as frames, archived with the binder as a hook: a verdict and an incident."""
    login = {"time": s(-60), "login_seq": 1, "iccid": "8986", "code_length": 24, "ress_codes": [code]}
    write(folder, [make_frame(2016, 1, VIN, login), frame(s(0), level=4, flags=1 << 23)])
    with Archiver(folder, [binder.see]) as archiver:
        archiver.step(LATER)
    (told,) = registry.vehicle_packs.of_battery(code)
    assert (told.vin, told.verdict, told.first_at) == (VIN, "agreed", s(-60))
    assert binder.report_alarms(LATER) == 1
    (incident,) = incidents(registry, code)
    assert (incident["incident"], incident["alarms"]) == ("fire", ["ress thermal event"])
    assert trace_path(folder, incident["trace_digest"]).is_file()


def test_a_thermal_event_is_a_fire(registry, binder, code):
    """Beside another alarm that was there before it, and in the edition that has it alone."""
    binder.see(reports((VIN, s(0), 3, 1), (VIN, s(5), 4, 1 | 1 << 23)))
    binder.see(reports((OTHER, s(0), 3, 1 << 23), edition=2016))
    assert [(one.vin, one.incident, one.names) for one in alarms(registry)] == [
        (VIN, "other", ["temperature difference"]),
        (OTHER, "other", ["bit 23"]),
        (VIN, "fire", ["temperature difference", "ress thermal event"]),
    ]
    binder.report_alarms(LATER)
    assert sorted(one["incident"] for one in incidents(registry, code)) == ["fire", "other"]


def test_a_kill_between_report_and_row_reports_once(registry, binder, code):
    """The lines are kept before they are reported: what follows a kill is the same report."""
    binder.see(reports((VIN, s(0), 3, 1)))
    binder.report_alarms(LATER)
    (before,) = alarms(registry)
    with registry.database.pool.connection() as connection:
        connection.execute("update vehicle_alarm set index = null")
    binder.see(reports((VIN, s(30), 4, 2)))  # what comes meanwhile does not change it
    assert binder.report_alarms(LATER) == 1
    (after,) = alarms(registry)
    assert (after.index, after.lines) == (before.index, before.lines)
    assert len(incidents(registry, code)) == 1


def test_a_stop_after_frames_or_lines_is_made_good(registry, binder, code, folder):
    """What was written of frames is written again, and lines that are kept are those that are reported."""
    write(folder, [frame(s(0), level=3)])
    binder.see(reports((VIN, s(0), 3, 1)))
    (content,) = cut(folder, [_window(one) for one in alarms(registry)])
    trace_path(folder, hashlib.sha256(content).hexdigest()).write_bytes(content)
    (alarm,) = alarms(registry)
    line = sample.line("incident_reported", "2026-05-02T08:00:00+00:00", code=code, incident="other")
    assert registry.vehicle_alarms.prepare(alarm, sample.CARMAKER, [code], line.decode())
    assert not registry.vehicle_alarms.prepare(alarm, sample.CARMAKER, [code], "others")
    assert binder.report_alarms(LATER) == 1
    assert [one["incident"] for one in incidents(registry, code)] == ["other"]
    assert len(list(folder.alarms.iterdir())) == 1


REPORTING = """
import sys, pathlib, datetime, voltrail
from voltrail.gateway.binding import Binder
from voltrail.gateway.folder import Folder
data, dsn, folder, organisation, now = sys.argv[1:]
with voltrail.open(pathlib.Path(data), dsn) as registry:
    print("open", flush=True)
    binder = Binder(registry, Folder(pathlib.Path(folder)), organisation)
    binder.report_alarms(datetime.datetime.fromisoformat(now))
"""


@pytest.mark.timeout(240)
def test_killed_at_any_moment_each_alarm_is_reported_once(registry, binder, code, folder):
    """Thirty alarms, and a process that is killed again and again while it reports them: each once."""
    began = [s(3_600 * n) for n in range(30)]
    for when in began:
        write(folder, [frame(when, level=3)], received=when + timedelta(seconds=1))
    binder.see(reports(*((VIN, when, 3, 1) for when in began)))
    now = began[-1] + timedelta(hours=1)
    dsn = registry.database.dsn
    told = [
        sys.executable,
        "-c",
        REPORTING,
        registry.data,
        dsn,
        folder.root,
        sample.CARMAKER,
        now.isoformat(),
    ]
    for pause in (0.02, 0.1, 0.2, 0.3):
        with subprocess.Popen(told, stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            time.sleep(pause)
            child.kill()
    binder.report_alarms(now)
    found = incidents(registry, code)
    assert sorted(one["occurred_at"] for one in found) == [when.isoformat() for when in began]
    assert all(one.index is not None for one in alarms(registry))
    assert all(trace_path(folder, one["trace_digest"]).is_file() for one in found)


def frame(when, vin=VIN, level=0, flags=0):
    """Return a report of the 2025 edition with an alarm."""
    none = ("ress_fault_codes", "motor_fault_codes", "engine_fault_codes", "other_fault_codes")
    alarm = {"max_alarm_level": level, "general_alarm_flags": flags} | {name: [] for name in none}
    alarm |= {"general_alarm_levels": []}
    return make_frame(2025, 2, vin, {"time": when}, [(6, alarm)])


def write(folder, frames, received=None, end=True):
    """Write a segment as if it had been begun when its frames came."""
    came = ms(received or s(45))
    writer = Writer(folder.segments, 1)
    for one in frames:
        writer.append([Record(came, 0, one)])
    if end:
        writer.close()
    return writer.path.rename(writer.path.with_name(f"{came:013d}{writer.path.name[13:]}"))


def test_the_half_minutes_around_an_alarm_are_kept(registry, binder, code, folder):
    """Of this vehicle alone, from all segments, open or put away, in order; the digest is the file's."""
    inside = [frame(s(second), level=3 if 0 <= second <= 10 else 0) for second in range(-30, 41, 10)]
    outside = [frame(s(-31)), frame(s(41)), frame(s(0), OTHER)]
    put_away = write(folder, inside[4:] + outside[:1])
    (folder.segments / "done").mkdir()
    shutil.move(put_away, folder.segments / "done" / put_away.name)
    write(folder, [*outside[1:], inside[1] + inside[0]])
    write(folder, inside[2:4], end=False)
    (folder.segments / f"{ms(s(0)):013d}-0000001-0.seg").write_bytes(b"no segment")
    (folder.segments / "other.seg").write_bytes(b"no segment")
    binder.see(logins((VIN, s(-600), [code])))
    binder.see(reports((VIN, s(0), 3, 1), (VIN, s(10), 3, 1)))
    assert binder.report_alarms(LATER) == 1
    (told,) = incidents(registry, code)
    kept = trace_path(folder, told["trace_digest"]).read_bytes()
    assert hashlib.sha256(kept).hexdigest() == told["trace_digest"]
    assert [kept[start:stop] for start, stop in split(kept).frames] == inside


def test_what_came_late_is_looked_for_where_it_came(registry, binder, code, folder):
    """Frames sent again a day later are found in the segment of that day; other days' are not read."""
    came = s(86_400)
    write(folder, [frame(s(0), level=3), frame(s(5), level=3)], received=came)
    elsewhere = write(folder, [frame(s(6), level=3)], received=s(40_000))
    os.utime(elsewhere, (ms(s(40_060)) / 1000,) * 2)
    late = {"received_ms": ms(came)}
    binder.see(reports((VIN, s(0), 3, 1), (VIN, s(5), 3, 1), **late))
    assert binder.report_alarms(came + timedelta(hours=1)) == 1
    (told,) = incidents(registry, code)
    kept = trace_path(folder, told["trace_digest"]).read_bytes()
    assert kept == frame(s(0), level=3) + frame(s(5), level=3)


def test_what_hinders_a_report_is_said(registry, folder, code):
    """No battery, a discrepancy, nobody who reports, a key of one's own, a role that is missing: in words."""
    by = {
        "no_battery": (Binder(registry, folder, sample.CARMAKER), OTHER),
        "no_reporter": (Binder(registry, folder), VIN),
        "own_key": (Binder(registry, folder, sample.CARMAKER), VIN),
    }
    for rule, (binder, vin) in by.items():
        with registry.database.pool.connection() as connection:
            connection.execute("truncate vehicle_alarm")
        binder.see(reports((vin, s(0), 3, 1)))
        assert binder.report_alarms(LATER) == 0
        (alarm,) = alarms(registry)
        assert alarm.refusal.rule == f"alarm.{rule}"
        assert alarm.refusal.message
        assert alarm.refusal.fix
    assert binder.report_alarms(LATER) == 0
    binder.see(logins((VIN, s(-600), [sample.pack(99)])))
    binder.see(reports((VIN, s(-400), 3, 1)))
    binder.report_alarms(LATER)
    assert alarms(registry)[0].refusal.rule == "alarm.discrepancy"
    assert incidents(registry, code) == []


def test_a_line_that_its_organisation_signed_itself_is_found(registry, folder, code):
    """Who has keys is given the line; once it reported that, the alarm is on record, once."""
    binder = Binder(registry, folder, sample.CARMAKER)
    binder.see(reports((VIN, s(0), 3, 1)))
    binder.report_alarms(LATER)
    (alarm,) = alarms(registry)
    index = send(registry, sample.CARMAKER, *alarm.lines.encode().splitlines())
    assert binder.report_alarms(LATER + timedelta(minutes=5)) == 0  # not tried again so soon
    assert binder.report_alarms(LATER + timedelta(hours=2)) == 1
    assert alarms(registry)[0].index == index
    assert len(incidents(registry, code)) == 1


def test_a_discrepancy_that_is_mended_lets_the_alarm_go(registry, binder, code):
    """An alarm waits while the binding is in doubt; then it is of the battery that was in the vehicle."""
    second = sample.pack(2)
    send(registry, sample.MAKER, *sample.first_life(second))
    binder.see(logins((VIN, s(-600), [second])))
    binder.see(reports((VIN, s(0), 3, 1)))
    assert binder.report_alarms(LATER) == 0
    send(
        registry,
        sample.CARMAKER,
        sample.line("received", "2026-04-20T10:00:00+08:00", code=second, from_=sample.MAKER),
        sample.line("removed", "2026-04-25T10:00:00+08:00", code=code, vin=VIN, reason="replacement"),
        sample.line("installed", "2026-04-25T11:00:00+08:00", code=second, vin=VIN, reason="replacement"),
    )
    assert binder.report_alarms(LATER + timedelta(hours=2)) == 1
    assert (len(incidents(registry, code)), len(incidents(registry, second))) == (0, 1)


SECONDS = st.lists(
    st.builds(
        AlarmRow,
        st.sampled_from([VIN, OTHER]),
        st.integers(0, 40).map(lambda n: s(100 * n)),
        st.sampled_from([2, 3, 4]),
        st.sampled_from([1, 2, 1 << 23]),
        st.sampled_from([2016, 2025]),
        st.integers(0, 2),
        st.integers(0, 9).map(lambda n: s(10_000 + n)),
    ),
    max_size=12,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SECONDS, st.randoms(use_true_random=False))
def test_any_order_and_repetition_give_the_same_alarms(registry, rows, random):
    """Taken at once, or one by one in another order and twice: the same alarms, none within five minutes."""
    found = []
    for parts in ([rows], [[one] for one in random.sample(rows * 2, 2 * len(rows))]):
        with registry.database.pool.connection() as connection:
            connection.execute("truncate vehicle_alarm")
        for part in parts:
            registry.vehicle_alarms.take(part)
        found.append(alarms(registry))
    assert found[0] == found[1]
    for one in found[0]:
        for other in found[0]:
            if one is not other and (one.vin, one.incident) == (other.vin, other.incident):
                apart = max(one.began_at, other.began_at) - min(one.ended_at, other.ended_at)
                assert apart > timedelta(minutes=5)


def test_a_clock_that_cannot_be_right_is_not_believed():
    """Ahead of when it came, or years behind: then it was when it came; a week behind is sent again."""
    assert believed(s(0), s(5)) == s(0)
    assert believed(s(6), s(5)) == s(5)
    assert believed(s(0) - timedelta(days=7), s(5)) == s(0) - timedelta(days=7)
    assert believed(datetime(2000, 1, 1, tzinfo=UTC), s(5)) == s(5)
