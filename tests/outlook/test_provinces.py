"""Where batteries retire: shares are shares, and nobody's table is taken half read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.outlook.book import book
from voltrail.outlook.provinces import ENOUGH, LEAST, by_population, by_record, read_weights
from voltrail.regimes.china.provinces import PROVINCES


def test_people_are_in_the_provinces_of_the_census():
    """31 of them; recalled figures, so their sum is held against the published total of 1,409.78 million."""
    shares = by_population(book())
    assert sum(shares.values()) == pytest.approx(1)
    assert set(PROVINCES) - set(shares) == {"71", "81", "82"}
    rows = book().of("population")
    assert sum(row.value for row in rows) == pytest.approx(140_977.87, abs=0.2)
    assert {row.status for row in rows} == {"recalled_unverified"}
    assert max(shares, key=shares.get) == "44"


@given(st.dictionaries(st.sampled_from(list(PROVINCES)), st.floats(0.01, 1e9), min_size=1))
def test_own_weights_become_shares(weights):
    """Whatever their unit: in proportion, and one in all."""
    table = "province,weight\n" + "".join(f"{code},{weight!r}\n" for code, weight in weights.items())
    shares = read_weights(table)
    assert sum(shares.values()) == pytest.approx(1)
    assert set(shares) == set(weights)
    first, *others = weights
    for other in others:
        assert shares[other] * weights[first] == pytest.approx(shares[first] * weights[other])


@pytest.mark.parametrize(
    "table",
    [
        "",
        "province\n44\n",
        "province,weight\n",
        "province,weight\n44,0\n",
        "province,weight\n44,-1\n",
        "province,weight\n44,nan\n",
        "province,weight\n44,inf\n",
        "province,weight\n44,1\n44,2\n",
        "province,weight\n99,1\n",
        "province,weight\nGuangdong,1\n",
        "province,weight\n44\n",
        'province,weight\n"44,1\n',
    ],
)
def test_a_wrong_table_is_refused_with_its_line(table):
    """Nothing is guessed for a province that is misspelt, missing or given twice."""
    with pytest.raises(UsageError, match=r"^Line \d+") as error:
        read_weights(table)
    assert error.value.rule == "outlook.weights"
    assert error.value.fix


def test_a_table_from_a_spreadsheet_reads():
    """With the mark that Excel puts before UTF-8, and columns of one's own beside."""
    assert read_weights("\ufeffprovince,name,weight\r\n44,广东,3\r\n11,北京,1\r\n") == {
        "11": 0.25,
        "44": 0.75,
    }


def test_the_record_tells_of_no_few():
    """Provinces with fewer packs than LEAST are left out, and a small record says nothing at all."""
    assert by_record({"44": 900, "11": LEAST - 1, "": 500, "zz": 5000}) is None
    assert by_record({"44": ENOUGH, "11": LEAST - 1, "": 500}) == {"44": 1.0}
    assert by_record({}) is None
