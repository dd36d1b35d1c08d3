"""Years that are left by a law of ageing, where nobody assessed them."""

from tests.health.test_decision import DAY, ROUND, decided, facts
from voltrail.health.facts import Assessment
from voltrail.health.policy import POLICY, read_rows
from voltrail.health.remaining import expected_life


def table(*rows):
    policy = POLICY.replaced(read_rows(ROUND))
    if rows:
        policy = policy.replaced(read_rows("name,value,low,high,unit\n" + "\n".join(rows)))
    return policy.at(DAY)


def test_a_law_stands_in_for_an_assessment():
    """Where state of health and chemistry are known a decision follows, and names the rows it went by."""
    found = decided(life=None)
    assert "life" not in found.missing
    assert found.expected is not None
    assert {"life.duty", "life.first_duty", "life.place", "life.soh_end"} <= {row.name for row in found.rows}
    assert all(row.confidence == "assumption" for row in found.rows if row.name.startswith("life.d"))


def test_an_assessment_counts_before_any_law():
    """Where somebody said how long it lasts, no law is asked."""
    assert decided().expected is None


def test_more_than_a_new_life_is_not_counted():
    """Years beyond what the policy gives a new battery are cut off: no law was measured for so long."""
    found = expected_life(facts(life=None, soh=Assessment(0.95, 0.97, 7)), table())
    assert found is not None
    assert found.high <= 10


def test_the_more_worn_has_fewer_years():
    """A battery that is nearer to its end is expected to last less."""
    worn, sound = (
        expected_life(facts(life=None, soh=Assessment(soh, soh, 7)), table("life.soh_end,0.6,,,fraction"))
        for soh in (0.61, 0.64)
    )
    assert worn.middle < sound.middle


def test_without_a_law_it_stays_unknown():
    """Of a chemistry without a law, or with no state of health, years are missing as before."""
    assert expected_life(facts(life=None, chemistry="Na-ion"), table()) is None
    assert expected_life(facts(life=None, soh=None), table()) is None
    assert "life" in decided(life=None, chemistry="NIB").missing
