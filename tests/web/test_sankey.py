"""Flows as a page draws them: bars hold their numbers, bands leave and come to them whole."""

from hypothesis import given
from hypothesis import strategies as st

from voltrail.regimes.china.provinces import PROVINCES
from voltrail.web import sankey, tiles

ways = st.lists(
    st.tuples(
        st.tuples(
            st.text("abcdefghijklmnop", min_size=1, max_size=1),
            st.text("uvwxyz0123456789", min_size=1, max_size=1),
            st.sampled_from(("in_use", "waste", "ended")),
        ),
        st.integers(0, 10**7),
    ),
    max_size=60,
)


@given(ways)
def test_nothing_is_lost_on_the_way(told):
    """Each column has all there is, each bar what its bands bring and take, and all of it fits the field."""
    picture = sankey.draw(told, ("in_use", "waste", "ended"))
    whole = sum(number for _, number in told)
    if not whole:
        assert picture is None
        return
    for column in range(3):
        bars = [bar for bar in picture.bars if bar.column == column]
        assert sum(bar.number for bar in bars) == whole
        assert len(bars) <= sankey.MOST
        assert len({bar.name for bar in bars}) == len(bars)
        assert max(bar.y + bar.height for bar in bars) <= sankey.HEIGHT + len(bars) + 1
        for bar in bars:
            if column < 2:
                assert bar.number == sum(
                    one.number for one in picture.bands if (one.column, one.left) == (column, bar.name)
                )
            if column:
                assert bar.number == sum(
                    one.number for one in picture.bands if (one.column, one.right) == (column - 1, bar.name)
                )


def test_the_last_column_keeps_its_order():
    """What packs are doing stands in one order, whichever is most."""
    told = [(("a", "b", "ended"), 9), (("a", "b", "in_use"), 1)]
    last = [bar.name for bar in sankey.draw(told, ("in_use", "waste", "ended")).bars if bar.column == 2]
    assert last == ["in_use", "ended"]


def test_each_region_has_its_tile_and_the_most_is_darkest():
    """Those with none are there too; one pack is seen beside a million."""
    found = {tile.province.code: tile for tile in tiles.draw({"44": 1_000_000, "32": 1, "": 77})}
    assert set(found) == set(PROVINCES)
    assert (found["44"].shade, found["32"].shade, found["11"].shade) == (tiles.SHADES, 1, 0)
