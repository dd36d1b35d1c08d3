"""Every published figure of retirement, recovery and content stands in the outlook as its source has it."""

import csv

from voltrail.outlook.book import book
from voltrail.outlook.published import published


def rows(reference, name, *series):
    """The rows of these series of a reference table."""
    with (reference / "market" / f"{name}.csv").open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["series"] in series]


def test_every_published_forecast_and_count_is_there(reference):
    """None is lost on the way from the reference data to the chart, and none is changed."""
    told = [
        *rows(reference, "retirement_forecasts", "forecast_retired"),
        *rows(reference, "parc_stations_retired", "recycled", "retired_cumulative"),
    ]
    found = {
        (one.series, one.year, one.gwh if row.unit == "GWh" else one.kt, one.status)
        for one in published(book(), dict.fromkeys(range(2000, 2060), 8.0))
        for row in book().of(one.series)
        if (row.segment, row.period.rstrip("+")) == (one.who, str(one.year))
    }
    assert len(told) == len(found) == 22
    for row in told:
        key = row["series"], int(row["period"].rstrip("+")), float(row["value"]), row["status"]
        assert key in found


def test_every_rate_of_recovery_is_there(reference):
    """With its status: a company's claim stays one."""
    told = {
        (row["period"], row["segment"]): (float(row["value"]), row["status"])
        for row in rows(reference, "material_content", "recycling_efficiency")
    }
    found = {(row.period, row.segment): (row.value, row.status) for row in book().of("recycling_efficiency")}
    assert found == told
