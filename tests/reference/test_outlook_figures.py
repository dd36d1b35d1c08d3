"""The outlook's figures against the tables that they were made from."""

import csv

import pytest

from voltrail.outlook.book import book

RENAMED = {"nev_sales_revised": "nev_sales", "sne_total_revised": "sne_usage"}
FILES = (
    "vehicle_sales_annual",
    "nev_caam_monthly_2025",
    "heavy_truck",
    "battery_installations_china",
    "battery_makers_global",
    "parc_stations_retired",
    "retirement_forecasts",
    "battery_price_learning",
    "policy_timeline",
)


@pytest.mark.parametrize("name", FILES)
def test_every_figure_stands_as_in_its_table(reference, name):
    """No value, unit or status was lost or changed on the way, and none is surer than it was."""
    kept = {}
    for one in book().rows:
        kept.setdefault((one.series, one.period), []).append((one.value, one.status))
    with (reference / "market" / f"{name}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = RENAMED.get(row["series"], row["series"]), row["period"]
            value = float(row["value"]) if row["value"] else None
            assert (value, row["status"]) in kept[key], row


def test_every_month_of_cars_stands(reference):
    """All 96 months, of all cars and of battery-electric ones."""
    every = {one.period: one.value for one in book().of("passenger_sales")}
    electric = {one.period: one.value for one in book().of("passenger_bev_sales")}
    with (reference / "market" / "passenger_bev_monthly.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            assert every[row["month"]] == float(row["passenger_cars_total"])
            assert electric[row["month"]] == float(row["passenger_bev"])
