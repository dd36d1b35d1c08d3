"""Health of a month out of an archive: late data, whose battery, lines that are the same each time."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from tests.cli.test_health import archived
from tests.health.traces import DAY, OCTOBER, charging
from voltrail.errors import RegistryError, UsageError
from voltrail.events import decode
from voltrail.gateway.archive import Archive
from voltrail.gateway.folder import Folder
from voltrail.gateway.health_job import fitted_of, keep_month, read_month, reckon_month
from voltrail.gateway.health_lines import measured_lines
from voltrail.gateway.health_store import HealthStore
from voltrail.health.sessions import COLUMNS, Fitted
from voltrail.registry.vehicle_packs import Span

MONTH = date(2026, 10, 1)
CODE, OTHER = "9ZZPB240000003G4C0000001", "9ZZPB240000003G4C0000002"
LFP = Fitted(0, CODE, "S-102", "LFP", 157.0)
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)


def span(code, first, last, verdict="agreed"):
    """Return that a battery was in the vehicle from a day of the month to another."""
    begin, end = (BEGIN + timedelta(days=day) for day in (first, last))
    return Span(code, begin, end, verdict, "S-102", "LFP", 157.0)


def told(spans):
    """Return from which day on which battery, or how many."""
    return [((one.begins_s - OCTOBER) // DAY, one.code or one.packs) for one in fitted_of(spans)[1:]]


def test_a_battery_counts_while_vehicle_and_record_agree():
    """One at a time is named; of several only how many; of a discrepancy, and of a gap, nothing."""
    assert told([span(CODE, -1, 31)]) == [(-1, CODE), (31, 1)]
    assert told([span(CODE, -1, 10), span(OTHER, 10, 31)]) == [(-1, CODE), (10, OTHER), (31, 1)]
    assert told([span(CODE, -1, 10), span(OTHER, 5, 31)]) == [(-1, CODE), (5, 2), (10, OTHER), (31, 1)]
    assert told([span(CODE, -1, 10), span(CODE, 10, 31, "two_vehicles")]) == [(-1, CODE), (10, 1)]
    assert told([span(CODE, 0, 5), span(CODE, 9, 31, "record")]) == [(0, CODE), (5, 1), (9, CODE), (31, 1)]
    assert fitted_of([]) == [Fitted(0)]


def test_what_comes_late_counts_when_a_month_is_reckoned_again(tmp_path):
    """A month takes the place of what stood there, with the session that only came afterwards."""
    folder = Folder(tmp_path / "telemetry")
    archived(tmp_path, charging(OCTOBER + DAY))
    keep_month(folder, MONTH, lambda _: [LFP])
    assert HealthStore(folder).months(CODE)["sessions"].to_pylist() == [1]
    archived(tmp_path, charging(OCTOBER + 5 * DAY))
    keep_month(folder, MONTH, lambda _: [LFP])
    assert HealthStore(folder).months(CODE)["sessions"].to_pylist() == [2]
    assert HealthStore(folder).sessions(CODE).num_rows == 2


def test_the_lines_of_a_month_are_the_same_each_time(tmp_path):
    """Whatever order batteries come in; only those with a state of health; the record can read them."""
    rows = [row | {"vin": f"LTESTVIN{n:09d}"} for n in range(4) for row in charging(OCTOBER + DAY + n)]
    batteries = {f"LTESTVIN{n:09d}": LFP._replace(code=CODE[:-1] + str(n + 1)) for n in range(3)}
    archived(tmp_path, rows)
    folder = Folder.of(tmp_path)

    def lines():
        hours = Archive(folder.archive).hours("reports", COLUMNS, BEGIN, BEGIN + timedelta(days=31))
        months = reckon_month(MONTH, hours, lambda vin: [batteries.get(vin, Fitted(0))]).months
        return list(measured_lines(months, MONTH)), months

    (first, months), (again, _) = lines(), lines()
    backwards = months.take(pa.array(range(len(months) - 1, -1, -1)))
    assert first == again == list(measured_lines(backwards, MONTH))
    events = [decode(line) for line in first]
    assert [event.code[-1] for event in events] == ["1", "2", "3"]
    for event in events:
        assert event.soh_low < event.soh_fraction < event.soh_high
        assert event.occurred_at == event.measured_until == datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-13", "10/2026", "2026", "", "2026-1-1", "0000-01", "\0", "2999-12", "²026-10"]
)
def test_what_is_no_month_is_told(text):
    """Bad months end in words, none in a traceback."""
    with pytest.raises(UsageError) as told:
        read_month(text)
    assert told.value.rule == "health.month"


def test_an_error_while_reading_ends_the_work(tmp_path):
    """A damaged file is not passed over in silence: nothing is kept then."""
    archived(tmp_path, charging(OCTOBER + DAY))
    folder = Folder.of(tmp_path)
    path = next(iter(folder.archive.rglob("*.parquet")))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RegistryError):
        keep_month(folder, MONTH, lambda _: [LFP])
    assert HealthStore(folder).known() == []
