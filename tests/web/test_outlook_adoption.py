"""The picture of a share: everything within its field, past forecasts from where they began."""

import pytest

from voltrail.outlook import adoption
from voltrail.outlook.book import book
from voltrail.web import outlook_adoption as drawing


@pytest.mark.parametrize("series", [one for one in adoption.SERIES if one.id != "heavy_truck"])
def test_a_picture_stays_within_its_field(series):
    """Points, bands, past forecasts and targets lie in the field, and each cut has its line."""
    told = adoption.look_ahead(book(), series)
    targets = [target for target, _ in adoption.targets_of(book(), series)]
    drawn = drawing.draw(told, targets)
    assert len(drawn.points) == len(told.points)
    assert len(drawn.past) == len(told.forecast.backtest.made)
    for path in (drawn.line, drawn.middle, drawn.band, *drawn.past):
        for place in path.strip("MZ").split("L"):
            x, y = map(float, place.split())
            assert 0 <= x <= drawing.WIDTH
            assert -0.1 <= y <= drawing.HEIGHT + 0.1
    assert len(drawn.targets) == sum(one.year <= told.forecast.now.at[-1] for one in targets)


def test_every_share_and_model_has_its_words():
    """Whatever is followed or chosen has a name for people."""
    assert set(drawing.SERIES) == {one.id for one in adoption.SERIES}
    used = {
        model
        for one in adoption.SERIES
        if (told := adoption.look_ahead(book(), one)).forecast
        for model in told.forecast.now.others
    }
    assert used == set(drawing.MODELS)


def test_what_the_makers_association_expects_is_marked_and_changes_nothing() -> None:
    """
    CAAM's forecast of 2026 is a mark of the share that it is of, at 19 of 34.75 million, and of no other.
    """
    nev, cars = (adoption.series_of(name) for name in ("nev", "car"))
    (point, row), *others = adoption.expected(book(), nev)
    assert not others
    assert (point.at, row.value) == (2026, 19)
    assert point.share == pytest.approx(19 / 34.75)
    assert not adoption.expected(book(), cars)
    told = adoption.look_ahead(book(), nev)
    without, with_it = drawing.draw(told, []), drawing.draw(told, [], [point])
    assert [one.when for one in with_it.expected] == ["2026"]
    assert with_it._replace(expected=[]) == without
