"""Ageing and early forecasts beside what others measured: a fleet of cars, and cells cycled to their end."""

import tarfile

import numpy as np
import pytest

from voltrail.technology.early import TRAINED, fit
from voltrail.technology.life_accuracy import FLEET, SEVERSON, _cells, life_tables


@pytest.fixture(scope="module")
def texts(reference):
    cells = reference / "cells"
    found = {FLEET: (cells / FLEET).read_text(encoding="utf-8")}
    for name in ("train", "test1"):
        lives = f"{SEVERSON}{name}_cycle_lives.csv"
        found[lives] = (cells / lives).read_text(encoding="utf-8")
        with tarfile.open(cells / "severson" / f"{name}_qd_curves.tar.gz") as archive:
            for member in archive:
                if member.isfile():
                    found[SEVERSON + member.name] = archive.extractfile(member).read().decode()
    return found


@pytest.fixture(scope="module")
def rows(texts):
    return life_tables(texts)


def test_the_fleet_lies_near_the_law(rows):
    """What owners tell, by age and mileage, is within six points of the middle, 3.1 points off on average."""
    fleet = [one for one in rows if one.table == "fleet"]
    assert len(fleet) == 17
    assert max(abs(one.off) for one in fleet) < 0.06
    assert np.sqrt(np.mean([one.off**2 for one in fleet])) == pytest.approx(0.031, abs=0.002)
    assert sum(one.low <= one.measured <= one.high for one in fleet) == 13


def test_the_line_is_the_one_of_the_cells_it_was_trained_on(texts):
    """The line that comes along is the fit to the training cells, and to no other."""
    cells = _cells(texts, "train")
    line = fit([one[1] for one in cells], [one[0] for one in cells])
    assert tuple(line) == pytest.approx(tuple(TRAINED), abs=1e-3)


def test_cycle_life_is_forecast_as_well_as_published(rows):
    """On cells it has not seen the error is 14.7 % on average, 13.2 % without the one that died first."""
    means = {one.what: one for one in rows if one.table == "cycle life, mean error"}
    assert means["all"].off == pytest.approx(0.147, abs=0.001)
    assert means["without the one that died first"].off == pytest.approx(0.132, abs=0.001)
    cells = [one for one in rows if one.table == "cycle life"]
    assert len(cells) == 43
    assert sum(one.low <= one.measured <= one.high for one in cells) == 40
